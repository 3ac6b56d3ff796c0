"""The lab's settings: read, checked as a whole, and turned into addresses."""

from __future__ import annotations

import os
import tomllib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

from lab.errors import LabError
from lab.paths import LAB

#: What a cluster can carry beside its monitoring in state `audited`: files of `manifests/audited/`.
WORKLOADS = ("adapter", "shop", "tenants")


@dataclass(frozen=True)
class Node:
    """One machine of a cluster: a network namespace, a kubelet, a containerd, a kube-proxy."""

    name: str
    address: str
    pod_cidr: str


@dataclass(frozen=True)
class Cluster:
    """One Kubernetes cluster. Its control plane runs on its first node."""

    name: str
    address: str
    nodes: tuple[Node, ...]
    load_balancer: tuple[str, ...]
    ingress: bool
    central: bool = False
    workloads: tuple[str, ...] = ()

    @property
    def _net(self) -> str:
        return f"10.{self.address.rsplit('.', 1)[1]}"

    @property
    def pod_cidr(self) -> str:
        return f"{self._net}.0.0/17"

    @property
    def service_cidr(self) -> str:
        return f"{self._net}.128.0/20"

    @property
    def api_service(self) -> str:
        return f"{self._net}.128.1"

    @property
    def dns_service(self) -> str:
        return f"{self._net}.128.10"

    @property
    def server(self) -> str:
        return f"https://{self.address}:6443"


@dataclass(frozen=True)
class Storage:
    """MinIO outside the clusters."""

    address: str
    host: str
    port: int
    bucket: str


@dataclass(frozen=True)
class Settings:
    """Everything that differs from one lab to another."""

    prefix: str
    gateway: str
    domain: str
    storage: Storage
    clusters: tuple[Cluster, ...]
    names: Mapping[str, str]

    @property
    def prefix_length(self) -> int:
        return IPv4Network(self.prefix).prefixlen

    @property
    def nodes(self) -> list[Node]:
        return [node for cluster in self.clusters for node in cluster.nodes]

    @property
    def storage_endpoint(self) -> str:
        return f"{self.storage.host}.{self.domain}:{self.storage.port}"

    def cluster(self, name: str) -> Cluster:
        """The cluster of that name; the error lists the names there are."""
        for cluster in self.clusters:
            if cluster.name == name:
                return cluster
        raise LabError(f"{name}: no such cluster; there are {', '.join(c.name for c in self.clusters)}")


def path() -> Path:
    """The file that LAB_SETTINGS names, or the one beside this module."""
    return Path(os.environ.get("LAB_SETTINGS") or LAB / "settings.toml").absolute()


def load(file: Path | None = None) -> Settings:
    """Read the settings; every problem of the file is in one error."""
    file = file or path()
    try:
        return parse(tomllib.loads(file.read_text()))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise LabError(f"{file}: cannot be read as settings: {error}") from error
    except LabError as error:
        raise LabError(f"{file}: {error}") from error


def parse(table: Mapping[str, Any]) -> Settings:
    """Settings from the parsed file, or a LabError with one line per problem."""
    problems: list[str] = []
    try:
        network, storage = table["network"], Storage(**table["storage"])
        clusters = tuple(
            _cluster(index, name, entry, problems) for index, (name, entry) in enumerate(table["clusters"].items(), 1)
        )
        settings = Settings(
            prefix=network["prefix"],
            gateway=network["gateway"],
            domain=network["domain"],
            storage=storage,
            clusters=clusters,
            names=dict(table.get("names", {})),
        )
    except KeyError as error:
        raise LabError(f"{error.args[0]}: missing; compare with settings.toml of the lab") from error
    except TypeError as error:
        raise LabError(f"storage: {error}; compare with settings.toml of the lab") from error
    problems += _address_problems(settings)
    if problems:
        raise LabError("; ".join(problems))
    return settings


def _cluster(index: int, name: str, entry: Mapping[str, Any], problems: list[str]) -> Cluster:
    known = {"address", "nodes", "load_balancer", "ingress", "workloads"}
    problems += [
        f"clusters.{name}.{key}: unknown; known are {', '.join(sorted(known))}" for key in sorted(set(entry) - known)
    ]
    address, count = str(entry["address"]), entry.get("nodes", 1)
    if not isinstance(count, int) or not 1 <= count <= 9:
        problems.append(f"clusters.{name}.nodes: {count!r} is not a number from 1 to 9")
        count = 1
    head, octet = address.rsplit(".", 1)
    nodes = tuple(
        Node(
            name=name if count == 1 else f"{name}-node-{number + 1:02}",
            address=address if number == 0 else f"{head}.{10 * index + number}",
            pod_cidr=f"10.{octet}.{number}.0/24",
        )
        for number in range(count)
    )
    workloads = tuple(entry.get("workloads", ()))
    problems += [
        f"clusters.{name}.workloads: {workload!r} is none of {', '.join(WORKLOADS)}"
        for workload in workloads
        if workload not in WORKLOADS
    ]
    return Cluster(
        name,
        address,
        nodes,
        load_balancer=tuple(entry.get("load_balancer", ())),
        ingress=bool(entry.get("ingress", False)),
        central=index == 1,
        workloads=workloads,
    )


def _address_problems(settings: Settings) -> list[str]:
    owners = {"network.gateway": settings.gateway, "storage.address": settings.storage.address}
    owners |= {f"node {node.name}": node.address for node in settings.nodes}
    owners |= {
        f"clusters.{cluster.name}.load_balancer[{number}]": address
        for cluster in settings.clusters
        for number, address in enumerate(cluster.load_balancer)
    }
    network = IPv4Network(settings.prefix)
    counts = Counter(owners.values())
    problems = []
    for owner, address in owners.items():
        try:
            inside = IPv4Address(address) in network
        except ValueError:
            inside = False
        if not inside:
            problems.append(f"{owner}: {address} is not an address of {network}")
        if counts[address] > 1:
            problems.append(f"{owner}: {address} is used {counts[address]} times")
    return problems
