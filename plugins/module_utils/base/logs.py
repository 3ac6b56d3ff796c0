# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Texts of a cluster for a message: logs, events and conditions."""

from __future__ import annotations

import re

# From the name on, the line is cut off: where a secret ends cannot be known.
_SECRET = re.compile(
    r"(?P<name>(secret|access)[-_]?key|password|passwd|secret|token|authorization)(?P<sign>[\\\"']*\s*[:=]).*",
    re.IGNORECASE,
)
_LOGIN_IN_URL = re.compile(r"://[^/@\s]+@")


def without_secrets(text: object) -> str:
    """Return a text without everything that can be a secret."""
    return _LOGIN_IN_URL.sub("://***@", _SECRET.sub(r"\g<name>\g<sign> ***", str(text)))
