# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Callable

from ansible.errors import AnsibleFilterError
from ansible.utils.display import Display

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.remote_write.spec import plan


def remote_write(spec: object) -> dict[str, object]:
    """The documentation is in remote_write.yml."""
    try:
        planned = plan(spec)
    except ProblemError as error:
        raise AnsibleFilterError(str(error)) from error
    for warning in planned.warnings():
        Display().warning(str(warning))
    return planned.as_dict()


class FilterModule:
    def filters(self) -> dict[str, Callable[..., object]]:
        return {"remote_write": remote_write}
