"""Talk to servers on loopback."""

from __future__ import annotations

import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable

#: Start a program and wait until a URL answers: the fixture `start`.
Start = Callable[..., None]


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
