# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Findings about the way of the samples: agents, their remote write, the receiver, and who a sender says that it is."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.components import Component
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.entries import RemoteWrite
from ansible_collections.miribit.thanos.plugins.module_utils.remote_write.lint import Finding
from ansible_collections.miribit.thanos.plugins.module_utils.remote_write.sizing import duration
from ansible_collections.miribit.thanos.plugins.module_utils.report.cluster import AGENT, FULL, RECEIVERS, Cluster, Hit
from ansible_collections.miribit.thanos.plugins.module_utils.report.fleet import Fleet, prefixes
from ansible_collections.miribit.thanos.plugins.module_utils.report.verdict import (
    MOST_LAG,
    address_complaints,
    is_unresolvable,
)

_Labels = tuple[tuple[str, str], ...]

#: What is told by findings of their own.
_NO_BLOCK, _IDENTITY = "no-remote-write", "identity"
_NOWHERE = ("unresolvable", "unreachable")


def remote_write_unresolvable(fleet: Fleet) -> Iterator[Hit]:
    """Names under .svc, single labels and another cluster's domain resolve nowhere else (docs/remote-write.md)."""
    for cluster, sender, write in _writes(fleet.edges):
        if is_unresolvable(cluster, write):
            causes = tuple(complaint.cause for complaint in address_complaints(write))
            yield Hit(cluster, sender.id, (f"it writes to {write.url}", *causes, *_reach(write)))


def delivers_nothing(fleet: Fleet) -> Iterator[Hit]:
    """Network errors and 5xx are retried without end, so nothing counts as failed, and the WAL is cut after 4 h
    (truncate in tsdb/agent/db.go of Prometheus)."""
    for cluster in fleet.edges:
        for sender in cluster.of(AGENT):
            if sender.writes == () and sender.ready != 0:
                yield Hit(
                    cluster, sender.id, ("it has no remote_write, and an agent keeps nothing that can be queried",)
                )
    for cluster, sender, write in _writes(fleet.edges):
        if write.ever_delivered is False:
            waiting = "" if write.pending is None else f"; {write.pending:,.0f} samples wait to be sent"
            evidence = f"{write.url} has not taken a sample since the queue was made{waiting}"
            yield Hit(cluster, sender.id, (evidence, *_reach(write), *_last_complaint(sender)))


def drops_samples(fleet: Fleet) -> Iterator[Hit]:
    """What is answered with 4xx other than 429 is not sent again (storage/remote/queue_manager.go of Prometheus).

    On 409 Thanos Receive has stored what was valid in the request, so the number is the most that can be lost.
    """
    for cluster, sender, write in _writes(fleet.clusters):
        if write.failed or write.dropped:
            of = "" if write.sent is None else f" of {write.sent:,.0f} tried"
            evidence = f"{write.failed or 0:,.0f} samples refused and {write.dropped or 0:,.0f} dropped{of}"
            yield Hit(cluster, sender.id, (f"{evidence}, to {write.url}", *_last_complaint(sender)))


def lags(fleet: Fleet) -> Iterator[Hit]:
    for cluster, sender, write in _writes(fleet.clusters):
        if write.ever_delivered is not False and write.lag is not None and write.lag > MOST_LAG:
            evidence = f"it is {duration(write.lag)} behind, to {write.url}"
            yield Hit(cluster, sender.id, (evidence, *_reach(write)))


def agent_not_running(fleet: Fleet) -> Iterator[Hit]:
    for cluster in fleet.edges:
        agents = cluster.of(AGENT)
        if all(agent.ready == 0 for agent in agents):
            for agent in agents:
                yield Hit(cluster, agent.id, (_readiness(agent),))


def edge_without_agent(fleet: Fleet) -> Iterator[Hit]:
    for cluster in fleet.edges:
        if cluster.lacks(AGENT):
            number = len(cluster.of(FULL))
            scrapes = f"{number} Full Prometheus, which scrapes" if number else "nothing that scrapes"
            yield Hit(cluster, "", (f"it has {scrapes}, and no agent",))


def _writes(clusters: Collection[Cluster]) -> Iterator[tuple[Cluster, Component, RemoteWrite]]:
    for cluster in clusters:
        for sender in cluster.senders:
            for write in sender.writes or ():
                yield cluster, sender, write


def _last_complaint(sender: Component) -> tuple[str, ...]:
    return tuple(f"its log: {line}" for line in (sender.prometheus.log or ())[-1:]) if sender.prometheus else ()


def _reach(write: RemoteWrite) -> tuple[str, ...]:
    return (f"{write.url}: {write.reachable}",) if write.reachable else ()


def _readiness(component: Component) -> str:
    reasons = f": {', '.join(component.reasons)}" if component.reasons else ""
    return f"{component.ready} of {'?' if component.wanted is None else component.wanted} pods are ready{reasons}"


# The receiver.


def no_receiver(fleet: Fleet) -> Iterator[Hit]:
    central = fleet.central
    places: dict[str, set[str]] = {}
    for cluster, _sender, write in _writes(fleet.edges):
        places.setdefault(write.url, set()).add(cluster.name)
    if places and central.lacks(*RECEIVERS):
        told = (f"{', '.join(sorted(names))} write to {place}" for place, names in sorted(places.items()))
        yield Hit(central, "", tuple(told))


def receiver_not_running(fleet: Fleet) -> Iterator[Hit]:
    for receiver in fleet.central.of(*RECEIVERS):
        if receiver.ready == 0:
            yield Hit(fleet.central, receiver.id, (_readiness(receiver),))


