"""What the lab needs of the machine itself, and how it gets it without changing the machine's services."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import tempfile
from pathlib import Path

from lab.errors import LabError
from lab.files import place
from lab.paths import CACHE
from lab.process import run

#: Programs that the lab runs from the system -> the Debian packages that bring them. None starts a service.
INSTALLED = {
    "ip": ("iproute2",),
    "nft": ("nftables",),
    "nsenter": ("util-linux",),
    "sysctl": ("procps",),
    "busybox": ("busybox-static",),
    "cc": ("gcc", "libc6-dev"),
}
#: Daemons are unpacked, not installed: a package would start them on the machine, or push out another
#: vendor's (Debian's containerd and Docker's exclude each other).
UNPACKED = ("containerd", "runc", "nginx")


def ensure() -> Path:
    """Check the machine, install what is missing, and return the folder with the unpacked daemons' binaries."""
    _check()
    missing = sorted(
        {package for program, packages in INSTALLED.items() if not _found(program) for package in packages}
    )
    if missing:
        print(f"host: installing {', '.join(missing)}", flush=True)
        _apt("install", "--yes", "--no-install-recommends", "-qq", *missing)
    return _unpacked() / "usr" / "sbin"


def _check() -> None:
    if os.geteuid() != 0:
        raise LabError("the lab makes namespaces and mounts, which takes root; run it as root (sudo)")
    if platform.machine() != "x86_64":
        raise LabError(f"this machine is {platform.machine()}; the lab's images are built for x86_64 only")
    if shutil.which("apt-get") is None:
        raise LabError("apt-get: not found; the lab takes containerd, runc and nginx from Debian or Ubuntu packages")


def _found(program: str) -> bool:
    path = shutil.which(program)
    if path is None or program != "busybox":
        return path is not None
    # Debian's plain busybox is linked dynamically, and of no use in an empty image. ldd fails on a static one.
    return subprocess.run(["ldd", path], capture_output=True, check=False).returncode != 0


def _unpacked() -> Path:
    release = platform.freedesktop_os_release()
    label = f"{release['ID']}-{release.get('VERSION_ID', '0')}"
    folder = CACHE / "daemons" / f"{label}-{'-'.join(UNPACKED)}"
    if folder.is_dir():
        return folder
    print(f"host: unpacking {', '.join(UNPACKED)}", flush=True)
    with tempfile.TemporaryDirectory() as scratch, place(folder) as out:
        _apt("download", "-qq", *UNPACKED, folder=scratch)
        for package in sorted(Path(scratch).glob("*.deb")):
            run(["dpkg-deb", "--extract", str(package), str(out)])
        for binary in (out / "usr" / "bin").iterdir():
            if not (out / "usr" / "sbin" / binary.name).exists():
                binary.rename(out / "usr" / "sbin" / binary.name)
        _libraries(out / "usr" / "sbin")
    return folder


def _libraries(folder: Path) -> None:
    """Fail here, in one line, when a library that an unpacked daemon needs is not on the machine."""
    for binary in ("containerd", "runc", "nginx"):
        lines = run(["ldd", str(folder / binary)]).splitlines()
        missing = [line.split()[0] for line in lines if "not found" in line]
        if missing:
            raise LabError(f"{binary}: needs {', '.join(missing)}, not installed; install the package that has it")


def _apt(*arguments: str, folder: str | None = None) -> None:
    """apt-get, a second time with fresh lists where the first fails (a new machine has none)."""
    command = ["apt-get", *arguments]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for attempt in ("update", "give up"):
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return
        if attempt == "update":
            subprocess.run(["apt-get", "update", "-qq"], env=environment, capture_output=True, check=False)
    raise LabError(f"{' '.join(command)} failed: {done.stderr.strip()[-800:]}")
