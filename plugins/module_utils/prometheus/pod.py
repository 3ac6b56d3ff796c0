# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Client for a Prometheus, full server or agent, in a pod behind the API server's proxy."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal
from urllib.parse import urlsplit

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.base.untyped import list_at, mapping
from ansible_collections.miribit.thanos.plugins.module_utils.kube.api import Session
from ansible_collections.miribit.thanos.plugins.module_utils.kube.containers import flag
from ansible_collections.miribit.thanos.plugins.module_utils.kube.objects import Object, Objects
from ansible_collections.miribit.thanos.plugins.module_utils.kube.proxy import Answer, ProxyTarget, raise_refusal
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.exposition import Metrics, parse
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.targets import Target, targets

with contextlib.suppress(ImportError):
    # Ansible needs it itself. Only ansible-test imports this where it is missing.
    import yaml

#: How long a Prometheus may be silent. Whoever polls renews a lock of 60 s in between, so no more than a third of that.
SECONDS = 15.0
DEFAULT_PORT = "9090"
_LOG_LINES = 500


@dataclass
class PrometheusPod:
    """A Prometheus in a container of a pod. Every method raises ProblemError if there is no answer."""

    session: Session
    pod: Object
    #: Name of its container.
    container: str
    #: Name of the cluster in messages; that of the session by default.
    cluster: str = ""
    #: When it first answered, in seconds since 1970, by the clock of the API server.
    moment: float | None = field(default=None, init=False)

    def metrics(self) -> Metrics:
        answer = self.answer("metrics")
        if answer.status != 200:
            raise ProblemError([self._no_answer(answer, f"it does not answer with metrics (HTTP {answer.status})")])
        return parse(answer.body.decode(errors="replace"))

    def targets(self) -> tuple[Target, ...]:
        """Active targets."""
        return targets(self._data("api/v1/targets", ("state", "active")))

    def config(self) -> str:
        """YAML text of the loaded configuration."""
        return str(mapping(self._data("api/v1/status/config")).get("yaml") or "")

    def flags(self) -> object:
        return self._data("api/v1/status/flags")

    def rules(self) -> object:
        """Rules, which an agent refuses to show."""
        return self._data("api/v1/rules")

    def alertmanagers(self) -> object:
        """Alertmanagers, which an agent refuses to show."""
        return self._data("api/v1/alertmanagers")

    def log(self, *, seconds: int | None = None) -> str:
        """The last lines of its log, of these seconds only."""
        where = [("container", self.container), ("tailLines", str(_LOG_LINES))]
        where += [] if seconds is None else [("sinceSeconds", str(seconds))]
        metadata = self.pod["metadata"]
        return Objects(self.session).log(metadata["namespace"], metadata["name"], where)

    def answer(self, endpoint: str, *params: tuple[str, str]) -> Answer:
        """Return the answer of the process itself, with any status."""
        found = self.session.get(self.target.path(endpoint), params, timeout=SECONDS)
        if found.status == 400 and b"HTTP request to an HTTPS server" in found.body:
            self.target = replace(self.target, scheme="https")
            found = self.session.get(self.target.path(endpoint), params, timeout=SECONDS)
        raise_refusal(self.target, found, self.cluster or self.session.cluster)
        self.moment = self.moment or found.moment
        return found

    @cached_property
    def content(self) -> Mapping[str, object]:
        """The container, as the pod has it."""
        several = (*list_at(self.pod, "spec", "containers"), *list_at(self.pod, "spec", "initContainers"))
        return next((one for one in several if one.get("name") == self.container), {})

    @cached_property
    def target(self) -> ProxyTarget:
        return proxy_target(self.pod, dict(self.content))

    @property
    def name(self) -> str:
        """Name in messages."""
        return f"{self.target} in {self.cluster or self.session.cluster}"

    def _data(self, endpoint: str, *params: tuple[str, str]) -> object:
        answer = self.answer(endpoint, *params)
        try:
            document = json.loads(answer.body)
        except (RecursionError, ValueError):
            document = None
        if isinstance(document, dict) and document.get("status") == "success" and "data" in document:
            found: object = document["data"]
            return found
        # Without the text of the answer: what else listens there may say anything.
        cause = f"the answer is not one of a Prometheus API (HTTP {answer.status})"
        raise ProblemError([self._no_answer(answer, cause)])

    def _no_answer(self, answer: Answer, cause: str) -> Problem:
        match answer.status:
            case 401 | 403:
                cause = f"it asks for a login (HTTP {answer.status}), and the API server's proxy passes none on"
                return Problem(self.name, cause, "inspect it by hand: this collection has no login for it")
            case 503:
                cause = "it is not ready (HTTP 503): it may be reading its WAL"
                return Problem(self.name, cause, "run it again when its pod is Ready")
            case _:
                return Problem(self.name, cause, "check that Prometheus listens there, and its --web.route-prefix")


def load_yaml(text: str) -> object:
    """The document, or None if it cannot be read."""
    # The loader in C, where there is one: the configuration of a big server takes seconds without it.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return yaml.load(text, Loader=loader)  # noqa: S506 - both loaders are safe
    except (RecursionError, ValueError, yaml.YAMLError):
        return None


def proxy_target(pod: Object, container: Object) -> ProxyTarget:
    """Return its address at the API server's proxy. Raises ProblemError if it is unreachable from outside its pod."""
    metadata = pod["metadata"]
    host, _colon, port = (flag(container, "--web.listen-address") or "").rpartition(":")
    subject = f"Prometheus in pod {metadata['namespace']}/{metadata['name']}"
    if host in {"127.0.0.1", "localhost", "[::1]"}:
        cause = f"it listens inside its pod only (--web.listen-address={host}:{port}), so it cannot be asked"
        raise ProblemError([Problem(subject, cause, "inspect it by hand, from inside its pod")])
    prefix = flag(container, "--web.route-prefix")
    if prefix is None:
        # Prometheus takes the path of the external URL where no prefix is given.
        prefix = _path(flag(container, "--web.external-url") or "")
    scheme: Literal["http", "https"] = "https" if _is_probed_by_tls(container) else "http"
    port = port or _declared_port(container)
    target = ProxyTarget("pod", metadata["namespace"], metadata["name"], port, scheme, prefix)
    if target.problems():
        cause = f"its flags do not say where it is asked (port {port!r}, prefix {prefix!r})"
        raise ProblemError([Problem(subject, cause, "inspect it by hand")])
    return target


def _path(url: str) -> str:
    try:
        return urlsplit(url).path
    except ValueError:
        return ""


def _declared_port(container: Object) -> str:
    """Prometheus listens on 9090 unless it is told otherwise. A wrapper that tells it may declare the port."""
    ports = container.get("ports") or []
    numbers = [str(port.get("containerPort")) for port in ports]
    web = [str(port.get("containerPort")) for port in ports if "web" in str(port.get("name"))]
    return DEFAULT_PORT if DEFAULT_PORT in numbers or not web else web[0]


def _is_probed_by_tls(container: Object) -> bool:
    probes = [container.get(f"{name}Probe") or {} for name in ("readiness", "liveness", "startup")]
    return any(str((probe.get("httpGet") or {}).get("scheme")).upper() == "HTTPS" for probe in probes)
