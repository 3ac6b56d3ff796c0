# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wrong with hashrings that can be read, and which of them takes a tenant.

Thanos Receive refuses some of it, accepts the rest and then suffers. Each reason is in docs/rings.md, and what a
receiver really does is recorded in tests/tools/test_rings.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from ansible_collections.miribit.thanos.plugins.module_utils.base.names import wrong_tenant
from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.hashring.file import (
    ALGORITHMS,
    MATCHER_TYPES,
    Hashring,
    Override,
    Reading,
)
from ansible_collections.miribit.thanos.plugins.module_utils.hashring.ketama import holds
from ansible_collections.miribit.thanos.plugins.module_utils.hashring.tenants import BadPatternError, glob

_Thing = TypeVar("_Thing")

_TENANTS = ("tenants", "tenant_matcher_type")
_ADDRESS = re.compile(r"(?P<host>[^\s/:\[\]]+|\[[0-9A-Fa-f:.]+\]):(?P<port>[0-9]{1,5})")


def check(
    reading: Reading, replication_factor: int, *, tenants: Iterable[str] = (), router_only: bool = True
) -> list[Problem]:
    """Everything that is wrong, also what could not be read. Tenants are those that each must have a ring."""
    rings = check_rings(reading, replication_factor, tenants=tenants, router_only=router_only)
    return [*reading.problems, *check_factor(replication_factor), *rings]


def check_factor(replication_factor: int) -> list[Problem]:
    """Return the problem of a replication factor that stores nothing."""
    if replication_factor >= 1:
        return []
    return [Problem(f"Replication factor {replication_factor}", "nothing would be stored", "give at least 1")]


def check_rings(
    reading: Reading, replication_factor: int, *, tenants: Iterable[str] = (), router_only: bool = True
) -> list[Problem]:
    """Return the problems of rings, as far as they could be read."""
    found: list[Problem] = []
    for place, ring in reading.where(*_TENANTS):
        found += _names(place, ring)
    for place, ring in reading.where("endpoints"):
        found += _addresses(place, ring)
    for place, ring in reading.where("endpoints", "algorithm"):
        found += unplaceable(place, ring, replication_factor)
    for place, ring in reading.where("endpoints", "algorithm", "shuffle_sharding_config"):
        found += _sharding(place, ring, replication_factor)
    for place, ring in reading.where("external_labels", *_TENANTS):
        found += _external_labels(place, ring, router_only=router_only)
    found += _same_names(reading)
    found += _shadowed(reading)
    return [*found, *_without_ring(reading, tenants)]


def warnings(reading: Reading, replication_factor: int) -> list[Problem]:
    """What works, but seldom as meant."""
    return [*factor_warnings(replication_factor), *ring_warnings(reading)]


def factor_warnings(replication_factor: int) -> list[Problem]:
    """Return the warning of an even replication factor."""
    if replication_factor % 2:
        return []
    cause = (
        "with 2 copies one stored copy is enough for the answer 200, so that an acknowledged write may exist once"
        if replication_factor == 2
        else "an even number survives no more lost endpoints than the odd one below it, and where the quorum is "
        "lost to conflicts, the answer is 500, so that senders retry for ever"
    )
    return [Problem(f"Replication factor {replication_factor}", cause, "take an odd number, usually 3")]


def ring_warnings(reading: Reading) -> list[Problem]:
    """Return the warnings of rings, whatever their replication factor."""
    found = []
    for place, ring in reading.where("endpoints", "algorithm"):
        if not ring.algorithm:
            cause = "it names no algorithm, so that each router's --receive.hashrings-algorithm decides (else hashmod)"
            found.append(Problem(place, cause, "set algorithm: ketama"))
        sizes = ring.az_sizes()
        if len(sizes) > 1 and "" in sizes:
            cause = f"{sizes['']} of {len(ring.endpoints)} endpoints name no az, which is one more AZ to Thanos"
            found.append(Problem(place, cause, "give every endpoint an az, or none"))
    return found


