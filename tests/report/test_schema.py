"""docs/audit-report.schema.json: what it says of a report is so."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import audit_facts
import jsonschema
import pytest
from audit_play import CHECKOUT, Played, Report

from ansible_collections.miribit.thanos.plugins.module_utils.report.report import report as real_report

SCHEMA = json.loads((CHECKOUT / "docs/audit-report.schema.json").read_text())

PRICES = {"memory_gib_month": 4, "storage_gib_month": 0.1}
FLEETS: dict[str, list[dict[str, Any]]] = {
    "audited": [audit_facts.centre(), audit_facts.edge()],
    "migrated": [audit_facts.migrated_centre(), audit_facts.migrated_edge()],
    "probed, and with a claim": [
        audit_facts.migrated_centre(),
        audit_facts.migrated_edge(
            probed=True,
            claims=[audit_facts.volume("old", audit_facts.GIB, why="no pod mounts it")],
            components=[
                audit_facts.changed(
                    audit_facts.good_agent("cluster-02"),
                    "prometheus.remote_write",
                    [
                        audit_facts.write(
                            reachable={"resolves": None, "connects": False, "answer": None, "error": "refused"}
                        )
                    ],
                )
            ],
        ),
    ],
    "not seen": [],
    "nearly not seen": [
        {"cluster": "cluster-02", "uid": "1", "unseen": [{"subject": "all", "cause": "no", "fix": "do"}]}
    ],
}


def validate(report: Report) -> None:
    jsonschema.Draft202012Validator(SCHEMA).validate(report)


def objects(schema: Any) -> Iterator[dict[str, Any]]:
    """Every part of the schema that has properties."""
    if isinstance(schema, dict):
        if "properties" in schema:
            yield schema
        for part in schema.values():
            yield from objects(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from objects(part)


def closed(schema: Any) -> Any:
    """The schema, but with no other fields than it tells of."""
    whole = copy.deepcopy(schema)
    for part in list(objects(whole)):
        part["additionalProperties"] = False
    return whole


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_every_field_is_required_and_explained() -> None:
    for part in objects(SCHEMA):
        assert sorted(part["required"]) == sorted(part["properties"])
        for name, field in part["properties"].items():
            explained = "description" in field or name in {"format", "role", "severity", "version"}
            assert explained or "items" in field, name


def test_the_sample_is_a_report(sample: Report) -> None:
    validate(sample)


@pytest.mark.parametrize("fleet", FLEETS)
@pytest.mark.parametrize("prices", [{}, PRICES], ids=["no prices", "prices"])
def test_what_the_audit_makes_is_a_report_and_has_no_field_that_is_not_told(fleet: str, prices: dict[str, Any]) -> None:
    settings = {**audit_facts.SETTINGS, "clusters": ["cluster-01", "cluster-02"], **prices}
    made = json.loads(json.dumps(real_report(FLEETS[fleet], settings)))
    jsonschema.Draft202012Validator(closed(SCHEMA)).validate(made)


def test_the_sample_has_what_can_be_in_a_report(sample: Report) -> None:
    """Else a template that breaks on it would not be found by it."""
    jsonschema.Draft202012Validator(closed(SCHEMA)).validate(sample)
    assert {finding["severity"] for finding in sample["findings"]} == set(SCHEMA["$defs"]["severity"]["enum"])
    assert {cluster["delivers"] for cluster in sample["clusters"]} == {True, False, None}
    assert {cluster["seen"] for cluster in sample["clusters"]} == {True, False}
    assert {edge["state"] for edge in sample["picture"]["edges"]} == {"ok", "broken", "remote", None}


@pytest.mark.parametrize(
    "path", ["totals.findings.critical", "clusters.0.name", "findings.0.evidence", "picture.nodes"]
)
def test_a_report_without_a_field_is_refused(sample: Report, path: str) -> None:
    report = copy.deepcopy(sample)
    *above, last = path.split(".")
    part: Any = report
    for key in above:
        part = part[int(key)] if key.isdigit() else part[key]
    del part[last]
    with pytest.raises(jsonschema.ValidationError, match=f"'{last}' is a required property"):
        validate(report)


def test_what_is_written_is_a_report(played: Played) -> None:
    validate(json.loads(played.text("json")))
