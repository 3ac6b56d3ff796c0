"""How an edge delivers, judged from what was seen of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem
from ansible_collections.miribit.thanos.plugins.module_utils.gate import delivery
from ansible_collections.miribit.thanos.plugins.module_utils.gate.delivery import Pod, Seen, Workload
from ansible_collections.miribit.thanos.plugins.module_utils.gate.window import Stored
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.queues import Agent, Queue
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.targets import Target, TargetKey

LABELS = {"cluster": "cluster-03", "region": "edge"}
NOW = 1000.0
ID = "StatefulSet monitoring/prometheus-agent [prometheus-agent]"
SILENT = Problem("pod monitoring/prometheus-agent-0 port 9090", "it does not answer", "wait")


def target(job: str = "node", health: str = "up", interval: float = 30, **labels: str) -> Target:
    address = f"10.0.0.1:{len(job)}"
    url = f"http://{address}/metrics"
    own = {"job": job, "instance": address, **labels}
    return Target(TargetKey(address, "/metrics", ()), url, own, health, "", interval)


def queue(**numbers: Any) -> Queue:
    """One that has delivered all that came."""
    return Queue("thanos", "http://receiver", **{"attempts": 900.0, "sent": NOW - 12, "highest": NOW - 10, **numbers})


NEVER = queue(attempts=900, retried=900.0, sent=None, pending=5000.0)


def agent(*queues: Queue, **numbers: Any) -> Agent:
    told = {"started": 100.0, "version": "2.48.0", "highest": NOW - 10, "appended": 9000.0, **numbers}
    return Agent(queues, **told)


def pod(first: Agent, last: Agent | None = None, targets: Sequence[Target] | None = (target(),)) -> Pod:
    known = None if targets is None else tuple(targets)
    return Pod("prometheus-agent-0", first, last or first, seconds=30.0, targets=known)


def stored(*targets: Target, age: float = 10, **more: str) -> Stored:
    return Stored(NOW, tuple(({**LABELS, **one.labels, **more}, NOW - age) for one in targets))


def edge(*pods: Pod, answer: Stored | None = None, wanted: int = 1, **more: Any) -> Seen:
    agents = (Workload(ID, "2.48.0", wanted, pods),)
    return Seen("cluster-03", "monitoring", LABELS, agents, answer or stored(target()), 300.0, **more)


def delivering(**numbers: Any) -> Seen:
    return edge(pod(agent(queue(**numbers)), agent(queue(**numbers), appended=14460.0)))


def only(seen: Seen) -> Problem:
    (found,) = delivery.complaints(seen)
    return found


# The figures.


def test_an_edge_that_delivers_tells_all_figures() -> None:
    seen = delivering(pending=7.0)
    assert delivery.complaints(seen) == []
    assert delivery.facts(seen) == {
        "agents": [{"id": ID, "version": "2.48.0", "pods": {"wanted": 1, "answering": 1}}],
        "targets": {"up": 1, "all": 1},
        "watched": True,
        "samples_per_second": 182.0,
        # A queue that something waits in does not know the newest sample.
        "lag": 2.0,
        "backlog": 7,
        "refused": 0,
        "ever_delivered": True,
        "query": {"targets": 1, "samples_per_second": 300.0, "newest_age": 10.0},
    }


def test_what_is_not_known_is_null() -> None:
    seen = Seen("cluster-03", "monitoring", LABELS, problems=(SILENT,))
    assert delivery.facts(seen) == dict.fromkeys(delivery.facts(delivering()))
    assert delivery.complaints(seen) == [SILENT]


def test_of_a_silent_pod_nothing_is_counted() -> None:
    found = delivery.facts(edge(Pod("prometheus-agent-0", silent=SILENT)))
    assert found["agents"] == [{"id": ID, "version": "2.48.0", "pods": {"wanted": 1, "answering": 0}}]
    for figure in ("targets", "samples_per_second", "lag", "backlog", "refused", "ever_delivered"):
        assert found[figure] is None


def test_the_version_is_that_of_the_process_before_that_of_the_image() -> None:
    seen = edge(pod(agent(queue(), version="3.15.0")))
    assert delivery.facts(seen)["agents"][0]["version"] == "3.15.0"  # type: ignore[index]


def test_the_pods_of_all_agents_are_counted_together() -> None:
    first = pod(agent(queue(pending=3.0)), agent(queue(pending=3.0), appended=9300.0))
    second = pod(agent(NEVER), agent(NEVER, appended=9600.0), targets=[target("kubelet", health="down")])
    seen = edge(first)
    found = delivery.facts(replace(seen, agents=(*(seen.agents or ()), Workload("other", None, 1, (second,)))))
    assert found["samples_per_second"] == 30.0
    assert found["backlog"] == 5003
    assert found["targets"] == {"up": 1, "all": 2}
    assert found["ever_delivered"] is True
    assert found["lag"] == 2.0


def test_a_target_of_two_replicas_is_one_and_up_where_one_of_them_has_it_up() -> None:
    seen = edge(pod(agent(queue()), targets=[target(health="down")]), pod(agent(queue())))
    assert delivery.facts(seen)["targets"] == {"up": 1, "all": 1}
    turned = edge(pod(agent(queue())), pod(agent(queue()), targets=[target(health="down")]))
    assert delivery.facts(turned)["targets"] == {"up": 1, "all": 1}


def test_a_process_that_was_started_again_between_the_looks_has_no_rate() -> None:
    seen = edge(pod(agent(queue()), agent(queue(failed=2.0), started=500.0, appended=100.0)))
    assert delivery.facts(seen)["samples_per_second"] is None
    assert delivery.facts(seen)["refused"] == 2


def test_one_look_gives_the_mean_since_the_start() -> None:
    seen = edge(replace(pod(agent(queue())), seconds=0.0))
    assert delivery.facts(seen)["watched"] is False
    assert delivery.facts(seen)["samples_per_second"] == round(9000 / 890, 1)


def test_whether_a_silent_agent_was_watched_is_not_known() -> None:
    assert delivery.facts(edge(Pod("prometheus-agent-0", silent=SILENT)))["watched"] is None


@pytest.mark.parametrize(
    ("queues", "ever"),
    [([], False), ([NEVER], False), ([NEVER, queue()], True), ([queue(failed=900.0, pending=9.0)], False)],
)
def test_whether_anything_was_ever_delivered_is_told_of_all_queues(queues: list[Queue], *, ever: bool) -> None:
    assert delivery.facts(edge(pod(agent(*queues))))["ever_delivered"] is ever


def test_whether_anything_was_ever_delivered_can_be_unknown() -> None:
    doubtful = queue(failed=895.0, pending=9.0)
    assert delivery.facts(edge(pod(agent(NEVER, doubtful))))["ever_delivered"] is None


# Why it does not deliver.


def test_an_edge_without_an_agent_does_not_deliver() -> None:
    problem = only(replace(edge(), agents=()))
    assert problem.cause == "there is none in namespace monitoring, so nothing is sent"


def test_an_agent_that_is_scaled_to_no_pods_does_not_deliver() -> None:
    assert only(edge(wanted=0)).cause == "it is scaled to no pods"


def test_an_agent_without_a_pod_does_not_deliver() -> None:
    problem = only(edge())
    assert (problem.subject, problem.cause) == (f"{ID} in cluster-03", "no pod of it runs")


def test_a_silent_pod_is_told_though_another_one_delivers() -> None:
    assert only(edge(pod(agent(queue())), Pod("prometheus-agent-1", silent=SILENT))) == SILENT


def test_an_agent_without_targets_does_not_deliver() -> None:
    assert only(edge(pod(agent(queue()), targets=[]))).cause == "it has no targets, so there is nothing to send"


def test_an_agent_with_no_target_up_does_not_deliver() -> None:
    seen = edge(pod(agent(queue()), targets=[target(health="down"), target("kubelet", health="unknown")]))
    assert only(seen).cause == "none of its 2 targets is up: 10.0.0.1:4/metrics, 10.0.0.1:7/metrics"


def test_a_target_that_is_down_keeps_nothing_from_delivering() -> None:
    assert delivery.complaints(edge(pod(agent(queue()), targets=[target(), target("kubelet", health="down")]))) == []


def test_samples_that_are_refused_while_it_is_watched_are_told() -> None:
    seen = edge(pod(agent(queue(failed=3.0)), agent(queue(failed=10.0))))
    assert only(seen).cause == "7 samples were refused while it was watched, and are never sent again"


def test_samples_that_were_refused_before_are_past() -> None:
    assert delivery.complaints(edge(pod(agent(queue(failed=3.0))))) == []


def test_with_one_look_all_samples_that_were_refused_since_the_queue_was_made_count() -> None:
    seen = edge(replace(pod(agent(queue(failed=3.0))), seconds=0.0))
    assert delivery.facts(seen)["refused"] == 3
    assert only(seen).cause == "3 samples were refused since its queue was made, and are never sent again"
    assert only(seen).fix.startswith("watch it, which tells whether it goes on; then read the agent's log")


def test_with_one_look_an_edge_that_was_refused_nothing_delivers() -> None:
    assert delivery.complaints(edge(replace(pod(agent(queue())), seconds=0.0))) == []


def test_a_queue_that_was_made_anew_counts_from_nothing() -> None:
    assert edge(pod(agent(queue(failed=10.0)), agent(queue(failed=4.0)))).pods[0].refused == 4
    assert edge(pod(agent(), agent(queue(failed=4.0)))).pods[0].refused == 4


# What Thanos Query has.


def test_the_audited_edge_is_told_to_run_phase_2() -> None:
    problem = only(edge(pod(agent(NEVER)), answer=Stored()))
    assert problem == Problem(
        "Samples of cluster-03",
        "in the last 5 min Thanos Query has none with cluster=cluster-03, region=edge from the receiver: what the "
        "agent writes to has taken nothing since its queue was made",
        "run phase 2, which gives the agent the receiver's address",
    )


def test_an_agent_without_remote_write_is_told_so() -> None:
    assert only(edge(pod(agent()), answer=Stored())).cause.endswith(": the agent has no remote write")


def test_an_agent_that_was_just_started_is_waited_for() -> None:
    problem = only(edge(pod(agent(queue(attempts=0, sent=None))), answer=Stored()))
    assert problem.cause.endswith(": the agent has sent nothing yet since its queue was made")
    assert problem.fix.startswith("wait for two scrapes")


def test_an_agent_that_delivers_elsewhere_or_with_other_labels_is_told_what_to_compare() -> None:
    problem = only(edge(pod(agent(queue())), answer=Stored()))
    assert problem.cause.endswith("from the receiver")
    assert problem.fix.startswith("compare the external labels that the agent runs with these")


@pytest.mark.parametrize(("age", "delivers"), [(119, True), (121, False)])
def test_a_sample_is_new_for_two_scrapes_and_a_minute(age: float, *, delivers: bool) -> None:
    seen = edge(pod(agent(queue())), answer=stored(target(), age=age))
    assert (delivery.complaints(seen) == []) is delivers


def test_a_target_without_a_new_sample_is_named() -> None:
    targets = [target(), target("kubelet"), target("cadvisor"), target("kube-state-metrics"), target("longer-than-all")]
    seen = edge(pod(agent(queue()), targets=targets), answer=stored(targets[0]))
    assert only(seen).cause == (
        "Thanos Query has no new one of 4 of 5 targets that are up: "
        "10.0.0.1:7/metrics, 10.0.0.1:8/metrics, 10.0.0.1:18/metrics, ..."
    )
    assert delivery.facts(seen)["query"] == {"targets": 1, "samples_per_second": 300.0, "newest_age": 10.0}


def test_what_the_receiver_adds_makes_no_other_target_of_it() -> None:
    seen = edge(pod(agent(queue())), answer=stored(target(), tenant_id="default-tenant", receive="true"))
    assert delivery.complaints(seen) == []


def test_targets_are_told_apart_by_all_their_labels() -> None:
    a, b = target("node", zone="a"), replace(target("node", zone="b"), key=TargetKey("10.0.0.2:4", "/metrics", ()))
    seen = edge(pod(agent(queue()), targets=[a, b]), answer=stored(a))
    assert only(seen).cause.startswith("Thanos Query has no new one of 1 of 2 targets that are up: 10.0.0.2:4/metrics")


def test_of_a_series_that_is_there_twice_the_newest_sample_counts() -> None:
    both = Stored(NOW, (*stored(target(), age=5).series, *stored(target(), age=200, tenant_id="a").series))
    assert delivery.complaints(edge(pod(agent(queue())), answer=both)) == []


def test_of_an_edge_that_cannot_be_reached_it_is_known_what_arrives() -> None:
    seen = Seen("cluster-03", "monitoring", LABELS, None, stored(target()), 300.0, (SILENT,))
    assert delivery.complaints(seen) == [SILENT]
    assert delivery.facts(seen)["query"] == {"targets": None, "samples_per_second": 300.0, "newest_age": 10.0}


def test_before_phase_1_there_is_no_query() -> None:
    problem = Problem("service monitoring/thanos-query port http", "it does not exist: not found", "correct the name")
    found = delivery.without_query(problem)
    assert found.cause == "it does not exist: not found, so whether samples arrive is not known"
    assert found.fix == "run phase 1, which brings it, or correct its name"


def test_a_query_that_does_not_answer_keeps_its_fix() -> None:
    found = delivery.without_query(Problem("service monitoring/thanos-query", "it is not able to answer", "wait"))
    assert found.fix == "wait"


# What is asked.


def test_only_what_a_receiver_has_is_asked_for() -> None:
    labels = {"cluster": 'a"b', "not.a.name": "x"}
    assert delivery.moments_query(labels, "tenant_id") == 'timestamp(up{cluster="a\\"b",tenant_id!=""})'
    assert delivery.received_query(labels, "t", 30) == (
        'sum_over_time(count(last_over_time({cluster="a\\"b",t!=""}[5s]))[60s:5s]) / 60'
    )


@pytest.mark.parametrize(("interval", "seconds"), [(15, 60), (45, 90), (7, 65), (300, 300)])
def test_whole_scrapes_are_counted_that_take_a_minute_or_more(interval: float, seconds: int) -> None:
    assert delivery.received_query({}, "t", interval).endswith(f"[{seconds}s:5s]) / {seconds}")


def test_samples_are_counted_up_to_where_all_must_have_come_between_two_steps() -> None:
    assert delivery.received_until(stored(target(), age=10), 30) == NOW - 30 + 2.5
    assert delivery.received_until(stored(target(), age=6), 30) == NOW - 30 + 2.5


def test_nothing_that_is_too_old_to_be_new_is_counted() -> None:
    end = delivery.received_until(stored(target(), age=250), 30)
    assert end is not None
    assert 0 <= end - 60 - (NOW - delivery.patience(30)) < 5


def test_where_nothing_came_it_is_asked_for_now() -> None:
    assert delivery.received_until(Stored(), 30) is None


@pytest.mark.parametrize(("intervals", "seconds"), [([], 60), ([30, 15], 30), ([300], 60)])
def test_agents_are_watched_for_a_scrape_of_each_target_and_a_minute_at_most(
    intervals: Sequence[float], seconds: float
) -> None:
    assert delivery.watch(target(interval=interval) for interval in intervals) == seconds


def test_external_labels_are_no_difference_between_targets() -> None:
    own: Mapping[str, str] = {"region": "edge"}
    labelled = target("node", **own)
    plain = replace(target("kubelet"), labels={"job": "kubelet"})
    assert (
        delivery.complaints(edge(pod(agent(queue()), targets=[labelled, plain]), answer=stored(labelled, plain))) == []
    )
