"""Small facts of clusters, as the module fleet_audit returns them: an audited edge and centre, and both migrated."""

from __future__ import annotations

import copy
from typing import Any

Facts = dict[str, Any]

MIB = 1024**2
GIB = 1024**3
SETTINGS = {"central": "cluster-01", "created": "2026-11-21T15:17:29Z", "collection": "0.1.0"}
NOWHERE = "http://thanos-receiver.monitoring.svc.cluster-01.local:19291/api/v1/receive"
RECEIVER = "http://192.168.101.210:19291/api/v1/receive"
AGENT_ID = "StatefulSet monitoring/prometheus-agent [prometheus-agent]"
FULL_ID = "StatefulSet monitoring/prometheus-stack [prometheus]"
SIDECAR_ID = "StatefulSet monitoring/prometheus-stack [thanos-sidecar]"
ALERTMANAGER_ID = "StatefulSet monitoring/alertmanager-stack [alertmanager]"
ROUTER_ID = "Deployment monitoring/thanos-receiver-router [thanos-receive]"
UNRESOLVABLE = {
    "subject": "Block 1",
    "cause": "the name is that of a Service, and resolves only inside the Service's own cluster",
    "fix": "give the address of the receiver's LoadBalancer",
    "id": "unresolvable",
    "severity": "error",
}
RETRY_429 = {
    "subject": "Block 1, queue_config",
    "cause": "what the receiver answers with 429 is dropped",
    "fix": "set retry_on_http_429: true",
    "id": "retry-429",
    "severity": "warning",
}


def node_address(cluster: str) -> str:
    """192.168.101.194 for cluster-01, and so on."""
    return f"192.168.101.{193 + int(cluster[-2:])}"


def target(address: str, path: str = "/metrics", job: str = "node-exporter", **more: Any) -> Facts:
    return {
        "url": f"http://{address}{path}",
        "address": address,
        "path": path,
        "params": {},
        "job": job,
        "health": "up",
        "error": "",
        "namespace": None,
        "service": None,
        "node": None,
        "pod": None,
        "cluster": None,
        **more,
    }


def write(**more: Any) -> Facts:
    """A block that delivers."""
    return {
        "url": RECEIVER,
        "name": None,
        "problems": [],
        "ever_delivered": True,
        "pending": 12,
        "failed": 0.0,
        "dropped": 0.0,
        "sent": 250000.0,
        "lag": 1.5,
        "shards": 1.0,
        "tenant_header": False,
        "proxy": False,
        "reachable": None,
        **more,
    }


def broken_write(**more: Any) -> Facts:
    """The audited agent's."""
    found = {"problems": [UNRESOLVABLE, RETRY_429], "ever_delivered": False, "pending": 14306, "lag": None}
    return write(**{"url": NOWHERE, **found, **more})


def prometheus(**more: Any) -> Facts:
    return {
        "answers": True,
        "problem": None,
        "external_labels": {},
        "scrape_interval": 30.0,
        "retention": None,
        "flags": {},
        "config_source": None,
        "series": 1000,
        "samples_per_second": 33.3,
        "targets": [],
        "rules": [],
        "alertmanagers": [],
        "problems": [],
        "remote_write": [],
        "log": [],
        **more,
    }


def silent(problem: Facts) -> Facts:
    """One that does not answer."""
    unknown = ("external_labels", "scrape_interval", "flags", "series", "samples_per_second", "targets", "remote_write")
    return prometheus(answers=False, problem=problem, **dict.fromkeys(unknown))


def volume(claim: str, size: int, **more: Any) -> Facts:
    return {
        "claim": claim,
        "namespace": "monitoring",
        "size": size,
        "used": size // 10,
        "storage_class": "longhorn",
        "reclaim_policy": "Retain",
        "volume": f"pv-{claim}",
        **more,
    }


HELM = {
    "kind": "helm",
    "namespace": "monitoring",
    "name": "stack",
    "chart": "kube-prometheus-stack",
    "chart_version": "78.2.1",
    "custom_resource": None,
}
NOBODY = {
    "kind": "none",
    "namespace": None,
    "name": None,
    "chart": None,
    "chart_version": None,
    "custom_resource": None,
}


def component(kind: str, workload: str, container: str, **more: Any) -> Facts:
    """One pod of a workload in namespace monitoring, whose kind stands before its name: "Deployment name"."""
    kind_of_workload, _blank, name = workload.rpartition(" ")
    kind_of_workload = kind_of_workload or "StatefulSet"
    return {
        "id": f"{kind_of_workload} monitoring/{name} [{container}]",
        "kind": kind,
        "workload": {"kind": kind_of_workload, "namespace": "monitoring", "name": name},
        "container": container,
        "image": f"registry.example/{container}:v1.0.0",
        "version": "1.0.0",
        "replicas": {"wanted": 1, "ready": 1},
        "pods": [
            {"name": f"{name}-0", "node": "node", "phase": "Running", "ready": True, "restarts": 0, "reason": None}
        ],
        "labels": {},
        "owner": dict(HELM),
        "requests": {"memory": 100 * MIB, "cpu": 0.1},
        "limits": {"memory": None, "cpu": None},
        "usage": {"memory": 50 * MIB, "cpu": 0.01},
        "helpers": {"requests": {"memory": None, "cpu": None}, "usage": {"memory": None, "cpu": None}},
        "volumes": [],
        "prometheus": None,
        "sidecar": None,
        **more,
    }


def standard_targets(cluster: str) -> list[Facts]:
    """What an agent and a Full Prometheus both scrape."""
    node = node_address(cluster)
    return [
        target(f"{node}:10250", "/metrics", "kubelet"),
        target(f"{node}:10250", "/metrics/cadvisor", "cadvisor"),
        target(f"{node}:9100"),
    ]


