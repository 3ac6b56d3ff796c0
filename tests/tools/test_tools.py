"""Each tool does what it is for and says the version it is pinned to: a wrongly built one would not.

On loopback, without containers. What needs nodes and pods (kubelet, kube-proxy, scheduler, CNI plugins, MetalLB,
local-path-provisioner) shows in tests/lab that it works; here it shows its version.
"""

from __future__ import annotations

import json
import re
import subprocess
import time
import urllib.parse
from collections.abc import Callable
from pathlib import Path

import pytest
from loopback import Start, fetch, free_port, output, status
from minio import Minio

from ansible_collections.miribit.thanos.plugins.module_utils.hashring.file import config_hash
from lab import pki, services, settings, tools
from lab.settings import Cluster, Node

VERSIONS = {
    "alertmanager": (("--version",), "version 0.28.1"),
    "coredns": (("--version",), "CoreDNS-1.15.0"),
    "etcd": (("--version",), "3.6.8"),
    "etcdctl": (("version",), "3.6.8"),
    "etcdutl": (("version",), "3.6.8"),
    "helm": (("version",), '"v3.22.0"'),
    "host-local": ((), "v1.9.1"),
    "kube-apiserver": (("--version",), "v1.34.4"),
    "kube-controller-manager": (("--version",), "v1.34.4"),
    "kube-proxy": (("--version",), "v1.34.4"),
    "kube-scheduler": (("--version",), "v1.34.4"),
    "kube-state-metrics": (("version",), "v2.15.0"),
    "kubectl": (("version", "--client"), "v1.34.4"),
    "kubelet": (("--version",), "v1.34.4"),
    "local-path-provisioner": (("--version",), "v0.0.30"),
    "loopback": ((), "v1.9.1"),
    "minio": (("--version",), "2026-02-12T20-18-48Z"),
    "node_exporter": (("--version",), "version 1.12.1"),
    "portmap": ((), "v1.9.1"),
    "prometheus": (("--version",), "version 3.15.0"),
    "prometheus-2.48": (("--version",), "version 2.48.0"),
    "prometheus-config-reloader": (("--version",), "version 0.85.0"),
    "prometheus-operator": (("--version",), "version 0.85.0"),
    "promtool": (("--version",), "version 3.15.0"),
    "promtool-2.48": (("--version",), "version 2.48.0"),
    "ptp": ((), "v1.9.1"),
    "thanos": (("--version",), "version 0.42.4"),
}
#: They have no option for it, but say it in the first line that they log.
LOGGED_VERSIONS = {"metallb-controller": "version 0.15.2", "metallb-speaker": "version 0.15.2"}

#: It says nothing of its version at all; Go has written down what it was built from.
BUILT_FROM = {"adapter": "sigs.k8s.io/prometheus-adapter\tv0.12.0"}


@pytest.mark.parametrize("name", VERSIONS)
def test_a_tool_says_the_version_it_is_pinned_to(binaries: Path, name: str) -> None:
    arguments, version = VERSIONS[name]
    assert version in output(binaries / name, *arguments)


@pytest.mark.parametrize("name", LOGGED_VERSIONS)
def test_a_tool_logs_the_version_it_is_pinned_to(binaries: Path, name: str) -> None:
    done = subprocess.run([binaries / name], capture_output=True, text=True, timeout=60, check=False)
    assert LOGGED_VERSIONS[name] in done.stdout + done.stderr


@pytest.mark.parametrize("name", BUILT_FROM)
def test_a_tool_is_built_from_the_version_it_is_pinned_to(binaries: Path, name: str) -> None:
    assert BUILT_FROM[name] in output("go", "version", "-m", binaries / name)


def test_every_tool_that_is_built_has_a_version_to_show(binaries: Path) -> None:
    assert {path.name for path in binaries.iterdir()} == {*VERSIONS, *LOGGED_VERSIONS, *BUILT_FROM}


def test_tools_are_built_once(binaries: Path) -> None:
    before = binaries.stat().st_mtime_ns
    assert tools.ensure() / "bin" == binaries
    assert binaries.stat().st_mtime_ns == before


