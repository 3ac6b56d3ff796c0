"""The module delivery_info, from its options to the JSON that Ansible reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from audit_objects import container, named, owned_by, stateful_set
from audit_objects import pod as pod_of
from fake_cluster import FakeCluster, Request, refusal, served

from ansible_collections.miribit.thanos.plugins.action import delivery_info
from ansible_collections.miribit.thanos.plugins.module_utils.kube import session

Result = dict[str, Any]

HERE = "/api/v1/namespaces/monitoring"
PODS = f"{HERE}/pods"
WORKLOADS = "/apis/apps/v1/namespaces/monitoring"
PROXY = f"{PODS}/prometheus-agent-0:9090/proxy"
QUERY = f"{HERE}/services/thanos-query:http/proxy/api/v1/query"
IDENTITY = "/api/v1/namespaces/kube-system"
URL = "http://192.168.101.210:19291/api/v1/receive"
AGENT = container(
    "quay.io/prometheus/prometheus:v2.48.0",
    "--config.file=/etc/prometheus/prometheus.yml",
    "--enable-feature=agent",
    name="prometheus-agent",
)
TARGET = {
    "scrapeUrl": "http://10.0.0.1:9100/metrics",
    "labels": {"job": "node", "instance": "10.0.0.1:9100"},
    "health": "up",
    "scrapeInterval": "30s",
}


def metrics(appended: float = 9000, *, failed: float = 0) -> str:
    numbers = {
        "samples_total": appended,
        "samples_failed_total": failed,
        "samples_pending": 7,
        "queue_highest_sent_timestamp_seconds": 995,
        "shards": 1,
    }
    lines = [f'prometheus_remote_storage_{key}{{remote_name="thanos",url="{URL}"}} {n}' for key, n in numbers.items()]
    return "\n".join(
        [
            *lines,
            "process_start_time_seconds 100",
            'prometheus_build_info{version="2.48.1"} 1',
            f'prometheus_agent_samples_appended_total{{type="float"}} {appended}',
            "prometheus_remote_storage_highest_timestamp_in_seconds 1000",
        ]
    )


def vector(*results: Result, warnings: tuple[str, ...] = ()) -> Result:
    data = {"resultType": "vector", "result": list(results)}
    return {"status": "success", "data": data, "warnings": list(warnings)}


@pytest.fixture
def api() -> Iterator[FakeCluster]:
    """An edge that delivers, and the central cluster, both at one address."""
    with served(FakeCluster()) as fake:
        has(fake, stateful_set("prometheus-agent", AGENT))
        fake.has(f"{PROXY}/metrics", metrics())
        fake.has(f"{PROXY}/api/v1/targets", {"status": "success", "data": {"activeTargets": [TARGET]}})
        answers(fake)
        yield fake


def has(fake: FakeCluster, objects: dict[str, list[Result]]) -> None:
    fake.lists(PODS, *objects.get("Pod", []))
    for kind in ("StatefulSet", "Deployment", "DaemonSet", "ReplicaSet"):
        fake.lists(f"{WORKLOADS}/{kind.lower()}s", *objects.get(kind, []))


def answers(fake: FakeCluster, age: float = 10, counted: object = None) -> None:
    """Query, with a sample of the target that is so old."""
    sample = {"metric": {"cluster": "cluster-03", **TARGET["labels"]}, "value": [1000, str(1000 - age)]}  # type: ignore[dict-item]

    def answer(request: Request) -> tuple[int, object]:
        if request.params["query"].startswith("timestamp("):
            return 200, vector(sample)
        return 200, counted or vector({"metric": {}, "value": [1000, "182.03"]})

    fake.answers["GET", QUERY] = answer


@pytest.fixture
def waited(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long it has waited. A clock that only then goes on."""
    times: list[float] = []
    monkeypatch.setattr("time.sleep", times.append)
    monkeypatch.setattr("time.monotonic", lambda: sum(times))
    return times


@pytest.fixture
def look(
    run_action: Callable[..., Result], api: FakeCluster, kubeconfig: Callable[..., str], waited: list[float]
) -> Callable[..., Result]:
    file = kubeconfig(api.url, ("cluster-03", "cluster-01"))

    def run(query: Result | None = None, **more: object) -> Result:
        place = {"context": "cluster-01", "namespace": "monitoring", "service": "thanos-query", **(query or {})}
        own = {"kubeconfig": file, "context": "cluster-03", "namespace": "monitoring"}
        return run_action(
            delivery_info.ActionModule, {**own, "external_labels": {"cluster": "cluster-03"}, "query": place, **more}
        )

    return run


