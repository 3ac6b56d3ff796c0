"""Start the lab's tools on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from loopback import Start, starting

from lab import tools


@pytest.fixture(scope="session")
def binaries() -> Path:
    return tools.ensure() / "bin"


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a program and wait until a URL answers; all programs end with the test."""
    with starting(tmp_path) as begin:
        yield begin
