"""Phase 1 on the fleet as the audit found it. The tests follow each other, as an operator's commands do."""

from __future__ import annotations

import base64
import json
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Self
from urllib.parse import quote

import pytest
from inside import CHECKOUT, CLUSTERS, LAB, eventually, kubectl, lab
from play import (
    CREDENTIALS,
    EDGES,
    INVENTORY,
    PHASE1,
    Played,
    ask,
    environment,
    fleet,
    least_permissions,
    nothing_changes,
    play,
    recorded,
    storage,
    succeed,
    unchanged,
)

Inventory = Callable[..., Path]

pytestmark = pytest.mark.usefixtures("audited")


def test_check_mode_says_what_would_come_and_makes_nothing() -> None:
    with nothing_changes():
        played = succeed(PHASE1, "--check", "--diff")
    assert played.changed["cluster-01"] > 0
    for object_name in ("StatefulSet monitoring/thanos-receiver-ingestor", "Deployment monitoring/thanos-query"):
        assert f"+++ after: {object_name}" in played.output


def test_check_mode_works_where_there_is_no_namespace_yet(inventory: Inventory) -> None:
    elsewhere = inventory(central={"fleet_namespace": "elsewhere", **storage()})
    with nothing_changes():
        played = succeed(PHASE1, "--check", "--diff", inventory=elsewhere)
    assert "+++ after: Namespace elsewhere" in played.output
    assert "+++ after: Deployment elsewhere/thanos-query" in played.output


def test_a_sample_of_every_edge_comes_back() -> None:
    played = succeed(PHASE1)
    assert "not high availability" in played.said
    found = ask("count by (cluster) (count_over_time(miribit_thanos_canary[10m]))")
    assert {one["metric"]["cluster"] for one in found} == set(EDGES)
    # One for each tenant that an edge writes as.
    assert {one["metric"]["cluster"]: one["value"][1] for one in found} == {
        **dict.fromkeys(EDGES, "1"),
        "cluster-02": "3",
    }


def test_the_record_knows_which_edges_can_deliver() -> None:
    for edge in EDGES:
        assert recorded(edge)["phase"] == "phase1"


def test_a_second_run_changes_nothing() -> None:
    with nothing_changes():
        unchanged(succeed(PHASE1))


def test_check_mode_is_still_true_when_all_is_there() -> None:
    with nothing_changes():
        played = succeed(PHASE1, "--check", "--diff")
    unchanged(played)


def test_limit_proves_one_edge_and_keeps_the_lock() -> None:
    with nothing_changes():
        played = succeed(PHASE1, "--limit=cluster-03")
    assert list(played.changed) == ["cluster-03"]
    unchanged(played)
    for task in ("Check the access to the central cluster cluster-01", "Acquire the lock of the fleet"):
        assert task in played.output


def test_each_sample_is_stored_three_times_and_counted_once() -> None:
    copies = kubectl(
        "cluster-01",
        "get",
        "--raw=/api/v1/namespaces/monitoring/services/thanos-query:http/proxy/api/v1/query?dedup=false&query="
        + quote("count by (cluster) (count_over_time(miribit_thanos_canary[1h]))"),
    )
    once = {
        one["metric"]["cluster"]: int(one["value"][1])
        for one in ask("count by (cluster) (count_over_time(miribit_thanos_canary[1h]))")
    }
    assert {one["metric"]["cluster"]: int(one["value"][1]) for one in json.loads(copies)["data"]["result"]} == {
        edge: 3 * count for edge, count in once.items()
    }


def test_query_counts_what_a_sidecar_and_its_replica_both_have_once() -> None:
    # Two replicas of the central Prometheus scrape the same targets.
    (found,) = ask('count(up{job="kubelet",cluster="cluster-01",metrics_path="/metrics"})')
    assert found["value"][1] == "1"


def test_the_ingress_takes_remote_write_and_nothing_else() -> None:
    host = "http://thanos-receiver.k8s-cluster-01.miribit.lab"
    for path, status in (("/api/v1/receive", "200"), ("/metrics", "404"), ("/debug/pprof/", "404")):
        # A body of one zero byte is a valid request without series.
        script = (
            "import sys, urllib.request, urllib.error\n"
            "try: print(urllib.request.urlopen(sys.argv[1], b'\\0').status)\n"
            "except urllib.error.HTTPError as error: print(error.code)\n"
        )
        assert lab("exec", "python", "-c", script, host + path).strip() == status


