"""The gates of a migration, judged from what was seen of an agent, its receiver and Thanos Query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem
from ansible_collections.miribit.thanos.plugins.module_utils.gate.agent import (
    Verdict,
    accepting_loss,
    before_restart,
    delivers,
)
from ansible_collections.miribit.thanos.plugins.module_utils.gate.checks import Check, Part, Wanted, check, span
from ansible_collections.miribit.thanos.plugins.module_utils.gate.problems import problems, table
from ansible_collections.miribit.thanos.plugins.module_utils.gate.window import (
    AgentPod,
    Router,
    Seen,
    Stored,
    up_query,
)
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.config import Block, Config, config
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.queues import Agent, Loss, Queue
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.targets import (
    Target,
    TargetKey,
    read_key,
    targets,
)

URL = "http://192.168.101.210:19291/api/v1/receive"
BLOCK = Block("thanos", URL)
CONFIG = Config({"cluster": "cluster-03"}, (BLOCK,))
WANTED = Wanted(config=CONFIG)

# The clock of these tests: the agent was started at 0, and is looked at at 1000 and at 1060.
FIRST, SECOND = 1000.0, 1060.0
# It scrapes 100 samples/s.
RATE = 100


def queue(name: str = "thanos", moment: float = FIRST, **more: Any) -> Queue:
    """One that sends everything: in the WAL nothing waits, and the last scrape's rest is in its batch."""
    sent = RATE * moment - 50
    numbers = {"attempts": sent, "samples_attempted": sent, "pending": 50, "samples_pending": 50}
    return replace(Queue(name, URL, sent=moment - 2, **numbers), **more)


def agent(*queues: Queue, moment: float = FIRST, **more: Any) -> Agent:
    healthy = Agent(
        queues=queues or (queue(moment=moment),),
        started=0.0,
        reload_succeeded=True,
        reloaded=1.0,
        appended=RATE * moment,
        highest=moment,
    )
    return replace(healthy, **more)


def target(number: int = 1, health: str = "up", job: str = "node", **labels: str) -> Target:
    address = f"10.0.0.{number}:9100"
    url = f"http://{address}/metrics"
    return Target(
        TargetKey(address, "/metrics", ()), url, {"job": job, "instance": address, **labels}, health, "", 30.0
    )


TARGETS = (target(1), target(2))


def pod(found: Agent | None = None, **more: Any) -> AgentPod:
    healthy = AgentPod("agent-0", agent=found or agent(), config=CONFIG, targets=TARGETS)
    return replace(healthy, **more)


def looks(*pods: AgentPod, moment: float = FIRST, **more: Any) -> Seen:
    return replace(Seen(moment, pods), **more)


def router(samples: int = 0, name: str = "router-0", tenant: str = "default-tenant", **codes: int) -> Router:
    others = {code.removeprefix("code_"): count for code, count in codes.items()}
    return Router(name, 5.0, {tenant: {"200": samples, **others}})


def series(*found: Target, moment: float = SECOND, age: float = 10, **more: str) -> Stored:
    labels = {"__name__": "up", "cluster": "cluster-03", "tenant_id": "default-tenant", **more}
    return Stored(moment, tuple(({**labels, **one.labels}, moment - age) for one in found))


def second(*queues: Queue, **more: Any) -> AgentPod:
    return pod(agent(*(queues or (queue(moment=SECOND),)), moment=SECOND), **more)


def restarting(first: AgentPod, then: AgentPod, wanted: Wanted = WANTED) -> Verdict:
    window = before_restart(wanted, None, looks(first)).window
    return before_restart(wanted, window, looks(then, moment=SECOND))


def delivering(first: Seen | None = None, then: Seen | None = None, wanted: Wanted = WANTED) -> Verdict:
    first = first or looks(pod(), routers=(router(1000),), stored={})
    window = delivers(wanted, None, first).window
    return delivers(wanted, window, then or healthy())


def healthy(*pods: AgentPod, **more: Any) -> Seen:
    """The second look at an edge that delivers."""
    everything = {"routers": (router(7000),), "stored": {"": series(*TARGETS)}}
    return looks(*(pods or (second(),)), moment=SECOND, **{**everything, **more})


def of(verdict: Verdict, name: str) -> Check:
    return next(one for one in verdict.checks if one.name == name)


def failing(verdict: Verdict) -> set[str]:
    return {one.name for one in verdict.checks if one.stops}


# Before a restart.


def test_an_agent_that_sends_all_may_be_restarted() -> None:
    verdict = restarting(pod(), second())
    assert verdict.passed
    assert verdict.loss is None
    assert {one.name for one in verdict.checks} == {
        *("answers", "endpoint", "sends", "refused", "dropped", "lag", "pending", "steady", "accounted"),
    }
    assert all(one.ok for one in verdict.checks)


def test_one_look_is_not_enough() -> None:
    verdict = before_restart(WANTED, None, looks(pod()))
    assert failing(verdict) == {"sends", "steady"}


def test_it_must_go_well_for_a_while() -> None:
    assert failing(restarting(pod(), second(), Wanted(hold=61))) == {"steady"}


