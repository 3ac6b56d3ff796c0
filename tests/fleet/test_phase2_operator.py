"""Phase 2 in the form operator: a PrometheusAgent takes the place of the agent that runs, and gives it back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from inside import kubectl, lab
from play import PHASE1, PHASE2, ROLLBACK, nothing_changes, recorded, succeed, unchanged
from watch import counted_once, up

Inventory = Callable[..., Path]

pytestmark = pytest.mark.long

EDGE = "cluster-04"
LIMIT = f"--limit={EDGE}"
MADE = "thanos-agent"
KINDS = "statefulsets,deployments,prometheusagents,configmaps,serviceaccounts,clusterroles,clusterrolebindings"


def agents() -> dict[str, int]:
    """The agents of the edge that run or could, and how many pods each is to have."""
    text = kubectl(EDGE, "get", "statefulsets,prometheusagents", "--namespace=monitoring", "--output=json")
    return {
        f"{item['kind']} {item['metadata']['name']}": item["spec"].get("replicas", 1)
        for item in json.loads(text)["items"]
        if "agent" in item["metadata"]["name"]
    }


def specs() -> dict[str, Any]:
    """What somebody wants of the edge's monitoring."""
    items = json.loads(kubectl(EDGE, "get", KINDS, "--namespace=monitoring", "--output=json"))["items"]
    return {
        f"{item['kind']} {item['metadata']['name']}": item.get("spec") or item.get("data")
        for item in items
        if "record" not in item["metadata"]["name"]
    }


@pytest.mark.parametrize("variant", ["by-hand", "operator-agent"])
def test_a_prometheus_agent_takes_over_and_gives_back(variant: str, inventory: Inventory) -> None:
    lab("reset", "audited", *(() if variant == "by-hand" else ("--variant", variant)))
    succeed(PHASE1)
    before, running = specs(), agents()
    operated = inventory(cluster_04={"prometheus_agent_form": "operator"})
    with nothing_changes():
        played = succeed(PHASE2, LIMIT, "--check", "--diff", inventory=operated)
    assert played.changed[EDGE] > 0

    with counted_once():
        succeed(PHASE2, LIMIT, inventory=operated)
    # At least what the agent by hand has.
    assert up()[EDGE] >= 4
    assert recorded(EDGE)["phase"] == "phase2"
    # The old one is kept, without pods.
    assert [agents()[name] for name in running] == [0] * len(running)
    assert agents()[f"PrometheusAgent {MADE}"] == 1
    with nothing_changes():
        unchanged(succeed(PHASE2, LIMIT, inventory=operated))

    succeed(ROLLBACK, "--extra-vars=to=phase1", LIMIT, inventory=operated)
    assert recorded(EDGE)["phase"] == "phase1"
    assert specs() == before
    assert agents() == running
