# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An audited cluster as the report sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from ansible_collections.miribit.thanos.plugins.module_utils.audit.facts import ClusterFacts
from ansible_collections.miribit.thanos.plugins.module_utils.kube.claims import Volume
from ansible_collections.miribit.thanos.plugins.module_utils.kube.owners import Named
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.components import Component

FULL = "prometheus"
AGENT = "prometheus_agent"
SIDECAR = "thanos_sidecar"
ALERTMANAGER = "alertmanager"
GRAFANA = "grafana"
#: Those that take remote write, the first one where there are several.
RECEIVERS = ("thanos_receive_router", "thanos_receive", "thanos_receive_ingestor")


@dataclass(frozen=True)
class Cluster:
    """The facts of a cluster, and its place in the fleet."""

    facts: ClusterFacts
    is_central: bool
    #: The value that its label cluster is to have.
    label: str

    @property
    def name(self) -> str:
        return self.facts.cluster

    @property
    def is_complete(self) -> bool:
        """Return True if every component of the cluster is listed."""
        return self.facts.components is not None and bool(self.facts.components_complete)

    @property
    def components(self) -> tuple[Component, ...]:
        """The known ones."""
        return self.facts.components or ()

    @cached_property
    def by_kind(self) -> Mapping[str, tuple[Component, ...]]:
        found: dict[str, list[Component]] = {}
        for component in self.components:
            found.setdefault(component.kind, []).append(component)
        return {kind: tuple(components) for kind, components in found.items()}

    def of(self, *kinds: str) -> tuple[Component, ...]:
        return tuple(component for kind in kinds for component in self.by_kind.get(kind, ()))

    def lacks(self, *kinds: str) -> bool:
        """Whether it certainly has none of these kinds."""
        return self.is_complete and not self.of(*kinds)

    @property
    def senders(self) -> tuple[Component, ...]:
        """What scrapes: agents, then full servers."""
        return self.of(AGENT, FULL)

    @cached_property
    def sidecars(self) -> Mapping[Named, Component]:
        return {component.workload: component for component in self.of(SIDECAR)}

    def uploads(self, full: Component) -> bool | None:
        """Return True if a sidecar uploads the data of a full server; None where that is unknown."""
        beside = self.sidecars.get(full.workload)
        return beside.sidecar.uploads if beside and beside.sidecar else None

    @cached_property
    def taken_away(self) -> tuple[Component, ...]:
        """What phase 3 takes away. The central cluster keeps all."""
        if self.is_central:
            return ()
        sidecars = (self.sidecars.get(full.workload) for full in self.of(FULL))
        return (*self.of(FULL, ALERTMANAGER, GRAFANA), *(sidecar for sidecar in sidecars if sidecar))


@dataclass(frozen=True)
class Hit:
    """A finding in one cluster, and what shows it."""

    cluster: Cluster
    #: What it is about; empty for the whole cluster.
    subject: str
    evidence: tuple[str, ...] = ()
    #: Of which memory and storage count as what the finding costs.
    component: Component | None = None
    #: Storage that counts, too.
    volumes: tuple[Volume, ...] = ()
