"""Phase 2 on the audited fleet, after phase 1. The tests follow each other, as an operator's commands do."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from inside import eventually, get
from play import (
    EDGES,
    PHASE1,
    PHASE2,
    ROLLBACK,
    ask,
    audit,
    findings,
    least_permissions,
    nothing_changes,
    objects,
    play,
    recorded,
    succeed,
    unchanged,
    variables,
)
from watch import counted_once, up

Inventory = Callable[..., Path]

pytestmark = pytest.mark.usefixtures("receiver")

MONITORING = "--namespace=monitoring"
#: Not what probes send.
SCRAPED = '__name__!="miribit_thanos_canary"'
#: What audited agents scrape: node-exporter, kubelet and cAdvisor of each node, and kube-state-metrics.
TARGETS = {"cluster-02": 7, "cluster-03": 4, "cluster-04": 4}


def agent(edge: str) -> dict[str, Any]:
    return get(edge, "statefulset", "prometheus-agent", MONITORING)


def config(edge: str) -> str:
    text: str = get(edge, "configmap", "prometheus-agent-config", MONITORING)["data"]["prometheus.yml"]
    return text


def volume(edge: str) -> str:
    """The volume with the WAL."""
    name: str = get(edge, "persistentvolumeclaim", "data-prometheus-agent-0", MONITORING)["spec"]["volumeName"]
    return name


@pytest.fixture(scope="module")
def found(receiver: None) -> dict[str, Any]:
    """The agent of cluster-03 as the audit found it."""
    return {"config": config("cluster-03"), "pod": agent("cluster-03")["spec"]["template"]["spec"]}


@pytest.fixture
def delivering(found: dict[str, Any]) -> None:
    """Phase 2, also where a test is run alone."""
    if any(recorded(edge)["phase"] != "phase2" for edge in EDGES):
        succeed(PHASE2)


def test_check_mode_says_what_would_change_and_changes_nothing(found: dict[str, Any]) -> None:
    assert "svc.cluster-01.local" in found["config"]
    with nothing_changes():
        played = succeed(PHASE2, "--check", "--diff")
    # What is done once for all, the end of remote scraping, counts for the first.
    assert {edge: played.changed[edge] for edge in EDGES} == {**dict.fromkeys(EDGES, 1), "cluster-02": 2}
    assert "cluster-04-kubelet-cadvisor" in played.output
    assert "+  - name: thanos" in played.output
    assert "+    url: http://192.168.101.210:19291/api/v1/receive" in played.output
    assert "A queue to thanos (http://192.168.101.210:19291/api/v1/receive) begins" in played.said


def test_every_edge_delivers_and_no_target_is_counted_twice() -> None:
    before = {edge: (agent(edge)["metadata"]["uid"], volume(edge)) for edge in EDGES}
    assert up() == dict.fromkeys(EDGES, 0)
    with counted_once():
        succeed(PHASE2)
    assert up() == TARGETS
    # In place: the same workload, with the same WAL.
    assert {edge: (agent(edge)["metadata"]["uid"], volume(edge)) for edge in EDGES} == before


def test_the_record_says_that_they_deliver_and_what_was_seen() -> None:
    for edge in EDGES:
        record = recorded(edge)
        assert record["phase"] == "phase2"
        assert any(line.startswith("ok    stored") for line in record["evidence"]["phase2"]["checks"])
        assert record["evidence"]["phase1"]["url"] == "http://192.168.101.210:19291/api/v1/receive"


def test_each_tenant_has_the_series_of_its_own_namespaces() -> None:
    for tenant in ("tenant-a", "tenant-b"):
        found = ask(f'count by (namespace) ({{cluster="cluster-02", tenant_id="{tenant}", {SCRAPED}}})')
        assert [one["metric"] for one in found] == [{"namespace": tenant}]
    others = ask('count by (namespace) ({cluster="cluster-02", tenant_id="platform"})')
    assert len(others) > 1
    assert not {one["metric"].get("namespace") for one in others} & {"tenant-a", "tenant-b"}
    assert not ask(f'count({{cluster="cluster-02", tenant_id="default-tenant", {SCRAPED}}})')


def test_both_phases_again_change_nothing() -> None:
    for playbook in (PHASE1, PHASE2):
        with nothing_changes():
            unchanged(succeed(playbook))
    assert recorded("cluster-03")["phase"] == "phase2"


def test_check_mode_is_still_true_and_limit_looks_at_one_edge() -> None:
    with nothing_changes():
        played = succeed(PHASE2, "--check", "--diff", "--limit=cluster-03")
    unchanged(played)
    assert list(played.changed) == ["cluster-03"]


def test_the_table_says_that_every_edge_delivers(tmp_path: Path) -> None:
    wishes = {"fleet_status_required": True, "fleet_status_watch": False, "fleet_audit_reports": str(tmp_path)}
    with nothing_changes():
        played = succeed("playbooks/status.yml", variables(tmp_path, **wishes))
    assert "3 of 3 edges deliver" in played.output
    (report,) = tmp_path.glob("*-status.json")
    assert [edge["delivers"] for edge in json.loads(report.read_text())["edges"]] == [True] * 3


def test_the_audit_no_longer_finds_what_is_mended_by_now(tmp_path: Path) -> None:
    report = audit(tmp_path)
    mended = {
        "agent-delivers-nothing",
        "agent-remote-write-unresolvable",
        "no-receiver",
        "remote-scraping",
        "remote-write-warnings",
    }
    assert not mended & findings(report).keys()
    assert [cluster["delivers"] for cluster in report["clusters"] if cluster["role"] == "edge"] == [True] * 3


def test_remote_scraping_ends_only_in_a_run_that_has_seen_the_edges_deliver() -> None:
    with nothing_changes():
        played = play(PHASE2, "--tags=remote_scraping")
    assert played.returncode != 0
    assert "this run has not seen whether the edges deliver" in played.said
    assert "Fix: leave --tags out." in played.said


def test_the_receiver_stays_while_edges_deliver() -> None:
    with nothing_changes():
        played = play("playbooks/uninstall.yml")
    assert played.returncode != 0
    assert "Edges cluster-02, cluster-03, cluster-04: the record says that they write to this receiver" in played.said
    assert "Fix: lead them back first" in played.said


@pytest.mark.long
@pytest.mark.usefixtures("delivering")
def test_one_edge_goes_back_and_comes_again(found: dict[str, Any]) -> None:
    others = {edge: objects(edge) for edge in ("cluster-02", "cluster-04")}
    played = succeed(ROLLBACK, "--extra-vars=to=phase1", "--limit=cluster-03")
    assert played.changed["cluster-03"] > 0
    assert config("cluster-03") == found["config"]
    assert agent("cluster-03")["spec"]["template"]["spec"] == found["pod"]
    assert recorded("cluster-03")["phase"] == "phase1"
    assert {edge: objects(edge) for edge in others} == others
    with nothing_changes():
        unchanged(succeed(ROLLBACK, "--extra-vars=to=phase1", "--limit=cluster-03"))
    succeed(PHASE2, "--limit=cluster-03")
    assert eventually(lambda: up() == TARGETS, 60), up()


def test_a_way_back_that_there_is_not_is_refused() -> None:
    with nothing_changes():
        played = play(ROLLBACK, "--extra-vars=to=phase7", "--limit=cluster-03")
    assert played.returncode != 0
    assert "to=phase7: there is no such way back. Fix: give -e to=phase1" in played.said


@pytest.mark.long
@pytest.mark.usefixtures("delivering")
def test_with_the_least_permissions_it_does_the_same(tmp_path: Path, inventory: Inventory) -> None:
    succeed(ROLLBACK, "--extra-vars=to=phase1", "--limit=cluster-04")
    # What an upgrade of somebody else's release needs is in no manifest, so that step is left to somebody else.
    kubeconfig = least_permissions(tmp_path, "phase2")
    least = inventory(all={"fleet_kubeconfig": kubeconfig, "legacy_prometheus_chart_ref": ""})
    played = succeed(PHASE2, inventory=least)
    assert "so this arrives twice, from here and from the edge" in played.said
    assert "Fix: allow the user what Helm needs for the whole release" in played.said
    unchanged(succeed(PHASE2, inventory=least))
    succeed(ROLLBACK, "--extra-vars=to=phase1", "--limit=cluster-04", inventory=least)
    succeed(PHASE2)
    assert eventually(lambda: up() == TARGETS, 60), up()
