"""The module edge_info: what of Prometheus runs on an edge, from its objects to what Ansible reads."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml
from agent_texts import AUDITED, SECRET, YAML
from audit_objects import container, named, owned_by, pod, stateful_set, workload
from fake_cluster import FakeCluster, served

from ansible_collections.miribit.thanos.plugins.action import _edge_info as edge_info
from ansible_collections.miribit.thanos.plugins.module_utils.agent import change
from ansible_collections.miribit.thanos.plugins.module_utils.agent.edge import named as having_the_name
from ansible_collections.miribit.thanos.plugins.module_utils.kube import session
from ansible_collections.miribit.thanos.plugins.module_utils.remote_write.model import Spec
from ansible_collections.miribit.thanos.plugins.modules import _edge_info as documentation

Object = dict[str, Any]
Look = Callable[..., dict[str, Any]]

IMAGE = "quay.io/prometheus/prometheus:v2.48.0"
ARGS = ("--config.file=/etc/prometheus/prometheus.yml", "--enable-feature=agent")
MOUNTS = [{"name": "config", "mountPath": "/etc/prometheus"}]
VOLUMES = [{"name": "config", "configMap": {"name": "prometheus-agent-config"}}]
URL = "http://192.0.2.1:19291/api/v1/receive"

NAMESPACED = "/api/v1/namespaces/monitoring"
CONFIG_MAP = f"{NAMESPACED}/configmaps/prometheus-agent-config"
APPS = "/apis/apps/v1"
OPERATOR = "/apis/monitoring.coreos.com"
WORKLOADS = {
    "Pod": "/api/v1/pods",
    "Deployment": f"{APPS}/deployments",
    "DaemonSet": f"{APPS}/daemonsets",
    "ReplicaSet": f"{APPS}/replicasets",
    "StatefulSet": f"{APPS}/namespaces/monitoring/statefulsets",
    "PrometheusAgent": f"{OPERATOR}/v1alpha1/namespaces/monitoring/prometheusagents",
}


def prometheus(image: str = IMAGE, *args: str, **more: Any) -> Object:
    return container(image, *(args or ARGS), name="agent", volumeMounts=MOUNTS, **more)


def pods(one: Object, replicas: int = 1, **more: Any) -> list[Object]:
    owner = owned_by("StatefulSet", "prometheus-agent")
    spec = {"volumes": VOLUMES}
    return [pod(one, name=f"prometheus-agent-{n}", owner=owner, spec=spec, **more) for n in range(replicas)]


def stateful(one: Object, replicas: int = 1, **metadata: Any) -> Object:
    selector = {"matchLabels": {"part": "agent", "app": "prometheus-agent"}}
    made = workload("prometheus-agent", one, replicas=replicas, labels={"app": "prometheus-agent"}, **metadata)
    made["spec"]["selector"] = selector
    made["spec"]["template"]["spec"]["volumes"] = VOLUMES
    return made


@pytest.fixture
def fake() -> Iterator[FakeCluster]:
    """An edge with an agent by hand, exporters in a namespace of their own, and no operator."""
    fake = FakeCluster()
    has(fake, StatefulSet=[stateful(prometheus())], Pod=pods(prometheus()))
    fake.has(CONFIG_MAP, named("prometheus-agent-config", data={}) | {"data": {"prometheus.yml": AUDITED}})
    answers(fake)
    with served(fake):
        yield fake


def has(fake: FakeCluster, **objects: list[Object]) -> None:
    for kind in ("Pod", "Deployment", "DaemonSet", "ReplicaSet", "StatefulSet"):
        fake.lists(WORKLOADS[kind], *objects.get(kind, ()))


def answers(fake: FakeCluster, name: str = "prometheus-agent-0", version: str = "2.48.0", port: str = "9090") -> str:
    proxy = f"{NAMESPACED}/pods/{name}:{port}/proxy"
    labels = {"job": "node", "instance": "10.0.0.1:9100"}
    target = {"scrapeUrl": "http://10.0.0.1:9100/metrics?x=1", "labels": labels, "health": "up"}
    queue = f'{{remote_name="thanos",url="{URL}"}}'
    fake.has(f"{proxy}/api/v1/targets", {"status": "success", "data": {"activeTargets": [target]}})
    fake.has(f"{proxy}/api/v1/status/config", {"status": "success", "data": {"yaml": AUDITED}})
    fake.has(
        f"{proxy}/metrics",
        f'prometheus_build_info{{version="{version}"}} 1\n'
        f"prometheus_remote_storage_samples_total{queue} 10\n"
        f"prometheus_remote_storage_queue_highest_sent_timestamp_seconds{queue} 1000\n",
    )
    return proxy


@pytest.fixture
def look(run_action: Callable[..., Any], kubeconfig: Callable[..., str], fake: FakeCluster) -> Look:
    access = {"kubeconfig": kubeconfig(fake.url, ("cluster-03",)), "context": "cluster-03"}

    def run(**options: object) -> dict[str, Any]:
        result: dict[str, Any] = run_action(edge_info.ActionModule, {**access, "namespace": "monitoring", **options})
        return result

    return run


def agent(look: Look, **options: object) -> dict[str, Any]:
    """The only one."""
    (found,) = look(**options)["agents"]
    return dict(found)


# Without asking it.


def test_an_agent_is_found_by_what_it_runs(look: Look, fake: FakeCluster) -> None:
    found = look()
    assert (found["changed"], found["unseen"]) == (False, [])
    assert found["agents"] == [
        {
            "id": "StatefulSet monitoring/prometheus-agent [agent]",
            "kind": "prometheus_agent",
            "workload": {"kind": "StatefulSet", "namespace": "monitoring", "name": "prometheus-agent"},
            "container": "agent",
            "image": IMAGE,
            "version": "2.48.0",
            "replicas": {"wanted": 1, "ready": 1},
            "selector": "app=prometheus-agent,part=agent",
            "pods": [
                {
                    "name": "prometheus-agent-0",
                    "node": "node-1",
                    "phase": "Running",
                    "ready": True,
                    "restarts": 0,
                    "reason": None,
                }
            ],
            "labels": {},
            "owner": {
                "kind": "none",
                "namespace": None,
                "name": None,
                "chart": None,
                "chart_version": None,
                "custom_resource": None,
            },
            "command": [],
            "args": list(ARGS),
            "annotations": {},
            "volumes": ["config"],
            "config": {
                "kind": "ConfigMap",
                "namespace": "monitoring",
                "name": "prometheus-agent-config",
                "key": "prometheus.yml",
            },
        }
    ]
    assert not any("proxy" in path or "configmaps" in path for path in fake.asked())


def test_full_servers_exporters_and_the_operator_are_told_apart(look: Look, fake: FakeCluster) -> None:
    images = (
        "quay.io/prometheus/node-exporter:v1.7.0",
        "registry.k8s.io/kube-state-metrics/kube-state-metrics:v2.10.1",
        "quay.io/prometheus-operator/prometheus-operator:v0.85.0",
        "quay.io/prometheus/alertmanager:v0.28.0",
        "docker.io/grafana/grafana:12.0.0",
    )
    others = [workload(f"d{n}", container(image), namespace="other") for n, image in enumerate(images)]
    full = stateful_set("full", container(IMAGE, "--storage.tsdb.path=/data", "--config.file=/etc/p.yml"))
    has(fake, Deployment=others, StatefulSet=full["StatefulSet"], Pod=full["Pod"])
    found = look()
    ids = {
        name: [one["id"] for one in found[name]] for name in found if isinstance(found[name], list) and name != "nodes"
    }
    assert ids == {
        "agents": [],
        "servers": ["StatefulSet monitoring/full [main]"],
        "node_exporters": ["Deployment other/d0 [main]"],
        "kube_state_metrics": ["Deployment other/d1 [main]"],
        "operators": ["Deployment other/d2 [main]"],
        "alertmanagers": ["Deployment other/d3 [main]"],
        "grafanas": ["Deployment other/d4 [main]"],
        "unseen": [],
    }
    assert "args" not in found["node_exporters"][0]
    assert found["servers"][0]["args"][0] == "--storage.tsdb.path=/data"


def test_agents_of_other_namespaces_are_not_those_of_the_fleet(look: Look, fake: FakeCluster) -> None:
    has(fake, Deployment=[workload("agent", prometheus(), namespace="other")])
    found = look()
    assert (found["agents"], found["servers"]) == ([], [])


def test_an_agent_that_the_operator_makes_names_its_custom_resource(look: Look, fake: FakeCluster) -> None:
    owner = owned_by("PrometheusAgent", "edge")
    has(fake, StatefulSet=[stateful(prometheus(), ownerReferences=owner)], Pod=pods(prometheus()))
    fake.lists(WORKLOADS["PrometheusAgent"], named("edge"))
    found = agent(look)
    assert found["owner"]["custom_resource"] == {"kind": "PrometheusAgent", "namespace": "monitoring", "name": "edge"}
    assert having_the_name([found], "edge") == having_the_name([found], "prometheus-agent") == [found]
    assert having_the_name([found], "other") == []


def test_what_is_written_counts_where_a_pod_differs(look: Look, fake: FakeCluster) -> None:
    """An older pod, or one that a webhook has given another registry."""
    mirrored = prometheus(f"mirror.example/{IMAGE}", "--enable-feature=agent", "--config.file=/etc/old/a.yml")
    wanted = prometheus(command=["/bin/prometheus"])
    has(fake, StatefulSet=[stateful(wanted)], Pod=pods(mirrored))
    found = agent(look)
    assert (found["image"], found["args"], found["command"]) == (IMAGE, list(ARGS), ["/bin/prometheus"])
    assert found["config"]["key"] == "prometheus.yml"


def test_the_version_is_that_of_the_image_that_is_wanted(look: Look, fake: FakeCluster) -> None:
    newer = IMAGE.replace("2.48.0", "3.15.0")
    has(fake, StatefulSet=[stateful(prometheus(newer))], Pod=pods(prometheus()))
    assert agent(look, texts=True)["version"] == "3.15.0"


@pytest.mark.parametrize("key", ["configMap", "secret"])
def test_a_whole_folder_has_no_key(look: Look, fake: FakeCluster, key: str) -> None:
    one = prometheus(IMAGE, "--config.file=/etc/prometheus", "--enable-feature=agent")
    wanted = stateful(one)
    name = {"configMap": "name", "secret": "secretName"}[key]
    wanted["spec"]["template"]["spec"]["volumes"] = [{"name": "config", key: {name: "a"}}]
    has(fake, StatefulSet=[wanted])
    found = agent(look, texts=True)
    assert (found["config"]["name"], found["config"]["key"]) == ("a", None)
    assert "text" not in found


def test_a_configuration_that_is_not_mounted_is_unknown(look: Look, fake: FakeCluster) -> None:
    one = prometheus(IMAGE, "--config.file=/elsewhere/a.yml", "--enable-feature=agent")
    has(fake, StatefulSet=[stateful(one)])
    assert agent(look, texts=True)["config"] is None


def test_a_pod_alone_is_its_own_workload(look: Look, fake: FakeCluster) -> None:
    has(fake, Pod=[pod(prometheus(), name="lonely", spec={"volumes": VOLUMES})])
    found = agent(look)
    assert (found["workload"]["kind"], found["selector"], found["args"]) == ("Pod", "", list(ARGS))


# Asking it.


def test_its_active_targets_are_returned(look: Look, fake: FakeCluster) -> None:
    found = agent(look, targets=True)
    assert found["targets"] == [
        {
            "address": "10.0.0.1:9100",
            "path": "/metrics",
            "params": {"x": ["1"]},
            "job": "node",
            "health": "up",
            "namespace": None,
            "pod": None,
            "labels": {"job": "node", "instance": "10.0.0.1:9100"},
        }
    ]
    assert {"text", "running"}.isdisjoint(found)
    (asked,) = [request for request in fake.requests if request.path.endswith("/api/v1/targets")]
    assert asked.params == {"state": "active"}


def test_the_addresses_of_its_nodes_are_those_that_pods_name(look: Look, fake: FakeCluster) -> None:
    (pod,) = pods(prometheus())
    pod["status"] |= {"hostIP": "10.0.0.1", "hostIPs": [{"ip": "10.0.0.1"}, {"ip": "fd00::1"}]}
    fake.lists(WORKLOADS["Pod"], pod, {**named("other"), "status": {}})
    assert look()["nodes"] == ["10.0.0.1", "fd00::1"]


def test_without_the_pods_of_all_namespaces_its_nodes_are_unknown(look: Look, fake: FakeCluster) -> None:
    fake.refuses("GET", WORKLOADS["Pod"], 403, "Forbidden", "no")
    fake.lists(f"{NAMESPACED}/pods", *pods(prometheus()))
    assert look()["nodes"] is None


def test_its_configuration_is_returned_as_it_is_written_and_as_it_is_loaded(look: Look) -> None:
    found = agent(look, texts=True)
    assert (found["text"], found["immutable"], found["config_owner"]["kind"]) == (AUDITED, False, "none")
    queues = [{"name": "thanos", "url": URL, "tried": False, "ever_accepted": True}]
    assert found["running"] == [{"pod": "prometheus-agent-0", "text": AUDITED, "version": "2.48.0", "queues": queues}]
    assert "targets" not in found


def test_an_image_without_a_version_has_that_of_its_process(look: Look, fake: FakeCluster) -> None:
    one = prometheus("registry.example/prometheus:edge")
    has(fake, StatefulSet=[stateful(one)], Pod=pods(one))
    assert agent(look)["version"] is None
    assert agent(look, texts=True)["version"] == "2.48.0"


def test_a_tag_that_lies_is_corrected_by_the_process(look: Look, fake: FakeCluster) -> None:
    answers(fake, version="2.55.1")
    assert agent(look, texts=True)["version"] == "2.55.1"


def test_every_ready_pod_is_asked_and_no_other(look: Look, fake: FakeCluster) -> None:
    answers(fake, "prometheus-agent-1")
    has(fake, StatefulSet=[stateful(prometheus(), 2)], Pod=pods(prometheus(), 2))
    found = agent(look, targets=True, texts=True)
    assert len(found["targets"]) == 2
    assert [one["pod"] for one in found["running"]] == ["prometheus-agent-0", "prometheus-agent-1"]
    has(fake, StatefulSet=[stateful(prometheus(), 2)], Pod=pods(prometheus(), 2, ready=False))
    found = agent(look, targets=True, texts=True)
    assert (found["targets"], found["running"], found["version"]) == (None, [], "2.48.0")


def test_an_agent_that_speaks_tls_is_asked_so(look: Look, fake: FakeCluster) -> None:
    proxy = answers(fake, port="9090")
    tls = f"{NAMESPACED}/pods/https:prometheus-agent-0:9090/proxy"
    for (method, path), answer in list(fake.answers.items()):
        if path.startswith(proxy):
            fake.answers[method, path.replace(proxy, tls)] = answer
            fake.answers[method, path] = (400, "Client sent an HTTP request to an HTTPS server.\n")
    assert len(agent(look, targets=True)["targets"]) == 1


@pytest.mark.parametrize("path", ["api/v1/targets", "api/v1/status/config"])
def test_an_agent_that_does_not_answer_is_told_and_the_rest_is_returned(
    look: Look, fake: FakeCluster, path: str
) -> None:
    fake.refuses("GET", f"{NAMESPACED}/pods/prometheus-agent-0:9090/proxy/{path}", 503, "ServiceUnavailable", "no")
    found = look(targets=True, texts=True)
    (one,) = found["agents"]
    assert (one["running"], one["text"]) == ([], AUDITED)
    assert found["unseen"]


def test_an_agent_without_metrics_tells_no_queues(look: Look, fake: FakeCluster) -> None:
    del fake.answers["GET", f"{NAMESPACED}/pods/prometheus-agent-0:9090/proxy/metrics"]
    (one,) = agent(look, texts=True)["running"]
    assert (one["text"], one["version"], one["queues"]) == (AUDITED, None, [])


# Where its configuration is written.


def test_a_configuration_in_a_secret_is_decoded(look: Look, fake: FakeCluster) -> None:
    wanted = stateful(prometheus())
    wanted["spec"]["template"]["spec"]["volumes"] = [{"name": "config", "secret": {"secretName": "agent"}}]
    has(fake, StatefulSet=[wanted])
    data = {"prometheus.yml": base64.b64encode(AUDITED.encode()).decode()}
    fake.has(f"{NAMESPACED}/secrets/agent", {**named("agent"), "data": data, "immutable": True})
    found = agent(look, texts=True)
    assert (found["config"]["kind"], found["text"], found["immutable"]) == ("Secret", AUDITED, True)


@pytest.mark.parametrize("item", [None, {}, {"data": {"other.yml": ""}}])
def test_a_configuration_that_is_missing_is_null(look: Look, fake: FakeCluster, item: Object | None) -> None:
    del fake.answers["GET", CONFIG_MAP]
    if item is not None:
        fake.has(CONFIG_MAP, {**named("prometheus-agent-config"), **item})
    found = agent(look, texts=True)
    assert (found["text"], found["config_owner"], found["immutable"]) == (None, None, False)


def test_an_empty_configuration_is_a_text(look: Look, fake: FakeCluster) -> None:
    fake.has(CONFIG_MAP, {**named("prometheus-agent-config"), "data": {"prometheus.yml": ""}})
    assert agent(look, texts=True)["text"] == ""


def test_who_owns_the_configuration_is_told(look: Look, fake: FakeCluster) -> None:
    annotations = {"meta.helm.sh/release-name": "agent", "meta.helm.sh/release-namespace": "monitoring"}
    item = named("prometheus-agent-config", annotations=annotations)
    fake.has(CONFIG_MAP, {**item, "data": {"prometheus.yml": AUDITED}})
    owner = agent(look, texts=True)["config_owner"]
    assert (owner["kind"], owner["name"]) == ("helm", "agent")


# What may not be seen.


@pytest.mark.parametrize("kind", ["Pod", "Deployment", "DaemonSet", "ReplicaSet"])
def test_what_may_not_be_listed_everywhere_is_listed_in_the_namespace(look: Look, fake: FakeCluster, kind: str) -> None:
    path = WORKLOADS[kind]
    plural = path.rpartition("/")[2]
    inside = path.replace(f"/{plural}", f"/namespaces/monitoring/{plural}")
    fake.answers["GET", inside] = fake.answers["GET", path]
    fake.refuses("GET", path, 403, "Forbidden", f"{plural} is forbidden")
    found = look()
    assert len(found["agents"]) == 1
    (unseen,) = found["unseen"]
    assert unseen == {
        "subject": f"{plural} in context cluster-03",
        "cause": "the user may not list them in all namespaces, so what is in others than monitoring is not seen",
        "fix": f"allow the user the verb 'list' on {plural} in the whole cluster",
    }


def test_what_may_not_be_listed_in_the_namespace_either_is_a_problem(look: Look, fake: FakeCluster) -> None:
    fake.refuses("GET", WORKLOADS["Pod"], 403, "Forbidden", "pods is forbidden")
    fake.refuses("GET", f"{NAMESPACED}/pods", 403, "Forbidden", "pods is forbidden here")
    found = look()
    assert found["failed"]
    assert found["problems"][0]["cause"] == "the API server forbids it: pods is forbidden here"


@pytest.mark.parametrize(
    ("path", "status"),
    [(WORKLOADS["StatefulSet"], 403), (WORKLOADS["Pod"], 500), (WORKLOADS["PrometheusAgent"], 403), (CONFIG_MAP, 403)],
)
def test_any_other_refusal_is_a_problem(look: Look, fake: FakeCluster, path: str, status: int) -> None:
    fake.refuses("GET", path, status, "Refused", "because")
    found = look(texts=True)
    assert found["failed"]
    assert "because" in found["msg"]


def test_a_cluster_that_cannot_be_reached_is_a_problem(
    run_action: Callable[..., Any], kubeconfig: Callable[..., str]
) -> None:
    access = {"kubeconfig": kubeconfig("http://127.0.0.1:1", ("gone",)), "context": "gone"}
    assert "cannot be reached" in run_action(edge_info.ActionModule, {**access, "namespace": "monitoring"})["msg"]


def test_a_missing_library_is_named(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "HAS_KUBERNETES", False)
    assert "kubernetes" in look()["msg"]


# Both together.


def test_what_is_returned_is_what_a_change_is_planned_from(look: Look) -> None:
    spec = Spec("http://192.168.101.210:19291/api/v1/receive", {"cluster": "cluster-03"}, access={})
    edge = look(targets=True, texts=True)
    made = change.plan(edge, change.Wish(spec), change.Remembered(), YAML)
    assert made.state == "out_of_sync"
    back = change.back(edge, change.Remembered.of(made.rollback), YAML)
    assert back.state == "in_sync"


def test_what_is_documented_is_what_is_returned(look: Look) -> None:
    documented = yaml.safe_load(documentation.RETURN)
    found = look(targets=True, texts=True)
    assert set(found) - {"changed", "invocation"} == set(documented) - {"problems"}
    assert set(found["agents"][0]) == set(documented["agents"]["contains"])


def test_texts_are_returned_only_where_they_are_asked_for(look: Look, fake: FakeCluster) -> None:
    text = AUDITED + f"    basic_auth: {{username: a, password: {SECRET}}}\n"
    fake.has(CONFIG_MAP, {**named("prometheus-agent-config"), "data": {"prometheus.yml": text}})
    assert SECRET not in json.dumps(look(targets=True))
    assert SECRET in json.dumps(look(texts=True))


def test_nothing_is_written(look: Look, fake: FakeCluster) -> None:
    look(targets=True, texts=True)
    assert {request.method for request in fake.requests} == {"GET"}
