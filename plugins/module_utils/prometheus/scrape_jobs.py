# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A list of scrape jobs (scrape_configs of Prometheus): what is taken out of it, and how it comes back to its place.

What was taken out is kept in pieces, one for each edge and job, because edges go back one by one. Each piece knows the
job and the order of all jobs as they were when nothing was taken out yet, so pieces can come back in any order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
    """What was taken out of one job for one edge."""

    job: str
    #: The names of all jobs, this one among them.
    order: tuple[str, ...]
    #: The job with everything in it.
    config: Job
    #: The number of a group in it -> what was taken out of that. None if the whole job was, with what it discovers.
    groups: Mapping[int, tuple[str, ...]] | None

    def as_dict(self) -> dict[str, object]:
        groups = None if self.groups is None else [[number, list(taken)] for number, taken in self.groups.items()]
        return {"job": self.job, "order": list(self.order), "config": self.config, "groups": groups}

    @property
    def addresses(self) -> tuple[str, ...]:
        """The static targets that it holds."""
        groups = groups_of(self.config)
        held = enumerate(targets_of(group) for group in groups) if self.groups is None else self.groups.items()
        return tuple(address for _number, taken in held for address in taken)

    @property
    def alone(self) -> Job:
        """The job with nothing in it but this."""
        if self.groups is None:
            return deepcopy(self.config)
        groups = groups_of(self.config)
        # What it discovers was left in the list; whoever has taken it out since did not want it.
        rest = {key: value for key, value in without_groups(self.config).items() if not _is_discovery(key)}
        return {
            **rest,
            _STATIC: [{**groups[number], _TARGETS: list(taken)} for number, taken in self.groups.items()],
        }


def read_piece(content: object) -> Piece | None:
    """A piece as the record has it; None if it is none."""
    found = mapping(content)
    config, groups = mapping(found.get("config")), found.get("groups")
    job, order = found.get("job"), [str(name) for name in elements(found.get("order"))]
    if not isinstance(job, str) or config.get(_NAME) != job or job not in order:
        return None
    if groups is None:
        return Piece(job, tuple(order), config, None)
    taken = {}
    for pair in elements(groups):
        match pair:
            case [int(number), [*addresses]] if 0 <= number < len(groups_of(config)):
                taken[number] = tuple(str(address) for address in addresses)
            case _:
                return None
    return Piece(job, tuple(order), config, taken)


# A list and its jobs.


def name_of(job: object) -> str | None:
    name = mapping(job).get(_NAME)
    return name if isinstance(name, str) else None


def find(jobs: Sequence[object], name: str) -> Job | None:
    return next((mapping(job) for job in jobs if name_of(job) == name), None)


def discovers(job: Job) -> bool:
    """Whether it finds targets itself, too, so that not all of them stand in it."""
    return any(_is_discovery(key) and value for key, value in job.items())


def _is_discovery(key: str) -> bool:
    return key.endswith("_sd_configs")


def is_readable(job: Job) -> bool:
    """Whether its static targets stand there as Prometheus documents it."""
    groups = job.get(_STATIC)
    return groups is None or (
        isinstance(groups, list)
        and all(isinstance(group, dict) and isinstance(group.get(_TARGETS, []), list) for group in groups)
    )


def groups_of(job: Job) -> list[Group]:
    return [mapping(group) for group in elements(job.get(_STATIC))]


def without_groups(job: Job) -> Job:
    return {key: deepcopy(value) for key, value in job.items() if key != _STATIC}


def entries(job: Job) -> list[tuple[int, str, Group]]:
    """Its static targets: the number of the group, the address, and the group."""
    return [(number, address, group) for number, group in enumerate(groups_of(job)) for address in targets_of(group)]


def labels_of(group: Group) -> dict[str, str]:
    return {name: str(value) for name, value in mapping(group.get("labels")).items()}


def targets_of(group: Group) -> list[str]:
    return [str(address) for address in elements(group.get(_TARGETS))]


# Taking out.


@dataclass(frozen=True)
class Cut:
    """What is to be taken out of one job: for each edge some groups with their targets, or the whole job for one."""

    job: str
    groups: Mapping[str, Mapping[int, tuple[str, ...]] | None]


