# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A check of a gate: what is asked for, what was seen, and how it is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.config import Config
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.targets import TargetKey
from ansible_collections.miribit.thanos.plugins.module_utils.remote_write.model import TENANT_HEADER

_MOST_PARTS = 3


@dataclass(frozen=True)
class Wanted:
    """What a gate asks for. What is None is not asked."""

    config: Config | None = None
    pods: int | None = None
    targets_before: frozenset[TargetKey] | None = None
    max_lag: float = 30.0
    hold: float = 30.0
    #: Whether it is known from before that the endpoint has taken samples.
    delivered_before: bool = False
    #: The part by which the receiver's count may differ from the agent's.
    tolerance: float | None = None
    tenant_header: str = TENANT_HEADER
    default_tenant: str = "default-tenant"


@dataclass(frozen=True)
class Check:
    """What was observed, and what must be. None is neither well nor not: it was not asked, or cannot be known."""

    name: str
    observed: str
    threshold: str
    ok: bool | None
    why: str
    required: bool = True
    #: The same as observed, in numbers that do not change at every look.
    brief: str = ""

    def as_dict(self) -> dict[str, object]:
        names = ("name", "observed", "threshold", "ok", "why", "required")
        return {name: getattr(self, name) for name in names}

    @property
    def stops(self) -> bool:
        return self.required and self.ok is False

    @property
    def line(self) -> str:
        return f"{self.name}: {self.brief or self.observed}; must be: {self.threshold}"


@dataclass(frozen=True)
class Part:
    """What a check has seen of one pod, queue, target or tenant."""

    name: str
    text: str
    ok: bool | None
    brief: str = ""


def check(
    name: str, parts: Sequence[Part], threshold: str, why: str, *, summary: str = "", required: bool = True
) -> Check:
    """One check of many parts: what is not well is told, else the summary, else what is known of all."""
    bad = [part for part in parts if part.ok is False]
    told = bad or parts
    if not told:
        return Check(name, "not asked", threshold, None, why, required)
    ok = False if bad else True if any(part.ok for part in parts) else None
    observed = summary if summary and not bad else _join(told, lambda part: part.text)
    return Check(name, observed, threshold, ok, why, required, _join(told, lambda part: part.brief or part.text))


def _join(parts: Sequence[Part], text: Callable[[Part], str]) -> str:
    shown = [f"{part.name}: {text(part)}" if part.name else text(part) for part in parts[:_MOST_PARTS]]
    more = len(parts) - len(shown)
    return "; ".join(shown) + (f"; and {more} more" if more else "")


def about(count: float) -> str:
    """Two digits of a number."""
    return f"{float(f'{count:.2g}'):,.0f}"


def span(seconds: float) -> str:
    """A time in round numbers."""
    if seconds < 120:
        return f"{round(seconds, -1):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
