"""Questions to Prometheus and Thanos Query, and what answers mean, whoever carries them."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.kube.proxy import Answer
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.query import (
    InstantQuery,
    QueryResult,
    Sample,
    parse_query_answer,
)


def parse(document: object, status: int = 200) -> QueryResult:
    return parse_query_answer(Answer(status, json.dumps(document).encode()), subject="service a/b port 1")


def success(result_type: str, result: object) -> dict[str, object]:
    return {"status": "success", "data": {"resultType": result_type, "result": result}}


def test_a_query_without_more_leaves_the_rest_to_the_server() -> None:
    assert InstantQuery("up").params() == [("query", "up"), ("timeout", "30s")]


@pytest.mark.parametrize(
    ("time", "sent"),
    [
        ("1767225600", "1767225600.0"),
        ("1767225600.25", "1767225600.25"),
        ("2026-01-01T00:00:00Z", "1767225600.0"),
        ("2026-01-01T01:00:00+01:00", "1767225600.0"),
        # What YAML makes of a time without quotes.
        ("2026-01-01 00:00:00+00:00", "1767225600.0"),
    ],
)
def test_a_time_is_sent_as_seconds(time: str, sent: str) -> None:
    assert InstantQuery("up", time=time).problems() == []
    assert ("time", sent) in InstantQuery("up", time=time).params()


@pytest.mark.parametrize(
    "time", ["", "now", "nan", "inf", "-inf", "2026-01-01", "2026-01-01T00:00:00", "2026-13-01T00:00:00Z"]
)
def test_a_time_that_says_no_moment_is_refused(time: str) -> None:
    (problem,) = InstantQuery("up", time=time).problems()
    assert problem.subject == "Option time"


@pytest.mark.parametrize("query", ["", " \n"])
def test_an_empty_query_is_refused(query: str) -> None:
    (problem,) = InstantQuery(query).problems()
    assert problem.subject == "Option query"


@pytest.mark.parametrize("timeout", [0, -1])
def test_a_timeout_of_no_time_is_refused(timeout: int) -> None:
    (problem,) = InstantQuery("up", timeout=timeout).problems()
    assert problem.subject == "Option timeout"


def test_the_options_of_thanos_are_sent_only_when_set() -> None:
    params = InstantQuery("up", dedup=False, partial_response=True).params()
    assert params[2:] == [("dedup", "false"), ("partial_response", "true")]


def test_a_vector_is_one_sample_per_series() -> None:
    answer = parse(
        success(
            "vector",
            [
                {"metric": {"__name__": "up", "job": "a"}, "value": [1767225600.5, "1"]},
                {"metric": {}, "value": [1767225600, "NaN"]},
            ],
        )
    )
    assert answer.samples == (
        Sample({"__name__": "up", "job": "a"}, 1767225600.5, "1"),
        Sample({}, 1767225600.0, "NaN"),
    )


@pytest.mark.parametrize(("result_type", "value"), [("scalar", "42"), ("string", "text")])
def test_a_scalar_or_string_is_one_sample_without_labels(result_type: str, value: str) -> None:
    assert parse(success(result_type, [1, value])) == QueryResult(result_type, (Sample({}, 1.0, value),))


def test_a_native_histogram_is_kept_as_it_is() -> None:
    histogram = {"count": "2", "sum": "3", "buckets": [[0, "1", "2", "2"]]}
    (sample,) = parse(success("vector", [{"metric": {"a": "b"}, "histogram": [1, histogram]}])).samples
    assert sample.as_dict() == {"metric": {"a": "b"}, "timestamp": 1.0, "histogram": histogram}


def test_nothing_found_is_an_answer() -> None:
    assert parse(success("vector", [])).samples == ()


def test_warnings_and_infos_are_kept_apart() -> None:
    answer = parse({**success("vector", []), "warnings": ["store gone"], "infos": ["not a counter"]})
    assert (answer.warnings, answer.infos) == (("store gone",), ("not a counter",))


def test_a_range_vector_is_refused() -> None:
    with pytest.raises(ProblemError, match=r"range vector.*Fix: make one sample of each series"):
        parse(success("matrix", [{"metric": {}, "values": [[1, "1"]]}]))


@pytest.mark.parametrize(
    ("document", "what"),
    [
        ({"status": "success"}, "it has no data.result"),
        ({"status": "success", "data": []}, "it has no data.result"),
        ({"status": "success", "data": {"resultType": "vector", "result": None}}, "it has no data.result"),
        (success("tensor", []), "its resultType is 'tensor'"),
        (success("vector", [{"value": [1, "1"]}]), "an element of data.result is not a sample"),
        (success("vector", [{"metric": {}}]), "an element of data.result is not a sample"),
        (success("vector", [{"metric": [], "value": [1, "1"]}]), "an element of data.result is not a sample"),
        (success("vector", [{"metric": {}, "value": [1, 1]}]), "an element of data.result is not a sample"),
        (success("vector", [{"metric": {}, "value": "1"}]), "an element of data.result is not a sample"),
        (success("vector", [{"metric": {}, "histogram": [1, []]}]), "an element of data.result is not a sample"),
        (success("vector", [1]), "an element of data.result is not a sample"),
        (success("scalar", [1, "1", 1]), "an element of data.result is not a sample"),
    ],
)
def test_a_broken_answer_is_refused_by_what_is_broken(document: dict[str, object], what: str) -> None:
    with pytest.raises(ProblemError, match="not one that Prometheus or Thanos give") as refused:
        parse(document)
    assert what in str(refused.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text() | st.integers() | st.just(10**400),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["metric", "value", "histogram"]), inner)
    ),
)


@given(st.sampled_from(["vector", "scalar", "string", "matrix", None]), JSON)
def test_any_other_content_is_an_answer_or_a_problem_but_never_a_crash(result_type: str, result: object) -> None:
    with contextlib.suppress(ProblemError):
        assert all(isinstance(sample.timestamp, float) for sample in parse(success(result_type, result)).samples)


def test_an_answer_nested_without_end_is_not_read() -> None:
    with pytest.raises(ProblemError, match="not one of a Prometheus API"):
        parse_query_answer(Answer(200, b"[" * 1_000_000), subject="service a/b port 1")


@given(st.binary(), st.integers(100, 599))
def test_any_bytes_are_an_answer_or_a_problem_but_never_a_crash(body: bytes, status: int) -> None:
    with pytest.raises(ProblemError, match="Fix:"):
        parse_query_answer(Answer(status, body), subject="service a/b port 1")
