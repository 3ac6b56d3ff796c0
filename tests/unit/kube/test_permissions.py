"""Permissions of each phase, and the manifests of docs/rbac that grant them.

After a change of the table, rewrite the manifests with `make golden`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from rbac import manifest_text

from ansible_collections.miribit.thanos.plugins.module_utils.kube.permissions import (
    TABLE,
    Review,
    When,
    describe,
    manifest_path,
    reviews,
)

CHECKOUT = Path(__file__).parents[3]
PHASES = sorted(TABLE)
#: What runs with the manifests look at: everything that is in them, in a namespace that is there.
LOOKED_AT = {("phase1", "central"): {When.NODES, When.STORAGE_CLASS, When.INGRESS_CLASS}}


def allowed(phase: str, side: str) -> set[Review]:
    """What the manifests allow, read as the API server reads them."""
    found = set()
    for item in yaml.safe_load((CHECKOUT / manifest_path(phase, side)).read_text())["items"]:
        inside = item["metadata"].get("namespace", "")
        for rule in item.get("rules", []):
            paths = rule.get("nonResourceURLs", [])
            found |= {Review(verb, "", path) for path in paths for verb in rule["verbs"]}
            if paths:
                continue
            (group,) = rule["apiGroups"]
            for whole_name in rule["resources"]:
                resource, _slash, subresource = whole_name.partition("/")
                for verb in rule["verbs"]:
                    for name in rule.get("resourceNames", [""]):
                        place = name if resource == "namespaces" else inside
                        found.add(Review(verb, group, resource, subresource, place, name))
    return found


@pytest.mark.parametrize(("phase", "side"), PHASES)
def test_the_manifests_in_docs_are_those_of_the_table(phase: str, side: str) -> None:
    file = CHECKOUT / manifest_path(phase, side)
    if os.environ.get("REWRITE_EXPECTED"):
        file.write_text(manifest_text(phase, side, "monitoring"))
    assert file.read_text() == manifest_text(phase, side, "monitoring")


@pytest.mark.parametrize(("phase", "side"), PHASES)
def test_the_manifests_allow_exactly_what_is_asked_for(phase: str, side: str) -> None:
    looked_at = LOOKED_AT.get((phase, side), set())
    assert allowed(phase, side) == set(reviews(phase, side, "monitoring", looked_at))


def test_every_binding_leads_to_its_role_and_to_the_service_account() -> None:
    items: list[Any] = yaml.safe_load(manifest_text("phase1", "central", "a"))["items"]
    by_kind = {item["kind"]: item for item in items}
    assert [item["kind"] for item in items][:2] == ["Namespace", "ServiceAccount"]
    account = by_kind["ServiceAccount"]["metadata"]
    for kind in ("Role", "ClusterRole"):
        binding = by_kind[f"{kind}Binding"]
        assert binding["roleRef"] == {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": kind,
            "name": by_kind[kind]["metadata"]["name"],
        }
        assert binding["subjects"] == [{"kind": "ServiceAccount", **account}]
    assert by_kind["RoleBinding"]["metadata"]["namespace"] == account["namespace"] == "a"


def test_no_manifest_allows_everything_of_anything() -> None:
    for phase, side in PHASES:
        for review in allowed(phase, side):
            assert "*" not in {review.verb, review.group, review.resource}


def test_no_secret_is_read_outside_the_namespace_of_the_fleet() -> None:
    for phase, side in PHASES:
        places = {review.namespace for review in allowed(phase, side) if review.resource == "secrets"}
        assert places == {"monitoring"}


def test_nothing_is_asked_twice() -> None:
    for phase, side in PHASES:
        asked = reviews(phase, side, "kube-system", list(When))
        assert len(asked) == len(set(asked))


def test_only_what_a_run_looks_at_is_asked_for() -> None:
    def resources(*asked: When) -> set[str]:
        return {review.resource for review in reviews("phase1", "edge", "a", asked)}

    plain = resources()
    assert resources(When.STORAGE_CLASS, When.NODES) - plain == {"storageclasses", "nodes"}
    assert resources(When.CRDS) - plain == {"customresourcedefinitions"}


def test_making_a_namespace_is_asked_for_only_where_it_is_missing() -> None:
    def may_create(*asked: When) -> bool:
        return Review("create", "", "namespaces") in reviews("phase1", "central", "a", asked)

    assert may_create(When.NEW_NAMESPACE)
    assert not may_create()


def test_pods_of_the_whole_cluster_are_not_required() -> None:
    listed = [review for review in reviews("phase1", "central", "a", [When.PODS]) if review.resource == "pods"]
    assert {(review.namespace, review.subresource): review.required for review in listed} == {
        ("a", ""): True,
        ("a", "log"): True,
        ("a", "proxy"): True,
        ("", ""): False,
    }


@pytest.mark.parametrize("side", ["central", "edge"])
def test_the_audit_only_reads(side: str) -> None:
    assert {review.verb for review in allowed("audit", side)} == {"get", "list"}


@pytest.mark.parametrize("side", ["central", "edge"])
def test_the_audit_can_do_without_all_but_what_runs_in_the_namespace_of_the_fleet(side: str) -> None:
    needed = {review for review in reviews("audit", side, "a") if review.required and review.resource != "namespaces"}
    assert {(review.verb, review.resource, review.namespace) for review in needed} == {
        ("list", resource, "a") for resource in ("pods", "daemonsets", "deployments", "replicasets", "statefulsets")
    }


@pytest.mark.parametrize("side", ["central", "edge"])
def test_the_manifests_of_the_audit_allow_no_commands_in_pods(side: str) -> None:
    whole = {f"{review.resource}/{review.subresource}" for review in allowed("audit", side)}
    assert whole.isdisjoint({"nodes/proxy", "pods/exec", "pods/attach"})


def test_a_review_is_asked_in_the_words_of_the_api() -> None:
    assert Review("get", "", "pods", "log", "a").body() == {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {
            "resourceAttributes": {"verb": "get", "resource": "pods", "subresource": "log", "namespace": "a"},
        },
    }


def test_a_namespace_is_asked_for_as_the_api_server_does_so_that_a_role_in_it_counts() -> None:
    assert Review("get", "", "namespaces", "", "a", "a") in reviews("phase1", "edge", "a")


def test_what_is_denied_is_told_by_place_and_verbs() -> None:
    denied = [
        Review("create", "", "secrets", namespace="a"),
        Review("create", "", "services", namespace="a"),
        Review("patch", "", "secrets", namespace="a"),
        Review("patch", "", "services", namespace="a"),
        Review("get", "", "pods", "log", "a"),
        Review("list", "", "nodes"),
        Review("get", "", "namespaces", "", "a", "a"),
    ]
    assert describe(denied) == (
        "in namespace a: create, patch on secrets, services; get on pods/log; "
        "in the whole cluster: list on nodes; get on namespaces a"
    )
