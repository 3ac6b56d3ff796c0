"""Run the collection's playbooks in the lab, as an operator does, and look at what became of the clusters."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jsonschema
import yaml
from inside import CHECKOUT, CLUSTERS, LAB, kubectl, lab

AUDIT = "playbooks/audit.yml"
PHASE1 = "playbooks/phase1_receiver.yml"
PHASE2 = "playbooks/phase2_remote_write.yml"
ROLLBACK = "playbooks/rollback.yml"
INVENTORY = "inventories/lab"
EDGES = CLUSTERS[1:]
#: The access key and the secret key of the lab's MinIO, which only root can read.
CREDENTIALS = Path("/var/lib/miribit-lab/minio.credentials")
_COUNTS = re.compile(r"^(\S+)\s+: ok=(\d+)\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)", re.MULTILINE)
#: Everything that somebody may have put there. What clusters write by themselves, such as events, is left out.
KINDS = (
    "namespaces,serviceaccounts,secrets,configmaps,services,statefulsets,deployments,daemonsets,ingresses,jobs,"
    "persistentvolumeclaims,poddisruptionbudgets,networkpolicies,roles,rolebindings,clusterroles,clusterrolebindings"
)


@dataclass(frozen=True)
class Played:
    """What a run printed, and how it ended."""

    returncode: int
    output: str

    @property
    def changed(self) -> dict[str, int]:
        return {host: int(changed) for host, _ok, changed, *_rest in _COUNTS.findall(self.output)}

    @property
    def said(self) -> str:
        """The output on one line, as Ansible breaks long ones."""
        return " ".join(self.output.split())


def command(playbook: str, *arguments: str, inventory: str | Path = INVENTORY) -> list[str]:
    return [str(LAB), "exec", "ansible-playbook", f"--inventory={inventory}", playbook, *arguments]


def environment() -> dict[str, str]:
    """Plain output, and nothing of the settings of whoever runs the tests."""
    outside = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    return {**outside, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_FORCE_COLOR": "0"}


@contextmanager
def started(playbook: str, *arguments: str, inventory: str | Path = INVENTORY) -> Iterator[subprocess.Popen[str]]:
    """A run in a group of its own, which is killed where it has not ended in the end."""
    process = subprocess.Popen(
        command(playbook, *arguments, inventory=inventory),
        cwd=CHECKOUT,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def ended(process: subprocess.Popen[str], timeout: float = 900) -> Played:
    output, _nothing = process.communicate(timeout=timeout)
    return Played(process.returncode, output)


def play(playbook: str, *arguments: str, inventory: str | Path = INVENTORY, timeout: float = 900) -> Played:
    with started(playbook, *arguments, inventory=inventory) as process:
        return ended(process, timeout)


def killed_after(seconds: float, playbook: str, *arguments: str, inventory: str | Path = INVENTORY) -> Played:
    """A run of which everything is killed at once, unless it ends before."""
    with started(playbook, *arguments, inventory=inventory) as process:
        try:
            return ended(process, seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return ended(process)


def succeed(playbook: str, *arguments: str, **more: Any) -> Played:
    played = play(playbook, *arguments, **more)
    assert played.returncode == 0, played.output[-6000:]
    return played


def variables(folder: Path, **values: object) -> str:
    """Options for extra variables that are no texts."""
    file = folder / "variables.json"
    file.write_text(json.dumps(values))
    return f"--extra-vars=@{file}"


def storage(**changes: object) -> dict[str, Any]:
    """The bucket's configuration as values, for a Secret that the collection makes."""
    access_key, secret_key = CREDENTIALS.read_text().split()
    config = {"bucket": "thanos", "endpoint": "s3.minio.miribit.lab:9000", "insecure": True}
    config |= {"access_key": access_key, "secret_key": secret_key, **changes}
    return {"object_storage_config": {"type": "S3", "config": config}, "object_storage_secret_name": "planted"}


