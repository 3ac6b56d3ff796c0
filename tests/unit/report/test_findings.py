"""What the audit finds, and what it does not: each finding by its id."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import audit_facts as given
import pytest
from audit_facts import AGENT_ID, FULL_ID, MIB, RECEIVER, ROUTER_ID, Facts, changed

from ansible_collections.miribit.thanos.plugins.module_utils.report.findings import RULES, SEVERITIES
from ansible_collections.miribit.thanos.plugins.module_utils.report.report import report

DOCS = Path(__file__).parents[3] / "docs"


def findings(*facts: Facts, **settings: Any) -> dict[str, Any]:
    """By id."""
    made = report(list(facts), {**given.SETTINGS, **settings})
    return {finding["id"]: finding for finding in made["findings"]}  # type: ignore[attr-defined]


def audited(*, agent: Facts | None = None, full: Facts | None = None, **more: Any) -> Facts:
    """An audited edge with another agent or another Full Prometheus."""
    parts = [agent or given.agent("cluster-02"), full or given.full("cluster-02"), given.sidecar(), *given.exporters()]
    return given.edge(**{"components": parts, **more})


def migrated(agent: Facts | None = None, *others: Facts) -> Facts:
    """A migrated edge with another agent."""
    return given.migrated_edge(components=[agent or given.good_agent("cluster-02"), *given.exporters(), *others])


def writing(**block: Any) -> Facts:
    """A migrated edge whose agent's remote write is as this."""
    agent = given.good_agent("cluster-02")
    return migrated(changed(agent, "prometheus.remote_write", [given.write(**block)]))


def evidence(finding: Facts) -> str:
    return "\n".join(finding["evidence"])


# The table.


def test_each_finding_has_its_own_id() -> None:
    assert len({rule.id for rule in RULES}) == len(RULES)


def test_each_finding_is_of_a_known_severity_and_says_why_and_what_ends_it() -> None:
    assert all(rule.severity in SEVERITIES and rule.title and rule.why and rule.ends_with for rule in RULES)


@pytest.mark.parametrize("page", ["audit.md", "audit.ko.md"])
def test_each_finding_is_explained_under_its_severity_in_both_languages(page: str) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    explained = re.findall(r"^\| `([a-z0-9-]+)` \| (critical|high|medium|low|info) \|", text, re.MULTILINE)
    assert explained == [(rule.id, rule.severity) for rule in RULES]


def test_the_audited_fleet_has_all_that_the_audit_was_made_for() -> None:
    assert list(findings(given.centre(), given.edge())) == [
        "agent-delivers-nothing",
        "agent-remote-write-unresolvable",
        "no-receiver",
        "history-only-local",
        "rules-on-edge",
        "alertmanager-on-edge",
        "duplicate-scraping",
        "full-prometheus-on-edge",
        "remote-scraping",
        "remote-write-warnings",
        "agent-flags-of-2",
    ]


def test_a_migrated_fleet_has_no_finding() -> None:
    assert findings(given.migrated_centre(), given.migrated_edge(), given.migrated_edge("cluster-03")) == {}


def test_a_migrated_edge_with_the_agent_it_had_has_only_information() -> None:
    found = findings(given.migrated_centre(), migrated(given.good_agent("cluster-02", version="2.48.0")))
    assert [finding["severity"] for finding in found.values()] == ["info"]


# Whether samples arrive.


def test_an_agent_that_writes_to_a_service_of_another_cluster_is_told_with_the_name() -> None:
    found = findings(given.centre(), given.edge())["agent-remote-write-unresolvable"]
    assert found["severity"] == "critical"
    assert found["clusters"] == ["cluster-02"]
    assert found["objects"] == [f"cluster-02: {AGENT_ID}"]
    assert "thanos-receiver.monitoring.svc.cluster-01.local" in evidence(found)


def test_an_address_that_leads_nowhere_is_told_even_if_the_agent_says_nothing() -> None:
    assert "agent-remote-write-unresolvable" in findings(writing(url=given.NOWHERE, ever_delivered=None))


def test_a_name_that_only_looks_like_nowhere_is_told_only_if_nothing_was_delivered() -> None:
    url = "http://thanos.cluster-01.local/api/v1/receive"
    assert "agent-remote-write-unresolvable" not in findings(writing(url=url, ever_delivered=None))
    assert "agent-remote-write-unresolvable" in findings(writing(url=url, ever_delivered=False))


def test_an_address_that_has_taken_samples_leads_somewhere() -> None:
    assert "agent-remote-write-unresolvable" not in findings(writing(url=given.NOWHERE, ever_delivered=True))


