# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Services and pods as the API server's proxy reaches them: addresses, and what the API server's own refusals mean."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Literal
from urllib.parse import quote

from ansible_collections.miribit.thanos.plugins.module_utils.base.names import (
    DNS_LABEL,
    DNS_SUBDOMAIN,
    HIGHEST_PORT,
    PORT_NAME,
)
from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.kube.errors import PASSING, LoginError, PassingError

# What Prometheus and Thanos accept as a web prefix in practice. "." and ".." are refused apart: on the way they could
# be resolved to another resource of the API server.
PATH_PREFIX = re.compile(r"[A-Za-z0-9._~/-]*")


@dataclass(frozen=True)
class Answer:
    """What came back on the connection to the API server."""

    status: int
    body: bytes
    location: str = ""
    date: str = ""
    #: After how many seconds it wants to be asked again; 0 if it does not say.
    retry_after: float = 0

    @property
    def moment(self) -> float | None:
        """Time at the server, in seconds since 1970; None without a date."""
        try:
            return parsedate_to_datetime(self.date).replace(tzinfo=UTC).timestamp()
        except (TypeError, ValueError):
            return None

    def text(self, limit: int = 200) -> str:
        """The beginning of the body on one line, for a message."""
        line = " ".join(self.body[: 4 * limit].decode(errors="replace").split())
        return line if len(line) <= limit else line[:limit] + "..."


@dataclass(frozen=True)
class ProxyTarget:
    """A port of a Service or of a pod."""

    kind: Literal["service", "pod"]
    namespace: str
    name: str
    port: str
    scheme: Literal["http", "https"] = "http"
    path_prefix: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name} port {self.port}"

    def path(self, endpoint: str) -> str:
        """The path on the API server that leads to this endpoint of the target."""
        # The short form without "http:" is the one that RBAC rules with resourceNames usually allow.
        scheme = "https:" if self.scheme == "https" else ""
        prefix = self.path_prefix.strip("/")
        parts = [part for part in (prefix, endpoint.strip("/")) if part]
        return (
            f"/api/v1/namespaces/{quote(self.namespace, safe='')}/{self.kind}s/"
            f"{scheme}{quote(self.name, safe='')}:{quote(self.port, safe='')}/proxy/{quote('/'.join(parts))}"
        )

    def problems(self) -> list[Problem]:
        """Everything that cannot be the address of a Service or a pod."""
        found = []
        if not DNS_LABEL.fullmatch(self.namespace):
            found.append(
                _bad_option("namespace", self.namespace, "a namespace's name", "lower case letters, digits, '-'")
            )
        if not (DNS_LABEL if self.kind == "service" else DNS_SUBDOMAIN).fullmatch(self.name):
            found.append(_bad_option(self.kind, self.name, f"a {self.kind}'s name", "lower case letters, digits, '-'"))
        if not self._port_is_valid():
            form = f"a number from 1 to {HIGHEST_PORT}"
            if self.kind == "service":
                form += ", or the name that the Service gives to the port"
            found.append(_bad_option("port", self.port, f"a port of a {self.kind}", form))
        if not PATH_PREFIX.fullmatch(self.path_prefix) or {".", ".."} & set(self.path_prefix.split("/")):
            found.append(
                _bad_option(
                    "path_prefix", self.path_prefix, "a path", "the path of --web.route-prefix, such as /prometheus"
                )
            )
        return found

    def _port_is_valid(self) -> bool:
        if self.port.isascii() and self.port.isdigit():
            return 1 <= int(self.port) <= HIGHEST_PORT
        # The API server looks up a port's name in a Service, but not in a pod.
        return self.kind == "service" and PORT_NAME.fullmatch(self.port) is not None


def _bad_option(option: str, value: str, meaning: str, form: str) -> Problem:
    return Problem(f"Option {option}", f"{value!r} is not {meaning}", f"give {form}")


def raise_refusal(target: ProxyTarget, answer: Answer, cluster: str) -> None:
    """Raise a ProblemError if the API server itself answered instead of the target.

    The API server's own answers are objects of kind Status. Everything else was passed on. It is an ApiServerError if
    it says nothing about the target.
    """
    status = kubernetes_status(answer)
    if status is None:
        return
    message = str(status.get("message") or status.get("reason") or f"HTTP {answer.status}")
    subject = f"{target} in {cluster}"
    kubectl = f"kubectl -n {target.namespace} get {target.kind}s"
    match answer.status:
        case 401 | 403 if problem := login_problem(answer.status, message, cluster):
            raise LoginError(answer.status, problem, status)
        case 403:
            cause = f"the API server forbids it: {message}"
            fix = f"allow the user the verb 'get' on '{target.kind}s/proxy' in namespace {target.namespace}"
        case 404:
            cause = f"it does not exist: {message}"
            fix = f"correct the namespace or the name; see what there is with '{kubectl}'"
        case 503 if "no service port" in message:
            cause = message
            fix = f"give one of the ports that '{kubectl} {target.name}' shows"
        case 503 if "no endpoints available" in message:
            # The same answer for a port's name that the Service does not have: it is looked up in the endpoints.
            cause = f"{message}: it has no port of this name, or no ready pod serves it"
            fix = f"compare port and selector with '{kubectl} {target.name} -o wide', and wait until a pod is Ready"
        case 503 if "error trying to reach service" in message:
            cause = f"the API server cannot reach it: {message}"
            fix = "check that the process listens there, 'scheme', and that no NetworkPolicy keeps the API server out"
        case 504:
            cause = f"the API server gave up waiting: {message}"
            fix = "try again, or ask for less"
        case code if code in PASSING:
            cause = f"the API server is not able to answer (HTTP {code}: {message})"
            raise PassingError(code, Problem(subject, cause, "run it again when the API server is healthy"), status)
        case _:
            cause = f"the API server answers with HTTP {answer.status}: {message}"
            fix = f"correct the request, or check the target with '{kubectl}'"
    raise ProblemError([Problem(subject, cause, fix)])


def login_problem(status: int, message: str, cluster: str) -> Problem | None:
    """The problem, if the API server does not know who asks."""
    subject = f"API server of {cluster}"
    if status == 401:
        cause = "it does not accept the credentials of the kubeconfig (401 Unauthorized)"
        fix = "renew them: a token or client certificate may have expired, or an exec plugin may have failed"
        return Problem(subject, cause, fix)
    if status == 403 and "system:anonymous" in message:
        cause = "the kubeconfig gives it no credentials, and it forbids the request to system:anonymous"
        fix = "correct the user of the context: it may have none, or its exec plugin may have failed"
        return Problem(subject, cause, fix)
    return None


def kubernetes_status(answer: Answer) -> dict[str, object] | None:
    """The API server's own answer to a request that it did not carry out; None if the answer is another's."""
    if answer.status < 400:
        return None
    try:
        document = json.loads(answer.body)
    except (RecursionError, ValueError):
        return None
    if isinstance(document, dict) and document.get("kind") == "Status" and document.get("apiVersion") == "v1":
        return document
    return None
