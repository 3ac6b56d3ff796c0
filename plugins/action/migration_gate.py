# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, cast

from ansible_collections.miribit.thanos.plugins.plugin_utils.polling import PollingAction, Result


class ActionModule(PollingAction):
    """The documentation is in the module migration_gate."""

    timeout = 600
    interval = 3

    _since: object = None

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> Result:
        result = super().run(tmp, task_vars)
        # The message of a failure holds it already.
        for line in [] if result.get("failed") else result.get("table") or []:
            self._progress.show(line)
        return result

    def _execute_module(self, *args: object, **options: object) -> Result:
        """Each look is compared with an earlier one, and the module keeps nothing itself."""
        given: Result = {**options}
        looks = "module_name" not in given
        if looks and self._since is not None:
            given["module_args"] = {**given["module_args"], "since": self._since}
        outcome: Result = super()._execute_module(*cast("tuple[Any, ...]", args), **given)
        if looks:
            self._since = outcome.get("since", self._since)
        return outcome
