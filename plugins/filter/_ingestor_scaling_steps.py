# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ansible_collections.miribit.thanos.plugins.module_utils.receive.scaling import read, steps


def ingestor_scaling_steps(wanted: Sequence[dict[str, Any]], running: Sequence[dict[str, Any]]) -> dict[str, object]:
    """The documentation is in _ingestor_scaling_steps.yml."""
    return {**steps(list(wanted), [read(item) for item in running])}


class FilterModule:
    def filters(self) -> dict[str, Callable[..., object]]:
        return {"_ingestor_scaling_steps": ingestor_scaling_steps}
