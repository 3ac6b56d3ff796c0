# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Targets of a cluster's senders: scraped twice, only by a Full Prometheus, from another cluster, or in vain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.targets import Target, TargetKey, missed
from ansible_collections.miribit.thanos.plugins.module_utils.report.facts import (
    AGENT,
    FULL,
    Cluster,
    Component,
    Fleet,
)


@dataclass(frozen=True)
class Counts:
    """Distinct targets of a cluster's own senders. None where it cannot be known, or has no meaning there."""

    scraped: int | None
    up: int | None
    twice: int | None
    only_full: int | None

    def as_dict(self) -> dict[str, object]:
        return {"scraped": self.scraped, "up": self.up, "twice": self.twice, "only_full": self.only_full}


@dataclass(frozen=True)
class Remote:
    """What a server scrapes in another cluster, and how much of that the other cluster's own agents scrape, too."""

    scraper: Component
    of: str
    targets: Sequence[Target]
    own_too: int


def counts(cluster: Cluster) -> Counts:
    known = [sender.targets for sender in cluster.senders if sender.targets is not None]
    if not known:
        return Counts(None, None, None, None)
    up = {target.key for targets in known for target in targets if target.health == "up"}
    whole = len(known) == len(cluster.senders) and cluster.is_complete
    twice = {target.key for pair in duplicates(cluster) for target in pair[2]}
    only_full = None if cluster.is_central else only_in_full(cluster)
    return Counts(
        scraped=len({target.key for targets in known for target in targets}),
        up=len(up),
        twice=len(twice) if whole else None,
        only_full=len(only_full) if whole and only_full is not None else None,
    )


def duplicates(cluster: Cluster) -> list[tuple[Component, Component, Sequence[Target]]]:
    """What two senders of a cluster both scrape: the two, and the targets as the first one has them.

    Shards of one custom resource are one sender: the operator gives each its own part of the targets.
    """
    scrapers: dict[TargetKey, dict[tuple[str, ...], tuple[Component, Target]]] = {}
    for sender in cluster.senders:
        for target in sender.targets or ():
            scrapers.setdefault(target.key, {}).setdefault(sender.group, (sender, target))
    pairs: dict[tuple[str, str], tuple[Component, Component, list[Target]]] = {}
    for several in scrapers.values():
        first, *others = several.values()
        for other in others:
            pair = pairs.setdefault((first[0].id, other[0].id), (first[0], other[0], []))
            pair[2].append(first[1])
    return [pairs[key] for key in sorted(pairs)]


def only_in_full(cluster: Cluster) -> list[Target] | None:
    """Return the targets that nobody would scrape without the Full Prometheus servers; None where that is unknown."""
    agents, fulls = ([one for one in cluster.of(kind) if one.wanted != 0] for kind in (AGENT, FULL))
    going = cluster.taken_away
    if cluster.components is None or not cluster.is_complete:
        return None
    if any(sender.targets is None for sender in (*agents, *fulls)) or any(one.pods is None for one in going):
        return None
    scraped = {target.key for agent in agents for target in agent.targets or ()}
    pods_going = {(component.workload[1], pod) for component in going for pod in component.pods or ()}
    return missed((target for full in fulls for target in full.targets or ()), scraped, pods_going)


def remote(fleet: Fleet, cluster: Cluster) -> list[Remote]:
    """What servers of a cluster scrape in others, by server and other cluster."""
    found: dict[tuple[str, str], tuple[Component, list[Target]]] = {}
    for sender in cluster.senders:
        for target in sender.targets or ():
            other = fleet.places.cluster_of(target, home=cluster.name)
            if other and other != cluster.name:
                found.setdefault((sender.id, other), (sender, []))[1].append(target)
    own = {name: _by_agents(fleet, name) for name in {name for _sender, name in found}}
    return [
        Remote(scraper, name, targets, sum(target.key in own[name] for target in targets))
        for (_sender, name), (scraper, targets) in sorted(found.items())
    ]


def _by_agents(fleet: Fleet, name: str) -> set[TargetKey]:
    # A cluster that is only known by its label was not looked at.
    agents = fleet.by_name[name].of(AGENT) if name in fleet.by_name else ()
    return {target.key for agent in agents for target in agent.targets or ()}


def down(cluster: Cluster) -> list[tuple[Component, Sequence[Target]]]:
    """What a sender scrapes in vain, by sender."""
    found: list[tuple[Component, Sequence[Target]]] = []
    for sender in cluster.senders:
        missed = [target for target in sender.targets or () if target.health == "down"]
        if missed:
            found.append((sender, missed))
    return found
