"""What a probe that asks for the URLs of remote write finds out. The texts are those of promtool 2.48.0 and 3.15.0."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.miribit.thanos.plugins.module_utils.probe.job import Outcome
from ansible_collections.miribit.thanos.plugins.module_utils.probe.reach import Reach, place, probe, read

NAME = "http://thanos-receiver.monitoring.svc.cluster-01.local:19291/api/v1/receive"
ADDRESS = "http://192.168.101.210:19291/api/v1/receive"


def reach(url: str, text: str, exit_code: int | None = 1) -> Reach | None:
    return read([url], {"url-1": Outcome(exit_code, f"{text}\n")}).get(url)


def failed(url: str, text: str) -> Reach | None:
    return reach(url, f'Get "{url}/-/healthy": {text}')


def test_each_url_is_asked_by_a_container_of_its_own_in_one_pod() -> None:
    made = probe([NAME, ADDRESS], "monitoring", "registry.example/prometheus:v2.48.0")
    assert [(step.name, step.command) for step in made.steps] == [
        ("url-1", ("promtool", "check", "healthy", f"--url={NAME}")),
        ("url-2", ("promtool", "check", "healthy", f"--url={ADDRESS}")),
    ]
    assert (made.at_once, made.files) == (True, {})


def test_any_answer_tells_that_there_is_something() -> None:
    text = f"check failed: URL={NAME}, status=404"
    assert reach(NAME, text) == Reach(resolves=True, connects=True, answer="HTTP 404", error=None)


def test_what_answers_everything_is_reached() -> None:
    assert reach(NAME, "  SUCCESS:  <html>", exit_code=0) == Reach(True, True, "HTTP 200", None)


@pytest.mark.parametrize("host", ["192.168.101.210", "[2001:db8::1]"])
def test_an_address_has_nothing_to_resolve(host: str) -> None:
    url = f"http://{host}:19291/api/v1/receive"
    found = reach(url, f"check failed: URL={url}, status=405")
    assert found == Reach(resolves=None, connects=True, answer="HTTP 405", error=None)


@pytest.mark.parametrize(
    "error",
    [
        "dial tcp: lookup thanos-receiver.monitoring.svc.cluster-01.local on 10.96.0.10:53: no such host",
        "dial tcp: lookup x on 10.96.0.10:53: read udp 10.0.0.1:1->10.96.0.10:53: i/o timeout",
        "dial tcp: lookup x: server misbehaving",
    ],
)
def test_a_name_that_does_not_resolve_is_told_with_the_text(error: str) -> None:
    assert failed(NAME, error) == Reach(resolves=False, connects=None, answer=None, error=error)


@pytest.mark.parametrize(
    "error",
    [
        "dial tcp 192.168.101.210:19291: connect: connection refused",
        "dial tcp 192.168.101.210:19291: connect: no route to host",
        "dial tcp 192.168.101.210:19291: i/o timeout",
    ],
)
def test_a_port_that_takes_no_connection_is_told(error: str) -> None:
    assert failed(ADDRESS, error) == Reach(resolves=None, connects=False, answer=None, error=error)
    assert failed(NAME, error) == Reach(resolves=True, connects=False, answer=None, error=error)


@pytest.mark.parametrize("error", ["context deadline exceeded", "net/http: TLS handshake timeout"])
def test_where_nobody_answers_it_is_unknown_how_far_it_came(error: str) -> None:
    assert failed(NAME, error) == Reach(None, None, None, f"no answer within 10 s ({error})")


@pytest.mark.parametrize(
    "error",
    [
        "tls: first record does not look like a TLS handshake",
        "tls: failed to verify certificate: x509: certificate signed by unknown authority",
        "EOF",
    ],
)
def test_what_is_no_answer_of_http_is_connected_all_the_same(error: str) -> None:
    assert failed(NAME, error) == Reach(resolves=True, connects=True, answer=None, error=error)


@pytest.mark.parametrize(
    ("text", "exit_code"),
    [("", None), ("promtool: error: expected command but got healthy, try --help", 1), ("", 1), ("panic", 2)],
)
def test_what_says_nothing_tells_nothing(text: str, exit_code: int | None) -> None:
    assert reach(NAME, text, exit_code) is None


def test_a_step_that_was_not_begun_tells_nothing() -> None:
    assert read([NAME], {}) == {}


def test_a_long_text_is_cut() -> None:
    found = failed(NAME, "EOF " * 200)
    assert found is not None
    assert len(found.error or "") < 220


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        (NAME, NAME),
        ("https://u:hidden@receiver.example/api/v1/receive?token=hidden#x", "https://receiver.example/api/v1/receive"),
        ("http://<secret>:19291/api", "http://<secret>:19291/api"),
        ("ftp://receiver.example", None),
        ("receiver.example:19291", None),
        ("http://", None),
        ("http://a b/", None),
        ("http://[", None),
        ("", None),
    ],
)
def test_a_url_is_asked_without_what_can_be_a_secret(url: str, asked: str | None) -> None:
    assert place(url) == asked


@given(st.text(), st.text(), st.sampled_from([None, 0, 1]))
def test_any_text_can_be_read(url: str, text: str, exit_code: int | None) -> None:
    assert all(isinstance(found, Reach) for found in read([url], {"url-1": Outcome(exit_code, text)}).values())
    assert all(word not in (place(url) or "") for word in ("@", "?", "#"))
