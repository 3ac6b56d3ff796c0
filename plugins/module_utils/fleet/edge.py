# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How an edge writes to the receiver, as the plan of a fleet has it: the way, what it shows of itself, the tenants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ansible_collections.miribit.thanos.plugins.module_utils.base.names import DNS_SUBDOMAIN
from ansible_collections.miribit.thanos.plugins.module_utils.fleet.receiver import Receiver
from ansible_collections.miribit.thanos.plugins.module_utils.fleet.schema import (
    CREDENTIALS_FILES,
    CREDENTIALS_FOLDER,
    VIAS,
    HostReader,
)
from ansible_collections.miribit.thanos.plugins.module_utils.remote_write.model import (
    TENANT_HEADER,
    Spec,
    is_plain,
    receive_url,
)
from ansible_collections.miribit.thanos.plugins.module_utils.remote_write.spec import (
    ANY_URL,
    Places,
    Plan,
    SpecReader,
    check,
)

#: The variables that the parts of the specification of remote write are made from.
_PLACES = Places(
    url="prometheus_agent_remote_write_url",
    external_labels="fleet_external_labels",
    tls="prometheus_agent_credentials",
    basic_auth="prometheus_agent_credentials",
    bearer="prometheus_agent_credentials",
    tenant="prometheus_agent_tenant",
    tenants="prometheus_agent_tenants, ",
    tenant_header="thanos_receiver_tenant_header",
    sizing="prometheus_agent_sizing",
)


@dataclass(frozen=True)
class Credentials:
    """Where they are and which there are, never what they are. The user's name is no secret."""

    #: An existing Secret. None if they are given as variables.
    secret: str | None = None
    keys: tuple[str, ...] = ()
    username: str = ""

    def as_dict(self) -> dict[str, object]:
        return {"secret": self.secret, "keys": list(self.keys)}

    @property
    def certificate(self) -> bool:
        return "cert" in self.keys or "key" in self.keys


@dataclass(frozen=True)
class _Way:
    """A way to the receiver, one of VIAS."""

    via: str
    #: Host of the LoadBalancer or Ingress, or the whole URL.
    at: str
    port: int | None = None

    def url(self, *, tls: bool) -> str:
        return self.at if self.via == "url" else receive_url(self.at, self.port, tls=tls)


def read_credentials(reader: HostReader) -> Credentials:
    values = reader.mapping("prometheus_agent_credentials", (*CREDENTIALS_FILES, "username"))
    secret = reader.text("prometheus_agent_credentials_secret")
    listed = reader.texts("prometheus_agent_credentials_keys")
    username = reader.text("prometheus_agent_username")
    if values and secret:
        cause = "there are prometheus_agent_credentials too, and the agent mounts one Secret"
        reader.require("prometheus_agent_credentials_secret", cause, "leave one of both out")
    if secret and not DNS_SUBDOMAIN.fullmatch(secret):
        # Without the text: it may be the secret itself.
        reader.require("prometheus_agent_credentials_secret", "it is not the name of a Secret", "give its name")
    if secret and not listed and "prometheus_agent_credentials_keys" not in reader.rejected:
        cause = "nobody says what the Secret holds"
        fix = f"list in prometheus_agent_credentials_keys which it has of {', '.join(CREDENTIALS_FILES)}"
        reader.require("prometheus_agent_credentials_secret", cause, fix)
    if listed and not secret:
        cause = "there is no Secret that could hold them"
        reader.require("prometheus_agent_credentials_keys", cause, "name it in prometheus_agent_credentials_secret")
    if set(listed) - set(CREDENTIALS_FILES):
        cause = "a key is none that the agent uses"
        fix = f"list only {', '.join(CREDENTIALS_FILES)}"
        reader.require("prometheus_agent_credentials_keys", cause, fix)
    for key in CREDENTIALS_FILES:
        if key in values and values[key] is not True:
            reader.require(f"prometheus_agent_credentials, {key}", "it is empty or no text", "give it, or leave it out")
    if not username:
        username = reader.within("prometheus_agent_credentials", values, "username", "")
    given = listed if secret else values
    keys = tuple(key for key in CREDENTIALS_FILES if key in given)
    if username and "password" not in keys:
        cause = "there is no password that it goes with"
        reader.require("prometheus_agent_username", cause, "add the password to the credentials, or leave it out")
    return Credentials(secret or None, keys, username)


def read_sending(
    reader: HostReader,
    receiver: Receiver | None,
    credentials: Credentials,
    external_labels: Mapping[str, str],
    prometheus_version: str,
) -> Plan | None:
    """Plan the remote write of an edge; None if something is wrong with it. The receiver is None if it is not known."""
    way = _way(reader, receiver, credentials)
    secure = _is_secure(reader, receiver, way, credentials)
    found = SpecReader()
    prometheus = found.version("fleet_prometheus_version", prometheus_version)
    sizing = reader.mapping("prometheus_agent_sizing")
    spec = Spec(
        url=way.url(tls=secure) if way else ANY_URL,
        external_labels=external_labels,
        access=_access(reader, credentials) if secure else {},
        tenant=reader.text("prometheus_agent_tenant"),
        tenants=found.tenants(reader.items("prometheus_agent_tenants"), _PLACES),
        tenant_header=receiver.tenant_header if receiver else TENANT_HEADER,
        needs=found.needs(_PLACES.sizing, sizing) if sizing else None,
    )
    problems = [*found.problems, *check(spec, _PLACES)]
    for problem in problems:
        reader.require(problem.subject, problem.cause, problem.fix)
    if problems or prometheus is None:
        return None
    planned = Plan(spec, prometheus)
    for warning in planned.warnings(_PLACES):
        # What is strange about the receiver's own addresses is told of the central cluster.
        if warning.subject != _PLACES.url or (way and way.via == "url"):
            reader.warn(warning.subject, warning.cause, warning.fix)
    return planned


