"""The module receive_info, from its options to the JSON that Ansible reads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from receiver_answers import BUILDS, INGESTOR, LOADED, RING, SET_UP, WAITS, router
from workload_objects import PODS, StandIn, container, pod

from ansible_collections.miribit.thanos.plugins.action import receive_info
from ansible_collections.miribit.thanos.plugins.module_utils.kube import session
from ansible_collections.miribit.thanos.plugins.module_utils.kube.proxy import Answer

Ask = Callable[..., dict[str, Any]]

REFUSAL = (
    b'{"kind": "Status", "apiVersion": "v1", "code": 503, '
    b'"message": "error trying to reach service: dial tcp 10.42.0.9:10902: connect: connection refused"}'
)


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """A cluster with a router and an ingestor."""
    stand_in = StandIn()
    monkeypatch.setattr(session, "session", lambda _kubeconfig, _context: stand_in)
    stand_in.answers = {
        PODS: [
            pod("thanos-receiver-ingestor-0", containers=[container({"running": {}}, restarts=2)], ready=True),
            pod("thanos-receiver-a", ("ReplicaSet", "thanos-receiver-6d4cf56db6"), ready=True),
        ],
        f"{PODS}/thanos-receiver-ingestor-0:10902/proxy/metrics": INGESTOR,
        f"{PODS}/thanos-receiver-a:10902/proxy/metrics": router(errors=1),
        f"{PODS}/thanos-receiver-a/log": SET_UP,
        f"{PODS}/thanos-receiver-a:10902/proxy/debug/pprof/goroutine": BUILDS,
    }
    return stand_in


@pytest.fixture
def ask(run_action: Ask, api: StandIn) -> Ask:
    def run(**more: object) -> dict[str, Any]:
        return run_action(receive_info.ActionModule, {"namespace": "monitoring", "selector": "app=receive", **more})

    return run


def test_a_router_tells_its_ring_and_what_was_written(ask: Ask, api: StandIn) -> None:
    result = ask()
    assert result["changed"] is False
    assert result["receivers"][0] == {
        "name": "thanos-receiver-a",
        "ready": True,
        "restarts": 0,
        "problem": None,
        "role": "router",
        "config_hash": RING,
        "ring_applied": True,
        "hashrings_file_errors": 1,
        "last_reload": LOADED,
        "tenants": {},
        "write_samples": {"default-tenant": {"200": 48000, "409": 12}, "tenant-a": {"200": 7}},
    }
    assert result["write_samples"] == {"200": 48007, "409": 12}
    assert result["problems"] == []
    assert api.asked_for(PODS) == [{"labelSelector": "app=receive", "limit": "500"}]


def test_an_ingestor_tells_what_it_holds(ask: Ask) -> None:
    assert ask()["receivers"][1] == {
        "name": "thanos-receiver-ingestor-0",
        "ready": True,
        "restarts": 2,
        "problem": None,
        "role": "ingestor",
        "config_hash": None,
        "ring_applied": None,
        "hashrings_file_errors": None,
        "last_reload": None,
        "tenants": {
            "default-tenant": {"head_series": 1204, "uploads": 12, "upload_failures": 1},
            "tenant-a": {"head_series": 3, "uploads": 0, "upload_failures": 0},
        },
        "write_samples": {},
    }


@pytest.mark.parametrize(
    ("log", "goroutines", "options", "applied"),
    [
        (SET_UP, BUILDS, {"ring_hash": RING}, True),
        (SET_UP, BUILDS, {"ring_hash": 1}, False),
        ("", BUILDS, {}, False),
        ("", WAITS, {}, True),
    ],
)
def test_a_ring_is_applied_when_the_router_has_set_it_up(
    api: StandIn, ask: Ask, *, log: str, goroutines: str, options: dict[str, int], applied: bool
) -> None:
    api.answers[f"{PODS}/thanos-receiver-a/log"] = log
    api.answers[f"{PODS}/thanos-receiver-a:10902/proxy/debug/pprof/goroutine"] = goroutines
    assert ask(**options)["receivers"][0]["ring_applied"] is applied


def test_a_pod_that_does_not_answer_is_told_and_makes_no_failure(ask: Ask, api: StandIn) -> None:
    api.answers[f"{PODS}/thanos-receiver-a:10902/proxy/metrics"] = Answer(503, REFUSAL)
    result = ask()
    (problem,) = result["problems"]
    assert problem["subject"] == "pod monitoring/thanos-receiver-a port 10902 in context cluster-01"
    assert "the API server cannot reach it" in problem["cause"]
    assert result["receivers"][0] == {
        "name": "thanos-receiver-a",
        "ready": True,
        "restarts": 0,
        "problem": problem,
    }
    assert "role" in result["receivers"][1]


def test_pods_that_go_are_left_out(ask: Ask, api: StandIn) -> None:
    leaving = pod("thanos-receiver-ingestor-1", ready=True)
    leaving["metadata"]["deletionTimestamp"] = "2026-01-01T12:00:00Z"
    api.answers[PODS] = [leaving]
    assert ask()["receivers"] == []


def test_the_log_is_that_of_the_container_with_the_port(ask: Ask, api: StandIn) -> None:
    item = pod("thanos-receiver-a", ready=True)
    item["spec"]["containers"].insert(0, {"name": "mesh"})
    api.answers[PODS] = [item]
    assert ask()["receivers"][0]["ring_applied"]
    assert api.asked_for(f"{PODS}/thanos-receiver-a/log")[0]["container"] == "receive"


def test_another_port_is_asked(ask: Ask, api: StandIn) -> None:
    assert len(ask(port=80)["problems"]) == 2
    assert api.asked_for(f"{PODS}/thanos-receiver-a:80/proxy/metrics")


def test_what_the_api_server_refuses_is_a_failure(ask: Ask, api: StandIn) -> None:
    api.answers[PODS] = Answer(403, b'{"kind": "Status", "apiVersion": "v1", "message": "pods is forbidden"}')
    message = ask()["msg"]
    assert message.startswith("namespaces/monitoring/pods in context cluster-01: the API server forbids it: pods is")


def test_check_mode_asks_too(ask: Ask) -> None:
    assert len(ask(check_mode=True)["receivers"]) == 2


def test_a_controller_without_the_kubernetes_library_is_told_what_to_install(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "HAS_KUBERNETES", False)
    assert "Failed to import the required Python library (kubernetes)" in ask()["msg"]