def test_an_agent_that_lags_is_not_restarted() -> None:
    verdict = restarting(pod(), second(queue(moment=SECOND, sent=SECOND - 31)))
    assert failing(verdict) == {"lag"}
    assert of(verdict, "lag").observed == "thanos: 31 s"
    assert verdict.at_stake == Loss(31.0, 100)


def test_a_queue_that_has_more_than_a_batch_per_shard_is_not_thrown_away() -> None:
    verdict = restarting(pod(), second(queue(moment=SECOND, pending=2001.0)))
    assert failing(verdict) == {"pending"}
    assert of(verdict, "pending").observed == "thanos: 2001 samples wait, at most 2000 may"


def test_more_shards_may_fill_more_batches() -> None:
    assert restarting(pod(), second(queue(moment=SECOND, pending=2001.0, shards=2.0))).passed


def test_a_queue_that_has_sent_nothing_since_the_first_look_may_stand_still() -> None:
    # Nothing waits and nothing is tried: its watcher may have stopped.
    still = queue(pending=0.0, samples_pending=0.0)
    verdict = restarting(pod(agent(still)), second(replace(still)), Wanted(max_lag=100))
    assert failing(verdict) == {"sends"}


def test_what_is_refused_begins_the_comparison_anew() -> None:
    verdict = restarting(pod(), second(queue(moment=SECOND, failed=10.0)))
    assert failing(verdict) == {"sends", "steady"}
    assert of(verdict, "steady").observed == "0 s since thanos: samples were refused"
    assert not verdict.hopeless


def test_what_is_dropped_begins_the_comparison_anew() -> None:
    verdict = restarting(pod(), second(queue(moment=SECOND, dropped={"too_old": 10.0})))
    assert of(verdict, "steady").observed == "0 s since thanos: samples were dropped"


def test_what_relabelling_drops_on_purpose_does_not_matter() -> None:
    relabelling = Config(blocks=(replace(BLOCK, relabelling=({"action": "drop"},)),))
    then = second(queue(moment=SECOND, dropped={"": 10.0}), config=relabelling)
    first = pod(agent(queue(dropped={"": 5.0})), config=relabelling)
    verdict = restarting(first, then)
    assert verdict.passed
    assert of(verdict, "dropped").ok is None


def test_a_process_that_was_started_again_is_compared_anew() -> None:
    then = pod(agent(queue(moment=SECOND), moment=SECOND, started=1050.0))
    verdict = restarting(pod(), then)
    assert of(verdict, "steady").observed == "0 s since agent-0 was started again"


def test_a_queue_that_a_reload_has_made_anew_is_compared_anew() -> None:
    verdict = restarting(pod(), second(queue(moment=SECOND, attempts=10.0)))
    assert of(verdict, "steady").observed == "0 s since queue thanos was made anew"


def test_other_queues_are_compared_anew() -> None:
    verdict = restarting(pod(), second(queue("other", SECOND)))
    assert of(verdict, "steady").observed == "0 s since agent-0 has other queues"


def test_a_window_of_before_is_kept_while_nothing_happens() -> None:
    first = before_restart(WANTED, None, looks(pod())).window
    assert before_restart(WANTED, first, looks(second(), moment=SECOND)).window == first


NEVER = Queue("thanos", URL, attempts=900.0, retried=600.0, pending=5000.0, samples_pending=5000.0)


def test_where_the_endpoint_never_took_a_sample_the_loss_is_told_and_not_waited_for() -> None:
    verdict = before_restart(WANTED, None, looks(pod(agent(NEVER))))
    assert verdict.passed
    assert verdict.loss == Loss(1000.0, 100000)
    endpoint = of(verdict, "endpoint")
    assert endpoint.ok is None
    assert endpoint.observed == "thanos: it was tried, and has taken nothing since the queue was made"
    assert {one.ok for one in verdict.checks if one.name in {"sends", "lag", "pending", "steady"}} == {None}


def test_the_pods_of_an_agent_lose_each_its_own() -> None:
    both = pod(agent(NEVER, replace(NEVER, name="other"))), pod(agent(NEVER), name="agent-1")
    assert before_restart(WANTED, None, looks(*both)).loss == Loss(1000.0, 200000)


def test_a_loss_that_cannot_be_counted_is_unknown() -> None:
    assert before_restart(WANTED, None, looks(pod(agent(NEVER, appended=None)))).loss == Loss(1000.0, None)


def test_an_endpoint_that_refuses_everything_never_took_a_sample() -> None:
    refused = queue(failed=queue().attempts)
    assert before_restart(WANTED, None, looks(pod(agent(refused)))).passed


def test_an_endpoint_that_is_known_to_have_taken_samples_is_waited_for() -> None:
    verdict = before_restart(Wanted(delivered_before=True), None, looks(pod(agent(NEVER))))
    assert failing(verdict) == {"sends", "lag", "pending", "steady"}


def test_an_endpoint_that_was_not_tried_yet_is_waited_for() -> None:
    young = Queue("thanos", URL, pending=100.0, samples_pending=100.0)
    assert not before_restart(WANTED, None, looks(pod(agent(young)))).passed


