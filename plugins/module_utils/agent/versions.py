# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Flags and features of an agent by the version of Prometheus, from 2.32 to 3.15.

From Prometheus' CHANGELOG.md, its docs/migration.md and cmd/prometheus/main.go of 2.48, 2.55, 3.0, 3.3, 3.5, 3.9 and
3.15. Where the changelog is silent, a flag is taken to be as old as these allow. tests/tools/test_agent_config.py
compares with the programs of 2.48 and 3.15.
"""

from __future__ import annotations

from ansible_collections.miribit.thanos.plugins.module_utils.base.versions import Version
from ansible_collections.miribit.thanos.plugins.module_utils.remote_write.model import AGENT_FLAG_SINCE, AGENT_SINCE

_ALWAYS = AGENT_SINCE

#: Flags that take no value, by the first version that knows them. A value after `=` is an error: "unexpected true".
SWITCHES = {
    "agent": AGENT_FLAG_SINCE,
    "auto-gomaxprocs": AGENT_FLAG_SINCE,
    "auto-gomemlimit": AGENT_FLAG_SINCE,
    "config.auto-reload": (3, 12),
    "help": _ALWAYS,
    "scrape.adjust-timestamps": _ALWAYS,
    "storage.agent.checkpoint-from-in-memory-series": (3, 10),
    "storage.agent.no-lockfile": _ALWAYS,
    "storage.agent.wal-compression": _ALWAYS,
    "version": _ALWAYS,
    "web.enable-admin-api": _ALWAYS,
    "web.enable-lifecycle": _ALWAYS,
    "web.enable-otlp-receiver": AGENT_FLAG_SINCE,
    "web.enable-remote-write-receiver": (2, 33),
}
#: Flags that take one, in the same way.
VALUES = {
    "alertmanager.timeout": _ALWAYS,
    "auto-gomemlimit.ratio": (2, 50),
    "auto-gomemlimit.refresh-interval": (3, 15),
    "config.auto-reload-interval": AGENT_FLAG_SINCE,
    "config.file": _ALWAYS,
    "enable-feature": _ALWAYS,
    "log.format": _ALWAYS,
    "log.level": _ALWAYS,
    "scrape.discovery-reload-interval": _ALWAYS,
    "scrape.name-escaping-scheme": (2, 49),
    "scrape.timestamp-tolerance": _ALWAYS,
    "storage.agent.checkpoint-batch-size": (3, 10),
    "storage.agent.path": _ALWAYS,
    "storage.agent.retention.max-time": _ALWAYS,
    "storage.agent.retention.min-time": _ALWAYS,
    "storage.agent.wal-compression-type": _ALWAYS,
    "storage.agent.wal-segment-size": _ALWAYS,
    "storage.agent.wal-truncate-frequency": _ALWAYS,
    "storage.remote.flush-deadline": _ALWAYS,
    "web.config.file": _ALWAYS,
    "web.console.libraries": _ALWAYS,
    "web.console.templates": _ALWAYS,
    "web.cors.origin": _ALWAYS,
    "web.external-url": _ALWAYS,
    "web.listen-address": _ALWAYS,
    "web.max-connections": _ALWAYS,
    "web.max-notifications-subscribers": AGENT_FLAG_SINCE,
    "web.page-title": _ALWAYS,
    "web.read-timeout": _ALWAYS,
    "web.remote-write-receiver.accepted-protobuf-messages": (2, 54),
    "web.route-prefix": _ALWAYS,
    "web.user-assets": _ALWAYS,
}
#: Flags that Prometheus 3 no longer knows.
REMOVED = ("alertmanager.timeout", "scrape.name-escaping-scheme")
#: Any other flag given twice is an error: "cannot be repeated".
REPEATED = {
    "enable-feature": _ALWAYS,
    # 2.48 takes one, 2.55 several.
    "web.listen-address": (2, 49),
    "web.remote-write-receiver.accepted-protobuf-messages": _ALWAYS,
}
#: Refused in agent mode (serverOnlyFlag in cmd/prometheus/main.go).
SERVER_FLAGS = ("alertmanager.", "query.", "rules.", "storage.remote.read-", "storage.tsdb.", "web.search.")

#: Features that 3.0 replaced by a flag.
FEATURE_FLAGS = {
    "agent": "agent",
    "otlp-write-receiver": "web.enable-otlp-receiver",
    "remote-write-receiver": "web.enable-remote-write-receiver",
}
#: Features that 3.0 has always, or by default.
NOW_ALWAYS = frozenset(
    {
        "auto-gomaxprocs",
        "auto-gomemlimit",
        "expand-external-labels",
        "new-service-discovery-manager",
        "no-default-scrape-port",
        "promql-at-modifier",
        "promql-negative-offset",
        "utf8-names",
    }
)
#: Scraping native histograms is a setting of the configuration (known since 3.8), and the feature does nothing.
NATIVE_HISTOGRAMS_ARE_A_SETTING: Version = (3, 9)


def knows(wanted: Version, flag: str) -> bool | None:
    """Return whether a version knows a flag, or None if the flag is not in the tables."""
    since = SWITCHES.get(flag) or VALUES.get(flag)
    if since is None:
        return None
    return since <= wanted and not (flag in REMOVED and wanted >= AGENT_FLAG_SINCE)


def shown(number: Version) -> str:
    return f"{number[0]}.{number[1]}"
