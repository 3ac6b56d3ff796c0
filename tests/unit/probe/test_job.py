"""The Job of a probe, what the state of its pod means, and how it is run."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import pytest
from probe_cluster import NOW, ProbeCluster, probe_cluster, ran, waits

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.kube.objects import Objects
from ansible_collections.miribit.thanos.plugins.module_utils.probe import run as probe_run
from ansible_collections.miribit.thanos.plugins.module_utils.probe.job import (
    Outcome,
    Probe,
    Step,
    left_overs,
    masked,
    option_problems,
)

__all__ = ["probe_cluster"]

SECRET = "planted-secret-value"
PROBE = Probe(
    what="test",
    namespace="monitoring",
    image="registry.example/it:v1",
    steps=(Step("list", ("/bin/it", "list")), Step("write", ("/bin/it", "write"))),
    files={"file.yml": f"password: {SECRET}"},
    seconds=30,
)


def run(probe_cluster: ProbeCluster, **changes: Any) -> dict[str, Outcome]:
    return probe_run.run(Objects(probe_cluster), replace(PROBE, **changes))


def problem(probe_cluster: ProbeCluster, **changes: Any) -> str:
    """The one problem of a run, without the random part of the name."""
    with pytest.raises(ProblemError) as raised:
        run(probe_cluster, **changes)
    return str(raised.value).replace(probe_cluster.job["metadata"]["name"], "NAME")


# The objects.


def test_the_job_deletes_itself_even_if_nobody_waits_for_it() -> None:
    spec = PROBE.job("name")["spec"]
    assert spec["ttlSecondsAfterFinished"] == 60
    assert spec["backoffLimit"] == 0
    # Later than whoever waits, because the logs go with the pod.
    assert spec["activeDeadlineSeconds"] > PROBE.seconds


def test_steps_follow_each_other_as_init_containers_or_run_at_once() -> None:
    spec = PROBE.job("name")["spec"]["template"]["spec"]
    assert [container["name"] for container in spec["initContainers"]] == ["list"]
    assert [container["name"] for container in spec["containers"]] == ["write"]
    spec = replace(PROBE, at_once=True).job("name")["spec"]["template"]["spec"]
    assert [container["name"] for container in spec["containers"]] == ["list", "write"]
    assert "initContainers" not in spec


def test_the_pod_keeps_to_the_restricted_profile() -> None:
    pod = PROBE.job("name")["spec"]["template"]["spec"]
    assert pod["restartPolicy"] == "Never"
    assert pod["automountServiceAccountToken"] is pod["enableServiceLinks"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in [*pod["initContainers"], *pod["containers"]]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }


def test_a_service_account_is_used_if_one_is_given() -> None:
    assert "serviceAccountName" not in PROBE.job("name")["spec"]["template"]["spec"]
    job = replace(PROBE, service_account="thanos").job("name")
    assert job["spec"]["template"]["spec"]["serviceAccountName"] == "thanos"


def test_every_object_has_the_labels_by_which_it_is_found() -> None:
    job = PROBE.job("name")
    secret = PROBE.secret({"metadata": {"name": "name", "uid": "u"}})
    for labels in (
        job["metadata"]["labels"],
        job["spec"]["template"]["metadata"]["labels"],
        secret["metadata"]["labels"],
    ):
        assert labels["miribit.thanos/probe"] == "true"
        assert labels["app.kubernetes.io/managed-by"] == "miribit.thanos"


def test_names_differ() -> None:
    first, second = PROBE.new_name(), PROBE.new_name()
    assert first.startswith("miribit-thanos-probe-test-")
    assert first != second


# Secrets.


def test_a_secret_is_only_in_the_secret_which_belongs_to_the_job(probe_cluster: ProbeCluster) -> None:
    probe_cluster.pods = [ran(list=0, write=0)]
    run(probe_cluster)
    job, secret = probe_cluster.created
    assert SECRET not in json.dumps(job) + repr(PROBE)
    assert base64.b64decode(secret["data"]["file.yml"]).decode() == f"password: {SECRET}"
    (owner,) = secret["metadata"]["ownerReferences"]
    assert owner == {"apiVersion": "batch/v1", "kind": "Job", "name": job["metadata"]["name"], "uid": "u-1"}
    (volume,) = job["spec"]["template"]["spec"]["volumes"]
    assert volume["secret"]["secretName"] == secret["metadata"]["name"]


@pytest.mark.parametrize(
    ("text", "hidden", "shown"),
    [
        ("it is abcdef.", ["abcdef"], "it is <secret>."),
        ("abcdefgh", ["abcd", "abcdefgh"], "<secret>"),
        ('"a\\"bcd"', ['a"bcd'], '"<secret>"'),
        ("second-line", ["first-line\nsecond-line"], "<secret>"),
        ("an abc", ["abc", ""], "an abc"),
    ],
)
def test_a_secret_is_hidden_in_texts(text: str, hidden: list[str], shown: str) -> None:
    assert masked(text, hidden) == shown


# A run.


def test_the_logs_of_all_steps_come_back_and_the_job_goes(probe_cluster: ProbeCluster) -> None:
    probe_cluster.pods = [waits("PodInitializing"), ran(list=0, write=None), ran(list=0, write=1)]
    probe_cluster.logs = {"list": "fine", "write": "not fine"}
    assert run(probe_cluster) == {"list": Outcome(0, "fine"), "write": Outcome(1, "not fine")}
    name = probe_cluster.job["metadata"]["name"]
    assert probe_cluster.asked[-1] == f"DELETE jobs/{name}"


def test_a_step_that_runs_when_the_time_is_up_comes_back_without_exit_code(probe_cluster: ProbeCluster) -> None:
    probe_cluster.pods = [ran(list=0, write=None)]
    probe_cluster.logs = {"write": "so far"}
    assert run(probe_cluster, seconds=0) == {"list": Outcome(0, ""), "write": Outcome(None, "so far")}
    assert probe_cluster.asked[-1].startswith("DELETE jobs/")


def test_a_run_ends_when_the_rest_is_not_worth_waiting_for(probe_cluster: ProbeCluster) -> None:
    probe_cluster.pods = [ran(list=1, write=None)]
    outcomes = probe_run.run(Objects(probe_cluster), PROBE, lambda ended: 0 if "list" in ended else None)
    assert outcomes == {"list": Outcome(1, ""), "write": Outcome(None, "")}


def test_the_job_goes_even_if_its_secret_is_refused(probe_cluster: ProbeCluster) -> None:
    probe_cluster.refusals = {"POST secrets": (403, "no")}
    assert "the API server forbids it: no" in problem(probe_cluster)
    assert probe_cluster.asked[-1].startswith("DELETE jobs/")


def test_a_job_that_cannot_be_deleted_does_not_matter_since_it_deletes_itself(probe_cluster: ProbeCluster) -> None:
    probe_cluster.pods = [ran(list=0)]
    probe_cluster.refusals = {"DELETE jobs": (500, "etcd")}
    assert run(probe_cluster) == {"list": Outcome(0, "")}


def test_a_conflict_is_told(probe_cluster: ProbeCluster) -> None:
    probe_cluster.refusals = {"POST jobs": (409, "please apply your changes to the latest version")}
    with pytest.raises(ProblemError, match="the API server was busy"):
        run(probe_cluster)


def test_left_overs_of_killed_runs_are_deleted_on_the_way(probe_cluster: ProbeCluster) -> None:
    probe_cluster.pods = [ran(list=0)]
    probe_cluster.jobs = [
        {"metadata": {"name": "old", "creationTimestamp": "2026-11-21T11:49:59Z"}},
        {"metadata": {"name": "young", "creationTimestamp": "2026-11-21T11:50:01Z"}},
    ]
    assert left_overs(probe_cluster.jobs, NOW) == ["old"]
    run(probe_cluster)
    assert "DELETE jobs/old" in probe_cluster.asked
    assert "DELETE jobs/young" not in probe_cluster.asked


def test_left_overs_that_may_not_be_listed_do_not_matter(probe_cluster: ProbeCluster) -> None:
    probe_cluster.pods = [ran(list=0)]
    probe_cluster.refusals = {"GET jobs": (403, "no")}
    assert run(probe_cluster)


# What keeps a pod from running. The texts are those of Kubernetes 1.34.


def test_an_image_that_cannot_be_pulled_is_told(probe_cluster: ProbeCluster) -> None:
    text = 'Back-off pulling image "registry.example/it:v1": ErrImagePull: not found'
    probe_cluster.pods = [waits("ErrImagePull", "not found"), waits("ImagePullBackOff", text)]
    assert problem(probe_cluster).startswith(
        "Image registry.example/it:v1: Probe monitoring/NAME in context cluster-03 cannot pull it "
        f"(ImagePullBackOff: {text}). Fix: correct 'image', or let the nodes pull it"
    )


def test_what_passes_is_waited_for(probe_cluster: ProbeCluster) -> None:
    probe_cluster.pods = [waits("ErrImagePull", "i/o timeout"), waits("ContainerCreating"), ran(list=0)]
    assert run(probe_cluster) == {"list": Outcome(0, "")}


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        ("InvalidImageName", "cannot use this name. Fix: correct 'image'."),
        ("CreateContainerConfigError", "its container cannot be made (CreateContainerConfigError: why)"),
    ],
)
def test_a_container_that_cannot_be_made_is_told(probe_cluster: ProbeCluster, reason: str, cause: str) -> None:
    probe_cluster.pods = [waits(reason, "why")]
    assert cause in problem(probe_cluster)


def test_a_pod_that_no_node_takes_is_told(probe_cluster: ProbeCluster) -> None:
    message = "0/1 nodes are available: 1 Insufficient memory."
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    probe_cluster.pods = [{"phase": "Pending", "conditions": [condition]}]
    assert f"no node takes it: {message}. Fix: free 64Mi" in problem(probe_cluster)


@pytest.mark.parametrize(
    ("message", "fix"),
    [
        (
            'Error creating: pods "x" is forbidden: exceeded quota: q, requested: pods=1, used: pods=1',
            "raise the quota",
        ),
        (
            'Error creating: pods "x" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation',
            "take from the namespace's policy",
        ),
        (
            'Error creating: pods "x" is forbidden: minimum memory usage per Container is 1Gi, but request is 64Mi',
            "let the namespace's LimitRange take",
        ),
        ("Error creating: admission webhook denied the request", "allow what it names"),
    ],
)
def test_a_pod_that_is_refused_is_told(probe_cluster: ProbeCluster, message: str, fix: str) -> None:
    probe_cluster.events = [
        {"type": "Normal", "reason": "SuccessfulCreate", "message": "x"},
        {"type": "Warning", "reason": "FailedCreate", "message": message},
    ]
    assert f"Probe monitoring/NAME in context cluster-03: it is refused: {message}. Fix: {fix}" in problem(
        probe_cluster
    )


def test_a_pod_that_does_not_begin_in_time_is_told_with_its_last_warning(probe_cluster: ProbeCluster) -> None:
    probe_cluster.pods = [waits("ContainerCreating")]
    probe_cluster.events = [{"type": "Warning", "reason": "FailedMount", "message": "no space"}]
    assert "it has not begun within 0 s; last event: FailedMount: no space. Fix: " in problem(probe_cluster, seconds=0)


def test_a_job_without_a_pod_is_told(probe_cluster: ProbeCluster) -> None:
    assert "it has not begun within 0 s. Fix: " in problem(probe_cluster, seconds=0)


def test_an_image_without_the_program_is_told(probe_cluster: ProbeCluster) -> None:
    message = 'exec: "/bin/it": stat /bin/it: no such file or directory'
    state = {"terminated": {"exitCode": 128, "reason": "StartError", "message": message}}
    statuses = [{"name": "list", "image": "registry.example/it:v1", "state": state}]
    probe_cluster.pods = [{"phase": "Failed", "containerStatuses": statuses}]
    assert f"Image registry.example/it:v1: its program cannot be started: {message}" in problem(probe_cluster)


def test_too_little_memory_is_told(probe_cluster: ProbeCluster) -> None:
    state = {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}
    statuses = [{"name": "list", "image": "registry.example/it:v1", "state": state}]
    probe_cluster.pods = [{"phase": "Failed", "initContainerStatuses": statuses}]
    assert "step list took more than 256Mi of memory" in problem(probe_cluster)


def test_an_eviction_is_told(probe_cluster: ProbeCluster) -> None:
    probe_cluster.pods = [{"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."}]
    assert "it was ended (Evicted: The node was low on resource: memory.)" in problem(probe_cluster)


def test_a_pod_that_is_over_without_a_trace_is_told(probe_cluster: ProbeCluster) -> None:
    probe_cluster.pods = [{"phase": "Failed"}]
    assert "it has not begun within 30 s" in problem(probe_cluster)


@pytest.mark.parametrize(
    ("image", "seconds", "subjects"),
    [
        ("registry.example/it:v1", 60, []),
        ("", 9, ["Option image", "Option timeout"]),
        ("two words", 301, ["Option image", "Option timeout"]),
    ],
)
def test_options_that_cannot_be_are_refused_all_at_once(image: str, seconds: int, subjects: list[str]) -> None:
    assert [problem.subject for problem in option_problems(image, seconds)] == subjects
