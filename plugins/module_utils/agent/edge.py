# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What of Prometheus runs on an edge, as far as a change of it must know.

I/O goes through the session that is given.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ansible_collections.miribit.thanos.plugins.module_utils.base.facts import as_facts
from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.base.untyped import list_at, mapping_at
from ansible_collections.miribit.thanos.plugins.module_utils.kube.api import Session
from ansible_collections.miribit.thanos.plugins.module_utils.kube.containers import (
    Container,
    config_file,
    containers,
    is_ready,
    version_of,
)
from ansible_collections.miribit.thanos.plugins.module_utils.kube.listing import RESOURCES, WORKLOADS, Lists
from ansible_collections.miribit.thanos.plugins.module_utils.kube.objects import CONFIG_MAPS, SECRETS, Object, Objects
from ansible_collections.miribit.thanos.plugins.module_utils.kube.owners import annotations_of, name_of, owner
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus import queues as agent_metrics
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.components import Component, components
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.pod import PrometheusPod
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.targets import Target

Facts = dict[str, Any]

#: Of which an edge has more than those of its own namespace: two of them would measure everything twice.
_OUTSIDE = {"Pod", "Deployment", "DaemonSet", "ReplicaSet"}
_LISTS = {
    "prometheus_agent": "agents",
    "prometheus": "servers",
    "node_exporter": "node_exporters",
    "kube_state_metrics": "kube_state_metrics",
    "prometheus_operator": "operators",
    "alertmanager": "alertmanagers",
    "grafana": "grafanas",
}
_SERVERS = {"agents", "servers"}
_SOURCES = {"ConfigMap": CONFIG_MAPS, "Secret": SECRETS}


@dataclass(frozen=True)
class Wish:
    """What is asked for beyond the objects."""

    namespace: str
    #: The active targets of agents and servers.
    targets: bool = False
    #: The configuration of agents, as it is written and as it is loaded, and their queues. They can hold secrets.
    texts: bool = False


def collect(session: Session, wish: Wish) -> Facts:
    """Return the components of an edge, by what they are, and the addresses of its nodes."""
    look = _Look(session, wish)
    found = look.objects()
    facts: Facts = {name: [] for name in _LISTS.values()}
    running = {one.id: one for one in containers(found)}
    for component in components(found, {}, {}):
        name = _LISTS.get(component.kind)
        if name is not None and (name not in _SERVERS or component.workload.namespace == wish.namespace):
            facts[name].append(look.component(name, component, running[component.id], found))
    return {**facts, "nodes": look.nodes(found), "unseen": [problem.as_dict() for problem in look.unseen]}


