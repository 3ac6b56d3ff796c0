# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Facts of the audit in the answers of a Prometheus, full server or agent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from ansible_collections.miribit.thanos.plugins.module_utils.base.durations import seconds
from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem
from ansible_collections.miribit.thanos.plugins.module_utils.base.untyped import (
    elements,
    first_text,
    mapping,
    scrubbed,
)
from ansible_collections.miribit.thanos.plugins.module_utils.kube.objects import Object
from ansible_collections.miribit.thanos.plugins.module_utils.kube.owners import Named
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.entries import (
    RemoteWrite,
    complaints,
    remote_write,
)
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.exposition import Metrics
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.queues import version
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.targets import Target, TargetFact
from ansible_collections.miribit.thanos.plugins.module_utils.remote_write.lint import Finding, Linted, lint_parts

#: What of the flags is worth to know, besides those of the storage: what it is, and what can be done from outside.
_FLAGS = frozenset({"agent", "enable-feature", "web.enable-admin-api", "web.enable-lifecycle"})
_DEFAULT_RETENTION = "15d"
_DEFAULT_SCRAPE_INTERVAL = 60.0
#: The mean since the start says nothing before the first scrapes are done.
_SHORTEST_UPTIME = 300.0


@dataclass(frozen=True)
class Rule:
    group: str | None
    name: str
    #: alerting or recording.
    type: str | None
    #: Of an alert only.
    state: str | None


@dataclass(frozen=True)
class Prometheus:
    """Facts of a server or an agent."""

    answers: bool
    #: Why it does not answer.
    problem: Problem | None
    external_labels: Mapping[str, str] | None
    #: In seconds.
    scrape_interval: float | None
    retention: str | None
    flags: Mapping[str, str] | None
    config_source: Named | None
    series: int | None
    samples_per_second: float | None
    targets: tuple[TargetFact, ...] | None
    rules: tuple[Rule, ...] | None
    alertmanagers: tuple[str, ...] | None
    #: Findings but those about its remote-write entries.
    problems: tuple[Finding, ...] | None
    remote_write: tuple[RemoteWrite, ...] | None
    #: Last complaints about remote write.
    log: tuple[str, ...] | None


@dataclass(frozen=True)
class Server:
    """What is known of it without asking."""

    is_agent: bool
    image: str
    args: tuple[str, ...] = ()
    memory: int | None = None
    config_source: Named | None = None


@dataclass(frozen=True)
class Answers:
    """What it said. None stands for what it was not asked for, or did not tell."""

    #: The document in its status/config, and the data of the other answers.
    config: object = None
    flags: object = None
    targets: Iterable[Target] | None = None
    rules: object = None
    alertmanagers: object = None
    metrics: Metrics | None = None
    log: str = ""
    #: When it said so, in seconds since 1970.
    moment: float | None = None


def arguments(container: Object) -> tuple[str, ...]:
    """The words that it is started with, also where a shell stands before them."""
    words = [*(container.get("command") or []), *(container.get("args") or [])]
    return tuple(word for text in words for word in str(text).split())


def stored_bytes(metrics: Metrics) -> int | None:
    """What lies in its folder: its blocks, its WAL, and the chunks of its head."""
    parts = ("storage_blocks_bytes", "wal_storage_size_bytes", "head_chunks_storage_size_bytes")
    found = [size for part in parts if (size := metrics.value(f"prometheus_tsdb_{part}")) is not None]
    return int(sum(found)) if found else None


def silent(server: Server, problem: Problem, log: str = "") -> Prometheus:
    """Return the facts of a process that could not be asked."""
    return replace(facts(server, Answers(log=log)), answers=False, problem=problem)


def facts(server: Server, said: Answers) -> Prometheus:
    """Return the facts of a process. An answer that is missing makes None, of a list as well as of a number."""
    config = None if said.config is None else mapping(said.config)
    entries = [mapping(entry) for entry in elements((config or {}).get("remote_write"))]
    linted = None if config is None else _linted(server, config, said.metrics)
    return Prometheus(
        answers=True,
        problem=None,
        external_labels=None if config is None else _external_labels(config),
        scrape_interval=None if config is None else _scrape_interval(config),
        retention=None if server.is_agent else _retention(config or {}, mapping(said.flags)),
        flags=_flags(said.flags),
        config_source=server.config_source,
        series=_series(server, said.metrics),
        samples_per_second=_samples_per_second(server, said.metrics, said.moment),
        targets=None if said.targets is None else _targets(said.targets),
        # An agent has none.
        rules=_rules(said.rules) if server.is_agent or said.rules is not None else None,
        alertmanagers=_alertmanagers(said.alertmanagers) if server.is_agent or said.alertmanagers is not None else None,
        problems=linted.others if linted else (),
        remote_write=remote_write(entries, said.metrics, linted.entries) if linted else None,
        log=complaints(said.log),
    )


