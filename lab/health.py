"""Whether the lab really works: judged by what its parts did since it started, not by what they once said.

Objects restored from a saved state claim to be Ready from their first moment on. So a node counts when it
renewed its lease, and a pod when its containers started, after the lab did.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

from lab import kube, supervision
from lab.errors import LabError
from lab.paths import STATE
from lab.settings import Cluster, Settings

_STARTED = STATE / "started"


def note_start() -> None:
    """Remember when the lab was started."""
    _STARTED.write_text(str(time.time()))


def wait(settings: Settings, tools: Path, seconds: float = 180) -> None:
    """Wait until nothing is wrong any more; else say what still is."""
    until = time.monotonic() + seconds
    while found := problems(settings, tools):
        if time.monotonic() > until:
            raise LabError("the lab is not healthy:\n" + "\n".join(f"  {problem}" for problem in found))
        time.sleep(0.5)


def problems(settings: Settings, tools: Path) -> list[str]:
    """Everything that is wrong with the running lab, a line each."""
    down = [
        f"{name}: {state}, see `lab logs {name}`"
        for name, state in supervision.states().items()
        if state not in ("RUNNING", "STARTING")
    ]
    with ThreadPoolExecutor() as pool:
        answers = pool.map(lambda cluster: _ask(cluster, tools), settings.clusters)
    return down + [problem for answer in answers for problem in answer]


def objects(cluster: Cluster, tools: Path) -> list[dict[str, Any]]:
    """The cluster's nodes, leases, workloads and pods."""
    kinds = "nodes,leases,pods,deployments,daemonsets,statefulsets"
    text = kube.kubectl(tools, cluster.name, "get", kinds, "--all-namespaces", "--output=json", "--request-timeout=10s")
    items: list[dict[str, Any]] = json.loads(text)["items"]
    return items


def _ask(cluster: Cluster, tools: Path) -> list[str]:
    try:
        found = objects(cluster, tools)
    except LabError as error:
        return [f"{cluster.name}: {str(error).splitlines()[-1]}"]
    return [f"{cluster.name}: {problem}" for problem in judge(cluster, found, float(_STARTED.read_text()))]


def judge(cluster: Cluster, found: list[dict[str, Any]], started: float) -> Iterator[str]:
    """What is wrong with these objects, given when the lab started (seconds since the epoch)."""
    by_kind: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for item in found:
        by_kind[item["kind"]].append(item)
    yield from _judge_nodes(cluster, by_kind, started)
    for kind in ("Deployment", "DaemonSet", "StatefulSet"):
        for workload in by_kind[kind]:
            wanted, available = replicas(workload)
            if available != wanted:
                yield f"{kind} {_name(workload)} has {available} of {wanted} pods"
    if not by_kind["Deployment"]:
        yield "nothing has been deployed yet"
    for pod in by_kind["Pod"]:
        yield from _judge_pod(pod, started)


def _judge_nodes(cluster: Cluster, by_kind: Mapping[str, list[dict[str, Any]]], started: float) -> Iterator[str]:
    nodes = {node["metadata"]["name"]: node for node in by_kind["Node"]}
    renewed = {
        lease["metadata"]["name"]: _seconds(lease["spec"]["renewTime"])
        for lease in by_kind["Lease"]
        if lease["metadata"]["namespace"] == "kube-node-lease"
    }
    for node in cluster.nodes:
        if node.name not in nodes:
            yield f"node {node.name} is not registered"
        elif renewed.get(node.name, 0) < started:
            yield f"node {node.name} has not reported since the lab started"
        elif not is_ready(nodes[node.name]):
            yield f"node {node.name} is not Ready"


def is_ready(item: dict[str, Any]) -> bool:
    """The object's own Ready condition."""
    conditions = item.get("status", {}).get("conditions") or []
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def replicas(workload: dict[str, Any]) -> tuple[int, int]:
    """How many pods a Deployment, StatefulSet or DaemonSet wants, and how many are available."""
    status = workload.get("status", {})
    if workload["kind"] == "DaemonSet":
        return int(status.get("desiredNumberScheduled", 0)), int(status.get("numberAvailable", 0))
    return int(workload["spec"].get("replicas", 1)), int(status.get("availableReplicas", 0))


def _judge_pod(pod: dict[str, Any], started: float) -> Iterator[str]:
    status = pod.get("status", {})
    if status.get("phase") in ("Succeeded", "Failed"):
        return
    if "deletionTimestamp" in pod["metadata"]:
        yield f"pod {_name(pod)} is ending"
        return
    for container in status.get("containerStatuses") or [{"name": "(none yet)"}]:
        running = container.get("state", {}).get("running")
        if not container.get("ready") or not running or _seconds(running["startedAt"]) < int(started):
            yield f"pod {_name(pod)}: container {container['name']} is not ready"


def _name(item: dict[str, Any]) -> str:
    return f"{item['metadata'].get('namespace', '')}/{item['metadata']['name']}"


def _seconds(timestamp: str) -> float:
    return datetime.fromisoformat(timestamp).timestamp()
