# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a receiver reports: its metrics, its log, and a profile of its goroutines."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.exposition import Metrics

_SET_UP = "Set up hashring for the given hashring config"
_REFUSED = "failed to load configuration file"
_LOG_TIME = re.compile(r'(?:\bts=|"ts":\s*")([^\s"]+)')
_LOG_ERROR = re.compile(r'\berr(?:="|":\s*")((?:[^"\\]|\\.)*)"')
# The innermost function of a goroutine that is not of Go's runtime.
_FIRST_FRAME = re.compile(r"^[0-9]+ @ .*\n#\t\S+\t(?P<function>\S+?)\+0x", re.MULTILINE)
_RING_LOOP = re.compile(r"main\.setupHashring\.func[0-9.]+")

# A gauge in seconds is a float; the log has nanoseconds.
_FLOAT_SECONDS = 0.001


@dataclass(frozen=True)
class RingFile:
    """What a router says of the hashring file that it has loaded. That says nothing of the ring that it uses."""

    config_hash: int
    loaded: float
    errors: int


def ring_file(metrics: Metrics) -> RingFile | None:
    """None if it loads no hashring file, as an ingestor does."""
    config_hash = metrics.value("thanos_receive_config_hash")
    if config_hash is None:
        return None
    return RingFile(
        int(config_hash),
        metrics.value("thanos_receive_config_last_reload_success_timestamp_seconds") or 0.0,
        int(metrics.value("thanos_receive_hashrings_file_errors_total") or 0),
    )


def tenants(metrics: Metrics) -> dict[str, dict[str, int]]:
    """What an ingestor holds of each tenant."""
    names = {
        "head_series": "prometheus_tsdb_head_series",
        "uploads": "thanos_shipper_uploads_total",
        "upload_failures": "thanos_shipper_upload_failures_total",
    }
    found = {key: metrics.totals(name, "tenant") for key, name in names.items()}
    every = sorted({tenant for totals in found.values() for (tenant,) in totals if tenant})
    return {tenant: {key: int(totals.get((tenant,), 0)) for key, totals in found.items()} for tenant in every}


def written(metrics: Metrics) -> dict[str, dict[str, int]]:
    """Samples of write requests by tenant and by the status code of the answer."""
    by_tenant: dict[str, dict[str, int]] = defaultdict(dict)
    totals = metrics.totals("thanos_receive_write_samples_sum", "tenant", "code")
    for (tenant, code), total in sorted(totals.items()):
        by_tenant[tenant][code] = int(total)
    return dict(by_tenant)


def has_set_up_ring(log: str, since: float) -> bool:
    """Whether the log says that a ring was set up at or after this moment."""
    return any(_SET_UP in line and _log_time(line) >= since - _FLOAT_SECONDS for line in log.split("\n"))


def refused_file(log: str) -> str:
    """Why the hashring file was refused last, or nothing."""
    for line in reversed(log.split("\n")):
        if _REFUSED in line:
            reason = _LOG_ERROR.search(line)
            return reason[1] if reason else _REFUSED
    return ""


def waits_for_ring(goroutines: str) -> bool:
    """Whether the goroutine that sets up rings waits for the next one: then it has set up all that it was given.

    While it builds a ring, the functions that do so stand before its own. The profile is the text of
    /debug/pprof/goroutine?debug=1.
    """
    return any(_RING_LOOP.fullmatch(found["function"]) for found in _FIRST_FRAME.finditer(goroutines))


def _log_time(line: str) -> float:
    found = _LOG_TIME.search(line)
    try:
        # Nanoseconds are cut off.
        moment = datetime.fromisoformat(found[1]) if found else None
    except ValueError:
        moment = None
    return -math.inf if moment is None or moment.tzinfo is None else moment.timestamp()