def test_an_edge_with_a_receiver_of_its_own_may_write_to_its_service() -> None:
    agent = given.good_agent("cluster-02")
    agent["prometheus"]["remote_write"] = [given.write(url=given.NOWHERE, ever_delivered=None)]
    assert "agent-remote-write-unresolvable" not in findings(migrated(agent, *given.receivers()))


def reached(**came: Any) -> Facts:
    """What a pod of the edge has found out."""
    return {"resolves": True, "connects": True, "answer": "HTTP 404", "error": None, **came}


NO_NAME = reached(resolves=False, connects=None, answer=None, error="no such host")
REFUSED = reached(resolves=None, connects=False, answer=None, error="connection refused")
SILENT = reached(resolves=None, connects=None, answer=None, error="no answer within 10 s")


@pytest.mark.parametrize(
    ("came", "text"),
    [
        (NO_NAME, "a pod of this cluster could not resolve the name: no such host"),
        (REFUSED, "a pod of this cluster could not connect: connection refused"),
        (SILENT, "a pod of this cluster could not connect: no answer within 10 s"),
    ],
)
def test_an_address_that_a_pod_of_the_edge_cannot_reach_leads_nowhere(came: Facts, text: str) -> None:
    found = findings(given.migrated_centre(), writing(ever_delivered=False, reachable=came))
    assert f"{RECEIVER}: {text}" in evidence(found["agent-remote-write-unresolvable"])
    assert f"{RECEIVER}: {text}" in evidence(found["agent-delivers-nothing"])


def test_an_address_that_a_pod_of_the_edge_has_reached_leads_somewhere() -> None:
    agent = changed(given.agent("cluster-02"), "prometheus.remote_write", [given.broken_write(reachable=reached())])
    found = findings(given.centre(), audited(agent=agent))
    assert "agent-remote-write-unresolvable" not in found
    assert "a pod of this cluster could connect, and was answered with HTTP 404" in evidence(
        found["agent-delivers-nothing"]
    )
    # Neither is it told as what only looks like that.
    assert "remote-write-errors" not in found


def test_what_is_connected_to_and_speaks_no_http_is_told_with_what_it_says() -> None:
    came = reached(answer=None, error="x509: certificate signed by unknown authority")
    found = findings(given.migrated_centre(), writing(ever_delivered=False, reachable=came))
    assert "was answered with no HTTP: x509" in evidence(found["agent-delivers-nothing"])
    assert "agent-remote-write-unresolvable" not in found


def test_an_address_that_takes_samples_leads_somewhere_whatever_a_pod_met() -> None:
    assert findings(given.migrated_centre(), writing(reachable=REFUSED)) == {}


def test_a_sender_that_lags_is_told_with_what_a_pod_met() -> None:
    found = findings(given.migrated_centre(), writing(lag=600.0, reachable=REFUSED))
    assert "could not connect: connection refused" in evidence(found["agent-lags"])


def test_an_agent_that_nothing_was_taken_from_delivers_nothing() -> None:
    found = findings(writing(ever_delivered=False, pending=14306))["agent-delivers-nothing"]
    assert found["severity"] == "critical"
    assert RECEIVER in evidence(found)
    assert "14,306 samples wait" in evidence(found)


def test_the_last_complaint_of_an_agent_that_delivers_nothing_is_shown() -> None:
    assert "no such host" in evidence(findings(given.edge())["agent-delivers-nothing"])


def test_an_agent_without_remote_write_delivers_nothing() -> None:
    agent = changed(given.good_agent("cluster-02"), "prometheus.remote_write", [])
    assert "it has no remote_write" in evidence(findings(migrated(agent))["agent-delivers-nothing"])


def test_whether_an_agent_delivers_is_not_guessed() -> None:
    unknown = dict.fromkeys(("ever_delivered", "pending", "failed", "dropped", "sent", "lag"))
    assert findings(writing(**unknown)) == {}


@pytest.mark.parametrize("lost", ["failed", "dropped"])
def test_a_sender_whose_samples_are_refused_or_dropped_loses_them(lost: str) -> None:
    found = findings(writing(**{lost: 1200.0}))["agent-drops-samples"]
    assert found["severity"] == "critical"
    assert "1,200" in evidence(found)
    assert "of 250,000 tried" in evidence(found)


def test_a_sender_that_is_minutes_behind_lags() -> None:
    found = findings(writing(lag=600.0))["agent-lags"]
    assert found["severity"] == "high"
    assert "10 min behind" in evidence(found)


def test_a_sender_that_is_a_scrape_behind_does_not_lag() -> None:
    assert "agent-lags" not in findings(writing(lag=31.0))


