# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The configuration of an agent under a newer version of Prometheus: what Prometheus 3 reads otherwise.

From the sources that agent/versions.py names. The versions within a major read what the older ones do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.miribit.thanos.plugins.module_utils.agent.flags import features
from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem
from ansible_collections.miribit.thanos.plugins.module_utils.base.untyped import elements, mapping
from ansible_collections.miribit.thanos.plugins.module_utils.base.versions import Version
from ansible_collections.miribit.thanos.plugins.module_utils.remote_write.model import AGENT_FLAG_SINCE

_MIGRATION = "Prometheus, docs/migration.md"
_CHANGELOG = "Prometheus, CHANGELOG.md"


@dataclass(frozen=True)
class Difference(Problem):
    """What another version makes of a configuration. What is fatal keeps it from loading."""

    id: str
    source: str
    fatal: bool = False


_CLASS = re.compile(r"\[\^?\]?[^\]]*\]|\\.")
_PORT = re.compile(r":[0-9]{1,5}$")


def differences(
    config: Mapping[str, object], args: Sequence[str], running: Version, wanted: Version
) -> list[Difference]:
    """Return what Prometheus 3 makes of a running agent's configuration that Prometheus 2 does not.

    Only what the configuration shows; the answers of the targets are not known here.
    """
    return list(_Reading(config, features(args)).differences()) if running < AGENT_FLAG_SINCE <= wanted else []


class _Reading:
    def __init__(self, config: Mapping[str, object], enabled: frozenset[str]) -> None:
        self.enabled = enabled
        self.settings = mapping(config.get("global"))
        self.jobs = {str(job.get("job_name")): job for job in _mappings(config.get("scrape_configs"))}
        self.blocks = _mappings(config.get("remote_write"))

    def differences(self) -> Iterator[Difference]:
        yield from self._keys()
        yield from self._labels()
        yield from self._scraping()
        yield from self._relabelling()
        yield from self._targets()
        yield from self._sending()

    def _keys(self) -> Iterator[Difference]:
        key = "scrape_classic_histograms"
        for name in (name for name, job in self.jobs.items() if key in job):
            cause = f"Prometheus 3 does not know {key}, and loads no configuration with it"
            yield Difference(f"Job {name}", cause, f"rename it to always_{key}", "unknown-key", _CHANGELOG, fatal=True)

    def _labels(self) -> Iterator[Difference]:
        """External labels with variables of the environment."""
        if "expand-external-labels" in self.enabled:
            return
        for name, value in mapping(self.settings.get("external_labels")).items():
            if "$" in str(value):
                cause = "it holds '$': only Prometheus 3 replaces what follows by a variable, so its value under 3 is "
                cause += "not the one under 2"
                fix = "write $$ for '$' under Prometheus 3"
                yield Difference(f"External label {name}", cause, fix, "environment", _MIGRATION)

    def _scraping(self) -> Iterator[Difference]:
        lenient = [name for name, job in self.jobs.items() if "fallback_scrape_protocol" not in job]
        if lenient:
            cause = "a target that answers without a Content-Type that Prometheus knows is down under Prometheus 3"
            fix = "see after the change whether targets are down; if so, set fallback_scrape_protocol: "
            fix += "PrometheusText0.0.4 in their job (only Prometheus 3 knows it)"
            yield Difference(_of_jobs(lenient), cause, fix, "content-type", _MIGRATION)
        if self.jobs:
            cause = "values of le and quantile become fractions, such as 1.0 for 1, where the target says 1: these "
            cause += "series end, and others begin"
            fix = 'look for le="1" and the like in rules and dashboards'
            yield Difference(_of_jobs(self.jobs), cause, fix, "le", _MIGRATION)
        scheme = "metric_name_validation_scheme"
        modern = [name for name, job in self.jobs.items() if job.get(scheme, self.settings.get(scheme)) != "legacy"]
        if modern and "utf8-names" not in self.enabled:
            cause = "a target that knows names with any character of UTF-8 gives those to Prometheus 3, and others to 2"
            fix = f"set {scheme}: legacy in the configuration's global section to keep names (2.48 does not know it)"
            yield Difference(_of_jobs(modern), cause, fix, "utf-8", _MIGRATION)

    def _relabelling(self) -> Iterator[Difference]:
        by_number, by_dot = [], []
        for name, job in self.jobs.items():
            before, after = _mappings(job.get("relabel_configs")), _mappings(job.get("metric_relabel_configs"))
            if any({"le", "quantile"} & set(_sources(rule)) for rule in after):
                by_number.append(name)
            if any(_reads_annotation(rule) and _has_dot(str(rule.get("regex", ".*"))) for rule in before):
                by_dot.append(name)
        if by_number:
            cause = "it relabels by le or quantile, whose values are fractions under Prometheus 3, such as 1.0 for 1"
            yield Difference(_of_jobs(by_number), cause, "let its regex match 1.0 and 1", "le-relabelling", _MIGRATION)
        if by_dot:
            cause = "'.' in a regex matches a line break under Prometheus 3, and annotations can hold one"
            yield Difference(_of_jobs(by_dot), cause, "write [^\\n] for '.' if they do", "dot", _MIGRATION)

    def _targets(self) -> Iterator[Difference]:
        bare, overruled = [], []
        for name, job in self.jobs.items():
            if "no-default-scrape-port" not in self.enabled and _lacks_port(job):
                bare.append(name)
            parameters = {f"__param_{key}" for key in mapping(job.get("params"))}
            if any(parameters & mapping(group.get("labels")).keys() for group in _mappings(job.get("static_configs"))):
                overruled.append(name)
        if bare:
            cause = "Prometheus 3 adds no :80 or :443 to targets without a port: their label instance changes"
            yield Difference(_of_jobs(bare), cause, "write the port to keep the label", "default-port", _MIGRATION)
        if overruled:
            cause = "targets have a label __param_… beside params of the job: under Prometheus 3 the label counts"
            yield Difference(_of_jobs(overruled), cause, "leave one of both out", "params", _CHANGELOG)

    def _sending(self) -> Iterator[Difference]:
        for number, block in enumerate(self.blocks, 1):
            if "enable_http2" not in block and str(block.get("url")).lower().startswith("https:"):
                name = block.get("name")
                place = f"remote_write, entry {number} ({name})" if name else f"remote_write, entry {number}"
                cause = "Prometheus 3 speaks HTTP/1.1 to it, and so opens up to a connection for each shard"
                fix = "leave it so, or set enable_http2: true to go on with HTTP/2"
                yield Difference(place, cause, fix, "http2", _MIGRATION)


