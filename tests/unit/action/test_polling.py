"""Actions that wait by looking again and again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar

import pytest
from action_plugins import plugin_of
from ansible.errors import AnsibleActionFail

from ansible_collections.miribit.thanos.plugins.action.migration_lock import ActionModule as MigrationLock
from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.kube.errors import AwayError, LoginError
from ansible_collections.miribit.thanos.plugins.plugin_utils import polling
from ansible_collections.miribit.thanos.plugins.plugin_utils.cluster_action import FailedError, Spec
from ansible_collections.miribit.thanos.plugins.plugin_utils.polling import PollingAction

Result = dict[str, Any]

NO = Problem("It", "no", "mend it")
GONE = Problem("Lock", "it is held by anna", "wait")
UNREACHABLE = Problem("API server 192.0.2.1:6443 of context cluster-01", "it cannot be reached", "check that it runs")


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


class Waiting(PollingAction):
    """What it sees is what a test tells it to see; the last of it is repeated."""

    spec: ClassVar[Spec] = {
        "namespace": {"type": "str"},
        "timeout": {"type": "float", "default": 20},
        "interval": {"type": "float", "default": 5},
        "lock": {"type": "dict"},
    }

    def sees(self, *results: Result | Exception) -> None:
        self.results = list(results)
        self.looks: list[bool] = []
        self.options: Result = {}
        self.kept: list[Mapping[str, Any] | None] = []
        self.lost_after: int | None = None

    def look(self, options: Result, *, final: bool) -> Result:
        self.options = options
        self.looks.append(final)
        seen = self.results.pop(0) if len(self.results) > 1 else self.results[0]
        if isinstance(seen, Exception):
            raise seen
        return dict(seen)

    @contextmanager
    def lock_kept(self, lock: Result | None) -> Iterator[Waiting]:  # type: ignore[override]
        """The Keeper has tests of its own."""
        self.kept.append(lock)
        yield self
        self.kept.append(None)

    def check(self) -> None:
        if self.lost_after is not None and len(self.looks) >= self.lost_after:
            raise ProblemError([GONE])


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(polling, "time", clock)
    return clock


@pytest.fixture(autouse=True)
def shown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr(polling.Display, "display", lambda _self, line: lines.append(line))
    return lines


@pytest.fixture
def action() -> Waiting:
    return waiting()


def waiting(*, check_mode: bool = False, no_log: bool = False, **options: object) -> Waiting:
    return plugin_of(Waiting, options, check_mode=check_mode, no_log=no_log)


def run(action: Waiting) -> Result:
    return action.run(task_vars={"inventory_hostname": "cluster-01"})


def test_it_ends_as_soon_as_it_is_done(action: Waiting, clock: Clock) -> None:
    action.sees({"done": False}, {"done": True, "answer": 42})
    assert run(action) == {"done": True, "changed": False, "answer": 42, "progress": []}
    assert clock.naps == [0.5]
    assert action.looks == [False, False]


@pytest.mark.parametrize("error", [ProblemError([NO]), FailedError([NO], {"workloads": []})])
def test_it_ends_as_soon_as_waiting_cannot_help(action: Waiting, clock: Clock, error: Exception) -> None:
    action.sees(error)
    result = run(action)
    assert (result["failed"], result["msg"], result["progress"]) == (True, "It: no. Fix: mend it.", [])
    assert result["problems"] == [NO.as_dict()]
    assert clock.naps == []


def test_a_failure_keeps_what_is_known_and_all_of_the_progress(action: Waiting, shown: list[str]) -> None:
    last = FailedError([NO], {"workloads": ["a"], "progress": ["a: 1 of 2"]}, "in other words")
    action.sees({"done": False, "progress": ["a: 0 of 2"]}, last)
    result = run(action)
    assert (result["workloads"], result["msg"]) == (["a"], "in other words")
    assert result["progress"] == ["a: 0 of 2", "a: 1 of 2"]
    assert shown[-1] == "[cluster-01] a: 1 of 2"


def test_each_new_line_is_shown_once_with_the_host(action: Waiting, shown: list[str]) -> None:
    lines = [["a: 0 of 2"], ["a: 0 of 2"], ["a: 1 of 2", "b: 0 of 1"], ["a: 0 of 2", "b: 0 of 1"]]
    action.sees(*({"done": False, "progress": now} for now in lines), {"done": True})
    # Also one that was shown before, when it is back.
    told = ["a: 0 of 2", "a: 1 of 2", "b: 0 of 1", "a: 0 of 2"]
    assert run(action)["progress"] == told
    assert shown == [f"[cluster-01] {line}" for line in told]


def test_after_the_timeout_the_last_look_explains_itself(action: Waiting, clock: Clock) -> None:
    action.sees(*[{"done": False}] * 7, ProblemError([NO]))
    assert run(action)["msg"] == "It: no. Fix: mend it."
    assert action.looks == [False] * 7 + [True]
    assert clock.now == 20


def test_it_may_still_be_done_at_the_last_look(action: Waiting) -> None:
    action.sees(*[{"done": False}] * 7, {"done": True})
    assert not run(action).get("failed")
    assert action.looks[-1] is True


def test_a_last_look_that_does_not_explain_itself_is_a_failure_all_the_same(action: Waiting) -> None:
    action.sees({"done": False, "workloads": ["a"], "progress": ["a: 0 of 2"]})
    result = run(action)
    assert result["failed"]
    assert result["msg"] == "What is waited for: it is not done after 20 s. Fix: raise 'timeout'."
    assert (result["workloads"], result["progress"]) == (["a"], ["a: 0 of 2"])


def test_a_timeout_of_nothing_looks_once() -> None:
    action = waiting(timeout=0)
    action.sees({"done": True})
    run(action)
    assert action.looks == [True]


def test_timeout_and_interval_can_be_given_as_texts_and_are_passed_on(clock: Clock) -> None:
    action = waiting(timeout="10", interval="4", namespace="monitoring")
    action.sees({"done": False})
    run(action)
    # The first pauses are short, the last one ends with the time.
    assert clock.naps == [0.5, 1, 2, 4, 2.5]
    assert action.options == {"timeout": 10, "interval": 4, "namespace": "monitoring", "lock": None}


def test_it_looks_again_soon_and_then_at_the_interval_however_long_it_takes(clock: Clock) -> None:
    action = waiting(timeout=7200, interval=3)
    action.sees({"done": False})
    run(action)
    assert clock.naps[:4] == [0.5, 1, 2, 3]
    assert set(clock.naps[4:-1]) == {3}


def test_what_is_no_time_is_refused() -> None:
    action = waiting(timeout="soon")
    action.sees({"done": True})
    with pytest.raises(AnsibleActionFail, match="timeout"):
        run(action)
    assert action.looks == []


def test_a_task_that_shows_nothing_shows_no_progress(shown: list[str]) -> None:
    action = waiting(no_log=True)
    action.sees({"done": True, "progress": ["a"]})
    assert run(action)["progress"] == ["a"]
    assert shown == []


def test_check_mode_is_left_to_the_look() -> None:
    action = waiting(check_mode=True)
    action.sees({"done": True})
    assert run(action)["done"]


def test_the_lock_waits_as_its_documentation_says() -> None:
    assert [MigrationLock.spec[name]["default"] for name in ("timeout", "interval")] == [300, 5]


LOCK = {"namespace": "monitoring", "run": {"id": "1"}}


def test_a_lock_is_kept_as_long_as_it_waits() -> None:
    action = waiting(timeout=60, lock=LOCK)
    action.sees(*[{"done": False}] * 10, {"done": True})
    assert not run(action).get("failed")
    assert action.kept == [LOCK, None]


@pytest.mark.parametrize("looks", [0, 2])
def test_a_lock_that_is_lost_ends_the_waiting(looks: int) -> None:
    action = waiting(lock=LOCK)
    action.sees({"done": False, "progress": ["a: 0 of 2"]})
    action.lost_after = looks
    result = run(action)
    assert result["msg"] == "Lock: it is held by anna. Fix: wait."
    assert result["progress"] == ["a: 0 of 2"][:looks]
    assert len(action.looks) == looks


def test_an_api_server_that_does_not_answer_is_waited_for(action: Waiting, shown: list[str]) -> None:
    action.sees(AwayError([UNREACHABLE]), {"done": True})
    assert not run(action).get("failed")
    assert shown == [f"[cluster-01] {UNREACHABLE}"]


def test_an_api_server_that_stays_away_is_the_failure_in_the_end(action: Waiting, clock: Clock) -> None:
    action.sees({"done": False, "progress": ["a: 0 of 2"]}, AwayError([UNREACHABLE]))
    result = run(action)
    assert result["msg"] == str(UNREACHABLE)
    assert result["progress"] == ["a: 0 of 2", str(UNREACHABLE)]
    assert clock.now == 20


def test_an_api_server_that_refuses_is_not_waited_for(action: Waiting, clock: Clock) -> None:
    action.sees(LoginError(401, Problem("API server of context cluster-01", "it takes no credentials", "renew them")))
    assert run(action)["failed"]
    assert clock.naps == []
