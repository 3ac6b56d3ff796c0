"""Targets: whose they are, and which would be missed, with one answer for the audit, phase 2 and the hand-over."""

from __future__ import annotations

from typing import Any

import audit_facts as given
import pytest
import remote_scraping_facts
from audit_facts import changed

from ansible_collections.miribit.thanos.plugins.filter._target_coverage import target_coverage
from ansible_collections.miribit.thanos.plugins.module_utils.agent.edge import target_fact
from ansible_collections.miribit.thanos.plugins.module_utils.base.facts import as_facts
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.places import Places
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.targets import (
    Target,
    TargetKey,
    missed,
    read_key,
    targets,
)
from ansible_collections.miribit.thanos.plugins.module_utils.remote_scraping.plan import look_over
from ansible_collections.miribit.thanos.plugins.module_utils.report.fleet import read_fleet
from ansible_collections.miribit.thanos.plugins.module_utils.report.state import targets_only_full

Facts = dict[str, Any]

META = "__meta_kubernetes_"
KEY = TargetKey("10.0.0.3:10250", "/metrics", ())


def at(host: str, cluster: str = "") -> Target:
    return Target(TargetKey(f"{host}:10250", "/metrics", ()), "", {"cluster": cluster} if cluster else {})


# Whose they are.

TWO, THREE = given.node_address("cluster-02"), given.node_address("cluster-03")
#: Address and label of a target, and the cluster that it is in.
WHOSE = [
    (THREE, "cluster-02", "cluster-03"),
    (THREE, "", "cluster-03"),
    (THREE, "cluster-03", "cluster-03"),
    (THREE, "elsewhere", "cluster-03"),
    ("203.0.113.9", "cluster-03", "cluster-03"),
    ("203.0.113.9", "elsewhere", None),
]


@pytest.mark.parametrize(("host", "label", "whose"), WHOSE)
def test_the_audit_and_phase_2_name_the_same_cluster(host: str, label: str, whose: str | None) -> None:
    assert audited(host, label) == whose
    assert scraped_remotely(host, label) == whose


def audited(host: str, label: str) -> str | None:
    """The cluster whose target the audit takes it for."""
    found = given.target(f"{host}:10250", cluster=label or None)
    central = given.centre(components=[changed(given.full("cluster-01"), "prometheus.targets", [found])])
    fleet = read_fleet([central, given.edge("cluster-02"), given.edge("cluster-03")], "cluster-01", [], {})
    return next((one.of for one in fleet.verdicts[fleet.central.name].remote), None)


def scraped_remotely(host: str, label: str) -> str | None:
    """The edge whose target phase 2 takes it for."""
    labels = {"cluster": label} if label else {}
    server = remote_scraping_facts.server(
        remote_scraping_facts.pod(remote_scraping_facts.scraped(f"{host}:10250", "kubelet", **labels))
    )
    edges = {name: [remote_scraping_facts.delivered("10.1.1.1:1")] for name in ("cluster-02", "cluster-03")}
    nodes = {"cluster-02": [TWO], "cluster-03": [THREE]}
    # No agent scrapes it, so that it stays, and is named with its edge.
    _found, problems = look_over([server], edges, {}, nodes)
    named = [
        name for name in edges for problem in problems if f"the agent of {name} does not scrape it" in str(problem)
    ]
    return named[0] if named else None


def test_clusters_with_equal_addresses_are_separated_by_the_label() -> None:
    places = Places({"cluster-02": [THREE], "cluster-03": [THREE]}, {"cluster-03": "three"})
    assert places.cluster_of(at(THREE, "three")) == "cluster-03"
    assert places.cluster_of(at(THREE, "cluster-02")) == "cluster-02"
    assert places.cluster_of(at(THREE, "elsewhere")) is None
    assert places.cluster_of(at(THREE)) is None


def test_a_cluster_whose_nodes_are_unknown_can_have_the_address_as_well() -> None:
    places = Places({"cluster-03": [THREE], "cluster-04": None}, {"cluster-05": "five"})
    assert places.cluster_of(at(THREE, "cluster-04")) == "cluster-04"
    assert places.cluster_of(at(THREE, "five")) == "cluster-05"
    assert places.cluster_of(at(THREE)) == "cluster-03"


def test_a_node_of_the_cluster_that_scrapes_is_its_own() -> None:
    places = Places({"cluster-01": [THREE], "cluster-03": [THREE]}, {})
    assert places.cluster_of(at(THREE, "cluster-03"), home="cluster-01") == "cluster-01"