def test_a_queue_that_delivers_is_waited_for_beside_one_that_never_did() -> None:
    first, then = pod(agent(queue(), replace(NEVER, name="old"))), second(queue(moment=SECOND), NEVER)
    verdict = restarting(first, replace(then, agent=agent(queue(moment=SECOND), replace(NEVER, name="old"))))
    assert verdict.passed
    assert verdict.loss is not None
    assert failing(before_restart(WANTED, None, looks(first))) == {"sends", "steady"}


def test_the_queue_of_a_tenant_without_workloads_is_not_waited_for() -> None:
    def idle(moment: float) -> Queue:
        return Queue("tenant-a", URL, dropped={"dropped_series": RATE * moment})

    first, then = pod(agent(queue(), idle(FIRST))), pod(agent(queue(moment=SECOND), idle(SECOND), moment=SECOND))
    verdict = restarting(first, then)
    assert verdict.passed
    assert "tenant-a: has nothing to send" in of(verdict, "sends").observed


def test_the_first_that_is_dropped_shows_that_the_watcher_works() -> None:
    # There is no number before.
    idle = Queue("tenant-a", URL)
    first, then = pod(agent(queue(), idle)), second(queue(moment=SECOND), replace(idle, dropped={"": 3.0}))
    assert restarting(first, then).passed


def test_a_watcher_that_still_reads_what_is_older_than_its_start_is_not_idle() -> None:
    starting = Queue("thanos", URL)
    assert failing(restarting(pod(agent(starting)), second(starting))) == {"sends", "lag"}


def test_where_nothing_new_is_scraped_nothing_new_must_be_sent() -> None:
    done = queue(pending=0.0, samples_pending=0.0, sent=FIRST)
    verdict = restarting(pod(agent(done)), pod(agent(done)))
    assert verdict.passed


def test_an_agent_that_has_scraped_nothing_has_nothing_to_lose() -> None:
    assert before_restart(WANTED, None, looks(pod(agent(highest=None, appended=0.0)))).passed


def test_an_agent_without_remote_write_has_nothing_to_lose() -> None:
    assert before_restart(WANTED, None, looks(pod(replace(agent(), queues=())))).passed


def test_a_process_that_does_not_run_has_no_queue() -> None:
    verdict = before_restart(WANTED, None, looks(AgentPod("agent-0", ready=False, running=False)))
    assert verdict.passed
    assert of(verdict, "answers").observed == "agent-0: does not run, so it has no queue"


def test_a_process_that_does_not_answer_may_have_a_backlog() -> None:
    silent = AgentPod("agent-0", silent=Problem("pod agent-0", "it does not answer", "wait"))
    verdict = before_restart(WANTED, None, looks(silent))
    assert failing(verdict) == {"answers"}


def test_no_pods_are_no_evidence() -> None:
    assert failing(before_restart(WANTED, None, looks())) == {"answers"}


def test_every_pod_of_an_agent_is_looked_at() -> None:
    late = replace(second(queue(moment=SECOND, sent=SECOND - 40)), name="agent-1")
    window = before_restart(WANTED, None, looks(pod(), pod(name="agent-1"))).window
    verdict = before_restart(WANTED, window, looks(second(), late, moment=SECOND))
    assert of(verdict, "lag").observed == "agent-1/thanos: 40 s"


def test_samples_that_no_counter_shows_are_a_warning() -> None:
    # The WAL was truncated before they were read.
    verdict = restarting(pod(), pod(agent(queue(moment=SECOND), moment=SECOND, appended=RATE * SECOND + 7000)))
    assert verdict.passed
    accounted = of(verdict, "accounted")
    assert (accounted.ok, accounted.required) == (False, False)
    assert accounted.observed == "thanos: 7000 scraped samples never came into the queue"


def test_after_a_reload_nobody_knows_what_is_missing() -> None:
    verdict = restarting(pod(), pod(agent(queue(moment=SECOND), moment=SECOND, reloaded=500.0)))
    assert of(verdict, "accounted").ok is None


def test_what_2_48_has_not_read_yet_is_no_warning() -> None:
    verdict = restarting(pod(), pod(agent(queue(moment=SECOND), moment=SECOND, appended=RATE * SECOND + 5000)))
    assert of(verdict, "accounted").ok


def test_whoever_accepts_the_loss_is_told_of_it() -> None:
    seen = looks(second(queue(moment=SECOND, sent=SECOND - 500)), moment=SECOND)
    verdict = accepting_loss(before_restart(WANTED, None, seen), seen)
    assert verdict.passed
    assert verdict.loss == Loss(500.0, 100)
    assert of(verdict, "lag").ok is False


def test_the_first_look_tells_only_what_one_look_can_show() -> None:
    verdict = delivers(WANTED, None, looks(pod(agent(queue(sent=FIRST - 60))), routers=(router(9),)))
    assert failing(verdict) == {"sends", "lag", "received", "steady"}
    assert [line.split(":")[0] for line in verdict.progress] == ["lag", "steady"]


def test_lines_of_progress_do_not_change_with_every_sample() -> None:
    def line(pending: float) -> list[str]:
        return restarting(pod(), second(queue(moment=SECOND, pending=pending))).progress

    assert line(123400.0) == ["pending: thanos: 120,000 samples wait; must be: at most one batch per shard"]
    assert line(123400.0) == line(123401.0)


# Delivery.


