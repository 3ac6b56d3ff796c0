# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lines of text that fit into a box of a picture, in which nothing is broken by itself."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

#: Pixels of a letter at a font size of 11, on average, in the widest of the usual fonts (DejaVu Sans); and of a wide
#: letter, as those of Korean are.
_LETTER = 6.9
_WIDE_LETTER = 11.0

#: Where a text may be broken: after a sign, but not between signs (://), and not in a number (2.48.0).
_JOINT = re.compile(r"(?<=[\s/_:@-])(?![\s/_:@-])|(?<=\.)(?=[^\d\s])")


def length(text: str) -> float:
    """How long a text is about, in pixels."""
    return sum(_WIDE_LETTER if unicodedata.east_asian_width(letter) in "WF" else _LETTER for letter in text)


def wrapped(text: str, room: float, most: int) -> list[str]:
    """A text in at most so many lines; the last one ends with an ellipsis if something is left out."""
    lines = [""]
    for piece in _pieces(" ".join(text.split()), room):
        if lines[-1] and length((lines[-1] + piece).rstrip()) > room:
            lines.append("")
        lines[-1] += piece
    lines = [line.strip() for line in lines if line.strip()]
    if len(lines) <= most:
        return lines
    last = lines[most - 1]
    while last and length(last + "…") > room:
        last = last[:-1]
    return [*lines[: most - 1], last + "…"]


def _pieces(text: str, room: float) -> Iterator[str]:
    """What may stand alone in a line. What is longer than a line is broken anywhere."""
    for piece in _JOINT.split(text):
        part = ""
        for letter in piece:
            if part and length((part + letter).rstrip()) > room:
                yield part
                part = ""
            part += letter
        yield part
