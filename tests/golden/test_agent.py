"""In which order the form configmap does what, from the tasks themselves. The edge is a stand-in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from agent_play import Case, Runs, done, running

OURS = {"prometheus-agent": ["apps/v1/StatefulSet/monitoring/prometheus-agent"]}
CASES: dict[str, Case] = {
    "missing": ("main", {"form": "configmap", "agent": "missing"}, ()),
    "deployed": ("main", {"form": "configmap", "agent": "deployed"}, ()),
    "out-of-sync": ("main", {"form": "configmap", "agent": "out_of_sync", "phase": "phase2"}, ()),
    "in-sync": ("main", {"form": "configmap", "agent": "in_sync", "phase": "phase2"}, ()),
    "operator-managed": ("main", {"form": "configmap", "agent": "operator_managed"}, ()),
    "check": ("main", {"form": "configmap", "agent": "out_of_sync"}, ("--check",)),
    "back": ("rollback", {"form": "configmap", "previous": "out_of_sync", "phase": "phase2"}, ()),
    "back-deployed": ("rollback", {"form": "configmap", "agent": "deployed", "recorded": OURS}, ()),
    "nothing-to-go-back-to": ("rollback", {"form": "configmap"}, ()),
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    with running(CASES, tmp_path_factory.mktemp("agent")) as started:
        yield started


def test_where_there_is_no_agent_one_is_deployed_and_proven(run: Runs) -> None:
    assert done(run("missing")).written == [
        "record phase",
        "deploy prometheus-agent",
        "delivers old cluster-02",
        "record phase",
    ]


def test_an_agent_of_this_collection_sends_its_backlog_before_it_restarts(run: Runs) -> None:
    assert done(run("deployed")).written == [
        "record phase",
        "before_restart old",
        "deploy prometheus-agent",
        "delivers old cluster-02",
        "record phase",
    ]


def test_an_agent_that_was_found_is_changed_in_place(run: Runs) -> None:
    assert done(run("out-of-sync")).written == [
        "record phase",
        "before_restart old",
        "present agent",
        "delivers old cluster-02",
        "record phase",
    ]


def test_before_an_agent_is_changed_promtool_checks_its_configuration(run: Runs) -> None:
    states = [call["state"] for call in run("out-of-sync").of("agent_change")]
    assert states == ["checked", "present"]


def test_an_agent_that_needs_no_change_is_only_proven(run: Runs) -> None:
    assert done(run("in-sync")).written == ["delivers old cluster-02"]


def test_an_agent_of_an_operator_is_left_alone(run: Runs) -> None:
    found = run("operator-managed")
    assert not found.succeeded
    assert "set prometheus_agent_form to operator" in " ".join(found.output.split())
    assert found.written == []


def test_check_mode_writes_nothing(run: Runs) -> None:
    assert done(run("check")).written == []


def test_the_previous_agent_is_restored_once_the_backlog_is_sent(run: Runs) -> None:
    assert done(run("back")).written == [
        "before_restart old",
        "previous agent",
        "record rollback",
        "record phase",
    ]


def test_an_agent_of_this_collection_sends_its_backlog_before_it_is_removed(run: Runs) -> None:
    assert done(run("back-deployed")).written == ["before_restart old"]
    assert [call["component"] for call in run("back-deployed").of("apply_objects")] == ["prometheus-agent"]


def test_where_nothing_was_changed_nothing_goes_back(run: Runs) -> None:
    assert done(run("nothing-to-go-back-to")).written == []


@pytest.mark.parametrize("case", ["missing", "out-of-sync", "back"])
def test_each_call_names_the_cluster_that_it_is_for(run: Runs, case: str) -> None:
    """Those of the record the central one, and none the kubeconfig of the other."""
    for call in run(case).calls:
        central = call["module"] == "migration_record"
        wanted = (None, "cluster-01") if central else ("/of/the/edge", "cluster-02")
        assert (call["arguments"].get("kubeconfig"), call["arguments"].get("context")) == wanted, call
