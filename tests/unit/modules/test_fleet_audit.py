"""The module fleet_audit, from its options to the JSON that Ansible reads."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest
from fake_cluster import Answer, FakeCluster, Request, refusal, served
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.miribit.thanos.plugins.action import fleet_audit
from ansible_collections.miribit.thanos.plugins.module_utils.audit import usage as audit_usage
from ansible_collections.miribit.thanos.plugins.module_utils.audit.kinds import KINDS
from ansible_collections.miribit.thanos.plugins.module_utils.kube import session
from ansible_collections.miribit.thanos.plugins.module_utils.probe import run as probe_run
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.components import Amounts
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.pod import load_yaml

Look = Callable[..., dict[str, Any]]

SECRET = "word-that-must-stay-secret"
UID = "6f1e5d0e-6d5e-4e0c-9a39-5d2c8a3e0b52"
KUBE_SYSTEM = "/api/v1/namespaces/kube-system"
PODS = "/api/v1/pods"
CONFIG_MAPS = "/api/v1/configmaps"
COREDNS = "/api/v1/namespaces/kube-system/configmaps"
METRICS_API = "/apis/metrics.k8s.io/v1beta1/pods"
SUMMARY = "/api/v1/nodes/node-1/proxy/stats/summary"
FULL = "/api/v1/namespaces/monitoring/pods/prometheus-full-0:9090/proxy"
AGENT = "/api/v1/namespaces/monitoring/pods/prometheus-agent-0:9090/proxy"
AGENT_LOG = "/api/v1/namespaces/monitoring/pods/prometheus-agent-0/log"
GRAFANA_SECRET = "/api/v1/namespaces/monitoring/secrets/grafana"
FULL_ID = "StatefulSet monitoring/prometheus-full [prometheus]"
AGENT_ID = "StatefulSet monitoring/prometheus-agent [prometheus]"
#: Of what most clusters do not have.
CUSTOM = {"keda.sh/v1alpha1", "autoscaling.k8s.io/v1", "argoproj.io/v1alpha1", "flagger.app/v1beta1"}
URL = "http://thanos-receiver.monitoring.svc.cluster-01.local:19291/api/v1/receive"
QUEUE = f'remote_name="9a64fa",url="{URL}"'
COMPLAINT = f'ts=T component=remote level=warn url={URL} msg="Failed to send batch, retrying" err="no such host"'

AGENT_CONFIG = f"""
global: {{scrape_interval: 30s, external_labels: {{cluster: cluster-02, region: edge}}}}
remote_write:
  - url: {URL}
    basic_auth: {{username: u, password: <secret>}}
    headers: {{X-Other: {SECRET}}}
