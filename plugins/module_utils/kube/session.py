# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The connection to a cluster's API server. This is the only code of the collection that talks to a network."""

from __future__ import annotations

import base64
import difflib
import functools
import json
import os
import random
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from ansible.module_utils.common.parameters import env_fallback

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.kube.access import read_namespace
from ansible_collections.miribit.thanos.plugins.module_utils.kube.api import Request, Session
from ansible_collections.miribit.thanos.plugins.module_utils.kube.errors import PASSING, AwayError, LostError
from ansible_collections.miribit.thanos.plugins.module_utils.kube.objects import NAMESPACES
from ansible_collections.miribit.thanos.plugins.module_utils.kube.permissions import IDENTITY_NAMESPACE
from ansible_collections.miribit.thanos.plugins.module_utils.kube.proxy import Answer

try:
    import urllib3
    import yaml
    from kubernetes import client as kubernetes_client
    from kubernetes import config as kubernetes_config
except ImportError:
    # Told by the module, see missing_library().
    HAS_KUBERNETES = False
else:
    HAS_KUBERNETES = True

CONNECT_SECONDS = 10.0
TOO_MANY = 429
#: Seconds between one attempt and the next, give or take a half, so that many clients do not come back at once.
_PAUSES = (0.3, 1.0)
#: No API server is waited for longer, whatever it asks for.
_LONGEST_PAUSE = 5.0
_JITTER = random.SystemRandom()


def access_spec() -> dict[str, dict[str, object]]:
    """The twin of the fragment in doc_fragments/cluster_access.py."""
    return {
        "kubeconfig": {"type": "path", "fallback": (env_fallback, ["K8S_AUTH_KUBECONFIG"])},
        "context": {"type": "str", "fallback": (env_fallback, ["K8S_AUTH_CONTEXT"])},
    }


