"""The tool that proves that nothing acknowledged is lost, against a receiver and a Query that misbehave.

The stand-in remembers what it has acknowledged, and evaluates a range selector as Prometheus does.
"""

from __future__ import annotations

import json
import os
import re
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import cramjam
import pytest
import remote_write
import steady
import trustme
from steady_writer import SCRIPT, Steady

#: A replica's samples: labels to timestamp to value.
Replica = dict[tuple[tuple[str, str], ...], dict[int, float]]
STARTED = 1_767_225_600_000


@dataclass
class Thanos:
    """A receiver and a Query."""

    url: str = ""
    #: What the next writes are answered with, then 200: a status, "lose" (200, nothing stored), "hang up" (stored).
    answers: list[int | str] = field(default_factory=list)
    #: The same for queries: a status, or a warning; then whole answers.
    query_answers: list[int | str] = field(default_factory=list)
    delay: float = 0
    left_open: bool = True
    stored: Replica = field(default_factory=dict)
    #: What each replica has; None means all of what is stored.
    copies: list[Replica] | None = None
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    queries: list[dict[str, str]] = field(default_factory=list)

    @property
    def receive(self) -> str:
        return f"{self.url}/api/v1/receive"

    def store(self, content: bytes) -> None:
        request = remote_write._WriteRequest()
        request.ParseFromString(bytes(cramjam.snappy.decompress_raw(content)))
        for series in request.timeseries:
            labels = tuple((label.name, label.value) for label in series.labels)
            (sample,) = series.samples
            self.stored.setdefault(labels, {})[sample.timestamp] = sample.value

    def select(self, query: dict[str, str]) -> list[dict[str, object]]:
        matched = re.fullmatch(r'miribit_thanos_enumerated\{run="([^"]+)"\}\[(\d+)ms\]', query["query"])
        assert matched, query
        run, end = matched[1], round(float(query["time"]) * 1000)
        start = end - int(matched[2]) + self.left_open
        replicas = [self.stored] if query["dedup"] == "true" or self.copies is None else self.copies
        return [
            {"metric": dict(labels), "values": values}
            for replica in replicas
            for labels, samples in replica.items()
            if ("run", run) in labels
            and (values := [[time / 1000, f"{value:g}"] for time, value in samples.items() if start <= time <= end])
        ]


class Handler(BaseHTTPRequestHandler):
    thanos: Thanos

    def do_POST(self) -> None:  # the name http.server wants
        content = self.rfile.read(int(self.headers["Content-Length"]))
        self.thanos.bodies.append(content)
        self.thanos.headers.append({name.lower(): value for name, value in self.headers.items()})
        time.sleep(self.thanos.delay)
        answer = self.thanos.answers.pop(0) if self.thanos.answers else 200
        if answer in {200, "hang up"}:
            self.thanos.store(content)
        if answer == "hang up":
            self.close_connection = True
            return
        self.answer(answer if isinstance(answer, int) else 200, b"out of order sample\n")

    def do_GET(self) -> None:  # the name http.server wants
        query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        self.thanos.queries.append(query)
        answer = self.thanos.query_answers.pop(0) if self.thanos.query_answers else 200
        if isinstance(answer, int) and answer != 200:
            self.answer(answer, b"no healthy upstream")
            return
        result = self.thanos.select(query) if answer == 200 else []
        document: dict[str, object] = {"status": "success", "data": {"resultType": "matrix", "result": result}}
        if answer != 200:
            document["warnings"] = [answer]
        self.answer(200, json.dumps(document).encode())

    def answer(self, status: int, content: bytes) -> None:
        self.send_response(status)
        if 300 <= status < 400:
            self.send_header("Location", "/login")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_arguments: object) -> None:
        """Say nothing: in some tests the client goes away."""


def serve(thanos: Thanos, tls: ssl.SSLContext | None = None) -> Server:
    server = Server(("127.0.0.1", 0), type("Answering", (Handler,), {"thanos": thanos}))
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thanos.url = f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    return server


@pytest.fixture
def thanos() -> Iterator[Thanos]:
    stand_in = Thanos()
    with serve(stand_in) as server:
        yield stand_in
        server.shutdown()


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "journal.jsonl"


Write = Callable[..., dict[str, Any]]


@pytest.fixture
def write(thanos: Thanos, journal: Path) -> Write:
    """Write two series until so many requests have come, and return the summary."""

    def run(requests: int, receiver: steady.Receiver | None = None, patience: float = 10) -> dict[str, Any]:
        with journal.open("x") as file:
            writer = steady.Writer(
                receiver or steady.Receiver(thanos.receive), "kills", 2, 0.01, file, patience=patience
            )

            def stop() -> None:
                while len(thanos.bodies) < requests and not writer.stop.wait(0.002):
                    pass
                writer.stop.set()

            threading.Thread(target=stop, daemon=True).start()
            summary = writer.write(10)
        assert not writer.broken
        return summary

    return run


