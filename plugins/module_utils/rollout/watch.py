# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A rollout as its objects, pods, events and logs show it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.kube.api import ServerClock
from ansible_collections.miribit.thanos.plugins.module_utils.kube.containers import is_leaving, is_ready
from ansible_collections.miribit.thanos.plugins.module_utils.kube.objects import (
    CLAIMS,
    EVENTS,
    PODS,
    REPLICA_SETS,
    Object,
    Objects,
)
from ansible_collections.miribit.thanos.plugins.module_utils.kube.session import session_of
from ansible_collections.miribit.thanos.plugins.module_utils.receive.metrics import ring_file
from ansible_collections.miribit.thanos.plugins.module_utils.receive.pod import Receiver
from ansible_collections.miribit.thanos.plugins.module_utils.rollout.reasons import (
    LOG_LINES,
    LogPlace,
    Reason,
    Scene,
    explain,
    last_events,
    problem,
)
from ansible_collections.miribit.thanos.plugins.module_utils.rollout.ring import Router, explain_ring, judge_ring
from ansible_collections.miribit.thanos.plugins.module_utils.rollout.state import (
    RESOURCES,
    WITH_PODS,
    State,
    has_pods_of,
    judge,
    pods_wanted,
)

Workload = tuple[State, "Object | None"]


@dataclass(frozen=True)
class Look:
    """What one look has shown."""

    workloads: list[State]
    routers: list[Router] = field(default_factory=list)
    progress: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


@dataclass(frozen=True)
class Rollout:
    """What is waited for in a namespace of a cluster."""

    clock: ServerClock
    namespace: str
    workloads: list[dict[str, str]]
    ring: dict[str, Any] | None
    since: datetime | None
    final: bool

    @property
    def objects(self) -> Objects:
        return Objects(self.clock)

    def look(self) -> Look:
        workloads = self._judged()
        unfinished = [workload for workload in workloads if not workload[0].done]
        scene, reasons = self._explained(unfinished)
        progress, problems = [], []
        for (state, item), reason in zip(unfinished, reasons, strict=True):
            progress.append(state.line(reason.short))
            if reason.hopeless or self.final:
                events, log = last_events(state, item, scene), self._log(reason.log)
                problems.append(problem(self._subject(state), reason, events, log))
        if self.ring is None or any(state.kind == "Deployment" for state, _item in unfinished):
            return Look([state for state, _item in workloads], [], progress, problems)
        routers, ring, why = self._ring(workloads, self.ring)
        if not ring.done:
            progress.append(ring.line(why.short))
            if self.final:
                told = replace(why, cause=f"{ring.text}: {why.cause}")
                problems.append(problem(f"{self._subject(ring)}, pods {self.ring['selector']}", told))
        return Look([state for state, _item in workloads], routers, progress, problems)

    def states(self) -> Look:
        """Nothing is waited for, and nothing is wrong."""
        return Look([state for state, _item in self._judged()])

    def _judged(self) -> list[Workload]:
        found = []
        for workload in self.workloads:
            kind, name = workload["kind"], workload["name"]
            item = self.objects.get(RESOURCES[kind], self.namespace, name)
            found.append((judge(kind, name, item), item))
        return found

    def _explained(self, unfinished: list[Workload]) -> tuple[Scene, list[Reason]]:
        """Why they are not done. What is normal for some time is not looked into further."""
        now = self.clock.now()
        scene = Scene(now, self.since or now)
        kinds = {state.kind for state, item in unfinished if item}
        if kinds & WITH_PODS:
            scene = replace(scene, pods=self.objects.find(PODS, self.namespace))
        if "Deployment" in kinds:
            scene = replace(scene, replica_sets=self.objects.find(REPLICA_SETS, self.namespace))
        reasons = [explain(state, item, scene) for state, item in unfinished]
        if kinds and (self.final or not all(reason.calm for reason in reasons)):
            scene = replace(scene, events=self.objects.find(EVENTS, self.namespace, fields="type=Warning"))
            if self.final and any("Unschedulable" in reason.short for reason in reasons):
                scene = replace(scene, claims=self.objects.find(CLAIMS, self.namespace))
            reasons = [explain(state, item, scene) for state, item in unfinished]
        return scene, reasons

    def _log(self, place: LogPlace | None) -> str:
        if place is None:
            return ""
        params = [("container", place.container), ("tailLines", str(LOG_LINES))]
        if place.previous:
            # The process that ended tells why; the next one has often said nothing yet.
            params.append(("previous", "true"))
        try:
            return self.objects.log(self.namespace, place.pod, params)
        except ProblemError:
            # What is to be told is why the workload is not done, even without its log.
            return ""

    def _ring(self, workloads: list[Workload], ring: dict[str, Any]) -> tuple[list[Router], State, Reason]:
        pods = [pod for pod in self.objects.find(PODS, self.namespace, ring["selector"]) if not is_leaving(pod)]
        routers = [self._router(pod, ring) for pod in pods]
        wanted = [
            pods_wanted(state.kind, item)
            for state, item in workloads
            if state.kind == "Deployment" and item and any(has_pods_of(item, pod) for pod in pods)
        ]
        state = judge_ring(ring["config_hash"], routers, sum(wanted) if wanted else None)
        return routers, state, explain_ring(ring["config_hash"], routers, ring["selector"])

    def _router(self, pod: Object, ring: dict[str, Any]) -> Router:
        receiver = Receiver(self.clock, pod, str(ring["port"]))
        if not is_ready(pod):
            return Router(receiver.name, ready=False)
        try:
            file = ring_file(receiver.metrics())
        except ProblemError as error:
            return Router(receiver.name, ready=True, silent=error.problems[0])
        if file is None:
            return Router(receiver.name, ready=True)
        if file.config_hash == ring["config_hash"]:
            return Router(receiver.name, ready=True, file=file, uses_it=receiver.uses(file, self.clock.now()))
        return Router(receiver.name, ready=True, file=file, refused=receiver.refused_file(file))

    def _subject(self, state: State) -> str:
        return f"{state.kind} {self.namespace}/{state.name} in {self.clock.cluster}"


def look(options: dict[str, Any], *, wait: bool, final: bool) -> Look:
    since = _moment(options["since"])
    clock = ServerClock(session_of(options))
    rollout = Rollout(clock, options["namespace"], options["workloads"], options["ring"], since, final)
    return rollout.look() if wait else rollout.states()


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    with suppress(ValueError):
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment
    fix = "write it like '2026-01-01T00:00:00Z'"
    raise ProblemError([Problem("Option since", f"{text!r} is not a date and time with a time zone", fix)])
