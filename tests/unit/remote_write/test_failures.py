"""The causes of error texts, for every program that reports them."""

from __future__ import annotations

import pytest

from ansible_collections.miribit.thanos.plugins.module_utils.probe.object_storage import NETWORK_FIXES
from ansible_collections.miribit.thanos.plugins.module_utils.remote_write.failures import (
    SIGNS,
    of_complaint,
    of_status,
    sign_of,
)


def test_every_network_failure_has_a_fix_for_a_receiver_and_for_a_bucket() -> None:
    names = [sign.name for sign in SIGNS]
    assert len(set(names)) == len(names)
    assert NETWORK_FIXES.keys() == set(names)
    assert all(sign.fix and "{server}" not in sign.at_receiver().cause for sign in SIGNS)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("dial tcp: lookup a.example on 10.96.0.10:53: no such host", "unknown name"),
        ("dial tcp: lookup a.example: i/o timeout", "no DNS"),
        ("remote error: tls: certificate required", "certificate required"),
        ("remote error: tls: bad certificate", "certificate refused"),
        ("remote error: tls: unrecognized name", "no certificate"),
        ("remote error: tls: protocol version not supported", "handshake"),
        ("tls: failed to verify certificate: x509: certificate signed by unknown authority", "unknown authority"),
        ("x509: certificate has expired or is not yet valid: current time 2026", "expired"),
        ("x509: certificate is valid for b.example, not a.example", "other name"),
        ("x509: something new", "unverified"),
        ("http: server gave HTTP response to HTTPS client", "no TLS"),
        ('malformed HTTP response "\\x15\\x03"', "only TLS"),
        ("dial tcp 10.0.0.1:9: connect: connection refused", "refused"),
        ("dial tcp 10.0.0.1:9: connect: no route to host", "no route"),
        ("context deadline exceeded (Client.Timeout exceeded while awaiting headers)", "slow"),
        ("net/http: TLS handshake timeout", "silent"),
        ("read tcp 10.0.0.1:1->10.0.0.2:2: read: connection reset by peer", "closed"),
    ],
)
def test_each_text_is_recognised(text: str, name: str) -> None:
    sign = sign_of(text)
    assert sign is not None
    assert sign.name == name


def test_an_unknown_text_has_no_cause() -> None:
    assert sign_of("something new") is None
    assert of_complaint("something new") is None


def test_a_status_counts_more_than_the_text_of_the_answer() -> None:
    # The routers quote their own errors: it is an ingestor that refuses connections, not the receiver.
    line = "server returned HTTP status 503 Service Unavailable: dial tcp 10.1.1.1:10901: connection refused"
    assert of_complaint(line) == of_status(503)


def test_a_status_of_a_server_that_speaks_tls_is_about_tls() -> None:
    text = "400 Bad Request: Client sent an HTTP request to an HTTPS server."
    failure = of_complaint(f"server returned HTTP status {text}")
    assert failure is not None
    assert failure.cause.startswith("the receiver speaks TLS at this port")


def test_an_unknown_status_says_which_side_refuses() -> None:
    assert of_status(507).step == "accept"
    assert of_status(418).step == "http"
