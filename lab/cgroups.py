"""The lab's control groups: what finds every process of the lab, and what it uses.

All of the lab lives below one group, so that "is anything of the lab left?" has one answer that no
crash can falsify. Works with the v1 hierarchies and with the unified v2 one.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from lab.errors import LabError

ROOT = Path("/sys/fs/cgroup")
NAME = "miribit-lab"
UNIFIED = (ROOT / "cgroup.controllers").exists()
#: The hierarchy in which processes are looked for.
ANCHOR = ROOT / NAME if UNIFIED else ROOT / "pids" / NAME


def hierarchies() -> list[Path]:
    """The mount point of every hierarchy that has (or can have) a group of ours."""
    if UNIFIED:
        return [ROOT]
    return [folder for folder in ROOT.iterdir() if (folder / "cgroup.procs").exists() and not folder.is_symlink()]


def create(*paths: str) -> None:
    """Make the groups `NAME/PATH` in every hierarchy, ready for a kubelet to use."""
    for hierarchy in hierarchies():
        for path in ("", *paths):
            _create_one(hierarchy, Path(NAME) / path)


def _create_one(hierarchy: Path, relative: Path) -> None:
    group = hierarchy
    for part in relative.parts:
        if UNIFIED:
            wanted = (group / "cgroup.controllers").read_text().split()
            for controller in wanted:
                with contextlib.suppress(OSError):  # a controller that is in use elsewhere cannot be shared out
                    (group / "cgroup.subtree_control").write_text(f"+{controller}")
        parent, group = group, group / part
        group.mkdir(exist_ok=True)
        # A new cpuset of v1 has no CPUs, and nothing can run in it until it is given some.
        for name in ("cpuset.cpus", "cpuset.mems"):
            if not UNIFIED and (group / name).exists() and not (group / name).read_text().strip():
                (group / name).write_text((parent / name).read_text())


def processes() -> list[int]:
    """Every process of the lab, as this PID namespace numbers it."""
    found: list[int] = []
    for group in _groups(ANCHOR):
        with contextlib.suppress(OSError):
            found += [int(line) for line in (group / "cgroup.procs").read_text().split()]
    return found


def init() -> int | None:
    """The lab's init, which is process 1 of the lab's own PID namespace, as numbered here."""
    for pid in processes():
        with contextlib.suppress(OSError):
            status = Path(f"/proc/{pid}/status").read_text()
            numbers = next(line for line in status.splitlines() if line.startswith("NSpid:")).split()[1:]
            if len(numbers) == 2 and numbers[1] == "1":
                return pid
    return None


def kill(seconds: float = 30) -> None:
    """End every process of the lab. Its init goes first: the kernel ends the rest of its namespace with it."""
    until = time.monotonic() + seconds
    first = init()
    while victims := ([first] if first else []) + processes():
        for pid in victims:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        first = None
        if time.monotonic() > until:
            raise LabError(f"processes {victims} of the lab did not end within {seconds:.0f} s of SIGKILL")
        time.sleep(0.05)


def remove(seconds: float = 10) -> None:
    """Remove every group of the lab."""
    until = time.monotonic() + seconds
    for hierarchy in hierarchies():
        for group in reversed(list(_groups(hierarchy / NAME))):
            while True:
                try:
                    group.rmdir()
                    break
                except FileNotFoundError:
                    break
                except OSError as error:  # busy for a moment after the last process of it ended
                    if time.monotonic() > until:
                        raise LabError(f"{group}: cannot be removed: {error.strerror}") from error
                    time.sleep(0.05)


def memory(path: str = "") -> int:
    """Bytes of memory that the group `NAME/PATH` needs: in use, without file cache that could be dropped."""
    group = (ROOT if UNIFIED else ROOT / "memory") / NAME / path
    try:
        used = int((group / ("memory.current" if UNIFIED else "memory.usage_in_bytes")).read_text())
        statistics = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
    except OSError:
        return 0
    return used - int(statistics["inactive_file" if UNIFIED else "total_inactive_file"])


def _groups(top: Path) -> Iterator[Path]:
    """The group and all below it, parents first."""
    if top.is_dir():
        yield top
        try:
            children = sorted(child for child in top.iterdir() if child.is_dir())
        except OSError:
            return
        for child in children:
            yield from _groups(child)
