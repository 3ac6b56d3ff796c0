"""What the metrics, the log and the goroutines of a receiver say."""

from __future__ import annotations

import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from receiver_answers import BUILDS, INGESTOR, LOADED, REFUSED, RING, SET_UP, SET_UP_JSON, WAITS, router

from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.exposition import Sample, parse
from ansible_collections.miribit.thanos.plugins.module_utils.receive.metrics import (
    RingFile,
    has_set_up_ring,
    refused_file,
    ring_file,
    tenants,
    waits_for_ring,
    written,
)

names = st.from_regex(r"[a-zA-Z_:][a-zA-Z0-9_:]{0,20}", fullmatch=True)
# Every text can be the value of a label, and the name of one where it is in quotes.
texts = st.text(max_size=20)
quoted_names = st.text(min_size=1, max_size=20)


def escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def line(name: str, labels: dict[str, str], value: float, end: str = "") -> str:
    pairs = ",".join(f'"{escaped(label)}"="{escaped(text)}"' for label, text in labels.items())
    return f"{name}{{{pairs}}} {value!r}{end}"


@given(st.lists(st.tuples(names, st.dictionaries(quoted_names, texts), st.floats(allow_nan=False))))
def test_what_is_written_is_read(samples: list[tuple[str, dict[str, str], float]]) -> None:
    text = "\n".join(line(*sample) for sample in samples)
    assert [(one.name, one.labels, one.value) for one in parse(text).samples] == samples


@given(st.text() | st.text('abc_{}",=\\# 0123456789.+-eINFna\n'))
def test_any_text_is_read(text: str) -> None:
    parse(text)
    ring_file(parse(text))
    has_set_up_ring(text, 0)
    refused_file(text)
    waits_for_ring(text)


@pytest.mark.parametrize(
    ("text", "sample"),
    [
        ("up 1", Sample("up", {}, 1)),
        ("  up\t1  ", Sample("up", {}, 1)),
        ("up{} 1", Sample("up", {}, 1)),
        ('up{a="b",} 1', Sample("up", {"a": "b"}, 1)),
        ('up { a = "b" , c = "d" } 1 1767225600000', Sample("up", {"a": "b", "c": "d"}, 1)),
        ('up{a="}{,\\"\\\\\\n"} +Inf', Sample("up", {"a": '}{,"\\\n'}, math.inf)),
        ('x_total{a="b"} 4.7e+01 # {trace_id="x"} 0.5 1767225600.5', Sample("x_total", {"a": "b"}, 47)),
        ('x_bucket{le="+Inf"} 7 1767225600000 # {} 1', Sample("x_bucket", {"le": "+Inf"}, 7)),
        ('{"a name", b="c"} 1', Sample("a name", {"b": "c"}, 1)),
        ("up -Inf", Sample("up", {}, -math.inf)),
        ("up -Infinity", Sample("up", {}, -math.inf)),
        ("up 1 1.7672256e+09", Sample("up", {}, 1)),
        ('up{a="\u2028"} .5', Sample("up", {"a": "\u2028"}, 0.5)),
    ],
)
def test_a_sample_is_read(text: str, sample: Sample) -> None:
    assert parse(f"# HELP up x\n{text}\n").samples == (sample,)


def test_what_is_not_a_number_is_read_as_that() -> None:
    assert math.isnan(parse("up NaN").samples[0].value)


@pytest.mark.parametrize(
    "text",
    [
        *("", "up", "up2", "up 1_0", "up x", "up 1 1.2.3", "up\xa01", "<html>no</html>"),
        *('up{a="b" 1', "up{a=b} 1", 'up{"a"="b} 1', 'up{1="b"} 1', 'up{a="b",a="c"} 1', 'up{a="b","a"="b"} 1'),
        *("{} 1", '{""} 1', '{a="b"} 1', '{"up","down"} 1'),
    ],
)
def test_what_is_no_sample_is_left_out(text: str) -> None:
    assert parse(text).samples == ()


@pytest.mark.parametrize(
    "text",
    ["x" + " " * 100_000, "x{" * 50_000, 'x{a="' + "\\" * 100_001, "0 @ x\n#\t" * 20_000, "x " + "1" * 9_999 + "x"],
)
def test_no_text_takes_long(text: str) -> None:
    start = time.process_time()
    parse(text)
    waits_for_ring(text)
    assert time.process_time() - start < 2


def test_a_router_tells_the_file_that_it_has_loaded() -> None:
    assert ring_file(parse(router(errors=2))) == RingFile(RING, LOADED, 2)


def test_every_hash_is_read_as_it_is() -> None:
    # As Go prints a number of 48 bits.
    assert ring_file(parse("thanos_receive_config_hash 2.81474976710655e+14")) == RingFile(2**48 - 1, 0, 0)


@pytest.mark.parametrize("text", [INGESTOR, "", "thanos_receive_config_hash NaN"])
def test_what_loads_no_file_tells_none(text: str) -> None:
    assert ring_file(parse(text)) is None


def test_an_ingestor_tells_what_it_holds_of_each_tenant() -> None:
    assert tenants(parse(INGESTOR)) == {
        "default-tenant": {"head_series": 1204, "uploads": 12, "upload_failures": 1},
        "tenant-a": {"head_series": 3, "uploads": 0, "upload_failures": 0},
    }


def test_a_router_tells_what_was_written() -> None:
    assert written(parse(router())) == {"default-tenant": {"200": 48000, "409": 12}, "tenant-a": {"200": 7}}


@pytest.mark.parametrize("log", [SET_UP, SET_UP_JSON, f"{SET_UP}{REFUSED}"])
def test_a_log_tells_that_the_ring_was_set_up(log: str) -> None:
    assert has_set_up_ring(log, LOADED)


@pytest.mark.parametrize("log", ["", REFUSED, 'msg="Set up hashring for the given hashring config."', "ts=x Set up"])
def test_a_log_without_the_line_tells_nothing(log: str) -> None:
    assert not has_set_up_ring(log, LOADED)


def test_a_ring_that_was_set_up_before_the_file_was_loaded_is_another() -> None:
    assert has_set_up_ring(SET_UP, 1767268710.135)
    assert not has_set_up_ring(SET_UP, 1767268710.137)


@pytest.mark.parametrize(
    ("log", "reason"),
    [
        (
            SET_UP + REFUSED,
            "failed to parse configuration file: unexpected end of JSON input: configuration file is not parsable",
        ),
        ('{"err":"no such file","msg":"failed to load configuration file"}', "no such file"),
        ("failed to load configuration file", "failed to load configuration file"),
        (SET_UP, ""),
    ],
)
def test_a_log_tells_why_the_file_is_refused(log: str, reason: str) -> None:
    assert refused_file(log) == reason


def test_the_goroutines_tell_that_no_ring_is_being_built() -> None:
    assert waits_for_ring(WAITS)
    assert not waits_for_ring(BUILDS)
    assert not waits_for_ring("")
