# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lists of kinds that the collection inspects: in the whole cluster or, where that is forbidden, in one namespace."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.miribit.thanos.plugins.module_utils.kube.api import Session
from ansible_collections.miribit.thanos.plugins.module_utils.kube.errors import RefusedError
from ansible_collections.miribit.thanos.plugins.module_utils.kube.objects import (
    CONFIG_MAPS,
    DAEMON_SETS,
    DEPLOYMENTS,
    JOBS,
    NODES,
    PODS,
    REPLICA_SETS,
    SERVICES,
    STATEFUL_SETS,
    Object,
    Objects,
    Resource,
)
from ansible_collections.miribit.thanos.plugins.module_utils.kube.owners import controller, namespace_of

_OPERATOR = "monitoring.coreos.com/v1"
_KEDA = "keda.sh/v1alpha1"
_ROLLOUTS = "argoproj.io/v1alpha1"

RESOURCES = {
    "Node": NODES,
    "Pod": PODS,
    "Service": SERVICES,
    "ConfigMap": CONFIG_MAPS,
    "PersistentVolumeClaim": Resource("v1", "persistentvolumeclaims"),
    "PersistentVolume": Resource("v1", "persistentvolumes"),
    "StatefulSet": STATEFUL_SETS,
    "Deployment": DEPLOYMENTS,
    "DaemonSet": DAEMON_SETS,
    "ReplicaSet": REPLICA_SETS,
    "Job": JOBS,
    "CronJob": Resource("batch/v1", "cronjobs"),
    "HorizontalPodAutoscaler": Resource("autoscaling/v2", "horizontalpodautoscalers"),
    "APIService": Resource("apiregistration.k8s.io/v1", "apiservices"),
    "ScaledObject": Resource(_KEDA, "scaledobjects"),
    "ScaledJob": Resource(_KEDA, "scaledjobs"),
    "VerticalPodAutoscaler": Resource("autoscaling.k8s.io/v1", "verticalpodautoscalers"),
    "AnalysisTemplate": Resource(_ROLLOUTS, "analysistemplates"),
    "ClusterAnalysisTemplate": Resource(_ROLLOUTS, "clusteranalysistemplates"),
    "MetricTemplate": Resource("flagger.app/v1beta1", "metrictemplates"),
    "Ingress": Resource("networking.k8s.io/v1", "ingresses"),
    "Prometheus": Resource(_OPERATOR, "prometheuses"),
    "PrometheusAgent": Resource("monitoring.coreos.com/v1alpha1", "prometheusagents"),
    "Alertmanager": Resource(_OPERATOR, "alertmanagers"),
    "ThanosRuler": Resource(_OPERATOR, "thanosrulers"),
}
#: Kinds without a namespace.
CLUSTER_WIDE = frozenset({"Node", "PersistentVolume", "APIService", "ClusterAnalysisTemplate"})
#: A pod, and the kinds that can stand between it and whoever wants it.
WORKLOADS = ("Pod", "StatefulSet", "Deployment", "DaemonSet", "ReplicaSet")


@dataclass(frozen=True)
class Listed:
    items: list[Object]
    #: Whether these are the objects of all namespaces.
    is_whole: bool = True


@dataclass(frozen=True)
class Lists:
    """The objects of one cluster, by kind. A kind that the API server does not know has none."""

    session: Session
    namespace: str

    def everywhere(self, kind: str, selector: str = "") -> Listed:
        """List in the whole cluster or, where that is forbidden, in the namespace.

        Raises RefusedError with status 403 where both are.
        """
        try:
            return Listed(self._found(kind, "", selector))
        except RefusedError as error:
            if error.status != 403 or kind in CLUSTER_WIDE:
                raise
        return Listed(self.here(kind, selector), is_whole=False)

    def here(self, kind: str, selector: str = "") -> list[Object]:
        """List in the namespace."""
        return self._found(kind, self.namespace, selector)

    def _found(self, kind: str, namespace: str, selector: str) -> list[Object]:
        try:
            if kind == "ReplicaSet" and not namespace:
                return self._replica_sets(selector)
            return Objects(self.session).find(RESOURCES[kind], namespace, selector)
        except RefusedError as error:
            # Kubernetes has its own kinds always: without them, something else answers.
            if error.status != 404 or "." not in RESOURCES[kind].api_version.partition("/")[0]:
                raise
            return []

    def _replica_sets(self, selector: str) -> list[Object]:
        """List ReplicaSets without the template that each repeats: a Deployment keeps ten, and owners suffice.

        Templates count in the namespace itself, since old ones can name a claim, and where a ReplicaSet has no owner.
        """
        objects = Objects(self.session)
        found = objects.find(REPLICA_SETS, "", selector, only_metadata=True)
        alone = {namespace_of(item) for item in found if controller(item) is None}
        whole = {self.namespace, *alone} & {namespace_of(item) for item in found}
        parts = [objects.find(REPLICA_SETS, namespace, selector) for namespace in sorted(whole)]
        return [item for item in found if namespace_of(item) not in whole] + [item for part in parts for item in part]
