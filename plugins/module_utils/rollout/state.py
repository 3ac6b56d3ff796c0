# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How far workloads have rolled out: judged from their own objects as the API server gives them."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.miribit.thanos.plugins.module_utils.kube.objects import (
    DEPLOYMENTS,
    JOBS,
    SERVICES,
    STATEFUL_SETS,
    Object,
    Resource,
)

RESOURCES = {
    "Deployment": DEPLOYMENTS,
    "StatefulSet": STATEFUL_SETS,
    "DaemonSet": Resource("apps/v1", "daemonsets"),
    "Service": SERVICES,
    "Ingress": Resource("networking.k8s.io/v1", "ingresses"),
    "Job": JOBS,
}

#: The kinds that have pods.
WITH_PODS = frozenset({"Deployment", "StatefulSet", "DaemonSet", "Job"})
_WITH_REVISIONS = WITH_PODS - {"Job"}

_ADDRESS_ANNOTATIONS = (
    "metallb.io/loadBalancerIPs",
    "metallb.universe.tf/loadBalancerIPs",
    "lbipam.cilium.io/ips",
    "io.cilium/lb-ipam-ips",
    "kube-vip.io/loadbalancerIPs",
)


@dataclass(frozen=True)
class State:
    """How far one thing has rolled out."""

    kind: str
    name: str
    done: bool
    text: str

    def line(self, why: str = "") -> str:
        return f"{self.kind} {self.name}: {self.text}" + (f" ({why})" if why else "")

    def as_dict(self) -> dict[str, object]:
        return {"kind": self.kind, "name": self.name, "done": self.done, "state": self.text}


def judge(kind: str, name: str, item: Object | None) -> State:
    """How far a workload is, by its own object."""
    if item is None:
        return State(kind, name, False, "it does not exist")
    if "deletionTimestamp" in item["metadata"]:
        return State(kind, name, False, "it is being deleted")
    judges = {
        "Deployment": _deployment,
        "StatefulSet": _stateful_set,
        "DaemonSet": _daemon_set,
        "Service": _service,
        "Job": _job,
    }
    # An Ingress exists, and that is all: some controllers never give it an address.
    done, text = judges[kind](item) if kind in judges else (True, "it exists")
    if kind in _WITH_REVISIONS and numbers(item, "observedGeneration")[0] < item["metadata"].get("generation", 0):
        return State(kind, name, False, "the last change is not seen yet")
    return State(kind, name, done, text)


def has_pods_of(item: Object, pod: Object) -> bool:
    """Whether a workload's selector takes a pod."""
    wanted = item["spec"]["selector"].get("matchLabels") or {}
    labels = pod["metadata"].get("labels") or {}
    return wanted.items() <= labels.items()


def numbers(item: Object, *names: str) -> tuple[int, ...]:
    status = item.get("status") or {}
    return tuple(int(status.get(name) or 0) for name in names)


def _counted(wanted: int, updated: int, ready: int, available: int, patience: int) -> str:
    parts = [f"{updated} of {wanted} pods updated", f"{ready} of {wanted} ready"]
    if ready == wanted > available:
        parts.append(f"{available} of {wanted} available" + (f" (minReadySeconds {patience})" if patience else ""))
    return ", ".join(parts)


def _deployment(item: Object) -> tuple[bool, str]:
    wanted = pods_wanted("Deployment", item)
    total, updated, ready, available = numbers(
        item, "replicas", "updatedReplicas", "readyReplicas", "availableReplicas"
    )
    text = _counted(wanted, updated, ready, available, item["spec"].get("minReadySeconds", 0))
    if total > updated:
        text += f", {total - updated} old"
    return updated == total == available == wanted, text


def _stateful_set(item: Object) -> tuple[bool, str]:
    spec, status, wanted = item["spec"], item.get("status") or {}, pods_wanted("StatefulSet", item)
    total, updated, ready, available = numbers(
        item, "replicas", "updatedReplicas", "readyReplicas", "availableReplicas"
    )
    strategy = spec.get("updateStrategy") or {}
    partition = (strategy.get("rollingUpdate") or {}).get("partition") or 0
    to_update = 0 if strategy.get("type") == "OnDelete" else max(0, wanted - partition)
    same = "updateRevision" in status and status["updateRevision"] == status.get("currentRevision")
    text = _counted(wanted, updated, ready, available, spec.get("minReadySeconds", 0))
    if total > wanted:
        text += f", {total - wanted} to go"
    return (same or updated >= to_update) and total == ready == available == wanted, text


def _daemon_set(item: Object) -> tuple[bool, str]:
    wanted, updated, ready, available = numbers(
        item, "desiredNumberScheduled", "updatedNumberScheduled", "numberReady", "numberAvailable"
    )
    if (item["spec"].get("updateStrategy") or {}).get("type") == "OnDelete":
        updated = wanted
    text = _counted(wanted, updated, ready, available, item["spec"].get("minReadySeconds", 0))
    return updated >= wanted and available >= wanted, text


def _job(item: Object) -> tuple[bool, str]:
    if condition(item, "Complete"):
        return True, "it is complete"
    if condition(item, "Failed"):
        return False, "it has failed"
    active, failed = numbers(item, "active", "failed")
    return False, f"{active} running, {failed} failed"


def _service(item: Object) -> tuple[bool, str]:
    if item["spec"].get("type") != "LoadBalancer":
        return True, "it exists"
    asked, given = asked_addresses(item), given_addresses(item)
    if not given:
        return False, "no address yet" + (f", asked for {', '.join(asked)}" if asked else "")
    if not set(asked) <= set(given):
        return False, f"has the address {', '.join(given)}, asked for {', '.join(asked)}"
    return True, f"has the address {', '.join(given)}"


def asked_addresses(item: Object) -> list[str]:
    annotations = item["metadata"].get("annotations") or {}
    texts = [item["spec"].get("loadBalancerIP") or "", *(annotations.get(name, "") for name in _ADDRESS_ANNOTATIONS)]
    addresses = [address.strip() for text in texts for address in text.split(",")]
    return sorted({address for address in addresses if address})


def given_addresses(item: Object) -> list[str]:
    given = ((item.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
    return [entry.get("ip") or entry.get("hostname") or "" for entry in given]


def pods_wanted(kind: str, item: Object) -> int:
    """How many pods there are to be. Of a Job, it is its own business."""
    if kind == "DaemonSet":
        return numbers(item, "desiredNumberScheduled")[0]
    replicas = item["spec"].get("replicas", 1)
    return 0 if kind == "Job" else int(replicas)


def condition(item: Object, kind: str, status: str = "True") -> Object | None:
    conditions: list[Object] = (item.get("status") or {}).get("conditions") or []
    return next((one for one in conditions if one.get("type") == kind and one.get("status") == status), None)
