# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How many shards a remote-write queue needs, what it carries, and what an outage costs. See docs/remote-write.md."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError

MIB = 2**20
HOUR = 3600

# Prometheus' defaults (DefaultQueueConfig in config/config.go; the same in 2.48 and 3.15).
CAPACITY = 10000
MAX_SHARDS = 50
MAX_SAMPLES_PER_SEND = 2000
#: Prometheus' own ratio of capacity to max_samples_per_send.
_BATCHES_QUEUED = CAPACITY // MAX_SAMPLES_PER_SEND
#: What a shard holds for each sample that it can queue or send: Prometheus' documentation ("Remote write tuning") says
#: less than 2 MB for 10000 + 2000 samples.
QUEUED_SAMPLE_BYTES = 2_000_000 / (CAPACITY + MAX_SAMPLES_PER_SEND)
#: Measured on an agent of Prometheus 3.15, compressed as by default: 6.3 bytes with the records of the series. Eight
#: leaves room for values that compress worse and for series that come and go.
WAL_SAMPLE_BYTES = 8
#: --storage.agent.wal-segment-size and --storage.agent.wal-truncate-frequency.
_WAL_SEGMENT_BYTES = 128 * MIB
_WAL_TRUNCATION = 2 * HOUR
#: A measured value is worth a proposal where it differs by more than this part of the one that is written down.
_TOLERANCE = 0.25

# Beyond these, numbers are slips of the finger.
_LEAST, _MOST = 1e-6, 1e12


@dataclass(frozen=True)
class Needs:
    """What the inventory knows. Times are in seconds, memory is in bytes and meant for all queues of the agent."""

    samples_per_second: float
    latency: float
    outage: float
    memory: float
    max_samples_per_send: int = MAX_SAMPLES_PER_SEND

    def problems(self, place: str) -> list[Problem]:
        return [
            Problem(place, f"{key} {value:g} is not possible", f"give {key} from {_LEAST:g} to {_MOST:g}")
            for key, value in asdict(self).items()
            if not _LEAST <= value <= _MOST
        ]


@dataclass(frozen=True)
class Wal:
    """How far back the agent's WAL reaches, whatever was sent.

    Every two hours the agent begins a segment and drops the lower two thirds of the complete ones (truncate in
    Prometheus' tsdb/agent/db.go). A watcher that finds its next segment gone begins again at the newest one, and reads
    no samples before it (Run in tsdb/wlog/watcher.go): then nearly all that was not sent is lost, and no metric of
    failed or dropped samples shows it.
    """

    bytes_per_second: float

    @property
    def segments(self) -> int:
        """Between two truncations."""
        return max(1, math.ceil(self.bytes_per_second * _WAL_TRUNCATION / _WAL_SEGMENT_BYTES))

    @property
    def certain(self) -> int:
        """With one segment, two are left after a truncation; with many, a third, at first of no more than two hours."""
        return 4 * HOUR if self.segments == 1 else _WAL_TRUNCATION // 3

    @property
    def most(self) -> int:
        return 8 * HOUR if self.segments == 1 else 4 * HOUR


