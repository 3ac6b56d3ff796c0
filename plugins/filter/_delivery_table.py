# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.gate.delivery_table import earlier, table


def delivery_table(edges: list[dict[str, Any]], before: object = None) -> list[str]:
    """The documentation is in _delivery_table.yml."""
    try:
        return table(edges, earlier(before) if before else None)
    except ProblemError as error:
        raise AnsibleFilterError(str(error)) from error
    except (AttributeError, KeyError, TypeError) as error:
        fix = "give what the filter _delivery_report makes"
        raise AnsibleFilterError(str(Problem("delivery_table", "what it is given is no report", fix))) from error


class FilterModule:
    def filters(self) -> dict[str, Callable[..., object]]:
        return {"_delivery_table": delivery_table}
