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

EMPTY = "empty"
#: Each state, and what it is.
STATES = {
    EMPTY: "running clusters without workloads, but DNS, storage, load balancer and ingress",
    "audited": "the fleet as the audit found it: a Full Prometheus everywhere, agents that deliver nothing",
}

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


def seed(cluster: Cluster, claim: str) -> Path:
    """What the first volume of this claim shall start with; it is taken from there when the volume is made."""
    return volumes(cluster) / ".seed" / claim


def begin_change() -> None:
    """Until the next `save` or the end of `restore` the lab is in no state at all: killed here, it is made anew."""
    _CURRENT.unlink(missing_ok=True)


def save(name: str, settings: Settings, tools: Path) -> None:
    """Keep what is in the running clusters under this name.

    Of volumes only their names are kept: what is written to them while the lab runs is torn at any moment that one
    could copy it, and would be older at each restore. Buckets are those of the empty lab.
    """

    def snapshot(cluster: Cluster, folder: Path) -> None:
        enter = ("nsenter", f"--net=/run/netns/{cluster.nodes[0].name}", "--", f"{tools}/bin/etcdctl")
        run(sandbox.enter([*enter, "snapshot", "save", str(folder / f"{cluster.name}.db")]))
        for volume in _volumes(volumes(cluster)):
            (folder / cluster.name / volume.name).mkdir(parents=True)

    shutil.rmtree(_SAVED / name, ignore_errors=True)
    with files.place(_SAVED / name) as folder:
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda cluster: snapshot(cluster, folder), settings.clusters))
        if name == EMPTY:
            shutil.copytree(services.DATA, folder / services.DATA.name)
    files.write(_CURRENT, f"{name}\n")


def restore(name: str, settings: Settings, tools: Path, *, wipe: Callable[[], None], plant: Callable[[], None]) -> None:
    """Put the saved content back in place. The lab must not be running.

    `wipe` removes what the nodes had; `plant` makes the seeds that volumes start with. All other volumes start empty.
    """
    saved = _SAVED / name
    begin_change()
    wipe()
    for folder in (services.DATA, *map(volumes, settings.clusters)):
        shutil.rmtree(folder, ignore_errors=True)
    plant()

    def one(cluster: Cluster) -> None:
        folder = CLUSTERS / cluster.name / "etcd"
        shutil.rmtree(folder, ignore_errors=True)
        command = [f"{tools}/bin/etcdutl", "snapshot", "restore", f"{saved}/{cluster.name}.db", f"--data-dir={folder}"]
        run(command)
        for kept in _volumes(saved / cluster.name):
            volume, content = volumes(cluster) / kept.name, seed(cluster, kept.name.rpartition("_")[2])
            if content.is_dir():
                content.rename(volume)
            else:
                volume.mkdir(parents=True)
                volume.chmod(0o777)

    with ThreadPoolExecutor() as pool:
        list(pool.map(one, settings.clusters))
    shutil.copytree(_SAVED / EMPTY / services.DATA.name, services.DATA)
    files.write(_CURRENT, f"{name}\n")


def _volumes(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if not path.name.startswith(".")] if folder.is_dir() else []
