# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import ClassVar

from ansible_collections.miribit.thanos.plugins.module_utils.kube.object_set import compare
from ansible_collections.miribit.thanos.plugins.module_utils.kube.session import access_spec
from ansible_collections.miribit.thanos.plugins.plugin_utils.cluster_action import ClusterAction, Result, Spec


class ActionModule(ClusterAction):
    """The documentation is in the module _object_set_info."""

    spec: ClassVar[Spec] = {
        **access_spec(),
        "namespace": {"type": "str", "required": True},
        "component": {"type": "str", "required": True},
        "wanted": {"type": "list", "elements": "str", "required": True},
        "recorded": {"type": "list", "elements": "str", "default": []},
    }

    def work(self, options: Result) -> Result:
        return compare(options)
