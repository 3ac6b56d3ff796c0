"""The client for a Prometheus in a pod: its address, its answers, and their absence."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fake_cluster import FakeCluster, served

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.kube import session
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.pod import PrometheusPod, proxy_target

Ask = Callable[[PrometheusPod], object]

POD = "/api/v1/namespaces/monitoring/pods/prometheus-0"
PROXY = f"{POD}:9090/proxy"
TLS = "/api/v1/namespaces/monitoring/pods/https:prometheus-0:9090/proxy"
CONFIG = f"{PROXY}/api/v1/status/config"
TARGETS = {"activeTargets": [{"scrapeUrl": "http://10.0.0.1:9100/metrics", "health": "up"}]}


@pytest.fixture
def fake() -> Iterator[FakeCluster]:
    fake = FakeCluster()
    for path, content in (("status/config", {"yaml": "global: {}\n"}), ("targets", TARGETS), ("status/flags", {})):
        fake.has(f"{PROXY}/api/v1/{path}", {"status": "success", "data": content})
    fake.has(f"{PROXY}/metrics", 'prometheus_build_info{version="3.15.0"} 1\n')
    with served(fake):
        yield fake


@pytest.fixture
def process(fake: FakeCluster, kubeconfig: Callable[..., str]) -> PrometheusPod:
    pod = {
        "metadata": {"name": "prometheus-0", "namespace": "monitoring"},
        "spec": {"containers": [{"name": "reloader"}], "initContainers": [{"name": "prometheus"}]},
    }
    return PrometheusPod(session.session(kubeconfig(fake.url), "cluster-01"), pod, "prometheus")


def problem(process: PrometheusPod, ask: Ask) -> Problem:
    with pytest.raises(ProblemError) as raised:
        ask(process)
    (found,) = raised.value.problems
    assert "audit" not in str(found)
    return found


# Its address.


def where(*args: str, **container: Any) -> tuple[str, str, str]:
    metadata = {"name": "prometheus-0", "namespace": "monitoring"}
    found = proxy_target({"metadata": metadata}, {"name": "prometheus", "args": list(args), **container})
    return found.scheme, found.port, found.path_prefix


def test_it_is_asked_where_prometheus_listens_if_nothing_else_is_said() -> None:
    assert where() == ("http", "9090", "")


@pytest.mark.parametrize("address", [":9091", "0.0.0.0:9091", "[::]:9091"])
def test_the_flag_says_the_port(address: str) -> None:
    ports = [{"name": "web", "containerPort": 9090}]
    assert where(f"--web.listen-address={address}", ports=ports)[1] == "9091"


def test_the_port_of_a_wrapper_is_the_one_that_it_declares() -> None:
    ports = [{"name": "reloader", "containerPort": 8080}, {"name": "http-web", "containerPort": 8081}]
    assert where(ports=ports)[1] == "8081"


def test_a_port_with_another_name_is_none() -> None:
    assert where(ports=[{"name": "reloader", "containerPort": 8080}])[1] == "9090"


@pytest.mark.parametrize("address", ["127.0.0.1:9090", "localhost:9090", "[::1]:9090"])
def test_one_that_listens_inside_its_pod_only_cannot_be_asked(address: str) -> None:
    with pytest.raises(ProblemError, match="listens inside its pod only"):
        where(f"--web.listen-address={address}")


def test_the_route_prefix_comes_before_the_path() -> None:
    assert where("--web.external-url=http://a.example/b", "--web.route-prefix=/prometheus")[2] == "/prometheus"


def test_without_a_route_prefix_it_is_the_path_of_the_external_url() -> None:
    assert where("--web.external-url=http://a.example/b")[2] == "/b"


def test_a_prefix_that_is_no_path_is_told() -> None:
    with pytest.raises(ProblemError, match="flags do not say where it is asked"):
        where("--web.route-prefix=$(PREFIX)")


def test_one_that_is_probed_by_https_is_asked_by_https() -> None:
    assert where(readinessProbe={"httpGet": {"path": "/-/ready", "scheme": "HTTPS"}})[0] == "https"


# Its answers.


def test_every_answer_is_read(process: PrometheusPod) -> None:
    assert process.config() == "global: {}\n"
    assert [target.health for target in process.targets()] == ["up"]
    assert process.metrics().value("prometheus_build_info") == 1
    assert process.flags() == {}


def test_the_clock_of_the_api_server_tells_when_it_answered(process: PrometheusPod, fake: FakeCluster) -> None:
    assert process.moment is None
    process.config()
    first = process.moment
    fake.ahead = 1000
    process.config()
    assert first
    assert process.moment == first


def test_its_log_is_that_of_its_container(process: PrometheusPod, fake: FakeCluster) -> None:
    fake.has(f"{POD}/log", "one\ntwo\n")
    assert process.log(seconds=7) == "one\ntwo\n"
    assert fake.requests[-1].params == {"container": "prometheus", "tailLines": "500", "sinceSeconds": "7"}


def test_one_that_speaks_tls_is_asked_so_from_then_on(process: PrometheusPod, fake: FakeCluster) -> None:
    for method, path in [key for key in fake.answers if key[1].startswith(PROXY)]:
        fake.answers[method, path.replace(PROXY, TLS)] = fake.answers[method, path]
        fake.answers[method, path] = (400, "Client sent an HTTP request to an HTTPS server.\n")
    assert process.config()
    assert process.targets()
    assert [request.path.startswith(TLS) for request in fake.requests] == [False, True, True]


@pytest.mark.parametrize("ask", [PrometheusPod.metrics, PrometheusPod.config])
@pytest.mark.parametrize(
    ("status", "cause"),
    [
        (401, "it asks for a login"),
        (403, "it asks for a login"),
        (503, "it is not ready (HTTP 503)"),
        (404, "(HTTP 404)"),
    ],
)
def test_a_refusal_of_its_own_is_told_whoever_asks(
    process: PrometheusPod, fake: FakeCluster, ask: Ask, status: int, cause: str
) -> None:
    fake.answers["GET", f"{PROXY}/metrics"] = fake.answers["GET", CONFIG] = (status, "no")
    found = problem(process, ask)
    assert found.subject == "pod monitoring/prometheus-0 port 9090 in context cluster-01"
    assert cause in found.cause


@pytest.mark.parametrize("body", ["<html>", "[" * 10_000, '{"status": "error", "error": "unavailable with Agent"}'])
def test_what_is_no_answer_of_its_api_is_told(process: PrometheusPod, fake: FakeCluster, body: str) -> None:
    fake.has(CONFIG, body)
    assert "the answer is not one of a Prometheus API (HTTP 200)" in problem(process, PrometheusPod.config).cause


def test_a_refusal_of_the_api_server_is_told_with_the_cluster_as_messages_call_it(
    process: PrometheusPod, fake: FakeCluster
) -> None:
    process.cluster = "cluster-02"
    fake.refuses("GET", CONFIG, 403, "Forbidden", "no")
    found = problem(process, PrometheusPod.config)
    assert found.subject == "pod monitoring/prometheus-0 port 9090 in cluster-02"
    assert "'pods/proxy'" in found.fix
