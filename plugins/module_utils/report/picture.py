# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where everything is in the picture of an audited fleet.

The edges stand below each other at the left, the central cluster at the right, and arrows go through the gap between
them. Those that share their end at the central cluster share a line. Lengths are pixels at a font size of 11.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypedDict

from ansible_collections.miribit.thanos.plugins.module_utils.report.picture_text import wrapped

_Side = Literal["left", "right"]

_LINE = 14
#: Beside texts, and beside the nodes of a cluster.
_PADDING = 8
#: Above the first line of a node, and below the last.
_MARGIN = 6
_GAP = 8
_HEADER = 24
#: Between the arrows of a node, without and with words above and below them.
_BETWEEN = 10
_BETWEEN_WORDS = 26
#: Between lines in the gap.
_LANE = 9
_HEAD = 6
#: For arrows that stay in their column, which go around outside.
_BRACKET = 14
#: From here on there is room for words beside the arrows.
_WIDE = 600
#: What is left out of a longer text is in its title.
_MOST_LINES = 4
#: The central cluster stands in the middle of the edges, but not where it would have to be looked for.
_MOST_OFFSET = 160

#: States are told by a word, too, and not only by a colour.
_WORDS = {"broken": "broken", "waste": "waste", "missing": "missing", "unknown": "not known"}


class ReportNode(TypedDict):
    id: str
    cluster: str
    label: str
    state: str | None


# Its key "from" is a word of Python.
ReportEdge = TypedDict("ReportEdge", {"from": str, "to": str, "label": str, "state": "str | None"})


class ReportPicture(TypedDict):
    nodes: Sequence[ReportNode]
    edges: Sequence[ReportEdge]


class ReportCluster(TypedDict):
    name: str
    role: str
    seen: bool


@dataclass(frozen=True)
class _Rect:
    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.x + self.width

    def as_dict(self) -> dict[str, float]:
        return {"x": self.x, "y": self.y, "width": self.width, "height": self.height}


@dataclass(frozen=True)
class _Node:
    id: str
    side: _Side
    state: str
    text: str
    #: With its cluster.
    title: str

    @property
    def word(self) -> str:
        return _WORDS.get(self.state, "")


@dataclass(frozen=True)
class _Cluster:
    name: str
    role: str
    is_seen: bool
    nodes: tuple[_Node, ...]

    @property
    def side(self) -> _Side:
        return "right" if self.role == "central" else "left"


@dataclass(frozen=True)
class _Arrow:
    number: int
    source: _Node
    target: _Node
    state: str
    label: str

    @property
    def is_inner(self) -> bool:
        """Whether it stays in its column."""
        return self.source.side == self.target.side

    @property
    def lane(self) -> tuple[str, str]:
        """Equal for those that share a line through the gap."""
        return (self.target if self.target.side == "right" else self.source).id, self.state

    def slot(self, node: _Node) -> str:
        """Equal for those that leave or reach a node at the same point. At an edge each has its own."""
        shared = node.side == "right" and not self.is_inner
        return f"{self.state} {node is self.source}" if shared else f"{self.number}"


def draw(clusters: Sequence[ReportCluster], picture: ReportPicture, width: int) -> dict[str, object]:
    """The picture of a report's clusters at this width, ready to be written as SVG."""
    found = _clusters(clusters, picture["nodes"])
    nodes = {node.id: node for cluster in found for node in cluster.nodes}
    sheet = _Sheet(width, found, list(_arrows(picture["edges"], nodes)))
    return {
        "width": width,
        "height": sheet.height,
        "clusters": [sheet.shown_cluster(cluster) for cluster in found],
        "nodes": [sheet.shown_node(node) for node in nodes.values()],
        "arrows": [sheet.shown_arrow(arrow) for arrow in sheet.arrows],
        "words": [_in_words(edge, nodes) for edge in picture["edges"]],
    }


def _clusters(clusters: Sequence[ReportCluster], nodes: Sequence[ReportNode]) -> list[_Cluster]:
    """Those of the report, and those of which it knows a node only: what another cluster scrapes there."""
    told = {cluster["name"]: (cluster["role"], cluster["seen"]) for cluster in clusters}
    by_cluster: dict[str, list[ReportNode]] = {name: [] for name in told}
    for node in nodes:
        by_cluster.setdefault(node["cluster"], []).append(node)
    found = []
    for name, own in by_cluster.items():
        role, is_seen = told.get(name, ("edge", True))
        side = _Cluster(name, role, is_seen, ()).side
        found.append(_Cluster(name, role, is_seen, tuple(_node(node, side) for node in own)))
    return found


