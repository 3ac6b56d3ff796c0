"""Which exporters an edge gets."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.miribit.thanos.plugins.filter._edge_exporters import edge_exporters
from ansible_collections.miribit.thanos.plugins.module_utils.agent.exporters import Decision, decide
from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem

BOTH = ("node_exporter", "kube_state_metrics")
HELM = {"app.kubernetes.io/managed-by": "Helm"}
OURS = {"app.kubernetes.io/managed-by": "miribit.thanos"}
UNSEEN = Problem("daemonsets in context cluster-03", "the user may not list them", "allow the user the verb 'list'")


def exporter(
    name: str = "stack-node-exporter",
    labels: dict[str, str] | None = None,
    wanted: int | None = 2,
    ready: int | None = 2,
) -> dict[str, Any]:
    """As edge_info returns it."""
    return {
        "id": f"DaemonSet monitoring/{name} [node-exporter]",
        "labels": HELM if labels is None else labels,
        "replicas": {"wanted": wanted, "ready": ready},
    }


def decided(
    *node_exporters: dict[str, Any], choice: object = "auto", unseen: tuple[Problem, ...] = (), **choices: object
) -> Decision:
    """About node-exporter, on an edge that has somebody else's kube-state-metrics."""
    edge = {
        "node_exporters": list(node_exporters),
        "kube_state_metrics": [exporter("stack-kube-state-metrics")],
        "unseen": [problem.as_dict() for problem in unseen],
    }
    return decide(edge, {"node_exporter": choice, **choices})


def said(decision: Decision) -> str:
    (message,) = decision.messages
    return str(message)


def test_an_edge_without_any_gets_both() -> None:
    nothing: dict[str, Any] = {"node_exporters": [], "kube_state_metrics": [], "unseen": []}
    assert decide(nothing, {}) == Decision(BOTH, ())


def test_somebody_elses_stays_and_none_is_made() -> None:
    assert decided(exporter()) == Decision((), ())


def test_each_exporter_is_decided_on_its_own() -> None:
    assert decided().wanted == ("node_exporter",)
    assert decided(exporter(), kube_state_metrics="true").wanted == ("kube_state_metrics",)


def test_the_one_that_was_made_before_stays() -> None:
    assert decided(exporter(labels=OURS)) == Decision(("node_exporter",), ())


def test_the_one_that_was_made_before_goes_when_somebody_elses_has_come_and_that_is_said() -> None:
    found = decided(exporter(), exporter("edge-node-exporter", OURS))
    assert found.wanted == ()
    assert said(found) == (
        "DaemonSet monitoring/stack-node-exporter [node-exporter]: it has come since this collection made its own "
        "node-exporter, which is taken away: what scrapes both would have everything twice. "
        "Fix: nothing, unless this one is to go: delete it, and run it again."
    )


def test_one_that_is_scaled_to_no_pods_does_not_count() -> None:
    assert decided(exporter(wanted=0, ready=0)) == Decision(("node_exporter",), ())


@pytest.mark.parametrize("labels", [{}, {"app.kubernetes.io/managed-by": "Helm"}])
def test_whatever_does_not_bear_our_label_is_somebody_elses(labels: dict[str, str]) -> None:
    assert decided(exporter(labels=labels)).wanted == ()


def test_one_of_which_the_pods_are_not_known_counts() -> None:
    assert decided(exporter(wanted=None, ready=None)) == Decision((), ())


def test_somebody_elses_that_exports_nothing_is_told_and_stays() -> None:
    found = decided(exporter(ready=0))
    assert found.wanted == ()
    assert "none of its pods is ready, so that it does not export what its nodes use" in said(found)


def test_a_second_one_is_made_where_that_is_asked_for_and_what_it_costs_is_said() -> None:
    found = decided(exporter(), choice="true")
    assert found.wanted == ("node_exporter",)
    assert "has everything twice" in said(found)
    assert "edge_exporters_node_exporter: auto" in said(found)


def test_none_is_made_where_none_is_wanted_and_what_is_missing_is_said() -> None:
    found = decided(choice="false")
    assert found.wanted == ()
    assert "nothing exports what its nodes use" in said(found)


def test_none_is_missing_where_somebody_else_runs_one() -> None:
    assert decided(exporter(), choice="false") == Decision((), ())


def test_the_one_that_was_made_before_goes_when_it_is_no_longer_wanted() -> None:
    assert decided(exporter(labels=OURS), choice="false").wanted == ()


@pytest.mark.parametrize(("choice", "wanted"), [(True, ("node_exporter",)), (False, ())])
def test_what_yaml_makes_of_a_choice_without_quotes_is_that_choice(choice: bool, wanted: tuple[str, ...]) -> None:
    assert decided(choice=choice).wanted == wanted


def test_none_is_made_while_nobody_knows_whether_there_is_one() -> None:
    found = decided(unseen=(UNSEEN,))
    assert found.wanted == ()
    assert said(found) == (
        "node-exporter: whether the edge has one is not known (daemonsets in context cluster-03: the user may not list "
        "them), so none is made. Fix: allow the user the verb 'list', or set edge_exporters_node_exporter to true or "
        "false."
    )


def test_the_one_that_was_made_stays_while_nobody_knows_whether_there_is_another() -> None:
    assert decided(exporter(labels=OURS), unseen=(UNSEEN,)) == Decision(("node_exporter",), ())


def test_whether_one_is_missing_is_not_said_while_nobody_knows() -> None:
    assert decided(choice="false", unseen=(UNSEEN,)) == Decision((), ())


def test_what_else_could_not_be_seen_does_not_matter() -> None:
    other = Problem("prometheusagents in context cluster-03", "the user may not list them", "allow it")
    assert decided(unseen=(other,)) == Decision(("node_exporter",), ())


def test_what_is_no_choice_is_refused_by_its_variable() -> None:
    edge: dict[str, Any] = {"node_exporters": [], "kube_state_metrics": [], "unseen": []}
    with pytest.raises(AnsibleFilterError) as refused:
        edge_exporters(edge, {"node_exporter": "yes", "kube_state_metrics": 1})
    assert str(refused.value) == (
        "2 problems:\n"
        "- edge_exporters_node_exporter: it is none of the choices. Fix: write one of auto, true, false.\n"
        "- edge_exporters_kube_state_metrics: it is none of the choices. Fix: write one of auto, true, false."
    )


def test_the_filter_gives_what_templates_and_reports_take() -> None:
    edge = {"node_exporters": [exporter()], "kube_state_metrics": [], "unseen": []}
    found = edge_exporters(edge, {"node_exporter": "true", "kube_state_metrics": "auto"})
    assert found["wanted"] == list(BOTH)
    assert [set(message) for message in found["messages"]] == [{"subject", "cause", "fix"}]  # type: ignore[attr-defined]
