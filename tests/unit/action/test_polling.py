"""Action plugins that wait by running their module again and again."""

from __future__ import annotations

from typing import Any
from unittest.mock import MagicMock

import pytest

from ansible_collections.miribit.thanos.plugins.action.migration_lock import ActionModule
from ansible_collections.miribit.thanos.plugins.plugin_utils import polling
from ansible_collections.miribit.thanos.plugins.plugin_utils.polling import PollingAction

Result = dict[str, Any]


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.naps: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.now += seconds


def clock_of(_action: PollingAction) -> float:
    return polling.time.monotonic()


class Waiting(PollingAction):
    """With a module that says what a test tells it to say; the last word is repeated."""

    timeout = 20
    interval = 5

    def says(self, *results: Result) -> None:
        self.results = list(results)
        self.lock: Result = {"acquired": True}
        self.renewals: list[float] = []
        self.calls: list[Result] = []

    def _execute_module(self, *, module_args: Result, module_name: str = "", **_others: object) -> Result:
        if module_name:
            self.renewals.append(clock_of(self))
            return dict(self.lock)
        self.calls.append(dict(module_args))
        module_args["_ansible_version"] = "what Ansible adds"
        return dict(self.results.pop(0) if len(self.results) > 1 else self.results[0])


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(polling, "time", clock)
    return clock


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr(polling.Display, "display", lambda _self, line: lines.append(line))
    return lines


@pytest.fixture
def action(clock: Clock, shown: list[str]) -> Waiting:
    return waiting()


def waiting(*, check_mode: bool = False, no_log: bool = False, **args: object) -> Waiting:
    task = MagicMock(async_val=0, check_mode=check_mode, no_log=no_log, args=args, action="miribit.thanos.waiting")
    return Waiting(task, MagicMock(), MagicMock(), MagicMock(), MagicMock(), MagicMock())


def run(action: Waiting) -> Result:
    return action.run(task_vars={"inventory_hostname": "cluster-01"})


def test_it_ends_as_soon_as_the_module_is_done(action: Waiting, clock: Clock) -> None:
    action.says({"done": False}, {"done": True, "changed": False, "answer": 42})
    assert run(action) == {"done": True, "changed": False, "answer": 42, "progress": []}
    assert clock.naps == [0.5]
    assert [call["final"] for call in action.calls] == [False, False]


def test_it_ends_as_soon_as_the_module_fails(action: Waiting, clock: Clock) -> None:
    action.says({"failed": True, "msg": "no", "problems": []})
    assert run(action)["msg"] == "no"
    assert clock.naps == []


def test_each_new_line_is_shown_once_with_the_host(action: Waiting, shown: list[str]) -> None:
    lines = [["a: 0 of 2"], ["a: 0 of 2"], ["a: 1 of 2", "b: 0 of 1"], ["a: 0 of 2", "b: 0 of 1"]]
    action.says(*({"progress": now} for now in lines), {"done": True})
    # Also one that was shown before, when it is back.
    told = ["a: 0 of 2", "a: 1 of 2", "b: 0 of 1", "a: 0 of 2"]
    assert run(action)["progress"] == told
    assert shown == [f"[cluster-01] {line}" for line in told]


def test_after_the_timeout_the_module_explains_itself(action: Waiting, clock: Clock) -> None:
    action.says(*[{"done": False}] * 7, {"failed": True, "msg": "because"})
    assert run(action)["msg"] == "because"
    assert [call["final"] for call in action.calls] == [False] * 7 + [True]
    assert clock.now == 20


def test_it_may_still_be_done_at_the_last_look(action: Waiting) -> None:
    action.says(*[{"done": False}] * 7, {"done": True})
    assert not run(action).get("failed")


def test_a_module_that_does_not_explain_itself_has_failed_all_the_same(action: Waiting) -> None:
    action.says({"done": False})
    result = run(action)
    assert result["failed"]
    assert result["msg"] == "miribit.thanos.waiting: it is not done after 20 s. Fix: raise 'timeout'."


