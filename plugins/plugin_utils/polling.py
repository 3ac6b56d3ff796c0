# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an action that waits is made of."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ansible.utils.display import Display

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.kube.errors import AwayError
from ansible_collections.miribit.thanos.plugins.module_utils.migration.keeper import Keeper
from ansible_collections.miribit.thanos.plugins.plugin_utils.cluster_action import ClusterAction, FailedError, Result

#: The first pause between two looks, in seconds. Each is twice the one before, up to the interval.
_FIRST_PAUSE = 0.5


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


class PollingAction(ClusterAction):
    """Looks again and again until what it waits for is done, has failed, or the time is up.

    A look returns `done`, and under `progress` one line for each thing that it waits for. A line is shown when it is
    another one than the time before. With the option `lock`, the lock of the fleet is kept meanwhile, and the waiting
    ends when that is lost. An API server that is away is waited for like everything else. After `timeout` seconds
    there is one last look, and then the task fails and says why.
    """

    def look(self, options: Result, *, final: bool) -> Result:
        """Look once. Raises ProblemError if waiting cannot help, and with `final` if it is not done."""
        raise NotImplementedError

    def work(self, options: Result) -> Result:
        self.progress = Progress(self._task_vars, quiet=bool(self._task.no_log))
        with self.lock_kept(options.get("lock")) as lock:
            return wait(lambda final: self.look(options, final=final), options, self.progress, lock)


def wait(look: Callable[[bool], Result], options: Result, progress: Progress, lock: Keeper) -> Result:
    """Return what the look has returned that was done. Raises FailedError, with the progress.

    It looks as PollingAction says. Of the options it reads timeout and interval, in seconds.
    """
    outcome: Result = {}
    for final in looks(options["timeout"], options["interval"]):
        try:
            lock.check()
            outcome = look(final)
        except AwayError as error:
            if final:
                raise FailedError(error.problems, {"progress": progress.told}) from error
            outcome = {"done": False, "progress": [str(error)]}
        except FailedError as error:
            progress.update(error.result.get("progress") or [])
            error.result["progress"] = progress.told
            raise
        except ProblemError as error:
            raise FailedError(error.problems, {"progress": progress.told}) from error
        progress.update([str(line) for line in outcome.get("progress") or []])
        if outcome["done"]:
            return outcome | {"progress": progress.told}
    # What explains nothing at its last look must not pass for what is done.
    problem = Problem("What is waited for", f"it is not done after {options['timeout']:g} s", "raise 'timeout'")
    raise FailedError([problem], {**outcome, "progress": progress.told})