def lines(journal: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in journal.read_text().splitlines()]


def requests_of(journal: Path) -> list[dict[str, Any]]:
    return [line for line in lines(journal) if "summary" not in line]


Check = Callable[..., dict[str, Any]]


@pytest.fixture
def check(thanos: Thanos, journal: Path) -> Check:
    """Compare once, or for some seconds."""

    def run(seconds: float = 0) -> dict[str, Any]:
        query = steady.Query(thanos.url, "kills")
        return steady.check(query, steady.read_journal(journal.read_text()), seconds, pause=0.01)

    return run


def series(name: str) -> tuple[tuple[str, str], ...]:
    return (("__name__", steady.METRIC), ("cluster", "lab"), ("run", "kills"), ("series", name))


@pytest.fixture
def past(thanos: Thanos, journal: Path) -> Callable[..., list[int]]:
    """Pretend that requests with two series were acknowledged and stored, and return their timestamps."""

    def make(requests: int, milliseconds: int = 200) -> list[int]:
        times = [STARTED + ordinal * milliseconds for ordinal in range(requests)]
        entries = [{"n": n, "timestamp": time, "series": 2} for n, time in enumerate(times, 1)]
        journal.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
        thanos.stored = {series(name): {time: n for n, time in enumerate(times, 1)} for name in ("000", "001")}
        return times

    return make


# Writing


def test_a_request_has_one_sample_of_each_series_numbered_and_at_its_own_time(
    write: Write, thanos: Thanos, journal: Path
) -> None:
    summary = write(5)
    times = [entry["timestamp"] for entry in requests_of(journal)]
    assert times == sorted(set(times))
    assert abs(times[0] / 1000 - time.time()) < 60
    numbers = {moment: number for number, moment in enumerate(times, 1)}
    assert thanos.stored == {series("000"): numbers, series("001"): numbers}
    assert [entry["n"] for entry in requests_of(journal)] == list(numbers.values())
    assert all(entry["series"] == 2 and entry["attempts"] == 1 for entry in requests_of(journal))
    assert lines(journal)[-1] == {"summary": summary}
    assert (summary["acknowledged"], summary["retried"], summary["statuses"]) == (len(times), 0, {})
    assert 0 < summary["longest_gap_seconds"] < 5


def test_what_is_not_acknowledged_is_sent_again_unchanged(write: Write, thanos: Thanos, journal: Path) -> None:
    thanos.answers = [503, "hang up", 429, 500, 200]
    summary = write(7)
    assert len(set(thanos.bodies[:5])) == 1
    assert len(set(thanos.bodies[4:7])) == 3
    assert requests_of(journal)[0]["attempts"] == 5
    assert requests_of(journal)[0]["seconds"] >= 0.05 + 0.1 + 0.2 + 0.4
    assert summary["statuses"] == {"503": 1, "network": 1, "429": 1, "500": 1}
    assert (summary["retried"], summary["refused"]) == (4, 0)
    assert summary["longest_gap_seconds"] >= 0.75
    assert summary["last_problem"] == "500 out of order sample"


def test_nothing_listens_yet_and_it_is_tried_again(thanos: Thanos, write: Write, journal: Path) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as gone:
        url = f"http://127.0.0.1:{gone.server_port}"
    threading.Timer(0.2, lambda: thanos.bodies.append(b"enough")).start()
    summary = write(1, steady.Receiver(url), patience=0.1)
    assert summary["acknowledged"] == 0
    assert summary["statuses"]["network"] == summary["retried"] > 1
    assert "refused" in summary["last_problem"]
    assert summary["unfinished"]["n"] == 1


# Followed, the redirect would end in the 200 of a GET.
@pytest.mark.parametrize("status", [400, 409, 413, 302])
def test_a_refused_request_is_not_sent_again(write: Write, thanos: Thanos, journal: Path, status: int) -> None:
    thanos.answers = [200, status]
    summary = write(4)
    assert len(set(thanos.bodies)) == len(thanos.bodies)
    assert [entry.get("refused") for entry in requests_of(journal)][:3] == [None, status, None]
    assert requests_of(journal)[1]["text"] == "out of order sample"
    assert (summary["refused"], summary["retried"], summary["statuses"]) == (1, 0, {str(status): 1})
    assert summary["acknowledged"] == len(requests_of(journal)) - 1


