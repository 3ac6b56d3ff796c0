"""Who leaves when a PrometheusAgent takes over, as whom it starts, and who comes back."""

from __future__ import annotations

from typing import Any

import pytest
from agent_texts import AUDITED, BLOCK, SAAS, YAML

from ansible_collections.miribit.thanos.plugins.filter._operator_handover import operator_handover
from ansible_collections.miribit.thanos.plugins.filter._operator_rollback import operator_rollback
from ansible_collections.miribit.thanos.plugins.module_utils.agent.handover import PROVING, Handover, Wish, plan

Facts = dict[str, Any]

LABELS = {"cluster": "cluster-03", "region": "edge"}
CONFIG = {"global": {"external_labels": LABELS}, "remote_write": [BLOCK]}
OURS = {"app.kubernetes.io/managed-by": "miribit.thanos"}
NOBODY = {"kind": "none", "namespace": None, "name": None, "custom_resource": None}
OPERATOR = {"id": "Deployment monitoring/operator", "version": "0.85.0", "replicas": {"wanted": 1, "ready": 1}}
#: As the agent of the fleet has it, but as the same cluster.
TEXT = AUDITED.replace("cluster-03-edge", "cluster-03")


def queue(accepted: bool | None, **more: Any) -> Facts:
    return {"name": "thanos", "url": BLOCK["url"], "ever_accepted": accepted, **more}


def agent(name: str = "prometheus-agent", kind: str = "StatefulSet", **other: Any) -> Facts:
    """One that has never delivered."""
    return {
        "id": f"{kind} monitoring/{name} [prometheus]",
        "workload": {"kind": kind, "namespace": "monitoring", "name": name},
        "container": "prometheus",
        "selector": f"app={name}",
        "replicas": {"wanted": 1, "ready": 1},
        "owner": NOBODY,
        "running": [{"pod": f"{name}-0", "text": TEXT, "queues": [queue(False)]}],
        **other,
    }


def delivering(**other: Any) -> Facts:
    return agent(running=[{"pod": "p", "text": TEXT, "queues": [queue(True)]}], **other)


def made_by(name: str, shard: str = "", kind: str = "PrometheusAgent", **other: Any) -> Facts:
    """An agent that the operator made."""
    custom = {"kind": kind, "namespace": "monitoring", "name": name}
    return agent(f"prom-agent-{name}{shard}", owner={**NOBODY, "custom_resource": custom}, **other)


def resource(labels: Facts | None = None, **other: Any) -> Facts:
    """The PrometheusAgent that is there already."""
    writes = [{**BLOCK}]
    spec = {"replicas": 1, "externalLabels": labels or LABELS, "remoteWrite": writes, **other}
    return {"metadata": {"name": "thanos-agent", "labels": OURS}, "spec": spec}


def planned(*agents: Facts, found: Facts | None = None, remembered: Facts | None = None, **wish: Any) -> Handover:
    edge = {"agents": list(agents), "servers": [], "operators": [OPERATOR]}
    wanted = Wish(
        **{
            "name": "thanos-agent",
            "namespace": "monitoring",
            "config": CONFIG,
            "prometheus_version": "3.15.0",
            **wish,
        }
    )
    return plan(edge, wanted, found, remembered or {}, YAML)


def leaving(handover: Handover) -> list[object]:
    assert handover.problems == ()
    return [old["id"] for old in handover.old]


def refused(handover: Handover) -> str:
    [problem] = handover.problems
    assert handover.remote_write == []
    return str(problem)


# Who leaves.


def test_the_only_other_agent_leaves() -> None:
    assert leaving(planned(agent())) == ["StatefulSet monitoring/prometheus-agent"]


def test_where_there_is_no_other_agent_nobody_leaves() -> None:
    assert leaving(planned()) == []


def test_the_new_agent_itself_stays() -> None:
    assert leaving(planned(made_by("thanos-agent"), found=resource())) == []


def test_an_agent_without_pods_has_left_already() -> None:
    assert leaving(planned(agent(replicas={"wanted": 0, "ready": 0}))) == []


def test_an_agent_of_the_operator_leaves_as_its_custom_resource_with_all_shards() -> None:
    [old] = planned(made_by("edge"), made_by("edge", "-shard-1")).old
    assert old["object"] == {
        "apiVersion": "monitoring.coreos.com/v1alpha1",
        "kind": "PrometheusAgent",
        "metadata": {"name": "edge", "namespace": "monitoring"},
    }
    assert [one["name"] for one in old["workloads"]] == ["prom-agent-edge", "prom-agent-edge-shard-1"]  # type: ignore[attr-defined]