def ring_of(reading: Reading, tenant: str, replication_factor: int) -> tuple[str, Hashring]:
    """The ring that takes this tenant, and what messages call it. It can be placed."""
    found = [*reading.problems, *check_factor(replication_factor)]
    for place, ring in () if found else reading.where():
        if found := list(_patterns(place, ring)):
            break
        if ring.takes(tenant):
            if found := unplaceable(place, ring, replication_factor):
                break
            return place, ring
    raise ProblemError(found or list(_without_ring(reading, [tenant])))


def unplaceable(place: str, ring: Hashring, replication_factor: int) -> list[Problem]:
    """Why Thanos could not give every series of the ring its copies. Nothing may be placed before this is empty."""
    found = []
    number, sizes = len(ring.endpoints), ring.az_sizes()
    with_az = [at for at, endpoint in enumerate(ring.endpoints, 1) if endpoint.az]
    if ring.algorithm and ring.algorithm not in ALGORITHMS:
        cause = f"Thanos takes the unknown algorithm {ring.algorithm!r} for hashmod without a word"
        found.append(Problem(place, cause, "set algorithm: ketama"))
    if ring.algorithm != "ketama" and with_az:
        cause = "hashmod knows no az, and a receiver ends when it loads such a ring"
        found.append(Problem(_endpoints(place, with_az), cause, "set algorithm: ketama, or leave az out"))
    for address, same in _alike((endpoint.address, at) for at, endpoint in enumerate(ring.endpoints, 1)):
        cause = f"they are the same ({address}), so that copies of one series would meet there"
        found.append(Problem(_endpoints(place, same), cause, "leave it in once"))
    if number < replication_factor:
        result = "a receiver ends when it loads such a ring" if ring.algorithm == "ketama" else "writes fail with 500"
        cause = f"it has {number} endpoints for {replication_factor} copies; {result}"
        found.append(Problem(place, cause, "add endpoints, or lower the replication factor"))
    elif (most := holds(sizes.values())) < replication_factor:
        spread = ", ".join(f"{az or 'no az'}: {size}" for az, size in sorted(sizes.items()))
        cause = (
            f"its AZs ({spread}) hold {most} copies of a series, not {replication_factor}, because an AZ gets another "
            "copy only while none has fewer; a receiver that loads such a ring spins without end, one that has a ring "
            "keeps it and reports the new one's hash"
        )
        fix = "add endpoints to the smallest AZ, leave az out, or lower the replication factor"
        found.append(Problem(place, cause, fix))
    return found


def _alike(pairs: Iterable[tuple[str, _Thing]]) -> Iterator[tuple[str, list[_Thing]]]:
    """What more than one thing has in common, and these things."""
    groups: dict[str, list[_Thing]] = {}
    for common, thing in pairs:
        groups.setdefault(common, []).append(thing)
    return ((common, things) for common, things in groups.items() if len(things) > 1)


def _endpoints(place: str, numbers: Iterable[int]) -> str:
    return f"{place}, endpoints {', '.join(map(str, numbers))}"


def _addresses(place: str, ring: Hashring) -> Iterator[Problem]:
    for number, endpoint in enumerate(ring.endpoints, 1):
        for key, address in (("address", endpoint.address), ("capnproto_address", endpoint.capnproto_address)):
            if key == "capnproto_address" and not address:
                continue
            match = _ADDRESS.fullmatch(address)
            if match is None or not 0 < int(match["port"]) < 65536:
                what = f"{address!r} is not a host and a port" if address else "it is empty"
                fix = "write it like receive-0.receive.monitoring.svc.cluster.local:10901"
                yield Problem(f"{place}, endpoint {number}", f"{key}: {what}", fix)


