# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the preflights of all clusters mean for a run."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.base.untyped import elements, mapping


@dataclass(frozen=True)
class Preflight:
    """What stops the run, what is only told, and which edges are left out, with why."""

    message: str
    warnings: tuple[Problem, ...]
    left_out: Mapping[str, str]


def preflight(results: Mapping[str, object], edges: Collection[str], *, skip_away: bool) -> Preflight:
    """Judge results of cluster_access by the hosts' names. Clusters of the run that are no edges are never left out."""
    problems = {name: _problems(result, "problems") for name, result in results.items()}
    away = {
        name: str(ProblemError(problems[name]))
        for name, result in results.items()
        if skip_away and name in edges and mapping(result).get("away")
    }
    stopping = {name: found for name, found in problems.items() if found and name not in away}
    message = ""
    if stopping:
        distinct = dict.fromkeys(problem for found in stopping.values() for problem in found)
        message = "\n\n".join([str(ProblemError(list(distinct))), *_way_out(stopping.keys(), results.keys(), edges)])
    warnings = dict.fromkeys(one for result in results.values() for one in _problems(result, "warnings_found"))
    return Preflight(message, tuple(warnings), away)


def _way_out(stopping: Collection[str], clusters: Collection[str], edges: Collection[str]) -> list[str]:
    """How to go on without the edges that have problems, if others are left."""
    if not set(stopping) < {name for name in clusters if name in edges}:
        return []
    limit = ":".join(["all", *(f"!{name}" for name in sorted(stopping))])
    which = "these edges" if len(stopping) > 1 else "this edge"
    return [f"Nothing was changed. To go on without {which}: --limit '{limit}'"]


def _problems(result: object, key: str) -> list[Problem]:
    parts = [mapping(one) for one in elements(mapping(result).get(key))]
    return [Problem(*(str(one.get(part) or "") for part in ("subject", "cause", "fix"))) for one in parts]
