# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The specification of an agent's remote write: how a document says it, and what makes it impossible."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from ansible_collections.miribit.thanos.plugins.module_utils.base.names import DNS_LABEL, HIGHEST_PORT, wrong_tenant
from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.base.reader import Reader
from ansible_collections.miribit.thanos.plugins.module_utils.base.versions import Version, version
from ansible_collections.miribit.thanos.plugins.module_utils.remote_write.model import (
    AGENT_SINCE,
    KEYS_SINCE,
    RECEIVE_PATH,
    RECEIVE_PORT,
    TENANT_HEADER,
    Spec,
    Tenant,
    header_complaint,
    is_plain,
    label_complaints,
    receive_url,
    url_complaints,
)
from ansible_collections.miribit.thanos.plugins.module_utils.remote_write.sizing import MAX_SAMPLES_PER_SEND, Needs

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

#: Stands in for a URL that is not known, so that everything else is checked all the same.
ANY_URL = f"https://receiver.example{RECEIVE_PATH}"
#: Stands in likewise for a text that cannot be read.
_ANY_TEXT = "/"


@dataclass(frozen=True)
class Places:
    """Names of the parts of a specification in messages: the keys of a document, unless others are given."""

    url: str = "exposure"
    external_labels: str = "external_labels"
    tls: str = "tls"
    basic_auth: str = "basic_auth"
    bearer: str = "bearer"
    tenant: str = "tenant"
    #: Begins the places of tenants and of their namespaces.
    tenants: str = ""
    tenant_header: str = "tenant_header"
    sizing: str = "sizing"


DOCUMENT = Places()


@dataclass(frozen=True)
class Plan:
    """A specification without problems, for a version of Prometheus."""

    spec: Spec
    prometheus: Version

    def warnings(self, places: Places = DOCUMENT) -> Iterator[Problem]:
        for complaint in url_complaints(self.spec.url):
            if not complaint.certain:
                yield Problem(places.url, complaint.cause, complaint.fix)
        if self.spec.sizing:
            yield from self.spec.sizing.warnings(places.sizing)

    def config(self) -> dict[str, object]:
        return self.spec.config(self.prometheus)

    def as_dict(self) -> dict[str, object]:
        return {"config": self.config(), "sizing": self.spec.sizing.as_dict() if self.spec.sizing else None}


def plan(document: object) -> Plan:
    """Plan what the filter remote_write and the module remote_write are given."""
    reader = SpecReader()
    content = reader.mapping("spec", document, _KEYS)
    text = reader.value("spec", content, "prometheus_version", "")
    prometheus = reader.version("prometheus_version", text)
    spec = reader.spec(content)
    since = KEYS_SINCE["send_native_histograms"]
    if prometheus and spec.native_histograms and prometheus < since:
        cause = f"Prometheus {text} does not know send_native_histograms"
        reader.refuse("native_histograms", cause, f"use {since[0]}.{since[1]} or newer, or leave it out")
    problems = [*reader.problems, *check(spec)]
    if problems or prometheus is None:
        raise ProblemError(problems)
    return Plan(spec, prometheus)


