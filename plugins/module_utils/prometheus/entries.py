# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a Prometheus says of its remote write: each entry of its configuration, its queue's metrics, and the log."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.miribit.thanos.plugins.module_utils.base.untyped import (
    first_text,
    mapping,
    scrubbed,
    shortened,
)
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.exposition import Metrics
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.queues import Agent, Queue, read
from ansible_collections.miribit.thanos.plugins.module_utils.remote_write.lint import Finding
from ansible_collections.miribit.thanos.plugins.module_utils.remote_write.model import TENANT_HEADER, split_url

Entry = Mapping[str, object]

_TENANT_HEADERS = frozenset({TENANT_HEADER.lower(), "thanos-tenant"})

_LOG_FIELD = re.compile(r'([a-zA-Z_][a-zA-Z0-9_.]*)=("(?:[^"\\]|\\.)*"|\S*)')
_ESCAPED = re.compile(r"\\(.)")
_COMPLAINTS = ("Failed to send batch", "non-recoverable error")
_MOST_LINES = 5


@dataclass(frozen=True)
class Reach:
    """How far a pod of the sender's cluster came. None where it was not reached, or cannot be told."""

    #: None for an address, too, which has nothing to resolve.
    resolves: bool | None
    connects: bool | None
    #: Such as HTTP 404.
    answer: str | None
    error: str | None

    @property
    def is_nowhere(self) -> bool:
        """The name does not resolve, or nothing accepts the connection."""
        return not self.connects

    def __str__(self) -> str:
        if self.resolves is False:
            return f"a pod of this cluster could not resolve the name: {self.error}"
        if not self.connects:
            return f"a pod of this cluster could not connect: {self.error}"
        return f"a pod of this cluster could connect, and was answered with {self.answer or 'no HTTP'}" + (
            f": {self.error}" if self.error else ""
        )


@dataclass(frozen=True)
class RemoteWrite:
    """One remote-write entry. Its numbers count from the start of its queue."""

    #: Without user, password and query.
    url: str
    name: str | None
    problems: tuple[Finding, ...] | None
    ever_delivered: bool | None
    pending: int | None
    failed: float | None
    dropped: float | None
    sent: float | None
    #: In seconds.
    lag: float | None
    shards: float | None
    tenant_header: bool | None
    proxy: bool | None
    #: None without a probe, and where the probe could not tell.
    reachable: Reach | None

    @property
    def host(self) -> str:
        parts = split_url(self.url)
        return (parts and parts.hostname) or self.url


def remote_write(
    entries: Sequence[Entry], metrics: Metrics | None, findings: Sequence[Sequence[Finding]]
) -> tuple[RemoteWrite, ...]:
    """Return the facts of entries, of which the findings are given in the same order."""
    agent = read(metrics) if metrics else Agent()
    queues = _queues(entries, agent)
    several = enumerate(zip(entries, findings, strict=True))
    return tuple(_entry(entry, agent, queues.get(number), found) for number, (entry, found) in several)


def _entry(entry: Entry, agent: Agent, queue: Queue | None, findings: Sequence[Finding]) -> RemoteWrite:
    headers = {name.lower() for name in mapping(entry.get("headers"))}
    return RemoteWrite(
        url=scrubbed(str(entry.get("url") or "")),
        name=first_text(entry.get("name")),
        problems=tuple(findings),
        ever_delivered=queue.ever_accepted() if queue else None,
        pending=int(queue.pending) if queue else None,
        failed=queue.failed if queue else None,
        dropped=queue.lost(relabels=bool(entry.get("write_relabel_configs"))) if queue else None,
        sent=queue.attempts if queue else None,
        lag=agent.lag(queue) if queue else None,
        shards=queue.shards if queue else None,
        tenant_header=not headers.isdisjoint(_TENANT_HEADERS),
        proxy=bool(entry.get("proxy_url") or entry.get("proxy_from_environment")),
        # Only a pod of the cluster could tell.
        reachable=None,
    )


def _queues(entries: Sequence[Entry], agent: Agent) -> dict[int, Queue]:
    """The queue of each entry. One without a name has a hash for it, so it is found by its URL, if that is its own."""
    found = {}
    for number, entry in enumerate(entries):
        if named := [queue for queue in agent.queues if entry.get("name") and queue.name == str(entry["name"])]:
            found[number] = named[0]
    taken = {(queue.name, queue.url) for queue in found.values()}
    left = [queue for queue in agent.queues if (queue.name, queue.url) not in taken]
    # Passwords are replaced on both sides, by what differs between versions.
    urls = {number: scrubbed(str(entry.get("url"))) for number, entry in enumerate(entries) if number not in found}
    for number, url in urls.items():
        same = [queue for queue in left if scrubbed(queue.url) == url]
        if len(same) == 1 and list(urls.values()).count(url) == 1:
            found[number] = same[0]
    return found


def complaints(log: str) -> tuple[str, ...]:
    """The last lines that complain about remote write, each text once, with the time when it came last."""
    found: dict[str, str] = {}
    for line in log.split("\n"):
        fields = _log_fields(line)
        message = fields.get("msg", "")
        is_bad = fields.get("component") == "remote" and fields.get("level", "").lower() in {"warn", "error"}
        if is_bad or any(text in message for text in _COMPLAINTS):
            error = fields.get("err", "")
            text = shortened(f"{message}: {error}" if error else message)
            found.pop(text, None)
            found[text] = fields.get("ts") or fields.get("time") or ""
    return tuple(f"{shortened(time)} {text}".strip() for text, time in list(found.items())[-_MOST_LINES:])


def _log_fields(line: str) -> dict[str, str]:
    """Of a line in either of Prometheus' formats."""
    if line.lstrip().startswith("{"):
        try:
            return {key: str(value) for key, value in mapping(json.loads(line)).items()}
        except (RecursionError, ValueError):
            return {}
    return {
        key: _ESCAPED.sub(r"\1", value[1:-1]) if value.startswith('"') else value
        for key, value in _LOG_FIELD.findall(line)
    }
