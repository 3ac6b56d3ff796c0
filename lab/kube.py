"""kubectl and Helm, run inside the lab."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from lab import sandbox
from lab.errors import LabError
from lab.paths import KUBECONFIG
from lab.process import run

Answer = TypeVar("Answer")


def kubectl(tools: Path, cluster: str, *arguments: str, stdin: str | None = None) -> str:
    """Run kubectl inside the lab."""
    command = [f"{tools}/bin/kubectl", f"--kubeconfig={KUBECONFIG}", f"--context={cluster}", *arguments]
    return run(sandbox.enter(command), stdin=stdin)


def helm(tools: Path, cluster: str, *arguments: str, stdin: str | None = None) -> str:
    """Run Helm inside the lab."""
    command = [f"{tools}/bin/helm", f"--kubeconfig={KUBECONFIG}", f"--kube-context={cluster}", *arguments]
    return run(sandbox.enter(command), stdin=stdin)


def apply(tools: Path, cluster: str, manifest: str) -> None:
    """Apply a manifest, again and again while the API server or what it asks is not there yet."""
    command = ("apply", "--server-side", "--force-conflicts", "--filename=-")
    retry(lambda: kubectl(tools, cluster, *command, stdin=manifest))


def retry(action: Callable[[], Answer], seconds: float = 90) -> Answer:
    """Try until it works: an API server or a controller that has just been started is not there yet."""
    until = time.monotonic() + seconds
    while True:
        try:
            return action()
        except LabError:
            if time.monotonic() > until:
                raise
            time.sleep(0.5)
