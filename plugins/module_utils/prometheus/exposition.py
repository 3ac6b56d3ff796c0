# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Prometheus text format of /metrics.

Not the parser of prometheus_client, which users would have to install: one bad line makes 0.26 refuse the whole text, a
counter without _total is renamed, and 51,398 series take 1.4 s of CPU, not 0.7 s. A test compares the two.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

_NUMBER = r"(?i:[+-]?(?:[0-9]++\.?+[0-9]*+|\.[0-9]++)(?:e[+-]?[0-9]++)?|[+-]?inf(?:inity)?|nan)"
_TEXT = r'"[^"\\]*+(?:\\.[^"\\]*+)*"'
# A value without a label is the metric's own name: Prometheus writes it there unless it is a classic one.
_LABEL = re.compile(rf"(?:([a-zA-Z_][a-zA-Z0-9_]*+|(?!\"\"){_TEXT})\s*+=\s*+)?({_TEXT})\s*+", re.DOTALL | re.ASCII)
_LINE = re.compile(
    rf"""\s*+(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*+)?
        \s*+(?:\{{(?P<labels>\s*+(?:{_LABEL.pattern}(?:,\s*+|(?=\}})))*)\}})?
        \s*+(?P<value>{_NUMBER})
        (?:\s++{_NUMBER})?      # a timestamp
        \s*+(?:\#.*)?           # an exemplar
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_ESCAPED = re.compile(r'\\([\\"n])')


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


def parse(text: str) -> Metrics:
    """The samples of an answer of /metrics. What is none is left out."""
    return Metrics(tuple(_samples(text)))


def _samples(text: str) -> Iterator[Sample]:
    # Not splitlines(): a value of a label can hold what that takes for the end of a line.
    for line in text.split("\n"):
        found = _LINE.fullmatch(line)
        if found is None:
            continue
        pairs = [("", found["name"])] if found["name"] else []
        pairs += [(_unquoted(label), _unquoted(value)) for label, value in _LABEL.findall(found["labels"] or "")]
        labels = dict(pairs)
        name = labels.pop("", "")
        # A repeated label or a second name is invalid.
        if name and len(labels) == len(pairs) - 1:
            yield Sample(name, labels, float(found["value"]))


def _unquoted(text: str) -> str:
    if not text.startswith('"'):
        return text
    return _ESCAPED.sub(lambda found: "\n" if found[1] == "n" else found[1], text[1:-1])
