# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why workloads have not rolled out: told from their pods, events and volume claims."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ansible_collections.miribit.thanos.plugins.module_utils.base.logs import without_secrets
from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem
from ansible_collections.miribit.thanos.plugins.module_utils.kube.containers import is_leaving, is_ready, is_terminating
from ansible_collections.miribit.thanos.plugins.module_utils.kube.objects import Object
from ansible_collections.miribit.thanos.plugins.module_utils.rollout.state import (
    WITH_PODS,
    State,
    asked_addresses,
    condition,
    given_addresses,
    has_pods_of,
    pods_wanted,
)

LOG_LINES = 10
_EVENTS = 3
_LINE_LENGTH = 400

# What a kubelet tries again after at most 15 s is not hopeless before.
_PATIENCE = timedelta(seconds=20)
_HOPELESS_RESTARTS = 3

_STARTING = {"ContainerCreating", "PodInitializing", "waiting"}
_NO_IMAGE = {"ErrImagePull", "ImagePullBackOff"}
# Waiting does not mend these.
_SETTLED = {"CreateContainerConfigError", "ErrImageNeverPull", "InvalidImageName"}


@dataclass(frozen=True)
class LogPlace:
    pod: str
    container: str
    previous: bool


@dataclass(frozen=True)
class Reason:
    """Why something has not rolled out.

    Short is for the line of progress. Calm is what is normal for some time; hopeless is what waiting does not mend.
    """

    short: str
    cause: str
    fix: str
    calm: bool = False
    hopeless: bool = False
    log: LogPlace | None = None


@dataclass(frozen=True)
class Scene:
    """What surrounds the workloads, at one moment. What happened before 'since' does not count as hopeless."""

    now: datetime
    since: datetime
    pods: Sequence[Object] = ()
    replica_sets: Sequence[Object] = ()
    events: Sequence[Object] = ()
    claims: Sequence[Object] = ()


def explain(state: State, item: Object | None, scene: Scene) -> Reason:
    """Why a workload is not done. What is hopeless comes first."""
    if item is None:
        return Reason("", "it does not exist", "apply it, and see who deletes it if it was applied", hopeless=True)
    match state.kind:
        case "Service":
            return _no_address(item, scene)
        case "Deployment" if item["spec"].get("paused"):
            fix = f"let it go on with 'kubectl -n {_namespace(item)} rollout resume deployment {state.name}'"
            return Reason("paused", "it is paused", fix, hopeless=True)
        case "Job" if failed := condition(item, "Failed"):
            pods = [pod for pod in scene.pods if _owner(pod) == ("Job", state.name)]
            cause = f"it has failed ({failed.get('reason')}: {without_secrets(failed.get('message'))})"
            fix = "read the events and the log above, correct what they name, and run it again"
            return Reason("failed", cause, fix, hopeless=True, log=_last_log(pods))
    pods = _pods(state, item, scene)
    missing = pods_wanted(state.kind, item) > sum(not is_leaving(pod) for pod in pods)
    found = [reason for pod in pods if (reason := _of_pod(state, item, pod, scene))]
    if missing and (reason := _not_created(state, item, scene)):
        found.append(reason)
    if not found:
        fix = "raise 'timeout', or look at it with " + _describe(item, state.kind.lower(), state.name)
        return Reason("", state.text, fix, calm=not missing)
    return min(found, key=lambda reason: (not reason.hopeless, reason.calm))


def problem(subject: str, reason: Reason, events: Iterable[str] = (), log: str = "") -> Problem:
    """What to tell of a workload that is not done, with the last events and lines of the log."""
    lines = [f"  event {event}" for event in events]
    lines += [f"  log: {_short(without_secrets(line))}" for line in log.splitlines()[-LOG_LINES:]]
    return Problem(subject, "\n".join([reason.cause, *lines]), reason.fix)


def last_events(state: State, item: Object | None, scene: Scene) -> list[str]:
    """The last warnings about a workload, its pods and their volume claims, newest first."""
    subjects = {(state.kind, state.name)}
    if item is not None and state.kind in WITH_PODS:
        subjects |= {("ReplicaSet", name) for name in _replica_sets(item, scene)}
        for pod in _pods(state, item, scene):
            subjects |= {("Pod", pod["metadata"]["name"]), *(("PersistentVolumeClaim", name) for name in _claims(pod))}
    lines = []
    for event in _events_of(subjects, scene)[:_EVENTS]:
        about = event["involvedObject"]
        times = (event.get("series") or {}).get("count") or event.get("count") or 1
        often = f", {times} times" if times > 1 else ""
        message = _short(without_secrets(event.get("message")))
        lines.append(f"{event.get('reason')} ({about.get('kind')} {about.get('name')}{often}): {message}")
    return lines


