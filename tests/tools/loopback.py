"""Talk to servers on loopback."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lab.process import tied

#: Start a program and wait until a URL answers: the fixture `start`.
Start = Callable[..., None]


@contextlib.contextmanager
def starting(folder: Path, patience: float = 20) -> Iterator[Start]:
    """Start programs that log into a folder; all of them end with the context, killed after these seconds."""
    running: list[subprocess.Popen[bytes]] = []

    def begin(*command: object, ready: str, environment: dict[str, str] | None = None) -> None:
        log = folder / f"{Path(str(command[0])).name}-{len(running)}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                tied([str(part) for part in command]), env=environment, stdout=output, stderr=output, cwd=folder
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

    try:
        yield begin
    finally:
        for process in reversed(running):
            process.terminate()
        for process in reversed(running):
            try:
                process.wait(timeout=patience)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def fetch(url: str, data: bytes | None = None, headers: dict[str, str] | None = None) -> str:
    """The body of an answer; an error status is an OSError."""
    with urllib.request.urlopen(urllib.request.Request(url, data, headers or {}), timeout=10) as answer:
        return str(answer.read().decode())


def status(url: str, data: bytes) -> int:
    """The status that a POST is answered with."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data), timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def output(*command: object) -> str:
    """What a command printed, on either stream."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def free_addresses(number: int) -> list[str]:
    """As many different ones."""
    with contextlib.ExitStack() as probes:
        taken = [probes.enter_context(socket.create_server(("127.0.0.1", 0))) for probe in range(number)]
        return [f"127.0.0.1:{probe.getsockname()[1]}" for probe in taken]
