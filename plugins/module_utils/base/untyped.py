# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What foreign programs say, read without relying on the type of anything, and without the secrets in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

#: Stands for a secret that is left out.
HIDDEN = "<secret>"

#: Up to a blank or a quote: Go escapes both in URLs.
_URL = re.compile(r"""([a-zA-Z][-+.a-zA-Z0-9]{0,20}://)([^\s"'<>\\]+)""")
_LONGEST_LINE = 300


def mapping(content: object) -> dict[str, object]:
    return {str(key): value for key, value in content.items()} if isinstance(content, dict) else {}


def elements(content: object) -> list[object]:
    return content if isinstance(content, list) else []


def first_text(*contents: object) -> str | None:
    """The first that says anything."""
    return next((str(content) for content in contents if content), None)


def scrubbed(text: str) -> str:
    """The same without user, password and query of the URLs in it."""

    def without_secrets(found: re.Match[str]) -> str:
        # The user first: a password can hold what ends a path.
        return found[1] + re.split(r"[?#]", found[2].rpartition("@")[2], maxsplit=1)[0]

    return _URL.sub(without_secrets, text)


def shortened(text: str) -> str:
    """One line of it, scrubbed."""
    line = " ".join(scrubbed(text).split())
    return line if len(line) <= _LONGEST_LINE else line[:_LONGEST_LINE] + "..."


def mapping_at(item: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    """The mapping that is this deep in an object; an empty one where there is none."""
    for key in path:
        found = item.get(key)
        if not isinstance(found, Mapping):
            return {}
        item = found
    return item


def list_at(item: Mapping[str, Any], *path: str) -> list[Mapping[str, Any]]:
    """The list of mappings that is this deep in an object; an empty one where there is none."""
    found = mapping_at(item, *path[:-1]).get(path[-1])
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list | tuple) else []
