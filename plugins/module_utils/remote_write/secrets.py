# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets that stand in a remote-write configuration itself: where they are, and the configuration without them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ansible_collections.miribit.thanos.plugins.module_utils.remote_write.model import TENANT_HEADER

#: What Prometheus itself hides (type Secret in its client configuration, and in those of the clouds), and the headers.
_SECRET_KEYS = frozenset(
    {
        "bearer_token",
        "client_certificate_key",
        "client_secret",
        "credentials",
        "key",
        "password",
        "secret_key",
        "secrets",
        "token",
    }
)
#: Mappings of headers. The value of any header but the tenant's may be a secret.
_HEADERS = frozenset({"headers", "http_headers", "proxy_connect_header"})
_TENANT_HEADERS = frozenset({TENANT_HEADER.lower(), "thanos-tenant"})
_URL_SECRET = re.compile(r"(?<=://)(?P<user>.*)(?=@)|(?<=\?)(?P<query>.+)")
_HIDDEN = "<secret>"


def redacted(content: object) -> object:
    """The same, with every secret replaced."""
    match content:
        case dict():
            return {
                key: _HIDDEN
                if value and key in _SECRET_KEYS
                else _redacted_headers(value)
                if key in _HEADERS
                else redacted(value)
                for key, value in content.items()
            }
        case list():
            return [redacted(value) for value in content]
        case str():
            return _URL_SECRET.sub(_HIDDEN, content) if "://" in content else content
        case _:
            return content


def _redacted_headers(headers: object) -> object:
    if not isinstance(headers, dict):
        return _HIDDEN
    return {name: value if str(name).lower() in _TENANT_HEADERS else _HIDDEN for name, value in headers.items()}


def secrets(content: object, place: str = "") -> Iterator[tuple[str, object]]:
    """The keys that hold a secret, such as basic_auth.password, and the secrets."""
    if isinstance(content, dict):
        for key, value in content.items():
            at = f"{place}.{key}" if place else str(key)
            if value and (key in _SECRET_KEYS or (place.endswith("headers") and str(key).lower() == "authorization")):
                yield at, value
            else:
                yield from secrets(value, at)
    elif isinstance(content, list):
        for number, value in enumerate(content, 1):
            yield from secrets(value, f"{place} {number}")


def secret_texts(content: object) -> Iterator[str]:
    """Every text that is, or is in, a secret."""
    for _place, secret in secrets(content):
        yield from _texts(secret)
    for text in _texts(content):
        if "://" in text:
            yield from (match[0] for match in _URL_SECRET.finditer(text) if match[0])


def _texts(content: object) -> Iterator[str]:
    if isinstance(content, str | int | float):
        yield str(content)
    elif isinstance(content, dict | list):
        for value in content.values() if isinstance(content, dict) else content:
            yield from _texts(value)
