# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From what is asked of an agent's remote write to its blocks: what the filter and the module remote_write share."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import PurePosixPath

from ansible_collections.miribit.thanos.plugins.module_utils.base.names import DNS_LABEL, HIGHEST_PORT, wrong_tenant
from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.base.reader import Reader
from ansible_collections.miribit.thanos.plugins.module_utils.base.versions import version
from ansible_collections.miribit.thanos.plugins.module_utils.remote_write.model import (
    AGENT_SINCE,
    KEYS_SINCE,
    RECEIVE_PATH,
    RECEIVE_PORT,
    TENANT_HEADER,
    Sender,
    Tenant,
    header_complaint,
    is_plain,
    label_complaints,
    url_complaints,
)
from ansible_collections.miribit.thanos.plugins.module_utils.remote_write.sizing import (
    MAX_SAMPLES_PER_SEND,
    Needs,
    Sizing,
)

_KEYS = (
    "prometheus_version",
    "exposure",
    "tls",
    "basic_auth",
    "bearer",
    "external_labels",
    "tenant",
    "tenants",
    "tenant_header",
    "exemplars",
    "native_histograms",
    "sizing",
)
_EXPOSURES = ("load_balancer", "ingress", "url")
_TLS_FILES = ("ca_file", "cert_file", "key_file")
_INLINE_SECRETS = ("password", "credentials", "token", "bearer_token", "ca", "cert", "key")
#: Fits the name of a metric's label and a header, and is a safe folder on an ingestor.
_TENANT_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")


@dataclass(frozen=True)
class Plan:
    """A sender in which nothing is wrong, and the size of its queues if that was asked for."""

    sender: Sender
    sizing: Sizing | None

    @property
    def warnings(self) -> tuple[Problem, ...]:
        complaints = (
            Problem("exposure", complaint.cause, complaint.fix)
            for complaint in url_complaints(self.sender.url)
            if not complaint.certain
        )
        return (*complaints, *(self.sizing.warnings("sizing") if self.sizing else ()))

    def config(self) -> dict[str, object]:
        return self.sender.config(self.sizing.queue_config() if self.sizing else {})

    def as_dict(self) -> dict[str, object]:
        return {"config": self.config(), "sizing": self.sizing.as_dict() if self.sizing else None}


def plan(spec: object) -> Plan:
    """What the filter remote_write and the module remote_write make of their specification."""
    reader = _SpecReader()
    planned = reader.plan(spec)
    if reader.problems:
        raise ProblemError(reader.problems)
    return planned


