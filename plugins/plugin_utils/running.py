# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Action plugins that run several modules, and other action plugins."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase

Result = dict[str, Any]


class RunningAction(ActionBase):
    """Runs what it is made of in the place of its own task."""

    def _run_action(self, name: str, arguments: Result, task_vars: Result | None) -> Result:
        """What another action plugin returns, with the check mode of this task, and for its host."""
        task = self._task.copy()
        task.args = arguments
        action = self._shared_loader_obj.action_loader.get(
            name,
            task=task,
            connection=self._connection,
            play_context=self._play_context,
            loader=self._loader,
            templar=self._templar,
            shared_loader_obj=self._shared_loader_obj,
        )
        result: Result = action.run(task_vars=task_vars)
        return result

    def _run_unlogged(self, module: str, arguments: Result, task_vars: Result | None) -> Result:
        """What a module returns that is given, or returns, a secret.

        It then writes no options to the system's log. Not left on the task: that would hide the cause of a failure,
        too, and what is returned in the end holds no secret anyway.
        """
        before, self._task.no_log = self._task.no_log, True
        try:
            result: Result = self._execute_module(module, arguments, task_vars=task_vars)
        finally:
            self._task.no_log = before
        return result
