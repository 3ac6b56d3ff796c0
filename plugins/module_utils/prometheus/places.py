# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The cluster that a target is in."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property

from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.targets import Target


@dataclass(frozen=True)
class Places:
    """Places of clusters: addresses of their nodes, and the value that the label cluster has on their samples."""

    #: By cluster. None where they are unknown.
    nodes: Mapping[str, Collection[str] | None]
    #: By cluster.
    labels: Mapping[str, str]

    @cached_property
    def _at(self) -> Mapping[str, frozenset[str]]:
        found: dict[str, set[str]] = {}
        for cluster, addresses in self.nodes.items():
            for address in addresses or ():
                found.setdefault(address, set()).add(cluster)
        return {address: frozenset(clusters) for address, clusters in found.items()}

    @cached_property
    def _labelled(self) -> Mapping[str, str]:
        """Cluster by each label that names it: its value or, if no other cluster has that, its name."""
        names = {cluster: cluster for cluster in (*self.nodes, *self.labels)}
        return {**names, **{self.labels[cluster]: cluster for cluster in sorted(self.labels, reverse=True)}}

    def cluster_of(self, target: Target, home: str = "") -> str | None:
        """Return the cluster that a target is in; None if that is unknown. Home is the cluster that scrapes it.

        The address of a node decides, since labels are written by hand. The label counts where no node has the address,
        and separates clusters that have equal addresses, or can have: nodes of some may be unknown.
        """
        at = self._at.get(target.host, frozenset())
        if home in at:
            return home
        labelled = self._labelled.get(target.cluster or "")
        if labelled in at or (labelled and not (at and self.nodes.get(labelled))):
            return labelled
        return next(iter(at)) if len(at) == 1 else None