"""
FULL_CONFIG = "global: {scrape_interval: 1m, external_labels: {cluster: cluster-02-edge}}"

PROMETHEUS_FLAGS = {
    "prometheus-agent": ["--config.file=/etc/prometheus/prometheus.yml", "--enable-feature=agent"],
    "prometheus-full": ["--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus"],
}


def named(name: str, namespace: str = "monitoring", **more: object) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": namespace, **more}}


def pod_of(workload: str, container: dict[str, Any], namespace: str = "monitoring", **status: Any) -> dict[str, Any]:
    owner = {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": workload, "controller": True}
    claim = {"name": "data", "persistentVolumeClaim": {"claimName": f"data-{workload}-0"}}
    return {
        **named(f"{workload}-0", namespace, ownerReferences=[owner], labels={"app": workload}),
        "spec": {"nodeName": "node-1", "containers": [container], "volumes": [claim]},
        "status": {
            "phase": "Running",
            "containerStatuses": [
                {"name": container["name"], "ready": True, "restartCount": 0, "state": {"running": {}}}
            ],
            **status,
        },
    }


def prometheus(workload: str, *args: str, tag: str = "v2.48.0", **status: Any) -> dict[str, Any]:
    container = {
        "name": "prometheus",
        "image": f"quay.io/prometheus/prometheus:{tag}",
        "args": [*PROMETHEUS_FLAGS[workload], *args],
        "volumeMounts": [{"name": "data", "mountPath": "/prometheus"}],
    }
    return pod_of(workload, container, **status)


def not_ready(reason: str) -> dict[str, Any]:
    state = {"waiting": {"reason": reason}}
    return {"containerStatuses": [{"name": "prometheus", "ready": False, "restartCount": 3, "state": state}]}


def stateful_set(name: str) -> dict[str, Any]:
    return {**named(name, labels={"app": name}), "spec": {"replicas": 1, "selector": {"matchLabels": {"app": name}}}}


def claim(name: str) -> dict[str, Any]:
    spec = {"resources": {"requests": {"storage": "5Gi"}}, "storageClassName": "longhorn", "volumeName": "pvc-1"}
    return {**named(name), "spec": spec}


def data(content: object) -> dict[str, object]:
    return {"status": "success", "data": content}


def target(url: str, **labels: str) -> dict[str, object]:
    return {"scrapeUrl": url, "labels": labels, "discoveredLabels": {}, "health": "up", "lastError": ""}


def summary(pod: str = "prometheus-agent-0", claim_used: int | None = 310354) -> dict[str, Any]:
    container = {"name": "prometheus", "memory": {"workingSetBytes": 1000}, "cpu": {"usageNanoCores": 5_000_000}}
    volume = {"pvcRef": {"name": "data-prometheus-agent-0", "namespace": "monitoring"}, "usedBytes": claim_used}
    return {
        "pods": [{"podRef": {"name": pod, "namespace": "monitoring"}, "containers": [container], "volume": [volume]}]
    }


@pytest.fixture
def fake() -> Iterator[FakeCluster]:
    """A cluster with an agent and a full server, as the audit found the edges."""
    there = FakeCluster()
    for kind in KINDS:
        there.lists(kind.resource.path())
    there.has("/version", {"gitVersion": "v1.34.1"})
    apis = {kind.resource.api_version for kind in KINDS}
    there.has("/apis", {"groups": [{"versions": [{"groupVersion": api}]} for api in sorted(apis)]})
    there.has(KUBE_SYSTEM, {"kind": "Namespace", "metadata": {"name": "kube-system", "uid": UID}})
    there.lists("/api/v1/nodes", {"metadata": {"name": "node-1"}, "status": {}})
    there.lists(PODS, prometheus("prometheus-agent"), prometheus("prometheus-full"))
    there.lists("/apis/apps/v1/statefulsets", stateful_set("prometheus-agent"), stateful_set("prometheus-full"))
    there.lists("/api/v1/persistentvolumeclaims", claim("data-prometheus-agent-0"), claim("data-prometheus-full-0"))
    there.lists(CONFIG_MAPS)
    there.lists(COREDNS)
    there.has(SUMMARY, summary())
    there.has(f"{AGENT}/api/v1/status/config", data({"yaml": AGENT_CONFIG}))
    there.has(f"{AGENT}/api/v1/status/flags", data({"enable-feature": "agent"}))
    agent_targets = [target("http://10.0.0.1:9100/metrics", job="node-exporter")]
    there.has(f"{AGENT}/api/v1/targets", data({"activeTargets": agent_targets}))
    there.has(
        f"{AGENT}/metrics",
        "prometheus_agent_active_series 8488\n"
        f"prometheus_remote_storage_samples_total{{{QUEUE}}} 55726\n"
        f"prometheus_remote_storage_samples_retried_total{{{QUEUE}}} 52448\n",
    )
    there.has(AGENT_LOG, COMPLAINT)
    there.has(f"{FULL}/api/v1/status/config", data({"yaml": FULL_CONFIG}))
    there.has(f"{FULL}/api/v1/status/flags", data({"storage.tsdb.retention.time": "15d"}))
    full_targets = [*agent_targets, target("https://10.0.0.9:10250/metrics", job="kubelet", cluster="cluster-03")]
    there.has(f"{FULL}/api/v1/targets", data({"activeTargets": full_targets}))
    rule = {"name": "Watchdog", "type": "alerting", "state": "firing"}
    there.has(f"{FULL}/api/v1/rules", data({"groups": [{"name": "general", "rules": [rule]}]}))
    there.has(f"{FULL}/api/v1/alertmanagers", data({"activeAlertmanagers": []}))
    there.has(
        f"{FULL}/metrics",
        'prometheus_build_info{version="3.15.0"} 1\nprometheus_tsdb_head_series 14541\n'
        "prometheus_tsdb_storage_blocks_bytes 76612\nprometheus_tsdb_wal_storage_size_bytes 388\n",
    )
    with served(there):
        yield there


@pytest.fixture
def look(run_action: Look, kubeconfig: Callable[..., str], fake: FakeCluster) -> Look:
    """Run the module against the stand-in. It never fails, and never tells a secret."""
    session._session.cache_clear()
    access = {"kubeconfig": kubeconfig(fake.url), "context": "cluster-01"}

    def run(**options: object) -> dict[str, Any]:
        result = run_action(fleet_audit.ActionModule, {**access, "cluster": "cluster-02", **options})
        assert result["changed"] is False
        assert SECRET not in json.dumps(result)
        found: dict[str, Any] = result["facts"]
        return found

    return run


def component(facts: dict[str, Any], wanted: str) -> dict[str, Any]:
    (only,) = (one for one in facts["components"] if one["id"] == wanted)
    found: dict[str, Any] = only
    return found


def unseen(facts: dict[str, Any], about: str) -> dict[str, str]:
    (only,) = (problem for problem in facts["unseen"] if about in problem["subject"])
    found: dict[str, str] = only
    return found


def forbids(fake: FakeCluster, *paths: str) -> None:
    for path in paths:
        fake.refuses("GET", path, 403, "Forbidden", f'User "u" may not get {path}')


# What is seen.


def test_a_cluster_that_shows_everything_leaves_nothing_unseen(look: Look) -> None:
    facts = look()
    assert facts["unseen"] == []
    assert (facts["seen"], facts["components_complete"]) == (True, True)
    assert (facts["cluster"], facts["uid"], facts["version"]) == ("cluster-02", UID, "v1.34.1")


def test_the_moment_is_that_of_the_api_server(look: Look, fake: FakeCluster) -> None:
    fake.ahead = 86400
    told = datetime.fromisoformat(look()["audited_at"]).timestamp()
    assert abs(told - time.time() - 86400) < 60


def test_an_agent_and_a_full_server_are_told_apart(look: Look) -> None:
    facts = look()
    assert [(one["id"], one["kind"]) for one in facts["components"]] == [
        (AGENT_ID, "prometheus_agent"),
        (FULL_ID, "prometheus"),
    ]


def test_an_agent_whose_samples_never_arrived_says_so(look: Look) -> None:
    agent = component(look(), AGENT_ID)["prometheus"]
    (entry,) = agent["remote_write"]
    assert (entry["url"], entry["ever_delivered"]) == (URL, False)
    assert agent["log"] == ["T Failed to send batch, retrying: no such host"]
    assert agent["series"] == 8488


def test_a_full_server_tells_its_rules_and_series(look: Look) -> None:
    full = component(look(), FULL_ID)["prometheus"]
    assert [rule["name"] for rule in full["rules"]] == ["Watchdog"]
    assert (full["series"], full["retention"], full["scrape_interval"]) == (14541, "15d", 60.0)


def test_only_active_targets_are_asked_for(look: Look, fake: FakeCluster) -> None:
    look()
    asked = [request.params for request in fake.requests if request.path.endswith("/api/v1/targets")]
    assert asked == [{"state": "active"}, {"state": "active"}]


def test_the_values_of_the_label_cluster_are_those_that_samples_carry(look: Look) -> None:
    assert look()["label_values"] == {"cluster": ["cluster-02", "cluster-02-edge", "cluster-03"]}


def test_a_version_that_the_image_does_not_name_is_asked_for(look: Look, fake: FakeCluster) -> None:
    fake.lists(PODS, prometheus("prometheus-full", tag="latest"))
    assert component(look(), FULL_ID)["version"] == "3.15.0"


def test_what_is_used_comes_from_the_kubelet(look: Look) -> None:
    agent = component(look(), AGENT_ID)
    assert agent["usage"] == {"memory": 1000, "cpu": 0.005}
    assert [volume["used"] for volume in agent["volumes"]] == [310354]


def test_what_the_kubelet_does_not_tell_of_a_volume_its_prometheus_does(look: Look) -> None:
    assert [volume["used"] for volume in component(look(), FULL_ID)["volumes"]] == [77000]


def test_a_volume_that_nobody_measures_is_told(look: Look, fake: FakeCluster) -> None:
    fake.answers["GET", f"{FULL}/metrics"] = (200, "")
    problem = unseen(look(), "Volumes in cluster-02")
    assert "monitoring/data-prometheus-full-0" in problem["cause"]
    assert "agent" not in problem["cause"]


def serves(fake: FakeCluster, *apis: str) -> None:
    fake.has("/apis", {"groups": [{"versions": [{"groupVersion": api}]} for api in apis]})


def test_an_edge_with_two_prometheus_is_asked_no_more_than_needed(look: Look, fake: FakeCluster) -> None:
    served_here = [kind for kind in KINDS if kind.resource.api_version not in CUSTOM]
    serves(fake, *(kind.resource.api_version for kind in served_here))
    look()
    asked = fake.asked()
    assert len(asked) == len(set(asked))
    of_servers = [path for path in asked if path.startswith((AGENT, FULL)) or path == AGENT_LOG]
    assert len(of_servers) == 5 + 6
    # Identity, version and APIs; a list of each kind, and two of ConfigMaps; one kubelet.
    assert len(asked) == 3 + len(served_here) + 2 + 1 + len(of_servers) == 35
    assert {request.method for request in fake.requests} == {"GET"}


def test_an_agent_is_not_asked_for_what_it_refuses(look: Look, fake: FakeCluster) -> None:
    look()
    assert {f"{AGENT}/api/v1/rules", f"{AGENT}/api/v1/alertmanagers"}.isdisjoint(fake.asked())


def test_kinds_that_the_cluster_does_not_know_are_not_asked_for(look: Look, fake: FakeCluster) -> None:
    fake.has("/apis", {"groups": [{"versions": [{"groupVersion": "apps/v1"}]}]})
    assert look()["unseen"] == []
    assert not any("monitoring.coreos.com" in path or "autoscaling" in path for path in fake.asked())


def test_a_kind_without_its_crd_is_simply_not_there(look: Look, fake: FakeCluster) -> None:
    del fake.answers["GET", "/apis/monitoring.coreos.com/v1alpha1/prometheusagents"]
    assert look()["unseen"] == []


def test_long_lists_are_read_page_by_page(look: Look, fake: FakeCluster) -> None:
    fake.pages(PODS, prometheus("prometheus-agent"), prometheus("prometheus-full"), size=1)
    assert len(look()["components"]) == 2


@pytest.mark.parametrize("api", sorted(CUSTOM))
def test_custom_kinds_are_asked_for_only_where_they_are_served(look: Look, fake: FakeCluster, api: str) -> None:
    paths = {kind.resource.path() for kind in KINDS if kind.resource.api_version == api}
    serves(fake, "apps/v1")
    look()
    assert paths.isdisjoint(fake.asked())
    serves(fake, "apps/v1", api)
    look()
    assert paths <= set(fake.asked())


def test_a_claim_that_nothing_mounts_is_told(look: Look, fake: FakeCluster) -> None:
    fake.lists("/api/v1/persistentvolumeclaims", claim("data-prometheus-agent-0"), claim("old"))
    assert [one["claim"] for one in look()["claims"]] == ["old"]


def test_a_claim_of_another_namespace_is_none_of_the_fleets(look: Look, fake: FakeCluster) -> None:
    fake.lists("/api/v1/persistentvolumeclaims", claim("old"))
    assert look(namespace="other")["claims"] == []


def test_without_all_that_may_mount_it_no_claim_is_told(look: Look, fake: FakeCluster) -> None:
    forbids(fake, "/apis/batch/v1/cronjobs", "/apis/batch/v1/namespaces/monitoring/cronjobs")
    assert look()["claims"] is None


# The probe.

JOBS = "/apis/batch/v1/namespaces/monitoring/jobs"
OF_FLEET = "/api/v1/namespaces/monitoring"


@pytest.fixture
def probing(fake: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    """A cluster that runs the probe at once: the receiver's name does not resolve there."""
    monkeypatch.setattr(probe_run, "POLL_SECONDS", 0.001)

    def made(request: Request) -> Answer:
        metadata = {**request.body["metadata"], "uid": "u-1", "creationTimestamp": "2026-11-21T12:00:00Z"}
        state = {"terminated": {"exitCode": 1}}
        status = {"phase": "Failed", "containerStatuses": [{"name": "url-1", "image": "x", "state": state}]}
        fake.lists(f"{OF_FLEET}/pods", {"metadata": {"name": "probe"}, "status": status})
        fake.answers["DELETE", f"{JOBS}/{metadata['name']}"] = (200, {})
        return 201, {**request.body, "metadata": metadata}

    fake.answers["POST", JOBS] = made
    fake.answers["POST", f"{OF_FLEET}/secrets"] = lambda request: (201, request.body)
    fake.lists(JOBS)
    fake.has(f"{OF_FLEET}/pods/probe/log", f'Get "{URL}/-/healthy": dial tcp: lookup thanos-receiver: no such host\n')
    return fake


