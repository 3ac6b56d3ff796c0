"""The receiver is broken and changed while samples arrive: nothing that it has acknowledged is lost."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml
from authority import Authority
from inside import get, kubectl, lab
from play import CREDENTIALS, PHASE1, killed_after, nothing_changes, play, storage, succeed, variables
from steady_writer import Steady

pytestmark = pytest.mark.long

Inventory = Callable[..., Path]

SCALE = "playbooks/scale_receivers.yml"
MONITORING = "--namespace=monitoring"


@pytest.fixture(scope="module", autouse=True)
def _before_phase_2() -> None:
    """What takes the receiver away is refused once edges deliver, as tests before these have seen to."""
    lab("reset", "audited")


def pods(kind: str) -> list[str]:
    selector = f"--selector=app.kubernetes.io/name=thanos-receive-{kind}"
    return [item["metadata"]["name"] for item in get("cluster-01", "pods", MONITORING, selector)["items"]]


def all_ready() -> None:
    kubectl("cluster-01", "rollout", "status", "statefulset/thanos-receiver-ingestor", MONITORING, "--timeout=180s")
    kubectl("cluster-01", "rollout", "status", "deployment/thanos-receiver-router", MONITORING, "--timeout=180s")


@contextmanager
def nothing_is_lost(folder: Path, name: str, **options: Any) -> Iterator[Steady]:
    """Samples are written all the time, and all that are acknowledged can be read in the end."""
    with Steady(folder, name, **options) as writer:
        yield writer
        writer.wait(20, 180)
        report = writer.check(120)
    summary = writer.summary()
    print(name, summary, {key: report[key] for key in ("expected", "found", "hidden", "unacknowledged")})
    assert report["expected"] == report["found"] > 0, report
    for wrong in ("missing", "wrong", "twice", "unexpected"):
        assert not report[wrong], report
    assert summary["refused"] == 0, summary


def test_any_single_pod_can_die(tmp_path: Path) -> None:
    succeed(PHASE1)
    with nothing_is_lost(tmp_path, "killed") as writer:
        for pod in [*pods("ingestor"), *pods("router")]:
            kubectl("cluster-01", "delete", "pod", pod, MONITORING, "--grace-period=0", "--force")
            writer.wait(5, 120)
            all_ready()
            writer.wait(5, 120)


def test_a_new_image_is_rolled_out(tmp_path: Path, inventory: Inventory) -> None:
    succeed(PHASE1)
    image = "registry.miribit.lab/thanos/thanos:v0.42.4"
    other = inventory(central={"fleet_thanos_image": image})
    with nothing_is_lost(tmp_path, "image"):
        succeed(PHASE1, inventory=other)
    for kind in ("ingestor", "router"):
        selector = f"--selector=app.kubernetes.io/name=thanos-receive-{kind}"
        found = get("cluster-01", "pods", MONITORING, selector)["items"]
        assert {pod["spec"]["containers"][0]["image"] for pod in found} == {image}


def test_the_ring_grows_and_shrinks_again(tmp_path: Path) -> None:
    succeed(PHASE1)
    with nothing_is_lost(tmp_path, "scaled"):
        for replicas in (4, 5, 4, 3):
            began = time.monotonic()
            rings = variables(tmp_path, thanos_receiver_rings=[{"name": "default", "replicas": replicas}])
            succeed(SCALE, rings)
            print(f"{replicas} ingestors after {time.monotonic() - began:.0f} s")
            assert len(pods("ingestor")) == replicas


_USERS = """
import sys
from minio import MinioAdmin
from minio.credentials import StaticProvider
root = StaticProvider(*open(sys.argv[1]).read().split())
admin = MinioAdmin(endpoint="s3.minio.miribit.lab:9000", credentials=root, secure=False)
for do, name in (argument.split("=") for argument in sys.argv[2:]):
    if do == "add":
        admin.user_add(name, f"secret-of-{name}")
        admin.attach_policy(["readwrite"], user=name)
    else:
        admin.user_remove(name)