def take(
    jobs: Sequence[object], cuts: Iterable[Cut], recorded: Iterable[Piece] = ()
) -> tuple[list[object], dict[str, list[Piece]]]:
    """The list without what the cuts name, and the pieces of each edge. Recorded is what was taken out before."""
    before = put_back(jobs, recorded)
    order = tuple(name for job in before if (name := name_of(job)) is not None)
    left: list[object] = [deepcopy(job) for job in jobs]
    pieces: dict[str, list[Piece]] = {}
    for cut in cuts:
        job, whole = find(left, cut.job), find(before, cut.job)
        if job is None or whole is None:
            continue
        numbers = _matches(groups_of(job), groups_of(whole))
        # What could not be put back to its place stays: a group that stands there twice.
        sure = {edge: _with_number(groups, numbers) for edge, groups in cut.groups.items()}
        for edge, groups in sure.items():
            own = None if groups is None else {numbers[at] or 0: taken for at, taken in groups.items()}
            pieces.setdefault(edge, []).append(Piece(cut.job, order, deepcopy(job) if own is None else whole, own))
        rest = _rest(job, sure.values())
        left = [rest if name_of(one) == cut.job else one for one in left if rest or name_of(one) != cut.job]
    return left, pieces


def _with_number(
    groups: Mapping[int, tuple[str, ...]] | None, numbers: Sequence[int | None]
) -> Mapping[int, tuple[str, ...]] | None:
    return None if groups is None else {at: taken for at, taken in groups.items() if numbers[at] is not None}


def _rest(job: Job, cut: Iterable[Mapping[int, tuple[str, ...]] | None]) -> Job | None:
    """What stays of a job; None if nothing does."""
    taken: dict[int, set[str]] = {}
    for groups in cut:
        if groups is None:
            return None
        for number, addresses in groups.items():
            taken.setdefault(number, set()).update(addresses)
    rest = []
    for number, group in enumerate(groups_of(job)):
        staying = [address for address in targets_of(group) if address not in taken.get(number, ())]
        if staying or number not in taken:
            rest.append(group if number not in taken else {**group, _TARGETS: staying})
    if rest:
        return {**job, _STATIC: rest}
    return without_groups(job) if discovers(job) else None


# Putting back.


def put_back(jobs: Sequence[object], pieces: Iterable[Piece]) -> list[object]:
    """The list with the pieces where they were. What is there already, and what somebody has changed, stays."""
    found: list[object] = [deepcopy(job) for job in jobs]
    for piece in pieces:
        job = find(found, piece.job)
        if job is None:
            found.insert(_slot([name_of(one) for one in found], piece.order, piece.job), piece.alone)
        elif piece.groups is not None and is_readable(job):
            found = [_joined(job, piece) if name_of(one) == piece.job else one for one in found]
    return found


def _joined(job: Job, piece: Piece) -> Job:
    """The job with the groups of a piece, as far as they are missing."""
    whole, groups = groups_of(piece.config), groups_of(job)
    for number, taken in (piece.groups or {}).items():
        matches = _matches(groups, whole)
        if number in matches:
            at = matches.index(number)
            groups[at] = {**groups[at], _TARGETS: _together(targets_of(groups[at]), taken, targets_of(whole[number]))}
            continue
        # Somebody has given it other labels.
        elsewhere = {
            address
            for group, match in zip(groups, matches, strict=True)
            if match is None
            for address in targets_of(group)
        }
        missing = [address for address in taken if address not in elsewhere]
        if missing or not taken:
            group = {**deepcopy(whole[number]), _TARGETS: missing}
            groups.insert(_slot(matches, range(len(whole)), number), group)
    return {**job, _STATIC: groups} if groups else job


def _together(present: list[str], taken: Iterable[str], order: Sequence[str]) -> list[str]:
    for address in taken:
        if address not in present:
            present.insert(_slot(present, order, address), address)
    return present


def _matches(groups: Sequence[Group], whole: Sequence[Group]) -> list[int | None]:
    """Which group of the whole job each group is, or is left of: the same labels, and targets in common."""
    found: list[int | None] = []
    for group in groups:
        candidates = [number for number, other in enumerate(whole) if number not in found and _is_left_of(group, other)]
        found.append(candidates[0] if candidates else None)
    return found


def _is_left_of(group: Group, other: Group) -> bool:
    if {**group, _TARGETS: None} != {**other, _TARGETS: None}:
        return False
    own, others = set(targets_of(group)), set(targets_of(other))
    return bool(own & others) or not (own or others)


def _slot(present: Sequence[object], order: Sequence[object], item: object) -> int:
    """Where an item goes, so that those that are in the order keep it: behind the last that came before it."""
    at = order.index(item)
    before = [index for index, one in enumerate(present) if one is not None and one in order[:at]]
    after = [index for index, one in enumerate(present) if one is not None and one in order[at + 1 :]]
    if before:
        return before[-1] + 1
    return after[0] if after else min(at, len(present))
