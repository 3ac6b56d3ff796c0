# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Targets of a cluster's senders: scraped twice, only by a Full Prometheus, from another cluster, or in vain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.miribit.thanos.plugins.module_utils.kube.owners import Named
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.components import Component
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.places import Places
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.targets import Target, TargetKey, missed
from ansible_collections.miribit.thanos.plugins.module_utils.report.cluster import AGENT, FULL, Cluster

#: Two senders of a cluster, and the targets that both scrape, as the first one has them.
Pair = tuple[Component, Component, Sequence[Target]]


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


def counts(cluster: Cluster, pairs: Sequence[Pair], only_full: Sequence[Target] | None) -> Counts:
    known = [sender.targets for sender in cluster.senders if sender.targets is not None]
    if not known:
        return Counts(None, None, None, None)
    whole = len(known) == len(cluster.senders) and cluster.is_complete
    return Counts(
        scraped=len({target.key for targets in known for target in targets}),
        up=len({target.key for targets in known for target in targets if target.health == "up"}),
        twice=len({target.key for _one, _other, targets in pairs for target in targets}) if whole else None,
        only_full=None if only_full is None else len(only_full),
    )


def duplicates(cluster: Cluster) -> list[Pair]:
    """What two senders of a cluster both scrape.

    Shards of one custom resource are one sender: the operator gives each its own part of the targets.
    """
    scrapers: dict[TargetKey, dict[Named, tuple[Component, Target]]] = {}
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
    """Return the targets that nobody would scrape without the Full Prometheus servers of an edge.

    None where that is unknown, and of the central cluster, which keeps its servers.
    """
    agents, fulls = ([one for one in cluster.of(kind) if one.wanted != 0] for kind in (AGENT, FULL))
    going = cluster.taken_away
    if cluster.is_central or not cluster.is_complete:
        return None
    if any(sender.targets is None for sender in (*agents, *fulls)) or any(one.pods is None for one in going):
        return None
    scraped = {target.key for agent in agents for target in agent.targets or ()}
    pods_going = {(component.workload.namespace, pod.name) for component in going for pod in component.pods or ()}
    return missed((target for full in fulls for target in full.targets or ()), scraped, pods_going)


def remote(cluster: Cluster, fleet: Mapping[str, Cluster], places: Places) -> list[Remote]:
    """What servers of a cluster scrape in others, by server and other cluster."""
    found: dict[tuple[str, str], tuple[Component, list[Target]]] = {}
    for sender in cluster.senders:
        for target in sender.targets or ():
            other = places.cluster_of(target, home=cluster.name)
            if other and other != cluster.name:
                found.setdefault((sender.id, other), (sender, []))[1].append(target)
    own = {name: _by_agents(fleet.get(name)) for name in {name for _sender, name in found}}
    return [
        Remote(scraper, name, targets, sum(target.key in own[name] for target in targets))
        for (_sender, name), (scraper, targets) in sorted(found.items())
    ]


def _by_agents(cluster: Cluster | None) -> set[TargetKey]:
    # A cluster that is only known by its label was not looked at.
    agents = cluster.of(AGENT) if cluster else ()
    return {target.key for agent in agents for target in agent.targets or ()}


def down(cluster: Cluster) -> list[tuple[Component, Sequence[Target]]]:
    """What a sender scrapes in vain, by sender."""
    found: list[tuple[Component, Sequence[Target]]] = []
    for sender in cluster.senders:
        missed = [target for target in sender.targets or () if target.health == "down"]
        if missed:
            found.append((sender, missed))
    return found