def least_permissions(folder: Path, *phases: str) -> str:
    """A kubeconfig of users that may do what the manifests of these phases allow."""
    document = yaml.safe_load(lab("exec", "cat", "/run/miribit-lab/kubeconfig"))
    tokens = {}
    for cluster in CLUSTERS:
        side = "central" if cluster == "cluster-01" else "edge"
        for manifest in (CHECKOUT / "docs" / "rbac" / f"{phase}-{side}.yaml" for phase in phases):
            # What is deployed is deployed on edges only.
            if manifest.exists():
                kubectl(cluster, "apply", "--server-side", f"--filename={manifest}")
        tokens[cluster] = kubectl(cluster, "create", "token", "miribit-thanos", "--namespace=monitoring").strip()
    document["users"] = [{"name": cluster, "user": {"token": token}} for cluster, token in tokens.items()]
    for context in document["contexts"]:
        context["context"]["user"] = context["name"]
    kubeconfig = folder / "kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(document))
    return str(kubeconfig)


def objects(cluster: str) -> dict[str, str]:
    """Every object that somebody has put into a cluster, and its content. An ended probe is no change."""
    listed = json.loads(kubectl(cluster, "get", KINDS, "--all-namespaces", "--output=json"))["items"]
    found = {}
    for item in listed:
        metadata = item["metadata"]
        labels = metadata.get("labels") or {}
        if "miribit.thanos/probe" in labels or metadata["name"] == "kube-root-ca.crt":
            continue
        # The day on which a token was last used: the API server writes it.
        labels.pop("kubernetes.io/legacy-token-last-used", None)
        kept = {name: metadata.get(name) for name in ("uid", "annotations", "ownerReferences", "finalizers")}
        kept["labels"] = labels
        if item["kind"] == "PersistentVolumeClaim":
            # Where it was bound is written there.
            del kept["annotations"]
        content = {name: value for name, value in item.items() if name not in {"metadata", "status"}}
        text = json.dumps([kept, content], sort_keys=True)
        if item["kind"] == "Secret":
            # A test that fails shows what it compares.
            text = sha256(text.encode()).hexdigest()
        found[f"{item['kind']} {metadata.get('namespace', '')}/{metadata['name']}"] = text
    return found


def fleet() -> dict[str, dict[str, str]]:
    with ThreadPoolExecutor() as pool:
        return dict(zip(CLUSTERS, pool.map(objects, CLUSTERS), strict=True))


def ask(query: str) -> list[dict[str, Any]]:
    """Thanos Query's answer, through the API server."""
    path = f"/api/v1/namespaces/monitoring/services/thanos-query:http/proxy/api/v1/query?query={quote(query)}"
    answer: list[dict[str, Any]] = json.loads(kubectl("cluster-01", "get", f"--raw={path}"))["data"]["result"]
    return answer


def recorded(edge: str) -> dict[str, Any]:
    """What the migration record says of an edge."""
    name = f"configmap/miribit-thanos-record-{edge}"
    text = kubectl("cluster-01", "get", name, "--namespace=monitoring", "--output=jsonpath={.data.record\\.json}")
    record: dict[str, Any] = json.loads(text)
    return record


def unchanged(played: Played) -> None:
    """Changed nothing, by its own word."""
    assert played.changed
    assert not any(played.changed.values()), played.output[-6000:]


@contextmanager
def nothing_changes() -> Iterator[None]:
    """Fails where any object of any cluster is another one afterwards."""
    before = fleet()
    yield
    after = fleet()
    changes = {
        cluster: {
            name: (before[cluster].get(name), after[cluster].get(name))
            for name in before[cluster].keys() | after[cluster].keys()
            if before[cluster].get(name) != after[cluster].get(name)
        }
        for cluster in CLUSTERS
    }
    assert not any(changes.values()), changes


def audit(folder: Path, *arguments: str, inventory: Path | None = None) -> dict[str, Any]:
    """The report of a run that changes nothing."""
    more = {"inventory": inventory} if inventory else {}
    with nothing_changes():
        played = succeed(AUDIT, f"--extra-vars=fleet_audit_reports={folder}", *arguments, **more)
    assert not any(played.changed.values())
    (file,) = folder.glob("*-audit.json")
    report: dict[str, Any] = json.loads(file.read_text())
    jsonschema.validate(report, json.loads((CHECKOUT / "docs" / "audit-report.schema.json").read_text()))
    return report


def findings(report: dict[str, Any]) -> dict[str, set[str]]:
    """Clusters by finding."""
    clusters: dict[str, set[str]] = {}
    for finding in report["findings"]:
        clusters.setdefault(finding["id"], set()).update(finding["clusters"])
    return clusters