def writes(fake: FakeCluster) -> list[str]:
    return [f"{one.method} {one.path.rpartition('/')[2]}" for one in fake.requests if one.method != "GET"]


def test_a_probe_tells_what_a_pod_of_the_cluster_meets(look: Look, probing: FakeCluster) -> None:
    facts = look(probe=True)
    (entry,) = component(facts, AGENT_ID)["prometheus"]["remote_write"]
    assert entry["reachable"] == {
        "resolves": False,
        "connects": None,
        "answer": None,
        "error": "dial tcp: lookup thanos-receiver: no such host",
    }
    assert (facts["probed"], facts["unseen"]) == (True, [])
    assert [write.split("-probe-")[0] for write in writes(probing)] == [
        "POST jobs",
        "POST secrets",
        "DELETE miribit-thanos",
    ]


def test_without_being_asked_for_there_is_no_probe(look: Look, probing: FakeCluster) -> None:
    facts = look()
    (entry,) = component(facts, AGENT_ID)["prometheus"]["remote_write"]
    assert (facts["probed"], entry["reachable"], writes(probing)) == (False, None, [])


def test_check_mode_makes_no_probe(look: Look, probing: FakeCluster) -> None:
    assert look(probe=True, check_mode=True)["probed"] is False
    assert writes(probing) == []