def test_a_thanos_router_forwards_a_real_write_to_an_ingestor_and_query_reads_it_back(
    binaries: Path, start: Start, tmp_path: Path
) -> None:
    ports = {name: free_port() for name in ("ig", "ih", "iw", "ic", "rg", "rh", "rw", "rc", "qg", "qh")}
    at = {name: f"127.0.0.1:{port}" for name, port in ports.items()}
    ring = tmp_path / "hashrings.json"
    ring.write_text(json.dumps([{"endpoints": [at["ig"]], "algorithm": "ketama"}]))
    thanos = binaries / "thanos"
    start(
        *(thanos, "receive", f"--tsdb.path={tmp_path}/tsdb", '--label=receive_replica="0"'),
        *(f"--grpc-address={at['ig']}", f"--http-address={at['ih']}", f"--remote-write.address={at['iw']}"),
        f"--receive.capnproto-address={at['ic']}",
        ready=f"http://{at['ih']}/-/ready",
    )
    start(
        *(thanos, "receive", '--label=receive_replica="router"', f"--receive.hashrings-file={ring}"),
        *(f"--grpc-address={at['rg']}", f"--http-address={at['rh']}", f"--remote-write.address={at['rw']}"),
        f"--receive.capnproto-address={at['rc']}",
        ready=f"http://{at['rh']}/-/ready",
    )
    start(
        *(thanos, "query", f"--endpoint={at['ig']}", f"--grpc-address={at['qg']}", f"--http-address={at['qh']}"),
        ready=f"http://{at['qh']}/-/ready",
    )
    canary = tmp_path / "canary.txt"
    canary.write_text("# TYPE lab_canary gauge\nlab_canary 42\n")
    path = "/api/v1/receive"
    url = f"http://{at['rw']}{path}"
    output(binaries / "promtool", "push", "metrics", f"--remote-write.path={path}", f"http://{at['rw']}", canary)
    assert status(url, b"\x00") == 200
    assert status(url, b"not snappy") == 400
    assert _eventually(lambda: _query(f"http://{at['qh']}", "lab_canary")) == "42"
    # The hash that the collection computes for a ring is the one that a router reports.
    reported = re.search(r"^thanos_receive_config_hash (\S+)$", fetch(f"http://{at['rh']}/metrics"), re.MULTILINE)
    assert reported
    assert int(float(reported[1])) == config_hash(ring.read_bytes())


def test_prometheus_finds_targets_scrapes_them_and_knows_kubernetes(
    binaries: Path, start: Start, tmp_path: Path
) -> None:
    address = f"127.0.0.1:{free_port()}"
    config = tmp_path / "prometheus.yml"
    config.write_text(
        "global: {scrape_interval: 1s}\n"
        f"scrape_configs:\n- {{job_name: self, static_configs: [{{targets: ['{address}']}}]}}\n"
    )
    cluster_config = tmp_path / "kubernetes.yml"
    cluster_config.write_text("scrape_configs:\n- {job_name: pods, kubernetes_sd_configs: [{role: pod}]}\n")
    output(binaries / "promtool", "check", "config", "--agent", cluster_config)
    start(
        *(binaries / "prometheus", f"--config.file={config}", f"--storage.tsdb.path={tmp_path}/data"),
        f"--web.listen-address={address}",
        ready=f"http://{address}/-/ready",
    )
    assert _eventually(lambda: _query(f"http://{address}", "up")) == "1"


def test_the_agent_of_the_audited_fleet_runs_with_the_flags_of_its_time(
    binaries: Path, start: Start, tmp_path: Path
) -> None:
    address = f"127.0.0.1:{free_port()}"
    config = tmp_path / "prometheus.yml"
    config.write_text(f"scrape_configs:\n- {{job_name: self, static_configs: [{{targets: ['{address}']}}]}}\n")
    flags = (f"--config.file={config}", f"--storage.agent.path={tmp_path}/wal", f"--web.listen-address={address}")
    agent = (binaries / "prometheus-2.48", "--enable-feature=agent", *flags)
    start(*agent, ready=f"http://{address}/-/ready")
    assert status(f"http://{address}/api/v1/query", b"query=up") == 422, "an agent answers no queries"


