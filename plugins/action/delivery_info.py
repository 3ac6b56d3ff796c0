# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import ClassVar

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.gate.deliveries import look
from ansible_collections.miribit.thanos.plugins.module_utils.kube.session import access_spec
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.query import query_spec
from ansible_collections.miribit.thanos.plugins.plugin_utils.cluster_action import ClusterAction, Result, Spec


class ActionModule(ClusterAction):
    """The documentation is in the module delivery_info."""

    spec: ClassVar[Spec] = {
        **access_spec(),
        "cluster": {"type": "str"},
        "uid": {"type": "str"},
        "namespace": {"type": "str", "required": True},
        "external_labels": {"type": "dict", "required": True},
        "query": query_spec(required=True),
        "watch": {"type": "float"},
    }

    def work(self, options: Result) -> Result:
        if not options["external_labels"]:
            # Without any, the samples of all edges would be taken for those of this one.
            fix = "give what this edge alone has, such as cluster: cluster-02"
            raise ProblemError([Problem("Option external_labels", "it is empty", fix)])
        return look(options)
