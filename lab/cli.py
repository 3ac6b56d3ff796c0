"""The command `lab`."""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from lab import audited, cgroups, health, lifecycle, sandbox, states, status, supervision
from lab.errors import LabError
from lab.paths import INSIDE, KUBECONFIG, STATE

_ABOUT = "A lab of four real Kubernetes clusters on this machine, in network namespaces of its own."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit status is 0 when all is well, 1 when not, 3 when there is no lab."""
    parser = argparse.ArgumentParser(prog="lab", description=_ABOUT)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("tools", help="build tools and images, and print the folder that holds the tools")
    commands.add_parser("up", help="bring the lab up, or repair it")
    down = commands.add_parser("down", help="end the lab and remove all of it but the cache")
    down.add_argument("--foreign", action="store_true", help="also where another checkout made it")
    commands.add_parser("status", help="show clusters, nodes, versions, memory, and what is wrong")
    reset = commands.add_parser("reset", help="put the lab into a named state")
    reset.add_argument("state", help="; ".join(f"{name}: {meaning}" for name, meaning in states.STATES.items()))
    reset.add_argument(
        "--variant",
        action="append",
        default=[],
        metavar="[CLUSTER=]VARIANT",
        help="of audited, for all clusters or for one: "
        + "; ".join(f"{name}: {shape.meaning}" for name, shape in audited.VARIANTS.items()),
    )
    logs = commands.add_parser("logs", help="show the log of a program, or without a name list the programs")
    logs.add_argument("program", nargs="?")
    logs.add_argument("--follow", "-f", action="store_true", help="go on as it grows")
    run = commands.add_parser("exec", help="run a command inside the lab, where its clusters can be reached")
    run.add_argument("line", nargs=argparse.REMAINDER, metavar="COMMAND", help="with its arguments")
    commands.add_parser("inside", help="succeed only inside `lab exec`")
    chosen = parser.parse_args(arguments)
    try:
        return _COMMANDS[chosen.command](chosen)
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _tools(_chosen: argparse.Namespace) -> int:
    print(lifecycle.prepare().tools)
    return 0


def _up(_chosen: argparse.Namespace) -> int:
    print(status.table(lifecycle.up()))
    return 0


def _down(chosen: argparse.Namespace) -> int:
    lifecycle.down(foreign=chosen.foreign)
    return 0


def _status(_chosen: argparse.Namespace) -> int:
    if cgroups.init() is None:
        print("the lab is not up" + (f"; what it left is in {STATE}" if STATE.exists() else ""))
        return 3
    lab = lifecycle.prepare()
    if not lifecycle.is_current(lab):
        print("the lab was made with other settings, tools or code, or by another checkout; `lab up` makes it anew")
        return 1
    found = health.problems(lab.settings, lab.tools)
    if not found:
        print(status.table(lab))
        return 0
    print("the lab is not healthy; `lab up` repairs it:\n" + "\n".join(f"  {problem}" for problem in found))
    return 1


def _reset(chosen: argparse.Namespace) -> int:
    lifecycle.reset(chosen.state, chosen.variant)
    return 0


def _logs(chosen: argparse.Namespace) -> int:
    known = sorted(path.stem for path in supervision.LOGS.glob("*.log"))
    if chosen.program is None:
        print("\n".join(known) or "the lab has no logs")
        return 0
    if chosen.program not in known:
        raise LabError(f"{chosen.program}: no such program; `lab logs` lists them")
    path = supervision.LOGS / f"{chosen.program}.log"
    return subprocess.call(["tail", *(["-F"] if chosen.follow else []), "-n", "200", str(path)])


def _exec(chosen: argparse.Namespace) -> int:
    line = chosen.line[1:] if chosen.line[:1] == ["--"] else chosen.line
    if not line:
        raise LabError("exec: no command given; for example `lab exec kubectl --context cluster-01 get nodes`")
    if sandbox.is_inside():
        os.execvp(line[0], line)
    environment = {
        "PATH": f"{lifecycle.TOOLS}/bin:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "KUBECONFIG": str(KUBECONFIG),
        # Nothing inside can be reached through a proxy of the machine, and nothing outside at all.
        **{name: "" for name in os.environ if name.lower() in ("http_proxy", "https_proxy", "all_proxy")},
    }
    command = sandbox.enter(line, environment)
    os.execvp(command[0], command)


def _inside(_chosen: argparse.Namespace) -> int:
    if sandbox.is_inside():
        return 0
    raise LabError(
        f"this is outside the lab ({INSIDE} is not there): its addresses would lead to whatever machines have them "
        f"here. Run it inside: lab exec {shlex.join(sys.argv[2:]) or 'COMMAND'}"
    )


_COMMANDS = {
    "tools": _tools,
    "up": _up,
    "down": _down,
    "status": _status,
    "reset": _reset,
    "logs": _logs,
    "exec": _exec,
    "inside": _inside,
}
