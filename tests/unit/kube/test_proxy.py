"""Addresses behind the API server's proxy. What its refusals say is tested with the modules that meet them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.kube.errors import ApiServerError, LoginError, PassingError
from ansible_collections.miribit.thanos.plugins.module_utils.kube.proxy import Answer, ProxyTarget, raise_refusal


def target(**changes: object) -> ProxyTarget:
    options: dict[str, Any] = {"kind": "service", "namespace": "monitoring", "name": "thanos-query", "port": "http"}
    return ProxyTarget(**{**options, **changes})


def own_answer(status: int, message: str) -> Answer:
    """An answer of the API server itself."""
    return Answer(status, json.dumps({"kind": "Status", "apiVersion": "v1", "message": message}).encode())


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
    raise_refusal(target(), answer, "context cluster-01")


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (401, "Unauthorized", LoginError),
        (403, 'pods "a" is forbidden: User "system:anonymous" cannot get', LoginError),
        (429, "too many requests", PassingError),
        (500, "etcdserver: leader changed", PassingError),
        (503, "apiserver is shutting down", PassingError),
    ],
)
def test_what_the_api_server_says_of_itself_is_told_apart_from_what_it_says_of_the_target(
    status: int, message: str, kind: type[ApiServerError]
) -> None:
    with pytest.raises(ApiServerError, match="context cluster-01") as raised:
        raise_refusal(target(), own_answer(status, message), "context cluster-01")
    assert raised.type is kind


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (403, 'services "thanos-query" is forbidden: User "anna" cannot get resource "services/proxy"'),
        (404, 'services "thanos-query" not found'),
        (418, "it is a teapot"),
        (503, 'no service port "grpc" found for service "thanos-query"'),
        (503, 'no endpoints available for service "thanos-query"'),
        (503, "error trying to reach service: dial tcp 10.42.0.9:9090: connect: connection refused"),
        (504, "Timeout: request did not complete within 60s"),
    ],
)
def test_what_the_api_server_says_of_the_target_is_no_problem_of_its_own(status: int, message: str) -> None:
    with pytest.raises(ProblemError, match="service monitoring/thanos-query") as raised:
        raise_refusal(target(), own_answer(status, message), "context cluster-01")
    assert not isinstance(raised.value, ApiServerError)
    assert message in str(raised.value)


def test_a_body_in_a_message_is_one_short_line() -> None:
    assert Answer(500, b"a\n  b").text() == "a b"
    assert Answer(500, b"x" * 1000).text() == "x" * 200 + "..."
