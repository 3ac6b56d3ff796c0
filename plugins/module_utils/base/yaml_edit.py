# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An editor of YAML that rewrites only what is asked for, in the text itself, and proves that nothing else differs.

A text that is parsed and written again loses its comments, and what a parser of YAML 1.1 takes for a number or a date
(`1.10`, `0777`) comes back as another text. ruamel.yaml round-trips comments, but it re-indents lists: the diff of
somebody's ConfigMap would show changes in most lines. A change that cannot be made in the text is refused.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.base.untyped import elements, mapping

_BY_HAND = "write it by hand, in block style"
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})

# Ids of PyYAML's tokens.
_OPENING = frozenset({"<block mapping start>", "<block sequence start>", "{", "["})
_CLOSING = frozenset({"<block end>", "}", "]"})
_BEFORE_VALUE = frozenset({"<anchor>", "<tag>"})

#: The ends of a line in YAML 1.1.
_BREAKS = "\r\n\x85\u2028\u2029"
BREAK = re.compile(f"\r\n|[{_BREAKS}]")
#: What every reader of YAML takes for the text that it is.
_PLAIN = re.compile(r"[A-Za-z_/][-A-Za-z0-9_./]*(:[-A-Za-z0-9_./]+)*")
_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})
#: YAML does not take them as they are, or takes them for the end of a line.
_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")


@dataclass(frozen=True)
class Yaml:
    """A parser, handed in because nothing but the standard library is used here: PyYAML with its BaseLoader.

    That one reads every scalar as the text that stands there, which is also what Prometheus does for its text fields.
    """

    load: Callable[[str], object]
    scan: Callable[[str], Iterable[Any]]
    error: type[Exception]


@dataclass(frozen=True)
class _Token:
    id: str
    start: int
    end: int
    #: A text of scalars, anchors and aliases.
    value: Any


@dataclass(frozen=True)
class _Part:
    """A pair of a mapping, or an item of a list: where it begins, where its value may, and the tokens of the value."""

    key: str
    start: int
    after_key: int
    tokens: tuple[_Token, ...]

    @property
    def body(self) -> tuple[_Token, ...]:
        """Without anchor and tag."""
        first = next((number for number, token in enumerate(self.tokens) if token.id not in _BEFORE_VALUE), None)
        return () if first is None else self.tokens[first:]

    @property
    def end(self) -> int:
        """Of its last word: a block ends where the next thing begins, behind comments that are not its own."""
        return max((token.end for token in self.tokens if token.id != "<block end>"), default=self.after_key)

    def begins(self, *ids: str) -> bool:
        return bool(self.body) and self.body[0].id in ids


@dataclass(frozen=True)
class _Edit:
    start: int
    end: int
    text: str