def test_an_edge_that_delivers_passes() -> None:
    verdict = delivering()
    assert verdict.passed
    assert [one.name for one in verdict.checks] == [
        *(
            "answers",
            "configuration",
            "targets",
            "sends",
            "refused",
            "dropped",
            "lag",
            "pending",
            "received",
            "rejected",
        ),
        *("stored", "identity", "steady", "accounted", "equation"),
    ]
    assert [one.name for one in verdict.checks if not one.ok] == ["equation"]


def test_the_first_look_proves_no_delivery() -> None:
    verdict = delivers(WANTED, None, replace(healthy(), stored={"": series(*TARGETS)}))
    assert failing(verdict) == {"sends", "received", "steady"}


def test_a_pod_that_is_not_ready_does_not_pass() -> None:
    verdict = delivering(then=healthy(second(ready=False, restarts=3)))
    assert failing(verdict) == {"answers"}
    assert of(verdict, "answers").observed == "agent-0: not ready, 3 restarts"


def test_a_missing_pod_does_not_pass() -> None:
    verdict = delivering(wanted=replace(WANTED, pods=2))
    assert of(verdict, "answers").observed == "1 of 2 pods"
    assert failing(verdict) == {"answers"}


@pytest.mark.parametrize(
    ("running", "observed"),
    [
        (None, "it does not tell its configuration"),
        (replace(CONFIG, external_labels={}), "its external labels are none"),
        (replace(CONFIG, external_labels={"cluster": "x"}), "its external labels are cluster=x"),
        (replace(CONFIG, blocks=()), f"it does not write to thanos {URL}"),
        (replace(CONFIG, blocks=(BLOCK, Block("", "http://old"))), "it writes to http://old"),
        (
            replace(CONFIG, blocks=(Block("thanos", "http://old"),)),
            f"it does not write to thanos {URL}; it writes to thanos http://old",
        ),
    ],
)
def test_another_configuration_than_the_wanted_one_does_not_pass(running: Config | None, observed: str) -> None:
    verdict = delivering(then=healthy(second(config=running)))
    assert failing(verdict) == {"configuration"}
    assert of(verdict, "configuration").observed == f"agent-0: {observed}"


def test_a_configuration_that_could_not_be_loaded_does_not_pass() -> None:
    then = pod(agent(moment=SECOND, reload_succeeded=False))
    assert of(delivering(then=healthy(then)), "configuration").observed == "agent-0: its last reload failed"


def test_without_a_wanted_configuration_the_running_one_will_do() -> None:
    verdict = delivering(wanted=Wanted())
    assert verdict.passed
    assert of(verdict, "configuration").threshold == "loaded"


def test_a_target_that_is_down_does_not_pass() -> None:
    down = replace(target(2, "down"), error="connection refused")
    verdict = delivering(then=healthy(second(targets=(target(1), down))))
    assert failing(verdict) == {"targets"}
    assert of(verdict, "targets").observed == "http://10.0.0.2:9100/metrics: is down (connection refused)"


def test_an_agent_without_targets_does_not_pass() -> None:
    assert "targets" in failing(delivering(then=healthy(second(targets=()))))


def test_a_target_that_was_down_before_may_be_down() -> None:
    wanted = replace(WANTED, targets_before=frozenset({target(1).key}))
    verdict = delivering(then=healthy(second(targets=(target(1), target(2, "down")))), wanted=wanted)
    assert verdict.passed
    assert of(verdict, "targets").observed == "1 of 1 up, and 0 of 1 others"


def test_a_target_that_was_up_before_and_is_lost_does_not_pass() -> None:
    wanted = replace(WANTED, targets_before=frozenset({target(1).key, target(3).key}))
    verdict = delivering(wanted=wanted)
    assert failing(verdict) == {"targets"}
    assert of(verdict, "targets").observed == "10.0.0.3:9100/metrics: is not scraped any more"


def test_two_batches_per_shard_may_wait() -> None:
    assert delivering(then=healthy(second(queue(moment=SECOND, pending=4000.0)))).passed
    verdict = delivering(then=healthy(second(queue(moment=SECOND, pending=4001.0))))
    assert failing(verdict) == {"pending"}


def test_a_backlog_that_shrinks_is_told_so() -> None:
    first = looks(pod(agent(queue(pending=9000.0))), routers=(router(1000),), stored={})
    verdict = delivering(first, healthy(second(queue(moment=SECOND, pending=8000.0))))
    assert of(verdict, "pending").brief == "thanos: 8,000 samples wait, fewer than at the first look"


def test_an_edge_that_lags_does_not_pass() -> None:
    verdict = delivering(then=healthy(second(queue(moment=SECOND, sent=SECOND - 31))))
    assert failing(verdict) == {"lag"}


def test_an_agent_whose_samples_are_refused_fails_at_once() -> None:
    verdict = delivering(then=healthy(second(queue(moment=SECOND, failed=120.0))))
    assert verdict.hopeless
    assert of(verdict, "refused").observed == "thanos: 120 samples refused"


def test_what_was_refused_before_the_first_look_is_told() -> None:
    first = looks(pod(agent(queue(failed=1692.0))), routers=(router(1000),), stored={})
    verdict = delivering(first, healthy(second(queue(moment=SECOND, failed=1692.0))))
    assert verdict.passed
    assert of(verdict, "refused").observed == "thanos: none, 1,700 before"


