"""How large the queues of an agent must be, and what an outage costs."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.remote_write.sizing import (
    HOUR,
    MIB,
    Needs,
    Sizing,
    duration,
    size,
)

#: One shard carries 20,000 samples/s and takes 2 MB.
EDGE = {"samples_per_second": 2000.0, "latency": 0.1, "outage": 1800.0, "memory": 100e6}


def sizing(*, blocks: int = 1, **changes: float) -> Sizing:
    needs = {**EDGE, **changes}
    send = int(needs.pop("max_samples_per_send", 2000))
    return Sizing(Needs(**needs, max_samples_per_send=send), blocks)


def warned(**changes: float) -> list[str]:
    return [str(warning) for warning in sizing(**changes).warnings("sizing")]


def test_an_edge_of_the_fleet_keeps_prometheus_defaults() -> None:
    edge = sizing()
    assert edge.queue_config() == {"capacity": 10000, "max_shards": 50, "max_samples_per_send": 2000}
    assert edge.expected_shards == 1
    assert edge.ceiling == 1_000_000
    assert edge.memory == pytest.approx(100e6)
    assert warned() == []


def test_every_number_has_its_arithmetic_in_words() -> None:
    assert "\n".join(sizing().arithmetic()) == (
        "Expected shards: 2000 samples/s x 0.1 s / 2000 samples a send = 0.1, rounded up to 1.\n"
        "max_shards: twice the rate, so that a backlog is sent in as long as it took, asks for 1; Prometheus' default "
        "is 50; the memory is enough for 50. That gives 50.\n"
        "Ceiling: 50 shards x 2000 samples a send / 0.1 s = 1e+06 samples/s, 500 times the rate.\n"
        "Catching up: a backlog of 3.6e+06 samples after 30 min is sent in 20 s, at what the ceiling leaves beside the "
        "rate, and at no more than 5 % of the backlog a second.\n"
        "Memory of the queues: 1 x 50 shards x (10000 + 2000) samples x 167 bytes = 95.37 MiB, if all shards run and "
        "are full.\n"
        "WAL of the outage: 2000 samples/s x 8 bytes x 30 min = 27.47 MiB.\n"
        "WAL in all: 1 segment of 128 MiB in the 2 h between two truncations, each of which drops the lower two "
        "thirds, so it holds 4 h for certain and 8 h at most: 439.5 MiB."
    )


@pytest.mark.parametrize(("rate", "shards"), [(20_000, 1), (20_001, 2), (40_000, 2), (1e6, 50)])
def test_as_many_shards_are_expected_as_carry_the_rate(rate: float, shards: int) -> None:
    assert sizing(samples_per_second=rate).expected_shards == shards


def test_more_shards_than_prometheus_default_are_given_where_twice_the_rate_needs_them() -> None:
    assert sizing(samples_per_second=500_000, memory=1e9).max_shards == 50
    assert sizing(samples_per_second=500_001, memory=1e9).max_shards == 51


def test_all_queues_share_the_memory() -> None:
    two = sizing(blocks=2)
    assert two.max_shards == 25
    assert two.memory == pytest.approx(100e6)


def test_a_smaller_send_has_smaller_queues_and_more_shards() -> None:
    small = sizing(samples_per_second=20_000, max_samples_per_send=500)
    assert small.queue_config() == {"capacity": 2500, "max_shards": 200, "max_samples_per_send": 500} | {
        "max_shards": small.max_shards
    }
    assert small.expected_shards == 4


# Catching up.


def test_a_backlog_is_sent_by_what_the_ceiling_leaves() -> None:
    # One shard: 20,000 samples/s, of which 5,000 are left.
    assert sizing(samples_per_second=15_000, memory=2e6).catch_up == pytest.approx(15_000 * 1800 / 5_000)


def test_prometheus_sends_no_more_than_a_twentieth_of_the_backlog_a_second() -> None:
    assert sizing().catch_up == pytest.approx(20)


def test_memory_for_too_few_shards_is_told_with_how_long_it_takes() -> None:
    (warning,) = warned(samples_per_second=15_000, memory=2e6, outage=600)
    assert warning == (
        "sizing: the memory is enough for 1 shards, not for 2, and catching up takes 30 min, longer than the outage. "
        "Fix: allow more memory, or shorten the round trip."
    )


@pytest.mark.parametrize("rate", [20_000, 30_000])
def test_a_ceiling_that_is_not_above_the_rate_is_told(rate: float) -> None:
    below = sizing(samples_per_second=rate, memory=2e6, outage=600)
    assert below.catch_up is None
    assert below.as_dict()["catch_up"] is None
    assert not any("Catching up" in line for line in below.arithmetic())
    (warning,) = warned(samples_per_second=rate, memory=2e6, outage=600)
    assert f"1 shards carry 20000 samples/s, not more than the {rate} that come in" in warning


def test_memory_for_no_shard_at_all_is_told() -> None:
    (warning,) = warned(memory=1e6)
    assert "memory 0.9537 MiB is not enough for one shard of 1.907 MiB in each block" in warning


# The WAL.

# 128 MiB in two hours.
SEGMENT_RATE = 128 * MIB / (2 * HOUR) / 8


@pytest.mark.parametrize(
    ("rate", "segments", "certain", "most"),
    [(SEGMENT_RATE, 1, 14400, 8), (SEGMENT_RATE + 1, 2, 2400, 4), (20 * SEGMENT_RATE, 20, 2400, 4)],
)
def test_the_wal_reaches_back_by_how_many_segments_are_written(
    rate: float, segments: int, certain: int, most: int
) -> None:
    wal = sizing(samples_per_second=rate).wal
    assert (wal.segments, wal.certain, wal.most) == (segments, certain, most * HOUR)


@settings(deadline=2000)
@given(st.integers(1, 60))
def test_no_run_of_truncations_leaves_less_than_is_certain_or_comes_to_more_than_the_most(segments: int) -> None:
    """The steps of truncate() in Prometheus' tsdb/agent/db.go, with the segments that an agent writes in between."""
    wal = sizing(samples_per_second=(segments - 0.5) * SEGMENT_RATE).wal
    assert wal.segments == segments
    first = 0
    for truncation in range(1, 40):
        current = truncation * segments - 1
        held = (current + 1 - first) * 2 / segments
        last = first + (current - 1 - first) * 2 // 3
        if last > first:
            first = last + 1
            assert (current + 1 - first) * 2 / segments >= wal.certain / HOUR
        assert held <= wal.most / HOUR


