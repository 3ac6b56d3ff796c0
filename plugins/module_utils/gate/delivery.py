# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How an edge delivers now: what its agents say of themselves, what Thanos Query has of them, and the judgement.

An edge delivers where every agent answers, has targets that are up, is refused nothing while it is watched, and Query
has a new sample of each of these targets. That is what one look can tell; what proves a change is the gate. Where
nothing is watched, nothing may have been refused since a queue was made.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem
from ansible_collections.miribit.thanos.plugins.module_utils.gate.window import Stored
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.query import matchers
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.queues import Agent, Queue
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.targets import Target, TargetKey

#: A sample is new until the second scrape after it is due, and a minute more: the 15 s that Prometheus 2.48 takes to
#: read its WAL, a batch_send_deadline of 5 s, and a receiver that is just being rolled out.
_INTERVALS = 2
_LATE = 60.0
#: Of several queues, one can be so far behind another: each of them reads the WAL by itself, in Prometheus 2.48 every
#: 15 s, and a shard holds samples back for a batch_send_deadline of 5 s.
_HELD_BACK = 20.0
#: How long samples are counted for at least, and in which steps. No target is scraped twice in one.
_COUNTED = 60.0
_STEP = 5
_DEFAULT_INTERVAL = 60.0
_LONGEST_WATCH = 60.0
_MOST_TARGETS = 3
#: How far back a query without a range looks for a sample.
_LOOKBACK = "5 min"


@dataclass(frozen=True)
class Pod:
    """A pod of an agent, looked at twice, or once where nothing is watched. What it did not tell is None."""

    name: str
    first: Agent | None = None
    last: Agent | None = None
    #: What lies between both looks. 0 where there is one.
    seconds: float = 0.0
    targets: tuple[Target, ...] | None = None
    silent: Problem | None = None

    @property
    def version(self) -> str | None:
        return self.last.version if self.last else None

    @property
    def rate(self) -> float | None:
        """Samples per second that its scrapes append: between the looks, or since it was started where there is one."""
        if self.first is None or self.last is None:
            return None
        if not self.watched:
            return self.last.rate
        if self._restarted or self.first.appended is None or self.last.appended is None:
            return None
        return (self.last.appended - self.first.appended) / self.seconds

    @property
    def watched(self) -> bool:
        return self.seconds > 0

    @property
    def refused(self) -> float:
        """Between the looks, or since its queues were made. One that is new since the first look has counted from 0."""
        if self.first is None or self.last is None:
            return 0.0
        before = (
            {} if self._restarted or not self.watched else {_id(queue): queue.failed for queue in self.first.queues}
        )
        failed = ((queue.failed, before.get(_id(queue), 0.0)) for queue in self.last.queues)
        # One that has fallen was made anew.
        return sum(now - then if now >= then else now for now, then in failed)

    @property
    def _restarted(self) -> bool:
        return self.first is None or self.last is None or self.first.started != self.last.started


@dataclass(frozen=True)
class Workload:
    """An agent, whatever it was made by. The version is that of its image."""

    id: str
    version: str | None
    wanted: int
    pods: tuple[Pod, ...] = ()

    @property
    def answering(self) -> tuple[Pod, ...]:
        return tuple(pod for pod in self.pods if pod.last is not None)


@dataclass(frozen=True)
class Seen:
    """What was seen of an edge. What could not be asked is None, and why is among the problems."""

    cluster: str
    namespace: str
    external_labels: Mapping[str, str]
    agents: tuple[Workload, ...] | None = None
    stored: Stored | None = None
    #: Samples per second that are stored.
    received: float | None = None
    #: Why the agents, or Query, could not be asked.
    problems: tuple[Problem, ...] = ()

    @property
    def pods(self) -> tuple[Pod, ...]:
        return tuple(pod for agent in self.agents or () for pod in agent.answering)

    @property
    def targets(self) -> dict[TargetKey, Target] | None:
        """All targets, once each: replicas scrape the same. It is up where one of them has it up."""
        known = [pod.targets for pod in self.pods if pod.targets is not None]
        if not known:
            return None
        found: dict[TargetKey, Target] = {}
        for target in (target for targets in known for target in targets):
            if target.key not in found or is_up(target):
                found[target.key] = target
        return found

    @property
    def watched(self) -> bool | None:
        """None if there is no pod that could be. One look is for all of them, or two."""
        return any(pod.watched for pod in self.pods) if self.pods else None

    @property
    def queues(self) -> list[tuple[Agent, Queue]]:
        return [(pod.last, queue) for pod in self.pods if pod.last for queue in pod.last.queues]

    @property
    def ever_delivered(self) -> bool | None:
        """Whether an endpoint has taken a sample since its queue was made. None if that cannot be told."""
        known = [queue.ever_accepted() for _agent, queue in self.queues]
        if not self.pods:
            return None
        return True if True in known else None if None in known else False


def is_up(target: Target) -> bool:
    return target.health == "up"


