"""Prove that nothing acknowledged is lost: write enumerated samples steadily, then read every one of them back.

steady.py write --journal FILE --run NAME --url http://192.168.101.210:19291/api/v1/receive
steady.py check --journal FILE --run NAME --query http://thanos-query.k8s-cluster-01.miribit.lab

Both run inside the lab: `lab exec python tests/lab/steady.py ...`.

Samples are compared one by one (series, timestamp, value): rates and increases extrapolate, and would hide a loss.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import json
import os
import signal
import ssl
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

# As a script this runs without the paths that pytest knows.
sys.path.append(str(Path(__file__).resolve().parents[1] / "tools"))

from remote_write import Labels, body

METRIC = "miribit_thanos_enumerated"
#: Seconds that an attempt may take, and seconds that the last request may take once the writer is told to stop.
TIMEOUT = PATIENCE = 10.0
#: An answer holds no more than this.
WINDOW_MILLISECONDS = 600_000
STOPS = {signal.SIGTERM, signal.SIGINT}

#: A sample's series, by its number, and its timestamp in milliseconds.
Key = tuple[str, int]
#: What was read: all values that were found, which should be one each.
Values = dict[Key, list[float]]


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Followed, a redirected POST would become a GET, whose 200 acknowledges nothing."""

    def redirect_request(self, *_arguments: Any) -> None:
        return None


def _opener(context: ssl.SSLContext | None = None) -> urllib.request.OpenerDirector:
    """Open URLs as they are, past any proxy."""
    tls = [urllib.request.HTTPSHandler(context=context)] if context else []
    return urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect, *tls)


def series_names(number: int) -> list[str]:
    return [f"{ordinal:03}" for ordinal in range(number)]


def series_of(run: str, number: int) -> list[Labels]:
    """The labels of each series, sorted, as a receiver wants them."""
    common = (("__name__", METRIC), ("cluster", "lab"), ("run", run))
    return [(*common, ("series", name)) for name in series_names(number)]


# Writing


@dataclass(frozen=True)
class Receiver:
    """Where samples are sent to, and as whom."""

    url: str
    tenant: str | None = None
    tenant_header: str = "X-Scope-OrgID"
    ca: str | None = None
    cert: str | None = None
    key: str | None = None

    def post(self, content: bytes) -> tuple[int | None, str]:
        """The status of the answer and the beginning of its text; None where there was no answer."""
        headers = {
            "Content-Encoding": "snappy",
            "Content-Type": "application/x-protobuf",
            "X-Prometheus-Remote-Write-Version": "0.1.0",
        }
        if self.tenant:
            headers[self.tenant_header] = self.tenant
        request = urllib.request.Request(self.url, content, headers)
        try:
            with _opener(self._context()).open(request, timeout=TIMEOUT) as answer:
                return answer.status, ""
        except urllib.error.HTTPError as error:
            with error:
                return error.code, _beginning(error)
        except (OSError, http.client.HTTPException) as error:
            return None, str(error) or type(error).__name__

    def _context(self) -> ssl.SSLContext | None:
        """Read the files for every attempt, as Prometheus does: they can be replaced while samples are written."""
        if not self.url.startswith("https:"):
            return None
        context = ssl.create_default_context(cafile=self.ca)
        if self.cert:
            context.load_cert_chain(self.cert, self.key)
        return context


def _beginning(error: urllib.error.HTTPError) -> str:
    try:
        return error.read(200).decode(errors="replace").strip()
    except (OSError, http.client.HTTPException):
        return ""


