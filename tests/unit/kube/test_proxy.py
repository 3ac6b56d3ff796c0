"""Addresses behind the API server's proxy. What its refusals say is tested with the modules that meet them."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.miribit.thanos.plugins.module_utils.kube.proxy import Answer, ProxyTarget, refusal


def target(**changes: object) -> ProxyTarget:
    options: dict[str, Any] = {"kind": "service", "namespace": "monitoring", "name": "thanos-query", "port": "http"}
    return ProxyTarget(**{**options, **changes})


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({}, "/api/v1/namespaces/monitoring/services/thanos-query:http/proxy/api/v1/query"),
        ({"port": "10902"}, "/api/v1/namespaces/monitoring/services/thanos-query:10902/proxy/api/v1/query"),
        ({"scheme": "https"}, "/api/v1/namespaces/monitoring/services/https:thanos-query:http/proxy/api/v1/query"),
        (
            {"kind": "pod", "name": "prometheus-k8s-0", "port": "9090"},
            "/api/v1/namespaces/monitoring/pods/prometheus-k8s-0:9090/proxy/api/v1/query",
        ),
        (
            {"path_prefix": "/a/b/"},
            "/api/v1/namespaces/monitoring/services/thanos-query:http/proxy/a/b/api/v1/query",
        ),
        ({"path_prefix": "/"}, "/api/v1/namespaces/monitoring/services/thanos-query:http/proxy/api/v1/query"),
    ],
)
def test_a_target_has_one_path_on_the_api_server(changes: dict[str, Any], path: str) -> None:
    assert target(**changes).problems() == []
    assert target(**changes).path("api/v1/query") == path


@pytest.mark.parametrize(
    ("option", "changes"),
    [
        ("namespace", {"namespace": ""}),
        ("namespace", {"namespace": ".."}),
        ("namespace", {"namespace": "Monitoring"}),
        ("namespace", {"namespace": "a" * 64}),
        ("namespace", {"namespace": "monitoring\n"}),
        ("service", {"name": "a/b"}),
        ("service", {"name": "a.b"}),
        ("pod", {"kind": "pod", "name": "..", "port": "1"}),
        ("pod", {"kind": "pod", "name": "a" * 254, "port": "1"}),
        ("port", {"port": ""}),
        ("port", {"port": "0"}),
        ("port", {"port": "65536"}),
        ("port", {"port": "9090/tcp"}),
        ("port", {"port": "a-name-too-long-"}),
        ("port", {"kind": "pod", "port": "http"}),
        ("path_prefix", {"path_prefix": "/a/../b"}),
        ("path_prefix", {"path_prefix": "."}),
        ("path_prefix", {"path_prefix": "/a?b"}),
        ("path_prefix", {"path_prefix": "/a%2e"}),
    ],
)
def test_an_impossible_address_is_refused_by_the_option_that_is_wrong(option: str, changes: dict[str, Any]) -> None:
    (problem,) = target(**changes).problems()
    assert problem.subject == f"Option {option}"


@pytest.mark.parametrize("changes", [{"port": "1"}, {"port": "65535"}, {"kind": "pod", "name": "a.b", "port": "1"}])
def test_the_limits_of_an_address_are_allowed(changes: dict[str, Any]) -> None:
    assert target(**changes).problems() == []


def test_all_that_is_wrong_with_an_address_is_said_at_once() -> None:
    wrong = target(namespace="A", name="B", port="C", path_prefix="..")
    assert [problem.subject for problem in wrong.problems()] == [
        "Option namespace",
        "Option service",
        "Option port",
        "Option path_prefix",
    ]


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, b'{"kind": "Status", "apiVersion": "v1"}'),
        Answer(404, b"404 page not found"),
        Answer(404, b'["kind"]'),
        Answer(404, b"\xff"),
        Answer(422, b'{"status": "error", "errorType": "execution", "error": "x"}'),
    ],
)
def test_an_answer_of_the_target_is_not_taken_for_one_of_the_api_server(answer: Answer) -> None:
    assert refusal(target(), answer, "context cluster-01") is None


def test_a_body_in_a_message_is_one_short_line() -> None:
    assert Answer(500, b"a\n  b").text() == "a b"
    assert Answer(500, b"x" * 1000).text() == "x" * 200 + "..."
