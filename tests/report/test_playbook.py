"""What the playbook audit.yml does: whom it looks at, what it writes, and what it shows."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import audit_facts
import pytest
import yaml
from audit_play import CLUSTERS, Played, Report, Stage, bare


def clusters(report: Report) -> dict[str, Report]:
    return {cluster["name"]: cluster for cluster in report["clusters"]}


@pytest.fixture(scope="session")
def troubled(stage: Stage) -> Played:
    """A fleet with a cluster on which the module fails, one that is another than it should be, and prices."""
    facts = {
        "cluster-01": audit_facts.centre(),
        "cluster-02": audit_facts.edge(),
        "cluster-03": audit_facts.migrated_edge("cluster-03", uid="uid-of-another"),
    }
    # Prices as texts, as they are when they are given like this.
    prices = ("fleet_audit_memory_gib_month=4", "fleet_audit_storage_gib_month=0.1", "fleet_audit_currency=EUR")
    pinned = json.dumps({"fleet_cluster_uid": "uid-of-{{ inventory_hostname }}"})
    return stage.audit(facts, *(f"--extra-vars={each}" for each in (*prices, pinned)))


@pytest.fixture(scope="session")
def limited(stage: Stage) -> Played:
    facts = {"cluster-01": audit_facts.migrated_centre(), "cluster-03": audit_facts.migrated_edge("cluster-03")}
    return stage.audit(facts, "--limit=cluster-03")


# Whom it looks at.


def test_each_cluster_is_looked_at_with_the_access_of_the_inventory(played: Played) -> None:
    asked = {"namespace": "monitoring", "probe": False}
    assert played.asked == {name: {"cluster": name, "context": name, **asked} for name in CLUSTERS}


@pytest.mark.parametrize("name", ["audit_probe", "fleet_audit_probe"])
def test_only_edges_are_probed_and_only_if_that_is_asked_for(stage: Stage, sample: Report, name: str) -> None:
    done = stage.show(bare(sample), f"--extra-vars={name}=true")
    assert done.code == 0, done.output
    assert {cluster: asked["probe"] for cluster, asked in done.asked.items()} == {
        "cluster-01": False,
        "cluster-02": True,
        "cluster-03": True,
        "cluster-04": True,
    }


def test_a_cluster_that_cannot_be_looked_at_does_not_stop_the_others(troubled: Played) -> None:
    assert troubled.code == 0, troubled.output
    report = json.loads(troubled.text("json"))
    assert {name: cluster["seen"] for name, cluster in clusters(report).items()} == {
        "cluster-01": True,
        "cluster-02": True,
        "cluster-03": False,
        "cluster-04": False,
    }
    (unseen,) = [each for each in report["unseen"] if each["cluster"] == "cluster-04"]
    assert unseen["cause"].startswith("it has fallen over")


def test_what_was_seen_of_another_cluster_than_the_pinned_one_is_not_used(troubled: Played) -> None:
    report = json.loads(troubled.text("json"))
    (unseen,) = [each for each in report["unseen"] if each["cluster"] == "cluster-03"]
    assert unseen["cause"] == (
        "its namespace kube-system has the UID uid-of-another, not uid-of-cluster-03 (fleet_cluster_uid), "
        "so it is another cluster"
    )
    assert clusters(report)["cluster-03"]["components"] == []


def test_with_a_limit_the_central_cluster_is_looked_at_all_the_same(limited: Played) -> None:
    assert limited.code == 0, limited.output
    assert limited.asked["cluster-01"]["context"] == "cluster-01"
    report = json.loads(limited.text("json"))
    assert {name: cluster["seen"] for name, cluster in clusters(report).items()} == {
        "cluster-01": True,
        "cluster-03": True,
    }
    assert report["findings"] == []


def test_with_a_limit_a_central_cluster_that_cannot_be_looked_at_does_not_stop_the_report(stage: Stage) -> None:
    done = stage.audit({"cluster-03": audit_facts.migrated_edge("cluster-03")}, "--limit=cluster-03")
    assert done.code == 0, done.output
    assert not clusters(json.loads(done.text("json")))["cluster-01"]["seen"]


# What it makes the report from.


def test_the_report_is_made_once_and_from_all_clusters(played: Played) -> None:
    (given,) = played.given
    assert [facts["cluster"] for facts in given["facts"]] == list(CLUSTERS)
    created = given["settings"]["created"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", created)
    assert given["settings"] == {
        "created": created,
        "central": "cluster-01",
        "clusters": list(CLUSTERS),
        "labels": {name: name for name in CLUSTERS},
        "collection": "0.1.0",
        "currency": "USD",
        "memory_gib_month": None,
        "storage_gib_month": None,
    }


def test_prices_are_those_of_the_inventory(troubled: Played) -> None:
    assert json.loads(troubled.text("json"))["settings"] == {
        "central": "cluster-01",
        "currency": "EUR",
        "memory_gib_month": 4,
        "storage_gib_month": 0.1,
    }


def test_a_misspelt_variable_is_refused_with_the_right_name(stage: Stage) -> None:
    done = stage.audit({}, "--extra-vars=fleet_audit_curency=EUR")
    assert done.code != 0
    assert "fleet_audit_curency: unknown variable. Fix: write fleet_audit_currency." in done.output
    assert not done.reports.exists()


# What it writes.


def test_the_report_is_written_in_three_forms_with_the_date_of_the_report(played: Played) -> None:
    date = json.loads(played.text("json"))["created"][:10]
    assert sorted(played.modes) == [f"{date}-audit.{suffix}" for suffix in ("html", "json", "md")]
    assert f"<title>Fleet audit, {date}</title>" in played.text("html")
    assert played.text("md").startswith(f"# Fleet audit, {date}\n")


def test_only_their_owner_can_read_them(played: Played) -> None:
    assert set(played.modes.values()) == {"0o600"}
    assert oct(played.reports.stat().st_mode & 0o777) == "0o700"


def test_the_json_file_is_the_report(played: Played, sample: Report) -> None:
    assert json.loads(played.text("json")) == {**sample, "created": played.given[0]["settings"]["created"]}
    # In the same order and readable, since people look at it, too.
    assert list(json.loads(played.text("json"))) == list(sample)
    assert "서울" in played.text("json")


def test_what_a_cluster_says_is_never_run_as_a_template(played: Played, troubled: Played) -> None:
    for done in (played, troubled):
        for suffix in ("json", "md", "html"):
            assert "echo templated" in done.text(suffix)
        assert not re.search(
            r"(?<!echo )templated", done.output + "".join(done.text(one) for one in ("json", "md", "html"))
        )


def test_a_report_counts_as_no_change(played: Played, troubled: Played, limited: Played) -> None:
    assert played.changed | troubled.changed | limited.changed == {"0"}


def test_check_mode_writes_the_same_files_and_shows_no_differences(played_bare: Played, sample: Report) -> None:
    assert json.loads(played_bare.text("json"))["totals"] == bare(sample)["totals"]
    assert len(played_bare.modes) == 3
    assert "+++" not in played_bare.output
    assert played_bare.changed == {"0"}


def test_a_second_report_of_a_day_replaces_the_first_in_a_folder_that_keeps_its_mode(
    stage: Stage, sample: Report, tmp_path: Path
) -> None:
    folder = tmp_path / "of the fleet"
    folder.mkdir(mode=0o755)
    # Tomorrow's is for a run that goes over midnight.
    today = datetime.now(UTC)
    stale = [folder / f"{day:%Y-%m-%d}-audit.json" for day in (today, today + timedelta(days=1))]
    for file in stale:
        file.write_text("{}")
    done = stage.show(
        bare(sample),
        f"--extra-vars={json.dumps({'fleet_audit_reports': '~/of the fleet'})}",
        HOME=str(tmp_path),
        ANSIBLE_CALLBACK_RESULT_FORMAT="yaml",
    )
    assert done.code == 0, done.output
    (file,) = (file for file in stale if file.read_text() != "{}")
    assert json.loads(file.read_text())["totals"] == bare(sample)["totals"]
    assert oct(folder.stat().st_mode & 0o777) == "0o755"
    assert not done.reports.exists()
    shown = yaml.safe_load(done.output[done.output.index("    msg:") : done.output.index("PLAY RECAP")])["msg"]
    assert shown[-1].endswith(f"{file.with_suffix('')}.html, .md, .json")
    # Not one of them in quotes, by which columns would move.
    assert not re.search(r"^ +- ['\"]", done.output, re.MULTILINE)


# What it shows.


def test_the_summary_begins_with_the_state_in_one_sentence(
    played: Played, played_bare: Played, limited: Played
) -> None:
    assert [done.summary[0] for done in (played, played_bare, limited)] == [
        "Of 3 edges, 1 delivers, 1 does not, of 1 it is not known. 2 findings are critical.",
        "Whether any edge delivers is not known. No finding is critical.",
        "Every edge delivers. No finding is critical.",
    ]


def test_the_summary_names_the_findings_the_worst_first(played: Played, sample: Report) -> None:
    lines = played.summary[1 : 1 + len(sample["findings"])]
    assert [line.split()[0] for line in lines] == [finding["severity"] for finding in sample["findings"]]
    assert all(
        finding["title"].replace(": ", " - ") in line for finding, line in zip(sample["findings"], lines, strict=True)
    )


def test_the_summary_tells_of_waste_of_what_is_unseen_and_where_the_report_is(played: Played) -> None:
    waste, unseen, report = played.summary[-3:]
    assert waste.split(maxsplit=1)[1] == "2.2 GiB of memory        1.9 GiB used, 21.0 GiB of storage, 10.88 USD a month"
    assert unseen.split(maxsplit=1)[1] == "2 clusters               2 things that the audit asked for"
    assert report.split(maxsplit=1)[1] == f"{played.file('html')}, .md, .json"


def test_the_columns_of_the_summary_are_aligned(played: Played) -> None:
    for line in played.summary[1:]:
        assert (line[9], line[34]) == (" ", " ")
        assert line[35] != " "


def test_a_long_summary_ends_before_it_fills_the_screen(stage: Stage, sample: Report) -> None:
    many: Any = {**sample, "findings": sample["findings"] * 10}
    done = stage.show(many)
    assert len(done.summary) < 25
    assert "and       65 more                  in the report" in done.summary
