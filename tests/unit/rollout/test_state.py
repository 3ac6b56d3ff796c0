"""How far workloads have rolled out, and why they have not."""

from __future__ import annotations

from typing import Any

import pytest
from workload_objects import (
    NOW,
    SINCE,
    ago,
    container,
    crash,
    crashing,
    deployment,
    event,
    job,
    named,
    pod,
    replica_set,
    service,
    stateful_set,
    waiting,
)

from ansible_collections.miribit.thanos.plugins.module_utils.base.logs import without_secrets
from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem
from ansible_collections.miribit.thanos.plugins.module_utils.receive.metrics import RingFile
from ansible_collections.miribit.thanos.plugins.module_utils.rollout.reasons import (
    LogPlace,
    Reason,
    Scene,
    explain,
    last_events,
    problem,
)
from ansible_collections.miribit.thanos.plugins.module_utils.rollout.ring import Router, explain_ring, judge_ring
from ansible_collections.miribit.thanos.plugins.module_utils.rollout.state import judge

Object = dict[str, Any]

INGESTOR = "thanos-receiver-ingestor-2"
UNFINISHED = stateful_set(updatedReplicas=1, readyReplicas=2, availableReplicas=2)


def reason_of(item: Object, *pods: Object, **more: list[Object]) -> Reason:
    """The reason of an unfinished workload among these pods."""
    state = judge(item["kind"], item["metadata"]["name"], item)
    assert not state.done
    return explain(state, item, Scene(NOW, SINCE, pods, replica_sets=[replica_set()], **more))


def of_container(status: Object, *events: Object, **more: Any) -> Reason:
    return reason_of(UNFINISHED, pod(containers=[status], **more), events=list(events))


def told(reason: Reason) -> str:
    """Every reason names its object, a cause and a fix, without full stops of its own."""
    assert reason.cause
    assert reason.fix
    assert not reason.fix.endswith(".")
    return reason.cause


# How far each kind is.


def test_a_deployment_is_done_when_only_new_pods_are_left_and_all_are_available() -> None:
    assert judge("Deployment", "thanos-query", deployment()).done


@pytest.mark.parametrize(
    ("status", "text"),
    [
        ({"updatedReplicas": 1}, "1 of 2 pods updated, 2 of 2 ready, 1 old"),
        ({"replicas": 3}, "2 of 2 pods updated, 2 of 2 ready, 1 old"),
        ({"readyReplicas": 1, "availableReplicas": 1}, "2 of 2 pods updated, 1 of 2 ready"),
        (
            {"availableReplicas": 1},
            "2 of 2 pods updated, 2 of 2 ready, 1 of 2 available",
        ),
        ({"observedGeneration": 1}, "the last change is not seen yet"),
    ],
)
def test_a_deployment_is_not_done(status: dict[str, int], text: str) -> None:
    state = judge("Deployment", "thanos-query", deployment(**status))
    assert not state.done
    assert state.line() == f"Deployment thanos-query: {text}"


def test_a_new_deployment_without_a_status_is_not_done() -> None:
    item = deployment()
    del item["status"], item["spec"]["replicas"]
    assert not judge("Deployment", "thanos-query", item).done


def test_a_deployment_without_replicas_is_done_when_the_last_pod_is_gone() -> None:
    assert judge("Deployment", "thanos-query", deployment(wanted=0)).done
    assert not judge("Deployment", "thanos-query", deployment(wanted=0, replicas=1)).done


def test_min_ready_seconds_are_waited_for() -> None:
    item = stateful_set(availableReplicas=1)
    item["spec"]["minReadySeconds"] = 120
    state = judge("StatefulSet", "thanos-receiver-ingestor", item)
    assert not state.done
    assert state.text.endswith("3 of 3 ready, 1 of 3 available (minReadySeconds 120)")


@pytest.mark.parametrize(
    "status",
    [
        {},
        # Of a StatefulSet that was never changed, both are the same.
        {"updatedReplicas": 0, "currentRevision": "a", "updateRevision": "a"},
    ],
)
def test_a_stateful_set_is_done(status: dict[str, object]) -> None:
    assert judge("StatefulSet", "x", stateful_set(**status)).done


