# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A probe: a Job that looks at something from inside a cluster, its Secret, and what the state of its pod means."""

from __future__ import annotations

import base64
import json
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem
from ansible_collections.miribit.thanos.plugins.module_utils.kube.objects import Object

LABEL = "miribit.thanos/probe"
#: Where a step finds the files of the Secret.
FOLDER = "/probe"
#: No probe is as old as this, unless whoever ran it was killed and its deletion failed.
LEFT_OVER_SECONDS = 600
SHORTEST_SECONDS, LONGEST_SECONDS = 10, 300

# The Job ends itself this much later than whoever waits for it: the controller deletes the pod then, with its logs.
_GRACE_SECONDS = 30
_KEPT_SECONDS = 60
_NOBODY = 65534
_SHORTEST_SECRET = 4


@dataclass(frozen=True)
class Step:
    """One container. Its command holds no secret: everyone who may read pods can read it."""

    name: str
    command: tuple[str, ...]


@dataclass(frozen=True)
class Outcome:
    """How a step ended. No exit code: it had not, when the time was up."""

    exit_code: int | None
    log: str


@dataclass(frozen=True)
class Probe:
    """What a pod does, one step after the other or all at once, and the files that it does it with."""

    what: str
    namespace: str
    image: str
    steps: tuple[Step, ...]
    files: Mapping[str, str] = field(repr=False)
    seconds: int
    at_once: bool = False
    service_account: str = ""

    def new_name(self) -> str:
        return f"miribit-thanos-probe-{self.what}-{secrets.token_hex(3)}"

    def job(self, name: str) -> Object:
        """It deletes itself, whatever becomes of whoever started it."""
        return {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": name, "namespace": self.namespace, "labels": _labels()},
            "spec": {
                "activeDeadlineSeconds": self.seconds + _GRACE_SECONDS,
                "ttlSecondsAfterFinished": _KEPT_SECONDS,
                "backoffLimit": 0,
                "template": {"metadata": {"labels": _labels()}, "spec": self._pod(name)},
            },
        }

    def secret(self, job: Object) -> Object:
        """The files, in a Secret that belongs to the Job and goes with it."""
        name, uid = job["metadata"]["name"], job["metadata"]["uid"]
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": name,
                "namespace": self.namespace,
                "labels": _labels(),
                "ownerReferences": [{"apiVersion": "batch/v1", "kind": "Job", "name": name, "uid": uid}],
            },
            "data": {file: base64.b64encode(text.encode()).decode() for file, text in self.files.items()},
        }

    def _pod(self, name: str) -> Object:
        containers = [self._container(step) for step in self.steps]
        first = [] if self.at_once else containers[:-1]
        return {
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 1,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            **({"serviceAccountName": self.service_account} if self.service_account else {}),
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": _NOBODY,
                "runAsGroup": _NOBODY,
                "fsGroup": _NOBODY,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            # An init container that fails ends the pod: the first that did is the step that went wrong.
            **({"initContainers": first} if first else {}),
            "containers": containers[len(first) :],
            "volumes": [{"name": "probe", "secret": {"secretName": name, "defaultMode": 0o440}}],
        }

    def _container(self, step: Step) -> Object:
        return {
            "name": step.name,
            "image": self.image,
            "command": list(step.command),
            # A limit for all that a ResourceQuota can count: it refuses pods that leave one out.
            "resources": {
                "requests": {"cpu": "10m", "memory": "64Mi"},
                "limits": {"cpu": "500m", "memory": "256Mi"},
            },
            "securityContext": {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            },
            "volumeMounts": [{"name": "probe", "mountPath": FOLDER, "readOnly": True}],
        }


def _labels() -> dict[str, str]:
    return {
        "app.kubernetes.io/managed-by": "miribit.thanos",
        "app.kubernetes.io/part-of": "thanos",
        "app.kubernetes.io/component": "probe",
        LABEL: "true",
    }


def option_problems(image: str, seconds: int) -> Iterator[Problem]:
    if not image or re.search(r"\s", image):
        yield Problem("Option image", f"{image!r} is no image", "give one, with its registry and its tag")
    if not SHORTEST_SECONDS <= seconds <= LONGEST_SECONDS:
        fix = f"give {SHORTEST_SECONDS} to {LONGEST_SECONDS} seconds"
        yield Problem("Option timeout", f"{seconds} is out of range", fix)