def test_an_agent_that_never_delivered_does_not_lag_besides() -> None:
    assert "agent-lags" not in findings(writing(lag=1.8e9, ever_delivered=False))


def stopped(agent: Facts) -> Facts:
    pod = {**agent["pods"][0], "ready": False, "reason": "CrashLoopBackOff"}
    return {**agent, "replicas": {"wanted": 1, "ready": 0}, "pods": [pod]}


def test_an_agent_of_which_no_pod_is_ready_does_not_run() -> None:
    found = findings(migrated(stopped(given.good_agent("cluster-02"))))["agent-not-running"]
    assert found["severity"] == "critical"
    assert "0 of 1 pods are ready: CrashLoopBackOff" in evidence(found)


def test_an_agent_that_does_not_run_is_not_told_a_second_time_as_not_ready() -> None:
    assert "not-ready" not in findings(migrated(stopped(given.good_agent("cluster-02"))))


def test_an_old_agent_that_is_stopped_beside_the_new_one_is_no_outage() -> None:
    old = stopped(given.component("prometheus_agent", "old", "prometheus"))
    found = findings(migrated(given.good_agent("cluster-02"), {**old, "replicas": {"wanted": 0, "ready": 0}}))
    assert found == {}


def test_an_edge_without_agent_is_told() -> None:
    parts = [given.full("cluster-02"), given.sidecar()]
    found = findings(given.edge(components=parts))["edge-without-agent"]
    assert found["severity"] == "high"
    assert "1 Full Prometheus" in evidence(found)


def test_an_edge_whose_workloads_could_not_all_be_seen_may_have_an_agent() -> None:
    assert "edge-without-agent" not in findings(given.edge(components=[], components_complete=False))
    assert "edge-without-agent" not in findings(given.edge(components=None))


def test_the_central_cluster_needs_no_agent() -> None:
    assert "edge-without-agent" not in findings(given.migrated_centre())


# The receiver.


def test_that_there_is_no_receiver_is_told_with_who_writes_to_one() -> None:
    found = findings(given.centre(), given.edge(), given.edge("cluster-03"))["no-receiver"]
    assert (found["severity"], found["ends_with"]) == ("critical", "phase1")
    assert found["clusters"] == ["cluster-01"]
    assert f"cluster-02, cluster-03 write to {given.NOWHERE}" in evidence(found)


def test_no_receiver_is_missed_while_nobody_writes() -> None:
    agent = changed(given.agent("cluster-02"), "prometheus.remote_write", [])
    assert "no-receiver" not in findings(given.centre(), audited(agent=agent))


@pytest.mark.parametrize("unknown", [{"components": None}, {"components_complete": False}])
def test_a_receiver_that_could_not_be_seen_is_not_missed(unknown: Facts) -> None:
    assert "no-receiver" not in findings(given.centre(**unknown), given.edge())


def test_a_central_cluster_that_was_left_out_of_the_run_is_not_judged() -> None:
    assert "no-receiver" not in findings(given.edge())
    assert "cluster-unreachable" not in findings(given.edge())


def test_a_receiver_of_which_no_pod_is_ready_does_not_run() -> None:
    router, ingestor = given.receivers()
    router["replicas"]["ready"] = 0
    found = findings(given.migrated_centre(components=[router, ingestor]))
    assert found["receiver-not-running"]["objects"] == [f"cluster-01: {ROUTER_ID}"]
    assert "not-ready" not in found


def test_a_single_router_is_told() -> None:
    router, ingestor = given.receivers()
    router["replicas"] = {"wanted": 1, "ready": 1}
    found = findings(given.migrated_centre(components=[router, ingestor]))["receiver-single-replica"]
    assert found["objects"] == [f"cluster-01: {ROUTER_ID}"]


def test_ingestors_of_several_zones_are_not_single() -> None:
    zones = [
        given.component("thanos_receive_ingestor", f"zone-{zone}", "thanos-receive", version="0.42.4") for zone in "ab"
    ]
    assert "receiver-single-replica" not in findings(given.migrated_centre(components=zones))


# What is wrong with blocks.

SECRET = {"subject": "Block 1", "cause": "password is a secret", "fix": "hide it", "id": "secret", "severity": "error"}


def test_what_is_wrong_with_a_remote_write_that_delivers_is_told() -> None:
    found = findings(writing(problems=[SECRET]))["remote-write-errors"]
    assert found["severity"] == "high"
    assert "Block 1: password is a secret" in evidence(found)


