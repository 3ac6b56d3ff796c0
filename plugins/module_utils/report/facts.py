# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The facts that the module fleet_audit returns of clusters, as types. Null is unknown, and read as None."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import urlsplit

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem
from ansible_collections.miribit.thanos.plugins.module_utils.kube.owners import GITOPS
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.targets import Places, Target

FULL = "prometheus"
AGENT = "prometheus_agent"
SIDECAR = "thanos_sidecar"
ALERTMANAGER = "alertmanager"
GRAFANA = "grafana"
#: Those that take remote write, the first one where there are several.
RECEIVERS = ("thanos_receive_router", "thanos_receive", "thanos_receive_ingestor")


@dataclass(frozen=True)
class Node:
    name: str
    addresses: tuple[str, ...]
    ready: bool | None


@dataclass(frozen=True)
class Volume:
    namespace: str
    claim: str
    size: int | None
    used: int | None
    reclaim_policy: str | None

    @property
    def key(self) -> tuple[str, str]:
        return self.namespace, self.claim


@dataclass(frozen=True)
class Claim(Volume):
    """A claim that no workload has."""

    storage_class: str | None
    #: Without a volume there is nothing in it, and it takes up nothing.
    is_bound: bool
    why: str


@dataclass(frozen=True)
class Lint:
    """What is wrong with the configuration of a sender, as the filter remote_write says it: docs/remote-write.md."""

    id: str
    is_error: bool
    problem: Problem


@dataclass(frozen=True)
class Reach:
    """How far a pod of the sender's cluster came on the way to what it writes to."""

    resolves: bool | None
    connects: bool | None
    answer: str | None
    error: str | None

    @property
    def is_nowhere(self) -> bool:
        """It has no name there, refuses, or nobody answers."""
        return not self.connects

    def __str__(self) -> str:
        if self.resolves is False:
            return f"a pod of this cluster could not resolve the name: {self.error}"
        if not self.connects:
            return f"a pod of this cluster could not connect: {self.error}"
        return f"a pod of this cluster could connect, and was answered with {self.answer or 'no HTTP'}" + (
            f": {self.error}" if self.error else ""
        )


@dataclass(frozen=True)
class Write:
    """One block of remote write. Its numbers are those since its queue was made."""

    url: str
    problems: tuple[Lint, ...]
    ever_delivered: bool | None
    pending: float | None
    failed: float | None
    dropped: float | None
    sent: float | None
    lag: float | None
    #: None where no probe was made, or it could not tell.
    reach: Reach | None

    @property
    def place(self) -> str:
        """Its URL without what can be a secret: user, password, query."""
        scheme, sign, rest = self.url.partition("://")
        return scheme + sign + rest.rpartition("@")[2].partition("?")[0].partition("#")[0]

    @property
    def host(self) -> str:
        try:
            return urlsplit(self.place).hostname or self.place
        except ValueError:
            return self.place


@dataclass(frozen=True)
class RuleFact:
    name: str
    is_alert: bool
    state: str | None


@dataclass(frozen=True)
class Prometheus:
    """What a server tells of itself."""

    #: Why something of it is unknown.
    problem: Problem | None
    #: What is wrong with it, but for its blocks of remote write.
    problems: tuple[Lint, ...]
    external_labels: Mapping[str, str] | None
    retention: str | None
    series: int | None
    samples_per_second: float | None
    targets: tuple[Target, ...] | None
    rules: tuple[RuleFact, ...] | None
    writes: tuple[Write, ...] | None
    log: tuple[str, ...]


@dataclass(frozen=True)
class Owner:
    kind: str | None
    name: str
    chart: str
    #: Kind and namespace/name of the custom resource that it is made of.
    custom_resource: str

    def __str__(self) -> str:
        words = {**GITOPS, "helm": "Helm release", "none": "nobody"}
        text = words.get(self.kind or "", "")
        if self.kind == "custom_resource":
            return self.custom_resource
        text = f"{text} {self.name}".strip()
        return f"{text} ({self.chart})" if self.chart else text