class Document:
    """A configuration: its text, what it says, and where it says it."""

    def __init__(self, text: str, yaml: Yaml) -> None:
        self.text = text
        self._yaml = yaml
        try:
            content = yaml.load(text)
        except (yaml.error, RecursionError) as error:
            raise ProblemError([_unreadable(text, error)]) from None
        if not (isinstance(content, dict) or _is_null(content)):
            cause = "it is no mapping, so Prometheus cannot load it"
            raise ProblemError([Problem("Configuration", cause, "correct it")])
        self.tree = mapping(content)
        found = BREAK.search(text)
        self._line_break = found[0] if found else "\n"

    @cached_property
    def _tokens(self) -> tuple[_Token, ...]:
        # What is loaded can be scanned.
        return tuple(
            _Token(token.id, token.start_mark.index, token.end_mark.index, getattr(token, "value", None))
            for token in self._yaml.scan(self.text)
        )

    @property
    def comments(self) -> int:
        gaps = (self.text[before.end : after.start] for before, after in pairwise(self._tokens))
        return sum("#" in line for gap in gaps for line in BREAK.split(gap))

    # Places.

    def _root(self) -> _Part:
        """The document itself, as if it were the value of a key."""
        outside = {"<stream start>", "<stream end>", "<document start>", "<document end>", "<directive>"}
        inner = tuple(token for token in self._tokens if token.id not in outside)
        end = next((token.start for token in self._tokens if token.id == "<document end>"), len(self.text))
        return _Part("", 0, end, inner)

    def _pairs(self, parent: _Part, place: str) -> list[_Part]:
        """Those of a mapping, which is one in the text itself."""
        if not parent.body or (parent.begins("<scalar>") and _is_null(parent.body[0].value)):
            return []
        if not parent.begins("<block mapping start>", "{"):
            cause = "it is no mapping, or one that stands elsewhere in the text"
            raise ProblemError([Problem(place, cause, _BY_HAND)])
        pairs = list(_split_pairs(parent.body[1:-1]))
        for key, times in Counter(pair.key for pair in pairs).items():
            if times > 1:
                cause = f"the key {key} stands {times} times, and Prometheus loads no configuration with that"
                raise ProblemError([Problem(place, cause, "leave one")])
            if key == "<<":
                cause = "it takes keys from elsewhere in the text (<<)"
                raise ProblemError([Problem(place, cause, "write these keys where they belong")])
        return pairs

    def _line_start(self, index: int) -> int:
        return max(self.text.rfind(end, 0, index) for end in _BREAKS) + 1

    def _column(self, index: int) -> int:
        # A byte order mark is no column.
        return len(self.text[self._line_start(index) : index].lstrip("\ufeff"))

    def _after_line(self, index: int) -> int:
        """Where the next line begins. The end of a text in a block is that already."""
        if index and self.text[index - 1] in _BREAKS:
            return index
        found = BREAK.search(self.text, index)
        return found.end() if found else len(self.text)

    def _lines(self, value: object, column: int) -> str:
        """A value in block style."""
        # A list may stand as far left as its key. As those that are there do.
        compact = any(before.id == ":" and after.id == "-" for before, after in pairwise(self._tokens))
        lines = _block(value, compact=compact)
        return self._line_break.join(" " * column + line for line in lines)

    # Edits.

    def with_labels(self, labels: dict[str, object]) -> Document:
        """With these external labels. Lines of those that stay as they are stay."""
        settings = mapping(self.tree.get("global"))
        old, new = mapping(settings.get("external_labels")), mapping(raw(labels))
        if old == new:
            return self
        expected = {**self.tree, "global": {**settings, "external_labels": new}}
        root = self._root()
        pairs = self._pairs(root, "Configuration")
        section = _named(pairs, "global")
        inner = self._pairs(section, "global") if section else []
        if section is None or not inner:
            edit = self._put(root, pairs, section, "global", {"external_labels": labels})
            return self._with([edit], expected, section)
        part = _named(inner, "external_labels")
        if part is None or not new or not part.begins("<block mapping start>"):
            return self._with([self._put(section, inner, part, "external_labels", labels)], expected, part)
        known = self._pairs(part, "external_labels")
        edits = [self._take_out(pair) for pair in known if pair.key not in new]
        for name, value in labels.items():
            pair = _named(known, name)
            if pair and old[name] != new[name]:
                edits.append(self._put(part, known, pair, name, value))
        added = {name: value for name, value in labels.items() if name not in old}
        if added:
            edits.append(self._insert(known[-1].end, self._lines(added, self._column(known[0].start))))
        return self._with(edits, expected, part)

    def with_list(self, key: str, chosen: list[int | dict[str, object]]) -> Document:
        """With these items: positions of those that stay as they stand, and new ones."""
        old = elements(self.tree.get(key))
        if chosen == list(range(len(old))):
            return self
        expected = {**self.tree, key: [old[item] if isinstance(item, int) else raw(item) for item in chosen]}
        root = self._root()
        pairs = self._pairs(root, "Configuration")
        part = _named(pairs, key)
        in_lines = part is not None and part.begins("<block sequence start>", "-")
        stay = any(isinstance(item, int) for item in chosen)
        if part is None or not chosen or not (in_lines or stay):
            return self._with([self._put(root, pairs, part, key, chosen)], expected, part)
        if not in_lines and not part.begins("["):
            cause = "its list stands elsewhere in the text"
            raise ProblemError([Problem(key, cause, _BY_HAND)])
        items = _split_items(part.body)
        if len(items) != len(old):
            raise ProblemError([Problem(key, "its items cannot be told apart", _BY_HAND)])
        edits = self._block_edits(items, chosen) if in_lines else self._flow_edits(root, part, items, chosen)
        return self._with(edits, expected, part)

    def _block_edits(self, items: list[_Part], chosen: list[int | dict[str, object]]) -> list[_Edit]:
        edits = [self._take_out(item) for position, item in enumerate(items) if position not in chosen]
        new = [item for item in chosen if not isinstance(item, int)]
        if new:
            text = self._lines(new, self._column(items[0].start))
            if edits:
                edits[0] = _Edit(edits[0].start, edits[0].end, text + self._line_break)
            else:
                edits.append(self._insert(items[-1].end, text))
        return edits

    def _flow_edits(
        self, root: _Part, part: _Part, items: list[_Part], chosen: list[int | dict[str, object]]
    ) -> list[_Edit]:
        """Items that stay keep their words, and a list in a document in block style becomes a block."""
        words = [self.text[item.start : item.end] for item in items]
        if root.begins("{"):
            texts = [words[item] if isinstance(item, int) else _json(item) for item in chosen]
            return [_Edit(part.after_key, part.end, f" [{', '.join(texts)}]")]
        column = self._column(part.start) + 2
        dash = " " * column + "- "
        texts = [dash + words[item] if isinstance(item, int) else self._lines([item], column) for item in chosen]
        return [_Edit(part.after_key, part.end, self._line_break + self._line_break.join(texts))]

    def _put(self, parent: _Part, pairs: list[_Part], part: _Part | None, key: str, value: object) -> _Edit:
        """A pair into a mapping, or another value into the pair that there is."""
        if not parent.begins("{"):
            return self._put_lines(part, key, value) if part else self._add_lines(parent, pairs, key, value)
        if part:
            return _Edit(part.after_key, part.end, f" {_json(value)}")
        place = pairs[-1].end if pairs else parent.body[0].end
        return _Edit(place, place, f"{', ' if pairs else ''}{_json(key)}: {_json(value)}")

    def _add_lines(self, parent: _Part, pairs: list[_Part], key: str, value: object) -> _Edit:
        """A key of the document goes behind the comments at its end, any other behind the pairs beside it."""
        place = pairs[-1].end if parent.key else parent.after_key
        return self._insert(place, self._lines({key: value}, self._column(pairs[0].start) if pairs else 0))

    def _put_lines(self, part: _Part, key: str, value: object) -> _Edit:
        end = part.end
        while end > part.after_key and self.text[end - 1] in _BREAKS:
            end -= 1
        if not isinstance(value, dict | list) or not value:
            return _Edit(part.after_key, end, f" {_scalar(value)}")
        # The key stays as it stands.
        text = self._lines({key: value}, self._column(part.start)).partition(self._line_break)[2]
        if not part.tokens:
            return self._insert(part.after_key, text)
        begin = self._line_start(part.tokens[0].start)
        if begin > part.after_key:
            return _Edit(begin, end, text)
        return _Edit(part.after_key, end, self._line_break + text)

    def _insert(self, end: int, lines: str) -> _Edit:
        """Behind the line in which something ends."""
        place = self._after_line(end)
        open_line = place > 0 and self.text[place - 1] not in _BREAKS
        return _Edit(place, place, (self._line_break if open_line else "") + lines + self._line_break)

    def _take_out(self, part: _Part) -> _Edit:
        return _Edit(self._line_start(part.start), self._after_line(part.end), "")

    def _with(self, edits: list[_Edit], expected: dict[str, object], part: _Part | None) -> Document:
        """The new document, if it says what is expected."""
        text = self.text
        for edit in sorted(edits, key=lambda edit: edit.start, reverse=True):
            text = text[: edit.start] + edit.text + text[edit.end :]
        try:
            new = Document(text, self._yaml)
            proven = new.tree == expected
        except ProblemError:
            proven = False
        if not proven:
            raise ProblemError([self._unchangeable(part)])
        return new

    def _unchangeable(self, part: _Part | None) -> Problem:
        anchors = {token.value for token in (part.tokens if part else ()) if token.id == "<anchor>"}
        used = [token.value for token in self._tokens if token.id == "<alias>" and token.value in anchors]
        if used:
            cause = f"what has to be changed defines the anchor {used[0]}, which is used elsewhere"
            return Problem("Configuration", cause, "write what it stands for where it is used")
        cause = "its text cannot be changed so that everything else surely stays as it is"
        return Problem("Configuration", cause, f"{_BY_HAND}, with a line break at its end")


