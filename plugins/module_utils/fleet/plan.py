# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of a fleet: from the variables of all its clusters to what each needs to know of the others."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.miribit.thanos.plugins.module_utils.base.environment import foreign_access
from ansible_collections.miribit.thanos.plugins.module_utils.base.facts import as_facts
from ansible_collections.miribit.thanos.plugins.module_utils.base.names import DNS_LABEL, DNS_SUBDOMAIN
from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.base.versions import version
from ansible_collections.miribit.thanos.plugins.module_utils.fleet.edge import read_credentials, read_sending
from ansible_collections.miribit.thanos.plugins.module_utils.fleet.groups import NO_EDGES, listed
from ansible_collections.miribit.thanos.plugins.module_utils.fleet.options import Option, wording
from ansible_collections.miribit.thanos.plugins.module_utils.fleet.receiver import (
    EXPOSURE,
    is_service_name,
    read_receiver,
    receiver_fact,
)
from ansible_collections.miribit.thanos.plugins.module_utils.fleet.schema import (
    PREFIXES,
    SCHEMA,
    Findings,
    Host,
    HostReader,
    Purpose,
    Role,
)
from ansible_collections.miribit.thanos.plugins.module_utils.fleet.validate import check_receiver, validate
from ansible_collections.miribit.thanos.plugins.module_utils.remote_write.model import label_complaints

_THANOS_VERSION = re.compile(r"v?([0-9]{1,4})\.([0-9]{1,4})\.([0-9]{1,4})([-+].*)?")
#: Ingestors that are stopped upload what they hold, again, since this one.
_UPLOADS_AT_SHUTDOWN = (0, 42, 3)

#: Variables that must be names of objects, or parts of names.
_NAMES = {
    "fleet_namespace": (DNS_LABEL, "a namespace's name", "lower case letters, digits and '-'"),
    "fleet_cluster_domain": (DNS_SUBDOMAIN, "a domain", "one like cluster.local"),
    "fleet_storage_class": (DNS_SUBDOMAIN, "a StorageClass's name", "lower case letters, digits, '-' and dots"),
    "fleet_ingress_class": (DNS_SUBDOMAIN, "an IngressClass's name", "lower case letters, digits, '-' and dots"),
}


@dataclass(frozen=True)
class Plan:
    """A fleet in which nothing is wrong, as the fact has it, and what is strange about it.

    One that is only read may lack what its phases need: that is null in the fact.
    """

    fleet: dict[str, object]
    warnings: tuple[Problem, ...]


@dataclass(frozen=True)
class Cluster:
    """What any cluster has."""

    name: str
    role: Role
    kubeconfig: str | None
    context: str
    uid: str
    namespace: str
    cluster_domain: str
    storage_class: str
    ingress_class: str
    external_labels: Mapping[str, str]
    thanos_version: str
    thanos_image: str
    prometheus_version: str
    prometheus_image: str

    def as_dict(self) -> dict[str, object]:
        # As the options of modules take it, which have no null.
        access = {"kubeconfig": self.kubeconfig} if self.kubeconfig else {}
        return {
            **vars(self),
            "access": {**access, "context": self.context},
            "external_labels": dict(self.external_labels),
        }