def _external_labels(config: Mapping[str, object]) -> dict[str, str]:
    labels = mapping(mapping(config.get("global")).get("external_labels"))
    return {name: str(value) for name, value in sorted(labels.items())}


def _scrape_interval(config: Mapping[str, object]) -> float | None:
    interval = mapping(config.get("global")).get("scrape_interval")
    return _DEFAULT_SCRAPE_INTERVAL if interval is None else seconds(str(interval))


def _retention(config: Mapping[str, object], flags: Mapping[str, object]) -> str | None:
    """How long a full server keeps data; None where only the size limits it, or it is not known."""
    # In its configuration from 3.10 on (TSDBRetentionConfig in config/config.go), where it wins over the flags.
    tsdb = mapping(mapping(config.get("storage")).get("tsdb"))
    if retention := mapping(tsdb.get("retention")):
        return str(retention["time"]) if "time" in retention else None
    if not flags:
        return None
    times = [str(flags.get(f"storage.tsdb.{name}", "0s")) for name in ("retention.time", "retention")]
    found = [time for time in times if time not in {"", "0s"}]
    if found:
        return found[0]
    return _DEFAULT_RETENTION if flags.get("storage.tsdb.retention.size", "0B") in {"", "0", "0B"} else None


def _flags(content: object) -> dict[str, str]:
    flags = mapping(content).items()
    return {name: str(value) for name, value in sorted(flags) if name in _FLAGS or name.startswith("storage.")}


def _series(server: Server, metrics: Metrics | None) -> int | None:
    name = "prometheus_agent_active_series" if server.is_agent else "prometheus_tsdb_head_series"
    series = metrics.value(name) if metrics else None
    return None if series is None else int(series)


def _samples_per_second(server: Server, metrics: Metrics | None, moment: float | None) -> float | None:
    """The mean since it was started: one look at a counter tells no more."""
    started = metrics.value("process_start_time_seconds") if metrics else None
    if metrics is None or started is None or moment is None or moment - started < _SHORTEST_UPTIME:
        return None
    store = "agent" if server.is_agent else "tsdb_head"
    appended = metrics.totals(f"prometheus_{store}_samples_appended_total")
    return round(appended[()] / (moment - started), 1) if appended else None


# Targets, rules, alertmanagers.


def _targets(targets: Iterable[Target]) -> tuple[TargetFact, ...]:
    return tuple(sorted((target.fact() for target in targets), key=lambda fact: (fact.url, fact.job or "")))


def _rules(content: object) -> tuple[Rule, ...]:
    return tuple(sorted(_read_rules(content), key=lambda rule: (rule.group or "", rule.name)))


def _read_rules(content: object) -> Iterator[Rule]:
    for item in elements(mapping(content).get("groups")):
        group = mapping(item)
        for content_of_rule in elements(group.get("rules")):
            rule = mapping(content_of_rule)
            kind = first_text(rule.get("type"))
            state = first_text(rule.get("state")) if kind == "alerting" else None
            yield Rule(first_text(group.get("name")), str(rule.get("name") or ""), kind, state)


def _alertmanagers(content: object) -> tuple[str, ...]:
    found = (mapping(item).get("url") for item in elements(mapping(content).get("activeAlertmanagers")))
    return tuple(sorted({scrubbed(str(url)) for url in found if url}))


# Remote write.


def _linted(server: Server, config: Mapping[str, object], metrics: Metrics | None) -> Linted:
    running_version = version(metrics) if metrics else None
    running: dict[str, object] = {"image": f"prometheus:v{running_version}" if running_version else server.image}
    if server.is_agent or config.get("remote_write"):
        running["remote_write"] = elements(config.get("remote_write"))
        running["external_labels"] = _external_labels(config)
    # The rest of what is linted holds for agents only.
    if server.is_agent:
        running |= {"args": list(server.args), "memory": server.memory}
    linted = lint_parts(running, {})
    if server.config_source and server.config_source.kind == "ConfigMap":
        return linted
    # The operator writes credentials into a Secret, where they may stand; status/config shows where, but not what.
    entries = (tuple(finding for finding in entry if finding.id != "secret") for entry in linted.entries)
    return replace(linted, entries=tuple(entries))
