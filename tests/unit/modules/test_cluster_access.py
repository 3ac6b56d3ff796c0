"""The module cluster_access, from its options to the JSON that Ansible reads."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from api_server import TOKEN
from fake_cluster import REVIEWS, FakeCluster, served

from ansible_collections.miribit.thanos.plugins.action import cluster_access
from ansible_collections.miribit.thanos.plugins.module_utils.kube import session
from ansible_collections.miribit.thanos.plugins.module_utils.kube.permissions import When, reviews

Look = Callable[..., dict[str, Any]]

UID = "6f1e5d0e-6d5e-4e0c-9a39-5d2c8a3e0b52"
KUBE_SYSTEM = "/api/v1/namespaces/kube-system"
MONITORING = "/api/v1/namespaces/monitoring"
NODES = "/api/v1/nodes"
PODS = "/api/v1/pods"
STORAGE_CLASSES = "/apis/storage.k8s.io/v1/storageclasses"
INGRESS_CLASSES = "/apis/networking.k8s.io/v1/ingressclasses"
CRD = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/prometheuses.monitoring.coreos.com"

CENTRAL = {"cluster": "cluster-01", "namespace": "monitoring", "phase": "phase1", "side": "central"}
EVERYTHING = {
    **CENTRAL,
    "uid": UID,
    "storage_class": "longhorn",
    "ingress_class": "nginx",
    "crds": ["prometheuses.monitoring.coreos.com"],
    "memory": "6Gi",
    "replicas": [{"name": "ingestor", "service": "ingestor", "ring": "default", "zone": None, "replicas": 2}],
}


def namespace(name: str, uid: str, phase: str = "Active") -> dict[str, Any]:
    return {"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": name, "uid": uid}, "status": {"phase": phase}}


def node(name: str) -> dict[str, Any]:
    status = {"allocatable": {"memory": "4Gi"}, "conditions": [{"type": "Ready", "status": "True"}]}
    return {"metadata": {"name": name}, "spec": {}, "status": status}


@pytest.fixture
def fake() -> Iterator[FakeCluster]:
    """A cluster that has everything, with a user who may do everything."""
    there = FakeCluster()
    there.has("/version", {"major": "1", "minor": "34", "gitVersion": "v1.34.4"})
    there.has(KUBE_SYSTEM, namespace("kube-system", UID))
    there.has(MONITORING, namespace("monitoring", "another"))
    there.has(CRD, {"metadata": {}, "status": {"conditions": [{"type": "Established", "status": "True"}]}})
    there.lists(NODES, node("node-1"), node("node-2"))
    there.lists(PODS)
    there.lists(STORAGE_CLASSES, {"metadata": {"name": "longhorn"}})
    there.lists(INGRESS_CLASSES, {"metadata": {"name": "nginx"}})
    there.allows(lambda _asked: True)
    with served(there):
        yield there


@pytest.fixture
def look(run_action: Look, kubeconfig: Callable[..., str], fake: FakeCluster) -> Look:
    """Run the module against the stand-in. It must not fail."""
    session._session.cache_clear()
    access = {"kubeconfig": kubeconfig(fake.url), "context": "cluster-01"}

    def run(options: dict[str, object] | None = None, **more: object) -> dict[str, Any]:
        result = run_action(
            cluster_access.ActionModule, {**access, **(EVERYTHING if options is None else options), **more}
        )
        assert result["changed"] is False
        return result

    return run


@pytest.fixture
def problem(look: Look) -> Callable[..., str]:
    """Run the module, which must find exactly one problem, and return that as a sentence."""

    def run(options: dict[str, object] | None = None, **more: object) -> str:
        (found,) = look(options, **more)["problems"]
        return "{subject}: {cause}. Fix: {fix}.".format(**found)

    return run


def test_a_cluster_that_has_everything_is_fine(look: Look) -> None:
    result = look()
    assert result["problems"] == result["warnings_found"] == []
    assert result["namespace_exists"] is True
    shown = result["facts"]
    assert abs(shown.pop("clock_skew")) < 2
    assert shown == {
        "uid": UID,
        "version": "v1.34.4",
        "nodes": 2,
        "schedulable_nodes": 2,
        "free_memory": 8 * 1024**3,
        "storage_classes": ["longhorn"],
        "ingress_classes": ["nginx"],
        "notes": [],
    }


def test_a_user_who_may_do_everything_is_asked_about_once(look: Look, fake: FakeCluster) -> None:
    look()
    assert fake.reviewed() == [{"verb": "*", "group": "*", "resource": "*"}]


def test_nothing_is_read_that_is_not_asked_for(look: Look, fake: FakeCluster) -> None:
    look(CENTRAL)
    assert fake.asked() == [KUBE_SYSTEM, MONITORING, "/version"]


def test_everything_is_read_once(look: Look, fake: FakeCluster) -> None:
    look()
    assert fake.asked() == sorted(
        [KUBE_SYSTEM, MONITORING, NODES, PODS, "/version", CRD, STORAGE_CLASSES, INGRESS_CLASSES]
    )
    (pods,) = [request for request in fake.requests if request.path == PODS]
    assert pods.params == {"fieldSelector": "status.phase!=Succeeded,status.phase!=Failed", "limit": "500"}


def test_nothing_is_changed(look: Look, fake: FakeCluster) -> None:
    look()
    assert {request.path for request in fake.requests if request.method != "GET"} == {REVIEWS}


def test_check_mode_looks_too(look: Look) -> None:
    assert look(check_mode=True)["facts"]["version"] == "v1.34.4"


def test_a_user_who_may_not_do_everything_is_asked_about_exactly_what_the_phase_needs(
    look: Look, fake: FakeCluster
) -> None:
    fake.allows(lambda asked: asked["verb"] != "*")
    result = look(CENTRAL, storage_class="longhorn")
    assert result["problems"] == []
    asked = fake.reviewed()[1:]
    expected = reviews("phase1", "central", "monitoring", [When.STORAGE_CLASS])
    attributes: list[Any] = [review.body()["spec"] for review in expected]
    assert sorted(asked, key=str) == sorted((spec["resourceAttributes"] for spec in attributes), key=str)
    assert fake.requests[0].headers["authorization"] == f"Bearer {TOKEN}"


def test_what_is_missing_is_told_as_one_list(problem: Callable[..., str], fake: FakeCluster) -> None:
    def may(asked: dict[str, str]) -> bool:
        return asked["verb"] not in {"*", "patch"} and asked["resource"] != "nodes"

    fake.allows(may)
    assert problem() == (
        "Permissions in cluster-01: the user of the kubeconfig lacks what phase1 needs: in the whole cluster: list on "
        "nodes; in namespace monitoring: patch on configmaps, secrets, serviceaccounts, services, deployments.apps, "
        "statefulsets.apps, ingresses.networking.k8s.io, networkpolicies.networking.k8s.io, "
        "poddisruptionbudgets.policy. Fix: apply docs/rbac/phase1-central.yaml with this user as the subject of its "
        "bindings, or allow the same in another way."
    )
    assert NODES not in fake.asked()


def test_an_edge_is_told_of_its_own_manifest(problem: Callable[..., str], fake: FakeCluster) -> None:
    fake.allows(lambda asked: asked["resource"] not in {"*", "jobs"})
    message = problem({**CENTRAL, "side": "edge"})
    assert "needs: in namespace monitoring: list, create, delete on jobs.batch. Fix: " in message
    assert "docs/rbac/phase1-edge.yaml" in message


def test_memory_that_may_not_be_seen_is_only_noted(look: Look, fake: FakeCluster) -> None:
    fake.allows(lambda asked: asked["verb"] != "*" and (asked["resource"] != "pods" or "namespace" in asked))
    result = look()
    assert result["problems"] == result["warnings_found"] == []
    assert result["facts"]["free_memory"] is None
    assert len(result["facts"]["notes"]) == 1
    assert PODS not in fake.asked()


def test_a_missing_namespace_is_only_known_where_the_phase_makes_it(look: Look, fake: FakeCluster) -> None:
    del fake.answers["GET", MONITORING]
    fake.allows(lambda asked: asked["verb"] != "*")
    result = look()
    assert result["problems"] == []
    assert result["namespace_exists"] is False
    assert {"verb": "create", "resource": "namespaces"} in fake.reviewed()


def test_who_may_not_make_the_missing_namespace_is_told(problem: Callable[..., str], fake: FakeCluster) -> None:
    del fake.answers["GET", MONITORING]
    fake.allows(lambda asked: asked["verb"] != "*" and (asked["resource"] != "namespaces" or asked["verb"] == "get"))
    assert "in the whole cluster: create, patch on namespaces. Fix: " in problem()


def test_a_missing_namespace_of_an_edge_is_told(problem: Callable[..., str], fake: FakeCluster) -> None:
    del fake.answers["GET", MONITORING]
    assert problem({**CENTRAL, "side": "edge"}).startswith(
        "Namespace monitoring in cluster-01: it does not exist, and phase1 makes none here. Fix: create it, or correct"
    )


def test_a_wrong_uid_is_all_that_is_told_and_nothing_else_is_asked(
    problem: Callable[..., str], fake: FakeCluster
) -> None:
    fake.has(KUBE_SYSTEM, namespace("kube-system", "production"))
    assert problem(storage_class="missing") == (
        f"Cluster cluster-01: its namespace kube-system has the UID production, not {UID} as expected; the kubeconfig "
        "may lead to another cluster. "
        "Fix: correct kubeconfig and context, or the UID (fleet_cluster_uid) if this cluster was made anew."
    )
    assert [request.path for request in fake.requests] == [KUBE_SYSTEM]


def test_a_uid_that_may_not_be_read_is_told_with_all_the_rest(look: Look, fake: FakeCluster) -> None:
    fake.refuses("GET", KUBE_SYSTEM, 403, "Forbidden", 'namespaces "kube-system" is forbidden')
    fake.allows(lambda asked: asked.get("name") != "kube-system" and asked["verb"] != "*")
    assert [found["subject"] for found in look()["problems"]] == ["Cluster cluster-01", "Permissions in cluster-01"]
    (alone,) = look(uid="")["problems"]
    assert "in the whole cluster: get on namespaces kube-system" in alone["cause"]


def test_everything_that_is_wrong_is_told_at_once(look: Look, fake: FakeCluster) -> None:
    fake.ahead = 90
    fake.has("/version", {"gitVersion": "v1.24.17"})
    fake.lists(STORAGE_CLASSES, {"metadata": {"name": "local-path"}})
    fake.lists(INGRESS_CLASSES, {"metadata": {"name": "lab"}})
    del fake.answers["GET", CRD]
    fake.lists(NODES, node("node-1"))
    fake.allows(lambda asked: asked["resource"] not in {"*", "leases"})
    result = look()
    assert [found["subject"] for found in result["problems"]] == [
        "Cluster cluster-01",
        "Cluster cluster-01",
        "Permissions in cluster-01",
        "StorageClass longhorn in cluster-01",
        "IngressClass nginx in cluster-01",
        "CustomResourceDefinition prometheuses.monitoring.coreos.com in cluster-01",
    ]
    causes = [found["cause"] for found in result["problems"]]
    assert causes[0].startswith("it runs Kubernetes v1.24.17")
    assert "s ahead of the one of this host" in causes[1]
    assert "get, create, update on leases.coordination.k8s.io" in causes[2]
    assert [found["subject"] for found in result["warnings_found"]] == ["ingestor in cluster-01", "Cluster cluster-01"]
    assert all(found["fix"] for found in result["problems"] + result["warnings_found"])


def test_a_clock_that_is_off_is_a_warning(look: Look, fake: FakeCluster) -> None:
    fake.ahead = -20
    result = look()
    assert result["problems"] == []
    (warning,) = result["warnings_found"]
    assert "s behind the one of this host" in warning["cause"]
    assert -22 < result["facts"]["clock_skew"] < -18


def test_an_environment_that_leads_changes_to_another_cluster_is_told_and_nothing_is_asked(
    problem: Callable[..., str], fake: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("K8S_AUTH_HOST", "https://192.0.2.9:6443")
    told = problem()
    assert told.startswith("Environment variable K8S_AUTH_HOST: kubernetes.core or Helm prefers it to the kubeconfig")
    assert "192.0.2.9" not in told
    assert fake.requests == []


def test_an_unknown_context_is_told(problem: Callable[..., str]) -> None:
    message = problem(context="cluster-1")
    assert message.startswith("Cluster cluster-01, kubeconfig ")
    assert "there is no context cluster-1; the file has cluster-01. Fix: " in message


def test_a_kubeconfig_that_cannot_be_read_is_told(problem: Callable[..., str]) -> None:
    message = problem(kubeconfig="missing")
    assert message.startswith("Cluster cluster-01, kubeconfig missing: it cannot be read (No such file or directory)")


def test_an_api_server_that_is_away_is_told_and_nothing_else(
    run_action: Look, kubeconfig: Callable[..., str], fake: FakeCluster
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        access = {"kubeconfig": kubeconfig(f"http://{address}"), "context": "cluster-01"}
        result = run_action(cluster_access.ActionModule, {**access, **EVERYTHING})
    (found,) = result["problems"]
    assert found["subject"] == f"Cluster cluster-01, API server {address} of context cluster-01"
    assert found["cause"] == "it cannot be reached (Connection refused)"
    assert result["namespace_exists"] is None
    assert "facts" not in result


def test_an_api_server_that_does_not_know_the_user_is_told(problem: Callable[..., str], fake: FakeCluster) -> None:
    fake.refuses("GET", KUBE_SYSTEM, 401, "Unauthorized", "Unauthorized")
    assert "it does not accept the credentials of the kubeconfig (401 Unauthorized)" in problem()
    assert [request.path for request in fake.requests] == [KUBE_SYSTEM]


def test_an_api_server_that_fails_on_the_way_is_told_once(look: Look, fake: FakeCluster) -> None:
    for path in (STORAGE_CLASSES, INGRESS_CLASSES):
        fake.refuses("GET", path, 503, "ServiceUnavailable", "etcd is away")
    assert [found["subject"] for found in look()["problems"]] == [
        "Cluster cluster-01, storageclasses in context cluster-01",
        "Cluster cluster-01, ingressclasses in context cluster-01",
    ]


def test_reviews_that_cannot_be_asked_for_are_told_once(look: Look, fake: FakeCluster) -> None:
    fake.refuses("POST", REVIEWS, 500, "InternalError", "the authorizer is away")
    (found,) = look()["problems"]
    assert "the authorizer is away" in found["cause"]
    assert len(fake.reviewed()) == 1


def test_without_a_name_messages_call_the_cluster_by_its_context(problem: Callable[..., str]) -> None:
    options = {name: value for name, value in EVERYTHING.items() if name != "cluster"}
    assert problem(options, storage_class="other").startswith("StorageClass other in context cluster-01: ")
    assert problem(options, uid="other").startswith("context cluster-01: its namespace kube-system has")


def test_wrong_options_fail(run_action: Look) -> None:
    result = run_action(cluster_access.ActionModule, {**CENTRAL, "memory": "much"})
    assert result["failed"]
    assert result["msg"] == (
        "Option memory: 'much' is no amount of memory. Fix: give bytes, or a number with a unit, such as 6Gi."
    )


def test_the_client_library_is_asked_for_where_it_is_missing(run_action: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "HAS_KUBERNETES", False)
    assert "kubernetes" in run_action(cluster_access.ActionModule, CENTRAL)["msg"]