def test_what_could_go_wrong_with_a_remote_write_is_drift() -> None:
    found = findings(writing(problems=[given.RETRY_429]))
    assert [(one["id"], one["severity"]) for one in found.values()] == [("remote-write-warnings", "low")]


def test_what_is_wrong_with_the_agent_besides_its_blocks_is_told() -> None:
    problem = {**SECRET, "subject": "Agent, --agent", "id": "agent-flag", "cause": "Prometheus 2 does not know it"}
    agent = changed(given.good_agent("cluster-02"), "prometheus.problems", [problem])
    assert "Agent, --agent: Prometheus 2 does not know it" in evidence(findings(migrated(agent))["remote-write-errors"])


def test_an_address_that_leads_nowhere_is_told_once() -> None:
    assert "remote-write-errors" not in findings(given.edge())


def test_the_central_cluster_may_write_to_the_receivers_service() -> None:
    server = given.full("cluster-01")
    server["prometheus"]["remote_write"] = [given.write(url=given.NOWHERE, problems=[given.UNRESOLVABLE])]
    found = findings(given.migrated_centre(components=[server, *given.receivers()]))
    assert found == {}


# Who a sender says that it is.


def labelled(name: str, **labels: str) -> Facts:
    return given.migrated_edge(
        name,
        components=[changed(given.good_agent(name), "prometheus.external_labels", labels)],
        label_values={"cluster": []},
    )


def test_a_sender_without_label_cluster_is_told() -> None:
    found = findings(labelled("cluster-02", region="edge"))["label-cluster-mismatch"]
    assert found["severity"] == "high"
    assert "no external label cluster" in evidence(found)


def test_a_label_that_is_not_the_one_of_the_inventory_is_told_with_both() -> None:
    found = findings(labelled("cluster-02", cluster="edge-two"))["label-cluster-mismatch"]
    assert "cluster=edge-two; the inventory says cluster-02" in evidence(found)


def test_the_inventory_can_give_a_cluster_another_label() -> None:
    assert findings(labelled("cluster-02", cluster="edge-two"), labels={"cluster-02": "edge-two"}) == {}


def test_a_label_that_is_the_one_of_another_cluster_is_told_with_that_one() -> None:
    found = findings(given.migrated_edge(), labelled("cluster-03", cluster="cluster-02", region="x"))
    assert found["label-cluster-mismatch"]["clusters"] == ["cluster-03"]
    assert "which is the label of cluster-02" in evidence(found["label-cluster-mismatch"])


def test_samples_under_two_names_of_one_cluster_are_told() -> None:
    edge = given.migrated_edge(label_values={"cluster": ["cluster-02", "cluster-02-edge"]})
    found = findings(edge)["label-cluster-mismatch"]
    assert "cluster=cluster-02-edge, and the inventory says cluster-02" in evidence(found)


def test_the_other_name_may_be_found_in_another_cluster_or_be_the_shorter_one() -> None:
    centre = given.migrated_centre(label_values={"cluster": ["cluster-01", "cluster-02"]})
    found = findings(centre, labels={"cluster-02": "cluster-02-edge"})["label-cluster-mismatch"]
    assert found["evidence"] == [
        "cluster-01: some samples carry cluster=cluster-02, and the inventory says cluster-02-edge"
    ]


def test_a_label_that_is_like_none_of_the_inventory_is_somebody_elses() -> None:
    assert findings(given.migrated_edge(label_values={"cluster": ["cluster-09", "billing", ""]})) == {}


def test_two_clusters_may_have_names_that_begin_alike() -> None:
    edge = given.migrated_edge(label_values={"cluster": ["cluster-02", "cluster-02-edge"]})
    labels = {"cluster-02": "cluster-02", "cluster-03": "cluster-02-edge"}
    assert "label-cluster-mismatch" not in findings(edge, labels=labels)


def test_the_labels_of_a_full_prometheus_whose_samples_stay_do_not_matter() -> None:
    full = changed(given.full("cluster-02"), "prometheus.external_labels", {})
    edge = given.edge(components=[given.agent("cluster-02"), full])
    assert "label-cluster-mismatch" not in findings(edge)


def test_the_labels_of_a_full_prometheus_with_a_sidecar_matter() -> None:
    full = changed(given.full("cluster-02"), "prometheus.external_labels", {"prometheus": "a"})
    assert findings(audited(full=full))["label-cluster-mismatch"]["objects"] == [f"cluster-02: {FULL_ID}"]


def test_two_senders_with_equal_labels_collide() -> None:
    one, other = labelled("cluster-02", cluster="x"), labelled("cluster-03", cluster="x")
    found = findings(one, other)["identity-collision"]
    assert found["severity"] == "critical"
    assert found["clusters"] == ["cluster-02", "cluster-03"]
    assert "cluster=x; both write" in evidence(found)


