"""What runs cost on the lab, as a table of Markdown: make bench-runs

First the audit, phase 1 and phase 2 from the audited fleet, then each again where nothing is left to do: the median of
three. Nothing else may run on the machine. Beside them, `kubectl apply --server-side` of the objects that the record
has for the central cluster.

CPU is that of ansible-playbook and all its processes, user and system. Processes are those that the machine has
started, and requests those that all API servers have counted, both without what the idle lab does in the same time; so
they are estimates, and single ones mean nothing.
"""

from __future__ import annotations

import json
import os
import re
import resource
import statistics
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from inside import CHECKOUT, CLUSTERS, LAB, kubectl, lab

TIMES = 3
IDLE_SECONDS = 30
#: What a run waits for on purpose, in seconds: prometheus_agent_hold of inventories/lab, once for all edges.
HOLD = 10
RUNS = ("audit", "status", "phase1_receiver", "phase2_remote_write")
WAITS = {"phase2_remote_write": HOLD}


@dataclass(frozen=True)
class Cost:
    wall: float
    cpu: float
    processes: float
    requests: float

    def row(self, name: str, waits: float) -> str:
        estimates = f"{self.processes:.0f} | {self.requests:.0f}"
        return f"| {name} | {self.wall:.1f} | {waits:g} | {self.wall - waits:.1f} | {self.cpu:.1f} | {estimates} |"


def cost(work: Callable[[], object], idle: Cost) -> Cost:
    """What the work costs beyond what the idle lab does meanwhile; idle is that of one second."""
    before, began = _counters(), time.monotonic()
    work()
    wall = time.monotonic() - began
    cpu, processes, requests = (after - then for after, then in zip(_counters(), before, strict=True))
    return Cost(wall, cpu, max(0, processes - wall * idle.processes), max(0, requests - wall * idle.requests))


def _counters() -> tuple[float, float, float]:
    # Before the processor's time is read: to ask for it costs some.
    requests = sum(_requests(cluster) for cluster in CLUSTERS)
    processes = int(re.findall(r"^processes (\d+)$", Path("/proc/stat").read_text(), re.MULTILINE)[0])
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime, processes, requests


def _requests(cluster: str) -> float:
    metrics = kubectl(cluster, "get", "--raw=/metrics")
    return sum(map(float, re.findall(r"^apiserver_request_total\{.*\} (\S+)$", metrics, re.MULTILINE)))


def play(name: str) -> None:
    command = (LAB, "exec", "ansible-playbook", "--inventory=inventories/lab", f"playbooks/{name}.yml")
    done = subprocess.run(
        [str(part) for part in command],
        cwd=CHECKOUT,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def applied_by_kubectl() -> Callable[[], object]:
    """Apply what the record has for the central cluster, as it is there, by kubectl alone."""
    record = json.loads(
        kubectl("cluster-01", "get", "configmap", "miribit-thanos-record-cluster-01", "-n=monitoring", "-o=json")
    )
    names = [name for several in json.loads(record["data"]["record.json"])["objects"].values() for name in several]
    items = []
    for name in names:
        api, kind, namespace, own = name.rsplit("/", 3)
        group = f".{api.partition('/')[0]}" if "/" in api else ""
        version = api.rpartition("/")[2]
        place = [f"--namespace={namespace}"] if namespace else []
        found = json.loads(
            kubectl("cluster-01", "get", f"{kind}.{version}{group or '.'}", own, *place, "--output=json")
        )
        kept = ("name", "namespace", "labels", "annotations")
        found["metadata"] = {key: found["metadata"][key] for key in kept if key in found["metadata"]}
        found.pop("status", None)
        items.append(found)
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
    manager = "--field-manager=miribit.thanos"
    return lambda: kubectl(
        "cluster-01", "apply", "--server-side", "--force-conflicts", manager, "--filename=-", stdin=text
    )


def median(costs: list[Cost]) -> Cost:
    parts = (
        statistics.median(getattr(one, part) for one in costs) for part in ("wall", "cpu", "processes", "requests")
    )
    return Cost(*parts)


def main() -> None:
    lab("reset", "audited")
    nothing = Cost(0, 0, 0, 0)
    asleep = cost(lambda: time.sleep(IDLE_SECONDS), nothing)
    idle = Cost(1, 0, asleep.processes / asleep.wall, asleep.requests / asleep.wall)
    print(
        "| run | wall, s | waits on purpose | wall without | CPU, s | processes | requests |",
        "|---|---|---|---|---|---|---|",
        sep="\n",
    )
    for name in ("audit", "phase1_receiver", "phase2_remote_write"):
        # Phase 2 waits for each edge of its own, and for the WAL of 2.48; that is in its wall time.
        print(cost(lambda name=name: play(name), idle).row(f"{name}, first", 0), flush=True)
    for name in RUNS:
        again = median([cost(lambda name=name: play(name), idle) for _time in range(TIMES)])
        print(again.row(f"{name}, nothing to do", WAITS.get(name, 0)), flush=True)
    work = applied_by_kubectl()
    print(median([cost(work, idle) for _time in range(TIMES)]).row("kubectl apply of the same objects", 0))
    lab("down")


if __name__ == "__main__":
    main()