def test_a_probe_that_may_not_be_made_is_unseen(look: Look, fake: FakeCluster) -> None:
    fake.refuses("POST", JOBS, 403, "Forbidden", "may not create jobs")
    facts = look(probe=True)
    assert facts["probed"] is False
    assert "so whether its senders reach what they write to is not seen" in unseen(facts, "jobs")["cause"]
    assert len(facts["components"]) == 2


# ConfigMaps and Secrets.


def grafana(**container: Any) -> dict[str, Any]:
    item = pod_of("grafana", {"name": "grafana", "image": "docker.io/grafana/grafana:11.6.0", **container})
    item["spec"]["volumes"] = [
        {"name": "config", "configMap": {"name": "grafana"}},
        {"name": "token", "projected": {"sources": [{"configMap": {"name": "kube-root-ca.crt"}}]}},
    ]
    return item


def selected(fake: FakeCluster) -> set[tuple[str, str]]:
    """Places and selectors of the ConfigMaps that were asked for."""
    asked = [request for request in fake.requests if request.path.endswith("/configmaps")]
    return {(one.path, one.params.get("labelSelector") or one.params["fieldSelector"]) for one in asked}


def test_only_config_maps_that_are_named_are_read(look: Look, fake: FakeCluster) -> None:
    fake.lists(PODS, grafana())
    look()
    assert selected(fake) == {
        (CONFIG_MAPS, "grafana_datasource"),
        (COREDNS, "metadata.name=coredns"),
        ("/api/v1/namespaces/monitoring/configmaps", "metadata.name=grafana"),
    }