def test_two_senders_without_any_labels_collide() -> None:
    found = findings(labelled("cluster-02"), labelled("cluster-03"))["identity-collision"]
    assert "none at all" in evidence(found)


def test_two_sidecars_that_upload_under_equal_labels_collide() -> None:
    full = changed(given.full("cluster-02"), "prometheus.external_labels", {"prometheus": "a"})
    edges = [given.edge(name, components=[full, given.sidecar(uploads=True)]) for name in ("cluster-02", "cluster-03")]
    assert "both upload to a bucket" in evidence(findings(*edges)["identity-collision"])


def test_an_agent_and_a_sidecar_with_equal_labels_do_not_meet() -> None:
    labels = {"cluster": "cluster-02", "region": "edge"}
    full = changed(given.full("cluster-02"), "prometheus.external_labels", labels)
    assert "identity-collision" not in findings(
        given.edge(components=[given.agent("cluster-02"), full, given.sidecar(uploads=True)])
    )


def test_shards_of_one_custom_resource_do_not_collide() -> None:
    owner = {**given.NOBODY, "custom_resource": {"kind": "PrometheusAgent", "namespace": "monitoring", "name": "edge"}}
    shards = [given.good_agent("cluster-02", owner=owner, id=f"shard {number}") for number in (1, 2)]
    for number, shard in enumerate(shards):
        shard["workload"] = {**shard["workload"], "name": f"shard-{number}"}
    assert findings(migrated(*shards)) == {}


# What phase 3 takes away.


def test_a_full_prometheus_on_an_edge_costs_with_its_sidecar_and_one_volume() -> None:
    found = findings(given.edge())["full-prometheus-on-edge"]
    assert (found["severity"], found["ends_with"]) == ("medium", "phase3")
    assert found["cost"] == {"memory": 2048 * MIB + 20 * MIB, "storage": 20 * 1024 * MIB, "money": None}


def test_a_full_prometheus_on_the_central_cluster_is_no_waste() -> None:
    assert "full-prometheus-on-edge" not in findings(given.centre())


def test_an_alertmanager_on_an_edge_is_waste() -> None:
    found = findings(migrated(None, given.alertmanager()))
    assert list(found) == ["alertmanager-on-edge"]
    assert found["alertmanager-on-edge"]["cost"]["storage"] == 2048 * MIB


def test_a_grafana_on_an_edge_is_waste() -> None:
    found = findings(migrated(None, given.component("grafana", "Deployment grafana", "grafana")))
    assert list(found) == ["grafana-on-edge"]
    assert found["grafana-on-edge"]["cost"]["memory"] == 100 * MIB


def test_a_failed_test_pod_is_told_with_why_it_stays() -> None:
    leftover = {"pod": "grafana-test", "namespace": "monitoring", "reason": "Error", "why": "it is a test hook of Helm"}
    found = findings(given.migrated_edge(leftovers=[leftover]))["leftover-pods"]
    assert found["severity"] == "low"
    assert found["objects"] == ["cluster-02: Pod monitoring/grafana-test"]
    assert "Error: it is a test hook of Helm" in evidence(found)


def claimed(**more: Any) -> Facts:
    """A migrated edge with a claim that nothing mounts."""
    claim = given.volume("data-old-0", 20 * 1024 * MIB, reclaim_policy="Delete", why="no pod mounts it")
    return given.migrated_edge(claims=[{**claim, **more}])


def test_a_claim_that_nothing_mounts_is_told_with_what_becomes_of_its_data() -> None:
    finding = findings(given.migrated_centre(), claimed())["claims-without-workload"]
    assert finding["objects"] == ["cluster-02: PersistentVolumeClaim monitoring/data-old-0"]
    assert evidence(finding) == (
        "cluster-02: PersistentVolumeClaim monitoring/data-old-0: 20.0 GiB of longhorn; no pod mounts it; "
        "reclaim policy Delete: the data goes with the claim"
    )


@pytest.mark.parametrize(
    ("policy", "text"),
    [
        ("Retain", "the volume and its data stay when the claim goes"),
        ("Recycle", "what becomes of its data without the claim is not known"),
        (None, "what becomes of its data without the claim is not known"),
    ],
)
def test_what_becomes_of_the_data_of_a_claim_is_said_in_words(policy: str | None, text: str) -> None:
    finding = findings(given.migrated_centre(), claimed(reclaim_policy=policy))["claims-without-workload"]
    assert text in evidence(finding)


