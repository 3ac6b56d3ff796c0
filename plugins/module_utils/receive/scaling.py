# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How many pods each StatefulSet of ingestors has, step by step, from what runs to what is wanted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

#: A StatefulSet of the plan: name, service, ring, zone, replicas. In a step also how many pods are running before it,
#: and the pods that go in it.
StatefulSet = dict[str, Any]

#: The label of nodes by which the ingestors of a zone are kept there.
ZONE = "topology.kubernetes.io/zone"


def steps(wanted: Sequence[StatefulSet], running: Sequence[StatefulSet]) -> dict[str, list[StatefulSet]]:
    """What comes before the ring changes (up), and what after every router has it (down).

    Before: nothing goes, because the ring that is in use may still name it. After: one pod at a time goes, so that of
    the copies of a sample the others can still be asked. A StatefulSet that runs and is not wanted loses all its pods.
    All are the StatefulSets that are there, each with every pod that it has, or is to have.
    """
    there = {one["name"]: one["replicas"] for one in running}
    names = {one["name"] for one in wanted}
    unwanted = [{**one, "replicas": 0} for one in running if one["name"] not in names]
    up = [_with(one, there.get(one["name"], 0), max(one["replicas"], there.get(one["name"], 0))) for one in wanted]
    down = [
        _with(one, pods, pods - 1)
        for one in [*wanted, *unwanted]
        for pods in range(there.get(one["name"], 0), one["replicas"], -1)
    ]
    every = [*(one for one in up if one["name"] in there), *(one for one in running if one["name"] not in names)]
    return {"up": up, "down": down, "all": [{**one, "pods": _pods(one, 0, one["replicas"])} for one in every]}


def read(item: Mapping[str, Any]) -> StatefulSet:
    """A StatefulSet that runs, as the API server gives it, in the form of the plan."""
    spec = item["spec"]
    selector = spec["template"]["spec"].get("nodeSelector") or {}
    return {
        "name": item["metadata"]["name"],
        "service": spec["serviceName"],
        "zone": selector.get(ZONE),
        "replicas": int(spec.get("replicas", 1)),
    }


def _with(one: StatefulSet, running: int, replicas: int) -> StatefulSet:
    return {**one, "running": running, "replicas": replicas, "pods": _pods(one, replicas, running)}


def _pods(one: StatefulSet, first: int, end: int) -> list[str]:
    return [f"{one['name']}-{ordinal}" for ordinal in range(first, end)]
