# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Prometheus text format of /metrics."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

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
