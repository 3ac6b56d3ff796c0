"""What a Prometheus says of its remote write. The texts are those of Prometheus 2.48 and 3.15."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.miribit.thanos.plugins.module_utils.base.facts import as_facts
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.entries import complaints, remote_write
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.exposition import Metrics, parse

SECRET = "word-that-must-stay-secret"
URL = "http://thanos-receiver.monitoring.svc.cluster-01.local:19291/api/v1/receive"
LOG = (
    "ts=2026-11-21T15:24:13.670Z caller=dedupe.go:112 component=remote level=warn remote_name=9a64fa url={url} "
    r'msg="Failed to send batch, retrying" err="Post \"{url}\": dial tcp: lookup thanos-receiver: no such host"'
)


def queue(name: str = "9a64fa", url: str = URL, dropped: str = "", **values: float) -> str:
    """The metrics of a queue of 3.15 that has sent nothing yet, but for what is given."""
    numbers = {
        "samples_total": 0,
        "samples_retried_total": 0,
        "samples_failed_total": 0,
        "samples_pending": 0,
        "shards": 1,
        "shards_max": 10,
        "max_samples_per_send": 5000,
        "queue_highest_timestamp_seconds": 1000,
        "queue_highest_sent_timestamp_seconds": 0,
        **values,
    }
    labels = f'remote_name="{name}",url="{url}"'
    lines = [f"prometheus_remote_storage_{metric}{{{labels}}} {value}\n" for metric, value in numbers.items()]
    return "".join(lines) + dropped.replace("{", f"prometheus_remote_storage_samples_dropped_total{{{labels}")


#: As the audited agents say it: in 2.48 there is no highest sent timestamp before a batch is done with.
OF_2_48 = "".join(
    line + "\n"
    for line in queue(samples_total=55726, samples_retried_total=52448, samples_pending=14306).splitlines()
    if "_highest_" not in line
)


def told(entries: list[Any], metrics: Metrics | None) -> Any:
    return as_facts(remote_write(entries, metrics, [()] * len(entries)))


def entry(metrics: str | None, **config: Any) -> dict[str, Any]:
    (only,) = told([{"url": URL, **config}], None if metrics is None else parse(metrics))
    return only


# Which queue it is.


def test_an_entry_without_a_name_is_found_by_its_url() -> None:
    assert entry(queue(samples_pending=7))["pending"] == 7


def test_an_entry_with_a_name_is_found_by_it() -> None:
    metrics = queue("a", samples_pending=1) + queue("b", samples_pending=2)
    found = told([{"url": URL, "name": "b"}, {"url": URL, "name": "a"}], parse(metrics))
    assert [one["pending"] for one in found] == [2, 1]


def test_what_a_name_has_taken_is_not_the_queue_of_another_entry() -> None:
    metrics = queue("a", samples_pending=1) + queue("9a64fa", samples_pending=2)
    found = told([{"url": URL}, {"url": URL, "name": "a"}], parse(metrics))
    assert [one["pending"] for one in found] == [2, 1]


@pytest.mark.parametrize("others", ["", queue("0b64fa", samples_pending=2)])
def test_which_of_two_alike_a_queue_belongs_to_is_unknown(others: str) -> None:
    metrics = queue("9a64fa", samples_pending=1) + others
    found = told([{"url": URL}, {"url": URL, "headers": {}}], parse(metrics))
    assert [one["pending"] for one in found] == [None, None]


def test_a_password_in_the_url_is_no_hindrance_and_is_not_told() -> None:
    metrics = parse(queue(url="http://u:xxxxx@a/api/v1/receive", samples_pending=3))
    (found,) = told([{"url": f"http://u:{SECRET}@a/api/v1/receive?b=c"}], metrics)
    assert (found["pending"], found["url"]) == (3, "http://a/api/v1/receive")


@pytest.mark.parametrize("metrics", [None, "", queue(url="http://another/api/v1/receive")])
def test_without_its_metrics_nothing_is_known_but_the_entry(metrics: str | None) -> None:
    unknown = ("ever_delivered", "pending", "failed", "dropped", "sent", "lag", "shards")
    assert entry(metrics, name="a") == {
        "url": URL,
        "name": "a",
        "problems": [],
        "tenant_header": False,
        "proxy": False,
        "reachable": None,
        **dict.fromkeys(unknown),
    }


@pytest.mark.parametrize(
    ("header", "is_tenant"), [("x-scope-orgid", True), ("THANOS-TENANT", True), ("X-Other", False)]
)
def test_a_header_can_name_the_tenant_and_is_not_told(header: str, is_tenant: bool) -> None:
    found = entry(None, headers={header: SECRET})
    assert found["tenant_header"] is is_tenant
    assert SECRET not in json.dumps(found)


# Its numbers.


def test_the_numbers_of_a_queue_are_told() -> None:
    metrics = queue(samples_total=100, samples_failed_total=3, samples_pending=4, shards=2)
    found = entry(metrics)
    assert [found[key] for key in ("sent", "failed", "pending", "shards")] == [100.0, 3.0, 4, 2.0]


def test_native_histograms_count_as_samples() -> None:
    metrics = queue(
        samples_total=100,
        samples_failed_total=3,
        samples_pending=4,
        histograms_total=10,
        histograms_failed_total=2,
        histograms_pending=1,
    )
    found = entry(metrics)
    assert [found[key] for key in ("sent", "failed", "pending")] == [110.0, 5.0, 5]


def test_the_lag_is_that_of_the_queue() -> None:
    stale = "prometheus_remote_storage_highest_timestamp_in_seconds 5000\n"
    metrics = queue(queue_highest_timestamp_seconds=1000, queue_highest_sent_timestamp_seconds=940) + stale
    assert entry(metrics)["lag"] == 60.0


def test_the_timestamp_of_a_queue_that_is_full_is_not_believed() -> None:
    # Nothing comes into it, so its timestamp stands still while the backlog grows in the WAL.
    scraped = "prometheus_remote_storage_highest_timestamp_in_seconds 5000\n"
    metrics = queue(samples_pending=7, queue_highest_timestamp_seconds=1000, queue_highest_sent_timestamp_seconds=990)
    assert entry(metrics + scraped)["lag"] == 4010.0


def test_before_3_7_the_lag_is_told_by_the_timestamp_of_all_queues() -> None:
    metrics = "".join(line + "\n" for line in queue().splitlines() if "_highest_" not in line)
    metrics += "prometheus_remote_storage_highest_timestamp_in_seconds 1.000000e+03\n"
    metrics += "prometheus_remote_storage_queue_highest_sent_timestamp_seconds"
    assert entry(f'{metrics}{{remote_name="9a64fa",url="{URL}"}} 940\n')["lag"] == 60.0


@pytest.mark.parametrize("metrics", [queue(), OF_2_48])
def test_before_anything_is_sent_there_is_no_lag(metrics: str) -> None:
    assert entry(metrics)["lag"] is None


def test_what_the_configuration_drops_does_not_count() -> None:
    reasons = '{,reason="dropped_series"} 9\n{,reason="too_old"} 2\n{,reason="unintentionally_dropped_series"} 1\n'
    assert entry(queue(dropped=reasons))["dropped"] == 3.0


def test_without_a_reason_there_is_nothing_dropped() -> None:
    assert entry(queue())["dropped"] == 0.0


@pytest.mark.parametrize(
    ("dropped", "relabelling", "wanted"),
    [(0, [], 0.0), (5, [], 5.0), (0, [{"action": "drop"}], 0.0), (5, [{"action": "drop"}], None)],
)
def test_below_2_50_what_relabelling_drops_cannot_be_told_from_the_rest(
    dropped: int, relabelling: list[Any], wanted: float | None
) -> None:
    metrics = queue(dropped=f"{{}} {dropped}\n")
    assert entry(metrics, write_relabel_configs=relabelling)["dropped"] == wanted


# Whether anything ever arrived.


def test_the_audited_agents_never_delivered_though_they_sent_more_than_they_sent_again() -> None:
    assert entry(OF_2_48)["ever_delivered"] is False


def test_of_3_0_on_too_attempts_under_way_are_no_delivery() -> None:
    assert entry(queue(samples_total=55726, samples_retried_total=52448))["ever_delivered"] is False


def test_what_was_never_refused_and_is_done_with_was_delivered() -> None:
    assert entry(queue(samples_total=10, queue_highest_sent_timestamp_seconds=990))["ever_delivered"] is True


@pytest.mark.parametrize(("attempts", "has_delivered"), [(50000, None), (60000, True)])
def test_where_some_was_refused_more_than_can_be_under_way_was_delivered(
    attempts: int, has_delivered: bool | None
) -> None:
    metrics = queue(
        samples_total=attempts,
        samples_failed_total=5,
        samples_pending=90000,
        shards=10,
        queue_highest_sent_timestamp_seconds=990,
    )
    assert entry(metrics)["ever_delivered"] is has_delivered


def test_where_all_is_refused_nothing_was_delivered() -> None:
    # Such as Remote Write 2.0 to a Thanos that does not know it.
    metrics = queue(samples_total=60000, samples_failed_total=60000, queue_highest_sent_timestamp_seconds=990)
    assert entry(metrics)["ever_delivered"] is False


@pytest.mark.parametrize(
    ("histograms", "has_delivered"),
    [({}, True), ({"histograms_pending": 5}, None), ({"histograms_failed_total": 5}, False)],
)
def test_histograms_can_arrive_where_all_samples_were_refused(
    histograms: dict[str, float], has_delivered: bool | None
) -> None:
    metrics = queue(
        samples_total=10,
        samples_failed_total=10,
        histograms_total=5,
        queue_highest_sent_timestamp_seconds=990,
        **histograms,
    )
    assert entry(metrics)["ever_delivered"] is has_delivered


# The log.


def test_a_complaint_is_told_with_its_reason() -> None:
    why = f'Post "{URL}": dial tcp: lookup thanos-receiver: no such host'
    assert list(complaints(LOG.format(url=URL))) == [f"2026-11-21T15:24:13.670Z Failed to send batch, retrying: {why}"]


def test_the_log_of_3_0_on_is_read_too() -> None:
    line = (
        "time=2026-11-21T15:24:13.670Z level=ERROR source=queue_manager.go:1723 "
        'msg="non-recoverable error" component=remote failedSampleCount=5 err="server returned HTTP status 400"'
    )
    assert list(complaints(line)) == ["2026-11-21T15:24:13.670Z non-recoverable error: server returned HTTP status 400"]


def test_a_log_in_json_is_read_too() -> None:
    line = {"time": "T", "level": "WARN", "msg": "Failed to send batch, retrying", "err": "no such host"}
    assert list(complaints(json.dumps(line))) == ["T Failed to send batch, retrying: no such host"]


def test_any_warning_of_remote_write_is_a_complaint() -> None:
    line = 'ts=T level=warn component=remote msg="Skipping resharding, last successful send was beyond threshold"'
    assert list(complaints(line)) == ["T Skipping resharding, last successful send was beyond threshold"]


@pytest.mark.parametrize(
    "line",
    [
        'ts=T level=info component=remote msg="Done replaying WAL"',
        'ts=T level=warn component=k8s_client_runtime msg="v1 Endpoints is deprecated"',
        "Failed to send batch",
        '{"msg": ',
    ],
)
def test_other_lines_are_not_told(line: str) -> None:
    assert list(complaints(line)) == []


def test_the_same_complaint_is_told_once_with_its_last_time() -> None:
    lines = [
        f'ts={time} level=warn component=remote msg="{text}"' for time, text in [("1", "a"), ("2", "b"), ("3", "a")]
    ]
    assert list(complaints("\n".join(lines))) == ["2 b", "3 a"]


def test_the_last_five_are_told() -> None:
    lines = [f'ts=T level=warn component=remote msg="{number}"' for number in range(9)]
    assert list(complaints("\n".join(lines))) == [f"T {number}" for number in range(4, 9)]


def test_a_complaint_holds_no_secret_of_a_url() -> None:
    (line,) = complaints(LOG.format(url=f"http://u:{SECRET}@a:19291/api/v1/receive?token={SECRET}"))
    assert SECRET not in line
    assert "http://a:19291/api/v1/receive" in line


def test_a_long_complaint_is_shortened() -> None:
    (line,) = complaints(f'ts=T level=error component=remote msg="x" err="{"y" * 1000}"')
    assert len(line) < 320


@given(st.text() | st.from_regex(r'(ts|level|msg|err|component)=("[^"]*"?|\S*) (level|msg)="?.*', fullmatch=True))
def test_no_log_crashes_it(log: str) -> None:
    assert len(complaints(log)) <= 5


@given(st.lists(st.dictionaries(st.sampled_from(["url", "name", "headers", "queue_config"]), st.none() | st.text())))
def test_no_entry_crashes_it(entries: list[dict[str, object]]) -> None:
    assert len(told(entries, parse(queue()))) == len(entries)
