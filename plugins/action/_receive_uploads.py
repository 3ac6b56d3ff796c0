# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from ansible_collections.miribit.thanos.plugins.module_utils.kube.session import access_spec
from ansible_collections.miribit.thanos.plugins.module_utils.probe.uploaded import holding, uploaded
from ansible_collections.miribit.thanos.plugins.plugin_utils.cluster_action import ClusterAction, Result, Spec


class ActionModule(ClusterAction):
    """The documentation is in the module _receive_uploads."""

    spec: ClassVar[Spec] = {
        **access_spec(),
        "state": {"type": "str", "choices": ["holding", "uploaded"], "default": "holding"},
        "namespace": {"type": "str", "required": True},
        "selector": {"type": "str"},
        "port": {"type": "int", "default": 10902},
        "holding": {"type": "list", "elements": "dict"},
        "image": {"type": "str"},
        "secret": {"type": "str"},
        "key": {"type": "str", "default": "objstore.yml"},
        "service_account": {"type": "str"},
        "timeout": {"type": "int", "default": 120},
        "lock": {"type": "dict"},
    }
    constraints: ClassVar[Mapping[str, object]] = {
        "required_if": [("state", "holding", ["selector"]), ("state", "uploaded", ["holding", "image", "secret"])]
    }

    def work(self, options: Result) -> Result:
        if options["state"] == "holding":
            return holding(options)
        with self.lock_kept(options["lock"]):
            return {"checked": uploaded(options, check_mode=self.check_mode)}