def test_of_several_agents_those_that_are_named_leave_and_the_others_are_told() -> None:
    handover = planned(agent("a"), agent("b"), agent("c"), replaces=["a", "b"])
    assert leaving(handover) == ["StatefulSet monitoring/a", "StatefulSet monitoring/b"]
    assert [warning.subject for warning in handover.warnings] == ["StatefulSet monitoring/c"]


def test_several_agents_are_refused_while_nobody_names_those_that_leave() -> None:
    told = refused(planned(agent("a"), agent("b")))
    assert "StatefulSet monitoring/a, StatefulSet monitoring/b" in told
    assert "prometheus_agent_operator_replaces" in told


def test_a_name_of_no_agent_is_refused() -> None:
    assert "no agent is called 'other'" in refused(planned(agent("a"), replaces=["a", "other"]))


# What keeps one from leaving.


@pytest.mark.parametrize("old", [agent(kind="DaemonSet"), agent(kind="Pod"), made_by("stack", kind="Prometheus")])
def test_what_cannot_be_scaled_to_no_pods_is_refused(old: Facts) -> None:
    told = refused(planned(old))
    assert "by hand" in told
    # The other form would refuse a pod and what an operator makes, too.
    assert ("take prometheus_agent_form: configmap" in told) is (old["workload"]["kind"] == "DaemonSet")


def test_unknown_replicas_are_refused_because_nobody_could_bring_them_back() -> None:
    assert "spec.replicas" in refused(planned(agent(replicas={"wanted": None, "ready": 1})))


@pytest.mark.parametrize("kind", ["argocd", "flux"])
def test_one_that_is_brought_back_at_once_is_refused(kind: str) -> None:
    old = agent(owner={**NOBODY, "kind": kind, "name": "edge"})
    assert "it would run again" in refused(planned(old))
    accepted = planned(old, accept_owner=True)
    assert leaving(accepted)
    assert len(accepted.warnings) == 1


def test_a_release_that_brings_it_back_later_is_told() -> None:
    handover = planned(agent(owner={**NOBODY, "kind": "helm", "name": "edge"}))
    assert leaving(handover)
    assert "next upgrade" in handover.warnings[0].cause


def test_one_that_also_writes_to_another_system_is_refused() -> None:
    text = TEXT.replace("# The end.", f"  - url: {SAAS}\n")
    old = agent(running=[{"pod": "p", "text": text, "queues": [queue(False)]}])
    assert SAAS in refused(planned(old))
    assert leaving(planned(old, keep_others=False))


# What keeps the new one from being made.


@pytest.mark.parametrize("name", ["Agent", "a" * 42, "-a", ""])
def test_a_name_that_the_operator_makes_no_workload_of_is_refused(name: str) -> None:
    assert "prometheus_agent_name" in refused(planned(name=name))


def test_the_longest_name_is_taken() -> None:
    assert leaving(planned(name="a" * 41)) == []


def test_the_name_of_another_agent_is_refused() -> None:
    assert "another agent of the edge has this name" in refused(planned(agent("thanos-agent")))


def test_a_custom_resource_of_somebody_else_is_refused() -> None:
    found = {**resource(), "metadata": {"name": "thanos-agent", "labels": {}}}
    assert "this collection did not make it" in refused(planned(found=found))


def test_what_the_custom_resource_cannot_hold_is_refused() -> None:
    assert "sigv4" in refused(planned(config={**CONFIG, "remote_write": [{**BLOCK, "sigv4": {}}]}))


def test_an_operator_that_cannot_is_refused() -> None:
    edge = {"agents": [], "servers": [], "operators": []}
    handover = plan(edge, Wish("a", "monitoring", CONFIG, "3.15.0"), None, {}, YAML)
    assert "no prometheus-operator runs" in refused(handover)


def test_all_that_is_wrong_is_told_at_once() -> None:
    handover = planned(agent("a"), agent("b"), name="Agent")
    assert len(handover.problems) == 2


# As whom it starts.


def test_beside_an_agent_that_never_delivered_it_starts_as_itself() -> None:
    handover = planned(agent())
    assert (handover.first, handover.last) == (LABELS, LABELS)


def test_beside_one_that_delivers_it_starts_as_another_cluster() -> None:
    handover = planned(delivering())
    assert handover.first == {**LABELS, "cluster": f"cluster-03{PROVING}"}
    assert handover.last == LABELS