@pytest.mark.parametrize(
    ("status", "text"),
    [
        ({"updatedReplicas": 2}, "2 of 3 pods updated, 3 of 3 ready"),
        ({"readyReplicas": 2, "availableReplicas": 2}, "3 of 3 pods updated, 2 of 3 ready"),
        ({"replicas": 4, "readyReplicas": 3}, "3 of 3 pods updated, 3 of 3 ready, 1 to go"),
        ({"observedGeneration": 1}, "the last change is not seen yet"),
    ],
)
def test_a_stateful_set_is_not_done(status: dict[str, object], text: str) -> None:
    state = judge("StatefulSet", "x", stateful_set(**status))
    assert (state.done, state.text) == (False, text)


@pytest.mark.parametrize(
    ("strategy", "updated"),
    [({"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}, 1), ({"type": "OnDelete"}, 0)],
)
def test_pods_that_a_stateful_set_is_told_not_to_update_are_not_waited_for(strategy: Object, updated: int) -> None:
    item = stateful_set(updatedReplicas=updated)
    item["spec"]["updateStrategy"] = strategy
    assert judge("StatefulSet", "x", item).done


def test_a_daemon_set_is_done_when_every_node_has_a_new_available_pod() -> None:
    numbers = {"desiredNumberScheduled": 3, "updatedNumberScheduled": 3, "numberReady": 3, "numberAvailable": 3}
    item = {**named("DaemonSet", "node-exporter"), "spec": {}, "status": {"observedGeneration": 2, **numbers}}
    assert judge("DaemonSet", "node-exporter", item).done
    item["status"]["updatedNumberScheduled"] = 1
    assert judge("DaemonSet", "node-exporter", item).text == "1 of 3 pods updated, 3 of 3 ready"


def test_a_job_is_done_when_it_is_complete() -> None:
    assert judge("Job", "thanos-probe", job("Complete", succeeded=1)).done
    assert judge("Job", "thanos-probe", job(active=1)).text == "1 running, 0 failed"


def test_an_ingress_is_done_without_an_address() -> None:
    assert judge("Ingress", "thanos-receiver", named("Ingress", "thanos-receiver")).done


def test_a_service_without_a_load_balancer_is_done() -> None:
    item = service()
    item["spec"]["type"] = "ClusterIP"
    assert judge("Service", "thanos-receiver", item).done


@pytest.mark.parametrize(
    "item",
    [
        service("192.168.101.210"),
        service("192.168.101.210", asked="192.168.101.210"),
        service("192.168.101.210", "fd00::1", **{"metallb.io/loadBalancerIPs": "fd00::1, 192.168.101.210"}),
    ],
)
def test_a_service_is_done_with_the_address_that_it_asks_for(item: Object) -> None:
    assert judge("Service", "thanos-receiver", item).done


@pytest.mark.parametrize(
    ("item", "text"),
    [
        (service(), "no address yet"),
        (service(asked="192.168.101.210"), "no address yet, asked for 192.168.101.210"),
        (
            service("192.168.101.211", **{"metallb.universe.tf/loadBalancerIPs": "192.168.101.210"}),
            "has the address 192.168.101.211, asked for 192.168.101.210",
        ),
    ],
)
def test_a_service_without_its_address_is_not_done(item: Object, text: str) -> None:
    state = judge("Service", "thanos-receiver", item)
    assert (state.done, state.text) == (False, text)


def test_what_is_being_deleted_is_not_done() -> None:
    item = deployment()
    item["metadata"]["deletionTimestamp"] = ago(5)
    assert judge("Deployment", "thanos-query", item).text == "it is being deleted"


# Why a workload is not done: what waiting does not mend.

PULL = (
    'Back-off pulling image "quay.io/thanos/thanos:v9": ErrImagePull: rpc error: code = NotFound desc = failed to pull '
    'and unpack image "quay.io/thanos/thanos:v9": failed to resolve reference "quay.io/thanos/thanos:v9": '
    "quay.io/thanos/thanos:v9: not found"
)
FAILED_PULL = 'Failed to pull image "quay.io/thanos/thanos:v9": rpc error: code = NotFound desc = not found'


def failed_pull(seconds_ago: float) -> Object:
    return event("Pod", INGESTOR, "Failed", FAILED_PULL, seconds_ago=seconds_ago)


def test_an_image_that_cannot_be_pulled_is_hopeless() -> None:
    reason = of_container(container(waiting("ImagePullBackOff", PULL)), failed_pull(10))
    assert reason.hopeless
    assert reason.short == f"{INGESTOR}: ImagePullBackOff"
    assert told(reason).startswith(f"pod {INGESTOR}: container receive cannot get its image quay.io/thanos/thanos:v0")
    assert "quay.io/thanos/thanos:v9: not found" in reason.cause
    assert "variables fleet_*_image" in reason.fix


@pytest.mark.parametrize(
    ("status", "seconds_ago", "age"),
    [
        # The next pull can go well: the pod is young,
        (container(waiting("ErrImagePull", PULL)), 5, 10),
        # the last pull is from before the cause was mended,
        (container(waiting("ImagePullBackOff", PULL)), 200, 600),
        # or the container has already run.
        (container(waiting("ImagePullBackOff", PULL), restarts=1), 5, 600),
    ],
)
def test_an_image_that_may_still_be_pulled_is_waited_for(status: Object, seconds_ago: float, age: float) -> None:
    reason = of_container(status, failed_pull(seconds_ago), age=age)
    assert not reason.hopeless
    assert "cannot get its image" in told(reason)


@pytest.mark.parametrize(
    ("word", "message", "fix"),
    [
        (
            "ErrImageNeverPull",
            'Container image "quay.io/thanos/thanos:v0.42.4" is not present with pull policy of Never',
            "imagePullPolicy",
        ),
        (
            "InvalidImageName",
            'Failed to apply default image tag "a b": couldn\'t parse image name "a b": invalid reference format',
            "correct the image",
        ),
        ("CreateContainerConfigError", 'secret "thanos-objectstorage" not found', "make the Secret or ConfigMap"),
    ],
)
def test_what_only_a_change_mends_is_hopeless_once_it_lasts(word: str, message: str, fix: str) -> None:
    reason = of_container(container(waiting(word, message)))
    assert reason.hopeless
    assert f"({word}: {message})" in told(reason)
    assert fix in reason.fix
    assert not of_container(container(waiting(word, message)), age=10).hopeless


def test_a_container_that_ends_again_and_again_is_hopeless_and_its_last_log_is_wanted() -> None:
    reason = of_container(crashing())
    assert reason.hopeless
    assert reason.short == f"{INGESTOR}: CrashLoopBackOff"
    assert told(reason) == (
        f"pod {INGESTOR}: container receive ended with exit code 1 (Error) and was started again 4 times"
    )
    assert "read the log above" in reason.fix
    assert reason.log == LogPlace(INGESTOR, "receive", previous=True)


@pytest.mark.parametrize("status", [crashing(restarts=2), crashing(seconds_ago=200)])
def test_a_container_that_may_have_been_mended_is_waited_for(status: Object) -> None:
    assert not of_container(status).hopeless


def test_a_container_that_has_just_ended_is_told() -> None:
    reason = of_container(container({"terminated": crash()}))
    assert reason.short == f"{INGESTOR}: Error"
    assert reason.log == LogPlace(INGESTOR, "receive", previous=False)


def test_a_container_that_needs_more_memory_is_told() -> None:
    reason = of_container(crashing(code=137, reason="OOMKilled"))
    assert "exit code 137 (OOMKilled)" in told(reason)
    assert reason.fix.startswith("raise the container's memory limit")


QUOTA = (
    "create Pod thanos-receiver-ingestor-2 in StatefulSet thanos-receiver-ingestor failed error: pods "
    '"thanos-receiver-ingestor-2" is forbidden: exceeded quota: tight, requested: limits.memory=2Gi, used: '
    "limits.memory=4Gi, limited: limits.memory=5Gi"
)
POD_SECURITY = (
    'Error creating: pods "thanos-query-6d4cf56db6-" is forbidden: violates PodSecurity "restricted:latest": '
    'allowPrivilegeEscalation != false (container "query" must set securityContext.allowPrivilegeEscalation=false)'
)


def test_pods_that_a_quota_forbids_are_hopeless() -> None:
    events = [event("StatefulSet", "thanos-receiver-ingestor", "FailedCreate", QUOTA)]
    reason = reason_of(UNFINISHED, events=events)
    assert reason.hopeless
    assert "exceeded quota: tight, requested: limits.memory=2Gi" in told(reason)
    assert reason.fix.startswith("raise the ResourceQuota")


def test_pods_that_a_policy_forbids_are_hopeless() -> None:
    events = [event("ReplicaSet", "thanos-query-6d4cf56db6", "FailedCreate", POD_SECURITY)]
    reason = reason_of(deployment(updatedReplicas=0), events=events)
    assert reason.hopeless
    assert "violates PodSecurity" in told(reason)
    assert "securityContext" in reason.fix


def test_a_quota_that_a_pod_on_its_way_out_may_free_is_waited_for() -> None:
    leaving = pod()
    leaving["metadata"] |= {"deletionTimestamp": ago(5), "deletionGracePeriodSeconds": 900}
    events = [event("StatefulSet", "thanos-receiver-ingestor", "FailedCreate", QUOTA)]
    assert not reason_of(UNFINISHED, leaving, events=events).hopeless


def test_a_quota_that_may_have_been_raised_since_is_waited_for_and_told() -> None:
    events = [event("StatefulSet", "thanos-receiver-ingestor", "FailedCreate", QUOTA, seconds_ago=200)]
    reason = reason_of(UNFINISHED, events=events)
    assert not reason.hopeless
    assert "exceeded quota" in told(reason)


def test_a_deployment_tells_itself_that_its_pods_cannot_be_created() -> None:
    item = deployment(updatedReplicas=0)
    item["status"]["conditions"] = [
        {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "Internal error occurred"}
    ]
    assert told(reason_of(item)) == "its pods cannot be created: Internal error occurred"


def test_a_failed_job_is_hopeless_and_its_last_log_is_wanted() -> None:
    item = job("Failed", failed=1)
    item["status"]["conditions"][0] |= {
        "reason": "BackoffLimitExceeded",
        "message": "Job has reached the specified backoff limit",
    }
    last = pod("thanos-probe-x2x7k", ("Job", "thanos-probe"), [container({"terminated": crash()})], age=10)
    first = pod("thanos-probe-abcde", ("Job", "thanos-probe"), [container({"terminated": crash()})], age=60)
    reason = reason_of(item, first, last)
    assert reason.hopeless
    assert told(reason) == "it has failed (BackoffLimitExceeded: Job has reached the specified backoff limit)"
    assert reason.log == LogPlace("thanos-probe-x2x7k", "receive", previous=False)


def test_a_job_decides_itself_how_often_it_may_crash() -> None:
    crashed = pod("thanos-probe-x2x7k", ("Job", "thanos-probe"), [crashing()])
    assert not reason_of(job(active=1), crashed).hopeless


def test_a_missing_object_is_hopeless() -> None:
    state = judge("Deployment", "thanos-query", None)
    reason = explain(state, None, Scene(NOW, SINCE))
    assert reason.hopeless
    assert told(reason) == state.text == "it does not exist"


def test_a_paused_deployment_is_hopeless() -> None:
    item = deployment(updatedReplicas=0)
    item["spec"]["paused"] = True
    reason = reason_of(item)
    assert reason.hopeless
    assert "rollout resume deployment thanos-query" in reason.fix


# What is waited for, and told when the time is up.


@pytest.mark.parametrize("word", ["ContainerCreating", "PodInitializing"])
def test_a_container_that_is_being_made_is_normal(word: str) -> None:
    reason = of_container(container(waiting(word)))
    assert reason.calm
    assert reason.short == f"{INGESTOR}: {word}"


def test_a_pod_that_nobody_has_looked_at_yet_is_normal() -> None:
    assert reason_of(UNFINISHED, pod()).calm


def test_a_container_that_runs_but_is_not_ready_is_told_with_its_log() -> None:
    reason = of_container(container({"running": {"startedAt": ago(60)}}, restarts=1))
    assert told(reason) == f"pod {INGESTOR}: container receive runs, but is not ready, and was started again once"
    assert reason.log == LogPlace(INGESTOR, "receive", previous=False)


def test_an_init_container_that_runs_is_told() -> None:
    initialising = pod(containers=[container(waiting("PodInitializing"))])
    initialising["spec"]["initContainers"] = [{"name": "chown", "image": "busybox"}]
    initialising["status"]["initContainerStatuses"] = [container({"running": {}}, name="chown")]
    assert reason_of(UNFINISHED, initialising).log == LogPlace(INGESTOR, "chown", previous=False)


def test_a_container_that_cannot_be_started_for_another_reason_is_passed_on() -> None:
    reason = of_container(container(waiting("RunContainerError", "exec: no such file")))
    assert "is not started yet (exec: no such file)" in told(reason)
    assert not reason.calm


def test_a_pod_that_is_terminating_is_told_with_the_time_that_it_has() -> None:
    leaving = pod(ready=True)
    leaving["metadata"] |= {"deletionTimestamp": ago(5), "deletionGracePeriodSeconds": 900}
    reason = reason_of(UNFINISHED, leaving)
    assert told(reason) == f"pod {INGESTOR} is terminating, for which it has 900 s"
    assert reason.short == f"{INGESTOR}: terminating"


@pytest.mark.parametrize(
    ("message", "fix"),
    [
        ("0/1 nodes are available: 1 Insufficient memory. preemption: 0/1 nodes are available", "add a node"),
        ("0/3 nodes are available: 3 node(s) didn't match pod anti-affinity rules.", "add nodes"),
        ("0/1 nodes are available: 1 node(s) had untolerated taint {a: b}.", "take the taint away"),
        ("0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.", "correct what it names"),
    ],
)
def test_a_pod_that_fits_nowhere_is_waited_for_and_explained(message: str, fix: str) -> None:
    reason = reason_of(UNFINISHED, unschedulable(message))
    assert not reason.hopeless
    assert reason.short == f"{INGESTOR}: Unschedulable"
    assert told(reason) == f"pod {INGESTOR} fits on no node: {message}"
    assert reason.fix.startswith(fix)


def unschedulable(message: str) -> Object:
    item = pod()
    item["status"]["conditions"] = [
        {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    ]
    item["spec"]["volumes"] = [
        {"name": "config", "configMap": {"name": "x"}},
        {"name": "data", "persistentVolumeClaim": {"claimName": f"data-{INGESTOR}"}},
    ]
    return item


@pytest.mark.parametrize(
    ("spec", "told_of_class"),
    [
        ({"storageClassName": "longhorn"}, "(StorageClass longhorn)"),
        ({}, "(it names no StorageClass, and none is default)"),
    ],
)
def test_a_volume_that_stays_pending_is_explained_by_its_storage_class(spec: Object, told_of_class: str) -> None:
    message = "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims."
    claim = {**named("PersistentVolumeClaim", f"data-{INGESTOR}"), "spec": spec, "status": {"phase": "Pending"}}
    reason = reason_of(UNFINISHED, unschedulable(message), claims=[claim])
    assert f"; volume claim data-{INGESTOR} is Pending {told_of_class}" in told(reason)
    assert "a StorageClass that exists" in reason.fix


def test_a_service_without_an_address_is_explained_by_its_events() -> None:
    message = 'Failed to allocate IP for "monitoring/thanos-receiver": ["192.168.1.1"] is not allowed in config'
    events = [event("Service", "thanos-receiver", "AllocationFailed", message)]
    item = service(asked="192.168.1.1")
    reason = reason_of(item, events=events)
    assert not reason.hopeless
    assert told(reason) == "no address is assigned to it (asked for 192.168.1.1)"
    assert "load balancer's pool" in reason.fix
    state = judge("Service", "thanos-receiver", item)
    assert last_events(state, item, Scene(NOW, SINCE, events=events)) == [
        f"AllocationFailed (Service thanos-receiver): {message}"
    ]


def test_a_service_that_nobody_gives_an_address_is_explained() -> None:
    reason = reason_of(service())
    assert told(reason) == "no address is assigned to it, and no event says why"
    assert reason.fix.startswith("run a load balancer controller")


def test_a_service_with_another_address_is_explained() -> None:
    reason = reason_of(service("192.168.101.211", asked="192.168.101.210"))
    assert told(reason) == "it has the address 192.168.101.211, not 192.168.101.210"


def test_a_workload_without_a_reason_is_told_as_it_is() -> None:
    item = stateful_set(availableReplicas=2)
    reason = reason_of(item, *(pod(f"thanos-receiver-ingestor-{number}", ready=True) for number in range(3)))
    assert reason.calm
    assert told(reason) == judge("StatefulSet", "x", item).text


# Whose pods count.


def test_what_is_hopeless_is_told_before_what_is_not() -> None:
    starting = pod("thanos-receiver-ingestor-0", containers=[container(waiting("ContainerCreating"))])
    reason = reason_of(UNFINISHED, starting, pod(containers=[crashing()]))
    assert reason.short == f"{INGESTOR}: CrashLoopBackOff"


def test_old_pods_of_a_deployment_are_not_blamed() -> None:
    old = pod("thanos-query-old-x", ("ReplicaSet", "thanos-query-old"), [crashing()])
    new = pod("thanos-query-6d4cf56db6-x", ("ReplicaSet", "thanos-query-6d4cf56db6"), [crashing(restarts=0)])
    item = deployment(updatedReplicas=1)
    sets = [replica_set(revision=2, suffix="old"), replica_set()]
    state = judge("Deployment", "thanos-query", item)
    reason = explain(state, item, Scene(NOW, SINCE, [old, new], replica_sets=sets))
    assert reason.short == "thanos-query-6d4cf56db6-x: CrashLoopBackOff"
    assert not reason.hopeless


def test_an_old_pod_that_blocks_a_stateful_set_is_told_to_be_deleted() -> None:
    reason = of_container(crashing(), revision="old")
    assert reason.hopeless
    assert "starts its pods in order waits for it instead of replacing it" in told(reason)
    assert reason.fix.endswith(f"kubectl -n monitoring delete pod {INGESTOR}")


def test_an_old_pod_of_a_parallel_stateful_set_is_waited_for() -> None:
    item = stateful_set(updatedReplicas=1, readyReplicas=2)
    item["spec"]["podManagementPolicy"] = "Parallel"
    assert not reason_of(item, pod(containers=[crashing()], revision="old")).hopeless


def test_pods_of_others_and_pods_that_were_evicted_are_not_blamed() -> None:
    evicted = pod(containers=[crashing()])
    evicted["status"]["phase"] = "Failed"
    other = pod("other-0", ("StatefulSet", "other"), [crashing()])
    assert "other" not in told(reason_of(UNFINISHED, evicted, other))


# What is told.


def test_a_problem_has_object_cause_events_log_and_fix() -> None:
    item, events = (
        UNFINISHED,
        [event("Pod", INGESTOR, "BackOff", "Back-off restarting", seconds_ago=n, count=n) for n in range(1, 6)],
    )
    broken = pod(containers=[crashing()])
    broken["spec"]["volumes"] = unschedulable("")["spec"]["volumes"]
    events.append(
        event("PersistentVolumeClaim", f"data-{INGESTOR}", "ProvisioningFailed", "no such class", seconds_ago=0)
    )
    events.append({**event("Pod", INGESTOR, "Pulled", "normal", seconds_ago=0), "type": "Normal"})
    events.append(event("Pod", "other-0", "BackOff", "of another", seconds_ago=0))
    scene = Scene(NOW, SINCE, [broken], events=events)
    state = judge("StatefulSet", "thanos-receiver-ingestor", item)
    log = "\n".join(["too old", *(f"line {number}" for number in range(9)), "secret_key: hunter2"])
    found = problem("StatefulSet a/b in context c", explain(state, item, scene), last_events(state, item, scene), log)
    assert found.subject == "StatefulSet a/b in context c"
    assert found.cause.splitlines() == [
        f"pod {INGESTOR}: container receive ended with exit code 1 (Error) and was started again 4 times",
        f"  event ProvisioningFailed (PersistentVolumeClaim data-{INGESTOR}): no such class",
        f"  event BackOff (Pod {INGESTOR}): Back-off restarting",
        f"  event BackOff (Pod {INGESTOR}, 2 times): Back-off restarting",
        *(f"  log: line {number}" for number in range(9)),
        "  log: secret_key: ***",
    ]
    assert "Fix: read the log above" in str(found)


def test_an_event_of_the_new_kind_is_dated_by_its_series() -> None:
    newer = event("Service", "thanos-receiver", "AllocationFailed", "newer", seconds_ago=60)
    newer |= {"lastTimestamp": None, "eventTime": ago(60), "series": {"count": 7, "lastObservedTime": ago(1)}}
    older = event("Service", "thanos-receiver", "AllocationFailed", "older", seconds_ago=30)
    item = service()
    lines = last_events(judge("Service", "thanos-receiver", item), item, Scene(NOW, SINCE, events=[older, newer]))
    assert lines[0] == "AllocationFailed (Service thanos-receiver, 7 times): newer"


@pytest.mark.parametrize(
    "text",
    [
        "secret_key: hunter2",
        'err="bad config: access_key=hunter2 hunter2"',
        r'{"msg":"\"password\": \"hunter2\""}',
        "Authorization: Bearer hunter2",
        "dial http://user:hunter2@host/",
    ],
)
def test_secrets_are_masked(text: str) -> None:
    assert "hunter2" not in without_secrets(text)
    assert "***" in without_secrets(text)


@pytest.mark.parametrize(
    "text",
    ['secret "thanos-objectstorage" not found', "The Access Key Id you provided does not exist in our records."],
)
def test_what_helps_is_not_masked(text: str) -> None:
    assert without_secrets(text) == text


# Rings.

RING = 47883010003791
FILE = RingFile(RING, loaded=1767268700.25, errors=0)
USED = Router("router-a", ready=True, file=FILE, uses_it=True)


def test_a_ring_is_done_when_every_router_uses_it() -> None:
    state = judge_ring(RING, [USED, USED], 2)
    assert state.done
    assert state.line() == f"Ring {RING}: 2 of 2 routers use it"


@pytest.mark.parametrize(("routers", "wanted"), [([USED], 2), ([USED, USED], 1), ([], None), ([], 0)])
def test_a_ring_needs_as_many_routers_as_there_are_replicas(routers: list[Router], wanted: int | None) -> None:
    assert not judge_ring(RING, routers, wanted).done
    assert "correct 'ring.selector'" in explain_ring(RING, routers, "a=b").fix


@pytest.mark.parametrize(
    ("router", "short", "cause"),
    [
        (Router("r", ready=False), "r: not ready", "pod r is not ready"),
        (Router("r", True, silent=Problem("pod m/r", "it is silent", "talk")), "r: no answer", "pod m/r: it is silent"),
        (Router("r", True), "r: no hashring file", "pod r loads no hashring file"),
        (Router("r", True, RingFile(1, 0, 0)), "r: has ring 1", "pod r still has the ring 1"),
        (
            Router("r", True, RingFile(1, 0, 3), refused="no JSON"),
            "r: refuses the file",
            "refuses the new file: no JSON",
        ),
        (Router("r", True, FILE), "r: sets up the ring", "nothing shows that it has set up the ring"),
    ],
)
def test_a_router_that_does_not_use_the_ring_is_told(router: Router, short: str, cause: str) -> None:
    assert not judge_ring(RING, [USED, router], 2).done
    reason = explain_ring(RING, [USED, router], "a=b")
    assert reason.short == short
    assert cause in told(reason)
