"""Volume claims that no workload has any more."""

from __future__ import annotations

from typing import Any

import pytest
from audit_objects import NAMESPACE, Object, container, named, owned_by, pod, stateful_set, workload

from ansible_collections.miribit.thanos.plugins.module_utils.base.facts import as_facts
from ansible_collections.miribit.thanos.plugins.module_utils.kube.claims import without_workload

GIB = 1024**3
NOBODY = "no pod mounts it, and no workload that exists would"
DATA = [{"name": "data", "persistentVolumeClaim": {"claimName": "grafana"}}]


def claim(name: str, namespace: str = NAMESPACE, volume: str | None = "pv-1", **metadata: Any) -> Object:
    spec = {"resources": {"requests": {"storage": "20Gi"}}, "storageClassName": "longhorn", "volumeName": volume}
    return {**named(name, namespace, **metadata), "spec": spec, "status": {"phase": "Bound" if volume else "Pending"}}


def cluster(*claims: Object, **more: list[Object]) -> dict[str, list[Object]]:
    kinds = ("Pod", "StatefulSet", "Deployment", "DaemonSet", "ReplicaSet", "Job", "CronJob")
    volume = {"metadata": {"name": "pv-1"}, "spec": {"persistentVolumeReclaimPolicy": "Delete"}}
    empty: dict[str, list[Object]] = {kind: [] for kind in kinds}
    return {**empty, "PersistentVolume": [volume], "PersistentVolumeClaim": list(claims), **more}


def told(*claims: Object, **more: list[Object]) -> list[str]:
    found = without_workload(cluster(*claims, **more), NAMESPACE, {})
    assert found is not None
    return [one.claim for one in found]


def why(*claims: Object) -> object:
    (one,) = without_workload(cluster(*claims), NAMESPACE, {}) or ()
    return one.why


def template(volumes: list[Object]) -> Object:
    return {"spec": {"containers": [container()], "volumes": volumes}}


def test_a_claim_that_nothing_mounts_is_told_with_its_size_and_what_becomes_of_its_data() -> None:
    assert as_facts(without_workload(cluster(claim("old")), NAMESPACE, {})) == [
        {
            "claim": "old",
            "namespace": NAMESPACE,
            "size": 20 * GIB,
            "used": None,
            "storage_class": "longhorn",
            "reclaim_policy": "Delete",
            "volume": "pv-1",
            "why": NOBODY,
        }
    ]


def test_claims_come_by_name_and_those_of_other_namespaces_are_left_alone() -> None:
    assert told(claim("b"), claim("a"), claim("c", "other")) == ["a", "b"]


def test_a_claim_that_a_pod_mounts_has_a_workload() -> None:
    assert told(claim("grafana"), Pod=[pod(container(), spec={"volumes": DATA})]) == []


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_pod_that_has_ended_mounts_nothing(phase: str) -> None:
    assert told(claim("grafana"), Pod=[pod(container(), phase=phase, spec={"volumes": DATA})]) == ["grafana"]


def test_a_pod_of_another_namespace_mounts_a_claim_of_its_own() -> None:
    other = pod(container(), namespace="other", spec={"volumes": DATA})
    assert told(claim("grafana"), Pod=[other]) == ["grafana"]


def test_the_claim_of_an_ephemeral_volume_is_that_of_its_pod() -> None:
    volumes = [{"name": "data", "ephemeral": {"volumeClaimTemplate": {}}}]
    assert told(claim("a-data"), claim("b-data"), Pod=[pod(container(), name="a", spec={"volumes": volumes})]) == [
        "b-data"
    ]


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"])
def test_a_stopped_workload_would_mount_its_claim(kind: str) -> None:
    stopped = workload("grafana", container(), replicas=0, volumes=DATA)
    assert told(claim("grafana"), **{kind: [stopped]}) == []


def test_a_stateful_set_would_mount_the_claims_of_all_its_numbers() -> None:
    parts = stateful_set("agent", container(), replicas=0, spec={"volumeClaimTemplates": [named("data")]})
    names = ["data-agent-0", "data-agent-7", "data-agents-0", "wal-agent-0", "data-agent-x"]
    assert told(*map(claim, names), **parts) == ["data-agent-x", "data-agents-0", "wal-agent-0"]


def test_a_stateful_set_of_another_namespace_would_not() -> None:
    other = {**workload("agent", container()), **named("agent", "other")}
    other["spec"]["volumeClaimTemplates"] = [named("data")]
    assert told(claim("data-agent-0"), StatefulSet=[other]) == ["data-agent-0"]


def test_a_cron_job_that_waits_would_mount_its_claim() -> None:
    job = {**named("backup"), "spec": {"jobTemplate": {"spec": {"template": template(DATA)}}}}
    assert told(claim("grafana"), CronJob=[job]) == []


@pytest.mark.parametrize(
    ("status", "left"), [({}, []), ({"completionTime": "2026-01-01T12:00:00Z", "succeeded": 1}, ["grafana"])]
)
def test_only_a_job_that_is_not_done_would_mount_its_claim(status: Object, left: list[str]) -> None:
    job = {**named("migrate", ownerReferences=owned_by("X", "y")), "spec": {"template": template(DATA)}}
    assert told(claim("grafana"), Job=[{**job, "status": status}]) == left


def test_a_claim_without_a_volume_holds_nothing() -> None:
    assert why(claim("new", volume=None)) == f"{NOBODY}; it was never bound to a volume, so it holds nothing"


def test_a_claim_whose_volume_is_gone_is_told_so() -> None:
    lost = {**claim("lost"), "status": {"phase": "Lost"}}
    assert why(lost) == f"{NOBODY}; the volume that it was bound to is gone"


def test_a_claim_that_helm_keeps_is_told_so() -> None:
    kept = claim("kept-0", annotations={"helm.sh/resource-policy": "keep"})
    assert why(kept) == f"{NOBODY}; Helm leaves it behind (helm.sh/resource-policy: keep)"


def test_a_claim_of_a_stateful_set_that_is_gone_is_known_by_its_number() -> None:
    assert why(claim("data-old-0")) == (
        f"{NOBODY}; its name is like that of a StatefulSet's claim, and there is none that it would be of"
    )


@pytest.mark.parametrize("kind", [kind for kind in cluster() if kind != "PersistentVolume"])
def test_where_a_kind_that_mounts_claims_cannot_be_seen_nothing_is_said(kind: str) -> None:
    seen = {name: items for name, items in cluster(claim("old")).items() if name != kind}
    assert without_workload(seen, NAMESPACE, {}) is None


def test_where_volumes_cannot_be_seen_what_becomes_of_the_data_is_unknown() -> None:
    (one,) = without_workload(cluster(claim("old"), PersistentVolume=[]), NAMESPACE, {}) or ()
    assert one.reclaim_policy is None
