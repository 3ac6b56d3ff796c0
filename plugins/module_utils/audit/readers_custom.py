# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who reads from a Prometheus by a custom resource: KEDA, Argo Rollouts, Flagger, the VerticalPodAutoscaler.

Its controller asks, from a namespace of its own, so that only names with a namespace can be followed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ansible_collections.miribit.thanos.plugins.module_utils.audit.services import Reader, Scene, shown
from ansible_collections.miribit.thanos.plugins.module_utils.base.untyped import list_at, mapping_at
from ansible_collections.miribit.thanos.plugins.module_utils.kube.containers import (
    Container,
    flag,
    image_name,
    plain_variables,
)
from ansible_collections.miribit.thanos.plugins.module_utils.kube.owners import Object, name_of, namespace_of

# What the recommender asks if it is told nothing (pkg/recommender/main.go of the VerticalPodAutoscaler).
_RECOMMENDERS_DEFAULT = "http://prometheus.monitoring.svc"
_DEFAULT_RECOMMENDER = "default"
# What Argo Rollouts asks where a template gives no address (metricproviders/prometheus of its source).
_ROLLOUTS_VARIABLE = "ARGO_ROLLOUTS_PROMETHEUS_ADDRESS"
_ARGUMENT = re.compile(r"\{\{\s*args\.([A-Za-z0-9_-]+)\s*\}\}")
_NO_ADDRESS = "what its controller is told, which cannot be seen"


def custom_readers(scene: Scene) -> Iterator[Reader]:
    for kind, word in (("ScaledObject", "scaled_object"), ("ScaledJob", "scaled_job")):
        for item in scene.objects.get(kind, ()):
            yield from _readers(scene, word, item, _trigger_addresses(item))
    for kind, word in (("AnalysisTemplate", "analysis_template"), ("ClusterAnalysisTemplate", "analysis_template")):
        for item in scene.objects.get(kind, ()):
            yield from _readers(scene, word, item, _analysis_addresses(scene, item))
    for item in scene.objects.get("MetricTemplate", ()):
        provider = mapping_at(item, "spec", "provider")
        if provider.get("type") == "prometheus":
            yield from _readers(scene, "metric_template", item, [str(provider.get("address") or "")])
    yield from _recommenders(scene)


def _readers(scene: Scene, word: str, item: Object, addresses: Iterator[str] | list[str]) -> Iterator[Reader]:
    for address in sorted(set(addresses)):
        component = scene.component_of(address, "") if address else None
        reads = shown(address) if address else _NO_ADDRESS
        yield Reader(word, namespace_of(item) or None, name_of(item), reads, component)


def _trigger_addresses(item: Object) -> Iterator[str]:
    for trigger in list_at(item, "spec", "triggers"):
        if trigger.get("type") == "prometheus":
            yield str(mapping_at(trigger, "metadata").get("serverAddress") or "")


def _analysis_addresses(scene: Scene, item: Object) -> Iterator[str]:
    given = {str(one.get("name")): str(one["value"]) for one in list_at(item, "spec", "args") if one.get("value")}
    for metric in list_at(item, "spec", "metrics"):
        provider = mapping_at(metric, "provider")
        if "prometheus" in provider:
            address = str(mapping_at(provider, "prometheus").get("address") or "") or _rollouts_default(scene)
            yield _ARGUMENT.sub(lambda match: given.get(match[1], match[0]), address)


def _rollouts_default(scene: Scene) -> str:
    found = (plain_variables(one.content).get(_ROLLOUTS_VARIABLE) for one in scene.containers)
    return next((address for address in found if address), "")


def recommender_url(one: Container) -> str | None:
    """What a recommender of the VerticalPodAutoscaler reads the past from, unless it keeps checkpoints itself."""
    address = flag(one.content, "--prometheus-address")
    is_one = address is not None or image_name(one.content).endswith("vpa-recommender")
    return (address or _RECOMMENDERS_DEFAULT) if is_one and flag(one.content, "--storage") == "prometheus" else None


def _recommenders(scene: Scene) -> Iterator[Reader]:
    for one in scene.containers:
        if url := recommender_url(one):
            place = one.workload
            component = scene.component_of(url, place.namespace)
            yield Reader("vpa_recommender", place.namespace, place.name, shown(url), component)
            name = flag(one.content, "--recommender-name") or _DEFAULT_RECOMMENDER
            for item in scene.objects.get("VerticalPodAutoscaler", ()):
                if name in _recommenders_of(item):
                    reads = f"{shown(url)} (through {place})"
                    yield Reader("vpa", namespace_of(item), name_of(item), reads, component)


def _recommenders_of(item: Object) -> set[str]:
    named: list[Mapping[str, object]] = list_at(item, "spec", "recommenders")
    return {str(one.get("name")) for one in named} or {_DEFAULT_RECOMMENDER}
