# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a Prometheus that writes remotely says of its queues: its metrics, from 2.48 to 3.15."""

from __future__ import annotations

from dataclasses import dataclass, field

from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.exposition import Metrics
from ansible_collections.miribit.thanos.plugins.module_utils.remote_write.sizing import (
    MAX_SAMPLES_PER_SEND,
    WAL_SAMPLE_BYTES,
    Wal,
)

_PREFIX = "prometheus_remote_storage_"
#: The labels of a queue's metrics. Without a name in the configuration, the first is a hash of it.
_LABELS = ("remote_name", "url")
_KINDS = ("samples", "histograms")
#: What write_relabel_configs drop. Below 2.50 there is no label reason.
_WANTED_DROPS = "dropped_series"
#: A first load takes a moment, with many targets. A reload later than this after the start may have made new queues.
_LOADING = 60.0


@dataclass(frozen=True)
class Queue:
    """One queue since it was made: at a start, or at a reload that changed its entry or the external labels.

    What is counted is of samples and native histograms together, but where it says otherwise.
    """

    name: str
    url: str
    #: Attempts to send. One that failed and is tried again is counted once more, in both.
    attempts: float = 0.0
    retried: float = 0.0
    failed: float = 0.0
    #: Taken from the WAL and not settled: waiting in the queue, or under way.
    pending: float = 0.0
    #: Of float samples only, which are what a receiver counts.
    samples_attempted: float = 0.0
    samples_failed: float = 0.0
    samples_pending: float = 0.0
    #: Float samples that were read from the WAL and never came into the queue, by reason.
    dropped: dict[str, float] = field(default_factory=dict)
    #: The newest that came into the queue (3.7), and the newest of a batch that was settled, accepted or not.
    highest: float | None = None
    sent: float | None = None
    shards: float = 1.0
    batch: float = MAX_SAMPLES_PER_SEND

    @property
    def under_way(self) -> float:
        """How many can be in a request at most, or wait for its next attempt: one batch per shard.

        An attempt is counted before it is made, and as retried only after its back-off (sendWriteRequestWithBackoff in
        storage/remote/queue_manager.go). So where nothing was ever accepted, attempts - retried - failed is not 0.
        """
        return min(self.pending, self.shards * self.batch)

    @property
    def tried(self) -> bool:
        """Whether an attempt did not succeed."""
        return self.retried + self.failed > 0

    @property
    def accepted_at_most(self) -> float:
        """Below 0 where a stopping shard gave up after its deadline: what it never tried has failed, too (runShard)."""
        return self.attempts - self.retried - self.failed

    @property
    def samples_accepted(self) -> float:
        """Float samples, with those that are under way."""
        return max(0.0, self.samples_attempted - self.samples_failed)

    def ever_accepted(self) -> bool | None:
        """Whether the endpoint took anything, or None where the numbers do not tell."""
        # The timestamp is set when a batch is settled (the same place). Before, it is 0, or not there at all (2.x).
        if self.sent is None or self.accepted_at_most == 0:
            return False
        if self.failed == 0 or self.accepted_at_most > self.under_way:
            return True
        return None

    def lost(self, *, relabels: bool) -> float | None:
        """Dropped without being meant to be; None where that cannot be told from what relabelling drops.

        With the label reason, there is nothing before the first one is dropped.
        """
        if relabels and self.dropped.get(""):
            return None
        return sum((count for reason, count in self.dropped.items() if reason != _WANTED_DROPS), 0.0)


@dataclass(frozen=True)
class Loss:
    """What is lost when a queue is made anew, at most."""

    seconds: float
    samples: int | None

    def as_dict(self) -> dict[str, object]:
        return {"seconds": round(self.seconds), "samples": self.samples}


