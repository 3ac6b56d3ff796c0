"""The programs of one cluster and the files they read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab import pki
from lab.cgroups import NAME as GROUP
from lab.paths import INSIDE, STATE
from lab.process import module
from lab.settings import Cluster, Node, Settings

CLUSTERS = STATE / "clusters"


@dataclass(frozen=True)
class Program:
    """A supervised program: its name, the namespace and control group it runs in, its command line and environment."""

    name: str
    namespace: str
    group: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


def programs(cluster: Cluster, tools: Path, daemons: Path) -> list[Program]:
    """Control plane on the first node; containerd, kubelet and kube-proxy on each."""
    result = _control_plane(cluster, tools / "bin")
    for node in cluster.nodes:
        result += _node(cluster, node, tools / "bin", daemons)
    return result + ([_ingress(cluster, daemons)] if cluster.ingress else [])


def _control_plane(cluster: Cluster, binaries: Path) -> list[Program]:
    folder = CLUSTERS / cluster.name
    certificates = folder / "pki"
    first = cluster.nodes[0].name

    def program(name: str, *command: str) -> Program:
        return Program(f"{cluster.name}-{name}", first, f"{GROUP}/{cluster.name}/control-plane", command)

    etcd = program(
        "etcd",
        f"{binaries}/etcd",
        f"--data-dir={folder}/etcd",
        "--listen-client-urls=http://127.0.0.1:2379",
        "--advertise-client-urls=http://127.0.0.1:2379",
        "--listen-peer-urls=http://127.0.0.1:2380",
        "--unsafe-no-fsync",  # the lab dies by SIGKILL, never by loss of power
        "--log-level=warn",
    )
    apiserver = program(
        "apiserver",
        f"{binaries}/kube-apiserver",
        "--etcd-servers=http://127.0.0.1:2379",
        f"--advertise-address={cluster.address}",
        f"--client-ca-file={certificates}/ca.crt",
        f"--tls-cert-file={certificates}/apiserver.crt",
        f"--tls-private-key-file={certificates}/apiserver.key",
        f"--service-account-key-file={certificates}/service-account.pub",
        f"--service-account-signing-key-file={certificates}/service-account.key",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-cluster-ip-range={cluster.service_cidr}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        f"--kubelet-certificate-authority={certificates}/ca.crt",
        f"--kubelet-client-certificate={certificates}/apiserver-client.crt",
        f"--kubelet-client-key={certificates}/apiserver-client.key",
        "--kubelet-preferred-address-types=InternalIP",
        # How it proves itself to API servers behind it, such as prometheus-adapter.
        f"--proxy-client-cert-file={certificates}/front-proxy.crt",
        f"--proxy-client-key-file={certificates}/front-proxy.key",
        f"--requestheader-client-ca-file={certificates}/ca.crt",
        "--requestheader-allowed-names=front-proxy-client",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        "--allow-privileged=true",
        "--profiling=false",
    )
    controller_manager = program(
        "controller-manager",
        f"{binaries}/kube-controller-manager",
        f"--kubeconfig={_kubeconfig(cluster, 'controller-manager')}",
        f"--service-account-private-key-file={certificates}/service-account.key",
        f"--root-ca-file={certificates}/ca.crt",
        f"--cluster-signing-cert-file={certificates}/ca.crt",
        f"--cluster-signing-key-file={certificates}/ca.key",
        "--use-service-account-credentials",
        "--leader-elect=false",
        "--profiling=false",
    )
    scheduler = program(
        "scheduler",
        f"{binaries}/kube-scheduler",
        f"--kubeconfig={_kubeconfig(cluster, 'scheduler')}",
        # Seen with 1.34: a pod whose claim is bound while it is looked at is not looked at again before this time.
        "--pod-max-in-unschedulable-pods-duration=20s",
        "--leader-elect=false",
        "--profiling=false",
    )
    return [etcd, apiserver, controller_manager, scheduler]


def _node(cluster: Cluster, node: Node, binaries: Path, daemons: Path) -> list[Program]:
    folder = _folder(cluster, node)

    def program(name: str, *command: str) -> Program:
        return Program(f"{node.name}-{name}", node.name, f"{GROUP}/{cluster.name}/daemons", command)

    return [
        program(
            "containerd",
            f"{daemons}/containerd",
            f"--config={folder}/containerd.toml",
        ),
        program(
            "kubelet",
            f"{binaries}/kubelet",
            f"--config={folder}/kubelet.json",
            f"--kubeconfig={_kubeconfig(cluster, f'kubelet-{node.name}')}",
            f"--root-dir={folder}/kubelet",
            f"--cert-dir={folder}/kubelet/pki",
            f"--hostname-override={node.name}",
            f"--node-ip={node.address}",
            # By it cAdvisor, which asks for containers on its own, tells which pod a control group is of.
            f"--containerd={_socket(node)}",
        ),
        program(
            "kube-proxy",
            f"{binaries}/kube-proxy",
            f"--kubeconfig={_kubeconfig(cluster, 'proxy')}",
            f"--cluster-cidr={cluster.pod_cidr}",
            f"--hostname-override={node.name}",
            "--proxy-mode=nftables",
            # These are settings of the machine, not of the namespace, so they are left alone.
            "--conntrack-max-per-core=0",
            "--conntrack-tcp-timeout-established=0",
            "--conntrack-tcp-timeout-close-wait=0",
        ),
    ]


def _ingress(cluster: Cluster, daemons: Path) -> Program:
    return Program(
        f"{cluster.name}-ingress",
        cluster.nodes[0].name,
        f"{GROUP}/{cluster.name}/daemons",
        (
            *("unshare", "--pid", "--fork", "--kill-child", "--"),
            *(*module("lab.ingress_controller"), cluster.name, str(_ingress_folder(cluster))),
            *(f"{daemons}/nginx", cluster.address),
        ),
    )


def _ingress_folder(cluster: Cluster) -> Path:
    return CLUSTERS / cluster.name / "ingress"


def write_files(cluster: Cluster, tools: Path) -> None:
    """Write what the cluster's programs read: certificates, and each node's configuration."""
    pki.ensure(cluster, CLUSTERS / cluster.name / "pki")
    for node in cluster.nodes:
        folder = _folder(cluster, node)
        (folder / "cni").mkdir(parents=True, exist_ok=True)
        (folder / "containerd.toml").write_text(_containerd(node, folder, tools))
        (folder / "cni" / "10-lab.conflist").write_text(json.dumps(_cni(node), indent=1))
        (folder / "kubelet.json").write_text(json.dumps(_kubelet(cluster, node, folder), indent=1))
    if cluster.ingress:
        _ingress_folder(cluster).mkdir(exist_ok=True)


def inside_files(settings: Settings) -> dict[str, str]:
    """The kubeconfigs, by path below INSIDE: they exist within the lab only."""
    files = {"kubeconfig": pki.kubeconfig(CLUSTERS, [(cluster, "admin") for cluster in settings.clusters])}
    for cluster in settings.clusters:
        clients = ["controller-manager", "scheduler", "proxy", *(f"kubelet-{node.name}" for node in cluster.nodes)]
        for client in clients:
            files[f"{cluster.name}/{client}.kubeconfig"] = pki.kubeconfig(CLUSTERS, [(cluster, client)])
    return files


def groups(cluster: Cluster) -> list[str]:
    """The control groups below the lab's that the cluster uses."""
    parts = ["control-plane", "daemons", *(node.name for node in cluster.nodes)]
    return [f"{cluster.name}/{part}" for part in parts]