class ProcessList:
    """The command lines of all processes of the machine, seen again and again."""

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def _look(self) -> None:
        while not self._end.wait(0.1):
            for process in Path("/proc").glob("[0-9]*"):
                try:
                    line = (process / "cmdline").read_text(errors="replace").replace("\0", " ")
                except OSError:
                    continue
                # The operator of the audited fleet gives its sidecars the bucket's whole configuration as an argument.
                if " sidecar " not in line:
                    self.seen.add(line)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()


@pytest.mark.long
def test_no_secret_shows_anywhere_but_in_secrets(inventory: Inventory) -> None:
    secret = CREDENTIALS.read_text().split()[1]
    # As it is, as a Secret holds the whole file, and as one might encode it alone.
    wanted = [secret, base64.b64encode(secret.encode()).decode().rstrip("=")]
    with ProcessList() as processes:
        played = succeed(PHASE1, "-vvv", "--diff", inventory=inventory(central=storage()))
    assert processes.seen
    everything = [played.output, "\n".join(processes.seen)]
    for cluster in CLUSTERS:
        kinds = "configmaps,pods,events,leases.coordination.k8s.io,deployments,statefulsets,jobs,services,ingresses"
        everything.append(kubectl(cluster, "get", kinds, "--all-namespaces", "--output=json"))
    for text in everything:
        for value in wanted:
            assert value not in text
    held = kubectl("cluster-01", "get", "secret", "planted", "--namespace=monitoring", "--output=json")
    assert secret in base64.b64decode(json.loads(held)["data"]["objstore.yml"]).decode()


@pytest.mark.long
def test_a_lost_record_is_made_again_and_nothing_else_changes() -> None:
    succeed(PHASE1)
    before = fleet()
    kubectl(
        "cluster-01",
        "delete",
        "configmap",
        "--namespace=monitoring",
        *(f"miribit-thanos-record-{name}" for name in CLUSTERS),
    )
    succeed(PHASE1)
    after = fleet()
    for cluster in CLUSTERS:
        changed = {
            name
            for name in before[cluster].keys() | after[cluster].keys()
            if before[cluster].get(name) != after[cluster].get(name)
        }
        assert all("miribit-thanos-record" in name for name in changed), changed


@pytest.mark.long
def test_what_looks_like_ours_without_a_record_is_named_and_stays() -> None:
    stray = ("thanos-stray", "app.kubernetes.io/managed-by=miribit.thanos,app.kubernetes.io/part-of=thanos")
    kubectl("cluster-01", "create", "configmap", stray[0], "--namespace=monitoring")
    kubectl(
        "cluster-01",
        "label",
        "configmap",
        stray[0],
        "--namespace=monitoring",
        *stray[1].split(","),
        "app.kubernetes.io/component=thanos-query",
    )
    try:
        played = succeed(PHASE1)
        assert "v1/ConfigMap/monitoring/thanos-stray" in played.said
        assert kubectl("cluster-01", "get", "configmap", stray[0], "--namespace=monitoring", "--output=name")
    finally:
        kubectl("cluster-01", "delete", "configmap", stray[0], "--namespace=monitoring")


@pytest.mark.long
def test_memory_that_no_node_has_is_warned_of(inventory: Inventory) -> None:
    huge = inventory(central={"thanos_receiver_ingestor_resources": {"requests": {"memory": "900Gi"}}})
    with nothing_changes():
        played = succeed(PHASE1, "--check", inventory=huge)
    assert "2700.0 GiB of memory will be asked for" in played.said


@pytest.mark.long
def test_with_the_least_permissions_it_does_the_same(tmp_path: Path, inventory: Inventory) -> None:
    with_least = inventory(all={"fleet_kubeconfig": least_permissions(tmp_path, "phase1")})
    succeed(PHASE1, inventory=with_least)
    succeed("playbooks/uninstall.yml", inventory=with_least)
    succeed(PHASE1, inventory=with_least)
    unchanged(succeed(PHASE1, inventory=with_least))


