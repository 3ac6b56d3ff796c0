# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who reads from the components of a cluster, and which well-known passwords are in use there, told from its objects.

No I/O here. Private to the collection: it can change at any time.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from urllib.parse import SplitResult

from ansible_collections.miribit.thanos.plugins.module_utils.audit_components import (
    Container,
    Fact,
    Source,
    containers,
    flag,
    image_name,
    plain_variables,
    source_of,
    source_of_variable,
)
from ansible_collections.miribit.thanos.plugins.module_utils.audit_owners import (
    Object,
    Objects,
    find,
    labels_of,
    list_at,
    mapping_at,
    name_of,
    namespace_of,
)
from ansible_collections.miribit.thanos.plugins.module_utils.remote_write import split_url

#: Reads YAML; what cannot be read it answers with None.
Load = Callable[[str], object]

# Kind of a metric in a HorizontalPodAutoscaler -> the API that it is asked for at.
_METRIC_APIS = {
    "pods": "custom.metrics.k8s.io",
    "object": "custom.metrics.k8s.io",
    "external": "external.metrics.k8s.io",
    "resource": "metrics.k8s.io",
    "containerResource": "metrics.k8s.io",
}
# Mostly metrics-server answers there, which reads no Prometheus.
_USUALLY_OTHERS = "metrics.k8s.io"
# What a Full Prometheus takes with it, if it goes.
_BEHIND_INGRESS = {"prometheus", "thanos_sidecar", "alertmanager"}

_DATA_SOURCE_LABEL = "grafana_datasource"
_PROVISIONING = "/etc/grafana/provisioning"
_DOMAIN = "cluster.local"
_COREFILE_DOMAINS = re.compile(r"^[ \t]*kubernetes[ \t]+([^{\n]+)", re.MULTILINE)
_PORTS = {"http": 80, "https": 443}


# What a URL leads to.


def service_of(host: str, objects: Objects, namespace: str = "") -> Object | None:
    """The Service of this cluster that a host is, for who asks in a namespace.

    A host is NAME, NAME.NAMESPACE, NAME.NAMESPACE.svc, the same with the cluster's domain, one of its addresses, or a
    pod of a headless Service: POD.NAME.NAMESPACE.svc. What is called ExternalName is followed.
    """
    passed: set[str] = set()
    while host not in passed:
        passed.add(host)
        service = _service(host.lower().removesuffix("."), objects, namespace)
        spec = mapping_at(service or {}, "spec")
        if spec.get("type") != "ExternalName":
            return service
        host = str(spec.get("externalName") or "")
    return None


def shown(url: str) -> str:
    """A URL without what can be a secret: user, password, query and fragment."""
    parts = _split(url)
    if parts is None:
        return "what is no URL"
    place = parts.netloc.rpartition("@")[2] + parts.path
    return f"{parts.scheme}://{place}" if parts.scheme else place


def _split(url: str) -> SplitResult | None:
    return split_url(url.strip() if "://" in url else f"//{url.strip()}")


def _service(host: str, objects: Objects, namespace: str) -> Object | None:
    for domain in _domains(objects):
        if host.endswith(f".svc.{domain}"):
            host = host.removesuffix(f".{domain}")
            break
    parts = host.split(".")
    if len(parts) > 2 and parts[-1] == "svc":
        del parts[-1]
    match parts:
        case [name] if namespace:
            found = find(objects, "Service", namespace, name)
        case [name, space] | [_, name, space]:
            found = find(objects, "Service", space, name)
        case _:
            found = None
    return found or next((one for one in objects.get("Service", ()) if host in _addresses(one)), None)


def _domains(objects: Objects) -> list[str]:
    """The cluster's own domains, as its DNS server has them."""
    corefile = mapping_at(find(objects, "ConfigMap", "kube-system", "coredns") or {}, "data").get("Corefile")
    found = _COREFILE_DOMAINS.findall(str(corefile or ""))
    domains = [name.rstrip(".") for line in found for name in line.split() if not name.endswith(".arpa")]
    return domains or [_DOMAIN]


def _addresses(service: Object) -> set[str]:
    spec = mapping_at(service, "spec")
    given = [spec.get("clusterIP"), *(spec.get("clusterIPs") or ()), *(spec.get("externalIPs") or ())]
    given += [
        one.get(key) for one in list_at(service, "status", "loadBalancer", "ingress") for key in ("ip", "hostname")
    ]
    return {str(address).lower() for address in given if address and address != "None"}


