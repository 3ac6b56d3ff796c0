# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hashrings of ingestors that run as StatefulSets: from how many there are to the addresses of their pods."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.miribit.thanos.plugins.module_utils.base.names import DNS_LABEL, DNS_SUBDOMAIN, HIGHEST_PORT
from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.hashring.file import (
    Endpoint,
    Hashring,
    Reading,
    RingReader,
    place_of,
)
from ansible_collections.miribit.thanos.plugins.module_utils.hashring.rules import check, warnings

GRPC_PORT = 10901
# Far above what one StatefulSet is run with; it keeps a slip of the finger from building a ring for minutes.
MOST_REPLICAS = 1000

_KEYS = (
    *("name", "service", "replicas", "zones", "capnproto_port"),
    *("tenants", "tenant_matcher_type", "algorithm", "external_labels", "shuffle_sharding_config"),
)


@dataclass(frozen=True)
class StatefulSet:
    """Ingestors of a ring, or of one of its zones. All StatefulSets of a ring share its headless Service."""

    name: str
    service: str
    ring: str
    zone: str | None
    replicas: int

    def endpoints(self, domain: str, capnproto_port: int) -> Iterator[Endpoint]:
        """Yield the addresses of the pods; a port of 0 is none."""
        for ordinal in range(self.replicas):
            host = f"{self.name}-{ordinal}.{self.service}.{domain}"
            capnproto = f"{host}:{capnproto_port}" if capnproto_port else ""
            yield Endpoint(f"{host}:{GRPC_PORT}", capnproto, self.zone or "")


@dataclass(frozen=True)
class SpecReading:
    """Rings of a specification, and the StatefulSets that they stand for."""

    rings: Reading
    stateful_sets: tuple[StatefulSet, ...]


@dataclass(frozen=True)
class Plan:
    """Rings in which nothing is wrong, and what is strange about them."""

    rings: tuple[Hashring, ...]
    warnings: tuple[Problem, ...]

    def content(self) -> list[dict[str, object]]:
        """The hashring file."""
        return [ring.as_json() for ring in self.rings]


def plan(spec: object, options: Mapping[str, object]) -> Plan:
    """What the filter and the module hashring make of their options."""
    reader = RingReader()
    namespace = reader.value("Options", options, "namespace", "")
    cluster_domain = reader.value("Options", options, "cluster_domain", "")
    replication_factor = reader.value("Options", options, "replication_factor", 0)
    tenants = reader.texts("Options", options, "tenants")
    router_only = reader.value("Options", options, "router_only", False)
    if reader.problems:
        raise ProblemError(reader.problems)
    if not DNS_LABEL.fullmatch(namespace):
        reader.refuse("Option namespace", f"{namespace!r} is not a namespace's name", "give the one of the ingestors")
    if not DNS_SUBDOMAIN.fullmatch(cluster_domain):
        reader.refuse("Option cluster_domain", f"{cluster_domain!r} is not a domain", "give one like cluster.local")
    if not isinstance(spec, list) or not spec:
        reader.refuse("Option spec", "it is not a list of rings", "give a list with one mapping for each ring")
    rings = read_spec(spec if isinstance(spec, list) else [], namespace, cluster_domain).rings
    found = check(rings, replication_factor, tenants=tenants, router_only=router_only)
    if reader.problems or found:
        raise ProblemError([*reader.problems, *found])
    return Plan(rings.rings, tuple(warnings(rings, replication_factor)))


def read_spec(spec: Sequence[object], namespace: str, cluster_domain: str) -> SpecReading:
    """The rings that a specification stands for."""
    reader = RingReader()
    found: list[StatefulSet] = []
    for number, content in enumerate(spec, 1):
        if not isinstance(content, dict):
            reader.ring(number, content)
            continue
        place = place_of(number, content.get("name"))
        reader.begin()
        ring = reader.mapping(place, content, _KEYS)
        capnproto_port = _capnproto_port(reader, place, ring)
        stateful_sets = list(_stateful_sets(reader, place, ring))
        domain = f"{namespace}.svc.{cluster_domain}"
        endpoints = tuple(one for each in stateful_sets for one in each.endpoints(domain, capnproto_port))
        reader.add(place, {"algorithm": "ketama", **ring}, "name", reader.mark("endpoints", endpoints))
        found += stateful_sets
    return SpecReading(reader.reading(), tuple(found))


def _capnproto_port(reader: RingReader, place: str, ring: Mapping[str, object]) -> int:
    port = reader.value(place, ring, "capnproto_port", 0)
    if not 0 <= port <= HIGHEST_PORT:
        reader.refuse(place, f"capnproto_port {port} is no port", "give the one the ingestors listen on")
    return port


def _stateful_sets(reader: RingReader, place: str, ring: Mapping[str, object]) -> Iterator[StatefulSet]:
    """Those whose pods can exist."""
    for key in ("name", "service"):
        if not ring.get(key):
            reader.refuse(place, f"it has no {key}", f"give its {key}")
    for each in _zones(reader, place, ring):
        where = f"{place}, StatefulSet {each.name}"
        if not 1 <= each.replicas <= MOST_REPLICAS:
            reader.refuse(where, f"{each.replicas} replicas are not possible", f"give 1 to {MOST_REPLICAS}")
        elif not DNS_LABEL.fullmatch(f"{each.name}-{each.replicas - 1}"):
            cause = "its pods would have no valid host name"
            fix = "use lower case letters, digits and '-', not more than 63 with the ordinal"
            reader.refuse(where, cause, fix)
        else:
            yield each


def _zones(reader: RingReader, place: str, ring: Mapping[str, object]) -> Iterator[StatefulSet]:
    """The StatefulSets of a ring: one, or one for each zone."""
    # What is of another type is told when the ring is read.
    own, service = str(ring.get("name") or ""), reader.value(place, ring, "service", "")
    if ("replicas" in ring) == ("zones" in ring):
        cause = "it has both replicas and zones" if "zones" in ring else "it has neither replicas nor zones"
        reader.refuse(place, cause, "give replicas, or zones with replicas each")
    elif "replicas" in ring:
        yield StatefulSet(service, service, own, None, reader.value(place, ring, "replicas", 0))
    else:
        seen: set[str] = set()
        for number, content in enumerate(reader.value(place, ring, "zones", []), 1):
            where = f"{place}, zone {number}"
            zone = reader.mapping(where, content, ("name", "replicas"))
            name = reader.value(where, zone, "name", "")
            if not name or name in seen:
                reader.refuse(where, f"its name {name!r} is empty or used twice", "give each zone its own name")
            seen.add(name)
            yield StatefulSet(f"{service}-{name}", service, own, name, reader.value(where, zone, "replicas", 0))
