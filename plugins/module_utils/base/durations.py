# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Durations in Prometheus' syntax, such as 1m30s."""

from __future__ import annotations

import re

_UNITS = {"y": 31_536_000.0, "w": 604_800.0, "d": 86_400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_DURATION = re.compile("".join(f"(?:([0-9]{{1,9}}){unit})?" for unit in _UNITS))


def seconds(text: str) -> float | None:
    """Return the length of a duration; None if it is invalid."""
    match = _DURATION.fullmatch(text)
    if not match or not text:
        return None
    return sum(int(number) * unit for number, unit in zip(match.groups("0"), _UNITS.values(), strict=True))
