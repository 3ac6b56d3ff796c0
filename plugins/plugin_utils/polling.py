# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Action plugins that wait: a module cannot print while it runs, so it runs in short slices."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem

Result = dict[str, Any]

#: How often a lock of 60 s is looked after, in seconds.
_RENEWAL = 15.0
#: The first pause between two looks, in seconds. Each is twice the one before, up to the interval.
_FIRST_PAUSE = 0.5
#: How the connection's problems begin. Others of an API server, such as refused credentials, name no address.
_AWAY = re.compile(r"API server \S+ of ")


def pauses(interval: float) -> Iterator[float]:
    """The seconds between one look and the next: much of what is waited for is there at once."""
    pause = min(interval, _FIRST_PAUSE)
    while True:
        yield pause
        pause = min(interval, 2 * pause)


def looks(timeout: float, interval: float) -> Iterator[bool]:
    """Yield before each look, with whether it is the last one, and sleep in between."""
    deadline = time.monotonic() + timeout
    for pause in pauses(interval):
        final = time.monotonic() >= deadline
        yield final
        if final:
            return
        time.sleep(max(0.0, min(pause, deadline - time.monotonic())))


class Progress:
    """Lines about what a task waits for. A line is shown when the look before had no such line."""

    def __init__(self, task_vars: Mapping[str, Any] | None, *, quiet: bool) -> None:
        self.told: list[str] = []
        self._before: list[str] = []
        self._host = (task_vars or {}).get("inventory_hostname", "localhost")
        self._quiet = quiet

    def update(self, lines: list[str]) -> None:
        for line in lines:
            if line not in self._before:
                self.tell(line)
        self._before = lines

    def tell(self, line: str) -> None:
        self.told.append(line)
        self.show(line)

    def show(self, line: str) -> None:
        if not self._quiet:
            Display().display(f"[{self._host}] {line}")


class Renewal:
    """The age of a lock of 60 s, which a task that waits renews."""

    def __init__(self) -> None:
        self._last = -math.inf

    @property
    def is_due(self) -> bool:
        return time.monotonic() >= self._last + _RENEWAL

    def done(self) -> None:
        self._last = time.monotonic()


class PollingAction(ActionBase):
    """Runs the module of its own name until that is done, has failed, or the time is up.

    The module looks once, and returns ``done``, and under ``progress`` one line for each thing it waits for. A line is
    shown when it is another one than the time before. With the option ``lock``, the lock of the fleet is renewed while
    it waits, and the waiting ends when that is lost. An API server that does not answer is waited for like everything
    else. After ``timeout`` seconds the module is run one last time, with
    ``final: true``, and then it fails and says why. Both options of the waiting are documented in the module, which
    accepts them and does not use them. A subclass sets no more than their defaults.
    """

    TRANSFERS_FILES = False
    _supports_check_mode = True

    #: The defaults of the options, in seconds. The same as in the module's documentation.
    timeout: ClassVar[float]
    interval: ClassVar[float]

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> Result:
        result: Result = super().run(tmp, task_vars)
        timeout = self._seconds("timeout", self.timeout)
        self._progress = Progress(task_vars, quiet=self._task.no_log)
        self._renewal = Renewal()
        outcome: Result = {}
        for final in looks(timeout, self._seconds("interval", self.interval)):
            # Ansible adds to the options that it is given, so each slice gets its own.
            options = {**self._task.args, "final": final}
            outcome = self._renew(task_vars) or self._execute_module(module_args=options, task_vars=task_vars)
            if not final and _is_away(outcome):
                outcome = {"progress": [str(outcome["msg"])]}
            self._progress.update([str(line) for line in outcome.get("progress") or []])
            if outcome.get("done") or outcome.get("failed"):
                break
        result |= outcome | {"progress": self._progress.told}
        if not (outcome.get("done") or outcome.get("failed")):
            # A module that explains nothing must not pass for one that is done.
            problem = Problem(self._task.action, f"it is not done after {timeout:g} s", "raise 'timeout'")
            result |= {"failed": True, "msg": str(problem), "problems": [problem.as_dict()]}
        return result

    def _renew(self, task_vars: dict[str, Any] | None) -> Result:
        """Nothing, or how the lock was lost. Only a lock that is getting old is written anew."""
        lock = self._task.args.get("lock")
        if not lock or self._task.check_mode or not self._renewal.is_due:
            return {}
        self._renewal.done()
        held: Result = self._execute_module(
            module_name="miribit.thanos.migration_lock", module_args={**lock, "state": "held"}, task_vars=task_vars
        )
        return held if held.get("failed") else {}

    def _seconds(self, option: str, default: float) -> float:
        try:
            return float(self._task.args.get(option, default))
        except (TypeError, ValueError):
            # The module refuses it, and says so.
            return default


def _is_away(outcome: Result) -> bool:
    """Whether there was no answer, as while an API server is started again."""
    problems = outcome.get("problems") or []
    return bool(outcome.get("failed") and problems and all(_AWAY.match(problem["subject"]) for problem in problems))
