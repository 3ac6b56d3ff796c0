# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The hashring file of Thanos Receive: its model, how it is read and written, and its hash."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.base.reader import Reader, kind
from ansible_collections.miribit.thanos.plugins.module_utils.hashring.ketama import (
    SECTIONS,
    Algorithm,
    Placement,
    placement,
)
from ansible_collections.miribit.thanos.plugins.module_utils.hashring.tenants import glob

ALGORITHMS: tuple[Algorithm, ...] = ("hashmod", "ketama")
MATCHER_TYPES = ("exact", "glob")
KEYS = (
    "hashring",
    "tenants",
    "tenant_matcher_type",
    "endpoints",
    "algorithm",
    "external_labels",
    "shuffle_sharding_config",
)

_Anything = TypeVar("_Anything")


def config_hash(content: bytes | str) -> int:
    """The value that a router which loaded this file reports as C(thanos_receive_config_hash).

    Thanos hashes the bytes of the file, not what they mean: one more space is another hash. It keeps the first 48 bits
    of the SHA-256, read as a little-endian number, because a metric's value holds no larger integer exactly
    (C(hashAsMetricValue) in Thanos' C(pkg/receive/config.go)).
    """
    data = content.encode() if isinstance(content, str) else content
    return int.from_bytes(hashlib.sha256(data).digest()[:6], "little")


# The model. What is empty or zero is what Thanos makes of a key that is not there.


@dataclass(frozen=True)
class Endpoint:
    address: str
    capnproto_address: str = ""
    az: str = ""

    def as_json(self) -> object:
        more = _set_keys({"capnproto_address": self.capnproto_address, "az": self.az})
        return {"address": self.address, **more} if more else self.address


@dataclass(frozen=True)
class Override:
    """Another size of the shard for some tenants."""

    shard_size: int
    tenants: tuple[str, ...]
    tenant_matcher_type: str

    def as_json(self) -> dict[str, object]:
        return {
            "shard_size": self.shard_size,
            "tenants": list(self.tenants),
            "tenant_matcher_type": self.tenant_matcher_type,
        }


@dataclass(frozen=True)
class ShuffleSharding:
    shard_size: int = 0
    cache_size: int = 0
    zone_awareness_disabled: bool = False
    overrides: tuple[Override, ...] = ()

    def as_json(self) -> dict[str, object]:
        return _set_keys(
            {
                "shard_size": self.shard_size,
                "cache_size": self.cache_size,
                "zone_awareness_disabled": self.zone_awareness_disabled,
                "overrides": [override.as_json() for override in self.overrides],
            }
        )


@dataclass(frozen=True)
class Hashring:
    endpoints: tuple[Endpoint, ...]
    name: str = ""
    tenants: tuple[str, ...] = ()
    tenant_matcher_type: str = ""
    algorithm: str = ""
    external_labels: tuple[tuple[str, str], ...] = ()
    shuffle_sharding: ShuffleSharding = ShuffleSharding()

    def as_json(self) -> dict[str, object]:
        return {
            **_set_keys(
                {
                    "hashring": self.name,
                    "tenants": list(self.tenants),
                    "tenant_matcher_type": self.tenant_matcher_type,
                    "algorithm": self.algorithm,
                    "external_labels": dict(self.external_labels),
                    "shuffle_sharding_config": self.shuffle_sharding.as_json(),
                }
            ),
            "endpoints": [endpoint.as_json() for endpoint in self.endpoints],
        }

    def az_sizes(self) -> Counter[str]:
        return Counter(endpoint.az for endpoint in self.endpoints)

    def takes(self, tenant: str) -> bool:
        """Whether Thanos gives this ring the tenant's series, if no ring before it does."""
        if not self.tenants:
            return True
        match self.tenant_matcher_type:
            case "" | "exact":
                return tenant in self.tenants
            case "glob":
                return any(glob(pattern).matches(tenant) for pattern in self.tenants)
            case _:
                return False

    def placement(self, replication_factor: int, sections: int = SECTIONS) -> Placement:
        endpoints = tuple((endpoint.address, endpoint.az) for endpoint in self.endpoints)
        return placement(_algorithm(self), endpoints, replication_factor, sections)


def _set_keys(values: Mapping[str, object]) -> dict[str, object]:
    return {key: value for key, value in values.items() if value}


def _algorithm(ring: Hashring) -> Algorithm:
    """Thanos takes hashmod where neither the ring nor the flag says anything."""
    return "ketama" if ring.algorithm == "ketama" else "hashmod"


def as_text(content: object) -> str:
    """The file, byte for byte what Ansible's filter to_nice_json writes, so that either gives the same hash."""
    return json.dumps(content, indent=4, sort_keys=True)


# Reading. Problems are collected, so that all are told at once; what cannot be read is left out.


