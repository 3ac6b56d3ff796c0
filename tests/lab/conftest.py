"""One lab for all tests in this folder; they leave none behind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from inside import lab


@pytest.fixture(scope="module")
def empty() -> None:
    """The lab is up, and nothing is in it."""
    lab("reset", "empty")


@pytest.fixture(scope="session", autouse=True)
def _down_afterwards() -> Iterator[None]:
    """The last test is followed by `lab down`."""
    yield
    lab("down")