@pytest.mark.long
@pytest.mark.usefixtures("receiver")
def test_installed_from_the_tarball_it_does_the_same(tmp_path: Path) -> None:
    tree, home = tmp_path / "tree", tmp_path / "home"
    home.mkdir()
    (home / "ansible.cfg").touch()
    subprocess.run([CHECKOUT / "tests" / "tree.sh", tree], check=True)
    source = tree / "ansible_collections" / "miribit" / "thanos"
    outside = {
        **environment(),
        "HOME": str(home),
        "ANSIBLE_CONFIG": str(home / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": str(home / "collections"),
    }
    venv = str(CHECKOUT / ".build" / "venv" / "bin")
    for line in (
        ["collection", "build", str(source), "--output-path", str(home)],
        ["collection", "install", "--no-deps", "--offline", str(home / "miribit-thanos-0.1.0.tar.gz")],
    ):
        subprocess.run([f"{venv}/ansible-galaxy", *line], env=outside, cwd=home, check=True, capture_output=True)

    # The lab's inventory takes it from beside the checkout's ansible.cfg.
    chart = f"--extra-vars=legacy_prometheus_chart_ref={CHECKOUT}/lab/charts/kube-prometheus-stack"

    def installed(playbook: str, *arguments: str) -> Played:
        inventory = f"--inventory={CHECKOUT / INVENTORY}"
        line = ["ansible-playbook", inventory, chart, f"miribit.thanos.{playbook}", *arguments]
        done = subprocess.run([LAB, "exec", *line], env=outside, cwd=home, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
        return Played(done.returncode, done.stdout + done.stderr)

    unchanged(installed("phase1_receiver"))
    assert installed("phase2_remote_write", "--limit=cluster-04").changed["cluster-04"] > 0
    unchanged(installed("phase2_remote_write", "--limit=cluster-04"))
    installed("rollback", "--limit=cluster-04", "--extra-vars=to=phase1")


@pytest.mark.long
def test_an_address_that_nobody_gives_is_explained(inventory: Inventory) -> None:
    elsewhere = inventory(
        central={"thanos_receiver_load_balancer": {"address": "192.168.101.240"}, "thanos_receiver_rollout_timeout": 15}
    )
    played = play(PHASE1, inventory=elsewhere)
    assert played.returncode != 0
    for part in ("Service monitoring/thanos-receiver", "192.168.101.240", "Fix:"):
        assert part in played.said, played.said[-3000:]
    succeed(PHASE1)


@pytest.mark.long
def test_an_image_that_cannot_be_pulled_is_explained_and_mended_by_a_rerun(inventory: Inventory) -> None:
    wrong = inventory(
        central={"fleet_thanos_image": "quay.io/thanos/thanos:v0.42.99", "fleet_thanos_version": "0.42.99"}
    )
    played = play(PHASE1, inventory=wrong)
    assert played.returncode != 0
    for part in ("quay.io/thanos/thanos:v0.42.99", "Fix:"):
        assert part in played.said, played.said[-3000:]
    unchanged(succeed(PHASE1))


@pytest.mark.long
def test_a_quota_that_is_too_small_is_explained_and_mended_by_a_rerun(inventory: Inventory) -> None:
    kubectl("cluster-01", "create", "quota", "small", "--hard=pods=14", "--namespace=monitoring")
    try:
        four = inventory(
            central={
                "thanos_receiver_rings": [{"name": "default", "replicas": 9}],
                "thanos_receiver_rollout_timeout": 30,
            }
        )
        played = play("playbooks/scale_receivers.yml", inventory=four)
        assert played.returncode != 0
        for part in ("exceeded quota", "small", "Fix:"):
            assert part in played.said, played.said[-3000:]
    finally:
        kubectl("cluster-01", "delete", "quota", "small", "--namespace=monitoring")
    succeed(PHASE1)
    assert eventually(
        lambda: (
            kubectl(
                "cluster-01",
                "get",
                "statefulset",
                "thanos-receiver-ingestor",
                "--namespace=monitoring",
                "--output=jsonpath={.status.replicas}",
            )
            == "3"
        )
    )


@pytest.mark.long
def test_uninstalled_the_fleet_is_as_the_audit_found_it() -> None:
    lab("reset", "audited")
    before = fleet()
    succeed(PHASE1)
    succeed("playbooks/uninstall.yml", '--extra-vars={"thanos_receiver_delete_volumes": true}')
    assert fleet() == before
