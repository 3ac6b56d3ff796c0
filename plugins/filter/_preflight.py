# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from ansible_collections.miribit.thanos.plugins.module_utils.fleet.preflight import preflight as judged


def preflight(results: Mapping[str, object], edges: Collection[str], skip_away: bool = False) -> dict[str, object]:
    """The documentation is in _preflight.yml."""
    found = judged({**results}, [*edges], skip_away=skip_away)
    return {
        "message": found.message,
        "warnings": [warning.as_dict() for warning in found.warnings],
        "left_out": dict(found.left_out),
    }


class FilterModule:
    def filters(self) -> dict[str, Callable[..., object]]:
        return {"_preflight": preflight}
