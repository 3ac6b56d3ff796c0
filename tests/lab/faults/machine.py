"""What the machine looks like from outside the lab."""

from __future__ import annotations

import re
from pathlib import Path

from inside import run

from lab import cgroups
from lab.paths import STATE

#: The tables of kube-proxy and of the CNI plugins.
NFT_TABLES = re.compile(r"kube-proxy|cni")


def network() -> dict[str, str]:
    """The machine's own addresses, links, routes, rules and namespaces."""
    questions = {
        "addresses": ("ip", "-o", "address"),
        "links": ("ip", "-o", "link"),
        "routes": ("ip", "route", "show", "table", "all"),
        "routes of IPv6": ("ip", "-6", "route", "show", "table", "all"),
        "rules": ("ip", "rule"),
        "nft rules": ("nft", "list", "ruleset"),
        "named namespaces": ("ip", "netns"),
    }
    answers = {}
    for name, question in questions.items():
        done = run(*question)
        assert done.returncode == 0, done.stderr
        # Lifetimes of addresses that a router announces count down.
        answers[name] = re.sub(r" (valid_lft|expires) .*", "", done.stdout)
    return answers


def leftovers() -> list[str]:
    """Everything of a lab that is still on the machine: processes, mounts, interfaces, groups, files."""
    found = [f"process {pid}" for pid in cgroups.processes()]
    found += [f"process with the lab's mounts {pid}" for pid in _processes_with_lab_mounts()]
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    found += [f"mount {line.split()[4]}" for line in mounts if "miribit-lab" in line]
    found += [f"control group in {path}" for path in cgroups.hierarchies() if (path / cgroups.NAME).exists()]
    found += [f"namespace {line}" for line in run("ip", "netns").stdout.splitlines() if line]
    found += [f"link {line}" for line in run("ip", "-o", "link").stdout.splitlines() if "br-lab" in line]
    found += [f"nft {line}" for line in run("nft", "list", "tables").stdout.splitlines() if NFT_TABLES.search(line)]
    found += [str(path) for path in (STATE, Path("/run/miribit-lab")) if path.exists()]
    return found


def _processes_with_lab_mounts() -> list[str]:
    """Not by control group: a process that had left its group would still be in the lab's mount namespace."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if "miribit-lab /run" in (process / "mounts").read_text():
                found.append(process.name)
        except OSError:
            continue
    return found
