# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wrong with the remote write of an agent as it runs. The reason of each rule: docs/remote-write.md."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from ansible_collections.miribit.thanos.plugins.module_utils.base.durations import seconds
from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem
from ansible_collections.miribit.thanos.plugins.module_utils.base.reader import Reader
from ansible_collections.miribit.thanos.plugins.module_utils.base.versions import Version, version
from ansible_collections.miribit.thanos.plugins.module_utils.remote_write.model import (
    AGENT_FLAG_SINCE,
    KEYS_SINCE,
    PROTOBUF_MESSAGE,
    Complaint,
    is_plain,
    label_complaints,
    url_complaints,
)
from ansible_collections.miribit.thanos.plugins.module_utils.remote_write.secrets import secrets
from ansible_collections.miribit.thanos.plugins.module_utils.remote_write.sizing import (
    CAPACITY,
    HOUR,
    MAX_SAMPLES_PER_SEND,
    MAX_SHARDS,
    duration,
    shard_bytes,
    size,
)

#: Routers give up a write after this many seconds (--receive-forward-timeout).
_FORWARD_TIMEOUT = 5
#: A stopping Prometheus waits this many seconds for its queues (--storage.remote.flush-deadline).
_FLUSH_DEADLINE = 60
#: As long as an agent's WAL reaches back at best: what is older can only be what is still to be sent.
_WAL_REACH = 4 * HOUR

#: With Prometheus' defaults.
_QUEUE_SIZES = {
    "capacity": CAPACITY,
    "max_shards": MAX_SHARDS,
    "min_shards": 1,
    "max_samples_per_send": MAX_SAMPLES_PER_SEND,
}

_UNREADABLE = "unreadable"

#: Flags that Prometheus takes only outside agent mode (serverOnlyFlag in cmd/prometheus/main.go).
_SERVER_FLAGS = ("alertmanager.", "query.", "rules.", "storage.remote.read-", "storage.tsdb.")


@dataclass(frozen=True)
class Finding(Problem):
    """A problem of something that runs. An error costs samples or shows a secret, or will; a warning may."""

    id: str
    severity: Literal["error", "warning"] = "error"


@dataclass(frozen=True)
class Linted:
    """Findings about an agent: about each of its remote-write entries, in their order, and all others."""

    entries: tuple[tuple[Finding, ...], ...]
    others: tuple[Finding, ...]


def lint(running: Mapping[str, object], other_clusters: Mapping[str, object]) -> list[Finding]:
    """Findings about an agent: its remote_write, external_labels, image, args and memory, as far as they are given.

    Of other clusters, the external labels are given by the cluster's name.
    """
    linted = lint_parts(running, other_clusters)
    found = [*(finding for entry in linted.entries for finding in entry), *linted.others]
    return sorted(found, key=lambda finding: finding.id != _UNREADABLE)


def lint_parts(running: Mapping[str, object], other_clusters: Mapping[str, object]) -> Linted:
    """Return the same findings, by what they are about."""
    linter = _Linter(running)
    unreadable = linter.unreadable()
    entries = tuple(tuple(findings) for findings in linter.entries())
    others = [*linter.sending(), *linter.identity(other_clusters), *linter.flags()]
    return Linted(entries, (*unreadable, *linter.unreadable(), *others))


