"""The lab's init: build the network inside fresh namespaces, then become the supervisor.

Run by `sandbox.start` as process 1 of the lab. Everything here happens in the lab's own mount and
network namespace; nothing of it can be seen, or can stay behind, outside.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from lab import cgroups, cluster, settings
from lab.files import write
from lab.paths import INSIDE, STATE
from lab.settings import Settings

BRIDGE = "br-lab"


def main() -> None:
    chosen = settings.load()
    _mounts(chosen.gateway)
    cgroups.create("services", *(group for one in chosen.clusters for group in cluster.groups(one)))
    _bridge(chosen)
    _member(chosen, "minio", chosen.storage.address)
    for one in chosen.clusters:
        for node in one.nodes:
            _member(chosen, node.name, node.address)
            for other in one.nodes:
                if other is not node:
                    _ip("-n", node.name, "route", "add", other.pod_cidr, "via", other.address)
    for name, content in cluster.inside_files(chosen).items():
        write(INSIDE / name, content, mode=0o600)
    os.execv(
        sys.executable,
        [sys.executable, "-m", "supervisor.supervisord", "--nodaemon", "-c", str(STATE / "supervisord.conf")],
    )


def _mounts(resolver: str) -> None:
    """A /run of our own (sockets, named namespaces, runc's state), and a resolver that only the lab has."""
    _run("mount", "--make-rshared", "/")  # kubelets hand mounts on to containers
    target = Path("/etc/resolv.conf").resolve()  # before /run is covered: it is a link into /run on many systems
    _run("mount", "-t", "tmpfs", "-o", "mode=755", "miribit-lab", "/run")
    for folder in (INSIDE, Path("/run/netns"), Path("/run/lock")):
        folder.mkdir(mode=0o755, parents=True)
    ours = INSIDE / "resolv.conf"
    ours.write_text(f"nameserver {resolver}\noptions timeout:2 attempts:2\n")
    if target.is_relative_to("/run"):
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(ours)
    else:
        _run("mount", "--bind", str(ours), str(target))


def _bridge(chosen: Settings) -> None:
    _ip("link", "set", "lo", "up")
    _ip("link", "add", BRIDGE, "type", "bridge")
    _ip("address", "add", f"{chosen.gateway}/{chosen.prefix_length}", "dev", BRIDGE)
    _ip("link", "set", BRIDGE, "up")


def _member(chosen: Settings, name: str, address: str) -> None:
    """A network namespace with one address on the bridge."""
    port = f"port-{address.rsplit('.', 1)[1]}"  # interface names have 15 characters at most
    _ip("netns", "add", name)
    _ip("link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", name)
    _ip("link", "set", port, "master", BRIDGE, "up")
    _ip("-n", name, "address", "add", f"{address}/{chosen.prefix_length}", "dev", "eth0")
    _ip("-n", name, "link", "set", "lo", "up")
    _ip("-n", name, "link", "set", "eth0", "up")
    _ip("-n", name, "route", "add", "default", "via", chosen.gateway)
    _run("nsenter", f"--net=/run/netns/{name}", "sysctl", "-qw", "net.ipv4.ip_forward=1")


def _ip(*arguments: str) -> None:
    _run("ip", *arguments)


def _run(*command: str) -> None:
    subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
