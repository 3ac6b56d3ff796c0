"""What the lab runs beside its clusters: a DNS server for its names, and MinIO."""

from __future__ import annotations

import secrets
from pathlib import Path

from lab.cgroups import NAME as GROUP
from lab.cluster import Program
from lab.files import write
from lab.paths import STATE
from lab.settings import Settings

DATA = STATE / "minio"
_CREDENTIALS = STATE / "minio.credentials"
_DNS = STATE / "dns"


def programs(settings: Settings, tools: Path) -> list[Program]:
    """MinIO in a namespace of its own; DNS beside the bridge, where all clusters reach it."""
    storage, group = settings.storage, f"{GROUP}/services"
    user, password = credentials()
    return [
        Program("dns", "-", group, (f"{tools}/bin/coredns", "-conf", f"{_DNS}/Corefile")),
        Program(
            "minio",
            "minio",
            group,
            (f"{tools}/bin/minio", "server", "--quiet", f"--address={storage.address}:{storage.port}", str(DATA)),
            {"MINIO_ROOT_USER": user, "MINIO_ROOT_PASSWORD": password, "MINIO_BROWSER": "off"},
        ),
    ]


def credentials() -> tuple[str, str]:
    """MinIO's access key and secret key, made up once per lab."""
    if not _CREDENTIALS.exists():
        write(_CREDENTIALS, f"lab-{secrets.token_hex(4)} {secrets.token_urlsafe(24)}", mode=0o600)
    user, password = _CREDENTIALS.read_text().split()
    return user, password


def write_files(settings: Settings) -> None:
    """The zone of the lab's domain, and the server's configuration."""
    DATA.mkdir(parents=True, exist_ok=True)
    _DNS.mkdir(parents=True, exist_ok=True)
    (_DNS / "zone").write_text(zone(settings))
    (_DNS / "Corefile").write_text(
        f"{settings.domain} {{\n  bind {settings.gateway}\n  file {_DNS}/zone\n  errors\n}}\n"
        f". {{\n  bind {settings.gateway}\n  template ANY ANY {{\n    rcode NXDOMAIN\n  }}\n}}\n"
    )


def zone(settings: Settings) -> str:
    """The zone file of the lab's domain."""
    records = {settings.storage.host: settings.storage.address, **settings.names}
    records |= {node.name: node.address for node in settings.nodes}
    records |= {f"*.k8s-{cluster.name}": cluster.address for cluster in settings.clusters}
    lines = [f"{name} 60 IN A {address}" for name, address in records.items()]
    return "\n".join(
        [
            f"$ORIGIN {settings.domain}.",
            "@ 60 IN SOA ns hostmaster 1 7200 3600 1209600 5",
            "@ 60 IN NS ns",
            f"ns 60 IN A {settings.gateway}",
            *lines,
            "",
        ]
    )