def test_each_acknowledgement_is_in_the_journal_before_the_next_request(
    write: Write, thanos: Thanos, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    store = thanos.store
    monkeypatch.setattr(thanos, "store", lambda content: (seen.append(len(requests_of(journal))), store(content)))
    write(4)
    assert seen == list(range(len(seen)))


def test_a_request_that_is_still_on_its_way_at_the_end_is_called_unfinished(
    write: Write, thanos: Thanos, journal: Path
) -> None:
    thanos.delay = 0.5
    began = time.monotonic()
    summary = write(1, patience=0.1)
    assert time.monotonic() - began < 0.4
    assert summary["acknowledged"] == 0
    assert summary["unfinished"]["n"] == 1
    time.sleep(0.6)
    assert len(lines(journal)) == 1, "an answer after the summary is no acknowledgement"
    assert len(thanos.bodies) == 1


def test_the_tenant_is_named_in_its_header_and_the_body_as_it_is(write: Write, thanos: Thanos) -> None:
    write(1, steady.Receiver(thanos.receive, "tenant-a", "THANOS-TENANT"))
    assert thanos.headers[0]["thanos-tenant"] == "tenant-a"
    assert thanos.headers[0]["content-encoding"] == "snappy"
    assert thanos.headers[0]["content-type"] == "application/x-protobuf"


def test_no_tenant_is_named_unless_one_is_given(write: Write, thanos: Thanos) -> None:
    write(1)
    assert "x-scope-orgid" not in thanos.headers[0]


def test_a_client_certificate_is_shown_and_read_again_once_it_is_replaced(tmp_path: Path, write: Write) -> None:
    authority, other = trustme.CA(), trustme.CA()
    files = {name: tmp_path / f"{name}.pem" for name in ("ca", "cert", "key")}
    authority.cert_pem.write_to_path(files["ca"])

    def use(issuer: trustme.CA) -> None:
        certificate = issuer.issue_cert("edge")
        certificate.cert_chain_pems[0].write_to_path(files["cert"])
        certificate.private_key_pem.write_to_path(files["key"])

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.verify_mode = ssl.CERT_REQUIRED
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.configure_trust(context)
    use(other)
    threading.Timer(0.2, use, [authority]).start()
    secure = Thanos()
    with serve(secure, context) as server:
        receiver = steady.Receiver(secure.receive, **{name: str(file) for name, file in files.items()})
        with (tmp_path / "secure.jsonl").open("x") as file:
            writer = steady.Writer(receiver, "kills", 2, 0.01, file)
            summary = writer.write(1)
        server.shutdown()
    assert summary["statuses"]["network"] >= 1
    assert summary["acknowledged"] > 1
    assert summary["refused"] == 0


# Reading back


def test_everything_written_is_found_once(write: Write, check: Check, thanos: Thanos) -> None:
    thanos.answers = [200, 503, "hang up", 200, 409]
    summary = write(20)
    report = check()
    assert report["expected"] == report["found"] == 2 * summary["acknowledged"] > 20
    assert [report[fault] for fault in ("missing", "wrong", "twice", "warnings")] == [[], [], [], []]
    assert (report["unexpected"], report["unacknowledged"], report["hidden"], report["partial"]) == (0, 0, 0, 0)


def test_an_acknowledged_request_that_is_not_stored_is_missing(write: Write, check: Check, thanos: Thanos) -> None:
    thanos.answers = [200, 200, "lose"]
    write(5)
    report = check()
    assert report["expected"] - report["found"] == 2
    assert [(sample["series"], sample["value"]) for sample in report["missing"]] == [("000", 3), ("001", 3)]


def test_a_lost_sample_of_one_series_is_missing(past: Callable[..., list[int]], check: Check, thanos: Thanos) -> None:
    times = past(10)
    del thanos.stored[series("001")][times[4]]
    report = check()
    assert report["missing"] == [{"series": "001", "timestamp": times[4], "value": 5}]
    assert (report["expected"], report["found"]) == (20, 19)


def test_another_value_is_wrong(past: Callable[..., list[int]], check: Check, thanos: Thanos) -> None:
    times = past(10)
    thanos.stored[series("000")][times[2]] = 4
    report = check()
    assert report["wrong"] == [{"series": "000", "timestamp": times[2], "value": 3, "found": [4.0]}]
    assert report["missing"] == []
    assert report["found"] == 19


def test_a_series_that_is_not_deduplicated_is_there_twice(
    past: Callable[..., list[int]], check: Check, thanos: Thanos
) -> None:
    times = past(10)
    thanos.stored[*series("001"), ("receive_replica", "b")] = {times[0]: 1}
    report = check()
    assert report["twice"] == [{"series": "001", "timestamp": times[0], "value": 1, "found": [1.0, 1.0]}]
    assert report["found"] == 20


def test_only_the_first_ten_are_named(past: Callable[..., list[int]], check: Check, thanos: Thanos) -> None:
    past(10)
    thanos.stored = {}
    report = check()
    assert len(report["missing"]) == 10
    assert (report["expected"], report["found"]) == (20, 0)


@pytest.mark.parametrize("left_open", [True, False])
@pytest.mark.parametrize("milliseconds", [60_000, 59_999, 601_000])
def test_samples_at_the_borders_of_windows_count_once(
    past: Callable[..., list[int]], check: Check, thanos: Thanos, left_open: bool, milliseconds: int
) -> None:
    thanos.left_open = left_open
    past(41, milliseconds)
    report = check()
    assert (report["expected"], report["found"]) == (82, 82)
    assert not any(report[fault] for fault in ("missing", "wrong", "twice", "unexpected", "unacknowledged"))
    assert len(thanos.queries) >= 4
    widths = [int(re.search(r"\[(\d+)ms", query["query"])[1]) for query in thanos.queries]  # type: ignore[index]
    assert max(widths) == 600_000
    assert {query["dedup"] for query in thanos.queries} == {"true"}


def test_what_deduplication_leaves_out_but_a_replica_has_is_not_lost(
    past: Callable[..., list[int]], check: Check, thanos: Thanos
) -> None:
    times = past(10)
    whole = {labels: dict(samples) for labels, samples in thanos.stored.items()}
    # One replica has the first samples, the other the last ones, and Query shows a gap between them.
    first = {(*labels, ("replica", "a")): {t: samples[t] for t in times[:5]} for labels, samples in whole.items()}
    second = {(*labels, ("replica", "b")): {t: samples[t] for t in times[3:]} for labels, samples in whole.items()}
    thanos.copies = [first, second]
    for samples in thanos.stored.values():
        del samples[times[5]], samples[times[6]]
    report = check()
    assert (report["expected"], report["found"], report["hidden"]) == (20, 20, 4)
    assert (report["missing"], report["twice"]) == ([], [])
    assert [query["dedup"] for query in thanos.queries] == ["true", "false"]


def test_a_wrong_value_in_a_copy_is_wrong(past: Callable[..., list[int]], check: Check, thanos: Thanos) -> None:
    times = past(3)
    thanos.copies = [{(*series("000"), ("replica", "a")): {times[0]: 1, times[1]: 7}}]
    del thanos.stored[series("000")][times[1]]
    assert check()["wrong"] == [{"series": "000", "timestamp": times[1], "value": 2, "found": [7.0]}]


def test_found_but_not_acknowledged_is_allowed(
    past: Callable[..., list[int]], check: Check, thanos: Thanos, journal: Path
) -> None:
    times = past(10)
    entries = requests_of(journal)
    entries[2] |= {"refused": 409, "text": ""}
    summary = {"summary": {"unfinished": {"n": 10, "timestamp": times[9]}}}
    journal.write_text("".join(json.dumps(entry) + "\n" for entry in [*entries[:9], summary]))
    report = check()
    assert (report["expected"], report["found"], report["unacknowledged"], report["unexpected"]) == (16, 16, 4, 0)


def test_found_but_never_sent_is_unexpected(past: Callable[..., list[int]], check: Check, thanos: Thanos) -> None:
    times = past(10)
    thanos.stored[series("000")][times[2] + 1] = 3
    thanos.stored[series("002")] = {times[3]: 4}
    report = check()
    assert (report["found"], report["unacknowledged"], report["unexpected"]) == (20, 0, 2)


def test_it_is_asked_again_until_all_is_visible(past: Callable[..., list[int]], check: Check, thanos: Thanos) -> None:
    times = past(10)
    late = thanos.stored[series("001")].pop(times[9])

    def arrive() -> None:
        while len(thanos.queries) <= 2:
            time.sleep(0.01)
        thanos.stored[series("001")][times[9]] = late

    threading.Thread(target=arrive, daemon=True).start()
    report = check(5)
    assert (report["found"], report["missing"]) == (20, [])
    assert len(thanos.queries) > 2


def test_partial_answers_and_refused_queries_are_asked_again_and_reported(
    past: Callable[..., list[int]], check: Check, thanos: Thanos
) -> None:
    past(10)
    thanos.query_answers = [503, "no store at 10.0.0.7", "no store at 10.0.0.7"]
    report = check(5)
    assert (report["found"], report["partial"]) == (20, 0)
    assert report["warnings"] == [f"{thanos.url}: 503 no healthy upstream", "no store at 10.0.0.7"]


def test_a_query_that_never_answers_proves_nothing(
    past: Callable[..., list[int]], check: Check, thanos: Thanos
) -> None:
    past(3)
    thanos.query_answers = [502] * 1000
    report = check(0.05)
    assert (report["found"], report["partial"], len(report["missing"])) == (0, 1, 6)
    assert report["warnings"] == [f"{thanos.url}: 502 no healthy upstream"]


def test_a_journal_line_that_was_cut_off_is_no_acknowledgement(past: Callable[..., list[int]], journal: Path) -> None:
    past(3)
    journal.write_text(journal.read_text()[:-1])
    assert len(steady.read_journal(journal.read_text()).acknowledged) == 2


# The commands


def start(*arguments: object) -> subprocess.Popen[str]:
    line = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd="/")


