# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Targets of a Prometheus: read, identified, assigned to a cluster, and compared between servers.

Two servers label the same target in their own ways, so address, path and parameters identify it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import parse_qs, urlencode, urlsplit

from ansible_collections.miribit.thanos.plugins.module_utils.base.durations import seconds
from ansible_collections.miribit.thanos.plugins.module_utils.base.untyped import (
    HIDDEN,
    elements,
    first_text,
    mapping,
    scrubbed,
    shortened,
)

_DEFAULT_PORTS = {"http": 80, "https": 443}
_SECRET_PARAM = re.compile(r"auth|credential|key|passw|secret|signature|token", re.IGNORECASE)
_DEFAULT_INTERVAL = 60.0
_META = "__meta_kubernetes_"
_NODES = ("pod_node_name", "endpoint_node_name", "endpointslice_endpoint_node_name", "node_name")
#: A server that scrapes these scrapes itself, or another container of its pod.
_ITSELF = frozenset({"localhost", "127.0.0.1", "::1"})


class TargetKey(NamedTuple):
    """Identity of a target."""

    address: str
    path: str
    params: tuple[tuple[str, tuple[str, ...]], ...]

    def __str__(self) -> str:
        shown = "&".join(f"{name}={value}" for name, values in self.params for value in values)
        return f"{self.address}{self.path}" + (f"?{shown}" if shown else "")

    @property
    def host(self) -> str:
        """Host without port, and without the brackets of an IPv6 address."""
        if self.address.startswith("["):
            return self.address[1:].partition("]")[0]
        return self.address.rpartition(":")[0] if self.address.count(":") == 1 else self.address

    def as_dict(self) -> dict[str, object]:
        return {
            "address": self.address,
            "path": self.path,
            "params": {name: list(values) for name, values in self.params},
        }


@dataclass(frozen=True)
class Target:
    """An active target."""

    key: TargetKey
    url: str
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)
    health: str = "unknown"
    error: str = ""
    interval: float = _DEFAULT_INTERVAL
    namespace: str | None = None
    service: str | None = None
    pod: str | None = None
    node: str | None = None
    #: Name of its scrape job. The label job can differ.
    pool: str = ""
    #: Labels before relabelling.
    discovered: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def job(self) -> str:
        return self.labels.get("job") or "unknown"

    @property
    def cluster(self) -> str | None:
        return self.labels.get("cluster")

    @property
    def host(self) -> str:
        return self.key.host

    def fact(self) -> TargetFact:
        """Return the fact of the audit."""
        return TargetFact(
            url=self.url,
            address=self.key.address,
            path=self.key.path,
            params=dict(self.key.params),
            job=self.labels.get("job") or None,
            health=self.health,
            error=self.error,
            namespace=self.namespace,
            service=self.service,
            pod=self.pod,
            node=self.node,
            cluster=self.cluster or None,
        )


@dataclass(frozen=True)
class TargetFact:
    """Target as a fact of the audit."""

    url: str
    address: str
    path: str
    params: Mapping[str, tuple[str, ...]]
    job: str | None
    health: str | None
    error: str | None
    namespace: str | None
    service: str | None
    pod: str | None
    node: str | None
    #: Label cluster of its own.
    cluster: str | None

    @property
    def target(self) -> Target:
        labels = {"job": self.job, "cluster": self.cluster}
        return Target(
            key=TargetKey(self.address, self.path, tuple(sorted(self.params.items()))),
            url=self.url,
            labels={name: value for name, value in labels.items() if value},
            health=self.health or "unknown",
            error=self.error or "",
            namespace=self.namespace,
            service=self.service,
            pod=self.pod,
            node=self.node,
        )


# Reading.


def targets(content: object) -> tuple[Target, ...]:
    """Active targets in the data of an answer of /api/v1/targets."""
    return tuple(_targets(content))


