# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a change of the hashrings does to the series, and whether it can be made in one step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem
from ansible_collections.miribit.thanos.plugins.module_utils.hashring.file import Hashring
from ansible_collections.miribit.thanos.plugins.module_utils.hashring.rules import unplaceable

# Hashes of series are spread evenly, whatever the series are. So are the multiples of this odd number near 2^64 divided
# by the golden ratio, and far more evenly than as many random ones: the shares below are exact to a few per mille.
_STEP = 0x9E3779B97F4A7C15
_SAMPLES = 10_000
_HASHES = tuple(number * _STEP % 2**64 for number in range(_SAMPLES))


@dataclass(frozen=True)
class RingChange:
    """One ring before and after; None where it comes or goes.

    Nothing can be said about a side that does not exist, cannot be placed, or is drawn at random by shuffle sharding.
    """

    name: str
    before: Hashring | None
    after: Hashring | None
    replication_factor: int

    def as_dict(self) -> dict[str, object]:
        owners = [self._owners(ring) for ring in (self.before, self.after)]
        az_of = [
            {endpoint.address: endpoint.az for endpoint in ring.endpoints} if ring else {}
            for ring in (self.before, self.after)
        ]
        moved = [set(old) != set(new) for old, new in zip(*owners, strict=False)]
        loads = [Counter(address for copies in side for address in copies) for side in owners]
        az_loads = [
            Counter(az[address] for copies in side for address in copies)
            for side, az in zip(owners, az_of, strict=True)
        ]
        return {
            "name": self.name,
            "moved": sum(moved) / _SAMPLES if moved else None,
            "endpoints": [
                {"address": address, "az": az, **_shares(loads, address)}
                for address, az in sorted((az_of[0] | az_of[1]).items())
            ],
            "azs": [{"az": az, **_shares(az_loads, az)} for az in sorted({*az_of[0].values(), *az_of[1].values()})],
        }

    def _owners(self, ring: Hashring | None) -> Sequence[tuple[str, ...]]:
        if ring is None or ring.shuffle_sharding.shard_size or unplaceable("", ring, self.replication_factor):
            return ()
        placement = ring.placement(self.replication_factor)
        return [placement.owners(hashed) for hashed in _HASHES]

    def changes_placement(self) -> bool:
        """Whether more than its name and its tenants changes."""
        sides = [
            ring and replace(ring, name="", tenants=(), tenant_matcher_type="") for ring in (self.before, self.after)
        ]
        return sides[0] != sides[1]


def _shares(loads: Sequence[Counter[str]], key: str) -> dict[str, float]:
    before, after = loads
    return {"before": before[key] / _SAMPLES, "after": after[key] / _SAMPLES}


def ring_changes(before: Sequence[Hashring], after: Sequence[Hashring], replication_factor: int) -> list[RingChange]:
    """A ring is the same by its name, or else, where it is renamed, by its tenants."""
    left = list(before)

    def take(is_same: Callable[[Hashring, Hashring], bool], ring: Hashring) -> Hashring | None:
        earlier = next((other for other in left if is_same(other, ring)), None)
        if earlier is not None:
            left.remove(earlier)
        return earlier

    by_name = [take(lambda a, b: a.name == b.name, ring) for ring in after]
    pairs = [
        (
            earlier
            or take(lambda a, b: (a.tenants, a.tenant_matcher_type) == (b.tenants, b.tenant_matcher_type), ring),
            ring,
        )
        for earlier, ring in zip(by_name, after, strict=True)
    ]
    return [
        *(RingChange(ring.name, earlier, ring, replication_factor) for earlier, ring in pairs),
        *(RingChange(ring.name, ring, None, replication_factor) for ring in left),
    ]


def hazards(changes: Sequence[RingChange], ready: Collection[str] | None) -> Iterator[Problem]:
    """Why the change should not be made in one step. Ready are the addresses of endpoints whose pods are Ready."""
    if any(change.before != change.after for change in changes):
        sharded = [
            {ring.name for ring in side if ring is not None and ring.shuffle_sharding.shard_size}
            for side in ([change.before for change in changes], [change.after for change in changes])
        ]
        for name in sorted(sharded[0] & sharded[1]):
            cause = (
                "a receiver that shards its tenants ends when it loads the file again with the ring under the same name"
            )
            yield Problem(_subject(name), cause, "give the ring another name in the same step")
    changed = [change for change in changes if change.changes_placement()]
    if len(changed) > 1:
        names = ", ".join(_subject(change.name) for change in changed)
        cause = f"{len(changed)} rings change at once ({names})"
        yield Problem("Change", cause, "change one ring, wait until every router has it, then the next one")
    for change in changed:
        subject = _subject(change.name)
        before = {endpoint.address for endpoint in change.before.endpoints} if change.before else set()
        after = {endpoint.address for endpoint in change.after.endpoints} if change.after else set()
        if change.before and change.after and before - after and after - before:
            cause = f"endpoints come ({len(after - before)}) while others go ({len(before - after)})"
            fix = "add the new ones, wait until every router has them, then take the others away"
            yield Problem(subject, cause, fix)
        for address in sorted(after - before - set(ready or ())):
            cause = f"nothing shows that the pod of the new endpoint {address} is Ready"
            yield Problem(subject, cause, "start it, wait until it is Ready, and name its address in 'ready'")
        if ready is not None and change.after and len(after & set(ready)) < change.replication_factor:
            cause = (
                f"{len(after & set(ready))} of its {len(after)} endpoints are Ready, which is below the replication "
                f"factor {change.replication_factor}"
            )
            yield Problem(subject, cause, "bring the others up first")


def _subject(name: str) -> str:
    return f"Ring {name}" if name else "Ring without a name"
