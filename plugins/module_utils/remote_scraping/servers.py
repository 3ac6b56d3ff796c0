# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The full servers of a cluster, with the targets of each pod."""

from __future__ import annotations

from typing import Any

from ansible_collections.miribit.thanos.plugins.module_utils.base.facts import as_facts
from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.base.untyped import mapping_at
from ansible_collections.miribit.thanos.plugins.module_utils.kube.api import Session
from ansible_collections.miribit.thanos.plugins.module_utils.kube.containers import Container, containers, is_ready
from ansible_collections.miribit.thanos.plugins.module_utils.kube.errors import RefusedError
from ansible_collections.miribit.thanos.plugins.module_utils.kube.listing import WORKLOADS, Lists
from ansible_collections.miribit.thanos.plugins.module_utils.kube.objects import Object
from ansible_collections.miribit.thanos.plugins.module_utils.kube.owners import Named, find, name_of, namespace_of
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.components import components
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.pod import PrometheusPod
from ansible_collections.miribit.thanos.plugins.module_utils.remote_scraping.plan import Own, own, told_targets

Found = dict[str, Any]

_PROMETHEUS = "Prometheus"


class Look:
    """The full servers of a cluster, with the targets of each pod."""

    def __init__(self, session: Session, namespace: str) -> None:
        self._session = session
        self._namespace = namespace
        self._sees_all_pods = True

    def servers(self) -> list[Found]:
        found = {kind: self._listed(kind) for kind in (*WORKLOADS, "Node", "Service", _PROMETHEUS)}
        centre = own(found, sees_all_pods=self._sees_all_pods)
        running = {one.id: one for one in containers(found)}
        servers = []
        for component in components(found, {}, {}):
            if component.kind == "prometheus" and component.owner:
                one = running[component.id]
                pods = [self._pod(dict(pod), one, centre) for pod in one.pods]
                jobs = _scrape_configs(component.owner.custom_resource, found)
                owner = as_facts(component.owner)
                servers.append({"id": one.id, "owner": owner, "scrape_configs": jobs, "pods": pods})
        return servers

    def _listed(self, kind: str) -> list[Object]:
        """In the whole cluster, or else in the namespace; nodes only where they may be listed."""
        try:
            listed = Lists(self._session, self._namespace).everywhere(kind)
        except RefusedError as error:
            if error.status != 403 or kind != "Node":
                raise
            return []
        self._sees_all_pods &= kind != "Pod" or listed.is_whole
        return listed.items

    def _pod(self, pod: Object, one: Container, centre: Own) -> Found:
        ready = is_ready(pod)
        told: Found = {"name": f"{namespace_of(pod)}/{name_of(pod)}", "ready": ready, "targets": None, "problem": None}
        if not ready:
            return told
        try:
            targets = PrometheusPod(self._session, pod, one.name).targets()
            return {**told, "targets": told_targets(targets, centre)}
        except ProblemError as error:
            return {**told, "problem": error.problems[0].as_dict()}


def _scrape_configs(custom_resource: Named | None, found: dict[str, list[Object]]) -> Found | None:
    """The Secret that a custom resource names for its additional jobs."""
    if custom_resource is None or custom_resource.kind != _PROMETHEUS:
        return None
    namespace = custom_resource.namespace
    item = find(found, _PROMETHEUS, namespace, custom_resource.name) or {}
    jobs = mapping_at(item, "spec", "additionalScrapeConfigs")
    return {"namespace": namespace, "name": jobs.get("name"), "key": jobs.get("key")} if jobs else None