class _Linter:
    def __init__(self, running: Mapping[str, object]) -> None:
        self.reader = Reader()
        self.running = self.reader.mapping("Agent", running)
        self.image = self.reader.value("Agent", self.running, "image", "")
        self.version = _version_of(self.image)
        self.blocks = self.reader.value("Agent", self.running, "remote_write", [])
        self.needed = 0.0
        self.targets: dict[str, str] = {}

    def unreadable(self) -> list[Finding]:
        """Return the problems of reading so far, once."""
        found = [Finding(one.subject, one.cause, one.fix, _UNREADABLE) for one in self.reader.problems]
        self.reader.problems.clear()
        return found

    # The blocks.

    def entries(self) -> Iterator[list[Finding]]:
        for number, content in enumerate(self.blocks, 1):
            found = list(self.entry(number, content))
            yield [*self.unreadable(), *found]

    def entry(self, number: int, content: object) -> Iterator[Finding]:
        name = content.get("name") if isinstance(content, dict) else None
        place = f"Block {number} ({name})" if isinstance(name, str) else f"Block {number}"
        block = self.reader.mapping(place, content)
        url = self.reader.value(place, block, "url", "")
        yield from (*self.target(place, block, url), *self.access(place, block, url), *self.keys(place, block))
        at = f"{place}, queue_config"
        queue = self.reader.mapping(at, block.get("queue_config", {}))
        sizes = {key: self.reader.value(at, queue, key, default) for key, default in _QUEUE_SIZES.items()}
        yield from (*self.queue(at, queue, sizes), *self.times(place, block, queue))
        self.needed += sizes["max_shards"] * shard_bytes(sizes["capacity"], sizes["max_samples_per_send"])
        target = repr([block.get(key) for key in ("url", "headers", "write_relabel_configs")])
        if target in self.targets:
            cause = (
                f"it sends the same to the same place as {self.targets[target]}, and what the slower one sends is "
                "refused with 409 where newer samples are stored"
            )
            fix = "take it away, or give both write_relabel_configs that share no series"
            yield Finding(place, cause, fix, "sent-twice", "warning")
        self.targets.setdefault(target, place)

    def target(self, place: str, block: dict[str, object], url: str) -> Iterator[Finding]:
        yield from _findings(place, url_complaints(url))
        if self.reader.value(place, block, "protobuf_message", PROTOBUF_MESSAGE) != PROTOBUF_MESSAGE:
            cause = "Thanos up to 0.42.4 answers 200 to Remote Write 2.0 and stores nothing, and the lag looks healthy"
            yield Finding(place, cause, f"set protobuf_message: {PROTOBUF_MESSAGE}", "remote-write-2")

    def access(self, place: str, block: dict[str, object], url: str) -> Iterator[Finding]:
        for at, _secret in secrets(block):
            cause = f"{at} is a secret that stands in the configuration for all to read"
            yield Finding(place, cause, "put it into a Secret, and give the file's path instead", "secret")
        shown = [key for key in ("basic_auth", "authorization", "bearer_token_file", "oauth2") if key in block]
        if shown and is_plain(url):
            cause = f"{' and '.join(shown)} over plain http shows the credentials on the way"
            yield Finding(place, cause, "use https", "plain-credentials")
        tls = self.reader.mapping(f"{place}, tls_config", block.get("tls_config", {}))
        if tls.get("insecure_skip_verify") is True:
            cause = "insecure_skip_verify takes any server for the receiver"
            yield Finding(place, cause, "give the ca_file of its certificate instead", "tls-unverified", "warning")

    def keys(self, place: str, block: dict[str, object]) -> Iterator[Finding]:
        """A key that is too new keeps Prometheus from loading the configuration at all."""
        queue = block.get("queue_config")
        present = {*block, *(queue if isinstance(queue, dict) else ())}
        for key, since in KEYS_SINCE.items():
            if key in present and self.version and self.version < since:
                cause = f"Prometheus {_text(self.version)} does not know {key}, and loads no configuration with it"
                yield Finding(place, cause, f"use {_text(since)} or newer, or leave it out", "unknown-key")

    # The queue.

    def queue(self, place: str, queue: dict[str, object], sizes: Mapping[str, int]) -> Iterator[Finding]:
        for key, number in sizes.items():
            if number < 1:
                yield Finding(place, f"{key} {number} is not possible", f"give {key} at least 1", "queue-size")
        if sizes["min_shards"] > sizes["max_shards"]:
            cause = f"min_shards {sizes['min_shards']} is more than max_shards {sizes['max_shards']}"
            yield Finding(place, cause, "lower min_shards, or raise max_shards", "shards")
        # A queue holds capacity / max_samples_per_send batches, at least one (newQueue in storage/remote).
        if sizes["capacity"] < 2 * sizes["max_samples_per_send"]:
            cause = (
                f"capacity {sizes['capacity']} holds a single batch of max_samples_per_send "
                f"{sizes['max_samples_per_send']}, and when the queue of one shard is full, all wait"
            )
            fix = f"set capacity: {5 * sizes['max_samples_per_send']}"
            yield Finding(place, cause, fix, "capacity", "warning")
        if not self.reader.value(place, queue, "retry_on_http_429", False):
            cause = "what the receiver answers with 429, its head-series limit, is dropped and not sent again"
            yield Finding(place, cause, "set retry_on_http_429: true", "retry-429", "warning")

    def sending(self) -> Iterator[Finding]:
        """Findings about all entries together."""
        if "remote_write" in self.running and not self.blocks:
            cause = "it has no remote_write, and an agent keeps nothing that could be queried"
            yield Finding("Agent", cause, "give it a block that leads to Thanos Receive", "no-remote-write")
        if not self.blocks or self.running.get("memory") is None:
            return
        memory = self.reader.number("Agent", self.running, "memory", 0)
        if self.needed > memory:
            cause = f"its queues take up to {size(self.needed)} when all shards run, and its memory is {size(memory)}"
            yield Finding("Agent", cause, "lower max_shards or capacity, or raise the memory", "memory", "warning")

    def times(self, place: str, block: dict[str, object], queue: dict[str, object]) -> Iterator[Finding]:
        at = f"{place}, queue_config"
        limit = self.seconds(at, queue, "sample_age_limit", 0)
        if 0 < limit < _WAL_REACH:
            cause = f"after an outage, samples older than sample_age_limit {duration(limit)} are dropped"
            yield Finding(at, cause, "leave sample_age_limit out", "sample-age-limit", "warning")
        deadline = self.seconds(at, queue, "batch_send_deadline", 5)
        if deadline > _FLUSH_DEADLINE:
            cause = (
                f"a batch that does not fill waits for batch_send_deadline {duration(deadline)}, longer than a "
                f"stopping Prometheus waits for its queues ({_FLUSH_DEADLINE} s), and a quiet agent seems to lag"
            )
            yield Finding(at, cause, "leave batch_send_deadline out: it is then 5s", "batch-send-deadline", "warning")
        if self.seconds(at, queue, "min_backoff", 0.03) > self.seconds(at, queue, "max_backoff", 5):
            yield Finding(at, "min_backoff is more than max_backoff", "leave both out", "backoff")
        timeout = self.seconds(place, block, "remote_timeout", 30)
        if timeout <= _FORWARD_TIMEOUT:
            cause = (
                f"remote_timeout {duration(timeout)} ends before a router does ({_FORWARD_TIMEOUT} s): the agent sends "
                "again what may still be stored"
            )
            yield Finding(place, cause, "leave remote_timeout out: it is then 30s", "remote-timeout", "warning")

    def seconds(self, place: str, mapping: dict[str, object], key: str, default: float) -> float:
        if key not in mapping:
            return default
        found = seconds(str(mapping[key]))
        if found is None:
            self.reader.refuse(place, f"{key} is no duration", f"write {key} like 5s or 1m30s")
            return default
        return found

    # Who it is.

    def identity(self, other_clusters: Mapping[str, object]) -> Iterator[Finding]:
        if "external_labels" not in self.running and not other_clusters:
            return
        place = "Agent, external_labels"
        labels = self.reader.labels(place, self.running.get("external_labels", {}))
        yield from _findings(place, label_complaints(labels))
        for cluster, content in other_clusters.items():
            others = self.reader.labels(f"Cluster {cluster}, external_labels", content)
            if labels and labels == others:
                cause = f"they are equal to those of {cluster}: one series of both is refused with 409"
            elif labels.get("cluster") and labels["cluster"] == others.get("cluster"):
                cause = f"the cluster {labels['cluster']} is also that of {cluster}: no query tells them apart"
            else:
                continue
            yield Finding(place, cause, "give each cluster its own label cluster", "identity")

    # How it is started.

    def flags(self) -> Iterator[Finding]:
        if "args" not in self.running:
            return
        flags = _flags(self.reader.texts("Agent", self.running, "args"))
        features = {feature for name, value in flags if name == "enable-feature" for feature in value.split(",")}
        names = {name for name, _value in flags}
        is_agent = "agent" in names or "agent" in features
        if self.version is None:
            cause = f"its image {self.image!r} names no version, and what depends on it is not checked"
            yield Finding("Agent", cause, "give the version as the image's tag", "version-unknown", "warning")
        elif self.version >= AGENT_FLAG_SINCE and "agent" in features:
            cause = "Prometheus 3 only warns of the feature agent: it is a full server, or ends on --storage.agent.path"
            yield Finding("Agent, --enable-feature", cause, "replace it by --agent", "agent-flag")
        elif self.version < AGENT_FLAG_SINCE and "agent" in names:
            cause = "Prometheus 2 does not know the flag and ends"
            yield Finding("Agent, --agent", cause, "replace it by --enable-feature=agent", "agent-flag")
        if not is_agent:
            only = sorted(name for name in names if name.startswith("storage.agent."))
            if only:
                cause = "Prometheus takes it in agent mode only, and ends"
                yield Finding(f"Agent, --{only[0]}", cause, f"add {self.agent_flag()}", "agent-flag")
            else:
                cause = "it runs as a full server, which evaluates rules and keeps what it scrapes"
                yield Finding("Agent", cause, f"add {self.agent_flag()}", "not-agent", "warning")
        for name in sorted(names) if is_agent else ():
            if name.startswith(_SERVER_FLAGS):
                cause = "Prometheus takes it outside agent mode only, and ends"
                yield Finding(f"Agent, --{name}", cause, "leave it out", "server-flag")

    def agent_flag(self) -> str:
        return "--agent" if self.version is None or self.version >= AGENT_FLAG_SINCE else "--enable-feature=agent"


def _findings(place: str, complaints: Iterable[Complaint]) -> Iterator[Finding]:
    for complaint in complaints:
        severity: Literal["error", "warning"] = "error" if complaint.certain else "warning"
        yield Finding(complaint.place(place), complaint.cause, complaint.fix, complaint.id, severity)


def _flags(args: Iterable[str]) -> list[tuple[str, str]]:
    """Names and values, also where the value is an argument of its own."""
    flags: list[tuple[str, str]] = []
    for arg in args:
        if arg.startswith("-"):
            name, _sign, value = arg.lstrip("-").partition("=")
            flags.append((name, value))
        elif flags and not flags[-1][1]:
            flags[-1] = (flags[-1][0], arg)
    return flags


def _version_of(image: str) -> Version | None:
    return version(image.partition("@")[0].rpartition(":")[2])


def _text(number: Version) -> str:
    return f"{number[0]}.{number[1]}"
