"""The lab's sandbox: namespaces of its own, entered through its init process.

The init (`lab.boot`, which becomes the supervisor) is process 1 of a PID namespace and the first in a
mount and a network namespace. So the kernel itself cleans up after any crash: when the init ends, every
process of the lab ends with it, and with the last process go all mounts, interfaces, routes and nft
rules. Only control groups and files stay, and those are removed by `clean`.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from lab import cgroups, settings
from lab.errors import LabError
from lab.paths import CHECKOUT, INSIDE, LAB, LOCK, OWNER, STATE
from lab.process import module


def is_inside() -> bool:
    """Whether this process runs inside the lab, where `lab exec` puts it."""
    return INSIDE.is_dir()


@contextlib.contextmanager
def exclusive(action: str) -> Iterator[None]:
    """Let only one `lab up`, `down` or `reset` work on this machine at a time, and only on its own lab."""
    if is_inside():
        raise LabError(f"lab {action}: this shell is inside the lab; leave `lab exec` first")
    LOCK.parent.mkdir(parents=True, exist_ok=True)
    with LOCK.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            raise LabError(
                f"lab {action}: another command works on the lab of this machine: {lock.read().strip()}; "
                "wait for it to end, or end it"
            ) from error
        lock.truncate(0)
        lock.write(f"lab {action}, process {os.getpid()}, of {CHECKOUT}\n")
        lock.flush()
        yield
        lock.truncate(0)


def refuse_foreign(action: str) -> None:
    """A machine has room for one lab (its addresses and groups are fixed): refuse to touch a running one of another
    checkout. What a crash left of one is nobody's, and is taken over."""
    owner = read_owner()
    if owner and owner != str(CHECKOUT) and cgroups.init():
        raise LabError(
            f"lab {action}: a lab of {owner} runs on this machine, and there can be only one; "
            f"end it with `{owner}/lab/bin/lab down`, or with `lab down --foreign` where that checkout is gone"
        )


def read_owner() -> str | None:
    """The checkout whose lab is on this machine."""
    with contextlib.suppress(OSError):
        return OWNER.read_text().strip()
    return None


def start() -> None:
    """Start the lab's init in namespaces of its own."""
    cgroups.create("init")
    unshare = ["unshare", "--mount", "--propagation=private", "--net", "--pid", "--fork", "--mount-proc"]
    with (STATE / "log" / "boot.log").open("w") as log:
        subprocess.Popen(
            [str(LAB / "enter.sh"), "-", f"{cgroups.NAME}/init", *unshare, *module("lab.boot")],
            cwd="/",
            env={**os.environ, "LAB_SETTINGS": str(settings.path())},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def stop() -> None:
    """End every process of the lab, and with them its namespaces and mounts."""
    cgroups.kill()
    cgroups.remove()


def clean() -> None:
    """Leave nothing of the lab on this machine but the cache."""
    stop()
    shutil.rmtree(STATE, ignore_errors=True)
    if STATE.exists():
        raise LabError(f"{STATE}: cannot be removed; look for a mount below it with findmnt")


def enter(command: Sequence[str], environment: Mapping[str, str] | None = None) -> list[str]:
    """The command line that runs `command` inside the lab, in this folder."""
    pid = cgroups.init()
    if pid is None:
        raise LabError("the lab is not up; `make lab-up` (or `lab up`) brings it up")
    assignments = [f"{name}={value}" for name, value in (environment or {}).items()]
    return [
        *("nsenter", f"--target={pid}", "--mount", "--net", "--pid", "--"),
        *("sh", "-c", 'cd "$0" && exec env "$@"', str(Path.cwd()), *assignments, *command),
    ]


def wait_for_init(seconds: float = 20) -> None:
    """Wait until the init has built the network and become the supervisor."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        pid = cgroups.init()
        if pid and Path(f"/proc/{pid}/root{INSIDE}/supervisor.sock").exists():
            return
        time.sleep(0.1)
    log = STATE / "log" / "boot.log"
    tail = log.read_text()[-1500:] if log.exists() else ""
    raise LabError(f"the lab's init did not come up within {seconds:.0f} s; {log} ends with:\n{tail}")
