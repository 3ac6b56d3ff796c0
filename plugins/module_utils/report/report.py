# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report of the audit: what was found in all clusters, ready to be shown without any computing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.miribit.thanos.plugins.module_utils.base.facts import as_facts
from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.base.reader import Reader
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.components import Component
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.entries import RemoteWrite
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.targets import number
from ansible_collections.miribit.thanos.plugins.module_utils.remote_write.sizing import duration
from ansible_collections.miribit.thanos.plugins.module_utils.report import costs
from ansible_collections.miribit.thanos.plugins.module_utils.report.cluster import (
    AGENT,
    FULL,
    RECEIVERS,
    SIDECAR,
    Cluster,
)
from ansible_collections.miribit.thanos.plugins.module_utils.report.costs import Amounts, Prices
from ansible_collections.miribit.thanos.plugins.module_utils.report.findings import SEVERITIES, Finding, find
from ansible_collections.miribit.thanos.plugins.module_utils.report.fleet import Fleet, read_fleet
from ansible_collections.miribit.thanos.plugins.module_utils.report.state import unseen_of
from ansible_collections.miribit.thanos.plugins.module_utils.report.verdict import (
    Verdict,
    is_unresolvable,
    sender_delivers,
    write_delivers,
    writers,
)

FORMAT = 1
#: More clusters than this are not named in each line of evidence.
_MOST_NAMES = 5

Document = dict[str, object]

_TITLES = {
    "alertmanager": "Alertmanager",
    "blackbox_exporter": "blackbox exporter",
    "exporter": "exporter",
    "grafana": "Grafana",
    "kube_state_metrics": "kube-state-metrics",
    "node_exporter": "node-exporter",
    "prometheus": "Full Prometheus",
    "prometheus_adapter": "prometheus-adapter",
    "prometheus_agent": "Prometheus Agent",
    "prometheus_operator": "Prometheus Operator",
    "pushgateway": "Pushgateway",
    "thanos_compact": "Thanos Compactor",
    "thanos_query": "Thanos Query",
    "thanos_query_frontend": "Thanos Query Frontend",
    "thanos_receive": "Thanos Receive",
    "thanos_receive_ingestor": "Thanos Receive, ingestor",
    "thanos_receive_router": "Thanos Receive, router",
    "thanos_rule": "Thanos Ruler",
    "thanos_sidecar": "Thanos sidecar",
    "thanos_store": "Thanos Store",
}


@dataclass(frozen=True)
class Settings:
    """What the inventory says. There are no prices unless it gives some."""

    central: str
    clusters: tuple[str, ...]
    labels: Mapping[str, str]
    created: str
    collection: str
    prices: Prices


def read_settings(content: object) -> Settings:
    """Raises a ProblemError with all that is wrong."""
    keys = ("central", "clusters", "labels", "created", "collection")
    prices = ("currency", "memory_gib_month", "storage_gib_month")
    reader, place = Reader(), "Settings of the audit"
    # Ansible before 2.19 makes an empty text of null.
    told = {key: value for key, value in content.items() if value != ""} if isinstance(content, dict) else content
    given = reader.mapping(place, told, (*keys, *prices))
    central = reader.value(place, given, "central", "")
    if not central and not reader.problems:
        reader.refuse(place, "they name no central cluster", "give central, the name of a cluster")
    settings = Settings(
        central=central,
        clusters=reader.texts(place, given, "clusters"),
        labels=reader.labels(f"{place}, labels", given.get("labels", {})),
        created=reader.value(place, given, "created", ""),
        collection=reader.value(place, given, "collection", ""),
        prices=Prices(
            memory=_price(reader, place, given, "memory_gib_month"),
            storage=_price(reader, place, given, "storage_gib_month"),
            currency=reader.value(place, given, "currency", Prices.currency),
        ),
    )
    if reader.problems:
        raise ProblemError(reader.problems)
    return settings


def _price(reader: Reader, place: str, given: Mapping[str, object], key: str) -> float | None:
    if key not in given:
        return None
    price = reader.number(place, given, key, 0)
    if price < 0:
        reader.refuse(place, f"{key} is below 0", "give a price, or leave it out")
    return price


