"""Who scrapes what."""

from __future__ import annotations

from typing import Any

import audit_facts as given
import pytest
from audit_facts import Facts, changed, target

from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.places import Places
from ansible_collections.miribit.thanos.plugins.module_utils.report import targets as audit_targets
from ansible_collections.miribit.thanos.plugins.module_utils.report.cluster import Cluster
from ansible_collections.miribit.thanos.plugins.module_utils.report.fleet import Fleet, read_fleet
from ansible_collections.miribit.thanos.plugins.module_utils.report.targets import Counts
from ansible_collections.miribit.thanos.plugins.module_utils.report.verdict import judge


def fleet(*facts: Facts, labels: dict[str, str] | None = None) -> Fleet:
    return read_fleet(list(facts), "cluster-01", [], labels or {})


def edge(agent: list[Facts] | None, full: list[Facts] | None, **more: Any) -> Cluster:
    """An edge whose two senders scrape this."""
    parts = [
        changed(given.agent("cluster-02"), "prometheus.targets", agent),
        changed(given.full("cluster-02"), "prometheus.targets", full),
        given.sidecar(),
    ]
    return fleet(given.edge(components=parts, **more)).clusters[0]


def counts(cluster: Cluster) -> Counts:
    return judge(cluster, {}, Places({}, {})).targets


def scraped_from(*targets: Facts, **other: Any) -> list[tuple[str, int, int]]:
    """What a central server with these targets scrapes remotely, beside an edge that is as this."""
    central = given.centre(components=[changed(given.full("cluster-01"), "prometheus.targets", list(targets))])
    whole = fleet(central, given.edge(**other))
    return [(one.of, len(one.targets), one.own_too) for one in whole.verdicts["cluster-01"].remote]


NODE = target("10.0.0.1:9100")


# Twice.


def test_a_target_is_the_same_whatever_job_and_scheme_it_has() -> None:
    other = {**NODE, "job": "other", "url": "https://10.0.0.1:9100/metrics"}
    [(_first, _second, targets)] = audit_targets.duplicates(edge([NODE], [other]))
    assert [found.job for found in targets] == ["node-exporter"]


@pytest.mark.parametrize(
    "other",
    [
        target("10.0.0.1:9101"),
        target("10.0.0.1:9100", "/metrics/cadvisor"),
        target("10.0.0.1:9100", params={"module": ["http"]}),
    ],
)
def test_another_port_path_or_parameter_is_another_target(other: Facts) -> None:
    assert audit_targets.duplicates(edge([NODE], [other])) == []


def test_the_order_of_parameters_does_not_matter() -> None:
    one = target("10.0.0.1:9115", params={"module": ["http"], "target": ["a"]})
    other = target("10.0.0.1:9115", params={"target": ["a"], "module": ["http"]})
    assert counts(edge([one], [other])).twice == 1


def test_replicas_of_one_workload_scrape_nothing_twice() -> None:
    pair = changed(given.full("cluster-01"), "replicas", {"wanted": 2, "ready": 2})
    assert audit_targets.duplicates(fleet(given.centre(components=[pair])).central) == []


def test_a_server_that_has_a_target_in_two_jobs_is_one_sender() -> None:
    assert audit_targets.duplicates(edge([NODE, {**NODE, "job": "again"}], [])) == []


def test_two_full_servers_scrape_twice_as_well() -> None:
    one = changed(given.full("cluster-01"), "prometheus.targets", [NODE])
    other = given.component("prometheus", "another", "prometheus", prometheus=given.prometheus(targets=[NODE]))
    assert len(audit_targets.duplicates(fleet(given.centre(components=[one, other])).central)) == 1


def test_shards_of_one_custom_resource_are_one_sender() -> None:
    owner = {**given.NOBODY, "custom_resource": {"kind": "Prometheus", "namespace": "monitoring", "name": "stack"}}
    said = given.prometheus(targets=[NODE])
    shards = [
        given.component("prometheus", name, "prometheus", owner=owner, prometheus=said)
        for name in ("stack", "stack-shard-1")
    ]
    assert audit_targets.duplicates(fleet(given.centre(components=shards)).central) == []


# Only by the full server.


def test_what_only_the_full_prometheus_scrapes_is_missed() -> None:
    shop = target("10.0.0.8:8080", job="shop")
    missed = audit_targets.only_in_full(edge([NODE], [NODE, shop]))
    assert [found.job for found in missed or []] == ["shop"]


