# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who reads from the components of a cluster, told from its objects."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.miribit.thanos.plugins.module_utils.audit.data_sources import Load, data_sources
from ansible_collections.miribit.thanos.plugins.module_utils.audit.readers_custom import custom_readers, recommender_url
from ansible_collections.miribit.thanos.plugins.module_utils.audit.services import Reader, Scene, shown
from ansible_collections.miribit.thanos.plugins.module_utils.base.untyped import list_at, mapping_at
from ansible_collections.miribit.thanos.plugins.module_utils.kube.containers import (
    Container,
    flag,
    image_name,
    settings,
)
from ansible_collections.miribit.thanos.plugins.module_utils.kube.owners import (
    Object,
    Objects,
    find,
    name_of,
    namespace_of,
)
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.components import Component

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
_URL = re.compile(r"https?://", re.IGNORECASE)
# In its own configuration, and in config/config.go of its source.
_KIALIS_KEY, _KIALIS_DEFAULT = "config.yaml", "http://prometheus.istio-system:9090"
_CAN_GO = {"prometheus", "thanos_sidecar", "alertmanager"}


def readers(objects: Objects, components: Sequence[Component], load: Load) -> tuple[Reader, ...]:
    """Who reads from a component, and who may: of what leaves the sight of the objects, the component is None."""
    scene = Scene(objects, components)
    found: list[Reader] = [
        *_adapters(scene),
        *_api_services(scene),
        *_autoscalers(scene),
        *_configured(scene),
        *_kiali(scene, load),
        *data_sources(scene, load),
        *_ingresses(scene),
        *custom_readers(scene),
    ]
    # What two containers of a pod are told alike is told once.
    return tuple(sorted(set(found), key=lambda one: (one.kind, one.namespace or "", one.name, str(one))))


def _adapters(scene: Scene) -> Iterator[Reader]:
    for one in scene.containers:
        if url := _adapter_url(one):
            place = one.workload
            component = scene.component_of(url, place.namespace)
            yield Reader("adapter", place.namespace, place.name, shown(url), component)


def _configured(scene: Scene) -> Iterator[Reader]:
    """Whoever is given the address of a Prometheus by an argument or a variable, such as OpenCost or Flagger."""
    for one in scene.containers:
        place = one.workload
        # These are told with what they read through.
        if _adapter_url(one) or recommender_url(one):
            continue
        for name, value in settings(one.content):
            if _URL.match(value) or "prometheus" in name.lower():
                component = scene.component_of(value, place.namespace)
                # Prometheus and Alertmanager are told their own address, and a sidecar that of its Prometheus.
                if component and scene.kinds[component] in _CAN_GO and not component.startswith(f"{place} ["):
                    yield Reader("workload", place.namespace, place.name, shown(value), component)


def _kiali(scene: Scene, load: Load) -> Iterator[Reader]:
    """It has the address in a file only, external_services.prometheus.url."""
    for one in scene.containers:
        place = one.workload
        for document in _documents(scene, one, load) if is_kiali(one.content) else ():
            url = str(mapping_at(document, "external_services", "prometheus").get("url") or _KIALIS_DEFAULT)
            component = scene.component_of(url, place.namespace)
            yield Reader("kiali", place.namespace, place.name, shown(url), component)


def is_kiali(container: Object) -> bool:
    return image_name(container) == "kiali"


def _documents(scene: Scene, one: Container, load: Load) -> Iterator[Object]:
    for volume in list_at(one.holder, "spec", "volumes"):
        name = str(mapping_at(volume, "configMap").get("name") or "")
        config_map = find(scene.objects, "ConfigMap", one.workload.namespace, name) or {}
        text = mapping_at(config_map, "data").get(_KIALIS_KEY)
        document = load(str(text)) if text else None
        if isinstance(document, Mapping):
            yield document


def _adapter_url(one: Container) -> str | None:
    """What prometheus-adapter reads, also if its image is called otherwise."""
    return flag(one.content, "--prometheus-url")


@dataclass(frozen=True)
class _Origin:
    """Where an API of metrics has them from."""

    text: str
    component: str | None
    is_adapter: bool


def _served(scene: Scene, api: Object) -> _Origin | None:
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


def _metric_origins(scene: Scene) -> Iterator[tuple[Object, str, _Origin]]:
    for api in scene.objects.get("APIService", ()):
        group = str(mapping_at(api, "spec").get("group"))
        origin = _served(scene, api) if group in _METRIC_APIS.values() else None
        if origin and (origin.is_adapter or group != _USUALLY_OTHERS):
            yield api, group, origin


def _api_services(scene: Scene) -> Iterator[Reader]:
    for api, _group, origin in _metric_origins(scene):
        yield Reader("apiservice", None, name_of(api), origin.text, origin.component)


def _autoscalers(scene: Scene) -> Iterator[Reader]:
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
            yield Reader("hpa", namespace_of(scaler), name_of(scaler), reads, origin.component)


def _ingresses(scene: Scene) -> Iterator[Reader]:
    for ingress in scene.objects.get("Ingress", ()):
        namespace = namespace_of(ingress)
        for url, backend in _backends(ingress):
            service = find(scene.objects, "Service", namespace, str(backend.get("name")))
            port = mapping_at(backend, "port")
            found = scene.component_behind(service, port.get("number") or port.get("name")) if service else None
            if found and scene.kinds[found] in _CAN_GO:
                yield Reader("ingress", namespace, name_of(ingress), url, found)


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
