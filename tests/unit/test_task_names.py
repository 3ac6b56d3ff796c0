"""Names of tasks and plays say what is done, each with one of a few verbs, so that a run's output reads as one text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

CHECKOUT = Path(__file__).parents[2]
FILES = sorted([*CHECKOUT.glob("roles/*/tasks/*.yml"), *CHECKOUT.glob("playbooks/*.yml")])

VERBS = {"Apply", "Check", "Create", "Deploy", "Find", "Plan", "Read", "Record", "Remove", "Restore", "Show", "Verify"}
VERBS |= {
    "Acquire the lock",
    "Release the lock",
    "Fail if",
    "Fail with",
    "Finish",
    "Scale",
    "Wait for",
    "Wait until",
    "Write",
}


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(CHECKOUT)))
def test_each_name_begins_with_a_verb_of_the_projects_language(file: Path) -> None:
    assert [name for name in names(yaml.safe_load(file.read_text())) if not name.startswith(tuple(VERBS))] == []


def names(tasks: list[dict[str, Any]]) -> Iterator[str]:
    for task in tasks:
        yield task["name"]
        for part in ("tasks", "block", "rescue", "always"):
            yield from names(task.get(part) or [])


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(CHECKOUT)))
def test_what_a_run_leaves_behind_is_no_variable_of_the_inventory(file: Path) -> None:
    """Facts and results of a role are in hostvars. A later plan of the run would read them."""
    left = [name for name in results(yaml.safe_load(file.read_text())) if not name.startswith("__")]
    assert set(left) <= {"fleet"}


def results(tasks: list[dict[str, Any]]) -> Iterator[str]:
    for task in tasks:
        yield from task.get("ansible.builtin.set_fact") or ()
        yield from [task["register"]] if "register" in task else []
        for part in ("tasks", "block", "rescue", "always"):
            yield from results(task.get(part) or [])
