# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The receiver of the central cluster, as the plan of a fleet has it: its rings, and how edges reach it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass

from ansible_collections.miribit.thanos.plugins.module_utils.base.names import (
    DNS_LABEL,
    DNS_SUBDOMAIN,
    HIGHEST_PORT,
    wrong_tenant,
)
from ansible_collections.miribit.thanos.plugins.module_utils.fleet.schema import HostReader
from ansible_collections.miribit.thanos.plugins.module_utils.hashring.file import as_text, config_hash
from ansible_collections.miribit.thanos.plugins.module_utils.hashring.rules import (
    check_factor,
    check_rings,
    factor_warnings,
    ring_warnings,
)
from ansible_collections.miribit.thanos.plugins.module_utils.hashring.spec import SpecReading, StatefulSet, read_spec
from ansible_collections.miribit.thanos.plugins.module_utils.remote_write.model import (
    RECEIVE_PORT,
    TENANT_HEADER,
    header_complaint,
    host_complaints,
)

#: Kubernetes labels the pods of a StatefulSet with its name, a hyphen and a hash of ten; a label has 63 characters.
LONGEST_STATEFUL_SET = 52


#: Variables that say where and how edges reach the receiver.
EXPOSURE = frozenset({"thanos_receiver_ingress", "thanos_receiver_load_balancer", "thanos_receiver_tls"})


@dataclass(frozen=True)
class Receiver:
    """What edges must know of the receiver."""

    #: None if there is no LoadBalancer. Its address is empty where the cluster chooses it.
    load_balancer: tuple[str, int] | None
    #: The host of the Ingress, or empty.
    ingress: str
    tls: bool
    client_certificates: bool
    tenant_header: str
    default_tenant: str


def read_receiver(reader: HostReader) -> Receiver:
    tls = reader.flag("thanos_receiver_tls")
    client_certificates = reader.flag("thanos_receiver_client_certificates")
    if client_certificates and not tls:
        cause = "a certificate is asked for in TLS, and the receiver speaks none"
        reader.require("thanos_receiver_client_certificates", cause, "set thanos_receiver_tls: true, or leave it out")
    default_tenant = reader.text("thanos_receiver_default_tenant")
    if why := wrong_tenant(default_tenant):
        reader.require("thanos_receiver_default_tenant", why, "take another name")
    tenant_header = reader.text("thanos_receiver_tenant_header")
    if complaint := header_complaint(tenant_header):
        reader.require("thanos_receiver_tenant_header", complaint, f"take another, such as {TENANT_HEADER}")
        # So that it is not told of each edge again.
        tenant_header = TENANT_HEADER
    return Receiver(
        load_balancer=_load_balancer(reader),
        ingress=_ingress(reader),
        tls=tls,
        client_certificates=client_certificates,
        tenant_header=tenant_header,
        default_tenant=default_tenant,
    )


def _load_balancer(reader: HostReader) -> tuple[str, int] | None:
    name = "thanos_receiver_load_balancer"
    content = reader.mapping(name, ("enabled", "address", "port"))
    address = reader.within(name, content, "address", "")
    port = reader.within(name, content, "port", RECEIVE_PORT)
    if not 1 <= port <= HIGHEST_PORT:
        reader.require(name, f"port {port} is no port", f"give a number from 1 to {HIGHEST_PORT}")
    if not reader.within(name, content, "enabled", True):
        return None
    host, _colon, number = address.partition(":")
    if number.isdigit():
        fix = f"write {{address: {host}, port: {number}}}"
        reader.require(f"{name}.address", f"{address!r} includes a port, which is a key of its own", fix)
        return (address, port)
    # Told here once, and not for each edge that takes this way.
    return (_reachable(reader, name, address) if address else "", port)


def _ingress(reader: HostReader) -> str:
    name = "thanos_receiver_ingress"
    host = reader.within(name, reader.mapping(name, ("host",)), "host", "")
    if host and not DNS_SUBDOMAIN.fullmatch(host):
        cause = f"an Ingress cannot have the host {host!r}"
        reader.require(name, cause, "give a name with lower case letters, digits, '-' and dots")
        return host
    return _reachable(reader, name, host) if host else ""


def _reachable(reader: HostReader, name: str, host: str) -> str:
    for complaint in host_complaints(host):
        (reader.require if complaint.certain else reader.warn)(name, complaint.cause, complaint.fix)
    return host