def test_alertmanager_takes_an_alert_and_has_its_user_interface(binaries: Path, start: Start, tmp_path: Path) -> None:
    address = f"127.0.0.1:{free_port()}"
    config = tmp_path / "alertmanager.yml"
    config.write_text("route: {receiver: nobody}\nreceivers: [{name: nobody}]\n")
    start(
        *(binaries / "alertmanager", f"--config.file={config}", f"--storage.path={tmp_path}/data"),
        *(f"--web.listen-address={address}", "--cluster.listen-address="),
        ready=f"http://{address}/-/ready",
    )
    alerts = f"http://{address}/api/v2/alerts"
    fetch(alerts, json.dumps([{"labels": {"alertname": "Lab"}}]).encode(), {"Content-Type": "application/json"})
    assert [alert["labels"]["alertname"] for alert in json.loads(fetch(alerts))] == ["Lab"]
    assert "<html" in fetch(f"http://{address}/").lower()


def test_node_exporter_knows_this_machine(binaries: Path, start: Start) -> None:
    address = f"127.0.0.1:{free_port()}"
    start(binaries / "node_exporter", f"--web.listen-address={address}", ready=f"http://{address}/metrics")
    metrics = fetch(f"http://{address}/metrics")
    assert "node_uname_info{" in metrics
    assert "node_memory_MemTotal_bytes" in metrics


