"""One lab for all tests in this folder; they leave none behind."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from inside import CHECKOUT, kubectl, lab
from play import INVENTORY, PHASE1, succeed


@pytest.fixture(scope="session", autouse=True)
def _down_afterwards() -> Iterator[None]:
    """The last test is followed by `lab down`."""
    yield
    lab("down")


@pytest.fixture(scope="session")
def audited() -> None:
    """The fleet as the audit found it. Tests that follow find what those before them have made of it."""
    lab("reset", "audited")


@pytest.fixture(scope="session")
def receiver(audited: None) -> None:
    """The receiver of phase 1, also where a file is run alone."""
    if "thanos-receiver-router" not in kubectl("cluster-01", "get", "deployments", "--all-namespaces", "--output=name"):
        succeed(PHASE1)


@pytest.fixture
def inventory(tmp_path: Path) -> Callable[..., Path]:
    """The lab's inventory, with other variables for some hosts or groups."""

    def write(**changes: dict[str, Any]) -> Path:
        copy = tmp_path / "inventory"
        shutil.copytree(CHECKOUT / INVENTORY, copy)
        for name, values in changes.items():
            group = copy / "group_vars" / f"{name}.yml"
            file = group if group.exists() else copy / "host_vars" / f"{name.replace('_', '-')}.yml"
            file.parent.mkdir(exist_ok=True)
            before = yaml.safe_load(file.read_text()) if file.exists() else {}
            file.write_text(yaml.safe_dump({**before, **values}))
        return copy

    return write