def receiver_fact(
    reader: HostReader, receiver: Receiver, namespace: str, cluster_domain: str, tenants: Collection[str]
) -> dict[str, object]:
    """The receiver as the fact has it. Tenants are those that edges write as; each must have a ring."""
    name = reader.text("thanos_receiver_name")
    if not is_service_name(name) or len(name) > LONGEST_STATEFUL_SET:
        cause = f"{name!r} is not a name that those of all objects can begin with"
        fix = f"use lower case letters, digits and '-', a letter first, at most {LONGEST_STATEFUL_SET}"
        reader.require("thanos_receiver_name", cause, fix)
    routers = reader.number("thanos_receiver_routers")
    if routers < 1:
        cause = f"{routers} routers take no writes"
        reader.require("thanos_receiver_routers", cause, "give at least 1, and 2 to survive the loss of one")
    replication_factor = reader.number("thanos_receiver_replication_factor")
    rings = [_with_service(ring, name) for ring in reader.items("thanos_receiver_rings")]
    ingestors = _ingestors(reader, rings, namespace, cluster_domain)
    found = check_rings(ingestors.rings, replication_factor, tenants=sorted(tenants))
    for problem in check_factor(replication_factor):
        reader.require("thanos_receiver_replication_factor", problem.cause, problem.fix)
    for warning in factor_warnings(replication_factor):
        reader.warn("thanos_receiver_replication_factor", warning.cause, warning.fix)
    for problem in (*ingestors.rings.problems, *found):
        reader.require(f"thanos_receiver_rings, {problem.subject}", problem.cause, problem.fix)
    for warning in ring_warnings(ingestors.rings):
        reader.warn(f"thanos_receiver_rings, {warning.subject}", warning.cause, warning.fix)
    _check_names(reader, name, ingestors.stateful_sets)
    planned = ingestors.rings.rings
    text = as_text([ring.as_json() for ring in planned])
    return {
        "name": name,
        "namespace": namespace,
        "replication_factor": replication_factor,
        "routers": routers,
        "tenant_header": receiver.tenant_header,
        "default_tenant": receiver.default_tenant,
        "tenants": sorted(tenants),
        "rings": rings,
        "hashrings_text": text,
        "config_hash": config_hash(text),
        "endpoints": [endpoint.address for ring in planned for endpoint in ring.endpoints],
        "stateful_sets": [asdict(each) for each in ingestors.stateful_sets],
        "load_balancer": dict(zip(("address", "port"), receiver.load_balancer, strict=True))
        if receiver.load_balancer
        else None,
        "ingress": {"host": receiver.ingress} if receiver.ingress else None,
        "tls": receiver.tls,
        "client_certificates": receiver.client_certificates,
        "vertical_compaction": reader.flag("thanos_compactor_vertical_compaction"),
    }


def _with_service(ring: object, name: str) -> object:
    """The ring with what may be left out."""
    if not isinstance(ring, dict):
        return ring
    own = ring.get("name")
    service = f"{name}-ingestor" if own == "default" else f"{name}-ingestor-{own}"
    return {"name": own, "service": service, **{key: value for key, value in ring.items() if value is not None}}


def _ingestors(reader: HostReader, rings: list[object], namespace: str, cluster_domain: str) -> SpecReading:
    if not rings:
        cause = "it is not a list of rings"
        reader.refuse("thanos_receiver_rings", cause, "give a list with one mapping for each ring")
    # Of names that are refused elsewhere, their defaults are planned with, so that the rest is checked all the same.
    return read_spec(
        rings,
        namespace if DNS_LABEL.fullmatch(namespace) else "monitoring",
        cluster_domain if DNS_SUBDOMAIN.fullmatch(cluster_domain) else "cluster.local",
    )


def _check_names(reader: HostReader, name: str, stateful_sets: Sequence[StatefulSet]) -> None:
    rings: dict[str, str] = {}
    services: dict[str, str] = {}
    for each in stateful_sets:
        place = f"thanos_receiver_rings, ring {each.ring}"
        if len(each.name) > LONGEST_STATEFUL_SET:
            cause = (
                f"the StatefulSet {each.name} gets no pods: its name has more than {LONGEST_STATEFUL_SET} characters"
            )
            reader.require(place, cause, "give a shorter thanos_receiver_name, service or zone")
        if not is_service_name(each.service) or each.service == name:
            cause = f"its Service cannot be called {each.service!r}"
            fix = f"begin with a letter, and do not take {name}, which is the name of the receiver's own Service"
            reader.require(place, cause, fix)
        if (owner := rings.setdefault(each.service, each.ring)) != each.ring:
            cause = f"the ring {owner} has the same Service {each.service}"
            reader.require(place, cause, "give each ring its own service")
        if (other := services.setdefault(each.name, each.service)) != each.service:
            cause = f"a StatefulSet of the ring {rings[other]} is called {each.name} too"
            reader.require(place, cause, "give another service, or other zones")


def is_service_name(name: str) -> bool:
    return DNS_LABEL.fullmatch(name) is not None and name[0].isalpha()
