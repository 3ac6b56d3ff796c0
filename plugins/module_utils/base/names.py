# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names that Kubernetes, Prometheus and Thanos accept."""

from __future__ import annotations

import re

DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
DNS_SUBDOMAIN = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
PORT_NAME = re.compile(r"(?=.{1,15}\Z)(?=.*[a-z])[a-z0-9]+(-[a-z0-9]+)*")
HIGHEST_PORT = 65535
#: Of a label in Prometheus. Other names need quotes, which not every version knows.
LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


def wrong_tenant(name: str) -> str | None:
    """Why no sender can, or should, write as this tenant."""
    if not name:
        return "it is empty, and a request without a tenant belongs to the default tenant"
    if "/" in name:
        return "a receiver answers 400 to a tenant with a slash"
    if name in {".", ".."}:
        return "the tenant is the name of a folder, and an ingestor would open its TSDB there"
    return None