def test_minio_keeps_an_object(binaries: Path, start: Start, tmp_path: Path) -> None:
    address = f"127.0.0.1:{free_port()}"
    start(
        *(binaries / "minio", "server", "--quiet", f"--address={address}", tmp_path / "data"),
        ready=f"http://{address}/minio/health/ready",
        environment={"MINIO_ROOT_USER": "lab", "MINIO_ROOT_PASSWORD": "smoke-test", "HOME": str(tmp_path)},
    )
    client = Minio(address, access_key="lab", secret_key="smoke-test", secure=False)
    client.make_bucket("thanos")
    file = tmp_path / "object"
    file.write_bytes(b"block")
    client.fput_object("thanos", "01/meta", str(file))
    client.fget_object("thanos", "01/meta", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == b"block"


def test_coredns_answers_from_the_lab_s_zone(binaries: Path, start: Start, tmp_path: Path) -> None:
    port, health = free_port(), free_port()
    (tmp_path / "zone").write_text(services.zone(settings.load()))
    (tmp_path / "Corefile").write_text(
        f".:{port} {{\n  bind 127.0.0.1\n  health 127.0.0.1:{health}\n  file {tmp_path}/zone miribit.lab\n}}\n"
    )
    start(
        *(binaries / "coredns", "-conf", tmp_path / "Corefile"),
        ready=f"http://127.0.0.1:{health}/health",
    )
    for name, address in (
        ("thanos-query.k8s-cluster-01.miribit.lab", "192.168.101.194"),
        ("thanos-receiver.miribit.lab", "192.168.101.210"),
        ("s3.minio.miribit.lab", "192.168.101.50"),
    ):
        assert address in output("busybox", "nslookup", "-type=a", name, f"127.0.0.1:{port}")
    assert "kubernetes" in output(binaries / "coredns", "-plugins")


def test_helm_renders_a_chart_for_the_cluster_version_it_was_built_with(binaries: Path, tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "Chart.yaml").write_text("apiVersion: v2\nname: lab\nversion: 1.0.0\n")
    (tmp_path / "templates" / "version.yaml").write_text("version: {{ .Capabilities.KubeVersion.Version }}\n")
    assert "version: v1.37.0" in output(binaries / "helm", "template", "lab", tmp_path)


def test_the_control_plane_serves_kube_state_metrics_and_takes_an_operator(
    binaries: Path, start: Start, tmp_path: Path
) -> None:
    ports = {name: free_port() for name in ("client", "peer", "api", "metrics", "telemetry")}
    etcd = f"http://127.0.0.1:{ports['client']}"
    peer = f"http://127.0.0.1:{ports['peer']}"
    start(
        *(binaries / "etcd", f"--data-dir={tmp_path}/etcd", "--unsafe-no-fsync"),
        *(f"--listen-client-urls={etcd}", f"--advertise-client-urls={etcd}"),
        *(f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}", f"--initial-cluster=default={peer}"),
        ready=f"{etcd}/health",
    )
    kubeconfig = _apiserver(binaries, start, tmp_path, etcd, ports["api"])
    kubectl = (binaries / "kubectl", f"--kubeconfig={kubeconfig}")
    output(*kubectl, "create", "namespace", "smoke")
    metrics = f"http://127.0.0.1:{ports['metrics']}"
    start(
        *(binaries / "kube-state-metrics", f"--kubeconfig={kubeconfig}", "--resources=namespaces"),
        *("--host=127.0.0.1", f"--port={ports['metrics']}"),
        *("--telemetry-host=127.0.0.1", f"--telemetry-port={ports['telemetry']}"),
        ready=f"{metrics}/healthz",
    )
    assert _eventually(lambda: 'kube_namespace_created{namespace="smoke"}' in fetch(f"{metrics}/metrics"))
    backup = tmp_path / "backup.db"
    output(binaries / "etcdctl", f"--endpoints={etcd}", "snapshot", "save", backup)
    output(binaries / "etcdutl", "snapshot", "restore", backup, f"--data-dir={tmp_path}/restored")
    bundle = binaries.parent / "share" / "prometheus-operator.yaml"
    output(*kubectl, "create", f"--filename={bundle}")
    assert "prometheusagents.monitoring.coreos.com" in output(*kubectl, "get", "customresourcedefinitions")


def _apiserver(binaries: Path, start: Start, folder: Path, etcd: str, port: int) -> Path:
    """A kube-apiserver on loopback with the lab's own certificates; returns a kubeconfig for it."""
    node = Node(name="loopback", address="127.0.0.1", pod_cidr="10.1.0.0/24")
    cluster = Cluster("loopback", "127.0.0.1", (node,), load_balancer=(), ingress=False)
    certificates = folder / cluster.name / "pki"
    pki.ensure(cluster, certificates)
    start(
        *(binaries / "kube-apiserver", f"--etcd-servers={etcd}", f"--client-ca-file={certificates}/ca.crt"),
        *("--bind-address=127.0.0.1", f"--secure-port={port}", "--service-cluster-ip-range=10.1.128.0/24"),
        *(f"--tls-cert-file={certificates}/apiserver.crt", f"--tls-private-key-file={certificates}/apiserver.key"),
        f"--service-account-key-file={certificates}/service-account.pub",
        f"--service-account-signing-key-file={certificates}/service-account.key",
        *("--service-account-issuer=https://kubernetes", "--authorization-mode=RBAC", f"--cert-dir={folder}/run"),
        ready=etcd + "/health",
    )
    kubeconfig = folder / "kubeconfig"
    kubeconfig.write_text(pki.kubeconfig(folder, [(cluster, "admin")]).replace(":6443", f":{port}"))
    kubectl = (binaries / "kubectl", f"--kubeconfig={kubeconfig}")
    assert _eventually(
        lambda: subprocess.run([*kubectl, "get", "--raw=/readyz"], capture_output=True, check=False).returncode == 0
    )
    return kubeconfig


def _query(url: str, expression: str) -> str | None:
    answer = json.loads(fetch(f"{url}/api/v1/query?{urllib.parse.urlencode({'query': expression})}"))
    result = answer["data"]["result"]
    return str(result[0]["value"][1]) if result else None


def _eventually(question: Callable[[], object]) -> object:
    """The first true answer within a minute, or the last one."""
    until = time.monotonic() + 60
    while not (answer := question()) and time.monotonic() < until:
        time.sleep(0.2)
    return answer
