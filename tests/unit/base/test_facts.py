"""Facts as plain data, and back."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.miribit.thanos.plugins.module_utils.base.facts import as_facts, read_facts


@dataclass(frozen=True)
class Part:
    name: str
    kind: Literal["a", "b"] | None


@dataclass(frozen=True)
class Whole:
    name: str
    ready: bool | None = None
    size: int | None = None
    lag: float | None = None
    parts: tuple[Part, ...] | None = None
    labels: Mapping[str, tuple[str, ...]] | None = None
    part: Part | None = None


PARTS = st.builds(Part, st.text(), st.none() | st.sampled_from(["a", "b"]))
WHOLES = st.builds(
    Whole,
    name=st.text(),
    ready=st.none() | st.booleans(),
    size=st.none() | st.integers(),
    lag=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    parts=st.none() | st.lists(PARTS).map(tuple),
    labels=st.none() | st.dictionaries(st.text(), st.lists(st.text()).map(tuple)),
    part=st.none() | PARTS,
)


def read(**content: Any) -> Whole | None:
    found, problems = read_facts(Whole, content, "Facts", "give others")
    assert problems == []
    return found


@given(WHOLES)
def test_what_was_written_is_read_back_after_json(whole: Whole) -> None:
    assert read_facts(Whole, json.loads(json.dumps(as_facts(whole))), "Facts", "") == (whole, [])


def test_a_key_that_is_missing_is_unknown() -> None:
    assert read(name="a") == Whole("a")
    assert read(name="a", size=None) == Whole("a")


def test_a_key_of_a_newer_version_is_left_out() -> None:
    assert read(name="a", colour="red") == Whole("a")


def test_an_object_without_what_it_requires_is_unknown() -> None:
    assert read(size=1) is None
    assert read(name="a", part={"kind": "a"}) == Whole("a")


@pytest.mark.parametrize("parts", [[None], [{"name": "a", "kind": "a"}, None], [{"kind": "a"}]])
def test_a_list_with_something_unknown_is_unknown(parts: list[Any]) -> None:
    assert read(name="a", parts=parts) == Whole("a")


@pytest.mark.parametrize("labels", [{"a": None}, {"a": ["b"], "c": [None]}])
def test_a_mapping_with_something_unknown_is_unknown(labels: dict[str, Any]) -> None:
    assert read(name="a", labels=labels) == Whole("a")


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_a_number_that_is_none_is_unknown(number: float) -> None:
    assert read(name="a", lag=number, size=number) == Whole("a")


def test_a_whole_number_may_come_as_a_fraction() -> None:
    assert read(name="a", size=3.0) == Whole("a", size=3)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ([], "Facts: it is a list, not a mapping. Fix: give others."),
        ({"name": 1}, "Facts, name: it is a whole number, not a text. Fix: give others."),
        ({"name": "a", "size": "1"}, "Facts, size: it is a text, not a number. Fix: give others."),
        ({"name": "a", "lag": True}, "Facts, lag: it is true or false, not a number. Fix: give others."),
        ({"name": "a", "ready": "yes"}, "Facts, ready: it is a text, not true or false. Fix: give others."),
        ({"name": "a", "parts": {}}, "Facts, parts: it is a mapping, not a list. Fix: give others."),
        ({"name": "a", "parts": [{"name": 2}]}, "Facts, parts, 1, name: it is a whole number, not a text. Fix: "),
        ({"name": "a", "labels": {"b": [3]}}, "Facts, labels, b, 1: it is a whole number, not a text. Fix: "),
        ({"name": "a", "labels": []}, "Facts, labels: it is a list, not a mapping. Fix: give others."),
    ],
)
def test_a_value_of_another_type_is_a_problem_and_unknown(content: Any, text: str) -> None:
    found, (problem,) = read_facts(Whole, content, "Facts", "give others")
    assert str(problem).startswith(text)
    assert found in (None, Whole("a"))


def test_all_that_is_wrong_is_told_at_once() -> None:
    _found, problems = read_facts(Whole, {"name": 1, "size": "2", "part": {"name": 3}}, "Facts", "")
    assert [problem.subject for problem in problems] == ["Facts, name", "Facts, size", "Facts, part, name"]
