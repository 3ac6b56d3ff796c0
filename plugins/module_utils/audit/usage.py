# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What containers and volumes use: the summary of a kubelet, and the resource metrics of a metrics-server."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ansible_collections.miribit.thanos.plugins.module_utils.base.untyped import elements, mapping
from ansible_collections.miribit.thanos.plugins.module_utils.kube.access import quantity
from ansible_collections.miribit.thanos.plugins.module_utils.kube.objects import Object
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.components import Amounts, cores

#: Namespace, pod and container.
Place = tuple[str, str, str]


@dataclass(frozen=True)
class Used:
    """What is used, of containers and of claims (namespace and name), in bytes and cores."""

    containers: dict[Place, Amounts]
    volumes: dict[tuple[str, str], int]


def of_summary(document: object) -> Used:
    """What a kubelet's stats/summary says. Memory is the working set: that is what counts against a limit."""
    pods = [mapping(pod) for pod in elements(mapping(document).get("pods"))]
    return Used(dict(_containers(pods)), dict(_volumes(pods)))


def _containers(pods: Iterable[dict[str, object]]) -> Iterator[tuple[Place, Amounts]]:
    for pod in pods:
        reference = mapping(pod.get("podRef"))
        for content in elements(pod.get("containers")):
            container = mapping(content)
            memory = _whole(mapping(container.get("memory")).get("workingSetBytes"))
            cpu = _whole(mapping(container.get("cpu")).get("usageNanoCores"))
            place = (str(reference.get("namespace")), str(reference.get("name")), str(container.get("name")))
            yield place, Amounts(memory, None if cpu is None else cpu / 1e9)


def _volumes(pods: Iterable[dict[str, object]]) -> Iterator[tuple[tuple[str, str], int]]:
    for pod in pods:
        for content in elements(pod.get("volume")):
            volume = mapping(content)
            claim, used = mapping(volume.get("pvcRef")), _whole(volume.get("usedBytes"))
            if claim and used is not None:
                yield (str(claim.get("namespace")), str(claim.get("name"))), used


def _whole(content: object) -> int | None:
    return content if isinstance(content, int) and not isinstance(content, bool) and content >= 0 else None


def of_metrics(items: Iterable[Object]) -> dict[Place, Amounts]:
    """What the PodMetrics of metrics.k8s.io say."""
    found = {}
    for item in items:
        metadata = mapping(mapping(item).get("metadata"))
        for content in elements(mapping(item).get("containers")):
            container = mapping(content)
            usage = mapping(container.get("usage"))
            place = (str(metadata.get("namespace")), str(metadata.get("name")), str(container.get("name")))
            found[place] = Amounts(quantity(str(usage.get("memory"))), cores(str(usage.get("cpu"))))
    return found