# Why it is not further.


def _no_address(item: Object, scene: Scene) -> Reason:
    asked = ", ".join(asked_addresses(item))
    given = ", ".join(given_addresses(item))
    cause = f"it has the address {given}, not {asked}" if given else "no address is assigned to it"
    if asked and not given:
        cause += f" (asked for {asked})"
    if _events_of({("Service", item["metadata"]["name"])}, scene):
        fix = "ask for a free address of the load balancer's pool, or add the address to the pool (see the event)"
    elif given:
        fix = "delete the Service so that it is made anew with the address, or ask for the one that it has"
    else:
        cause += ", and no event says why"
        fix = "run a load balancer controller (MetalLB, or the provider's), or expose it by an Ingress instead"
    return Reason("", cause, fix, calm=True)


def _not_created(state: State, item: Object, scene: Scene) -> Reason | None:
    """Why pods are missing, if events or the object itself say so."""
    subjects = {(state.kind, state.name), *(("ReplicaSet", name) for name in _replica_sets(item, scene))}
    events = [event for event in _events_of(subjects, scene) if event.get("reason") == "FailedCreate"]
    fresh = bool(events) and _time_of(events[0]) >= scene.since
    failure = events[0] if events else condition(item, "ReplicaFailure")
    if not failure:
        return None
    message = without_secrets(failure.get("message"))
    # The quota of a pod that goes is free only when it has gone.
    going = any("deletionTimestamp" in pod["metadata"] and has_pods_of(item, pod) for pod in scene.pods)
    hopeless = fresh and "is forbidden" in message and not going
    match message:
        case text if "exceeded quota" in text or "failed quota" in text:
            fix = "raise the ResourceQuota that it names, or ask for less (requests and limits, replicas)"
        case text if "violates PodSecurity" in text:
            fix = "correct the pod's securityContext, or the label pod-security.kubernetes.io/enforce of the namespace"
        case text if "serviceaccount" in text:
            fix = "make the ServiceAccount"
        case _:
            fix = "correct what it names"
    return Reason("pods cannot be created", f"its pods cannot be created: {_short(message)}", fix, hopeless=hopeless)


def _of_pod(state: State, item: Object, pod: Object, scene: Scene) -> Reason | None:
    """Why a pod is not ready, if it is not."""
    name = pod["metadata"]["name"]
    if is_terminating(pod):
        seconds = pod["metadata"].get("deletionGracePeriodSeconds", 30)
        cause = f"pod {name} is terminating, for which it has {seconds} s"
        fix = "raise 'timeout' above that; see what it waits for in its log"
        return Reason(f"{name}: terminating", cause, fix, calm=True)
    if is_ready(pod) or is_leaving(pod):
        return None
    reason = _of_unready(pod, scene)
    if state.kind == "Job" and reason.log:
        # How often it may crash is said by its backoffLimit.
        return replace(reason, hopeless=False)
    if state.kind != "StatefulSet" or _is_current(item, pod):
        return reason
    if item["spec"].get("podManagementPolicy") == "Parallel":
        return replace(reason, hopeless=False)
    cause = (
        f"{reason.cause}. It is of an older revision, and a StatefulSet that starts its pods in order waits for it "
        "instead of replacing it"
    )
    fix = f"delete it, so that it is made anew: kubectl -n {_namespace(item)} delete pod {name}"
    return replace(reason, cause=cause, fix=fix)


def _is_current(item: Object, pod: Object) -> bool:
    revision = (pod["metadata"].get("labels") or {}).get("controller-revision-hash")
    return revision is None or revision == (item.get("status") or {}).get("updateRevision")


def _of_unready(pod: Object, scene: Scene) -> Reason:
    name, status = pod["metadata"]["name"], pod.get("status") or {}
    scheduled = condition(pod, "PodScheduled", "False")
    if scheduled:
        return _unschedulable(pod, without_secrets(scheduled.get("message") or scheduled.get("reason")), scene)
    for container in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
        if reason := _of_container(pod, container, scene):
            return reason
    phase = status.get("phase", "Pending")
    return Reason(
        f"{name}: {phase}", f"pod {name} is {phase}", "see why with " + _describe(pod, "pod", name), calm=True
    )