class _SpecReader(Reader):
    def plan(self, content: object) -> Plan:
        spec = self.mapping("spec", content, _KEYS)
        text = self.value("spec", spec, "prometheus_version", "")
        prometheus = version(text)
        if prometheus is None:
            self.refuse("prometheus_version", f"{text!r} is no version", "give the agent's, such as 3.15.0")
        elif prometheus < AGENT_SINCE:
            self.refuse("prometheus_version", f"{text} has no agent mode", "use 2.32 or newer")
        known = len(self.problems)
        url = self.url(spec)
        exposed = len(self.problems) == known
        sender = Sender(
            version=prometheus or AGENT_SINCE,
            url=url,
            external_labels=self.labels("external_labels", spec.get("external_labels", {})),
            access={**self.credentials(spec), **self.tls(spec)},
            tenant=self.value("spec", spec, "tenant", ""),
            tenants=self.tenants(spec),
            exemplars=self.value("spec", spec, "exemplars", False),
            native_histograms=self.value("spec", spec, "native_histograms", False),
            tenant_header=self.value("spec", spec, "tenant_header", TENANT_HEADER),
        )
        for complaint in label_complaints(sender.external_labels):
            self.refuse(complaint.place("external_labels"), complaint.cause, complaint.fix)
        if exposed:
            self.check_url(sender)
        self.check_tenants(sender)
        if why := header_complaint(sender.tenant_header):
            self.refuse("tenant_header", why, f"take another, such as {TENANT_HEADER}")
        since = KEYS_SINCE["send_native_histograms"]
        if prometheus and sender.native_histograms and prometheus < since:
            cause = f"Prometheus {text} does not know send_native_histograms"
            self.refuse("native_histograms", cause, f"use {since[0]}.{since[1]} or newer, or leave it out")
        return Plan(sender, self.sizing(spec, blocks=len(sender.tenants) + 1))

    # Where the receiver is.

    def url(self, spec: dict[str, object]) -> str:
        exposure = self.mapping("exposure", spec.get("exposure", {}), _EXPOSURES)
        given = [key for key in _EXPOSURES if key in exposure]
        if len(given) != 1:
            cause = f"it has {' and '.join(given)}" if given else "it says nothing"
            self.refuse("exposure", cause, f"give exactly one of {', '.join(_EXPOSURES)}")
            return ""
        scheme = "https" if "tls" in spec else "http"
        if "url" in exposure:
            return self.value("exposure", exposure, "url", "")
        if "ingress" in exposure:
            ingress = self.mapping("exposure, ingress", exposure["ingress"], ("host",))
            return f"{scheme}://{self.value('exposure, ingress', ingress, 'host', '')}{RECEIVE_PATH}"
        place = "exposure, load_balancer"
        load_balancer = self.mapping(place, exposure["load_balancer"], ("address", "port"))
        address = self.value(place, load_balancer, "address", "")
        port = self.value(place, load_balancer, "port", RECEIVE_PORT)
        if not 1 <= port <= HIGHEST_PORT:
            self.refuse(place, f"port {port} is no port", f"give a number from 1 to {HIGHEST_PORT}")
            port = RECEIVE_PORT
        host = f"[{address}]" if ":" in address else address
        return f"{scheme}://{host}:{port}{RECEIVE_PATH}"

    def check_url(self, sender: Sender) -> None:
        for complaint in url_complaints(sender.url):
            if complaint.certain:
                self.refuse("exposure", complaint.cause, complaint.fix)
        if is_plain(sender.url):
            if "tls_config" in sender.access:
                self.refuse("tls", "the URL is plain http, and no TLS is spoken", "give an https URL, or leave tls out")
            for key in ("basic_auth", "authorization"):
                if key in sender.access:
                    place = {"authorization": "bearer"}.get(key, key)
                    self.refuse(place, "credentials would go over plain http", "give tls or an https URL")

    # How the agent shows who it is. Only files: what a configuration holds, a ConfigMap holds for all to read.

    def tls(self, spec: dict[str, object]) -> dict[str, object]:
        if "tls" not in spec:
            return {}
        tls = self.by_file("tls", spec["tls"], (*_TLS_FILES, "server_name"))
        values = {key: self.value("tls", tls, key, "") for key in (*_TLS_FILES, "server_name") if key in tls}
        for key in _TLS_FILES:
            self.check_file("tls", key, values.get(key))
        if ("cert_file" in values) != ("key_file" in values):
            self.refuse("tls", "a client certificate is cert_file and key_file", "give both, or none")
        return {"tls_config": values} if values else {}

    def credentials(self, spec: dict[str, object]) -> dict[str, object]:
        found: dict[str, object] = {}
        if "basic_auth" in spec:
            basic = self.by_file("basic_auth", spec["basic_auth"], ("username", "password_file"))
            for key in ("username", "password_file"):
                if not basic.get(key):
                    self.refuse("basic_auth", f"there is no {key}", f"give its {key}")
            file = self.value("basic_auth", basic, "password_file", "")
            self.check_file("basic_auth", "password_file", file)
            username = self.value("basic_auth", basic, "username", "")
            found["basic_auth"] = {"username": username, "password_file": file}
        if "bearer" in spec:
            bearer = self.by_file("bearer", spec["bearer"], ("credentials_file",))
            if not bearer.get("credentials_file"):
                self.refuse("bearer", "there is no credentials_file", "give the path of the file with the token")
            file = self.value("bearer", bearer, "credentials_file", "")
            self.check_file("bearer", "credentials_file", file)
            found["authorization"] = {"credentials_file": file}
        if len(found) > 1:
            self.refuse("bearer", "there is basic_auth too, and Prometheus takes one of both", "leave one out")
        return found

    def by_file(self, place: str, content: object, keys: tuple[str, ...]) -> dict[str, object]:
        if isinstance(content, dict):
            for key in _INLINE_SECRETS:
                if key in content:
                    self.refuse(place, f"{key} would stand in the configuration for all to read", "give a file instead")
            content = {key: value for key, value in content.items() if key not in _INLINE_SECRETS}
        return self.mapping(place, content, keys)

    def check_file(self, place: str, key: str, path: str | None) -> None:
        # Without the text: what is no path may be the secret itself.
        if path and not PurePosixPath(path).is_absolute():
            self.refuse(place, f"{key} is no absolute path", "give the path at which the agent's pod has the file")

    # Who the samples belong to.

    def tenants(self, spec: dict[str, object]) -> tuple[Tenant, ...]:
        found = []
        for number, content in enumerate(self.value("spec", spec, "tenants", []), 1):
            name = content.get("name") if isinstance(content, dict) else None
            place = f"Tenant {number} ({name})" if isinstance(name, str) else f"Tenant {number}"
            tenant = self.mapping(place, content, ("name", "namespaces"))
            if not tenant.get("name"):
                self.refuse(place, "it has no name", "give its name")
            if not tenant.get("namespaces"):
                self.refuse(place, "it has no namespaces", "name them, or leave the tenant out")
            found.append(Tenant(self.value(place, tenant, "name", ""), self.texts(place, tenant, "namespaces")))
        return tuple(found)

    def check_tenants(self, sender: Sender) -> None:
        names = [
            *(tenant.name for tenant in sender.tenants if tenant.name),
            *([sender.tenant] if sender.tenant else []),
        ]
        for name, times in Counter(names).items():
            if not set(name) <= _TENANT_CHARACTERS or wrong_tenant(name):
                cause = "it must fit a header, a metric's label and a folder of the ingestor"
                self.refuse(f"Tenant {name!r}", cause, "use letters, digits, '-', '_' and '.'")
            if times > 1:
                self.refuse(f"Tenant {name}", f"it stands {times} times", "give each tenant once, with all namespaces")
        if not sender.tenants:
            return
        if not sender.tenant:
            cause = "series of other namespaces and of none, such as the nodes', would have no tenant"
            self.refuse("tenant", cause, "name the tenant that gets what no other does")
        if "namespace" in sender.external_labels:
            cause = "series without a namespace get this one before they are given to tenants"
            self.refuse("external_labels, label namespace", cause, "leave it out")
        owners = Counter(namespace for tenant in sender.tenants for namespace in tenant.namespaces)
        for namespace, times in owners.items():
            if not DNS_LABEL.fullmatch(namespace):
                cause = "it is not a namespace's name, and patterns are not taken"
                self.refuse(f"Namespace {namespace!r}", cause, "name each namespace")
            elif times > 1:
                self.refuse(f"Namespace {namespace}", "tenants share it", "give it to one tenant")

    # How much it is.

    def sizing(self, spec: dict[str, object], blocks: int) -> Sizing | None:
        if "sizing" not in spec:
            return None
        numbers = ("samples_per_second", "latency", "outage", "memory")
        content = self.mapping("sizing", spec["sizing"], (*numbers, "max_samples_per_send"))
        known = len(self.problems)
        for key in numbers:
            if key not in content:
                self.refuse("sizing", f"there is no {key}", f"give {key}")
        needs = Needs(
            samples_per_second=self.number("sizing", content, "samples_per_second", 1),
            latency=self.number("sizing", content, "latency", 1),
            outage=self.number("sizing", content, "outage", 1),
            memory=self.number("sizing", content, "memory", 1),
            max_samples_per_send=self.value("sizing", content, "max_samples_per_send", MAX_SAMPLES_PER_SEND),
        )
        if len(self.problems) == known:
            self.problems += needs.problems("sizing")
        return Sizing(needs, blocks) if len(self.problems) == known else None
