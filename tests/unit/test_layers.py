"""The rooms of plugins/module_utils: what each stands on, and which of them do no I/O."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOMS_FOLDER = Path(__file__).parents[2] / "plugins" / "module_utils"
PACKAGE = "ansible_collections.miribit.thanos.plugins.module_utils"

#: Room -> the rooms that it stands on. It may import these and what they stand on; see docs/architecture.md.
STANDS_ON: dict[str, set[str]] = {
    "base": set(),
    "kube": {"base"},
    "hashring": {"base"},
    "remote_write": {"base"},
    "fleet": {"hashring", "remote_write"},
    "migration": {"kube"},
    "prometheus": {"kube", "remote_write"},
    "receive": {"prometheus"},
    "rollout": {"receive"},
    "probe": {"receive"},
    "gate": {"receive"},
    "audit": {"probe"},
    "report": {"audit"},
    "agent": {"gate", "probe", "fleet"},
    "remote_scraping": {"gate", "fleet"},
}
PURE = {"base", "hashring", "remote_write", "fleet", "report"}
#: Standard modules through which a program reaches beyond itself.
IO = {"http", "io", "os", "select", "shutil", "socket", "ssl", "subprocess", "tempfile", "threading", "time"}
IO_NAMES = {"pathlib.Path", "urllib.request"}

FILES = sorted(path for path in ROOMS_FOLDER.rglob("*.py") if path.name != "__init__.py")


def test_every_file_is_in_a_room_and_every_room_has_a_row() -> None:
    assert {path.parent.name for path in FILES} == STANDS_ON.keys()
    assert {path.parents[1] for path in FILES} == {ROOMS_FOLDER}
    for room in STANDS_ON:
        assert ast.get_docstring(ast.parse((ROOMS_FOLDER / room / "__init__.py").read_text()))


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_room_imports_only_what_it_stands_on(path: Path) -> None:
    room = path.parent.name
    allowed = {room, *below(room)}
    assert {module.partition(".")[0] for module in own_imports(path)} <= allowed


def test_no_two_files_import_each_other() -> None:
    graph = {f"{path.parent.name}.{path.stem}": set(own_imports(path)) for path in FILES}
    order = list(TopologicalSorter(graph).static_order())
    assert set(order) == graph.keys(), "an import that names no file"


@pytest.mark.parametrize("path", [path for path in FILES if path.parent.name in PURE], ids=lambda path: path.stem)
def test_a_pure_room_does_no_io(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert not {module.partition(".")[0] for module in imports(tree)} & (IO | {"ansible", "kubernetes"})
    assert not set(imports(tree)) & IO_NAMES
    called = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    assert not called & {"open", "print", "input", "exec", "eval", "__import__"}


def below(room: str) -> set[str]:
    return {lower for direct in STANDS_ON[room] for lower in (direct, *below(direct))}


def imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are absolute, so that the tools find them"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own_imports(path: Path) -> Iterator[str]:
    """Imports of rooms, as room.file."""
    for name in imports(ast.parse(path.read_text())):
        if name.startswith(f"{PACKAGE}."):
            yield ".".join(name.removeprefix(f"{PACKAGE}.").split(".")[:2])
