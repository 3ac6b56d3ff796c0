# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Findings about what phase 3 takes away from edges: what it takes up, and what depends on it."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.miribit.thanos.plugins.module_utils.kube.claims import Claim
from ansible_collections.miribit.thanos.plugins.module_utils.kube.owners import GITOPS
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.components import Component
from ansible_collections.miribit.thanos.plugins.module_utils.report.cluster import (
    AGENT,
    ALERTMANAGER,
    FULL,
    GRAFANA,
    SIDECAR,
    Hit,
)
from ansible_collections.miribit.thanos.plugins.module_utils.report.costs import Amounts, by_component, claims, size
from ansible_collections.miribit.thanos.plugins.module_utils.report.fleet import Fleet

_POLICIES = {
    "Delete": "reclaim policy Delete: the data goes with the claim",
    "Retain": "reclaim policy Retain: the volume and its data stay when the claim goes, until somebody deletes them",
}


# What it takes up.


def full_prometheus(fleet: Fleet) -> Iterator[Hit]:
    return _taken(fleet, FULL, SIDECAR)


def alertmanager(fleet: Fleet) -> Iterator[Hit]:
    return _taken(fleet, ALERTMANAGER)


def grafana(fleet: Fleet) -> Iterator[Hit]:
    return _taken(fleet, GRAFANA)


def _taken(fleet: Fleet, *kinds: str) -> Iterator[Hit]:
    for cluster in fleet.edges:
        takes = by_component(cluster.taken_away)
        for component in cluster.taken_away:
            if component.kind in kinds:
                yield Hit(cluster, component.id, (_amounts_text(takes[component.id]),), component)


def _amounts_text(amounts: Amounts) -> str:
    parts = [
        "" if amounts.memory_request is None else f"asks for {size(amounts.memory_request)} of memory",
        "" if amounts.memory_used is None else f"uses {size(amounts.memory_used)}",
        f"claims {size(amounts.storage)} of storage" if amounts.storage else "",
    ]
    return f"it {', '.join(filter(None, parts)) or 'runs; how much it takes is not known'}"


def leftover_pods(fleet: Fleet) -> Iterator[Hit]:
    """As the test pod of Grafana's chart: a Helm test hook, which an upgrade leaves behind."""
    for cluster in fleet.clusters:
        for left in cluster.facts.leftovers or ():
            text = ": ".join(filter(None, (left.reason, left.why)))
            yield Hit(cluster, f"Pod {left.namespace}/{left.pod}", (text,) if text else ())


def claims_without_workload(fleet: Fleet) -> Iterator[Hit]:
    """In the whole fleet: nothing of the migration takes them away."""
    for cluster in fleet.clusters:
        for claim in cluster.facts.claims or ():
            subject = f"PersistentVolumeClaim {claim.namespace}/{claim.claim}"
            yield Hit(cluster, subject, (_claim_text(claim),), volumes=(claim,) if claim.volume else ())


def _claim_text(claim: Claim) -> str:
    of = f" of {claim.storage_class}" if claim.storage_class else ""
    amount = "" if claim.size is None else f"{size(claim.size)}{of}"
    unknown = "what becomes of its data without the claim is not known"
    policy = _POLICIES.get(claim.reclaim_policy or "", unknown) if claim.volume else ""
    return "; ".join(filter(None, (amount, claim.why, policy)))


# What depends on it.


def rules_on_edge(fleet: Fleet) -> Iterator[Hit]:
    """An agent evaluates no rules (its /api/v1/rules answers 422)."""
    for cluster in fleet.edges:
        for full in cluster.of(FULL):
            rules = (full.prometheus.rules if full.prometheus else None) or ()
            if rules:
                alerts = sum(rule.type == "alerting" for rule in rules)
                text = f"it evaluates {alerts} alerting and {len(rules) - alerts} recording rules"
                firing = sorted({rule.name for rule in rules if rule.state == "firing"})
                yield Hit(cluster, full.id, (text, *([f"firing now: {', '.join(firing)}"] if firing else [])))


def readers_of_full(fleet: Fleet) -> Iterator[Hit]:
    for cluster in fleet.edges:
        going = {component.id for component in cluster.taken_away}
        for reader in cluster.facts.readers or ():
            if reader.component in going:
                subject = f"{reader.kind} {'/'.join(filter(None, (reader.namespace, reader.name)))}"
                yield Hit(cluster, subject, (f"it reads {reader.reads or 'from it'}, which is {reader.component}",))


def history_only_local(fleet: Fleet) -> Iterator[Hit]:
    for cluster in fleet.edges:
        volumes = claims(cluster.taken_away)
        for full in cluster.of(FULL):
            has_sidecar = full.workload in cluster.sidecars
            if cluster.uploads(full) is False if has_sidecar else cluster.is_complete:
                why = "its sidecar uploads nothing" if has_sidecar else "it has no sidecar"
                used = sum(volume.used or 0 for volume in volumes.get(full.id, ()))
                parts = (why, *_history(full), *([f"{size(used)} are stored"] if used else []))
                yield Hit(cluster, full.id, ("; ".join(parts),))


def sidecar_uploads(fleet: Fleet) -> Iterator[Hit]:
    for cluster in fleet.edges:
        for full in cluster.of(FULL):
            if cluster.uploads(full):
                sidecar = cluster.sidecars[full.workload]
                yield Hit(cluster, sidecar.id, ("it uploads to the bucket; only the newest hours are not there yet",))


def _history(full: Component) -> tuple[str, ...]:
    retention = full.prometheus.retention if full.prometheus else None
    return (f"it keeps {retention}",) if retention else ()


def volumes_delete_policy(fleet: Fleet) -> Iterator[Hit]:
    for cluster in fleet.edges:
        for component_id, volumes in sorted(claims(cluster.taken_away).items()):
            for volume in volumes:
                if volume.reclaim_policy == "Delete":
                    subject = f"PersistentVolumeClaim {volume.namespace}/{volume.claim}"
                    yield Hit(cluster, subject, (f"of {component_id}",))


# Who would bring it back.


def owner_gitops(fleet: Fleet) -> Iterator[Hit]:
    """Whatever is removed in the cluster only, their next synchronisation makes anew."""
    for cluster in fleet.edges:
        for component in cluster.taken_away:
            if component.owner and component.owner.kind in GITOPS:
                yield Hit(cluster, component.id, (f"it belongs to {component.owner}",))


def agent_owner_gitops(fleet: Fleet) -> Iterator[Hit]:
    """As long as the agent does not deliver: phase 2 changes its configuration, and they change it back."""
    for cluster in fleet.edges:
        if fleet.verdicts[cluster.name].delivers is False:
            for agent in cluster.of(AGENT):
                if agent.owner and agent.owner.kind in GITOPS:
                    yield Hit(cluster, agent.id, (f"it belongs to {agent.owner}",))


def owner_none(fleet: Fleet) -> Iterator[Hit]:
    for cluster in fleet.edges:
        for component in cluster.taken_away:
            owner = component.owner
            if owner and owner.kind == "none" and not owner.custom_resource:
                yield Hit(cluster, component.id, ("neither Helm nor GitOps nor an operator owns it",))
