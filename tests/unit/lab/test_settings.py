"""The lab's settings: read as they are meant, and refused with every mistake named."""

from __future__ import annotations

import copy
import tomllib
from pathlib import Path
from typing import Any

import pytest

from lab import settings
from lab.errors import LabError
from lab.paths import LAB

SHIPPED: dict[str, Any] = tomllib.loads((LAB / "settings.toml").read_text())


def test_the_shipped_settings_have_the_fleet_s_addresses() -> None:
    chosen = settings.load()
    assert {cluster.name: cluster.address for cluster in chosen.clusters} == {
        "cluster-01": "192.168.101.194",
        "cluster-02": "192.168.101.196",
        "cluster-03": "192.168.101.197",
        "cluster-04": "192.168.101.198",
    }
    assert chosen.storage_endpoint == "s3.minio.miribit.lab:9000"
    assert [node.name for node in chosen.cluster("cluster-02").nodes] == ["cluster-02-node-01", "cluster-02-node-02"]


def test_a_cluster_s_networks_do_not_overlap_another_s() -> None:
    clusters = settings.load().clusters
    ranges = [cidr for cluster in clusters for cidr in (cluster.pod_cidr, cluster.service_cidr)]
    assert len(set(ranges)) == len(ranges)
    assert clusters[0].pod_cidr == "10.194.0.0/17"
    assert clusters[0].dns_service == "10.194.128.10"


def test_the_number_of_nodes_is_a_setting() -> None:
    table = copy.deepcopy(SHIPPED)
    table["clusters"]["cluster-03"]["nodes"] = 3
    nodes = settings.parse(table).cluster("cluster-03").nodes
    assert [(node.name, node.address, node.pod_cidr) for node in nodes] == [
        ("cluster-03-node-01", "192.168.101.197", "10.197.0.0/24"),
        ("cluster-03-node-02", "192.168.101.31", "10.197.1.0/24"),
        ("cluster-03-node-03", "192.168.101.32", "10.197.2.0/24"),
    ]


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("clusters", "cluster-01", "nodes"), 0, "clusters.cluster-01.nodes: 0 is not a number from 1 to 9"),
        (("clusters", "cluster-01", "nodes"), "2", "clusters.cluster-01.nodes: '2' is not a number from 1 to 9"),
        (("clusters", "cluster-01", "adress"), "x", "clusters.cluster-01.adress: unknown; known are address, ingress"),
        (("clusters", "cluster-01", "address"), "10.0.0.1", "10.0.0.1 is not an address of 192.168.101.0/24"),
        (("clusters", "cluster-01", "address"), "192.168.101.x", "192.168.101.x is not an address of 192.168.101.0/24"),
        (("storage", "address"), "192.168.101.1", "storage.address: 192.168.101.1 is used 2 times"),
        (("clusters", "cluster-02", "workloads"), ["shops"], "workloads: 'shops' is none of adapter, shop, tenants"),
        (("storage", "buckets"), "x", "storage: "),
    ],
)
def test_a_mistake_is_refused_by_its_place(path: tuple[str, ...], value: object, message: str) -> None:
    table = copy.deepcopy(SHIPPED)
    entry = table
    for name in path[:-1]:
        entry = entry[name]
    entry[path[-1]] = value
    with pytest.raises(LabError) as refusal:
        settings.parse(table)
    assert message in str(refusal.value)


def test_all_mistakes_are_named_at_once() -> None:
    table = copy.deepcopy(SHIPPED)
    table["clusters"]["cluster-01"]["nodes"] = 0
    table["clusters"]["cluster-02"]["address"] = "10.0.0.1"
    with pytest.raises(LabError) as refusal:
        settings.parse(table)
    assert "cluster-01.nodes" in str(refusal.value)
    assert "10.0.0.1" in str(refusal.value)


def test_a_missing_part_is_named() -> None:
    with pytest.raises(LabError, match="storage: missing"):
        settings.parse({"network": {}})


def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"settings\.toml: cannot be read"):
        settings.load(tmp_path / "settings.toml")


def test_an_unknown_cluster_is_answered_with_those_there_are() -> None:
    with pytest.raises(LabError, match="cluster-05: no such cluster; there are cluster-01, cluster-02"):
        settings.load().cluster("cluster-05")