class SpecReader(Reader):
    """Makes a specification, or parts of one, of parsed JSON or YAML and keeps every problem."""

    def version(self, place: str, text: str) -> Version | None:
        """Return the version of a Prometheus, and refuse one without agent mode."""
        number = version(text)
        if number is None:
            self.refuse(place, f"{text!r} is no version", "give the agent's, such as 3.15.0")
        elif number < AGENT_SINCE:
            self.refuse(place, f"{text} has no agent mode", "use 2.32 or newer")
        return number

    def spec(self, content: Mapping[str, object]) -> Spec:
        spec = Spec(
            url=self.url(content),
            external_labels=self.labels("external_labels", content.get("external_labels", {})),
            access=self.access(content),
            tenant=self.value("spec", content, "tenant", ""),
            tenants=self.tenants(self.value("spec", content, "tenants", [])),
            tenant_header=self.value("spec", content, "tenant_header", TENANT_HEADER),
            exemplars=self.value("spec", content, "exemplars", False),
            native_histograms=self.value("spec", content, "native_histograms", False),
            needs=self.needs("sizing", content["sizing"]) if "sizing" in content else None,
        )
        for complaint in label_complaints(spec.external_labels):
            self.refuse(complaint.place("external_labels"), complaint.cause, complaint.fix)
        return spec

    def url(self, content: Mapping[str, object]) -> str:
        known = len(self.problems)
        url = self.exposed(self.mapping("exposure", content.get("exposure", {}), _EXPOSURES), tls="tls" in content)
        return url if len(self.problems) == known else ANY_URL

    def exposed(self, exposure: Mapping[str, object], *, tls: bool) -> str:
        """Return the URL that follows from where the receiver is."""
        given = [key for key in _EXPOSURES if key in exposure]
        if len(given) != 1:
            cause = f"it has {' and '.join(given)}" if given else "it says nothing"
            self.refuse("exposure", cause, f"give exactly one of {', '.join(_EXPOSURES)}")
            return ""
        if "url" in exposure:
            return self.value("exposure", exposure, "url", "")
        if "ingress" in exposure:
            ingress = self.mapping("exposure, ingress", exposure["ingress"], ("host",))
            return receive_url(self.value("exposure, ingress", ingress, "host", ""), tls=tls)
        place = "exposure, load_balancer"
        load_balancer = self.mapping(place, exposure["load_balancer"], ("address", "port"))
        address = self.value(place, load_balancer, "address", "")
        port = self.value(place, load_balancer, "port", RECEIVE_PORT)
        if not 1 <= port <= HIGHEST_PORT:
            self.refuse(place, f"port {port} is no port", f"give a number from 1 to {HIGHEST_PORT}")
        return receive_url(address, port, tls=tls)

    # How the agent shows who it is. Only files: what a configuration holds, a ConfigMap holds for all to read.

    def access(self, content: Mapping[str, object]) -> dict[str, dict[str, str]]:
        found = {
            name: self.by_file(key, content[key], keys)
            for key, name, keys in (
                ("basic_auth", "basic_auth", ("username", "password_file")),
                ("bearer", "authorization", ("credentials_file",)),
                ("tls", "tls_config", (*_TLS_FILES, "server_name")),
            )
            if key in content
        }
        # Without any key, tls is only a word for https.
        return {name: texts for name, texts in found.items() if texts or name != "tls_config"}

    def by_file(self, place: str, content: object, keys: Sequence[str]) -> dict[str, str]:
        if isinstance(content, dict):
            for key in _INLINE_SECRETS:
                if key in content:
                    self.refuse(place, f"{key} would stand in the configuration for all to read", "give a file instead")
            content = {key: value for key, value in content.items() if key not in _INLINE_SECRETS}
        texts = self.mapping(place, content, keys)
        return {key: self.value(place, texts, key, _ANY_TEXT) for key in keys if key in texts}

    def tenants(self, items: Sequence[object], places: Places = DOCUMENT) -> tuple[Tenant, ...]:
        found = []
        for number, content in enumerate(items, 1):
            name = content.get("name") if isinstance(content, dict) else None
            place = f"{places.tenants}Tenant {number}" + (f" ({name})" if isinstance(name, str) else "")
            tenant = self.mapping(place, content, ("name", "namespaces"))
            if not tenant.get("name"):
                self.refuse(place, "it has no name", "give its name")
            if not tenant.get("namespaces"):
                self.refuse(place, "it has no namespaces", "name them, or leave the tenant out")
            found.append(Tenant(self.value(place, tenant, "name", ""), self.texts(place, tenant, "namespaces")))
        return tuple(found)

    def needs(self, place: str, content: object) -> Needs | None:
        """Return what the sizes follow from; None if it cannot be read."""
        known = len(self.problems)
        numbers = ("samples_per_second", "latency", "outage", "memory")
        needs = self.mapping(place, content, (*numbers, "max_samples_per_send"))
        for key in numbers:
            if key not in needs:
                self.refuse(place, f"there is no {key}", f"give {key}")
        read = Needs(
            samples_per_second=self.number(place, needs, "samples_per_second", 1),
            latency=self.number(place, needs, "latency", 1),
            outage=self.number(place, needs, "outage", 1),
            memory=self.number(place, needs, "memory", 1),
            max_samples_per_send=self.value(place, needs, "max_samples_per_send", MAX_SAMPLES_PER_SEND),
        )
        return read if len(self.problems) == known else None


