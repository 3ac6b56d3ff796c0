"""How long rings take here, and in Thanos itself: make bench-rings"""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from loopback import free_addresses, starting

from ansible_collections.miribit.thanos.plugins.module_utils.hashring.change import ring_changes
from ansible_collections.miribit.thanos.plugins.module_utils.hashring.file import as_text, read
from ansible_collections.miribit.thanos.plugins.module_utils.hashring.rules import check
from ansible_collections.miribit.thanos.plugins.module_utils.hashring.series_owners import series_per_endpoint
from lab import tools

COPIES = 3
SERIES = [
    {
        "__name__": "node_cpu_seconds_total",
        "cluster": "cluster-03",
        "cpu": str(number % 64),
        "instance": f"192.168.101.{number % 256}:9100",
        "job": "node-exporter",
        "mode": f"mode-{number}",
    }
    for number in range(10_000)
]


def rings(endpoints: int, azs: int) -> list[dict[str, Any]]:
    domain = "thanos-receive-ingestor.monitoring.svc.cluster.local:10901"
    return [
        {
            "hashring": "default",
            "algorithm": "ketama",
            "endpoints": [
                {"address": f"thanos-receive-ingestor-{ordinal}.{domain}", "az": f"az-{ordinal % azs}"}
                for ordinal in range(endpoints)
            ],
        }
    ]


def placing(content: list[dict[str, Any]]) -> float:
    began = time.process_time()
    series_per_endpoint(content, "default-tenant", SERIES, COPIES, 1000)
    return time.process_time() - began


def ours(endpoints: int, azs: int) -> Iterator[float]:
    """Seconds of one core to place all series, to place them again, and to preview one endpoint more."""
    content = rings(endpoints, azs)
    yield placing(content)
    yield placing(content)
    began = time.process_time()
    before, after = read(content), read(rings(endpoints + 1, azs))
    assert check(after, COPIES) == []
    for change in ring_changes(before.rings, after.rings, COPIES):
        change.as_dict()
    yield time.process_time() - began


def of_thanos(thanos: Path, endpoints: int, azs: int) -> float:
    """Seconds that a router takes from the file that it has read to the ring, by its own log."""
    with tempfile.TemporaryDirectory() as folder, starting(Path(folder)) as start:
        file = Path(folder) / "hashrings.json"
        file.write_text(as_text(rings(endpoints, azs)))
        grpc, http, write, capnproto = free_addresses(4)
        start(
            *(thanos, "receive", '--label=receive_replica="router"', f"--receive.hashrings-file={file}"),
            *(f"--receive.replication-factor={COPIES}", "--log.level=debug"),
            *(f"--grpc-address={grpc}", f"--http-address={http}", f"--remote-write.address={write}"),
            f"--receive.capnproto-address={capnproto}",
            ready=f"http://{http}/-/ready",
        )
        log = (Path(folder) / "thanos-0.log").read_text()
    moments = []
    for words in ("refreshed hashring config", "Set up hashring for the given hashring config"):
        (moment,) = re.findall(rf'^ts=(\S+)Z .*msg="{words}', log, re.MULTILINE)
        # Python knows microseconds, the log has nanoseconds.
        moments.append(datetime.fromisoformat(moment[:26] + "+00:00"))
    return (moments[1] - moments[0]).total_seconds()


def main() -> None:
    thanos = tools.ensure() / "bin" / "thanos"
    print(f"{len(SERIES)} series, {COPIES} copies each; seconds of one core, in Thanos seconds by its log")
    print("ENDPOINTS  AZS  BUILD AND PLACE  PLACE AGAIN  PREVIEW ONE MORE  THANOS BUILDS")
    for endpoints, azs in ((3, 1), (30, 1), (30, 3), (300, 1), (300, 3)):
        place, again, preview = ours(endpoints, azs)
        theirs = of_thanos(thanos, endpoints, azs)
        print(f"{endpoints:9}  {azs:3}  {place:15.2f}  {again:11.2f}  {preview:16.2f}  {theirs:13.2f}", flush=True)


if __name__ == "__main__":
    main()
