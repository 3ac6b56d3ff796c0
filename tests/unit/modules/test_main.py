"""The form of module files: documentation, options, and a short main()."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

MODULES = sorted((Path(__file__).parents[3] / "plugins" / "modules").glob("*.py"))
LONGEST = 40


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_main_is_short(path: Path) -> None:
    functions = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)]
    (main,) = (function for function in functions if function.name == "main")
    assert main.end_lineno is not None
    assert main.end_lineno - main.lineno < LONGEST, "move its options to argument_spec(), or its work to a room"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_a_module_holds_no_class(path: Path) -> None:
    assert not [node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.ClassDef)]
