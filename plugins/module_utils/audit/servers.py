# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Prometheus servers and agents of a cluster, asked through the API server's proxy for the audit.

I/O goes through the session that is given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.kube.api import Session
from ansible_collections.miribit.thanos.plugins.module_utils.kube.containers import AGENT, config_source
from ansible_collections.miribit.thanos.plugins.module_utils.kube.objects import Object
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus import facts
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.components import Component
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.exposition import Metrics
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.facts import (
    Answers,
    Prometheus,
    Server,
    stored_bytes,
)
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.pod import PrometheusPod, load_yaml
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.queues import version

_Told = TypeVar("_Told")

_KINDS = {"prometheus", AGENT}

_QUESTIONS: dict[str, Callable[[PrometheusPod], object]] = {
    "flags": PrometheusPod.flags,
    "targets": PrometheusPod.targets,
    "rules": PrometheusPod.rules,
    "alertmanagers": PrometheusPod.alertmanagers,
    "metrics": PrometheusPod.metrics,
}
#: An agent refuses these.
_OF_SERVERS = {"rules", "alertmanagers"}


@dataclass(frozen=True)
class _Place:
    """The process that is asked, in a pod that is ready if there is one."""

    component: Component
    process: PrometheusPod
    is_ready: bool

    @property
    def server(self) -> Server:
        return Server(
            self.component.kind == AGENT,
            self.component.image,
            facts.arguments(dict(self.process.content)),
            self.component.limits.memory if self.component.limits else None,
            config_source(self.process.pod, dict(self.process.content)),
        )


@dataclass(frozen=True)
class _Asked:
    """One that is asked, with its answers on their way."""

    place: _Place
    config: Future[object]
    log: Future[str] | None


class Servers:
    """The Prometheus servers and agents of one cluster."""

    def __init__(self, session: Session, cluster: str, pool: ThreadPoolExecutor) -> None:
        self._session = session
        self._cluster = cluster
        self._pool = pool
        self.unseen: list[Problem] = []

    def complete(self, components: Iterable[Component], pods: Iterable[Object]) -> tuple[Component, ...]:
        """Return the components with what the first ready pod of each says. What was not seen is in unseen."""
        by_name = {(str(pod["metadata"]["namespace"]), str(pod["metadata"]["name"])): pod for pod in pods}
        every = list(components)
        places = {one.id: self._place(one, by_name) for one in every if one.kind in _KINDS}
        asked = {id_: self._begin(place) for id_, place in places.items() if place}
        # The first answer tells how the others are asked. All are on their way before one is read.
        configured = {id_: self._configured(one) for id_, one in asked.items()}
        answers = {id_: self._ask_more(one.place, configured[id_]) for id_, one in asked.items()}
        return tuple(
            self._told(asked[one.id], configured[one.id], answers[one.id])
            if one.id in asked
            else (self._stopped(one) if one.id in places else one)
            for one in every
        )

    def _stopped(self, component: Component) -> Component:
        server = Server(component.kind == AGENT, component.image)
        return replace(component, prometheus=self._silent(server, _not_running(component, self._cluster)))

    def _begin(self, place: _Place) -> _Asked:
        is_agent = place.component.kind == AGENT
        log = self._pool.submit(place.process.log) if is_agent else None
        return _Asked(place, self._pool.submit(self._ask_first, place), log)

    def _ask_first(self, place: _Place) -> object:
        """Return the document of its configuration. Raises ProblemError if it does not answer."""
        if not place.is_ready:
            raise ProblemError([_not_running(place.component, self._cluster)])
        return load_yaml(place.process.config())

    def _configured(self, one: _Asked) -> object | Problem:
        try:
            return one.config.result()
        except ProblemError as error:
            return error.problems[0]

    def _ask_more(self, place: _Place, found: object | Problem) -> dict[str, Future[Any]]:
        if isinstance(found, Problem):
            return {}
        left_out = _OF_SERVERS if place.component.kind == AGENT else set()
        return {
            name: self._pool.submit(question, place.process)
            for name, question in _QUESTIONS.items()
            if name not in left_out
        }

    def _told(self, one: _Asked, found: object | Problem, answers: dict[str, Future[Any]]) -> Component:
        log = self._log(one)
        component, server, process = one.place.component, one.place.server, one.place.process
        if isinstance(found, Problem):
            return replace(component, prometheus=self._silent(server, found, log))
        if not isinstance(found, dict):
            cause = "its configuration is not YAML that can be read, so its labels and its remote write are not seen"
            self.unseen.append(Problem(process.name, cause, "look at it by hand"))
        said = {name: self._answer(name, answer) for name, answer in answers.items()}
        if metrics := said["metrics"]:
            component = _complete(one.place, metrics)
        config = found if isinstance(found, dict) else None
        told = facts.facts(server, Answers(**said, config=config, log=log, moment=process.moment))
        return replace(component, prometheus=told)

    def _silent(self, server: Server, problem: Problem, log: str = "") -> Prometheus:
        self.unseen.append(problem)
        return facts.silent(server, problem, log)

    def _log(self, one: _Asked) -> str:
        try:
            return one.log.result() if one.log else ""
        except ProblemError as error:
            self._miss(error, "what it complains about is")
            return ""

    def _answer(self, name: str, answer: Future[_Told]) -> _Told | None:
        try:
            return answer.result()
        except ProblemError as error:
            self._miss(error, f"its {name} are")
            return None

    def _miss(self, error: ProblemError, what: str) -> None:
        self.unseen += [replace(problem, cause=f"{problem.cause}, so {what} not seen") for problem in error.problems]

    def _place(self, component: Component, pods: Mapping[tuple[str, str], Object]) -> _Place | None:
        for told in sorted(component.pods or (), key=lambda pod: not pod.ready):
            pod: Object = pods.get((component.workload.namespace, told.name), {})
            process = PrometheusPod(self._session, pod, component.container, self._cluster)
            if process.content:
                return _Place(component, process, bool(told.ready))
        return None


def _complete(place: _Place, metrics: Metrics) -> Component:
    """Add what the objects and the kubelet did not tell of a component, by its own word."""
    component = place.component
    volumes = place.process.pod["spec"].get("volumes") or []
    claims = {(volume.get("persistentVolumeClaim") or {}).get("claimName") for volume in volumes}
    mounted = [volume for volume in component.volumes or () if volume.claim in claims]
    # Kubelets have no figures of folders of their node.
    unmeasured = mounted if len(mounted) == 1 and mounted[0].used is None else []
    stored = stored_bytes(metrics) if unmeasured else None
    measured = tuple(replace(one, used=stored) if one in unmeasured else one for one in component.volumes or ())
    return replace(component, version=component.version or version(metrics), volumes=measured)


def _not_running(component: Component, cluster: str) -> Problem:
    reasons = component.reasons
    fix = "make it run, and run it again"
    if component.wanted == 0:
        cause, fix = "it is scaled to no pods", "nothing, if it is to stay so"
    elif not component.pods:
        cause = "it has no pods, or none that can be seen"
    else:
        cause = "no pod of it is ready" + (f" ({', '.join(reasons)})" if reasons else "")
    return Problem(f"{component.id} in {cluster}", f"{cause}, so it could not be asked", fix)
