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