@dataclass
class Writer:
    """Send one sample of each series after the other, and journal what was acknowledged."""

    receiver: Receiver
    run: str
    series: int
    interval: float
    journal: TextIO
    patience: float = PATIENCE
    stop: threading.Event = field(default_factory=threading.Event)
    #: Sending ended by an error of its own, such as a full disk.
    broken: bool = True

    def write(self, seconds: float) -> dict[str, Any]:
        """Write until told to stop, or for so long; return the summary, which is the journal's last line."""
        self._lock = threading.Lock()
        self._closed = False
        self._totals = {"acknowledged": 0, "refused": 0, "retried": 0}
        self._statuses: Counter[str] = Counter()
        self._last_problem: str | None = None
        self._unfinished: dict[str, int] | None = None
        self._acknowledged_at, self._longest_gap = time.monotonic(), 0.0
        # A thread of its own, so that no attempt, whatever it hangs in, holds up the end.
        worker = threading.Thread(target=self._work, daemon=True)
        worker.start()
        self.stop.wait(seconds)
        self.stop.set()
        worker.join(self.patience)
        with self._lock:
            self._closed = True
            if worker.is_alive():
                self.broken = False
            summary = {
                **self._totals,
                "longest_gap_seconds": round(max(self._longest_gap, time.monotonic() - self._acknowledged_at), 3),
                "statuses": dict(self._statuses),
                "unfinished": self._unfinished,
                "last_problem": self._last_problem,
            }
            self._append({"summary": summary})
        return summary

    def _work(self) -> None:
        labels = series_of(self.run, self.series)
        timestamp = 0
        try:
            for number in itertools.count(1):
                began = time.monotonic()
                timestamp = max(int(time.time() * 1000), timestamp + 1)
                self._deliver(number, timestamp, body(labels, timestamp, number))
                if self.stop.wait(max(0.0, began + self.interval - time.monotonic())):
                    break
            self.broken = False
        finally:
            self.stop.set()

    def _deliver(self, number: int, timestamp: int, content: bytes) -> None:
        """Send a request, unchanged, until it is answered for good."""
        entry = {"n": number, "timestamp": timestamp}
        with self._lock:
            self._unfinished = entry
        began, pause = time.monotonic(), 0.05
        for attempts in itertools.count(1):
            status, text = self.receiver.post(content)
            with self._lock:
                # Too late: the summary has called it unfinished.
                if self._closed:
                    return
                ended = time.monotonic()
                acknowledged = status is not None and 200 <= status < 300
                if not acknowledged:
                    self._statuses["network" if status is None else str(status)] += 1
                    self._last_problem = text if status is None else f"{status} {text}".strip()
                if acknowledged or not _is_retried(status):
                    details = {"series": self.series, "attempts": attempts, "seconds": round(ended - began, 3)}
                    refusal = {} if acknowledged else {"refused": status, "text": text}
                    self._append({**entry, **details, **refusal})
                    self._unfinished = None
                    self._totals["acknowledged" if acknowledged else "refused"] += 1
                    if acknowledged:
                        self._longest_gap = max(self._longest_gap, ended - self._acknowledged_at)
                        self._acknowledged_at = ended
                    return
                self._totals["retried"] += 1
            time.sleep(pause)
            pause = min(2 * pause, 1)

    def _append(self, line: dict[str, Any]) -> None:
        self.journal.write(json.dumps(line) + "\n")
        self.journal.flush()


def _is_retried(status: int | None) -> bool:
    """As Prometheus does, where it is told to retry 429 too."""
    return status is None or status >= 500 or status == 429


# Reading back


@dataclass(frozen=True)
class Journal:
    """What was sent: the number of each request by its timestamp."""

    acknowledged: dict[int, int]
    others: dict[int, int]
    names: list[str]

    def windows(self) -> Iterator[Window]:
        times = [*self.acknowledged, *self.others]
        first, last = min(times), max(times)
        for start in range(first - 1, last, WINDOW_MILLISECONDS):
            end = min(start + WINDOW_MILLISECONDS, last)
            inside = [(time, number) for time, number in self.acknowledged.items() if start < time <= end]
            yield Window(start, end, {(name, time): number for time, number in inside for name in self.names})

    def was_sent(self, key: Key, values: Iterable[float]) -> bool:
        name, timestamp = key
        return name in self.names and all(value == self.others.get(timestamp) for value in values)


def read_journal(text: str) -> Journal:
    """A last line without its end is one that the writer was killed over."""
    acknowledged: dict[int, int] = {}
    others: dict[int, int] = {}
    series = 0
    for line in text.splitlines(keepends=True):
        if not line.endswith("\n"):
            break
        entry = json.loads(line)
        if "summary" in entry:
            if unfinished := entry["summary"]["unfinished"]:
                others[unfinished["timestamp"]] = unfinished["n"]
            continue
        series = entry["series"]
        (others if "refused" in entry else acknowledged)[entry["timestamp"]] = entry["n"]
    return Journal(acknowledged, others, series_names(series))


class QueryError(Exception):
    """A query had no answer that could be read."""