def left_overs(jobs: Iterable[Object], now: str) -> list[str]:
    """The names of those that should have deleted themselves. Now is a time of the same clock."""
    born = {job["metadata"]["name"]: _time(job["metadata"]["creationTimestamp"]) for job in jobs}
    return [name for name, time in born.items() if (_time(now) - time).total_seconds() > LEFT_OVER_SECONDS]


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def started(pod: Object) -> dict[str, int | None]:
    """The exit codes of the steps that ended, and None for those that run."""
    return {
        status["name"]: state["terminated"]["exitCode"] if "terminated" in state else None
        for status, state in _states(pod)
        if "terminated" in state or "running" in state
    }


def obstacle(pod: Object, where: str) -> Problem | None:
    """What keeps the pod from running. It may pass: kubelets try again."""
    for status, state in _states(pod):
        waiting = state.get("waiting", {})
        reason, message = waiting.get("reason", ""), waiting.get("message", "")
        match reason:
            case "InvalidImageName":
                return Problem(f"Image {status['image']}", f"{where} cannot use this name", "correct 'image'")
            case "ErrImagePull" | "ImagePullBackOff" | "ErrImageNeverPull":
                cause = f"{where} cannot pull it ({reason}: {message})"
                fix = "correct 'image', or let the nodes pull it: their way to the registry, its login, its certificate"
                return Problem(f"Image {status['image']}", cause, fix)
            case "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError":
                return Problem(where, f"its container cannot be made ({reason}: {message})", "correct what it names")
    for condition in pod.get("status", {}).get("conditions") or []:
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            cause = f"no node takes it: {condition.get('message', '')}"
            return Problem(where, cause, "free 64Mi of memory on a node without taints, or add one, and run it again")
    return None


def job_obstacle(events: Iterable[Object], where: str) -> Problem | None:
    """Why the Job has no pod."""
    refusals = [event.get("message", "") for event in events if event.get("reason") == "FailedCreate"]
    if not refusals:
        return None
    message = refusals[-1]
    if "exceeded quota" in message:
        fix = "raise the quota that it names for as long as a probe runs"
    elif "violates PodSecurity" in message:
        fix = "take from the namespace's policy what goes beyond the profile 'restricted', which the pod keeps to"
    elif "LimitRange" in message or "per Container" in message or "per Pod" in message:
        fix = "let the namespace's LimitRange take containers with 10m to 500m of CPU and 64Mi to 256Mi of memory"
    else:
        fix = "allow what it names, or give another namespace"
    return Problem(where, f"it is refused: {message}", fix)


def broken(pod: Object, where: str) -> Problem | None:
    """Why the pod is over without having done what it was made for."""
    for status, state in _states(pod):
        terminated = state.get("terminated", {})
        match terminated.get("reason"):
            case "StartError" | "ContainerCannotRun":
                cause = f"its program cannot be started: {terminated.get('message', '')}"
                return Problem(f"Image {status['image']}", cause, "give an image that holds it, for the nodes' CPU")
            case "OOMKilled":
                fix = "run it again, and check the node if it stays so: neither program needs this much"
                return Problem(where, f"step {status['name']} took more than 256Mi of memory", fix)
    status = pod.get("status", {})
    if status.get("reason"):
        cause = f"it was ended ({status['reason']}: {status.get('message', '')})"
        return Problem(where, cause, "run it again when its node is well")
    return None


def not_started(events: Iterable[Object], where: str, seconds: int) -> Problem:
    """Nothing ran in time."""
    warnings = [event for event in events if event.get("type") == "Warning"]
    last = f"; last event: {warnings[-1].get('reason')}: {warnings[-1].get('message')}" if warnings else ""
    fix = "look at the pod's node and its events, and raise 'timeout' where pulling the image takes long"
    return Problem(where, f"it has not begun within {seconds} s{last}", fix)


def _states(pod: Object) -> Iterator[tuple[Object, Object]]:
    status = pod.get("status", {})
    for one in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
        yield one, one.get("state") or {}


def secret_text(secret: Object, key: str) -> str | None:
    """What a Secret holds under a key; None where there is none, or no text."""
    value = (secret.get("data") or {}).get(key)
    try:
        return None if value is None else base64.b64decode(value).decode()
    except ValueError:
        return None


def masked(text: str, hidden: Iterable[str]) -> str:
    """The text without these values, also where it quotes them."""
    parts = {line.strip() for value in hidden for line in (value, *value.splitlines())}
    # What is shorter is found in any text.
    found = {part for part in parts if len(part) >= _SHORTEST_SECRET}
    # The longest first: one can be a part of another.
    for part in sorted(found | {json.dumps(part)[1:-1] for part in found}, key=len, reverse=True):
        text = text.replace(part, "<secret>")
    return text
