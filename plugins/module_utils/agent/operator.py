# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The remote write of an agent as a PrometheusAgent of prometheus-operator has it, from the blocks of Prometheus.

Its fields are those of prometheus-operator 0.85 (RemoteWriteSpec in pkg/apis/monitoring/v1/prometheus_types.go). What
the operator makes of them is in GenerateRemoteWriteConfig of its pkg/prometheus/promcfg.go.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.base.untyped import elements, mapping
from ansible_collections.miribit.thanos.plugins.module_utils.base.versions import Version, version
from ansible_collections.miribit.thanos.plugins.module_utils.fleet.schema import CREDENTIALS_FILES, CREDENTIALS_FOLDER
from ansible_collections.miribit.thanos.plugins.module_utils.remote_write.model import PROTOBUF_MESSAGE

#: The operator that first knows what stands here (its CHANGELOG.md).
AGENT_SINCE = (0, 64)
#: It starts Prometheus 3 with --agent. Older ones give the feature of Prometheus 2, with which 3 ends.
PROMETHEUS_3_SINCE = (0, 77)
_FIELDS_SINCE = {
    "enable_http2": (0, 71),
    "protobuf_message": (0, 78),
    "queue_config.sample_age_limit": (0, 73),
    "send_native_histograms": (0, 66),
}

_FIELDS = {
    "url": "url",
    "name": "name",
    "remote_timeout": "remoteTimeout",
    "headers": "headers",
    "send_exemplars": "sendExemplars",
    "send_native_histograms": "sendNativeHistograms",
    "follow_redirects": "followRedirects",
    "enable_http2": "enableHTTP2",
}
_RELABEL_FIELDS = {
    "source_labels": "sourceLabels",
    "separator": "separator",
    "target_label": "targetLabel",
    "regex": "regex",
    "modulus": "modulus",
    "replacement": "replacement",
    "action": "action",
}
_QUEUE_FIELDS = {
    "capacity": "capacity",
    "min_shards": "minShards",
    "max_shards": "maxShards",
    "max_samples_per_send": "maxSamplesPerSend",
    "batch_send_deadline": "batchSendDeadline",
    "min_backoff": "minBackoff",
    "max_backoff": "maxBackoff",
    "retry_on_http_429": "retryOnRateLimit",
    "sample_age_limit": "sampleAgeLimit",
}
_METADATA_FIELDS = {"send": "send", "send_interval": "sendInterval", "max_samples_per_send": "maxSamplesPerSend"}

_OTHER_FORM = "leave it out, or take prometheus_agent_form: configmap"
_FILES = {f"{CREDENTIALS_FOLDER}/{file}": key for key, file in CREDENTIALS_FILES.items()}


@dataclass(frozen=True)
class Secrets:
    """Which Secret has what the agent shows of itself, and which the user's name: for that, there is no other way."""

    credentials: str = ""
    username: str = ""


def remote_write(
    blocks: Sequence[Mapping[str, Any]], secrets: Secrets, operator: Version | None = None
) -> list[dict[str, Any]]:
    """The blocks as spec.remoteWrite of a custom resource. Raises ProblemError with all that it cannot hold.

    The operator is the one that is to read it; None if its version is not known.
    """
    found = [_Block(place(number, block), secrets, operator) for number, block in enumerate(blocks, 1)]
    made = [one.converted(block) for one, block in zip(found, blocks, strict=True)]
    if problems := [problem for one in found for problem in one.problems]:
        raise ProblemError(problems)
    return made


def place(number: int, block: Mapping[str, Any]) -> str:
    """Without its URL, which can hold a secret."""
    name = block.get("name")
    return f"remote_write, block {number} ({name})" if name else f"remote_write, block {number}"


