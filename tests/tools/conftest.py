"""Start the lab's tools on loopback."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from loopback import Start, fetch

from lab import tools
from lab.process import tied


@pytest.fixture(scope="session")
def binaries() -> Path:
    return tools.ensure() / "bin"


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a program and wait until a URL answers; all programs end with the test."""
    running: list[subprocess.Popen[bytes]] = []

    def begin(*command: object, ready: str, environment: dict[str, str] | None = None) -> None:
        log = tmp_path / f"{Path(str(command[0])).name}-{len(running)}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                tied([str(part) for part in command]), env=environment, stdout=output, stderr=output, cwd=tmp_path
            )
        running.append(process)
        until = time.monotonic() + 60
        while True:
            try:
                fetch(ready)
                return
            except OSError as error:
                if process.poll() is not None or time.monotonic() > until:
                    pytest.fail(f"{command[0]}: {ready} does not answer ({error}):\n{log.read_text()[-3000:]}")
                time.sleep(0.1)

    yield begin
    for process in reversed(running):
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
