"""A target that counts how often it is scraped: of what an agent has taken, nothing may be missing in the end."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from inside import apply, kubectl, service, web_server

NAME = "sequence"
NAMESPACE = "monitoring"

_SCRIPT = r"""
mkdir -p /tmp/www/cgi-bin
cat > /tmp/www/cgi-bin/metrics <<'END'
#!/bin/busybox sh
number=$(busybox cat /tmp/number 2>/dev/null || echo 0)
number=$((number + 1))
echo $number > /tmp/number
printf 'Content-Type: text/plain; version=0.0.4\r\n\r\nmiribit_sequence %d\n' $number
END
busybox chmod +x /tmp/www/cgi-bin/metrics
exec busybox httpd -f -p 8080 -h /tmp/www
"""


def job(cluster: str) -> dict[str, Any]:
    """What the agent of a cluster scrapes it by, each second."""
    return {
        "job_name": NAME,
        "scrape_interval": "1s",
        "scrape_timeout": "1s",
        "metrics_path": "/cgi-bin/metrics",
        "static_configs": [{"targets": [f"{NAME}.{NAMESPACE}.svc:80"], "labels": {"of": cluster}}],
    }


def start(cluster: str) -> None:
    pod = web_server(NAME)
    pod["spec"]["containers"][0]["command"] = ["/bin/busybox", "sh", "-c", _SCRIPT]
    objects = [pod, service(NAME, NAME)]
    for item in objects:
        item["metadata"]["namespace"] = NAMESPACE
    apply(cluster, *objects)
    kubectl(cluster, "wait", "--for=condition=Ready", f"pod/{NAME}", f"--namespace={NAMESPACE}", "--timeout=90s")


def stored(cluster: str) -> list[int]:
    """What Query has of it, in the order of time."""
    query = quote(f'miribit_sequence{{cluster="{cluster}"}}[1h]')
    path = f"/api/v1/namespaces/{NAMESPACE}/services/thanos-query:http/proxy/api/v1/query?query={query}"
    found = json.loads(kubectl("cluster-01", "get", f"--raw={path}"))["data"]["result"]
    # An agent that is started again goes on with the same series.
    return sorted({int(value) for series in found for _moment, value in series["values"]})
