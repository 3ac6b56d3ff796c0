"""SIGKILL of anything: afterwards `lab up` brings a healthy lab, and `lab down` leaves nothing."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor

import pytest
from inside import CHECKOUT, CLUSTERS, LAB, apply, eventually, kubectl, lab, pod, run
from machine import leftovers

from lab import cgroups, settings
from lab.paths import OWNER, STATE

SUPERVISORCTL = ("exec", "python", "-m", "supervisor.supervisorctl", "-c", STATE / "supervisord.conf")


def programs() -> dict[str, int]:
    """The process of each supervised program, as numbered inside the lab."""
    lines = lab(*SUPERVISORCTL, "status").splitlines()
    return {line.split()[0]: int(line.split()[3].rstrip(",")) for line in lines if "RUNNING" in line}


def works() -> bool:
    """Not only healthy by its own words: in every cluster a new pod gets an address, a name server and an answer."""
    probe = pod("probe", "busybox", "nslookup", "kubernetes.default.svc.cluster.local", restartPolicy="Never")

    def try_one(cluster: str) -> None:
        apply(cluster, probe)
        kubectl(cluster, "wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/probe", "--timeout=60s")
        kubectl(cluster, "delete", "pod", "probe")

    with ThreadPoolExecutor() as pool:
        list(pool.map(try_one, CLUSTERS))
    return True


def test_every_supervised_program_comes_back_after_sigkill() -> None:
    lab("up")
    first = programs()
    assert len(first) > 30
    nodes = sorted((node.name for node in settings.load().nodes), key=len, reverse=True)
    kinds = defaultdict(list)
    for name in first:
        owner = next((owner for owner in (*nodes, *CLUSTERS) if name.startswith(f"{owner}-")), "")
        kinds[name.removeprefix(f"{owner}-")].append(name)
    assert set(kinds) == {
        *("dns", "minio", "etcd", "apiserver", "controller-manager", "scheduler"),
        *("containerd", "kubelet", "kube-proxy", "ingress"),
    }
    # One kind in turn, in all clusters at once: for each of them all others are still there.
    for kind in sorted(kinds):
        before = programs()
        victims = {name: before[name] for name in kinds[kind]}
        lab("exec", "kill", "-KILL", *victims.values())
        for name, process in victims.items():
            assert eventually(lambda name=name, process=process: programs().get(name, process) != process), name
        lab("up")
    assert set(programs()) == set(first)
    assert works()


def test_all_programs_killed_at_once_come_back() -> None:
    lab("up")
    before = programs()
    lab("exec", "kill", "-KILL", *before.values())
    lab("up")
    assert not set(programs().values()) & set(before.values())
    assert works()


@pytest.mark.parametrize("then", ["up", "down"])
def test_the_supervisor_killed_takes_all_with_it_and_the_lab_is_repaired_or_removed(then: str) -> None:
    lab("up")
    kubectl("cluster-03", "create", "configmap", "kept", "--from-literal=key=value")
    init = cgroups.init()
    assert init
    os.kill(init, signal.SIGKILL)
    assert eventually(lambda: not cgroups.processes()), "the kernel ends a PID namespace with its init"
    assert run(LAB, "status").returncode == 3
    lab(then)
    if then == "up":
        assert "kept" in kubectl("cluster-03", "get", "configmaps"), "what was in the clusters is still there"
        assert works()
        lab("down")
    assert leftovers() == []


def test_groups_and_files_that_a_crash_left_are_removed() -> None:
    lab("down")
    cgroups.create("init", "cluster-01/control-plane", "cluster-09/stale")
    state = STATE / "clusters" / "cluster-01" / "etcd"
    state.mkdir(parents=True)
    (state / "torn").write_text("not a database")
    OWNER.write_text("/another/checkout\n")
    lab("up")
    assert "state empty" in lab("status")
    lab("down")
    assert leftovers() == []


def test_lab_up_killed_at_random_moments_is_finished_by_the_next() -> None:
    seed = int(os.environ.get("LAB_SEED") or random.randrange(10**6))
    moments = random.Random(seed)
    print(f"LAB_SEED={seed}")
    for attempt in range(int(os.environ.get("LAB_KILLS") or 3)):
        lab("down")
        began = time.monotonic()
        up = subprocess.Popen([LAB, "up"], cwd=CHECKOUT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(moments.uniform(0, 30))  # it takes as long
        up.kill()
        up.wait()
        print(f"attempt {attempt}: killed after {time.monotonic() - began:.1f} s")
        if attempt == 0:  # once straight down, to see that nothing of a half-made lab stays
            lab("down")
            assert leftovers() == []
        else:
            lab("up")
            assert works()
    lab("down")
    assert leftovers() == []


def test_a_second_command_is_refused_while_one_works_on_the_lab() -> None:
    lab("down")
    up = subprocess.Popen([LAB, "up"], cwd=CHECKOUT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        refused = eventually(lambda: (done := run(LAB, "down")).returncode == 1 and done)
        assert f"lab up, process {up.pid}" in refused.stderr
        assert "wait for it to end" in refused.stderr
    finally:
        up.wait()
    assert up.returncode == 0