@dataclass(frozen=True)
class Agent:
    """One process, and its queues by name."""

    queues: tuple[Queue, ...] = ()
    started: float | None = None
    version: str | None = None
    reload_succeeded: bool | None = None
    reloaded: float | None = None
    #: Float samples that were scraped and written to the WAL since the start, and the newest of them.
    appended: float | None = None
    highest: float | None = None

    def lag(self, queue: Queue) -> float | None:
        """How far the newest that was sent is behind the newest that was scraped. None if one of them is unknown.

        The queue's own highest timestamp (3.7) is set when a sample comes into it (enqueue in
        storage/remote/queue_manager.go). While the queue is full nothing does: the backlog grows in the WAL, and the
        timestamp stands still. So it is only believed where nothing waits. The one for all queues knows nothing of
        their relabelling, and is all that older ones have.
        """
        if queue.sent is None:
            return None
        believed = queue.highest is not None and queue.pending == 0
        known = (queue.highest,) if believed else (queue.highest, self.highest)
        highest = max((moment for moment in known if moment is not None), default=None)
        return None if highest is None else max(0.0, highest - queue.sent)

    def unaccounted(self, queue: Queue) -> float | None:
        """Float samples that were scraped, and that the queue knows nothing of, at least.

        They wait in the WAL behind a full queue, or the agent has truncated them away before they were read, which no
        other number shows. None where the queue may be younger than the process: then it has not seen them all.
        """
        if self.appended is None or self.started is None or self.reloaded is None:
            return None
        if self.reloaded - self.started > _LOADING:
            return None
        return max(0.0, self.appended - queue.samples_attempted - queue.samples_pending - sum(queue.dropped.values()))

    @property
    def rate(self) -> float | None:
        """Samples per second since the start."""
        if self.appended is None or self.highest is None or self.started is None or self.highest <= self.started:
            return None
        return self.appended / (self.highest - self.started)

    def loss(self, queue: Queue) -> Loss:
        """What a new queue would not send: all that is not settled, as far back as the WAL reaches."""
        since = queue.sent or self.started
        seconds = 0.0 if since is None or self.highest is None else max(0.0, self.highest - since)
        if self.rate is None:
            return Loss(seconds, None)
        seconds = min(seconds, float(Wal(self.rate * WAL_SAMPLE_BYTES).most))
        unaccounted = self.unaccounted(queue)
        if unaccounted is None:
            return Loss(seconds, round(self.rate * seconds))
        known = unaccounted + queue.pending + queue.under_way
        # All that relabelling has left to be sent was sent.
        return Loss(seconds, round(min(known, self.rate * seconds))) if known else Loss(0.0, 0)


def read(metrics: Metrics) -> Agent:
    reloaded = metrics.value("prometheus_config_last_reload_successful")
    return Agent(
        queues=tuple(_queue(metrics, name, url) for name, url in sorted(_keys(metrics))),
        started=metrics.value("process_start_time_seconds"),
        version=version(metrics),
        reload_succeeded=None if reloaded is None else reloaded == 1,
        reloaded=metrics.value("prometheus_config_last_reload_success_timestamp_seconds"),
        appended=_appended(metrics),
        highest=metrics.value(f"{_PREFIX}highest_timestamp_in_seconds") or None,
    )


def version(metrics: Metrics) -> str | None:
    """Of a Prometheus, by its own word."""
    builds = (one.labels.get("version") or None for one in metrics.samples if one.name == "prometheus_build_info")
    return next(builds, None)


def _keys(metrics: Metrics) -> set[tuple[str, ...]]:
    return {key for key in metrics.totals(f"{_PREFIX}samples_total", *_LABELS) if any(key)}


def _appended(metrics: Metrics) -> float | None:
    """Of an agent; of a full server, all that came to its remote storage."""
    by_type = metrics.totals("prometheus_agent_samples_appended_total", "type")
    if by_type:
        # Before 2.40, samples of one kind only, without a label.
        return by_type.get(("float",), by_type.get(("",), 0.0))
    return metrics.value(f"{_PREFIX}samples_in_total")


def _queue(metrics: Metrics, name: str, url: str) -> Queue:
    def value(metric: str) -> float | None:
        return metrics.totals(_PREFIX + metric, *_LABELS).get((name, url))

    def count(kind: str, what: str) -> float:
        return value(f"{kind}_{what}") or 0.0

    def both(what: str) -> float:
        return sum(count(kind, what) for kind in _KINDS)

    drops = metrics.totals(f"{_PREFIX}samples_dropped_total", *_LABELS, "reason")
    return Queue(
        name=name,
        url=url,
        attempts=both("total"),
        retried=both("retried_total"),
        failed=both("failed_total"),
        pending=both("pending"),
        samples_attempted=max(0.0, count("samples", "total") - count("samples", "retried_total")),
        samples_failed=count("samples", "failed_total"),
        samples_pending=count("samples", "pending"),
        dropped={key[-1]: total for key, total in drops.items() if key[:-1] == (name, url)},
        highest=value("queue_highest_timestamp_seconds") or None,
        sent=value("queue_highest_sent_timestamp_seconds") or None,
        shards=max(1.0, value("shards") or 1.0),
        batch=value("max_samples_per_send") or MAX_SAMPLES_PER_SEND,
    )