# What makes a specification impossible.


def check(spec: Spec, places: Places = DOCUMENT) -> Iterator[Problem]:
    """Yield the problems of a specification, but those of its external labels: each cluster has some."""
    yield from _check_url(spec, places)
    yield from _check_access(spec.access, places)
    yield from _check_tenants(spec, places)
    if why := header_complaint(spec.tenant_header):
        yield Problem(places.tenant_header, why, f"take another, such as {TENANT_HEADER}")
    if spec.needs:
        yield from spec.needs.problems(places.sizing)


def _check_url(spec: Spec, places: Places) -> Iterator[Problem]:
    for complaint in url_complaints(spec.url):
        if complaint.certain:
            yield Problem(places.url, complaint.cause, complaint.fix)
    if is_plain(spec.url):
        if "tls_config" in spec.access:
            cause = "the URL is plain http, and no TLS is spoken"
            yield Problem(places.tls, cause, "give an https URL, or leave tls out")
        for key, place in (("basic_auth", places.basic_auth), ("authorization", places.bearer)):
            if key in spec.access:
                yield Problem(place, "credentials would go over plain http", "give tls or an https URL")


def _check_access(access: Mapping[str, Mapping[str, str]], places: Places) -> Iterator[Problem]:
    basic_auth, bearer, tls = (access.get(key) for key in ("basic_auth", "authorization", "tls_config"))
    if basic_auth is not None:
        for key in ("username", "password_file"):
            if not basic_auth.get(key):
                yield Problem(places.basic_auth, f"there is no {key}", f"give its {key}")
        yield from _check_files(basic_auth, places.basic_auth)
    if bearer is not None:
        if not bearer.get("credentials_file"):
            yield Problem(places.bearer, "there is no credentials_file", "give the path of the file with the token")
        yield from _check_files(bearer, places.bearer)
        if basic_auth is not None:
            cause = "there is basic_auth too, and Prometheus takes one of both"
            yield Problem(places.bearer, cause, "leave one out")
    if tls is not None:
        yield from _check_files(tls, places.tls)
        if ("cert_file" in tls) != ("key_file" in tls):
            yield Problem(places.tls, "a client certificate is cert_file and key_file", "give both, or none")


def _check_files(texts: Mapping[str, str], place: str) -> Iterator[Problem]:
    for key, path in texts.items():
        # Without the text: what is no path may be the secret itself.
        if key.endswith("_file") and path and not PurePosixPath(path).is_absolute():
            yield Problem(place, f"{key} is no absolute path", "give the path at which the agent's pod has the file")


def _check_tenants(spec: Spec, places: Places) -> Iterator[Problem]:
    for name, times in Counter(name for name in spec.tenant_names if name).items():
        if not set(name) <= _TENANT_CHARACTERS or wrong_tenant(name):
            cause = "it must fit a header, a metric's label and a folder of the ingestor"
            yield Problem(f"{places.tenants}Tenant {name!r}", cause, "use letters, digits, '-', '_' and '.'")
        if times > 1:
            cause = f"it stands {times} times"
            yield Problem(f"{places.tenants}Tenant {name}", cause, "give each tenant once, with all namespaces")
    if not spec.tenants:
        return
    if not spec.tenant:
        cause = "series of other namespaces and of none, such as the nodes', would have no tenant"
        yield Problem(places.tenant, cause, "name the tenant that gets what no other does")
    if "namespace" in spec.external_labels:
        cause = "series without a namespace get this one before they are given to tenants"
        yield Problem(f"{places.external_labels}, label namespace", cause, "leave it out")
    owners = Counter(namespace for tenant in spec.tenants for namespace in tenant.namespaces)
    for namespace, times in owners.items():
        if not DNS_LABEL.fullmatch(namespace):
            cause = "it is not a namespace's name, and patterns are not taken"
            yield Problem(f"{places.tenants}Namespace {namespace!r}", cause, "name each namespace")
        elif times > 1:
            yield Problem(f"{places.tenants}Namespace {namespace}", "tenants share it", "give it to one tenant")