def test_the_file_that_kiali_reads_is_read(look: Look, fake: FakeCluster) -> None:
    kiali = pod_of("kiali", {"name": "kiali", "image": "quay.io/kiali/kiali:v2.11.0"}, "mesh")
    kiali["spec"]["volumes"] = [{"name": "config", "configMap": {"name": "kiali"}}]
    fake.lists(PODS, kiali)
    text = "external_services: {prometheus: {url: 'https://user:hidden@prometheus.example'}}"
    fake.lists("/api/v1/namespaces/mesh/configmaps", {**named("kiali", "mesh"), "data": {"config.yaml": text}})
    (reader,) = look()["readers"]
    assert (reader["kind"], reader["reads"]) == ("kiali", "https://prometheus.example")


@pytest.mark.parametrize("place", ["containers", "initContainers"])
@pytest.mark.parametrize("folder", ["/etc/grafana/datasources", "/etc/grafana/datasources/", "datasources"])
def test_the_label_that_a_sidecar_watches_is_looked_for(look: Look, fake: FakeCluster, folder: str, place: str) -> None:
    env = [{"name": "LABEL", "value": "our_sources"}, {"name": "FOLDER", "value": folder}]
    pod = grafana()
    sidecar = {"name": "sidecar", "image": "k8s-sidecar", "env": env, "restartPolicy": "Always"}
    pod["spec"][place] = [*pod["spec"].get(place, []), sidecar]
    fake.lists(PODS, pod)
    look()
    assert (CONFIG_MAPS, "our_sources") in selected(fake)


def test_a_data_source_that_reads_a_prometheus_is_a_reader(look: Look, fake: FakeCluster) -> None:
    service = {**named("prometheus"), "spec": {"selector": {"app": "prometheus-full"}, "ports": [{"port": 9090}]}}
    fake.lists("/api/v1/services", service)
    text = "datasources: [{name: P, type: prometheus, url: 'http://prometheus.monitoring:9090'}]"
    fake.lists(CONFIG_MAPS, {**named("source", labels={"grafana_datasource": "1"}), "data": {"a.yaml": text}})
    (reader,) = look()["readers"]
    assert (reader["kind"], reader["component"]) == ("grafana_data_source", FULL_ID)


def secret(password: str) -> dict[str, Any]:
    return {**named("grafana"), "data": {"admin-password": base64.b64encode(password.encode()).decode()}}


@pytest.fixture
def with_grafana(fake: FakeCluster) -> FakeCluster:
    reference = {"secretKeyRef": {"name": "grafana", "key": "admin-password"}}
    fake.lists(PODS, grafana(env=[{"name": "GF_SECURITY_ADMIN_PASSWORD", "valueFrom": reference}]))
    return fake


def test_a_well_known_password_is_told_but_not_which(look: Look, with_grafana: FakeCluster) -> None:
    with_grafana.has(GRAFANA_SECRET, secret("prom-operator"))
    facts = look()
    (credential,) = facts["credentials"]
    assert credential["subject"] == "Secret monitoring/grafana"
    assert "prom-operator" not in json.dumps(facts)


@pytest.mark.parametrize(
    "content", [secret(SECRET), named("grafana"), {**named("grafana"), "data": {"admin-password": "A"}}]
)
def test_a_password_of_its_own_is_not_told(look: Look, with_grafana: FakeCluster, content: dict[str, Any]) -> None:
    with_grafana.has(GRAFANA_SECRET, content)
    facts = look()
    assert facts["credentials"] == []
    assert base64.b64encode(SECRET.encode()).decode() not in json.dumps(facts)