def test_the_value_of_a_label_counts_before_the_name_of_another_cluster() -> None:
    places = Places({}, {"cluster-02": "cluster-03", "cluster-03": "three"})
    assert places.cluster_of(at("203.0.113.9", "cluster-03")) == "cluster-02"


# What would be missed.

#: An active target of a full server, and whether it would be missed.
COVERED: list[tuple[Facts, bool]] = [
    ({}, True),
    ({"health": "down"}, False),
    ({"health": "unknown"}, False),
    ({"scrapeUrl": "http://localhost:9090/metrics"}, False),
    ({"scrapeUrl": "http://127.0.0.1:9090/metrics"}, False),
    ({"scrapeUrl": "http://[::1]:9090/metrics"}, False),
    ({"labels": {"namespace": "monitoring", "pod": "prometheus-stack-0"}}, False),
    # Its labels are relabelled away.
    ({"discoveredLabels": {f"{META}namespace": "monitoring", f"{META}pod_name": "prometheus-stack-0"}}, False),
    ({"labels": {"namespace": "monitoring", "pod": "alertmanager-stack-0"}}, False),
    ({"labels": {"namespace": "shop", "pod": "prometheus-stack-0"}}, True),
    ({"scrapeUrl": "http://10.0.0.1:9100/metrics"}, False),
    ({"scrapeUrl": "http://10.0.0.1:9100/metrics?module=x"}, True),
]


@pytest.mark.parametrize(("change", "is_missed"), COVERED)
def test_the_finding_and_the_gate_of_the_hand_over_agree(change: Facts, *, is_missed: bool) -> None:
    both = {"scrapeUrl": "http://10.0.0.1:9100/metrics", "labels": {"job": "node"}, "health": "up"}
    other = {"scrapeUrl": "http://10.0.0.8:8080/metrics", "labels": {"job": "shop"}, "health": "up", **change}
    agent, full = targets({"activeTargets": [both]}), targets({"activeTargets": [both, other]})
    assert bool(finding(agent, full)) == is_missed
    assert bool(gate(agent, full)) == is_missed


def finding(agent: tuple[Target, ...], full: tuple[Target, ...]) -> list[str]:
    parts = [
        changed(given.agent("cluster-02"), "prometheus.targets", as_facts([target.fact() for target in agent])),
        changed(given.full("cluster-02"), "prometheus.targets", as_facts([target.fact() for target in full])),
        given.sidecar(),
        given.alertmanager(),
    ]
    fleet = read_fleet([given.edge(components=parts)], "cluster-01", [], {})
    return [line for hit in targets_only_full(fleet) for line in hit.evidence]


def gate(agent: tuple[Target, ...], full: tuple[Target, ...]) -> object:
    new = {**given.agent("cluster-02"), "targets": [target_fact(target) for target in agent]}
    old = {**given.full("cluster-02"), "targets": [target_fact(target) for target in full]}
    edge = {"agents": [new], "servers": [old], "alertmanagers": [given.alertmanager()]}
    return target_coverage(edge, "prometheus-agent")["problems"]


@pytest.mark.parametrize("kind", ["agent", "full"])
def test_a_server_that_is_scaled_to_no_pods_scrapes_nothing(kind: str) -> None:
    """Both say of a stopped full server that nothing is missed, and of a stopped agent that something is."""
    stopped = {"replicas": {"wanted": 0, "ready": 0}, "pods": []}
    other = [{**given.target("10.0.0.8:8080", job="shop"), "labels": {}}]
    parts = {
        name: {**changed(one, "prometheus.targets", other), "targets": other}
        for name, one in (("agent", given.agent("cluster-02")), ("full", given.full("cluster-02")))
    }
    parts[kind] = {**changed(parts[kind], "prometheus.targets", None), "targets": None, **stopped}
    fleet = read_fleet([given.edge(components=list(parts.values()))], "cluster-01", [], {})
    edge = {"agents": [parts["agent"]], "servers": [parts["full"]]}
    assert bool(list(targets_only_full(fleet))) == (kind == "agent")
    assert bool(target_coverage(edge, "prometheus-agent")["problems"]) == (kind == "agent")


def test_a_target_is_missed_once() -> None:
    one = Target(KEY, "", {"job": "a"}, "up")
    assert missed([one, Target(KEY, "", {"job": "b"}, "up")], (), ()) == [one]


# Reading.


def test_a_key_is_read_as_it_was_written() -> None:
    (found,) = targets({"activeTargets": [{"scrapeUrl": "http://[fd00::2]:9115/probe?b=2&a=1&b=1"}]})
    assert read_key(found.key.as_dict()) == found.key
    assert (found.host, str(found.key)) == ("fd00::2", "[fd00::2]:9115/probe?a=1&b=2&b=1")