def plan(
    central: Sequence[Host],
    edges: Sequence[Host],
    options: Mapping[str, Option] | None = None,
    *,
    of_play: Collection[str] = (),
    too_late: Collection[str] = (),
    environment: Collection[str] = (),
    purpose: Purpose = "change",
) -> Plan:
    """Plan the clusters of both groups.

    Options are the variables of all roles. Those of the play are set there to another value than in the inventory. What
    is too late is set in the inventory, and Ansible needs it before it reads that.
    The environment is given by the names of its variables.
    """
    findings = Findings()
    _check_surroundings(findings, of_play, environment, purpose)
    for name in too_late:
        cause = "it has no effect in the inventory: Ansible reads it before it knows the variables of hosts"
        findings.refuse("", name, cause, "take it out there, and give it with --extra-vars")
    _check_groups(findings, central, edges)
    of_central = {host.name: HostReader(host, "central", findings, purpose) for host in central}
    # What is in both groups is told above.
    of_edges = {host.name: HostReader(host, "edge", findings, purpose) for host in edges if host.name not in of_central}
    readers = [*of_central.values(), *of_edges.values()]
    known = options or {}
    _check_names(findings, readers, {*SCHEMA, *known})
    for reader in readers:
        validate(reader, known)
    _check_scopes(findings, of_central.values(), of_edges.values())

    clusters = {reader.host.name: _cluster(reader) for reader in readers}
    _check_identities(findings, list(clusters.values()))
    receivers = [(reader, read_receiver(reader)) for reader in of_central.values()]
    # Which of several is meant, nobody knows.
    receiver = receivers[0][1] if len(receivers) == 1 else None
    if any(reader.rejected & EXPOSURE for reader, _own in receivers):
        # What is wrong with it would be repeated for each edge.
        receiver = None
    complete = not any(reader.incomplete for reader in of_central.values())

    tenants: set[str] = set()
    facts: dict[str, object] = {}
    for reader, cluster in zip(readers, clusters.values(), strict=True):
        fact = {
            **cluster.as_dict(),
            "senders": [],
            "remote_write": None,
            "remote_write_spec": None,
            "credentials": None,
        }
        if reader.role == "edge":
            credentials = read_credentials(reader)
            fact["credentials"] = credentials.as_dict()
            sending = read_sending(reader, receiver, credentials, cluster.external_labels, cluster.prometheus_version)
            if sending and receiver and complete and not reader.incomplete:
                spec = sending.spec
                fact |= {"remote_write": sending.as_dict(), "remote_write_spec": as_facts(spec)}
                fact["senders"] = [{"tenant": tenant, "url": spec.url} for tenant in spec.tenant_names]
                tenants |= {tenant or receiver.default_tenant for tenant in spec.tenant_names}
        facts[cluster.name] = fact

    made = [
        receiver_fact(
            reader, own, clusters[reader.host.name].namespace, clusters[reader.host.name].cluster_domain, tenants
        )
        for reader, own in receivers
    ]
    queries = [_query(reader) for reader in of_central.values()]
    for reader in of_central.values():
        check_receiver(reader)
    if findings.problems:
        raise ProblemError(findings.problems)
    fleet: dict[str, object] = {
        "central": central[0].name,
        "edges": list(of_edges),
        "clusters": facts,
        "receiver": None if of_central[central[0].name].incomplete else made[0],
        "query": queries[0],
    }
    return Plan(fleet, findings.warnings)


def _query(reader: HostReader) -> dict[str, object]:
    name = reader.text("thanos_query_name")
    if not is_service_name(name):
        cause = f"{name!r} is not a name of a Service"
        reader.refuse("thanos_query_name", cause, "use lower case letters, digits and '-', a letter first")
    return {"name": name}


# The inventory as a whole.


def _check_surroundings(
    findings: Findings, of_play: Collection[str], environment: Collection[str], purpose: Purpose
) -> None:
    for problem in foreign_access(environment):
        if purpose == "read":
            findings.warn("", problem.subject, "it is not used here, and phases 1 and 2 refuse it", problem.fix)
        else:
            findings.refuse("", problem.subject, problem.cause, problem.fix)
    for name in of_play:
        cause = "it is set in the play, where it says nothing of the clusters of other plays"
        findings.refuse("", name, cause, "set it in the inventory, or with --extra-vars")


def _check_groups(findings: Findings, central: Sequence[Host], edges: Sequence[Host]) -> None:
    if len(central) != 1:
        cause = (
            f"it has {len(central)} hosts, {listed([host.name for host in central])}" if central else "it has no hosts"
        )
        findings.refuse("", "Group central", cause, "put into it the one cluster that has the receiver")
    if not edges:
        findings.warn("", NO_EDGES.subject, NO_EDGES.cause, NO_EDGES.fix)
    for host in edges:
        if host.name in {other.name for other in central}:
            cause = "it is in both groups, central and edge"
            findings.refuse(host.name, "", cause, "leave it in one: the central cluster is no edge")


def _check_names(findings: Findings, readers: Sequence[HostReader], known: Collection[str]) -> None:
    for reader in readers:
        for name in reader.host.variables:
            if name.startswith(PREFIXES) and name not in known:
                prefix = next(prefix for prefix in PREFIXES if name.startswith(prefix))
                reserved = f"remove it or rename it: names that begin with {prefix} are reserved for this collection"
                findings.refuse(reader.host.name, name, "unknown variable", wording(name, known) or reserved)


def _check_scopes(findings: Findings, central: Collection[HostReader], edges: Collection[HostReader]) -> None:
    """Values that are not used. What is set for all hosts is meant for those that it is for."""
    for scope, used_by, others in (("central", central, edges), ("edge", edges, central)):
        used = {name for reader in used_by for name in reader.host.variables}
        for reader in others:
            for name in reader.host.variables:
                if name in SCHEMA and SCHEMA[name].scope == scope and name not in used:
                    cause = f"it is not used: it is a variable of group {scope}, and no host there has it"
                    findings.warn(reader.host.name, name, cause, f"set it for the group {scope}, or take it away")


