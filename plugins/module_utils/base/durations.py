# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Durations in Prometheus' syntax, such as 1m30s."""

from __future__ import annotations

import re

# Durations, as ParseDuration in model/time.go of Prometheus' common library reads them (0.67.5, as Thanos 0.42.4):
# whole numbers with units, the largest first, each unit once. "0" needs no unit. More than 2^63 ns are out of range.
_MILLISECONDS = {
    "y": 31_536_000_000,
    "w": 604_800_000,
    "d": 86_400_000,
    "h": 3_600_000,
    "m": 60_000,
    "s": 1000,
    "ms": 1,
}
_DURATION = re.compile("".join(f"(?:(?P<{unit}>[0-9]{{1,19}}){unit})?" for unit in _MILLISECONDS))
_LONGEST = 2**63 // 10**6


def milliseconds(text: str) -> int | None:
    """Return the length of a duration; None if it is invalid."""
    match = _DURATION.fullmatch(text)
    if text == "0" or not text or match is None:
        return 0 if text == "0" else None
    length = sum(int(number) * _MILLISECONDS[unit] for unit, number in match.groupdict().items() if number)
    return length if length <= _LONGEST else None


def seconds(text: str) -> float | None:
    """Return the length of a duration; None if it is invalid."""
    length = milliseconds(text)
    return None if length is None else length / 1000