@dataclass(frozen=True)
class Component:
    """One container of a workload, in all its pods."""

    id: str
    kind: str
    #: Kind, namespace and name.
    workload: tuple[str, str, str]
    version: str | None
    wanted: int | None
    ready: int | None
    #: Their names; None where they are not known.
    pods: tuple[str, ...] | None
    reasons: tuple[str, ...]
    owner: Owner
    #: Of one pod.
    memory_request: int | None
    #: Of all pods.
    memory_used: int | None
    #: None where what it mounts is unknown.
    volumes: tuple[Volume, ...] | None
    prometheus: Prometheus | None
    uploads: bool | None

    @property
    def is_known(self) -> bool:
        """Whether it is known what it is, and of which workload."""
        return bool(self.kind) and all(self.workload)

    @property
    def group(self) -> tuple[str, ...]:
        """Equal for workloads that are shards of one: what the operator makes of one custom resource."""
        made_of = self.owner.custom_resource
        return ("custom resource", made_of) if made_of else self.workload

    @property
    def writes(self) -> tuple[Write, ...] | None:
        return self.prometheus.writes if self.prometheus else None

    @property
    def targets(self) -> tuple[Target, ...] | None:
        return self.prometheus.targets if self.prometheus else None


@dataclass(frozen=True)
class ReaderFact:
    """Somebody who reads from a component."""

    kind: str
    namespace: str
    name: str
    reads: str
    component: str | None


@dataclass(frozen=True)
class Remark:
    """Something about an object that needs no more than to be told."""

    subject: str
    text: str


@dataclass(frozen=True)
class Cluster:
    name: str
    #: Whether it is the central one.
    is_central: bool
    #: The value that its label cluster is to have.
    label: str
    #: Whether it was looked at, and answered.
    seen: bool
    #: Whether a pod of its own has tried what its senders reach.
    probed: bool
    uid: str | None
    version: str | None
    audited_at: str | None
    nodes: tuple[Node, ...] | None
    unseen: tuple[Problem, ...]
    components: tuple[Component, ...] | None
    #: Whether what is not among the components is not there.
    is_complete: bool
    readers: tuple[ReaderFact, ...]
    #: Those without a workload.
    claims: tuple[Claim, ...]
    leftovers: tuple[Remark, ...]
    credentials: tuple[Remark, ...]
    label_values: tuple[str, ...]

    @cached_property
    def by_kind(self) -> Mapping[str, tuple[Component, ...]]:
        found: dict[str, list[Component]] = {}
        for component in self.components or ():
            found.setdefault(component.kind, []).append(component)
        return {kind: tuple(components) for kind, components in found.items()}

    def of(self, *kinds: str) -> tuple[Component, ...]:
        return tuple(component for kind in kinds for component in self.by_kind.get(kind, ()))

    def lacks(self, *kinds: str) -> bool:
        """Whether it certainly has none of these kinds."""
        return self.components is not None and self.is_complete and not self.of(*kinds)

    @property
    def senders(self) -> tuple[Component, ...]:
        """What scrapes: agents, then full servers."""
        return self.of(AGENT, FULL)

    @cached_property
    def sidecars(self) -> Mapping[tuple[str, str, str], Component]:
        return {component.workload: component for component in self.of(SIDECAR)}

    @cached_property
    def taken_away(self) -> tuple[Component, ...]:
        """What phase 3 takes away. The central cluster keeps all."""
        if self.is_central:
            return ()
        sidecars = (self.sidecars.get(full.workload) for full in self.of(FULL))
        return (*self.of(FULL, ALERTMANAGER, GRAFANA), *(sidecar for sidecar in sidecars if sidecar))


@dataclass(frozen=True)
class Fleet:
    """All clusters that were to be seen, in the order of their names."""

    clusters: tuple[Cluster, ...]
    #: One of them, unless only a part of the fleet was looked at.
    central: Cluster
    #: The clusters by the value that their label cluster is to have.
    labels: Mapping[str, str]

    @cached_property
    def by_name(self) -> Mapping[str, Cluster]:
        return {cluster.name: cluster for cluster in self.clusters}

    @cached_property
    def label_prefixes(self) -> Mapping[str, str]:
        """A label by each text that it begins with, up to a dash."""
        return {prefix: label for label in sorted(self.labels, reverse=True) for prefix in prefixes(label)}

    @cached_property
    def edges(self) -> tuple[Cluster, ...]:
        return tuple(cluster for cluster in self.clusters if not cluster.is_central)

    @cached_property
    def places(self) -> Places:
        nodes = {
            cluster.name: None
            if cluster.nodes is None
            else frozenset(address for node in cluster.nodes for address in node.addresses)
            for cluster in self.clusters
        }
        return Places(nodes, {cluster: label for label, cluster in self.labels.items()})


def prefixes(name: str) -> list[str]:
    """All that it begins with up to a dash, the shortest first."""
    return [name[:end] for end, letter in enumerate(name) if letter == "-"]


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
