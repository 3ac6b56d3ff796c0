# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ansible_collections.miribit.thanos.plugins.plugin_utils.polling import PollingAction, Result


class ActionModule(PollingAction):
    """The documentation is in the module rollout."""

    timeout = 600
    interval = 3

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> Result:
        # What is older is from before what is waited for, and can have been mended.
        self._task.args = {"since": datetime.now(UTC).isoformat(), **self._task.args}
        return super().run(tmp, task_vars)