def test_an_agent_that_sends_nothing_anywhere_does_not_pass() -> None:
    bare = pod(replace(agent(moment=SECOND), queues=()))
    verdict = delivering(looks(pod(replace(agent(), queues=()))), healthy(bare), Wanted())
    assert of(verdict, "sends").observed == "no queue sends anything"
    assert "sends" in failing(verdict)


def test_routers_that_count_nothing_of_the_tenant_do_not_pass() -> None:
    verdict = delivering(then=healthy(routers=(router(1000),)))
    assert failing(verdict) == {"received"}
    assert of(verdict, "received").observed == "tenant default-tenant: nothing accepted since the first look"


def test_samples_of_another_tenant_are_no_proof() -> None:
    tenant = Config(CONFIG.external_labels, (replace(BLOCK, headers={"x-scope-orgid": "tenant-a"}),))
    verdict = delivering(then=healthy(second(config=tenant), stored={}), wanted=Wanted(config=tenant))
    assert of(verdict, "received").observed == "tenant tenant-a: nothing accepted since the first look"


def test_what_routers_refuse_begins_the_comparison_anew() -> None:
    verdict = delivering(then=healthy(routers=(router(7000, code_409=3),)))
    assert of(verdict, "steady").observed == "0 s since tenant default-tenant: samples were refused by the receiver"
    assert not verdict.hopeless


def test_what_routers_refused_before_does_not_matter() -> None:
    first = looks(pod(), routers=(router(1000, code_503=9),), stored={})
    assert delivering(first, healthy(routers=(router(7000, code_503=9),))).passed


def test_a_router_that_does_not_answer_does_not_pass() -> None:
    silent = Router("router-1", silent=Problem("pod router-1", "it does not answer", "wait"))
    first = looks(pod(), routers=(router(1000), silent), stored={})
    verdict = delivering(first, healthy(routers=(router(7000), silent)))
    assert of(verdict, "received").observed == "router-1: it does not answer"
    assert failing(verdict) == {"received"}


def test_no_routers_do_not_pass() -> None:
    first = looks(pod(), routers=(), stored={})
    assert failing(delivering(first, healthy(routers=()))) == {"received"}


@pytest.mark.parametrize(
    "then", [(router(7000, name="router-1"),), (router(7000), router(0, name="router-1")), (router(10),)]
)
def test_other_routers_are_compared_anew(then: tuple[Router, ...]) -> None:
    assert failing(delivering(then=healthy(routers=then))) == {"sends", "received", "steady"}


def test_a_router_that_was_started_again_is_compared_anew() -> None:
    again = replace(router(7000), started=1050.0)
    verdict = delivering(then=healthy(routers=(again,)))
    assert of(verdict, "steady").observed == "0 s since router router-0 was started again"


def test_where_the_tenants_are_not_known_nothing_is_proven() -> None:
    bare = pod(config=None)
    verdict = delivering(
        looks(bare, routers=(router(1000),), stored={}), healthy(second(config=None), stored={}), Wanted()
    )
    assert failing(verdict) == {"received", "stored"}
    assert of(verdict, "stored").observed == "as which tenant it writes is not known"


def test_what_was_not_asked_is_not_judged() -> None:
    verdict = delivering(looks(pod()), looks(second(), moment=SECOND))
    assert verdict.passed
    assert {one.observed for one in verdict.checks if one.name in {"received", "rejected", "stored", "identity"}} == {
        "not asked"
    }


def test_a_pod_that_does_not_answer_once_loses_no_window() -> None:
    window = delivers(WANTED, None, looks(pod(), routers=(router(1000),), stored={})).window
    silent = AgentPod("agent-0", silent=Problem("pod agent-0", "it does not answer", "wait"))
    assert delivers(WANTED, window, healthy(silent)).window == window


def test_a_pod_that_answers_late_is_compared_from_then_on() -> None:
    window = delivers(WANTED, None, looks(routers=(router(1000),), stored={})).window
    verdict = delivers(WANTED, window, healthy())
    assert of(verdict, "steady").observed == "0 s since agent-0 was not there before"


# What Query has.


def test_a_target_that_query_does_not_have_does_not_pass() -> None:
    verdict = delivering(then=healthy(stored={"": series(target(1))}))
    assert failing(verdict) == {"stored"}
    observed = "tenant default-tenant: 1 of 2 not found (http://10.0.0.2:9100/metrics)"
    assert of(verdict, "stored").observed == observed


def test_a_target_without_a_new_sample_does_not_pass() -> None:
    assert delivering(then=healthy(stored={"": series(*TARGETS, age=60)})).passed
    verdict = delivering(then=healthy(stored={"": series(*TARGETS, age=61)}))
    assert "2 of 2 without a new sample" in of(verdict, "stored").observed


def test_a_target_that_is_scraped_often_may_still_be_on_its_way() -> None:
    fast = replace(target(1), interval=1.0)
    assert delivering(then=healthy(second(targets=(fast,)), stored={"": series(fast, age=21)})).passed


