"""What the preflights of all clusters mean for a run."""

from __future__ import annotations

from typing import Any

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem
from ansible_collections.miribit.thanos.plugins.module_utils.fleet.preflight import Preflight, preflight

EDGES = ("cluster-02", "cluster-03", "cluster-04")
AWAY = Problem("API server 192.0.2.3:6443 of context cluster-03", "it cannot be reached", "check that it runs")
MISSING = Problem("StorageClass longhorn in cluster-01", "it does not exist", "create it")


def result(*problems: Problem, away: bool = False, warnings: tuple[Problem, ...] = ()) -> dict[str, Any]:
    return {
        "problems": [problem.as_dict() for problem in problems],
        "warnings_found": [warning.as_dict() for warning in warnings],
        "away": away,
    }


def judged(skip_away: bool = False, **changed: dict[str, Any]) -> Preflight:
    found = {name: result() for name in ("cluster-01", *EDGES)}
    found |= {name.replace("_", "-"): one for name, one in changed.items()}
    return preflight(found, EDGES, skip_away=skip_away)


def test_a_fleet_without_a_problem_goes_on() -> None:
    assert judged() == Preflight("", (), {})


def test_an_edge_that_is_away_stops_all_and_the_way_on_without_it_is_told() -> None:
    found = judged(cluster_03=result(AWAY, away=True))
    way_out = "Nothing was changed. To go on without this edge: --limit 'all:!cluster-03'"
    assert found == Preflight(f"{AWAY}\n\n{way_out}", (), {})


def test_an_edge_that_is_away_can_be_left_out() -> None:
    found = judged(skip_away=True, cluster_03=result(AWAY, away=True))
    assert found == Preflight("", (), {"cluster-03": str(AWAY)})


def test_only_what_is_away_is_left_out() -> None:
    found = judged(skip_away=True, cluster_02=result(AWAY), cluster_03=result(AWAY, away=True))
    assert found.message.startswith(str(AWAY))
    assert found.message.endswith("--limit 'all:!cluster-02'")
    assert [*found.left_out] == ["cluster-03"]


def test_the_central_cluster_is_never_left_out() -> None:
    found = judged(skip_away=True, cluster_01=result(AWAY, away=True))
    assert found == Preflight(str(AWAY), (), {})


def test_where_every_edge_has_a_problem_there_is_no_way_on_without_them() -> None:
    assert judged(**{name.replace("-", "_"): result(MISSING) for name in EDGES}).message == str(MISSING)


def test_what_several_clusters_tell_is_said_once() -> None:
    found = judged(cluster_01=result(MISSING, warnings=(AWAY,)), cluster_02=result(MISSING, warnings=(AWAY,)))
    assert found == Preflight(str(MISSING), (AWAY,), {})
