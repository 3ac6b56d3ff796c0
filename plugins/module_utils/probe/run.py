# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run a probe: make its Job and Secret, wait, read the logs, delete both."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.kube.containers import has_ended
from ansible_collections.miribit.thanos.plugins.module_utils.kube.errors import ConflictError
from ansible_collections.miribit.thanos.plugins.module_utils.kube.objects import (
    EVENTS,
    JOBS,
    PODS,
    SECRETS,
    Object,
    Objects,
)
from ansible_collections.miribit.thanos.plugins.module_utils.probe.job import (
    LABEL,
    Outcome,
    Probe,
    broken,
    job_obstacle,
    left_overs,
    not_started,
    obstacle,
    started,
)

POLL_SECONDS = 0.7
# What keeps a pod from running passes sometimes. This long is waited for it.
PATIENCE_SECONDS = 10.0
_MOST_LEFT_OVERS = 20
#: How much is read of a step's log.
LOG_END = (("tailLines", "100"), ("limitBytes", "65536"))

#: How long the steps that still run are worth waiting for, after those that ended; None: until the time is up.
Worth = Callable[[Mapping[str, Outcome]], "float | None"]


def to_the_end(_outcomes: Mapping[str, Outcome]) -> float | None:
    return None


def run(
    objects: Objects, probe: Probe, worth: Worth = to_the_end, log: Sequence[tuple[str, str]] = LOG_END
) -> dict[str, Outcome]:
    """The steps that were begun, by name. Raises ProblemError where the pod could not run."""
    name = probe.new_name()
    where = f"Probe {probe.namespace}/{name} in {objects.session.cluster}"
    try:
        job = objects.create(JOBS, probe.namespace, probe.job(name))
        try:
            # After the Job, so that it belongs to it. The kubelet waits for it.
            objects.create(SECRETS, probe.namespace, probe.secret(job))
            _delete_left_overs(objects, probe, now=job["metadata"]["creationTimestamp"])
            return _Watch(objects, probe, name, where, worth, log).outcomes()
        finally:
            # It deletes itself, too.
            with contextlib.suppress(ProblemError, ConflictError):
                objects.delete(JOBS, probe.namespace, name)
    except ConflictError as error:
        cause = "the API server was busy with something else of this name"
        raise ProblemError([Problem(where, cause, "run it again")]) from error


def _delete_left_overs(objects: Objects, probe: Probe, now: str) -> None:
    # Nothing depends on it.
    with contextlib.suppress(ProblemError, ConflictError):
        jobs = objects.find(JOBS, probe.namespace, selector=f"{LABEL}=true")
        for name in left_overs(jobs, now)[:_MOST_LEFT_OVERS]:
            objects.delete(JOBS, probe.namespace, name)


@dataclass
class _Watch:
    """Looks at the pod until it is over, cannot run, or the time is up."""

    objects: Objects
    probe: Probe
    name: str
    where: str
    worth: Worth
    log: Sequence[tuple[str, str]]
    ended: dict[str, Outcome] = field(default_factory=dict)
    changed_at: float = 0
    blocked_since: float | None = None

    def outcomes(self) -> dict[str, Outcome]:
        until = time.monotonic() + self.probe.seconds
        while True:
            pods = self.objects.find(PODS, self.probe.namespace, selector=f"job-name={self.name}")
            if not pods:
                self._be_patient(job_obstacle(self._events(self.name), self.where))
            elif has_ended(pods[0]):
                return self._ended(pods[0])
            elif self._is_enough(pods[0]):
                return self._so_far(pods[0])
            else:
                self._be_patient(obstacle(pods[0], self.where))
            if time.monotonic() > until:
                return self._so_far(pods[0] if pods else {})
            time.sleep(POLL_SECONDS)

    def _be_patient(self, problem: Problem | None) -> None:
        if problem is None:
            self.blocked_since = None
        elif self.blocked_since is None:
            self.blocked_since = time.monotonic()
        elif time.monotonic() - self.blocked_since >= PATIENCE_SECONDS:
            raise ProblemError([problem])

    def _is_enough(self, pod: Object) -> bool:
        if self._read_ended(pod):
            self.changed_at = time.monotonic()
        worth = self.worth(self.ended)
        return worth is not None and time.monotonic() - self.changed_at >= worth

    def _ended(self, pod: Object) -> dict[str, Outcome]:
        if problem := broken(pod, self.where):
            raise ProblemError([problem])
        self._read_ended(pod)
        if not self.ended:
            raise ProblemError([not_started(self._events(pod["metadata"]["name"]), self.where, self.probe.seconds)])
        return self.ended

    def _so_far(self, pod: Object) -> dict[str, Outcome]:
        self._read_ended(pod)
        begun = started(pod)
        if not begun:
            about = pod["metadata"]["name"] if pod else self.name
            raise ProblemError([not_started(self._events(about), self.where, self.probe.seconds)])
        running = {step: Outcome(None, self._log(pod, step)) for step, code in begun.items() if code is None}
        return {**self.ended, **running}

    def _read_ended(self, pod: Object) -> bool:
        """Whether a step ended since."""
        codes = {step: code for step, code in started(pod).items() if code is not None and step not in self.ended}
        self.ended.update({step: Outcome(code, self._log(pod, step)) for step, code in codes.items()})
        return bool(codes)

    def _log(self, pod: Object, step: str) -> str:
        return self.objects.log(self.probe.namespace, pod["metadata"]["name"], [("container", step), *self.log])

    def _events(self, name: str) -> list[Object]:
        return self.objects.find(EVENTS, self.probe.namespace, fields=f"involvedObject.name={name}")
