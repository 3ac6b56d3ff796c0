# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The variables that one cluster needs to know of another: their names, types and defaults, and how they are read.

They have their defaults here and in no role, because the defaults of a role are not in hostvars.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem
from ansible_collections.miribit.thanos.plugins.module_utils.base.reader import Reader
from ansible_collections.miribit.thanos.plugins.module_utils.fleet.options import Flaw
from ansible_collections.miribit.thanos.plugins.module_utils.remote_write.model import TENANT_HEADER

Role = Literal["central", "edge"]
#: What a plan is for: to change clusters, or only to read them.
Purpose = Literal["change", "read"]

#: Stands in inventories/example for what nobody but the user knows.
PLACEHOLDER = "CHANGE-ME"

#: Who says that a variable is meant for this collection.
PREFIXES = ("edge_exporters_", "fleet_", "legacy_prometheus_", "object_storage_", "prometheus_agent_", "thanos_")

#: What an agent can show of itself, and the file of each. The user's name is none: it stands in the configuration.
CREDENTIALS_FOLDER = "/etc/prometheus/remote-write"
CREDENTIALS_FILES = {
    "ca": "ca.crt",
    "cert": "tls.crt",
    "key": "tls.key",
    "password": "password",
    "token": "token",
}

#: Which group reads the variables of a role. All others are of every cluster.
_SCOPES: dict[str, Literal["central", "edge"]] = {
    "edge_exporters_": "edge",
    "legacy_prometheus_": "edge",
    "object_storage_": "central",
    "prometheus_agent_": "edge",
    "thanos_": "central",
}

VIAS = ("load_balancer", "ingress", "url")

_Value = TypeVar("_Value", str, int, bool, list[object])
_Any = TypeVar("_Any")
#: What follows the name of a variable where a problem is about a part of it.
_VARIABLE = re.compile(r"[^a-zA-Z0-9_]")
# A message that names more hosts than this is not read.
_MOST_HOSTS = 5


@dataclass(frozen=True)
class Variable:
    """Its type is that of its default. An empty default that stands for something else says so in the meaning."""

    name: str
    default: object
    scope: Literal["all", "central", "edge"]
    meaning: str
    secret: bool = False

    @property
    def type(self) -> str:
        return type(self.default).__name__

    def applies(self, role: Role) -> bool:
        return self.scope in {"all", role}


_TABLE = (
    Variable("fleet_kubeconfig", "", "all", "Path of the kubeconfig file; empty for the usual ones of kubectl"),
    Variable("fleet_context", "", "all", "Context in the kubeconfig file; empty for the host's name"),
    Variable("fleet_cluster_uid", "", "all", "UID that the namespace kube-system must have; empty if any"),
    Variable("fleet_namespace", "monitoring", "all", "Namespace of everything that is applied"),
    Variable("fleet_cluster_domain", "cluster.local", "all", "DNS domain of the cluster"),
    Variable("fleet_storage_class", "longhorn", "all", "StorageClass of every volume"),
    Variable("fleet_ingress_class", "nginx", "all", "IngressClass of every Ingress"),
    Variable("fleet_cluster_label", "", "all", "External label cluster; empty for the host's name"),
    Variable("fleet_external_labels", {}, "all", "External labels besides the label cluster"),
    Variable("fleet_thanos_version", "0.42.4", "all", "Version of Thanos"),
    Variable("fleet_thanos_image", "", "all", "Image of Thanos; empty for quay.io/thanos/thanos of the version"),
    Variable("fleet_prometheus_version", "3.15.0", "all", "Version of Prometheus"),
    Variable(
        "fleet_prometheus_image",
        "",
        "all",
        "Image of Prometheus; empty for quay.io/prometheus/prometheus of the version",
    ),
    Variable("thanos_receiver_name", "thanos-receiver", "central", "Name that those of all objects begin with"),
    Variable("thanos_receiver_replication_factor", 3, "central", "Copies of each series"),
    Variable("thanos_receiver_routers", 2, "central", "Replicas of the router"),
    Variable(
        "thanos_receiver_rings",
        [{"name": "default", "replicas": 3}],
        "central",
        "Rings of ingestors, as the filter hashring takes them; service may be left out",
    ),
    Variable(
        "thanos_receiver_load_balancer",
        {},
        "central",
        "Service of type LoadBalancer: enabled (true), address (empty: the cluster chooses), port (19291)",
    ),
    Variable("thanos_receiver_ingress", {}, "central", "Ingress: host; empty for none"),
    Variable("thanos_receiver_tls", False, "central", "Whether the receiver speaks TLS"),
    Variable("thanos_receiver_client_certificates", False, "central", "Whether it asks senders for a certificate"),
    Variable("thanos_receiver_tenant_header", TENANT_HEADER, "central", "Header that names the tenant of a write"),
    Variable("thanos_receiver_default_tenant", "default-tenant", "central", "Tenant of a write without that header"),
    Variable(
        "thanos_compactor_vertical_compaction",
        False,
        "central",
        "Whether the compactor takes blocks that overlap, as late samples make them",
    ),
    Variable("thanos_query_name", "thanos-query", "central", "Name of Thanos Query and of its Service"),
    Variable(
        "prometheus_agent_remote_write_via",
        "",
        "edge",
        "Way to the receiver: load_balancer, ingress or url; empty for the first that there is of the first two",
    ),
    Variable("prometheus_agent_remote_write_url", "", "edge", "URL of the receiver, for the way url"),
    Variable("prometheus_agent_tenant", "", "edge", "Tenant that the agent writes as; empty for the default tenant"),
    Variable("prometheus_agent_tenants", [], "edge", "Tenants with namespaces, as the filter remote_write takes them"),
    Variable(
        "prometheus_agent_credentials",
        {},
        "edge",
        "What the agent shows of itself: ca, cert, key, username, password, token",
        secret=True,
    ),
    Variable("prometheus_agent_credentials_secret", "", "edge", "Existing Secret with them instead"),
    Variable("prometheus_agent_credentials_keys", [], "edge", "What it holds: ca, cert, key, password, token"),
    Variable("prometheus_agent_username", "", "edge", "User's name that goes with a password"),
    Variable("prometheus_agent_server_name", "", "edge", "Name in the receiver's certificate; empty for the URL's"),
    Variable("prometheus_agent_sizing", {}, "edge", "Sizing of the queues, as the filter remote_write takes it"),
)
SCHEMA = {variable.name: variable for variable in _TABLE}