def _targets(content: object) -> Iterator[Target]:
    for item in elements(mapping(content).get("activeTargets")):
        target = mapping(item)
        identity = target_key(str(target.get("scrapeUrl") or ""))
        if identity is None:
            continue
        labels, found = _texts(target.get("labels")), _texts(target.get("discoveredLabels"))
        key, url = identity
        yield Target(
            key=key,
            url=url,
            labels=labels,
            health=first_text(target.get("health")) or "unknown",
            error=shortened(str(target.get("lastError") or "")),
            interval=seconds(str(target.get("scrapeInterval") or "")) or _DEFAULT_INTERVAL,
            namespace=first_text(found.get(f"{_META}namespace"), labels.get("namespace")),
            service=first_text(found.get(f"{_META}service_name"), labels.get("service")),
            pod=first_text(found.get(f"{_META}pod_name"), labels.get("pod")),
            node=first_text(*(found.get(f"{_META}{name}") for name in _NODES), labels.get("node")),
            pool=str(target.get("scrapePool") or labels.get("job") or ""),
            discovered=found,
        )


def _texts(content: object) -> dict[str, str]:
    return {name: str(value) for name, value in mapping(content).items()}


def read_key(fact: Mapping[str, object]) -> TargetKey:
    """Key of a target that this collection has written: address, path, params."""
    params = mapping(fact.get("params"))
    return TargetKey(
        str(fact.get("address") or ""),
        str(fact.get("path") or "/"),
        tuple((name, tuple(str(value) for value in elements(params[name]))) for name in sorted(params)),
    )


def read_target(fact: Mapping[str, object]) -> Target:
    """Target as the module _edge_info returns it."""
    key, labels = read_key(fact), _texts(fact.get("labels"))
    if job := fact.get("job"):
        labels["job"] = str(job)
    return Target(
        key=key,
        url=str(key),
        labels=labels,
        health=first_text(fact.get("health")) or "unknown",
        namespace=first_text(fact.get("namespace")),
        pod=first_text(fact.get("pod")),
    )


def target_key(url: str) -> tuple[TargetKey, str] | None:
    """Key of the target at a URL, and the URL, both without secrets; None for an invalid URL."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or _DEFAULT_PORTS.get(parts.scheme)
        params = parse_qs(parts.query, keep_blank_values=True)
    except ValueError:
        return None
    if not host or port is None:
        return None
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    path = parts.path or "/"
    shown = {name: [_param(name, value) for value in params[name]] for name in sorted(params)}
    query = f"?{urlencode(shown, doseq=True, safe='<>:/')}" if shown else ""
    key = TargetKey(address, path, tuple((name, tuple(values)) for name, values in shown.items()))
    return key, f"{parts.scheme}://{address}{path}{query}"


def _param(name: str, value: str) -> str:
    if _SECRET_PARAM.search(name):
        return HIDDEN
    # What is probed, with a login.
    return scrubbed(value) if "@" in value else value


# What would be missed.


def missed(
    targets: Iterable[Target], scraped: Collection[TargetKey], going: Collection[tuple[str | None, str | None]]
) -> list[Target]:
    """Return the targets, each once, that nobody would scrape if the servers that have them were gone.

    Going are namespace and name of the pods that go together with these servers.
    """
    found: dict[TargetKey, Target] = {}
    for target in targets:
        if target.key not in scraped and _is_needed(target, going):
            found.setdefault(target.key, target)
    return list(found.values())


def _is_needed(target: Target, going: Collection[tuple[str | None, str | None]]) -> bool:
    """Whether a target has samples now, and will when these pods are gone."""
    return target.health == "up" and target.host not in _ITSELF and (target.namespace, target.pod) not in going


# Words.


def by_job(targets: Iterable[Target]) -> Iterator[str]:
    """Describe targets: the number of each job, and one of them as an example."""
    urls: dict[str, list[str]] = {}
    for target in targets:
        urls.setdefault(target.job, []).append(target.url)
    for job in sorted(urls):
        yield f"job {job}: {number(urls[job])}, such as {min(urls[job])}"


def jobs(targets: Iterable[Target]) -> str:
    """Number of targets of each job, in one line."""
    numbers: Mapping[str, int] = Counter(target.job for target in targets)
    return ", ".join(f"{job} {numbers[job]}" for job in sorted(numbers))


def number(targets: Sequence[object]) -> str:
    return "1 target" if len(targets) == 1 else f"{len(targets)} targets"