def _unreadable(text: str, error: Exception) -> Problem:
    """Without the parser's own words, which quote lines that may hold a secret."""
    line = getattr(getattr(error, "problem_mark", None), "line", None)
    if not isinstance(line, int):
        return Problem("Configuration", "it is no YAML that can be read", "correct it")
    found = next(iter(BREAK.split(text)[line:]), "")
    if found.startswith("---"):
        return Problem("Configuration", "it holds several documents, and Prometheus reads the first only", "leave one")
    if "\t" in found:
        return Problem("Configuration", f"line {line + 1} holds a tab where YAML takes none", "use spaces")
    return Problem("Configuration", f"it is no YAML that can be read, near line {line + 1}", "correct it")


def _named(pairs: Iterable[_Part], key: str) -> _Part | None:
    return next((pair for pair in pairs if pair.key == key), None)


def _split_pairs(tokens: Iterable[_Token]) -> Iterator[_Part]:
    """The pairs of a mapping, from the tokens between its first and its last."""
    depth = 0
    key: list[_Token] | None = None
    value: list[_Token] | None = None
    after_key = 0
    for token in tokens:
        if depth == 0 and token.id in {"?", ","}:
            if key is not None and value is not None:
                yield _pair(key, after_key, value)
            key, value = ([], None) if token.id == "?" else (None, None)
        elif depth == 0 and token.id == ":" and key is not None:
            value, after_key = [], token.end
        elif value is not None:
            value.append(token)
        elif key is not None:
            key.append(token)
        depth += (token.id in _OPENING) - (token.id in _CLOSING)
    if key is not None and value is not None:
        yield _pair(key, after_key, value)