# The way to the receiver.


def _way(reader: HostReader, receiver: Receiver | None, credentials: Credentials) -> _Way | None:
    """Return the way that the agent takes; None if there is none, or none is known."""
    name = "prometheus_agent_remote_write_via"
    via = reader.text(name)
    url = reader.text("prometheus_agent_remote_write_url")
    if via and via not in VIAS:
        reader.require(name, f"there is no way {via!r}", f"give one of {', '.join(VIAS)}")
        return None
    if url and via != "url":
        cause = "it is not used"
        reader.warn("prometheus_agent_remote_write_url", cause, f"set {name}: url, or leave it out")
    if via == "url":
        if not url:
            reader.require(name, "the URL is not given", "give prometheus_agent_remote_write_url")
        return _Way(via, url) if url else None
    if receiver is None:
        return None
    load_balancer, ingress = receiver.load_balancer, receiver.ingress
    if not via:
        via = "ingress" if ingress and not (load_balancer and load_balancer[0]) else "load_balancer"
    if via == "ingress":
        return _through_ingress(reader, receiver, credentials)
    if load_balancer and load_balancer[0]:
        return _Way(via, *load_balancer)
    cause = "the address of the receiver's LoadBalancer is not given" if load_balancer else "the receiver has none"
    fix = "give thanos_receiver_load_balancer.address, or take another way (ingress, url)"
    reader.require(name, cause, fix)
    return None


def _through_ingress(reader: HostReader, receiver: Receiver, credentials: Credentials) -> _Way | None:
    name = "prometheus_agent_remote_write_via"
    if not receiver.ingress:
        cause = "the receiver has no Ingress"
        reader.require(name, cause, "give thanos_receiver_ingress.host, or take another way (load_balancer, url)")
        return None
    if receiver.client_certificates or credentials.certificate:
        cause = "TLS ends at the Ingress, and the agent's certificate never comes to the receiver"
        fix = "take the way load_balancer, or do without client certificates"
        reader.require(name, cause, fix)
        return None
    return _Way("ingress", receiver.ingress)


# TLS.


def _is_secure(reader: HostReader, receiver: Receiver | None, way: _Way | None, credentials: Credentials) -> bool:
    """Whether the agent speaks TLS."""
    name = "prometheus_agent_credentials"
    checks = "ca" in credentials.keys or bool(reader.text("prometheus_agent_server_name"))
    if way is None:
        return True
    if way.via == "url":
        secure, fix = not is_plain(way.at), "give an https URL"
    elif way.via == "ingress":
        # An Ingress has a certificate or not: what the agent is to check it with tells.
        secure, fix = checks, "give ca, or take the way url with an https URL"
    else:
        secure, fix = bool(receiver and receiver.tls), "set thanos_receiver_tls: true"
    if not secure:
        _check_plain(reader, credentials, fix, checks=checks)
        return False
    if receiver and receiver.client_certificates and not credentials.certificate:
        cause = "the receiver asks senders for a certificate (thanos_receiver_client_certificates), and there is none"
        reader.require(name, cause, "give cert and key")
    if way.via == "load_balancer" and "ca" not in credentials.keys:
        cause = "without ca, the receiver's certificate must be of an authority that the agent's image knows"
        reader.warn(name, cause, "give ca unless it is")
    return True


def _check_plain(reader: HostReader, credentials: Credentials, fix: str, *, checks: bool) -> None:
    """What makes no sense, or shows a secret, without TLS."""
    name = "prometheus_agent_credentials"
    if credentials.certificate:
        cause = "there is a client certificate, and the agent speaks plain http"
        reader.require(name, cause, f"{fix}, or leave cert and key out")
    for key in ("password", "token"):
        if key in credentials.keys:
            reader.require(name, f"the {key} would go over plain http", f"{fix}, or leave it out")
    if checks:
        cause = "there is ca or prometheus_agent_server_name, and the agent speaks plain http, where they are not used"
        reader.warn(name, cause, f"{fix}, or leave them out")


def _access(reader: HostReader, credentials: Credentials) -> dict[str, dict[str, str]]:
    access: dict[str, dict[str, str]] = {}
    if "password" in credentials.keys:
        access["basic_auth"] = {"username": credentials.username, "password_file": _file("password")}
    if "token" in credentials.keys:
        access["authorization"] = {"credentials_file": _file("token")}
    tls = {f"{key}_file": _file(key) for key in ("ca", "cert", "key") if key in credentials.keys}
    if server_name := reader.text("prometheus_agent_server_name"):
        tls["server_name"] = server_name
    return {**access, "tls_config": tls} if tls else access


def _file(key: str) -> str:
    return f"{CREDENTIALS_FOLDER}/{CREDENTIALS_FILES[key]}"
