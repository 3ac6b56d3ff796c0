"""What the fleet runs, runs here: an operator makes a Prometheus with a volume, and the collection asks it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from inside import CHECKOUT, LAB, apply, eventually, get, kubectl, lab, run, service

from lab.lifecycle import TOOLS
from lab.paths import KUBECONFIG

pytestmark = pytest.mark.usefixtures("empty")

CLUSTER = "cluster-04"


@pytest.fixture(scope="module")
def prometheus(empty: None) -> None:
    """prometheus-operator from its module's own manifest, and a Prometheus that scrapes itself."""
    bundle = Path(TOOLS / "share" / "prometheus-operator.yaml").read_text()
    kubectl(CLUSTER, "apply", "--server-side", "--filename=-", stdin=bundle)
    kubectl(CLUSTER, "wait", "--for=condition=Established", "crd/prometheuses.monitoring.coreos.com", "--timeout=60s")
    kubectl(CLUSTER, "rollout", "status", "deployment/prometheus-operator", "--timeout=120s")
    scrape = "- job_name: self\n  scrape_interval: 2s\n  static_configs: [{targets: ['localhost:9090']}]\n"
    apply(
        CLUSTER,
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "scrape", "namespace": "default"},
            "stringData": {"jobs.yaml": scrape},
        },
        {
            "apiVersion": "monitoring.coreos.com/v1",
            "kind": "Prometheus",
            "metadata": {"name": "lab", "namespace": "default"},
            "spec": {
                "image": "quay.io/prometheus/prometheus:v3.15.0",
                "serviceMonitorSelector": {},  # without any selector the operator leaves the configuration alone
                "additionalScrapeConfigs": {"name": "scrape", "key": "jobs.yaml"},
                "storage": {
                    "volumeClaimTemplate": {
                        "spec": {"storageClassName": "longhorn", "resources": {"requests": {"storage": "1Gi"}}}
                    }
                },
            },
        },
    )
    eventually(lambda: get(CLUSTER, "statefulsets", "--namespace=default")["items"])
    kubectl(CLUSTER, "rollout", "status", "statefulset/prometheus-lab", "--timeout=120s")


@pytest.mark.usefixtures("prometheus")
def test_the_operator_s_prometheus_has_its_name_and_its_volume() -> None:
    claim = get(CLUSTER, "persistentvolumeclaim", "prometheus-lab-db-prometheus-lab-0")
    assert claim["status"]["phase"] == "Bound"
    containers = get(CLUSTER, "pod", "prometheus-lab-0")["status"]["containerStatuses"]
    assert {container["name"] for container in containers} == {"prometheus", "config-reloader"}


def promql_info(**options: str) -> str:
    """What the module says, when it is told how the cluster is reached and what differs."""
    default = {"namespace": "default", "service": "prometheus-operated", "port": "web", "query": "up"}
    access = {"kubeconfig": str(KUBECONFIG), "context": CLUSTER}
    module = ("localhost", "-m", "miribit.thanos.promql_info", "-a", json.dumps({**access, **default, **options}), "-o")
    # From the checkout, whose ansible.cfg tells Ansible where the collection is.
    done = run(LAB, "exec", "env", f"ANSIBLE_CONFIG={CHECKOUT}/ansible.cfg", "ansible", *module)
    return done.stdout + done.stderr


@pytest.mark.usefixtures("prometheus")
def test_promql_info_asks_a_real_prometheus_through_a_real_api_server() -> None:
    answer = eventually(lambda: (text := promql_info()) and '"value": "1"' in text and text)
    assert answer, promql_info()
    assert '"job": "self"' in answer


@pytest.mark.usefixtures("prometheus")
@pytest.mark.parametrize(
    ("options", "cause"),
    [
        ({"service": "prometheus"}, 'it does not exist: services \\"prometheus\\" not found'),
        ({"port": "webb"}, "it has no port of this name, or no ready pod serves it"),
        ({"port": "81"}, "no service port 81 found"),
        ({"service": "nobody", "port": "80"}, "it has no port of this name, or no ready pod serves it"),
        ({"query": "sum(up"}, "it refuses the query (bad_data, HTTP 400)"),
        ({"query": "up[5m]"}, "the query gives a range vector"),
        ({"context": "cluster-05"}, "there is no context cluster-05"),
    ],
    ids=[
        "unknown service",
        "unknown port name",
        "unknown port",
        "no pods",
        "bad PromQL",
        "range vector",
        "unknown context",
    ],
)
def test_promql_info_says_what_is_wrong_on_a_real_cluster(options: dict[str, str], cause: str) -> None:
    apply(CLUSTER, service("nobody", "nobody"))
    answer = promql_info(**options)
    assert "FAILED" in answer
    assert cause in answer
    assert "Fix: " in answer


@pytest.mark.usefixtures("prometheus")
def test_the_lab_with_workloads_stays_below_its_memory_and_is_repaired_as_it_is() -> None:
    table = lab("up")
    total = int(table.rsplit(" MiB in all", 1)[0].rsplit(" ", 1)[1])
    assert total < 4096
    assert "prometheus-lab-0" in kubectl(CLUSTER, "get", "pods")