@dataclass
class _Block:
    place: str
    secrets: Secrets
    operator: Version | None
    problems: list[Problem] = field(default_factory=list)

    def converted(self, block: Mapping[str, Any]) -> dict[str, Any]:
        parts = {
            "write_relabel_configs": self._relabelling,
            "queue_config": self._queue,
            "metadata_config": self._metadata,
            "tls_config": self._tls,
            "basic_auth": self._basic_auth,
            "authorization": self._authorization,
            "protobuf_message": self._message,
        }
        made: dict[str, Any] = {}
        for key, value in block.items():
            if key in _FIELDS:
                if self._known(key):
                    made[_FIELDS[key]] = value
            elif key in parts:
                made |= dict(parts[key](value))
            else:
                self._refuse(f"a PrometheusAgent has no field for {key}, or this collection does not fill it")
        return made

    def _known(self, key: str) -> bool:
        since = _FIELDS_SINCE.get(key)
        if since is None or self.operator is None or self.operator >= since:
            return True
        cause = f"prometheus-operator {_text(self.operator)} has no field for {key}, which came with {_text(since)}"
        self._refuse(cause, f"upgrade the operator and its CRDs to {_text(since)} or newer, or {_OTHER_FORM}")
        return False

    # Parts of a block.

    def _message(self, message: object) -> Iterator[tuple[str, Any]]:
        if message != PROTOBUF_MESSAGE:
            cause = f"protobuf_message is {message!r}, of which Thanos Receive up to 0.42.4 stores nothing"
            self._refuse(cause, f"use {PROTOBUF_MESSAGE}")
        elif self.operator is None or self.operator >= _FIELDS_SINCE["protobuf_message"]:
            yield "messageVersion", "V1.0"
        # An older operator writes none, and then it is the first version, Prometheus' default.

    def _relabelling(self, rules: object) -> Iterator[tuple[str, Any]]:
        made = []
        for rule in map(mapping, elements(rules)):
            if rule.get("regex") == "":
                # The operator leaves out an empty one, and then it is '(.*)'.
                self._refuse("the empty regex of a relabelling cannot be given to the operator", "write it as '^$'")
            made.append(self._renamed("write_relabel_configs", rule, _RELABEL_FIELDS))
        if made:
            yield "writeRelabelConfigs", made

    def _queue(self, sizes: object) -> Iterator[tuple[str, Any]]:
        if mapping(sizes).get("sample_age_limit") is not None:
            self._known("queue_config.sample_age_limit")
        yield "queueConfig", self._renamed("queue_config", mapping(sizes), _QUEUE_FIELDS)

    def _metadata(self, settings: object) -> Iterator[tuple[str, Any]]:
        yield "metadataConfig", self._renamed("metadata_config", mapping(settings), _METADATA_FIELDS)

    def _tls(self, settings: object) -> Iterator[tuple[str, Any]]:
        made: dict[str, Any] = {}
        for key, value in mapping(settings).items():
            if key == "ca_file":
                made["ca"] = {"secret": self._from_file(key, value)}
            elif key == "cert_file":
                made["cert"] = {"secret": self._from_file(key, value)}
            elif key == "key_file":
                made["keySecret"] = self._from_file(key, value)
            elif key == "server_name":
                made["serverName"] = value
            elif key == "insecure_skip_verify":
                made["insecureSkipVerify"] = value
            else:
                self._refuse(f"tls_config.{key} is nothing that is given to the operator")
        yield "tlsConfig", made

    def _basic_auth(self, login: object) -> Iterator[tuple[str, Any]]:
        for key in mapping(login):
            if key not in {"username", "password_file"}:
                self._refuse(f"basic_auth.{key} is nothing that is given to the operator")
        password = self._from_file("password_file", mapping(login).get("password_file"))
        yield "basicAuth", {"username": {"name": self.secrets.username, "key": "username"}, "password": password}

    def _authorization(self, login: object) -> Iterator[tuple[str, Any]]:
        made: dict[str, Any] = {}
        for key, value in mapping(login).items():
            if key == "type":
                made["type"] = value
            elif key == "credentials_file":
                made["credentials"] = self._from_file(key, value)
            else:
                self._refuse(f"authorization.{key} is nothing that is given to the operator")
        yield "authorization", made

    def _from_file(self, key: str, path: object) -> dict[str, str]:
        """The key of the Secret that the file would come from."""
        found = _FILES.get(str(path))
        if found is None or not self.secrets.credentials:
            # Without the path: what stands in its place may be the secret itself.
            cause = f"{key} is no file of the agent's credentials, and the operator takes keys of a Secret"
            self._refuse(cause, "give it in prometheus_agent_credentials, or name its Secret")
        return {"name": self.secrets.credentials, "key": found or ""}

    def _renamed(self, part: str, content: Mapping[str, Any], fields: Mapping[str, str]) -> dict[str, Any]:
        for key in content:
            if key not in fields:
                self._refuse(f"a PrometheusAgent has no field for {part}.{key}")
        return {fields[key]: value for key, value in content.items() if key in fields}

    def _refuse(self, cause: str, fix: str = _OTHER_FORM) -> None:
        self.problems.append(Problem(self.place, cause, fix))


def _text(number: Version) -> str:
    return f"{number[0]}.{number[1]}"


# The operator.


def operator_version(operators: Sequence[Mapping[str, Any]]) -> Version | None:
    """The oldest of those that run; None where it is not known."""
    found = [version(str(operator.get("version") or "")) for operator in operators]
    known = [number for number in found if number]
    return min(known) if known and len(known) == len(found) else None


def operator_problems(
    operators: Sequence[Mapping[str, Any]], prometheus: str, *, knows_kind: bool = True
) -> Iterator[Problem]:
    """Why no operator of the edge makes an agent of a PrometheusAgent."""
    since = _text(AGENT_SINCE)
    if not operators:
        cause = "no prometheus-operator runs there that would make an agent of a PrometheusAgent"
        yield Problem("The edge's operator", cause, "install it, or take prometheus_agent_form: configmap")
        return
    names = ", ".join(str(operator["id"]) for operator in operators)
    fix = f"apply the CRDs of prometheus-operator {since} or newer, and start the operator again"
    if not knows_kind:
        yield Problem(
            names, "the API server does not know the kind PrometheusAgent (monitoring.coreos.com/v1alpha1)", fix
        )
    if not any((operator.get("replicas") or {}).get("ready") for operator in operators):
        cause = "no pod of it is ready, so nobody makes anything of a custom resource"
        yield Problem(names, cause, "see with kubectl describe why, and mend it")
    number, wanted = operator_version(operators), version(prometheus)
    if number is None:
        return
    if number < AGENT_SINCE:
        yield Problem(names, f"it is {_text(number)}, and PrometheusAgent came with {since}", f"upgrade it; {fix}")
    elif wanted and wanted >= (3, 0) and number < PROMETHEUS_3_SINCE:
        cause = f"it is {_text(number)}, and gives Prometheus 3 a flag of 2, with which it ends"
        fix = f"upgrade it to {_text(PROMETHEUS_3_SINCE)} or newer, or set fleet_prometheus_version to one of 2.x"
        yield Problem(names, cause, fix)
