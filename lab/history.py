"""A past for the Full Prometheus servers: blocks on their volumes, from before the lab was there.

The metric is `lab_history`, a gauge with the labels `origin` (the cluster) and `series` (00 to 19). Each series has a
sample every five minutes of the last three days, and the value of each is its own time in seconds: whoever reads a
sample back can tell whether it is the right one, and whoever counts them whether all are there.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from lab.process import run

DAYS, STEP, SERIES = 3, 300, 20


def samples(origin: str, now: float) -> Iterator[str]:
    """The lines of an OpenMetrics file, up to the last full step before `now` (seconds since the epoch)."""
    end = int(now) // STEP * STEP
    yield "# TYPE lab_history gauge"
    for moment in range(end - DAYS * 86400, end, STEP):
        for series in range(SERIES):
            yield f'lab_history{{origin="{origin}",series="{series:02}"}} {moment} {moment}'
    yield "# EOF"


def write(origin: str, now: float, volume: Path, tools: Path) -> None:
    """A new volume that any user may change, with blocks of two hours where the operator's Prometheus has its own."""
    folder = volume / "prometheus-db"
    folder.mkdir(parents=True)
    with tempfile.NamedTemporaryFile("w", suffix=".om") as text:
        text.writelines(f"{line}\n" for line in samples(origin, now))
        text.flush()
        run([f"{tools}/bin/promtool", "tsdb", "create-blocks-from", "openmetrics", "--quiet", text.name, str(folder)])
    for path in (volume, *volume.rglob("*")):
        path.chmod(0o777 if path.is_dir() else 0o666)
