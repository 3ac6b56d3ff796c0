"""Owners of series, as the filters receive_owners and receive_distribution."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.miribit.thanos.plugins.filter import receive_distribution as distribution_filter
from ansible_collections.miribit.thanos.plugins.filter import receive_owners as owners_filter

receive_owners = owners_filter.FilterModule().filters()["receive_owners"]
receive_distribution = distribution_filter.FilterModule().filters()["receive_distribution"]

RINGS = [{"algorithm": "ketama", "endpoints": ["receive-0:10901", "receive-1:10901", "receive-2:10901"]}]
UP = {"__name__": "up", "job": "node"}


def test_the_copies_come_in_their_order() -> None:
    three = receive_owners(RINGS, "a", UP, 3)
    assert sorted(three) == RINGS[0]["endpoints"]
    assert receive_owners(RINGS, "a", UP, 1) == three[:1]
    assert receive_owners(RINGS, "a", UP, 2) == three[:2]


@pytest.mark.parametrize("labels", [list(UP.items()), [list(pair) for pair in UP.items()], tuple(UP.items())])
def test_labels_can_be_a_mapping_or_pairs(labels: object) -> None:
    assert receive_owners(RINGS, "a", labels, 3) == receive_owners(RINGS, "a", UP, 3)


def test_labels_are_taken_in_the_order_given() -> None:
    orders = [{"a": str(number), "b": "c"} for number in range(20)]
    assert [receive_owners(RINGS, "a", labels, 1) for labels in orders] != [
        receive_owners(RINGS, "a", dict(reversed(labels.items())), 1) for labels in orders
    ]


def test_a_series_without_labels_has_owners_too() -> None:
    assert len(receive_owners(RINGS, "a", {}, 3)) == 3


def test_the_first_ring_that_takes_the_tenant_counts() -> None:
    rings = [
        {"tenants": ["a"], "endpoints": ["a:1"]},
        {"tenants": ["a*"], "tenant_matcher_type": "glob", "endpoints": ["b:1"]},
        {"tenants": ["x"], "tenant_matcher_type": "unknown", "endpoints": ["c:1"]},
        {"endpoints": ["d:1"]},
    ]
    for tenant, address in (("a", "a:1"), ("ab", "b:1"), ("x", "d:1"), ("", "d:1")):
        assert receive_owners(rings, tenant, UP, 1) == [address]


def test_a_ring_without_algorithm_is_hashmod() -> None:
    endpoints = {"endpoints": RINGS[0]["endpoints"]}
    assert receive_owners([endpoints], "a", UP, 3) == receive_owners(
        [{**endpoints, "algorithm": "hashmod"}], "a", UP, 3
    )


def test_the_number_of_sections_can_be_another() -> None:
    series = [{"n": str(number)} for number in range(20)]
    few, many = ([receive_owners(RINGS, "a", labels, 1, sections) for labels in series] for sections in (1, 1000))
    assert few != many == [receive_owners(RINGS, "a", labels, 1) for labels in series]


def test_a_distribution_counts_the_owners_of_every_series() -> None:
    series = [{"n": str(number)} for number in range(100)]
    counted = receive_distribution(RINGS, "a", series, 2)
    assert list(counted) == RINGS[0]["endpoints"]
    assert sum(counted.values()) == 200
    first = RINGS[0]["endpoints"][0]
    assert counted[first] == sum(first in receive_owners(RINGS, "a", labels, 2) for labels in series)


def test_an_endpoint_without_series_is_counted_as_zero() -> None:
    assert receive_distribution(RINGS, "a", [], 2) == dict.fromkeys(RINGS[0]["endpoints"], 0)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tenant": "b", "rings": [{**RINGS[0], "tenants": ["a"]}]}, "Tenant 'b': no ring takes it"),
        ({"tenant": 1}, "Input: tenant is a whole number, not a text"),
        ({"tenant": "\ud800"}, "Input: tenant cannot be written as UTF-8"),
        ({"copies": "3x"}, "Input: replication_factor is a text, not a whole number"),
        ({"copies": 0}, "Replication factor 0: nothing would be stored"),
        ({"copies": 4}, "Ring 1: it has 3 endpoints for 4 copies"),
        ({"sections": 0}, "Input: sections 0 is not possible"),
        ({"sections": None}, "Input: sections is null, not a whole number"),
        ({"labels": "up"}, "Input labels: it is neither a mapping nor a list of [name, value]"),
        ({"labels": [["a"]]}, "Input labels: it is neither"),
        ({"labels": ["ab"]}, "Input labels: it is neither"),
        ({"labels": {"a": 1}}, "Input labels: it is neither"),
        ({"labels": {1: "a"}}, "Input labels: it is neither"),
        ({"labels": {"a": None}}, "Input labels: it is neither"),
        ({"labels": {"a": "\ud800"}}, "Input labels: it is neither"),
        ({"rings": "[]"}, "Hashring file: it is a text, not a list of rings"),
        ({"rings": []}, "Hashring file: it holds no ring"),
        ({"rings": [{"endpoint": []}]}, "Ring 1: there is no key 'endpoint'"),
        ({"rings": [{**RINGS[0], "algorithm": "x"}]}, "Ring 1: Thanos takes the unknown algorithm 'x' for hashmod"),
        (
            {"rings": [{**RINGS[0], "tenants": ["["], "tenant_matcher_type": "glob"}]},
            "Ring 1: the tenant '[' is not a pattern",
        ),
        (
            {"rings": [{**RINGS[0], "shuffle_sharding_config": {"shard_size": 3}}]},
            "Ring 1: shuffle sharding draws the endpoints of each tenant at random, which is not predicted here",
        ),
        (
            {
                "rings": [
                    {"algorithm": "ketama", "endpoints": [{"address": f"a{n}", "az": str(n > 0)} for n in range(4)]}
                ],
                "copies": 4,
            },
            "Ring 1: its AZs (False: 1, True: 3) hold 3 copies of a series, not 4",
        ),
    ],
)
def test_what_has_no_owners_is_refused(changes: dict[str, Any], words: str) -> None:
    asked: dict[str, Any] = {"rings": RINGS, "tenant": "a", "labels": UP, "copies": 3, "sections": 1000, **changes}
    with pytest.raises(AnsibleFilterError) as refused:
        receive_owners(asked["rings"], asked["tenant"], asked["labels"], asked["copies"], asked["sections"])
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("series", "words"),
    [({}, "Input series: it is not a list"), ([UP, 1], "Input series, number 2: it is neither a mapping nor")],
)
def test_what_is_no_list_of_series_is_refused(series: object, words: str) -> None:
    with pytest.raises(AnsibleFilterError, match=words):
        receive_distribution(RINGS, "a", series, 3)


def test_a_ring_with_other_problems_still_has_owners() -> None:
    # Two rings of one name, an address without port, labels that do nothing: none of it moves a series.
    rings = [{"tenants": ["b"], "endpoints": ["x"]}, {"endpoints": ["y"], "external_labels": {"a": "b"}}]
    assert receive_owners(rings, "a", UP, 1) == ["y"]
