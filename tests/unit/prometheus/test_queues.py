"""What a Prometheus says of its remote-write queues. The texts are those of running ones, cut."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.exposition import parse
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.queues import Agent, Loss, Queue, read, version

URL = "http://192.168.101.210:19291/api/v1/receive"

# An agent of 2.48 whose receiver's name resolves nowhere: its first batch of 1692 samples is tried for the 19th time.
NEVER_ACCEPTED = f"""\
process_start_time_seconds 1.79527463753e+09
prometheus_agent_samples_appended_total{{type="float"}} 12564
prometheus_build_info{{branch="",goarch="amd64",version="2.48.0"}} 1
prometheus_config_last_reload_success_timestamp_seconds 1.795274638390562e+09
prometheus_config_last_reload_successful 1
prometheus_remote_storage_highest_timestamp_in_seconds 1.79527471e+09
prometheus_remote_storage_histograms_pending{{remote_name="9a64fa",url="{URL}"}} 0
prometheus_remote_storage_max_samples_per_send{{remote_name="9a64fa",url="{URL}"}} 5000
prometheus_remote_storage_samples_dropped_total{{remote_name="9a64fa",url="{URL}"}} 0
prometheus_remote_storage_samples_failed_total{{remote_name="9a64fa",url="{URL}"}} 0
prometheus_remote_storage_samples_pending{{remote_name="9a64fa",url="{URL}"}} 12564
prometheus_remote_storage_samples_retried_total{{remote_name="9a64fa",url="{URL}"}} 30456
prometheus_remote_storage_samples_total{{remote_name="9a64fa",url="{URL}"}} 32148
prometheus_remote_storage_shards{{remote_name="9a64fa",url="{URL}"}} 1
"""

# An agent of 3.15 with three queues: the endpoint of one is down, so it is full; one works; one keeps nothing.
THREE = f"""\
process_start_time_seconds 1.79527545491e+09
prometheus_agent_samples_appended_total{{type="float"}} 24552
prometheus_agent_samples_appended_total{{type="histogram"}} 7
prometheus_config_last_reload_success_timestamp_seconds 1.795275456105387e+09
prometheus_config_last_reload_successful 1
prometheus_remote_storage_highest_timestamp_in_seconds 1.7952755e+09
prometheus_remote_storage_max_samples_per_send{{remote_name="dead",url="{URL}"}} 500
prometheus_remote_storage_max_samples_per_send{{remote_name="live",url="{URL}"}} 500
prometheus_remote_storage_queue_highest_sent_timestamp_seconds{{remote_name="dead",url="{URL}"}} 0
prometheus_remote_storage_queue_highest_sent_timestamp_seconds{{remote_name="idle",url="{URL}"}} 0
prometheus_remote_storage_queue_highest_sent_timestamp_seconds{{remote_name="live",url="{URL}"}} 1.795275499e+09
prometheus_remote_storage_queue_highest_timestamp_seconds{{remote_name="dead",url="{URL}"}} 1.795275463e+09
prometheus_remote_storage_queue_highest_timestamp_seconds{{remote_name="idle",url="{URL}"}} 0
prometheus_remote_storage_queue_highest_timestamp_seconds{{remote_name="live",url="{URL}"}} 1.7952755e+09
prometheus_remote_storage_histograms_total{{remote_name="live",url="{URL}"}} 5
prometheus_remote_storage_histograms_failed_total{{remote_name="live",url="{URL}"}} 2
prometheus_remote_storage_histograms_pending{{remote_name="live",url="{URL}"}} 3
prometheus_remote_storage_samples_dropped_total{{reason="dropped_series",remote_name="idle",url="{URL}"}} 24552
prometheus_remote_storage_samples_failed_total{{remote_name="dead",url="{URL}"}} 0
prometheus_remote_storage_samples_pending{{remote_name="dead",url="{URL}"}} 1499
prometheus_remote_storage_samples_pending{{remote_name="live",url="{URL}"}} 115
prometheus_remote_storage_samples_retried_total{{remote_name="dead",url="{URL}"}} 7000
prometheus_remote_storage_samples_total{{remote_name="dead",url="{URL}"}} 7500
prometheus_remote_storage_samples_total{{remote_name="idle",url="{URL}"}} 0
prometheus_remote_storage_samples_total{{remote_name="live",url="{URL}"}} 24437
prometheus_remote_storage_shards{{remote_name="dead",url="{URL}"}} 1
prometheus_remote_storage_shards{{remote_name="live",url="{URL}"}} 1
"""


def agent(text: str) -> Agent:
    return read(parse(text))


def queue(text: str, name: str) -> Queue:
    return next(one for one in agent(text).queues if one.name == name)


def test_a_process_tells_of_itself() -> None:
    found = agent(NEVER_ACCEPTED)
    assert (found.version, found.started, found.reload_succeeded) == ("2.48.0", 1795274637.53, True)
    assert (found.appended, found.highest) == (12564, 1795274710)
    assert found.rate == pytest.approx(12564 / 72.47, rel=0.001)


def test_a_process_that_says_nothing_of_itself_is_unknown() -> None:
    assert agent("up 1\n") == Agent()
    assert Agent().rate is None


def test_a_full_server_tells_what_came_to_its_remote_storage() -> None:
    assert agent("prometheus_remote_storage_samples_in_total 42\n").appended == 42


def test_only_float_samples_are_appended_samples() -> None:
    assert agent(THREE).appended == 24552


def test_each_queue_has_its_own_numbers() -> None:
    assert [one.name for one in agent(THREE).queues] == ["dead", "idle", "live"]
    live = queue(THREE, "live")
    assert (live.url, live.batch, live.shards, live.sent, live.highest) == (URL, 500, 1, 1795275499, 1795275500)


def test_native_histograms_wait_and_fail_with_the_samples_but_are_no_samples() -> None:
    live = queue(THREE, "live")
    assert (live.attempts, live.failed, live.pending) == (24442, 2, 118)
    assert (live.samples_attempted, live.samples_failed, live.samples_pending) == (24437, 0, 115)


# Whether anything was accepted.


def test_a_batch_that_is_under_way_is_none_that_was_accepted() -> None:
    found = queue(NEVER_ACCEPTED, "9a64fa")
    assert found.accepted_at_most == 1692
    assert found.ever_accepted() is False
    assert found.tried


def test_version_3_says_0_where_nothing_was_sent() -> None:
    found = queue(THREE, "dead")
    assert found.sent is None
    assert found.ever_accepted() is False


def test_a_queue_that_was_not_tried_has_accepted_nothing() -> None:
    found = queue(THREE, "idle")
    assert found.ever_accepted() is False
    assert not found.tried


def test_a_batch_that_was_settled_without_a_refusal_was_accepted() -> None:
    assert Queue("a", URL, attempts=500, pending=500, sent=1.0).ever_accepted() is True


def test_where_all_that_was_settled_was_refused_nothing_was_accepted() -> None:
    assert Queue("a", URL, attempts=900, failed=900, sent=1.0).ever_accepted() is False


def test_where_more_was_not_refused_than_can_be_under_way_something_was_accepted() -> None:
    assert Queue("a", URL, attempts=900, failed=100, pending=300, sent=1.0).ever_accepted() is True


def test_where_what_was_not_refused_can_be_under_way_nobody_knows() -> None:
    assert Queue("a", URL, attempts=900, failed=700, pending=300, sent=1.0).ever_accepted() is None


def test_what_was_given_up_untried_hides_what_was_accepted() -> None:
    # 9000 waited when the shards were stopped, and the deadline passed.
    assert Queue("a", URL, attempts=5000, failed=9000, sent=1.0).ever_accepted() is None


def test_no_more_than_a_batch_of_each_shard_is_under_way() -> None:
    assert Queue("a", URL, pending=9000, shards=2, batch=500).under_way == 1000
    assert Queue("a", URL, pending=90, shards=2, batch=500).under_way == 90


# Lag.


def test_before_3_7_the_lag_is_behind_what_was_scraped() -> None:
    assert Agent(highest=620).lag(Queue("a", URL, sent=605)) == 15


def test_the_timestamp_of_a_queue_is_believed_where_nothing_waits() -> None:
    # The tenant's own targets were scraped at 600, others later.
    assert Agent(highest=620).lag(Queue("a", URL, highest=600, sent=600)) == 0


def test_the_timestamp_of_a_full_queue_stands_still_and_is_not_believed() -> None:
    full = replace(queue(THREE, "dead"), sent=1795275460.0)
    assert full.highest == 1795275463
    assert agent(THREE).lag(full) == 40


def test_without_anything_sent_there_is_no_lag() -> None:
    assert Agent(highest=620).lag(Queue("a", URL)) is None


def test_without_anything_scraped_there_is_no_lag() -> None:
    assert Agent().lag(Queue("a", URL, sent=605)) is None


def test_what_is_sent_before_the_others_are_told_is_no_negative_lag() -> None:
    assert Agent(highest=600).lag(Queue("a", URL, sent=605)) == 0


# Dropped.


def test_what_relabelling_drops_is_not_lost() -> None:
    assert queue(THREE, "idle").lost(relabels=True) == 0


def test_any_other_reason_is_a_loss() -> None:
    found = Queue("a", URL, dropped={"dropped_series": 7, "too_old": 2, "unintentionally_dropped_series": 1})
    assert found.lost(relabels=True) == 3


def test_without_reasons_what_is_dropped_is_lost_unless_it_relabels() -> None:
    found = Queue("a", URL, dropped={"": 4})
    assert found.lost(relabels=False) == 4
    assert found.lost(relabels=True) is None


def test_without_reasons_nothing_dropped_is_nothing_lost() -> None:
    assert queue(NEVER_ACCEPTED, "9a64fa").lost(relabels=True) == 0


# What no counter shows.


@pytest.mark.parametrize(("name", "unaccounted"), [("live", 0), ("idle", 0), ("dead", 24552 - 500 - 1499)])
def test_what_was_scraped_and_never_came_into_a_queue_is_unaccounted(name: str, unaccounted: int) -> None:
    assert agent(THREE).unaccounted(queue(THREE, name)) == unaccounted


def test_after_a_later_reload_nobody_knows_since_when_a_queue_counts() -> None:
    found = agent(THREE)
    assert found.started is not None
    reloaded = replace(found, reloaded=found.started + 3600)
    assert reloaded.unaccounted(queue(THREE, "dead")) is None


def test_of_an_unknown_process_nothing_is_unaccounted() -> None:
    assert Agent().unaccounted(Queue("a", URL)) is None


# What a new queue loses.


def test_where_nothing_was_accepted_all_is_lost_that_was_scraped() -> None:
    assert agent(NEVER_ACCEPTED).loss(queue(NEVER_ACCEPTED, "9a64fa")).as_dict() == {"seconds": 72, "samples": 12564}


def test_where_the_queue_is_full_what_waits_in_the_wal_is_lost_too() -> None:
    assert agent(THREE).loss(queue(THREE, "dead")).samples == 24552


def test_no_more_is_lost_than_the_wal_holds() -> None:
    # 1000 samples/s for ten days: at one segment in two hours, the WAL comes to 8 h.
    days = Agent(started=0.0, reloaded=1.0, appended=864e6, highest=864000.0)
    assert days.loss(Queue("a", URL, retried=1.0)) == Loss(8 * 3600.0, 8 * 3600 * 1000)


def test_a_busy_wal_holds_less() -> None:
    days = Agent(started=0.0, reloaded=1.0, appended=8640e6, highest=864000.0)
    assert days.loss(Queue("a", URL)).seconds == 4 * 3600


def test_a_queue_that_has_sent_everything_loses_nothing() -> None:
    sent = Queue("a", URL, attempts=1000, samples_attempted=1000, sent=100.0)
    assert Agent(started=0.0, reloaded=1.0, appended=1000, highest=100.0).loss(sent) == Loss(0.0, 0)


def test_a_queue_that_keeps_nothing_loses_nothing() -> None:
    assert agent(THREE).loss(queue(THREE, "idle")) == Loss(0.0, 0)


def test_after_a_reload_the_rate_tells_how_much_is_lost() -> None:
    found = Agent(started=0.0, reloaded=500.0, appended=10000, highest=1000.0)
    assert found.loss(Queue("a", URL, sent=900.0)) == Loss(100.0, 1000)


def test_without_a_rate_the_number_of_lost_samples_is_unknown() -> None:
    assert Agent(started=0.0, highest=50.0).loss(Queue("a", URL)).as_dict() == {"seconds": 50, "samples": None}


def test_a_process_that_scraped_nothing_loses_nothing() -> None:
    assert Agent(started=10.0).loss(Queue("a", URL)).seconds == 0


_NAMES = st.sampled_from([line.split("{")[0].split(" ")[0] for line in THREE.splitlines()])
_LABELS = st.dictionaries(st.sampled_from(["remote_name", "url", "type", "reason"]), st.text(max_size=5))
_LINES = st.tuples(_NAMES, _LABELS, st.floats())


@given(st.lists(_LINES, max_size=8))
def test_no_text_crashes_it(lines: list[tuple[str, dict[str, str], float]]) -> None:
    shown = [
        name + "{" + ",".join(f'{key}="{value}"' for key, value in labels.items()) + f"}} {number}"
        for name, labels, number in lines
    ]
    found = agent("\n".join(shown))
    for one in found.queues:
        assert found.loss(one).seconds >= 0
        assert one.ever_accepted() in {True, False, None}
        assert (found.lag(one) or 0) >= 0
        found.unaccounted(one)


def test_its_version_is_in_its_metrics() -> None:
    text = 'prometheus_build_info{goversion="go1.26.8",version="2.48.0"} 1\n'
    assert version(parse(text)) == "2.48.0"
    assert version(parse("")) is None
