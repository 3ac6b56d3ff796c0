# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.miribit.thanos.plugins.module_utils.agent.handover import Wish, plan
from ansible_collections.miribit.thanos.plugins.module_utils.agent.operator import Secrets
from ansible_collections.miribit.thanos.plugins.plugin_utils.base_yaml import YAML


def operator_handover(
    edge: Mapping[str, Any],
    wish: Mapping[str, Any],
    found: Mapping[str, Any] | None = None,
    remembered: Mapping[str, Any] | None = None,
    *,
    knows_kind: bool = True,
) -> dict[str, object]:
    """The documentation is in _operator_handover.yml."""
    secrets = Secrets(wish.get("credentials_secret", ""), wish.get("username_secret", ""))
    names = ("credentials_secret", "username_secret")
    wanted = Wish(secrets=secrets, **{key: value for key, value in wish.items() if key not in names})
    return plan(edge, wanted, found, remembered or {}, YAML, knows_kind=knows_kind).as_dict()


class FilterModule:
    def filters(self) -> dict[str, Callable[..., object]]:
        return {"_operator_handover": operator_handover}
