# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Verdict on a cluster: whether its samples arrive, who scrapes what, and what phase 3 would save."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.components import Component
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.entries import RemoteWrite
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.places import Places
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.targets import Target
from ansible_collections.miribit.thanos.plugins.module_utils.remote_write.model import Complaint, url_complaints
from ansible_collections.miribit.thanos.plugins.module_utils.report import costs
from ansible_collections.miribit.thanos.plugins.module_utils.report.cluster import AGENT, FULL, RECEIVERS, Cluster
from ansible_collections.miribit.thanos.plugins.module_utils.report.costs import Amounts
from ansible_collections.miribit.thanos.plugins.module_utils.report.targets import (
    Counts,
    Pair,
    Remote,
    counts,
    duplicates,
    only_in_full,
    remote,
)

#: Seconds behind. One scrape interval of the fleet is 30 s, and a lag that moves on is within one or two.
MOST_LAG = 60.0


@dataclass(frozen=True)
class Verdict:
    """None is unknown."""

    delivers: bool | None
    targets: Counts
    duplicates: Sequence[Pair]
    #: Targets that nobody would scrape without the Full Prometheus servers.
    only_in_full: Sequence[Target] | None
    remote: Sequence[Remote]
    waste: Amounts
    kept: Amounts


def judge(cluster: Cluster, fleet: Mapping[str, Cluster], places: Places) -> Verdict:
    """Judge a cluster of a fleet, whose clusters are given by their names."""
    twice, missed = duplicates(cluster), only_in_full(cluster)
    going = {component.id for component in cluster.taken_away}
    kept = [component for component in cluster.components if component.id not in going]
    is_known = cluster.facts.components is not None
    return Verdict(
        delivers=delivers(cluster),
        targets=counts(cluster, twice, missed),
        duplicates=twice,
        only_in_full=missed,
        remote=remote(cluster, fleet, places),
        waste=costs.amounts(cluster.taken_away) if is_known else costs.UNKNOWN,
        kept=costs.amounts(kept) if is_known else costs.UNKNOWN,
    )


# Whether samples arrive.


def delivers(cluster: Cluster) -> bool | None:
    """Whether all that an edge sends arrives, soon and without loss. None where it cannot be known."""
    if cluster.is_central or cluster.facts.components is None:
        return None
    if senders := writers(cluster):
        return _all(sender_delivers(sender) for sender in senders)
    is_known = cluster.is_complete and all(full.writes is not None for full in cluster.of(FULL))
    return False if is_known else None


def writers(cluster: Cluster) -> tuple[Component, ...]:
    """What is to send: agents, and full servers that write. A stopped agent does not count beside one that runs."""
    agents = cluster.of(AGENT)
    running = tuple(agent for agent in agents if agent.ready != 0)
    return (*(running or agents), *(full for full in cluster.of(FULL) if full.writes))


def write_delivers(write: RemoteWrite) -> bool | None:
    """Lag alone does not tell: it also gets shorter by samples that are dropped (QueueManager of Prometheus)."""
    if write.ever_delivered is False or (write.lag or 0) > MOST_LAG or write.failed or write.dropped:
        return False
    # Whether samples were dropped is not asked for: older versions count what is relabelled away among them.
    is_known = write.ever_delivered and write.lag is not None and write.failed is not None
    return True if is_known else None


def sender_delivers(sender: Component) -> bool | None:
    if sender.ready == 0 or sender.writes == ():
        return False
    return None if sender.writes is None else _all(write_delivers(write) for write in sender.writes)


def _all(verdicts: Iterator[bool | None]) -> bool | None:
    found = set(verdicts)
    return False if False in found else (None if None in found else True)


def address_complaints(write: RemoteWrite) -> list[Complaint]:
    return list(url_complaints(write.url)) if write.url else []


def is_unresolvable(cluster: Cluster, write: RemoteWrite) -> bool:
    """Whether what an edge writes to leads nowhere, and nothing ever arrived there."""
    if cluster.is_central or write.ever_delivered:
        return False
    if write.reachable:
        # Measured there, which is more than an address tells.
        return write.reachable.is_nowhere
    complaints = address_complaints(write)
    if not complaints:
        return False
    # An edge may have a receiver of its own, whose Service it can well reach.
    is_certain = any(complaint.certain for complaint in complaints) and not cluster.of(*RECEIVERS)
    return write.ever_delivered is False or is_certain