def report(facts: object, settings: object) -> Document:
    """The report of what the module fleet_audit returned of the clusters. Raises a ProblemError if it is not that."""
    wanted = read_settings(settings)
    fleet = read_fleet(facts, wanted.central, wanted.clusters, wanted.labels)
    findings = find(fleet)
    newest = max((cluster.facts.audited_at or "" for cluster in fleet.clusters), default="")
    return {
        "format": FORMAT,
        "created": wanted.created or newest or None,
        "collection": wanted.collection or None,
        "settings": {
            "currency": wanted.prices.currency,
            "memory_gib_month": wanted.prices.memory,
            "storage_gib_month": wanted.prices.storage,
            "central": wanted.central,
        },
        "clusters": _clusters(fleet, findings, wanted.prices),
        "findings": [_finding(finding, wanted.prices) for finding in findings],
        "unseen": [
            {"cluster": cluster.name, **missing} for cluster in fleet.clusters for missing in unseen_of(cluster)
        ],
        "totals": _totals(fleet, findings, wanted.prices),
        "picture": _picture(fleet),
    }


# Findings.


def _finding(finding: Finding, prices: Prices) -> Document:
    rule = finding.rule
    hits = sorted(finding.hits, key=lambda hit: (hit.cluster.name, hit.subject))
    subjects = [f"{hit.cluster.name}: {hit.subject}" for hit in hits if hit.subject]
    # What is the same in many clusters is told once.
    told: dict[str, dict[str, None]] = {}
    for hit in hits:
        for text in hit.evidence:
            told.setdefault(": ".join(filter(None, (hit.subject, text))), {})[hit.cluster.name] = None
    return {
        "id": rule.id,
        "severity": rule.severity,
        "title": rule.title,
        "clusters": finding.clusters,
        "objects": list(dict.fromkeys(subjects)),
        "evidence": [f"{_names(list(names))}: {text}" for text, names in told.items()],
        "why": rule.why,
        "cost": _finding_cost(finding, prices),
        "ends_with": rule.ends_with,
    }


def _names(clusters: Sequence[str]) -> str:
    """Those of a large fleet are in the list of clusters."""
    shown = clusters if len(clusters) <= _MOST_NAMES else clusters[: _MOST_NAMES - 1]
    others = len(clusters) - len(shown)
    return ", ".join(shown) + (f" and {others} others" if others else "")


def _finding_cost(finding: Finding, prices: Prices) -> Document | None:
    by_cluster: dict[str, list[Component]] = {}
    for hit in finding.hits:
        if hit.component:
            by_cluster.setdefault(hit.cluster.name, []).append(hit.component)
    volumes = [volume for hit in finding.hits for volume in hit.volumes]
    if not by_cluster and not volumes:
        return None
    components = [costs.amounts(components) for components in by_cluster.values()]
    taken = costs.total([*components, costs.of_volumes(volumes)])
    # A volume takes no memory.
    return {"memory": taken.memory if by_cluster else 0, "storage": taken.storage, "money": taken.cost(prices)}


def _severities(severities: Iterator[str]) -> dict[str, int]:
    numbers = Counter(severities)
    return {severity: numbers[severity] for severity in SEVERITIES}


# Clusters.


def _clusters(fleet: Fleet, findings: Sequence[Finding], prices: Prices) -> list[Document]:
    by_cluster: dict[str, list[Finding]] = {cluster.name: [] for cluster in fleet.clusters}
    for finding in findings:
        for name in finding.clusters:
            by_cluster[name].append(finding)
    return [
        _cluster(cluster, fleet.verdicts[cluster.name], by_cluster[cluster.name], prices) for cluster in fleet.clusters
    ]


def _cluster(cluster: Cluster, verdict: Verdict, findings: Sequence[Finding], prices: Prices) -> Document:
    facts = cluster.facts
    return {
        "name": cluster.name,
        "role": "central" if cluster.is_central else "edge",
        "uid": facts.uid,
        "version": facts.version,
        "audited_at": facts.audited_at,
        "seen": bool(facts.seen),
        "probed": bool(facts.probed),
        "nodes": None if facts.nodes is None else len(facts.nodes),
        "delivers": verdict.delivers,
        "headline": headline(cluster, verdict, findings),
        "components": _components(cluster),
        "writes": [_write(sender, write) for sender in cluster.senders for write in sender.writes or ()],
        "targets": verdict.targets.as_dict(),
        "waste": verdict.waste.as_dict(prices),
        "kept": verdict.kept.as_dict(prices),
        "findings": _severities(finding.rule.severity for finding in findings),
    }