@dataclass(frozen=True)
class Query:
    """A Thanos Query."""

    url: str
    run: str

    def samples(self, start: int, end: int, *, dedup: bool) -> tuple[Values, list[str]]:
        """All raw samples after `start` until `end`, and the warnings that came with them."""
        params = {
            # json.dumps quotes as PromQL does.
            "query": f"{METRIC}{{run={json.dumps(self.run)}}}[{end - start}ms]",
            "time": f"{end // 1000}.{end % 1000:03}",
            "dedup": str(dedup).lower(),
            "partial_response": "true",
            "max_source_resolution": "0s",
        }
        document = self._ask(f"{self.url.rstrip('/')}/api/v1/query?{urllib.parse.urlencode(params)}")
        try:
            data = document["data"]
            if data["resultType"] != "matrix":
                raise QueryError(f"{self.url}: the answer is a {data['resultType']}, not a matrix")
            found: Values = {}
            for element in data["result"]:
                name = str(element["metric"].get("series", ""))
                for moment, value in element.get("values", ()):
                    timestamp = round(float(moment) * 1000)
                    # A range's beginning is the former window's: Prometheus 3 leaves it out, Prometheus 2 does not.
                    if start < timestamp <= end:
                        found.setdefault((name, timestamp), []).append(float(value))
            return found, [str(text) for text in document.get("warnings") or ()]
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise QueryError(f"{self.url}: the answer is not one of Thanos Query ({error!r})") from error

    def _ask(self, url: str) -> dict[str, Any]:
        try:
            with _opener().open(url, timeout=30) as answer:
                document = json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                raise QueryError(f"{self.url}: {error.code} {_beginning(error)}") from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise QueryError(f"{self.url}: {error}") from error
        if not isinstance(document, dict):
            raise QueryError(f"{self.url}: the answer is not one of Thanos Query")
        return document


@dataclass
class Window:
    """The samples after `start` until `end`, in milliseconds: those acknowledged, and those that were found."""

    start: int
    end: int
    expected: dict[Key, int]
    values: Values = field(default_factory=dict)
    copies: Values = field(default_factory=dict)
    trouble: list[str] = field(default_factory=list)

    def read(self, query: Query) -> None:
        try:
            self.values, self.trouble = query.samples(self.start, self.end, dedup=True)
            self.copies = {}
            # Where one replica has a gap, Query's deduplication goes over to another one only after a penalty of twice
            # the last interval, and leaves out samples that are there (thanos #7807). Only all copies tell a loss.
            if self.missing:
                self.copies, trouble = query.samples(self.start, self.end, dedup=False)
                self.trouble = [*self.trouble, *trouble]
        except QueryError as error:
            self.trouble = [str(error)]

    @property
    def complete(self) -> bool:
        return not self.missing and not self.trouble

    @property
    def missing(self) -> list[Key]:
        return [key for key in self.expected if key not in self.values and key not in self.copies]

    @property
    def hidden(self) -> list[Key]:
        return [key for key in self.expected if key not in self.values and key in self.copies]

    @property
    def wrong(self) -> list[Key]:
        return [key for key, number in self.expected.items() if any(value != number for value in self.found(key))]

    @property
    def twice(self) -> list[Key]:
        return [key for key in self.expected if len(self.values.get(key, ())) > 1]

    @property
    def others(self) -> list[Key]:
        """Found, but not acknowledged."""
        return [key for key in {**self.values, **self.copies} if key not in self.expected]

    def found(self, key: Key) -> list[float]:
        return [*self.values.get(key, ()), *self.copies.get(key, ())]


def check(query: Query, journal: Journal, seconds: float, pause: float = 0.5) -> dict[str, Any]:
    """Read until every acknowledged sample is there and no answer is partial, or for so long."""
    until = time.monotonic() + seconds
    windows = pending = list(journal.windows())
    warnings: dict[str, None] = {}
    while True:
        for window in pending:
            window.read(query)
            warnings.update(dict.fromkeys(window.trouble))
        pending = [window for window in pending if not window.complete]
        if not pending or time.monotonic() >= until:
            return _report(windows, journal, list(warnings))
        time.sleep(pause)


