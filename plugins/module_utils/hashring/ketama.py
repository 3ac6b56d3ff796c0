# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which endpoints of a hashring Thanos Receive gives a series to, bit for bit as Thanos 0.42 computes it."""

from __future__ import annotations

import functools
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable
from struct import Struct
from typing import Literal, Protocol

Algorithm = Literal["hashmod", "ketama"]

# SectionsPerNode in Thanos' pkg/receive/hashring.go.
SECTIONS = 1000

_MASK = 0xFFFFFFFFFFFFFFFF
_PRIME_1 = 0x9E3779B185EBCA87
_PRIME_2 = 0xC2B2AE3D27D4EB4F
_PRIME_3 = 0x165667B19E3779F9
_PRIME_4 = 0x85EBCA77C2B2AE63
_PRIME_5 = 0x27D4EB2F165667C5

_STRIPE = Struct("<4Q")
# What is left after the last whole stripe, by its length: words of eight bytes, at most one of four, single bytes.
_TAILS = tuple(Struct(f"<{length >> 3}Q{length >> 2 & 1}I{length & 3}B") for length in range(_STRIPE.size))

_Accumulators = tuple[int, int, int, int]
_SEED: _Accumulators = ((_PRIME_1 + _PRIME_2) & _MASK, _PRIME_2, 0, -_PRIME_1 & _MASK)


def xxh64_after(prefix: bytes) -> Callable[[bytes], int]:
    """XXH64 with seed 0 of this prefix and whatever the function that is returned is given.

    The prefix is hashed once: the sections of an endpoint differ only in their last bytes.
    """
    whole = len(prefix) // _STRIPE.size * _STRIPE.size
    accumulators = _absorb(_SEED, prefix[:whole])
    merged = _merge(accumulators) if whole else _PRIME_5
    rest = prefix[whole:]

    def digest(suffix: bytes) -> int:
        tail = rest + suffix
        state = merged
        length = whole + len(tail)
        if len(tail) >= _STRIPE.size:
            more = len(tail) // _STRIPE.size * _STRIPE.size
            state = _merge(_absorb(accumulators, tail[:more]))
            tail = tail[more:]
        return _finish(state + length & _MASK, tail)

    return digest


# A shift that is followed by a product or a sum is not masked: what is above 64 bits does not reach what is below.


def _absorb(accumulators: _Accumulators, stripes: bytes) -> _Accumulators:
    a, b, c, d = accumulators
    for word_a, word_b, word_c, word_d in _STRIPE.iter_unpack(stripes):
        a = a + word_a * _PRIME_2 & _MASK
        b = b + word_b * _PRIME_2 & _MASK
        c = c + word_c * _PRIME_2 & _MASK
        d = d + word_d * _PRIME_2 & _MASK
        a = (a << 31 | a >> 33) * _PRIME_1 & _MASK
        b = (b << 31 | b >> 33) * _PRIME_1 & _MASK
        c = (c << 31 | c >> 33) * _PRIME_1 & _MASK
        d = (d << 31 | d >> 33) * _PRIME_1 & _MASK
    return a, b, c, d


def _merge(accumulators: _Accumulators) -> int:
    a, b, c, d = accumulators
    state = (a << 1 | a >> 63) + (b << 7 | b >> 57) + (c << 12 | c >> 52) + (d << 18 | d >> 46) & _MASK
    for accumulator in accumulators:
        word = accumulator * _PRIME_2 & _MASK
        state ^= (word << 31 | word >> 33) * _PRIME_1 & _MASK
        state = state * _PRIME_1 + _PRIME_4 & _MASK
    return state


