# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Processes of this machine, told apart so that a reused number is not taken for the earlier process."""

from __future__ import annotations

import os
from pathlib import Path

PROC = Path("/proc")


def started(pid: int) -> str | None:
    """When a process was started: "<boot id>/<clock ticks since boot>"; empty if it is gone, None if nobody can say."""
    try:
        boot = (PROC / "sys/kernel/random/boot_id").read_text().strip()
        # The name, in brackets, may hold spaces and brackets itself. What follows it begins with the state.
        fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return "" if _is_gone(pid) else None
    except OSError:
        return None
    # One that has ended and waits for its parent to notice does nothing any more.
    return "" if fields[0] in {"Z", "X"} else f"{boot}/{fields[19]}"


def _is_gone(pid: int) -> bool:
    # Without a /proc, or with one that hides the processes of others, only this tells.
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        pass
    return False


def pid_namespace() -> str:
    """In which namespace numbers of processes mean what they mean here; empty if nobody can say."""
    try:
        return str((PROC / "self/ns/pid").readlink())
    except OSError:
        return ""
