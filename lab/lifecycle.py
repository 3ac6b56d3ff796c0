"""Bring the lab up, take it down, put it into a named state."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import yaml

from lab import (
    audited,
    cgroups,
    cluster,
    files,
    health,
    host,
    images,
    kube,
    sandbox,
    services,
    states,
    supervision,
    tools,
)
from lab import settings as settings_module
from lab.errors import LabError
from lab.paths import CHECKOUT, LAB, OWNER, STATE
from lab.process import module, run
from lab.render import render
from lab.settings import Cluster, Settings

#: Leads to the tools that the running lab was made with.
TOOLS = STATE / "tools"
_FINGERPRINT = STATE / "fingerprint"
#: What a lab is made of, beside its settings and tools.
SOURCES = ("*.py", "*.sh", "manifests/**/*", "charts/**/*")


@dataclass(frozen=True)
class Lab:
    """The settings, and where the things are that the lab is made of."""

    settings: Settings
    tools: Path
    daemons: Path
    images: Path

    @property
    def fingerprint(self) -> str:
        """Changes when a lab that exists can no longer be taken for one that this checkout would make."""
        digest = hashlib.sha256(repr((CHECKOUT, self.settings, self.tools, self.daemons, self.images)).encode())
        sources = [path for pattern in SOURCES for path in LAB.glob(pattern) if path.is_file()]
        for path in sorted(sources):
            digest.update(path.read_bytes())
        return digest.hexdigest()


def prepare() -> Lab:
    """Read the settings, check the machine, and build what is not built yet."""
    chosen = settings_module.load()
    daemons = host.ensure()
    built = tools.ensure()
    return Lab(chosen, built, daemons, images.ensure(built, daemons))


def up() -> Lab:
    """Bring the lab up, or repair it: whatever is there becomes four healthy clusters."""
    lab = prepare()
    with sandbox.exclusive("up"):
        sandbox.refuse_foreign("up")
        if not STATE.exists() or _must_be_new(lab):
            _make(lab)
        else:
            _run(lab)
            _wait(lab)
    return lab


def down(*, foreign: bool = False) -> None:
    """End the lab and remove all of it but the cache."""
    with sandbox.exclusive("down"):
        if not foreign:
            sandbox.refuse_foreign("down")
        sandbox.clean()


def reset(state: str, wishes: Sequence[str] = ()) -> Lab:
    """Put the lab into a named state, whatever it is in now. `wishes` are variants of the state `audited`."""
    states.check(state)
    choice = audited.choose(settings_module.load(), wishes)
    if wishes and state == states.EMPTY:
        raise LabError(f"--variant {wishes[0]}: only the state audited has variants")
    name = state if state == states.EMPTY else audited.label(choice)
    lab = prepare()
    with sandbox.exclusive(f"reset {name}"):
        sandbox.refuse_foreign("reset")
        if not is_current(lab) or not states.is_saved(states.EMPTY):
            _make(lab)
        elif states.is_saved(name):
            _restore(lab, name, choice)
            _wait(lab)
            return lab
        else:
            _restore(lab, states.EMPTY, choice)
        if name != states.EMPTY:
            _build_audited(lab, name, choice)
    return lab


def _restore(lab: Lab, name: str, choice: audited.Choice) -> None:
    def plant() -> None:
        if name != states.EMPTY:
            audited.seed(lab.settings, choice, lab.tools)

    with _step("stopping"):
        sandbox.stop()
    with _step(f"restoring {name}"):
        states.restore(name, lab.settings, lab.tools, wipe=lambda: _wipe_nodes(lab), plant=plant)
    _run(lab)


def _must_be_new(lab: Lab) -> bool:
    """A lab that was changed under way, or that another version of this code made, is not repaired but made again."""
    if not is_current(lab):
        print("lab: its settings, tools, code or checkout have changed since it was made; making it anew", flush=True)
        return True
    if states.current() is None:
        print("lab: making or changing it was interrupted; making it anew", flush=True)
        return True
    return False


def is_current(lab: Lab) -> bool:
    """Whether the lab on this machine was made with these settings, tools and code."""
    try:
        return _FINGERPRINT.read_text() == lab.fingerprint
    except OSError:
        return False


def _make(lab: Lab) -> None:
    sandbox.clean()
    _run(lab)
    _build_empty(lab)


def _wait(lab: Lab) -> None:
    with _step("waiting for every node and pod"):
        health.wait(lab.settings, lab.tools)


def _run(lab: Lab) -> None:
    """Files and processes."""
    STATE.mkdir(mode=0o700, parents=True, exist_ok=True)
    files.write(OWNER, f"{CHECKOUT}\n")
    if cgroups.init() is None:
        with _step("starting"):
            cgroups.kill()
            _write(lab)
            health.note_start()
            sandbox.start()
            sandbox.wait_for_init()
    else:
        sandbox.wait_for_init()
        supervision.start_all()


def _write(lab: Lab) -> None:
    files.write(_FINGERPRINT, lab.fingerprint)
    TOOLS.unlink(missing_ok=True)
    TOOLS.symlink_to(lab.tools)
    services.write_files(lab.settings)
    programs = services.programs(lab.settings, lab.tools)
    for one in lab.settings.clusters:
        cluster.write_files(one, lab.tools)
        for node in one.nodes:
            root = cluster.containerd_root(one, node)
            if not root.is_dir():
                images.copy(lab.images, root)
        programs += cluster.programs(one, lab.tools, lab.daemons)
    supervision.write_config(supervision.render(programs, lab.daemons))


def _build_empty(lab: Lab) -> None:
    with _step("deploying DNS, storage, load balancer, ingress"), ThreadPoolExecutor() as pool:
        bucket = pool.submit(kube.retry, lambda: run(sandbox.enter(module("lab.bucket"))))
        list(pool.map(lambda one: _deploy(lab, one), lab.settings.clusters))
        bucket.result()
    _wait(lab)
    _save(lab, states.EMPTY)


def _build_audited(lab: Lab, name: str, choice: audited.Choice) -> None:
    states.begin_change()
    with _step("making three days of history"):
        audited.seed(lab.settings, choice, lab.tools)
    with _step("deploying the audited fleet"):
        audited.Builder(lab.settings, choice, lab.tools).build()
    _wait(lab)
    _save(lab, name)


def _save(lab: Lab, name: str) -> None:
    with _step(f"saving state {name}"):
        states.save(name, lab.settings, lab.tools)


def _deploy(lab: Lab, one: Cluster) -> None:
    names = cluster.manifests(one)
    if "load-balancer" in names:
        kube.apply(lab.tools, one.name, _metallb((lab.tools / "share" / "metallb.yaml").read_text()))
    for name in names:
        kube.apply(lab.tools, one.name, render_manifest(lab.settings, one, name))


def _metallb(manifest: str) -> str:
    """MetalLB's own manifest without its validating webhook, which refuses the lab's addresses until a kubelet has
    handed it a certificate: up to a minute."""
    objects = [item for item in yaml.safe_load_all(manifest) if item["kind"] != "ValidatingWebhookConfiguration"]
    for item in objects:
        if item["kind"] == "Deployment":
            item["spec"]["template"]["spec"]["containers"][0]["args"].append("--webhook-mode=disabled")
    return yaml.safe_dump_all(objects)


def render_manifest(chosen: Settings, one: Cluster, name: str) -> str:
    """A file of `manifests/` for this cluster."""
    return render(
        name,
        domain=chosen.domain,
        gateway=chosen.gateway,
        dns_service=one.dns_service,
        load_balancer=one.load_balancer,
        volumes=states.volumes(one),
    )


def _wipe_nodes(lab: Lab) -> None:
    for one in lab.settings.clusters:
        for folder in cluster.node_scratch(one):
            shutil.rmtree(folder, ignore_errors=True)
        for node in one.nodes:
            shutil.rmtree(cluster.containerd_root(one, node), ignore_errors=True)


@contextlib.contextmanager
def _step(what: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    print(f"lab: {what}: {time.monotonic() - began:.1f} s", flush=True)