def test_an_outage_that_the_wal_certainly_holds_is_not_warned_of() -> None:
    assert warned(outage=4 * HOUR) == []


def test_an_outage_that_the_wal_may_not_hold_is_warned_of_with_the_flag_that_helps() -> None:
    (warning,) = warned(outage=4 * HOUR + 1)
    assert "an outage of 4 h is longer than the 4 h that the WAL reaches back for certain at this rate" in warning
    assert "no metric counts them. Fix: set --storage.agent.wal-truncate-frequency=13h" in warning


def test_a_busy_agent_survives_a_shorter_outage() -> None:
    (warning,) = warned(samples_per_second=10_000, outage=2401)
    assert "the 40 min that the WAL reaches back for certain" in warning


# What cannot be.


@pytest.mark.parametrize("key", EDGE)
@pytest.mark.parametrize("value", [0, -1, 2e12])
def test_numbers_that_cannot_be_are_refused(key: str, value: float) -> None:
    (problem,) = Needs(**{**EDGE, key: value}).problems("sizing")
    assert str(problem) == f"sizing: {key} {value:g} is not possible. Fix: give {key} from 1e-06 to 1e+12."


@pytest.mark.parametrize(("key", "value"), [("samples_per_second", 1e-6), ("outage", 1e12)])
def test_the_least_and_the_most_are_accepted(key: str, value: float) -> None:
    assert Needs(**{**EDGE, key: value}).problems("sizing") == []


# Proposals.


@pytest.mark.parametrize(("rate", "latency"), [(2500, 0.5), (1500, 0.5), (2000, 0.625), (2000, 0.375)])
def test_a_quarter_more_or_less_makes_no_proposal(rate: float, latency: float) -> None:
    assert sizing(latency=0.5).proposal(rate, latency) is None


@pytest.mark.parametrize(("rate", "latency"), [(2501, 0.1), (1499, 0.1), (2000, 0.126), (2000, 0.074)])
def test_more_than_a_quarter_makes_a_proposal(rate: float, latency: float) -> None:
    proposal = sizing().proposal(rate, latency)
    assert proposal is not None
    assert (proposal["samples_per_second"], proposal["latency"]) == (rate, latency)
    assert f"{rate:g} samples/s x {latency:g} s" in str(proposal["arithmetic"])


@pytest.mark.parametrize("rate", [0, -1, float("nan"), float("inf")])
def test_a_measurement_that_cannot_be_is_refused(rate: float) -> None:
    with pytest.raises(ProblemError, match="measured: samples_per_second"):
        sizing().proposal(rate, 0.1)


# For any numbers.

ANY = {
    "samples_per_second": st.floats(1e-6, 1e12),
    "latency": st.floats(1e-6, 1e12),
    "outage": st.floats(1e-6, 1e12),
    "memory": st.floats(1e-6, 1e12),
    "max_samples_per_send": st.integers(1, 10**12),
}


@settings(deadline=2000)
@given(st.fixed_dictionaries(ANY), st.integers(1, 100), st.floats(1, 1e6))
def test_more_samples_never_get_fewer_shards(needs: dict[str, float], blocks: int, factor: float) -> None:
    less = sizing(blocks=blocks, **needs)
    more = sizing(blocks=blocks, **{**needs, "samples_per_second": needs["samples_per_second"] * factor})
    assert less.expected_shards <= more.expected_shards
    assert less.max_shards <= more.max_shards


@settings(deadline=2000)
@given(st.fixed_dictionaries(ANY), st.integers(1, 100))
def test_the_memory_is_kept_to_unless_it_is_not_enough_for_one_shard(needs: dict[str, float], blocks: int) -> None:
    some = sizing(blocks=blocks, **needs)
    assert some.max_shards >= 1
    assert some.affordable_shards < 1 or some.memory <= needs["memory"] * (1 + 1e-9)
    assert all(isinstance(line, str) for line in [*some.arithmetic(), *map(str, some.warnings("sizing"))])
    some.as_dict()


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.03, "0.03 s"), (119, "119 s"), (120, "2 min"), (7199, "120 min"), (7200, "2 h")]
)
def test_durations_are_told_in_a_unit_that_fits(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(("count", "text"), [(MIB, "1 MiB"), (10239 * MIB, "1.024e+04 MiB"), (20480 * MIB, "20 GiB")])
def test_sizes_are_told_in_a_unit_that_fits(count: float, text: str) -> None:
    assert size(count) == text
