"""The module migration_gate and its action plugin, from their options to what Ansible reads."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from action_plugins import plugin_of
from fake_cluster import FakeCluster, Request, refusal, served

from ansible_collections.miribit.thanos.plugins.action.migration_gate import ActionModule
from ansible_collections.miribit.thanos.plugins.module_utils.gate.window import Window
from ansible_collections.miribit.thanos.plugins.module_utils.kube import session
from ansible_collections.miribit.thanos.plugins.plugin_utils import polling

Result = dict[str, Any]

PODS = "/api/v1/namespaces/monitoring/pods"
PROXY = f"{PODS}/prometheus-agent-0:9090/proxy"
LOG = f"{PODS}/prometheus-agent-0/log"
ROUTER = f"{PODS}/router-a:10902/proxy/metrics"
QUERY = "/api/v1/namespaces/monitoring/services/thanos-query:http/proxy/api/v1/query"
URL = "http://192.168.101.210:19291/api/v1/receive"

AGENT = "app=prometheus-agent"
ROUTERS = {"context": "cluster-01", "namespace": "monitoring", "selector": "app=router"}
THANOS_QUERY = {"context": "cluster-01", "namespace": "monitoring", "service": "thanos-query"}
CONFIG = {"global": {"external_labels": {"cluster": "cluster-03"}}, "remote_write": [{"name": "thanos", "url": URL}]}

REFUSED = (
    "ts=2026-01-01T12:00:00Z caller=dedupe.go:112 component=remote level=error remote_name=thanos "
    f'url={URL} msg="non-recoverable error" count=9 err="server returned HTTP status 409 Conflict: token=hunter2"\n'
)


def metrics(sent: float = 1000, moment: float = 1000, *, failed: float = 0, lag: float = 0, retried: float = 0) -> str:
    """Of an agent of 3.15 that was started at 0."""
    numbers = {
        "samples_total": sent + retried,
        "samples_retried_total": retried,
        "samples_failed_total": failed,
        "samples_pending": 0 if sent else 5000,
        "queue_highest_timestamp_seconds": moment,
        "queue_highest_sent_timestamp_seconds": moment - lag if sent else 0,
        "max_samples_per_send": 2000,
        "shards": 1,
    }
    lines = [f'prometheus_remote_storage_{key}{{remote_name="thanos",url="{URL}"}} {n}' for key, n in numbers.items()]
    return "\n".join(
        [
            *lines,
            "process_start_time_seconds 0",
            "prometheus_config_last_reload_successful 1",
            "prometheus_config_last_reload_success_timestamp_seconds 1",
            f'prometheus_agent_samples_appended_total{{type="float"}} {sent + lag or 9000}',
            f"prometheus_remote_storage_highest_timestamp_in_seconds {moment}",
        ]
    )


def received(samples: int, refused: int = 0) -> str:
    written = 'thanos_receive_write_samples_sum{tenant="default-tenant",code='
    return f'process_start_time_seconds 7\n{written}"200"}} {samples}\n{written}"409"}} {refused}\n'


def pod(name: str, containers: tuple[Result, ...], *, running: bool = True) -> Result:
    state = {"running": {}} if running else {"waiting": {"reason": "CrashLoopBackOff"}}
    return {
        "metadata": {"name": name, "namespace": "monitoring"},
        "spec": {"containers": list(containers)},
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [{"name": one["name"], "state": state, "restartCount": 2} for one in containers],
        },
    }


RELOADER = {"name": "reloader", "image": "quay.io/prometheus-operator/prometheus-config-reloader:v0.85.0"}
PROMETHEUS = {
    "name": "prometheus",
    "image": "quay.io/prometheus/prometheus:v3.15.0",
    "args": ["--agent", "--config.file=/etc/prometheus/prometheus.yml"],
}


@pytest.fixture
def api() -> Iterator[FakeCluster]:
    """An edge whose agent delivers, and the central cluster, both at one address."""
    with served(FakeCluster()) as fake:
        router = pod("router-a", ({"name": "thanos", "ports": [{"containerPort": 10902}]},))
        has(fake, pod("prometheus-agent-0", (RELOADER, PROMETHEUS)), router)
        fake.has(f"{PROXY}/metrics", metrics())
        target = {
            "scrapeUrl": "http://10.0.0.1:9100/metrics",
            "labels": {"job": "node", "instance": "10.0.0.1:9100"},
            "health": "up",
            "scrapeInterval": "30s",
        }
        fake.has(f"{PROXY}/api/v1/targets", {"status": "success", "data": {"activeTargets": [target]}})
        fake.has(f"{PROXY}/api/v1/status/config", {"status": "success", "data": {"yaml": yaml.safe_dump(CONFIG)}})
        fake.has(ROUTER, received(100))
        sample = {"metric": {"cluster": "cluster-03", **target["labels"]}, "value": [1000, "990"]}
        fake.has(QUERY, {"status": "success", "data": {"resultType": "vector", "result": [sample]}})
        yield fake


def has(fake: FakeCluster, agent: Result | None, router: Result | None) -> None:
    def pods(request: Request) -> tuple[int, object]:
        found = {AGENT: agent, "app=router": router}[request.params["labelSelector"]]
        return 200, {"items": [found] if found else []}

    fake.answers["GET", PODS] = pods


@pytest.fixture
def warned() -> list[str]:
    """The warnings."""
    return []


@pytest.fixture
def look(
    run_action: Callable[..., Result],
    api: FakeCluster,
    kubeconfig: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    warned: list[str],
) -> Callable[..., Result]:
    """Look once. Each look is a minute after the one before."""
    clock = iter(range(1000, 100000, 60))
    monkeypatch.setattr("time.time", lambda: next(clock))
    file = kubeconfig(api.url, ("cluster-03", "cluster-01"))

    windows: list[Window | None] = []

    def run(gate: str, since: int | None = None, **more: object) -> Result:
        class Looking(ActionModule):
            """Compares with an earlier look, and tells which one this is."""

            _before = None if since is None else windows[since]

            def look(self, options: Result, *, final: bool) -> Result:
                try:
                    return super().look(options, final=final)
                finally:
                    windows.append(self._before)

        place = {"kubeconfig": file, "context": "cluster-03", "namespace": "monitoring", "selector": AGENT}
        result = run_action(Looking, {**place, "gate": gate, **more})
        warned[:] = result.pop("warnings", [])
        return {**result, "since": len(windows) - 1}

    return run


def delivery(look: Callable[..., Result], **more: object) -> Result:
    return look("delivers", config=CONFIG, routers=ROUTERS, query=THANOS_QUERY, **more)


def of(result: Result, name: str) -> Result:
    return next(check for check in result["checks"] if check["name"] == name)


# Before a restart.


def test_an_agent_that_sends_all_passes_at_the_second_look(
    look: Callable[..., Result], api: FakeCluster, warned: list[str]
) -> None:
    first = look("before_restart")
    assert (first["done"], first["passed"], first["changed"]) == (False, False, False)
    assert first["progress"] == ["steady: not yet; must be: 30 s without a restart or a refusal"]
    api.has(f"{PROXY}/metrics", metrics(2000, 1060))
    result = look("before_restart", since=first["since"])
    assert (result["done"], result["passed"], result["loss"], result["progress"]) == (True, True, None, [])
    assert warned == []
    lag = of(result, "lag")
    assert lag.pop("why").startswith("what is not sent is lost when a queue is made anew")
    assert lag == {
        "name": "lag",
        "observed": "thanos: 0 s",
        "threshold": "at most 30 s",
        "ok": True,
        "required": True,
    }
    assert any(line.startswith("ok    lag") for line in result["table"])


def test_only_what_a_gate_needs_is_asked(look: Callable[..., Result], api: FakeCluster) -> None:
    look("before_restart", routers=ROUTERS, query=THANOS_QUERY)
    assert api.asked() == [PODS, f"{PROXY}/metrics"]


def test_a_loss_that_cannot_be_avoided_is_told(
    look: Callable[..., Result], api: FakeCluster, warned: list[str]
) -> None:
    api.has(f"{PROXY}/metrics", metrics(0, retried=3000))
    result = look("before_restart")
    assert result["passed"]
    assert result["loss"] == {"seconds": 1000, "samples": 9000}
    assert warned == ["what the agent has not sent is lost when it is changed: 17 min, 9000 samples"]


def test_an_agent_that_is_known_to_have_delivered_is_waited_for(look: Callable[..., Result], api: FakeCluster) -> None:
    api.has(f"{PROXY}/metrics", metrics(0, retried=3000))
    assert not look("before_restart", delivered_before=True)["passed"]


def test_a_backlog_fails_with_a_table_and_what_the_agent_logs(look: Callable[..., Result], api: FakeCluster) -> None:
    api.has(f"{PROXY}/metrics", metrics(lag=500))
    api.has(LOG, REFUSED)
    assert "failed" not in look("before_restart")
    result = look("before_restart", final=True)
    assert result["failed"]
    problem = result["problems"][0]
    assert problem["subject"] == f"Agent monitoring/{AGENT} in context cluster-03"
    assert problem["cause"].startswith("samples are out of order or out of bounds")
    assert "check lag: thanos: 500 s; must be: at most 30 s" in problem["cause"]
    assert "hunter2" not in json.dumps(result)
    assert result["msg"].endswith("\n".join(result["table"]))
    assert any(line.startswith("FAIL  lag") for line in result["table"])
    (asked,) = [request for request in api.requests if request.path == LOG]
    assert asked.params == {"container": "prometheus", "sinceSeconds": "120", "tailLines": "500"}


def test_a_log_that_may_not_be_read_hides_no_cause(look: Callable[..., Result], api: FakeCluster) -> None:
    api.has(f"{PROXY}/metrics", metrics(lag=500))
    api.refuses("GET", LOG, 403, "Forbidden", "pods/log is forbidden")
    assert "check lag" in look("before_restart", final=True)["problems"][0]["cause"]


def test_a_loss_is_accepted_only_after_the_waiting(
    look: Callable[..., Result], api: FakeCluster, warned: list[str]
) -> None:
    api.has(f"{PROXY}/metrics", metrics(lag=500))
    assert not look("before_restart", accept_loss=True)["passed"]
    assert warned == []
    result = look("before_restart", accept_loss=True, final=True)
    assert result["passed"]
    assert result["loss"] == {"seconds": 500, "samples": 500}
    assert warned[0].startswith("what the agent has not sent is lost when it is changed: 8 min")
    assert any(text.startswith("lag: thanos: 500 s; should be:") for text in warned)


def test_check_mode_looks_and_does_not_wait(look: Callable[..., Result], api: FakeCluster) -> None:
    api.has(f"{PROXY}/metrics", metrics(lag=500))
    result = look("before_restart", final=True, check_mode=True)
    assert (result["done"], result["passed"]) == (True, False)


def test_a_process_that_does_not_run_is_not_asked(look: Callable[..., Result], api: FakeCluster) -> None:
    has(api, pod("prometheus-agent-0", (PROMETHEUS,), running=False), None)
    assert look("before_restart")["passed"]
    assert api.asked() == [PODS]


def test_a_process_that_does_not_answer_is_waited_for(look: Callable[..., Result], api: FakeCluster) -> None:
    message = "error trying to reach service: dial tcp 10.0.0.5:9090: connect: connection refused"
    api.refuses("GET", f"{PROXY}/metrics", 503, "ServiceUnavailable", message)
    assert not look("before_restart")["done"]
    problem = look("before_restart", final=True)["problems"][0]
    assert "the API server cannot reach it" in problem["cause"]
    assert "check that the process listens there" in problem["fix"]


def test_an_answer_of_something_else_is_waited_for(look: Callable[..., Result], api: FakeCluster) -> None:
    api.answers["GET", f"{PROXY}/metrics"] = (503, "starting")
    result = look("before_restart")
    assert of(result, "answers")["observed"] == (
        "prometheus-agent-0: it is not ready (HTTP 503): it may be reading its WAL"
    )


def test_an_agent_that_speaks_tls_is_asked_so(look: Callable[..., Result], api: FakeCluster) -> None:
    api.answers["GET", f"{PROXY}/metrics"] = (400, "Client sent an HTTP request to an HTTPS server.")
    api.has(f"{PODS}/https:prometheus-agent-0:9090/proxy/metrics", metrics())
    assert of(look("before_restart"), "answers")["ok"]


def test_no_pods_are_told_at_the_end(look: Callable[..., Result], api: FakeCluster) -> None:
    has(api, None, None)
    assert not look("before_restart")["done"]
    assert "there are no pods with these labels" in look("before_restart", final=True)["msg"]


def test_a_pod_that_goes_is_no_agent(look: Callable[..., Result], api: FakeCluster) -> None:
    leaving = pod("prometheus-agent-0", (PROMETHEUS,))
    leaving["metadata"]["deletionTimestamp"] = "2026-01-01T12:00:00Z"
    has(api, leaving, None)
    assert "there are no pods" in of(look("before_restart"), "answers")["observed"]


def test_the_configuration_is_asked_where_only_it_tells_what_is_dropped(
    look: Callable[..., Result], api: FakeCluster
) -> None:
    dropped = f'\nprometheus_remote_storage_samples_dropped_total{{remote_name="thanos",url="{URL}"}} 0\n'
    api.has(f"{PROXY}/metrics", metrics() + dropped)
    look("before_restart")
    assert f"{PROXY}/api/v1/status/config" in api.asked()


def test_a_container_that_is_not_there_is_told(look: Callable[..., Result]) -> None:
    assert look("before_restart", container="agent")["msg"] == (
        "Pod monitoring/prometheus-agent-0: none of its containers is agent; it has reloader, prometheus. "
        "Fix: name the agent's in 'container', or correct 'selector'."
    )


def test_a_container_can_be_named(look: Callable[..., Result], api: FakeCluster) -> None:
    odd = {"name": "odd", "image": "registry.example/own:1"}
    has(api, pod("prometheus-agent-0", (odd,)), None)
    assert "none of its containers is known to be a Prometheus" in look("before_restart")["msg"]
    assert of(look("before_restart", container="odd"), "answers")["ok"]


# Delivery.


def test_an_edge_that_delivers_passes_at_the_second_look(look: Callable[..., Result], api: FakeCluster) -> None:
    first = delivery(look)
    assert {line.split(":")[0] for line in first["progress"]} == {"steady"}
    api.has(f"{PROXY}/metrics", metrics(2000, 1060))
    api.has(ROUTER, received(1100))
    result = delivery(look, since=first["since"], pods=1, tolerance=0.01)
    assert result["passed"], result["progress"]
    assert all(check["ok"] for check in result["checks"])
    assert of(result, "equation")["observed"] == "1000 samples sent, 1000 received"
    asked = next(request for request in api.requests if request.path == QUERY)
    assert asked.params == {
        "query": 'timestamp(up{cluster="cluster-03",tenant_id="default-tenant"})',
        "timeout": "20s",
        "partial_response": "true",
    }


def test_refused_samples_fail_at_once(look: Callable[..., Result], api: FakeCluster) -> None:
    first = delivery(look)
    api.has(f"{PROXY}/metrics", metrics(2000, 1060, failed=9))
    api.has(LOG, REFUSED)
    result = delivery(look, since=first["since"])
    assert result["failed"]
    assert "check refused: thanos: 9 samples refused" in result["msg"]
    assert "another sender writes the same series" in result["msg"]


def test_targets_of_before_are_compared(look: Callable[..., Result], api: FakeCluster) -> None:
    before = [{"address": "10.0.0.1:9100"}, {"address": "10.0.0.2:10250", "path": "/metrics/cadvisor"}]
    observed = of(delivery(look, targets_before=before), "targets")["observed"]
    assert observed == "10.0.0.2:10250/metrics/cadvisor: is not scraped any more"


def test_another_configuration_than_the_wanted_one_is_told(look: Callable[..., Result]) -> None:
    wanted = {**CONFIG, "remote_write": [{"name": "thanos", "url": "https://other/api/v1/receive"}]}
    result = look("delivers", config=wanted)
    assert of(result, "configuration")["observed"] == (
        f"prometheus-agent-0: it does not write to thanos https://other/api/v1/receive; it writes to thanos {URL}"
    )


def test_a_configuration_that_cannot_be_read_is_told(look: Callable[..., Result], api: FakeCluster) -> None:
    api.has(f"{PROXY}/api/v1/status/config", {"status": "success", "data": {"yaml": "a: b: c"}})
    assert of(delivery(look), "configuration")["ok"] is False


def test_an_answer_without_a_configuration_is_waited_for(look: Callable[..., Result], api: FakeCluster) -> None:
    api.has(f"{PROXY}/api/v1/status/config", "no JSON")
    assert of(delivery(look), "answers")["observed"] == (
        "prometheus-agent-0: ready, 2 restarts, the answer is not one of a Prometheus API (HTTP 200)"
    )


def test_without_a_wanted_configuration_the_running_one_tells_what_to_ask(
    look: Callable[..., Result], api: FakeCluster
) -> None:
    result = look("delivers", query=THANOS_QUERY)
    assert of(result, "stored")["ok"]


def test_a_tenant_is_asked_for_by_its_header(look: Callable[..., Result], api: FakeCluster) -> None:
    block = {"name": "thanos", "url": URL, "headers": {"X-Tenant": "a"}}
    look("delivers", config={**CONFIG, "remote_write": [block]}, query=THANOS_QUERY, tenant_header="X-Tenant")
    asked = next(request for request in api.requests if request.path == QUERY)
    assert 'tenant_id="a"' in asked.params["query"]


def test_routers_and_query_that_do_not_answer_are_waited_for(look: Callable[..., Result], api: FakeCluster) -> None:
    api.answers["GET", ROUTER] = (500, "oh")
    api.answers["GET", QUERY] = refusal(503, "ServiceUnavailable", "no endpoints available for service thanos-query")
    result = delivery(look)
    assert not result["done"]
    assert "router-a: it does not answer with metrics (HTTP 500: oh)" in of(result, "received")["observed"]
    assert "no endpoints available" in of(result, "stored")["observed"]


def test_a_series_without_a_number_is_no_new_sample(look: Callable[..., Result], api: FakeCluster) -> None:
    labels = {"cluster": "cluster-03", "job": "node", "instance": "10.0.0.1:9100"}
    sample = {"metric": labels, "histogram": [1000, {"count": "1"}]}
    api.has(QUERY, {"status": "success", "data": {"resultType": "vector", "result": [sample]}})
    assert of(delivery(look), "stored")["ok"] is False


@pytest.mark.parametrize("path", [PODS, f"{PROXY}/metrics", ROUTER, QUERY])
def test_what_the_api_server_itself_refuses_fails_at_once(
    look: Callable[..., Result], api: FakeCluster, path: str
) -> None:
    api.refuses("GET", path, 401, "Unauthorized", "Unauthorized")
    assert delivery(look)["msg"].startswith("API server of context cluster-0")


def test_the_central_cluster_can_have_a_kubeconfig_of_its_own(look: Callable[..., Result], tmp_path: Path) -> None:
    other = tmp_path / "other"
    message = look("delivers", routers={**ROUTERS, "kubeconfig": str(other)})["msg"]
    assert message.startswith(f"kubeconfig {other}: it cannot be read")


def test_a_controller_without_a_library_is_told_what_to_install(
    look: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "HAS_KUBERNETES", False)
    assert "Failed to import the required Python library (kubernetes)" in look("delivers")["msg"]


# How it waits is tested with what it is made of.


@pytest.fixture
def wait(
    api: FakeCluster, kubeconfig: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[Result, list[str]]]:
    """Wait as Ansible does. A look takes no time, and each pause is what a test says."""
    shown: list[str] = []
    clock = iter(range(1000, 100000, 60))
    monkeypatch.setattr("time.time", lambda: next(clock))
    monkeypatch.setattr(polling.Display, "display", lambda _self, line: shown.append(line))
    file = kubeconfig(api.url, ("cluster-03",))

    def run(pause: Callable[[], object], **more: object) -> tuple[Result, list[str]]:
        monkeypatch.setattr(polling.time, "sleep", lambda _seconds: pause())
        place = {"kubeconfig": file, "context": "cluster-03", "namespace": "monitoring", "selector": AGENT}
        action = plugin_of(ActionModule, {**place, "gate": "before_restart", **more})
        return action.run(task_vars={"inventory_hostname": "cluster-03"}), shown

    return run


def test_each_look_is_compared_with_the_first(wait: Callable[..., tuple[Result, list[str]]], api: FakeCluster) -> None:
    result, shown = wait(lambda: api.has(f"{PROXY}/metrics", metrics(2000, 1060)))
    assert result["passed"]
    assert shown[0] == "[cluster-03] steady: not yet; must be: 30 s without a restart or a refusal"
    assert any(line.startswith("[cluster-03] ok    lag") for line in shown)


def test_an_api_server_that_cannot_answer_for_now_is_waited_for(
    wait: Callable[..., tuple[Result, list[str]]], api: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "_PAUSES", ())
    answers = dict(api.answers)
    api.refuses("GET", PODS, 500, "InternalError", "etcdserver: leader changed")
    pauses: list[Callable[[], object]] = [
        lambda: api.answers.update(answers),
        lambda: api.has(f"{PROXY}/metrics", metrics(2000, 1060)),
    ]

    def pause() -> None:
        pauses.pop(0)()

    result, shown = wait(pause)
    assert result["passed"]
    assert "the API server is not able to answer (HTTP 500: etcdserver: leader changed)" in shown[0]


def test_a_failure_shows_its_table_in_its_message_only(
    wait: Callable[..., tuple[Result, list[str]]], api: FakeCluster
) -> None:
    api.has(f"{PROXY}/metrics", metrics(lag=500))
    result, shown = wait(lambda: None, timeout=0)
    assert result["failed"]
    assert "FAIL  lag" in result["msg"]
    assert not [line for line in shown if "FAIL" in line]
