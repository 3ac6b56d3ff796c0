"""Drive the lab by its command, as a person does."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[2]
LAB = CHECKOUT / "lab" / "bin" / "lab"
CLUSTERS = ("cluster-01", "cluster-02", "cluster-03", "cluster-04")


def run(*command: object, stdin: str | None = None, timeout: float = 300) -> subprocess.CompletedProcess[str]:
    """Run a command, whatever it ends with."""
    line = [str(part) for part in command]
    return subprocess.run(line, input=stdin, capture_output=True, text=True, timeout=timeout, cwd=CHECKOUT, check=False)


def lab(*arguments: object, stdin: str | None = None) -> str:
    """Run the command `lab`, which must succeed, and return what it printed."""
    done = run(LAB, *arguments, stdin=stdin)
    assert done.returncode == 0, f"lab {' '.join(map(str, arguments))}: {done.stdout}{done.stderr}"
    return done.stdout


def kubectl(cluster: str, *arguments: object, stdin: str | None = None) -> str:
    """Run kubectl in the lab, which must succeed."""
    return lab("exec", "kubectl", f"--context={cluster}", *arguments, stdin=stdin)


def apply(cluster: str, *objects: dict[str, Any]) -> None:
    """Apply objects to a cluster."""
    items = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    kubectl(cluster, "apply", "--filename=-", stdin=items)


def get(cluster: str, *arguments: object) -> dict[str, Any]:
    """An object, or a list of them, of a cluster."""
    answer: dict[str, Any] = json.loads(kubectl(cluster, "get", *arguments, "--output=json"))
    return answer


def eventually(question: Callable[[], Any], seconds: float = 60) -> Any:
    """The first true answer, or the last one."""
    until = time.monotonic() + seconds
    while not (answer := question()) and time.monotonic() < until:
        time.sleep(0.5)
    return answer


def pod(name: str, *command: str, image: str = "docker.io/library/busybox:1.36", **spec: Any) -> dict[str, Any]:
    """A pod with one container that runs a command; it ends at once when it is deleted."""
    container = {"name": "main", "image": image, "command": list(command), **spec.pop("container", {})}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {"terminationGracePeriodSeconds": 0, "containers": [container], **spec},
    }


def web_server(name: str, **spec: Any) -> dict[str, Any]:
    """A pod that answers HTTP on port 8080 with its own name."""
    serve = f"mkdir -p /tmp/www/path && echo {name} > /tmp/www/index.html && cp /tmp/www/index.html /tmp/www/path/"
    return pod(name, "/bin/busybox", "sh", "-c", f"{serve} && exec busybox httpd -f -p 8080 -h /tmp/www", **spec)


def service(name: str, app: str, port: int = 80, **spec: Any) -> dict[str, Any]:
    """A Service in front of port 8080 of the pods of an app."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": {"app": app}, "ports": [{"port": port, "targetPort": 8080}], **spec},
    }


def wait_ready(cluster: str, name: str) -> None:
    """Wait until a pod is Ready."""
    kubectl(cluster, "wait", "--for=condition=Ready", f"pod/{name}", "--timeout=90s")


def inside_pod(cluster: str, name: str, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a pod."""
    return run(LAB, "exec", "kubectl", f"--context={cluster}", "exec", name, "--", *command)
