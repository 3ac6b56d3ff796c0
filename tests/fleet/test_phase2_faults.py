"""Phase 2 while things break: what is wrong is said, a plain rerun goes on, and nothing that was taken is lost."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import sequence
from inside import eventually, kubectl, lab
from play import PHASE2, ROLLBACK, ended, killed_after, recorded, started, succeed, unchanged

from lab.paths import STATE

pytestmark = pytest.mark.long

Inventory = Callable[..., Path]

MONITORING = "--namespace=monitoring"
SUPERVISORCTL = ("exec", "python", "-m", "supervisor.supervisorctl", "-c", STATE / "supervisord.conf")
ROUTERS = "deployment/thanos-receiver-router"


@pytest.fixture
def counting(receiver: None, inventory: Inventory) -> Path:
    """Every agent before phase 2, with one thing more to scrape in cluster-03: what counts its scrapes."""
    sequence.start("cluster-03")
    changed = inventory(**{"cluster-03": {"prometheus_agent_extra_scrape_configs": [sequence.job("cluster-03")]}})
    succeed(ROLLBACK, "--extra-vars=to=phase1", "--limit=cluster-03,cluster-04", inventory=changed)
    return changed


def delivers(edge: str) -> bool:
    return recorded(edge)["phase"] == "phase2"


def nothing_is_missing(first: int, seconds: float = 120) -> None:
    """From this number on, all have arrived that there are by now."""
    last = max(sequence.stored("cluster-03"))

    def missing() -> list[int]:
        there = set(sequence.stored("cluster-03"))
        return [number for number in range(first, last + 1) if number not in there]

    assert last > first
    assert eventually(lambda: not missing(), seconds), missing()
    print(f"{last - first + 1} samples, {first} to {last}: all there")


def test_a_receiver_that_goes_between_two_edges_stops_the_run_and_costs_nothing(counting: Path) -> None:
    with started(PHASE2, "--limit=cluster-03,cluster-04", inventory=counting) as process:
        assert eventually(lambda: delivers("cluster-03"), 400)
        first = max(sequence.stored("cluster-03"))
        kubectl("cluster-01", "scale", ROUTERS, MONITORING, "--replicas=0")
        played = ended(process)
    assert played.returncode != 0
    assert "cluster-04" in played.said
    assert "Fix: " in played.said
    assert not delivers("cluster-04")
    time.sleep(30)
    kubectl("cluster-01", "scale", ROUTERS, MONITORING, "--replicas=2")
    kubectl("cluster-01", "rollout", "status", ROUTERS, MONITORING, "--timeout=180s")
    succeed(PHASE2, "--limit=cluster-03,cluster-04", inventory=counting)
    unchanged(succeed(PHASE2, "--limit=cluster-03,cluster-04", inventory=counting))
    nothing_is_missing(first)


def test_an_edge_whose_api_server_is_gone_is_named_and_the_others_keep_what_they_have(counting: Path) -> None:
    with started(PHASE2, "--limit=cluster-03,cluster-04", inventory=counting) as process:
        assert eventually(lambda: delivers("cluster-03"), 400)
        first = max(sequence.stored("cluster-03"))
        lab(*SUPERVISORCTL, "stop", "cluster-04-apiserver")
        try:
            played = ended(process)
        finally:
            lab(*SUPERVISORCTL, "start", "cluster-04-apiserver")
    assert played.returncode != 0
    assert "API server" in played.said
    assert "cluster-04" in played.said
    assert "Fix: " in played.said
    lab("up")
    succeed(PHASE2, "--limit=cluster-03,cluster-04", inventory=counting)
    unchanged(succeed(PHASE2, "--limit=cluster-03,cluster-04", inventory=counting))
    nothing_is_missing(first)


def test_a_run_that_is_killed_is_finished_by_the_next_one(counting: Path) -> None:
    seed = random.SystemRandom().randrange(10_000)
    print(f"seed {seed}")
    chance = random.Random(seed)
    for _round in range(5):
        succeed(ROLLBACK, "--extra-vars=to=phase1", "--limit=cluster-03", inventory=counting)
        before = max(sequence.stored("cluster-03"), default=0)
        delay = chance.uniform(5, 90)
        killed_after(delay, PHASE2, "--limit=cluster-03", inventory=counting)
        print(f"killed after {delay:.1f} s, in {recorded('cluster-03')['phase']}")
        succeed(PHASE2, "--limit=cluster-03", inventory=counting)
        unchanged(succeed(PHASE2, "--limit=cluster-03", inventory=counting))
        # Whenever it was killed: what came first since the agent was repaired is followed by all the rest.
        nothing_is_missing(min(number for number in sequence.stored("cluster-03") if number > before))
