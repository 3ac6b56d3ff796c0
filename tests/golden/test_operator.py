"""In which order the form operator does what, from the tasks themselves. The edge is a stand-in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from agent_play import Case, Runs, done, running

LABELS = {"cluster": "cluster-02"}
PROVING = {"cluster": "cluster-02-proving"}
OURS = {"app.kubernetes.io/managed-by": "miribit.thanos"}
OLD = {"kind": "StatefulSet", "namespace": "monitoring", "name": "prometheus-agent", "replicas": 1}
LEFT = {"name": "thanos-agent", "old": [OLD]}


def resource(labels: dict[str, str]) -> dict[str, Any]:
    return {"metadata": {"name": "thanos-agent", "labels": OURS}, "spec": {"replicas": 1, "externalLabels": labels}}


HANDED_OVER = {"replicas": 0, "resource": resource(LABELS), "rollback": {"agent_operator": LEFT}}
CASES: dict[str, Case] = {
    "never-delivered": ("main", {}, ()),
    "delivers": ("main", {"delivers": True}, ()),
    "ended-in-between": ("main", {**HANDED_OVER, "resource": resource(PROVING)}, ()),
    "handed-over": ("main", {**HANDED_OVER, "phase": "phase2"}, ()),
    "misses": ("main", {"targets": ["10.0.0.1:9100"]}, ()),
    "collides": ("main", {"checks": [{"name": "identity", "ok": False, "observed": "3 series up"}]}, ()),
    "operator-sleeps": ("main", {"operator_sleeps": True}, ()),
    "check": ("main", {"delivers": True}, ("--check",)),
    "back": ("rollback", HANDED_OVER, ()),
    "back-with-volume": ("rollback", {**HANDED_OVER, "delete_volumes": True}, ()),
    "nothing-to-go-back-to": ("rollback", {}, ()),
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    with running(CASES, tmp_path_factory.mktemp("operator")) as started:
        yield started


def test_beside_an_agent_that_never_delivered_it_starts_as_itself(run: Runs) -> None:
    assert done(run("never-delivered")).steps == [
        "record phase",
        "apply cluster-02",
        "delivers new cluster-02",
        "record rollback",
        "before_restart old",
        "scale old to 0",
        "record phase",
    ]


def test_beside_one_that_delivers_it_starts_as_another_cluster_and_takes_over_last(run: Runs) -> None:
    assert done(run("delivers")).steps == [
        "record phase",
        "apply cluster-02-proving",
        "delivers new cluster-02-proving",
        "record rollback",
        "before_restart old",
        "scale old to 0",
        "delivers new cluster-02-proving",
        "before_restart new",
        "apply cluster-02",
        "delivers new cluster-02",
        "record phase",
    ]


def test_between_leaving_and_taking_over_queries_forget_the_old_samples(run: Runs) -> None:
    gates = [gate for gate in run("delivers").of("migration_gate") if gate["gate"] == "delivers"]
    assert [gate["hold"] for gate in gates] == [30, 300, 30]
    assert gates[1]["timeout"] == 600 + 300


def test_a_run_that_was_ended_in_between_goes_on_where_it_was(run: Runs) -> None:
    steps = done(run("ended-in-between")).steps
    assert "scale old to 0" not in steps
    assert steps[-5:] == [
        "delivers new cluster-02-proving",
        "before_restart new",
        "apply cluster-02",
        "delivers new cluster-02",
        "record phase",
    ]


def test_where_it_was_handed_over_before_nobody_leaves_and_nothing_new_is_recorded(run: Runs) -> None:
    steps = done(run("handed-over")).steps
    assert not [step for step in steps if step.startswith("scale")]
    assert steps[-1] == "delivers new cluster-02"


def test_the_old_agent_is_scaled_without_our_labels_and_as_another_field_manager(run: Runs) -> None:
    [scaled] = [call for call in run("never-delivered").of("apply_objects") if call.get("adopt")]
    assert scaled["objects"] == [
        {
            "apiVersion": "apps/v1",
            "kind": "StatefulSet",
            "metadata": {"name": "prometheus-agent", "namespace": "monitoring"},
            "spec": {"replicas": 0},
        }
    ]
    assert scaled["field_manager"] == "miribit.thanos.replicas"


def test_every_change_needs_the_lock(run: Runs) -> None:
    for name in ("delivers", "back-with-volume"):
        assert all(call["lock"] for call in run(name).of("apply_objects", "migration_gate", "rollout"))


@pytest.mark.parametrize("case", ["delivers", "back-with-volume"])
def test_each_call_names_the_cluster_that_it_is_for(run: Runs, case: str) -> None:
    """Those of the record the central one, and none the kubeconfig of the other."""
    for call in run(case).calls:
        central = call["module"] == "migration_record"
        wanted = (None, "cluster-01") if central else ("/of/the/edge", "cluster-02")
        assert (call["arguments"].get("kubeconfig"), call["arguments"].get("context")) == wanted, call


@pytest.mark.parametrize(
    ("case", "why"),
    [
        ("misses", "job a: 1 target, such as 10.0.0.2:8080/metrics"),
        ("collides", "queries count twice"),
    ],
)
def test_nobody_leaves_before_it_is_proven(run: Runs, case: str, why: str) -> None:
    found = run(case)
    assert not found.succeeded
    assert "scale old to 0" not in found.steps
    assert why in found.output
    assert "Nothing was taken away" in found.output


def test_an_operator_that_makes_nothing_is_told(run: Runs) -> None:
    found = run("operator-sleeps")
    assert not found.succeeded
    assert "made no StatefulSet prom-agent-thanos-agent" in found.output


def test_check_mode_shows_what_would_be_applied_and_who_would_leave(run: Runs) -> None:
    found = done(run("check"))
    assert not any(call["written"] for call in found.calls)
    changes = [step for step in found.steps if step.startswith(("apply", "scale"))]
    assert changes == ["apply cluster-02-proving", "scale old to 0"]


def test_on_the_way_back_the_new_agent_goes_first(run: Runs) -> None:
    assert done(run("back")).written == [
        "before_restart new",
        "delete PrometheusAgent",
        "scale old to 1",
        "record rollback",
    ]


def test_its_volume_goes_only_when_that_is_asked_for(run: Runs) -> None:
    claims = [item for call in run("back-with-volume").of("apply_objects") for item in call["objects"]]
    assert [item["metadata"]["name"] for item in claims if item["kind"] == "PersistentVolumeClaim"] == [
        "prom-agent-thanos-agent-db-prom-agent-thanos-agent-0"
    ]
    assert "delete PersistentVolumeClaim" not in run("back").steps


def test_where_nothing_was_handed_over_nothing_goes_back(run: Runs) -> None:
    assert done(run("nothing-to-go-back-to")).written == []
