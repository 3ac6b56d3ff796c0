"""Build the lab's binaries from pinned Go modules, into a cache keyed by what they are built from.

`gomod/NAME/go.mod` pins a tool and lists its packages as `tool` directives; `gomod/tools.toml` says how
its release is built. A binary is rebuilt when one of these, its `go.sum` or the Go version changes.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import threading
import time
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from lab.errors import LabError
from lab.files import place
from lab.paths import CACHE, LAB
from lab.process import tied

GOMOD = LAB / "gomod"


@dataclass(frozen=True)
class Tool:
    """One Go module of `gomod/` and the way its release is built."""

    name: str
    tags: tuple[str, ...] = ()
    stamp: dict[str, str] = field(default_factory=dict)
    version: str = ""
    rename: dict[str, str] = field(default_factory=dict)
    share: dict[str, str] = field(default_factory=dict)

    @property
    def module(self) -> Path:
        return GOMOD / self.name


def load() -> list[Tool]:
    """Every tool, in the order of `tools.toml`."""
    table = tomllib.loads((GOMOD / "tools.toml").read_text())
    return [
        Tool(
            name=name,
            tags=tuple(entry.get("tags", ())),
            stamp=entry.get("stamp", {}),
            version=entry.get("version", ""),
            rename=entry.get("rename", {}),
            share=entry.get("share", {}),
        )
        for name, entry in table.items()
    ]


def key(tool: Tool, go_version: str) -> str:
    """What the tool is built from, as 16 hexadecimal digits."""
    recipe = json.dumps([tool.tags, tool.stamp, tool.version, tool.rename, tool.share, go_version])
    digest = hashlib.sha256(recipe.encode())
    for name in ("go.mod", "go.sum"):
        digest.update((tool.module / name).read_bytes())
    return digest.hexdigest()[:16]


def ensure() -> Path:
    """Build what is missing; return the folder with all binaries in `bin/` and all data files in `share/`."""
    tools = load()
    go_version = _go("version")
    folders = {tool.name: CACHE / "tools" / f"{tool.name}-{key(tool, go_version)}" for tool in tools}
    everything = hashlib.sha256("\n".join(folder.name for folder in folders.values()).encode()).hexdigest()[:16]
    together = CACHE / "tools" / f"all-{everything}"
    if together.is_dir():
        return together
    with _only_builder():
        missing = [tool for tool in tools if not folders[tool.name].is_dir()]
        for number, tool in enumerate(missing, start=1):
            print(f"tools: building {tool.name} ({number} of {len(missing)})", flush=True)
            with _ticker(tool.name) as began:
                _build(tool, folders[tool.name])
            print(f"tools: built {tool.name} in {time.monotonic() - began:.0f} s", flush=True)
        with place(together) as scratch:
            for folder in folders.values():
                shutil.copytree(folder, scratch, copy_function=os.link, dirs_exist_ok=True)
    return together


def _build(tool: Tool, target: Path) -> None:
    modules = _go("list", "-f", "{{.Module.Dir}} {{.Module.Version}}", "tool", tool=tool).splitlines()
    source, released = modules[0].split()
    version = tool.version or released.removeprefix("v")
    flags = ["-s", "-w"]
    for variable, value in tool.stamp.items():
        flags += ["-X", f"{variable}={value.format(version=version)}"]
    with place(target) as scratch:
        binaries, share = scratch / "bin", scratch / "share"
        binaries.mkdir()
        _go(
            *("build", "-trimpath", f"-tags={','.join(tool.tags)}", f"-ldflags={' '.join(flags)}"),
            *("-o", f"{binaries}/", "tool"),
            tool=tool,
        )
        for built, name in tool.rename.items():
            (binaries / built).rename(binaries / name)
        for name, path in tool.share.items():
            share.mkdir(exist_ok=True)
            shutil.copyfile(Path(source) / path, share / name)


def _go(*arguments: str, tool: Tool | None = None) -> str:
    go = shutil.which("go")
    if go is None:
        raise LabError("go: not found on PATH, and the lab builds its tools with it; install Go 1.26 or newer")
    environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly -buildvcs=false", "GOWORK": "off"}
    folder = tool.module if tool else None
    command = tied([go, *arguments])
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise LabError(f"go {arguments[0]}{f' in {folder}' if folder else ''} failed:\n{done.stderr[-2000:]}")
    return done.stdout.strip()


@contextlib.contextmanager
def _only_builder() -> Iterator[None]:
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "build.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("tools: another build is running; waiting for it", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        for scratch in (CACHE / "tools").glob(".*"):  # of a build that was killed
            shutil.rmtree(scratch, ignore_errors=True)
        yield


@contextlib.contextmanager
def _ticker(name: str) -> Iterator[float]:
    """Say every half minute that a long build is still alive."""
    began, ended = time.monotonic(), threading.Event()

    def tick() -> None:
        while not ended.wait(30):
            print(f"tools: still building {name}, {time.monotonic() - began:.0f} s", flush=True)

    thread = threading.Thread(target=tick, daemon=True)
    thread.start()
    try:
        yield began
    finally:
        ended.set()
