"""The report of the audit, and the filter fleet_audit_report."""

from __future__ import annotations

import copy
import json
import random
import time
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints

import audit_facts as given
import pytest
import yaml
from ansible.errors import AnsibleFilterError
from audit_facts import AGENT_ID, FULL_ID, GIB, MIB, RECEIVER, ROUTER_ID, SETTINGS, Facts, changed
from hypothesis import given as any_of
from hypothesis import settings
from hypothesis import strategies as st

from ansible_collections.miribit.thanos.plugins.filter.fleet_audit_report import FilterModule, fleet_audit_report
from ansible_collections.miribit.thanos.plugins.module_utils.audit.facts import ClusterFacts
from ansible_collections.miribit.thanos.plugins.module_utils.base.facts import as_facts, read_facts
from ansible_collections.miribit.thanos.plugins.module_utils.report.findings import SEVERITIES
from ansible_collections.miribit.thanos.plugins.modules import fleet_audit


def report(*facts: Facts, **settings: Any) -> dict[str, Any]:
    return fleet_audit_report(list(facts), {**SETTINGS, **settings})


def cluster(*facts: Facts, name: str = "cluster-02") -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in report(*facts)["clusters"] if one["name"] == name)
    return found


def edge_with(*agents: Facts, others: tuple[Facts, ...] = ()) -> Facts:
    return given.migrated_edge(components=[*agents, *given.exporters(), *others])


def writing(*blocks: Facts) -> Facts:
    return edge_with(changed(given.good_agent("cluster-02"), "prometheus.remote_write", list(blocks)))


# The whole.


def test_the_filter_is_found_by_its_name() -> None:
    assert FilterModule().filters() == {"fleet_audit_report": fleet_audit_report}


def test_a_report_is_json_and_says_what_it_is_of() -> None:
    made = json.loads(json.dumps(report(given.centre(), given.edge())))
    assert (made["format"], made["created"], made["collection"]) == (1, SETTINGS["created"], "0.1.0")
    assert made["settings"] == {
        "central": "cluster-01",
        "currency": "USD",
        "memory_gib_month": None,
        "storage_gib_month": None,
    }


def test_without_a_moment_given_it_is_that_of_the_newest_facts() -> None:
    newer = given.edge(audited_at="2026-11-22T00:00:00Z")
    assert report(given.centre(), newer, created=None)["created"] == "2026-11-22T00:00:00Z"


def test_where_no_moment_is_known_there_is_none() -> None:
    assert report(given.centre(audited_at=None), created=None)["created"] is None


FLEET = [given.centre(), given.edge(), given.edge("cluster-03"), given.migrated_edge("cluster-04")]


@settings(max_examples=10, deadline=None)
@any_of(st.permutations(FLEET), st.randoms(use_true_random=False))
def test_the_order_of_facts_changes_nothing(facts: list[Facts], order: random.Random) -> None:
    def shuffled(value: Any) -> Any:
        if isinstance(value, dict):
            keys = sorted(value)
            order.shuffle(keys)
            return {key: shuffled(value[key]) for key in keys}
        return [shuffled(each) for each in value] if isinstance(value, list) else value

    assert report(*(shuffled(one) for one in facts)) == report(*FLEET)


def test_findings_come_by_severity_then_by_id() -> None:
    order = [
        (SEVERITIES.index(finding["severity"]), finding["id"])
        for finding in report(given.centre(), given.edge())["findings"]
    ]
    assert order == sorted(order)


def test_evidence_that_is_the_same_in_several_clusters_is_told_once() -> None:
    found = report(given.edge("cluster-02"), given.edge("cluster-03"))["findings"][0]
    assert found["clusters"] == ["cluster-02", "cluster-03"]
    assert found["objects"] == [f"{name}: {AGENT_ID}" for name in ("cluster-02", "cluster-03")]
    assert all(line.startswith("cluster-02, cluster-03: ") for line in found["evidence"])


