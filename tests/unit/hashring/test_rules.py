"""What is refused, and what is only warned about. Why is recorded with Thanos itself in tests/tools/test_rings.py."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.miribit.thanos.plugins.module_utils.hashring.file import read
from ansible_collections.miribit.thanos.plugins.module_utils.hashring.rules import check, warnings

SIX = [f"receive-{ordinal}:10901" for ordinal in range(6)]


def ketama(endpoints: list[Any] | None = None, **more: Any) -> dict[str, Any]:
    return {"algorithm": "ketama", "endpoints": SIX if endpoints is None else endpoints, **more}


def hashmod(endpoints: list[Any] | None = None, **more: Any) -> dict[str, Any]:
    return {**ketama(endpoints, **more), "algorithm": "hashmod"}


def sharded(size: int, endpoints: list[Any] | None = None, **more: Any) -> dict[str, Any]:
    return ketama(endpoints, shuffle_sharding_config={"shard_size": size, **more})


def override(size: int = 3, **changes: Any) -> dict[str, Any]:
    return {"shard_size": size, "tenants": ["a"], "tenant_matcher_type": "exact", **changes}


def azs(*sizes: int) -> list[dict[str, str]]:
    return [
        {"address": f"receive-{az}-{ordinal}:10901", "az": f"az-{az}"}
        for az, size in enumerate(sizes)
        for ordinal in range(size)
    ]


def problems(*rings: dict[str, Any], copies: int = 3, **options: Any) -> list[str]:
    return [str(problem) for problem in check(read(list(rings)), copies, **options)]


@pytest.mark.parametrize(
    ("rings", "copies", "words"),
    [
        # The replication factor
        ([ketama()], 0, "Replication factor 0: nothing would be stored"),
        ([ketama()], -1, "Replication factor -1: nothing would be stored"),
        # What the endpoints can hold
        ([ketama(SIX[:2])], 3, "Ring 1: it has 2 endpoints for 3 copies; a receiver ends"),
        ([hashmod(SIX[:2])], 3, "Ring 1: it has 2 endpoints for 3 copies; writes fail with 500"),
        ([ketama([])], 1, "Ring 1: it has 0 endpoints for 1 copies"),
        ([hashmod([])], 1, "Ring 1: it has 0 endpoints for 1 copies"),
        ([ketama(azs(3, 1))], 4, "Ring 1: its AZs (az-0: 3, az-1: 1) hold 3 copies of a series, not 4"),
        ([ketama([*azs(1), *SIX[:3]])], 4, "Ring 1: its AZs (no az: 3, az-0: 1) hold 3 copies of a series, not 4"),
        ([ketama([*SIX, SIX[0]])], 3, f"Ring 1, endpoints 1, 7: they are the same ({SIX[0]})"),
        # The algorithm
        ([{**ketama(), "algorithm": "Ketama"}], 3, "Ring 1: Thanos takes the unknown algorithm 'Ketama' for hashmod"),
        ([hashmod([*SIX, *azs(1)])], 3, "Ring 1, endpoints 7: hashmod knows no az"),
        ([{"endpoints": azs(3)}], 3, "Ring 1, endpoints 1, 2, 3: hashmod knows no az"),
        # Addresses
        ([ketama([*SIX, ""])], 3, "Ring 1, endpoint 7: address: it is empty"),
        ([ketama([*SIX, {"az": ""}])], 3, "Ring 1, endpoint 7: address: it is empty"),
        ([ketama([*SIX, "receive"])], 3, "Ring 1, endpoint 7: address: 'receive' is not a host and a port"),
        ([ketama([*SIX, ":1"])], 3, "':1' is not a host and a port"),
        ([ketama([*SIX, "a:"])], 3, "'a:' is not a host and a port"),
        ([ketama([*SIX, "a:0"])], 3, "'a:0' is not a host and a port"),
        ([ketama([*SIX, "a:65536"])], 3, "'a:65536' is not a host and a port"),
        ([ketama([*SIX, "a:grpc"])], 3, "'a:grpc' is not a host and a port"),
        ([ketama([*SIX, "a:1\n"])], 3, r"'a:1\n' is not a host and a port"),
        ([ketama([*SIX, " a:1"])], 3, "' a:1' is not a host and a port"),
        ([ketama([*SIX, "::1:1"])], 3, "'::1:1' is not a host and a port"),
        ([ketama([*SIX, "http://a:1"])], 3, "'http://a:1' is not a host and a port"),
        (
            [ketama([*SIX, {"address": "a:1", "capnproto_address": "a"}])],
            3,
            "Ring 1, endpoint 7: capnproto_address: 'a' is not a host and a port",
        ),
        # Tenants
        (
            [ketama(tenants=["a"], tenant_matcher_type="prefix")],
            3,
            "Ring 1: the tenant_matcher_type 'prefix' is unknown",
        ),
        ([ketama(tenants=["[a"], tenant_matcher_type="glob")], 3, "Ring 1: the tenant '[a' is not a pattern"),
        ([ketama(tenants=[""])], 3, "Ring 1, tenant '': it is empty"),
        ([ketama(tenants=["."])], 3, "Ring 1, tenant '.': the tenant is the name of a folder"),
        ([ketama(tenants=[".."])], 3, "Ring 1, tenant '..': the tenant is the name of a folder"),
        ([ketama(tenants=["/"])], 3, "Ring 1, tenant '/': a receiver answers 400"),
        ([ketama(tenants=["a/*"], tenant_matcher_type="glob")], 3, "Ring 1, tenant 'a/*': a receiver answers 400"),
        # Several rings
        (
            [ketama(tenants=["a"], hashring="a"), ketama(hashring="a")],
            3,
            "Ring 1 (a) and Ring 2 (a): their name is the same ('a')",
        ),
        ([ketama(tenants=["a"]), ketama()], 3, "Ring 1 and Ring 2: their name is the same ('')"),
        (
            [ketama(hashring="all"), ketama(hashring="late", tenants=["a"])],
            3,
            "Ring 2 (late): it gets nothing: Ring 1 (all) takes every tenant",
        ),
        (
            [ketama(hashring="all", tenants=["*"], tenant_matcher_type="glob"), ketama(hashring="late")],
            3,
            "Ring 2 (late): it gets nothing: Ring 1 (all) takes every tenant",
        ),
        (
            [ketama(hashring="a", tenants=["x", "y"]), ketama(hashring="b", tenants=["y", "z"])],
            3,
            "Ring 2 (b): it never gets the tenant 'y': Ring 1 (a) does",
        ),
        (
            [ketama(hashring="a", tenants=["x*"], tenant_matcher_type="glob"), ketama(hashring="b", tenants=["xy"])],
            3,
            "Ring 2 (b): it never gets the tenant 'xy': Ring 1 (a) does",
        ),
        (
            [ketama(hashring=name, tenants=["x*"], tenant_matcher_type="glob") for name in ("a", "b")],
            3,
            "Ring 2 (b): it never gets the tenant 'x*': Ring 1 (a) does",
        ),
        # External labels
        (
            [ketama(tenants=["a"], external_labels={"a": "b"})],
            3,
            "Ring 1, external_labels: they act only where an ingestor",
        ),
        # Shuffle sharding
        (
            [hashmod(shuffle_sharding_config={"shard_size": 3})],
            3,
            "Ring 1, shuffle_sharding_config: only ketama can shard",
        ),
        ([sharded(-1)], 3, "Ring 1, shuffle_sharding_config: shard_size -1 is not possible"),
        ([sharded(0, overrides=[override()])], 3, "Ring 1, shuffle_sharding_config: without shard_size, nothing"),
        ([sharded(0, cache_size=1)], 3, "without shard_size, nothing of it is used"),
        ([sharded(0, zone_awareness_disabled=True)], 3, "without shard_size, nothing of it is used"),
        ([sharded(3, cache_size=-1)], 3, "Ring 1, shuffle_sharding_config: cache_size -1 is out of range"),
        ([sharded(3, cache_size=2**63)], 3, "cache_size 9223372036854775808 is out of range"),
        ([sharded(2)], 3, "shard_size 2 draws 2 endpoints for 3 copies; writes fail with 500"),
        ([sharded(7)], 3, "shard_size 7 draws 7 endpoints of the ring, which has 6; writes fail with 500"),
        ([sharded(4, azs(5, 1))], 3, "shard_size 4 draws 2 endpoints of AZ az-1, which has 1; writes fail with 500"),
        ([sharded(2, azs(3, 3))], 3, "shard_size 2 draws 2 endpoints for 3 copies; writes fail with 500"),
        (
            [sharded(7, zone_awareness_disabled=True)],
            3,
            "shard_size 7 draws 7 endpoints of the ring, which has 6; writes fail with 500",
        ),
        ([sharded(2, zone_awareness_disabled=True)], 3, "shard_size 2 draws 2 endpoints for 3 copies"),
        (
            [sharded(4, azs(4, 2), zone_awareness_disabled=True)],
            4,
            "shard_size 4 can draw endpoints that hold 3 copies, not 4; writes hang",
        ),
        ([sharded(3, overrides=[override(0)])], 3, "override 1: shard_size 0 is not possible"),
        (
            [sharded(3, overrides=[override(), override(2)])],
            3,
            "override 2: shard_size 2 draws 2 endpoints for 3 copies",
        ),
        (
            [sharded(3, overrides=[override(7)])],
            3,
            "override 1: shard_size 7 draws 7 endpoints of the ring, which has 6",
        ),
        ([sharded(3, overrides=[override(tenant_matcher_type="")])], 3, "override 1: the tenant_matcher_type '' never"),
        (
            [sharded(3, overrides=[override(tenant_matcher_type="a")])],
            3,
            "override 1: the tenant_matcher_type 'a' never",
        ),
        ([sharded(3, overrides=[override(tenants=[])])], 3, "override 1: it names no tenants, and matches none"),
        ([sharded(3, overrides=[override(tenants=["a/b"])])], 3, "override 1, tenant 'a/b': a receiver answers 400"),
        (
            [sharded(3, overrides=[override(tenants=["["], tenant_matcher_type="glob")])],
            3,
            "override 1: the tenant '[' is not a pattern and never matches",
        ),
    ],
)
def test_what_cannot_work_is_refused_for_one_reason(rings: list[dict[str, Any]], copies: int, words: str) -> None:
    (problem,) = problems(*rings, copies=copies)
    assert words in problem


@pytest.mark.parametrize(
    ("rings", "copies"),
    [
        ([ketama(SIX[:1])], 1),
        ([ketama(SIX[:3])], 3),
        ([hashmod(SIX[:3])], 3),
        ([ketama(azs(2, 1))], 3),
        ([ketama(azs(3, 2, 1))], 5),
        ([ketama([*azs(1), *SIX[:2]])], 3),
        ([ketama(["a:1", "a.b-c:65535", "127.0.0.1:1", "[::1]:10901"])], 3),
        ([ketama([{"address": "a:1", "capnproto_address": "[fe80::1]:19391"}])], 1),
        ([ketama(hashring="a", tenants=["x"]), ketama(hashring="b", tenants=["y"]), ketama(hashring="c")], 3),
        ([ketama(hashring="a", tenants=["xy"]), ketama(hashring="b", tenants=["x*"], tenant_matcher_type="glob")], 3),
        ([ketama(hashring="a", tenants=["*"]), ketama(hashring="b")], 3),
        ([sharded(3, cache_size=2**63 - 1)], 3),
        ([sharded(6)], 3),
        # One endpoint of each AZ is enough.
        ([sharded(2, azs(2, 2, 2))], 3),
        ([sharded(5, azs(3, 3))], 5),
        ([sharded(3, azs(5, 1), zone_awareness_disabled=True)], 3),
        # Whatever is drawn, it is all.
        ([sharded(5, azs(1, 1, 1, 1, 1), zone_awareness_disabled=True)], 5),
        ([sharded(3, overrides=[override(), override(6, tenants=["b*"], tenant_matcher_type="glob")])], 3),
    ],
)
def test_what_just_works_is_not_refused(rings: list[dict[str, Any]], copies: int) -> None:
    assert problems(*rings, copies=copies) == []


def test_external_labels_are_allowed_where_ingestors_load_the_ring() -> None:
    assert problems(ketama(tenants=["a"], external_labels={"a": "b"}), router_only=False) == []


@pytest.mark.parametrize("tenants", [{}, {"tenants": ["a*"], "tenant_matcher_type": "glob"}])
def test_external_labels_without_an_exact_tenant_are_refused_everywhere(tenants: dict[str, Any]) -> None:
    (problem,) = problems(ketama(external_labels={"a": "b"}, **tenants), router_only=False)
    assert "Thanos gives them to the tenants that the ring names exactly, and it names none" in problem


@pytest.mark.parametrize(
    ("tenant", "words"),
    [
        ("b", "Tenant 'b': no ring takes it, and each of its writes fails with 500"),
        ("", "Tenant '': it is empty"),
        ("..", "Tenant '..': the tenant is the name of a folder"),
    ],
)
def test_a_tenant_that_cannot_write_is_refused(tenant: str, words: str) -> None:
    (problem,) = problems(ketama(tenants=["a"]), tenants=["a", tenant])
    assert words in problem


def test_a_tenant_is_not_missed_where_a_ring_cannot_be_read() -> None:
    (problem,) = problems(ketama(tenants=1), tenants=["a"])
    assert "Ring 1: tenants is a whole number" in problem


def test_everything_is_told_at_once() -> None:
    found = problems({"x": 1}, ketama(SIX[:1], tenants=["/"]), hashmod(["a"], hashring="b"), copies=2, tenants=["c"])
    assert [problem.partition(": ")[0] for problem in found] == [
        "Ring 1",
        "Ring 2, tenant '/'",
        "Ring 3 (b), endpoint 1",
        "Ring 1",
        "Ring 2",
        "Ring 3 (b)",
        "Ring 1 and Ring 2",
        "Ring 2",
        "Ring 3 (b)",
    ]


@pytest.mark.parametrize("copies", [3, 10**9])
@pytest.mark.parametrize("times", [1, 2])
def test_a_huge_ring_is_refused_at_once(copies: int, times: int) -> None:
    endpoints = [{"address": f"a{number}:1", "az": str(number)} for number in range(5000)] * times
    assert problems(sharded(10**5, endpoints, zone_awareness_disabled=True), copies=copies)


def test_many_rings_are_checked_at_once() -> None:
    rings = [ketama(SIX, hashring="a", tenants=[f"a{number}", "a"]) for number in range(3000)]
    assert len(problems(*rings)) == 3000


@pytest.mark.parametrize(
    ("ring", "copies", "words"),
    [
        (ketama(), 2, "Replication factor 2: with 2 copies one stored copy is enough"),
        (ketama(), 4, "Replication factor 4: an even number survives no more lost endpoints"),
        ({"endpoints": SIX}, 3, "Ring 1: it names no algorithm"),
        (ketama([*SIX[:2], *azs(2)]), 3, "Ring 1: 2 of 4 endpoints name no az"),
    ],
)
def test_what_works_but_is_seldom_meant_is_a_warning(ring: dict[str, Any], copies: int, words: str) -> None:
    reading = read([ring])
    assert check(reading, copies) == []
    (warning,) = warnings(reading, copies)
    assert words in str(warning)


@pytest.mark.parametrize("copies", [1, 3, 5])
def test_an_odd_replication_factor_is_not_warned_about(copies: int) -> None:
    assert warnings(read([ketama(), ketama(azs(3, 3))]), copies) == []
