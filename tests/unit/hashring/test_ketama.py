"""Hashes, and the endpoints that they lead to. That Thanos itself agrees is tested in tests/tools/test_rings.py."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.miribit.thanos.plugins.module_utils.hashring import ketama
from ansible_collections.miribit.thanos.plugins.module_utils.hashring.ketama import (
    holds,
    placement,
    series_hash,
    xxh64_after,
)

# Computed by github.com/cespare/xxhash/v2, which Thanos uses, of bytes 3, 10, 17, ... (modulo 256), by their number.
BY_XXHASH = {
    0: 0xEF46DB3751D8E999,
    1: 0x1F25C8D0BC1F4BB6,
    3: 0x31D2363F52E564C9,
    4: 0x9BB64B7D66EE9FDA,
    5: 0xC7608EFDDB7051FE,
    7: 0x9A7B149959CE60D8,
    8: 0xDAB99D95C6F90092,
    12: 0xD52E407833AF5133,
    15: 0x1B47CB8243CC8E32,
    31: 0xA2AA5F33CC4A6119,
    32: 0x23C3C17EF790FD97,
    33: 0x50A7CFC7BA588784,
    63: 0x5E3E54B431C7493C,
    64: 0x0EB64B3EF6EEB01F,
    96: 0x3101A958DE582E18,
    1100: 0xB5AC606E7B0CD96E,
}

Endpoints = tuple[tuple[str, str], ...]


def one_az(number: int) -> Endpoints:
    return tuple((f"receive-{ordinal}:10901", "") for ordinal in range(number))


def azs(*sizes: int) -> Endpoints:
    return tuple(
        (f"receive-{az}-{ordinal}:10901", f"az-{az}") for az, size in enumerate(sizes) for ordinal in range(size)
    )


@pytest.mark.parametrize(("length", "expected"), BY_XXHASH.items())
def test_the_hash_is_the_one_of_the_library_that_thanos_uses(length: int, expected: int) -> None:
    assert xxh64_after(b"")(bytes((7 * place + 3) % 256 for place in range(length))) == expected


@given(st.binary(max_size=200), st.integers(0, 200))
def test_a_hash_does_not_depend_on_where_its_prefix_ends(data: bytes, end: int) -> None:
    assert xxh64_after(data[:end])(data[end:]) == xxh64_after(b"")(data)


def test_the_hash_of_a_series_is_over_tenant_names_and_values_in_their_order() -> None:
    labels = [("b", "é"), ("a", "")]
    assert series_hash("team")(labels) == xxh64_after(b"")(b"team\xffb\xff\xc3\xa9\xffa\xff\xff")
    assert series_hash("team")(labels) != series_hash("team")(labels[::-1])


def test_hashmod_counts_on_from_the_hash_through_the_sorted_addresses() -> None:
    ring = placement("hashmod", (("c", ""), ("a", ""), ("b", "")), 2)
    assert [ring.owners(hashed) for hashed in (0, 1, 2, 3)] == [("a", "b"), ("b", "c"), ("c", "a"), ("a", "b")]


def test_hashmod_overflows_where_thanos_does() -> None:
    # 2^64 - 1 is divisible by three, and the next copy's number is zero.
    assert placement("hashmod", one_az(3), 2).owners(2**64 - 1) == ("receive-0:10901", "receive-0:10901")


def test_ketama_gives_a_series_to_the_first_section_that_is_not_before_it() -> None:
    sections = {xxh64_after(b"")(f"{name}:{number}".encode()): name for name in "ab" for number in (1, 2)}
    ring = placement("ketama", (("a", ""), ("b", "")), 1, sections=2)
    ordered = sorted(sections)
    for before, section in itertools.pairwise(ordered):
        assert ring.owners(section) == ring.owners(before + 1) == (sections[section],)
    assert ring.owners(ordered[-1] + 1) == ring.owners(0) == (sections[ordered[0]],)


def test_the_same_ring_is_built_once() -> None:
    assert placement("ketama", one_az(3), 3) is placement("ketama", one_az(3), 3)
    assert placement("ketama", one_az(3), 3) is not placement("ketama", one_az(3), 2)


@given(st.permutations(azs(1, 2, 3)), st.integers(0, 2**64 - 1))
def test_the_order_of_the_endpoints_does_not_change_ketama(shuffled: list[tuple[str, str]], hashed: int) -> None:
    before, after = (placement("ketama", endpoints, 3, 10) for endpoints in (azs(1, 2, 3), tuple(shuffled)))
    assert after.owners(hashed) == before.owners(hashed)


@given(st.integers(3, 8), st.integers(1, 3), st.integers(0, 2**64 - 1))
def test_one_more_endpoint_in_one_az_takes_the_place_of_at_most_one_owner(size: int, copies: int, hashed: int) -> None:
    before = set(placement("ketama", one_az(size), copies, 20).owners(hashed))
    after = set(placement("ketama", one_az(size + 1), copies, 20).owners(hashed))
    assert after == before or (after - before == {f"receive-{size}:10901"} and len(before - after) == 1)


@pytest.mark.parametrize(("size", "copies"), [(3, 1), (3, 3), (5, 2), (9, 3)])
def test_one_more_endpoint_moves_about_its_share(size: int, copies: int) -> None:
    digest = xxh64_after(b"")
    hashes = [digest(b"%d" % number) for number in range(2000)]
    before, after = (placement("ketama", one_az(number), copies) for number in (size, size + 1))
    moved = sum(set(before.owners(hashed)) != set(after.owners(hashed)) for hashed in hashes)
    assert moved / len(hashes) == pytest.approx(copies / (size + 1), rel=0.2)


@pytest.mark.parametrize("algorithm", ["hashmod", "ketama"])
def test_every_copy_has_another_owner(algorithm: ketama.Algorithm) -> None:
    for hashed in range(0, 2**64, 2**56):
        assert len(set(placement(algorithm, one_az(5), 5).owners(hashed))) == 5


sizes_of_azs = st.lists(st.integers(1, 5), min_size=1, max_size=4)


@given(sizes_of_azs, st.integers(0, 2**64 - 1))
def test_the_copies_are_spread_over_the_azs_as_evenly_as_these_allow(sizes: list[int], hashed: int) -> None:
    az_of = dict(azs(*sizes))
    for copies in range(1, holds(sizes) + 1):
        owners = placement("ketama", azs(*sizes), copies, 3).owners(hashed)
        spread = Counter(dict.fromkeys(az_of.values(), 0))
        spread.update(az_of[owner] for owner in owners)
        assert len(set(owners)) == copies
        assert max(spread.values()) <= min(spread.values()) + 1


@given(sizes_of_azs)
def test_what_azs_hold_is_where_the_rule_of_thanos_comes_to_a_stop(sizes: list[int]) -> None:
    copies = [0] * len(sizes)
    while possible := [az for az, size in enumerate(sizes) if copies[az] < size and copies[az] == min(copies)]:
        copies[possible[0]] += 1
    assert holds(sizes) == sum(copies)


@pytest.mark.parametrize(
    ("sizes", "copies"),
    [((3,), 3), ((1, 1, 1), 3), ((2, 1), 3), ((3, 1), 3), ((2, 2), 4), ((5, 5, 1), 5), ((9, 1, 1), 4)],
)
def test_the_smallest_az_limits_what_azs_hold(sizes: tuple[int, ...], copies: int) -> None:
    assert holds(sizes) == copies