@dataclass(frozen=True)
class Sizing:
    needs: Needs
    blocks: int

    @property
    def capacity(self) -> int:
        return _BATCHES_QUEUED * self.needs.max_samples_per_send

    @property
    def shard_bytes(self) -> float:
        return shard_bytes(self.capacity, self.needs.max_samples_per_send)

    @property
    def throughput_of_a_shard(self) -> float:
        return self.needs.max_samples_per_send / self.needs.latency

    @property
    def expected_shards(self) -> int:
        return math.ceil(self.needs.samples_per_second / self.throughput_of_a_shard)

    @property
    def wanted_shards(self) -> int:
        """To send the backlog in as long as the outage took, beside what goes on coming in: twice the rate."""
        return math.ceil(2 * self.needs.samples_per_second / self.throughput_of_a_shard)

    @property
    def affordable_shards(self) -> int:
        return int(self.needs.memory / self.blocks / self.shard_bytes)

    @property
    def max_shards(self) -> int:
        return max(1, min(self.affordable_shards, max(MAX_SHARDS, self.wanted_shards)))

    @property
    def ceiling(self) -> float:
        return self.max_shards * self.throughput_of_a_shard

    @property
    def catch_up(self) -> float | None:
        """Seconds until the backlog of the outage is sent; None if it never is.

        While it is more than ten seconds behind, Prometheus takes no shard away (calculateDesiredShards in
        storage/remote/queue_manager.go), and it starts no more than send 5 % of the backlog a second.
        """
        rate, outage = self.needs.samples_per_second, self.needs.outage
        spare = min(self.ceiling - rate, 0.05 * rate * outage)
        return rate * outage / spare if spare > 0 else None

    @property
    def memory(self) -> float:
        return self.blocks * self.max_shards * self.shard_bytes

    @property
    def wal(self) -> Wal:
        return Wal(self.needs.samples_per_second * WAL_SAMPLE_BYTES)

    def queue_config(self) -> dict[str, object]:
        return {
            "capacity": self.capacity,
            "max_shards": self.max_shards,
            "max_samples_per_send": self.needs.max_samples_per_send,
        }

    def as_dict(self) -> dict[str, object]:
        return {
            "expected_shards": self.expected_shards,
            "ceiling": round(self.ceiling, 3),
            "catch_up": None if self.catch_up is None else round(self.catch_up, 3),
            "memory": round(self.memory),
            "wal_of_outage": round(self.wal.bytes_per_second * self.needs.outage),
            "wal": round(self.wal.bytes_per_second * self.wal.most),
            "wal_reach": self.wal.certain,
            "arithmetic": list(self.arithmetic()),
        }

    def arithmetic(self) -> Iterator[str]:
        needs, wal = self.needs, self.wal
        rate, send = f"{needs.samples_per_second:g} samples/s", f"{needs.max_samples_per_send} samples a send"
        outage = duration(needs.outage)
        yield (
            f"Expected shards: {rate} x {needs.latency:g} s / {send} = "
            f"{needs.samples_per_second / self.throughput_of_a_shard:.3g}, rounded up to {self.expected_shards}."
        )
        yield (
            f"max_shards: twice the rate, so that a backlog is sent in as long as it took, asks for "
            f"{self.wanted_shards}; Prometheus' default is {MAX_SHARDS}; the memory is enough for "
            f"{self.affordable_shards}. That gives {self.max_shards}."
        )
        yield (
            f"Ceiling: {self.max_shards} shards x {send} / {needs.latency:g} s = {self.ceiling:.6g} samples/s, "
            f"{self.ceiling / needs.samples_per_second:.3g} times the rate."
        )
        if self.catch_up is not None:
            yield (
                f"Catching up: a backlog of {needs.samples_per_second * needs.outage:.6g} samples after {outage} is "
                f"sent in {duration(self.catch_up)}, at what the ceiling leaves beside the rate, and at no more than "
                "5 % of the backlog a second."
            )
        yield (
            f"Memory of the queues: {self.blocks} x {self.max_shards} shards x ({self.capacity} + "
            f"{needs.max_samples_per_send}) samples x {QUEUED_SAMPLE_BYTES:.0f} bytes = {size(self.memory)}, "
            "if all shards run and are full."
        )
        yield (
            f"WAL of the outage: {rate} x {WAL_SAMPLE_BYTES} bytes x {outage} = "
            f"{size(wal.bytes_per_second * needs.outage)}."
        )
        yield (
            f"WAL in all: {wal.segments} segment{'s' if wal.segments > 1 else ''} of 128 MiB in the 2 h between two "
            f"truncations, each of which drops the lower two thirds, so it holds {duration(wal.certain)} for certain "
            f"and {duration(wal.most)} at most: {size(wal.bytes_per_second * wal.most)}."
        )

    def warnings(self, place: str) -> Iterator[Problem]:
        """Which of the wishes cannot be met."""
        needs = self.needs
        if self.affordable_shards < 1:
            cause = f"memory {size(needs.memory)} is not enough for one shard of {size(self.shard_bytes)} in each block"
            yield Problem(place, cause, "allow more memory, or lower max_samples_per_send")
        if self.catch_up is None:
            cause = (
                f"{self.max_shards} shards carry {self.ceiling:.6g} samples/s, not more than the "
                f"{needs.samples_per_second:g} that come in, so that a backlog is never sent"
            )
            yield Problem(place, cause, "allow more memory, or shorten the round trip")
        elif self.max_shards < self.wanted_shards:
            cause = (
                f"the memory is enough for {self.max_shards} shards, not for {self.wanted_shards}, and catching up "
                f"takes {duration(self.catch_up)}, longer than the outage"
            )
            yield Problem(place, cause, "allow more memory, or shorten the round trip")
        if needs.outage > self.wal.certain:
            cause = (
                f"an outage of {duration(needs.outage)} is longer than the {duration(self.wal.certain)} that the WAL "
                "reaches back for certain at this rate, because every 2 h it is truncated whatever was sent; one that "
                "is too long loses nearly all of its samples, and no metric counts them"
            )
            fix = (
                f"set --storage.agent.wal-truncate-frequency={math.ceil(3 * needs.outage / HOUR)}h on the agent, with "
                "space for four times that in its WAL, or plan for a shorter outage"
            )
            yield Problem(place, cause, fix)

    def proposal(self, samples_per_second: float, latency: float) -> dict[str, object] | None:
        """What to write down instead, where a running agent shows another rate or latency."""
        written = self.needs
        measured = replace(self, needs=replace(written, samples_per_second=samples_per_second, latency=latency))
        if found := measured.needs.problems("measured"):
            raise ProblemError(found)
        if not _differs(samples_per_second, written.samples_per_second) and not _differs(latency, written.latency):
            return None
        return {
            "samples_per_second": samples_per_second,
            "latency": latency,
            "queue_config": measured.queue_config(),
            "arithmetic": list(measured.arithmetic()),
        }


def shard_bytes(capacity: float, max_samples_per_send: float) -> float:
    return (capacity + max_samples_per_send) * QUEUED_SAMPLE_BYTES


def _differs(measured: float, written: float) -> bool:
    return abs(measured - written) > _TOLERANCE * written


def duration(seconds: float) -> str:
    if seconds < 2 * 60:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.3g} min" if seconds < 2 * HOUR else f"{seconds / HOUR:.3g} h"


def size(count: float) -> str:
    return f"{count / MIB:.4g} MiB" if count < 10 * 1024 * MIB else f"{count / (1024 * MIB):.4g} GiB"
