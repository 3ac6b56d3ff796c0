"""inventories/example: refused as it is, accepted once it describes a fleet, and true in its comments."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.miribit.thanos.plugins.module_utils.fleet.schema import PREFIXES, SCHEMA

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "inventories/example"
FILES = sorted(EXAMPLE.rglob("*.yml"))
COMMENTED = re.compile(rf"^# ((?:{'|'.join(PREFIXES)})\w+): (.*)$", re.MULTILINE)
#: What a user writes instead of CHANGE-ME, in the order of the files.
VALUES = {
    "fleet_context": "context-{}",
    "fleet_storage_class": "standard",
    "address": "192.0.2.10",
    "bucket": "thanos",
    "endpoint": "s3.example.com:9000",
    "access_key": "access",
    "secret_key": "secret",
}


@pytest.fixture
def example(tmp_path: Path) -> Path:
    return Path(shutil.copytree(EXAMPLE, tmp_path / "fleet"))


def plan(folder: Path) -> tuple[int, str]:
    """Plan as a user does, in the folder, with the settings that are there."""
    command = [Path(sys.executable).with_name("ansible"), "all", "-i", "hosts.yml", "-m", "miribit.thanos.fleet_plan"]
    outside = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    collections = {"ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build/collections"), "ANSIBLE_NOCOLOR": "1"}
    done = subprocess.run(
        command, cwd=folder, env={**outside, **collections}, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def test_the_example_is_refused_with_every_value_that_has_to_be_changed(example: Path) -> None:
    status, output = plan(example)
    assert status != 0
    assert set(re.findall(r"^- (.*): still says CHANGE-ME\. Fix: write your own value\.$", output, re.MULTILINE)) == {
        "Hosts central-1, edge-1 and edge-2, fleet_context",
        "Hosts central-1, edge-1 and edge-2, fleet_storage_class",
        "Host central-1, thanos_receiver_load_balancer.address",
        "Host central-1, object_storage_config.config.bucket",
        "Host central-1, object_storage_config.config.endpoint",
        "Host central-1, object_storage_config.config.access_key",
        "Host central-1, object_storage_config.config.secret_key",
    }
    assert "7 problems:" in output


def test_the_example_is_accepted_once_its_values_are_changed(example: Path) -> None:
    number = count(1)
    for path in example.rglob("*.yml"):
        text = re.sub(
            r"(\w+): CHANGE-ME$",
            lambda match: f"{match[1]}: {VALUES[match[1]].format(next(number))}",
            path.read_text(),
            flags=re.MULTILINE,
        )
        path.write_text(text)
    status, output = plan(example)
    assert status == 0, output
    assert "WARNING" not in output


def test_the_example_can_be_read_with_every_comment_in_force(example: Path) -> None:
    for path in example.rglob("*.yml"):
        path.write_text(COMMENTED.sub(r"\1: \2", path.read_text()))
    status, output = plan(example)
    assert status != 0
    assert "7 problems:" in output, output


def test_the_commented_values_of_the_example_are_the_defaults() -> None:
    defaults: dict[str, Any] = {"fleet_lock_timeout": 300, "fleet_skip_away_edges": False}
    for path in (ROOT / "roles").glob("*/defaults/main.yml"):
        defaults |= yaml.safe_load(path.read_text())
    defaults |= {name: variable.default for name, variable in SCHEMA.items()}
    commented = {name: yaml.safe_load(value) for path in FILES for name, value in COMMENTED.findall(path.read_text())}
    assert {name: defaults.get(name, "unknown") for name in commented} == commented
    set_there = set(re.findall(r"^ *(\w+):", "\n".join(path.read_text() for path in FILES), re.MULTILINE))
    assert SCHEMA.keys() - commented.keys() - set_there == {
        "prometheus_agent_sizing",
        "prometheus_agent_username",
        "thanos_query_name",
        "thanos_receiver_name",
    }
