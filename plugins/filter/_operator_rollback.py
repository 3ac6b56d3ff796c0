# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.miribit.thanos.plugins.module_utils.agent.handover import back


def operator_rollback(
    edge: Mapping[str, Any],
    name: str,
    namespace: str,
    found: Mapping[str, Any] | None = None,
    remembered: Mapping[str, Any] | None = None,
) -> dict[str, object]:
    """The documentation is in _operator_rollback.yml."""
    return back(edge, name, namespace, found, remembered or {}).as_dict()


class FilterModule:
    def filters(self) -> dict[str, Callable[..., object]]:
        return {"_operator_rollback": operator_rollback}