class ClusterSession(Session):
    """One API server, with the credentials of one context."""

    def __init__(self, client: kubernetes_client.ApiClient, cluster: str) -> None:
        self._client = client
        self.cluster = cluster

    def send(self, request: Request) -> Answer:
        """Send one request. Every status is an answer; only a missing answer is a problem, an AwayError.

        What can be sent twice is repeated where the connection is lost or refused, and where the API server says that
        it cannot answer for now. That takes two seconds at most, or as long as it asks for.
        """
        for pause in () if request.method == "POST" else _PAUSES:
            wanted = 0.0
            try:
                answer = self._send(request)
            except LostError:
                pass
            else:
                if not _is_passing(request, answer):
                    return answer
                wanted = min(answer.retry_after, _LONGEST_PAUSE)
            time.sleep(max(wanted, pause * _JITTER.uniform(0.5, 1.5)))
        return self._send(request)

    def _send(self, request: Request) -> Answer:
        """Send it once.

        The connection pool of the kubernetes client is used, not its call_api(): that changed its parameters between
        releases, follows redirects (with the credentials) and repeats failed connections for a long time.
        """
        configuration = self._client.configuration
        url = configuration.host + request.path + ("?" + urlencode(request.params) if request.params else "")
        headers = {"Accept": request.accept, **self._credentials()}
        if request.body is not None:
            headers["Content-Type"] = request.content_type
        try:
            response = self._client.rest_client.pool_manager.request(
                request.method,
                url,
                body=None if request.body is None else json.dumps(request.body).encode(),
                headers=headers,
                timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=request.timeout),
                retries=False,
                redirect=False,
            )
        except urllib3.exceptions.HTTPError as error:
            kind = LostError if _is_lost(error) else AwayError
            raise kind([self._no_answer(error, request.timeout)]) from error
        told = response.headers
        return Answer(
            response.status,
            response.data,
            told.get("Location", ""),
            told.get("Date", ""),
            _seconds(told.get("Retry-After")),
        )

    def kubeconfig(self) -> dict[str, object]:
        """Return a kubeconfig that leads where this session leads, for a program that reads one. It holds secrets."""
        configuration = self._client.configuration
        cluster = {
            "server": configuration.host,
            "certificate-authority": configuration.ssl_ca_cert,
            "insecure-skip-tls-verify": not configuration.verify_ssl,
            "tls-server-name": configuration.tls_server_name,
            "proxy-url": configuration.proxy,
        }
        scheme, _space, word = self._credentials().get("authorization", "").partition(" ")
        name, _colon, password = base64.b64decode(word).decode().partition(":") if scheme == "Basic" else ("", "", "")
        user = {
            "client-certificate": configuration.cert_file,
            "client-key": configuration.key_file,
            "token": word if scheme == "Bearer" else None,
            "username": name,
            "password": password,
        }
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "checked", "cluster": {key: value for key, value in cluster.items() if value}}],
            "users": [{"name": "checked", "user": {key: value for key, value in user.items() if value}}],
            "contexts": [{"name": "checked", "context": {"cluster": "checked", "user": "checked"}}],
            "current-context": "checked",
        }

    def _credentials(self) -> dict[str, str]:
        # Asked for at every request: the client renews tokens that expire.
        headers = {}
        for setting in self._client.configuration.auth_settings().values():
            # A tokenFile often ends with a new line, which the client leaves in place.
            value = str(setting["value"]).strip()
            if not (value.isascii() and value.isprintable()):
                # Refused here: the error of the HTTP library would show it.
                fix = "correct the user's token, tokenFile or exec plugin in the kubeconfig"
                raise ProblemError([Problem(f"Credentials of {self.cluster}", "they are not one line of ASCII", fix)])
            headers[setting["key"]] = value
        return headers

    def _no_answer(self, error: urllib3.exceptions.HTTPError, timeout: float) -> Problem:
        # Only the host: an address in a kubeconfig can hold a password.
        server = self._client.configuration.host
        address = (urlsplit(server).netloc or server).rpartition("@")[2]
        subject = f"API server {address} of {self.cluster}"
        reachable = "check that it runs, and that its address can be reached from here (VPN, firewall, proxy)"
        match error:
            # First, because it is a kind of the next one.
            case urllib3.exceptions.NewConnectionError():
                return Problem(subject, f"it cannot be reached ({_reason(error)})", reachable)
            case urllib3.exceptions.ConnectTimeoutError():
                return Problem(subject, f"no connection within {CONNECT_SECONDS:g} s", reachable)
            case urllib3.exceptions.ReadTimeoutError():
                return Problem(
                    subject,
                    f"it is connected, but there was no answer within {timeout:g} s",
                    "raise 'timeout', ask for less, or check what the request was for",
                )
            case urllib3.exceptions.SSLError():
                return Problem(
                    subject,
                    f"no trusted TLS connection ({_reason(error)})",
                    "check certificate-authority, tls-server-name and the client certificate in the kubeconfig",
                )
            case _:
                return Problem(subject, f"it cannot be reached ({_reason(error)})", reachable)


def _is_lost(error: urllib3.exceptions.HTTPError) -> bool:
    """Whether the connection ended, or was refused: of a load balancer or an update, the next one may be taken."""
    if isinstance(error, urllib3.exceptions.NewConnectionError):
        return isinstance(_innermost(error), ConnectionError)
    return isinstance(error, urllib3.exceptions.ProtocolError)


def _is_passing(request: Request, answer: Answer) -> bool:
    """Whether the API server says that it has no answer for now. What a pod behind its proxy says is an answer."""
    if answer.status not in PASSING:
        return False
    return answer.status == TOO_MANY if "/proxy/" in request.path else True


def _seconds(text: str | None) -> float:
    try:
        return max(0.0, float(text or 0))
    except ValueError:
        # A date, which no API server gives.
        return 0.0


def _reason(error: BaseException) -> str:
    """The innermost reason. The outer texts are left out: they hold addresses, which can hold passwords."""
    innermost = _innermost(error)
    text = getattr(innermost, "verify_message", None) or getattr(innermost, "strerror", None)
    return str(text or type(innermost).__name__)


def _innermost(error: BaseException) -> BaseException:
    chain: list[BaseException] = [error]
    while (inner := _inner(chain[-1])) is not None and inner not in chain:
        chain.append(inner)
    return chain[-1]


def _inner(error: BaseException) -> BaseException | None:
    arguments = [argument for argument in error.args if isinstance(argument, BaseException)]
    return error.__cause__ or (arguments[0] if arguments else error.__context__)


