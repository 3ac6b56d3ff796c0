"""Run ansible-playbook many times and import Ansible once: each run is a fork, two at a time.

Reads a JSON list of lists of arguments, and writes a JSON list of exit codes with outputs.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from ansible.cli.playbook import PlaybookCLI

_AT_ONCE = 2


def run(runs: list[list[str]], folder: Path) -> list[tuple[int, str]]:
    waiting = list(range(len(runs)))
    running: dict[int, int] = {}
    codes: dict[int, int] = {}
    while waiting or running:
        if waiting and len(running) < _AT_ONCE:
            number = waiting.pop(0)
            running[_start(runs[number], folder / str(number))] = number
            continue
        pid, status = os.wait()
        codes[running.pop(pid)] = os.waitstatus_to_exitcode(status)
    return [(codes[number], (folder / str(number)).read_text()) for number in range(len(runs))]


def _start(arguments: list[str], output: Path) -> int:
    """Return the id of the process, whose output goes into a file."""
    if pid := os.fork():
        return pid
    with output.open("wb") as file:
        os.dup2(file.fileno(), sys.stdout.fileno())
        os.dup2(file.fileno(), sys.stderr.fileno())
    try:
        PlaybookCLI.cli_executor(["ansible-playbook", *arguments])
        status = 0
    except SystemExit as end:
        status = int(end.code or 0)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    with TemporaryDirectory() as place:
        print(json.dumps(run(json.load(sys.stdin), Path(place))))