def _id(queue: Queue) -> tuple[str, str]:
    return queue.name, queue.url


# What is asked.


def watch(targets: Iterable[Target]) -> float:
    """How long to watch the counters: as long as it takes until each target was scraped exactly once."""
    return min(_LONGEST_WATCH, longest_interval(targets))


def longest_interval(targets: Iterable[Target]) -> float:
    return max((target.interval for target in targets), default=_DEFAULT_INTERVAL)


def moments_query(external_labels: Mapping[str, str], tenant_label: str) -> str:
    """When each target of the edge was last scraped, as far as the receiver has it."""
    return f"timestamp(up{{{_matchers(external_labels, tenant_label)}}})"


def received_query(external_labels: Mapping[str, str], tenant_label: str, interval: float) -> str:
    """Samples per second that are stored of the edge, counted one by one over a minute.

    The receiver's routers count by tenant, and edges share one. The agent's own scrape_samples_post_metric_relabeling,
    one series per target, would be cheaper, but says what was scraped: it would be complete even where half of the
    samples were refused. So what is there is counted. That reads every series of the edge, though only as far back
    as a minute, and gives back a single number.

    Not with count_over_time() alone, which takes the names of the metrics away and then finds the same labels twice.
    So in each step the series are counted that have a sample in it. Not in one step as long as a scrape: cAdvisor gives
    its samples times of its own, of which one scrape has two, and the next one none.
    """
    seconds = _window(interval)
    series = f"count(last_over_time({{{_matchers(external_labels, tenant_label)}}}[{_STEP}s]))"
    return f"sum_over_time({series}[{seconds}s:{_STEP}s]) / {seconds}"


def _window(interval: float) -> int:
    """Whole scrapes that take a minute or more, in whole steps."""
    scrapes = math.ceil(_COUNTED / interval) * interval
    return math.ceil(scrapes / _STEP) * _STEP


def received_until(stored: Stored, interval: float) -> float | None:
    """The end of the minute that is counted, in seconds since 1970: the newest of which all samples must have come.

    An agent sends in the order of its WAL, so samples that are under way do not make the number smaller. But no sample
    counts that is too old to be new: where it has stopped, nothing arrives. None, for now, where nothing ever came.
    """
    newest = max((moment for _labels, moment in stored.series), default=None)
    if newest is None:
        return None
    end = max(newest - _HELD_BACK, stored.moment - patience(interval) + _window(interval))
    # Steps are at whole multiples, and one at the very beginning would count in some versions.
    return end // _STEP * _STEP + _STEP / 2


def patience(interval: float) -> float:
    return _INTERVALS * interval + _LATE


def _matchers(external_labels: Mapping[str, str], tenant_label: str) -> str:
    """Only a receiver gives a series a tenant: what a sidecar has of the same cluster does not count."""
    return ",".join([*matchers(external_labels), f'{tenant_label}!=""'])


# What is told.


def facts(seen: Seen) -> dict[str, object]:
    """All figures. Null is what is not known."""
    targets = seen.targets
    rates = [rate for pod in seen.pods if (rate := pod.rate) is not None]
    lags = [lag for agent, queue in seen.queues if (lag := agent.lag(queue)) is not None]
    return {
        "agents": None if seen.agents is None else [_agent(agent) for agent in seen.agents],
        "targets": None if targets is None else {"up": len(_up(targets)), "all": len(targets)},
        "watched": seen.watched,
        "samples_per_second": round(sum(rates), 1) if rates else None,
        "lag": round(max(lags), 1) if lags else None,
        "backlog": int(sum(queue.pending for _agent, queue in seen.queues)) if seen.pods else None,
        "refused": int(sum(pod.refused for pod in seen.pods)) if seen.pods else None,
        "ever_delivered": seen.ever_delivered,
        "query": None if seen.stored is None else _query(seen, seen.stored),
    }


def _agent(agent: Workload) -> dict[str, object]:
    versions = sorted({pod.version for pod in agent.answering if pod.version})
    pods = {"wanted": agent.wanted, "answering": len(agent.answering)}
    return {"id": agent.id, "version": ", ".join(versions) or agent.version, "pods": pods}


def _query(seen: Seen, stored: Stored) -> dict[str, object]:
    ages = [max(0.0, stored.moment - moment) for _labels, moment in stored.series]
    targets = seen.targets
    return {
        "targets": None if targets is None else len(_up(targets)) - len(_missing(seen, stored, _up(targets))),
        "samples_per_second": None if seen.received is None else round(seen.received, 1),
        "newest_age": round(min(ages), 1) if ages else None,
    }


def _up(targets: Mapping[TargetKey, Target]) -> list[Target]:
    return [target for target in targets.values() if is_up(target)]


