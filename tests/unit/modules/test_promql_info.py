"""The module promql_info, from its options to the JSON that Ansible reads."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from api_server import TOKEN, ApiServer

from ansible_collections.miribit.thanos.plugins.action import promql_info
from ansible_collections.miribit.thanos.plugins.module_utils.kube import session
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus import query

SERVICE = {"namespace": "monitoring", "service": "thanos-query", "port": "http", "query": "up"}
POD = {"namespace": "monitoring", "pod": "prometheus-k8s-0", "port": "9090", "query": "up"}
WHERE = "service monitoring/thanos-query port http in context cluster-01"
UP = {
    "status": "success",
    "data": {"resultType": "vector", "result": [{"metric": {"__name__": "up"}, "value": [1767225600, "1"]}]},
}

# The beginning of a kubeconfig.
CONTEXT = "contexts: [{name: cluster-01, context: {cluster: c, user: u}}]\n"

Ask = Callable[..., dict[str, Any]]


@pytest.fixture
def ask(run_action: Ask, kubeconfig: Callable[..., str], api_server: ApiServer) -> Ask:
    """Run the module against the stand-in."""
    access = {"kubeconfig": kubeconfig(api_server.url), "context": "cluster-01"}

    def run(options: dict[str, object] | None = None, **more: object) -> dict[str, Any]:
        return run_action(promql_info.ActionModule, {**access, **(SERVICE if options is None else options), **more})

    return run


@pytest.fixture
def fails(ask: Ask) -> Callable[..., str]:
    """Run the module, which must fail with one problem, and return the message."""

    def run(options: dict[str, object] | None = None, **more: object) -> str:
        result = ask(options, **more)
        assert result["failed"]
        (problem,) = result["problems"]
        assert result["msg"] == f"{problem['subject']}: {problem['cause']}. Fix: {problem['fix']}."
        return str(result["msg"])

    return run


def test_a_query_to_a_service_returns_the_series(ask: Ask, api_server: ApiServer) -> None:
    api_server.says(UP)
    result = ask()
    assert result["changed"] is False
    assert result["result_type"] == "vector"
    assert result["result"] == [{"metric": {"__name__": "up"}, "timestamp": 1767225600.0, "value": "1"}]
    assert result["query_warnings"] == result["query_infos"] == []
    (request,) = api_server.requests
    assert request.path == "/api/v1/namespaces/monitoring/services/thanos-query:http/proxy/api/v1/query"
    assert request.params == {"query": "up", "timeout": "30s"}
    assert request.headers["authorization"] == f"Bearer {TOKEN}"


def test_a_query_to_a_pod_behind_tls_and_a_prefix_finds_its_path(ask: Ask, api_server: ApiServer) -> None:
    api_server.says(UP)
    ask(POD, scheme="https", path_prefix="/prometheus")
    assert api_server.requests[0].path == (
        "/api/v1/namespaces/monitoring/pods/https:prometheus-k8s-0:9090/proxy/prometheus/api/v1/query"
    )


def test_every_option_of_the_query_reaches_the_server(ask: Ask, api_server: ApiServer) -> None:
    api_server.says(UP)
    ask(query='up{a="ü&="}', time="2026-01-01T00:00:00Z", timeout=7, dedup=False, partial_response=False)
    assert api_server.requests[0].params == {
        "query": 'up{a="ü&="}',
        "time": "1767225600.0",
        "timeout": "7s",
        "dedup": "false",
        "partial_response": "false",
    }


def test_check_mode_asks_too(ask: Ask, api_server: ApiServer) -> None:
    api_server.says(UP)
    assert len(ask(check_mode=True)["result"]) == 1


def test_a_warning_of_the_server_is_returned_and_shown(ask: Ask, api_server: ApiServer) -> None:
    api_server.says({**UP, "warnings": ["No StoreAPIs matched for this query"], "infos": ["not a counter"]})
    result = ask()
    assert result["query_warnings"] == ["No StoreAPIs matched for this query"]
    assert result["query_infos"] == ["not a counter"]
    assert result["warnings"] == ["No StoreAPIs matched for this query"]


def test_the_current_context_is_used_when_none_is_given(
    run_action: Ask, kubeconfig: Callable[..., str], api_server: ApiServer
) -> None:
    api_server.refuses(404, "NotFound", 'services "thanos-query" not found')
    file = kubeconfig(api_server.url, contexts=("cluster-01", "cluster-02"), current="cluster-02")
    assert "in context cluster-02" in run_action(promql_info.ActionModule, {**SERVICE, "kubeconfig": file})["msg"]


@pytest.mark.parametrize("variable", ["KUBECONFIG", "K8S_AUTH_KUBECONFIG"])
def test_the_kubeconfig_can_come_from_the_environment(
    run_action: Ask,
    kubeconfig: Callable[..., str],
    api_server: ApiServer,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
) -> None:
    api_server.says(UP)
    monkeypatch.setenv(variable, kubeconfig(api_server.url))
    monkeypatch.setenv("K8S_AUTH_CONTEXT", "cluster-01")
    assert run_action(promql_info.ActionModule, dict(SERVICE))["result_type"] == "vector"


def test_two_files_make_one_kubeconfig(
    run_action: Ask, kubeconfig: Callable[..., str], api_server: ApiServer, tmp_path: Path
) -> None:
    api_server.says(UP)
    other = tmp_path / "other"
    other.write_text("{contexts: [{name: cluster-09, context: {cluster: none}}]}")
    options = {**SERVICE, "kubeconfig": f"{other}:{kubeconfig(api_server.url)}", "context": "cluster-01"}
    assert run_action(promql_info.ActionModule, options)["result_type"] == "vector"


def test_one_context_is_one_session(kubeconfig: Callable[..., str], api_server: ApiServer) -> None:
    file = kubeconfig(api_server.url, contexts=("cluster-01", "cluster-02"))
    assert session.session(file, "cluster-01") is session.session(file, "cluster-01")
    assert session.session(file, "cluster-01") is not session.session(file, "cluster-02")


# What Ansible itself refuses by the argument spec.


def test_a_service_and_a_pod_together_are_refused(ask: Ask) -> None:
    assert "mutually exclusive: service|pod" in ask(SERVICE, pod="a")["msg"]


def test_neither_a_service_nor_a_pod_is_refused(ask: Ask) -> None:
    options = {name: value for name, value in SERVICE.items() if name != "service"}
    assert "one of the following is required: service, pod" in ask(options)["msg"]


# What the module refuses before it asks anybody.


def test_all_impossible_options_are_told_at_once_and_nobody_is_asked(ask: Ask, api_server: ApiServer) -> None:
    result = ask(namespace="..", query=" ", time="soon", timeout=0)
    assert result["msg"].startswith("4 problems:\n- Option namespace: '..' is not a namespace's name. Fix: ")
    assert [problem["subject"] for problem in result["problems"]] == [
        "Option namespace",
        "Option query",
        "Option timeout",
        "Option time",
    ]
    assert api_server.requests == []


def test_an_empty_service_name_is_refused(fails: Callable[..., str]) -> None:
    assert "Option service: '' is not a service's name" in fails(service="")


def test_an_unknown_context_is_refused_with_the_nearest_one(fails: Callable[..., str]) -> None:
    message = fails(context="cluster-1")
    assert "there is no context cluster-1; the file has cluster-01. Fix: give one that it has" in message
    assert "(did you mean cluster-01?)" in message


def test_no_context_at_all_is_refused(run_action: Ask, kubeconfig: Callable[..., str], api_server: ApiServer) -> None:
    result = run_action(promql_info.ActionModule, {**SERVICE, "kubeconfig": kubeconfig(api_server.url)})
    assert "no context is given and no current-context is set; the file has cluster-01. Fix: set" in result["msg"]


def test_a_missing_kubeconfig_is_refused(fails: Callable[..., str], tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    assert f"kubeconfig {missing}: it cannot be read (No such file or directory). Fix:" in fails(
        kubeconfig=str(missing)
    )


def test_a_missing_default_kubeconfig_is_refused_by_its_place(run_action: Ask, tmp_path: Path) -> None:
    message = run_action(promql_info.ActionModule, {**SERVICE, "context": "cluster-01"})["msg"]
    assert message.startswith(f"kubeconfig {tmp_path}/home/.kube/config: it cannot be read")


def test_a_kubeconfig_that_cannot_be_opened_is_refused(fails: Callable[..., str], tmp_path: Path) -> None:
    # A folder: a file without read permission would be read by root all the same.
    assert "it cannot be read (Is a directory)" in fails(kubeconfig=str(tmp_path))


def test_a_kubeconfig_that_is_not_yaml_is_refused_without_quoting_it(fails: Callable[..., str], tmp_path: Path) -> None:
    file = tmp_path / "broken"
    file.write_text(f"users: []\ntoken: {TOKEN}: x\n")
    assert "it is not YAML (line 2, column" in fails(kubeconfig=str(file))


@pytest.mark.parametrize("content", ["", "[]", "text", "contexts: 1"])
def test_a_file_that_is_no_kubeconfig_is_refused(fails: Callable[..., str], tmp_path: Path, content: str) -> None:
    file = tmp_path / "other"
    file.write_text(content)
    assert "it is not a kubeconfig" in fails(kubeconfig=str(file))


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (CONTEXT + "clusters: []", "Expected object with name c"),
        ("contexts: [{name: cluster-01}]", "Expected key context"),
        (
            CONTEXT + "clusters: [{name: c, cluster: {server: 'https://127.0.0.1', certificate-authority: /none}}]",
            "File does not exist: /none",
        ),
    ],
)
def test_a_context_that_leads_nowhere_is_refused(
    fails: Callable[..., str], tmp_path: Path, content: str, cause: str
) -> None:
    file = tmp_path / "incomplete"
    file.write_text(content)
    message = fails(kubeconfig=str(file))
    assert message.startswith(f"kubeconfig {file}, context cluster-01: it cannot be used (")
    assert cause in message


def test_a_kubeconfig_with_a_damaged_secret_is_refused_without_quoting_it(
    fails: Callable[..., str], tmp_path: Path
) -> None:
    file = tmp_path / "damaged"
    file.write_text(
        f"{CONTEXT}clusters: [{{name: c, cluster: {{server: 'https://127.0.0.1'}}}}]\n"
        f"users: [{{name: u, user: {{client-key-data: '{TOKEN}'}}}}]\n"
    )
    assert "it cannot be used (Error)" in fails(kubeconfig=str(file))


@pytest.mark.parametrize("token", [f"{TOKEN}\nx", f"{TOKEN}\u00e9"])
def test_a_token_that_cannot_be_sent_is_refused_without_quoting_it(
    fails: Callable[..., str], api_server: ApiServer, tmp_path: Path, token: str
) -> None:
    (tmp_path / "token").write_text(token)
    file = tmp_path / "with-token-file"
    file.write_text(
        f"{CONTEXT}clusters: [{{name: c, cluster: {{server: '{api_server.url}'}}}}]\n"
        "users: [{name: u, user: {tokenFile: token}}]\n"
    )
    assert "Credentials of context cluster-01: they are not one line of ASCII" in fails(kubeconfig=str(file))


def test_the_new_line_at_the_end_of_a_token_file_is_not_sent(ask: Ask, api_server: ApiServer, tmp_path: Path) -> None:
    api_server.says(UP)
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    file = tmp_path / "with-token-file"
    file.write_text(
        f"{CONTEXT}clusters: [{{name: c, cluster: {{server: '{api_server.url}'}}}}]\n"
        "users: [{name: u, user: {tokenFile: token}}]\n"
    )
    ask(kubeconfig=str(file))
    assert api_server.requests[0].headers["authorization"] == f"Bearer {TOKEN}"


def test_a_client_certificate_that_is_none_is_told(
    fails: Callable[..., str], tls_api_server: ApiServer, tmp_path: Path
) -> None:
    file = tmp_path / "with-certificate"
    file.write_text(
        f"{CONTEXT}clusters: [{{name: c, cluster: {{server: '{tls_api_server.url}'}}}}]\n"
        "users: [{name: u, user: {client-certificate-data: eA==, client-key-data: eA==}}]\n"
    )
    assert "no trusted TLS connection (" in fails(kubeconfig=str(file))


def test_a_controller_without_the_kubernetes_library_is_told_what_to_install(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "HAS_KUBERNETES", False)
    assert "Failed to import the required Python library (kubernetes)" in ask()["msg"]


# What happens on the way to the API server.


def test_an_unreachable_api_server_is_told_by_its_address(
    fails: Callable[..., str], kubeconfig: Callable[..., str]
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    message = fails(kubeconfig=kubeconfig(f"http://user:{TOKEN}@127.0.0.1:{port}"))
    assert message.startswith(
        f"API server 127.0.0.1:{port} of context cluster-01: it cannot be reached (Connection refused)"
    )


def test_an_api_server_without_address_is_told(fails: Callable[..., str], kubeconfig: Callable[..., str]) -> None:
    message = fails(kubeconfig=kubeconfig("http://name.invalid:6443"))
    assert message.startswith("API server name.invalid:6443 of context cluster-01: it cannot be reached (")


def test_an_address_that_is_none_is_told(fails: Callable[..., str], kubeconfig: Callable[..., str]) -> None:
    assert "of context cluster-01: it cannot be reached (" in fails(kubeconfig=kubeconfig("http://127.0.0.1:99999"))


def test_a_connection_that_does_not_come_about_ends_in_time(
    fails: Callable[..., str], kubeconfig: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "CONNECT_SECONDS", 0.2)
    with socket.socket() as full:
        # A queue for one connection that nobody accepts: from the second on, none is established.
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.socket() for number in range(3)]
        for connection in waiting:
            connection.setblocking(False)
            connection.connect_ex(full.getsockname())
        message = fails(kubeconfig=kubeconfig(f"http://127.0.0.1:{full.getsockname()[1]}"))
        for connection in waiting:
            connection.close()
    assert "no connection within 0.2 s" in message


def test_an_answer_that_does_not_come_ends_in_time(
    fails: Callable[..., str], api_server: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(query, "GRACE_SECONDS", -0.9)
    api_server.delay = 0.5
    assert "it is connected, but there was no answer within 0.1 s. Fix: raise 'timeout'" in fails(timeout=1)


def test_a_connection_that_breaks_off_is_told(fails: Callable[..., str], api_server: ApiServer) -> None:
    api_server.hang_up = True
    assert "it cannot be reached (RemoteDisconnected)" in fails()


def test_an_untrusted_certificate_is_told(
    fails: Callable[..., str], kubeconfig: Callable[..., str], tls_api_server: ApiServer
) -> None:
    message = fails(kubeconfig=kubeconfig(tls_api_server.url))
    assert (
        "no trusted TLS connection (unable to get local issuer certificate). Fix: check certificate-authority"
        in message
    )
    assert tls_api_server.requests == []


# What the API server refuses.


def test_expired_credentials_are_told(fails: Callable[..., str], api_server: ApiServer) -> None:
    api_server.refuses(401, "Unauthorized", "Unauthorized")
    assert fails().startswith("API server of context cluster-01: it does not accept the credentials")


def test_a_kubeconfig_without_credentials_is_told(fails: Callable[..., str], api_server: ApiServer) -> None:
    api_server.refuses(
        403, "Forbidden", 'services "thanos-query:http" is forbidden: User "system:anonymous" cannot get it'
    )
    assert fails().startswith("API server of context cluster-01: the kubeconfig gives it no credentials")


def test_a_missing_permission_is_told_with_the_rule_to_add(fails: Callable[..., str], api_server: ApiServer) -> None:
    api_server.refuses(403, "Forbidden", 'services "thanos-query:http" is forbidden: User "u" cannot get it')
    message = fails()
    assert message.startswith(f"{WHERE}: the API server forbids it: services")
    assert message.endswith("Fix: allow the user the verb 'get' on 'services/proxy' in namespace monitoring.")


def test_a_missing_service_is_told(fails: Callable[..., str], api_server: ApiServer) -> None:
    api_server.refuses(404, "NotFound", 'services "thanos-query" not found')
    message = fails()
    assert message.startswith(f'{WHERE}: it does not exist: services "thanos-query" not found. Fix: ')
    assert "'kubectl -n monitoring get services'" in message


def test_a_missing_pod_is_told(fails: Callable[..., str], api_server: ApiServer) -> None:
    api_server.refuses(404, "NotFound", 'pods "prometheus-k8s-0" not found')
    assert fails(POD).startswith("pod monitoring/prometheus-k8s-0 port 9090 in context cluster-01: it does not exist")


def test_a_service_without_this_port_is_told(fails: Callable[..., str], api_server: ApiServer) -> None:
    api_server.refuses(503, "ServiceUnavailable", 'no service port 1 found for service "thanos-query"')
    assert "Fix: give one of the ports that 'kubectl -n monitoring get services thanos-query' shows" in fails()


def test_a_service_without_a_ready_pod_is_told(fails: Callable[..., str], api_server: ApiServer) -> None:
    api_server.refuses(503, "ServiceUnavailable", 'no endpoints available for service "thanos-query"')
    assert "it has no port of this name, or no ready pod serves it. Fix: compare port and selector with" in fails()


def test_a_process_that_does_not_listen_is_told(fails: Callable[..., str], api_server: ApiServer) -> None:
    api_server.refuses(
        503, "ServiceUnavailable", "error trying to reach service: dial tcp: connect: connection refused"
    )
    assert "the API server cannot reach it: error trying to reach service" in fails()


def test_an_api_server_that_gives_up_is_told(fails: Callable[..., str], api_server: ApiServer) -> None:
    api_server.refuses(504, "Timeout", "request did not complete")
    assert "the API server gave up waiting: request did not complete. Fix: try again" in fails()


def test_any_other_refusal_of_the_api_server_is_passed_on(fails: Callable[..., str], api_server: ApiServer) -> None:
    api_server.refuses(429, "TooManyRequests", "too many requests")
    assert "the API server is not able to answer (HTTP 429: too many requests)" in fails()


# What the target refuses.


def test_a_wrong_query_is_told_with_the_position_that_the_server_names(
    fails: Callable[..., str], api_server: ApiServer
) -> None:
    error = 'invalid parameter "query": 1:4: parse error: unclosed left parenthesis'
    api_server.says({"status": "error", "errorType": "bad_data", "error": error}, 400)
    message = fails(query="up(")
    assert message.startswith(f"{WHERE}: it refuses the query (bad_data, HTTP 400): {error}. Fix: correct the query")


def test_a_query_that_takes_too_long_is_told(fails: Callable[..., str], api_server: ApiServer) -> None:
    api_server.says(
        {"status": "error", "errorType": "timeout", "error": "query timed out in expression evaluation"}, 503
    )
    assert "query timed out in expression evaluation. Fix: ask for less" in fails()


def test_a_missing_store_is_told_where_answers_must_be_complete(
    fails: Callable[..., str], api_server: ApiServer
) -> None:
    api_server.says({"status": "error", "errorType": "execution", "error": "expanding series: receive series"}, 422)
    assert "without a store that is gone, it answers with partial_response: true" in fails(partial_response=False)


def test_any_other_error_of_the_server_is_passed_on(fails: Callable[..., str], api_server: ApiServer) -> None:
    api_server.says({"status": "error", "errorType": "internal", "error": "disk full"}, 500)
    assert "it refuses the query (internal, HTTP 500): disk full. Fix: read the server's log" in fails()


def test_a_prometheus_agent_is_recognised(fails: Callable[..., str], api_server: ApiServer) -> None:
    api_server.says({"status": "error", "errorType": "execution", "error": "unavailable with Prometheus Agent"}, 422)
    assert "it is a Prometheus Agent, which keeps nothing that could be queried. Fix: ask Thanos Query" in fails()


def test_a_range_vector_is_refused(fails: Callable[..., str], api_server: ApiServer) -> None:
    api_server.says({"status": "success", "data": {"resultType": "matrix", "result": []}})
    assert "the query gives a range vector" in fails(query="up[5m]")


def test_a_path_without_the_api_is_told(fails: Callable[..., str], api_server: ApiServer) -> None:
    api_server.says("404 page not found\n", 404)
    assert "there is no Prometheus API at this path (HTTP 404: 404 page not found). Fix: set 'path_prefix'" in fails()


def test_a_port_that_speaks_tls_is_recognised(fails: Callable[..., str], api_server: ApiServer) -> None:
    api_server.says("Client sent an HTTP request to an HTTPS server.\n", 400)
    assert "it speaks TLS. Fix: set scheme: https" in fails()


@pytest.mark.parametrize("status", [401, 403])
def test_a_login_of_the_target_itself_is_recognised(
    fails: Callable[..., str], api_server: ApiServer, status: int
) -> None:
    api_server.says("Unauthorized", status)
    assert f"it asks for a login (HTTP {status}), and the API server's proxy passes none on" in fails()


def test_a_redirect_is_told_and_not_followed(fails: Callable[..., str], api_server: ApiServer) -> None:
    api_server.says("", 302, {"Location": f"{api_server.url}/login"})
    assert f"it redirects (HTTP 302) to {api_server.url}/login, which is not followed" in fails()
    assert len(api_server.requests) == 1


def test_a_target_that_is_not_ready_is_told(fails: Callable[..., str], api_server: ApiServer) -> None:
    api_server.says("Service Unavailable", 503)
    assert "it is not able to answer (HTTP 503: Service Unavailable). Fix: wait until it is Ready" in fails()


def test_an_answer_that_is_not_json_is_told(fails: Callable[..., str], api_server: ApiServer) -> None:
    api_server.says("<html>Grafana</html>")
    assert "the answer is not one of a Prometheus API (HTTP 200: <html>Grafana</html>)" in fails()


def test_an_answer_of_another_api_is_told(fails: Callable[..., str], api_server: ApiServer) -> None:
    api_server.says({"status": "ok"})
    assert "the answer is not one of a Prometheus API" in fails()


def test_a_broken_answer_is_told(fails: Callable[..., str], api_server: ApiServer) -> None:
    api_server.says({"status": "success", "data": {}})
    assert "it has no data.result. Fix: check what listens on this port" in fails()
