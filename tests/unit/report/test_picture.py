"""Where everything is in the picture of a fleet, and how long the bars of its waste are."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.miribit.thanos.plugins.filter._audit_picture import audit_picture
from ansible_collections.miribit.thanos.plugins.module_utils.report.picture import draw
from ansible_collections.miribit.thanos.plugins.module_utils.report.picture_bars import bars
from ansible_collections.miribit.thanos.plugins.module_utils.report.picture_text import length, wrapped

Document = dict[str, Any]

WIDE, NARROW = 880, 328
WIDTHS = pytest.mark.parametrize("width", [WIDE, NARROW])


def cluster(name: str, *, seen: bool = True, kept: int | None = 1, waste: int | None = 0) -> Document:
    return {
        "name": name,
        "role": "central" if name == "cluster-01" else "edge",
        "seen": seen,
        "kept": dict.fromkeys(("memory_request", "memory_used", "storage"), kept),
        "waste": dict.fromkeys(("memory_request", "memory_used", "storage"), waste),
    }


def node(path: str, label: str = "", state: str | None = "ok") -> Document:
    """Its id is cluster/name."""
    name = path.partition("/")[0]
    return {"id": path, "cluster": name, "kind": "prometheus", "label": label or path, "state": state}


def edge(start: str, end: str, state: str | None = "ok", label: str = "remote write") -> Document:
    return {"from": start, "to": end, "label": label, "state": state}


def picture(nodes: list[Document], edges: list[Document] | None = None, width: int = WIDE, **more: Any) -> Document:
    names = dict.fromkeys(("cluster-01", *(one["cluster"] for one in nodes)))
    clusters = more.get("clusters", [cluster(name) for name in names])
    return draw(clusters, {"nodes": nodes, "edges": edges or []}, width)


def fleet(width: int = WIDE, edges: int = 3) -> Document:
    """Agents that write to a receiver, and targets that the central cluster scrapes."""
    names = [f"cluster-{number:02}" for number in range(2, 2 + edges)]
    nodes = [node("cluster-01/receiver"), node("cluster-01/full")]
    nodes += [node(f"{name}/{kind}") for name in names for kind in ("agent", "targets")]
    ways = [edge(f"{name}/agent", "cluster-01/receiver") for name in names]
    ways += [edge("cluster-01/full", f"{name}/targets", "remote") for name in names]
    return picture(nodes, ways, width)


def points(arrow: Document) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in (point.split(",") for point in arrow["points"].split())]


def by_title(drawn: Document, kind: str) -> dict[str, Document]:
    return {one["title"]: one for one in drawn[kind]}


def overlap(one: Document, other: Document) -> bool:
    across = one["x"] < other["x"] + other["width"] and other["x"] < one["x"] + one["width"]
    return across and one["y"] < other["y"] + other["height"] and other["y"] < one["y"] + one["height"]


# Clusters and their nodes.


@WIDTHS
def test_the_central_cluster_is_at_the_right_of_every_edge(width: int) -> None:
    boxes = by_title(fleet(width), "clusters")
    central = boxes.pop("cluster-01 (central)")
    assert all(box["x"] + box["width"] < central["x"] for box in boxes.values())


@WIDTHS
@pytest.mark.parametrize("edges", [1, 3, 40])
def test_all_is_on_the_sheet_and_no_cluster_covers_another(width: int, edges: int) -> None:
    drawn = fleet(width, edges)
    boxes = drawn["clusters"]
    assert not [(one, other) for one in boxes for other in boxes if one is not other and overlap(one, other)]
    for box in [*boxes, *drawn["nodes"]]:
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= drawn["width"]
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= drawn["height"]


@WIDTHS
def test_nodes_are_inside_their_cluster_and_apart(width: int) -> None:
    drawn = fleet(width)
    nodes = drawn["nodes"]
    assert not [(one, other) for one in nodes for other in nodes if one is not other and overlap(one, other)]
    for one in nodes:
        name = one["title"].partition("/")[0]
        (box,) = [box for box in drawn["clusters"] if box["title"].startswith(name)]
        assert box["x"] < one["x"]
        assert one["x"] + one["width"] < box["x"] + box["width"]
        assert box["y"] < one["y"]
        assert one["y"] + one["height"] < box["y"] + box["height"]


def test_the_central_cluster_stays_near_the_top_of_a_long_list_of_edges() -> None:
    central = by_title(fleet(edges=40), "clusters")["cluster-01 (central)"]
    assert central["y"] < 200


def test_a_cluster_that_was_not_seen_says_so() -> None:
    drawn = picture([], clusters=[cluster("cluster-04", seen=False)])
    (box,) = drawn["clusters"]
    assert (box["seen"], [line["text"] for line in box["lines"]]) == (False, ["not seen"])


def test_a_cluster_without_anything_to_show_is_not_taken_for_one_that_was_not_seen() -> None:
    drawn = picture([], clusters=[cluster("cluster-02")])
    assert [line["text"] for line in drawn["clusters"][0]["lines"]] == ["nothing to show"]


def test_a_cluster_of_which_only_the_targets_are_known_is_an_edge() -> None:
    drawn = picture([node("cluster-09/targets")], clusters=[cluster("cluster-01")])
    assert [box["title"] for box in drawn["clusters"]] == ["cluster-01 (central)", "cluster-09 (edge)"]


@pytest.mark.parametrize(
    ("state", "word"),
    [("ok", []), ("broken", ["broken"]), ("waste", ["waste"]), ("missing", ["missing"]), (None, ["not known"])],
)
def test_a_state_is_told_by_a_word_as_well(state: str | None, word: list[str]) -> None:
    (drawn,) = picture([node("cluster-02/agent", state=state)])["nodes"]
    assert [line["text"] for line in drawn["words"]] == word


def test_a_long_label_is_told_in_full_by_the_title() -> None:
    label = "Full Prometheus " + "prometheus-kube-prometheus-stack-" * 9
    (drawn,) = picture([node("cluster-02/full", label)], width=NARROW)["nodes"]
    assert drawn["lines"][-1]["text"].endswith("…")
    assert drawn["title"] == f"{label} in cluster-02"


@WIDTHS
def test_lines_of_a_node_are_inside_of_it(width: int) -> None:
    label = "클러스터 " * 30
    (drawn,) = picture([node("cluster-02/full", label, "broken")], width=width)["nodes"]
    for line in [*drawn["lines"], *drawn["words"]]:
        assert drawn["x"] < line["x"]
        assert line["x"] + length(line["text"]) < drawn["x"] + drawn["width"]
        assert drawn["y"] + 8 < line["y"] < drawn["y"] + drawn["height"]


# Arrows.


@WIDTHS
def test_an_arrow_goes_from_the_side_of_one_node_to_the_side_of_the_other(width: int) -> None:
    drawn = fleet(width)
    nodes = by_title(drawn, "nodes")
    for arrow in drawn["arrows"]:
        names = arrow["title"].partition(":")[0].split(" to ")
        source, target = (nodes[name] for name in names)
        first, *_between, last = points(arrow)
        assert first[0] == pytest.approx(
            source["x"] + (source["width"] if "cluster-01" not in names[0] else 0), abs=0.1
        )
        assert source["y"] < first[1] < source["y"] + source["height"]
        assert last[0] == pytest.approx(target["x"] + (target["width"] if "cluster-01" not in names[1] else 0), abs=0.1)
        assert target["y"] < last[1] < target["y"] + target["height"]


@WIDTHS
def test_arrows_turn_in_the_gap_however_many_there_are(width: int) -> None:
    nodes = [node(f"cluster-01/receiver-{number}") for number in range(40)]
    ways = [edge("cluster-02/agent", f"cluster-01/receiver-{number}") for number in range(40)]
    drawn = picture([*nodes, node("cluster-02/agent")], ways, width)
    boxes = by_title(drawn, "clusters")
    left = boxes["cluster-02 (edge)"]["x"] + boxes["cluster-02 (edge)"]["width"]
    assert all(left < points(arrow)[1][0] < boxes["cluster-01 (central)"]["x"] for arrow in drawn["arrows"])


def test_agents_that_write_to_one_receiver_share_its_line() -> None:
    drawn = fleet()
    writes = [arrow for arrow in drawn["arrows"] if arrow["state"] == "ok"]
    assert len(writes) == 3
    assert len({tuple(points(arrow)[2:]) for arrow in writes}) == 1


def test_arrows_of_two_states_to_one_receiver_end_apart() -> None:
    nodes = [node("cluster-01/receiver"), node("cluster-02/agent"), node("cluster-03/agent")]
    ways = [edge("cluster-02/agent", "cluster-01/receiver"), edge("cluster-03/agent", "cluster-01/receiver", "broken")]
    first, second = (points(arrow)[-1] for arrow in picture(nodes, ways)["arrows"])
    assert abs(first[1] - second[1]) > 5


def test_two_arrows_of_an_edge_leave_so_far_apart_that_there_is_room_for_words() -> None:
    nodes = [node("cluster-01/a"), node("cluster-01/b"), node("cluster-02/agent")]
    ways = [edge("cluster-02/agent", "cluster-01/a"), edge("cluster-02/agent", "cluster-01/b")]
    first, second = (points(arrow)[0] for arrow in picture(nodes, ways)["arrows"])
    assert abs(first[1] - second[1]) > 25


def test_only_a_broken_arrow_is_crossed_out() -> None:
    nodes = [node("cluster-01/receiver"), node("cluster-02/agent"), node("cluster-03/agent")]
    ways = [edge("cluster-02/agent", "cluster-01/receiver"), edge("cluster-03/agent", "cluster-01/receiver", "broken")]
    good, broken = picture(nodes, ways)["arrows"]
    assert (good["cross"], broken["cross"]["y"]) == (None, points(broken)[0][1])


@pytest.mark.parametrize("name", ["cluster-01", "cluster-02"])
def test_an_arrow_inside_of_a_cluster_goes_around_outside(name: str) -> None:
    drawn = picture([node(f"{name}/full"), node(f"{name}/bucket")], [edge(f"{name}/full", f"{name}/bucket")])
    (arrow,) = drawn["arrows"]
    (box,) = [box for box in drawn["clusters"] if box["title"].startswith(name)]
    turn = points(arrow)[1][0]
    nodes = drawn["nodes"][0]
    assert box["x"] < turn < box["x"] + box["width"]
    assert not nodes["x"] <= turn <= nodes["x"] + nodes["width"]


def test_there_are_words_beside_an_arrow_where_there_is_room() -> None:
    ways = [edge("cluster-02/agent", "cluster-01/receiver", label="remote write to http://192.168.101.210:19291/")]
    nodes = [node("cluster-01/receiver"), node("cluster-02/agent")]
    wide, narrow = (picture(nodes, ways, width)["arrows"][0] for width in (WIDE, NARROW))
    assert (len(wide["lines"]), narrow["lines"]) == (2, [])
    assert all(line["x"] + length(line["text"]) < points(wide)[1][0] for line in wide["lines"])


def test_an_arrow_of_unknown_state_is_not_drawn_as_a_good_one() -> None:
    drawn = picture(
        [node("cluster-01/receiver"), node("cluster-02/agent")], [edge("cluster-02/agent", "cluster-01/receiver", None)]
    )
    assert drawn["arrows"][0]["state"] == "unknown"


@pytest.mark.parametrize("end", ["nowhere", "cluster-02/agent"])
def test_what_cannot_be_drawn_is_told_in_words(end: str) -> None:
    drawn = picture([node("cluster-02/agent", "agent")], [edge("cluster-02/agent", end, "broken", "to nobody")])
    told = "agent in cluster-02" if end == "cluster-02/agent" else "nowhere"
    assert drawn["arrows"] == []
    assert drawn["words"] == [
        {"from": "agent in cluster-02", "to": told, "label": "to nobody", "state": "broken"},
    ]


def test_a_cluster_is_not_named_twice_in_words() -> None:
    drawn = picture([node("cluster-02/targets", "targets of cluster-02")], [edge("cluster-02/targets", "somewhere")])
    assert drawn["words"][0]["from"] == "targets of cluster-02"


# Text.


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("Prometheus Agent 2.48.0", ["Prometheus", "Agent 2.48.0"]),
        ("prometheus-kube-stack", ["prometheus-", "kube-stack"]),
        ("http://thanos.svc", ["http://", "thanos.svc"]),
        ("thanos-receiver.svc", ["thanos-", "receiver.svc"]),
        ("abcdefghijklmnop", ["abcdefghijkl", "mnop"]),
        ("one\ntwo", ["one two"]),
        ("", []),
    ],
)
def test_a_text_is_broken_where_names_have_their_joints(text: str, lines: list[str]) -> None:
    assert wrapped(text, length("x" * 12), 4) == lines


def test_letters_of_korean_are_wider() -> None:
    assert length("클러") > length("ab")


@given(st.text(max_size=80), st.floats(min_value=30, max_value=300), st.integers(1, 4))
def test_lines_always_fit_and_lose_nothing_without_an_ellipsis(text: str, room: float, most: int) -> None:
    lines = wrapped(text, room, most)
    assert len(lines) <= most
    assert all(length(line) <= room for line in lines)
    kept = "".join("".join(lines).split())
    if not (lines and lines[-1].endswith("…")):
        assert kept == "".join(text.split())


# Bars.


def test_bars_are_parts_of_the_longest_one() -> None:
    first, second = bars([cluster("cluster-02", kept=1, waste=3), cluster("cluster-03", kept=1)])
    assert (first["storage"], second["storage"]) == (
        {"kept": 1, "waste": 3, "total": 4, "kept_width": 25, "waste_width": 75},
        {"kept": 1, "waste": 0, "total": 1, "kept_width": 25, "waste_width": 0},
    )


def test_memory_that_is_requested_and_used_has_one_scale_and_storage_another() -> None:
    one = cluster("cluster-02", kept=0)
    one["waste"] = {"memory_request": 100, "memory_used": 50, "storage": 9000}
    (drawn,) = bars([one])
    assert [drawn[key]["waste_width"] for key in ("memory_request", "memory_used", "storage")] == [100, 50, 100]


def test_a_cluster_that_was_not_seen_has_no_bars() -> None:
    assert bars([cluster("cluster-04", seen=False)]) == []


def test_what_is_unknown_is_not_zero() -> None:
    (drawn,) = bars([cluster("cluster-02", kept=None, waste=None)])
    assert drawn["storage"] == {"kept": None, "waste": None, "total": None, "kept_width": 0, "waste_width": 0}


# The filter.


def test_the_filter_gives_picture_and_bars() -> None:
    report = {"clusters": [cluster("cluster-01")], "picture": {"nodes": [], "edges": []}}
    drawn = audit_picture(report, NARROW)
    assert (drawn["width"], [one["cluster"] for one in drawn["waste"]]) == (NARROW, ["cluster-01"])


@pytest.mark.parametrize("width", [239, "328", 328.5, True, None])
def test_a_width_that_nothing_can_be_drawn_at_is_refused(width: object) -> None:
    with pytest.raises(AnsibleFilterError, match=r"^audit_picture: width is .*\. Fix: give a whole number of pixels"):
        audit_picture({}, width)


@pytest.mark.parametrize("report", [{}, [], None, {"clusters": [{}], "picture": {"nodes": [{}], "edges": []}}])
def test_what_is_no_report_is_refused(report: Any) -> None:
    with pytest.raises(AnsibleFilterError, match=r"^audit_picture: what it is given is no report\. Fix: give what"):
        audit_picture(report, NARROW)