def receiver_single_replica(fleet: Fleet) -> Iterator[Hit]:
    """Of each kind, over all its workloads: a ring with zones has a StatefulSet for each."""
    for kind in RECEIVERS:
        receivers = fleet.central.of(kind)
        if len(receivers) == 1 and receivers[0].wanted == 1:
            yield Hit(fleet.central, receivers[0].id, ("it has one replica",))


# What is wrong with blocks that may well deliver.


def remote_write_errors(fleet: Fleet) -> Iterator[Hit]:
    return _lint(fleet, are_errors=True)


def remote_write_warnings(fleet: Fleet) -> Iterator[Hit]:
    return _lint(fleet, are_errors=False)


def _lint(fleet: Fleet, *, are_errors: bool) -> Iterator[Hit]:
    for cluster in fleet.clusters:
        for sender in cluster.senders:
            found = list(sender.prometheus.problems or () if sender.prometheus else ())
            for write in sender.writes or ():
                told = _told_otherwise(cluster, write)
                found += [one for one in write.problems or () if one.id not in told]
            if evidence := tuple(_lint_text(one) for one in found if _is_own(cluster, one, are_errors)):
                yield Hit(cluster, sender.id, evidence)


def _told_otherwise(cluster: Cluster, write: RemoteWrite) -> set[str]:
    if is_unresolvable(cluster, write):
        return {complaint.id for complaint in address_complaints(write)}
    # What only looks as if it led nowhere, and was reached.
    return {*_NOWHERE} if write.reachable and write.reachable.connects else set()


def _is_own(cluster: Cluster, lint: Finding, are_errors: bool) -> bool:
    # In the central cluster, the receiver's Service is the right place to write to.
    is_meant = cluster.is_central and lint.id in _NOWHERE
    return (lint.severity == "error") is are_errors and lint.id not in {_NO_BLOCK, _IDENTITY} and not is_meant


def _lint_text(lint: Finding) -> str:
    return f"{lint.subject}: {lint.cause}"


# Who a sender says that it is.


def label_mismatch(fleet: Fleet) -> Iterator[Hit]:
    """By the label cluster all queries, dashboards and alerts of the fleet tell its clusters apart."""
    for cluster in fleet.clusters:
        for sender in cluster.senders:
            labels = sender.prometheus.external_labels if sender.prometheus else None
            if labels is not None and _leaves(cluster, sender) and (text := _wrong_label(fleet, cluster, labels)):
                yield Hit(cluster, sender.id, (text,))
        for value in sorted(_told_labels(cluster)):
            if near := _near(value, fleet):
                yield Hit(cluster, "", (f"some samples carry cluster={value}, and the inventory says {near}",))


def _leaves(cluster: Cluster, sender: Component) -> bool:
    """Whether its samples are seen outside its cluster: what it writes, or what a sidecar shows and uploads."""
    return sender.kind == AGENT or bool(sender.writes) or sender.workload in cluster.sidecars


def _wrong_label(fleet: Fleet, cluster: Cluster, labels: Mapping[str, str]) -> str:
    value = labels.get("cluster")
    if value == cluster.label:
        return ""
    if not value:
        return "it has no external label cluster"
    other = fleet.labels.get(value)
    whose = f", which is the label of {other}" if other else ""
    return f"its external label is cluster={value}{whose}; the inventory says {cluster.label}"


def _told_labels(cluster: Cluster) -> set[str]:
    """Values of the label cluster, but for those of senders that are told by themselves."""
    told = {
        (sender.prometheus.external_labels or {}).get("cluster", "")
        for sender in cluster.senders
        if sender.prometheus and _leaves(cluster, sender)
    }
    return set((cluster.facts.label_values or {}).get("cluster", ())) - told


def _near(value: str, fleet: Fleet) -> str | None:
    """The label that a value stands for, as cluster-02-edge for cluster-02: a fleet can have had one after another."""
    if not value or value in fleet.labels:
        return None
    longer = [prefix for prefix in prefixes(value) if prefix in fleet.labels]
    return longer[-1] if longer else fleet.label_prefixes.get(value)


def identity_collision(fleet: Fleet) -> Iterator[Hit]:
    """Of two senders with equal labels, what comes second is refused with 409 as out of order, and in a bucket their
    blocks overlap, on which the Compactor halts."""
    groups: dict[tuple[str, _Labels], list[tuple[Cluster, Component]]] = {}
    for cluster in fleet.clusters:
        for sender in cluster.senders:
            if sender.prometheus and sender.prometheus.external_labels is not None:
                labels = tuple(sorted(sender.prometheus.external_labels.items()))
                for way in _ways(cluster, sender):
                    groups.setdefault((way, labels), []).append((cluster, sender))
    for (way, labels), members in sorted(groups.items(), key=lambda group: group[0]):
        yield from _colliding(way, labels, members)


def _colliding(way: str, labels: _Labels, members: Sequence[tuple[Cluster, Component]]) -> Iterator[Hit]:
    shown = ", ".join(f"{name}={value}" for name, value in labels) or "none at all"
    first, *others = [((cluster.name, sender.group), sender.id) for cluster, sender in members]
    # Shards of one custom resource share its labels, and no target.
    second = next((other for other in others if other[0] != first[0]), None)
    for cluster, sender in members if second else ():
        (name, _group), sender_id = first if (cluster.name, sender.group) != first[0] else (second or first)
        text = f"its external labels are those of {name}, {sender_id}: {shown}; both {way}"
        yield Hit(cluster, sender.id, (text,))


def _ways(cluster: Cluster, sender: Component) -> Iterator[str]:
    if sender.writes:
        yield "write"
    if cluster.uploads(sender):
        yield "upload to a bucket"
