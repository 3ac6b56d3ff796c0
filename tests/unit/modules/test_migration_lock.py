"""The module migration_lock, from its options to the JSON that Ansible reads."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from api_server import TOKEN
from object_server import ObjectServer

from ansible_collections.miribit.thanos.plugins.action import migration_lock
from ansible_collections.miribit.thanos.plugins.module_utils.kube import session
from ansible_collections.miribit.thanos.plugins.module_utils.migration import processes

OURS = {"id": "3f9a1c2e", "owner": "root@host1", "host": "host1", "pid": os.getpid()}
THEIRS = {"id": "9b2c11d0", "owner": "root@host2", "host": "host2", "pid": 17, "started": "another/9"}

Ask = Callable[..., dict[str, Any]]


@pytest.fixture
def server() -> Iterator[ObjectServer]:
    with contextlib.ExitStack() as stack:
        yield stack.enter_context(ObjectServer().serve())


@pytest.fixture
def ask(run_action: Ask, kubeconfig: Callable[..., str], server: ObjectServer) -> Ask:
    """Run the module against the stand-in."""
    started = processes.started(os.getpid())
    access = {"kubeconfig": kubeconfig(server.url), "context": "cluster-01", "namespace": "monitoring"}

    def run(**options: object) -> dict[str, Any]:
        result = run_action(migration_lock.ActionModule, {**access, "run": {**OURS, "started": started}, **options})
        assert result.get("failed") or result["changed"] is False
        return result

    return run


def test_a_run_gets_holds_and_releases_the_lock(ask: Ask, server: ObjectServer) -> None:
    assert ask()["acquired"]
    assert ask(state="held")["holder"] == "root@host1 run 3f9a1c2e"
    assert not ask(state="released")["acquired"]
    assert ask(run=THEIRS)["token"] == 2
    assert server.named("miribit-thanos", "leases")["spec"]["leaseDurationSeconds"] == 60


def test_name_and_duration_can_be_given(ask: Ask, server: ObjectServer) -> None:
    assert ask(name="another", duration=90)["expires_in"] == 90
    assert server.named("another", "leases")["spec"]["leaseDurationSeconds"] == 90


def test_the_lock_of_another_run_is_no_failure_before_the_last_look(ask: Ask) -> None:
    ask(run=THEIRS)
    result = ask()
    assert (result["done"], result["acquired"], result["holder"]) == (False, False, "root@host2 run 9b2c11d0")
    assert len(result["progress"]) == 1
    failed = ask(final=True)
    assert failed["msg"].startswith("Lock monitoring/miribit-thanos in context cluster-01: it is held by root@host2")
    assert [sorted(problem) for problem in failed["problems"]] == [["cause", "fix", "subject"]]


def test_a_task_whose_run_lost_the_lock_fails(ask: Ask, server: ObjectServer) -> None:
    ask()
    server.passes(100)
    assert ask(run=THEIRS)["takeover"]
    assert "this run does not hold it: it is held by root@host2 run 9b2c11d0" in ask(state="held")["msg"]


def test_the_lock_of_a_process_that_was_killed_is_taken_over(ask: Ask) -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        killed = {**OURS, "id": "aaaaaaaa", "pid": process.pid, "started": processes.started(process.pid)}
        ask(run=killed)
        assert not ask()["done"]
        process.kill()
    result = ask()
    assert (result["takeover"], result["acquired"]) == (True, True)
    assert result["progress"][0].endswith(f"its process {killed['pid']} on this host has ended")


def test_check_mode_tells_who_has_it_and_goes_on(ask: Ask, server: ObjectServer) -> None:
    ask(run=THEIRS)
    result = ask(check_mode=True, final=True)
    assert (result["done"], result["acquired"]) == (True, False)
    assert "root@host2 run 9b2c11d0" in result["progress"][0]
    assert ask(check_mode=True, state="held")["done"]
    assert len(server.writes()) == 1


def test_a_run_without_a_name_is_refused(ask: Ask) -> None:
    assert ask(run={})["msg"].startswith("Option run: it has no id, or no owner")


def test_a_missing_namespace_is_told(ask: Ask, server: ObjectServer) -> None:
    server.namespaces.clear()
    assert ask()["msg"].startswith("Namespace monitoring in context cluster-01: it does not exist, and the lock of")


def test_a_controller_without_the_kubernetes_library_is_told_what_to_install(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "HAS_KUBERNETES", False)
    assert "Failed to import the required Python library (kubernetes)" in ask()["msg"]


def test_nothing_of_the_kubeconfig_is_in_the_lease(ask: Ask, server: ObjectServer) -> None:
    ask()
    assert TOKEN not in str(server.objects)