def _node(node: ReportNode, side: _Side) -> _Node:
    text, cluster = node["label"], node["cluster"]
    title = text if cluster in text else f"{text} in {cluster}"
    return _Node(node["id"], side, node["state"] or "unknown", text, title)


def _arrows(edges: Iterable[ReportEdge], nodes: Mapping[str, _Node]) -> Iterator[_Arrow]:
    """What can be drawn."""
    for number, edge in enumerate(edges):
        source, target = nodes.get(edge["from"]), nodes.get(edge["to"])
        if source and target and source is not target:
            yield _Arrow(number, source, target, edge["state"] or "unknown", edge["label"])


def _in_words(edge: ReportEdge, nodes: Mapping[str, _Node]) -> dict[str, str]:
    names = {
        key: nodes[end].title if end in nodes else end for key, end in (("from", edge["from"]), ("to", edge["to"]))
    }
    return {**names, "label": edge["label"], "state": edge["state"] or "unknown"}


class _Sheet:
    """Gives everything its place."""

    def __init__(self, width: int, clusters: Sequence[_Cluster], arrows: Sequence[_Arrow]) -> None:
        self.arrows = arrows
        self._width = width
        self._has_words = width >= _WIDE
        self._column = round(width * (0.34 if self._has_words else 0.41))
        self._brackets = {arrow.source.side for arrow in arrows if arrow.is_inner}
        self._ends = Counter(node.id for arrow in arrows for node in (arrow.source, arrow.target))
        self._lines: dict[str, list[str]] = {}
        self._boxes: dict[str, _Rect] = {}
        self._nodes: dict[str, _Rect] = {}
        self._place(clusters)
        self._heights = self._points()

    @property
    def height(self) -> float:
        return max((box.y + box.height for box in self._boxes.values()), default=0) + 1

    # Clusters and their nodes.

    def _place(self, clusters: Sequence[_Cluster]) -> None:
        for cluster in clusters:
            for node in cluster.nodes:
                self._lines[node.id] = wrapped(node.text, self._room(node.side) - 2 * _PADDING, _MOST_LINES)
        left, right = ([one for one in clusters if one.side == side] for side in ("left", "right"))
        lower = (self._stacked(left) - self._stacked(right)) / 2
        self._stack(left, 0.5, 0.5)
        self._stack(right, self._width - self._column - 0.5, 0.5 + min(max(0, lower), _MOST_OFFSET))

    def _room(self, side: _Side) -> float:
        return self._column - 2 * _PADDING - (_BRACKET if side in self._brackets else 0)

    def _stacked(self, clusters: Sequence[_Cluster]) -> float:
        return sum(self._box_height(cluster) + 1.5 * _GAP for cluster in clusters)

    def _box_height(self, cluster: _Cluster) -> float:
        heights = [self._node_height(node) for node in cluster.nodes] or [_LINE]
        return _HEADER + sum(heights) + len(heights) * _GAP

    def _node_height(self, node: _Node) -> float:
        """As much as its text and its arrows need."""
        between = _BETWEEN_WORDS if self._has_words and node.side == "left" else _BETWEEN
        lines = len(self._lines[node.id]) + bool(node.word)
        return max(lines * _LINE + 2 * _MARGIN, self._ends[node.id] * between + _MARGIN)

    def _stack(self, clusters: Sequence[_Cluster], x: float, top: float) -> None:
        for cluster in clusters:
            self._boxes[cluster.name] = _Rect(x, top, self._column, self._box_height(cluster))
            room = self._room(cluster.side)
            # What goes around outside has its place at the outer side.
            inside = x + (self._column - _PADDING - room if cluster.side == "left" else _PADDING)
            y = top + _HEADER
            for node in cluster.nodes:
                self._nodes[node.id] = _Rect(inside, y, room, self._node_height(node))
                y += self._node_height(node) + _GAP
            top += self._box_height(cluster) + 1.5 * _GAP

    def shown_cluster(self, cluster: _Cluster) -> dict[str, object]:
        box = self._boxes[cluster.name]
        empty = "nothing to show" if cluster.is_seen else "not seen"
        return {
            **box.as_dict(),
            "seen": cluster.is_seen,
            "title": f"{cluster.name} ({cluster.role})",
            "name": _texts(box, 16, wrapped(cluster.name, box.width - 2 * _PADDING, 1)),
            "lines": [] if cluster.nodes else _texts(box, _HEADER + 6, [empty]),
        }

    def shown_node(self, node: _Node) -> dict[str, object]:
        box, lines = self._nodes[node.id], self._lines[node.id]
        words = [node.word] if node.word else []
        top = (box.height - (len(lines) + len(words)) * _LINE) / 2 + _LINE - 3.5
        return {
            **box.as_dict(),
            "state": node.state,
            "title": node.title + (f": {node.word}" if node.word else ""),
            "lines": _texts(box, top, lines),
            "words": _texts(box, top + len(lines) * _LINE, words),
        }

    # Arrows.

    def _points(self) -> dict[tuple[str, bool, str], float]:
        """The height of every slot of every node, in the order of where its arrows come from."""
        slots: dict[tuple[str, bool], dict[str, float]] = {}
        for arrow in self.arrows:
            for node, other in ((arrow.source, arrow.target), (arrow.target, arrow.source)):
                own = slots.setdefault((node.id, arrow.is_inner), {})
                own.setdefault(arrow.slot(node), self._nodes[other.id].y)
        found = {}
        for (node_id, is_inner), own in slots.items():
            box = self._nodes[node_id]
            for place, slot in enumerate(sorted(own, key=lambda slot: (own[slot], slot))):
                found[node_id, is_inner, slot] = box.y + box.height * (place + 0.5) / len(own)
        return found

    @cached_property
    def _lanes(self) -> Mapping[tuple[str, str], float]:
        """Where arrows go up or down in the gap: near the central cluster, so that words have room before it."""
        keys = dict.fromkeys(arrow.lane for arrow in self.arrows if not arrow.is_inner)
        first = self._width - self._column - _HEAD - 4
        # As many as there are, they stay in the gap.
        return {key: max(first - _LANE * number, self._column + _HEAD + 4) for number, key in enumerate(keys)}

    def _lane(self, arrow: _Arrow) -> float:
        if not arrow.is_inner:
            return self._lanes[arrow.lane]
        box, around = self._nodes[arrow.source.id], _BRACKET / 2 + 1
        return box.x - around if arrow.source.side == "left" else box.right + around

    def _end(self, arrow: _Arrow, node: _Node) -> tuple[float, float]:
        """Where it touches a node: at the side of the gap, or outside if it stays in its column."""
        box, at_right = self._nodes[node.id], (node.side == "left") is not arrow.is_inner
        return box.right if at_right else box.x, self._heights[node.id, arrow.is_inner, arrow.slot(node)]

    def shown_arrow(self, arrow: _Arrow) -> dict[str, object]:
        (x, y), (to_x, to_y) = self._end(arrow, arrow.source), self._end(arrow, arrow.target)
        lane = self._lane(arrow)
        back = to_x + (_HEAD if lane > to_x else -_HEAD)
        points = ((x, y), (lane, y), (lane, to_y), (to_x, to_y))
        told = f"{arrow.source.title} to {arrow.target.title}: {arrow.state}"
        return {
            "points": _polyline(points),
            "head": _polyline(((to_x, to_y), (back, to_y - 3.5), (back, to_y + 3.5))),
            # Right behind its beginning, where it is still alone.
            "cross": {"x": x + (7 if lane > x else -7), "y": y} if arrow.state == "broken" else None,
            "lines": self._beside(arrow, lane) if self._has_words and not arrow.is_inner else [],
            "state": arrow.state,
            "title": f"{told} ({arrow.label})" if arrow.label else told,
        }

    def _beside(self, arrow: _Arrow, lane: float) -> list[dict[str, object]]:
        """Its label, above and below the line at the end of the edge, where each arrow is alone."""
        x, y = self._end(arrow, arrow.source if arrow.source.side == "left" else arrow.target)
        x += _PADDING * 2
        lines = wrapped(arrow.label, lane - x - 4, 2)
        return [{"x": x, "y": y + offset, "text": text} for text, offset in zip(lines, (-4, 11), strict=False)]


def _texts(box: _Rect, down: float, lines: Sequence[str]) -> list[dict[str, object]]:
    return [
        {"x": box.x + _PADDING, "y": box.y + down + _LINE * place, "text": text} for place, text in enumerate(lines)
    ]


def _polyline(points: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
