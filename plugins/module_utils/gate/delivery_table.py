# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the edges of a fleet deliver, as a report, and as a table; on its own, or compared with an earlier report."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.base.untyped import elements, mapping

Edge = dict[str, object]

_UNKNOWN = "?"
_NOT_SEEN = "correct what it names, and run it again"
# Without a colon before a blank, as all lines of the table.
_UNWATCHED = (
    "Nothing was watched, so SCRAPED/S is the mean since an agent was started, and samples that were refused count "
    "since its queue was made."
)
_UNWATCHED_BEFORE = "Before, nothing was watched, so SCRAPED/S was the mean since an agent was started."


def edges(results: Mapping[str, object]) -> list[Edge]:
    """What the module has returned for each edge. One on which it has failed is among them, with the reason."""
    return [_edge(str(name), mapping(result)) for name, result in results.items()]


def _edge(name: str, result: Mapping[str, object]) -> Edge:
    if "delivery" in result:
        return {"edge": name, **{key: result[key] for key in ("delivers", "why", "delivery", "unseen")}}
    # Only its first line: what a crash leaves behind it has many.
    message = str(result.get("msg") or "the look at it failed without a reason").strip().splitlines()[0]
    why = Problem(name, message, _NOT_SEEN).as_dict()
    return {"edge": name, "delivers": False, "why": [why], "delivery": None, "unseen": []}


def earlier(content: object) -> dict[str, Edge]:
    """The edges of an earlier report by name, from its text or its document. Raises ProblemError if it is none."""
    if isinstance(content, str):
        try:
            content = json.loads(content)
        except (RecursionError, ValueError):
            content = None
    found = [mapping(edge) for edge in elements(mapping(content).get("edges"))]
    if not found or not all({"edge", "delivers", "delivery"} <= edge.keys() for edge in found):
        cause, fix = "it is no report of how edges deliver", "give the path of a DATE-status.json"
        raise ProblemError([Problem("fleet_status_compare", cause, fix)])
    return {str(edge["edge"]): edge for edge in found}


# Cells. None of them has a blank: beyond the 80th column, the YAML output breaks a line at a single one.


def _number(content: object) -> float | None:
    return float(content) if isinstance(content, int | float) and not isinstance(content, bool) else None


def _amount(content: object, unit: str = "") -> str:
    number = _number(content)
    if number is None:
        return _UNKNOWN
    return f"{number:,.0f}{unit}" if number >= 10 or number == int(number) else f"{number:.1f}{unit}"


def _figures(edge: Edge) -> dict[str, object]:
    return mapping(edge.get("delivery"))


def _version(edge: Edge) -> str:
    agents = [mapping(agent) for agent in elements(_figures(edge).get("agents"))]
    return ",".join(str(agent.get("version") or "unknown") for agent in agents) or _UNKNOWN


def _targets(edge: Edge) -> str:
    targets = mapping(_figures(edge).get("targets"))
    return f"{targets['up']}/{targets['all']}" if targets else _UNKNOWN


def _scraped(edge: Edge) -> str:
    return _amount(_figures(edge).get("samples_per_second"))


def _received(edge: Edge) -> str:
    return _amount(mapping(_figures(edge).get("query")).get("samples_per_second"))


def _lag(edge: Edge) -> str:
    seconds = _number(_figures(edge).get("lag"))
    if seconds is None:
        return "never" if _figures(edge).get("ever_delivered") is False else _UNKNOWN
    if seconds < 120:
        return f"{seconds:.0f}s"
    return f"{seconds / 60:.0f}min" if seconds < 7200 else f"{seconds / 3600:.1f}h"


def _backlog(edge: Edge) -> str:
    return _amount(_figures(edge).get("backlog"))


def _delivers(edge: Edge) -> str:
    return "yes" if edge.get("delivers") is True else "no"


_COLUMNS: Mapping[str, Callable[[Edge], str]] = {
    "AGENT": _version,
    "TARGETS": _targets,
    "SCRAPED/S": _scraped,
    "RECEIVED/S": _received,
    "LAG": _lag,
    "BACKLOG": _backlog,
    "DELIVERS": _delivers,
}


# The table.


def table(now: Sequence[Edge], before: Mapping[str, Edge] | None = None) -> list[str]:
    """A row for each edge, what they come to, and why those that do not deliver do not."""
    rows = [["EDGE", *_COLUMNS]]
    rows += [[str(edge["edge"]), *_row(edge, before)] for edge in now]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return [*lines, _total(now, before), *_how(now, before), *_why(now)]


def _row(edge: Edge, before: Mapping[str, Edge] | None) -> list[str]:
    cells = [cell(edge) for cell in _COLUMNS.values()]
    if before is None:
        return cells
    then = before.get(str(edge["edge"]))
    were = [cell(then) if then else _UNKNOWN for cell in _COLUMNS.values()]
    return [f"{was}->{cell}" if was != cell else cell for was, cell in zip(were, cells, strict=True)]


def _total(now: Sequence[Edge], before: Mapping[str, Edge] | None) -> str:
    told = f"{_count(now)} of {len(now)} edges deliver"
    if before is not None:
        told += f", {_count(list(before.values()))} of {len(before)} before"
    received = [_number(mapping(_figures(edge).get("query")).get("samples_per_second")) for edge in now]
    known = [rate for rate in received if rate is not None]
    return f"{told}; {_amount(round(sum(known)))} samples/s arrive" if known else told


def _how(now: Sequence[Edge], before: Mapping[str, Edge] | None) -> list[str]:
    """What the figures are where nothing was watched. Older reports do not tell."""
    if any(_figures(edge).get("watched") is False for edge in now):
        return [_UNWATCHED]
    then = before or {}
    return [_UNWATCHED_BEFORE] if any(_figures(edge).get("watched") is False for edge in then.values()) else []


def _count(several: Sequence[Edge]) -> int:
    return sum(edge.get("delivers") is True for edge in several)


def _why(now: Sequence[Edge]) -> list[str]:
    found = [(edge["edge"], mapping(problem)) for edge in now for problem in elements(edge.get("why"))]
    # With a colon before a blank, the YAML output would put them in quotes.
    told = [f"{edge}  {one['subject']} - {one['cause']}. Fix - {one['fix']}." for edge, one in found]
    return [line.replace(": ", " - ") for line in told]