def grows(fake: FakeCluster, *texts: str) -> None:
    """What the agent says at each look."""
    left = list(texts)
    fake.answers["GET", f"{PROXY}/metrics"] = lambda _request: (200, left.pop(0) if len(left) > 1 else left[0])


def asked_for(fake: FakeCluster, beginning: str) -> dict[str, str]:
    return next(r.params for r in fake.requests if r.path == QUERY and r.params["query"].startswith(beginning))


# An edge that delivers.


def test_an_edge_that_delivers_is_told_with_all_its_figures(look: Callable[..., Result], api: FakeCluster) -> None:
    grows(api, metrics(9000), metrics(14460))
    result = look(cluster="edge-3")
    assert (result["cluster"], result["delivers"], result["why"], result["unseen"]) == ("edge-3", True, [], [])
    assert result["changed"] is False
    assert result["delivery"] == {
        "agents": [
            {
                "id": "StatefulSet monitoring/prometheus-agent [prometheus-agent]",
                "version": "2.48.1",
                "pods": {"wanted": 1, "answering": 1},
            }
        ],
        "targets": {"up": 1, "all": 1},
        "watched": True,
        "samples_per_second": 182.0,
        "lag": 5.0,
        "backlog": 7,
        "refused": 0,
        "ever_delivered": True,
        "query": {"targets": 1, "samples_per_second": 182.0, "newest_age": 10.0},
    }


def test_it_watches_for_a_scrape_and_asks_query_afterwards(
    look: Callable[..., Result], api: FakeCluster, waited: list[float]
) -> None:
    look()
    assert waited == [30]
    paths = [request.path for request in api.requests]
    assert paths.count(f"{PROXY}/metrics") == 2
    assert paths[-2:] == [QUERY, QUERY]


def test_it_need_not_watch(look: Callable[..., Result], api: FakeCluster, waited: list[float]) -> None:
    result = look(watch=0)
    assert waited == []
    assert [request.path for request in api.requests].count(f"{PROXY}/metrics") == 1
    assert result["delivers"]
    assert result["delivery"]["watched"] is False
    assert result["delivery"]["samples_per_second"] == 10.0


def test_where_it_does_not_watch_what_was_ever_refused_is_told(look: Callable[..., Result], api: FakeCluster) -> None:
    api.has(f"{PROXY}/metrics", metrics(failed=3))
    result = look(watch=0)
    assert not result["delivers"]
    assert result["delivery"]["refused"] == 3


def test_what_is_refused_while_it_is_watched_is_told(look: Callable[..., Result], api: FakeCluster) -> None:
    grows(api, metrics(failed=3), metrics(failed=12))
    result = look()
    assert not result["delivers"]
    assert result["delivery"]["refused"] == 9


def test_query_is_asked_for_what_the_receiver_has_of_the_edge(look: Callable[..., Result], api: FakeCluster) -> None:
    look()
    assert asked_for(api, "timestamp(") == {
        "query": 'timestamp(up{cluster="cluster-03",tenant_id!=""})',
        "timeout": "30s",
        "partial_response": "true",
    }
    counted = asked_for(api, "sum_over_time(")
    assert counted["query"] == (
        'sum_over_time(count(last_over_time({cluster="cluster-03",tenant_id!=""}[5s]))[60s:5s]) / 60'
    )
    assert counted["time"] == "972.5"


def test_nothing_that_was_counted_is_zero(look: Callable[..., Result], api: FakeCluster) -> None:
    answers(api, counted=vector())
    assert look()["delivery"]["query"]["samples_per_second"] == 0


def test_targets_that_come_up_while_it_is_watched_count(look: Callable[..., Result], api: FakeCluster) -> None:
    states = [{**TARGET, "health": "unknown"}, TARGET]
    api.answers["GET", f"{PROXY}/api/v1/targets"] = lambda _request: (
        200,
        {"status": "success", "data": {"activeTargets": [states.pop(0)]}},
    )
    assert look()["delivery"]["targets"] == {"up": 1, "all": 1}


def test_an_agent_that_speaks_tls_is_asked_so(look: Callable[..., Result], api: FakeCluster) -> None:
    api.answers["GET", f"{PROXY}/metrics"] = (400, "Client sent an HTTP request to an HTTPS server.")
    secure = f"{PODS}/https:prometheus-agent-0:9090/proxy"
    api.has(f"{secure}/metrics", metrics())
    api.has(f"{secure}/api/v1/targets", {"status": "success", "data": {"activeTargets": [TARGET]}})
    assert look()["delivers"]