def test_a_secret_that_is_not_there_is_no_problem(look: Look, with_grafana: FakeCluster) -> None:
    assert not [problem for problem in look()["unseen"] if "Secret" in problem["subject"]]


def test_a_secret_that_may_not_be_read_is_unseen(look: Look, with_grafana: FakeCluster) -> None:
    forbids(with_grafana, GRAFANA_SECRET)
    facts = look()
    assert facts["credentials"] == []
    assert "monitoring/grafana" in unseen(facts, "Secrets in cluster-02")["cause"]


# What is refused.


def test_a_cluster_that_cannot_be_reached_is_not_seen(look: Look, kubeconfig: Callable[..., str]) -> None:
    facts = look(kubeconfig=kubeconfig("http://127.0.0.1:1"))
    (problem,) = facts["unseen"]
    assert "cannot be reached" in problem["cause"]
    assert (facts["seen"], facts["cluster"], facts["components"]) == (False, "cluster-02", None)


def test_a_context_that_is_not_there_is_not_seen(look: Look) -> None:
    facts = look(context="cluster-99")
    assert facts["seen"] is False
    assert "there is no context cluster-99" in facts["unseen"][0]["cause"]


def test_credentials_that_are_refused_are_told_once(look: Look, fake: FakeCluster) -> None:
    fake.refuses("GET", KUBE_SYSTEM, 401, "Unauthorized", "Unauthorized")
    facts = look()
    assert (facts["seen"], len(facts["unseen"]), len(fake.requests)) == (False, 1, 1)


def test_what_is_no_api_server_is_not_seen(look: Look, fake: FakeCluster) -> None:
    fake.answers["GET", KUBE_SYSTEM] = (200, "<html>")
    assert look()["seen"] is False


def test_everything_that_is_known_of_a_cluster_is_null_where_it_is_not_seen(look: Look, fake: FakeCluster) -> None:
    seen = look()
    fake.refuses("GET", KUBE_SYSTEM, 401, "Unauthorized", "Unauthorized")
    assert set(look()) == set(seen)


def test_without_its_identity_a_cluster_is_looked_at_all_the_same(look: Look, fake: FakeCluster) -> None:
    forbids(fake, KUBE_SYSTEM)
    facts = look()
    assert (facts["seen"], facts["uid"], len(facts["components"])) == (True, None, 2)
    assert "which cluster this is" in unseen(facts, "namespaces kube-system")["cause"]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_kind_that_may_not_be_listed_is_named_with_what_that_hides(look: Look, fake: FakeCluster, kind: Any) -> None:
    forbids(fake, kind.resource.path(), kind.resource.path("monitoring"))
    facts = look()
    problem = unseen(facts, f"{kind.what} in cluster-02")
    assert problem["cause"] == f"the user may not list them, and does not see {kind.hides}"
    assert f"'list' on {kind.what}" in problem["fix"]


def test_what_may_be_listed_in_the_namespace_only_is_seen_there(look: Look, fake: FakeCluster) -> None:
    fake.lists("/api/v1/namespaces/monitoring/pods", prometheus("prometheus-agent"))
    forbids(fake, PODS)
    facts = look()
    assert component(facts, AGENT_ID)["pods"]
    assert facts["components_complete"] is False
    assert "in namespace monitoring only" in unseen(facts, "pods in cluster-02")["cause"]


def test_without_pods_workloads_are_told_and_asked_nothing(look: Look, fake: FakeCluster) -> None:
    forbids(fake, PODS, "/api/v1/namespaces/monitoring/pods")
    pod = prometheus("prometheus-agent")
    workload = stateful_set("prometheus-agent")
    workload["spec"]["template"] = {"metadata": {}, "spec": pod["spec"]}
    fake.lists("/apis/apps/v1/statefulsets", workload)
    facts = look()
    problem = component(facts, AGENT_ID)["prometheus"]["problem"]
    assert problem["cause"] == "it has no pods, or none that can be seen, so it could not be asked"
    assert (facts["leftovers"], facts["label_values"]) == (None, None)


def test_without_any_workload_it_is_unknown_what_runs(look: Look, fake: FakeCluster) -> None:
    names = {"Pod", "StatefulSet", "Deployment", "DaemonSet"}
    for kind in KINDS:
        if kind.name in names:
            forbids(fake, kind.resource.path(), kind.resource.path("monitoring"))
    assert look()["components"] is None


@pytest.mark.parametrize("answer", [refusal(403, "Forbidden", "no"), (200, "<html>"), (200, {"groups": None})])
def test_without_the_list_of_apis_every_kind_is_asked_for(look: Look, fake: FakeCluster, answer: Answer) -> None:
    fake.answers["GET", "/apis"] = answer
    assert len(look()["components"]) == 2
    assert {kind.resource.path() for kind in KINDS} <= set(fake.asked())


