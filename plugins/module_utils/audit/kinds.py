# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kinds of objects that the audit looks at, and what is not seen where a user may not list them."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem
from ansible_collections.miribit.thanos.plugins.module_utils.kube.objects import (
    CONFIG_MAPS,
    DEPLOYMENTS,
    JOBS,
    NODES,
    PODS,
    SERVICES,
    STATEFUL_SETS,
    Resource,
)

_KEDA = "keda.sh/v1alpha1"
_ROLLOUTS = "argoproj.io/v1alpha1"
_OPERATOR = "monitoring.coreos.com/v1"


@dataclass(frozen=True)
class Kind:
    name: str
    resource: Resource
    #: What is not seen without it, as a part of a sentence.
    hides: str
    namespaced: bool = True

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
CONFIG_MAP = Kind("ConfigMap", CONFIG_MAPS, "Grafana's data sources")

KINDS = (
    Kind("Node", NODES, "the nodes", namespaced=False),
    Kind("Pod", PODS, "what runs"),
    Kind("Service", SERVICES, "which Prometheus a Service leads to, and so who reads from it"),
    Kind("PersistentVolumeClaim", Resource("v1", "persistentvolumeclaims"), "how big volumes are"),
    Kind(
        "PersistentVolume",
        Resource("v1", "persistentvolumes"),
        "what becomes of a volume without its claim",
        namespaced=False,
    ),
    Kind("StatefulSet", STATEFUL_SETS, _WANTED),
    Kind("Deployment", DEPLOYMENTS, _WANTED),
    Kind("DaemonSet", Resource("apps/v1", "daemonsets"), _WANTED),
    Kind("ReplicaSet", Resource("apps/v1", "replicasets"), "which Deployment pods belong to"),
    Kind("Job", JOBS, "what failed pods are left over from"),
    Kind("CronJob", Resource("batch/v1", "cronjobs"), "whether a claim that no pod mounts now is in use"),
    Kind(
        "HorizontalPodAutoscaler",
        Resource("autoscaling/v2", "horizontalpodautoscalers"),
        "what is scaled by metrics of a Prometheus",
    ),
    Kind(
        "APIService",
        Resource("apiregistration.k8s.io/v1", "apiservices"),
        "which metrics APIs are served from a Prometheus",
        namespaced=False,
    ),
    Kind("ScaledObject", Resource(_KEDA, "scaledobjects"), _SCALED),
    Kind("ScaledJob", Resource(_KEDA, "scaledjobs"), _SCALED),
    Kind(
        "VerticalPodAutoscaler",
        Resource("autoscaling.k8s.io/v1", "verticalpodautoscalers"),
        "what is sized by what a Prometheus remembers",
    ),
    Kind("AnalysisTemplate", Resource(_ROLLOUTS, "analysistemplates"), _ANALYSED),
    Kind("ClusterAnalysisTemplate", Resource(_ROLLOUTS, "clusteranalysistemplates"), _ANALYSED, namespaced=False),
    Kind("MetricTemplate", Resource("flagger.app/v1beta1", "metrictemplates"), _ANALYSED),
    Kind("Ingress", Resource("networking.k8s.io/v1", "ingresses"), "which Ingresses lead to a Prometheus"),
    Kind("Prometheus", Resource(_OPERATOR, "prometheuses"), _MADE),
    Kind("PrometheusAgent", Resource("monitoring.coreos.com/v1alpha1", "prometheusagents"), _MADE),
    Kind("Alertmanager", Resource(_OPERATOR, "alertmanagers"), _MADE),
    Kind("ThanosRuler", Resource(_OPERATOR, "thanosrulers"), _MADE),
)