def _of_container(pod: Object, container: Object, scene: Scene) -> Reason | None:
    state = container.get("state") or {}
    waiting = state.get("waiting") or {}
    ended = state.get("terminated")
    if waiting.get("reason") == "CrashLoopBackOff":
        ended = (container.get("lastState") or {}).get("terminated") or {}
    if ended is not None:
        return _ended(pod, container, ended, scene)
    if "running" not in state:
        return _waiting(pod, container, waiting, scene)
    return None if container.get("ready") else _running(pod, container)


def _running(pod: Object, container: Object) -> Reason:
    name, own, restarts = pod["metadata"]["name"], container["name"], int(container.get("restartCount") or 0)
    log = LogPlace(name, own, previous=False)
    if any(first["name"] == own for first in pod["spec"].get("initContainers") or []):
        cause = f"pod {name}: container {own} must end before the others start, and still runs"
        return Reason(f"{name}: Init", cause, "read the log above", calm=True, log=log)
    cause = f"pod {name}: container {own} runs, but is not ready"
    cause += f", and was started again {_often(restarts)}" if restarts else ""
    fix = "read the log above; a router is ready when it has a ring, an ingestor when its TSDB is open"
    return Reason(f"{name}: not ready", cause, fix, calm=True, log=log)


def _waiting(pod: Object, container: Object, waiting: Object, scene: Scene) -> Reason:
    name, subject = pod["metadata"]["name"], f"pod {pod['metadata']['name']}: container {container['name']}"
    word = str(waiting.get("reason") or "waiting")
    message = _short(without_secrets(waiting.get("message") or word))
    image, steady = _image(pod, container), _is_steady(pod, scene)
    if word in _NO_IMAGE:
        cause = f"{subject} cannot get its image {image}: {message}"
        fix = "correct the image (variables fleet_*_image), or the registry's credentials and reachability"
        hopeless = steady and not container.get("restartCount") and _pull_has_failed(name, scene)
        return Reason(f"{name}: {word}", cause, fix, hopeless=hopeless)
    if word in _SETTLED:
        cause = f"{subject} cannot be started ({word}: {message})"
        fix = f"correct the image {image} (variables fleet_*_image), or its imagePullPolicy"
        if word == "CreateContainerConfigError":
            fix = "make the Secret or ConfigMap that it names, or correct its name"
        return Reason(f"{name}: {word}", cause, fix, hopeless=steady)
    fix = "make what the events name (a Secret, a ConfigMap, a volume); see " + _describe(pod, "pod", name)
    return Reason(f"{name}: {word}", f"{subject} is not started yet ({message})", fix, calm=word in _STARTING)


def _image(pod: Object, container: Object) -> str:
    every = [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]
    return next((str(one.get("image")) for one in every if one["name"] == container["name"]), "")


def _ended(pod: Object, container: Object, ended: Object, scene: Scene) -> Reason | None:
    name, own, restarts = pod["metadata"]["name"], container["name"], int(container.get("restartCount") or 0)
    code, word, waits = ended.get("exitCode"), str(ended.get("reason") or ""), "waiting" in container["state"]
    if code == 0 and not waits:
        return None
    cause = f"pod {name}: container {own} ended with exit code {code}" + (f" ({word})" if word else "")
    cause += f" and was started again {_often(restarts)}" if restarts else ""
    cause += f": {_short(without_secrets(ended['message']))}" if ended.get("message") else ""
    fix = "read the log above and correct what it names (flags, files, Secrets, addresses)"
    if word == "OOMKilled":
        fix = "raise the container's memory limit, or give it less to do"
    hopeless = restarts >= _HOPELESS_RESTARTS and _moment(ended.get("finishedAt"), scene.now) >= scene.since
    short = f"{name}: {'CrashLoopBackOff' if waits else word or 'ended'}"
    return Reason(short, cause, fix, hopeless=hopeless, log=LogPlace(name, own, previous=waits))


