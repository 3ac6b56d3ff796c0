# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import ClassVar

from ansible_collections.miribit.thanos.plugins.module_utils.agent.edge import Wish, collect
from ansible_collections.miribit.thanos.plugins.module_utils.kube.session import access_spec, session_of
from ansible_collections.miribit.thanos.plugins.plugin_utils.cluster_action import ClusterAction, Result, Spec


class ActionModule(ClusterAction):
    """The documentation is in the module _edge_info."""

    spec: ClassVar[Spec] = {
        **access_spec(),
        "namespace": {"type": "str", "required": True},
        "targets": {"type": "bool", "default": False},
        "texts": {"type": "bool", "default": False},
        "lock": {"type": "dict"},
    }

    def work(self, options: Result) -> Result:
        wish = Wish(options["namespace"], targets=options["targets"], texts=options["texts"])
        with self.lock_kept(options["lock"]):
            return collect(session_of(options), wish)