@pytest.mark.parametrize(
    "running",
    [
        [],
        [{"pod": "p", "text": TEXT, "queues": []}],
        [{"pod": "p", "text": TEXT, "queues": [queue(None)]}],
        [{"pod": "p", "text": TEXT, "queues": [queue(False, tried=False)]}],
        [{"pod": "p", "text": TEXT, "queues": [queue(False), queue(True)]}],
    ],
)
def test_beside_one_that_may_deliver_it_starts_as_another_cluster(running: list[Facts]) -> None:
    assert planned(agent(running=running)).first != LABELS


def test_beside_one_of_an_edge_that_delivered_before_it_starts_as_another_cluster() -> None:
    assert planned(agent(), delivered_before=True).first != LABELS


def test_beside_one_that_delivers_as_another_cluster_it_starts_as_itself() -> None:
    old = agent(running=[{"pod": "p", "text": AUDITED, "queues": [queue(True)]}])
    assert planned(old).first == LABELS


def test_where_it_runs_as_another_cluster_still_it_takes_over_though_the_old_one_has_left() -> None:
    found = resource({**LABELS, "cluster": f"cluster-03{PROVING}"})
    handover = planned(made_by("thanos-agent"), found=found)
    assert handover.as_dict()["takes_over"] is True
    assert handover.changes_queues is False


def test_where_it_is_the_cluster_already_nothing_is_taken_over() -> None:
    handover = planned(made_by("thanos-agent"), found=resource())
    assert handover.as_dict()["takes_over"] is False
    assert handover.changes_queues is False


@pytest.mark.parametrize("other", [{"labels": {"cluster": "other"}}, {"remoteWrite": []}])
def test_another_identity_or_block_makes_its_queues_anew(other: Facts) -> None:
    assert planned(found=resource(**other)).changes_queues is True


def test_one_without_pods_has_no_queues() -> None:
    assert planned(found=resource(remoteWrite=[], replicas=0)).changes_queues is False


# What is remembered.


def test_what_the_old_one_had_is_remembered() -> None:
    assert planned(agent(replicas={"wanted": 2, "ready": 2})).remembered == {
        "name": "thanos-agent",
        "old": [{"kind": "StatefulSet", "namespace": "monitoring", "name": "prometheus-agent", "replicas": 2}],
    }


def test_what_an_earlier_run_remembers_is_kept_when_the_old_one_has_left() -> None:
    before = planned(agent()).remembered
    gone = agent(replicas={"wanted": 0, "ready": 0})
    assert planned(gone, found=resource(), remembered=before).remembered == before


def test_the_filter_says_the_same() -> None:
    edge = {"agents": [agent()], "servers": [], "operators": [OPERATOR]}
    wish = {"name": "thanos-agent", "namespace": "monitoring", "config": CONFIG, "prometheus_version": "3.15.0"}
    found = operator_handover(edge, {**wish, "credentials_secret": "", "username_secret": ""})
    assert found == planned(agent()).as_dict()


def test_no_secret_of_a_configuration_is_in_the_plan() -> None:
    text = TEXT.replace("  - url: http://", "  - url: http://user:dummy-secret@")
    old = agent(running=[{"pod": "p", "text": text, "queues": [queue(True)]}])
    assert "dummy-secret" not in str(planned(old).as_dict())


# The way back.


def back(*agents: Facts, found: Facts | None = None) -> Facts:
    remembered = planned(agent(replicas={"wanted": 2, "ready": 2})).remembered
    return operator_rollback({"agents": list(agents)}, "thanos-agent", "monitoring", found, remembered)


def test_who_left_comes_back_with_as_many_pods() -> None:
    gone = agent(replicas={"wanted": 0, "ready": 0})
    [old] = back(gone, found=resource())["old"]
    assert (old["id"], old["replicas"]) == ("StatefulSet monitoring/prometheus-agent", 2)
    assert old["workloads"] == [{"kind": "StatefulSet", "name": "prometheus-agent"}]


def test_one_that_is_gone_cannot_come_back() -> None:
    [problem] = back(found=resource())["problems"]
    assert problem["subject"] == "StatefulSet monitoring/prometheus-agent"


def test_where_nothing_is_remembered_nobody_comes_back() -> None:
    found = operator_rollback({"agents": []}, "thanos-agent", "monitoring", resource(), {})
    assert (found["old"], found["exists"], found["runs"]) == ([], True, True)


@pytest.mark.parametrize(
    ("found", "exists", "runs"),
    [
        (None, False, False),
        (resource(replicas=0), True, False),
        ({**resource(), "metadata": {"labels": {}}}, False, False),
    ],
)
def test_only_our_own_agent_goes(found: Facts | None, exists: bool, runs: bool) -> None:
    told = back(agent(), found=found)
    assert (told["exists"], told["runs"]) == (exists, runs)
