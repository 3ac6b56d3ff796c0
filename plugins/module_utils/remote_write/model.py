# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Remote write from a Prometheus agent to Thanos Receive: its addresses, its identity and its entries."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from ansible_collections.miribit.thanos.plugins.module_utils.base.facts import read_facts
from ansible_collections.miribit.thanos.plugins.module_utils.base.names import LABEL_NAME
from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.base.versions import Version
from ansible_collections.miribit.thanos.plugins.module_utils.remote_write.sizing import Needs, Sizing

RECEIVE_PORT = 19291
RECEIVE_PATH = "/api/v1/receive"
TENANT_HEADER = "X-Scope-OrgID"
#: Remote Write 1.0. Thanos up to 0.42.4 answers 200 to 2.0 and stores nothing.
PROTOBUF_MESSAGE = "prometheus.WriteRequest"

#: The Prometheus that first knows what stands here (its CHANGELOG.md). An older one refuses what it does not know.
AGENT_SINCE = (2, 32)
AGENT_FLAG_SINCE = (3, 0)
KEYS_SINCE = {
    "send_native_histograms": (2, 40),
    "sample_age_limit": (2, 50),
    "protobuf_message": (2, 54),
}

#: The ports of Thanos Receive that take no remote write.
_OTHER_PORTS = {10901: "gRPC", 10902: "HTTP, for metrics and probes", 19391: "Cap'n Proto"}
#: The networks of ClusterIPs unless a cluster is told otherwise: kubeadm's, and that of k3s and RKE2.
_SERVICE_NETWORKS = (ipaddress.IPv4Network("10.96.0.0/12"), ipaddress.IPv4Network("10.43.0.0/16"))

#: A token of RFC 9110.
_HEADER = re.compile(r"[-!#$%&'*+.^_`|~0-9A-Za-z]+")
#: Those that Prometheus refuses in the headers of a block (its config/config.go), because it sets them itself.
_TAKEN_HEADERS = frozenset(
    {
        "accept-encoding",
        "authorization",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "user-agent",
        "www-authenticate",
        "x-amz-content-sha256",
        "x-amz-date",
        "x-amz-security-token",
        "x-prometheus-remote-read-version",
        "x-prometheus-remote-write-version",
    }
)
_HOST = re.compile(r"(?=.{1,253}\Z)[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?(\.[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?)*")
#: Thanos Receive gives these to what it stores: its tenant label, and the replica label of this collection's ingestors.
_RECEIVER_LABELS = ("receive_replica", "tenant_id")


# Addresses.


@dataclass(frozen=True)
class Complaint:
    """What is wrong, by a name for programs. What is not certain, or costs something but no samples, is a warning."""

    id: str
    cause: str
    fix: str
    certain: bool = True
    at: str = ""

    def place(self, whole: str) -> str:
        return f"{whole}, {self.at}" if self.at else whole


def receive_url(host: str, port: int | None = None, *, tls: bool) -> str:
    """Return the URL at which a receiver takes remote write."""
    if port is not None:
        host = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return f"{'https' if tls else 'http'}://{host}{RECEIVE_PATH}"


def url_complaints(url: str) -> Iterator[Complaint]:
    """Everything that an agent in another cluster could not write to, as far as the form of the URL tells."""
    # Without any of the URL's text: a password may hold characters that move the parts.
    if "@" in url:
        cause = "its URL holds a user or a password, which shows in metrics, logs and the user interface"
        yield Complaint("secret", cause, "take it out of the URL, and use basic_auth with a password_file")
        return
    parts = split_url(url)
    if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname:
        yield Complaint("url", "it is not an HTTP URL", f"give one like http://192.0.2.1:{RECEIVE_PORT}{RECEIVE_PATH}")
        return
    if parts.query or parts.fragment:
        yield Complaint("url", "its URL holds more than a path, which Thanos Receive does not read", "leave it out")
    yield from host_complaints(parts.hostname)
    if not parts.path.endswith(RECEIVE_PATH):
        cause = f"its path is {parts.path or '/'!r}, and Thanos Receive takes writes at {RECEIVE_PATH} only"
        yield Complaint("path", cause, f"end the path with {RECEIVE_PATH}")
    if parts.port in _OTHER_PORTS:
        cause = f"port {parts.port} of Thanos Receive is {_OTHER_PORTS[parts.port]}, not remote write"
        yield Complaint("port", cause, f"use port {RECEIVE_PORT}, or the one it is exposed with")


def split_url(url: str) -> SplitResult | None:
    """None if it is no URL."""
    try:
        parts = urlsplit(url)
        # It reads the port only when asked for it.
        return parts if parts.port is None or parts.port > 0 else None
    except ValueError:
        return None


def host_complaints(host: str) -> Iterator[Complaint]:
    """Why a host has no meaning outside its own cluster."""
    name = host.rstrip(".").lower()
    fix = "give the address of the receiver's LoadBalancer or the host of its Ingress"
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        # What ends in a number is meant as an address.
        if not _HOST.fullmatch(name) or name.rpartition(".")[2].isdigit():
            yield Complaint("host", f"{host!r} is neither an address nor a host name", fix)
        elif "." not in name:
            cause = f"the name {host} has a single label, and resolves only in one namespace of one cluster, if at all"
            yield Complaint("unresolvable", cause, fix)
        elif "svc" in name.split(".")[1:]:
            cause = f"the name {host} is that of a Service, and resolves only inside the Service's own cluster"
            yield Complaint("unresolvable", cause, fix)
        elif name.endswith(".local"):
            cause = (
                f"the name {host} is in a domain that clusters take for their own, and then resolves only inside one"
            )
            yield Complaint("unresolvable", cause, fix, certain=name.endswith(".cluster.local"))
        return
    if address.is_loopback or address.is_unspecified:
        yield Complaint("unreachable", f"{host} is the agent's own pod", fix)
    elif any(address in network for network in _SERVICE_NETWORKS):
        cause = f"{host} is in a network that clusters commonly take their ClusterIPs from, which no other can reach"
        yield Complaint("unreachable", cause, fix, certain=False)


