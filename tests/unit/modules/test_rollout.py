"""The module rollout and its action plugin, from their options to what Ansible reads."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from action_plugins import plugin_of
from receiver_answers import BUILDS, LOADED, REFUSED, RING, SET_UP, WAITS, router
from workload_objects import (
    CLAIMS,
    EVENTS,
    NOW,
    PODS,
    REPLICA_SETS,
    SINCE,
    StandIn,
    container,
    crashing,
    deployment,
    event,
    named,
    pod,
    replica_set,
    service,
    stateful_set,
    waiting,
)

from ansible_collections.miribit.thanos.plugins.action import rollout
from ansible_collections.miribit.thanos.plugins.action.rollout import ActionModule
from ansible_collections.miribit.thanos.plugins.module_utils.kube import session
from ansible_collections.miribit.thanos.plugins.module_utils.kube.proxy import Answer
from ansible_collections.miribit.thanos.plugins.module_utils.rollout.watch import Look

Result = dict[str, Any]

APPS = "/apis/apps/v1/namespaces/monitoring"
QUERY = f"{APPS}/deployments/thanos-query"
INGESTORS = f"{APPS}/statefulsets/thanos-receiver-ingestor"
SERVICE = "/api/v1/namespaces/monitoring/services/thanos-receiver"
ROUTER = "thanos-query-6d4cf56db6-a"
INGESTOR = "thanos-receiver-ingestor-2"

RING_OPTION = {"config_hash": RING, "selector": "app=thanos-query"}


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> StandIn:
    stand_in = StandIn()
    monkeypatch.setattr(session, "session", lambda _kubeconfig, _context: stand_in)
    return stand_in


@pytest.fixture
def look(run_action: Callable[..., Result], api: StandIn) -> Callable[..., Result]:
    """Run the module for these workloads, written as Kind/name."""

    def run(*workloads: str, **more: object) -> Result:
        pairs = [text.split("/") for text in workloads]
        options = {"namespace": "monitoring", "workloads": [{"kind": kind, "name": name} for kind, name in pairs]}
        return run_action(rollout.ActionModule, {**options, "since": SINCE.isoformat(), **more})

    return run


def test_workloads_that_have_rolled_out_are_done_after_one_request_each(
    look: Callable[..., Result], api: StandIn
) -> None:
    ingress = "/apis/networking.k8s.io/v1/namespaces/monitoring/ingresses/thanos-receiver"
    api.answers = {
        QUERY: deployment(),
        INGESTORS: stateful_set(),
        SERVICE: service("192.168.101.210", asked="192.168.101.210"),
        ingress: named("Ingress", "thanos-receiver"),
    }
    result = look(
        "Deployment/thanos-query",
        "StatefulSet/thanos-receiver-ingestor",
        "Service/thanos-receiver",
        "Ingress/thanos-receiver",
    )
    assert result["done"]
    assert result["changed"] is False
    assert result["progress"] == []
    assert result["workloads"][0] == {
        "kind": "Deployment",
        "name": "thanos-query",
        "done": True,
        "state": "2 of 2 pods updated, 2 of 2 ready",
    }
    assert len(api.requests) == 4
    assert "routers" not in result


def test_what_is_not_done_is_told_in_a_line_and_without_asking_for_events(
    look: Callable[..., Result], api: StandIn
) -> None:
    api.answers = {
        INGESTORS: stateful_set(updatedReplicas=2, readyReplicas=1, availableReplicas=1),
        PODS: [pod(f"thanos-receiver-ingestor-{number}", ready=True) for number in range(2)]
        + [pod(containers=[container(waiting("ContainerCreating"))])],
    }
    result = look("StatefulSet/thanos-receiver-ingestor")
    assert not result["done"]
    (line,) = result["progress"]
    assert line == (
        "StatefulSet thanos-receiver-ingestor: 2 of 3 pods updated, 1 of 3 ready "
        "(thanos-receiver-ingestor-2: ContainerCreating)"
    )
    assert [path for path, _params in api.requests] == [INGESTORS, PODS]


def test_what_is_hopeless_fails_at_once_with_events_and_the_log_of_the_process_that_ended(
    look: Callable[..., Result], api: StandIn
) -> None:
    api.answers = {
        QUERY: deployment(updatedReplicas=1),
        REPLICA_SETS: [replica_set()],
        PODS: [pod(ROUTER, ("ReplicaSet", "thanos-query-6d4cf56db6"), [crashing()])],
        EVENTS: [event("Pod", ROUTER, "BackOff", "Back-off restarting failed container receive in pod x")],
        f"{PODS}/{ROUTER}/log": 'level=error err="unknown flag"\nsecret_key=hunter2\n',
        SERVICE: service(asked="192.168.101.210"),
    }
    result = look("Deployment/thanos-query", "Service/thanos-receiver")
    assert result["failed"]
    assert result["msg"] == (
        "Deployment monitoring/thanos-query in context cluster-01: "
        f"pod {ROUTER}: container receive ended with exit code 1 (Error) and was started again 4 times\n"
        f"  event BackOff (Pod {ROUTER}): Back-off restarting failed container receive in pod x\n"
        '  log: level=error err="unknown flag"\n'
        "  log: secret_key= ***. "
        "Fix: read the log above and correct what it names (flags, files, Secrets, addresses)."
    )
    assert len(result["progress"]) == 2
    assert api.asked_for(EVENTS) == [{"fieldSelector": "type=Warning", "limit": "500"}]
    assert api.asked_for(f"{PODS}/{ROUTER}/log") == [{"container": "receive", "tailLines": "10", "previous": "true"}]


def test_at_the_end_everything_that_is_not_done_is_a_problem(look: Callable[..., Result], api: StandIn) -> None:
    unschedulable = pod()
    unschedulable["status"]["conditions"][0] = {
        "type": "PodScheduled",
        "status": "False",
        "message": "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.",
    }
    unschedulable["spec"]["volumes"] = [{"name": "data", "persistentVolumeClaim": {"claimName": "data-x"}}]
    message = 'Failed to allocate IP for "monitoring/thanos-receiver": no available IPs'
    api.answers = {
        INGESTORS: stateful_set(readyReplicas=2),
        PODS: [unschedulable],
        CLAIMS: [{**named("PersistentVolumeClaim", "data-x"), "spec": {"storageClassName": "longhorn"}}],
        SERVICE: service(asked="192.168.101.210"),
        EVENTS: [event("Service", "thanos-receiver", "AllocationFailed", message)],
    }
    workloads = "StatefulSet/thanos-receiver-ingestor", "Service/thanos-receiver"
    assert "failed" not in look(*workloads)
    result = look(*workloads, final=True)
    assert result["msg"].startswith("2 problems:\n- StatefulSet monitoring/thanos-receiver-ingestor in context")
    first, second = result["problems"]
    assert f"pod {INGESTOR} fits on no node" in first["cause"]
    assert "StorageClass" in first["fix"]
    assert second == {
        "subject": "Service monitoring/thanos-receiver in context cluster-01",
        "cause": "no address is assigned to it (asked for 192.168.101.210)\n"
        f"  event AllocationFailed (Service thanos-receiver): {message}",
        "fix": "ask for a free address of the load balancer's pool, or add the address to the pool (see the event)",
    }


def test_a_log_that_may_not_be_read_hides_no_reason(look: Callable[..., Result], api: StandIn) -> None:
    api.answers = {
        INGESTORS: stateful_set(readyReplicas=2),
        PODS: [pod(containers=[crashing()])],
        f"{PODS}/{INGESTOR}/log": Answer(403, b"{}"),
    }
    assert "ended with exit code 1" in look("StatefulSet/thanos-receiver-ingestor")["msg"]


def test_a_missing_workload_fails_at_once(look: Callable[..., Result]) -> None:
    message = look("Deployment/thanos-query")["msg"]
    assert message.startswith("Deployment monitoring/thanos-query in context cluster-01: it does not exist. Fix: apply")


def test_check_mode_does_not_wait(look: Callable[..., Result], api: StandIn) -> None:
    api.answers = {INGESTORS: stateful_set(readyReplicas=2)}
    result = look(
        "Deployment/thanos-query",
        "StatefulSet/thanos-receiver-ingestor",
        ring=RING_OPTION,
        check_mode=True,
    )
    assert result["done"]
    assert [workload["done"] for workload in result["workloads"]] == [False, False]
    assert result["routers"] == []


def test_what_the_api_server_refuses_is_passed_on(look: Callable[..., Result], api: StandIn) -> None:
    api.answers = {QUERY: Answer(401, b'{"kind": "Status", "apiVersion": "v1", "message": "Unauthorized"}')}
    assert "it does not accept the credentials" in look("Deployment/thanos-query")["msg"]


@pytest.mark.parametrize("since", ["yesterday", "2026-01-01T12:00:00"])
def test_a_moment_that_is_none_is_refused(look: Callable[..., Result], since: str) -> None:
    assert look(since=since)["msg"].startswith(f"Option since: '{since}' is not a date and time with a time zone. Fix:")


def test_without_a_moment_nothing_is_old_enough_to_be_hopeless(look: Callable[..., Result], api: StandIn) -> None:
    api.answers = {INGESTORS: stateful_set(readyReplicas=2), PODS: [pod(containers=[crashing()])]}
    assert "failed" not in look("StatefulSet/thanos-receiver-ingestor", since=None)


def test_a_controller_without_the_kubernetes_library_is_told_what_to_install(
    look: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "HAS_KUBERNETES", False)
    assert "Failed to import the required Python library (kubernetes)" in look()["msg"]


# Rings.


@pytest.fixture
def routers(api: StandIn) -> Callable[..., None]:
    """Two routers that have rolled out. What is given is what the first says."""

    def have(metrics: object = None, log: object = SET_UP, goroutines: object = BUILDS) -> None:
        names = ROUTER, "thanos-query-6d4cf56db6-b"
        pods = [pod(name, ("ReplicaSet", "thanos-query-6d4cf56db6"), ready=True) for name in names]
        api.answers |= {QUERY: deployment(), PODS: pods}
        for name, answers in zip(
            names, [(metrics or router(), log, goroutines), (router(), SET_UP, WAITS)], strict=True
        ):
            api.answers[f"{PODS}/{name}:10902/proxy/metrics"] = answers[0]
            api.answers[f"{PODS}/{name}/log"] = answers[1]
            api.answers[f"{PODS}/{name}:10902/proxy/debug/pprof/goroutine"] = answers[2]

    return have


def test_a_ring_that_every_router_uses_is_done(
    look: Callable[..., Result], api: StandIn, routers: Callable[..., None]
) -> None:
    routers()
    result = look("Deployment/thanos-query", ring=RING_OPTION)
    assert result["done"]
    assert result["routers"][0] == {"pod": ROUTER, "config_hash": RING, "ring_applied": True}
    assert api.asked_for(PODS) == [{"labelSelector": "app=thanos-query", "limit": "500"}]
    assert api.asked_for(f"{PODS}/{ROUTER}/log") == [{"container": "receive", "sinceTime": "2026-01-01T11:58:30Z"}]
    assert not api.asked_for(f"{PODS}/{ROUTER}:10902/proxy/debug/pprof/goroutine")


def test_a_router_whose_log_is_rotated_away_is_asked_for_its_goroutines(
    look: Callable[..., Result], api: StandIn, routers: Callable[..., None]
) -> None:
    routers(log="", goroutines=WAITS)
    assert look("Deployment/thanos-query", ring=RING_OPTION)["done"]
    assert api.asked_for(f"{PODS}/{ROUTER}:10902/proxy/debug/pprof/goroutine") == [{"debug": "1"}]


@pytest.mark.parametrize(
    ("answers", "why", "cause"),
    [
        # The hash is the wanted one, and the ring of before is used.
        ((None, ""), "sets up the ring", "nothing shows that it has set up the ring"),
        ((None, "", Answer(404, b"no")), "sets up the ring", "nothing shows that it has set up the ring"),
        ((None, SET_UP.replace("30.1", "29.9")), "sets up the ring", "nothing shows that it has set up the ring"),
        # The ring may still be on its way to where it is set up.
        ((router(loaded=NOW.timestamp() - 5), "", WAITS), "sets up the ring", "nothing shows"),
        ((router(config_hash=1),), "has ring 1", "still has the ring 1"),
        ((router(1, LOADED, 3), REFUSED), "refuses the file", "refuses the new file: failed to parse configuration"),
        ((" up 1",), "no hashring file", "loads no hashring file"),
        ((Answer(500, b"oh"),), "no answer", "it does not answer with metrics (HTTP 500: oh)"),
    ],
)
def test_a_router_that_does_not_use_the_ring_is_waited_for_and_told(
    look: Callable[..., Result],
    routers: Callable[..., None],
    answers: tuple[object, ...],
    why: str,
    cause: str,
) -> None:
    routers(*answers)
    result = look("Deployment/thanos-query", ring=RING_OPTION)
    assert not result["done"]
    assert result["progress"] == [f"Ring {RING}: 1 of 2 routers use it ({ROUTER}: {why})"]
    (problem,) = look("Deployment/thanos-query", ring=RING_OPTION, final=True)["problems"]
    assert problem["subject"] == f"Ring monitoring/{RING} in context cluster-01, pods app=thanos-query"
    assert problem["cause"].startswith("1 of 2 routers use it: ")
    assert cause in problem["cause"]
    assert problem["fix"]


def test_a_router_that_is_not_ready_and_one_that_goes_do_not_count(
    look: Callable[..., Result], api: StandIn, routers: Callable[..., None]
) -> None:
    routers()
    pods: Any = api.answers[PODS]
    pods[0]["status"]["conditions"][1]["status"] = "False"
    pods[1]["metadata"]["deletionTimestamp"] = "2026-01-01T12:00:00Z"
    result = look("Deployment/thanos-query", ring=RING_OPTION)
    assert result["progress"] == [f"Ring {RING}: 0 of 2 routers use it ({ROUTER}: not ready)"]


def test_a_ring_is_not_looked_at_before_the_routers_have_rolled_out(
    look: Callable[..., Result], api: StandIn, routers: Callable[..., None]
) -> None:
    routers()
    api.answers |= {QUERY: deployment(updatedReplicas=1), REPLICA_SETS: [replica_set()]}
    result = look("Deployment/thanos-query", ring=RING_OPTION)
    assert [line.split(":")[0] for line in result["progress"]] == ["Deployment thanos-query"]
    assert result["routers"] == []


def test_routers_without_their_deployment_are_taken_as_they_are(
    look: Callable[..., Result], routers: Callable[..., None]
) -> None:
    routers()
    assert look(ring=RING_OPTION)["done"]


@pytest.mark.parametrize(("given", "passed"), [({}, None), ({"since": "2026-01-01T12:00:00Z"}, "2026-01-01T12:00:00Z")])
def test_what_failed_before_the_task_began_does_not_count(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], passed: str | None
) -> None:
    asked: list[Result] = []

    def look(options: Result, **_how: bool) -> Look:
        asked.append(options)
        return Look([])

    monkeypatch.setattr(rollout, "look", look)
    assert plugin_of(ActionModule, {"namespace": "monitoring", "workloads": [], **given}).run(task_vars={})["done"]
    since = asked[0]["since"]
    assert since == passed if passed else datetime.now(UTC) - datetime.fromisoformat(since) < timedelta(minutes=1)
