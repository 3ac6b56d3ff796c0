# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The evidence of a gate: agents, routers and stored samples, asked once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ansible_collections.miribit.thanos.plugins.module_utils.base.logs import without_secrets
from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.gate.agent import (
    Verdict,
    accepting_loss,
    before_restart,
    delivers,
)
from ansible_collections.miribit.thanos.plugins.module_utils.gate.checks import Wanted, span
from ansible_collections.miribit.thanos.plugins.module_utils.gate.problems import problems
from ansible_collections.miribit.thanos.plugins.module_utils.gate.window import (
    AgentPod,
    Router,
    Seen,
    Stored,
    Window,
    up_query,
)
from ansible_collections.miribit.thanos.plugins.module_utils.kube.api import Session
from ansible_collections.miribit.thanos.plugins.module_utils.kube.containers import is_leaving, is_ready, kind_of
from ansible_collections.miribit.thanos.plugins.module_utils.kube.errors import ApiServerError
from ansible_collections.miribit.thanos.plugins.module_utils.kube.objects import PODS, Object, Objects
from ansible_collections.miribit.thanos.plugins.module_utils.kube.session import session_at, session_of
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus import queues
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.config import Config, config
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.entries import complaints
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.pod import PrometheusPod, load_yaml
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.query import (
    InstantQuery,
    Prometheus,
    query_target,
)
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.targets import read_key
from ansible_collections.miribit.thanos.plugins.module_utils.receive.metrics import written
from ansible_collections.miribit.thanos.plugins.module_utils.receive.pod import Receiver

_KINDS = {"prometheus", "prometheus_agent"}
#: What is older than the window may be mended since. Of equal complaints, Prometheus 2 logs one in a minute.
_LOG_BEFORE = 120


def look(options: dict[str, Any], before: Window | None, *, final: bool) -> tuple[Verdict, list[Problem]]:
    """What one look shows, compared with an earlier one, and what is wrong if it shall not be looked again."""
    wanted = _wanted(options)
    session = session_of(options)
    pods = _agents(session, options)
    seen = Seen(time.time(), tuple(pods))
    if options["gate"] == "before_restart":
        verdict = before_restart(wanted, before, seen)
        if options["accept_loss"] and final and not verdict.passed:
            verdict = accepting_loss(verdict, seen)
    else:
        seen = replace(seen, routers=_routers(options), stored=_stored(options, wanted, seen))
        verdict = delivers(wanted, before, seen)
    if verdict.passed or not (final or verdict.hopeless):
        return verdict, []
    subject = f"Agent {options['namespace']}/{options['selector']} in {session.cluster}"
    return verdict, problems(verdict, seen, _logs(session, options["namespace"], verdict, seen), subject)


def _wanted(options: dict[str, Any]) -> Wanted:
    before = options["targets_before"]
    return Wanted(
        config=None if options["config"] is None else config(options["config"]),
        pods=options["pods"],
        targets_before=None if before is None else frozenset(read_key(target) for target in before),
        **{name: options[name] for name in ("max_lag", "hold", "delivered_before", "tolerance")},
        **{name: options[name] for name in ("tenant_header", "default_tenant")},
    )


def warnings(verdict: Verdict) -> list[str]:
    found = [
        f"{check.name}: {check.observed}; should be: {check.threshold}; {check.why}"
        for check in verdict.checks
        if verdict.passed and check.ok is False
    ]
    if verdict.passed and verdict.loss:
        samples = "" if verdict.loss.samples is None else f", {verdict.loss.samples} samples"
        found.insert(
            0, f"what the agent has not sent is lost when it is changed: {span(verdict.loss.seconds)}{samples}"
        )
    return found


def _raise_if_away(error: ProblemError) -> None:
    """What the API server says of itself tells nothing of the pod."""
    if isinstance(error, ApiServerError):
        raise error


# The agent.


def _agents(session: Session, options: dict[str, Any]) -> list[AgentPod]:
    pods = Objects(session).find(PODS, options["namespace"], options["selector"])
    staying = sorted((pod for pod in pods if not is_leaving(pod)), key=_name)
    return [_agent(session, pod, options) for pod in staying]


