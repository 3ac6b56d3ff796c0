"""Workloads, pods and events as Kubernetes 1.34 gives them, and a stand-in for the cluster that has them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from ansible_collections.miribit.thanos.plugins.module_utils.kube.api import Request, Session
from ansible_collections.miribit.thanos.plugins.module_utils.kube.proxy import Answer

Object = dict[str, Any]

NAMESPACE = "monitoring"
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
SINCE = NOW - timedelta(seconds=90)
IMAGE = "quay.io/thanos/thanos:v0.42.4"

# The paths of the lists, as they are asked for.
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
EVENTS = f"/api/v1/namespaces/{NAMESPACE}/events"
CLAIMS = f"/api/v1/namespaces/{NAMESPACE}/persistentvolumeclaims"
REPLICA_SETS = f"/apis/apps/v1/namespaces/{NAMESPACE}/replicasets"


def ago(seconds: float) -> str:
    return (NOW - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def named(kind: str, name: str, **more: object) -> Object:
    metadata: Object = {"name": name, "namespace": NAMESPACE, "generation": 2, "uid": f"uid-{name}"}
    return {"kind": kind, "metadata": {**metadata, **more}}


def owned(kind: str, name: str) -> list[Object]:
    return [{"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": f"uid-{name}", "controller": True}]


def deployment(name: str = "thanos-query", wanted: int = 2, **status: int) -> Object:
    """One that has rolled out, but for what is given of its status."""
    numbers = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
    return {
        **named("Deployment", name, annotations={"deployment.kubernetes.io/revision": "3"}),
        "spec": {"replicas": wanted, "selector": {"matchLabels": {"app": name}}},
        "status": {"observedGeneration": 2, **dict.fromkeys(numbers, wanted), **status},
    }


def replica_set(deployment_name: str = "thanos-query", revision: int = 3, suffix: str = "6d4cf56db6") -> Object:
    annotations = {"deployment.kubernetes.io/revision": str(revision)}
    references = owned("Deployment", deployment_name)
    return named("ReplicaSet", f"{deployment_name}-{suffix}", annotations=annotations, ownerReferences=references)


def stateful_set(name: str = "thanos-receiver-ingestor", wanted: int = 3, **status: object) -> Object:
    numbers = ("replicas", "updatedReplicas", "currentReplicas", "readyReplicas", "availableReplicas")
    revisions = {"currentRevision": f"{name}-old", "updateRevision": f"{name}-new"}
    return {
        **named("StatefulSet", name),
        "spec": {
            "replicas": wanted,
            "selector": {"matchLabels": {"app": name}},
            "podManagementPolicy": "OrderedReady",
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
        },
        "status": {"observedGeneration": 2, **dict.fromkeys(numbers, wanted), **revisions, **status},
    }


def job(condition: str = "", **status: object) -> Object:
    conditions = [{"type": condition, "status": "True"}] if condition else []
    return {**named("Job", "thanos-probe"), "spec": {}, "status": {"conditions": conditions, **status}}


def service(*addresses: str, asked: str = "", **annotations: str) -> Object:
    spec = {"type": "LoadBalancer", **({"loadBalancerIP": asked} if asked else {})}
    balancer = {"ingress": [{"ip": address, "ipMode": "VIP"} for address in addresses]} if addresses else {}
    item = {**named("Service", "thanos-receiver"), "spec": spec, "status": {"loadBalancer": balancer}}
    item["metadata"]["annotations"] = annotations
    return item


def pod(
    name: str = "thanos-receiver-ingestor-2",
    owner: tuple[str, str] = ("StatefulSet", "thanos-receiver-ingestor"),
    containers: Sequence[Object] = (),
    *,
    ready: bool = False,
    revision: str = "new",
    age: float = 60,
) -> Object:
    references, labels = owned(*owner), {"app": owner[1].removesuffix("-6d4cf56db6")}
    if owner[0] == "StatefulSet":
        labels["controller-revision-hash"] = f"{owner[1]}-{revision}"
    return {
        **named("Pod", name, ownerReferences=references, labels=labels, creationTimestamp=ago(age)),
        "spec": {"containers": [{"name": "receive", "image": IMAGE, "ports": [{"containerPort": 10902}]}]},
        "status": {
            "phase": "Running" if ready else "Pending",
            "startTime": ago(age),
            "conditions": [
                {"type": "PodScheduled", "status": "True"},
                {"type": "Ready", "status": "True" if ready else "False"},
            ],
            "containerStatuses": list(containers),
        },
    }


def container(state: Object, restarts: int = 0, last: Object | None = None, name: str = "receive") -> Object:
    last_state = {"terminated": last} if last else {}
    return {"name": name, "ready": False, "restartCount": restarts, "state": state, "lastState": last_state}


def waiting(reason: str, message: str = "") -> Object:
    return {"waiting": {"reason": reason, **({"message": message} if message else {})}}


def crash(seconds_ago: float = 10, code: int = 1, reason: str = "Error") -> Object:
    return {"exitCode": code, "reason": reason, "finishedAt": ago(seconds_ago)}


def crashing(restarts: int = 4, **more: Any) -> Object:
    message = "back-off 1m20s restarting failed container=receive pod=thanos-receiver-ingestor-2_monitoring(uid)"
    return container(waiting("CrashLoopBackOff", message), restarts, crash(**more))


def event(kind: str, name: str, reason: str, message: str, *, seconds_ago: float = 5, count: int = 1) -> Object:
    about = {"kind": kind, "name": name, "namespace": NAMESPACE}
    metadata = {"name": f"{name}.18", "creationTimestamp": ago(seconds_ago)}
    content = {"type": "Warning", "reason": reason, "message": message, "count": count}
    return {"metadata": metadata, "involvedObject": about, "lastTimestamp": ago(seconds_ago), **content}


class StandIn(Session):
    """A session that knows some paths. A list is answered as one, a text as it is, everything else is not found."""

    cluster = "context cluster-01"

    def __init__(self) -> None:
        self.answers: dict[str, object] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []

    def send(self, request: Request) -> Answer:
        assert request.method == "GET"
        assert request.timeout > 0
        path = request.path
        self.requests.append((path, dict(request.params)))
        found = self.answers.get(path, [] if path in {PODS, EVENTS, CLAIMS, REPLICA_SETS} else None)
        date = format_datetime(NOW, usegmt=True)
        if isinstance(found, Answer):
            return found
        if found is None:
            status = {"kind": "Status", "apiVersion": "v1", "message": f"{path} not found", "code": 404}
            return Answer(404, json.dumps(status).encode(), date=date)
        if isinstance(found, str):
            return Answer(200, found.encode(), date=date)
        return Answer(200, json.dumps({"items": found} if isinstance(found, list) else found).encode(), date=date)

    def asked_for(self, path: str) -> list[dict[str, str]]:
        return [params for asked, params in self.requests if asked == path]
