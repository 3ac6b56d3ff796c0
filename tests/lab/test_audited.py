"""The state `audited`: what runs where, what is scraped, what the agents suffer from, and that it never differs."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode

import pytest
from inside import CLUSTERS, apply, eventually, get, kubectl, lab

from lab import history

EDGES = CLUSTERS[1:]
#: The number of nodes of each cluster.
NODES = {"cluster-01": 1, "cluster-02": 2, "cluster-03": 1, "cluster-04": 1}
STACK = "kube-prometheus-stack"
FULL = f"prometheus-{STACK}-prometheus-0"
BLOCKS = history.DAYS * 12 + 1  # of two hours each, and what has passed of the present two


@pytest.fixture(scope="module", autouse=True)
def audited() -> None:
    lab("reset", "audited")


def everywhere(question: Callable[[str], Any], clusters: tuple[str, ...] = CLUSTERS) -> dict[str, Any]:
    """The answer of each cluster, all asked at once."""
    with ThreadPoolExecutor() as pool:
        return dict(zip(clusters, pool.map(question, clusters), strict=True))


def ask(cluster: str, path: str, pod: str = FULL, namespace: str = "monitoring", **parameters: str) -> Any:
    """The `data` of an answer of a Prometheus, asked through the API server."""
    query = f"?{urlencode(parameters)}" if parameters else ""
    raw = f"/api/v1/namespaces/{namespace}/pods/{pod}:9090/proxy/api/v1/{path}{query}"
    return json.loads(kubectl(cluster, "get", f"--raw={raw}"))["data"]


def query(cluster: str, expression: str) -> list[dict[str, Any]]:
    result: list[dict[str, Any]] = ask(cluster, "query", query=expression)["result"]
    return result


def metric(cluster: str, name: str, pod: str = "prometheus-agent-0") -> float:
    """The sum of a metric of the agent itself, which answers no queries."""
    text = kubectl(cluster, "get", f"--raw=/api/v1/namespaces/monitoring/pods/{pod}:9090/proxy/metrics")
    return sum(float(value) for value in re.findall(rf"^{name}(?:{{.*}})? (\S+)$", text, re.MULTILINE))


def targets(cluster: str, pod: str = FULL, namespace: str = "monitoring") -> dict[str, int]:
    """How many targets each job has once all of them are up, or after a minute and a half."""

    def active() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = ask(cluster, "targets", pod, namespace, state="active")["activeTargets"]
        return found

    eventually(lambda: (found := active()) and all(target["health"] == "up" for target in found), seconds=90)
    found = active()
    assert [target for target in found if target["health"] != "up"] == []
    return dict(Counter(target["labels"]["job"] for target in found))


def full_targets(cluster: str) -> dict[str, int]:
    """What the Full Prometheus of a cluster has to scrape."""
    nodes, replicas = NODES[cluster], 1 if cluster in EDGES else 2
    expected = {
        "apiserver": 1,
        "coredns": 1,
        "kube-state-metrics": 1,
        "kubelet": 3 * nodes,
        "node-exporter": nodes,
        f"{STACK}-operator": 1,
        f"{STACK}-prometheus": 2 * replicas,
        f"{STACK}-alertmanager": 2,
    }
    if cluster == "cluster-03":
        expected["shop"] = 2
    if cluster not in EDGES:
        expected[f"{STACK}-thanos-discovery"] = replicas
        for edge in EDGES:
            expected |= {f"{edge}-kubelet": NODES[edge], f"{edge}-kubelet-cadvisor": NODES[edge]}
    return expected


def agent_targets(cluster: str) -> dict[str, int]:
    nodes = NODES[cluster]
    return {"cadvisor": nodes, "kube-state-metrics": 1, "kubelet": nodes, "node-exporter": nodes}


def workloads(cluster: str, namespace: str = "monitoring") -> set[str]:
    items = get(cluster, "deployments,daemonsets,statefulsets", f"--namespace={namespace}")["items"]
    return {f"{item['kind']} {item['metadata']['name']}" for item in items}


def releases(cluster: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(
        lab("exec", "helm", f"--kube-context={cluster}", "list", "--all-namespaces", "--output=json")
    )
    return found


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_helm_lists_the_release_as_deployed(cluster: str) -> None:
    (release,) = releases(cluster)
    expected = {"name": STACK, "namespace": "monitoring", "status": "deployed", "chart": f"{STACK}-78.2.1"}
    assert expected.items() <= release.items()


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_what_runs_where(cluster: str) -> None:
    expected = {
        f"Deployment {STACK}-operator",
        f"Deployment {STACK}-kube-state-metrics",
        f"DaemonSet {STACK}-prometheus-node-exporter",
        f"StatefulSet prometheus-{STACK}-prometheus",
        f"StatefulSet alertmanager-{STACK}-alertmanager",
    }
    expected |= {"StatefulSet prometheus-agent"} if cluster in EDGES else set()
    expected |= {"Deployment prometheus-adapter"} if cluster == "cluster-04" else set()
    assert workloads(cluster) == expected


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_a_full_prometheus_has_its_three_containers_its_retention_and_its_volume(cluster: str) -> None:
    pod = get(cluster, "pod", FULL, "--namespace=monitoring")
    containers = {container["name"]: container for container in pod["spec"]["containers"]}
    assert set(containers) == {"prometheus", "config-reloader", "thanos-sidecar"}
    assert "--storage.tsdb.retention.time=15d" in containers["prometheus"]["args"]
    uploads = any(argument.startswith("--objstore.config") for argument in containers["thanos-sidecar"]["args"])
    assert uploads == (cluster not in EDGES)
    claims = {item["metadata"]["name"]: item for item in get(cluster, "pvc", "--namespace=monitoring")["items"]}
    sizes = {name: item["spec"]["resources"]["requests"]["storage"] for name, item in claims.items()}
    name = f"prometheus-{STACK}-prometheus"
    expected = {f"{name}-db-{name}-{number}": "20Gi" for number in range(1 if cluster in EDGES else 2)}
    expected |= {f"alertmanager-{STACK}-alertmanager-db-alertmanager-{STACK}-alertmanager-0": "2Gi"}
    expected |= {"data-prometheus-agent-0": "5Gi"} if cluster in EDGES else {}
    assert sizes == expected
    assert {item["spec"]["storageClassName"] for item in claims.values()} == {"longhorn"}


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_a_full_prometheus_writes_to_nobody_and_evaluates_the_release_s_rules(cluster: str) -> None:
    assert "remote_write" not in ask(cluster, "status/config")["yaml"]
    groups = ask(cluster, "rules")["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert len(rules) == 23
    assert eventually(lambda: all(r["health"] == "ok" for g in ask(cluster, "rules")["groups"] for r in g["rules"]))


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_grafana_s_test_pod_is_left_in_error(cluster: str) -> None:
    pod = get(cluster, "pod", f"{STACK}-grafana-test", "--namespace=monitoring")
    assert pod["status"]["phase"] == "Failed"
    assert pod["metadata"]["annotations"]["helm.sh/hook"] == "test"


def test_every_prometheus_has_exactly_its_targets_and_all_are_up() -> None:
    assert everywhere(targets) == {cluster: full_targets(cluster) for cluster in CLUSTERS}
    second = targets("cluster-01", FULL.removesuffix("0") + "1")
    assert second == full_targets("cluster-01")


def test_every_agent_has_exactly_its_targets_and_all_are_up() -> None:
    found = everywhere(lambda edge: targets(edge, "prometheus-agent-0"), EDGES)
    assert found == {edge: agent_targets(edge) for edge in EDGES}


@pytest.mark.parametrize("edge", EDGES)
def test_an_agent_is_configured_as_the_audit_found_it(edge: str) -> None:
    stateful_set = get(edge, "statefulset", "prometheus-agent", "--namespace=monitoring")
    (container,) = stateful_set["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "quay.io/prometheus/prometheus:v2.48.0"
    assert "--enable-feature=agent" in container["args"]
    config = ask(edge, "status/config", "prometheus-agent-0")["yaml"]
    for line in (f"cluster: {edge}", "region: edge", "capacity: 10000", "max_shards: 10", "max_samples_per_send: 5000"):
        assert line in config


@pytest.mark.parametrize("edge", EDGES)
def test_an_agent_delivers_nothing_because_the_name_does_not_resolve(edge: str) -> None:
    def lag() -> float:
        newest = metric(edge, "prometheus_remote_storage_highest_timestamp_in_seconds")
        return newest - metric(edge, "prometheus_remote_storage_queue_highest_sent_timestamp_seconds")

    assert eventually(lambda: metric(edge, "prometheus_remote_storage_samples_retried_total") > 0, seconds=90)
    log = kubectl(edge, "logs", "--namespace=monitoring", "prometheus-agent-0")
    assert "lookup thanos-receiver.monitoring.svc.cluster-01.local" in log
    assert "no such host" in log
    first = metric(edge, "prometheus_remote_storage_samples_pending"), lag()
    assert first[0] > 0
    assert eventually(lambda: lag() > first[1]), "the backlog grows"
    assert metric(edge, "prometheus_remote_storage_queue_highest_sent_timestamp_seconds") == 0


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_nothing_of_the_past_is_missing_and_every_old_sample_has_its_own_value(cluster: str) -> None:
    series = query(cluster, "lab_history[4d]")
    assert {item["metric"]["origin"] for item in series} == {cluster}
    assert len(series) == history.SERIES
    for item in series:
        assert len(item["values"]) == history.DAYS * 86400 // history.STEP
        assert all(float(value) == moment for moment, value in item["values"])


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_cadvisor_knows_each_container_once_and_nothing_of_other_clusters(cluster: str) -> None:
    def series(filters: str) -> list[dict[str, str]]:
        expression = f'container_memory_working_set_bytes{{job="kubelet",{filters}}}'
        return [item["metric"] for item in query(cluster, expression)]

    pods = get(cluster, "pods", "--all-namespaces", "--field-selector=status.phase=Running")["items"]
    expected = Counter(
        (pod["metadata"]["namespace"], pod["metadata"]["name"], container["name"])
        for pod in pods
        for container in pod["spec"]["containers"]
    )

    def containers() -> Counter[tuple[str, str, str]]:
        return Counter((one["namespace"], one["pod"], one["container"]) for one in series('container!=""'))

    assert eventually(lambda: containers() == expected, seconds=90), containers()
    assert series(f'id!~"/miribit-lab/{cluster}/.*"') == []


def test_the_central_sidecars_upload_behind_their_load_balancer() -> None:
    service = get("cluster-01", "service", f"{STACK}-thanos-external", "--namespace=monitoring")
    assert service["status"]["loadBalancer"]["ingress"][0]["ip"] == "192.168.101.211"
    assert {port["port"] for port in service["spec"]["ports"]} == {10901, 10902}

    def uploaded() -> float:
        raw = f"/api/v1/namespaces/monitoring/pods/{FULL}:10902/proxy/metrics"
        text = kubectl("cluster-01", "get", f"--raw={raw}")
        return sum(map(float, re.findall(r"^thanos_shipper_uploads_total (\S+)$", text, re.MULTILINE)))

    assert eventually(lambda: uploaded() >= BLOCKS - 1, seconds=120)


def test_an_autoscaler_reads_the_full_prometheus_of_cluster_04() -> None:
    def current() -> Any:
        scaler = get("cluster-04", "horizontalpodautoscaler", "checkout", "--namespace=checkout")
        return (
            (scaler["status"].get("currentMetrics") or [{}])[0].get("pods", {}).get("current", {}).get("averageValue")
        )

    assert eventually(current, seconds=120)


def test_the_tenants_of_cluster_02_have_their_nodes_and_quotas() -> None:
    places = {}
    for tenant in ("tenant-a", "tenant-b"):
        (pod,) = get("cluster-02", "pods", f"--namespace={tenant}")["items"]
        places[tenant] = pod["spec"]["nodeName"]
        quota = get("cluster-02", "resourcequota", tenant, f"--namespace={tenant}")
        assert quota["status"]["used"]["pods"] == "1"
    assert places == {"tenant-a": "cluster-02-node-01", "tenant-b": "cluster-02-node-02"}


def test_the_whole_lab_stays_below_its_memory() -> None:
    table = lab("status")
    assert int(table.rsplit(" MiB in all", 1)[0].rsplit(" ", 1)[1]) < 7 * 1024


def picture(cluster: str) -> dict[str, Any]:
    """All that has to be the same after every reset: objects, targets, and series that were counted."""
    kinds = kubectl(cluster, "api-resources", "--verbs=list", "--output=name").split()
    # What is named or kept by chance: MetalLB's status objects, events, measurements.
    left_out = ("statuses", "events", "leases", "endpointslices", "replicasets", "revisions", "metrics.k8s.io")
    wanted = ",".join(kind for kind in kinds if not any(word in kind for word in left_out))
    names = kubectl(cluster, "get", wanted, "--all-namespaces", "--output=name", "--ignore-not-found").splitlines()
    found = {"objects": sorted(names), "targets": targets(cluster)}
    found["alerts"] = len(ask(cluster, "rules", type="alert")["groups"])
    if cluster in EDGES:
        found["agent"] = targets(cluster, "prometheus-agent-0")
    counts = {
        # What objects are, not what they are going through.
        "kube-state-metrics": (
            'count({job="kube-state-metrics",__name__=~"kube_.+_(created|info|owner|spec_.+|replicas|resource_.+)"})'
        ),
        "pods by cAdvisor": 'count(container_memory_working_set_bytes{job="kubelet",container!=""})',
        "history": "sum(count_over_time(lab_history[4d]))",
    }
    found["counts"] = {name: query(cluster, expression)[0]["value"][1] for name, expression in counts.items()}
    return found


def settled(cluster: str) -> dict[str, Any]:
    """Return the picture once it stays the same for a scrape interval: cAdvisor counts containers late."""
    first = picture(cluster)
    for _attempt in range(6):
        time.sleep(35)
        again = picture(cluster)
        if again == first:
            break
        first = again
    return first


@pytest.mark.long
def test_the_state_is_the_same_three_times_in_a_row_whatever_it_was_before() -> None:
    first = everywhere(settled)
    for disturb in (_delete_things, _add_things):
        disturb()
        lab("reset", "audited")
        again = everywhere(settled)
        for cluster in CLUSTERS:
            assert again[cluster] == first[cluster]


def _delete_things() -> None:
    kubectl("cluster-03", "delete", "namespace", "monitoring", "--wait=false")
    lab("exec", "helm", "--kube-context=cluster-02", "uninstall", STACK, "--namespace=monitoring")


def _add_things() -> None:
    apply("cluster-04", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "left-over"}})


@pytest.fixture(scope="module")
def variants() -> None:
    """Every other shape at once, a cluster each."""
    wishes = ("cluster-01=argocd", "cluster-02=renamed", "cluster-03=no-helm", "cluster-04=operator-agent")
    lab("reset", "audited", *(part for wish in wishes for part in ("--variant", wish)))


@pytest.mark.long
@pytest.mark.usefixtures("variants")
def test_variant_argocd_has_its_marks_and_no_release() -> None:
    assert releases("cluster-01") == []
    prometheus = get("cluster-01", "prometheus", f"{STACK}-prometheus", "--namespace=monitoring")["metadata"]
    tracking = f"{STACK}:monitoring.coreos.com/Prometheus:monitoring/{STACK}-prometheus"
    assert prometheus["annotations"]["argocd.argoproj.io/tracking-id"] == tracking
    assert prometheus["labels"]["argocd.argoproj.io/instance"] == STACK
    assert targets("cluster-01") == full_targets("cluster-01")


@pytest.mark.long
@pytest.mark.usefixtures("variants")
def test_variant_renamed_has_another_release_and_another_namespace() -> None:
    (release,) = releases("cluster-02")
    assert {"name": "obs", "namespace": "observability", "status": "deployed"}.items() <= release.items()
    found = targets("cluster-02", f"prometheus-obs-{STACK}-prometheus-0", "observability")
    expected = {job.replace(STACK, f"obs-{STACK}"): count for job, count in full_targets("cluster-02").items()}
    assert found == expected
    assert targets("cluster-02", "prometheus-agent-0", "observability") == agent_targets("cluster-02")


@pytest.mark.long
@pytest.mark.usefixtures("variants")
def test_variant_no_helm_is_plain_custom_resources() -> None:
    assert releases("cluster-03") == []
    prometheus = get("cluster-03", "prometheus", f"{STACK}-prometheus", "--namespace=monitoring")["metadata"]
    assert not {"app.kubernetes.io/managed-by", "heritage", "chart"} & set(prometheus["labels"])
    assert "annotations" not in prometheus
    assert targets("cluster-03") == full_targets("cluster-03")


@pytest.mark.long
@pytest.mark.usefixtures("variants")
def test_variant_operator_agent_runs_as_a_prometheus_agent_of_the_operator() -> None:
    assert "StatefulSet prom-agent-edge" in workloads("cluster-04")
    assert "StatefulSet prometheus-agent" not in workloads("cluster-04")
    assert targets("cluster-04", "prom-agent-edge-0") == full_targets("cluster-04")
    assert eventually(
        lambda: metric("cluster-04", "prometheus_remote_storage_samples_retried_total", "prom-agent-edge-0") > 0,
        seconds=90,
    )
