# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The objects that a role renders, as one set: their marks, their order, their names, and what is no longer of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.kube.objects import CLAIMS, Object, Resource

FIELD_MANAGER = "miribit.thanos"
MANAGED_BY = "app.kubernetes.io/managed-by"
PART_OF = "app.kubernetes.io/part-of"
COMPONENT = "app.kubernetes.io/component"

#: Every kind that a role may render, in the order in which they are made: what others need comes first.
RESOURCES = {
    "Namespace": Resource("v1", "namespaces"),
    "ServiceAccount": Resource("v1", "serviceaccounts"),
    "ClusterRole": Resource("rbac.authorization.k8s.io/v1", "clusterroles"),
    "ClusterRoleBinding": Resource("rbac.authorization.k8s.io/v1", "clusterrolebindings"),
    "Role": Resource("rbac.authorization.k8s.io/v1", "roles"),
    "RoleBinding": Resource("rbac.authorization.k8s.io/v1", "rolebindings"),
    "Secret": Resource("v1", "secrets"),
    "ConfigMap": Resource("v1", "configmaps"),
    "NetworkPolicy": Resource("networking.k8s.io/v1", "networkpolicies"),
    "PodDisruptionBudget": Resource("policy/v1", "poddisruptionbudgets"),
    "Service": Resource("v1", "services"),
    "StatefulSet": Resource("apps/v1", "statefulsets"),
    "Deployment": Resource("apps/v1", "deployments"),
    "DaemonSet": Resource("apps/v1", "daemonsets"),
    "PrometheusAgent": Resource("monitoring.coreos.com/v1alpha1", "prometheusagents"),
    "Ingress": Resource("networking.k8s.io/v1", "ingresses"),
}
#: Those that are in no namespace.
CLUSTER_WIDE = frozenset({"ClusterRole", "ClusterRoleBinding", "Namespace"})
#: What may be deleted, too: volumes, where a role names them. They are never found to be surplus.
DELETABLE = (*RESOURCES, "PersistentVolumeClaim")

#: How a diff writes an object down.
Dump = Callable[[Object], str]


def mark(
    objects: Iterable[object],
    component: str,
    namespace: str,
    kinds: Sequence[str] = tuple(RESOURCES),
    *,
    adopt: bool = False,
) -> list[Object]:
    """The objects with their namespace and the labels that say whose they are, in the order in which they are made.

    What is adopted stays somebody else's, and gets no labels.
    """
    found: list[Object] = []
    problems: list[Problem] = []
    for number, item in enumerate(objects, 1):
        if item is None:
            continue
        place = f"Object {number} of {component}"
        if not isinstance(item, dict) or item.get("kind") not in kinds:
            kind = item.get("kind") if isinstance(item, dict) else None
            cause = f"its kind {kind!r} is not one that roles handle"
            problems.append(Problem(place, cause, f"use one of {', '.join(kinds)}"))
            continue
        metadata = dict(item.get("metadata") or {})
        if not metadata.get("name"):
            problems.append(Problem(f"{place} ({item['kind']})", "it has no name", "give metadata.name"))
        place_in = {} if item["kind"] in CLUSTER_WIDE else {"namespace": metadata.get("namespace", namespace)}
        labels = {} if adopt else {"labels": {**(metadata.get("labels") or {}), **labels_of(component)}}
        found.append({**item, "metadata": {**metadata, **place_in, **labels}})
    if problems:
        raise ProblemError(problems)
    return sorted(found, key=lambda item: kinds.index(item["kind"]))


def labels_of(component: str) -> dict[str, str]:
    return {MANAGED_BY: FIELD_MANAGER, PART_OF: "thanos", COMPONENT: component}


def reference(item: Mapping[str, Any]) -> str:
    """An object's name in the record: apps/v1/Deployment/monitoring/thanos-query."""
    metadata = item["metadata"]
    return f"{item['apiVersion']}/{item['kind']}/{metadata.get('namespace', '')}/{metadata['name']}"


def from_reference(text: str) -> Object | None:
    """The least that names the object; None where the text is no reference to a kind that roles render."""
    parts = text.rsplit("/", 3)
    if len(parts) != 4 or parts[1] not in RESOURCES or RESOURCES[parts[1]].api_version != parts[0]:
        return None
    api_version, kind, namespace, name = parts
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": namespace}}


def short(item: Mapping[str, Any]) -> str:
    """An object's name in a message: Deployment monitoring/thanos-query."""
    metadata = item["metadata"]
    namespace = metadata.get("namespace")
    return f"{item['kind']} {namespace}/{metadata['name']}" if namespace else f"{item['kind']} {metadata['name']}"


def resource_of(item: Mapping[str, Any]) -> Resource:
    """Where the API server has the objects of its kind."""
    return CLAIMS if item["kind"] == "PersistentVolumeClaim" else RESOURCES[item["kind"]]


def is_ours(item: Mapping[str, Any], component: str) -> bool:
    """Whether an object that was read has the marks of this component."""
    labels = item["metadata"].get("labels") or {}
    return all(labels.get(name) == value for name, value in labels_of(component).items())


def surplus(recorded: Collection[str], wanted: Collection[str]) -> list[str]:
    """What the record has and the set has not, in the order in which it goes: what needs others goes first."""
    gone = [text for text in recorded if text not in wanted and from_reference(text)]
    return sorted(gone, key=lambda text: -DELETABLE.index(text.rsplit("/", 3)[1]))


def diffs(changes: Iterable[tuple[Object, Mapping[str, Any], Mapping[str, Any]]], dump: Dump) -> list[dict[str, str]]:
    """What Ansible shows with --diff of each object that changes: the object, what differs before, and after.

    A Secret shows only that it does.
    """
    return [_diff(item, {"before": before, "after": after}, dump) for item, before, after in changes]


def additions(objects: Sequence[Object], dump: Dump) -> list[dict[str, str]]:
    """What Ansible shows with --diff, where none of the objects can be there."""
    return diffs(((item, {}, item) for item in objects), dump)


def _diff(item: Object, diff: Mapping[str, Any], dump: Dump) -> dict[str, str]:
    if item["kind"] == "Secret":
        keys = ", ".join(sorted({*(item.get("data") or {}), *(item.get("stringData") or {})}))
        before, after = "", f"keys {keys}; the values are not shown\n"
    else:
        before, after = (_text(diff.get(side) or {}, dump) for side in ("before", "after"))
    return {"before_header": short(item), "after_header": short(item), "before": before, "after": after}


def _text(content: Mapping[str, Any], dump: Dump) -> str:
    """Without what the API server keeps for itself."""
    if not content:
        return ""
    shown = dict(content)
    if "metadata" in shown:
        hidden = ("managedFields", "resourceVersion", "generation", "creationTimestamp", "uid")
        shown["metadata"] = {key: value for key, value in shown["metadata"].items() if key not in hidden}
    shown.pop("status", None)
    return dump(shown)
