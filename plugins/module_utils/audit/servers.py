# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asks the Prometheus servers and agents of a cluster through the API server's proxy, for the audit.

I/O goes through the session that is given.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.kube.api import Session
from ansible_collections.miribit.thanos.plugins.module_utils.kube.containers import config_source
from ansible_collections.miribit.thanos.plugins.module_utils.kube.objects import Object, Objects
from ansible_collections.miribit.thanos.plugins.module_utils.kube.proxy import Answer, ProxyTarget, refusal
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus import facts
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.exposition import Metrics, parse
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.facts import Answers, Server, stored_bytes
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.queues import version

with contextlib.suppress(ImportError):
    # Where it is missing, so is the kubernetes client, and the module tells that.
    import yaml

AGENT = "prometheus_agent"
_KINDS = {"prometheus", AGENT}
_SECONDS = 30.0
_LOG_LINES = 500

_CONFIG = "api/v1/status/config"
_ENDPOINTS: dict[str, tuple[str, Sequence[tuple[str, str]]]] = {
    "flags": ("api/v1/status/flags", ()),
    "targets": ("api/v1/targets", (("state", "active"),)),
    "rules": ("api/v1/rules", ()),
    "alertmanagers": ("api/v1/alertmanagers", ()),
    "metrics": ("metrics", ()),
}
#: An agent refuses these.
_OF_SERVERS = {"rules", "alertmanagers"}


def load_yaml(text: str) -> object:
    """The document, or None if it cannot be read."""
    # The loader in C, where there is one: the configuration of a big server takes seconds without it.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return yaml.load(text, Loader=loader)  # noqa: S506 - both loaders are safe
    except (RecursionError, ValueError, yaml.YAMLError):
        return None


def moment(answer: Answer) -> float | None:
    """When it was written, in seconds since 1970."""
    try:
        return parsedate_to_datetime(answer.date).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None


@dataclass(frozen=True)
class _Place:
    """The pod and the container that are asked. The pod is a ready one, if there is one."""

    component: dict[str, Any]
    pod: Object
    container: Object
    is_ready: bool

    @property
    def server(self) -> Server:
        return Server(
            self.component["kind"] == AGENT,
            self.component["image"],
            facts.arguments(self.container),
            self.component["limits"]["memory"],
            config_source(self.pod, self.container),
        )


@dataclass(frozen=True)
class _Asked:
    """One that is asked, with its answers on their way."""

    place: _Place
    config: Future[_Configured]
    log: Future[str] | None


@dataclass(frozen=True)
class _Configured:
    """One that has answered, with the document of its configuration."""

    target: ProxyTarget
    document: object
    moment: float | None