def _pair(key: list[_Token], after_key: int, value: list[_Token]) -> _Part:
    name = next((token.value for token in key if token.id == "<scalar>"), "")
    return _Part(name, key[0].start if key else after_key, after_key, tuple(value))


def _split_items(tokens: Sequence[_Token]) -> list[_Part]:
    """The items of a list, from its tokens. One as far left as its key has no token at its beginning and end."""
    inner = tokens if tokens[0].id == "-" else tokens[1:-1]
    mark = "," if tokens[0].id == "[" else "-"
    found: list[list[_Token]] = [[]] if mark == "," else []
    starts: list[_Token] = []
    depth = 0
    for token in inner:
        if depth == 0 and token.id == mark:
            found.append([])
            starts.append(token)
        else:
            found[-1].append(token)
        depth += (token.id in _OPENING) - (token.id in _CLOSING)
    if mark == "-":
        return [_Part("", dash.start, dash.end, tuple(item)) for dash, item in zip(starts, found, strict=True)]
    return [_Part("", item[0].start, item[0].start, tuple(item)) for item in found if item]


def _is_null(value: object) -> bool:
    return value is None or (isinstance(value, str) and value in _NULLS)


# Writing.


def raw(value: object) -> object:
    """What is parsed from the text that is made of a value: every scalar a text."""
    if isinstance(value, dict):
        return {key: raw(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [raw(inner) for inner in value]
    return value if isinstance(value, str) else json.dumps(value)


def _block(value: object, *, compact: bool) -> list[str]:
    """Lines of a value in block style. Compact: lists stand as far left as their keys."""
    if isinstance(value, dict) and value:
        lines = []
        for key, inner in value.items():
            if isinstance(inner, dict | list) and inner:
                indent = "" if compact and isinstance(inner, list) else "  "
                lines += [f"{_scalar(key)}:", *(indent + line for line in _block(inner, compact=compact))]
            else:
                lines.append(f"{_scalar(key)}: {_scalar(inner)}")
        return lines
    if isinstance(value, list) and value:
        lines = []
        for inner in value:
            first, *rest = _block(inner, compact=compact)
            lines += [f"- {first}", *(f"  {line}" for line in rest)]
        return lines
    return [_scalar(value)]


def _scalar(value: object) -> str:
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    return _json(value)


def _json(value: object) -> str:
    """JSON is YAML, but for characters that YAML does not take."""
    text = json.dumps(value, ensure_ascii=False)
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
