"""What is taken out of a list of scrape jobs comes back."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.miribit.thanos.plugins.module_utils.prometheus import scrape_jobs
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.scrape_jobs import (
    Piece,
    part,
    put_back,
    read_piece,
    replaced,
)

Job = dict[str, Any]


def group(*targets: str, **labels: str) -> Job:
    return {"targets": list(targets), "labels": labels}


def job(name: str, *groups: Job, **more: object) -> Job:
    return {"job_name": name, "scheme": "https", **more, "static_configs": list(groups)}


def at(one: object) -> set[tuple[int, str]]:
    """Every static target of a job."""
    assert isinstance(one, dict)
    return {(number, address) for number, address, _group in scrape_jobs.entries(one)}


def take(jobs: list[Any], name: str, going: set[tuple[int, str]]) -> tuple[list[Any], Piece]:
    """Take static targets out of a job."""
    one = scrape_jobs.find(jobs, name)
    assert one
    rest = part(one, at(one) - going)
    return replaced(jobs, name, rest if at(rest) else None), scrape_jobs.piece(jobs, part(one, going))


A = job("a", group("1:1", cluster="a"))
B = job("b", group("2:1", cluster="b"))
C = job("c", group("3:1"))
SHARED = job("shared", group("1:1", "1:2", cluster="a"), group("2:1", cluster="b"), group("4:1"))
DISCOVERING = job("one", group("1:1"), file_sd_configs=[{"files": ["x"]}])


# Taking out.


def test_a_job_goes_with_its_last_target() -> None:
    left, piece = take([A, B, C], "b", at(B))
    assert left == [A, C]
    assert (piece.job, piece.config, piece.before) == ("b", B, ("a",))


def test_of_a_job_only_the_named_targets_go() -> None:
    left, _piece = take([SHARED], "shared", {(0, "1:2"), (1, "2:1")})
    assert left == [job("shared", group("1:1", cluster="a"), group("4:1"))]


def test_the_list_that_was_given_stays_as_it_is() -> None:
    jobs = [deepcopy(A), deepcopy(SHARED)]
    _left, piece = take(jobs, "shared", {(0, "1:2")})
    put_back(jobs, [piece])
    assert jobs == [A, SHARED]


# Putting back.


def test_a_whole_job_comes_back_with_what_it_discovers() -> None:
    assert put_back([A], [Piece(DISCOVERING, ("a",))]) == [A, DISCOVERING]


def test_a_job_that_is_there_again_is_no_problem() -> None:
    _left, piece = take([A, B], "a", at(A))
    assert put_back([A, B], [piece]) == [A, B]


def test_a_job_that_discovers_and_is_there_again_stays_as_somebody_wrote_it() -> None:
    other = job("one", group("9:9"))
    assert put_back([other], [Piece(DISCOVERING)]) == [other]


def test_putting_back_twice_changes_nothing_more() -> None:
    left, piece = take([A, SHARED], "shared", {(0, "1:1"), (0, "1:2")})
    once = put_back(left, [piece])
    assert put_back(once, [piece]) == once


def test_only_what_was_taken_for_an_edge_comes_back_with_it() -> None:
    one, other = {(0, "1:1"), (0, "1:2")}, {(1, "2:1"), (2, "4:1")}
    _left, piece = take([A, SHARED, C], "shared", other)
    left, _piece = take([A, SHARED, C], "shared", one | other)
    assert left == [A, C]
    assert put_back(left, [piece]) == [A, job("shared", group("2:1", cluster="b"), group("4:1")), C]


def test_jobs_that_somebody_has_added_stay_where_they_are() -> None:
    left, piece = take([A, B, C], "b", at(B))
    new = job("new", group("9:9"))
    assert put_back([new, *left], [piece]) == [new, A, B, C]


def test_what_somebody_has_changed_in_a_job_stays() -> None:
    (left,), piece = take([SHARED], "shared", {(0, "1:2")})
    assert put_back([{**left, "scrape_interval": "1m"}], [piece]) == [{**SHARED, "scrape_interval": "1m"}]


def test_a_target_that_somebody_has_added_under_other_labels_is_not_added_again() -> None:
    _left, piece = take([SHARED], "shared", {(1, "2:1")})
    changed = job("shared", group("1:1", "1:2", cluster="a"), group("2:1", cluster="two"), group("4:1"))
    assert put_back([changed], [piece]) == [changed]


def test_a_job_that_can_no_longer_be_read_stays_as_it_is() -> None:
    _left, piece = take([SHARED], "shared", {(1, "2:1")})
    changed = {**SHARED, "static_configs": "{{ groups }}"}
    assert put_back([changed], [piece]) == [changed]


def test_one_address_with_two_paths_comes_back_to_both() -> None:
    one = job("one", group("1:1", __metrics_path__="/metrics/cadvisor"), group("1:1", __metrics_path__="/metrics"))
    left, piece = take([one], "one", {(1, "1:1")})
    assert put_back(left, [piece]) == [one]


def test_the_groups_of_a_piece_that_comes_back_are_not_shared_with_the_record() -> None:
    left, piece = take([A, B], "b", at(B))
    (_a, back) = put_back(left, [piece])
    assert isinstance(back, dict)
    back["static_configs"][0]["targets"].append("9:9")
    assert piece.config == B


# The record.


def test_a_piece_is_read_from_the_record_as_it_was() -> None:
    piece = Piece(A, ("b",))
    assert read_piece(json.loads(json.dumps(piece.as_dict()))) == piece


@pytest.mark.parametrize(
    "broken", [None, {}, {"config": {}}, {"config": {"job_name": "a", "static_configs": "text"}}, {"before": None}]
)
def test_what_is_no_piece_is_not_read(broken: Job | None) -> None:
    assert read_piece({**Piece(A).as_dict(), **broken} if broken else broken) is None


# Any list.

ADDRESSES = st.sampled_from([f"10.0.0.{number}:9100" for number in range(9)])


@st.composite
def jobs_and_owners(draw: st.DrawFn) -> tuple[list[Job], dict[tuple[str, str, str], str]]:
    """A list of jobs, and for some of their static targets, known by job, path and address, the edge that has them."""
    jobs = []
    owners = {}
    for name in draw(st.lists(st.sampled_from("abcdef"), unique=True, max_size=5)):
        groups = []
        for number in range(draw(st.integers(0, 3))):
            path = f"/{number}"
            targets = draw(st.lists(ADDRESSES, unique=True, min_size=1, max_size=4))
            groups.append(group(*targets, __metrics_path__=path))
            for address in targets:
                if edge := draw(st.sampled_from(["one", "two", "three", ""])):
                    owners[name, path, address] = edge
        jobs.append(job(name, *groups))
    return jobs, owners


def unordered(jobs: list[Any]) -> dict[str, tuple[Job, set[tuple[str, str]]]]:
    """What Prometheus makes of a list: neither the order of jobs nor that of targets means anything to it."""
    assert len({one["job_name"] for one in jobs}) == len(jobs)
    return {
        one["job_name"]: (
            scrape_jobs.without_groups(one),
            {(content["labels"]["__metrics_path__"], address) for _at, address, content in scrape_jobs.entries(one)},
        )
        for one in jobs
    }


@settings(max_examples=60, deadline=None)
@given(jobs_and_owners(), st.permutations(["one", "two", "three"]), st.permutations(["one", "two", "three"]))
def test_edges_leave_and_come_back_in_any_order(
    given_jobs: tuple[list[Job], dict[tuple[str, str, str], str]], leaving: list[str], coming: list[str]
) -> None:
    jobs, owners = given_jobs
    left: list[Any] = list(jobs)
    record: dict[str, list[Piece]] = {edge: [] for edge in leaving}
    for edge in leaving:
        for one in list(left):
            going = {
                (number, address)
                for number, address, content in scrape_jobs.entries(one)
                if owners.get((one["job_name"], content["labels"]["__metrics_path__"], address)) == edge
            }
            if going:
                left, piece = take(left, one["job_name"], going)
                record[edge].append(piece)
    remaining = {(name, *entry) for name, (_rest, entries) in unordered(left).items() for entry in entries}
    assert remaining.isdisjoint(owners)
    for edge in coming:
        left = put_back(left, record[edge])
    assert unordered(left) == unordered(jobs)
