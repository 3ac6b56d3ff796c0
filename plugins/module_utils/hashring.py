# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The hashring file of Thanos Receive.

Private to the collection: it can change at any time.
"""

from __future__ import annotations

import hashlib


def config_hash(content: bytes | str) -> int:
    """The value that a router which loaded this file reports as C(thanos_receive_config_hash).

    Thanos hashes the bytes of the file, not what they mean: one more space is another hash. It keeps the first 48 bits
    of the SHA-256, read as a little-endian number, because a metric's value holds no larger integer exactly
    (C(hashAsMetricValue) in Thanos' C(pkg/receive/config.go)).
    """
    data = content.encode() if isinstance(content, str) else content
    return int.from_bytes(hashlib.sha256(data).digest()[:6], "little")