def test_a_claim_costs_its_storage_and_no_memory() -> None:
    prices = {"memory_gib_month": 4.0, "storage_gib_month": 0.1}
    finding = findings(given.migrated_centre(), claimed(), **prices)["claims-without-workload"]
    assert finding["cost"] == {"memory": 0, "storage": 20 * 1024 * MIB, "money": 2.0}


def test_without_a_price_of_storage_a_claim_has_none() -> None:
    finding = findings(given.migrated_centre(), claimed(), memory_gib_month=4.0)["claims-without-workload"]
    assert finding["cost"]["money"] is None


def test_a_claim_without_a_volume_is_told_and_costs_nothing() -> None:
    finding = findings(given.migrated_centre(), claimed(volume=None, size=None))["claims-without-workload"]
    assert finding["cost"] is None
    assert evidence(finding).endswith("data-old-0: no pod mounts it")


def test_a_claim_of_the_central_cluster_is_told_too() -> None:
    claims = [given.volume("data-old-0", MIB, why="no pod mounts it")]
    found = findings(given.migrated_centre(claims=claims))
    assert found["claims-without-workload"]["clusters"] == ["cluster-01"]


def test_claims_that_could_not_be_seen_are_no_finding() -> None:
    assert findings(given.migrated_centre(), given.migrated_edge(claims=None)) == {}


def test_rules_that_only_an_edge_evaluates_have_to_move() -> None:
    found = findings(given.edge())["rules-on-edge"]
    assert found["severity"] == "high"
    assert "2 alerting and 1 recording" in evidence(found)
    assert "firing now: Watchdog" in evidence(found)


def test_rules_of_the_central_cluster_stay() -> None:
    assert "rules-on-edge" not in findings(given.centre())


def test_history_that_no_sidecar_uploads_is_told_with_how_much_it_is() -> None:
    found = findings(given.edge())["history-only-local"]
    assert found["severity"] == "high"
    assert "its sidecar uploads nothing; it keeps 15d; 2.0 GiB are stored" in evidence(found)


def test_a_full_prometheus_without_sidecar_has_its_history_to_itself() -> None:
    found = findings(given.edge(components=[given.full("cluster-02")]))
    assert "it has no sidecar" in evidence(found["history-only-local"])


@pytest.mark.parametrize(
    "edge",
    [
        given.edge(components=[given.full("cluster-02"), given.sidecar(uploads=None)]),
        given.edge(components=[given.full("cluster-02")], components_complete=False),
    ],
)
def test_whether_history_is_in_the_bucket_is_not_guessed(edge: Facts) -> None:
    assert not {"history-only-local", "sidecar-uploads"} & set(findings(edge))


def test_a_sidecar_that_uploads_is_good_to_know() -> None:
    found = findings(given.edge(components=[given.full("cluster-02"), given.sidecar(uploads=True)]))
    assert found["sidecar-uploads"]["severity"] == "info"
    assert "history-only-local" not in found


def test_a_volume_that_goes_with_its_claim_is_told_once() -> None:
    lost = given.volume("data", 20 * MIB, reclaim_policy="Delete")
    parts = [given.full("cluster-02", volumes=[lost]), given.sidecar(volumes=[lost])]
    found = findings(given.edge(components=parts))["volumes-delete-policy"]
    assert found["severity"] == "medium"
    assert found["objects"] == ["cluster-02: PersistentVolumeClaim monitoring/data"]
    assert len(found["evidence"]) == 1


def test_the_volume_of_the_agent_is_not_at_stake() -> None:
    lost = given.volume("data", 20 * MIB, reclaim_policy="Delete")
    assert findings(migrated(given.good_agent("cluster-02", volumes=[lost]))) == {}


def reader(kind: str = "hpa", **more: Any) -> Facts:
    return {
        "kind": kind,
        "namespace": "checkout",
        "name": "checkout",
        "reads": "memory of custom.metrics.k8s.io",
        "component": FULL_ID,
        **more,
    }


def test_whoever_reads_from_a_full_prometheus_of_an_edge_is_told() -> None:
    found = findings(given.edge(readers=[reader()]))["readers-of-full"]
    assert found["severity"] == "high"
    assert found["objects"] == ["cluster-02: hpa checkout/checkout"]
    assert f"memory of custom.metrics.k8s.io, which is {FULL_ID}" in evidence(found)


def test_a_reader_without_namespace_is_told_by_its_name() -> None:
    found = findings(given.edge(readers=[reader("apiservice", namespace=None, name="v1beta1.custom.metrics.k8s.io")]))
    assert found["readers-of-full"]["objects"] == ["cluster-02: apiservice v1beta1.custom.metrics.k8s.io"]


