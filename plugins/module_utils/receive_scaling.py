# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How many pods each StatefulSet of ingestors has, step by step, from what runs to what is wanted.

No I/O here. Private to the collection: it can change at any time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

#: A StatefulSet of the plan: name, service, ring, zone, replicas. In a step also how many pods are running before it,
#: and the pods that go in it.
StatefulSet = dict[str, Any]


def steps(wanted: Sequence[StatefulSet], running: Mapping[str, int]) -> dict[str, list[StatefulSet]]:
    """What comes before the ring changes (up), and what after every router has it (down).

    Before: nothing goes, because the ring that is in use may still name it. After: one pod at a time goes, so that of
    the copies of a sample the others can still be asked. Running are the names of StatefulSets and how many pods each
    has. All are those of the wanted StatefulSets that are there, with every pod that each has, or is to have.
    """
    up = [_with(one, running.get(one["name"], 0), max(one["replicas"], running.get(one["name"], 0))) for one in wanted]
    down = [
        _with(one, pods, pods - 1) for one in wanted for pods in range(running.get(one["name"], 0), one["replicas"], -1)
    ]
    there = [{**one, "pods": _pods(one, 0, one["replicas"])} for one in up if one["name"] in running]
    return {"up": up, "down": down, "all": there}


def _with(one: StatefulSet, running: int, replicas: int) -> StatefulSet:
    return {**one, "running": running, "replicas": replicas, "pods": _pods(one, replicas, running)}


def _pods(one: StatefulSet, first: int, end: int) -> list[str]:
    return [f"{one['name']}-{ordinal}" for ordinal in range(first, end)]