def _agent(session: Session, pod: Object, options: dict[str, Any]) -> AgentPod:
    container = _container(pod, options["container"])
    status = next((one for one in _statuses(pod) if one.get("name") == container["name"]), {})
    found = AgentPod(
        name=_name(pod),
        ready=is_ready(pod),
        running="running" in (status.get("state") or {}),
        restarts=int(status.get("restartCount") or 0),
        container=str(container["name"]),
    )
    if not found.running:
        return found
    try:
        process = PrometheusPod(session, pod, found.container)
        agent = queues.read(process.metrics())
        if options["gate"] == "before_restart":
            return replace(found, agent=agent, config=_config(process) if _must_know(agent) else None)
        return replace(found, agent=agent, config=_config(process), targets=process.targets())
    except ProblemError as error:
        _raise_if_away(error)
        return replace(found, silent=error.problems[0])


def _must_know(agent: queues.Agent) -> bool:
    """Whether only its configuration tells what was dropped on purpose."""
    return any("" in queue.dropped for queue in agent.queues)


def _container(pod: Object, wanted: str | None) -> Object:
    containers: list[Object] = pod["spec"]["containers"]
    for container in containers:
        if container["name"] == wanted or (not wanted and kind_of(container) in _KINDS):
            return container
    there_are = ", ".join(str(container["name"]) for container in containers)
    cause = f"none of its containers is {wanted or 'known to be a Prometheus'}; it has {there_are}"
    fix = "name the agent's in 'container', or correct 'selector'"
    raise ProblemError([Problem(f"Pod {pod['metadata']['namespace']}/{_name(pod)}", cause, fix)])


def _statuses(pod: Object) -> Sequence[Object]:
    return (pod.get("status") or {}).get("containerStatuses") or ()


def _name(pod: Object) -> str:
    return str(pod["metadata"]["name"])


def _config(process: PrometheusPod) -> Config | None:
    # An operator's agent has megabytes, and is asked every few seconds.
    document = load_yaml(process.config())
    return None if document is None else config(document)


def _logs(session: Session, namespace: str, verdict: Verdict, seen: Seen) -> dict[str, list[str]]:
    """What each pod complains of."""
    seconds = max(0, round(seen.moment - verdict.window.began)) + _LOG_BEFORE
    found = {}
    for pod in seen.pods:
        item = {"metadata": {"namespace": namespace, "name": pod.name}}
        try:
            log = PrometheusPod(session, item, pod.container).log(seconds=seconds)
        except ProblemError:
            # What is to be told is why the gate does not let pass, even without the log.
            log = ""
        found[pod.name] = [without_secrets(line) for line in complaints(log)]
    return found


# The receiver.


def _routers(options: dict[str, Any]) -> tuple[Router, ...] | None:
    place = options["routers"]
    if place is None:
        return None
    session = session_at(place, options)
    pods = Objects(session).find(PODS, place["namespace"], place["selector"])
    staying = sorted((pod for pod in pods if not is_leaving(pod)), key=_name)
    return tuple(_router(Receiver(session, pod, str(place["port"]))) for pod in staying)


def _router(receiver: Receiver) -> Router:
    try:
        metrics = receiver.metrics()
    except ProblemError as error:
        _raise_if_away(error)
        return Router(receiver.name, silent=error.problems[0])
    return Router(receiver.name, metrics.value("process_start_time_seconds"), written(metrics))


def _stored(options: dict[str, Any], wanted: Wanted, seen: Seen) -> dict[str, Stored] | None:
    place = options["query"]
    if place is None:
        return None
    query = Prometheus(session_at(place, options), query_target(place))
    known = wanted.config or next((pod.config for pod in seen.pods if pod.config), Config())
    tenants = dict.fromkeys(block.tenant(wanted.tenant_header) for block in known.blocks)
    labels = dict(known.external_labels)
    return {
        tenant: _series(query, up_query(labels, place["tenant_label"], tenant or wanted.default_tenant))
        for tenant in tenants
    }


def _series(query: Prometheus, text: str) -> Stored:
    try:
        # A store that cannot be reached takes nothing away from what is found.
        answer = query.instant(InstantQuery(text, timeout=20, partial_response=True))
    except ProblemError as error:
        _raise_if_away(error)
        return Stored(silent=error.problems[0])
    moment = max((sample.timestamp for sample in answer.samples), default=0.0)
    return Stored(moment, tuple((sample.metric, float(sample.value)) for sample in answer.samples if sample.value))
