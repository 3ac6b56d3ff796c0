"""The judgements about a cluster, from what was read of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.kube import access
from ansible_collections.miribit.thanos.plugins.module_utils.kube.access import Clock, Seen, Wanted, quantity
from ansible_collections.miribit.thanos.plugins.module_utils.kube.permissions import Review
from ansible_collections.miribit.thanos.plugins.module_utils.kube.proxy import Answer

GIB = 1024**3
OPTIONS: dict[str, Any] = {
    "cluster": "cluster-01",
    "uid": None,
    "namespace": "monitoring",
    "phase": "phase1",
    "side": "central",
    "storage_class": None,
    "ingress_class": None,
    "crds": [],
    "minimum_version": "1.25",
    "memory": "0",
    "replicas": [],
    "clock_skew": 5.0,
}


def wanted(**options: object) -> Wanted:
    return access.read_wanted({**OPTIONS, **options})


def problems(wants: Wanted, **seen: Any) -> list[Problem]:
    return access.judge(wants, Seen(**{"version": "v1.34.4", **seen}))[0]


def warnings(wants: Wanted, **seen: Any) -> list[Problem]:
    return access.judge(wants, Seen(**{"version": "v1.34.4", **seen}))[1]


def node(name: str = "node", memory: str = "4Gi", **spec: object) -> dict[str, Any]:
    conditions = [{"type": "MemoryPressure", "status": "False"}, {"type": "Ready", "status": "True"}]
    return {
        "metadata": {"name": name},
        "spec": spec,
        "status": {"allocatable": {"memory": memory}, "conditions": conditions},
    }


def asks(memory: str, **more: object) -> dict[str, Any]:
    return {"resources": {"requests": {"memory": memory}}, **more}


def pod(memory: str = "1Gi", where: str = "node", namespace: str = "other", **spec: object) -> dict[str, Any]:
    return {
        "metadata": {"name": "pod", "namespace": namespace},
        "spec": {"nodeName": where, "containers": [asks(memory)], **spec},
    }


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("0", 0),
        ("128974848", 128974848),
        ("129e6", 129000000),
        ("1E3", 1000),
        ("129M", 129000000),
        ("123Mi", 123 * 1024**2),
        ("1Ki", 1024),
        ("1.5Gi", 3 * GIB // 2),
        ("2G", 2 * 10**9),
        ("1k", 1000),
        ("1T", 10**12),
        ("1Ti", 1024**4),
        ("1E", 10**18),
        ("1Ei", 1024**6),
        (".5", 1),
        ("1.", 1),
        ("128974848000m", 128974848),
        ("100m", 1),
        ("1n", 1),
        (" 6Gi ", 6 * GIB),
        ("-1", -1),
    ],
)
def test_quantities_are_read_as_kubernetes_does(text: str, amount: int) -> None:
    assert quantity(text) == amount


@pytest.mark.parametrize("text", ["", "Gi", "6 Gi", "6GB", "6gi", "1e", "1e3Mi", "--1", "0x10", "."])
def test_what_is_no_quantity_is_not_read(text: str) -> None:
    assert quantity(text) is None


def test_all_options_that_are_wrong_are_told_at_once() -> None:
    with pytest.raises(ProblemError) as caught:
        wanted(
            memory="much",
            minimum_version="new",
            clock_skew=0.0,
            replicas=[{"name": "a", "replicas": "three"}, {"name": "b", "replicas": 1, "memory": "more"}],
        )
    assert [problem.subject for problem in caught.value.problems] == [
        "Option memory",
        "Option replicas, entry 1",
        "Option replicas, entry 2",
        "Option minimum_version",
        "Option clock_skew",
    ]


@pytest.mark.parametrize("version", ["v1.25.0", "v1.34.4", "v1.25.3-eks-1234", "v1.30.0+k3s1", "v2.0.0"])
def test_a_server_that_is_new_enough_is_fine(version: str) -> None:
    assert problems(wanted(), version=version) == warnings(wanted(), version=version) == []


@pytest.mark.parametrize("version", ["v1.24.17", "v1.9.0", "v0.18.0"])
def test_a_server_that_is_too_old_is_told(version: str) -> None:
    (problem,) = problems(wanted(), version=version)
    assert str(problem) == (
        f"Cluster cluster-01: it runs Kubernetes {version}, which lacks what is used here; the least is 1.25. "
        "Fix: update the cluster to 1.25 or later."
    )


@pytest.mark.parametrize("version", [None, "unknown"])
def test_a_version_that_cannot_be_seen_is_a_warning(version: str | None) -> None:
    assert problems(wanted(), version=version) == []
    (warning,) = warnings(wanted(), version=version)
    assert str(warning) == (
        "Cluster cluster-01: which version of Kubernetes it runs cannot be seen. "
        "Fix: make sure that it is 1.25 or later."
    )


def test_a_clock_is_read_in_the_middle_of_the_way() -> None:
    # Thu, 01 Jan 2026 00:00:00 GMT is 1767225600. Asked 1 s before, by our clock, and answered 2 s after.
    clock = access.read_clock("Thu, 01 Jan 2026 00:00:00 GMT", 1767225599, 1767225602)
    assert clock == Clock(skew=0.0, uncertainty=2.0)
    assert clock.certain == 0


@pytest.mark.parametrize("date", ["", "yesterday"])
def test_a_clock_without_a_date_is_not_read(date: str) -> None:
    assert access.read_clock(date, 0, 1) is None


@pytest.mark.parametrize("skew", [0.0, 4.9, -4.9, 5.4, 60.4])
def test_a_clock_that_may_be_right_is_fine(skew: float) -> None:
    wants = wanted(clock_skew=60.0) if skew > 60 else wanted()
    clock = Clock(skew, uncertainty=0.5)
    assert problems(wants, clock=clock) == warnings(wants, clock=clock) == []


@pytest.mark.parametrize(("skew", "direction"), [(8.0, "ahead of"), (-8.0, "behind")])
def test_a_clock_that_is_off_is_a_warning(skew: float, direction: str) -> None:
    clock = Clock(skew, uncertainty=0.5)
    assert problems(wanted(), clock=clock) == []
    (warning,) = warnings(wanted(), clock=clock)
    assert str(warning) == (
        f"Cluster cluster-01: its API server's clock is 8 s {direction} the one of this host; samples and the lock of "
        "the fleet go by these clocks. Fix: let both keep time by NTP, such as with chrony."
    )


def test_a_clock_that_is_far_off_is_a_problem() -> None:
    clock = Clock(-90.0, uncertainty=0.5)
    assert warnings(wanted(), clock=clock) == []
    (problem,) = problems(wanted(), clock=clock)
    assert "its API server's clock is 90 s behind the one of this host" in str(problem)


def test_a_clock_may_be_off_as_far_as_is_asked_for() -> None:
    assert problems(wanted(clock_skew=120.0), clock=Clock(90.0, 0.5)) == []
    assert len(problems(wanted(clock_skew=120.0), clock=Clock(130.0, 0.5))) == 1


def test_everything_that_is_missing_is_one_problem() -> None:
    denied = [
        Review("create", "", "secrets", namespace="monitoring"),
        Review("list", "", "nodes"),
        Review("list", "", "pods", required=False),
    ]
    (problem,) = problems(wanted(), denied=denied)
    assert str(problem) == (
        "Permissions in cluster-01: the user of the kubeconfig lacks what phase1 needs: "
        "in namespace monitoring: create on secrets; in the whole cluster: list on nodes. "
        "Fix: apply docs/rbac/phase1-central.yaml with this user as the subject of its bindings, or allow the same in "
        "another way."
    )


def test_a_class_that_is_missing_is_told_with_what_there_is() -> None:
    default = {"storageclass.kubernetes.io/is-default-class": "true"}
    classes = [{"metadata": {"name": "longhorn-2"}}, {"metadata": {"name": "local", "annotations": default}}]
    (problem,) = problems(wanted(storage_class="longhorn"), storage_classes=classes)
    assert str(problem) == (
        "StorageClass longhorn in cluster-01: it does not exist; the cluster has local (the default), longhorn-2. "
        "Fix: create it, or correct fleet_storage_class (did you mean longhorn-2?)."
    )


def test_an_ingress_class_that_is_missing_is_told_with_what_there_is() -> None:
    default = {"ingressclass.kubernetes.io/is-default-class": "true"}
    (problem,) = problems(
        wanted(ingress_class="nginx"), ingress_classes=[{"metadata": {"name": "traefik", "annotations": default}}]
    )
    assert str(problem) == (
        "IngressClass nginx in cluster-01: it does not exist; the cluster has traefik (the default). "
        "Fix: create it, or correct fleet_ingress_class."
    )


def test_a_cluster_without_any_class_is_told() -> None:
    (problem,) = problems(wanted(storage_class="longhorn"), storage_classes=[])
    assert problem.cause == "it does not exist; the cluster has none"


def test_classes_that_are_not_asked_for_or_not_seen_are_not_judged() -> None:
    assert problems(wanted(storage_class="longhorn")) == []
    assert problems(wanted(), storage_classes=[]) == []
    assert problems(wanted(storage_class="a"), storage_classes=[{"metadata": {"name": "a"}}]) == []


def test_a_crd_must_be_there_and_established() -> None:
    established = {"status": {"conditions": [{"type": "Established", "status": "True"}]}}
    found = problems(wanted(), crds={"a.b.c": None, "d.e.f": {"status": {}}, "g.h.i": established})
    missing, unserved = map(str, found)
    assert missing == (
        "CustomResourceDefinition a.b.c in cluster-01: it does not exist, so the cluster does not know this kind of "
        "object. Fix: install the operator that brings it, with its CRDs."
    )
    assert unserved == (
        "CustomResourceDefinition d.e.f in cluster-01: it is there, but not Established, so the API server does not "
        "serve it. Fix: see why with 'kubectl describe crd d.e.f'."
    )


def test_a_namespace_that_nobody_makes_must_be_there() -> None:
    missing = access.Namespace(False)
    assert problems(wanted(side="central"), namespace=missing) == []
    (problem,) = problems(wanted(side="edge"), namespace=missing)
    assert str(problem) == (
        "Namespace monitoring in cluster-01: it does not exist, and phase1 makes none here. "
        "Fix: create it, or correct fleet_namespace."
    )


def test_a_namespace_that_is_being_deleted_is_told() -> None:
    (problem,) = problems(wanted(), namespace=access.Namespace(True, "uid", terminating=True))
    assert "Namespace monitoring in cluster-01: it is being deleted" in str(problem)


def test_fewer_nodes_than_replicas_are_a_warning() -> None:
    wants = wanted(replicas=[{"name": "ingestor", "replicas": 3, "zone": None}, {"name": "other", "replicas": 1}])
    (warning,) = warnings(wants, nodes=[node()])
    assert str(warning) == (
        "ingestor in cluster-01: it has 3 replicas, and 1 node takes pods without a toleration; replicas on one node "
        "are lost together, so this is not high availability. "
        "Fix: add nodes, or accept it where that is enough, such as in a test."
    )
    assert warnings(wants, nodes=[node("a"), node("b"), node("c")]) == []


def test_nodes_that_take_no_pods_are_not_counted() -> None:
    broken = node("broken")
    broken["status"]["conditions"] = [{"type": "Ready", "status": "Unknown"}]
    nodes = [
        node("cordoned", unschedulable=True),
        node("control-plane", taints=[{"key": "a", "effect": "NoSchedule"}]),
        node("leaving", taints=[{"key": "a", "effect": "NoExecute"}]),
        node("last-choice", taints=[{"key": "a", "effect": "PreferNoSchedule"}]),
        broken,
    ]
    shown = access.facts(wanted(), Seen(nodes=nodes))
    assert (shown["nodes"], shown["schedulable_nodes"]) == (5, 1)


def test_too_little_free_memory_is_a_warning() -> None:
    wants = wanted(memory="6Gi")
    nodes = [node("a"), node("b"), node("closed", unschedulable=True)]
    pods = [pod("1Gi", "a"), pod("512Mi", "b"), pod("1Gi", "closed"), pod("8Gi", "")]
    assert access.facts(wants, Seen(nodes=nodes, pods=pods))["free_memory"] == 6.5 * GIB
    assert warnings(wants, nodes=nodes, pods=pods) == []
    (warning,) = warnings(wants, nodes=nodes, pods=[*pods, pod("1Gi", "b")])
    assert str(warning) == (
        "Cluster cluster-01: 6.0 GiB of memory will be asked for, and 5.5 GiB are free on the nodes that take pods "
        "(allocatable less the requests of pods), so some pods may stay Pending. "
        "Fix: add memory or nodes, ask for less, or make other pods ask for less."
    )


def test_what_each_replica_asks_for_is_added_up() -> None:
    wants = wanted(memory="1Gi", replicas=[{"name": "a", "replicas": 3, "memory": "1Gi"}, {"name": "b", "replicas": 2}])
    assert wants.memory == 4 * GIB


def test_what_an_earlier_run_brought_counts_as_free() -> None:
    ours = pod("3Gi", namespace="monitoring")
    ours["metadata"]["labels"] = {"app.kubernetes.io/managed-by": "miribit.thanos"}
    elsewhere = {**ours, "metadata": {**ours["metadata"], "namespace": "other"}}
    wants = wanted(memory="3Gi")
    assert warnings(wants, nodes=[node()], pods=[ours]) == []
    assert len(warnings(wants, nodes=[node()], pods=[elsewhere])) == 1


def test_an_overbooked_node_takes_nothing_from_the_others() -> None:
    seen = Seen(nodes=[node("a"), node("b")], pods=[pod("9Gi", "a")])
    assert access.facts(wanted(memory="1"), seen)["free_memory"] == 4 * GIB


def test_memory_that_cannot_be_seen_is_noted() -> None:
    assert warnings(wanted(memory="6Gi"), nodes=[node()]) == []
    shown = access.facts(wanted(memory="6Gi"), Seen(nodes=[node()]))
    assert shown["free_memory"] is None
    assert shown["notes"] == [
        "how much memory is free could not be seen: the user may not list the pods of all namespaces"
    ]


@pytest.mark.parametrize(
    ("spec", "memory"),
    [
        ({"containers": [asks("1Gi"), asks("2Gi"), {}]}, 3),
        ({"containers": [asks("1Gi")], "initContainers": [asks("4Gi"), asks("3Gi")]}, 4),
        ({"containers": [asks("1Gi")], "initContainers": [asks("2Gi", restartPolicy="Always")]}, 3),
        ({"containers": [asks("1Gi")], "initContainers": [asks("2Gi", restartPolicy="Always"), asks("3Gi")]}, 5),
        ({"containers": [asks("1Gi")], "initContainers": [asks("3Gi"), asks("2Gi", restartPolicy="Always")]}, 3),
        ({"containers": [asks("1Gi")], "overhead": {"memory": "1Gi"}}, 2),
        ({"containers": [asks("1Gi")], **asks("4Gi")}, 4),
        ({"containers": [{"resources": None}], "initContainers": None}, 0),
    ],
)
def test_a_pod_asks_for_what_the_scheduler_counts(spec: dict[str, Any], memory: int) -> None:
    assert access.requested_memory({"spec": spec}) == memory * GIB


def test_the_cluster_is_the_one_that_is_meant_if_its_uid_is() -> None:
    assert access.wrong_cluster(wanted(), access.Namespace(True, "b")) is None
    assert access.wrong_cluster(wanted(uid="b"), access.Namespace(True, "b")) is None
    problem = access.wrong_cluster(wanted(uid="a"), access.Namespace(True, "b"))
    assert str(problem) == (
        "Cluster cluster-01: its namespace kube-system has the UID b, not a as expected; the kubeconfig may lead to "
        "another cluster. Fix: correct kubeconfig and context, or the UID (fleet_cluster_uid) if this cluster was made "
        "anew."
    )


def test_a_uid_that_cannot_be_seen_is_not_taken_for_the_right_one() -> None:
    problem = access.wrong_cluster(wanted(uid="a"), access.Namespace(None))
    assert str(problem) == (
        "Cluster cluster-01: its user may not read kube-system, so whether it has the UID a cannot be seen. "
        "Fix: allow the user to get the namespace kube-system."
    )


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, "<html>log in</html>"),
        (200, {"kind": "Pod"}),
        (404, "not found"),
        (403, "forbidden"),
        (503, {"kind": "Status", "apiVersion": "v1", "message": "etcd is away"}),
    ],
)
def test_what_is_not_an_answer_about_a_namespace_is_told(status: int, body: object) -> None:
    text = body if isinstance(body, str) else json.dumps(body)
    with pytest.raises(ProblemError, match="is not the namespace that was asked for"):
        access.read_namespace(Answer(status, text.encode()), "context cluster-01")