def _finish(state: int, tail: bytes) -> int:
    length = len(tail)
    parts = _TAILS[length].unpack(tail)
    words = length >> 3
    for word in parts[:words]:
        mixed = word * _PRIME_2 & _MASK
        state ^= (mixed << 31 | mixed >> 33) * _PRIME_1 & _MASK
        state = (state << 27 | state >> 37) * _PRIME_1 + _PRIME_4 & _MASK
    if length & 4:
        state ^= parts[words] * _PRIME_1 & _MASK
        state = (state << 23 | state >> 41) * _PRIME_2 + _PRIME_3 & _MASK
        words += 1
    for byte in parts[words:]:
        state ^= byte * _PRIME_5 & _MASK
        state = (state << 11 | state >> 53) * _PRIME_1 & _MASK
    state = (state ^ state >> 33) * _PRIME_2 & _MASK
    state = (state ^ state >> 29) * _PRIME_3 & _MASK
    return state ^ state >> 32


def series_hash(tenant: str) -> Callable[[Iterable[tuple[str, str]]], int]:
    """The hash of a series of this tenant, from its labels in the order in which they are sent."""
    digest = xxh64_after(tenant.encode() + b"\xff")

    def of_labels(labels: Iterable[tuple[str, str]]) -> int:
        return digest(b"".join([b"%b\xff%b\xff" % (name.encode(), value.encode()) for name, value in labels]))

    return of_labels


class Placement(Protocol):
    def owners(self, hashed: int) -> tuple[str, ...]:
        """The addresses that hold a series with this hash, the one of copy 0 first."""


@functools.lru_cache(maxsize=8)
def placement(
    algorithm: Algorithm, endpoints: tuple[tuple[str, str], ...], replication_factor: int, sections: int = SECTIONS
) -> Placement:
    """Of a ring whose endpoints are pairs of address and AZ. The same ring is built once."""
    if algorithm == "hashmod":
        return _Hashmod([endpoint[0] for endpoint in endpoints], replication_factor)
    return _Ketama(endpoints, replication_factor, sections)


class _Hashmod:
    def __init__(self, addresses: list[str], replication_factor: int) -> None:
        self._addresses = sorted(addresses)
        self._copies = range(replication_factor)

    def owners(self, hashed: int) -> tuple[str, ...]:
        addresses = self._addresses
        # In Thanos the sum is a uint64 and overflows.
        return tuple(addresses[(hashed + copy & _MASK) % len(addresses)] for copy in self._copies)


class _Ketama:
    def __init__(self, endpoints: tuple[tuple[str, str], ...], replication_factor: int, sections: int) -> None:
        suffixes = [b"%d" % number for number in range(1, sections + 1)]
        ring = {
            section: index
            for index, endpoint in enumerate(endpoints)
            for section in map(xxh64_after(f"{endpoint[0]}:".encode()), suffixes)
        }
        self._sections = sorted(ring)
        self._endpoint_of = [ring[section] for section in self._sections]
        self._endpoints = endpoints
        self._azs = {endpoint[1] for endpoint in endpoints}
        self._replication_factor = replication_factor
        self._known: dict[int, tuple[str, ...]] = {}

    def owners(self, hashed: int) -> tuple[str, ...]:
        first = bisect_left(self._sections, hashed) % len(self._sections)
        # Thanos walks for every section at start; only those that series fall into are needed here.
        if (known := self._known.get(first)) is None:
            known = self._known[first] = self._walk(first)
        return known

    def _walk(self, section: int) -> tuple[str, ...]:
        """Ends only for a ring that holds that many copies: see holds()."""
        chosen: list[int] = []
        copies = dict.fromkeys(self._azs, 0)
        while len(chosen) < self._replication_factor:
            index = self._endpoint_of[section]
            section = (section + 1) % len(self._endpoint_of)
            az = self._endpoints[index][1]
            if index not in chosen and copies[az] == min(copies.values()):
                chosen.append(index)
                copies[az] += 1
        return tuple(self._endpoints[index][0] for index in chosen)


def holds(sizes: Collection[int]) -> int:
    """How many copies of a series fit into AZs with these numbers of endpoints.

    An AZ gets another copy only while none has fewer. So once the smallest AZ is full, the others get one more each.
    """
    most = min(sizes, default=0) + 1
    return sum(min(size, most) for size in sizes)