"""


def bucket_of(user: str) -> dict[str, Any]:
    return storage(access_key=user, secret_key=f"secret-of-{user}")


def test_keys_of_the_bucket_are_rotated(tmp_path: Path, inventory: Inventory) -> None:
    def users(*changes: str) -> None:
        lab("exec", "python", "-c", _USERS, str(CREDENTIALS), *changes)

    users("add=first", "add=second")
    first = inventory(central=bucket_of("first"))
    succeed(PHASE1, inventory=first)
    with nothing_is_lost(tmp_path, "keys"):
        second = _rewritten(first, "group_vars/central.yml", bucket_of("second"))
        succeed(PHASE1, inventory=second)
        assert not any(succeed(PHASE1, inventory=second).changed.values())
        users("remove=first")
    with nothing_changes():
        revoked = _rewritten(first, "group_vars/central.yml", bucket_of("first"))
        played = play(PHASE1, inventory=revoked)
        assert played.returncode != 0
        assert "Fix:" in played.said
        assert "secret-of-" not in played.output
    # What ingestors hold is uploaded with the key that is left, and found there.
    second = _rewritten(first, "group_vars/central.yml", bucket_of("second"))
    succeed("playbooks/uninstall.yml", inventory=second)
    users("remove=second")
    succeed(PHASE1)


def test_a_wrong_certificate_is_refused_and_explained_and_right_ones_are_rotated(
    tmp_path: Path, inventory: Inventory
) -> None:
    authority = Authority()
    sender = authority.sender()
    stranger = authority.sender(signed_by=trustme.CA())
    receiver = authority.receiver()
    wrong = inventory(
        central=receiver,
        edge={"prometheus_agent_credentials": sender},
        cluster_03={"prometheus_agent_credentials": stranger},
    )
    played = play(PHASE1, "-vvv", inventory=wrong)
    assert played.returncode != 0
    for part in ("Remote write from context cluster-03 to https:", "certificate", "Fix:"):
        assert part in played.said, played.said[-4000:]
    assert played.changed["cluster-02"] + played.changed["cluster-04"] == 2
    for key in (sender["key"], stranger["key"], receiver["thanos_receiver_tls_files"]["key"]):
        for line in key.splitlines()[1:-1]:
            assert line not in played.output

    right = _rewritten(wrong, "host_vars/cluster-03.yml", {})
    succeed(PHASE1, inventory=right)

    files = {}
    for name, text in sender.items():
        files[name] = tmp_path / name
        files[name].write_text(text)
    secure = {"url": "https://192.168.101.210:19291/api/v1/receive", **files}
    with nothing_is_lost(tmp_path, "rotated", **secure):
        # The same authorities, and another certificate.
        again = _rewritten(right, "group_vars/central.yml", authority.receiver())
        rotated = succeed(PHASE1, inventory=again)
        assert rotated.changed["cluster-01"] > 0
    succeed(PHASE1)


def _rewritten(inventory: Path, file: str, values: dict[str, Any]) -> Path:
    path = inventory / file
    before = yaml.safe_load(path.read_text()) if values else {}
    path.write_text(yaml.safe_dump({**before, **values}))
    return inventory


def test_a_run_that_is_killed_is_finished_by_the_next_one(inventory: Inventory) -> None:
    succeed("playbooks/uninstall.yml", '--extra-vars={"thanos_receiver_delete_volumes": true}')
    seed = random.SystemRandom().randrange(10_000)
    print(f"seed {seed}")
    chance = random.Random(seed)
    for _round in range(5):
        delay = chance.uniform(3, 45)
        killed_after(delay, PHASE1)
        print(f"killed after {delay:.1f} s")
        succeed(PHASE1)
        assert not any(succeed(PHASE1).changed.values())
        succeed("playbooks/uninstall.yml", '--extra-vars={"thanos_receiver_delete_volumes": true}')