@dataclass(frozen=True)
class _Scene:
    """A cluster, with what is found in it only once."""

    objects: Objects
    components: Sequence[Mapping[str, object]]

    @cached_property
    def containers(self) -> list[Container]:
        return containers(self.objects)

    @cached_property
    def kinds(self) -> dict[str, str]:
        return {str(one["id"]): str(one["kind"]) for one in self.components}

    def component_of(self, url: str, namespace: str) -> str | None:
        parts = _split(url)
        service = service_of(parts.hostname, self.objects, namespace) if parts and parts.hostname else None
        if parts is None or service is None:
            return None
        return self.component_behind(service, parts.port or _PORTS.get(parts.scheme))

    def component_behind(self, service: Object, port: object) -> str | None:
        """The component behind a port (a number or a name) of a Service; the Prometheus, where there are several."""
        behind = [one for one in self.containers_behind(service) if one.id in self.kinds]
        target = _target_port(service, port)
        named = [one for one in behind if _has_port(one.content, target)]
        # Before it can stand a proxy of its pod, which is no component.
        found = sorted(named or behind, key=lambda one: (self.kinds[one.id] != "prometheus", one.id))
        return found[0].id if found else None

    def containers_behind(self, service: Object) -> list[Container]:
        selector = mapping_at(service, "spec", "selector").items()
        return [
            one
            for one in self.containers
            if selector
            and one.workload.namespace == namespace_of(service)
            and any(selector <= labels_of(holder).items() for holder in one.workload.holders)
        ]


def _target_port(service: Object, port: object) -> object:
    if mapping_at(service, "spec").get("clusterIP") == "None":
        # Its name leads to the pods themselves.
        return port
    for one in list_at(service, "spec", "ports"):
        if port is not None and port in (one.get("port"), one.get("name")):
            return one.get("targetPort")
    return None


def _has_port(container: Object, port: object) -> bool:
    ports = list_at(container, "ports")
    return port is not None and any(port in (one.get("containerPort"), one.get("name")) for one in ports)


# Who reads.


def readers(objects: Objects, components: Sequence[Mapping[str, object]], load: Load) -> list[Fact]:
    """Who reads from a component, and who may: of what leaves the sight of the objects, the component is None."""
    scene = _Scene(objects, components)
    found = [
        *_adapters(scene),
        *_api_services(scene),
        *_autoscalers(scene),
        *_data_sources(scene, load),
        *_ingresses(scene),
    ]
    keys = ("kind", "namespace", "name", "reads")
    return sorted(found, key=lambda one: [str(one[key] or "") for key in keys])


def _reader(kind: str, namespace: str | None, name: str, reads: str, component: str | None) -> Fact:
    return {"kind": kind, "namespace": namespace, "name": name, "reads": reads, "component": component}


def _adapters(scene: _Scene) -> Iterator[Fact]:
    for one in scene.containers:
        if url := _adapter_url(one):
            place = one.workload
            component = scene.component_of(url, place.namespace)
            yield _reader("adapter", place.namespace, place.name, shown(url), component)


def _adapter_url(one: Container) -> str | None:
    """What prometheus-adapter reads, also if its image is called otherwise."""
    return flag(one.content, "--prometheus-url")


@dataclass(frozen=True)
class _Origin:
    """Where an API of metrics has them from."""

    text: str
    component: str | None
    is_adapter: bool


def _served(scene: _Scene, api: Object) -> _Origin | None:
    """None for what the API server answers itself."""
    reference = mapping_at(api, "spec", "service")
    if not reference:
        return None
    namespace, name = str(reference.get("namespace")), str(reference.get("name"))
    through = f"Service {namespace}/{name}"
    service = find(scene.objects, "Service", namespace, name)
    for one in scene.containers_behind(service) if service else ():
        if url := _adapter_url(one):
            component = scene.component_of(url, one.workload.namespace)
            return _Origin(f"{shown(url)} (through {through})", component, is_adapter=True)
    return _Origin(f"{through}; what that reads cannot be seen", None, is_adapter=False)


def _metric_origins(scene: _Scene) -> Iterator[tuple[Object, str, _Origin]]:
    for api in scene.objects.get("APIService", ()):
        group = str(mapping_at(api, "spec").get("group"))
        origin = _served(scene, api) if group in _METRIC_APIS.values() else None
        if origin and (origin.is_adapter or group != _USUALLY_OTHERS):
            yield api, group, origin


def _api_services(scene: _Scene) -> Iterator[Fact]:
    for api, _group, origin in _metric_origins(scene):
        yield _reader("apiservice", None, name_of(api), origin.text, origin.component)


