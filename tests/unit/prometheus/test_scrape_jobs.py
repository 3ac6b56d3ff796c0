"""What is taken out of a list of scrape jobs comes back to its place."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.miribit.thanos.plugins.module_utils.prometheus import scrape_jobs
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.scrape_jobs import (
    Cut,
    Piece,
    put_back,
    read_piece,
    take,
)

Job = dict[str, Any]


def group(*targets: str, **labels: str) -> Job:
    return {"targets": list(targets), "labels": labels}


def job(name: str, *groups: Job, **more: object) -> Job:
    return {"job_name": name, "scheme": "https", **more, "static_configs": list(groups)}


def every(one: Job) -> dict[int, tuple[str, ...]]:
    return {number: tuple(group["targets"]) for number, group in enumerate(one["static_configs"])}


A = job("a", group("1:1", cluster="a"))
B = job("b", group("2:1", cluster="b"))
C = job("c", group("3:1"))
SHARED = job("shared", group("1:1", "1:2", cluster="a"), group("2:1", cluster="b"), group("4:1"))


# Taking out.


def test_a_job_goes_with_its_last_target() -> None:
    left, pieces = take([A, B, C], [Cut("b", {"edge": every(B)})])
    assert left == [A, C]
    assert [piece.job for piece in pieces["edge"]] == ["b"]


def test_of_a_job_only_the_named_targets_go() -> None:
    left, _pieces = take([SHARED], [Cut("shared", {"edge": {0: ("1:2",), 1: ("2:1",)}})])
    assert left == [job("shared", group("1:1", cluster="a"), group("4:1"))]


def test_what_a_job_discovers_stays_when_its_static_targets_go() -> None:
    one = job("one", group("1:1"), file_sd_configs=[{"files": ["x"]}])
    left, _pieces = take([one], [Cut("one", {"edge": every(one)})])
    assert left == [{key: value for key, value in one.items() if key != "static_configs"}]


def test_what_a_job_discovers_does_not_come_back_with_its_static_targets() -> None:
    one = job("one", group("1:1"), file_sd_configs=[{"files": ["x"]}])
    left, pieces = take([A, one], [Cut("one", {"edge": every(one)})])
    assert put_back(left, pieces["edge"]) == [A, one]
    assert put_back([A], pieces["edge"]) == [A, job("one", group("1:1"))]


def test_a_whole_job_goes_with_what_it_discovers() -> None:
    one = job("one", group("1:1"), file_sd_configs=[{"files": ["x"]}])
    left, pieces = take([A, one], [Cut("one", {"edge": None})])
    assert left == [A]
    assert put_back(left, pieces["edge"]) == [A, one]


def test_a_job_that_is_not_there_is_not_taken_out() -> None:
    assert take([A], [Cut("b", {"edge": every(B)})]) == ([A], {})


def test_the_list_that_was_given_stays_as_it_is() -> None:
    jobs = [deepcopy(A), deepcopy(SHARED)]
    _left, pieces = take(jobs, [Cut("shared", {"edge": {0: ("1:2",)}})])
    put_back(jobs, pieces["edge"])
    assert jobs == [A, SHARED]


# Putting back.


def test_a_job_that_is_there_again_is_no_problem() -> None:
    _left, pieces = take([A, B], [Cut("a", {"edge": every(A)})])
    assert put_back([A, B], pieces["edge"]) == [A, B]


def test_a_job_that_discovers_and_is_there_again_stays_as_somebody_wrote_it() -> None:
    one = job("one", group("1:1"), file_sd_configs=[{"files": ["x"]}])
    _left, pieces = take([one], [Cut("one", {"edge": None})])
    other = job("one", group("9:9"))
    assert put_back([other], pieces["edge"]) == [other]


def test_putting_back_twice_changes_nothing_more() -> None:
    left, pieces = take([A, SHARED], [Cut("shared", {"edge": {0: ("1:1", "1:2")}})])
    once = put_back(left, pieces["edge"])
    assert put_back(once, pieces["edge"]) == once


def test_only_what_was_taken_for_an_edge_comes_back_with_it() -> None:
    cut = Cut("shared", {"one": {0: ("1:1", "1:2")}, "other": {1: ("2:1",), 2: ("4:1",)}})
    left, pieces = take([A, SHARED, C], [cut])
    assert left == [A, C]
    assert put_back(left, pieces["other"]) == [A, job("shared", group("2:1", cluster="b"), group("4:1")), C]


def test_jobs_that_somebody_has_added_stay_where_they_are() -> None:
    left, pieces = take([A, B, C], [Cut("b", {"edge": every(B)})])
    new = job("new", group("9:9"))
    assert put_back([new, *left], pieces["edge"]) == [new, A, B, C]


def test_what_somebody_has_changed_in_a_job_stays() -> None:
    left, pieces = take([SHARED], [Cut("shared", {"edge": {0: ("1:2",)}})])
    (changed,) = [{**one, "scrape_interval": "1m"} for one in left if isinstance(one, dict)]
    assert put_back([changed], pieces["edge"]) == [{**SHARED, "scrape_interval": "1m"}]


def test_a_target_that_somebody_has_added_under_other_labels_is_not_added_again() -> None:
    _left, pieces = take([SHARED], [Cut("shared", {"edge": {1: ("2:1",)}})])
    changed = job("shared", group("1:1", "1:2", cluster="a"), group("2:1", cluster="two"), group("4:1"))
    assert put_back([changed], pieces["edge"]) == [changed]


def test_a_job_that_can_no_longer_be_read_stays_as_it_is() -> None:
    _left, pieces = take([SHARED], [Cut("shared", {"edge": {1: ("2:1",)}})])
    changed = {**SHARED, "static_configs": "{{ groups }}"}
    assert put_back([changed], pieces["edge"]) == [changed]


def test_one_address_in_two_groups_comes_back_to_both() -> None:
    one = job("one", group("1:1", __metrics_path__="/metrics"), group("1:1", __metrics_path__="/metrics/cadvisor"))
    left, pieces = take([one], [Cut("one", {"edge": {0: ("1:1",)}})])
    assert put_back(left, pieces["edge"]) == [one]


def test_what_was_taken_out_later_comes_back_first_to_its_place() -> None:
    left, first = take([A, B, C], [Cut("a", {"one": every(A)})])
    left, second = take(left, [Cut("b", {"other": every(B)})], first["one"])
    assert put_back(left, first["one"]) == [A, C]
    assert put_back(put_back(left, first["one"]), second["other"]) == [A, B, C]
    assert put_back(put_back(left, second["other"]), first["one"]) == [A, B, C]


# The record.


@pytest.mark.parametrize("groups", [{0: ("1:1",)}, None])
def test_a_piece_is_read_from_the_record_as_it_was(groups: dict[int, tuple[str, ...]] | None) -> None:
    piece = Piece("a", ("a", "b"), A, groups)
    assert read_piece(json.loads(json.dumps(piece.as_dict()))) == piece


@pytest.mark.parametrize(
    "broken",
    [
        None,
        {},
        {"job": "b"},
        {"order": ["b"]},
        {"config": {}},
        {"groups": [[7, ["1:1"]]]},
        {"groups": ["1:1"]},
    ],
)
def test_what_is_no_piece_is_not_read(broken: Job | None) -> None:
    piece = Piece("a", ("a",), A, {0: ("1:1",)}).as_dict()
    assert read_piece(None if broken is None else {**piece, **broken} if broken else {}) is None


# Any list.

ADDRESSES = st.sampled_from([f"10.0.0.{number}:9100" for number in range(9)])
NAMES = st.sampled_from("abcdef")


@st.composite
def jobs_and_owners(draw: st.DrawFn) -> tuple[list[Job], dict[tuple[str, int, str], str]]:
    """A list of jobs, and for some of their static targets the edge that delivers them."""
    jobs = []
    owners: dict[tuple[str, int, str], str] = {}
    for name in draw(st.lists(NAMES, unique=True, max_size=5)):
        groups = []
        for number in range(draw(st.integers(0, 3))):
            targets = draw(st.lists(ADDRESSES, unique=True, min_size=1, max_size=4))
            groups.append(group(*targets, number=str(number)))
            for address in targets:
                if edge := draw(st.sampled_from(["one", "two", "three", ""])):
                    owners[name, number, address] = edge
        jobs.append(job(name, *groups))
    return jobs, owners


def cuts(jobs: list[object], owners: dict[tuple[str, str, str], str], edges: set[str]) -> list[Cut]:
    """What goes for these edges. A group is known by its label number, also when others are gone."""
    found = []
    for one in jobs:
        assert isinstance(one, dict)
        going: dict[str, dict[int, tuple[str, ...]]] = {}
        for at, address, content in scrape_jobs.entries(one):
            edge = owners.get((one["job_name"], content["labels"]["number"], address))
            if edge in edges:
                own = going.setdefault(edge, {})
                own[at] = (*own.get(at, ()), address)
        if going:
            found.append(Cut(one["job_name"], going))
    return found


@settings(max_examples=60, deadline=None)
@given(jobs_and_owners(), st.permutations(["one", "two", "three"]), st.permutations(["one", "two", "three"]))
def test_edges_leave_and_come_back_in_any_order(
    given_jobs: tuple[list[Job], dict[tuple[str, int, str], str]], leaving: list[str], coming: list[str]
) -> None:
    jobs, by_number = given_jobs
    owners = {(name, str(number), address): edge for (name, number, address), edge in by_number.items()}
    left: list[object] = list(jobs)
    record: dict[str, list[Piece]] = {edge: [] for edge in leaving}
    for edge in leaving:
        recorded = [piece for pieces in record.values() for piece in pieces]
        left, pieces = take(left, cuts(left, owners, {edge}), recorded)
        record[edge] += pieces.get(edge, [])
    assert not cuts(left, owners, set(leaving))
    for edge in coming:
        left = put_back(left, record[edge])
    assert left == jobs


@settings(max_examples=60, deadline=None)
@given(jobs_and_owners(), st.permutations(["one", "two", "three"]))
def test_edges_that_leave_together_come_back_in_any_order(
    given_jobs: tuple[list[Job], dict[tuple[str, int, str], str]], coming: list[str]
) -> None:
    jobs, by_number = given_jobs
    owners = {(name, str(number), address): edge for (name, number, address), edge in by_number.items()}
    left, pieces = take(jobs, cuts(list(jobs), owners, set(coming)))
    assert take(left, cuts(left, owners, set(coming))) == (left, {})
    for edge in coming:
        left = put_back(left, pieces.get(edge, []))
    assert left == jobs
