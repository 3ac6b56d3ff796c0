# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Versions of programs and of image tags."""

from __future__ import annotations

import re

_VERSION = re.compile(r"v?([0-9]{1,4})\.([0-9]{1,4})(\.[0-9]{1,4})?([-+].*)?")
Version = tuple[int, int]


def version(text: str) -> Version | None:
    """Major and minor of a version or of an image's tag."""
    match = _VERSION.fullmatch(text)
    return (int(match[1]), int(match[2])) if match else None
