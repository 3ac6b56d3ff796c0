# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read parsed JSON or YAML into typed values, and keep every problem on the way."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping
from typing import TypeVar

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem

_Value = TypeVar("_Value", str, int, bool, list[object])

# Templated numbers are texts before ansible-core 2.19.
_WHOLE_NUMBER = re.compile(r"-?[0-9]{1,18}")
_NUMBER = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?")

_MOST = 1e18

_KINDS = {
    str: "a text",
    bool: "true or false",
    int: "a whole number",
    float: "a fraction",
    list: "a list",
    dict: "a mapping",
}


def kind(value: object) -> str:
    return next((text for kind, text in _KINDS.items() if isinstance(value, kind)), "null")


class Reader:
    """Takes values out of mappings. What is wrong is kept as a problem and read as its default.

    A strict one takes no text for a number, as the program that reads the file will not.
    """

    def __init__(self, *, strict: bool = False) -> None:
        self.problems: list[Problem] = []
        self._strict = strict

    def mapping(self, place: str, content: object, keys: Collection[str] | None = None) -> dict[str, object]:
        """The keys that are set: null is as if the key were not there. Any key is read if none are named."""
        if not isinstance(content, dict):
            self.refuse(place, f"it is {kind(content)}, not a mapping", "write it as a mapping")
            return {}
        for key in content:
            if not isinstance(key, str):
                self.refuse(place, f"the key {key!r} is not a text", "put it in quotes")
            elif keys is None:
                self.encodable(place, "a key", key)
            elif key not in keys:
                near = difflib.get_close_matches(key, keys, n=1)
                hint = f" (did you mean {near[0]}?)" if near else ""
                self.refuse(place, f"there is no key {key!r}", f"use only {', '.join(keys)}{hint}")
        return {key: value for key, value in content.items() if value is not None and isinstance(key, str)}

    def value(self, place: str, mapping: Mapping[str, object], key: str, default: _Value) -> _Value:
        value = mapping.get(key, default)
        if not self._strict and isinstance(default, int) and isinstance(value, str) and _WHOLE_NUMBER.fullmatch(value):
            value = int(value)
        # A bool is an int to Python.
        if not isinstance(value, type(default)) or isinstance(value, bool) is not isinstance(default, bool):
            self.refuse(place, f"{key} is {kind(value)}, not {kind(default)}", f"write {key} as {kind(default)}")
            return default
        if isinstance(value, str):
            self.encodable(place, key, value)
        return value

    def number(self, place: str, mapping: Mapping[str, object], key: str, default: float) -> float:
        value = mapping.get(key, default)
        if isinstance(value, str) and _NUMBER.fullmatch(value):
            value = float(value)
        # This refuses what is not finite, too.
        if isinstance(value, bool) or not isinstance(value, int | float) or not -_MOST <= value <= _MOST:
            self.refuse(place, f"{key} is not a number", f"write {key} as a number")
            return default
        return value

    def texts(self, place: str, mapping: Mapping[str, object], key: str) -> tuple[str, ...]:
        values = enumerate(self.value(place, mapping, key, []), 1)
        return tuple(self.value(place, {f"{key} {number}": value}, f"{key} {number}", "") for number, value in values)

    def labels(self, place: str, content: object) -> dict[str, str]:
        labels = self.mapping(place, content)
        texts = {name: self.value(place, labels, name, "") for name in sorted(labels)}
        return {name: text for name, text in texts.items() if text == labels[name]}

    def encodable(self, place: str, what: str, text: str) -> None:
        try:
            text.encode()
        except UnicodeEncodeError:
            # Without the text, which may be a secret.
            self.refuse(place, f"{what} cannot be written as UTF-8", "correct the text")

    def refuse(self, place: str, cause: str, fix: str) -> None:
        self.problems.append(Problem(place, cause, fix))
