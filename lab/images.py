"""Container images around the lab's binaries, unpacked once into a containerd root that every node copies.

Importing all images into every node would take half a minute each. Instead one containerd imports them
once, and a node's containerd starts on hard links of its files: instant, no further disk space, and
the page cache of a binary is shared by all clusters.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path

from lab.errors import LabError
from lab.files import place
from lab.paths import CACHE, LAB
from lab.process import run, tied

#: Databases of containerd: the only files of its root that change in place, so they are copied for real.
DATABASES = ("meta.db", "metadata.db")

PAUSE = r"""
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
static void end(int n) { (void)n; _exit(0); }
static void reap(int n) { (void)n; while (waitpid(-1, 0, WNOHANG) > 0) {} }
int main(void) { signal(SIGTERM, end); signal(SIGINT, end); signal(SIGCHLD, reap); for (;;) pause(); }
"""


@dataclass(frozen=True)
class Image:
    """One image: its reference and what is in it."""

    ref: str
    files: dict[str, str]
    entrypoint: tuple[str, ...]
    user: str
    applets: tuple[str, ...]


def load() -> list[Image]:
    """Every image of images.toml."""
    return [
        Image(
            ref=entry["ref"],
            files=entry["files"],
            entrypoint=tuple(entry.get("entrypoint", [next(iter(entry["files"]))])),
            user=entry.get("user", "65534:65534"),
            applets=tuple(entry.get("applets", ())),
        )
        for entry in tomllib.loads((LAB / "images.toml").read_text()).values()
    ]


def ensure(tools: Path, daemons: Path) -> Path:
    """Return a containerd root that holds every image, made where it does not exist yet."""
    recipe = (LAB / "images.toml").read_bytes() + Path(__file__).read_bytes() + tools.name.encode()
    root = CACHE / "images" / hashlib.sha256(recipe).hexdigest()[:16]
    if root.is_dir():
        return root
    images = load()
    print(f"images: making {len(images)}", flush=True)
    with tempfile.TemporaryDirectory() as scratch, place(root) as out:
        binaries = {binary.name: binary for binary in (tools / "bin").iterdir()}
        binaries |= {"busybox": Path(shutil.which("busybox") or ""), "pause": _pause(Path(scratch))}
        _import(images, binaries, Path(scratch), out, daemons)
    for old in root.parent.iterdir():  # gigabytes each, and no lab needs them: its nodes have links of their own
        if old != root:
            shutil.rmtree(old)
    return root


def copy(root: Path, target: Path) -> None:
    """Give a node its own containerd root: links for what never changes, copies for the databases."""

    def link(source: str, destination: str) -> None:
        if Path(source).name not in DATABASES:
            try:
                os.link(source, destination, follow_symlinks=False)
                return
            except OSError:  # the cache is on another file system
                pass
        shutil.copy2(source, destination, follow_symlinks=False)

    with place(target) as out:
        shutil.copytree(root, out, copy_function=link, symlinks=True, dirs_exist_ok=True)


def _pause(scratch: Path) -> Path:
    source, binary = scratch / "pause.c", scratch / "pause"
    source.write_text(PAUSE)
    run(["cc", "-Os", "-static", "-o", str(binary), str(source)])
    return binary


def _import(images: list[Image], binaries: dict[str, Path], scratch: Path, root: Path, daemons: Path) -> None:
    socket, state = scratch / "containerd.sock", scratch / "state"
    config = scratch / "containerd.toml"
    config.write_text(
        f'version = 2\nroot = "{root}"\nstate = "{state}"\n[grpc]\n  address = "{socket}"\n'
        'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n'
    )
    # In namespaces of its own, so that neither it nor a mount of it can outlive this process.
    command = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    with (scratch / "log").open("w") as log:
        containerd = subprocess.Popen(
            tied([*command, str(daemons / "containerd"), "--config", str(config)]),
            stdout=log,
            stderr=log,
        )
        try:
            until = time.monotonic() + 30
            while not socket.exists():
                if containerd.poll() is not None or time.monotonic() > until:
                    raise LabError(f"containerd did not start: {(scratch / 'log').read_text()[-1500:]}")
                time.sleep(0.1)
            for image in images:
                archive = scratch / "image.tar"
                _archive(image, binaries, archive)
                ctr = [str(daemons / "ctr"), "--address", str(socket), "--namespace", "k8s.io"]
                run([*ctr, "images", "import", "--snapshotter", "overlayfs", str(archive)])
        finally:
            containerd.kill()  # its databases are transactional; unshare would keep a softer signal to itself
            containerd.wait()


def _archive(image: Image, binaries: dict[str, Path], archive: Path) -> None:
    """The image as `docker save` would write it: one layer, always the same bytes for the same content."""
    layer = archive.with_name("layer.tar")
    with tarfile.open(layer, "w") as tar:
        folders = {folder for path in image.files for folder in Path(path.lstrip("/")).parents} - {Path()}
        for folder, mode in [*((folder, 0o755) for folder in sorted(folders)), (Path("tmp"), 0o1777)]:
            entry = tarfile.TarInfo(str(folder))
            entry.type, entry.mode = tarfile.DIRTYPE, mode
            tar.addfile(entry)
        for path, name in image.files.items():
            if name not in binaries:
                raise LabError(f"images.toml: {image.ref} wants the binary {name}, which no tool brings")
            entry = tarfile.TarInfo(path.lstrip("/"))
            entry.size, entry.mode = binaries[name].stat().st_size, 0o755
            with binaries[name].open("rb") as content:
                tar.addfile(entry, content)
        for applet in image.applets:
            entry = tarfile.TarInfo(f"bin/{applet}")
            entry.type, entry.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(entry)
    with layer.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {
                "Entrypoint": image.entrypoint,
                "Env": ["PATH=/bin:/usr/bin"],
                "User": image.user,
                "WorkingDir": "/",
            },
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
            "history": [{"created_by": "miribit.thanos lab"}],
        }
    ).encode()
    manifest = [{"Config": "config.json", "RepoTags": [image.ref], "Layers": ["layer.tar"]}]
    with tarfile.open(archive, "w") as tar:
        for name, data in (("config.json", config), ("manifest.json", json.dumps(manifest).encode())):
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
        tar.add(layer, "layer.tar")
