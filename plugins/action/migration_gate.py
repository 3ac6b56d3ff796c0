# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import ClassVar

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.gate.collect import look, warnings
from ansible_collections.miribit.thanos.plugins.module_utils.gate.problems import table
from ansible_collections.miribit.thanos.plugins.module_utils.gate.window import Window
from ansible_collections.miribit.thanos.plugins.module_utils.kube.session import access_spec
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.query import query_spec
from ansible_collections.miribit.thanos.plugins.plugin_utils.cluster_action import FailedError, Result, Spec
from ansible_collections.miribit.thanos.plugins.plugin_utils.polling import PollingAction


class ActionModule(PollingAction):
    """The documentation is in the module migration_gate."""

    spec: ClassVar[Spec] = {
        **access_spec(),
        "gate": {"type": "str", "choices": ["before_restart", "delivers"], "required": True},
        "namespace": {"type": "str", "required": True},
        "selector": {"type": "str", "required": True},
        "container": {"type": "str"},
        "pods": {"type": "int"},
        "config": {"type": "dict"},
        "targets_before": {
            "type": "list",
            "elements": "dict",
            "options": {
                "address": {"type": "str", "required": True},
                "path": {"type": "str", "default": "/metrics"},
                "params": {"type": "dict", "default": {}},
            },
        },
        "max_lag": {"type": "float", "default": 30},
        "hold": {"type": "float", "default": 30},
        "delivered_before": {"type": "bool", "default": False},
        "accept_loss": {"type": "bool", "default": False},
        "tolerance": {"type": "float"},
        "tenant_header": {"type": "str", "default": "X-Scope-OrgID"},
        "default_tenant": {"type": "str", "default": "default-tenant"},
        "routers": {
            "type": "dict",
            "options": {
                "kubeconfig": {"type": "path"},
                "context": {"type": "str"},
                "namespace": {"type": "str", "required": True},
                "selector": {"type": "str", "required": True},
                "port": {"type": "int", "default": 10902},
            },
        },
        "query": query_spec(),
        "timeout": {"type": "float", "default": 600},
        "interval": {"type": "float", "default": 3},
        "lock": {"type": "dict"},
    }

    #: The look that later ones are compared with.
    _before: Window | None = None

    def work(self, options: Result) -> Result:
        result = super().work(options)
        # The message of a failure holds it already.
        for line in result["table"]:
            self.progress.show(line)
        return result

    def look(self, options: Result, *, final: bool) -> Result:
        verdict, wrong = look(options, self._before, final=final)
        self._before = verdict.window
        lines = table(verdict.checks)
        result = {
            "checks": [check.as_dict() for check in verdict.checks],
            "table": lines,
            "loss": verdict.loss.as_dict() if verdict.loss else None,
            "progress": verdict.progress,
        }
        if wrong and not self.check_mode:
            raise FailedError(wrong, result, "\n".join([str(ProblemError(wrong)), *lines]))
        done = verdict.passed or self.check_mode
        if done:
            self.warn(warnings(verdict))
        return {"done": done, "passed": verdict.passed, **result}