def test_copies_that_query_does_not_make_one_of_do_not_pass() -> None:
    copies = series(*TARGETS, *TARGETS)
    verdict = delivering(then=healthy(stored={"": copies}))
    assert "2 of 2 found more than once" in of(verdict, "stored").observed


def test_a_query_that_does_not_answer_does_not_pass() -> None:
    silent = Stored(silent=Problem("service thanos-query", "it does not exist", "create it"))
    verdict = delivering(then=healthy(stored={"": silent}))
    assert of(verdict, "stored").observed == "tenant default-tenant: it does not exist"
    assert of(verdict, "identity").ok is None


def test_targets_are_told_apart_by_all_their_labels() -> None:
    kubelet, cadvisor = target(1, metrics_path="/metrics"), target(1, metrics_path="/metrics/cadvisor")
    then = healthy(second(targets=(kubelet, cadvisor)), stored={"": series(kubelet)})
    assert "1 of 2 not found" in of(delivering(then=then), "stored").observed


def test_a_target_with_a_label_of_its_own_for_an_external_one_is_not_asked_for() -> None:
    foreign = target(3, cluster="cluster-02")
    assert delivering(then=healthy(second(targets=(*TARGETS, foreign)))).passed


TENANTS = Config(
    {"cluster": "cluster-03"},
    (
        Block("a", URL, {"X-Scope-OrgID": "a"}, ({"source_labels": ["namespace"], "regex": "a|b", "action": "keep"},)),
        Block("rest", URL, {}, ({"source_labels": ["namespace"], "regex": "a|b", "action": "drop"},)),
    ),
)


def test_each_tenant_must_have_the_targets_of_its_namespaces() -> None:
    own, other = target(1, namespace="a"), target(2)

    def tenants(moment: float) -> AgentPod:
        queues = queue("a", moment), queue("rest", moment)
        return pod(agent(*queues, moment=moment), config=TENANTS, targets=(own, other))

    def received(samples: int) -> tuple[Router, ...]:
        return (Router("r", 5.0, {"a": {"200": samples}, "default-tenant": {"200": samples}}),)

    first = looks(tenants(FIRST), routers=received(10), stored={})
    then = looks(tenants(SECOND), moment=SECOND, routers=received(900), stored={"a": series(own), "": series(other)})
    assert delivering(first, then, Wanted(config=TENANTS)).passed
    mixed = replace(then, stored={"a": series(other), "": series(other)})
    verdict = delivering(first, mixed, Wanted(config=TENANTS))
    assert of(verdict, "stored").observed == "tenant a: 1 of 1 not found (http://10.0.0.1:9100/metrics)"


def test_a_tenant_that_has_nothing_to_send_need_not_be_received() -> None:
    def tenants(moment: float) -> AgentPod:
        queues = Queue("a", URL, dropped={"dropped_series": moment}), queue("rest", moment)
        return pod(agent(*queues, moment=moment), config=TENANTS)

    first = looks(tenants(FIRST), routers=(router(1000),), stored={})
    then = looks(tenants(SECOND), moment=SECOND, routers=(router(7000),), stored={"a": Stored(), "": series(*TARGETS)})
    verdict = delivering(first, then, Wanted(config=TENANTS))
    assert verdict.passed
    assert "tenant a: no target is its own" in of(verdict, "stored").observed


def test_where_relabelling_cannot_be_followed_one_new_series_will_do() -> None:
    odd = Config(CONFIG.external_labels, (replace(BLOCK, relabelling=({"action": "labeldrop", "regex": "x"},)),))
    then = healthy(second(config=odd), stored={"": series(target(9))})
    assert delivering(then=then, wanted=Wanted(config=odd)).passed
    empty = healthy(second(config=odd), stored={"": Stored()})
    assert "stored" in failing(delivering(then=empty, wanted=Wanted(config=odd)))


def test_a_series_of_no_target_shows_another_sender_with_the_same_labels() -> None:
    verdict = delivering(then=healthy(stored={"": series(*TARGETS, target(9))}))
    assert verdict.passed
    identity = of(verdict, "identity")
    assert identity.ok is False
    assert identity.observed == (
        "1 series up that are of no target of this agent, such as job node, instance 10.0.0.9:9100"
    )


def test_a_series_of_a_target_that_has_gone_shows_nothing() -> None:
    gone = series(target(9), age=100).series
    now = series(*TARGETS)
    assert of(delivering(then=healthy(stored={"": replace(now, series=now.series + gone)})), "identity").ok


@pytest.mark.parametrize(("received", "ok"), [(6900, True), (7050, True), (6000, False), (9000, False)])
def test_the_equation_of_both_sides_is_checked_on_request(*, received: int, ok: bool) -> None:
    # 6000 samples were sent between the looks, 50 are under way.
    verdict = delivering(then=healthy(routers=(router(received),)), wanted=replace(WANTED, tolerance=0.01))
    assert of(verdict, "equation").ok is ok


# What is read of the answers.


