# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long the bars of the waste of an audited fleet are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypedDict


class Amounts(TypedDict):
    """Bytes, None where unknown."""

    memory_request: int | None
    memory_used: int | None
    storage: int | None


class ClusterAmounts(TypedDict):
    """Of a cluster of the report, what bars need."""

    name: str
    seen: bool
    kept: Amounts
    waste: Amounts


@dataclass(frozen=True)
class _Bar:
    """What is kept, and after it what is waste."""

    kept: int | None
    waste: int | None

    @property
    def total(self) -> int | None:
        return None if self.kept is None and self.waste is None else (self.kept or 0) + (self.waste or 0)

    def shown(self, longest: int) -> dict[str, object]:
        """With its parts as percentages of the longest bar."""
        scale = 100 / longest if longest else 0
        return {
            "kept": self.kept,
            "waste": self.waste,
            "total": self.total,
            "kept_width": round((self.kept or 0) * scale, 2),
            "waste_width": round((self.waste or 0) * scale, 2),
        }


def bars(clusters: Sequence[ClusterAmounts]) -> list[dict[str, object]]:
    """Of each cluster that was seen. Memory, as requested and as used, has one scale, and storage another."""
    seen = [cluster for cluster in clusters if cluster["seen"]]
    requested = [_Bar(one["kept"]["memory_request"], one["waste"]["memory_request"]) for one in seen]
    used = [_Bar(one["kept"]["memory_used"], one["waste"]["memory_used"]) for one in seen]
    storage = [_Bar(one["kept"]["storage"], one["waste"]["storage"]) for one in seen]
    most_memory, most_storage = _longest([*requested, *used]), _longest(storage)
    return [
        {
            "cluster": cluster["name"],
            "memory_request": requested[number].shown(most_memory),
            "memory_used": used[number].shown(most_memory),
            "storage": storage[number].shown(most_storage),
        }
        for number, cluster in enumerate(seen)
    ]


def _longest(found: Iterable[_Bar]) -> int:
    return max((one.total or 0 for one in found), default=0)