def applies(name: str, role: Role) -> bool:
    """Whether hosts of a group read a variable of this collection."""
    if name in SCHEMA:
        return SCHEMA[name].applies(role)
    scope = next((scope for prefix, scope in _SCOPES.items() if name.startswith(prefix)), role)
    return scope == role and name.startswith(PREFIXES)


@dataclass(frozen=True)
class Host:
    """What the inventory says of a cluster: which variables it has, and the values of those of this collection.

    Of a variable whose template fails there is the reason instead of a value.
    """

    name: str
    variables: Collection[str] = ()
    values: Mapping[str, object] = field(default_factory=dict)
    failures: Mapping[str, Flaw] = field(default_factory=dict)


class Findings:
    """Problems and warnings. What several hosts have in common, mostly from a group's variables, is told once."""

    def __init__(self) -> None:
        self._problems: dict[tuple[str, str, str], list[str]] = {}
        self._warnings: dict[tuple[str, str, str], list[str]] = {}

    def refuse(self, host: str, at: str, cause: str, fix: str) -> None:
        self._problems.setdefault((at, cause, fix), []).append(host)

    def warn(self, host: str, at: str, cause: str, fix: str) -> None:
        self._warnings.setdefault((at, cause, fix), []).append(host)

    @property
    def problems(self) -> tuple[Problem, ...]:
        return _merged(self._problems)

    @property
    def warnings(self) -> tuple[Problem, ...]:
        return _merged(self._warnings)


def concealed(credentials: object) -> object:
    """Instead of each secret only whether there is one. The user's name is none, nor is the placeholder."""
    if not isinstance(credentials, Mapping):
        # Its type is all that is told of it.
        return type(credentials)() if isinstance(credentials, str | int | float | list) else credentials
    return {
        key: value
        if value in (None, PLACEHOLDER) or key == "username"
        else isinstance(value, str) and bool(value.strip())
        for key, value in credentials.items()
    }


def _merged(found: Mapping[tuple[str, str, str], list[str]]) -> tuple[Problem, ...]:
    return tuple(
        Problem(", ".join(part for part in (_hosts(hosts), at) if part), cause, fix)
        for (at, cause, fix), hosts in found.items()
    )


