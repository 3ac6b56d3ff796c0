# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Limits of remote write, as pkg/receive/limiter_config.go of Thanos 0.42.4 reads them. It rejects unknown keys."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from ansible_collections.miribit.thanos.plugins.module_utils.fleet.options import Converter, Flaw, Option, described

_REQUEST = Option("dict", options={key: Option("int") for key in ("size_bytes_limit", "series_limit", "samples_limit")})
_TENANT = Option("dict", options={"request": _REQUEST, "head_series_limit": Option("int")})
#: HTTPClientConfig in pkg/clientconfig/http.go.
_HTTP_CLIENT = Option(
    "dict",
    options={
        key: Option("raw", secret=True)
        for key in (
            "basic_auth",
            "bearer_token",
            "bearer_token_file",
            "proxy_url",
            "tls_config",
            "transport_config",
        )
    },
)
_GLOBAL = Option(
    "dict",
    options={
        "max_concurrency": Option("int"),
        "meta_monitoring_url": Option(secret=True),
        "meta_monitoring_http_client": _HTTP_CLIENT,
        "meta_monitoring_limit_query": Option(),
    },
)
_LIMITS = Option(
    "dict",
    options={"write": Option("dict", options={"global": _GLOBAL, "default": _TENANT, "tenants": Option("dict")})},
)


def limits(value: object) -> Iterator[Flaw]:
    converter = Converter()
    converter.convert(_LIMITS, value)
    write = value.get("write") if isinstance(value, dict) else None
    if not isinstance(write, dict):
        yield from converter.flaws
        return
    tenants = write.get("tenants")
    for tenant, own in tenants.items() if isinstance(tenants, dict) else ():
        if own is not None:
            converter.convert(_TENANT, own, f".write.tenants.{tenant}")
    yield from converter.flaws
    yield from _not_numbers(write, ".write")
    yield from _head_series(write)


def _not_numbers(content: object, at: str) -> Iterator[Flaw]:
    """Thanos reads no number from a string, and none below zero."""
    for key, value in content.items() if isinstance(content, dict) else ():
        place = f"{at}.{key}"
        if not str(key).endswith("_limit") and key != "max_concurrency":
            yield from _not_numbers(value, place)
        elif isinstance(value, str) and value.isdigit():
            yield Flaw(f"must be a number, not {described(Option(), value)}", "remove the quotes", place)
        elif isinstance(value, int) and value < 0:
            yield Flaw(f"must be 0 or more, not {value}", "write 0 for no limit", place)


def _head_series(write: dict[str, object]) -> Iterator[Flaw]:
    everywhere = write.get("global")
    url = everywhere.get("meta_monitoring_url") if isinstance(everywhere, dict) else None
    if url:
        parts = urlsplit(str(url))
        if not parts.scheme or not parts.netloc:
            at = ".write.global.meta_monitoring_url"
            yield Flaw("must be a URL with scheme and host", "write one such as http://thanos-query:9090", at)
    elif any("head_series_limit" in each for each in _of_tenants(write)):
        cause = "has a head_series_limit, which has no effect without global.meta_monitoring_url"
        yield Flaw(
            cause, "add the URL of a Prometheus or Query that has the receiver's metrics", ".write", certain=False
        )


def _of_tenants(write: dict[str, object]) -> Iterator[dict[str, object]]:
    tenants = write.get("tenants")
    for each in (write.get("default"), *(tenants.values() if isinstance(tenants, dict) else ())):
        if isinstance(each, dict):
            yield each