def containerd_root(cluster: Cluster, node: Node) -> Path:
    return _folder(cluster, node) / "containerd"


def node_scratch(cluster: Cluster) -> list[Path]:
    """What the nodes of a cluster accumulate and a reset throws away."""
    return [path for node in cluster.nodes for name in ("kubelet", "pods") for path in [_folder(cluster, node) / name]]


def _folder(cluster: Cluster, node: Node) -> Path:
    return CLUSTERS / cluster.name / "nodes" / node.name


def _kubeconfig(cluster: Cluster, client: str) -> Path:
    return INSIDE / cluster.name / f"{client}.kubeconfig"


def _socket(node: Node) -> Path:
    return INSIDE / node.name / "containerd.sock"


def _containerd(node: Node, folder: Path, tools: Path) -> str:
    # The state lies inside: it holds sockets and mounts of running containers only.
    return f"""version = 2
root = "{folder}/containerd"
state = "{INSIDE}/{node.name}/containerd"
[grpc]
  address = "{_socket(node)}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "registry.k8s.io/pause:3.10"
  # Without CAP_SYS_RESOURCE, lowering a score makes every sandbox fail.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{tools}/bin"
    conf_dir = "{folder}/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
"""


def _cni(node: Node) -> dict[str, Any]:
    # ptp, not bridge: on a bridge, answers between two pods of a node bypass conntrack, and with it the Service's
    # address, wherever br_netfilter is not loaded.
    return {
        "cniVersion": "1.0.0",
        "name": "lab",
        "plugins": [
            {
                "type": "ptp",
                "ipMasq": True,
                "ipMasqBackend": "nftables",
                "ipam": {
                    "type": "host-local",
                    "dataDir": str(INSIDE / node.name / "ipam"),
                    "ranges": [[{"subnet": node.pod_cidr}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                },
            },
            {"type": "portmap", "backend": "nftables", "capabilities": {"portMappings": True}},
        ],
    }


def _kubelet(cluster: Cluster, node: Node, folder: Path) -> dict[str, Any]:
    certificates = CLUSTERS / cluster.name / "pki"
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "containerRuntimeEndpoint": f"unix://{_socket(node)}",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{GROUP}/{cluster.name}/{node.name}",
        "clusterDNS": [cluster.dns_service],
        "clusterDomain": "cluster.local",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": f"{certificates}/ca.crt"},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": f"{certificates}/kubelet-{node.name}.crt",
        "tlsPrivateKeyFile": f"{certificates}/kubelet-{node.name}.key",
        "podLogsDir": f"{folder}/pods",
        "enforceNodeAllocatable": [],
        "failSwapOn": False,
        "failCgroupV1": False,
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "imageGCHighThresholdPercent": 100,  # an image that is collected cannot be pulled again
        "nodeStatusUpdateFrequency": "5s",
        "syncFrequency": "10s",  # a ConfigMap or Secret that changes reaches its pods within this, and not a minute
        "shutdownGracePeriod": "0s",
    }


def manifests(cluster: Cluster) -> list[str]:
    """What the cluster runs from the start: names of files in `manifests/`."""
    names = ["coredns", "storage"]
    names += ["load-balancer"] if cluster.load_balancer else []
    names += ["ingress"] if cluster.ingress else []
    return names
