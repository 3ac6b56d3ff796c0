"""Keep a cluster's nginx at what its Ingress objects say.

Runs on the cluster's first node, outside the cluster, as `python -m lab.ingress_controller CLUSTER FOLDER NGINX
ADDRESS`, and is the parent of nginx. It is started as process 1 of a PID namespace: so no worker of a killed nginx
stays behind and holds the port.
"""

from __future__ import annotations

import base64
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import kubernetes
from urllib3.exceptions import HTTPError

from lab.files import write
from lab.ingress import hosts, is_ours, render
from lab.paths import KUBECONFIG


class Controller:
    """Keeps nginx at what the cluster's Ingress objects say."""

    def __init__(self, cluster: str, folder: Path, nginx: str, address: str) -> None:
        self.folder, self.nginx, self.address = folder, nginx, address
        load: Any = kubernetes.config.new_client_from_config
        self.client: Any = load(str(KUBECONFIG), context=cluster)
        (folder / "nginx.conf").write_text(render(folder, address, []))
        self.server = subprocess.Popen([nginx, "-e", "stderr", "-c", str(folder / "nginx.conf")])

    def request(self, method: str, path: str, patch: dict[str, Any] | None = None) -> dict[str, Any]:
        headers = {"Content-Type": "application/merge-patch+json"} if patch else None
        response = self.client.call_api(method, f"{self.client.configuration.host}{path}", headers, patch)
        data = response.read()
        if response.status >= 400:
            raise OSError(f"{method} {path} was answered with {response.status}: {data.decode()[:300]}")
        answer: dict[str, Any] = json.loads(data)
        return answer

    def items(self, path: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.request("GET", f"{path}?resourceVersion=0")["items"]
        return found

    def reconcile(self) -> None:
        ingresses = [ingress for ingress in self.items("/apis/networking.k8s.io/v1/ingresses") if is_ours(ingress)]
        wanted = hosts(ingresses, self.items("/api/v1/services"), self.write_certificates(ingresses))
        path = self.folder / "nginx.conf"
        config = render(self.folder, self.address, wanted)
        if config != path.read_text():
            candidate = path.with_name("candidate.conf")
            candidate.write_text(config)
            subprocess.run([self.nginx, "-e", "stderr", "-q", "-t", "-c", str(candidate)], check=True)
            candidate.rename(path)
            self.server.send_signal(signal.SIGHUP)
            print(f"serving {', '.join(host.name for host in wanted) or 'nothing'}", flush=True)
        for ingress in ingresses:
            self.publish(ingress)

    def write_certificates(self, ingresses: list[dict[str, Any]]) -> dict[tuple[str, str], str]:
        wanted = {
            (ingress["metadata"]["namespace"], tls["secretName"])
            for ingress in ingresses
            for tls in ingress["spec"].get("tls") or []
            if tls.get("secretName")
        }
        if not wanted:
            return {}
        written = {}
        for secret in self.items("/api/v1/secrets"):
            key = secret["metadata"]["namespace"], secret["metadata"]["name"]
            if key in wanted and secret["type"] == "kubernetes.io/tls":  # a type that must hold both entries
                # The version in the name makes a rotated certificate a changed configuration.
                path = self.folder / f"{key[0]}-{key[1]}-{secret['metadata']['resourceVersion']}"
                for ending in ("crt", "key"):
                    content = base64.b64decode(secret["data"][f"tls.{ending}"]).decode()
                    write(Path(f"{path}.{ending}"), content, mode=0o600)
                written[key] = str(path)
        return written

    def publish(self, ingress: dict[str, Any]) -> None:
        """Tell the object where it can be reached, as every ingress controller does."""
        status = {"loadBalancer": {"ingress": [{"ip": self.address}]}}
        if ingress.get("status") == status:
            return
        metadata = ingress["metadata"]
        self.request(
            "PATCH",
            f"/apis/networking.k8s.io/v1/namespaces/{metadata['namespace']}/ingresses/{metadata['name']}/status",
            {"status": status},
        )


def main() -> None:
    cluster, folder, nginx, address = sys.argv[1:]
    controller = Controller(cluster, Path(folder), nginx, address)
    while controller.server.poll() is None:
        try:
            controller.reconcile()
        except (HTTPError, OSError, subprocess.CalledProcessError) as error:
            print(f"cannot act on the Ingress objects of {cluster}, trying again: {error}", flush=True)
        time.sleep(1)
    sys.exit(f"nginx ended with {controller.server.returncode}")


if __name__ == "__main__":
    main()
