# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import ClassVar

from ansible_collections.miribit.thanos.plugins.module_utils.kube.permissions import PHASES, SIDES
from ansible_collections.miribit.thanos.plugins.module_utils.kube.preflight import check
from ansible_collections.miribit.thanos.plugins.module_utils.kube.session import access_spec
from ansible_collections.miribit.thanos.plugins.plugin_utils.cluster_action import ClusterAction, Result, Spec


class ActionModule(ClusterAction):
    """The documentation is in the module cluster_access."""

    spec: ClassVar[Spec] = {
        **access_spec(),
        "cluster": {"type": "str"},
        "uid": {"type": "str"},
        "namespace": {"type": "str", "required": True},
        "phase": {"type": "str", "choices": PHASES, "required": True},
        "side": {"type": "str", "choices": SIDES, "required": True},
        "storage_class": {"type": "str"},
        "ingress_class": {"type": "str"},
        "crds": {"type": "list", "elements": "str", "default": []},
        "minimum_version": {"type": "str", "default": "1.25"},
        "memory": {"type": "str", "default": "0"},
        # Without suboptions: they would refuse the other keys of whoever hands a workload in whole.
        "replicas": {"type": "list", "elements": "dict", "default": []},
        "clock_skew": {"type": "float", "default": 5},
    }

    def work(self, options: Result) -> Result:
        return check(options)