@pytest.mark.parametrize("pod", ["prometheus-stack-0", "alertmanager-stack-0"])
def test_what_goes_away_with_it_is_not_missed(pod: str) -> None:
    own = target("10.0.0.7:8080", namespace="monitoring", pod=pod)
    parts = [
        changed(given.agent("cluster-02"), "prometheus.targets", []),
        changed(given.full("cluster-02"), "prometheus.targets", [own]),
        given.alertmanager(),
    ]
    assert audit_targets.only_in_full(fleet(given.edge(components=parts)).clusters[0]) == []


def test_a_pod_of_the_same_name_elsewhere_is_missed() -> None:
    other = target("10.0.0.7:8080", namespace="shop", pod="prometheus-stack-0")
    assert len(audit_targets.only_in_full(edge([], [other])) or []) == 1


@pytest.mark.parametrize(("agent", "full"), [(None, [NODE]), ([NODE], None)])
def test_what_is_missed_is_not_known_while_one_side_is_not(agent: list[Facts] | None, full: list[Facts] | None) -> None:
    assert audit_targets.only_in_full(edge(agent, full)) is None


@pytest.mark.parametrize("unknown", [{"components_complete": False}, {"components": None}])
def test_what_is_missed_is_not_known_while_there_may_be_another_agent(unknown: Facts) -> None:
    whole = fleet({**given.edge(), **unknown})
    assert audit_targets.only_in_full(whole.clusters[0]) is None


def test_a_target_without_an_address_cannot_be_compared() -> None:
    cluster = edge([NODE], [NODE, {**NODE, "address": None}])
    assert audit_targets.only_in_full(cluster) is None
    assert audit_targets.duplicates(cluster) == []


# Of another cluster.


def test_a_target_at_a_node_of_another_cluster_is_remote() -> None:
    assert scraped_from(target("192.168.101.195:10250")) == [("cluster-02", 1, 1)]


def test_a_target_at_an_own_node_is_not_remote_whatever_its_label_says() -> None:
    assert scraped_from(target("192.168.101.194:10250", cluster="cluster-02")) == []


def test_where_no_node_is_known_the_label_tells() -> None:
    assert scraped_from(target("203.0.113.9:10250", cluster="cluster-02"), nodes=None) == [("cluster-02", 1, 0)]


def test_the_label_may_be_another_one_than_the_name() -> None:
    central = changed(given.full("cluster-01"), "prometheus.targets", [target("203.0.113.9:1", cluster="two")])
    whole = fleet(given.centre(components=[central]), given.edge(), labels={"cluster-02": "two"})
    assert [one.of for one in whole.verdicts["cluster-01"].remote] == ["cluster-02"]


def test_a_label_of_no_cluster_makes_no_target_remote() -> None:
    assert scraped_from(target("203.0.113.9:10250", cluster="elsewhere")) == []


def test_the_label_of_a_cluster_that_was_not_looked_at_makes_it_remote() -> None:
    central = changed(given.full("cluster-01"), "prometheus.targets", [target("203.0.113.9:1", cluster="five")])
    whole = fleet(given.centre(components=[central]), labels={"cluster-05": "five"})
    assert [(one.of, one.own_too) for one in whole.verdicts["cluster-01"].remote] == [("cluster-05", 0)]


def test_two_clusters_with_one_network_are_told_apart_by_the_label() -> None:
    shared = [{"name": "node", "addresses": ["192.168.101.9"], "ready": True}]
    edges = [given.edge("cluster-02", nodes=shared), given.edge("cluster-03", nodes=shared)]
    labelled = target("192.168.101.9:10250", cluster="cluster-03")
    central = given.centre(components=[changed(given.full("cluster-01"), "prometheus.targets", [labelled])])
    whole = fleet(central, *edges)
    assert [one.of for one in whole.verdicts["cluster-01"].remote] == ["cluster-03"]


@pytest.mark.parametrize("address", ["[fd00::2]:10250", "fd00::2"])
def test_an_address_of_ipv6_is_found_among_nodes(address: str) -> None:
    node = {"name": "node", "addresses": ["fd00::2"], "ready": True}
    assert scraped_from(target(address), nodes=[node]) == [("cluster-02", 1, 0)]


# How many.


def test_targets_are_counted_once_however_many_scrape_them() -> None:
    down = target("10.0.0.8:8080", health="down")
    assert counts(edge([NODE], [NODE, down])) == Counts(scraped=2, up=1, twice=1, only_full=0)


def test_of_what_one_sender_does_not_tell_only_the_sum_is_known() -> None:
    assert counts(edge([NODE], None)) == Counts(scraped=1, up=1, twice=None, only_full=None)


def test_of_what_no_sender_tells_nothing_is_known() -> None:
    assert counts(edge(None, None)) == Counts(None, None, None, None)


def test_only_the_full_prometheus_is_no_question_for_the_central_cluster() -> None:
    assert counts(fleet(given.centre()).central).only_full is None
