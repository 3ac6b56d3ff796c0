"""What the metrics, the log and the goroutines of a receiver say."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from receiver_answers import BUILDS, INGESTOR, LOADED, REFUSED, RING, SET_UP, SET_UP_JSON, WAITS, router

from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.exposition import parse
from ansible_collections.miribit.thanos.plugins.module_utils.receive.metrics import (
    RingFile,
    has_set_up_ring,
    refused_file,
    ring_file,
    tenants,
    waits_for_ring,
    written,
)


@given(st.text() | st.text('abc_{}",=\\# 0123456789.+-eINFna\n'))
def test_any_text_is_read(text: str) -> None:
    ring_file(parse(text))
    has_set_up_ring(text, 0)
    refused_file(text)
    waits_for_ring(text)


def test_no_text_takes_long() -> None:
    start = time.process_time()
    waits_for_ring("0 @ x\n#\t" * 20_000)
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
