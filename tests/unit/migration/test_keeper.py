"""The lock of the fleet while a task works: it is renewed, and who loses it is told."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

import pytest
from object_server import ObjectServer

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.kube import session
from ansible_collections.miribit.thanos.plugins.module_utils.kube.api import Request
from ansible_collections.miribit.thanos.plugins.module_utils.kube.errors import AwayError
from ansible_collections.miribit.thanos.plugins.module_utils.kube.proxy import Answer
from ansible_collections.miribit.thanos.plugins.module_utils.migration import keeper, processes
from ansible_collections.miribit.thanos.plugins.module_utils.migration.keeper import Keeper, lock_of
from ansible_collections.miribit.thanos.plugins.module_utils.migration.lease import LOCK_NAME, Lock, Run

OURS = Run("3f9a1c2e", "root@host1")
THEIRS = Run("9b2c11d0", "root@host2")
GET = "GET /apis/coordination.k8s.io/v1/namespaces/monitoring/leases/miribit-thanos"


class Central(ObjectServer):
    """One that can be away, or met with what nobody knows."""

    away = False
    broken: tuple[Exception, ...] = ()

    def send(self, request: Request) -> Answer:
        for error in self.broken:
            raise error
        if self.away:
            self.requests.append("away")
            raise AwayError([Problem("API server", "it cannot be reached", "check that it runs")])
        return super().send(request)

    def renewed(self) -> str:
        return str(self.named(LOCK_NAME, "leases")["spec"]["renewTime"])


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "RENEWAL", 0.01)


@pytest.fixture
def central() -> Central:
    made = Central()
    acquire(made, OURS)
    made.requests.clear()
    return made


def acquire(central: Central, run: Run) -> None:
    state = lock(central, run).acquire(60, lambda _pid: None, final=True)
    assert state.acquired


def lock(central: Central, run: Run = OURS) -> Lock:
    return Lock(central, "monitoring", LOCK_NAME, run)


def until(condition: Callable[[], bool]) -> None:
    """Wait for what another thread does."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def lost(kept: Keeper) -> ProblemError:
    found: list[ProblemError] = []

    def is_lost() -> bool:
        try:
            kept.check()
        except ProblemError as error:
            found.append(error)
        return bool(found)

    until(is_lost)
    return found[0]


def test_a_lock_is_renewed_while_the_block_works(central: Central) -> None:
    with Keeper(lock(central)) as kept:
        for _time in range(2):
            before = central.renewed()
            # More than a third of how long it lasts.
            central.passes(21)
            until(lambda before=before: central.renewed() != before)  # type: ignore[misc]
        kept.check()
    assert len(central.writes()) == 2


def test_a_lock_that_is_fresh_is_looked_at_and_not_written(central: Central) -> None:
    with Keeper(lock(central)) as kept:
        until(lambda: central.requests.count(GET) > 3)
        kept.check()
    assert central.writes() == []


def test_a_run_that_does_not_hold_the_lock_does_not_begin(central: Central) -> None:
    threads = threading.active_count()
    with pytest.raises(ProblemError, match="it is held by root@host1 run 3f9a1c2e"), Keeper(lock(central, THEIRS)):
        pytest.fail("it has begun")
    assert threading.active_count() == threads


def test_a_lock_that_is_lost_is_told_each_time_it_is_asked_for(central: Central) -> None:
    with Keeper(lock(central)) as kept:
        kept.check()
        with central._guard:
            central.passes(100)
            acquire(central, THEIRS)
        assert "it is held by root@host2 run 9b2c11d0" in str(lost(kept))
        with pytest.raises(ProblemError, match="root@host2"):
            kept.check()
        asked = len(central.requests)
        time.sleep(0.05)
        # Nor is it fought for.
        assert len(central.requests) == asked
    assert central.named(LOCK_NAME, "leases")["spec"]["holderIdentity"] == THEIRS.holder


