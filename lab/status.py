"""What `lab status` shows."""

from __future__ import annotations

from collections.abc import Sequence

from lab import cgroups, health, services, states, supervision
from lab.lifecycle import Lab

_MIB = 1024 * 1024


def table(lab: Lab) -> str:
    """Clusters, nodes, versions, memory; then what runs beside them."""
    rows = [("CLUSTER", "NODE", "ADDRESS", "VERSION", "READY", "PODS", "MEMORY")]
    for cluster in lab.settings.clusters:
        found = health.objects(cluster, lab.tools)
        nodes = {item["metadata"]["name"]: item for item in found if item["kind"] == "Node"}
        pods = [item for item in found if item["kind"] == "Pod"]
        for number, node in enumerate(cluster.nodes):
            item = nodes.get(node.name, {})
            mine = [pod for pod in pods if pod["spec"].get("nodeName") == node.name]
            ready = sum(health.is_ready(pod) for pod in mine)
            rows.append(
                (
                    cluster.name if number == 0 else "",
                    node.name,
                    node.address,
                    item.get("status", {}).get("nodeInfo", {}).get("kubeletVersion", "-"),
                    "yes" if item and health.is_ready(item) else "no",
                    f"{ready}/{len(mine)}",
                    f"{cgroups.memory(cluster.name) // _MIB} MiB" if number == 0 else "",
                )
            )
    user = services.credentials()[0]
    running = list(supervision.states().values())
    summary = f"{running.count('RUNNING')} of {len(running)} programs running; {cgroups.memory() // _MIB} MiB in all"
    return "\n".join(
        [
            *_aligned(rows),
            "",
            f"state {states.current()}; {summary}",
            f"MinIO http://{lab.settings.storage_endpoint}, bucket {lab.settings.storage.bucket}, access key {user}",
        ]
    )


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