def parse(text: str) -> object:
    """The JSON of a file."""
    subject = "Hashring file"
    try:
        return json.loads(text, object_pairs_hook=_without_repetition, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        cause = f"it is not JSON (line {error.lineno}, column {error.colno}: {error.msg})"
    except _NotStrictError as error:
        cause = str(error)
    except (RecursionError, ValueError):
        cause = "it is nested too deeply, or holds a number that is too long"
    raise ProblemError([Problem(subject, cause, "correct the file")])


class _NotStrictError(Exception):
    """JSON that Thanos and others read differently."""


def _without_repetition(pairs: list[tuple[str, object]]) -> dict[str, object]:
    for key, times in Counter(pair[0] for pair in pairs).items():
        if times > 1:
            raise _NotStrictError(f"the key {key!r} stands {times} times in one mapping")
    return dict(pairs)


def _no_constant(name: str) -> object:
    raise _NotStrictError(f"{name} is not JSON")


@dataclass(frozen=True)
class Reading:
    """What a file's content says. What cannot be read is empty in a ring, and its key is among the broken ones."""

    rings: tuple[Hashring, ...]
    broken: tuple[frozenset[str], ...]
    problems: tuple[Problem, ...]

    def where(self, *keys: str) -> Iterator[tuple[str, Hashring]]:
        """Each ring of which these keys can be read, with what messages call it."""
        for number, (ring, broken) in enumerate(zip(self.rings, self.broken, strict=True), 1):
            if broken.isdisjoint(keys):
                yield place_of(number, ring.name), ring


def read(content: object) -> Reading:
    """Read a parsed file."""
    reader = RingReader(strict=True)
    if not isinstance(content, list):
        reader.refuse(
            "Hashring file",
            f"it is {kind(content)}, not a list of rings",
            "give a list with one mapping for each ring",
        )
    elif not content:
        reader.refuse("Hashring file", "it holds no ring, and a receiver does not load it", "give at least one ring")
    else:
        for number, ring in enumerate(content, 1):
            reader.ring(number, ring)
    return reader.reading()


def place_of(number: int, name: object) -> str:
    return f"Ring {number} ({name})" if name and isinstance(name, str) else f"Ring {number}"


class RingReader(Reader):
    """Makes the model of parsed JSON or YAML and keeps every problem."""

    def __init__(self, *, strict: bool = False) -> None:
        super().__init__(strict=strict)
        self._rings: list[tuple[Hashring, frozenset[str]]] = []
        self._broken: set[str] = set()
        self._told = 0

    def ring(self, number: int, content: object) -> None:
        """Read the next ring of a file."""
        place = place_of(number, content.get("hashring") if isinstance(content, dict) else None)
        ring = self.mapping(place, content, KEYS)
        self.begin(() if isinstance(content, dict) else KEYS)
        self.add(place, ring, "hashring", self.mark("endpoints", self.endpoints(place, ring)))

    def begin(self, broken: Collection[str] = ()) -> None:
        """Begin a ring, of which these keys are known to be broken."""
        self._broken = {*broken}
        self._told = len(self.problems)

    def add(self, place: str, ring: Mapping[str, object], name: str, endpoints: tuple[Endpoint, ...]) -> None:
        """The next ring, of these keys, with its name under this one."""
        read = Hashring(
            name=self.mark("hashring", self.value(place, ring, name, "")),
            tenants=self.mark("tenants", self.texts(place, ring, "tenants")),
            tenant_matcher_type=self.mark("tenant_matcher_type", self.value(place, ring, "tenant_matcher_type", "")),
            endpoints=endpoints,
            algorithm=self.mark("algorithm", self.value(place, ring, "algorithm", "")),
            external_labels=self.mark("external_labels", self.external_labels(place, ring)),
            shuffle_sharding=self.mark("shuffle_sharding_config", self.sharding(place, ring)),
        )
        self._rings.append((read, frozenset(self._broken)))

    def reading(self) -> Reading:
        rings, broken = zip(*self._rings, strict=True) if self._rings else ((), ())
        return Reading(rings, broken, tuple(self.problems))

    def mark(self, key: str, value: _Anything) -> _Anything:
        """Notes the key as broken if there are more problems now than before its value was read."""
        if len(self.problems) > self._told:
            self._told = len(self.problems)
            self._broken.add(key)
        return value

    def endpoints(self, place: str, ring: Mapping[str, object]) -> tuple[Endpoint, ...]:
        return tuple(
            self.endpoint(f"{place}, endpoint {position}", endpoint)
            for position, endpoint in enumerate(self.value(place, ring, "endpoints", []), 1)
        )

    def endpoint(self, place: str, content: object) -> Endpoint:
        if isinstance(content, str):
            content = {"address": content}
        endpoint = self.mapping(place, content, ("address", "capnproto_address", "az"))
        return Endpoint(
            address=self.value(place, endpoint, "address", ""),
            capnproto_address=self.value(place, endpoint, "capnproto_address", ""),
            az=self.value(place, endpoint, "az", ""),
        )

    def external_labels(self, place: str, ring: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
        return tuple(self.labels(f"{place}, external_labels", ring.get("external_labels", {})).items())

    def sharding(self, place: str, ring: Mapping[str, object]) -> ShuffleSharding:
        place = f"{place}, shuffle_sharding_config"
        content = ring.get("shuffle_sharding_config", {})
        sharding = self.mapping(place, content, ("shard_size", "cache_size", "zone_awareness_disabled", "overrides"))
        return ShuffleSharding(
            shard_size=self.value(place, sharding, "shard_size", 0),
            cache_size=self.value(place, sharding, "cache_size", 0),
            zone_awareness_disabled=self.value(place, sharding, "zone_awareness_disabled", False),
            overrides=tuple(
                self.override(f"{place}, override {position}", override)
                for position, override in enumerate(self.value(place, sharding, "overrides", []), 1)
            ),
        )

    def override(self, place: str, content: object) -> Override:
        override = self.mapping(place, content, ("shard_size", "tenants", "tenant_matcher_type"))
        return Override(
            shard_size=self.value(place, override, "shard_size", 0),
            tenants=self.texts(place, override, "tenants"),
            tenant_matcher_type=self.value(place, override, "tenant_matcher_type", ""),
        )