def test_targets_are_read_as_prometheus_tells_them() -> None:
    (found,) = targets(
        {
            "activeTargets": [
                {
                    "labels": {"job": "blackbox", "instance": "x"},
                    "scrapeUrl": "http://10.0.0.1:9115/probe?module=http&target=x",
                    "health": "down",
                    "lastError": "no route",
                    "scrapeInterval": "1m30s",
                },
                {"scrapeUrl": "::"},
            ]
        }
    )
    assert found.key == read_key(
        {"address": "10.0.0.1:9115", "path": "/probe", "params": {"target": ["x"], "module": ["http"]}}
    )
    assert (found.health, found.error, found.interval) == ("down", "no route", 90)


def test_a_configuration_is_read_without_the_passwords_of_its_urls() -> None:
    found = config(
        {
            "global": {"external_labels": {"cluster": "cluster-03", "shard": 1}},
            "remote_write": [{"url": "http://user:hunter2@r/api", "headers": {"X-Scope-OrgID": "a"}}],
        }
    )
    assert found.external_labels == {"cluster": "cluster-03", "shard": "1"}
    assert found.blocks == (Block("", "http://r/api", {"X-Scope-OrgID": "a"}),)


@pytest.mark.parametrize(
    ("rules", "labels", "takes"),
    [
        ([], {}, True),
        ([{"action": "keep", "source_labels": ["a", "b"], "regex": "1;2"}], {"a": "1", "b": "2"}, True),
        ([{"action": "keep", "source_labels": ["a", "b"], "separator": "-", "regex": "1-2"}], {"a": "1"}, False),
        ([{"action": "keep", "source_labels": ["a"], "regex": "1"}], {"a": "11"}, False),
        ([{"action": "Drop", "source_labels": ["a"], "regex": "1"}], {"a": "1"}, False),
        ([{"action": "drop", "source_labels": ["a"], "regex": "1"}, {"target_label": "x"}], {"a": "1"}, False),
        ([{"target_label": "x"}], {}, None),
        ([{"action": "keep", "source_labels": ["a"], "regex": "("}], {}, None),
    ],
)
def test_relabelling_that_keeps_and_drops_is_followed(
    *, rules: Sequence[Mapping[str, object]], labels: dict[str, str], takes: bool | None
) -> None:
    assert Block("", URL, {}, tuple(rules)).takes(labels) is takes


def test_a_queue_without_a_name_is_found_by_its_url() -> None:
    relabelling = Config({}, (Block("", URL, {}, ({"action": "drop"},)),))
    assert relabelling.relabels(Queue("9a64fa", URL))
    assert not Config({}, (Block("", URL),)).relabels(Queue("9a64fa", URL))


def test_a_queue_that_is_not_found_may_relabel() -> None:
    assert Config().relabels(Queue("9a64fa", URL))


def test_query_is_asked_for_what_a_receiver_has_stored_of_this_sender() -> None:
    asked = up_query({"cluster": 'a"b', "odd name": "x"}, "tenant_id", "default-tenant")
    assert asked == 'timestamp(up{cluster="a\\"b",tenant_id="default-tenant"})'


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("activeTargets", "scrapeUrl", "labels", "scrapeInterval", "global", "external_labels"),
                    *("remote_write", "url", "headers", "write_relabel_configs", "action", "regex", "source_labels"),
                    *("began", "because", "agents", "routers", "started", "queues", "written"),
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(_JSON)
def test_no_answer_crashes_it(content: object) -> None:
    targets(content)
    for block in config(content).blocks:
        block.takes({"namespace": "a"})


# How it is told.

SUBJECT = "Agent monitoring/app=agent in context cluster-03"


def told(verdict: Verdict, seen: Seen, *log: str) -> list[Problem]:
    return problems(verdict, seen, {"agent-0": log}, SUBJECT)


def test_what_the_agent_logs_tells_the_cause() -> None:
    line = '12:00 Failed to send batch, retrying: Post "http://r": dial tcp: connect: connection refused'
    first, then = pod(), second(replace(queue(), pending=9000.0))
    window = before_restart(WANTED, None, looks(first)).window
    seen = looks(then, moment=SECOND)
    (problem,) = told(before_restart(WANTED, window, seen), seen, line)
    assert problem.subject == SUBJECT
    assert problem.cause == (
        "nothing listens at the address and port of the receiver, or a firewall refuses the connection. "
        "check sends: thanos: nothing was sent since the first look; must be: more since the first look. "
        "check lag: thanos: 62 s; must be: at most 30 s. "
        "check pending: thanos: 9000 samples wait, at most 2000 may; must be: at most one batch per shard. "
        "A new queue would lose what is not sent: 60 s, 6200 samples"
        f"\n  log of agent-0: {line}"
    )
    assert problem.fix.startswith("compare the port with that of the receiver's Service or Ingress")
    assert problem.fix.endswith("; wait until the backlog is sent, or set 'accept_loss' to lose it")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("dial tcp: lookup thanos on 10.0.0.10:53: no such host", "DNS"),
        ("dial tcp: lookup thanos: i/o timeout", "DNS"),
        ("x509: certificate signed by unknown authority", "untrusted authority"),
        ("remote error: tls: bad certificate", "refuses the client certificate"),
        ("http: server gave HTTP response to HTTPS client", "does not speak TLS at this port"),
        ("dial tcp 1.2.3.4:19291: connect: connection refused", "nothing listens"),
        ("dial tcp 1.2.3.4:19291: i/o timeout", "does not answer"),
        ("context deadline exceeded", "does not answer"),
        ("read: connection reset by peer", "is closed before"),
        ("server returned HTTP status 400 Bad Request: x", "refuses the tenant's name"),
        ("server returned HTTP status 401 Unauthorized: x", "login"),
        ("server returned HTTP status 404 Not Found: x", "at this path"),
        ("server returned HTTP status 409 Conflict: x", "another sender writes the same series"),
        ("server returned HTTP status 413 Request Entity Too Large: x", "larger than a limit"),
        ("server returned HTTP status 429 Too Many Requests: x", "limit of active series"),
        ("server returned HTTP status 500 Internal Server Error: x", "no ring for this tenant"),
        (
            "server returned HTTP status 503 Service Unavailable: dial tcp 10.1.1.1:10901: connection refused",
            "too few ingestors",
        ),
        ("server returned HTTP status 503 Service Unavailable: x", "too few ingestors"),
    ],
)
def test_each_complaint_has_a_cause_and_a_fix(text: str, word: str) -> None:
    seen = healthy(second(queue(moment=SECOND, failed=120.0)))
    verdict = delivering(then=seen)
    problem = told(verdict, seen, text)[0]
    assert word in problem.cause.split(". check ")[0]
    assert problem.fix != "read the agent's log, and look whether the receiver keeps up"