def session(kubeconfig: str | None, context: str | None) -> ClusterSession:
    """The session of a kubeconfig and context; always the same one, so that its connections are used again."""
    files = kubeconfig or os.environ.get("KUBECONFIG") or "~/.kube/config"
    return _session(files, _check_context(files, context))


def session_of(options: Mapping[str, Any]) -> ClusterSession:
    """Return the session of the options of access_spec()."""
    return session(options["kubeconfig"], options["context"])


def session_at(place: Mapping[str, Any], options: Mapping[str, Any]) -> ClusterSession:
    """Return the session of a place that has options of its own. Raises ProblemError if its UID is another one."""
    found = session_of({**place, "kubeconfig": place["kubeconfig"] or options["kubeconfig"]})
    if wanted := place.get("uid"):
        identity = read_namespace(found.get(NAMESPACES.path("", IDENTITY_NAMESPACE)), found.cluster)
        if identity.uid != wanted:
            cause = f"its namespace {IDENTITY_NAMESPACE} has the UID {identity.uid or '(not seen)'}, not {wanted}"
            fix = "correct kubeconfig and context, or fleet_cluster_uid if this cluster was made anew"
            raise ProblemError([Problem(f"Cluster behind {found.cluster}", cause, fix)])
    return found


@functools.cache
def _session(files: str, name: str) -> ClusterSession:
    subject = f"kubeconfig {files}, context {name}"
    try:
        client = kubernetes_config.new_client_from_config(config_file=files, context=name, persist_config=False)
    except (
        kubernetes_config.ConfigException,
        AttributeError,
        KeyError,
        OSError,
        TypeError,
        ValueError,
    ) as error:
        # Only the library's own texts are shown: the others can hold a piece of the file, and with it a secret.
        cause = str(error) if isinstance(error, kubernetes_config.ConfigException) else type(error).__name__
        raise ProblemError(
            [
                Problem(
                    subject, f"it cannot be used ({cause})", "correct the context, its cluster and its user in the file"
                )
            ]
        ) from error
    if not client.configuration.verify_ssl:
        # Who wrote the kubeconfig knows, and each request would say it again, on the terminal of ansible-playbook.
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    return ClusterSession(client, f"context {name}")


def _check_context(files: str, wanted: str | None) -> str:
    """The name of the context to use. Says more than the library, which skips files that do not exist."""
    names: list[str] = []
    current = None
    for file in filter(None, files.split(os.pathsep)):
        document = _read_kubeconfig(Path(file).expanduser())
        names += [str(entry["name"]) for entry in document.get("contexts") or [] if "name" in entry]
        current = document.get("current-context") or current
    name = wanted or current
    there_are = f"the file has {', '.join(names)}" if names else "the file has none"
    if name is None:
        raise ProblemError(
            [
                Problem(
                    f"kubeconfig {files}",
                    f"no context is given and no current-context is set; {there_are}",
                    "set 'context'",
                )
            ]
        )
    if name not in names:
        near = difflib.get_close_matches(name, names, n=1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        raise ProblemError(
            [
                Problem(
                    f"kubeconfig {files}",
                    f"there is no context {name}; {there_are}",
                    f"give one that it has{hint}, or another kubeconfig",
                )
            ]
        )
    return str(name)


def _read_kubeconfig(file: Path) -> dict[str, list[dict[str, object]]]:
    subject = f"kubeconfig {file}"
    try:
        document = yaml.safe_load(file.read_bytes())
    except OSError as error:
        raise ProblemError(
            [
                Problem(
                    subject,
                    f"it cannot be read ({error.strerror})",
                    "correct 'kubeconfig', or the file's owner and mode",
                )
            ]
        ) from error
    except yaml.YAMLError as error:
        # Not the library's text: it quotes the line, which can be the one with the token.
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        raise ProblemError([Problem(subject, f"it is not YAML{where}", "correct the file")]) from error
    if not isinstance(document, dict) or not isinstance(document.get("contexts") or [], list):
        raise ProblemError(
            [Problem(subject, "it is not a kubeconfig", "give the file that 'kubectl config view' reads")]
        )
    return document