def is_plain(url: str) -> bool:
    return url.lower().startswith("http:")


# Identity.


def label_complaints(labels: Mapping[str, str]) -> Iterator[Complaint]:
    """What a sender's external labels must be, so that its series are its own."""
    if not labels.get("cluster"):
        cause = "there is no label cluster: the series of two clusters meet, and one of them is refused with 409"
        yield Complaint("identity", cause, "give each cluster its own, such as cluster: cluster-02")
    for name, value in labels.items():
        at = f"label {name}"
        if not LABEL_NAME.fullmatch(name) or name.startswith("__"):
            fix = "use letters, digits and '_', no digit or '__' first"
            yield Complaint("external-label", "this is no name of a label", fix, at=at)
        if not value and name != "cluster":
            cause = "it is empty, and Prometheus leaves out what is empty"
            yield Complaint("external-label", cause, "give a value, or leave it out", certain=False, at=at)
        if "$" in value:
            cause = "Prometheus 3 replaces '$' and what follows by an environment variable, Prometheus 2 does not"
            yield Complaint("external-label", cause, "use a value without '$'", certain=False, at=at)
        if name in _RECEIVER_LABELS:
            cause = "Thanos Receive itself sets this label on what it stores"
            yield Complaint("external-label", cause, "use another name", at=at)


def header_complaint(name: str) -> str | None:
    """Why a header cannot name the tenant."""
    if not _HEADER.fullmatch(name):
        return f"{name!r} is no name of a header"
    if name.lower() in _TAKEN_HEADERS:
        return f"Prometheus sets the header {name} itself"
    return None


# Entries.


@dataclass(frozen=True)
class Tenant:
    """A tenant, and the namespaces whose series are its own."""

    name: str
    namespaces: tuple[str, ...]


@dataclass(frozen=True)
class Spec:
    """Specification of the remote write of one agent, whatever its version of Prometheus."""

    url: str
    external_labels: Mapping[str, str]
    #: Keys of an entry that hold the way to authenticate: basic_auth, authorization, tls_config.
    access: Mapping[str, Mapping[str, str]]
    tenant: str = ""
    tenants: tuple[Tenant, ...] = ()
    tenant_header: str = TENANT_HEADER
    exemplars: bool = False
    native_histograms: bool = False
    needs: Needs | None = None

    @classmethod
    def of(cls, content: object) -> Spec:
        """Read the facts of a specification, which was checked before they were written."""
        fix = "use the remote_write_spec that the module fleet_plan returned"
        found, problems = read_facts(cls, content, "remote_write_spec", fix)
        if found is None or problems:
            raise ProblemError(problems or [Problem("remote_write_spec", "a part of it is missing", fix)])
        return found

    @property
    def tenant_names(self) -> tuple[str, ...]:
        """Tenants of the entries, in their order. The last one may be empty."""
        return (*(tenant.name for tenant in self.tenants), self.tenant)

    @property
    def sizing(self) -> Sizing | None:
        return Sizing(self.needs, len(self.tenant_names)) if self.needs else None

    def config(self, prometheus: Version) -> dict[str, object]:
        """Return what goes into the configuration of a version of Prometheus."""
        external_labels = dict(self.external_labels)
        return {"global": {"external_labels": external_labels}, "remote_write": self.entries(prometheus)}

    def entries(self, prometheus: Version) -> list[dict[str, object]]:
        taken = [namespace for tenant in self.tenants for namespace in tenant.namespaces]
        return [
            *(self._entry(prometheus, one.name, _by_namespace("keep", one.namespaces)) for one in self.tenants),
            # Last the catch-all: series of any other namespace, and those without one, such as the nodes'.
            self._entry(prometheus, self.tenant, _by_namespace("drop", taken) if taken else None),
        ]

    def _entry(self, prometheus: Version, tenant: str, relabelling: dict[str, object] | None) -> dict[str, object]:
        entry: dict[str, object] = {"name": tenant or "thanos", "url": self.url}
        if prometheus >= KEYS_SINCE["protobuf_message"]:
            entry["protobuf_message"] = PROTOBUF_MESSAGE
        if tenant:
            entry["headers"] = {self.tenant_header: tenant}
        entry |= self.access
        if self.exemplars:
            entry["send_exemplars"] = True
        if self.native_histograms:
            entry["send_native_histograms"] = True
        if relabelling:
            entry["write_relabel_configs"] = [relabelling]
        queue = self.sizing.queue_config() if self.sizing else {}
        return {**entry, "queue_config": {**queue, "retry_on_http_429": True}}


def _by_namespace(action: str, namespaces: Sequence[str]) -> dict[str, object]:
    """Prometheus anchors the expression at both ends, and a namespace's name has no character with a meaning in it."""
    return {"source_labels": ["namespace"], "regex": "|".join(namespaces), "action": action}
