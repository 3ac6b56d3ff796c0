"""The hash that Thanos Receive reports for its hashring file, as a function and as a filter."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.miribit.thanos.plugins.filter.receive_config_hash import FilterModule
from ansible_collections.miribit.thanos.plugins.module_utils.hashring.file import config_hash

receive_config_hash = FilterModule().filters()["receive_config_hash"]

# Computed by the code of Thanos 0.42.4 (hashAsMetricValue in pkg/receive/config.go).
BY_THANOS = {
    "": 277730885415139,
    "[]": 47883010003791,
    '[{"endpoints":["a:10901"]}]\n': 226327463099876,
    "é": 56352090462538,
}


@pytest.mark.parametrize(("content", "expected"), BY_THANOS.items())
def test_the_hash_is_the_one_that_thanos_computes(content: str, expected: int) -> None:
    assert config_hash(content) == expected
    assert receive_config_hash(content) == expected


def test_bytes_and_the_text_they_encode_have_one_hash() -> None:
    assert config_hash("é".encode()) == config_hash("é")


def test_a_new_line_at_the_end_changes_the_hash() -> None:
    assert config_hash("[]\n") != config_hash("[]")


@given(st.binary())
def test_the_hash_survives_as_the_value_of_a_metric(content: bytes) -> None:
    assert int(float(config_hash(content))) == config_hash(content)


@pytest.mark.parametrize("content", [[{"endpoints": ["a:10901"]}], {"data": "[]"}, 1, None, b"[]"])
def test_the_filter_refuses_what_is_not_the_text_of_a_file(content: object) -> None:
    with pytest.raises(AnsibleFilterError) as refused:
        receive_config_hash(content)
    message = str(refused.value)
    assert "Input of the filter miribit.thanos.receive_config_hash" in message
    assert f"of type {type(content).__name__}" in message
    assert "Fix: give the text as it stands in the file" in message
