"""Make the manifests of docs/rbac from the table of permissions. `make golden` writes them."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any

import yaml

from ansible_collections.miribit.thanos.plugins.module_utils.kube.permissions import TABLE, Rule, When

_HEAD = """\
# What {phase} of miribit.thanos needs on {place}, and no more.
# Where another user or a group runs it, make it the subject of both bindings. Where the namespace is not
# {namespace}, replace it throughout. Made from plugins/module_utils/kube/permissions.py by `make golden`.
---
apiVersion: v1
kind: List
items:
"""
_USER = "miribit-thanos"
_GROUP = "rbac.authorization.k8s.io"


def manifest_text(phase: str, side: str, namespace: str) -> str:
    """Return the objects that allow a ServiceAccount exactly this phase, each rule under its reason."""
    place = "the central cluster" if side == "central" else "an edge"
    account = {"name": _USER, "namespace": namespace}
    lines = [
        *_item("v1", "Namespace", metadata={"name": namespace}),
        *_item("v1", "ServiceAccount", metadata=account),
    ]
    for kind, inside in (("ClusterRole", {}), ("Role", {"namespace": namespace})):
        role = {"name": f"{_USER}-{phase}"}
        lines += _item(f"{_GROUP}/v1", kind, metadata=role | inside)
        rules = [rule for rule in TABLE[phase, side] if rule.cluster_wide is (kind == "ClusterRole")]
        lines += ["    rules:", *_rules(rules, namespace)]
        lines += _item(
            f"{_GROUP}/v1",
            f"{kind}Binding",
            metadata=role | inside,
            roleRef={"apiGroup": _GROUP, "kind": kind, **role},
            subjects=[{"kind": "ServiceAccount", **account}],
        )
    return _HEAD.format(phase=phase, place=place, namespace=namespace) + "\n".join(lines) + "\n"


def _item(version: str, kind: str, **content: object) -> list[str]:
    more = [f"    {key}: {_flow(value)}" for key, value in content.items()]
    return [f"  - apiVersion: {version}", f"    kind: {kind}", *more]


def _rules(rules: Iterable[Rule], namespace: str) -> list[str]:
    lines = []
    # The manifests bring the namespace, so nobody needs to make it.
    granted = (rule for rule in rules if rule.when is not When.NEW_NAMESPACE)
    for why, alike in groupby(granted, key=lambda rule: rule.why):
        lines += [f"      # {why}", *(f"      - {_flow(_as_object(rule, namespace))}" for rule in alike)]
    return lines


def _as_object(rule: Rule, namespace: str) -> dict[str, Any]:
    resources, verbs = list(rule.resources), list(rule.verbs)
    if resources[0].startswith("/"):
        return {"nonResourceURLs": resources, "verbs": verbs}
    content = {"apiGroups": [rule.group], "resources": resources, "verbs": verbs}
    found = rule.names_in(namespace)
    return {**content, "resourceNames": found} if found else content


def _flow(value: object) -> str:
    """Return a value as YAML on one line."""
    text: str = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=float("inf"))
    return text.rstrip("\n")