def test_an_api_server_that_fails_for_one_kind_shows_the_others(look: Look, fake: FakeCluster) -> None:
    fake.refuses("GET", "/apis/batch/v1/jobs", 500, "InternalError", "etcd: no leader")
    facts = look()
    assert "etcd: no leader" in unseen(facts, "jobs")["cause"]
    assert len(facts["components"]) == 2


def test_config_maps_that_may_not_be_listed_are_told_once(look: Look, fake: FakeCluster) -> None:
    forbids(fake, CONFIG_MAPS, COREDNS, "/api/v1/namespaces/monitoring/configmaps")
    assert "Grafana's data sources" in unseen(look(), "configmaps")["cause"]


# Kubelets.


def test_a_kubelet_that_may_not_be_asked_is_unseen(look: Look, fake: FakeCluster) -> None:
    forbids(fake, SUMMARY)
    facts = look()
    problem = unseen(facts, "Kubelet of node-1 in cluster-02")
    assert "how much memory, CPU and storage is in use" in problem["cause"]
    assert "nodes/proxy" in problem["fix"]
    assert facts["unseen"] == [problem]
    assert component(facts, AGENT_ID)["usage"] == {"memory": None, "cpu": None}


def test_a_metrics_server_tells_what_kubelets_do_not(look: Look, fake: FakeCluster) -> None:
    forbids(fake, SUMMARY)
    apis = ("apps/v1", "metrics.k8s.io/v1beta1")
    fake.has("/apis", {"groups": [{"versions": [{"groupVersion": api}]} for api in apis]})
    usage = {"name": "prometheus", "usage": {"cpu": "4568748n", "memory": "2Ki"}}
    fake.lists(METRICS_API, {**named("prometheus-agent-0"), "containers": [usage]})
    facts = look()
    assert component(facts, AGENT_ID)["usage"] == {"memory": 2048, "cpu": 0.004568748}
    assert "so how full volumes are" in unseen(facts, "Kubelet of node-1")["cause"]


def test_a_metrics_server_that_is_not_there_is_not_asked(look: Look, fake: FakeCluster) -> None:
    forbids(fake, SUMMARY)
    look()
    assert METRICS_API not in fake.asked()


def test_nodes_that_are_silent_for_one_reason_are_told_together(look: Look, fake: FakeCluster) -> None:
    other = prometheus("prometheus-full")
    other["spec"]["nodeName"] = "node-2"
    fake.lists(PODS, prometheus("prometheus-agent"), other)
    for node in ("node-1", "node-2"):
        fake.refuses("GET", f"/api/v1/nodes/{node}/proxy/stats/summary", 503, "ServiceUnavailable", "dial tcp")
    assert "it does not answer (HTTP 503)" in unseen(look(), "Kubelet of node-1, node-2")["cause"]


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=3),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["pods", "podRef", "containers", "memory", "volume", "pvcRef"]), inner)
        ),
        max_leaves=10,
    )
)
def test_no_summary_crashes_it(document: object) -> None:
    assert isinstance(audit_usage.of_summary(document), audit_usage.Used)


def test_what_a_kubelet_does_not_know_of_a_container_is_unknown() -> None:
    pod = {"podRef": {"name": "a", "namespace": "b"}, "containers": [{"name": "c", "memory": {}}]}
    assert audit_usage.of_summary({"pods": [pod]}).containers == {("b", "a", "c"): Amounts(None, None)}


# Servers.


@pytest.mark.parametrize("what", ["targets", "rules", "alertmanagers"])
def test_an_answer_that_is_missing_leaves_the_others(look: Look, fake: FakeCluster, what: str) -> None:
    fake.answers["GET", f"{FULL}/api/v1/{what}"] = (500, "panic")
    facts = look()
    full = component(facts, FULL_ID)["prometheus"]
    assert (full["answers"], full[what], full["series"]) == (True, None, 14541)
    assert f"so its {what} are not seen" in unseen(facts, "prometheus-full-0")["cause"]


def test_without_metrics_nothing_is_known_of_a_queue(look: Look, fake: FakeCluster) -> None:
    fake.answers["GET", f"{AGENT}/metrics"] = (404, "404 page not found")
    facts = look()
    (entry,) = component(facts, AGENT_ID)["prometheus"]["remote_write"]
    assert (entry["url"], entry["ever_delivered"]) == (URL, None)
    assert "does not answer with metrics" in unseen(facts, "prometheus-agent-0")["cause"]


def test_one_that_does_not_answer_is_told_and_asked_nothing_more(look: Look, fake: FakeCluster) -> None:
    message = "error trying to reach service: dial tcp 10.0.0.5:9090: connect: connection refused"
    fake.refuses("GET", f"{AGENT}/api/v1/status/config", 503, "ServiceUnavailable", message)
    facts = look()
    agent = component(facts, AGENT_ID)["prometheus"]
    assert agent["answers"] is False
    assert message in agent["problem"]["cause"]
    assert agent["problem"] in facts["unseen"]
    assert f"{AGENT}/metrics" not in fake.asked()
    # Its log may tell why.
    assert agent["log"] == ["T Failed to send batch, retrying: no such host"]


