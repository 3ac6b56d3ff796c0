# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.miribit.thanos.plugins.plugin_utils.polling import PollingAction


class ActionModule(PollingAction):
    """The documentation is in the module migration_lock."""

    timeout = 300
    interval = 5
