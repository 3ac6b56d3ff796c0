# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a gate has seen in one look at an agent, its receiver and Thanos Query, and the window between two looks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.config import Config
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.query import matchers
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.queues import Agent, Queue
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.targets import Target


@dataclass(frozen=True)
class AgentPod:
    """A pod of the agent. What it was not asked for, or did not tell, is None."""

    name: str
    ready: bool = True
    #: Whether its process runs. Without one, there is no queue.
    running: bool = True
    restarts: int = 0
    container: str = ""
    agent: Agent | None = None
    config: Config | None = None
    targets: tuple[Target, ...] | None = None
    silent: Problem | None = None


@dataclass(frozen=True)
class Router:
    """A router of the receiver: samples of write requests by tenant and status code."""

    name: str
    started: float | None = None
    written: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    silent: Problem | None = None


@dataclass(frozen=True)
class Stored:
    """What Thanos Query has of a tenant: the labels of each series, and when its last sample was taken."""

    moment: float = 0.0
    series: tuple[tuple[Mapping[str, str], float], ...] = ()
    silent: Problem | None = None


@dataclass(frozen=True)
class Seen:
    """One look. What was not asked is None."""

    moment: float
    pods: tuple[AgentPod, ...] = ()
    routers: tuple[Router, ...] | None = None
    #: By the tenant of a block; the default tenant's is empty.
    stored: Mapping[str, Stored] | None = None

    def queues(self) -> list[tuple[AgentPod, Agent, Queue]]:
        return [(pod, pod.agent, queue) for pod in self.pods if pod.agent for queue in pod.agent.queues]

    def label(self, pod: AgentPod, queue: Queue) -> str:
        """What tells a queue from the others."""
        return f"{pod.name}/{queue.name}" if len(self.pods) > 1 else queue.name


def up_query(labels: Mapping[str, str], tenant_label: str, tenant: str) -> str:
    """When each target of a sender was last scraped. Only a receiver gives a series a tenant.

    So what others store of the same cluster is left out: a sidecar, or a server that scrapes it from outside.
    """
    wanted = ",".join(matchers({**labels, tenant_label: tenant}))
    return f"timestamp(up{{{wanted}}})"


# The window.


@dataclass(frozen=True)
class Window:
    """Since when nothing has happened that spoils a comparison, and what the counters were then."""

    began: float
    #: What happened then. Empty for the first look.
    because: str = ""
    #: By pod: when its process was started, and its queues by name and URL.
    agents: Mapping[str, tuple[float | None, Mapping[str, Queue]]] = field(default_factory=dict)
    routers: Mapping[str, Router] = field(default_factory=dict)

    def queue(self, pod: AgentPod, queue: Queue) -> Queue | None:
        """The same one as it was then."""
        started, queues = self.agents.get(pod.name, (None, {}))
        same = pod.agent is not None and pod.agent.started == started
        return queues.get(_id(queue)) if same else None


def opened(seen: Seen, because: str = "") -> Window:
    agents = {
        pod.name: (pod.agent.started, {_id(queue): queue for queue in pod.agent.queues})
        for pod in seen.pods
        if pod.agent
    }
    routers = {router.name: router for router in seen.routers or () if not router.silent}
    return Window(seen.moment, because, agents, routers)


def _id(queue: Queue) -> str:
    return f"{queue.name} {queue.url}"


def spoiled(window: Window, seen: Seen) -> str:
    """Why two looks cannot be compared, or nothing. A pod that does not answer now can be again."""
    found = (*_agents_spoiled(window, seen), *_routers_spoiled(window, seen.routers or ()))
    return next(iter(found), "")


def _agents_spoiled(window: Window, seen: Seen) -> Iterator[str]:
    for pod in seen.pods:
        if pod.agent is None:
            continue
        if pod.name not in window.agents:
            yield f"{pod.name} was not there before"
            continue
        started, queues = window.agents[pod.name]
        now = {_id(queue): queue for queue in pod.agent.queues}
        if started != pod.agent.started:
            yield f"{pod.name} was started again"
        elif now.keys() != queues.keys():
            yield f"{pod.name} has other queues"
        else:
            # A reload that changes a block makes a new queue, whose counters begin again, in the same process.
            yield from (
                f"queue {seen.label(pod, queue)} was made anew"
                for key, queue in now.items()
                if queue.attempts < queues[key].attempts or (queue.sent or 0) < (queues[key].sent or 0)
            )


def _routers_spoiled(window: Window, routers: Sequence[Router]) -> Iterator[str]:
    answering = {router.name: router for router in routers if not router.silent}
    if {router.name for router in routers} != window.routers.keys() and answering.keys() != window.routers.keys():
        yield "the receiver has other routers"
        return
    for name, router in answering.items():
        then = window.routers.get(name)
        if then and (then.started != router.started or _fell(then.written, router.written)):
            yield f"router {name} was started again"


def _fell(then: Mapping[str, Mapping[str, int]], now: Mapping[str, Mapping[str, int]]) -> bool:
    return any(
        count > now.get(tenant, {}).get(code, 0) for tenant, codes in then.items() for code, count in codes.items()
    )


def idle(window: Window, pod: AgentPod, agent: Agent, queue: Queue) -> bool:
    """Whether it had nothing to send since the first look, as the queue of a tenant without workloads.

    Then relabelling drops all that is read for it, which is counted; or there is nothing new to read. One whose watcher
    stands still is not idle, nor one that still reads what is older than its start, which is neither sent nor dropped
    (readSegment in tsdb/wlog/watcher.go).
    """
    then = window.queue(pod, queue)
    if then is None or queue.pending or queue.attempts > then.attempts:
        return False
    if agent.highest is not None and queue.sent is not None and queue.sent >= agent.highest:
        return True
    return sum(queue.dropped.values()) > sum(then.dropped.values())


def written_since(window: Window, routers: Iterable[Router], tenant: str) -> dict[str, int]:
    """By status code, what the routers that answered both times have of a tenant's samples."""
    grown: dict[str, int] = {}
    for router in routers:
        then = window.routers.get(router.name)
        if router.silent or then is None:
            continue
        for code, count in router.written.get(tenant, {}).items():
            more = count - then.written.get(tenant, {}).get(code, 0)
            if more:
                grown[code] = grown.get(code, 0) + more
    return grown