def test_the_newest_complaint_counts() -> None:
    seen = healthy(second(queue(moment=SECOND, failed=120.0)))
    problem = told(delivering(then=seen), seen, "HTTP status 503", "HTTP status 409")[0]
    assert "out of order" in problem.cause


def test_without_a_log_the_checks_tell() -> None:
    seen = healthy(second(queue(moment=SECOND, failed=120.0)))
    problem = told(delivering(then=seen), seen)[0]
    assert problem.cause == "check refused: thanos: 120 samples refused; must be: none since the first look"
    assert problem.fix == "read the agent's log, and look whether the receiver keeps up"


def test_each_other_check_is_a_problem_of_its_own() -> None:
    seen = healthy(
        second(config=Config(), targets=(target(1, "down"),)), routers=(router(1000),), stored={"": Stored()}
    )
    verdict = delivering(then=seen, wanted=replace(WANTED, tolerance=0.01))
    found = told(verdict, seen)
    assert [problem.cause.split(":")[0] for problem in found] == [
        *("check configuration", "check targets", "check received", "check stored", "check equation"),
    ]
    assert len({problem.fix for problem in found}) == 5


def test_a_pod_that_does_not_answer_hides_what_follows_from_it() -> None:
    seen = healthy(AgentPod("agent-0", ready=False, silent=Problem("x", "it does not exist", "correct the name")))
    (problem,) = told(delivering(then=seen), seen)
    assert problem.cause.startswith("check answers: agent-0: not ready, it does not exist; must be:")
    assert problem.fix == "correct the name"


def test_pods_that_are_not_there_are_told() -> None:
    seen = healthy(AgentPod("x", running=False, ready=False))
    (problem,) = told(delivering(then=seen), seen)
    assert "kubectl describe pod" in problem.fix


def test_what_happens_again_and_again_is_told() -> None:
    seen = healthy(routers=(router(7000, code_503=3),))
    found = told(delivering(then=seen), seen)
    assert found[-1].cause == (
        "check steady: 0 s since tenant default-tenant: samples were refused by the receiver; "
        "must be: 30 s without a restart or a refusal"
    )


def test_that_the_time_was_too_short_is_told_where_nothing_else_is_wrong() -> None:
    seen = healthy()
    (problem,) = told(delivering(then=seen, wanted=replace(WANTED, hold=100)), seen)
    assert problem.fix == "see what happens again and again; if nothing does, raise 'timeout' above 'hold'"


def test_what_is_only_a_consequence_of_time_is_not_told_beside_a_cause() -> None:
    seen = healthy(stored={"": Stored()})
    found = told(delivering(then=seen, wanted=replace(WANTED, hold=100)), seen)
    assert [problem.cause.split(":")[0] for problem in found] == ["check stored"]


def test_the_table_has_a_line_for_each_check() -> None:
    checks = [
        Check("lag", "thanos: 2 s", "at most 30 s", ok=True, why=""),
        Check("pending", "9000", "one batch", ok=False, why=""),
        Check("accounted", "70", "0", ok=False, why="", required=False),
        Check("equation", "not asked", "equal", ok=None, why=""),
    ]
    assert table(checks) == [
        "ok    lag        thanos: 2 s  must be: at most 30 s",
        "FAIL  pending    9000         must be: one batch",
        "warn  accounted  70           must be: 0",
        "-     equation   not asked    must be: equal",
    ]


def test_of_many_parts_some_are_told() -> None:
    found = check("lag", [Part(str(number), "late", ok=False) for number in range(5)], "", "")
    assert found.observed == "0: late; 1: late; 2: late; and 2 more"


@pytest.mark.parametrize(("seconds", "text"), [(44, "40 s"), (119, "120 s"), (150, "2 min"), (9000, "2.5 h")])
def test_times_are_told_in_round_numbers(seconds: float, text: str) -> None:
    assert span(seconds) == text
