"""The record of a cluster's migration."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.migration.record import (
    Change,
    Record,
    config_map,
    merge,
    merge_rollback,
    read,
    read_change,
    read_rollback,
    record_name,
    secret,
)

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
QUERY = "apps/v1/Deployment/monitoring/thanos-query"
RECORD = Record(
    "cluster-03", "receiver", "2026-01-01T12:00:00Z", {"receiver": {"canary": 2}}, {"thanos-query": [QUERY]}
)


def config_map_with(text: str | None) -> dict[str, Any]:
    return {"metadata": {"name": "x"}, "data": {} if text is None else {"record.json": text}}


def changed(record: Record = RECORD, *, later: int = 0, **change: Any) -> Record:
    options = (change.get(option) for option in ("phase", "evidence", "objects", "objects_added"))
    wanted = read_change(*options, back=change.get("back", False))
    return merge(record, wanted, NOW + timedelta(hours=later))


# Reading.


def test_what_was_written_is_read_again() -> None:
    item = config_map(None, "miribit-thanos-record-cluster-03", RECORD)
    reading = read(item, "cluster-03", "it")
    assert (reading.record, reading.found, reading.problem) == (RECORD, True, None)
    assert reading.text == item["data"]["record.json"] == RECORD.as_text()


def test_the_text_is_sorted_and_indented_json_that_ends_in_a_new_line() -> None:
    assert Record("cluster-03").as_text() == (
        '{\n  "cluster": "cluster-03",\n  "evidence": {},\n  "objects": {},\n  "phase": "",\n  "since": "",\n'
        '  "version": 1\n}\n'
    )


def test_a_lost_record_reads_as_an_empty_one() -> None:
    reading = read(None, "cluster-03", "it")
    assert (reading.record, reading.found, reading.problem) == (Record("cluster-03"), False, None)


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        (None, "it has no record.json"),
        ("", "it has no record.json"),
        ("{", "its record.json is no JSON"),
        ("[" * 100_000, "its record.json is no JSON"),
        ("[]", "it is a list, not a mapping"),
        ("{}", "it has no version that is known; it is about cluster ''"),
        ('{"version": "1", "cluster": "cluster-03"}', "it has no version that is known"),
        ('{"version": 2, "phases": []}', "it is of version 2, and this release of miribit.thanos knows no later one"),
        ('{"version": 1, "cluster": "cluster-02"}', "it is about cluster 'cluster-02'"),
        ('{"version": 1, "cluster": "cluster-03", "phase": 3}', "phase is a whole number, not a text"),
        ('{"version": 1, "cluster": "cluster-03", "evidence": []}', "it is a list, not a mapping"),
        ('{"version": 1, "cluster": "cluster-03", "objects": {"a": ["b"]}}', "'b' names no object"),
        ('{"version": 1, "cluster": "cluster-03", "objects": {"a": "b"}}', "a is a text, not a list"),
        ('{"version": 1, "cluster": "cluster-03", "extra": 1}', "there is no key 'extra'"),
    ],
)
def test_of_a_broken_record_nothing_is_believed(text: str | None, cause: str) -> None:
    reading = read(config_map_with(text), "cluster-03", "ConfigMap a/b")
    assert (reading.record, reading.found) == (Record("cluster-03"), True)
    assert reading.problem
    assert str(reading.problem).startswith(f"ConfigMap a/b: {cause}")


def test_a_config_map_without_data_is_a_broken_record() -> None:
    assert read({"metadata": {}}, "cluster-03", "it").problem


# Changing.


def test_a_phase_begins_when_it_is_another_one() -> None:
    assert changed(phase="receiver", later=1) == RECORD
    moved = changed(phase="remote_write", later=1)
    assert (moved.phase, moved.since) == ("remote_write", "2026-01-01T13:00:00Z")
    assert moved.evidence == RECORD.evidence


PHASES = ["phase1", "phase2", "phase3", "phase4"]


@pytest.mark.parametrize(("reached", "again"), [(b, a) for n, b in enumerate(PHASES) for a in PHASES[:n]])
def test_a_phase_that_has_passed_leads_back_only_if_that_is_meant(reached: str, again: str) -> None:
    """Phase 1 run again for an edge in phase 2 proves something anew."""
    there = Record("cluster-03", reached, "2026-01-01T12:00:00Z", {again: {"old": 1}, reached: {"b": 1}})
    seen = changed(there, phase=again, evidence={"new": 1}, later=1)
    assert (seen.phase, seen.since) == (reached, there.since)
    assert seen.evidence == {again: {"new": 1}, reached: {"b": 1}}
    gone_back = changed(there, phase=again, back=True, later=1)
    assert (gone_back.phase, gone_back.since) == (again, "2026-01-01T13:00:00Z")
    assert gone_back.evidence == there.evidence


@pytest.mark.parametrize(("reached", "following"), [("", "phase1"), *pairwise(PHASES)])
@pytest.mark.parametrize("back", [False, True])
def test_the_following_phase_is_entered(reached: str, following: str, back: bool) -> None:
    assert changed(Record("cluster-03", reached), phase=following, back=back).phase == following


def test_going_back_to_the_phase_that_it_is_in_changes_nothing() -> None:
    there = Record("cluster-03", "phase1", "2026-01-01T12:00:00Z")
    assert changed(there, phase="phase1", back=True, later=1) == there


@pytest.mark.parametrize(("reached", "wanted"), [("phase2", "mine"), ("mine", "phase1"), ("b", "a")])
def test_of_phases_of_others_no_order_is_known(reached: str, wanted: str) -> None:
    assert changed(Record("cluster-03", reached), phase=wanted).phase == wanted


def test_evidence_takes_the_place_of_that_of_its_phase() -> None:
    assert changed(evidence={"b": 1}).evidence == {"receiver": {"b": 1}}
    assert changed(evidence={"b": 1}, phase="remote_write").evidence == {
        "receiver": {"canary": 2},
        "remote_write": {"b": 1},
    }


def test_evidence_without_a_phase_is_refused() -> None:
    with pytest.raises(ProblemError) as raised:
        changed(Record("cluster-03"), evidence={"a": 1})
    assert str(raised.value).startswith("Option evidence: the record is in no phase yet")


def test_objects_take_the_place_of_those_of_their_component() -> None:
    others = ["v1/Service/monitoring/b", "v1/Namespace//a", "v1/Namespace//a"]
    assert changed(objects={"other": others}).objects == {
        "thanos-query": [QUERY],
        "other": ["v1/Namespace//a", "v1/Service/monitoring/b"],
    }
    assert changed(objects={"thanos-query": []}).objects == {}


def test_a_change_of_nothing_changes_nothing() -> None:
    assert changed(later=5) == RECORD
    assert merge(RECORD, Change(), NOW) == RECORD


def test_every_mistake_in_a_change_is_told() -> None:
    with pytest.raises(ProblemError) as raised:
        read_change("", [], {"a": "b", "c": ["Deployment thanos-query"]})
    assert [f"{problem.subject}: {problem.cause}" for problem in raised.value.problems] == [
        "Option evidence: it is a list, not a mapping",
        "Option objects: a is a text, not a list",
        "Option objects: 'Deployment thanos-query' names no object",
        "Option phase: it is empty",
    ]


@pytest.mark.parametrize("cluster", ["", "admin@prod", "Cluster-01", "a_b", "a/b", "a" * 250, "-a-"])
def test_a_cluster_that_no_object_can_be_named_after_is_refused(cluster: str) -> None:
    with pytest.raises(ProblemError) as raised:
        record_name(cluster)
    assert str(raised.value).startswith(f"Option cluster: {cluster!r} cannot be the end of an object's name")


def test_the_objects_of_a_record_have_our_labels_and_keep_those_of_others() -> None:
    before = {"metadata": {"name": "x", "labels": {"team": "a"}, "resourceVersion": "7"}, "data": {"other": "b"}}
    after = config_map(before, "x", RECORD)
    assert after["metadata"]["labels"] == {
        "team": "a",
        "app.kubernetes.io/managed-by": "miribit.thanos",
        "app.kubernetes.io/part-of": "thanos",
        "app.kubernetes.io/component": "migration",
    }
    assert after["metadata"]["resourceVersion"] == "7"
    assert after["data"]["other"] == "b"
    assert before["metadata"]["labels"] == {"team": "a"}


# The way back.

VALUES = {"a": "password: x\n", "b": {"c": [1, None, True]}, "d": "1", "e": 1, "f": "", "g": "ü"}


def test_the_way_back_comes_back_as_it_was() -> None:
    item = secret(None, "x", merge_rollback(None, VALUES))
    assert (item["type"], item["kind"]) == ("Opaque", "Secret")
    assert read_rollback(item, "it") == (VALUES, [])


def test_the_way_back_is_merged_key_by_key() -> None:
    item = secret(None, "x", merge_rollback(None, VALUES))
    merged, _problems = read_rollback(secret(item, "x", merge_rollback(item, {"a": None, "d": "2", "h": 0})), "it")
    assert merged == {**{key: value for key, value in VALUES.items() if key != "a"}, "d": "2", "h": 0}


def test_the_same_way_back_is_no_change() -> None:
    data = merge_rollback(None, VALUES)
    assert merge_rollback({"data": data}, {"b": json.loads(json.dumps(VALUES["b"]))}) == data


@pytest.mark.parametrize("broken", ["?", "eA", base64.b64encode(b"{").decode(), base64.b64encode(b"\xff").decode()])
def test_what_cannot_be_read_is_named_without_its_value_and_stays(broken: str) -> None:
    item = {"data": {"a": broken, **merge_rollback(None, {"b": 1})}}
    found, (problem,) = read_rollback(item, "Secret a/b")
    assert found == {"b": 1}
    assert str(problem).startswith("Secret a/b: its key a cannot be read. Fix: ")
    assert merge_rollback(item, {"b": 2})["a"] == broken


def test_keys_that_a_secret_cannot_have_are_refused_together() -> None:
    with pytest.raises(ProblemError) as raised:
        merge_rollback(None, {"a/b": "secret-value", "..": 1, "": 2, "c.d_e-F": 3})
    assert str(raised.value).startswith("Option rollback: '', '..', 'a/b' cannot be keys of a Secret")
    assert "secret-value" not in str(raised.value)


def test_objects_that_are_about_to_be_made_are_added_to_those_that_are_there() -> None:
    service = "v1/Service/monitoring/thanos-query"
    grown = changed(objects_added={"thanos-query": [service, QUERY], "other": [service]})
    assert grown.objects == {"thanos-query": sorted([QUERY, service]), "other": [service]}
    assert changed(objects_added={"thanos-query": [QUERY]}) == RECORD