def test_without_a_name_the_edge_is_called_by_its_context(look: Callable[..., Result]) -> None:
    assert look()["cluster"] == "cluster-03"


def test_check_mode_looks_too(look: Callable[..., Result]) -> None:
    assert look(check_mode=True)["delivers"]


# Which agents.


def test_an_agent_is_found_by_what_it_runs(look: Callable[..., Result], api: FakeCluster) -> None:
    full = container("quay.io/prometheus/prometheus:v3.15.0", "--config.file=a", "--storage.tsdb.path=b")
    has(api, stateful_set("prometheus-agent", full))
    result = look()
    assert result["delivery"]["agents"] == []
    assert result["why"][0]["cause"] == "there is none in namespace monitoring, so nothing is sent"
    assert f"{PROXY}/metrics" not in api.asked()


def test_an_agent_without_pods_is_told(look: Callable[..., Result], api: FakeCluster, waited: list[float]) -> None:
    has(api, {**stateful_set("prometheus-agent", AGENT), "Pod": []})
    assert look()["why"][0]["cause"] == "no pod of it runs"
    assert waited == []


def test_a_pod_of_no_workload_counts(look: Callable[..., Result], api: FakeCluster) -> None:
    has(api, {"Pod": [pod_of(AGENT, name="prometheus-agent-0", owner=owned_by("CloneSet", "agent"))]})
    assert look()["delivery"]["agents"][0]["pods"] == {"wanted": 1, "answering": 1}


def test_a_pod_that_goes_is_not_asked(look: Callable[..., Result], api: FakeCluster) -> None:
    leaving = pod_of(AGENT, name="prometheus-agent-0", owner=owned_by("StatefulSet", "prometheus-agent"))
    leaving["metadata"]["deletionTimestamp"] = "2026-01-01T12:00:00Z"
    has(api, {**stateful_set("prometheus-agent", AGENT), "Pod": [leaving]})
    assert look()["why"][0]["cause"] == "no pod of it runs"
    assert f"{PROXY}/metrics" not in api.asked()


def test_other_pods_are_no_agents(look: Callable[..., Result], api: FakeCluster) -> None:
    objects = stateful_set("prometheus-agent", AGENT)
    has(api, {**objects, "Pod": [*objects["Pod"], pod_of(container("nginx"), name="shop")], "DaemonSet": [named("x")]})
    assert len(look()["delivery"]["agents"]) == 1


# What cannot be asked.


@pytest.mark.parametrize(
    ("path", "answer", "cause"),
    [
        (f"{PROXY}/metrics", (500, "starting"), "it does not answer with metrics (HTTP 500)"),
        (f"{PROXY}/api/v1/targets", (503, "starting"), "it is not ready (HTTP 503)"),
        (
            f"{PROXY}/metrics",
            refusal(503, "ServiceUnavailable", "error trying to reach service: connection refused"),
            "the API server cannot reach it: error trying to reach service: connection refused",
        ),
    ],
)
def test_a_silent_agent_is_told_and_what_arrived_all_the_same(
    look: Callable[..., Result], api: FakeCluster, path: str, answer: tuple[int, object], cause: str
) -> None:
    api.answers["GET", path] = answer
    result = look()
    (why,) = result["why"]
    assert why["cause"].startswith(cause)
    assert why["subject"] == "pod monitoring/prometheus-agent-0 port 9090 in context cluster-03"
    assert result["delivery"]["agents"][0]["version"] == "2.48.0"
    assert result["delivery"]["targets"] is None
    assert result["delivery"]["query"]["newest_age"] == 10.0


def test_an_agent_that_falls_silent_while_it_is_watched_is_told(look: Callable[..., Result], api: FakeCluster) -> None:
    left = [(200, metrics()), (500, "stopping")]
    api.answers["GET", f"{PROXY}/metrics"] = lambda _request: left.pop(0)
    result = look()
    assert result["why"][0]["cause"] == "it does not answer with metrics (HTTP 500)"
    assert result["delivery"]["backlog"] is None


def test_an_agent_that_cannot_be_reached_from_outside_its_pod_is_told(
    look: Callable[..., Result], api: FakeCluster
) -> None:
    hidden = {**AGENT, "args": [*AGENT["args"], "--web.listen-address=127.0.0.1:9090"]}
    has(api, stateful_set("prometheus-agent", hidden))
    assert look()["why"][0]["cause"].startswith("it listens inside its pod only")


