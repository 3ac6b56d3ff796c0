"""Named states of the lab: what is in its clusters, its volumes and its object storage."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lab import files, sandbox, services
from lab.cluster import CLUSTERS
from lab.errors import LabError
from lab.paths import STATE
from lab.process import run
from lab.settings import Cluster, Settings

#: Each state, and what it is.
STATES = {"empty": "running clusters without workloads, but DNS, storage, load balancer and ingress"}

_SAVED = STATE / "saved"
_CURRENT = STATE / "state"


def check(name: str) -> None:
    """Refuse a state that does not exist."""
    if name not in STATES:
        known = "; ".join(f"{known}: {meaning}" for known, meaning in STATES.items())
        raise LabError(f"{name}: no such state. There is {known}")


def current() -> str | None:
    """The state that the lab was last put into, or None while it has not reached one."""
    with contextlib.suppress(OSError):
        return _CURRENT.read_text().strip()
    return None


def is_saved(name: str) -> bool:
    return (_SAVED / name).is_dir()


def volumes(cluster: Cluster) -> Path:
    """Where the cluster's volumes lie."""
    return STATE / "volumes" / cluster.name


def save(name: str, settings: Settings, tools: Path) -> None:
    """Keep the running lab's present content under this name."""

    def snapshot(cluster: Cluster, folder: Path) -> None:
        enter = ("nsenter", f"--net=/run/netns/{cluster.nodes[0].name}", "--", f"{tools}/bin/etcdctl")
        run(sandbox.enter([*enter, "snapshot", "save", str(folder / f"{cluster.name}.db")]))

    shutil.rmtree(_SAVED / name, ignore_errors=True)
    with files.place(_SAVED / name) as folder:
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda cluster: snapshot(cluster, folder), settings.clusters))
        for kept in _folders(settings):
            if kept.exists():
                shutil.copytree(kept, folder / kept.relative_to(STATE), symlinks=True)
    files.write(_CURRENT, f"{name}\n")


def restore(name: str, settings: Settings, tools: Path, wipe: Callable[[], None]) -> None:
    """Put the saved content back in place, after `wipe` removed the nodes' own. The lab must not be running."""
    saved = _SAVED / name
    # Killed half way, the lab is in no state at all, and the next `up` makes it anew.
    _CURRENT.unlink(missing_ok=True)
    wipe()

    def etcd(cluster: Cluster) -> None:
        folder = CLUSTERS / cluster.name / "etcd"
        shutil.rmtree(folder, ignore_errors=True)
        command = [f"{tools}/bin/etcdutl", "snapshot", "restore", f"{saved}/{cluster.name}.db", f"--data-dir={folder}"]
        run(command)

    with ThreadPoolExecutor() as pool:
        list(pool.map(etcd, settings.clusters))
    for kept in _folders(settings):
        shutil.rmtree(kept, ignore_errors=True)
        copy = saved / kept.relative_to(STATE)
        if copy.exists():
            shutil.copytree(copy, kept, symlinks=True)
    files.write(_CURRENT, f"{name}\n")


def _folders(settings: Settings) -> list[Path]:
    return [services.DATA, *(volumes(cluster) for cluster in settings.clusters)]
