# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Targets that a Prometheus scrapes: two that share address, path and parameters are one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs, urlencode, urlsplit

from ansible_collections.miribit.thanos.plugins.module_utils.base.untyped import (
    HIDDEN,
    elements,
    mapping,
    scrubbed,
    shortened,
)

_UNITS = {"y": 31_536_000.0, "w": 604_800.0, "d": 86_400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_DURATION = re.compile("".join(f"(?:([0-9]{{1,9}}){unit})?" for unit in _UNITS))
_DEFAULT_PORTS = {"http": 80, "https": 443}
_SECRET_PARAM = re.compile(r"auth|credential|key|passw|secret|signature|token", re.IGNORECASE)
_DEFAULT_INTERVAL = 60.0
#: Address, path and parameters: what makes two targets one.
TargetKey = tuple[str, str, tuple[tuple[str, tuple[str, ...]], ...]]


@dataclass(frozen=True)
class Target:
    key: TargetKey
    url: str
    labels: Mapping[str, str]
    health: str
    error: str
    interval: float


def targets(content: object) -> tuple[Target, ...]:
    """The active ones in the data of an answer of /api/v1/targets."""
    return tuple(_targets(content))


def _targets(content: object) -> Iterator[Target]:
    for item in elements(mapping(content).get("activeTargets")):
        target = mapping(item)
        found = target_key(str(target.get("scrapeUrl") or ""))
        if found is None:
            continue
        yield Target(
            key=key_of(found),
            url=str(found["url"]),
            labels={name: str(value) for name, value in mapping(target.get("labels")).items()},
            health=str(target.get("health") or "unknown"),
            error=shortened(str(target.get("lastError") or "")),
            interval=seconds(str(target.get("scrapeInterval") or "")) or _DEFAULT_INTERVAL,
        )


def key_of(target: Mapping[str, object]) -> TargetKey:
    """Of a target as the audit writes it: address, path, params."""
    params = mapping(target.get("params"))
    return (
        str(target.get("address") or ""),
        str(target.get("path") or "/"),
        tuple((name, tuple(str(value) for value in elements(params[name]))) for name in sorted(params)),
    )


def name_of(key: TargetKey) -> str:
    address, path, params = key
    shown = "&".join(f"{name}={value}" for name, values in params for value in values)
    return f"{address}{path}" + (f"?{shown}" if shown else "")


def seconds(text: str) -> float | None:
    """What Prometheus writes as 1m30s."""
    match = _DURATION.fullmatch(text)
    if not match or not text:
        return None
    return sum(int(number) * unit for number, unit in zip(match.groups("0"), _UNITS.values(), strict=True))


def target_key(url: str) -> dict[str, object] | None:
    """What makes two targets one: address, path and parameters. Without secrets; None if it is not a URL."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or _DEFAULT_PORTS.get(parts.scheme)
        params = parse_qs(parts.query, keep_blank_values=True)
    except ValueError:
        return None
    if not host or port is None:
        return None
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    path = parts.path or "/"
    shown = {name: [_param(name, value) for value in params[name]] for name in sorted(params)}
    query = f"?{urlencode(shown, doseq=True, safe='<>:/')}" if shown else ""
    return {"url": f"{parts.scheme}://{address}{path}{query}", "address": address, "path": path, "params": shown}


def _param(name: str, value: str) -> str:
    if _SECRET_PARAM.search(name):
        return HIDDEN
    # What is probed, with a login.
    return scrubbed(value) if "@" in value else value
