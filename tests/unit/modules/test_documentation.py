"""Module files: those of actions are documentation only, and say what the action takes; others have a short main()."""

from __future__ import annotations

import ast
import importlib
import inspect
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.miribit.thanos.plugins.plugin_utils.cluster_action import ClusterAction

PLUGINS = Path(__file__).parents[3] / "plugins"
PACKAGE = "ansible_collections.miribit.thanos.plugins"
LONGEST = 40


def takes(path: Path) -> type[ClusterAction] | None:
    action = PLUGINS / "action" / path.name
    if not action.exists():
        return None
    found = importlib.import_module(f"{PACKAGE}.action.{path.stem}").ActionModule
    return found if issubclass(found, ClusterAction) else None


MODULES = sorted((PLUGINS / "modules").glob("*.py"))
OF_ACTIONS = {path.stem: action for path, action in zip(MODULES, map(takes, MODULES), strict=True) if action}
#: Defaults of ArgumentSpecValidator, which documentation leaves out.
IMPLIED = {"type": "str", "required": False, "default": None}


@pytest.mark.parametrize("path", [path for path in MODULES if path.stem not in OF_ACTIONS], ids=lambda path: path.stem)
def test_main_is_short_and_alone(path: Path) -> None:
    body = ast.parse(path.read_text()).body
    (main,) = (node for node in body if isinstance(node, ast.FunctionDef) and node.name == "main")
    assert main.end_lineno is not None
    assert main.end_lineno - main.lineno < LONGEST, "move its options to argument_spec(), or its work to a room"
    assert not [node.name for node in body if isinstance(node, ast.ClassDef)]


@pytest.mark.parametrize("name", OF_ACTIONS)
def test_the_module_of_an_action_is_documentation_only(name: str) -> None:
    body = ast.parse((PLUGINS / "modules" / f"{name}.py").read_text()).body
    names = [target.id for node in body if isinstance(node, ast.Assign) for target in node.targets]  # type: ignore[attr-defined]
    assert names == ["DOCUMENTATION", "EXAMPLES", "RETURN"]
    assert len(body) == len(names) + 1, "beside them there is only the import of annotations"


@pytest.mark.parametrize("name", OF_ACTIONS)
def test_the_options_of_an_action_are_those_of_its_documentation(name: str) -> None:
    module = importlib.import_module(f"{PACKAGE}.modules.{name}")
    documented = yaml.safe_load(module.DOCUMENTATION)
    options = dict(documented.get("options") or {})
    for fragment in documented.get("extends_documentation_fragment", []):
        options |= fragment_options(fragment.removeprefix("miribit.thanos."))
    assert comparable(OF_ACTIONS[name].spec, "options") == comparable(options, "suboptions")


def fragment_options(name: str) -> dict[str, Any]:
    file, _dot, part = name.partition(".")
    fragment = importlib.import_module(f"{PACKAGE}.doc_fragments.{file}").ModuleDocFragment
    text = inspect.getattr_static(fragment, (part or "documentation").upper())
    return dict(yaml.safe_load(text).get("options") or {})


def comparable(options: dict[str, Any], below: str) -> dict[str, Any]:
    return {
        name: {
            **{key: option.get(key, implied) for key, implied in IMPLIED.items()},
            "elements": option.get("elements"),
            "choices": list(option.get("choices") or []),
            "options": comparable(option[below], below) if below in option else {},
        }
        for name, option in options.items()
    }
