# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The delivery of an edge: its agents at two moments, and the samples at Thanos Query."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.base.untyped import mapping_at
from ansible_collections.miribit.thanos.plugins.module_utils.gate import delivery
from ansible_collections.miribit.thanos.plugins.module_utils.gate.window import Stored
from ansible_collections.miribit.thanos.plugins.module_utils.kube.api import Session
from ansible_collections.miribit.thanos.plugins.module_utils.kube.containers import (
    AGENT,
    Container,
    containers,
    is_leaving,
    version_of,
)
from ansible_collections.miribit.thanos.plugins.module_utils.kube.listing import WORKLOADS, Lists
from ansible_collections.miribit.thanos.plugins.module_utils.kube.objects import Object
from ansible_collections.miribit.thanos.plugins.module_utils.kube.owners import name_of
from ansible_collections.miribit.thanos.plugins.module_utils.kube.session import session_at
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus import queues
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.pod import PrometheusPod
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.query import (
    InstantQuery,
    Prometheus,
    QueryResult,
    query_target,
)

_QUERY_SECONDS = 30

Options = dict[str, Any]


def look(options: Options) -> dict[str, Any]:
    name = options["cluster"] or options["context"] or "the edge"
    labels = {str(key): str(value) for key, value in options["external_labels"].items()}
    seen = delivery.Seen(name, options["namespace"], labels)
    problems: list[Problem] = []
    unseen: list[Problem] = []
    try:
        seen = replace(seen, agents=_watched(session_at(options, options), options))
    except ProblemError as error:
        problems += [delivery.of_edge(problem, name) for problem in error.problems]
    # What has arrived of an edge that cannot be reached is known all the same.
    try:
        seen, unseen = _asked(seen, options)
    except ProblemError as error:
        problems += map(delivery.without_query, error.problems)
    seen = replace(seen, problems=tuple(problems))
    why = delivery.complaints(seen)
    return {
        "cluster": name,
        "delivers": not why,
        "why": [problem.as_dict() for problem in why],
        "unseen": [problem.as_dict() for problem in unseen],
        "delivery": delivery.facts(seen),
    }


# The agents.


def _watched(session: Session, options: Options) -> tuple[delivery.Workload, ...]:
    """The agents, with what each of their pods says at two moments."""
    lists = Lists(session, options["namespace"])
    found = {kind: lists.here(kind) for kind in WORKLOADS}
    agents = [one for one in containers(found) if one.kind == AGENT]
    first = [(one, [_Process(session, one, dict(pod)) for pod in one.pods if not is_leaving(pod)]) for one in agents]
    processes = [process for _one, several in first for process in several]
    seconds = options["watch"]
    if seconds is None:
        seconds = delivery.watch(target for process in processes for target in process.pod.targets or ())
    if seconds > 0 and any(process.pod.last for process in processes):
        time.sleep(seconds)
        for process in processes:
            process.look_again()
    return tuple(_workload(one, tuple(process.pod for process in several)) for one, several in first)


def _workload(one: Container, pods: tuple[delivery.Pod, ...]) -> delivery.Workload:
    wanted = mapping_at(one.workload.item or {}, "spec").get("replicas")
    version = version_of(str(one.content.get("image") or ""))
    return delivery.Workload(one.id, version, wanted if isinstance(wanted, int) else len(pods), pods)


class _Process:
    """The Prometheus in a pod."""

    def __init__(self, session: Session, one: Container, pod: Object) -> None:
        self._process = PrometheusPod(session, pod, one.name)
        self.pod = delivery.Pod(name_of(pod))
        try:
            agent, self._moment = queues.read(self._process.metrics()), time.monotonic()
            self.pod = replace(self.pod, first=agent, last=agent, targets=self._process.targets())
        except ProblemError as error:
            self.pod = replace(self.pod, silent=error.problems[0])

    def look_again(self) -> None:
        if self.pod.last is None:
            return
        try:
            agent, seconds = queues.read(self._process.metrics()), time.monotonic() - self._moment
            self.pod = replace(self.pod, last=agent, seconds=seconds, targets=self._process.targets())
        except ProblemError as error:
            self.pod = replace(self.pod, last=None, targets=None, silent=error.problems[0])


# Thanos Query.


def _asked(seen: delivery.Seen, options: Options) -> tuple[delivery.Seen, list[Problem]]:
    """With what Query has, and what it could not tell. Raises ProblemError if it could not be asked at all."""
    place = options["query"]
    query = Prometheus(session_at(place, options), query_target(place))
    found = _instant(query, delivery.moments_query(seen.external_labels, place["tenant_label"]))
    stored = Stored(
        max((sample.timestamp for sample in found.samples), default=0.0),
        tuple((sample.metric, float(sample.value)) for sample in found.samples if sample.value),
    )
    unseen = [_incomplete(query, warning) for warning in found.warnings]
    interval = delivery.longest_interval((seen.targets or {}).values())
    text = delivery.received_query(seen.external_labels, place["tenant_label"], interval)
    try:
        counted = _instant(query, text, delivery.received_until(stored, interval))
    except ProblemError as error:
        return replace(seen, stored=stored), [*unseen, *error.problems]
    received = sum(float(sample.value) for sample in counted.samples if sample.value)
    return replace(seen, stored=stored, received=received), unseen


def _instant(query: Prometheus, text: str, moment: float | None = None) -> QueryResult:
    # A store that cannot be reached takes nothing away from what is found.
    time_text = None if moment is None else str(moment)
    return query.instant(InstantQuery(text, time=time_text, timeout=_QUERY_SECONDS, partial_response=True))


def _incomplete(query: Prometheus, warning: str) -> Problem:
    fix = "look at its stores, and whether every ingestor is Ready"
    return Problem(f"{query.target} in {query.session.cluster}", f"its answer may lack something: {warning}", fix)