def _hosts(hosts: Iterable[str]) -> str:
    """No host is what is about the whole inventory."""
    names = [host for host in dict.fromkeys(hosts) if host]
    if len(names) < 2:
        return f"Host {names[0]}" if names else ""
    if len(names) > _MOST_HOSTS:
        return f"Hosts {', '.join(names[:_MOST_HOSTS])} and {len(names) - _MOST_HOSTS} more"
    return f"Hosts {', '.join(names[:-1])} and {names[-1]}"


class HostReader:
    """Gives the variables of a host that apply to its role. What is wrong is found, and read as the default."""

    def __init__(self, host: Host, role: Role, findings: Findings, purpose: Purpose = "change") -> None:
        self.host = host
        self.role = role
        #: Whether something that only a change of clusters needs is missing or invalid.
        self.incomplete = False
        #: Variables that something is wrong with.
        self.rejected: set[str] = set()
        self._findings = findings
        self._purpose = purpose
        self._values = {name: value for name, value in host.values.items() if value is not None and applies(name, role)}
        for name, flaw in host.failures.items():
            self.reject(name, flaw, unknown=True)

    def put(self, name: str, value: object) -> None:
        """Read a variable as this value from now on."""
        self._values[name] = value

    def given(self, name: str, otherwise: _Any) -> _Any:
        """The value of a role's variable where the inventory gives one of this type."""
        value = self._values.get(name, otherwise)
        return value if isinstance(value, type(otherwise)) else otherwise

    def reject(self, name: str, flaw: Flaw, *, unknown: bool = False) -> None:
        """Report what is wrong with a variable, and read it as its default from now on.

        Its value is unknown where only somebody else has it, who may not be the one who reads the clusters.
        """
        if not flaw.certain:
            self.warn(f"{name}{flaw.at}", flaw.cause, flaw.fix)
            return
        self._values.pop(name, None)
        if name.startswith("fleet_") or (name in SCHEMA and not unknown):
            refuse = self.refuse
        else:
            refuse = self.require if name in SCHEMA else self.refuse_change
        refuse(f"{name}{flaw.at}", flaw.cause, flaw.fix)

    def refuse(self, at: str, cause: str, fix: str) -> None:
        self.rejected.add(_VARIABLE.split(at, maxsplit=1)[0])
        self._findings.refuse(self.host.name, at, cause, fix)

    def require(self, at: str, cause: str, fix: str) -> None:
        """Refuse to change clusters without something that the plan is made from. To read them, it is not needed."""
        self.incomplete = True
        self.refuse_change(at, cause, fix)

    def refuse_change(self, at: str, cause: str, fix: str) -> None:
        """Refuse what only a change of clusters needs. Where they are only read, it is a warning."""
        if self._purpose == "read":
            self.rejected.add(_VARIABLE.split(at, maxsplit=1)[0])
            self.warn(at, f"{cause} (phases 1 and 2 refuse this)", fix)
        else:
            self.refuse(at, cause, fix)

    def warn(self, at: str, cause: str, fix: str) -> None:
        self._findings.warn(self.host.name, at, cause, fix)

    def text(self, name: str) -> str:
        return self._value(name, "")

    def number(self, name: str) -> int:
        return self._value(name, 0)

    def flag(self, name: str) -> bool:
        return self._value(name, False)

    def items(self, name: str) -> list[object]:
        return self._value(name, list[object]())

    def texts(self, name: str) -> tuple[str, ...]:
        reader = Reader()
        texts = reader.texts("", self._values, name)
        return texts if self._accept(reader) else ()

    def mapping(self, name: str, keys: Collection[str] | None = None) -> dict[str, object]:
        reader = Reader()
        mapping = reader.mapping(name, self._values.get(name, {}), keys)
        self._accept(reader)
        return mapping

    def labels(self, name: str) -> dict[str, str]:
        reader = Reader()
        labels = reader.labels(name, self._values.get(name, {}))
        self._accept(reader)
        return labels

    def _value(self, name: str, kind: _Value) -> _Value:
        default = SCHEMA[name].default
        if not isinstance(default, type(kind)):
            raise TypeError(name)
        reader = Reader()
        value = reader.value("", self._values, name, default)
        self._accept(reader)
        return value

    def within(self, name: str, mapping: Mapping[str, object], key: str, default: _Value) -> _Value:
        """The value of a key in a variable that is a mapping."""
        reader = Reader()
        value = reader.value(name, mapping, key, default)
        self._accept(reader)
        return value

    def _accept(self, reader: Reader) -> bool:
        for problem in reader.problems:
            self.refuse(problem.subject, problem.cause, problem.fix)
        return not reader.problems
