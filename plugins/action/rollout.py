# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from datetime import UTC, datetime
from typing import ClassVar

from ansible_collections.miribit.thanos.plugins.module_utils.kube.session import access_spec
from ansible_collections.miribit.thanos.plugins.module_utils.rollout.state import RESOURCES
from ansible_collections.miribit.thanos.plugins.module_utils.rollout.watch import look
from ansible_collections.miribit.thanos.plugins.plugin_utils.cluster_action import FailedError, Result, Spec
from ansible_collections.miribit.thanos.plugins.plugin_utils.polling import PollingAction


class ActionModule(PollingAction):
    """The documentation is in the module rollout."""

    spec: ClassVar[Spec] = {
        **access_spec(),
        "namespace": {"type": "str", "required": True},
        "workloads": {
            "type": "list",
            "elements": "dict",
            "required": True,
            "options": {
                "kind": {"type": "str", "choices": list(RESOURCES), "required": True},
                "name": {"type": "str", "required": True},
            },
        },
        "ring": {
            "type": "dict",
            "options": {
                "config_hash": {"type": "int", "required": True},
                "selector": {"type": "str", "required": True},
                "port": {"type": "int", "default": 10902},
            },
        },
        "timeout": {"type": "float", "default": 600},
        "interval": {"type": "float", "default": 3},
        "lock": {"type": "dict"},
        "since": {"type": "str"},
    }

    def work(self, options: Result) -> Result:
        # What is older is from before what is waited for, and can have been mended.
        return super().work({**options, "since": options["since"] or datetime.now(UTC).isoformat()})

    def look(self, options: Result, *, final: bool) -> Result:
        return look_at(options, wait=not self.check_mode, final=final)


def look_at(options: Result, *, wait: bool, final: bool) -> Result:
    """Look at the workloads once. Raises FailedError if waiting cannot help, or it is the final look."""
    seen = look(options, wait=wait, final=final)
    if seen.problems:
        raise FailedError(seen.problems, {"progress": seen.progress})
    routers = {"routers": [router.as_dict() for router in seen.routers]} if options["ring"] else {}
    return {
        "done": not seen.progress,
        "progress": seen.progress,
        "workloads": [state.as_dict() for state in seen.workloads],
        **routers,
    }