def _unschedulable(pod: Object, message: str, scene: Scene) -> Reason:
    name = pod["metadata"]["name"]
    cause = f"pod {name} fits on no node: {_short(message)}"
    mounted = _claims(pod)
    pending = [
        claim
        for claim in scene.claims
        if claim["metadata"]["name"] in mounted and (claim.get("status") or {}).get("phase") == "Pending"
    ]
    match message:
        case text if pending or "PersistentVolumeClaim" in text:
            for claim in pending:
                storage_class = claim["spec"].get("storageClassName")
                told = (
                    f"StorageClass {storage_class}"
                    if storage_class
                    else "it names no StorageClass, and none is default"
                )
                cause += f"; volume claim {claim['metadata']['name']} is Pending ({told})"
            fix = "give a StorageClass that exists and whose provisioner runs; see 'kubectl get storageclass'"
        case text if "Insufficient" in text or "Too many pods" in text:
            fix = "add a node, free what others ask for, or ask for less (resources.requests)"
        case text if "anti-affinity" in text or "topology spread" in text:
            fix = "add nodes, or ask for fewer replicas or a softer spread"
        case text if "taint" in text:
            fix = "take the taint away, or tolerate it"
        case _:
            fix = "correct what it names: node selector, affinity, tolerations or volumes"
    return Reason(f"{name}: Unschedulable", cause, fix)


def _is_steady(pod: Object, scene: Scene) -> bool:
    """Whether what is wrong with a pod has had the time to mend itself."""
    started = _moment((pod.get("status") or {}).get("startTime"), scene.now)
    return scene.now - max(started, scene.since) >= _PATIENCE


def _pull_has_failed(pod: str, scene: Scene) -> bool:
    # That it waits can be from long ago: the next pull comes after up to 5 minutes, and can go well.
    events = _events_of({("Pod", pod)}, scene)
    return any(
        str(event.get("message")).startswith("Failed to pull image") and _time_of(event) >= scene.since
        for event in events
    )


def _last_log(pods: Sequence[Object]) -> LogPlace | None:
    for pod in sorted(pods, key=lambda pod: str(pod["metadata"].get("creationTimestamp")), reverse=True):
        for container in (pod.get("status") or {}).get("containerStatuses") or []:
            return LogPlace(pod["metadata"]["name"], container["name"], False)
    return None


# Who belongs to whom.


def _namespace(item: Object) -> str:
    return str(item["metadata"].get("namespace", ""))


def _claims(pod: Object) -> list[str]:
    volumes = pod["spec"].get("volumes") or []
    return [volume["persistentVolumeClaim"]["claimName"] for volume in volumes if "persistentVolumeClaim" in volume]


def _describe(item: Object, kind: str, name: str) -> str:
    return f"'kubectl -n {_namespace(item)} describe {kind} {name}'"


def _owner(item: Object) -> tuple[str, str]:
    owners = item["metadata"].get("ownerReferences") or []
    return next(((owner["kind"], owner["name"]) for owner in owners if owner.get("controller")), ("", ""))


def _replica_sets(item: Object, scene: Scene) -> list[str]:
    """The names of a Deployment's ReplicaSets that make its newest pods. Where none says so, all."""
    own = [one for one in scene.replica_sets if _owner(one) == ("Deployment", item["metadata"]["name"])]
    revision = _revision(item)
    newest = [one for one in own if _revision(one) == revision]
    return [one["metadata"]["name"] for one in newest or own]


def _revision(item: Object) -> str | None:
    annotations = item["metadata"].get("annotations") or {}
    revision = annotations.get("deployment.kubernetes.io/revision")
    return None if revision is None else str(revision)


def _pods(state: State, item: Object, scene: Scene) -> list[Object]:
    """A workload's pods, but of a Deployment only the newest: the older ones go anyway, whatever is wrong with them."""
    owners = {(state.kind, state.name)}
    if state.kind == "Deployment":
        owners = {("ReplicaSet", name) for name in _replica_sets(item, scene)}
    return [pod for pod in scene.pods if _owner(pod) in owners]


def _events_of(subjects: set[tuple[str, str]], scene: Scene) -> list[Object]:
    """The warnings about these objects, newest first."""
    own = [
        event
        for event in scene.events
        if event.get("type") == "Warning"
        and (event["involvedObject"].get("kind"), event["involvedObject"].get("name")) in subjects
    ]
    return sorted(own, key=_time_of, reverse=True)


def _time_of(event: Object) -> datetime:
    series = event.get("series") or {}
    moment = series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime")
    return datetime.fromisoformat(moment or event["metadata"]["creationTimestamp"])


def _moment(text: object, default: datetime) -> datetime:
    return datetime.fromisoformat(text) if isinstance(text, str) else default


def _often(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LINE_LENGTH else line[:_LINE_LENGTH] + "..."