def test_the_proxy_of_pods_may_be_forbidden(look: Look, fake: FakeCluster) -> None:
    forbids(fake, f"{AGENT}/api/v1/status/config")
    problem = component(look(), AGENT_ID)["prometheus"]["problem"]
    assert "'get' on 'pods/proxy'" in problem["fix"]


def test_a_log_that_may_not_be_read_is_unseen(look: Look, fake: FakeCluster) -> None:
    forbids(fake, AGENT_LOG)
    facts = look()
    assert component(facts, AGENT_ID)["prometheus"]["log"] == []
    assert "what it complains about is not seen" in unseen(facts, "prometheus-agent-0/log")["cause"]


def test_a_log_is_read_of_the_container_that_is_the_agent(look: Look, fake: FakeCluster) -> None:
    look()
    (request,) = (request for request in fake.requests if request.path == AGENT_LOG)
    assert request.params == {"container": "prometheus", "tailLines": "500"}


def test_one_without_a_ready_pod_says_why_and_is_not_asked(look: Look, fake: FakeCluster) -> None:
    fake.lists(PODS, prometheus("prometheus-agent", **not_ready("CrashLoopBackOff")))
    agent = component(look(), AGENT_ID)["prometheus"]
    assert agent["problem"]["cause"] == "no pod of it is ready (CrashLoopBackOff), so it could not be asked"
    assert not [path for path in fake.asked() if path.startswith(AGENT)]


def test_one_that_is_scaled_to_no_pods_says_so(look: Look, fake: FakeCluster) -> None:
    workload = stateful_set("prometheus-full")
    pod = prometheus("prometheus-full")
    workload["spec"] |= {"replicas": 0, "template": {"metadata": {}, "spec": pod["spec"]}}
    fake.lists(PODS)
    fake.lists("/apis/apps/v1/statefulsets", workload)
    problem = component(look(), FULL_ID)["prometheus"]["problem"]
    assert problem["cause"] == "it is scaled to no pods, so it could not be asked"


def test_the_first_ready_pod_is_asked(look: Look, fake: FakeCluster) -> None:
    second = prometheus("prometheus-full")
    second["metadata"]["name"] = "prometheus-full-1"
    fake.lists(PODS, prometheus("prometheus-full", **not_ready("CrashLoopBackOff")), second)
    for path in [path for method, path in fake.answers if path.startswith(FULL)]:
        fake.answers["GET", path.replace("full-0", "full-1")] = fake.answers["GET", path]
    assert component(look(), FULL_ID)["prometheus"]["series"] == 14541
    assert not [path for path in fake.asked() if path.startswith(FULL)]


def test_one_that_speaks_tls_is_asked_by_https(look: Look, fake: FakeCluster) -> None:
    fake.answers["GET", f"{FULL}/api/v1/status/config"] = (400, "Client sent an HTTP request to an HTTPS server.\n")
    secure = FULL.replace("prometheus-full-0", "https:prometheus-full-0")
    fake.has(f"{secure}/api/v1/status/config", data({"yaml": FULL_CONFIG}))
    for name in ("status/flags", "targets", "rules", "alertmanagers"):
        fake.answers["GET", f"{secure}/api/v1/{name}"] = fake.answers["GET", f"{FULL}/api/v1/{name}"]
    fake.answers["GET", f"{secure}/metrics"] = fake.answers["GET", f"{FULL}/metrics"]
    facts = look()
    assert facts["unseen"] == []
    assert component(facts, FULL_ID)["prometheus"]["series"] == 14541


def test_port_and_prefix_are_those_of_its_flags(look: Look, fake: FakeCluster) -> None:
    flags = ("--web.listen-address=:9095", "--web.route-prefix=/prom")
    fake.lists(PODS, prometheus("prometheus-full", *flags))
    look()
    place = FULL.replace(":9090", ":9095")
    assert f"{place}/prom/api/v1/status/config" in fake.asked()


def test_a_configuration_that_cannot_be_read_leaves_the_rest(look: Look, fake: FakeCluster) -> None:
    fake.has(f"{FULL}/api/v1/status/config", data({"yaml": "a: [" + SECRET}))
    facts = look()
    full = component(facts, FULL_ID)["prometheus"]
    assert (full["external_labels"], full["remote_write"], full["series"]) == (None, None, 14541)
    assert "not YAML" in unseen(facts, "prometheus-full-0")["cause"]


@pytest.mark.parametrize("text", ["a: [", "a: !!python/object:os.system {}", "\x00", "[" * 5000])
def test_no_configuration_crashes_it(text: str) -> None:
    assert load_yaml(text) is None
