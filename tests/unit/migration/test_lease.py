"""The lock of a fleet: who gets it, who keeps it, who loses it."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from object_server import START, ObjectServer

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.migration import processes
from ansible_collections.miribit.thanos.plugins.module_utils.migration.lease import (
    RUN,
    TRIES,
    Lock,
    Run,
    Started,
    State,
    as_text,
    decide,
    read_lease,
    read_run,
    taken,
)

BOOT = "0f6f0c9e-boot"
OURS = Run("3f9a1c2e", "root@host1", "host1", 4242, f"{BOOT}/100", "pid:[1]")
DEAD = Run("aaaaaaaa", "root@host1", "host1", 4000, f"{BOOT}/50", "pid:[1]")
THEIRS = Run("9b2c11d0", "root@host2", "host2", 17, "another/9", "pid:[1]")
WHERE = "Lock monitoring/miribit-thanos in context cluster-01"
PATH = "/apis/coordination.k8s.io/v1/namespaces/monitoring/leases/miribit-thanos"


def processes_of(*runs: Run) -> Started:
    """The machine on which these run."""
    table = {run.pid: run.started for run in runs}
    return lambda pid: table.get(pid, "")


HOST1 = processes_of(OURS)


@pytest.fixture
def server() -> ObjectServer:
    return ObjectServer()


def lock(server: ObjectServer, run: Run = OURS, *, check_mode: bool = False) -> Lock:
    return Lock(server, "monitoring", "miribit-thanos", run, check_mode=check_mode)


def acquire(server: ObjectServer, run: Run = OURS, *, final: bool = False, check_mode: bool = False) -> State:
    return lock(server, run, check_mode=check_mode).acquire(60, HOST1, final=final)


def lease_of(run: Run, **spec: object) -> dict[str, Any]:
    item = taken(None, "miribit-thanos", run, START, 60)
    return {**item, "spec": {**item["spec"], **spec}}


# Getting it.


def test_a_lock_that_nobody_has_is_taken(server: ObjectServer) -> None:
    state = acquire(server)
    assert state.as_dict() == {
        "acquired": True,
        "holder": "root@host1 run 3f9a1c2e",
        "takeover": False,
        "token": 1,
        "expires_in": 60,
        "done": True,
        "progress": [],
    }
    item = server.objects[PATH]
    assert item["spec"] == {
        "holderIdentity": "root@host1 run 3f9a1c2e",
        "acquireTime": "2026-01-01T12:00:00.000000Z",
        "renewTime": "2026-01-01T12:00:00.000000Z",
        "leaseDurationSeconds": 60,
        "leaseTransitions": 1,
    }
    assert json.loads(item["metadata"]["annotations"][RUN]) == asdict(OURS)
    assert item["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "miribit.thanos"


def test_a_released_lock_is_taken_with_a_higher_token(server: ObjectServer) -> None:
    acquire(server, THEIRS)
    lock(server, THEIRS).release()
    state = acquire(server)
    assert (state.acquired, state.takeover, state.as_dict()["token"]) == (True, False, 2)


def test_the_lock_of_another_host_is_waited_for(server: ObjectServer) -> None:
    acquire(server, THEIRS)
    server.passes(59)
    state = acquire(server)
    assert not state.acquired
    assert not state.done
    assert state.as_dict()["expires_in"] == 1
    assert state.message == (
        "the lock is held by root@host2 run 9b2c11d0 since 2026-01-01 12:00:00 UTC; it was renewed at "
        "2026-01-01 12:00:00 UTC, and expires 60 s after that unless it is renewed again"
    )
    assert server.objects[PATH]["spec"]["holderIdentity"] == THEIRS.holder


def test_the_line_about_who_holds_it_changes_only_when_the_lock_does(server: ObjectServer) -> None:
    acquire(server, THEIRS)
    first = acquire(server).message
    server.passes(10)
    assert acquire(server).message == first
    server.passes(20)
    lock(server, THEIRS).held()
    assert acquire(server).message != first


def test_the_last_look_says_who_has_it_and_what_to_do(server: ObjectServer) -> None:
    acquire(server, THEIRS)
    with pytest.raises(ProblemError) as raised:
        acquire(server, final=True)
    assert str(raised.value) == (
        f"{WHERE}: it is held by root@host2 run 9b2c11d0 since 2026-01-01 12:00:00 UTC; it was renewed at 2026-01-01 "
        "12:00:00 UTC, and expires 60 s after that unless it is renewed again. Fix: wait until that run has ended; "
        "if it is known to be dead, wait until the lock has expired, and run it again."
    )


def test_an_expired_lock_is_taken_over_and_that_is_said(server: ObjectServer) -> None:
    acquire(server, THEIRS)
    server.passes(60)
    state = acquire(server)
    assert (state.acquired, state.takeover, state.lease.transitions) == (True, True, 2)
    assert state.message == (
        "takes over the lock of root@host2 run 9b2c11d0 since 2026-01-01 12:00:00 UTC: it expired at "
        "2026-01-01 12:01:00 UTC"
    )


def test_the_lock_of_a_dead_process_of_this_host_is_taken_over_at_once(server: ObjectServer) -> None:
    acquire(server, DEAD)
    state = acquire(server)
    assert (state.acquired, state.takeover) == (True, True)
    assert state.message.endswith("its process 4000 on this host has ended")


def test_a_number_that_another_process_has_by_now_is_no_sign_of_life() -> None:
    reused = processes_of(OURS, replace(DEAD, started=f"{BOOT}/99"))
    assert decide(read_lease(lease_of(DEAD)), OURS, START, reused).takeover


def test_a_living_process_of_this_host_is_waited_for() -> None:
    decision = decide(read_lease(lease_of(DEAD)), OURS, START, processes_of(OURS, DEAD))
    assert decision.act == "wait"
    assert "root@host1 run aaaaaaaa since 2026-01-01 12:00:00 UTC (process 4000 on this host); " in decision.message


@pytest.mark.parametrize(
    ("theirs", "own", "started"),
    [
        pytest.param(replace(DEAD, host="host2"), OURS, HOST1, id="another host"),
        pytest.param(replace(DEAD, started="other-boot/50"), OURS, HOST1, id="a machine of the same name, or a reboot"),
        pytest.param(replace(DEAD, pid_namespace="pid:[2]"), OURS, HOST1, id="a container of this host"),
        pytest.param(
            replace(DEAD, host="localhost"), replace(OURS, host="localhost"), HOST1, id="a name that many have"
        ),
        pytest.param(DEAD, OURS, processes_of(), id="a place from which the own process is not seen"),
        pytest.param(DEAD, replace(OURS, started=""), HOST1, id="an own process that is not known"),
        pytest.param(replace(DEAD, started=""), OURS, HOST1, id="a process that is not known"),
        pytest.param(replace(DEAD, pid=0), OURS, HOST1, id="no process"),
        pytest.param(DEAD, OURS, lambda pid: OURS.started if pid == OURS.pid else None, id="hidden processes"),
    ],
)
def test_where_it_cannot_be_told_whether_a_process_lives_the_lock_is_waited_for(
    theirs: Run, own: Run, started: Started
) -> None:
    assert decide(read_lease(lease_of(theirs)), own, START, started).act == "wait"


def test_the_mark_of_a_run_before_the_holder_is_not_believed() -> None:
    item = lease_of(DEAD, holderIdentity=THEIRS.holder)
    assert read_lease(item).run is None
    assert decide(read_lease(item), OURS, START, HOST1).act == "wait"


@pytest.mark.parametrize("mark", ["", "{", "[]", "1", '{"id": 1}'])
def test_a_broken_mark_is_as_none(mark: str) -> None:
    item = lease_of(DEAD)
    item["metadata"]["annotations"][RUN] = mark
    assert read_lease(item).run is None


@pytest.mark.parametrize("broken", [None, "yesterday", 5, "2026-01-01T12:00:00"])
def test_a_lock_without_a_moment_that_can_be_read_has_expired(broken: object) -> None:
    decision = decide(read_lease(lease_of(THEIRS, acquireTime=broken, renewTime=broken)), OURS, START, HOST1)
    assert (decision.act, decision.takeover) == ("take", True)


def test_what_others_wrote_on_the_lease_stays(server: ObjectServer) -> None:
    item = lease_of(THEIRS, strategy="x")
    item["metadata"] |= {"labels": {"team": "a"}, "resourceVersion": "7"}
    server.objects[PATH] = item
    server.passes(100)
    acquire(server)
    assert server.objects[PATH]["metadata"]["labels"]["team"] == "a"
    assert server.objects[PATH]["spec"]["strategy"] == "x"


def test_the_own_lock_is_not_written_again_while_it_is_fresh(server: ObjectServer) -> None:
    acquire(server)
    server.passes(20)
    assert acquire(server).acquired
    assert len(server.writes()) == 1
    server.passes(1)
    state = acquire(server)
    assert (state.as_dict()["expires_in"], state.lease.transitions) == (60, 1)
    assert server.objects[PATH]["spec"]["renewTime"] == "2026-01-01T12:00:21.000000Z"


def test_a_missing_namespace_is_told(server: ObjectServer) -> None:
    server.namespaces.clear()
    with pytest.raises(ProblemError) as raised:
        acquire(server)
    assert str(raised.value).startswith("Namespace monitoring in context cluster-01: it does not exist")


def test_a_refused_write_is_passed_on(server: ObjectServer) -> None:
    server.refusals["POST", "leases"] = (403, "leases is forbidden")
    with pytest.raises(ProblemError) as raised:
        acquire(server)
    assert "the API server forbids it: leases is forbidden" in str(raised.value)


def test_a_duration_that_is_none_is_refused(server: ObjectServer) -> None:
    with pytest.raises(ProblemError) as raised:
        lock(server).acquire(0, HOST1, final=False)
    assert str(raised.value).startswith("Option duration: 0 s are no time")


# Clocks.


def test_the_clocks_of_the_controllers_do_not_matter(server: ObjectServer) -> None:
    # The stand-in's clock is years off, in both directions, from the one that these tests run by.
    for moment in (START - timedelta(days=9000), START + timedelta(days=9000)):
        server.objects.clear()
        server.now = moment
        acquire(server, THEIRS)
        server.passes(59)
        assert not acquire(server).acquired
        server.passes(1)
        assert acquire(server).acquired
        assert read_lease(server.objects[PATH]).renewed == server.now


def test_without_the_api_servers_clock_the_own_one_is_used(server: ObjectServer) -> None:
    server.dates = False
    assert acquire(server, THEIRS).as_dict()["expires_in"] == 60
    assert not acquire(server).acquired


# Races.


@pytest.mark.parametrize("state", ["missing", "released", "expired"])
def test_of_two_runs_that_want_it_at_once_one_gets_it(server: ObjectServer, state: str) -> None:
    if state != "missing":
        acquire(server, DEAD)
        if state == "released":
            lock(server, DEAD).release()
        server.passes(100)
    others: list[State] = []
    server.between = lambda: others.append(acquire(server, THEIRS))
    ours = acquire(server)
    assert others[0].acquired
    assert not ours.acquired
    assert server.objects[PATH]["spec"]["holderIdentity"] == THEIRS.holder


def test_of_many_runs_one_gets_it(server: ObjectServer) -> None:
    runs = [Run(f"run{number}", f"root@host{number}") for number in range(20)]
    begin = threading.Barrier(len(runs))
    states: dict[str, State] = {}

    def race(run: Run) -> None:
        begin.wait()
        states[run.holder] = acquire(server, run)

    threads = [threading.Thread(target=race, args=[run]) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (winner,) = [holder for holder, state in states.items() if state.acquired]
    assert server.objects[PATH]["spec"]["holderIdentity"] == winner
    assert {state.lease.holder for state in states.values()} == {winner}


def test_tasks_of_one_run_renew_at_the_same_time(server: ObjectServer) -> None:
    acquire(server)
    server.passes(30)
    server.between = lambda: lock(server).held()
    assert lock(server).held().as_dict()["expires_in"] == 60
    assert len(server.writes()) == 3


def test_a_holder_that_renews_in_time_is_not_taken_over(server: ObjectServer) -> None:
    acquire(server, THEIRS)
    server.passes(100)
    server.between = lambda: lock(server, THEIRS).held()
    assert not acquire(server).acquired


def test_a_lock_that_is_deleted_in_between_is_made_again(server: ObjectServer) -> None:
    acquire(server, THEIRS)
    server.passes(100)
    server.between = server.objects.clear
    state = acquire(server)
    assert (state.acquired, state.lease.transitions) == (True, 1)


def test_a_lock_that_never_stands_still_is_a_problem(server: ObjectServer) -> None:
    acquire(server, THEIRS)
    server.passes(100)
    server.refusals["PUT", "leases"] = (409, "modified")
    for attempt in (lambda: acquire(server), lock(server, THEIRS).held, lock(server, THEIRS).release):
        with pytest.raises(ProblemError) as raised:
            attempt()
        assert f"{WHERE}: others changed it {TRIES} times" in str(raised.value)


# Keeping it.


def test_a_lock_that_is_held_is_renewed_after_a_third_of_its_time(server: ObjectServer) -> None:
    acquire(server)
    server.passes(20)
    assert lock(server).held().as_dict()["expires_in"] == 40
    server.passes(1)
    assert lock(server).held().as_dict()["expires_in"] == 60
    assert len(server.writes()) == 2


def test_an_expired_lock_that_nobody_took_is_still_held(server: ObjectServer) -> None:
    acquire(server)
    server.passes(1000)
    state = lock(server).held()
    assert (state.acquired, state.as_dict()["expires_in"], state.lease.transitions) == (True, 60, 1)


@pytest.mark.parametrize(
    ("event", "cause"),
    [
        ("taken", "this run does not hold it: it is held by root@host2 run 9b2c11d0 since 2026-01-01 12:01:40 UTC"),
        ("released", "this run does not hold it: it was released"),
        ("deleted", "this run does not hold it any more: the Lease was deleted"),
    ],
)
def test_a_lost_lock_stops_the_task_before_it_changes_anything(server: ObjectServer, event: str, cause: str) -> None:
    acquire(server)
    server.passes(100)
    match event:
        case "taken":
            acquire(server, THEIRS)
        case "released":
            lock(server).release()
        case _:
            server.objects.clear()
    with pytest.raises(ProblemError) as raised:
        lock(server).held()
    message = str(raised.value)
    assert message.startswith(f"{WHERE}: {cause}. Fix: ")
    assert message.endswith("run it again; this task has changed nothing.")


# Letting go.


def test_a_released_lock_keeps_its_token_and_names_nobody(server: ObjectServer) -> None:
    acquire(server)
    state = lock(server).release()
    assert (state.acquired, state.lease.holder, state.as_dict()["expires_in"]) == (False, "", 0)
    assert "holderIdentity" not in server.objects[PATH]["spec"]
    assert server.objects[PATH]["spec"]["leaseTransitions"] == 1


def test_the_lock_of_another_run_is_not_released(server: ObjectServer) -> None:
    acquire(server, THEIRS)
    assert lock(server).release().lease.holder == THEIRS.holder
    assert server.objects[PATH]["spec"]["holderIdentity"] == THEIRS.holder


def test_a_missing_lock_is_released(server: ObjectServer) -> None:
    assert lock(server).release().done
    assert server.writes() == []


# Check mode.


@pytest.mark.parametrize("holder", [None, OURS, DEAD, THEIRS])
def test_check_mode_writes_nothing_and_waits_for_nobody(server: ObjectServer, holder: Run | None) -> None:
    if holder:
        acquire(server, holder)
    before = json.dumps(server.objects)
    server.passes(30)
    state = acquire(server, check_mode=True, final=True)
    assert (state.acquired, state.done) == (holder != THEIRS, True)
    assert bool(state.message) == (holder in {DEAD, THEIRS})
    assert lock(server, check_mode=True).held().acquired == (holder == OURS)
    assert lock(server, check_mode=True).release().done
    assert json.dumps(server.objects) == before


def test_check_mode_does_not_miss_the_namespace(server: ObjectServer) -> None:
    server.namespaces.clear()
    assert acquire(server, check_mode=True).acquired
    assert not lock(server, check_mode=True).held().acquired


# Runs and processes.


def test_a_run_is_read_from_what_the_plan_gives() -> None:
    content = {"id": "3f9a1c2e", "owner": "root@host1", "host": "host1", "pid": "4242", "started": f"{BOOT}/100"}
    assert read_run(content) == replace(OURS, pid_namespace="")


def test_every_mistake_in_a_run_is_told() -> None:
    with pytest.raises(ProblemError) as raised:
        read_run({"id": 3, "owner": "a", "pid": "x", "hosts": "b"})
    assert [problem.cause for problem in raised.value.problems] == [
        "there is no key 'hosts'",
        "id is a whole number, not a text",
        "pid is a text, not a whole number",
    ]


def test_a_run_without_a_name_is_refused() -> None:
    with pytest.raises(ProblemError) as raised:
        read_run({"owner": "root@host1"})
    assert "it has no id, or no owner" in str(raised.value)


def test_a_process_is_known_by_its_start() -> None:
    own = processes.started(os.getpid())
    assert own
    boot, ticks = own.split("/")
    assert boot == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert ticks.isdigit()
    assert processes.pid_namespace().startswith("pid:[")


def test_a_process_that_has_ended_is_gone_even_before_its_parent_knows() -> None:
    with subprocess.Popen(["true"]) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert processes.started(process.pid) == ""
    assert processes.started(process.pid) == ""


def test_the_name_of_a_process_does_not_confuse(tmp_path: Path) -> None:
    script = tmp_path / "a ) Z 1"
    script.symlink_to("/bin/sleep")
    with subprocess.Popen([script, "60"]) as process:
        started = processes.started(process.pid)
        process.kill()
    assert started
    assert started.split("/")[1].isdigit()


def test_a_system_that_hides_processes_says_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(processes, "PROC", tmp_path)
    assert processes.started(os.getpid()) is None
    with subprocess.Popen(["true"]) as process:
        pass
    assert processes.started(process.pid) == ""
    assert processes.pid_namespace() == ""


def test_a_moment_is_shown_in_utc() -> None:
    assert as_text(START) == "2026-01-01 12:00:00 UTC"
