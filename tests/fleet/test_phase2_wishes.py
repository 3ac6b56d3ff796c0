"""Phase 2 with what an inventory can wish for: another version, credentials, an agent where there is none."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from authority import Authority
from inside import eventually, get, kubectl, lab
from play import PHASE1, PHASE2, ROLLBACK, least_permissions, nothing_changes, recorded, succeed, unchanged
from watch import up

Inventory = Callable[..., Path]

pytestmark = pytest.mark.long

EDGE = "cluster-04"
LIMIT = f"--limit={EDGE}"
MONITORING = "--namespace=monitoring"
CREDENTIALS = "prometheus-agent-remote-write"


@pytest.fixture
def fresh() -> None:
    """The audited fleet, whatever was there before."""
    lab("reset", "audited")


def agent() -> dict[str, Any]:
    """What is wanted of the agent of the edge: its pods' specification and its configuration."""
    spec = get(EDGE, "statefulset", "prometheus-agent", MONITORING)["spec"]["template"]["spec"]
    return {"pod": spec, "config": get(EDGE, "configmap", "prometheus-agent-config", MONITORING)["data"]}


def pod() -> str:
    uid: str = get(EDGE, "pod", "prometheus-agent-0", MONITORING)["metadata"]["uid"]
    return uid


def image() -> str:
    text: str = agent()["pod"]["containers"][0]["image"]
    return text


@pytest.mark.usefixtures("fresh")
def test_image_and_flags_move_together_to_another_version_and_back(inventory: Inventory) -> None:
    succeed(PHASE1)
    before = agent()
    assert ":v2." in image()
    upgraded = inventory(cluster_04={"prometheus_agent_upgrade": True})
    with nothing_changes():
        succeed(PHASE2, LIMIT, "--check", "--diff", inventory=upgraded)
    succeed(PHASE2, LIMIT, inventory=upgraded)
    assert ":v3." in image()
    args = agent()["pod"]["containers"][0]["args"]
    assert "--agent" in args
    assert not [arg for arg in args if arg.startswith("--enable-feature=agent")]
    assert up()[EDGE] == 4
    with nothing_changes():
        unchanged(succeed(PHASE2, LIMIT, inventory=upgraded))
    # It delivers, so the gate before its restart is passed without a loss.
    succeed(ROLLBACK, "--extra-vars=to=phase1", LIMIT, inventory=upgraded)
    assert agent() == before
    # And the older version once more, on the WAL that the newer one has written.
    succeed(PHASE2, LIMIT)
    assert ":v2." in image()
    assert eventually(lambda: up()[EDGE] == 4, 60), up()


@pytest.mark.usefixtures("fresh")
def test_an_agent_with_a_certificate_delivers_and_no_key_is_shown(inventory: Inventory) -> None:
    authority = Authority()
    sender, receiver = authority.sender(), authority.receiver()
    secure = inventory(central=receiver, edge={"prometheus_agent_credentials": sender})
    before = agent()
    succeed(PHASE1, inventory=secure)
    played = succeed(PHASE2, LIMIT, "-vvv", "--diff", inventory=secure)
    for line in sender["key"].splitlines()[1:-1]:
        assert line not in played.output
    assert "https://192.168.101.210:19291" in agent()["config"]["prometheus.yml"]
    assert up()[EDGE] == 4
    assert CREDENTIALS in kubectl(EDGE, "get", "secrets", MONITORING, "--output=name")
    with nothing_changes():
        unchanged(succeed(PHASE2, LIMIT, inventory=secure))
    # Another certificate: only the Secret changes, as Prometheus reads its files anew by itself.
    renewed = authority.sender()
    edges = secure / "group_vars" / "edge.yml"
    edges.write_text(yaml.safe_dump({**yaml.safe_load(edges.read_text()), "prometheus_agent_credentials": renewed}))
    running = pod()
    with nothing_changes():
        assert succeed(PHASE2, LIMIT, "--check", "--diff", inventory=secure).changed[EDGE] == 1
    played = succeed(PHASE2, LIMIT, "-vvv", "--diff", inventory=secure)
    assert played.changed[EDGE] == 1
    for line in renewed["key"].splitlines()[1:-1]:
        assert line not in played.output
    held = get(EDGE, "secret", CREDENTIALS, MONITORING)["data"]
    assert base64.b64decode(held["tls.key"]).decode() == renewed["key"]
    assert pod() == running
    unchanged(succeed(PHASE2, LIMIT, inventory=secure))
    succeed(ROLLBACK, "--extra-vars=to=phase1", LIMIT, inventory=secure)
    assert agent() == before
    assert CREDENTIALS not in kubectl(EDGE, "get", "secrets", MONITORING, "--output=name")


@pytest.mark.usefixtures("fresh")
def test_an_edge_without_an_agent_gets_one_with_the_least_permissions(tmp_path: Path, inventory: Inventory) -> None:
    succeed(PHASE1)
    kubectl(EDGE, "delete", "statefulset/prometheus-agent", "configmap/prometheus-agent-config", MONITORING)
    kubeconfig = least_permissions(tmp_path, "phase2", "deploy")
    least = inventory(all={"fleet_kubeconfig": kubeconfig, "legacy_prometheus_chart_ref": ""})
    succeed(PHASE2, LIMIT, inventory=least)
    assert recorded(EDGE)["phase"] == "phase2"
    assert up()[EDGE] >= 4
    with nothing_changes():
        unchanged(succeed(PHASE2, LIMIT, inventory=least))
    succeed(ROLLBACK, "--extra-vars=to=phase1", LIMIT, inventory=least)
    assert "prometheus-agent" not in kubectl(EDGE, "get", "statefulsets", MONITORING, "--output=name")
