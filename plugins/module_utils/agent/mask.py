# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets of an agent's configuration: the texts that hold them, and the configuration without them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.base.yaml_edit import Document, Yaml
from ansible_collections.miribit.thanos.plugins.module_utils.remote_write.secrets import redacted

HIDDEN = "<secret>"

#: Keys with a secret, in any part of a configuration: those of service discoveries, too.
_SECRET_KEY = re.compile(r"credential|key|passw|secret|signature|token", re.IGNORECASE)
#: Keys that only say where it is.
_PLACES = ("_file", "_files", "_ref", "_url")
_HEADERS = frozenset({"headers", "http_headers", "proxy_connect_header"})
_URL_PARTS = re.compile(r"(?<=://).*(?=@)|(?<=[?#]).+")
#: A key and its colon, in a comment.
_KEY = re.compile(r"""["']?([A-Za-z_][-A-Za-z0-9_]*)["']?\s*[:=]\s*(?=\S)""")
_SHORTEST_SECRET = 4


def masked(text: str, yaml: Yaml) -> str:
    """Return a configuration as it is written, without its secrets, however they are written."""
    try:
        tree = Document(text, yaml).tree
    except ProblemError:
        return HIDDEN
    secrets = set(secret_values(tree))
    shown, end = "", 0
    for token in yaml.scan(text):
        if token.id == "<scalar>":
            place = token.start_mark.index
            shown += _comments(text[end:place], secrets)
            end = token.end_mark.index
            shown += _scalar(text[place:end], token.value, secrets)
    return shown + _comments(text[end:], secrets)


def _scalar(written: str, value: str, secrets: Collection[str]) -> str:
    if value in secrets:
        # The end of a text in a block is that of its last line.
        return HIDDEN + written[len(written.rstrip()) :]
    parts = [secret for secret in secrets if "://" in value and secret in value]
    for secret in sorted(parts, key=len, reverse=True):
        if secret not in written:
            return HIDDEN + written[len(written.rstrip()) :]
        written = written.replace(secret, HIDDEN)
    return written


def _comments(text: str, secrets: Iterable[str]) -> str:
    """Mask the text between the scalars. A comment can hold what a key once had."""
    if "#" not in text:
        return text
    for secret in sorted((one for one in secrets if len(one) >= _SHORTEST_SECRET), key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return "".join(_comment(line) for line in text.splitlines(keepends=True))


def _comment(line: str) -> str:
    before, sign, comment = line.partition("#")
    found = next((one for one in _KEY.finditer(comment) if _is_secret_key(one[1])), None)
    if found:
        comment = comment[: found.end()] + HIDDEN + line[len(line.rstrip()) :]
    return before + sign + str(redacted(comment))


def _is_secret_key(name: str) -> bool:
    return bool(_SECRET_KEY.search(name)) and not name.lower().endswith(_PLACES)


def secret_values(content: object, key: str = "") -> Iterator[str]:
    """Yield every text of a configuration that is, or holds, something secret."""
    if isinstance(content, dict):
        shown = redacted({key: content}) if key in _HEADERS else {}
        headers = shown.get(key) if isinstance(shown, dict) else None
        for name, value in content.items():
            hidden = isinstance(headers, dict) and headers.get(name) != value
            yield from _texts(value) if hidden else secret_values(value, str(name))
    elif isinstance(content, list):
        for value in content:
            yield from secret_values(value, key)
    elif isinstance(content, str) and content:
        yield from [content] if _is_secret_key(key) else _parts(content, key)


def _parts(text: str, key: str) -> Iterator[str]:
    """Yield the secrets of a URL: its user, its query, its fragment."""
    if "://" not in text:
        # No URL that works, and what of it is a password cannot be told.
        yield from [text] if key.endswith("url") and "@" in text else []
        return
    yield from (found[0] for found in _URL_PARTS.finditer(text) if found[0])


def _texts(content: object) -> Iterator[str]:
    if isinstance(content, str) and content:
        yield content
    elif isinstance(content, dict | list):
        for value in content.values() if isinstance(content, dict) else content:
            yield from _texts(value)