def _autoscalers(scene: _Scene) -> Iterator[Fact]:
    # A group can be served in several versions, mostly by one.
    origins = {group: origin for _api, group, origin in _metric_origins(scene)}
    for scaler in scene.objects.get("HorizontalPodAutoscaler", ()):
        metrics: dict[str, set[str]] = {}
        for metric in list_at(scaler, "spec", "metrics"):
            for key, group in _METRIC_APIS.items():
                if content := mapping_at(metric, key):
                    name = mapping_at(content, "metric").get("name") or content.get("name")
                    metrics.setdefault(group, set()).add(str(name))
        for group, names in metrics.items():
            origin = origins.get(group)
            if origin is None and group == _USUALLY_OTHERS:
                continue
            origin = origin or _Origin("no APIService that can be seen", None, is_adapter=False)
            reads = f"{', '.join(sorted(names))} of {group}, from {origin.text}"
            yield _reader("hpa", namespace_of(scaler), name_of(scaler), reads, origin.component)


def _ingresses(scene: _Scene) -> Iterator[Fact]:
    for ingress in scene.objects.get("Ingress", ()):
        namespace = namespace_of(ingress)
        for url, backend in _backends(ingress):
            service = find(scene.objects, "Service", namespace, str(backend.get("name")))
            port = mapping_at(backend, "port")
            found = scene.component_behind(service, port.get("number") or port.get("name")) if service else None
            if found and scene.kinds[found] in _BEHIND_INGRESS:
                yield _reader("ingress", namespace, name_of(ingress), url, found)


def _backends(ingress: Object) -> Iterator[tuple[str, Object]]:
    """The URLs of an Ingress, and the Services that they lead to."""
    with_tls = {host for one in list_at(ingress, "spec", "tls") for host in one.get("hosts") or ()}
    if service := mapping_at(ingress, "spec", "defaultBackend", "service"):
        yield "http://*/", service
    for rule in list_at(ingress, "spec", "rules"):
        host = str(rule.get("host") or "*")
        for path in list_at(rule, "http", "paths"):
            scheme = "https" if host in with_tls else "http"
            yield f"{scheme}://{host}{path.get('path') or '/'}", mapping_at(path, "backend", "service")


# Grafana's data sources.


def _data_sources(scene: _Scene, load: Load) -> Iterator[Fact]:
    for config_map, key, namespace in _provisioned(scene):
        place = namespace_of(config_map), name_of(config_map)
        document = load(str(mapping_at(config_map, "data").get(key) or ""))
        if not isinstance(document, Mapping):
            yield _reader("grafana_data_source", *place, f"key {key}, which is no YAML of data sources", None)
            continue
        for source in list_at(document, "datasources"):
            url, kind = str(source.get("url") or ""), str(source.get("type") or "")
            component = scene.component_of(url, namespace)
            if component or "prometheus" in kind:
                name = f"{place[1]} [{source.get('name')}]"
                yield _reader("grafana_data_source", place[0], name, shown(url), component)


def _provisioned(scene: _Scene) -> list[tuple[Object, str, str]]:
    """The ConfigMaps with data sources, the key of each, and the namespace in which their hosts are looked up."""
    grafanas = [one for one in scene.containers if one.kind == "grafana"]
    spaces = {one.workload.namespace for one in grafanas}
    labels = {_DATA_SOURCE_LABEL, *_watched_labels(scene)}
    found: dict[tuple[str, str, str], tuple[Object, str, str]] = {}
    for item in scene.objects.get("ConfigMap", ()):
        # Who reads it is a sidecar of Grafana, which can be in another namespace.
        namespace = next(iter(spaces)) if len(spaces) == 1 else namespace_of(item)
        mounted = {key: one.workload.namespace for one in grafanas for key in _mounted_keys(one, item)}
        for key in _files(item):
            if key in mounted or not labels.isdisjoint(labels_of(item)):
                place = namespace_of(item), name_of(item), key
                found[place] = (item, key, mounted.get(key, namespace))
    return [found[place] for place in sorted(found)]


def _files(config_map: Object) -> list[str]:
    """Grafana reads no others."""
    return [key for key in mapping_at(config_map, "data") if key.endswith((".yaml", ".yml"))]


def _watched_labels(scene: _Scene) -> set[str]:
    """The labels by which sidecars of Grafana find data sources, where they are told another one."""
    found = set()
    for one in scene.containers:
        plain = plain_variables(one.content)
        if PurePosixPath(plain.get("FOLDER", "")).name == "datasources" and "LABEL" in plain:
            found.add(plain["LABEL"])
    return found


