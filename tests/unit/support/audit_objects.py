"""Objects of a cluster with Prometheus and Thanos in it, as Kubernetes 1.34 lists them, cut down to what is read."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]

NAMESPACE = "monitoring"
PROMETHEUS = "quay.io/prometheus/prometheus:v3.15.0"
THANOS = "quay.io/thanos/thanos:v0.42.4"


def named(name: str, namespace: str = NAMESPACE, **more: Any) -> Object:
    return {"metadata": {"name": name, "namespace": namespace, **more}}


def owned_by(kind: str, name: str, *, controller: bool | None = True) -> list[Object]:
    reference = {"kind": kind, "name": name, "uid": f"uid-{name}"}
    return [reference if controller is None else {**reference, "controller": controller}]


def container(image: str = PROMETHEUS, *args: str, name: str = "main", **more: Any) -> Object:
    return {"name": name, "image": image, **({"args": list(args)} if args else {}), **more}


def pod(
    *containers: Object,
    name: str = "pod",
    namespace: str = NAMESPACE,
    owner: list[Object] | None = None,
    phase: str = "Running",
    ready: bool = True,
    labels: dict[str, str] | None = None,
    spec: Object | None = None,
    **metadata: Any,
) -> Object:
    """One that runs on node-1, with all its containers."""
    state = {"running": {"startedAt": "2026-01-01T12:00:00Z"}}
    statuses = [{"name": one["name"], "ready": ready, "restartCount": 0, "state": state} for one in containers]
    return {
        **named(name, namespace, ownerReferences=owner or [], labels=labels or {}, **metadata),
        "spec": {"nodeName": "node-1", "containers": list(containers), **(spec or {})},
        "status": {
            "phase": phase,
            "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
            "containerStatuses": statuses,
        },
    }


def failed(name: str, owner: list[Object] | None = None, reason: str = "Error", **metadata: Any) -> Object:
    """A pod that has ended with exit code 1."""
    state = {"terminated": {"exitCode": 1, "reason": reason}}
    status = {"phase": "Failed", "containerStatuses": [{"name": "main", "ready": False, "state": state}]}
    return {**pod(container(), name=name, owner=owner, **metadata), "status": status}


def workload(
    name: str,
    *containers: Object,
    replicas: int = 1,
    labels: dict[str, str] | None = None,
    spec: Object | None = None,
    volumes: list[Object] | None = None,
    **metadata: Any,
) -> Object:
    """A StatefulSet, Deployment or ReplicaSet."""
    template = {
        "metadata": {"labels": labels or {}},
        "spec": {"containers": list(containers), "volumes": volumes or []},
    }
    return {
        **named(name, **metadata),
        "spec": {"replicas": replicas, "template": template, **(spec or {})},
        "status": {"replicas": replicas, "readyReplicas": replicas},
    }


def stateful_set(
    name: str, *containers: Object, replicas: int = 1, labels: dict[str, str] | None = None, **more: Any
) -> dict[str, list[Object]]:
    """One with its pods, as a cluster that has nothing else."""
    pods = [
        pod(*containers, name=f"{name}-{number}", owner=owned_by("StatefulSet", name), labels=labels)
        for number in range(replicas)
    ]
    return {"StatefulSet": [workload(name, *containers, replicas=replicas, labels=labels, **more)], "Pod": pods}


def service(
    name: str,
    selector: dict[str, str] | None = None,
    namespace: str = NAMESPACE,
    ports: list[Object] | None = None,
    labels: dict[str, str] | None = None,
    **spec: Any,
) -> Object:
    item = named(name, namespace, labels=labels or {})
    return {**item, "spec": {"clusterIP": "10.96.0.10", "selector": selector, "ports": ports or [], **spec}}


def merged(*clusters: dict[str, list[Object]]) -> dict[str, list[Object]]:
    """What several of such clusters have, in one."""
    kinds = {kind for cluster in clusters for kind in cluster}
    return {kind: [item for cluster in clusters for item in cluster.get(kind, [])] for kind in sorted(kinds)}


#: A Full Prometheus, its sidecar, and where they are asked.
FULL_ID = "StatefulSet monitoring/prometheus [prometheus]"
SIDECAR_ID = "StatefulSet monitoring/prometheus [sidecar]"
URL = "http://prometheus.monitoring:9090/"
LABELS = {"app": "prometheus"}
PORTS = [{"name": "web", "port": 9090, "targetPort": "web"}, {"name": "grpc", "port": 10901, "targetPort": 10901}]


def with_prometheus(**more: list[Object]) -> dict[str, list[Object]]:
    """A Full Prometheus with a sidecar behind a Service, and what else there is."""
    cluster = stateful_set(
        "prometheus",
        container(THANOS, "sidecar", name="sidecar", ports=[{"name": "grpc", "containerPort": 10901}]),
        container(PROMETHEUS, name="prometheus", ports=[{"name": "web", "containerPort": 9090}]),
        labels=LABELS,
    )
    return merged(cluster, {"Service": [service("prometheus", LABELS, ports=PORTS)]}, more)
