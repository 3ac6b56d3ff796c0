# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Action plugins that wait: a module cannot print while it runs, so it is run in short slices and told of in between.

Private to the collection: it can change at any time.
"""

from __future__ import annotations

import time
from typing import Any, ClassVar

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.miribit.thanos.plugins.module_utils.problems import Problem

Result = dict[str, Any]


class PollingAction(ActionBase):
    """Runs the module of its own name until that is done, has failed, or the time is up.

    The module looks once, and returns ``done``, and under ``progress`` one line for each thing it waits for. A line is
    shown when it is another one than the time before. After ``timeout`` seconds the module is run one last time, with
    ``final: true``, and then it fails and says why. Both options of the waiting are documented in the module, which
    accepts them and does not use them. A subclass sets no more than their defaults.
    """

    TRANSFERS_FILES = False
    _supports_check_mode = True

    #: The defaults of the options, in seconds. The same as in the module's documentation.
    timeout: ClassVar[float]
    interval: ClassVar[float]

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> Result:
        result: Result = super().run(tmp, task_vars)
        host = (task_vars or {}).get("inventory_hostname", "localhost")
        timeout = self._seconds("timeout", self.timeout)
        deadline = time.monotonic() + timeout
        told: list[str] = []
        before: list[str] = []
        while True:
            final = time.monotonic() >= deadline
            # Ansible adds to the options that it is given, so each slice gets its own.
            options = {**self._task.args, "final": final}
            outcome: Result = self._execute_module(module_args=options, task_vars=task_vars)
            now = [str(line) for line in outcome.get("progress") or []]
            for line in now:
                if line not in before:
                    self._tell(f"[{host}] {line}")
                    told.append(line)
            before = now
            if final or outcome.get("done") or outcome.get("failed"):
                break
            time.sleep(max(0.0, min(self._seconds("interval", self.interval), deadline - time.monotonic())))
        result |= outcome | {"progress": told}
        if not (outcome.get("done") or outcome.get("failed")):
            # A module that explains nothing must not pass for one that is done.
            problem = Problem(self._task.action, f"it is not done after {timeout:g} s", "raise 'timeout'")
            result |= {"failed": True, "msg": str(problem), "problems": [problem.as_dict()]}
        return result

    def _tell(self, line: str) -> None:
        if not self._task.no_log:
            Display().display(line)

    def _seconds(self, option: str, default: float) -> float:
        try:
            return float(self._task.args.get(option, default))
        except (TypeError, ValueError):
            # The module refuses it, and says so.
            return default
