"""Run other programs without leaving them behind."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence

from lab.errors import LabError
from lab.paths import CHECKOUT


def tied(command: Sequence[str]) -> list[str]:
    """The command line that ends with the process that starts it, even when that is killed."""
    return ["setpriv", "--pdeathsig", "KILL", *command]


def module(name: str) -> list[str]:
    """The command line that runs a module of this package, whatever folder and environment it is started in."""
    return ["env", f"PYTHONPATH={CHECKOUT}", sys.executable, "-P", "-m", name]


def run(command: Sequence[str], *, stdin: str | None = None, environment: Mapping[str, str] | None = None) -> str:
    """Run to the end and return what it printed; a LabError with its last words where it fails."""
    done = subprocess.run(tied(command), input=stdin, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        words = (done.stderr or done.stdout).strip()[-2000:]
        raise LabError(f"{' '.join(command[:6])} … ended with {done.returncode}: {words}")
    return done.stdout