def _report(windows: list[Window], journal: Journal, warnings: list[str]) -> dict[str, Any]:
    def total(keys: Callable[[Window], list[Key]]) -> int:
        return sum(len(keys(window)) for window in windows)

    def first(keys: Callable[[Window], list[Key]], **shown: Callable[[Window, Key], object]) -> list[dict[str, object]]:
        chosen = itertools.islice(((window, key) for window in windows for key in keys(window)), 10)
        return [
            {"series": key[0], "timestamp": key[1], "value": window.expected[key]}
            | {name: show(window, key) for name, show in shown.items()}
            for window, key in chosen
        ]

    others = [(key, window.found(key)) for window in windows for key in window.others]
    unacknowledged = sum(journal.was_sent(key, values) for key, values in others)
    expected = sum(len(window.expected) for window in windows)
    return {
        "expected": expected,
        # None is both missing and wrong.
        "found": expected - total(lambda window: window.missing) - total(lambda window: window.wrong),
        "missing": first(lambda window: window.missing),
        "wrong": first(lambda window: window.wrong, found=Window.found),
        "twice": first(lambda window: window.twice, found=Window.found),
        # Sent, but refused or not answered, and there all the same: that is allowed.
        "unacknowledged": unacknowledged,
        # Never sent.
        "unexpected": len(others) - unacknowledged,
        # Stored, but left out by Query's deduplication.
        "hidden": total(lambda window: window.hidden),
        # Windows whose last answer was partial, or was none.
        "partial": sum(bool(window.trouble) for window in windows),
        "warnings": warnings[:10],
    }


# The command


def _write(chosen: argparse.Namespace) -> int:
    receiver = Receiver(chosen.url, chosen.tenant, chosen.tenant_header, chosen.ca, chosen.cert, chosen.key)
    # Waited for in a thread: a handler could come while the main thread holds the lock of what it must set.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
    try:
        # Never an older one's: what that writer had sent is not known exactly.
        journal = chosen.journal.open("x")
    except FileExistsError:
        raise SystemExit(f"{chosen.journal}: it is there already; every writer has a journal of its own") from None
    with journal:
        writer = Writer(receiver, chosen.run, chosen.series, chosen.interval, journal)
        _stop_after(writer.stop, lambda: signal.sigwait(STOPS))
        if chosen.until_input_ends:
            _stop_after(writer.stop, _read_input)
        print(json.dumps({"summary": writer.write(chosen.seconds)}), flush=True)
    return int(writer.broken)


def _stop_after(stop: threading.Event, wait: Callable[[], object]) -> None:
    def work() -> None:
        wait()
        stop.set()

    threading.Thread(target=work, daemon=True).start()


def _read_input() -> None:
    # Not sys.stdin, whose lock Python needs when it ends.
    while os.read(0, 4096):
        pass


def _check(chosen: argparse.Namespace) -> int:
    journal = read_journal(chosen.journal.read_text())
    if not journal.acknowledged:
        raise SystemExit(f"{chosen.journal}: nothing was acknowledged, so this proves nothing")
    report = check(Query(chosen.query, chosen.run), journal, chosen.seconds)
    print(json.dumps(report, indent=2))
    return int(any(report[fault] for fault in ("missing", "wrong", "twice")))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Write enumerated samples steadily, and read every one of them back.")
    commands = parser.add_subparsers(required=True)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--journal", type=Path, required=True, help="what was acknowledged")
    common.add_argument("--run", required=True, help="label `run` of all samples")
    write = commands.add_parser("write", parents=[common], help="write until SIGTERM")
    write.set_defaults(act=_write)
    write.add_argument("--url", required=True, help="the receiver's, with its path")
    write.add_argument("--tenant", help="write as this tenant")
    write.add_argument("--tenant-header", default="X-Scope-OrgID")
    write.add_argument("--series", type=int, default=20, help="how many")
    write.add_argument("--interval", type=float, default=0.2, help="seconds from one request to the next")
    write.add_argument("--seconds", type=float, default=600, help="end after as many")
    write.add_argument("--ca", help="certificates of authorities that the receiver's must come from")
    write.add_argument("--cert", help="client certificate")
    write.add_argument("--key", help="and its key")
    write.add_argument("--until-input-ends", action="store_true", help="end with the standard input, as by SIGTERM")
    read = commands.add_parser("check", parents=[common], help="compare what can be read with the journal")
    read.set_defaults(act=_check)
    read.add_argument("--query", required=True, help="the URL of a Thanos Query")
    read.add_argument("--seconds", type=float, default=30, help="how long to wait until all is visible")
    return parser


def main(arguments: list[str] | None = None) -> int:
    chosen = _parser().parse_args(arguments)
    act: Callable[[argparse.Namespace], int] = chosen.act
    return act(chosen)


if __name__ == "__main__":
    sys.exit(main())
