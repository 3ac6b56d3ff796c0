"""The full servers of a central cluster, and what each of their pods scrapes elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from fake_cluster import FakeCluster, served

from ansible_collections.miribit.thanos.plugins.module_utils.kube import session
from ansible_collections.miribit.thanos.plugins.module_utils.kube.errors import RefusedError
from ansible_collections.miribit.thanos.plugins.module_utils.remote_scraping.servers import Found, Look

Ask = Callable[[], list[Found]]
Object = dict[str, Any]

PROXY = "/api/v1/namespaces/monitoring/pods/{}:9090/proxy/api/v1/targets"
LISTS = {
    "pods": "/api/v1/pods",
    "nodes": "/api/v1/nodes",
    "services": "/api/v1/services",
    "statefulsets": "/apis/apps/v1/statefulsets",
    "deployments": "/apis/apps/v1/deployments",
    "daemonsets": "/apis/apps/v1/daemonsets",
    "replicasets": "/apis/apps/v1/replicasets",
    "prometheuses": "/apis/monitoring.coreos.com/v1/prometheuses",
}
RELEASE = {"meta.helm.sh/release-name": "stack", "meta.helm.sh/release-namespace": "monitoring"}


def named(name: str, kind: str = "", owner: str = "", **metadata: Any) -> Object:
    references = [{"kind": kind, "name": owner, "controller": True}] if owner else []
    return {"metadata": {"name": name, "namespace": "monitoring", "ownerReferences": references, **metadata}}


def container(*args: str) -> Object:
    flags = ["--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus", *args]
    return {"name": "prometheus", "image": "quay.io/prometheus/prometheus:v3.15.0", "args": flags}


def pod(name: str, *, ready: bool = True, args: tuple[str, ...] = ()) -> Object:
    conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
    item = named(name, "StatefulSet", "prometheus-stack")
    status = {"phase": "Running", "podIP": "10.42.0.9", "conditions": conditions}
    return {**item, "spec": {"containers": [container(*args)]}, "status": status}


def targets(*urls: str) -> Object:
    active = [{"scrapeUrl": url, "scrapePool": f"job {number}", "labels": {}} for number, url in enumerate(urls)]
    return {"status": "success", "data": {"activeTargets": active}}


@pytest.fixture
def cluster() -> FakeCluster:
    """A central cluster with two replicas of a full server, made from a Helm release."""
    fake = FakeCluster()
    for path in LISTS.values():
        fake.lists(path)
    fake.lists(LISTS["pods"], pod("prometheus-stack-0"), pod("prometheus-stack-1"))
    spec = {"replicas": 2, "template": {"spec": {"containers": [container()]}}}
    fake.lists(LISTS["statefulsets"], {**named("prometheus-stack", "Prometheus", "stack-prometheus"), "spec": spec})
    jobs = {"additionalScrapeConfigs": {"name": "stack-scrape-confg", "key": "jobs.yaml"}}
    fake.lists(LISTS["prometheuses"], {**named("stack-prometheus", annotations=RELEASE), "spec": jobs})
    for number in (0, 1):
        found = targets("https://10.0.0.2:10250/metrics", "http://10.42.0.9:9090/metrics")
        fake.has(PROXY.format(f"prometheus-stack-{number}"), found)
    return fake


@pytest.fixture
def ask(cluster: FakeCluster, kubeconfig: Callable[..., str]) -> Ask:
    def run() -> list[Found]:
        with served(cluster):
            return Look(session.session(kubeconfig(cluster.url), "cluster-01"), "monitoring").servers()

    return run


def test_a_server_tells_whose_it_is_and_what_each_pod_scrapes_elsewhere(ask: Ask) -> None:
    (server,) = ask()
    assert server["id"] == "StatefulSet monitoring/prometheus-stack [prometheus]"
    assert (server["owner"]["kind"], server["owner"]["name"]) == ("helm", "stack")
    assert server["scrape_configs"] == {"namespace": "monitoring", "name": "stack-scrape-confg", "key": "jobs.yaml"}
    assert [one["name"] for one in server["pods"]] == ["monitoring/prometheus-stack-0", "monitoring/prometheus-stack-1"]
    for one in server["pods"]:
        assert [(target["address"], target["job"]) for target in one["targets"]] == [("10.0.0.2:10250", "job 0")]


def test_an_agent_is_no_full_server(ask: Ask, cluster: FakeCluster) -> None:
    cluster.lists(LISTS["pods"], pod("prometheus-stack-0", args=("--agent",)))
    cluster.lists(LISTS["statefulsets"])
    assert ask() == []


def test_a_pod_that_is_not_ready_is_not_asked(ask: Ask, cluster: FakeCluster) -> None:
    cluster.lists(LISTS["pods"], pod("prometheus-stack-0", ready=False))
    (server,) = ask()
    assert [(one["ready"], one["targets"]) for one in server["pods"]] == [(False, None)]
    assert PROXY.format("prometheus-stack-0") not in cluster.asked()


def test_a_pod_that_refuses_is_told_and_makes_no_failure(ask: Ask, cluster: FakeCluster) -> None:
    cluster.answers["GET", PROXY.format("prometheus-stack-1")] = (401, "login first")
    (server,) = ask()
    first, second = server["pods"]
    assert first["problem"] is None
    assert second["targets"] is None
    assert "it asks for a login" in second["problem"]["cause"]


def test_a_server_that_speaks_tls_is_asked_by_tls(ask: Ask, cluster: FakeCluster) -> None:
    cluster.lists(LISTS["pods"], pod("prometheus-stack-0"))
    path = PROXY.format("prometheus-stack-0")
    cluster.answers["GET", path] = (400, "Client sent an HTTP request to an HTTPS server.")
    cluster.has(path.replace("/prometheus-stack-0", "/https:prometheus-stack-0"), targets("https://10.0.0.2:1/metrics"))
    (server,) = ask()
    assert [target["address"] for target in server["pods"][0]["targets"]] == ["10.0.0.2:1"]


def test_where_not_all_namespaces_may_be_listed_that_of_the_fleet_is(ask: Ask, cluster: FakeCluster) -> None:
    for resource in ("pods", "nodes", "services"):
        cluster.refuses("GET", LISTS[resource], 403, "Forbidden", f"{resource} is forbidden")
    cluster.lists("/api/v1/namespaces/monitoring/pods", pod("prometheus-stack-0"))
    cluster.lists("/api/v1/namespaces/monitoring/services")
    (server,) = ask()
    assert [target["address"] for target in server["pods"][0]["targets"]] == ["10.0.0.2:10250"]


def test_without_an_operator_there_is_no_custom_resource(ask: Ask, cluster: FakeCluster) -> None:
    del cluster.answers["GET", LISTS["prometheuses"]]
    cluster.lists(LISTS["statefulsets"])
    item = pod("prometheus-stack-0")
    item["metadata"]["ownerReferences"] = []
    cluster.lists(LISTS["pods"], item)
    (server,) = ask()
    assert (server["owner"]["kind"], server["scrape_configs"]) == ("none", None)


def test_what_may_not_be_listed_at_all_is_a_failure(ask: Ask, cluster: FakeCluster) -> None:
    for path in (LISTS["statefulsets"], "/apis/apps/v1/namespaces/monitoring/statefulsets"):
        cluster.refuses("GET", path, 403, "Forbidden", "statefulsets is forbidden")
    with pytest.raises(RefusedError, match="statefulsets is forbidden"):
        ask()