def _names(place: str, ring: Hashring) -> Iterator[Problem]:
    if ring.tenant_matcher_type and ring.tenant_matcher_type not in MATCHER_TYPES:
        cause = f"the tenant_matcher_type {ring.tenant_matcher_type!r} is unknown to Thanos and never matches"
        yield Problem(place, cause, f"set one of {', '.join(MATCHER_TYPES)}")
    yield from _patterns(place, ring)
    yield from _wrong_names(place, ring.tenants)


def _patterns(place: str, ring: Hashring) -> Iterator[Problem]:
    if ring.tenant_matcher_type == "glob":
        for pattern in ring.tenants:
            if not _is_pattern(pattern):
                cause = f"the tenant {pattern!r} is not a pattern, and writes of tenants that reach it fail with 500"
                yield Problem(place, cause, "correct its brackets and backslashes")


def _is_pattern(text: str) -> bool:
    try:
        glob(text)
    except BadPatternError:
        return False
    return True


def _wrong_names(place: str, tenants: Iterable[str]) -> Iterator[Problem]:
    for tenant in tenants:
        if why := wrong_tenant(tenant):
            yield Problem(f"{place}, tenant {tenant!r}", why, "take another name")


def _sharding(place: str, ring: Hashring, replication_factor: int) -> Iterator[Problem]:
    sharding = ring.shuffle_sharding
    place = f"{place}, shuffle_sharding_config"
    if not 0 <= sharding.cache_size < 2**63:
        yield Problem(place, f"cache_size {sharding.cache_size} is out of range", "leave it out: it is then 100")
    if sharding.shard_size == 0 and (sharding.overrides or sharding.zone_awareness_disabled or sharding.cache_size):
        yield Problem(place, "without shard_size, nothing of it is used", "set shard_size, or leave all of it out")
        return
    if sharding.shard_size and ring.algorithm != "ketama":
        cause = "only ketama can shard, and a receiver ends when it loads such a ring"
        yield Problem(place, cause, "set algorithm: ketama")
        return
    if sharding.shard_size:
        yield from _shard(place, ring, sharding.shard_size, replication_factor)
    for number, override in enumerate(sharding.overrides, 1):
        where = f"{place}, override {number}"
        yield from _shard(where, ring, override.shard_size, replication_factor)
        yield from _override(where, override)


def _override(place: str, override: Override) -> Iterator[Problem]:
    if override.tenant_matcher_type not in MATCHER_TYPES:
        cause = f"the tenant_matcher_type {override.tenant_matcher_type!r} never matches here, the empty one neither"
        yield Problem(place, cause, f"set one of {', '.join(MATCHER_TYPES)}")
    if not override.tenants:
        yield Problem(place, "it names no tenants, and matches none", "name them, or take it away")
    yield from _wrong_names(place, override.tenants)
    if override.tenant_matcher_type == "glob":
        for pattern in override.tenants:
            if not _is_pattern(pattern):
                cause = f"the tenant {pattern!r} is not a pattern and never matches"
                yield Problem(place, cause, "correct its brackets and backslashes")


