"""Four real clusters: their nodes, their network, their storage, and how one reaches another."""

from __future__ import annotations

import pytest
from inside import (
    CLUSTERS,
    LAB,
    apply,
    eventually,
    get,
    inside_pod,
    kubectl,
    lab,
    pod,
    run,
    service,
    wait_ready,
    web_server,
)

from lab import services as lab_services
from lab import settings

# Not wget's own -T, with which Debian's busybox crashes.
WGET = ("busybox", "timeout", "5", "busybox", "wget", "-q", "-O", "-")

pytestmark = pytest.mark.usefixtures("empty")


def test_status_shows_every_cluster_node_version_and_its_memory() -> None:
    text = lab("status")
    for line in ("cluster-01  cluster-01          192.168.101.194  v1.34.4  yes", "cluster-02-node-02", "MiB in all"):
        assert line in text
    assert "state empty" in text


def test_nodes_are_ready_and_have_the_addresses_of_the_fleet() -> None:
    addresses = {}
    for cluster in CLUSTERS:
        for node in get(cluster, "nodes")["items"]:
            assert {"type": "Ready", "status": "True"}.items() <= node["status"]["conditions"][-1].items()
            addresses[node["metadata"]["name"]] = node["status"]["addresses"][0]["address"]
    assert addresses == {
        "cluster-01": "192.168.101.194",
        "cluster-02-node-01": "192.168.101.196",
        "cluster-02-node-02": "192.168.101.21",
        "cluster-03": "192.168.101.197",
        "cluster-04": "192.168.101.198",
    }


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_state_empty_runs_dns_and_storage_and_nothing_else(cluster: str) -> None:
    namespaces = {item["metadata"]["namespace"] for item in get(cluster, "pods", "--all-namespaces")["items"]}
    load_balancer = {"metallb-system"} if cluster == "cluster-01" else set()
    assert namespaces == {"kube-system", "local-path-storage"} | load_balancer


@pytest.fixture(scope="module")
def central(empty: None) -> None:
    """In cluster-01, a web server behind a LoadBalancer address and behind an Ingress."""
    ingress = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "web"},
        "spec": {
            "ingressClassName": "lab",
            "rules": [
                {
                    "host": "thanos-query.k8s-cluster-01.miribit.lab",
                    "http": {
                        "paths": [
                            {
                                "path": "/path",
                                "pathType": "Prefix",
                                "backend": {"service": {"name": "web", "port": {"number": 80}}},
                            }
                        ]
                    },
                }
            ],
        },
    }
    apply(
        "cluster-01",
        web_server("central-web"),
        service("web", "central-web"),
        service("web-lb", "central-web", 19291, type="LoadBalancer", loadBalancerIP="192.168.101.210"),
        ingress,
    )
    wait_ready("cluster-01", "central-web")


@pytest.fixture(scope="module")
def edge(empty: None) -> None:
    """In cluster-03, a pod to ask from."""
    apply("cluster-03", pod("edge", "busybox", "sleep", "3600"))
    wait_ready("cluster-03", "edge")


@pytest.mark.usefixtures("central", "edge")
@pytest.mark.parametrize("host", ["192.168.101.210", "thanos-receiver.miribit.lab"])
def test_a_pod_of_an_edge_reaches_a_load_balancer_of_the_centre(host: str) -> None:
    answer = eventually(lambda: inside_pod("cluster-03", "edge", *WGET, f"http://{host}:19291/").stdout)
    assert answer == "central-web\n"
    status = get("cluster-01", "service", "web-lb")["status"]
    assert status["loadBalancer"]["ingress"][0]["ip"] == "192.168.101.210"


@pytest.mark.usefixtures("central")
def test_an_address_that_is_taken_stays_pending_for_the_next_who_asks() -> None:
    apply(
        "cluster-01",
        service("late", "central-web", 80, type="LoadBalancer", loadBalancerIP="192.168.101.210"),
    )
    eventually(lambda: get("cluster-01", "events", "--field-selector=involvedObject.name=late")["items"])
    assert get("cluster-01", "service", "late")["status"]["loadBalancer"] == {}
    kubectl("cluster-01", "delete", "service", "late")


@pytest.mark.usefixtures("central", "edge")
def test_an_ingress_of_class_lab_serves_its_host_and_path_and_nothing_else() -> None:
    url = "http://thanos-query.k8s-cluster-01.miribit.lab"
    assert eventually(lambda: inside_pod("cluster-03", "edge", *WGET, f"{url}/path/").stdout) == "central-web\n"
    assert "404" in inside_pod("cluster-03", "edge", *WGET, f"{url}/other").stderr
    assert "404" in inside_pod("cluster-03", "edge", *WGET, "http://grafana.k8s-cluster-01.miribit.lab/").stderr
    address = eventually(lambda: get("cluster-01", "ingress", "web")["status"]["loadBalancer"].get("ingress"))
    assert address == [{"ip": "192.168.101.194"}]


