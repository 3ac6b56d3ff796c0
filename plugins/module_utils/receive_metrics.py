# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a receiver says of itself: its metrics in the Prometheus text format, its log, and a profile of its goroutines.

No I/O here. Private to the collection: it can change at any time.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

# A name is missing where it is not a classic one: it then stands in quotes among the labels.
_LINE = re.compile(
    r"""\s*+(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)?
        \s*+(?:\{(?P<labels>(?:[^"{}]|"(?:[^"\\]|\\.)*")*)\})?
        \s*+(?P<value>[^\s"{}\#]+)
        (?:\s+-?[0-9.]+)?       # a timestamp
        \s*(?:\#.*)?            # an exemplar
    """,
    re.VERBOSE | re.DOTALL,
)
_LABEL = re.compile(
    r"""\s*(?:(?P<plain>[^\s"=,]+)|"(?P<quoted>(?:[^"\\]|\\.)*)")
        \s*(?:=\s*"(?P<value>(?:[^"\\]|\\.)*)")?
        \s*(?:,|$)
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPED = re.compile(r'\\([\\"n])')
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?|[+-]?inf|nan", re.IGNORECASE)

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
class Sample:
    name: str
    labels: dict[str, str]
    value: float


@dataclass(frozen=True)
class Metrics:
    samples: tuple[Sample, ...]

    def value(self, name: str) -> float | None:
        """The number of a metric without labels, or None if there is none."""
        return next(
            (sample.value for sample in self.samples if sample.name == name and math.isfinite(sample.value)), None
        )

    def totals(self, name: str, *labels: str) -> dict[tuple[str, ...], float]:
        """The sums of a metric by the values of these labels."""
        sums: dict[tuple[str, ...], float] = defaultdict(float)
        for sample in self.samples:
            if sample.name == name and math.isfinite(sample.value):
                sums[tuple(sample.labels.get(label, "") for label in labels)] += sample.value
        return dict(sums)


@dataclass(frozen=True)
class RingFile:
    """What a router says of the hashring file that it has loaded. That says nothing of the ring that it uses."""

    config_hash: int
    loaded: float
    errors: int


def parse(text: str) -> Metrics:
    """The samples of an answer of /metrics. What is none is left out."""
    return Metrics(tuple(_samples(text)))


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


def _samples(text: str) -> Iterator[Sample]:
    # Not splitlines(): a value of a label can hold what that takes for the end of a line.
    for line in text.split("\n"):
        found = _LINE.fullmatch(line)
        if found is None or not _NUMBER.fullmatch(found["value"]):
            continue
        name, labels = found["name"], _labels(found["labels"] or "")
        if labels is not None and name is None:
            name = labels.pop("", None)
        if labels is not None and name is not None and "" not in labels:
            yield Sample(name, labels, float(found["value"]))


def _labels(text: str) -> dict[str, str] | None:
    """The labels, the metric's own name under the empty one. None if it is no list of labels."""
    labels: dict[str, str] = {}
    place = 0
    while text[place:].strip():
        found = _LABEL.match(text, place)
        if found is None:
            return None
        place = found.end()
        name = found["plain"] or _unescaped(found["quoted"] or "")
        if found["value"] is not None:
            labels[name] = _unescaped(found["value"])
        elif found["quoted"] is not None:
            labels[""] = name
        else:
            return None
    return labels


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda found: "\n" if found[1] == "n" else found[1], text)


def _log_time(line: str) -> float:
    found = _LOG_TIME.search(line)
    try:
        # Nanoseconds are cut off.
        moment = datetime.fromisoformat(found[1]) if found else None
    except ValueError:
        moment = None
    return -math.inf if moment is None or moment.tzinfo is None else moment.timestamp()
