# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Callable

from ansible.errors import AnsibleFilterError

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.report.report import report


def fleet_audit_report(facts: object, settings: object) -> dict[str, object]:
    """The documentation is in fleet_audit_report.yml."""
    try:
        return report(facts, settings)
    except ProblemError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    def filters(self) -> dict[str, Callable[..., object]]:
        return {"fleet_audit_report": fleet_audit_report}
