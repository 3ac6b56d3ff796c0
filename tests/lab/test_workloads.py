"""What the fleet runs, runs here: an operator makes a Prometheus with a volume, and the collection asks it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from inside import CHECKOUT, apply, eventually, get, kubectl, lab

from lab.lifecycle import TOOLS

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


@pytest.mark.usefixtures("prometheus")
def test_promql_info_asks_a_real_prometheus_through_a_real_api_server() -> None:
    options = {
        "kubeconfig": "/run/miribit-lab/kubeconfig",
        "context": CLUSTER,
        "namespace": "default",
        "service": "prometheus-operated",
        "port": "web",
        "query": "up",
    }
    command = ("ansible", "localhost", "-m", "miribit.thanos.promql_info", "-a", json.dumps(options), "-o")

    def ask() -> str:
        # From the checkout, where ansible.cfg tells Ansible where the collection is.
        return lab("exec", "env", f"ANSIBLE_CONFIG={CHECKOUT}/ansible.cfg", *command)

    answer = eventually(lambda: (text := ask()) and '"value": "1"' in text and text)
    assert answer, ask()
    assert '"job": "self"' in answer


@pytest.mark.usefixtures("prometheus")
def test_the_lab_with_workloads_stays_below_its_memory_and_is_repaired_as_it_is() -> None:
    table = lab("up")
    total = int(table.rsplit(" MiB in all", 1)[0].rsplit(" ", 1)[1])
    assert total < 4096
    assert "prometheus-lab-0" in kubectl(CLUSTER, "get", "pods")