class _Look:
    def __init__(self, session: Session, wish: Wish) -> None:
        self._session = session
        self._objects = Objects(session)
        self._wish = wish
        self._sees_all_pods = True
        self.unseen: list[Problem] = []

    def objects(self) -> dict[str, list[Object]]:
        return {kind: self._listed(kind) for kind in (*WORKLOADS, "PrometheusAgent", "Prometheus")}

    def _listed(self, kind: str) -> list[Object]:
        """In the whole cluster where that tells more, else in the namespace."""
        namespace, plural = self._wish.namespace, RESOURCES[kind].plural
        lists = Lists(self._session, namespace)
        if kind not in _OUTSIDE:
            return lists.here(kind)
        listed = lists.everywhere(kind)
        if not listed.is_whole:
            cause = f"the user may not list them in all namespaces, so what is in others than {namespace} is not seen"
            fix = f"allow the user the verb 'list' on {plural} in the whole cluster"
            self.unseen.append(Problem(f"{plural} in {self._session.cluster}", cause, fix))
            self._sees_all_pods &= kind != "Pod"
        return listed.items

    def nodes(self, found: dict[str, list[Object]]) -> list[str] | None:
        """Addresses of the nodes, which every pod names; None without those of all pods."""
        if not self._sees_all_pods:
            return None
        statuses = [mapping_at(pod, "status") for pod in found["Pod"]]
        several = {str(one.get("ip")) for status in statuses for one in list_at(status, "hostIPs")}
        return sorted(several | {str(status["hostIP"]) for status in statuses if status.get("hostIP")})

    def component(self, name: str, component: Component, one: Container, found: dict[str, list[Object]]) -> Facts:
        keys = ("id", "kind", "workload", "container", "image", "version", "replicas", "pods", "labels", "owner")
        told: Facts = {key: as_facts(getattr(component, key)) for key in keys}
        told["selector"] = _selector(one.workload.item)
        if name not in _SERVERS:
            return told
        template = mapping_at(one.workload.item or {}, "spec", "template")
        holder, content = _written(template, one)
        source = config_file(holder, content)
        told |= {
            "image": str(content.get("image") or ""),
            "command": [str(word) for word in content.get("command") or ()],
            "args": [str(word) for word in content.get("args") or ()],
            "annotations": annotations_of(template),
            "volumes": sorted(str(volume.get("name")) for volume in list_at(template, "spec", "volumes")),
            "config": {**asdict(source), "namespace": one.workload.namespace} if source else None,
        }
        if self._wish.targets or self._wish.texts:
            told |= self._asked(told, one, is_current=content.get("image") == one.content.get("image"))
        if self._wish.texts and name == "agents" and source and source.key:
            told |= self._source(told["config"], found)
        return told

    # What it says of itself.

    def _asked(self, told: Facts, one: Container, *, is_current: bool) -> Facts:
        """Of each ready pod. Without an answer there is null, and why. Current: it runs the image that is wanted."""
        pods = [dict(pod) for pod in one.pods if is_ready(pod)]
        said: list[Facts] = []
        seen: list[tuple[Target, ...]] = []
        for pod in pods:
            process = PrometheusPod(self._session, pod, one.name)
            try:
                if self._wish.targets:
                    seen.append(process.targets())
                if self._wish.texts:
                    said.append({"pod": name_of(pod), **_running(process)})
            except ProblemError as error:
                self.unseen += error.problems
        result: Facts = {}
        if self._wish.targets:
            result["targets"] = [target_fact(target) for each in seen for target in each] if seen else None
        if self._wish.texts:
            result["running"] = said
            versions = sorted({str(each["version"]) for each in said if each["version"]})
            # Another tag than that of a release says nothing, and then the process does.
            wanted = None if is_current else version_of(told["image"])
            result["version"] = wanted or (versions[0] if versions else told["version"])
        return result

    # Where its configuration is written.

    def _source(self, config: Facts, found: dict[str, list[Object]]) -> Facts:
        item = self._objects.get(_SOURCES[config["kind"]], config["namespace"], config["name"])
        content = mapping_at(item or {}, "data").get(config["key"])
        if item is None or content is None:
            return {"text": None, "config_owner": None, "immutable": False}
        text = base64.b64decode(content).decode(errors="replace") if config["kind"] == "Secret" else str(content)
        return {
            "text": text,
            "config_owner": as_facts(owner(config["kind"], item, found)),
            "immutable": item.get("immutable") is True,
        }


def _running(process: PrometheusPod) -> Facts:
    text = process.config()
    try:
        metrics = process.metrics()
    except ProblemError:
        metrics = None
    queues = agent_metrics.read(metrics).queues if metrics else ()
    return {
        "text": text,
        "version": agent_metrics.version(metrics) if metrics else None,
        "queues": [
            {"name": queue.name, "url": queue.url, "tried": queue.tried, "ever_accepted": queue.ever_accepted()}
            for queue in queues
        ],
    }


def _written(template: Mapping[str, Any], one: Container) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """What wants a container, and the container, as they are written.

    A pod can be older, or a webhook has changed it on its way, such as to another registry: what is changed is the
    template, so it is compared with that.
    """
    contents = [content for content in list_at(template, "spec", "containers") if content.get("name") == one.name]
    return (template, contents[0]) if contents else (one.holder, one.content)


def _selector(item: Mapping[str, Any] | None) -> str:
    """Of its pods, as text. What labels alone do not say is left out."""
    labels = mapping_at(item or {}, "spec", "selector", "matchLabels")
    return ",".join(f"{name}={value}" for name, value in sorted(labels.items()))


def target_fact(target: Target) -> Facts:
    """Target as the module _edge_info returns it."""
    return {
        **target.key.as_dict(),
        "job": target.labels.get("job"),
        "health": target.health,
        "namespace": target.namespace,
        "pod": target.pod,
        "labels": dict(target.labels),
    }


def named(found: Iterable[Mapping[str, Any]], name: str) -> list[Mapping[str, Any]]:
    """Those whose workload, or the custom resource that it was made from, has this name."""
    return [
        one
        for one in found
        if name in {one["workload"]["name"], (one["owner"].get("custom_resource") or {}).get("name")}
    ]
