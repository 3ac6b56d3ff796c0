"""Talk to servers on loopback."""

from __future__ import annotations

import contextlib
import itertools
import random
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

#: Below those that the kernel gives to connections (net.ipv4.ip_local_port_range): one of them could be taken before
#: the program that it is meant for begins to listen.
_PORTS = itertools.cycle(random.sample(range(20_000, 32_768), 10_000))


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
    """One that nobody listens on, and that was not given before."""
    while True:
        port = next(_PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def free_addresses(number: int) -> list[str]:
    """As many different ones."""
    return [f"127.0.0.1:{free_port()}" for _number in range(number)]
