# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kinds of objects that the audit looks at, and what is not seen where a user may not list them."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem
from ansible_collections.miribit.thanos.plugins.module_utils.kube.listing import RESOURCES
from ansible_collections.miribit.thanos.plugins.module_utils.kube.objects import Resource


@dataclass(frozen=True)
class Kind:
    name: str
    #: What is not seen without it, as a part of a sentence.
    hides: str

    @property
    def resource(self) -> Resource:
        return RESOURCES[self.name]

    @property
    def what(self) -> str:
        """As RBAC names it."""
        group = self.resource.api_version.rpartition("/")[0]
        return f"{self.resource.plural}{f'.{group}' if group else ''}"

    def unseen(self, cluster: str, namespace: str) -> Problem:
        """It may be listed in one namespace, or in none if that is empty."""
        if namespace:
            cause = f"the user may list them in namespace {namespace} only, and does not see {self.hides} elsewhere"
        else:
            cause = f"the user may not list them, and does not see {self.hides}"
        fix = f"allow the user the verb 'list' on {self.what} in the whole cluster, as docs/rbac/audit-*.yaml do"
        return Problem(f"{self.what} in {cluster}", cause, fix)


_SCALED = "what KEDA scales by queries of a Prometheus"
_ANALYSED = "which rollouts go on or back by queries of a Prometheus"
_WANTED = "how many pods are wanted, and who owns them"
_MADE = "what the operator made it from, which is where it has to be changed"

#: Not among the others: there are too many to read all.
CONFIG_MAP = Kind("ConfigMap", "Grafana's data sources")

KINDS = (
    Kind("Node", "the nodes"),
    Kind("Pod", "what runs"),
    Kind("Service", "which Prometheus a Service leads to, and so who reads from it"),
    Kind("PersistentVolumeClaim", "how big volumes are"),
    Kind("PersistentVolume", "what becomes of a volume without its claim"),
    Kind("StatefulSet", _WANTED),
    Kind("Deployment", _WANTED),
    Kind("DaemonSet", _WANTED),
    Kind("ReplicaSet", "which Deployment pods belong to"),
    Kind("Job", "what failed pods are left over from"),
    Kind("CronJob", "whether a claim that no pod mounts now is in use"),
    Kind("HorizontalPodAutoscaler", "what is scaled by metrics of a Prometheus"),
    Kind("APIService", "which metrics APIs are served from a Prometheus"),
    Kind("ScaledObject", _SCALED),
    Kind("ScaledJob", _SCALED),
    Kind("VerticalPodAutoscaler", "what is sized by what a Prometheus remembers"),
    Kind("AnalysisTemplate", _ANALYSED),
    Kind("ClusterAnalysisTemplate", _ANALYSED),
    Kind("MetricTemplate", _ANALYSED),
    Kind("Ingress", "which Ingresses lead to a Prometheus"),
    Kind("Prometheus", _MADE),
    Kind("PrometheusAgent", _MADE),
    Kind("Alertmanager", _MADE),
    Kind("ThanosRuler", _MADE),
)
