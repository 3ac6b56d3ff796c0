# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why the template of a variable fails, said without anything that may be a secret.

The error of a lookup or filter can quote what it was given. Only words that somebody wrote in a template are repeated.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import PurePath

from ansible_collections.miribit.thanos.plugins.module_utils.fleet.options import Flaw

_CORRECT = "correct the template, or set what it uses"
_LONGEST_TEXT = 200
_UNDEFINED = re.compile(r"'([A-Za-z_][A-Za-z0-9_]*)' is undefined")


@dataclass(frozen=True)
class _Sign:
    """A text of ansible-core 2.19 to 2.21. Its groups are words that are repeated where a template has them."""

    text: str
    cause: str
    fix: str
    #: The cause where the word is in no template.
    unnamed: str = ""

    def flaw(self, text: str, templates: Collection[str]) -> Flaw | None:
        match = re.search(self.text, text)
        if match is None:
            return None
        word = next((word for word in match.groups() if word), "").removeprefix("ansible.builtin.")
        # The folder of a file may come from a variable.
        if not any(PurePath(word).name in template for template in templates):
            return Flaw(self.unnamed or self.cause, self.fix if "{" not in self.fix else _CORRECT)
        collection = word.rpartition(".")[0]
        return Flaw(self.cause.format(word), self.fix.format(word, collection=collection))


#: The first that is found counts.
_SIGNS = (
    _Sign(
        r"no vault secrets found",
        "it cannot be decrypted, because no vault password was given",
        "add --ask-vault-pass, or set ANSIBLE_VAULT_PASSWORD_FILE",
    ),
    _Sign(
        r"no vault secrets were found that could decrypt",
        "it cannot be decrypted, because the vault password is wrong",
        "give the password that it was encrypted with",
    ),
    _Sign(
        r"The lookup plugin '(\w+\.\w+\.[\w.]+)' (?:was not found|failed to load)",
        "its template fails: the lookup plugin {} is not installed",
        "run ansible-galaxy collection install {collection}",
        "its template fails: a lookup plugin is not installed",
    ),
    _Sign(
        r"The (?:lookup|filter|test) plugin '([\w.]+)' (?:was not found|failed to load)"
        r"|No (?:filter|test) named '([\w.]+)'",
        "its template fails: the plugin {} is not installed",
        "correct its name, or install its collection with ansible-galaxy",
        "its template fails: a plugin is not installed",
    ),
    _Sign(
        r"Unable to access the file '([^']+)': File not found|the template file (\S+) could not be found"
        r"|Unable to find file matching \"([^\"]+)\"|No such file or directory: b?'([^']+)'",
        "its template fails: the file {} is missing",
        "create the file, or correct the path",
        "its template fails: a file is missing",
    ),
    _Sign(
        r"The environment variable '([^']+)' is not set",
        "its template fails: the environment variable {} is not set",
        "export {}",
        "its template fails: an environment variable is not set",
    ),
    _Sign(
        rf"{_UNDEFINED.pattern}|has no attribute '(\w+)'",
        "its template fails: '{}' is undefined",
        "define {}, or correct its name",
        "its template fails: a variable or key is undefined",
    ),
    _Sign(
        r"The (?:lookup|filter|test) plugin '([\w.]+)' failed",
        "its template fails: the plugin {} reports an error",
        "check its arguments and what it reads",
        "its template fails: a plugin reports an error",
    ),
    _Sign(r"Syntax error in template", "its template fails: its syntax is invalid", "correct the template"),
    _Sign(r"Recursive loop detected", "its template fails: it refers to itself", "remove the loop"),
)


def undefined(text: str) -> str:
    """The name of the variable that is undefined, or nothing."""
    match = _UNDEFINED.search(text)
    return match[1] if match else ""


def failure(text: str, templates: Collection[str], *, secret: bool) -> Flaw:
    """Describe the text of an error. Of a secret, only a cause that is known is shown."""
    text = " ".join(text.split())
    for sign in _SIGNS:
        if flaw := sign.flaw(text, templates):
            return flaw
    shown = "" if secret else text.rstrip(".")
    if len(shown) > _LONGEST_TEXT:
        shown = f"{shown[:_LONGEST_TEXT]}..."
    return Flaw(f"its template fails{f': {shown}' if shown else ''}", _CORRECT)
