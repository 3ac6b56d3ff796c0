# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import ClassVar

from ansible_collections.miribit.thanos.plugins.module_utils.kube.session import access_spec
from ansible_collections.miribit.thanos.plugins.module_utils.migration.store import carry_out
from ansible_collections.miribit.thanos.plugins.plugin_utils.cluster_action import ClusterAction, Result, Spec


class ActionModule(ClusterAction):
    """The documentation is in the module migration_record."""

    spec: ClassVar[Spec] = {
        **access_spec(),
        "namespace": {"type": "str", "required": True},
        "cluster": {"type": "str", "required": True},
        "state": {"type": "str", "choices": ["present", "absent", "read"], "default": "read"},
        "phase": {"type": "str"},
        "back": {"type": "bool", "default": False},
        "evidence": {"type": "dict"},
        "objects": {"type": "dict"},
        "objects_added": {"type": "dict"},
        "rollback": {"type": "dict"},
        "rollback_wanted": {"type": "bool", "default": False},
        "run": {"type": "dict"},
        "force": {"type": "bool", "default": False},
    }

    def work(self, options: Result) -> Result:
        result = carry_out(options, check_mode=self.check_mode, no_log=bool(self._task.no_log))
        self.warn(result.pop("problems"))
        return result