def _components(cluster: Cluster) -> list[Document]:
    amounts = costs.by_component(cluster.components)
    going = {component.id for component in cluster.taken_away}
    return [_component(one, amounts[one.id], one.id in going) for one in cluster.components]


def _component(component: Component, amounts: Amounts, is_waste: bool) -> Document:
    ready, wanted = component.ready, component.wanted
    return {
        "id": component.id,
        "kind": component.kind,
        "title": _TITLES.get(component.kind, component.kind),
        "version": component.version,
        "replicas": None if ready is None or wanted is None else f"{ready}/{wanted}",
        "owner": str(component.owner or "") or None,
        "memory_request": amounts.memory_request,
        "memory_used": amounts.memory_used,
        "storage": amounts.storage,
        "series": component.prometheus.series if component.prometheus else None,
        "samples_per_second": component.prometheus.samples_per_second if component.prometheus else None,
        "waste": is_waste,
    }


def _write(sender: Component, write: RemoteWrite) -> Document:
    return {
        "component": sender.id,
        "url": write.url,
        "delivers": write_delivers(write),
        "pending": write.pending,
        "failed": write.failed,
        "dropped": write.dropped,
        "lag": write.lag,
        "reachable": as_facts(write.reachable),
    }


def _totals(fleet: Fleet, findings: Sequence[Finding], prices: Prices) -> Document:
    """Waste and what is kept are those of the edges: the central cluster is to keep all, and gets more."""
    verdicts = [fleet.verdicts[cluster.name] for cluster in fleet.edges]
    waste, kept = costs.total(one.waste for one in verdicts), costs.total(one.kept for one in verdicts)
    whole = costs.total((waste, kept))
    return {
        "clusters": len(fleet.clusters),
        "seen": sum(bool(cluster.facts.seen) for cluster in fleet.clusters),
        "findings": _severities(finding.rule.severity for finding in findings),
        "waste": waste.as_dict(prices),
        "kept": kept.as_dict(prices),
        "saving": {
            "memory": costs.share(waste.memory, whole.memory),
            "storage": costs.share(waste.storage, whole.storage),
        },
    }


# One sentence for whoever has been woken up.


def headline(cluster: Cluster, verdict: Verdict, findings: Sequence[Finding]) -> str:
    if not cluster.facts.seen:
        why = cluster.facts.unseen[0].cause if cluster.facts.unseen else "there are no facts of it"
        return f"Nothing is known of it: {why}."
    ids = {finding.rule.id for finding in findings}
    left = sum(finding.rule.severity != "info" for finding in findings)
    first = _central_state(cluster, ids) if cluster.is_central else _edge_state(cluster, verdict, ids)
    if first.endswith("."):
        return first
    return f"{first}, and nothing is left to do." if not left else f"{first}; {_number(left)} to look at."


def _central_state(cluster: Cluster, ids: set[str]) -> str:
    if "no-receiver" in ids:
        return "It has no Thanos Receive, so nothing that the edges write can arrive."
    if "receiver-not-running" in ids:
        return "Its Thanos Receive does not run, so what the edges write does not arrive."
    if cluster.of(*RECEIVERS):
        return "Its Thanos Receive runs"
    return "It has no Thanos Receive yet" if cluster.lacks(*RECEIVERS) else "Whether Thanos Receive runs is not known"


def _edge_state(cluster: Cluster, verdict: Verdict, ids: set[str]) -> str:
    match verdict.delivers:
        case None:
            return "Whether its samples arrive is not known"
        case True:
            full = " while a Full Prometheus runs beside the agent" if cluster.of(FULL) else ""
            return f"Its samples arrive{full}"
        case False:
            return _undelivered(cluster, ids)


def _undelivered(cluster: Cluster, ids: set[str]) -> str:
    writes = [write for sender in writers(cluster) if sender.ready != 0 for write in sender.writes or ()]
    if any(write_delivers(write) for write in writes):
        return "Only a part of its samples arrives."
    if "agent-not-running" in ids:
        cause = "its agent does not run"
    elif not writes:
        cause = "nothing there writes to Thanos Receive"
    elif nowhere := [write for write in writes if is_unresolvable(cluster, write)]:
        cause = f"it writes to {nowhere[0].host}, which leads nowhere from there"
    elif any(write.ever_delivered is False for write in writes):
        cause = "the receiver has taken no sample"
    else:
        lost = any(write.failed or write.dropped for write in writes)
        late = duration(max(write.lag or 0 for write in writes))
        return "Its samples arrive, but some are lost." if lost else f"Its samples arrive {late} late."
    return f"None of its samples arrive: {cause}{_elsewhere(cluster)}."