def wait_for(journal: Path) -> None:
    until = time.monotonic() + 20
    while not (journal.exists() and journal.read_text().count("\n") > 2):
        assert time.monotonic() < until
        time.sleep(0.02)


def test_sigterm_ends_the_writer_with_a_summary(thanos: Thanos, journal: Path) -> None:
    options = ("--journal", journal, "--run", "kills", "--interval", "0.02", "--series", "2")
    process = start("write", "--url", thanos.receive, *options)
    wait_for(journal)
    process.send_signal(signal.SIGTERM)
    output, errors = process.communicate(timeout=15)
    assert (process.returncode, errors) == (0, "")
    assert json.loads(output) == lines(journal)[-1]
    assert lines(journal)[-1]["summary"]["acknowledged"] == len(lines(journal)) - 1


def test_the_check_s_exit_code_tells_a_loss(
    past: Callable[..., list[int]], thanos: Thanos, journal: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    past(3)
    command = ["check", "--journal", str(journal), "--run", "kills", "--query", thanos.url, "--seconds", "0"]
    assert steady.main(command) == 0
    assert json.loads(capsys.readouterr().out)["missing"] == []
    thanos.stored[series("001")].popitem()
    assert steady.main(command) == 1
    assert len(json.loads(capsys.readouterr().out)["missing"]) == 1


def test_a_journal_that_is_there_already_is_not_written_to(journal: Path, thanos: Thanos) -> None:
    journal.touch()
    process = start("write", "--url", thanos.receive, "--journal", journal, "--run", "kills")
    assert "it is there already" in process.communicate(timeout=15)[1]
    assert process.returncode == 1


def test_an_empty_journal_proves_nothing(journal: Path, thanos: Thanos, capsys: pytest.CaptureFixture[str]) -> None:
    journal.touch()
    with pytest.raises(SystemExit, match="nothing was acknowledged"):
        steady.main(["check", "--query", thanos.url, "--journal", str(journal), "--run", "kills"])


def test_a_test_writes_while_its_context_lasts_and_checks_afterwards(thanos: Thanos, tmp_path: Path) -> None:
    places = {"url": thanos.receive, "query": thanos.url, "python": (sys.executable,)}
    with Steady(tmp_path, "routers", **places, series=3, interval=0.02, tenant="tenant-a") as writer:
        thanos.answers = [503]
        writer.wait(5, 10)
        assert writer.check(0)["missing"] == []
    assert writer.summary()["statuses"] == {"503": 1}
    report = writer.check()
    assert report["expected"] == report["found"] == 3 * writer.acknowledged() >= 15
    assert thanos.headers[0]["x-scope-orgid"] == "tenant-a"
    stopped_at = len(thanos.bodies)
    time.sleep(0.1)
    assert len(thanos.bodies) == stopped_at


def test_a_test_that_is_killed_leaves_no_writer(thanos: Thanos, journal: Path) -> None:
    options = ("--journal", journal, "--run", "kills", "--url", thanos.receive, "--interval", "0.02")
    readable, writable = os.pipe()
    line = [sys.executable, str(SCRIPT), "write", *map(str, options), "--until-input-ends"]
    process = subprocess.Popen(line, stdin=readable, stdout=subprocess.DEVNULL)
    os.close(readable)
    wait_for(journal)
    assert process.poll() is None
    os.close(writable)
    assert process.wait(timeout=15) == 0


def test_a_writer_that_is_never_acknowledged_says_why(thanos: Thanos, tmp_path: Path) -> None:
    thanos.answers = [409] * 10_000
    places = {"url": thanos.receive, "query": thanos.url, "python": (sys.executable,)}
    with pytest.raises(AssertionError, match="409 out of order sample"), Steady(tmp_path, "no", **places, patience=1):
        pytest.fail("it is not entered")
