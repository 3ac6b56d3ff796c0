# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.miribit.thanos.plugins.module_utils.agent.coverage import coverage


def target_coverage(edge: Mapping[str, Any], agent: str, accept: Sequence[str] = ()) -> dict[str, object]:
    """The documentation is in _target_coverage.yml."""
    return coverage(edge, agent, accept).as_dict()


class FilterModule:
    def filters(self) -> dict[str, Callable[..., object]]:
        return {"_target_coverage": target_coverage}
