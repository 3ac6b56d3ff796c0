"""The hashring file: what is read, what is written, and what cannot be read."""

from __future__ import annotations

import json

import pytest
from ansible.plugins.filter.core import to_nice_json
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.hashring.file import (
    Endpoint,
    Hashring,
    Override,
    ShuffleSharding,
    as_text,
    parse,
    read,
)
from ansible_collections.miribit.thanos.plugins.module_utils.hashring.rules import check, warnings

EVERY_KEY = {
    "hashring": "default",
    "tenants": ["team-*"],
    "tenant_matcher_type": "glob",
    "endpoints": [{"address": "a:10901", "capnproto_address": "a:19391", "az": "a"}, "b:10901"],
    "algorithm": "ketama",
    "external_labels": {"team": "a"},
    "shuffle_sharding_config": {
        "shard_size": 1,
        "cache_size": 2,
        "zone_awareness_disabled": True,
        "overrides": [{"shard_size": 2, "tenants": ["b"], "tenant_matcher_type": "exact"}],
    },
}
EVERY_KEY_READ = Hashring(
    name="default",
    tenants=("team-*",),
    tenant_matcher_type="glob",
    endpoints=(Endpoint("a:10901", "a:19391", "a"), Endpoint("b:10901")),
    algorithm="ketama",
    external_labels=(("team", "a"),),
    shuffle_sharding=ShuffleSharding(1, 2, True, (Override(2, ("b",), "exact"),)),
)


def test_every_key_is_read_and_written() -> None:
    reading = read([EVERY_KEY])
    assert (reading.rings, reading.problems) == ((EVERY_KEY_READ,), ())
    assert EVERY_KEY_READ.as_json() == EVERY_KEY


def test_zero_values_and_null_are_as_if_the_key_were_not_there() -> None:
    # What Go programs write, such as the Thanos Receive controller.
    zero = {
        "hashring": "",
        "tenants": None,
        "tenant_matcher_type": "",
        "endpoints": [{"address": "a:1", "capnproto_address": "", "az": ""}],
        "algorithm": "",
        "external_labels": {},
        "shuffle_sharding_config": {"shard_size": 0, "cache_size": 0, "zone_awareness_disabled": False},
    }
    (ring,) = read([zero]).rings
    assert ring == Hashring((Endpoint("a:1"),))
    assert ring.as_json() == {"endpoints": ["a:1"]}


@pytest.mark.parametrize("name", ["default", 'é"\\\u2028'])
def test_the_text_is_what_ansible_writes(name: str) -> None:
    content = [{**EVERY_KEY, "hashring": name}]
    assert as_text(content) == to_nice_json(content)
    assert parse(as_text(content)) == content