def _missing(seen: Seen, stored: Stored, up: Sequence[Target]) -> list[Target]:
    """The targets that are up and of which Query has no new sample."""
    names = frozenset(name for target in up for name in target.labels)
    newest: dict[frozenset[tuple[str, str]], float] = {}
    for labels, moment in stored.series:
        key = _key(labels, names)
        newest[key] = max(moment, newest.get(key, moment))

    def has_new(target: Target) -> bool:
        if any(target.labels.get(name, value) != value for name, value in seen.external_labels.items()):
            # Its own label wins over the external one, and that is what Query is asked for.
            return True
        moment = newest.get(_key({**seen.external_labels, **target.labels}, names))
        return moment is not None and stored.moment - moment <= patience(target.interval)

    return [target for target in up if not has_new(target)]


def _key(labels: Mapping[str, str], names: Collection[str]) -> frozenset[tuple[str, str]]:
    """What tells the targets' series apart, without what the agent and the receiver add to all of them."""
    return frozenset((name, value) for name, value in labels.items() if name in names)


# Why an edge does not deliver.


def complaints(seen: Seen) -> list[Problem]:
    """Why it does not deliver; nothing if it does."""
    return [*seen.problems, *_of_agents(seen), *_of_refusals(seen), *_of_query(seen)]


def _of_agents(seen: Seen) -> Iterator[Problem]:
    if seen.agents is None:
        return
    if not seen.agents:
        cause = f"there is none in namespace {seen.namespace}, so nothing is sent"
        yield Problem(f"Agent of {seen.cluster}", cause, "run phase 2, or correct fleet_namespace")
    for agent in seen.agents:
        subject = f"{agent.id} in {seen.cluster}"
        if agent.wanted == 0:
            yield Problem(subject, "it is scaled to no pods", "scale it up, or take it away")
        elif not agent.pods:
            yield Problem(subject, "no pod of it runs", "look why with 'kubectl describe', and make it run")
        yield from (pod.silent for pod in agent.pods if pod.silent)
    targets = seen.targets
    if targets is not None and not _up(targets):
        cause, fix = "it has no targets, so there is nothing to send", "correct its scrape_configs"
        if targets:
            cause = f"none of its {len(targets)} targets is up: {_listed(list(targets.values()))}"
            fix = "look at their errors in the agent's page /targets, and mend what is scraped first"
        yield Problem(f"Agent of {seen.cluster}", cause, fix)


def _of_refusals(seen: Seen) -> Iterator[Problem]:
    refused = sum(pod.refused for pod in seen.pods)
    if refused:
        since = "while it was watched" if seen.watched else "since its queue was made"
        cause = f"{refused:,.0f} samples were refused {since}, and are never sent again"
        fix = "read the agent's log, and compare external labels and clocks if it says 409"
        if not seen.watched:
            # A queue keeps its count as long as it lives.
            fix = f"watch it, which tells whether it goes on; then {fix}"
        yield Problem(f"Agent of {seen.cluster}", cause, fix)


def _of_query(seen: Seen) -> Iterator[Problem]:
    stored, targets = seen.stored, seen.targets
    if stored is None or targets is None or not (up := _up(targets)):
        return
    missing = _missing(seen, stored, up)
    if not missing:
        return
    subject = f"Samples of {seen.cluster}"
    if stored.series:
        cause = f"Thanos Query has no new one of {len(missing)} of {len(up)} targets that are up: {_listed(missing)}"
        fix = "wait for two scrapes if the agent was just changed; else look at its lag, and read its log"
        yield Problem(subject, cause, fix)
        return
    labels = ", ".join(f"{name}={value}" for name, value in seen.external_labels.items())
    cause = f"in the last {_LOOKBACK} Thanos Query has none with {labels} from the receiver"
    fix = "compare the external labels that the agent runs with these, and its URL with the receiver's"
    if not seen.queues:
        cause, fix = f"{cause}: the agent has no remote write", "run phase 2"
    elif seen.ever_delivered is False and not any(queue.tried for _agent, queue in seen.queues):
        cause = f"{cause}: the agent has sent nothing yet since its queue was made"
        fix = "wait for two scrapes if it was just started; else read its log"
    elif seen.ever_delivered is False:
        cause = f"{cause}: what the agent writes to has taken nothing since its queue was made"
        fix = "run phase 2, which gives the agent the receiver's address"
    yield Problem(subject, cause, fix)


def _listed(targets: Sequence[Target]) -> str:
    shown = [str(target.key) for target in targets[:_MOST_TARGETS]]
    return ", ".join([*shown, *(["..."] if len(targets) > len(shown) else [])])


def of_edge(problem: Problem, cluster: str) -> Problem:
    """The same, saying of which edge it is: a kubeconfig, for example, may be that of all."""
    return problem if cluster in problem.subject else replace(problem, subject=f"{problem.subject} of {cluster}")


def without_query(problem: Problem) -> Problem:
    """Why Query could not be asked, as a reason of an edge. Before phase 1 there is none."""
    missing = problem.cause.startswith("it does not exist")
    fix = "run phase 1, which brings it, or correct its name" if missing else problem.fix
    return replace(problem, cause=f"{problem.cause}, so whether samples arrive is not known", fix=fix)
