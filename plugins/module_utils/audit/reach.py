# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds out by a probe pod of a cluster whether its senders reach what they write to, for the audit.

I/O goes through the objects that are given.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.kube.objects import Objects
from ansible_collections.miribit.thanos.plugins.module_utils.probe import reach as remote_write_reach
from ansible_collections.miribit.thanos.plugins.module_utils.probe import run
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.components import Component
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.entries import Reach, RemoteWrite

_SENDERS = ("prometheus_agent", "prometheus")


@dataclass(frozen=True)
class Tried:
    """Result of a probe."""

    #: The same as before, with the reach of their entries.
    components: tuple[Component, ...]
    #: Whether there was a probe.
    probed: bool
    unseen: tuple[Problem, ...] = ()


def tried(objects: Objects, cluster: str, namespace: str, components: tuple[Component, ...]) -> Tried:
    """Try by a pod what the senders among the components write to."""
    senders = sorted((one for one in components if one.kind in _SENDERS), key=lambda one: _SENDERS.index(one.kind))
    wanted = {url: None for sender in senders for entry in sender.writes or () if (url := _url(entry))}
    urls = list(wanted)[: remote_write_reach.MOST]
    if not urls:
        return Tried(components, probed=False)
    image = next(sender.image for sender in senders if any(_direct(entry) for entry in sender.writes or ()))
    try:
        found = remote_write_reach.read(urls, run.run(objects, remote_write_reach.probe(urls, namespace, image)))
    except ProblemError as error:
        hidden = "so whether its senders reach what they write to is not seen"
        unseen = (replace(problem, cause=f"{problem.cause}, {hidden}") for problem in error.problems)
        return Tried(components, probed=False, unseen=tuple(unseen))
    with_reach = tuple(_with_reach(one, found) if one.kind in _SENDERS else one for one in components)
    return Tried(with_reach, True, tuple(_unknown(cluster, (url for url in wanted if url not in found))))


def _direct(entry: RemoteWrite) -> bool:
    """Return True if the sender connects itself: the probe does not use its proxy."""
    return not entry.proxy


def _url(entry: RemoteWrite) -> str | None:
    return remote_write_reach.place(entry.url) if _direct(entry) else None


def _with_reach(sender: Component, found: Mapping[str, Reach]) -> Component:
    if sender.prometheus is None or sender.writes is None:
        return sender
    entries = tuple(replace(entry, reachable=found.get(_url(entry) or "")) for entry in sender.writes)
    return replace(sender, prometheus=replace(sender.prometheus, remote_write=entries))


def _unknown(cluster: str, urls: Iterable[str]) -> Iterator[Problem]:
    for url in urls:
        cause = "the probe has said nothing about it that can be read, so whether its senders reach it is not seen"
        yield Problem(f"{url} from {cluster}", cause, "ask for it from a pod there by hand")
