"""The audit on real clusters: it finds what was wrong with the fleet, in whatever shape it is, and changes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from inside import CLUSTERS, lab
from play import EDGES, PHASE1, audit, findings, least_permissions, succeed

pytestmark = pytest.mark.usefixtures("audited")

#: What the audit of the fleet had found, by the clusters that it concerns.
FOUND = {
    "agent-delivers-nothing": EDGES,
    "agent-remote-write-unresolvable": EDGES,
    "alertmanager-on-edge": EDGES,
    "duplicate-scraping": EDGES,
    "full-prometheus-on-edge": EDGES,
    "leftover-pods": CLUSTERS,
    "no-receiver": CLUSTERS[:1],
    "readers-of-full": CLUSTERS[3:],
    "remote-scraping": CLUSTERS[:1],
    "rules-on-edge": EDGES,
    "targets-only-full": EDGES,
}


def test_it_finds_what_is_wrong_with_the_audited_fleet(tmp_path: Path) -> None:
    report = audit(tmp_path)
    clusters = findings(report)
    for finding, wanted in FOUND.items():
        assert set(wanted) <= clusters.get(finding, set()), (finding, clusters.get(finding))
    assert [cluster["delivers"] for cluster in report["clusters"] if cluster["role"] == "edge"] == [False] * 3
    by_name = {cluster["name"]: cluster for cluster in report["clusters"]}
    for name, count in {"cluster-01": 24, "cluster-02": 16, "cluster-03": 14, "cluster-04": 12}.items():
        assert by_name[name]["targets"]["scraped"] == count, by_name[name]["targets"]
    assert "shop" in json.dumps([one for one in report["findings"] if one["id"] == "targets-only-full"])
    assert report["totals"]["waste"]["storage"] >= 3 * 20 * 1024**3


@pytest.mark.long
def test_one_edge_is_seen_together_with_the_central_cluster(tmp_path: Path) -> None:
    report = audit(tmp_path, "--limit=cluster-03", "--check")
    assert {cluster["name"] for cluster in report["clusters"] if cluster["seen"]} == {"cluster-01", "cluster-03"}
    assert "agent-delivers-nothing" in findings(report)


@pytest.mark.long
def test_with_permission_to_read_only_it_says_what_it_could_not_see(
    tmp_path: Path, inventory: Callable[..., Path]
) -> None:
    least = inventory(all={"fleet_kubeconfig": least_permissions(tmp_path, "audit")})
    report = audit(tmp_path / "reports", inventory=least)
    clusters = findings(report)
    for finding, wanted in FOUND.items():
        assert set(wanted) <= clusters.get(finding, set()), (finding, clusters.get(finding))
    # A right to a kubelet's summary would be one to run commands in every pod.
    assert any("nodes/proxy" in one["fix"] for one in report["unseen"]), report["unseen"]


@pytest.mark.long
def test_a_cluster_that_is_away_is_named_and_the_others_are_seen(
    tmp_path: Path, inventory: Callable[..., Path]
) -> None:
    document = yaml.safe_load(lab("exec", "cat", "/run/miribit-lab/kubeconfig"))
    for cluster in document["clusters"]:
        cluster["cluster"]["server"] = "https://127.0.0.1:9"
    kubeconfig = tmp_path / "elsewhere"
    kubeconfig.write_text(yaml.safe_dump(document))
    report = audit(tmp_path / "reports", inventory=inventory(cluster_03={"fleet_kubeconfig": str(kubeconfig)}))
    assert findings(report)["cluster-unreachable"] == {"cluster-03"}
    assert [cluster["name"] for cluster in report["clusters"] if not cluster["seen"]] == ["cluster-03"]


@pytest.mark.long
def test_a_receiver_is_seen_once_there_is_one(tmp_path: Path) -> None:
    succeed(PHASE1)
    clusters = findings(audit(tmp_path))
    assert "no-receiver" not in clusters
    assert clusters["agent-delivers-nothing"] == set(EDGES)


@pytest.mark.long
@pytest.mark.parametrize("variant", ["renamed", "no-helm", "argocd", "operator-agent"])
def test_a_fleet_of_another_shape_is_seen_as_well(tmp_path: Path, variant: str, inventory: Callable[..., Path]) -> None:
    lab("reset", "audited", "--variant", variant)
    try:
        there = {"fleet_namespace": "observability"} if variant == "renamed" else {}
        report = audit(tmp_path / "reports", inventory=inventory(all=there))
    finally:
        lab("reset", "audited")
    clusters = findings(report)
    # Grafana's test pod is a hook of Helm. The operator's agent scrapes what the Full Prometheus scrapes.
    absent = {"no-helm": "leftover-pods", "argocd": "leftover-pods", "operator-agent": "targets-only-full"}.get(variant)
    assert absent not in clusters
    for finding, wanted in FOUND.items():
        if finding != absent:
            assert set(wanted) <= clusters.get(finding, set()), (finding, clusters.get(finding))
    owners = {"renamed": "Helm", "no-helm": "Prometheus monitoring", "argocd": "Argo CD", "operator-agent": "Helm"}
    full = [one for cluster in report["clusters"] for one in cluster["components"] if one["kind"] == "prometheus"]
    assert full
    assert all(owners[variant].lower() in one["owner"].lower() for one in full), [one["owner"] for one in full]
    assert ("owner-gitops" in clusters) == (variant == "argocd")
