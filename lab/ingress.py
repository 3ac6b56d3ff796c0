"""What Ingress objects mean to nginx: host and path, to a Service.

Not all of it: one annotation (nginx.ingress.kubernetes.io/proxy-body-size), and TLS from the Secret that an
Ingress names.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2

CLASS = "lab"

CONFIG = jinja2.Template(
    """\
daemon off;
# The folder of the lab is for root only, and bodies are buffered in it.
user root;
error_log stderr warn;
pid {{ folder }}/nginx.pid;
events { worker_connections 1024; }
http {
    access_log off;
{% for temporary in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi") %}
    {{ temporary }}_temp_path {{ folder }}/{{ temporary }};
{% endfor %}
    # As the nginx that the fleet's class "nginx" runs has them.
    client_max_body_size 1m;
    proxy_connect_timeout 5s;
    proxy_read_timeout 60s;
    proxy_http_version 1.1;
    proxy_set_header Host $host;
    proxy_set_header X-Forwarded-For $remote_addr;
    proxy_set_header X-Forwarded-Proto $scheme;
    server {
        listen {{ address }}:80 default_server;
        return 404;
    }
{% for host in hosts %}
    server {
        listen {{ address }}:80;
{% if host.certificate %}
        listen {{ address }}:443 ssl;
        ssl_certificate {{ host.certificate }}.crt;
        ssl_certificate_key {{ host.certificate }}.key;
{% endif %}
        server_name {{ host.name }};
{% for path in host.paths %}
        location {{ "= " if path.exact }}{{ path.path }} {
{% if path.body_size %}
            client_max_body_size {{ path.body_size }};
{% endif %}
            proxy_pass http://{{ path.backend }};
        }
{% endfor %}
    }
{% endfor %}
}
""",
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=jinja2.StrictUndefined,
)


@dataclass(frozen=True)
class Route:
    """One location of a host."""

    path: str
    exact: bool
    backend: str
    body_size: str


@dataclass
class Host:
    """One virtual server."""

    name: str
    certificate: str = ""
    paths: list[Route] = field(default_factory=list)


def render(folder: Path, address: str, wanted: list[Host]) -> str:
    """nginx's configuration for these virtual servers on this address."""
    return str(CONFIG.render(folder=folder, address=address, hosts=wanted))


def is_ours(ingress: dict[str, Any]) -> bool:
    """Whether the Ingress names the class that the lab serves."""
    return bool(ingress["spec"].get("ingressClassName") == CLASS)


def hosts(
    ingresses: list[dict[str, Any]], services: list[dict[str, Any]], certificates: dict[tuple[str, str], str]
) -> list[Host]:
    """The virtual servers that the Ingresses ask for, in a stable order.

    A path whose Service or port does not exist is left out: nginx answers 404 there. Of two Ingresses with the same
    host and path the first one counts.
    `certificates` maps (namespace, Secret) to the path of the files written for it, without their ending.
    """
    backends = {
        (*_key(service), key): f"{service['spec']['clusterIP']}:{port['port']}"
        for service in services
        for port in service["spec"].get("ports") or []
        for key in (port["port"], port.get("name"))
    }
    found: dict[str, Host] = {}
    for ingress in ingresses:
        namespace = ingress["metadata"]["namespace"]
        annotations = ingress["metadata"].get("annotations") or {}
        body_size = annotations.get("nginx.ingress.kubernetes.io/proxy-body-size", "")
        for rule in ingress["spec"].get("rules") or []:
            host = found.setdefault(rule.get("host") or "_", Host(rule.get("host") or "_"))
            taken = {(route.path, route.exact) for route in host.paths}
            for entry in rule.get("http", {}).get("paths", []):
                service = entry["backend"].get("service", {"name": "", "port": {}})
                port = service["port"].get("number") or service["port"].get("name")
                backend = backends.get((namespace, service["name"], port))
                place = entry.get("path") or "/", entry["pathType"] == "Exact"
                if backend and place not in taken:
                    host.paths.append(Route(*place, backend, body_size))
        for tls in ingress["spec"].get("tls") or []:
            for name in tls.get("hosts") or []:
                if name in found:
                    found[name].certificate = certificates.get((namespace, tls.get("secretName", "")), "")
    return sorted(found.values(), key=lambda host: host.name)


def _key(item: dict[str, Any]) -> tuple[str, str]:
    return item["metadata"]["namespace"], item["metadata"]["name"]