def test_a_timeout_of_nothing_looks_once(clock: Clock, shown: list[str]) -> None:
    action = waiting(timeout=0)
    action.says({"done": True})
    run(action)
    assert [call["final"] for call in action.calls] == [True]


def test_timeout_and_interval_can_be_given_as_texts_and_are_passed_on(clock: Clock, shown: list[str]) -> None:
    action = waiting(timeout="10", interval="4", namespace="monitoring")
    action.says({"done": False})
    run(action)
    # The first pauses are short, the last one ends with the time.
    assert clock.naps == [0.5, 1, 2, 4, 2.5]
    assert action.calls[0] == {"timeout": "10", "interval": "4", "namespace": "monitoring", "final": False}


def test_it_looks_again_soon_and_then_at_the_interval_however_long_it_takes(clock: Clock, shown: list[str]) -> None:
    action = waiting(timeout=7200, interval=3)
    action.says({"done": False})
    run(action)
    assert clock.naps[:4] == [0.5, 1, 2, 3]
    assert set(clock.naps[4:-1]) == {3}


def test_what_is_no_time_is_left_to_the_module_to_refuse(clock: Clock, shown: list[str]) -> None:
    action = waiting(timeout="soon", interval=None)
    action.says({"failed": True, "msg": "argument 'timeout' is of type str"})
    assert "argument 'timeout'" in run(action)["msg"]


def test_options_of_the_task_are_not_touched(action: Waiting) -> None:
    action.says({"done": False}, {"done": True})
    run(action)
    assert action._task.args == {}
    assert all("_ansible_version" not in call for call in action.calls)


def test_a_task_that_shows_nothing_shows_no_progress(clock: Clock, shown: list[str]) -> None:
    action = waiting(no_log=True)
    action.says({"done": True, "progress": ["a"]})
    run(action)
    assert shown == []


def test_check_mode_is_left_to_the_module(clock: Clock, shown: list[str]) -> None:
    action = waiting(check_mode=True)
    action.says({"done": True})
    assert run(action)["done"]


def test_the_lock_waits_as_its_documentation_says() -> None:
    assert (ActionModule.timeout, ActionModule.interval) == (300, 5)


LOCK = {"namespace": "monitoring", "run": {"id": "1"}}


def test_a_lock_is_renewed_while_it_waits(clock: Clock, shown: list[str]) -> None:
    action = waiting(timeout=60, lock=LOCK)
    action.says(*[{"done": False}] * 10, {"done": True})
    assert not run(action).get("failed")
    assert action.renewals == [0, 17.5, 32.5]


def test_a_lock_that_is_lost_ends_the_waiting(clock: Clock, shown: list[str]) -> None:
    action = waiting(lock=LOCK)
    action.says({"done": False})
    action.lock = {"failed": True, "msg": "the lock is held by anna", "problems": [{"subject": "Lock"}]}
    assert run(action)["msg"] == "the lock is held by anna"
    assert action.calls == []


def test_check_mode_renews_no_lock(clock: Clock, shown: list[str]) -> None:
    action = waiting(check_mode=True, lock=LOCK)
    action.says({"done": True})
    run(action)
    assert action.renewals == []


def away(subject: str) -> Result:
    return {"failed": True, "msg": f"{subject}: it cannot be reached", "problems": [{"subject": subject}]}


def test_an_api_server_that_does_not_answer_is_waited_for(action: Waiting, shown: list[str]) -> None:
    action.says(away("API server 192.0.2.1:6443 of context cluster-01"), {"done": True})
    assert not run(action).get("failed")
    assert shown == ["[cluster-01] API server 192.0.2.1:6443 of context cluster-01: it cannot be reached"]


def test_an_api_server_that_stays_away_is_the_failure_in_the_end(action: Waiting) -> None:
    action.says(away("API server 192.0.2.1:6443 of context cluster-01"))
    assert "it cannot be reached" in run(action)["msg"]


def test_an_api_server_that_refuses_is_not_waited_for(action: Waiting, clock: Clock) -> None:
    action.says(away("API server of context cluster-01"))
    assert run(action)["failed"]
    assert clock.naps == []
