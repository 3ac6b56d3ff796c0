"""The README of each role, made from its argument_specs and its defaults, so that it says nothing that these do not."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

ROLES = Path(__file__).parents[2] / "roles"
COLLECTION = "miribit.thanos"

#: Ansible's markup: O(name), O(miribit.thanos.role#role:entry:name=value), P(name#role), M(name), V(value), C(code).
_MARKUP = re.compile(r"\b([OPMVC])\(([^()]*(?:\([^()]*\)[^()]*)*)\)")
#: A paragraph of a description that is the row of a table of states: V(word) - meaning. What the role does.
_STATE = re.compile(r"V\((\w+)\) - (.+?)\. (.+)")

Spec = Mapping[str, Any]


def readme(role: str) -> str:
    entry_points: Mapping[str, Spec] = _load(role, "meta/argument_specs.yml")["argument_specs"]
    meta = _load(role, "meta/main.yml")["galaxy_info"]
    return "\n".join([*_lines(role, entry_points, meta, _load(role, "defaults/main.yml")), ""])


def default_of(name: str, option: Spec, defaults: Mapping[str, Any]) -> Any:
    """The value that the role really has. A template is not one: what it stands for is in the option's meaning."""
    value = defaults.get(name, option.get("default"))
    return option.get("default") if isinstance(value, str) and "{{" in value else value


def _load(role: str, file: str) -> dict[str, Any]:
    path = ROLES / role / file
    content: dict[str, Any] = yaml.safe_load(path.read_text()) if path.exists() else {}
    return content


def _lines(role: str, entry_points: Mapping[str, Spec], meta: Spec, defaults: Mapping[str, Any]) -> Iterator[str]:
    yield "<!-- Made from meta/argument_specs.yml and defaults/main.yml. Change those, then run: make golden -->"
    yield f"# {COLLECTION}.{role}"
    yield f"\n{meta['description']}."
    yield "\n## Entry points"
    for name, spec in entry_points.items():
        yield f"\n### {name}"
        yield f"\n{_text(spec['short_description'])}.\n"
        yield from _description(spec["description"])
    options = {name: option for spec in entry_points.values() for name, option in spec.get("options", {}).items()}
    if options:
        yield "\n## Options"
        yield "\n| name | type | default | meaning |"
        yield "|---|---|---|---|"
        for name, option in options.items():
            yield from _row(name, option, default_of(name, option, defaults), prefix="")


def _description(paragraphs: list[str]) -> Iterator[str]:
    states = [found for found in map(_STATE.fullmatch, paragraphs) if found]
    yield from (f"- {_text(each)}" for each in paragraphs if not _STATE.fullmatch(each))
    if states:
        yield "\n| state | meaning | what the role does |"
        yield "|---|---|---|"
        yield from (_cells(f"`{state[1]}`", f"{_text(state[2])}.", _text(state[3])) for state in states)


def _row(name: str, option: Spec, default: Any, prefix: str) -> Iterator[str]:
    kind = f"list of {option['elements']}" if option.get("elements") else option["type"]
    meaning = option["description"] if isinstance(option["description"], list) else [option["description"]]
    if choices := option.get("choices"):
        meaning = [*meaning, f"One of {', '.join(f'V({_value(each)})' for each in choices)}."]
    shown = "required" if option.get("required") else "" if default is None else f"`{_value(default)}`"
    yield _cells(f"`{prefix}{name}`", kind, shown, " ".join(map(_text, meaning)))
    for key, each in option.get("options", {}).items():
        yield from _row(key, each, each.get("default"), prefix=f"{prefix}{name}.")


def _value(value: object) -> str:
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)


def _cells(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _text(text: str) -> str:
    return _MARKUP.sub(_plain, text)


def _plain(found: re.Match[str]) -> str:
    kind, content = found.groups()
    name, _equal, value = content.rpartition(":")[2].partition("=") if kind == "O" else (content, "", "")
    if kind == "P" and content.endswith("#role"):
        role = content.removesuffix("#role").removeprefix(f"{COLLECTION}.")
        return f"[{role}](../{role}/README.md)"
    if kind in {"P", "M"}:
        name = content.partition("#")[0]
    return f"`{name}={value}`" if value else f"`{name}`" if name else '`""`'
