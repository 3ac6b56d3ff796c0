# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Types and choices of variables, as the argument_specs.yml of the roles describe them.

Values are converted as Ansible converts them ('2' is a number, 'yes' is true), but a string is no list and no mapping:
a role gets the variable as it was written, and would read such a string letter by letter.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

#: Ansible's own words for a boolean, see ansible.module_utils.parsing.convert_bool.
_TRUE = frozenset({"y", "yes", "on", "1", "true", "t"})
_FALSE = frozenset({"n", "no", "off", "0", "false", "f"})
_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
_NUMBER = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{1,18})?")
_LONGEST_SHOWN = 60
#: Names that have less in common than this are different names.
NEAR = 0.85

_TYPES = {
    "str": "a string",
    "int": "an integer",
    "float": "a number",
    "bool": "true or false",
    "list": "a list",
    "dict": "a mapping",
}


@dataclass(frozen=True)
class Flaw:
    """One thing that is wrong with a value. An uncertain one is a warning."""

    cause: str
    fix: str
    #: Place within the variable, such as .write.global or [0].
    at: str = ""
    certain: bool = True


@dataclass(frozen=True)
class Option:
    """A variable, or a key of one."""

    type: str = "str"
    choices: tuple[object, ...] = ()
    elements: str = ""
    #: Keys of a mapping or of the mappings in a list; without any, all keys are accepted.
    options: Mapping[str, Option] = field(default_factory=dict)
    required: bool = False
    #: Whether messages must not show the value.
    secret: bool = False
    #: Whether null is a value, as it is the default.
    nullable: bool = False

    @property
    def opaque(self) -> bool:
        """Whether something in it may be a secret that nothing declares as one."""
        return self.secret or self.type in {"dict", "list", "raw"}


def options_of(specs: Mapping[str, object], defaults: Mapping[str, object]) -> dict[str, Option]:
    """Read the content of an argument_specs.yml: the variables of all entry points of a role."""
    found: dict[str, Option] = {}
    entry_points = _mapping(_mapping(specs).get("argument_specs"))
    for entry_point in entry_points.values():
        for name, spec in _mapping(_mapping(entry_point).get("options")).items():
            found[name] = _option(_mapping(spec), nullable=defaults.get(name, "") is None)
    return found


def _option(spec: Mapping[str, object], *, nullable: bool = False) -> Option:
    choices = spec.get("choices")
    return Option(
        type=str(spec.get("type", "str")),
        choices=tuple(choices) if isinstance(choices, list) else (),
        elements=str(spec.get("elements", "")),
        options={name: _option(_mapping(nested)) for name, nested in _mapping(spec.get("options")).items()},
        required=spec.get("required") is True,
        secret=spec.get("no_log") is True,
        nullable=nullable,
    )


def _mapping(content: object) -> Mapping[str, object]:
    return content if isinstance(content, Mapping) else {}


class Converter:
    """Converts values to the types of their options, and keeps what is wrong with them."""

    def __init__(self) -> None:
        self.flaws: list[Flaw] = []

    def convert(self, option: Option, value: object, at: str = "") -> object:
        if value is None:
            if not option.nullable:
                self._refuse(at, "is null", "give a value, or remove it")
            return None
        match option.type:
            case "list":
                return self._list(option, value, at)
            case "dict":
                return self._mapping(option, value, at)
            case "raw":
                return value
        converted = _scalar(option, value)
        if converted is None:
            self._refuse(
                at, f"must be {_TYPES.get(option.type, option.type)}, not {described(option, value)}", _fix(option)
            )
            return value
        listed = [str(choice) for choice in option.choices]
        if option.choices and str(converted) not in listed:
            cause = (
                f"must be one of {', '.join(choice or repr('') for choice in listed)}, not {described(option, value)}"
            )
            self._refuse(at, cause, wording(str(converted), listed) or "write one of them")
        return converted

    def _list(self, option: Option, value: object, at: str) -> object:
        if not isinstance(value, list):
            self._refuse(at, f"must be a list, not {described(option, value)}", "write it as a list: [...]")
            return value
        element = Option(option.elements or "raw", option.choices, options=option.options, secret=option.secret)
        return [self.convert(element, each, f"{at}[{number}]") for number, each in enumerate(value)]

    def _mapping(self, option: Option, value: object, at: str) -> object:
        if not isinstance(value, dict):
            keys = ", ".join(f"{key}: ..." for key in option.options)
            self._refuse(
                at, f"must be a mapping, not {described(option, value)}", f"write it as a mapping: {{{keys or '...'}}}"
            )
            return value
        if not option.options:
            return value
        unknown = list(unknown_keys(value, option.options, at))
        self.flaws += unknown
        for key, nested in option.options.items():
            # What is missing may be what is misspelt.
            if nested.required and value.get(key) is None and not unknown:
                self._refuse(at, f"{key} is required", f"add {key}")
        return {
            key: self.convert(option.options[key], each, f"{at}.{key}") if key in option.options else each
            for key, each in value.items()
            if each is not None
        }

    def _refuse(self, at: str, cause: str, fix: str) -> None:
        self.flaws.append(Flaw(cause, fix, at))


def unknown_keys(value: Mapping[object, object], keys: Collection[str], at: str = "") -> Iterator[Flaw]:
    for key in value:
        if key not in keys:
            fix = wording(str(key), keys, cutoff=0.6)
            yield Flaw(f"unknown key {key!r}", fix or f"use only {', '.join(keys)}", at)


def wording(word: str, known: Collection[str], cutoff: float = NEAR) -> str:
    """Propose the known word that is nearest, if one is near."""
    near = difflib.get_close_matches(word, known, n=1, cutoff=cutoff)
    return f"write {near[0]}" if near else ""


def described(option: Option, value: object) -> str:
    """A value, for a message about its type. Only scalars that are no secret are shown."""
    match value:
        case None:
            return "null"
        case bool():
            return f"the boolean {str(value).lower()}"
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case int() | float():
            return "a number" if option.opaque else f"the number {value}"
        case _:
            return "a string" if option.opaque else f"the string {shown(str(value))}"


def shown(text: str) -> str:
    return repr(text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}...")


def _scalar(option: Option, value: object) -> object:
    """The value in the option's type; None if it has another one."""
    if not isinstance(value, str | int | float):
        return None
    match option.type:
        case "bool":
            return _boolean(value)
        case "str":
            return _choice(option, value=value) if isinstance(value, bool) else str(value)
    if isinstance(value, bool):
        return None
    text = str(value).strip()
    if option.type == "float":
        return float(text) if _NUMBER.fullmatch(text) else None
    return int(float(text)) if _WHOLE.fullmatch(text.removesuffix(".0")) else None


def _boolean(value: str | float) -> bool | None:
    word = str(value).strip().lower().removesuffix(".0")
    return True if word in _TRUE else False if word in _FALSE else None


def _choice(option: Option, *, value: bool) -> str | None:
    """The choice that YAML made a boolean of, such as 'true' without quotes."""
    words = _TRUE if value else _FALSE
    meant = [str(choice) for choice in option.choices if str(choice).lower() in words]
    return meant[0] if len(meant) == 1 else None


def _fix(option: Option) -> str:
    match option.type:
        case "bool":
            return "write true or false"
        case "int":
            return "write an integer"
        case "float":
            return "write a number"
    return "put it in quotes"
