# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.miribit.thanos.plugins.module_utils.agent.exporters import decide
from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import ProblemError


def edge_exporters(edge: Mapping[str, Any], choices: Mapping[str, object]) -> dict[str, object]:
    """The documentation is in _edge_exporters.yml."""
    try:
        return decide(edge, choices).as_dict()
    except ProblemError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    def filters(self) -> dict[str, Callable[..., object]]:
        return {"_edge_exporters": edge_exporters}
