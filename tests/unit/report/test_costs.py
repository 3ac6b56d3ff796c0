"""What components take, and what that costs."""

from __future__ import annotations

from typing import Any

import audit_facts as given
import pytest
from audit_facts import GIB, MIB, Facts, changed

from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.components import Component
from ansible_collections.miribit.thanos.plugins.module_utils.report import costs
from ansible_collections.miribit.thanos.plugins.module_utils.report.costs import UNKNOWN, Amounts, Prices
from ansible_collections.miribit.thanos.plugins.module_utils.report.fleet import read_fleet


def components(*facts: Facts) -> tuple[Component, ...]:
    return read_fleet([given.edge(components=list(facts))], "cluster-01", [], {}).clusters[0].components


def exporter(**more: Any) -> Facts:
    return given.component("exporter", "Deployment exporter", "exporter", **more)


def test_every_pod_asks_for_memory_and_usage_is_that_of_all() -> None:
    three = exporter(replicas={"wanted": 3, "ready": 3})
    amounts = costs.amounts(components(three))
    assert (amounts.memory_request, amounts.memory_used) == (300 * MIB, 50 * MIB)


def test_where_the_replicas_are_unknown_the_pods_are_counted() -> None:
    assert costs.amounts(components(exporter(replicas=None))).memory_request == 100 * MIB


def test_what_is_stopped_asks_for_nothing() -> None:
    stopped = exporter(replicas={"wanted": 0, "ready": 0}, pods=[], usage=None)
    assert costs.amounts(components(stopped)) == Amounts(0, None, 0, 0)


@pytest.mark.parametrize(("used", "counts"), [(50 * MIB, 100 * MIB), (700 * MIB, 700 * MIB)])
def test_of_requested_and_used_memory_the_larger_counts(used: int, counts: int) -> None:
    assert costs.amounts(components(exporter(usage={"memory": used, "cpu": None}))).memory == counts


def test_the_larger_is_taken_of_each_component_and_not_of_the_sums() -> None:
    small = exporter(usage={"memory": 700 * MIB, "cpu": None})
    large = given.alertmanager()
    assert costs.amounts(components(small, large)).memory == 700 * MIB + 200 * MIB


def test_helpers_of_a_pod_count_where_they_are_told() -> None:
    with_reloader = exporter(helpers={"requests": {"memory": 10 * MIB}, "usage": {"memory": 5 * MIB}})
    amounts = costs.amounts(components(with_reloader))
    assert (amounts.memory_request, amounts.memory_used) == (110 * MIB, 55 * MIB)


def test_what_helpers_use_counts_where_their_component_says_nothing() -> None:
    only_helpers = exporter(usage=None, helpers={"usage": {"memory": 5 * MIB}})
    assert costs.amounts(components(only_helpers)).memory_used == 5 * MIB


def test_a_volume_that_two_containers_mount_is_claimed_once() -> None:
    assert costs.amounts(components(given.full("cluster-02"), given.sidecar())).storage == 20 * GIB


def test_a_shared_volume_belongs_to_prometheus_and_not_to_its_sidecar() -> None:
    sidecar = given.sidecar(id="A comes before P")
    by_id = costs.by_component(components(given.full("cluster-02"), sidecar))
    assert (by_id[given.FULL_ID].storage, by_id["A comes before P"].storage) == (20 * GIB, 0)


def test_claims_of_the_same_name_in_two_namespaces_are_two() -> None:
    claims = [given.volume("data", GIB), given.volume("data", GIB, namespace="other")]
    assert costs.amounts(components(exporter(volumes=claims))).storage == 2 * GIB


def test_what_is_not_known_of_one_is_left_out_of_the_sum() -> None:
    unknown = exporter(requests=None, usage=None, volumes=None)
    alone = costs.amounts(components(given.alertmanager()))
    assert costs.amounts(components(given.alertmanager(), unknown)) == alone


def test_what_is_known_of_none_is_unknown() -> None:
    unknown = exporter(requests=None, usage=None, volumes=None)
    assert costs.amounts(components(unknown)) == UNKNOWN


def test_a_volume_without_a_size_is_unknown() -> None:
    claim = changed(given.volume("data", GIB), "size", None)
    assert costs.amounts(components(exporter(volumes=[claim]))).storage is None


def test_nothing_takes_nothing() -> None:
    assert costs.amounts(()) == Amounts(0, 0, 0, 0)


AMOUNTS = Amounts(memory_request=GIB, memory_used=2 * GIB, memory=2 * GIB, storage=10 * GIB)


@pytest.mark.parametrize(
    ("prices", "cost"),
    [
        (Prices(), None),
        (Prices(memory=4.0), 8.0),
        (Prices(storage=0.1), 1.0),
        (Prices(memory=4.0, storage=0.1), 9.0),
        (Prices(memory=0.0), 0.0),
    ],
)
def test_there_is_no_price_unless_one_is_given(prices: Prices, cost: float | None) -> None:
    assert AMOUNTS.cost(prices) == cost


def test_what_is_unknown_costs_an_unknown_sum() -> None:
    assert UNKNOWN.cost(Prices(memory=4.0, storage=0.1)) is None


@pytest.mark.parametrize(("less", "whole", "share"), [(1, 4, 0.25), (0, 4, 0.0), (None, 4, None), (1, 0, None)])
def test_a_share_of_nothing_or_of_the_unknown_is_unknown(
    less: int | None, whole: int | None, share: float | None
) -> None:
    assert costs.share(less, whole) == share