def test_an_edge_that_may_not_be_looked_at_is_an_answer(look: Callable[..., Result], api: FakeCluster) -> None:
    api.refuses("GET", PODS, 403, "Forbidden", "pods is forbidden")
    result = look()
    assert not result["delivers"]
    assert result["why"][0]["subject"] == "namespaces/monitoring/pods in context cluster-03"
    assert result["delivery"]["agents"] is None
    assert result["delivery"]["query"] == {"targets": None, "samples_per_second": 182.0, "newest_age": 10.0}


def test_an_edge_that_cannot_be_reached_is_an_answer(look: Callable[..., Result], api: FakeCluster) -> None:
    result = look(cluster="edge-9", context="cluster-09")
    (why,) = result["why"]
    assert why["subject"].startswith("kubeconfig ")
    assert why["subject"].endswith(" of edge-9")
    assert why["cause"].startswith("there is no context cluster-09")
    assert result["delivery"]["query"]["newest_age"] == 10.0


def test_before_phase_1_there_is_no_query_which_is_an_answer(look: Callable[..., Result], api: FakeCluster) -> None:
    api.refuses("GET", QUERY, 404, "NotFound", 'services "thanos-query" not found')
    result = look()
    assert not result["delivers"]
    assert result["delivery"]["query"] is None
    assert result["delivery"]["targets"] == {"up": 1, "all": 1}
    assert result["why"] == [
        {
            "subject": "service monitoring/thanos-query port http in context cluster-01",
            "cause": 'it does not exist: services "thanos-query" not found, so whether samples arrive is not known',
            "fix": "run phase 1, which brings it, or correct its name",
        }
    ]


def test_before_phase_2_nothing_arrives(look: Callable[..., Result], api: FakeCluster) -> None:
    api.has(QUERY, vector())
    result = look()
    assert not result["delivers"]
    assert result["delivery"]["query"] == {"targets": 0, "samples_per_second": 0, "newest_age": None}
    assert "time" not in asked_for(api, "sum_over_time(")


def test_samples_that_cannot_be_counted_are_unseen_and_no_reason(look: Callable[..., Result], api: FakeCluster) -> None:
    answers(api, counted={"status": "error", "errorType": "execution", "error": "series limit"})
    result = look()
    assert result["delivers"]
    assert result["delivery"]["query"]["samples_per_second"] is None
    assert "series limit" in result["unseen"][0]["cause"]


def test_stores_that_are_missing_are_unseen(look: Callable[..., Result], api: FakeCluster) -> None:
    api.has(QUERY, vector(warnings=("no such host: ingestor-2",)))
    assert look()["unseen"] == [
        {
            "subject": "service monitoring/thanos-query port http in context cluster-01",
            "cause": "its answer may lack something: no such host: ingestor-2",
            "fix": "look at its stores, and whether every ingestor is Ready",
        }
    ]


# Which cluster.


@pytest.mark.parametrize(
    ("options", "subject"), [({"uid": "u-1"}, "cluster-03"), ({"query": {"uid": "u-1"}}, "cluster-01")]
)
def test_another_cluster_than_the_pinned_one_is_not_looked_at(
    look: Callable[..., Result], api: FakeCluster, options: Result, subject: str
) -> None:
    api.has(IDENTITY, {"kind": "Namespace", "metadata": {"uid": "u-2"}})
    (why,) = look(**options)["why"]
    assert why["subject"] == f"Cluster behind context {subject}"
    assert why["cause"].startswith("its namespace kube-system has the UID u-2, not u-1")
    assert (PODS if subject == "cluster-03" else QUERY) not in api.asked()


def test_the_pinned_cluster_is_looked_at(look: Callable[..., Result], api: FakeCluster) -> None:
    api.has(IDENTITY, {"kind": "Namespace", "metadata": {"uid": "u-1"}})
    assert look(uid="u-1", query={"uid": "u-1"})["delivers"]


def test_a_uid_that_may_not_be_seen_is_told(look: Callable[..., Result], api: FakeCluster) -> None:
    api.refuses("GET", IDENTITY, 403, "Forbidden", "namespaces is forbidden")
    assert "has the UID (not seen), not u-1" in look(uid="u-1")["why"][0]["cause"]


# Options.


def test_without_external_labels_nothing_tells_the_edges_apart(look: Callable[..., Result]) -> None:
    assert look(external_labels={})["msg"] == (
        "Option external_labels: it is empty. Fix: give what this edge alone has, such as cluster: cluster-02."
    )


def test_a_controller_without_the_kubernetes_library_is_told_what_to_install(
    look: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "HAS_KUBERNETES", False)
    assert "Failed to import the required Python library (kubernetes)" in look()["msg"]
