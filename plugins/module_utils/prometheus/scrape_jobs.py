# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A list of scrape jobs (scrape_configs of Prometheus): a part for one edge leaves it, and comes back.

Edges go back one by one. So each has pieces of its own: the job as it was, with nothing in it but what was taken out
for this edge. A job that discovers targets goes as a whole or not at all.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from ansible_collections.miribit.thanos.plugins.module_utils.base.untyped import elements, mapping

#: Job and group as the list has them. What stands in them beside names and targets is never looked at.
Job = dict[str, Any]
Group = dict[str, Any]

_STATIC = "static_configs"
_TARGETS = "targets"
_NAME = "job_name"


@dataclass(frozen=True)
class Piece:
    """A job with what was taken out of it for one edge."""

    config: Job
    #: The names of the jobs that stood before it.
    before: tuple[str, ...] = ()

    @property
    def job(self) -> str:
        return str(self.config[_NAME])

    def as_dict(self) -> dict[str, object]:
        return {"config": self.config, "before": list(self.before)}


def read_piece(content: object) -> Piece | None:
    """Return a piece of the record, or None if it is invalid."""
    found = mapping(content)
    config, before = mapping(found.get("config")), found.get("before")
    if job_name(config) is None or not is_readable(config) or not isinstance(before, list):
        return None
    return Piece(config, tuple(str(name) for name in before))


# A list and its jobs.


def job_name(job: object) -> str | None:
    name = mapping(job).get(_NAME)
    return name if isinstance(name, str) else None


def find(jobs: Sequence[object], name: str) -> Job | None:
    return next((mapping(job) for job in jobs if job_name(job) == name), None)


def discovers(job: Job) -> bool:
    """Return whether it finds targets itself, so that not all of them stand in it."""
    return any(key.endswith("_sd_configs") and value for key, value in job.items())


def is_readable(job: Job) -> bool:
    """Return whether its static targets stand there as Prometheus documents it."""
    groups = job.get(_STATIC)
    return groups is None or (
        isinstance(groups, list)
        and all(isinstance(group, dict) and isinstance(group.get(_TARGETS, []), list) for group in groups)
    )


def groups_of(job: Job) -> list[Group]:
    return [mapping(group) for group in elements(job.get(_STATIC))]


def without_groups(job: Job) -> Job:
    return {key: value for key, value in job.items() if key != _STATIC}


def entries(job: Job) -> list[tuple[int, str, Group]]:
    """Return its static targets: the number of the group, the address, and the group."""
    return [(number, address, group) for number, group in enumerate(groups_of(job)) for address in targets_of(group)]


def addresses(job: Job) -> set[str]:
    return {address for _number, address, _group in entries(job)}


def labels_of(group: Group) -> dict[str, str]:
    return {name: str(value) for name, value in mapping(group.get("labels")).items()}


def targets_of(group: Group) -> list[str]:
    return [str(address) for address in elements(group.get(_TARGETS))]


# Taking out.


def part(job: Job, entries: Collection[tuple[int, str]]) -> Job:
    """Return a job with these static targets only, each known by the number of its group and its address."""
    groups = []
    for number, group in enumerate(groups_of(job)):
        if targets := [address for address in targets_of(group) if (number, address) in entries]:
            groups.append({**group, _TARGETS: targets})
    return {**job, _STATIC: groups}


def piece(jobs: Sequence[object], part: Job) -> Piece:
    """Return what is kept of a job in the list."""
    names = [job_name(job) for job in jobs]
    before = names[: names.index(job_name(part))]
    return Piece(deepcopy(part), tuple(name for name in before if name is not None))


def replaced(jobs: Sequence[object], name: str, rest: Job | None) -> list[object]:
    """Return the list with what is left of a job; None if nothing is."""
    return [rest if job_name(one) == name else one for one in jobs if rest is not None or job_name(one) != name]


# Putting back.


def put_back(jobs: Sequence[object], pieces: Iterable[Piece]) -> list[object]:
    """Return the list with the pieces. What is there already, and what somebody has changed, stays."""
    found = list(jobs)
    for piece in pieces:
        job = find(found, piece.job)
        if job is None:
            before = [at for at, one in enumerate(found) if job_name(one) in piece.before]
            found.insert(before[-1] + 1 if before else 0, deepcopy(piece.config))
        elif is_readable(job) and not discovers(piece.config):
            found = replaced(found, piece.job, _joined(job, piece.config))
    return found


def _joined(job: Job, more: Job) -> Job:
    groups = groups_of(job)
    for group in groups_of(more):
        # Somebody may have given a target other labels, and it stays so: it must not be scraped twice.
        there = {address for one in groups if _paths(one) == _paths(group) for address in targets_of(one)}
        missing = [address for address in targets_of(group) if address not in there]
        alike = [at for at, one in enumerate(groups) if {**one, _TARGETS: None} == {**group, _TARGETS: None}]
        if missing and alike:
            groups[alike[0]] = {**group, _TARGETS: [*targets_of(groups[alike[0]]), *missing]}
        elif missing:
            groups.append({**deepcopy(group), _TARGETS: missing})
    return {**job, _STATIC: groups} if groups else job


def _paths(group: Group) -> dict[str, str]:
    """Return the labels of a group that lead to another target, such as __metrics_path__."""
    return {name: value for name, value in labels_of(group).items() if name.startswith("__")}