def _check_identities(findings: Findings, clusters: Sequence[Cluster]) -> None:
    for same in _alike(clusters, lambda cluster: (cluster.kubeconfig, cluster.context)):
        of = same[0].kubeconfig or "the usual kubeconfig"
        cause = f"they are one cluster, context {same[0].context} of {of}, which would be changed twice"
        _refuse_all(findings, same, "fleet_context", cause, "give each its own context, or leave one host out")
    for same in _alike(clusters, lambda cluster: cluster.uid):
        cause = f"they are one cluster, with the UID {same[0].uid}, which would be changed twice"
        _refuse_all(findings, same, "fleet_cluster_uid", cause, "give each its own UID, or leave one host out")
    for same in _alike(clusters, lambda cluster: cluster.external_labels["cluster"]):
        label = same[0].external_labels["cluster"]
        cause = f"their external label cluster is the same ({label}), so that no query tells them apart"
        if any(_alike(same, lambda cluster: sorted(cluster.external_labels.items()))):
            cause = (
                f"their external label cluster is the same ({label}), and so are all others: one series of both is "
                "refused with 409"
            )
        _refuse_all(findings, same, "fleet_cluster_label", cause, "give each cluster its own")


def _alike(clusters: Sequence[Cluster], what: Callable[[Cluster], object]) -> Iterator[list[Cluster]]:
    """The clusters that have something in common."""
    groups: dict[str, list[Cluster]] = {}
    for cluster in clusters:
        if common := what(cluster):
            groups.setdefault(repr(common), []).append(cluster)
    return (same for same in groups.values() if len(same) > 1)


def _refuse_all(findings: Findings, clusters: Iterable[Cluster], at: str, cause: str, fix: str) -> None:
    for cluster in clusters:
        findings.refuse(cluster.name, at, cause, fix)


# One cluster.


def _cluster(reader: HostReader) -> Cluster:
    for name, (pattern, what, form) in _NAMES.items():
        if not pattern.fullmatch(text := reader.text(name)):
            reader.refuse(name, f"{text!r} is not {what}", f"give {form}")
    thanos_version, prometheus_version = reader.text("fleet_thanos_version"), reader.text("fleet_prometheus_version")
    _check_versions(reader, thanos_version, prometheus_version)
    host = reader.host.name
    return Cluster(
        name=host,
        role=reader.role,
        kubeconfig=reader.text("fleet_kubeconfig") or None,
        context=reader.text("fleet_context") or host,
        uid=reader.text("fleet_cluster_uid"),
        namespace=reader.text("fleet_namespace"),
        cluster_domain=reader.text("fleet_cluster_domain"),
        storage_class=reader.text("fleet_storage_class"),
        ingress_class=reader.text("fleet_ingress_class"),
        external_labels=_external_labels(reader),
        thanos_version=thanos_version,
        thanos_image=_image(reader, "fleet_thanos_image", "quay.io/thanos/thanos", thanos_version),
        prometheus_version=prometheus_version,
        prometheus_image=_image(reader, "fleet_prometheus_image", "quay.io/prometheus/prometheus", prometheus_version),
    )


def _external_labels(reader: HostReader) -> dict[str, str]:
    labels = reader.labels("fleet_external_labels")
    if "cluster" in labels:
        cause = "the label cluster is the variable fleet_cluster_label"
        reader.refuse("fleet_external_labels", cause, "set that one, or leave it out: it is then the host's name")
    labels = {"cluster": reader.text("fleet_cluster_label") or reader.host.name, **labels}
    for complaint in label_complaints(labels):
        of_cluster = complaint.at == "label cluster"
        place = "fleet_cluster_label" if of_cluster else complaint.place("fleet_external_labels")
        reader.refuse(place, complaint.cause, complaint.fix)
    return labels


def _check_versions(reader: HostReader, thanos: str, prometheus: str) -> None:
    match = _THANOS_VERSION.fullmatch(thanos)
    if match is None:
        reader.refuse("fleet_thanos_version", f"{thanos!r} is no version", "give one such as 0.42.4")
    elif reader.role == "central" and tuple(map(int, match.groups()[:3])) < _UPLOADS_AT_SHUTDOWN:
        cause = "uploads at shutdown are missing before 0.42.3: what an ingestor holds then stays in its volume"
        reader.warn("fleet_thanos_version", cause, "use 0.42.3 or newer")
    # That of an edge is checked with the rest of its remote write.
    if reader.role == "central" and version(prometheus) is None:
        reader.refuse("fleet_prometheus_version", f"{prometheus!r} is no version", "give one such as 3.15.0")


def _image(reader: HostReader, name: str, repository: str, number: str) -> str:
    image = reader.text(name)
    if not image:
        return f"{repository}:v{number.removeprefix('v')}"
    tag = image.rpartition("/")[2].partition("@")[0].partition(":")[2]
    if "@" not in image and tag in {"", "latest"}:
        cause = f"the image {image} names no version, and may be another one at each start"
        reader.warn(name, cause, "give a tag with a version, or a digest")
    elif version(tag) and tag.removeprefix("v").partition("-")[0] != number.removeprefix("v"):
        variable = name.replace("_image", "_version")
        reader.warn(name, f"its tag is {tag}, and {variable} is {number}", f"set {variable} to the image's version")
    return image
