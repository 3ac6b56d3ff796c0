"""Certificates of a cluster, and the kubeconfigs made of them."""

from __future__ import annotations

import base64
import json
import shutil
from pathlib import Path
from typing import Any

import trustme
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from lab.settings import Cluster

#: Who a kubeconfig is for: file name -> (common name, organization), as Kubernetes' own RBAC bootstrap knows them.
CLIENTS = {
    "admin": ("lab-admin", "system:masters"),
    "apiserver-client": ("kube-apiserver-kubelet-client", "system:masters"),
    "controller-manager": ("system:kube-controller-manager", None),
    "scheduler": ("system:kube-scheduler", None),
    "proxy": ("system:kube-proxy", None),
    "front-proxy": ("front-proxy-client", None),
}


def ensure(cluster: Cluster, folder: Path) -> None:
    """Make the cluster's certificates once; a folder that exists is complete."""
    if folder.is_dir():
        return
    scratch = folder.with_name(f".{folder.name}")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True, mode=0o700)
    authority = trustme.CA(organization_name=f"lab {cluster.name}")
    authority.cert_pem.write_to_path(scratch / "ca.crt")
    authority.private_key_pem.write_to_path(scratch / "ca.key")
    _issue(
        authority,
        scratch / "apiserver",
        *(cluster.address, "127.0.0.1", cluster.api_service, "localhost"),
        *("kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"),
        common_name="kube-apiserver",
    )
    for name, (common_name, organization) in CLIENTS.items():
        # A name, because without one trustme writes an empty critical extension, which Go refuses.
        _issue(authority, scratch / name, name, common_name=common_name, organization=organization)
    for node in cluster.nodes:
        identity = f"system:node:{node.name}"
        _issue(
            authority,
            scratch / f"kubelet-{node.name}",
            *(node.address, node.name),
            common_name=identity,
            organization="system:nodes",
        )
    _service_account_key(scratch / "service-account")
    scratch.rename(folder)


def kubeconfig(folder: Path, entries: list[tuple[Cluster, str]]) -> str:
    """A kubeconfig with one context per cluster, each with the named client's certificate of that cluster."""

    def data(cluster: Cluster, name: str) -> str:
        return base64.b64encode((folder / cluster.name / "pki" / name).read_bytes()).decode()

    config: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": entries[0][0].name if len(entries) == 1 else "",
        "clusters": [
            {
                "name": cluster.name,
                "cluster": {"server": cluster.server, "certificate-authority-data": data(cluster, "ca.crt")},
            }
            for cluster, _client in entries
        ],
        "users": [
            {
                "name": cluster.name,
                "user": {
                    "client-certificate-data": data(cluster, f"{client}.crt"),
                    "client-key-data": data(cluster, f"{client}.key"),
                },
            }
            for cluster, client in entries
        ],
        "contexts": [
            {"name": name, "context": {"cluster": name, "user": name}} for name in (entry[0].name for entry in entries)
        ],
    }
    return json.dumps(config, indent=1)


def _issue(authority: trustme.CA, path: Path, *names: str, common_name: str, organization: str | None = None) -> None:
    leaf = authority.issue_cert(*names, common_name=common_name, organization_name=organization)
    path.with_name(f"{path.name}.crt").write_bytes(b"".join(blob.bytes() for blob in leaf.cert_chain_pems))
    leaf.private_key_pem.write_to_path(path.with_name(f"{path.name}.key"))


def _service_account_key(path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    path.with_name(f"{path.name}.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    path.with_name(f"{path.name}.pub").write_bytes(
        key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