def _shard(place: str, ring: Hashring, size: int, replication_factor: int) -> Iterator[Problem]:
    """A shard is drawn when its tenant first writes: what is wrong with it fails there, not when the ring is loaded."""
    zone_aware = not ring.shuffle_sharding.zone_awareness_disabled
    sizes = ring.az_sizes()
    groups = sizes if zone_aware else {"": len(ring.endpoints)}
    if size < 1 or not sizes:
        yield Problem(place, f"shard_size {size} is not possible", "give at least the replication factor")
        return
    of_each = -(-size // len(groups))
    drawn = of_each * len(groups)
    az, least = min(groups.items(), key=lambda group: (group[1], group[0]))
    if of_each > least:
        where = f"AZ {az}" if az else "the ring"
        cause = f"shard_size {size} draws {of_each} endpoints of {where}, which has {least}; writes fail with 500"
        yield Problem(place, cause, "lower it, or add endpoints")
    elif drawn < replication_factor:
        cause = f"shard_size {size} draws {drawn} endpoints for {replication_factor} copies; writes fail with 500"
        yield Problem(place, cause, "raise it")
    elif not zone_aware:
        most = _least_that_holds(sorted(sizes.values(), reverse=True), size, replication_factor)
        if most < replication_factor:
            cause = (
                f"shard_size {size} can draw endpoints that hold {most} copies, not {replication_factor}; writes hang"
            )
            yield Problem(place, cause, "raise it, or leave zone_awareness_disabled out")


def _least_that_holds(sizes: Sequence[int], shard: int, enough: int) -> int:
    """How many copies the worst draw of a shard from AZs of these sizes (the largest first) holds, at most enough.

    Of the AZs that a draw touches, the one that gives fewest endpoints holds as many copies, and one that gives more
    holds one copy more.
    """
    copies_of_draws = (
        number * fewest + fuller
        for fewest in range(1, min(enough, sizes[0] + 1))
        for number in range(1, min(sum(size >= fewest for size in sizes), enough // fewest) + 1)
        for fuller in range(sum(size > fewest for size in sizes[: number - 1]) + 1)
        if number * fewest + fuller <= shard <= (number - fuller) * fewest + sum(sizes[:fuller])
    )
    return min((enough, *copies_of_draws))


def _external_labels(place: str, ring: Hashring, *, router_only: bool) -> Iterator[Problem]:
    if not ring.external_labels:
        return
    place = f"{place}, external_labels"
    if router_only:
        cause = "they act only where an ingestor loads the ring, and routers alone do here"
        yield Problem(place, cause, "give the labels to the ingestors by --label")
    elif not ring.tenants or ring.tenant_matcher_type == "glob":
        cause = "Thanos gives them to the tenants that the ring names exactly, and it names none"
        yield Problem(place, cause, "name the tenants, or give the labels to the ingestors by --label")


def _same_names(reading: Reading) -> Iterator[Problem]:
    for name, places in _alike((ring.name, place) for place, ring in reading.where("hashring")):
        cause = f"their name is the same ({name!r}), so that the metrics of one stand for all"
        yield Problem(" and ".join(places), cause, "give each its own name (hashring)")


def _shadowed(reading: Reading) -> Iterator[Problem]:
    catch_all = ""
    exact: dict[str, str] = {}
    patterns: dict[str, str] = {}
    for place, ring in reading.where(*_TENANTS):
        is_glob = ring.tenant_matcher_type == "glob"
        if catch_all:
            yield Problem(place, f"it gets nothing: {catch_all} takes every tenant", f"put it before {catch_all}")
            continue
        if any(_patterns(place, ring)) or ring.tenant_matcher_type not in {"", *MATCHER_TYPES}:
            continue
        for tenant in ring.tenants:
            if is_glob:
                other = patterns.get(tenant)
            else:
                matching = (owner for pattern, owner in patterns.items() if glob(pattern).matches(tenant))
                other = exact.get(tenant) or next(matching, None)
            if other:
                cause = f"it never gets the tenant {tenant!r}: {other} does"
                yield Problem(place, cause, "leave it in one of both")
        known = patterns if is_glob else exact
        for tenant in ring.tenants:
            known.setdefault(tenant, place)
        if not ring.tenants or (is_glob and "*" in ring.tenants):
            catch_all = place


def _without_ring(reading: Reading, tenants: Iterable[str]) -> Iterator[Problem]:
    rings = [ring for place, ring in reading.where(*_TENANTS) if not any(_patterns(place, ring))]
    # A ring that cannot be read may be the one that takes a tenant.
    all_known = len(rings) == len(reading.rings) > 0
    for tenant in tenants:
        if why := wrong_tenant(tenant):
            yield Problem(f"Tenant {tenant!r}", why, "take another name")
        elif all_known and not any(ring.takes(tenant) for ring in rings):
            cause = "no ring takes it, and each of its writes fails with 500"
            yield Problem(f"Tenant {tenant!r}", cause, "name it in a ring, or end with a ring without tenants")
