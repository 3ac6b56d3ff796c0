# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Facts: dataclasses on their way through Ansible, written as plain data and read back by their type hints.

None is unknown. An object in which something is unknown that its type requires is unknown as a whole, and so is a list
or a mapping with an unknown value: the rest of it would look like all of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem
from ansible_collections.miribit.thanos.plugins.module_utils.base.reader import kind as kind_of

_Type = TypeVar("_Type")
#: Keys and numbers from the outermost object on.
_Path = tuple[str, ...]
_Refuse = Callable[[_Path, object, str], None]
#: Reads a value, and returns None where it is unknown.
_Read = Callable[[object, _Path, _Refuse], object]


def as_facts(value: object) -> object:
    """Return plain data: dataclasses and mappings as dicts, tuples as lists."""
    if is_dataclass(value):
        return {field.name: as_facts(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {key: as_facts(each) for key, each in value.items()}
    return [as_facts(each) for each in value] if isinstance(value, tuple | list) else value


def read_facts(kind: type[_Type], content: object, place: str, fix: str) -> tuple[_Type | None, list[Problem]]:
    """Read what as_facts() has written of an object of this kind; None where the object is unknown.

    A value of another type is unknown, and a problem whose subject begins with place.
    """
    problems: list[Problem] = []

    def refuse(path: _Path, found: object, wanted: str) -> None:
        problems.append(Problem(", ".join((place, *path)), f"it is {kind_of(found)}, not {wanted}", fix))

    return cast("_Type | None", _reader(cast("Any", kind))(content, (), refuse)), problems


# Made once for each type: a large fleet has a hundred thousand targets.
@cache
def _reader(hint: Any) -> _Read:  # noqa: ANN401 - types, unions and generic aliases have no common type
    origin, of = get_origin(hint), get_args(hint)
    if origin in {Union, UnionType}:
        [known] = set(of) - {NoneType}
        return _reader(known)
    if origin is tuple:
        return _list(_reader(of[0]))
    if origin is Mapping:
        return _mapping(_reader(of[1]))
    if is_dataclass(hint):
        return _object(cast("type", hint))
    return {float: _number, int: _whole}.get(hint) or _leaf(str if origin is Literal else hint)


def _object(kind: type) -> _Read:
    every = get_type_hints(kind)
    hints = {field.name: every[field.name] for field in fields(kind)}
    parts = {name: _reader(hint) for name, hint in hints.items()}
    unknown = {name: None for name, hint in hints.items() if NoneType in get_args(hint)}
    required = parts.keys() - unknown.keys()

    def read(content: object, path: _Path, refuse: _Refuse) -> object:
        if not isinstance(content, Mapping):
            refuse(path, content, "a mapping")
            return None
        found = {name: _part(part, content.get(name), (*path, name), refuse) for name, part in parts.items()}
        known = {name: value for name, value in found.items() if value is not None}
        return kind(**{**unknown, **known}) if required <= known.keys() else None

    return read


def _list(element: _Read) -> _Read:
    def read(content: object, path: _Path, refuse: _Refuse) -> object:
        if not isinstance(content, list):
            refuse(path, content, "a list")
            return None
        numbers = enumerate(content, 1)
        found = tuple(_part(element, each, (*path, str(number)), refuse) for number, each in numbers)
        return None if None in found else found

    return read


def _mapping(value: _Read) -> _Read:
    def read(content: object, path: _Path, refuse: _Refuse) -> object:
        if not isinstance(content, Mapping):
            refuse(path, content, "a mapping")
            return None
        found = {str(key): _part(value, each, (*path, str(key)), refuse) for key, each in content.items()}
        return None if None in found.values() else found

    return read


def _part(read: _Read, content: object, path: _Path, refuse: _Refuse) -> object:
    return None if content is None else read(content, path, refuse)


def _leaf(kind: type) -> _Read:
    def read(content: object, path: _Path, refuse: _Refuse) -> object:
        if isinstance(content, kind):
            return content
        refuse(path, content, kind_of(kind()))
        return None

    return read


def _number(content: object, path: _Path, refuse: _Refuse) -> float | None:
    if isinstance(content, bool) or not isinstance(content, int | float):
        refuse(path, content, "a number")
        return None
    # Prometheus has metrics that are not a number.
    return content if math.isfinite(content) else None


def _whole(content: object, path: _Path, refuse: _Refuse) -> int | None:
    number = _number(content, path, refuse)
    return None if number is None else int(number)