def agent(cluster: str, **more: Any) -> Facts:
    """The audited one, which delivers nothing."""
    said = prometheus(
        external_labels={"cluster": cluster, "region": "edge"},
        targets=standard_targets(cluster),
        remote_write=[broken_write()],
        log=["Failed to send batch, retrying: no such host"],
    )
    given = {"version": "2.48.0", "owner": dict(NOBODY), "prometheus": said}
    return component("prometheus_agent", "prometheus-agent", "prometheus-agent", **{**given, **more})


def good_agent(cluster: str, **more: Any) -> Facts:
    said = prometheus(
        external_labels={"cluster": cluster, "region": "edge"},
        targets=standard_targets(cluster),
        remote_write=[write()],
    )
    return agent(cluster, **{"version": "3.15.0", "prometheus": said, **more})


def full(cluster: str, **more: Any) -> Facts:
    pod = {"namespace": "monitoring", "pod": "prometheus-stack-0"}
    said = prometheus(
        external_labels={"cluster": cluster, "prometheus": "monitoring/stack", "prometheus_replica": f"{cluster}-0"},
        retention="15d",
        targets=[*standard_targets(cluster), target("10.0.0.7:9090", job="prometheus", **pod)],
        rules=[
            {"group": "general", "name": "Watchdog", "type": "alerting", "state": "firing"},
            {"group": "general", "name": "TargetDown", "type": "alerting", "state": "inactive"},
            {"group": "node", "name": "instance:node_cpu:ratio", "type": "recording", "state": None},
        ],
    )
    given = {
        "version": "3.15.0",
        "requests": {"memory": 2 * GIB, "cpu": 0.2},
        "usage": {"memory": 300 * MIB, "cpu": 0.1},
        "volumes": [volume("data-prometheus-stack-0", 20 * GIB)],
        "prometheus": said,
    }
    return component("prometheus", "prometheus-stack", "prometheus", **{**given, **more})


def sidecar(*, uploads: bool | None = False, **more: Any) -> Facts:
    given = {
        "version": "0.42.4",
        "requests": {"memory": None, "cpu": None},
        "usage": {"memory": 20 * MIB, "cpu": 0.01},
        "volumes": [volume("data-prometheus-stack-0", 20 * GIB)],
        "sidecar": {"uploads": uploads, "objstore": None},
    }
    return component("thanos_sidecar", "prometheus-stack", "thanos-sidecar", **{**given, **more})


def alertmanager(**more: Any) -> Facts:
    given = {
        "requests": {"memory": 200 * MIB, "cpu": 0.02},
        "volumes": [volume("data-alertmanager-stack-0", 2 * GIB)],
    }
    return component("alertmanager", "alertmanager-stack", "alertmanager", **{**given, **more})


def exporters() -> list[Facts]:
    """What stays on an edge, beside the agent."""
    return [
        component("node_exporter", "DaemonSet stack-node-exporter", "node-exporter"),
        component("kube_state_metrics", "Deployment stack-kube-state-metrics", "kube-state-metrics"),
        component("prometheus_operator", "Deployment stack-operator", "operator"),
    ]


def receivers() -> list[Facts]:
    router = {"version": "0.42.4", "replicas": {"wanted": 2, "ready": 2}, "owner": dict(NOBODY)}
    ingestor = {"version": "0.42.4", "replicas": {"wanted": 3, "ready": 3}, "owner": dict(NOBODY)}
    return [
        component("thanos_receive_router", "Deployment thanos-receiver-router", "thanos-receive", **router),
        component("thanos_receive_ingestor", "thanos-receiver-ingestor", "thanos-receive", **ingestor),
    ]


def cluster(name: str, components: list[Facts] | None, **more: Any) -> Facts:
    return {
        "cluster": name,
        "seen": True,
        "probed": False,
        "uid": f"uid-of-{name}",
        "version": "v1.34.4",
        "audited_at": "2026-11-21T15:17:29Z",
        "nodes": [
            {"name": name, "addresses": [node_address(name), name], "ready": True, "memory": 16 * GIB, "cpu": 4.0}
        ],
        "unseen": [],
        "components": components,
        "components_complete": True,
        "readers": [],
        "claims": [],
        "leftovers": [],
        "credentials": [],
        "label_values": {"cluster": [name]},
        **more,
    }


def edge(name: str = "cluster-02", **more: Any) -> Facts:
    """An audited edge: an agent that delivers nothing, beside a Full Prometheus that nobody needs."""
    parts = [agent(name), full(name), sidecar(), alertmanager(), *exporters()]
    return cluster(name, more.pop("components", parts), **more)


def centre(name: str = "cluster-01", **more: Any) -> Facts:
    """The audited centre: no receiver, and a Full Prometheus that scrapes cluster-02 from outside."""
    far = target(f"{node_address('cluster-02')}:10250", job="cluster-02-kubelet", cluster="cluster-02")
    scraper = full(name)
    scraper["prometheus"]["targets"].append(far)
    return cluster(name, more.pop("components", [scraper, sidecar(uploads=True), alertmanager(), *exporters()]), **more)


def migrated_edge(name: str = "cluster-02", **more: Any) -> Facts:
    return cluster(name, more.pop("components", [good_agent(name), *exporters()]), **more)


def migrated_centre(name: str = "cluster-01", **more: Any) -> Facts:
    parts = [full(name), sidecar(uploads=True), alertmanager(), *receivers(), *exporters()]
    return cluster(name, more.pop("components", parts), **more)


def changed(content: Facts, path: str, value: object) -> Facts:
    """The same with another value at a path such as "prometheus.targets"."""
    whole = copy.deepcopy(content)
    *above, last = path.split(".")
    part = whole
    for key in above:
        part = part[key]
    part[last] = value
    return whole
