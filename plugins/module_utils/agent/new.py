# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An agent that this collection makes where an edge has none: its configuration and its arguments."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from ansible_collections.miribit.thanos.plugins.module_utils.agent import flags as agent_flags
from ansible_collections.miribit.thanos.plugins.module_utils.agent.config import Wanted, configure
from ansible_collections.miribit.thanos.plugins.module_utils.agent.versions import shown
from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.base.reader import Reader
from ansible_collections.miribit.thanos.plugins.module_utils.base.versions import Version, version
from ansible_collections.miribit.thanos.plugins.module_utils.base.yaml_edit import Yaml
from ansible_collections.miribit.thanos.plugins.module_utils.fleet.schema import CREDENTIALS_FOLDER
from ansible_collections.miribit.thanos.plugins.module_utils.remote_write.model import (
    AGENT_FLAG_SINCE,
    AGENT_SINCE,
    Spec,
)
from ansible_collections.miribit.thanos.plugins.module_utils.remote_write.secrets import secrets

Job: TypeAlias = "dict[str, object]"

_KEYS = (
    "prometheus_version",
    "remote_write",
    "namespaces",
    "scrape_interval",
    "kubelet_insecure_skip_verify",
    "extra_scrape_configs",
    "extra_args",
)
#: The configuration has a folder of its own, beside that of the credentials.
_CONFIG, _DATA = "--config.file=/etc/prometheus/config/prometheus.yml", "--storage.agent.path=/prometheus"

_SCRAPE_INTERVAL = "30s"
_DURATION = re.compile(r"([1-9][0-9]{0,5}(ms|[smh]))+")

#: Job -> app.kubernetes.io/name of its Services: that of the Helm charts, and that of kube-prometheus.
_EXPORTERS = {"node-exporter": "(prometheus-)?node-exporter", "kube-state-metrics": "kube-state-metrics"}
_KUBELET = {"kubelet": "/metrics", "cadvisor": "/metrics/cadvisor"}
_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"

_HEAD = "# Made by miribit.thanos from its inventory: the next run undoes what is changed here.\n"


@dataclass(frozen=True)
class Manifest:
    """What the role's templates put into the ConfigMap and the StatefulSet."""

    config: str
    args: tuple[str, ...]
    warnings: tuple[Problem, ...]

    def as_dict(self) -> dict[str, object]:
        return {
            "config": self.config,
            "args": list(self.args),
            "config_hash": hashlib.sha256(self.config.encode()).hexdigest(),
        }


def manifest(spec: object, yaml: Yaml) -> Manifest:
    """The agent that is asked for. Raises ProblemError with everything that is wrong."""
    reader = Reader()
    content = reader.mapping("spec", spec, _KEYS)
    number = _version(reader, content)
    wanted = _wanted(reader, content, number or AGENT_SINCE)
    interval = _scrape_interval(reader, content)
    flags = _flags(reader, content, number)
    problems = [*reader.problems, *(flags.problems if flags else ())]
    try:
        made = configure(f"{_HEAD}global:\n  scrape_interval: {interval}\n", wanted, yaml)
    except ProblemError as error:
        raise ProblemError([*problems, *error.problems]) from None
    if problems or flags is None:
        raise ProblemError(problems)
    return Manifest(made.text, flags.args, (*flags.warnings, *made.warnings))


def _version(reader: Reader, content: Mapping[str, object]) -> Version | None:
    text = reader.value("spec", content, "prometheus_version", "")
    number = version(text)
    if number is None or number < AGENT_SINCE:
        cause = f"{text!r} is no version" if number is None else f"{text} has no agent mode"
        reader.refuse("prometheus_version", cause, f"give {shown(AGENT_SINCE)} or newer")
        return None
    return number


def _flags(reader: Reader, content: Mapping[str, object], number: Version | None) -> agent_flags.Flags | None:
    """None if it is not known for which version."""
    extra = reader.texts("spec", content, "extra_args")
    if number is None:
        return None
    # What is asked for besides is meant for this very version.
    agent = "--agent" if number >= AGENT_FLAG_SINCE else "--enable-feature=agent"
    return agent_flags.carry([_CONFIG, agent, _DATA, *extra], number, number)


def _scrape_interval(reader: Reader, content: Mapping[str, object]) -> str:
    text = reader.value("spec", content, "scrape_interval", _SCRAPE_INTERVAL)
    if _DURATION.fullmatch(text):
        return text
    reader.refuse("scrape_interval", f"{text!r} is no duration", "write one such as 30s or 1m")
    return _SCRAPE_INTERVAL


def _wanted(reader: Reader, content: Mapping[str, Any], prometheus: Version) -> Wanted:
    spec = Spec.of(content.get("remote_write"))
    return Wanted(
        remote_write=spec.entries(prometheus),
        external_labels=spec.external_labels,
        extra_scrape_configs=[*_jobs(reader, content), *_extra_jobs(reader, content)],
    )


# What it scrapes.


def _jobs(reader: Reader, content: Mapping[str, object]) -> list[Job]:
    namespaces = reader.texts("spec", content, "namespaces")
    if not namespaces:
        reader.refuse("namespaces", "there is none to find exporters in", "name those that have them")
    unchecked = reader.value("spec", content, "kubelet_insecure_skip_verify", default=True)
    tls: dict[str, object] = {"insecure_skip_verify": True} if unchecked else {"ca_file": f"{_ACCOUNT}/ca.crt"}
    return [
        *(_exporter(name, services, namespaces) for name, services in _EXPORTERS.items()),
        *(_kubelet(name, path, tls) for name, path in _KUBELET.items()),
    ]


def _exporter(name: str, services: str, namespaces: Sequence[str]) -> Job:
    """By Services, whoever made them."""
    keep = {"action": "keep", "source_labels": ["__meta_kubernetes_service_label_app_kubernetes_io_name"]}
    # It tells of other objects, whose namespace, pod and node its series have, and not its own.
    of_others = name == "kube-state-metrics"
    # The pod's, because 2.48 does not tell the endpoint's node.
    node = [] if of_others else [_node("__meta_kubernetes_pod_node_name")]
    return {
        "job_name": name,
        **({"honor_labels": True} if of_others else {}),
        "kubernetes_sd_configs": [{"role": "endpointslice", "namespaces": {"names": list(namespaces)}}],
        "relabel_configs": [{**keep, "regex": services}, *node],
    }


def _kubelet(name: str, path: str, tls: dict[str, object]) -> Job:
    return {
        "job_name": name,
        "scheme": "https",
        "metrics_path": path,
        "authorization": {"credentials_file": f"{_ACCOUNT}/token"},
        "tls_config": tls,
        "kubernetes_sd_configs": [{"role": "node"}],
        "relabel_configs": [_node("__meta_kubernetes_node_name")],
    }


def _node(label: str) -> dict[str, object]:
    return {"source_labels": [label], "target_label": "node"}


def _extra_jobs(reader: Reader, content: Mapping[str, object]) -> list[Job]:
    items = enumerate(reader.value("spec", content, "extra_scrape_configs", list[object]()), 1)
    jobs = [reader.mapping(f"extra_scrape_configs, entry {number}", item) for number, item in items]
    for number, job in enumerate(jobs, 1):
        for place, _secret in secrets(job):
            cause = f"{place} would stand in a ConfigMap for all to read"
            fix = "name a file instead: a Secret of your own (prometheus_agent_credentials_secret) is mounted at "
            fix += CREDENTIALS_FOLDER
            reader.refuse(f"extra_scrape_configs, entry {number}", cause, fix)
    return jobs