@pytest.mark.usefixtures("edge")
def test_a_name_that_exists_nowhere_is_answered_as_such_at_once() -> None:
    done = inside_pod("cluster-03", "edge", "busybox", "nslookup", "thanos-receiver.monitoring.svc.cluster-01.local")
    assert done.returncode != 0
    assert "NXDOMAIN" in done.stdout


def test_names_and_addresses_resolve_inside_lab_exec() -> None:
    assert "192.168.101.50" in lab("exec", "getent", "hosts", "s3.minio.miribit.lab")


def test_a_pod_lists_the_bucket_in_minio_with_the_client_of_thanos() -> None:
    chosen = settings.load()
    user, password = lab_services.credentials()
    config = (
        "type: S3\nconfig:\n  bucket: thanos\n  endpoint: s3.minio.miribit.lab:9000\n  insecure: true\n"
        f"  access_key: {user}\n  secret_key: {password}\n"
    )
    client = pod(
        "bucket",
        *("thanos", "tools", "bucket", "ls", "--objstore.config=$(CONFIG)"),
        image="quay.io/thanos/thanos:v0.42.4",
        container={"env": [{"name": "CONFIG", "value": config}]},
        restartPolicy="Never",
    )
    assert chosen.storage.bucket == "thanos"
    apply("cluster-03", client)
    phase = eventually(
        lambda: (found := get("cluster-03", "pod", "bucket")["status"]["phase"]) in ("Succeeded", "Failed") and found
    )
    assert phase == "Succeeded", kubectl("cluster-03", "logs", "bucket")


def test_minio_has_the_bucket_and_refuses_a_wrong_key() -> None:
    # From within, as everything that talks to the lab: this process is outside.
    program = (
        "import sys; from minio import Minio; "
        "print(Minio('s3.minio.miribit.lab:9000', access_key=sys.argv[1], secret_key=sys.argv[2], secure=False)"
        ".bucket_exists('thanos'))"
    )
    user, password = lab_services.credentials()
    assert lab("exec", "python", "-c", program, user, password) == "True\n"
    refused = run(LAB, "exec", "python", "-c", program, user, "wrong")
    assert "SignatureDoesNotMatch" in refused.stderr


def test_a_claim_on_longhorn_is_bound_and_follows_its_pod_to_the_other_node() -> None:
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data"},
        "spec": {
            "storageClassName": "longhorn",
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
    apply("cluster-02", claim)
    bound = eventually(lambda: get("cluster-02", "persistentvolumeclaim", "data")["status"]["phase"] == "Bound")
    assert bound, kubectl("cluster-02", "describe", "persistentvolumeclaim", "data")
    for number, command in (("01", "echo kept > /data/file"), ("02", "cat /data/file")):
        name = f"user-{number}"
        user = pod(
            name,
            *("busybox", "sh", "-c", f"{command} && exec sleep 3600"),
            nodeName=f"cluster-02-node-{number}",
            container={
                "securityContext": {"runAsUser": 65534},
                "volumeMounts": [{"name": "data", "mountPath": "/data"}],
            },
            volumes=[{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}],
        )
        apply("cluster-02", user)
        wait_ready("cluster-02", name)
    assert kubectl("cluster-02", "logs", "user-02") == "kept\n"


def test_pods_of_two_nodes_reach_each_other_and_a_service() -> None:
    apply(
        "cluster-02",
        web_server("node-02-web", nodeName="cluster-02-node-02"),
        service("across", "node-02-web"),
        pod("node-01-client", "busybox", "sleep", "3600", nodeName="cluster-02-node-01"),
    )
    for name in ("node-02-web", "node-01-client"):
        wait_ready("cluster-02", name)
    address = get("cluster-02", "pod", "node-02-web")["status"]["podIP"]
    for host in (f"{address}:8080", "across.default.svc.cluster.local"):
        answer = eventually(
            lambda host=host: inside_pod("cluster-02", "node-01-client", *WGET, f"http://{host}/").stdout
        )
        assert answer == "node-02-web\n"


def test_the_api_server_s_proxy_reaches_services_and_pods() -> None:
    apply("cluster-04", web_server("proxied"), service("proxied", "proxied"))
    wait_ready("cluster-04", "proxied")
    for path in ("services/proxied:80", "pods/proxied:8080"):
        raw = f"/api/v1/namespaces/default/{path}/proxy/"
        ask = (LAB, "exec", "kubectl", "--context=cluster-04", "get", f"--raw={raw}")
        assert eventually(lambda ask=ask: run(*ask).stdout) == "proxied\n"


def test_reset_takes_away_everything_that_was_added() -> None:
    apply("cluster-04", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "left-over"}})
    lab("reset", "empty")
    names = {item["metadata"]["name"] for item in get("cluster-04", "namespaces")["items"]}
    assert names == {"default", "kube-node-lease", "kube-public", "kube-system", "local-path-storage"}
    for cluster in CLUSTERS:
        assert get(cluster, "pods", "--namespace=default")["items"] == []
        assert get(cluster, "persistentvolumes")["items"] == []
