"""The configuration of the process supervisor, and questions to it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from lab import sandbox
from lab.cluster import Program
from lab.files import write
from lab.paths import INSIDE, LAB, STATE
from lab.process import tied

CONFIG = STATE / "supervisord.conf"
LOGS = STATE / "log"

_HEAD = f"""\
[supervisord]
logfile = {LOGS}/supervisord.log
logfile_maxbytes = 5MB
pidfile = {INSIDE}/supervisord.pid
minfds = 1024
umask = 022

[unix_http_server]
file = {INSIDE}/supervisor.sock
chmod = 0700

[supervisorctl]
serverurl = unix://{INSIDE}/supervisor.sock

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
"""


def render(programs: Iterable[Program], path: Path) -> str:
    """supervisord's configuration; `path` (of the unpacked daemons) leads every program's PATH."""
    return _HEAD + "".join(_section(program, path) for program in programs)


def _section(program: Program, path: Path) -> str:
    command = " ".join([str(LAB / "enter.sh"), program.namespace, program.group, *program.command])
    environment = {"PATH": f"{path}:/usr/sbin:/usr/bin:/sbin:/bin", **program.environment}
    assignments = ",".join(f'{name}="{value}"' for name, value in environment.items())
    # startretries: a control plane waits for its etcd by failing, and must not be given up on.
    return f"""
[program:{program.name}]
command = {command.replace("%", "%%")}
environment = {assignments.replace("%", "%%")}
autorestart = true
startsecs = 1
startretries = 1000
stdout_logfile = {LOGS}/{program.name}.log
stdout_logfile_maxbytes = 20MB
stdout_logfile_backups = 1
redirect_stderr = true
"""


def write_config(text: str) -> None:
    """Write the configuration; it holds MinIO's password."""
    LOGS.mkdir(parents=True, exist_ok=True)
    write(CONFIG, text, mode=0o600)


def states() -> dict[str, str]:
    """What the supervisor says of each program: RUNNING, STARTING, BACKOFF, FATAL, …"""
    done = _control("status")
    return dict(line.split()[:2] for line in done.stdout.splitlines() if line.strip())


def start_all() -> None:
    """Start what the supervisor has given up on."""
    _control("start", "all")


def _control(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "supervisor.supervisorctl", "-c", str(CONFIG), *arguments]
    return subprocess.run(tied(sandbox.enter(command)), capture_output=True, text=True, check=False)