def _elsewhere(cluster: Cluster) -> str:
    """Where the samples are in the meantime."""
    full = next((full for full in cluster.of(FULL) if full.ready), None)
    if not full:
        return ""
    kept = full.prometheus.retention if full.prometheus else None
    return f"; only its Full Prometheus has them{f', for {kept}' if kept else ''}"


def _number(findings: int) -> str:
    return "1 finding" if findings == 1 else f"{findings} findings"


# The picture.


def _picture(fleet: Fleet) -> Document:
    nodes = {str(node["id"]): node for node in _nodes(fleet)}
    edges = [*_writes(fleet), *_remote(fleet), *_uploads(fleet)]
    return {
        "nodes": [nodes[key] for key in sorted(nodes)],
        "edges": sorted(edges, key=lambda edge: (str(edge["from"]), str(edge["to"]), str(edge["label"]))),
    }


def _nodes(fleet: Fleet) -> Iterator[Document]:
    for cluster in fleet.clusters:
        for component in cluster.of(AGENT, FULL, *RECEIVERS):
            label = f"{_TITLES[component.kind]} {component.workload.name}".strip()
            yield _node(_place(cluster, component), cluster.name, component.kind, label, _state(cluster, component))
        for remote in fleet.verdicts[cluster.name].remote:
            yield _node(f"{remote.of}/targets", remote.of, "targets", f"targets of {remote.of}", "ok")
        if any(sidecar.sidecar and sidecar.sidecar.uploads for sidecar in cluster.of(SIDECAR)):
            # It belongs to no cluster, and is drawn where all of its readers are.
            yield _node("bucket", fleet.central.name, "bucket", "bucket", "ok")
    if not fleet.central.of(*RECEIVERS):
        state = "missing" if fleet.central.lacks(*RECEIVERS) else None
        yield _node(_receiver(fleet), fleet.central.name, "thanos_receive", _TITLES["thanos_receive"], state)


def _node(place: str, cluster: str, kind: str, label: str, state: str | None) -> Document:
    return {"id": place, "cluster": cluster, "kind": kind, "label": label, "state": state}


def _place(cluster: Cluster, component: Component) -> str:
    return f"{cluster.name}/{component.id}"


def _receiver(fleet: Fleet) -> str:
    """What remote write leads to: the router, where there is one."""
    receivers = fleet.central.of(*RECEIVERS)
    return _place(fleet.central, receivers[0]) if receivers else f"{fleet.central.name}/{RECEIVERS[1]}"


def _state(cluster: Cluster, component: Component) -> str | None:
    if component.kind == FULL and not cluster.is_central:
        return "waste"
    if component.kind == AGENT:
        return {True: "ok", False: "broken", None: None}[sender_delivers(component)]
    return None if component.ready is None else ("ok" if component.ready else "broken")


def _writes(fleet: Fleet) -> Iterator[Document]:
    for cluster in fleet.clusters:
        for sender in cluster.senders:
            for write in sender.writes or ():
                state = {True: "ok", False: "broken", None: None}[write_delivers(write)]
                yield _edge(_place(cluster, sender), _receiver(fleet), f"remote write to {write.url}", state)


def _remote(fleet: Fleet) -> Iterator[Document]:
    for cluster in fleet.clusters:
        for remote in fleet.verdicts[cluster.name].remote:
            label = f"remote scraping, {number(remote.targets)}"
            yield _edge(_place(cluster, remote.scraper), f"{remote.of}/targets", label, "remote")


def _uploads(fleet: Fleet) -> Iterator[Document]:
    for cluster in fleet.clusters:
        for full in cluster.of(FULL):
            if cluster.uploads(full):
                yield _edge(_place(cluster, full), "bucket", "the sidecar uploads", "ok")


def _edge(start: str, end: str, label: str, state: str | None) -> Document:
    return {"from": start, "to": end, "label": label, "state": state}