def test_the_text_does_not_depend_on_the_order_of_the_keys() -> None:
    assert as_text([EVERY_KEY]) == as_text([dict(reversed(EVERY_KEY.items()))])


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("", "it is not JSON (line 1, column 1: Expecting value)"),
        ("[\n{]", "it is not JSON (line 2, column 2: "),
        ('[{"a": 1, "a": 1}]', "the key 'a' stands 2 times in one mapping"),
        ("[NaN]", "NaN is not JSON"),
        ("[" * 100_000, "it is nested too deeply"),
        ("1" * 5000, "it is nested too deeply, or holds a number that is too long"),
    ],
)
def test_a_text_that_thanos_would_not_read_the_same_is_refused(text: str, cause: str) -> None:
    with pytest.raises(ProblemError) as refused:
        parse(text)
    assert f"Hashring file: {cause}" in str(refused.value)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "Hashring file: it is null, not a list of rings"),
        ({}, "Hashring file: it is a mapping, not a list of rings"),
        ("[]", "Hashring file: it is a text, not a list of rings"),
        ([], "Hashring file: it holds no ring"),
        (["a"], "Ring 1: it is a text, not a mapping"),
        ([{"Endpoints": []}], "Ring 1: there is no key 'Endpoints'. Fix: use only hashring, tenants, "),
        ([{"endpoint": []}], "(did you mean endpoints?)"),
        ([{1: 1}], "Ring 1: the key 1 is not a text"),
        ([{"hashring": 1}], "Ring 1: hashring is a whole number, not a text"),
        ([{"hashring": "a", "tenants": "b"}], "Ring 1 (a): tenants is a text, not a list"),
        ([{"tenants": ["a", 1.5]}], "Ring 1: tenants 2 is a fraction, not a text"),
        ([{"tenants": [None]}], "Ring 1: tenants 1 is null, not a text"),
        ([{"tenant_matcher_type": True}], "Ring 1: tenant_matcher_type is true or false, not a text"),
        ([{"algorithm": []}], "Ring 1: algorithm is a list, not a text"),
        ([{"endpoints": {}}], "Ring 1: endpoints is a mapping, not a list"),
        ([{"endpoints": ["a:1", 1]}], "Ring 1, endpoint 2: it is a whole number, not a mapping"),
        ([{"endpoints": [{"adress": "a:1"}]}], "Ring 1, endpoint 1: there is no key 'adress'"),
        ([{"endpoints": [{"address": 1}]}], "Ring 1, endpoint 1: address is a whole number, not a text"),
        ([{"endpoints": [{"address": "a:1", "az": 1}]}], "Ring 1, endpoint 1: az is a whole number, not a text"),
        ([{"endpoints": ["\ud800"]}], "Ring 1, endpoint 1: address cannot be written as UTF-8"),
        ([{"external_labels": []}], "Ring 1, external_labels: it is a list, not a mapping"),
        ([{"external_labels": {"a": 1}}], "Ring 1, external_labels: a is a whole number, not a text"),
        ([{"external_labels": {"\ud800": "a"}}], "Ring 1, external_labels: "),
        ([{"shuffle_sharding_config": 3}], "Ring 1, shuffle_sharding_config: it is a whole number, not a mapping"),
        (
            [{"shuffle_sharding_config": {"shard_size": True}}],
            "Ring 1, shuffle_sharding_config: shard_size is true or false, not a whole number",
        ),
        ([{"shuffle_sharding_config": {"shard_size": "3"}}], "shard_size is a text, not a whole number"),
        ([{"shuffle_sharding_config": {"cache_size": 1.0}}], "cache_size is a fraction, not a whole number"),
        ([{"shuffle_sharding_config": {"zone_awareness_disabled": 1}}], "is a whole number, not true or false"),
        (
            [{"shuffle_sharding_config": {"overrides": [{"size": 1}]}}],
            "Ring 1, shuffle_sharding_config, override 1: there is no key 'size'",
        ),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place(content: object, problem: str) -> None:
    (found,) = read(content).problems
    assert problem in str(found)


def test_everything_that_cannot_be_read_is_told_at_once_and_the_rest_is_read() -> None:
    reading = read([{"algorithm": 1, "endpoints": [1, {"address": 2}]}, {"endpoints": ["a:1"]}, 3])
    assert [problem.subject for problem in reading.problems] == [
        "Ring 1, endpoint 1",
        "Ring 1, endpoint 2",
        "Ring 1",
        "Ring 3",
    ]
    assert [place for place, ring in reading.where("endpoints")] == ["Ring 2"]
    assert [place for place, ring in reading.where("tenants")] == ["Ring 1", "Ring 2"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(["ketama", "glob"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=8,
)
keys = st.sampled_from([*EVERY_KEY, "address", "az", "shard_size", "overrides", "capnproto_address"])
alike = st.recursive(
    json_values | st.sampled_from(["a:1", "b:1", "c:1"]) | st.integers(-1, 5),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(keys, inner, max_size=7),
    max_leaves=20,
)
rings_alike = st.lists(
    st.fixed_dictionaries(
        {
            "endpoints": st.lists(
                st.fixed_dictionaries({"address": st.sampled_from(["a:1", "b:1", "c:1"])}, optional={"az": alike})
            )
        },
        optional={key: alike for key in EVERY_KEY if key != "endpoints"},
    ),
    max_size=3,
)


@settings(max_examples=40, deadline=2000)
@given(alike | rings_alike | st.lists(st.just(EVERY_KEY)), st.integers(-1, 6))
def test_any_content_is_read_and_checked_without_crash_or_hang(content: object, copies: int) -> None:
    reading = read(content)
    problems = check(reading, copies, tenants=["a", "/"])
    warnings(reading, copies)
    if not problems:
        for ring in reading.rings:
            assert len(set(ring.placement(copies, 10).owners(0))) == copies


@given(st.text(alphabet='[]{}",: 1aé\\u\n', max_size=40))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        content = parse(text)
    except ProblemError:
        return
    assert content == json.loads(text)
