# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections import Counter
from typing import ClassVar

from ansible_collections.miribit.thanos.plugins.module_utils.kube.session import access_spec
from ansible_collections.miribit.thanos.plugins.module_utils.receive.state import ask
from ansible_collections.miribit.thanos.plugins.plugin_utils.cluster_action import ClusterAction, Result, Spec


class ActionModule(ClusterAction):
    """The documentation is in the module receive_info."""

    spec: ClassVar[Spec] = {
        **access_spec(),
        "namespace": {"type": "str", "required": True},
        "selector": {"type": "str", "required": True},
        "port": {"type": "int", "default": 10902},
        "ring_hash": {"type": "int"},
    }

    def work(self, options: Result) -> Result:
        found = ask(options)
        totals: Counter[str] = Counter()
        for receiver in found:
            for codes in receiver.get("write_samples", {}).values():
                totals.update(codes)
        problems = [receiver["problem"] for receiver in found if receiver["problem"]]
        return {"receivers": found, "write_samples": dict(totals), "problems": problems}