@pytest.mark.parametrize("component", [None, AGENT_ID])
def test_a_reader_of_something_else_is_none_of_the_full_prometheus(component: str | None) -> None:
    assert "readers-of-full" not in findings(given.edge(readers=[reader(component=component)]))


def test_readers_of_the_central_cluster_are_left_alone() -> None:
    assert "readers-of-full" not in findings(given.centre(readers=[reader()]))


# Who owns it.


@pytest.mark.parametrize(("kind", "called"), [("argocd", "Argo CD"), ("flux", "Flux")])
def test_gitops_that_would_bring_back_what_is_removed_is_told(kind: str, called: str) -> None:
    full = given.full("cluster-02", owner={**given.HELM, "kind": kind})
    found = findings(audited(full=full))["owner-gitops"]
    assert found["severity"] == "high"
    assert f"{called} monitoring/stack" in evidence(found)


def test_gitops_may_own_what_stays() -> None:
    agent = given.good_agent("cluster-02", owner={**given.HELM, "kind": "argocd"})
    assert findings(migrated(agent)) == {}


def test_gitops_that_owns_an_agent_that_has_to_be_changed_is_told() -> None:
    agent = given.agent("cluster-02", owner={**given.HELM, "kind": "flux"})
    assert findings(audited(agent=agent))["agent-owner-gitops"]["severity"] == "high"


def test_what_nobody_owns_is_told() -> None:
    full = given.full("cluster-02", owner=given.NOBODY)
    assert findings(audited(full=full))["owner-none"]["severity"] == "low"


def test_what_a_custom_resource_makes_has_an_owner() -> None:
    owner = {**given.NOBODY, "custom_resource": {"kind": "Prometheus", "namespace": "monitoring", "name": "stack"}}
    assert "owner-none" not in findings(audited(full=given.full("cluster-02", owner=owner)))


# The state of a cluster.


def test_a_cluster_of_which_nothing_is_known_is_told_with_why() -> None:
    why = {"subject": "API server of cluster-02", "cause": "no answer within 10 s", "fix": "check the address"}
    found = findings({"cluster": "cluster-02", "unseen": [why]})["cluster-unreachable"]
    assert found["severity"] == "high"
    assert "no answer within 10 s" in evidence(found)


def test_a_cluster_that_answered_but_showed_nothing_is_not_unreachable() -> None:
    unseen = [{"subject": "everything", "cause": "forbidden", "fix": "allow it"}]
    assert list(findings({"cluster": "cluster-02", "seen": True, "unseen": unseen})) == ["unseen-facts"]


def test_a_cluster_of_the_inventory_without_facts_is_told() -> None:
    assert findings(given.migrated_edge(), clusters=["cluster-02", "cluster-03"])["cluster-unreachable"][
        "clusters"
    ] == ["cluster-03"]


def test_what_could_not_be_seen_is_told() -> None:
    unseen = {"subject": "pods in cluster-02", "cause": "the user may not list them", "fix": "allow it"}
    assert findings(given.migrated_edge(unseen=[unseen]))["unseen-facts"]["severity"] == "info"


def test_a_server_that_does_not_answer_is_among_what_could_not_be_seen() -> None:
    problem = {"subject": "Prometheus in pod a", "cause": "it is not ready", "fix": "run the audit again"}
    agent = changed(given.good_agent("cluster-02"), "prometheus", given.silent(problem))
    assert list(findings(migrated(agent))) == ["unseen-facts"]


def test_what_an_answering_server_did_tell_counts() -> None:
    problem = {"subject": "Prometheus in pod a", "cause": "its metrics are not readable", "fix": "run it again"}
    agent = given.agent("cluster-02")
    agent["prometheus"] |= {"answers": False, "problem": problem}
    assert "agent-delivers-nothing" in findings(migrated(agent))


def test_default_credentials_are_told_without_their_value() -> None:
    credential = {"subject": "Secret monitoring/grafana", "cause": "the password is a well-known default"}
    found = findings(given.migrated_edge(credentials=[{**credential, "component": None}]))["default-credentials"]
    assert found["severity"] == "high"
    assert found["evidence"] == ["cluster-02: Secret monitoring/grafana: the password is a well-known default"]


def test_a_node_that_is_not_ready_is_told() -> None:
    node = {"name": "node-2", "addresses": [], "ready": False, "memory": None, "cpu": None}
    assert findings(given.migrated_edge(nodes=[node]))["node-not-ready"]["objects"] == ["cluster-02: Node node-2"]


