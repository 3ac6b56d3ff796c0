# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import ClassVar

from ansible_collections.miribit.thanos.plugins.module_utils.kube.session import access_spec
from ansible_collections.miribit.thanos.plugins.module_utils.migration import processes
from ansible_collections.miribit.thanos.plugins.module_utils.migration.keeper import lock_of
from ansible_collections.miribit.thanos.plugins.module_utils.migration.lease import LOCK_NAME
from ansible_collections.miribit.thanos.plugins.plugin_utils.cluster_action import Result, Spec
from ansible_collections.miribit.thanos.plugins.plugin_utils.polling import PollingAction


class ActionModule(PollingAction):
    """The documentation is in the module migration_lock."""

    spec: ClassVar[Spec] = {
        **access_spec(),
        "namespace": {"type": "str", "required": True},
        "name": {"type": "str", "default": LOCK_NAME},
        # Without suboptions: Ansible would stop at the first that is wrong.
        "run": {"type": "dict", "required": True},
        "state": {"type": "str", "choices": ["acquired", "held", "released"], "default": "acquired"},
        "duration": {"type": "int", "default": 60},
        "timeout": {"type": "float", "default": 300},
        "interval": {"type": "float", "default": 5},
    }

    def look(self, options: Result, *, final: bool) -> Result:
        lock = lock_of(options, check_mode=self.check_mode)
        match options["state"]:
            case "acquired":
                state = lock.acquire(options["duration"], processes.started, final=final)
            case "held":
                state = lock.held()
            case _:
                state = lock.release()
        return state.as_dict()
