"""Samples written steadily in the lab, while a test breaks things."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import steady
from inside import CHECKOUT, LAB, run

URL = "http://192.168.101.210:19291/api/v1/receive"
QUERY = "http://thanos-query.k8s-cluster-01.miribit.lab"
SCRIPT = CHECKOUT / "tests" / "lab" / "steady.py"


class Steady:
    """Write from the first acknowledgement on, which is waited for, until the context ends.

    with Steady(tmp_path, "routers") as writer:
        ...
    assert not writer.check()["missing"]
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        *,
        url: str = URL,
        query: str = QUERY,
        patience: float = 60,
        python: Sequence[object] = (LAB, "exec", "python"),
        **options: object,
    ) -> None:
        """Options are those of `steady.py write`, such as tenant or seconds."""
        # What an earlier test of this name wrote is no part of it.
        self.run = f"{name}-{time.time_ns()}"
        self.journal = folder / f"{self.run}.jsonl"
        self.log = folder / f"{self.run}.log"
        self._url, self._query, self._patience = url, query, patience
        self._command = [*map(str, python), str(SCRIPT)]
        # The end of the context ends it, or the end of the test's process; not the time.
        self._options = {"seconds": 86400, **options}
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        options = [f"--{name.replace('_', '-')}={value}" for name, value in self._options.items()]
        line = [*self._command, "write", *self._common(), f"--url={self._url}", "--until-input-ends", *options]
        with self.log.open("wb") as output:
            # By its input it is told to stop: `lab exec` hands no signal on.
            self._process = subprocess.Popen(
                line, stdin=subprocess.PIPE, stdout=output, stderr=output, cwd=CHECKOUT, start_new_session=True
            )
        try:
            self.wait(1, self._patience)
        except AssertionError as error:
            # Only now the log says what the last problem was.
            self.stop()
            raise AssertionError(f"{error} {self._words()}") from None
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def acknowledged(self) -> int:
        """How many requests have been acknowledged so far."""
        return len(steady.read_journal(self.journal.read_text()).acknowledged) if self.journal.exists() else 0

    def wait(self, more: int, seconds: float = 60) -> None:
        """Wait until so many more requests are acknowledged: what a test has broken works again."""
        wanted, until = self.acknowledged() + more, time.monotonic() + seconds
        while (found := self.acknowledged()) < wanted:
            assert self._process is not None
            assert self._process.poll() is None, f"{self.run}: the writer has ended."
            assert time.monotonic() < until, f"{self.run}: {found} of {wanted} are acknowledged."
            time.sleep(0.1)

    def stop(self) -> None:
        """Let it finish its request and write the summary."""
        process = self._process
        if process is None:
            return
        assert process.stdin is not None
        process.stdin.close()
        try:
            process.wait(timeout=steady.PATIENCE + 10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def summary(self) -> dict[str, Any]:
        """End it, and return what it says of itself."""
        self.stop()
        lines = self.journal.read_text().splitlines() if self.journal.exists() else []
        last = json.loads(lines[-1]) if lines else {}
        assert "summary" in last, f"{self.run}: the writer left no summary: {self._words()}"
        summary: dict[str, Any] = last["summary"]
        return summary

    def check(self, seconds: float = 30) -> dict[str, Any]:
        """Compare what can be read with what has been acknowledged so far; the report of `steady.py check`."""
        line = [*self._command, "check", *self._common(), f"--query={self._query}", f"--seconds={seconds}"]
        done = run(*line, timeout=seconds + 300)
        try:
            report: dict[str, Any] = json.loads(done.stdout)
        except ValueError:
            raise AssertionError(f"{self.run}: {done.stdout}{done.stderr}") from None
        return report

    def _common(self) -> list[str]:
        return [f"--journal={self.journal}", f"--run={self.run}"]

    def _words(self) -> str:
        return self.log.read_text()[-3000:]
