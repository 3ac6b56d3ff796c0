# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hashrings of ingestors that run as StatefulSets: from how many there are to the addresses of their pods."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ansible_collections.miribit.thanos.plugins.module_utils.base.names import DNS_LABEL, DNS_SUBDOMAIN, HIGHEST_PORT
from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.hashring.file import (
    Hashring,
    Reading,
    RingReader,
    place_of,
)
from ansible_collections.miribit.thanos.plugins.module_utils.hashring.rules import check, warnings

GRPC_PORT = 10901
# Far above what one StatefulSet is run with; it keeps a slip of the finger from building a ring for minutes.
MOST_REPLICAS = 1000

#: What a ring of the specification and one of the file have in common.
_SAME_KEYS = ("tenants", "tenant_matcher_type", "algorithm", "external_labels", "shuffle_sharding_config")
_KEYS = ("name", "service", "replicas", "zones", "capnproto_port", *_SAME_KEYS)


@dataclass(frozen=True)
class Plan:
    """Rings in which nothing is wrong, and what is strange about them."""

    rings: tuple[Hashring, ...]
    warnings: tuple[Problem, ...]

    def content(self) -> list[dict[str, object]]:
        """The hashring file."""
        return [ring.as_json() for ring in self.rings]


def plan(spec: object, options: Mapping[str, object]) -> Plan:
    """What the filter hashrings and the module hashring make of their options."""
    reader = RingReader()
    namespace = reader.value("Options", options, "namespace", "")
    cluster_domain = reader.value("Options", options, "cluster_domain", "")
    replication_factor = reader.value("Options", options, "replication_factor", 0)
    tenants = reader.texts("Options", options, "tenants")
    router_only = reader.value("Options", options, "router_only", False)
    if reader.problems:
        raise ProblemError(reader.problems)
    reading = read_spec(spec, namespace, cluster_domain)
    if found := check(reading, replication_factor, tenants=tenants, router_only=router_only):
        raise ProblemError(found)
    return Plan(reading.rings, tuple(warnings(reading, replication_factor)))


def read_spec(spec: object, namespace: str, cluster_domain: str) -> Reading:
    """The rings that a specification stands for."""
    reader = RingReader()
    if not DNS_LABEL.fullmatch(namespace):
        reader.refuse("Option namespace", f"{namespace!r} is not a namespace's name", "give the one of the ingestors")
    if not DNS_SUBDOMAIN.fullmatch(cluster_domain):
        reader.refuse("Option cluster_domain", f"{cluster_domain!r} is not a domain", "give one like cluster.local")
    if not isinstance(spec, list) or not spec:
        reader.refuse("Option spec", "it is not a list of rings", "give a list with one mapping for each ring")
        return reader.reading()
    for number, ring in enumerate(spec, 1):
        if not isinstance(ring, dict):
            reader.ring(number, ring)
            continue
        known = len(reader.problems)
        place = place_of(number, ring.get("name"))
        values = reader.mapping(place, ring, _KEYS)
        document = {
            "hashring": values.get("name"),
            "algorithm": "ketama",
            **{key: values[key] for key in _SAME_KEYS if key in values},
            "endpoints": list(_endpoints(reader, place, values, f"{namespace}.svc.{cluster_domain}")),
        }
        reader.ring(number, document, broken=("endpoints",) if len(reader.problems) > known else ())
    return reader.reading()


def _endpoints(reader: RingReader, place: str, ring: dict[str, object], domain: str) -> Iterator[dict[str, object]]:
    for key in ("name", "service"):
        if not ring.get(key):
            reader.refuse(place, f"it has no {key}", f"give its {key}")
    service = reader.value(place, ring, "service", "")
    capnproto_port = reader.value(place, ring, "capnproto_port", 0)
    if not 0 <= capnproto_port <= HIGHEST_PORT:
        reader.refuse(place, f"capnproto_port {capnproto_port} is no port", "give the one the ingestors listen on")
    for statefulset, replicas, az in _statefulsets(reader, place, service, ring):
        if not 1 <= replicas <= MOST_REPLICAS:
            reader.refuse(
                f"{place}, StatefulSet {statefulset}",
                f"{replicas} replicas are not possible",
                f"give 1 to {MOST_REPLICAS}",
            )
        elif not DNS_LABEL.fullmatch(f"{statefulset}-{replicas - 1}"):
            cause = "its pods would have no valid host name"
            fix = "use lower case letters, digits and '-', not more than 63 with the ordinal"
            reader.refuse(f"{place}, StatefulSet {statefulset}", cause, fix)
        else:
            for ordinal in range(replicas):
                host = f"{statefulset}-{ordinal}.{service}.{domain}"
                capnproto = f"{host}:{capnproto_port}" if capnproto_port else None
                yield {"address": f"{host}:{GRPC_PORT}", "capnproto_address": capnproto, "az": az}


def _statefulsets(
    reader: RingReader, place: str, service: str, ring: dict[str, object]
) -> Iterator[tuple[str, int, str | None]]:
    """The StatefulSets of a ring, their replicas and their AZ. All share the ring's headless Service."""
    if ("replicas" in ring) == ("zones" in ring):
        cause = "it has both replicas and zones" if "zones" in ring else "it has neither replicas nor zones"
        reader.refuse(place, cause, "give replicas, or zones with replicas each")
    elif "replicas" in ring:
        yield service, reader.value(place, ring, "replicas", 0), None
    else:
        seen: set[str] = set()
        for number, content in enumerate(reader.value(place, ring, "zones", []), 1):
            where = f"{place}, zone {number}"
            zone = reader.mapping(where, content, ("name", "replicas"))
            name = reader.value(where, zone, "name", "")
            if not name or name in seen:
                reader.refuse(where, f"its name {name!r} is empty or used twice", "give each zone its own name")
            seen.add(name)
            yield f"{service}-{name}", reader.value(where, zone, "replicas", 0), name