class Servers:
    """The Prometheus servers and agents of one cluster."""

    def __init__(self, session: Session, cluster: str, pool: ThreadPoolExecutor) -> None:
        self._session = session
        self._objects = Objects(session)
        self._cluster = cluster
        self._pool = pool
        self._unseen: list[Problem] = []

    def complete(self, components: Iterable[dict[str, Any]], pods: Iterable[Object]) -> list[Problem]:
        """Put into each component of these kinds what its first ready pod says, and return what was not seen."""
        by_name = {(str(pod["metadata"]["namespace"]), str(pod["metadata"]["name"])): pod for pod in pods}
        asked = []
        for component in components:
            if component["kind"] in _KINDS:
                if place := _place(component, by_name):
                    asked.append(self._begin(place))
                else:
                    server = Server(component["kind"] == AGENT, component["image"])
                    component["prometheus"] = self._silent(server, _not_running(component, self._cluster))
        # The first answer tells where the others are asked for. All that are on their way are there before one is read.
        configured = [(one, self._configured(one)) for one in asked]
        others = [(one, found, self._ask_more(one.place, found)) for one, found in configured]
        for one, found, answers in others:
            one.place.component["prometheus"] = self._facts(one, found, answers)
        return self._unseen

    def _begin(self, place: _Place) -> _Asked:
        metadata = place.pod["metadata"]
        where = [("container", place.component["container"]), ("tailLines", str(_LOG_LINES))]
        log = partial(self._objects.log, metadata["namespace"], metadata["name"], where)
        is_agent = place.component["kind"] == AGENT
        return _Asked(
            place, self._pool.submit(partial(self._ask_first, place)), self._pool.submit(log) if is_agent else None
        )

    def _ask_first(self, place: _Place) -> _Configured:
        """Whether it answers, and with its configuration. Raises ProblemError if it does not."""
        if not place.is_ready:
            raise ProblemError([_not_running(place.component, self._cluster)])
        target = facts.proxy_target(place.pod, place.container)
        answer = self._get(target, _CONFIG)
        if facts.speaks_tls(answer):
            target = replace(target, scheme="https")
            answer = self._get(target, _CONFIG)
        content = facts.data(answer, self._name(target))
        return _Configured(target, load_yaml(facts.config_text(content)), moment(answer))

    def _configured(self, one: _Asked) -> _Configured | Problem:
        try:
            return one.config.result()
        except ProblemError as error:
            return error.problems[0]

    def _ask_more(self, place: _Place, found: _Configured | Problem) -> dict[str, Future[Answer]]:
        if isinstance(found, Problem):
            return {}
        left_out = _OF_SERVERS if place.component["kind"] == AGENT else set()
        return {
            name: self._pool.submit(partial(self._get, found.target, path, params))
            for name, (path, params) in _ENDPOINTS.items()
            if name not in left_out
        }

    def _facts(self, one: _Asked, found: _Configured | Problem, answers: dict[str, Future[Answer]]) -> dict[str, Any]:
        log = self._log(one)
        server = one.place.server
        if isinstance(found, Problem):
            return self._silent(server, found, log)
        if not isinstance(found.document, dict):
            cause = "its configuration is not YAML that can be read, so its labels and its remote write are not seen"
            self._unseen.append(Problem(self._name(found.target), cause, "look at it by hand"))
        data = {name: self._data(found.target, name, answer) for name, answer in answers.items() if name != "metrics"}
        metrics = self._metrics(found.target, answers["metrics"])
        if metrics:
            _complete(one.place, metrics)
        config = found.document if isinstance(found.document, dict) else None
        said = Answers(**data, config=config, metrics=metrics, log=log, moment=found.moment)
        return facts.facts(server, said)

    def _silent(self, server: Server, problem: Problem, log: str = "") -> dict[str, Any]:
        self._unseen.append(problem)
        return facts.silent(server, problem, log)

    def _log(self, one: _Asked) -> str:
        try:
            return one.log.result() if one.log else ""
        except ProblemError as error:
            self._miss(error, "what it complains about is")
            return ""

    def _data(self, target: ProxyTarget, name: str, answer: Future[Answer]) -> object:
        try:
            return facts.data(answer.result(), self._name(target))
        except ProblemError as error:
            self._miss(error, f"its {name} are")
            return None

    def _metrics(self, target: ProxyTarget, answer: Future[Answer]) -> Metrics | None:
        try:
            found = answer.result()
        except ProblemError as error:
            self._miss(error, "its metrics are")
            return None
        if found.status != 200:
            cause = f"it does not answer with metrics (HTTP {found.status}), so they are not seen"
            self._unseen.append(Problem(self._name(target), cause, "look at it by hand"))
            return None
        return parse(found.body.decode(errors="replace"))

    def _miss(self, error: ProblemError, what: str) -> None:
        self._unseen += [replace(problem, cause=f"{problem.cause}, so {what} not seen") for problem in error.problems]

    def _get(self, target: ProxyTarget, path: str, params: Sequence[tuple[str, str]] = ()) -> Answer:
        answer = self._session.get(target.path(path), params, timeout=_SECONDS)
        if problem := refusal(target, answer, self._session.cluster):
            raise ProblemError([replace(problem, subject=self._name(target))])
        return answer

    def _name(self, target: ProxyTarget) -> str:
        return f"{target} in {self._cluster}"


def _place(component: dict[str, Any], pods: Mapping[tuple[str, str], Object]) -> _Place | None:
    namespace = str(component["workload"]["namespace"])
    for told in sorted(component["pods"], key=lambda pod: not pod["ready"]):
        pod: Object = pods.get((namespace, told["name"]), {})
        spec = pod.get("spec", {})
        for container in [*(spec.get("containers") or []), *(spec.get("initContainers") or [])]:
            if container["name"] == component["container"]:
                return _Place(component, pod, container, told["ready"])
    return None


def _complete(place: _Place, metrics: Metrics) -> None:
    """What the objects and the kubelet did not tell of a component, by its own word."""
    place.component["version"] = place.component["version"] or version(metrics)
    volumes = place.pod["spec"].get("volumes") or []
    claims = {(volume.get("persistentVolumeClaim") or {}).get("claimName") for volume in volumes}
    mounted = [volume for volume in place.component["volumes"] if volume["claim"] in claims]
    # Kubelets have no figures of folders of their node.
    if len(mounted) == 1 and mounted[0]["used"] is None:
        mounted[0]["used"] = stored_bytes(metrics)


def _not_running(component: dict[str, Any], cluster: str) -> Problem:
    reasons = sorted({pod["reason"] for pod in component["pods"] if pod["reason"]})
    fix = "make it run, and run the audit again"
    if component["replicas"]["wanted"] == 0:
        cause, fix = "it is scaled to no pods", "nothing, if it is to stay so"
    elif not component["pods"]:
        cause = "it has no pods, or none that can be seen"
    else:
        cause = "no pod of it is ready" + (f" ({', '.join(reasons)})" if reasons else "")
    return Problem(f"{component['id']} in {cluster}", f"{cause}, so it could not be asked", fix)
