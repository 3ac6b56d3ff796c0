"""The README of each role says what its argument_specs say, and these say what its defaults are.

Rewrite them with: REWRITE_EXPECTED=1 pytest tests/package
"""

from __future__ import annotations

import os
from typing import Any

import pytest
import yaml
from role_readmes import ROLES, readme

from ansible_collections.miribit.thanos.plugins.module_utils.agent.change import State

NAMES = sorted(path.name for path in ROLES.iterdir())


@pytest.mark.parametrize("role", NAMES)
def test_the_readme_of_a_role_is_made_from_its_argument_specs(role: str) -> None:
    file = ROLES / role / "README.md"
    if os.environ.get("REWRITE_EXPECTED"):
        file.write_text(readme(role))
    assert file.read_text() == readme(role)


@pytest.mark.parametrize("role", NAMES)
def test_every_default_is_documented_as_it_is(role: str) -> None:
    """A template has none, or what it gives where nothing else is set."""
    file = ROLES / role / "defaults" / "main.yml"
    defaults: dict[str, Any] = yaml.safe_load(file.read_text()) if file.exists() else {}
    literal = {name: value for name, value in defaults.items() if not (isinstance(value, str) and "{{" in value)}
    for name, entry_point in specs(role).items():
        options = entry_point.get("options") or {}
        documented = {name: options[name].get("default") for name in literal if name in options}
        assert documented == {name: literal[name] for name in documented}, name
    assert defaults.keys() <= {name for each in specs(role).values() for name in each.get("options") or {}}


def test_every_state_of_an_agent_is_in_the_table() -> None:
    rows = [line.split("`")[1] for line in readme("prometheus_agent").splitlines() if line.startswith("| `")]
    states = [word for word in rows if not word.startswith("prometheus_agent_")]
    assert sorted(states) == sorted([*State, "credentials_changed", "handover"])


def specs(role: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROLES / role / "meta" / "argument_specs.yml").read_text())["argument_specs"]
    return found