def test_a_node_whose_state_is_unknown_is_not_told() -> None:
    assert findings(given.migrated_edge(nodes=[{"name": "node-2", "ready": None}])) == {}


def test_pods_that_are_not_ready_are_told() -> None:
    exporter = given.component("node_exporter", "DaemonSet exporter", "exporter", replicas={"wanted": 3, "ready": 2})
    found = findings(migrated(None, exporter))["not-ready"]
    assert found["severity"] == "medium"
    assert "2 of 3 pods are ready" in evidence(found)


def test_an_old_kubernetes_is_told() -> None:
    assert findings(given.migrated_edge(version="v1.24.17"))["kubernetes-too-old"]["severity"] == "high"


@pytest.mark.parametrize("version", ["v1.25.0", "v1.34.4+k3s1", "unheard of", None])
def test_a_kubernetes_that_will_do_or_is_unknown_is_not_told(version: str | None) -> None:
    assert findings(given.migrated_edge(version=version)) == {}


@pytest.mark.parametrize(("version", "is_old"), [("0.37.2", True), ("0.42.2", True), ("0.42.3", False), (None, False)])
def test_a_thanos_before_the_upload_at_shutdown_is_old(version: str | None, is_old: bool) -> None:
    parts = [{**part, "version": version} for part in given.receivers()]
    assert ("old-versions" in findings(given.migrated_centre(components=parts))) is is_old


def test_the_version_of_what_goes_away_does_not_matter() -> None:
    edge = given.edge(components=[given.full("cluster-02"), given.sidecar(version="0.37.2")])
    assert "old-versions" not in findings(edge)


def test_the_flags_of_an_agent_of_prometheus_2_are_good_to_know() -> None:
    found = findings(migrated(given.good_agent("cluster-02", version="2.48.0")))["agent-flags-of-2"]
    assert "it is Prometheus 2.48.0" in evidence(found)


# Targets; how they are told apart is in test_audit_targets.


def test_targets_that_two_servers_scrape_are_told_by_job() -> None:
    found = findings(given.edge())["duplicate-scraping"]
    assert found["severity"] == "medium"
    assert f"{FULL_ID} also scrapes 3 targets of it: cadvisor 1, kubelet 1, node-exporter 1" in evidence(found)


def test_targets_of_another_cluster_are_told_with_how_many_its_agent_has() -> None:
    found = findings(given.centre(), given.edge())["remote-scraping"]
    assert (found["severity"], found["clusters"]) == ("medium", ["cluster-01"])
    assert "1 target of cluster-02: cluster-02-kubelet 1" in evidence(found)
    assert "the agents of cluster-02 scrape 1 of these, too" in evidence(found)


def with_shop() -> Facts:
    full = given.full("cluster-02")
    full["prometheus"]["targets"] += [given.target(f"10.0.0.{end}:8080", "/metrics", "shop") for end in (8, 9)]
    return full


def test_targets_that_the_agent_would_not_scrape_are_told_with_an_example() -> None:
    found = findings(audited(full=with_shop()))["targets-only-full"]
    assert found["severity"] == "high"
    assert found["evidence"] == ["cluster-02: job shop: 2 targets, such as http://10.0.0.8:8080/metrics"]


def test_without_an_agent_there_is_nothing_to_compare_with() -> None:
    assert "targets-only-full" not in findings(given.edge(components=[with_shop()]))


def test_a_target_that_cannot_be_scraped_is_told_with_its_error() -> None:
    broken = given.target("10.0.0.9:8080", job="shop", health="down", error="connection refused")
    found = findings(migrated(changed(given.good_agent("cluster-02"), "prometheus.targets", [broken])))["targets-down"]
    assert found["severity"] == "medium"
    assert "job shop: 1 target, such as http://10.0.0.9:8080/metrics" in evidence(found)
    assert "connection refused" in evidence(found)


def test_a_target_whose_health_is_unknown_is_not_down() -> None:
    new = given.target("10.0.0.9:8080", health="unknown")
    assert findings(migrated(changed(given.good_agent("cluster-02"), "prometheus.targets", [new]))) == {}


Change = Callable[[Facts], Facts]


@pytest.mark.parametrize(
    "change",
    [
        lambda facts: changed(facts, "readers", None),
        lambda facts: changed(facts, "nodes", None),
        lambda facts: changed(facts, "label_values", None),
    ],
)
def test_what_is_unknown_hides_no_other_finding(change: Change) -> None:
    assert list(findings(change(given.centre()), change(given.edge())))[:3] == [
        "agent-delivers-nothing",
        "agent-remote-write-unresolvable",
        "no-receiver",
    ]
