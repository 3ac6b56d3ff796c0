# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Comparison of an agent's targets with those of the other servers of its edge, which leave."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.miribit.thanos.plugins.module_utils.agent.edge import named
from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.targets import (
    Target,
    TargetKey,
    by_job,
    missed,
    read_target,
)

Facts = Mapping[str, Any]

#: The lists of _edge_info whose pods go when a Full Prometheus does, as far as it has them.
_GOING = ("servers", "alertmanagers", "grafanas")

_WHY_SILENT = "see why its pods are not ready, or scale it to no pods if it is not needed"
_TWO_WAYS = (
    "make a ServiceMonitor or PodMonitor for them whose labels and namespace the agent selects "
    "(prometheus_agent_operator_monitor_selector, prometheus_agent_operator_monitor_namespace_selector), or add a job "
    "to prometheus_agent_extra_scrape_configs. Jobs that nobody needs are named in "
    "prometheus_agent_operator_accept_missing"
)


@dataclass(frozen=True)
class Coverage:
    #: What must be mended before the others may go.
    problems: tuple[Problem, ...]
    #: In words, by job: what only the others scrape, and what only the agent does.
    missing: tuple[str, ...]
    extra: tuple[str, ...]
    #: How many targets both scrape.
    both: int
    #: In words: what the agent itself scrapes more than once.
    twice: tuple[str, ...]
    #: What is up at the others and must be at the agent; None where there are no others to compare with.
    targets: tuple[dict[str, object], ...] | None

    def as_dict(self) -> dict[str, object]:
        lists = {name: list(getattr(self, name)) for name in ("missing", "extra", "twice")}
        return {
            "problems": [problem.as_dict() for problem in self.problems],
            **lists,
            "both": self.both,
            "targets": None if self.targets is None else list(self.targets),
        }


def coverage(edge: Facts, name: str, accept: Collection[str] = ()) -> Coverage:
    """Compare the targets that the module _edge_info returns. The agent has this name, or its custom resource has."""
    agents = [agent for agent in named(edge["agents"], name) if _runs(agent)]
    ids = {agent["id"] for agent in agents}
    others = [one for one in (*edge["agents"], *edge["servers"]) if one["id"] not in ids and _runs(one)]
    silent = [one for one in (*agents, *others) if one.get("targets") is None]
    problems = [
        Problem(str(one["id"]), "it does not tell its targets, so nobody knows what would be missed", _WHY_SILENT)
        for one in silent
    ]
    if not agents:
        cause = "it does not run, so its targets cannot be compared"
        problems.append(Problem(f"Agent {name}", cause, "see why its pods are not ready"))
    if problems:
        return Coverage(tuple(problems), (), (), 0, (), None)
    scraped = [target for agent in agents for target in _targets(agent)]
    keys = {target.key for target in scraped}
    going = set(_going(edge, others))
    missing: dict[TargetKey, Target] = {}
    wanted: dict[TargetKey, Target] = {}
    for other in others:
        needed = missed((target for target in _targets(other) if target.job not in accept), (), going)
        wanted |= {target.key: target for target in needed}
        lost = [target for target in needed if target.key not in keys]
        missing |= {target.key: target for target in lost}
        if lost:
            shown = "; ".join(by_job(lost))
            problems.append(Problem(f"Agent {name}", f"it does not scrape what {other['id']} does: {shown}", _TWO_WAYS))
    theirs = {target.key for other in others for target in _targets(other)}
    return Coverage(
        problems=tuple(problems),
        missing=tuple(by_job(missing.values())),
        extra=tuple(by_job(_once(target for target in scraped if target.key not in theirs))),
        both=len(keys & theirs),
        twice=tuple(by_job(_several(agents))),
        targets=tuple(key.as_dict() for key in wanted) if others else None,
    )


def _runs(component: Facts) -> bool:
    return bool(component["replicas"]["wanted"] != 0)


def _targets(component: Facts) -> Iterator[Target]:
    return map(read_target, component["targets"])


def _going(edge: Facts, others: Sequence[Facts]) -> Iterator[tuple[str | None, str | None]]:
    """Namespace and name of the pods of the others, and of what is taken away together with a Full Prometheus."""
    for component in (*others, *(one for kind in _GOING for one in edge.get(kind, ()))):
        for pod in component.get("pods") or ():
            yield component["workload"]["namespace"], pod["name"]


def _once(targets: Iterable[Target]) -> Iterable[Target]:
    found: dict[TargetKey, Target] = {}
    for target in targets:
        found.setdefault(target.key, target)
    return found.values()


def _several(agents: Iterable[Facts]) -> Iterable[Target]:
    """Replicas and shards are told apart: only what one pod has twice is counted twice."""
    for agent in agents:
        if len(agent.get("pods") or ()) > 1:
            continue
        targets = list(_targets(agent))
        times = Counter(target.key for target in targets)
        yield from _once(target for target in targets if times[target.key] > 1)
