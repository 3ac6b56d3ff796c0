# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names of tenants and the patterns that a hashring takes them by, as Thanos Receive understands both."""

from __future__ import annotations

import functools
from dataclasses import dataclass


class BadPatternError(ValueError):
    """The text is no pattern."""


@dataclass(frozen=True)
class _OneOf:
    """One character out of some ranges, or outside of them. Outside of none is any character."""

    ranges: tuple[tuple[str, str], ...] = ()
    outside: bool = True

    def end(self, name: bytes, start: int) -> int | None:
        character, size = _decode(name, start)
        inside = any(low <= character <= high for low, high in self.ranges)
        return start + size if inside != self.outside else None


@dataclass(frozen=True)
class _Literal:
    text: bytes

    def end(self, name: bytes, start: int) -> int | None:
        return start + len(self.text) if name.startswith(self.text, start) else None


class Glob:
    """A pattern of Go's filepath.Match, which is not the one of Python's fnmatch: [^a] negates, a backslash quotes.

    Where that says ErrBadPattern, this raises BadPatternError.
    """

    def __init__(self, pattern: str) -> None:
        # None is the star.
        self._parts: list[_OneOf | _Literal | None] = []
        rest = pattern
        while rest:
            first, rest = rest[0], rest[1:]
            match first:
                case "*":
                    self._parts.append(None)
                case "?":
                    self._parts.append(_OneOf())
                case "[":
                    characters, rest = _characters(rest)
                    self._parts.append(characters)
                case _:
                    character, rest = _unquote(first + rest)
                    self._parts.append(_Literal(character.encode()))

    def matches(self, name: str) -> bool:
        """Whether the whole name fits. A name has no slash, which a star would not cross."""
        text = name.encode()
        reached = {0}
        for part in self._parts:
            if part is None:
                reached = set(range(min(reached), len(text) + 1))
            else:
                ends = (part.end(text, start) for start in reached if start < len(text))
                reached = {end for end in ends if end is not None}
            if not reached:
                return False
        return len(text) in reached


@functools.lru_cache(maxsize=256)
def glob(pattern: str) -> Glob:
    return Glob(pattern)


def _characters(rest: str) -> tuple[_OneOf, str]:
    """What stands between brackets, and what comes behind them."""
    outside = rest.startswith("^")
    rest = rest.removeprefix("^")
    ranges: list[tuple[str, str]] = []
    while not (ranges and rest.startswith("]")):
        low, rest = _bound(rest)
        high = low
        if rest.startswith("-"):
            high, rest = _bound(rest[1:])
        ranges.append((low, high))
    return _OneOf(tuple(ranges), outside), rest[1:]


def _bound(rest: str) -> tuple[str, str]:
    if rest.startswith(("-", "]")):
        raise BadPatternError
    return _unquote(rest)


def _unquote(rest: str) -> tuple[str, str]:
    rest = rest.removeprefix("\\")
    if not rest:
        raise BadPatternError
    return rest[0], rest[1:]


def _decode(name: bytes, start: int) -> tuple[str, int]:
    """The character at this place, and its size. Go's star can end in the middle of one: that byte is one by itself."""
    for size in range(1, 5):
        try:
            return name[start : start + size].decode(), size
        except UnicodeDecodeError:
            continue
    return "\N{REPLACEMENT CHARACTER}", 1