@pytest.mark.parametrize("event", ["released", "deleted"])
def test_a_lock_that_is_gone_is_lost(central: Central, event: str) -> None:
    with Keeper(lock(central)) as kept:
        if event == "released":
            lock(central).release()
        else:
            central.objects.clear()
        assert event in str(lost(kept))


def test_a_renewal_that_is_forbidden_is_told(central: Central) -> None:
    central.refusals["PUT", "leases"] = (403, "leases is forbidden")
    with Keeper(lock(central)) as kept:
        central.passes(21)
        assert "leases is forbidden" in str(lost(kept))


def test_an_api_server_that_is_away_for_a_moment_does_not_lose_it(central: Central) -> None:
    with Keeper(lock(central)) as kept:
        central.away = True
        until(lambda: central.requests.count("away") > 2)
        kept.check()
        before = central.renewed()
        central.passes(30)
        central.away = False
        until(lambda: central.renewed() != before)
        kept.check()


def test_who_took_it_while_the_api_server_was_away_is_told(central: Central) -> None:
    with Keeper(lock(central)) as kept:
        central.refusals["GET", "leases"] = (503, "etcdserver: leader changed")
        time.sleep(0.05)
        kept.check()
        with central._guard:
            central.refusals.clear()
            central.passes(100)
            acquire(central, THEIRS)
        assert "root@host2" in str(lost(kept))


def test_a_lock_that_cannot_be_kept_for_what_nobody_knows_is_lost(central: Central) -> None:
    with Keeper(lock(central)) as kept:
        central.broken = (ValueError("word-that-must-stay-secret"),)
        error = lost(kept)
    assert "it cannot be renewed (ValueError)" in str(error)
    assert "word-that-must-stay-secret" not in str(error)


def test_a_task_without_a_lock_keeps_nothing() -> None:
    threads = threading.active_count()
    with Keeper(None) as kept:
        kept.check()
        assert threading.active_count() == threads


def test_the_thread_ends_with_the_block(central: Central) -> None:
    threads = threading.active_count()
    with Keeper(lock(central)):
        assert threading.active_count() == threads + 1
    assert threading.active_count() == threads
    asked = len(central.requests)
    time.sleep(0.05)
    assert len(central.requests) == asked


def test_the_thread_ends_with_a_block_that_fails(central: Central) -> None:
    threads = threading.active_count()
    with pytest.raises(InterruptedError), Keeper(lock(central)):
        raise InterruptedError
    assert threading.active_count() == threads


def test_it_does_not_wait_for_its_next_look_to_end(central: Central, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "RENEWAL", 600)
    began = time.monotonic()
    with Keeper(lock(central)):
        pass
    assert time.monotonic() - began < 60


def test_a_lock_is_that_of_the_options(central: Central, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str | None, str | None]] = []

    def session_of(kubeconfig: str | None, context: str | None) -> Central:
        asked.append((kubeconfig, context))
        return central

    monkeypatch.setattr(session, "session", session_of)
    run = {"id": OURS.id, "owner": OURS.owner, "pid": os.getpid()}
    found = lock_of({"context": "cluster-01", "namespace": "monitoring", "run": run})
    assert found.held().lease.holder == OURS.holder
    assert asked == [(None, "cluster-01")]
    another = lock_of({"kubeconfig": "/central", "namespace": "monitoring", "name": "another", "run": run})
    another.acquire(60, processes.started, final=True)
    lease = central.named("another", "leases")
    # Without it, numbers of processes would mean nothing to others.
    assert processes.pid_namespace() in str(lease["metadata"]["annotations"])
    assert asked[-1] == ("/central", None)


@pytest.mark.parametrize("run", [None, {}, {"owner": "root@host1"}])
def test_options_that_name_no_run_are_refused(run: object) -> None:
    with pytest.raises(ProblemError, match="Option run"):
        lock_of({"namespace": "monitoring", "run": run})
