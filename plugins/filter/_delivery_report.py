# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Callable, Mapping

from ansible.errors import AnsibleFilterError

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem
from ansible_collections.miribit.thanos.plugins.module_utils.gate.delivery_table import edges


def delivery_report(results: object) -> list[dict[str, object]]:
    """The documentation is in _delivery_report.yml."""
    if not isinstance(results, Mapping):
        fix = "give a mapping of the names of edges to what the module delivery_info has returned"
        raise AnsibleFilterError(str(Problem("delivery_report", "what it is given is no mapping", fix)))
    return edges(results)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., object]]:
        return {"_delivery_report": delivery_report}
