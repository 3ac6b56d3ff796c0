# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which endpoints hold the copies of a series, from what a playbook says of both."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.base.reader import Reader
from ansible_collections.miribit.thanos.plugins.module_utils.hashring.file import Hashring, read
from ansible_collections.miribit.thanos.plugins.module_utils.hashring.ketama import Placement, series_hash
from ansible_collections.miribit.thanos.plugins.module_utils.hashring.rules import ring_of


@dataclass(frozen=True)
class _Place:
    """Where the series of one tenant are placed."""

    tenant: str
    ring: Hashring
    placement: Placement


def series_owners(
    rings: object, tenant: object, labels: object, replication_factor: object, sections: object
) -> list[str]:
    """The addresses of copies 0, 1, ... of a series."""
    place = _place(rings, tenant, replication_factor, sections)
    return list(place.placement.owners(series_hash(place.tenant)(_labels("Input labels", labels))))


def series_per_endpoint(
    rings: object, tenant: object, series: object, replication_factor: object, sections: object
) -> dict[str, int]:
    """How many of the series each endpoint of the ring holds a copy of, none included."""
    place = _place(rings, tenant, replication_factor, sections)
    if not isinstance(series, list | tuple):
        raise ProblemError([Problem("Input series", "it is not a list", "give a list with the labels of each series")])
    hash_of = series_hash(place.tenant)
    number = {endpoint.address: 0 for endpoint in place.ring.endpoints}
    for position, labels in enumerate(series, 1):
        for address in place.placement.owners(hash_of(_labels(f"Input series, number {position}", labels))):
            number[address] += 1
    return number


def _place(rings: object, tenant: object, replication_factor: object, sections: object) -> _Place:
    reader = Reader()
    values = {"tenant": tenant, "replication_factor": replication_factor, "sections": sections}
    name = reader.value("Input", values, "tenant", "")
    copies = reader.value("Input", values, "replication_factor", 0)
    number = reader.value("Input", values, "sections", 0)
    if not reader.problems and number < 1:
        reader.refuse("Input", f"sections {number} is not possible", "leave it out: Thanos makes 1000 of each endpoint")
    if reader.problems:
        raise ProblemError(reader.problems)
    place, ring = ring_of(read(rings), name, copies)
    if ring.shuffle_sharding.shard_size > 0:
        cause = "shuffle sharding draws the endpoints of each tenant at random, which is not predicted here"
        raise ProblemError([Problem(place, cause, "ask about the ring without shuffle_sharding_config")])
    return _Place(name, ring, ring.placement(copies, number))


def _labels(subject: str, labels: object) -> list[tuple[str, str]]:
    pairs = list(labels.items()) if isinstance(labels, dict) else labels
    if isinstance(pairs, list | tuple) and all(_is_label(pair) for pair in pairs):
        return list(map(tuple, pairs))
    cause = "it is neither a mapping nor a list of [name, value], with texts as names and values"
    raise ProblemError(
        [Problem(subject, cause, "give it like {__name__: up, job: node} or [[__name__, up], [job, node]]")]
    )


def _is_label(pair: object) -> bool:
    if not isinstance(pair, list | tuple) or len(pair) != 2:
        return False
    return all(isinstance(text, str) and _is_utf8(text) for text in pair)


def _is_utf8(text: str) -> bool:
    # The first is enough for nearly all and takes no time.
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
