# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import ClassVar

from ansible_collections.miribit.thanos.plugins.module_utils.audit.collect import collect, unreachable
from ansible_collections.miribit.thanos.plugins.module_utils.audit.facts import ClusterFacts
from ansible_collections.miribit.thanos.plugins.module_utils.base.facts import as_facts
from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.kube.session import access_spec, session_of
from ansible_collections.miribit.thanos.plugins.plugin_utils.cluster_action import ClusterAction, Result, Spec


class ActionModule(ClusterAction):
    """The documentation is in the module fleet_audit."""

    spec: ClassVar[Spec] = {
        **access_spec(),
        "cluster": {"type": "str"},
        "namespace": {"type": "str", "default": "monitoring"},
        "probe": {"type": "bool", "default": False},
    }

    def work(self, options: Result) -> Result:
        return {"facts": as_facts(self._facts(options))}

    def _facts(self, options: Result) -> ClusterFacts:
        """Return the facts of the cluster, also where the kubeconfig does not lead to one."""
        name = options["cluster"] or options["context"] or ""
        try:
            session = session_of(options)
        except ProblemError as error:
            return unreachable(name, error.problems)
        probe = options["probe"] and not self.check_mode
        return collect(session, name or session.cluster, options["namespace"], probe=probe)
