"""What phase 1 refuses on real clusters, each with object, cause and fix, and that nothing has changed then."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from inside import apply, kubectl, lab
from play import CREDENTIALS, PHASE1, nothing_changes, play, storage

pytestmark = pytest.mark.usefixtures("audited")

Inventory = Callable[..., Path]


def refused(inventory: Path, *arguments: str) -> str:
    """The message of a run that must be refused, and that must leave every object of every cluster as it is."""
    with nothing_changes():
        played = play(PHASE1, *arguments, inventory=inventory)
    assert played.returncode != 0, played.output[-3000:]
    assert "Traceback" not in played.output
    return played.said


def test_everything_that_is_wrong_with_access_is_told_at_once(inventory: Inventory, tmp_path: Path) -> None:
    elsewhere = yaml.safe_load(lab("exec", "cat", "/run/miribit-lab/kubeconfig"))
    for cluster in elsewhere["clusters"]:
        cluster["cluster"]["server"] = "https://127.0.0.1:9"
    kubeconfig = tmp_path / "elsewhere"
    kubeconfig.write_text(yaml.safe_dump(elsewhere))
    said = refused(
        inventory(
            cluster_01={"fleet_storage_class": "longhron", "fleet_ingress_class": "nginx"},
            cluster_02={"fleet_context": "cluster-2"},
            cluster_03={"fleet_kubeconfig": str(kubeconfig)},
            cluster_04={"fleet_cluster_uid": "00000000-0000-0000-0000-000000000000"},
        )
    )
    for part in (
        "longhron",
        "did you mean longhorn",
        "nginx",
        "there is no context cluster-2; the file has cluster-01",
        "127.0.0.1:9",
        "Connection refused",
        "cluster-04",
        "00000000-0000-0000-0000-000000000000",
    ):
        assert part in said, f"{part} not in {said}"
    assert said.count("Fix:") >= 5


def test_everything_that_is_wrong_with_the_inventory_is_told_at_once(inventory: Inventory) -> None:
    said = refused(
        inventory(
            cluster_01={
                "thanos_receiver_rings": [{"name": "default", "replicas": 2}],
                "thanos_reciever_routers": 2,
                "fleet_cluster_label": "cluster-04",
            },
            cluster_03={
                "prometheus_agent_remote_write_via": "url",
                "prometheus_agent_remote_write_url": "http://thanos-receiver.monitoring.svc:19291/api/v1/receive",
            },
        )
    )
    for part in (
        "2 endpoints for 3 copies",
        "thanos_reciever_routers",
        "thanos_receiver_routers",
        "resolves only inside the Service's own cluster",
        "cluster-04",
    ):
        assert part in said, f"{part} not in {said}"
    assert said.count("Fix:") >= 4


def test_limit_leaves_no_check_out(inventory: Inventory) -> None:
    said = refused(inventory(cluster_04={"fleet_namespaces": "x"}), "--limit=cluster-03")
    assert "fleet_namespaces" in said


def test_missing_permissions_are_listed(inventory: Inventory, tmp_path: Path) -> None:
    nobody = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "nobody", "namespace": "default"}}
    apply("cluster-03", nobody)
    token = kubectl("cluster-03", "create", "token", "nobody", "--namespace=default").strip()
    document = yaml.safe_load(lab("exec", "cat", "/run/miribit-lab/kubeconfig"))
    for user in document["users"]:
        user["user"] = {"token": token}
    kubeconfig = tmp_path / "nobody"
    kubeconfig.write_text(yaml.safe_dump(document))
    said = refused(inventory(cluster_03={"fleet_kubeconfig": str(kubeconfig)}))
    for part in ("list, create, delete on jobs.batch", "docs/rbac/phase1-edge.yaml", "cluster-03"):
        assert part in said, f"{part} not in {said}"
    assert token not in said


@pytest.mark.long
@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"bucket": "no-such-bucket"}, "bucket does not exist"),
        ({"secret_key": "planted-wrong-secret"}, "secret key"),
        ({"endpoint": "s3.nowhere.miribit.lab:9000"}, "DNS does not know the name of the endpoint"),
    ],
    ids=["bucket", "key", "endpoint"],
)
def test_a_bucket_that_cannot_be_used_is_refused_before_anything_depends_on_it(
    inventory: Inventory, changes: dict[str, object], cause: str
) -> None:
    said = refused(inventory(central=storage(**changes)), "-vvv")
    assert cause in said, said[-3000:]
    assert "Fix:" in said
    for secret in (*CREDENTIALS.read_text().split()[1:], "planted-wrong-secret"):
        assert secret not in said


@pytest.mark.long
def test_whoever_else_holds_the_lock_is_named(inventory: Inventory) -> None:
    lease = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": "miribit-thanos", "namespace": "monitoring"},
        "spec": {
            "holderIdentity": "anna@desk run 12345678",
            "leaseDurationSeconds": 3600,
            "leaseTransitions": 1,
            "acquireTime": "2099-01-01T00:00:00.000000Z",
            "renewTime": "2099-01-01T00:00:00.000000Z",
        },
    }
    kubectl("cluster-01", "delete", "lease", "miribit-thanos", "--namespace=monitoring", "--ignore-not-found")
    apply("cluster-01", lease)
    try:
        said = refused(inventory(all={"fleet_lock_timeout": 3}))
    finally:
        kubectl("cluster-01", "delete", "lease", "miribit-thanos", "--namespace=monitoring")
    assert "anna@desk run 12345678" in said
    assert "Fix:" in said


@pytest.mark.long
def test_the_secret_of_the_bucket_that_is_missing_is_named(inventory: Inventory) -> None:
    said = refused(inventory(central={"object_storage_secret_name": "no-such-secret"}))
    assert "no-such-secret" in said
    assert "Fix:" in said


@pytest.mark.long
def test_a_secret_that_is_somebody_elses_is_not_overwritten(inventory: Inventory) -> None:
    said = refused(inventory(central={**storage(), "object_storage_secret_name": "thanos-objstore-config"}))
    assert "this collection did not make it" in said
    assert "Fix:" in said
