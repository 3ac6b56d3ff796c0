# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What components take of memory and storage, and what that costs where prices are given."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from ansible_collections.miribit.thanos.plugins.module_utils.kube.claims import Volume
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.components import Component
from ansible_collections.miribit.thanos.plugins.module_utils.report.cluster import SIDECAR

GIB = 1024**3


@dataclass(frozen=True)
class Prices:
    """For a GiB and a month, None where nobody has given one."""

    memory: float | None = None
    storage: float | None = None
    currency: str = "USD"


@dataclass(frozen=True)
class Amounts:
    """Bytes of one component or of several. Of several it is at least so much: what is not known of one is left out.

    None where it is known of none.
    """

    memory_request: int | None
    memory_used: int | None
    #: Of each component the larger one of the two, since a node has to have both what is asked for and what is used.
    memory: int | None
    storage: int | None

    def cost(self, prices: Prices) -> float | None:
        """Of a month. None where there is no price for it, or nothing is known."""
        parts = [(self.memory, prices.memory), (self.storage, prices.storage)]
        known = [size / GIB * price for size, price in parts if size is not None and price is not None]
        return round(sum(known), 2) if known else None

    def as_dict(self, prices: Prices) -> dict[str, object]:
        return {
            "memory_request": self.memory_request,
            "memory_used": self.memory_used,
            "memory": self.memory,
            "storage": self.storage,
            "cost": self.cost(prices),
        }


UNKNOWN = Amounts(None, None, None, None)


def amounts(components: Collection[Component]) -> Amounts:
    """What components of one cluster take together."""
    if not components:
        return Amounts(0, 0, 0, 0)
    claimed = claims(components)
    return total(_of(component, claimed.get(component.id)) for component in components)


def of_volumes(volumes: Iterable[Volume]) -> Amounts:
    """What volumes take that no component has."""
    return Amounts(None, None, None, _sum(volume.size for volume in volumes))


def by_component(components: Collection[Component]) -> dict[str, Amounts]:
    """What each component of one cluster takes, by its id."""
    claimed = claims(components)
    return {component.id: _of(component, claimed.get(component.id)) for component in components}


def total(several: Iterable[Amounts]) -> Amounts:
    parts = list(several)
    return Amounts(
        memory_request=_sum(part.memory_request for part in parts),
        memory_used=_sum(part.memory_used for part in parts),
        memory=_sum(part.memory for part in parts),
        storage=_sum(part.storage for part in parts),
    )


def size(count: float) -> str:
    """Bytes in words."""
    return f"{count / GIB:.1f} GiB" if count >= GIB else f"{count / 1024**2:.0f} MiB"


def share(less: int | None, whole: int | None) -> float | None:
    """Which part of the whole it is."""
    return None if less is None or not whole else round(less / whole, 4)


def claims(components: Iterable[Component]) -> dict[str, tuple[Volume, ...]]:
    """The volumes of each component, by its id; none where they are not known.

    A sidecar mounts what its Prometheus stores, and that is counted once: where the other component is.
    """
    found: dict[str, tuple[Volume, ...]] = {}
    counted: set[tuple[str, str]] = set()
    for component in sorted(components, key=lambda one: (one.kind == SIDECAR, one.id)):
        if component.volumes is not None:
            own = {volume.key: volume for volume in component.volumes if volume.key not in counted}
            counted |= own.keys()
            found[component.id] = tuple(own.values())
    return found


def _of(component: Component, volumes: tuple[Volume, ...] | None) -> Amounts:
    asked, pods = component.memory_request, component.wanted
    if pods is None and component.pods is not None:
        pods = len(component.pods)
    request = None if asked is None or pods is None else asked * pods
    storage = None if volumes is None else _sum(volume.size for volume in volumes)
    return Amounts(
        memory_request=request,
        memory_used=component.memory_used,
        memory=max((size for size in (request, component.memory_used) if size is not None), default=None),
        storage=0 if volumes == () else storage,
    )


def _sum(sizes: Iterable[int | None]) -> int | None:
    known = [size for size in sizes if size is not None]
    return sum(known) if known else None
