"""How the edges of a fleet deliver: the filters delivery_report and delivery_table."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.miribit.thanos.plugins.filter._delivery_report import FilterModule as Report
from ansible_collections.miribit.thanos.plugins.filter._delivery_table import FilterModule as Table

Edge = dict[str, Any]

delivery_report = Report().filters()["_delivery_report"]
delivery_table = Table().filters()["_delivery_table"]

WHY = {"subject": "Samples of cluster-03", "cause": "there are none: it is new", "fix": "run phase 2"}


def delivery(received: float | None = 182.3, **figures: Any) -> Edge:
    return {
        "agents": [{"id": "StatefulSet a/b [c]", "version": "2.48.0", "pods": {"wanted": 1, "answering": 1}}],
        "targets": {"up": 4, "all": 4},
        "watched": True,
        "samples_per_second": 181.8,
        "lag": 2.4,
        "backlog": 0,
        "refused": 0,
        "ever_delivered": True,
        "query": {"targets": 4, "samples_per_second": received, "newest_age": 10.0},
        **figures,
    }


def result(**figures: Any) -> Edge:
    """What the module returns, with what Ansible adds to it."""
    own = {"cluster": "cluster-03", "delivers": True, "why": [], "unseen": [], "delivery": delivery(**figures)}
    return {**own, "changed": False, "failed": False}


def before() -> Edge:
    """Of the audited fleet."""
    figures = {"received": 0.0, "lag": None, "backlog": 17426, "ever_delivered": False}
    return {**result(**figures), "delivers": False, "why": [WHY]}


def shown(results: Edge, earlier: object = None) -> list[str]:
    lines: list[str] = delivery_table(delivery_report(results), earlier)
    return lines


def cell(column: str, **figures: Any) -> str:
    header, row, *_rest = shown({"cluster-03": result(**figures)})
    return row.split()[header.split().index(column)]


# The report.


def test_the_report_has_what_was_seen_of_each_edge_in_their_order() -> None:
    found = delivery_report({"b": result(), "a": before()})
    assert [(edge["edge"], edge["delivers"]) for edge in found] == [("b", True), ("a", False)]
    assert list(found[0]) == ["edge", "delivers", "why", "delivery", "unseen"]
    assert found[1]["why"] == [WHY]


def test_an_edge_on_which_the_module_has_fallen_over_is_in_the_report_with_the_reason() -> None:
    (edge,) = delivery_report({"cluster-03": {"failed": False, "msg": "No module named kubernetes\nTraceback: ..."}})
    assert (edge["delivers"], edge["delivery"], edge["unseen"]) == (False, None, [])
    assert edge["why"] == [
        {
            "subject": "cluster-03",
            "cause": "No module named kubernetes",
            "fix": "correct what it names, and run it again",
        }
    ]


@pytest.mark.parametrize("nothing", [{}, {"msg": ""}, None])
def test_an_edge_of_which_nothing_is_known_is_in_the_report(nothing: object) -> None:
    (edge,) = delivery_report({"cluster-03": nothing})
    assert edge["why"][0]["cause"] == "the look at it failed without a reason"


def test_no_mapping_makes_no_report() -> None:
    with pytest.raises(AnsibleFilterError, match="delivery_report: what it is given is no mapping"):
        delivery_report([])


# The table.


def test_each_edge_is_a_row_and_columns_are_aligned() -> None:
    lines = shown({"cluster-03": result(), "a-longer-name": result(received=7800.0)})
    assert lines == [
        "EDGE           AGENT   TARGETS  SCRAPED/S  RECEIVED/S  LAG  BACKLOG  DELIVERS",
        "cluster-03     2.48.0  4/4      182        182         2s   0        yes",
        "a-longer-name  2.48.0  4/4      182        7,800       2s   0        yes",
        "2 of 2 edges deliver; 7,982 samples/s arrive",
    ]


def test_why_an_edge_does_not_deliver_follows_the_table() -> None:
    assert shown({"cluster-03": before()})[-3:] == [
        "cluster-03  2.48.0  4/4      182        0           never  17,426   no",
        "0 of 1 edges deliver; 0 samples/s arrive",
        "cluster-03  Samples of cluster-03 - there are none - it is new. Fix - run phase 2.",
    ]


def test_compared_with_an_earlier_report_what_has_changed_is_shown_before_and_after() -> None:
    earlier = {"edges": delivery_report({"cluster-03": before()})}
    assert shown({"cluster-03": result()}, earlier) == [
        "EDGE        AGENT   TARGETS  SCRAPED/S  RECEIVED/S  LAG        BACKLOG    DELIVERS",
        "cluster-03  2.48.0  4/4      182        0->182      never->2s  17,426->0  no->yes",
        "1 of 1 edges deliver, 0 of 1 before; 182 samples/s arrive",
    ]


def test_an_edge_that_was_not_in_the_earlier_report_was_unknown() -> None:
    earlier = {"edges": delivery_report({"cluster-02": before()})}
    assert shown({"cluster-03": result()}, earlier)[1].endswith("?->2s  ?->0     ?->yes")


def test_the_earlier_report_can_be_the_text_of_its_file() -> None:
    earlier = json.dumps({"edges": delivery_report({"cluster-03": before()})})
    assert "no->yes" in shown({"cluster-03": result()}, earlier)[1]


@pytest.mark.parametrize(
    "earlier", ["no JSON", "[]", {"edges": []}, {"edges": ["cluster-03"]}, {"edges": [{"edge": "cluster-03"}]}, [1]]
)
def test_what_is_no_earlier_report_is_refused(earlier: object) -> None:
    with pytest.raises(AnsibleFilterError, match="fleet_status_compare: it is no report of how edges deliver"):
        shown({"cluster-03": result()}, earlier)


@pytest.mark.parametrize("edges", [[{}], ["cluster-03"], [{"edge": "a", "why": [{}]}], None])
def test_what_is_no_report_is_refused(edges: Any) -> None:
    with pytest.raises(AnsibleFilterError, match="delivery_table: what it is given is no report"):
        delivery_table(edges)


# Without watching.


def test_where_nothing_was_watched_a_sentence_between_total_and_reasons_says_so() -> None:
    lines = shown({"cluster-02": result(), "cluster-03": {**before(), "delivery": delivery(watched=False)}})
    assert lines[-3].startswith("1 of 2 edges deliver")
    assert lines[-2] == (
        "Nothing was watched, so SCRAPED/S is the mean since an agent was started, and samples that were refused count "
        "since its queue was made."
    )
    assert lines[-1].startswith("cluster-03  Samples of cluster-03")


def test_where_it_was_watched_nothing_is_said_of_it() -> None:
    assert len(shown({"cluster-03": result()})) == 3


def test_that_the_earlier_report_was_made_without_watching_is_said() -> None:
    earlier = {"edges": delivery_report({"cluster-03": result(watched=False)})}
    assert shown({"cluster-03": result()}, earlier)[-1] == (
        "Before, nothing was watched, so SCRAPED/S was the mean since an agent was started."
    )
    assert shown({"cluster-03": result(watched=False)}, earlier)[-1].startswith("Nothing was watched")


def test_of_an_earlier_report_that_does_not_tell_whether_it_watched_nothing_is_said() -> None:
    then = delivery_report({"cluster-03": result()})
    del then[0]["delivery"]["watched"]
    assert len(shown({"cluster-03": result()}, {"edges": then})) == 3


# Cells.


@pytest.mark.parametrize(
    ("column", "figures", "text"),
    [
        ("SCRAPED/S", {"samples_per_second": None}, "?"),
        ("SCRAPED/S", {"samples_per_second": 2.25}, "2.2"),
        ("SCRAPED/S", {"samples_per_second": 12.7}, "13"),
        ("RECEIVED/S", {"query": None}, "?"),
        ("RECEIVED/S", {"received": None}, "?"),
        ("TARGETS", {"targets": None}, "?"),
        ("TARGETS", {"targets": {"up": 0, "all": 4}}, "0/4"),
        ("LAG", {"lag": None}, "?"),
        ("LAG", {"lag": None, "ever_delivered": False}, "never"),
        ("LAG", {"lag": 119.0}, "119s"),
        ("LAG", {"lag": 600.0}, "10min"),
        ("LAG", {"lag": 9000.0}, "2.5h"),
        ("BACKLOG", {"backlog": None}, "?"),
        ("AGENT", {"agents": None}, "?"),
        ("AGENT", {"agents": []}, "?"),
        ("AGENT", {"agents": [{"version": "3.15.0"}, {"version": None}]}, "3.15.0,unknown"),
    ],
)
def test_a_cell_says_what_is_known(column: str, figures: Edge, text: str) -> None:
    assert cell(column, **figures) == text


def test_where_nobody_knows_what_arrives_no_sum_is_told() -> None:
    assert shown({"cluster-03": result(received=None)})[-1] == "1 of 1 edges deliver"


def test_an_edge_that_failed_is_a_row() -> None:
    assert shown({"cluster-03": {"msg": "it is away"}})[1].split() == ["cluster-03", *"??????", "no"]