def _lacks_port(job: Mapping[str, object]) -> bool:
    """Whether targets of a job surely have no port, or may, and their label instance is made from it."""
    rules = _mappings(job.get("relabel_configs"))
    written = [rule.get("target_label") for rule in rules]
    if "instance" in written:
        return False
    for rule in rules:
        address = str(rule.get("replacement", "$1"))
        if rule.get("target_label") == "__address__" and "$" not in address and not _PORT.search(address):
            return True
    if "__address__" in written:
        return False
    targets = [target for group in _mappings(job.get("static_configs")) for target in elements(group.get("targets"))]
    if any(not _PORT.search(str(target)) for target in targets):
        return True
    # Hosts of Ingresses never have one, containers of pods need not (docs/configuration/configuration.md).
    return any(str(found.get("role")) in {"ingress", "pod"} for found in _mappings(job.get("kubernetes_sd_configs")))


def _sources(rule: Mapping[str, object]) -> list[str]:
    return [str(label) for label in elements(rule.get("source_labels"))]


def _reads_annotation(rule: Mapping[str, object]) -> bool:
    return any("_annotation_" in label for label in _sources(rule))


def _has_dot(regex: str) -> bool:
    """One that stands for any character."""
    return "." in _CLASS.sub("", regex)


def _of_jobs(names: Sequence[str] | Mapping[str, object]) -> str:
    return f"Job {next(iter(names))}" if len(names) == 1 else f"Jobs {', '.join(names)}"


def _mappings(value: object) -> list[dict[str, object]]:
    return [item for item in elements(value) if isinstance(item, dict)]
