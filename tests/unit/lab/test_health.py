"""A lab is judged by what happened since it started."""

from __future__ import annotations

from typing import Any

from lab.health import judge
from lab.settings import Cluster, Node

STARTED = 1_700_000_000.0
BEFORE, AFTER = "2023-11-14T22:00:00Z", "2023-11-14T22:20:00Z"
CLUSTER = Cluster("one", "192.0.2.1", (Node("one", "192.0.2.1", "10.1.0.0/24"),), (), ingress=False)


def node(ready: str = "True") -> dict[str, Any]:
    return {"kind": "Node", "metadata": {"name": "one"}, "status": {"conditions": [{"type": "Ready", "status": ready}]}}


def lease(renewed: str = AFTER) -> dict[str, Any]:
    return {
        "kind": "Lease",
        "metadata": {"name": "one", "namespace": "kube-node-lease"},
        "spec": {"renewTime": renewed},
    }


def deployment(available: int = 1) -> dict[str, Any]:
    return {
        "kind": "Deployment",
        "metadata": {"name": "dns", "namespace": "kube-system"},
        "spec": {"replicas": 1},
        "status": {"availableReplicas": available},
    }


def pod(started: str = AFTER, *, ready: bool = True, phase: str = "Running", **metadata: Any) -> dict[str, Any]:
    container = {"name": "main", "ready": ready, "state": {"running": {"startedAt": started}}}
    return {
        "kind": "Pod",
        "metadata": {"name": "dns-1", "namespace": "kube-system", **metadata},
        "status": {"phase": phase, "containerStatuses": [container]},
    }


def found(*objects: dict[str, Any]) -> list[str]:
    return list(judge(CLUSTER, list(objects), STARTED))


def test_a_healthy_cluster_has_no_problems() -> None:
    assert found(node(), lease(), deployment(), pod()) == []


def test_a_node_that_only_was_ready_before_the_start_does_not_count() -> None:
    assert found(node(), lease(BEFORE), deployment(), pod()) == ["node one has not reported since the lab started"]


def test_a_pod_that_only_ran_before_the_start_does_not_count() -> None:
    assert found(node(), lease(), deployment(), pod(BEFORE)) == ["pod kube-system/dns-1: container main is not ready"]


def test_what_is_missing_or_not_ready_is_named() -> None:
    assert found(lease(), deployment(0), pod(ready=False)) == [
        "node one is not registered",
        "Deployment kube-system/dns has 0 of 1 pods",
        "pod kube-system/dns-1: container main is not ready",
    ]
    assert found(node("False"), lease(), deployment()) == ["node one is not Ready"]


def test_a_pod_that_has_ended_is_no_problem_and_one_that_is_ending_is() -> None:
    assert found(node(), lease(), deployment(), pod(BEFORE, phase="Failed")) == []
    assert found(node(), lease(), deployment(), pod(deletionTimestamp=AFTER)) == ["pod kube-system/dns-1 is ending"]


def test_a_cluster_without_any_deployment_is_not_finished() -> None:
    assert found(node(), lease()) == ["nothing has been deployed yet"]
