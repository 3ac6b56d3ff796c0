"""What the central servers and the agents of edges scrape, for the tests of remote scraping."""

from __future__ import annotations

from typing import Any

Facts = dict[str, Any]

HELM = {"kind": "helm", "namespace": "monitoring", "name": "stack"}
NOBODY = {"kind": "none", "namespace": None, "name": None}


def owner(kind: str = "helm", namespace: str | None = "monitoring", name: str | None = "stack", **more: Any) -> Facts:
    custom = {"kind": "Prometheus", "namespace": "monitoring", "name": "stack-prometheus"}
    chart = {"chart": "kube-prometheus-stack", "chart_version": "78.2.1"}
    return {"kind": kind, "namespace": namespace, "name": name, **chart, "custom_resource": custom, **more}


def scraped(address: str, job: str, path: str = "/metrics", *, own: bool = False, **labels: str) -> Facts:
    """A target of a central server."""
    found = {"__address__": address, "__metrics_path__": path, "job": job, **labels}
    key = {"address": address, "path": path, "params": {}}
    return {**key, "job": job, "cluster": labels.get("cluster"), "found": found, "own": own}


def delivered(address: str, path: str = "/metrics", health: str = "up") -> Facts:
    """A target of an agent."""
    return {"address": address, "path": path, "params": {}, "job": "kubelet", "health": health}


def pod(*targets: Facts, name: str = "monitoring/prometheus-stack-0", **more: Any) -> Facts:
    return {"name": name, "ready": True, "targets": list(targets), "problem": None, **more}


def server(*pods: Facts, **more: Any) -> Facts:
    jobs = {"namespace": "monitoring", "name": "stack-scrape-confg", "key": "jobs.yaml"}
    return {
        "id": "StatefulSet monitoring/prometheus-stack [prometheus]",
        "owner": owner(),
        "scrape_configs": jobs,
        "pods": list(pods),
        **more,
    }


def job(name: str, *groups: Facts, **more: Any) -> Facts:
    return {"job_name": name, **more, "static_configs": list(groups)}


def group(*targets: str, **labels: str) -> Facts:
    return {"targets": list(targets), "labels": labels}


#: One node of each of two edges, by a job of each edge.
TWO = scraped("10.0.0.2:10250", "two-kubelet", cluster="cluster-02")
THREE = scraped("10.0.0.3:10250", "three-kubelet", cluster="cluster-03")
JOB_TWO = job("two-kubelet", group("10.0.0.2:10250", cluster="cluster-02"), basic_auth={"password": "planted"})
JOB_THREE = job("three-kubelet", group("10.0.0.3:10250", cluster="cluster-03"))
EDGES = {"cluster-02": [delivered("10.0.0.2:10250")], "cluster-03": [delivered("10.0.0.3:10250")]}