def test_evidence_of_a_large_fleet_names_some_clusters_only() -> None:
    edges = [given.edge(f"cluster-{number:02}") for number in range(2, 12)]
    line = report(*edges)["findings"][0]["evidence"][0]
    assert line.startswith("cluster-02, cluster-03, cluster-04, cluster-05 and 6 others: ")


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Of everything in the facts but the names of clusters, without which it is not known whose facts they are, and
    but what is null where there is no such thing: most targets are in no pod."""
    for key, each in value.items() if isinstance(value, dict) else enumerate(value):
        place = (*path, key)
        is_of_target = "targets" in path and key in ("namespace", "pod")
        if len(place) > 1 and place[1:] != ("cluster",) and not is_of_target:
            yield place
        if isinstance(each, dict | list):
            yield from paths(each, place)


RICH = [
    given.centre(),
    given.edge(
        unseen=[{"subject": "a", "cause": "b", "fix": "c"}],
        readers=[{"kind": "hpa", "namespace": "a", "name": "b", "reads": "c", "component": FULL_ID}],
        leftovers=[{"pod": "a", "namespace": "b", "reason": "c", "why": "d"}],
        credentials=[{"subject": "a", "cause": "b", "component": None}],
    ),
    given.migrated_edge("cluster-03"),
]


@settings(deadline=None)
@any_of(st.sets(st.sampled_from(list(paths(RICH))), max_size=40))
def test_whatever_is_unknown_makes_no_finding_and_no_crash(unknown: set[tuple[Any, ...]]) -> None:
    facts = copy.deepcopy(RICH)
    # The deepest first: what is above them becomes null afterwards.
    for *above, last in sorted(unknown, key=lambda path: (-len(path), repr(path))):
        part: Any = facts
        for key in above:
            part = part[key]
        part[last] = None
    made = report(*facts)
    more = places(made) - places(report(*RICH))
    # That it is unknown; and an error of a remote write, once it is no longer known to be the one of its address.
    assert {finding for finding, _cluster in more} <= {"cluster-unreachable", "remote-write-errors", "unseen-facts"}
    json.dumps(made)


def places(made: dict[str, Any]) -> set[tuple[str, str]]:
    return {(finding["id"], name) for finding in made["findings"] for name in finding["clusters"]}


def test_two_hundred_clusters_with_five_hundred_targets_each_take_seconds() -> None:
    facts = []
    for number in range(200):
        name = f"cluster-{number:03}"
        targets = [given.target(f"10.{number}.{end // 250}.{end % 250}:9100") for end in range(500)]
        parts = [given.agent("cluster-02"), given.full("cluster-02"), given.sidecar(), *given.exporters()]
        for part in parts[:2]:
            part["prometheus"]["targets"] = targets
        facts.append(given.edge(components=parts) | {"cluster": name})
    began = time.process_time()
    made = fleet_audit_report(facts, {**SETTINGS, "central": "cluster-000"})
    assert made["totals"]["clusters"] == 200  # type: ignore[index]
    assert time.process_time() - began < 20


# What it is given.


@pytest.mark.parametrize("facts", RICH, ids=lambda facts: facts["cluster"])
def test_the_facts_of_these_tests_have_the_form_of_the_module_s(facts: Facts) -> None:
    read, problems = read_facts(ClusterFacts, facts, "", "")
    assert problems == []
    assert as_facts(read) == facts


def test_the_module_documents_all_facts() -> None:
    documented = yaml.safe_load(fleet_audit.RETURN)["facts"]["contains"]
    assert undocumented(ClusterFacts, documented, "facts") == []


def undocumented(kind: Any, documented: dict[str, Any], place: str) -> list[str]:
    """Facts that only one of a type and its documentation has."""
    hints = get_type_hints(kind)
    names = {field.name for field in fields(kind)}
    found = [f"{place}.{name}" for name in names ^ documented.keys()]
    for name in names & documented.keys():
        part, parts = element(hints[name]), documented[name].get("contains")
        if parts:
            found += undocumented(part, parts, f"{place}.{name}")
        elif is_dataclass(part) and "sample" in documented[name]:
            sample = documented[name]["sample"]
            told = sample[0] if isinstance(sample, list) else sample
            found += [f"{place}.{name}.{key}" for key in {field.name for field in fields(part)} ^ told.keys()]
    return found


def element(hint: Any) -> Any:
    """The type of what is optional, or in a list."""
    of = [one for one in get_args(hint) if one not in {NoneType, ...}]
    return element(of[0]) if of and get_origin(hint) is not Mapping else hint


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        (None, "Facts: they are null, not a list"),
        ({}, "Facts: they are a mapping, not a list"),
        ([None], "Facts, entry 1: it is null, not a mapping"),
        ([{}], "Facts, entry 1: they do not say of which cluster they are"),
        ([given.edge(), given.edge()], "Facts, entry 2: they are a second time of cluster-02"),
        ([given.edge(version=1)], "Facts, entry 1, version: it is a whole number, not a text"),
        ([given.edge(unseen={})], "Facts, entry 1, unseen: it is a mapping, not a list"),
        (
            [given.edge(nodes=[{"addresses": [1]}])],
            "Facts, entry 1, nodes, 1, addresses, 1: it is a whole number, not a text",
        ),
        ([given.edge(nodes=[{"ready": "yes"}])], "Facts, entry 1, nodes, 1, ready: it is a text, not true or false"),
        ([given.edge(components=[{"requests": {"memory": "2Gi"}}])], "requests, memory: it is a text, not a number"),
        (
            [given.edge(components=[{"requests": {"memory": True}}])],
            "requests, memory: it is true or false, not a number",
        ),
    ],
)
def test_what_are_no_facts_is_refused_with_its_place(facts: object, told: str) -> None:
    with pytest.raises(AnsibleFilterError) as error:
        fleet_audit_report(facts, SETTINGS)
    assert told in str(error.value)
    assert "fleet_audit" in str(error.value)


def test_all_that_is_wrong_with_facts_is_told_at_once() -> None:
    with pytest.raises(AnsibleFilterError, match="2 problems"):
        fleet_audit_report([given.edge(version=1), given.edge("cluster-03", uid=2)], SETTINGS)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (None, "it is null, not a mapping"),
        ({}, "they name no central cluster"),
        ({"central": ""}, "they name no central cluster"),
        ({**SETTINGS, "color": "red"}, "there is no key 'color'"),
        ({**SETTINGS, "memory_gib_month": -1}, "memory_gib_month is below 0"),
        ({**SETTINGS, "storage_gib_month": "much"}, "storage_gib_month is not a number"),
        ({**SETTINGS, "clusters": [1]}, "clusters 1 is a whole number, not a text"),
        ({**SETTINGS, "labels": {"cluster-02": 2}}, "cluster-02 is a whole number, not a text"),
    ],
)
def test_settings_that_are_wrong_are_refused(settings: object, told: str) -> None:
    with pytest.raises(AnsibleFilterError) as error:
        fleet_audit_report([], settings)
    assert told in str(error.value)


@pytest.mark.parametrize("nothing", [None, ""])
def test_a_price_that_is_not_given_is_none(nothing: str | None) -> None:
    made = report(given.edge(), memory_gib_month=nothing)
    assert made["settings"]["memory_gib_month"] is None
    assert made["totals"]["waste"]["cost"] is None


def test_a_number_that_is_none_is_unknown() -> None:
    [found] = cluster(writing(given.write(lag=float("nan"))))["writes"]
    assert found["lag"] is None


# Clusters.


def test_a_cluster_is_told_with_what_runs_there() -> None:
    found = cluster(given.centre(), given.edge())
    assert (found["role"], found["version"], found["seen"], found["nodes"]) == ("edge", "v1.34.4", True, 1)
    assert found["findings"] == {"critical": 2, "high": 2, "medium": 3, "low": 1, "info": 1}
    [full] = [one for one in found["components"] if one["id"] == FULL_ID]
    assert full == {
        "id": FULL_ID,
        "kind": "prometheus",
        "title": "Full Prometheus",
        "version": "3.15.0",
        "replicas": "1/1",
        "owner": "Helm release monitoring/stack (kube-prometheus-stack 78.2.1)",
        "memory_request": 2 * GIB,
        "memory_used": 300 * MIB,
        "storage": 20 * GIB,
        "series": 1000,
        "samples_per_second": 33.3,
        "waste": True,
    }


def test_whether_a_probe_was_made_and_what_it_met_is_told() -> None:
    came = {"resolves": None, "connects": True, "answer": "HTTP 404", "error": None}
    agent = changed(given.good_agent("cluster-02"), "prometheus.remote_write", [given.write(reachable=came)])
    probed = given.migrated_edge(components=[agent], probed=True)
    centre, edge = report(given.migrated_centre(), probed)["clusters"]
    assert (centre["probed"], edge["probed"]) == (False, True)
    assert [write["reachable"] for write in edge["writes"]] == [came]


def test_what_stays_on_an_edge_is_no_waste() -> None:
    waste = {one["kind"] for one in cluster(given.edge())["components"] if one["waste"]}
    assert waste == {"prometheus", "thanos_sidecar", "alertmanager"}


def test_the_central_cluster_wastes_nothing() -> None:
    found = cluster(given.centre(), name="cluster-01")
    assert not [one for one in found["components"] if one["waste"]]
    assert found["waste"]["memory_request"] == 0
    assert found["kept"]["storage"] == 22 * GIB


def test_the_waste_of_an_edge_is_what_phase_3_takes_away() -> None:
    found = cluster(given.edge())
    assert found["waste"] == {
        "memory_request": 2248 * MIB,
        "memory_used": 370 * MIB,
        "memory": 2268 * MIB,
        "storage": 22 * GIB,
        "cost": None,
    }
    assert found["kept"]["memory_request"] == 400 * MIB


@pytest.mark.parametrize(
    ("owner", "text"),
    [
        ({**given.HELM, "kind": "argocd", "chart": None, "chart_version": None}, "Argo CD monitoring/stack"),
        ({**given.HELM, "kind": "flux"}, "Flux monitoring/stack (kube-prometheus-stack 78.2.1)"),
        (given.NOBODY, "nobody"),
        (
            {
                **given.NOBODY,
                "kind": "custom_resource",
                "custom_resource": {"kind": "Prometheus", "namespace": "monitoring", "name": "stack"},
            },
            "Prometheus monitoring/stack",
        ),
        (None, None),
    ],
)
def test_an_owner_is_told_in_words(owner: Facts | None, text: str | None) -> None:
    found = cluster(edge_with(given.good_agent("cluster-02", owner=owner)))
    [agent] = [one for one in found["components"] if one["id"] == AGENT_ID]
    assert agent["owner"] == text


def test_a_kind_that_is_new_is_told_by_its_name() -> None:
    found = cluster(edge_with(given.component("thanos_oracle", "oracle", "thanos")))
    assert "thanos_oracle" in {one["title"] for one in found["components"]}


# Whether an edge delivers.


def delivers(facts: Facts) -> bool | None:
    found: bool | None = cluster(facts)["delivers"]
    return found


def test_an_edge_delivers_on_evidence_only() -> None:
    assert delivers(given.migrated_edge()) is True


@pytest.mark.parametrize("lost", [{"ever_delivered": False}, {"lag": 600.0}, {"failed": 1.0}, {"dropped": 1.0}])
def test_an_edge_that_loses_or_lags_does_not_deliver(lost: Facts) -> None:
    assert delivers(writing(given.write(**lost))) is False


@pytest.mark.parametrize("key", ["ever_delivered", "failed", "lag"])
def test_an_edge_of_which_something_is_unknown_may_deliver(key: str) -> None:
    assert delivers(writing(given.write(**{key: None}))) is None


def test_whether_samples_were_dropped_may_be_unknown() -> None:
    assert delivers(writing(given.write(dropped=None))) is True


def test_one_block_that_does_not_deliver_is_enough() -> None:
    assert delivers(writing(given.write(), given.write(ever_delivered=False))) is False


def test_an_edge_without_any_sender_does_not_deliver() -> None:
    assert delivers(given.edge(components=given.exporters())) is False


def test_an_edge_whose_full_prometheus_writes_delivers() -> None:
    full = changed(given.full("cluster-02"), "prometheus.remote_write", [given.write()])
    assert delivers(given.edge(components=[full])) is True


@pytest.mark.parametrize(
    "facts",
    [
        given.edge(components=None),
        given.edge(components=[], components_complete=False),
        given.edge(components=[given.full("cluster-02", prometheus=None)]),
        edge_with(given.good_agent("cluster-02", prometheus=None)),
        {"cluster": "cluster-02"},
    ],
)
def test_whether_an_edge_delivers_may_be_unknown(facts: Facts) -> None:
    assert delivers(facts) is None


def test_whether_the_central_cluster_delivers_is_no_question() -> None:
    assert cluster(given.migrated_centre(), name="cluster-01")["delivers"] is None


# The headline.


def headline(*facts: Facts, name: str = "cluster-02") -> str:
    text: str = cluster(*facts, name=name)["headline"]
    return text


def test_an_edge_that_is_well_says_so() -> None:
    assert headline(given.migrated_edge()) == "Its samples arrive, and nothing is left to do."


def test_an_edge_whose_samples_go_nowhere_says_where_they_are() -> None:
    assert headline(given.edge()) == (
        "None of its samples arrive: it writes to thanos-receiver.monitoring.svc.cluster-01.local, which leads nowhere "
        "from there; only its Full Prometheus has them, for 15d."
    )


@pytest.mark.parametrize("url", ["http://[fd00::1/api/v1/receive", "nowhere"])
def test_an_address_that_cannot_be_read_is_shown_as_it_is(url: str) -> None:
    assert f"it writes to {url}, which leads nowhere" in headline(writing(given.write(url=url, ever_delivered=False)))


def not_ready(component: Facts) -> Facts:
    return {**component, "replicas": {"wanted": 1, "ready": 0}}


@pytest.mark.parametrize(
    ("facts", "text"),
    [
        (edge_with(not_ready(given.good_agent("cluster-02"))), "None of its samples arrive: its agent does not run."),
        (
            given.edge(components=given.exporters()),
            "None of its samples arrive: nothing there writes to Thanos Receive.",
        ),
        (
            given.edge(components=[given.full("cluster-02", prometheus=given.prometheus())]),
            "None of its samples arrive: nothing there writes to Thanos Receive; only its Full Prometheus has them.",
        ),
        (
            writing(given.write(ever_delivered=False)),
            "None of its samples arrive: the receiver has taken no sample.",
        ),
        (writing(given.write(failed=3.0)), "Its samples arrive, but some are lost."),
        (writing(given.write(lag=600.0)), "Its samples arrive 10 min late."),
        (writing(given.write(), given.broken_write()), "Only a part of its samples arrives."),
        (
            edge_with(given.good_agent("cluster-02"), others=(given.full("cluster-02"), given.sidecar())),
            "Its samples arrive while a Full Prometheus runs beside the agent; 4 findings to look at.",
        ),
        (writing(given.write(lag=None)), "Whether its samples arrive is not known, and nothing is left to do."),
        ({"cluster": "cluster-02"}, "Nothing is known of it: there are no facts of it."),
        (
            {"cluster": "cluster-02", "unseen": [{"subject": "a", "cause": "no route to host", "fix": "c"}]},
            "Nothing is known of it: no route to host.",
        ),
    ],
)
def test_the_headline_of_an_edge_is_what_matters_most(facts: Facts, text: str) -> None:
    assert headline(facts) == text


def test_a_full_prometheus_that_does_not_run_has_no_samples_either() -> None:
    parts = [given.agent("cluster-02"), not_ready(given.full("cluster-02")), given.sidecar()]
    assert "Full Prometheus" not in headline(given.edge(components=parts))


DOWN = [not_ready(given.receivers()[0])]


@pytest.mark.parametrize(
    ("facts", "text"),
    [
        ([given.migrated_centre()], "Its Thanos Receive runs, and nothing is left to do."),
        ([given.centre(), given.edge()], "It has no Thanos Receive, so nothing that the edges write can arrive."),
        ([given.centre()], "It has no Thanos Receive yet, and nothing is left to do."),
        ([given.centre(components=DOWN)], "Its Thanos Receive does not run, so what the edges write does not arrive."),
        ([given.centre(components=None)], "Whether Thanos Receive runs is not known, and nothing is left to do."),
    ],
)
def test_the_headline_of_the_central_cluster_is_about_the_receiver(facts: list[Facts], text: str) -> None:
    assert headline(*facts, name="cluster-01") == text


# What could not be seen, and the totals.


def test_what_could_not_be_seen_is_listed_by_cluster() -> None:
    one, other = ({"subject": name, "cause": "forbidden", "fix": "allow it"} for name in ("pods", "nodes"))
    made = report(given.migrated_edge("cluster-03", unseen=[one]), given.migrated_edge(unseen=[one, other]))
    assert made["unseen"] == [
        {"cluster": "cluster-02", **other},
        {"cluster": "cluster-02", **one},
        {"cluster": "cluster-03", **one},
    ]


def test_totals_are_those_of_the_edges_and_say_what_share_goes() -> None:
    totals = report(given.centre(), given.edge(), given.edge("cluster-03"))["totals"]
    assert (totals["clusters"], totals["seen"]) == (3, 3)
    assert totals["findings"] == {"critical": 3, "high": 2, "medium": 4, "low": 1, "info": 1}
    assert totals["waste"]["memory"] == 2 * 2268 * MIB
    assert totals["kept"]["memory"] == 2 * 400 * MIB
    assert totals["saving"] == {"memory": 0.8501, "storage": 1.0}


def test_money_is_told_where_prices_are() -> None:
    made = report(given.edge(), memory_gib_month=4, storage_gib_month="0.1", currency="EUR")
    assert made["settings"]["currency"] == "EUR"
    assert made["totals"]["waste"]["cost"] == round(2268 / 1024 * 4 + 22 * 0.1, 2)
    [full] = [one for one in made["findings"] if one["id"] == "full-prometheus-on-edge"]
    assert full["cost"]["money"] == round(2068 / 1024 * 4 + 20 * 0.1, 2)


def test_the_waste_of_what_was_not_seen_is_unknown() -> None:
    made = report(given.centre(), given.edge(components=None))
    assert made["totals"]["waste"]["memory"] is None
    assert made["totals"]["saving"] == {"memory": None, "storage": None}


# The picture.


def picture(*facts: Facts) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    made = report(*facts)["picture"]
    return {node["id"]: node for node in made["nodes"]}, made["edges"]


def test_every_arrow_has_two_ends() -> None:
    for facts in (
        [given.centre(), given.edge()],
        [given.migrated_centre(), given.migrated_edge()],
        [given.edge()],
        [given.centre(components=None), given.edge()],
    ):
        nodes, edges = picture(*facts)
        assert edges
        assert {edge[end] for edge in edges for end in ("from", "to")} <= set(nodes)


def test_the_missing_receiver_is_in_the_picture() -> None:
    nodes, edges = picture(given.centre(), given.edge())
    missing = "cluster-01/thanos_receive"
    assert (nodes[missing]["state"], nodes[missing]["cluster"]) == ("missing", "cluster-01")
    assert {"from": f"cluster-02/{AGENT_ID}", "to": missing, "state": "broken"}.items() <= edges[-1].items()


def test_a_receiver_that_could_not_be_seen_is_not_missing() -> None:
    nodes, _edges = picture(given.centre(components=None), given.edge())
    assert nodes["cluster-01/thanos_receive"]["state"] is None


def test_remote_write_leads_to_the_router() -> None:
    nodes, edges = picture(given.migrated_centre(), given.migrated_edge())
    written = {
        "from": f"cluster-02/{AGENT_ID}",
        "to": f"cluster-01/{ROUTER_ID}",
        "label": f"remote write to {RECEIVER}",
        "state": "ok",
    }
    assert written in edges
    assert nodes[f"cluster-01/{ROUTER_ID}"]["state"] == "ok"


def test_what_is_wasted_and_what_is_broken_is_marked() -> None:
    nodes, _edges = picture(given.centre(), given.edge())
    assert nodes[f"cluster-02/{FULL_ID}"]["state"] == "waste"
    assert nodes[f"cluster-02/{AGENT_ID}"]["state"] == "broken"
    assert nodes[f"cluster-01/{FULL_ID}"]["state"] == "ok"


def test_a_receiver_that_does_not_run_is_broken() -> None:
    nodes, _edges = picture(given.centre(components=DOWN))
    assert nodes[f"cluster-01/{ROUTER_ID}"]["state"] == "broken"


def test_what_is_unknown_has_no_state() -> None:
    nodes, [edge] = picture(writing(given.write(lag=None)))
    assert (nodes[f"cluster-02/{AGENT_ID}"]["state"], edge["state"]) == (None, None)


def test_remote_scraping_leads_to_the_targets_of_the_other_cluster() -> None:
    nodes, edges = picture(given.centre(), given.edge())
    assert nodes["cluster-02/targets"]["cluster"] == "cluster-02"
    assert {
        "from": f"cluster-01/{FULL_ID}",
        "to": "cluster-02/targets",
        "label": "remote scraping, 1 target",
        "state": "remote",
    } in edges


def test_a_sidecar_that_uploads_leads_to_the_bucket() -> None:
    nodes, edges = picture(given.centre(), given.edge())
    uploads = [edge for edge in edges if edge["to"] == "bucket"]
    assert [edge["from"] for edge in uploads] == [f"cluster-01/{FULL_ID}"]
    assert nodes["bucket"]["cluster"] == "cluster-01"
