# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How many pods each StatefulSet of ingestors has, step by step, from what runs to what is wanted.

No I/O here. Private to the collection: it can change at any time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

#: A StatefulSet of the plan: name, service, ring, zone, replicas.
StatefulSet = dict[str, Any]


def steps(wanted: Sequence[StatefulSet], running: Mapping[str, int]) -> dict[str, list[StatefulSet]]:
    """What comes before the ring changes (up), and what after every router has it (down).

    Before: nothing goes, because the ring that is in use may still name it. After: one pod at a time goes, so that of
    the copies of a sample the others can still be asked.
    Running are the names of StatefulSets and how many pods each has. Each step says how many pods there are before it.
    """
    up = [
        {
            **one,
            "running": running.get(one["name"], 0),
            "replicas": max(one["replicas"], running.get(one["name"], 0)),
        }
        for one in wanted
    ]
    return {"up": up, "down": list(_down(wanted, running))}


def _down(wanted: Sequence[StatefulSet], running: Mapping[str, int]) -> Iterator[StatefulSet]:
    for one in wanted:
        for replicas in range(running.get(one["name"], 0), one["replicas"], -1):
            yield {**one, "running": replicas, "replicas": replicas - 1}