def _mounted_keys(one: Container, config_map: Object) -> Iterator[str]:
    if one.workload.namespace != namespace_of(config_map):
        return
    provisioning = plain_variables(one.content).get("GF_PATHS_PROVISIONING", _PROVISIONING)
    folder = PurePosixPath(provisioning, "datasources")
    for mount in list_at(one.content, "volumeMounts"):
        place = PurePosixPath(str(mount.get("mountPath") or ""))
        if not place.is_relative_to(folder):
            continue
        for key in _files(config_map):
            path = place if mount.get("subPath") else place / key
            if source_of(one.holder, one.content, str(path)) == Source("ConfigMap", name_of(config_map), key):
                yield key


# Well-known passwords.


def _hashes(*values: str) -> frozenset[str]:
    return frozenset(hashlib.sha256(value.encode()).hexdigest() for value in values)


@dataclass(frozen=True)
class _Password:
    what: str
    #: Part of the image's name.
    image: str
    variables: tuple[str, ...]
    #: Of the values that everybody knows, SHA-256.
    hashes: frozenset[str]


_GRAFANA = _Password(
    "Grafana's administrator", "grafana", ("GF_SECURITY_ADMIN_PASSWORD",), _hashes("admin", "prom-operator")
)
_MINIO = _Password(
    "MinIO's root user", "minio", ("MINIO_ROOT_PASSWORD", "MINIO_SECRET_KEY"), _hashes("minioadmin", "minio123")
)
# The key that Grafana's chart has.
_GRAFANA_KEY = "admin-password"


@dataclass(frozen=True)
class DefaultSecret:
    """A key of a Secret that has to be looked at. Only whether it is a well-known password is told of it."""

    namespace: str
    secret: str
    key: str
    #: Whose password it is.
    what: str
    component: str | None
    hashes: frozenset[str]

    def credential(self, value: bytes) -> Fact | None:
        """What to tell of the key, if its value (decoded) is a well-known password."""
        if hashlib.sha256(value.strip()).hexdigest() not in self.hashes:
            return None
        cause = f"the password of {self.what} in it (key {self.key}) is a well-known default"
        return {"subject": f"Secret {self.namespace}/{self.secret}", "cause": cause, "component": self.component}


def default_credentials(objects: Objects) -> list[Fact]:
    """The well-known passwords that workloads are given in plain."""
    found: list[Fact] = []
    for one, password, variable in _variables(containers(objects)):
        value = plain_variables(one.content).get(variable, "")
        if hashlib.sha256(value.encode()).hexdigest() in password.hashes:
            cause = f"the password of {password.what} ({variable}, in plain) is a well-known default"
            found.append({"subject": one.id, "cause": cause, "component": one.id if one.kind else None})
    return sorted(found, key=lambda one: (str(one["subject"]), str(one["cause"])))


def default_secrets(objects: Objects) -> list[DefaultSecret]:
    """The keys of Secrets that can hold a well-known password. They need not exist."""
    scene = _Scene(objects, ())
    found: dict[tuple[str, str, str], DefaultSecret] = {}
    for one, password, variable in _variables(scene.containers):
        if source := _secret_of(one, password, variable):
            place = one.workload.namespace, source.name, str(source.key)
            component = one.id if one.kind else None
            found.setdefault(place, DefaultSecret(*place, password.what, component, password.hashes))
    for service in objects.get("Service", ()):
        is_grafana = labels_of(service).get("app.kubernetes.io/name") == "grafana"
        # Grafana's chart names its Secret as its Service, and both stay where nothing runs behind them any more.
        if is_grafana and not scene.containers_behind(service):
            place = namespace_of(service), name_of(service), _GRAFANA_KEY
            found.setdefault(place, DefaultSecret(*place, _GRAFANA.what, None, _GRAFANA.hashes))
    return [found[place] for place in sorted(found)]


def _variables(every: Iterable[Container]) -> Iterator[tuple[Container, _Password, str]]:
    for one in every:
        for password in (_GRAFANA, _MINIO):
            for variable in password.variables:
                yield one, password, variable


def _secret_of(one: Container, password: _Password, variable: str) -> Source | None:
    """The Secret of a variable, or of the file that a variable names in its place."""
    plain = plain_variables(one.content)
    paths = [plain[name] for name in (f"{variable}__FILE", f"{variable}_FILE") if name in plain]
    named = any(each.get("name") == variable for each in list_at(one.content, "env"))
    if not paths and not named and password.image not in image_name(one.content):
        # All keys of a Secret can become variables of anybody. Only of those who would use it, it is looked at.
        return None
    source = source_of(one.holder, one.content, paths[0]) if paths else source_of_variable(one.content, variable)
    return source if source and source.kind == "Secret" else None
