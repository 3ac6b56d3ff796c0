# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem
from ansible_collections.miribit.thanos.plugins.module_utils.report.picture import draw
from ansible_collections.miribit.thanos.plugins.module_utils.report.picture_bars import bars

_NARROWEST = 240


def audit_picture(report: dict[str, Any], width: object) -> dict[str, object]:
    """The documentation is in _audit_picture.yml."""
    if isinstance(width, bool) or not isinstance(width, int) or width < _NARROWEST:
        fix = f"give a whole number of pixels, {_NARROWEST} or more"
        raise AnsibleFilterError(str(Problem("audit_picture", f"width is {width!r}", fix)))
    try:
        return {**draw(report["clusters"], report["picture"], width), "waste": bars(report["clusters"])}
    except (AttributeError, KeyError, TypeError) as error:
        fix = "give what the filter fleet_audit_report makes"
        raise AnsibleFilterError(str(Problem("audit_picture", "what it is given is no report", fix))) from error


class FilterModule:
    def filters(self) -> dict[str, Callable[..., object]]:
        return {"_audit_picture": audit_picture}
