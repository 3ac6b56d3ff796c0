# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds out by a probe pod of a cluster whether its senders reach what they write to, for the audit.

I/O goes through the objects that are given.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.kube.objects import Objects
from ansible_collections.miribit.thanos.plugins.module_utils.probe import reach as remote_write_reach
from ansible_collections.miribit.thanos.plugins.module_utils.probe import run

_SENDERS = ("prometheus_agent", "prometheus")


def complete(
    objects: Objects, cluster: str, namespace: str, components: Iterable[dict[str, Any]]
) -> tuple[bool, list[Problem]]:
    """Put into each block of remote write how far a pod came. Whether there was one, and what was not seen."""
    every = list(components)
    senders = sorted((one for one in every if one["kind"] in _SENDERS), key=lambda one: _SENDERS.index(one["kind"]))
    blocks = [(sender, block) for sender in senders for block in _blocks(sender)]
    places = {str(block["url"]): remote_write_reach.place(str(block["url"])) for _sender, block in blocks}
    urls = list(dict.fromkeys(place for place in places.values() if place))[: remote_write_reach.MOST]
    if not urls:
        return False, []
    probe = remote_write_reach.probe(urls, namespace, str(blocks[0][0]["image"]))
    try:
        found = remote_write_reach.read(urls, run.run(objects, probe))
    except ProblemError as error:
        hidden = "so whether its senders reach what they write to is not seen"
        return False, [replace(problem, cause=f"{problem.cause}, {hidden}") for problem in error.problems]
    for _sender, block in blocks:
        if reach := found.get(places[str(block["url"])] or ""):
            block["reachable"] = reach.as_dict()
    wanted = dict.fromkeys(place for place in places.values() if place)
    return True, list(_unknown(cluster, (url for url in wanted if url not in found)))


def _blocks(sender: dict[str, Any]) -> list[dict[str, Any]]:
    """Those that the sender itself connects for: the probe would not take the way through a proxy."""
    told = (sender["prometheus"] or {}).get("remote_write") or []
    return [block for block in told if not block["proxy"]]


def _unknown(cluster: str, urls: Iterable[str]) -> Iterator[Problem]:
    for url in urls:
        cause = "the probe has said nothing about it that can be read, so whether its senders reach it is not seen"
        yield Problem(f"{url} from {cluster}", cause, "ask for it from a pod there by hand")
