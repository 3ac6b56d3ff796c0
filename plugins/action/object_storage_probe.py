# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar

from ansible_collections.miribit.thanos.plugins.module_utils.kube.session import access_spec
from ansible_collections.miribit.thanos.plugins.module_utils.probe.object_storage import hidden, unprobed
from ansible_collections.miribit.thanos.plugins.module_utils.probe.try_bucket import probe
from ansible_collections.miribit.thanos.plugins.plugin_utils.cluster_action import (
    ClusterAction,
    FailedError,
    Result,
    Spec,
)


class ActionModule(ClusterAction):
    """The documentation is in the module object_storage_probe."""

    spec: ClassVar[Spec] = {
        **access_spec(),
        "namespace": {"type": "str", "required": True},
        "image": {"type": "str", "required": True},
        "config": {"type": "raw"},
        "secret": {"type": "str"},
        "key": {"type": "str", "default": "objstore.yml"},
        "service_account": {"type": "str"},
        "timeout": {"type": "int", "default": 60},
        "lock": {"type": "dict"},
    }
    constraints: ClassVar[Mapping[str, object]] = {
        "mutually_exclusive": [("config", "secret")],
        "required_one_of": [("config", "secret")],
    }

    def hidden(self, options: Result) -> Iterable[str]:
        return hidden(options["config"])

    def work(self, options: Result) -> Result:
        with self.lock_kept(options["lock"]):
            found = probe(options, check_mode=self.check_mode)
        result = {"probed": False, "steps": unprobed(), **found}
        if problems := result.pop("problems"):
            raise FailedError(problems, result)
        return result
