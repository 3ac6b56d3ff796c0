"""The text format of /metrics, compared with the parser of prometheus_client."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from receiver_answers import INGESTOR, router

from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.exposition import parse

Read = list[tuple[str, dict[str, str], str]]


def ours(text: str) -> Read:
    return [(one.name, one.labels, repr(one.value)) for one in parse(text).samples]


def theirs(text: str) -> Read | None:
    """Return None where prometheus_client refuses the text."""
    try:
        samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    except ValueError:
        return None
    return [(one.name, one.labels, repr(float(one.value))) for one in samples]


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def line(name: str, labels: dict[str, str], value: str, moment: str) -> str:
    """Quote the names that are not classic ones, as Prometheus does."""
    is_classic = re.fullmatch("[a-zA-Z_:][a-zA-Z0-9_:]*", name)
    terms = [] if is_classic else [quoted(name)]
    for label, text in labels.items():
        terms.append((label if re.fullmatch("[a-zA-Z_][a-zA-Z0-9_]*", label) else quoted(label)) + "=" + quoted(text))
    return (name if is_classic else "") + (f"{{{','.join(terms)}}}" if terms else "") + f" {value}{moment}"


classic = st.from_regex("[a-zA-Z_:][a-zA-Z0-9_:]{0,20}", fullmatch=True)
names = classic | st.text(min_size=1, max_size=20)
# prometheus_client refuses labels that begin with two underscores.
labels = st.dictionaries(names.filter(lambda name: not name.startswith("__")), st.text(max_size=20), max_size=4)
values = st.floats().map(repr) | st.integers(-(2**70), 2**70).map(str) | st.sampled_from(["+Inf", "NaN", "1e+06", ".5"])
moments = st.just("") | st.integers(-(2**45), 2**45).map(" {}".format)
lines = st.builds(line, names, labels, values, moments)
comments = st.builds("# HELP {} {}".format, classic, st.text().map(quoted)) | st.builds(
    "# TYPE {} gauge".format, classic
)


@given(st.lists(lines | comments).map("\n".join))
@example(INGESTOR)
@example(router())
def test_what_is_written_is_read(text: str) -> None:
    read = theirs(text)
    assert read is not None
    assert ours(text) == read


@given(lines, st.integers(0, 60))
@example("up2_total 3", 3)
def test_a_line_that_is_cut_is_no_other_sample(text: str, end: int) -> None:
    assert ours(text[:end]) in ([], theirs(text[:end]))


@given(st.text() | st.text('abc_{}",=\\# 0123456789.+-eINFna\n'))
def test_any_text_is_read(text: str) -> None:
    parse(text)


@pytest.mark.parametrize(
    ("text", "labels", "value"),
    [
        ("up 1", {}, 1),
        ("  up\t1  ", {}, 1),
        ("up 1\r\n", {}, 1),
        ("up{} 1", {}, 1),
        ('up{a="b",} 1', {"a": "b"}, 1),
        ('up { a = "b" , c = "d" } 1 1767225600000', {"a": "b", "c": "d"}, 1),
        ('up{a="}"} 1 1767225600.5 # {trace_id="x"} 0.5 1.7672256005e+09', {"a": "}"}, 1),
        ('up{a="b"} 4.7e+01 1.7672256e+09', {"a": "b"}, 47),
        ('{"up"} 1', {}, 1),
        ('{a="b", "up", "c d"="e"} 1', {"a": "b", "c d": "e"}, 1),
        ('up{"a"="\u2028\x85"} .5', {"a": "\u2028\x85"}, 0.5),
        ("up -Infinity", {}, float("-inf")),
        ("up nan", {}, float("nan")),
    ],
)
def test_a_sample_is_read(text: str, labels: dict[str, str], value: float) -> None:
    assert ours(f"# HELP up x\n{text}\n") == theirs(f"# HELP up x\n{text}\n") == [("up", labels, repr(float(value)))]


@pytest.mark.parametrize(
    "text",
    [
        *("up", "up1", "upinf", "up 1_0", "up 0x1", "up x", "up 1 x", "up 1 1.2.3", "up\xa01", "<html>no</html>"),
        *('up{a="b', 'up{a="b" 1', "up{a=b} 1", 'up{"a"="b} 1', 'up{a="b" c="d"} 1', 'up{1="b"} 1', 'up{a.b="c"} 1'),
        *("{} 1", '{a="b"} 1', 'up{"down"} 1', '{"up","down"} 1', 'up{a="b",a="c"} 1', 'up{a="b","a"="b"} 1'),
        "h {count:1,sum:2,schema:0}",
    ],
)
def test_only_the_line_that_is_no_sample_is_left_out(text: str) -> None:
    assert theirs(text) is None
    assert ours(f"a 1\n{text}\nb 2") == ours("a 1\nb 2")


@pytest.mark.parametrize(
    ("text", "read"),
    [
        # A counter keeps its name.
        ("# TYPE up counter\nup 1", [("up", {}, "1.0")]),
        # A comment is of no interest, and neither is an exemplar.
        ("# TYPE up nonsense\nup 1", [("up", {}, "1.0")]),
        ("up 1 # a b", [("up", {}, "1.0")]),
        # As Prometheus writes them to its federation.
        ('up{__a__="b"} 1', [("up", {"__a__": "b"}, "1.0")]),
        # Go's parser refuses what prometheus_client reads here.
        ("inf", []),
        ("up 1 2 3", []),
        ("up \u0661", []),
        ("up 1\xa0", []),
        ("up{,} 1", []),
        ('up{""="b"} 1', []),
        ('up{a:b="c"} 1', []),
        ('{__name__="up"} 1', []),
    ],
)
def test_where_the_two_differ(text: str, read: Read) -> None:
    assert ours(text) == read != theirs(text)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "x" + " " * 100_000,
            "x{" * 50_000,
            'x{a="' + "\\" * 100_001,
            'x{a="' + '\\"' * 50_000,
            "x " + "1" * 100_000 + "x",
        ),
        *("x{" + 'a="b",' * 20_000 + "x", "x{" + '"a"="b",' * 20_000 + "x", "0 @ x\n#\t" * 20_000),
    ],
)
def test_no_text_takes_long(text: str) -> None:
    start = time.process_time()
    parse(text)
    assert time.process_time() - start < 2
