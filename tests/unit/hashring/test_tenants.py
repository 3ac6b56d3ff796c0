"""Names and patterns of tenants. The expectations come from Go 1.26's filepath.Match."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.miribit.thanos.plugins.module_utils.base.names import wrong_tenant
from ansible_collections.miribit.thanos.plugins.module_utils.hashring.tenants import BadPatternError, Glob


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("", "", True),
        ("", "a", False),
        ("*", "", True),
        ("*", "team-a", True),
        ("team-*", "team-", True),
        ("team-*", "teams", False),
        ("*-prod", "team-a-prod", True),
        ("a*b*c", "aXbXbXc", True),
        ("a*b*c", "aXbXbX", False),
        ("?", "é", True),
        ("?", "", False),
        ("[a-c]", "b", True),
        ("[a-c]", "d", False),
        # Python's fnmatch negates with an exclamation mark, and takes no backslash.
        ("[^a-c]", "d", True),
        ("[^a-c]", "^", True),
        ("[!a]", "!", True),
        ("[!a]", "b", False),
        (r"\*", "*", True),
        (r"\*", "a", False),
        (r"[\]]", "]", True),
        ("a]", "a]", True),
        ("[[*]", "*", True),
        # A star can end in the middle of a character, whose bytes are then taken one by one.
        ("*[^é]", "é", True),
        ("*???", "\U0001f600", True),
        ("???", "\U0001f600", False),
    ],
)
def test_a_pattern_matches_what_go_matches(pattern: str, name: str, expected: bool) -> None:
    assert Glob(pattern).matches(name) is expected


@pytest.mark.parametrize(
    "pattern", ["[", "[]", "[]a]", "[a", "[^", "[^]", "[-a]", "[a-]", "[a-", "[a-]b]", "\\", "a[\\"]
)
def test_what_go_takes_for_no_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(BadPatternError):
        Glob(pattern)


@given(st.text(alphabet="*?[]^-\\ab/é", max_size=30), st.text(alphabet="abé-]", max_size=30))
def test_any_text_is_a_pattern_or_refused_at_once(pattern: str, name: str) -> None:
    try:
        Glob(pattern).matches(name)
    except BadPatternError:
        assert set(pattern) & set("[\\")


def test_a_pattern_of_many_stars_takes_no_time() -> None:
    assert not Glob("*a" * 200).matches("a" * 199 + "b")


@pytest.mark.parametrize("name", ["", ".", "..", "/", "a/b", "/a"])
def test_a_name_that_nobody_can_write_as_is_told(name: str) -> None:
    assert wrong_tenant(name)


@pytest.mark.parametrize("name", ["a", "...", "a.b", "é", " a"])
def test_other_names_are_allowed(name: str) -> None:
    assert wrong_tenant(name) is None
