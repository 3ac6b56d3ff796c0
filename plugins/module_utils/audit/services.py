# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a URL leads to in a cluster: the Service, and the component behind it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import SplitResult

from ansible_collections.miribit.thanos.plugins.module_utils.base.untyped import list_at, mapping_at
from ansible_collections.miribit.thanos.plugins.module_utils.kube.containers import Container, containers
from ansible_collections.miribit.thanos.plugins.module_utils.kube.owners import (
    Object,
    Objects,
    find,
    labels_of,
    namespace_of,
)
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.components import Component
from ansible_collections.miribit.thanos.plugins.module_utils.remote_write.model import split_url

_DOMAIN = "cluster.local"
_COREFILE_DOMAINS = re.compile(r"^[ \t]*kubernetes[ \t]+([^{\n]+)", re.MULTILINE)
_PORTS = {"http": 80, "https": 443}


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
class Reader:
    """Somebody who reads from a component."""

    kind: str
    namespace: str | None
    name: str
    reads: str | None
    #: Id of the component; None where the address leaves the sight of the objects.
    component: str | None


@dataclass(frozen=True)
class Scene:
    """A cluster, with what is found in it only once."""

    objects: Objects
    components: Sequence[Component]

    @cached_property
    def containers(self) -> list[Container]:
        return containers(self.objects)

    @cached_property
    def kinds(self) -> dict[str, str]:
        return {one.id: one.kind for one in self.components}

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
