# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Findings about the state of a cluster, and about who scrapes what in it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.targets import Target, by_job, jobs, number
from ansible_collections.miribit.thanos.plugins.module_utils.report.cluster import AGENT, RECEIVERS, Cluster, Hit
from ansible_collections.miribit.thanos.plugins.module_utils.report.fleet import Fleet
from ansible_collections.miribit.thanos.plugins.module_utils.report.targets import down

#: See docs/access.md.
_LEAST_KUBERNETES = (1, 25)
#: A receiver before it uploads nothing as it ends, so what its volume holds is lost with the volume.
_LEAST_THANOS = (0, 42, 3)

_VERSION = re.compile(r"v?([0-9]{1,9})\.([0-9]{1,9})(?:\.([0-9]{1,9}))?")


# What could be seen.


def unreachable(fleet: Fleet) -> Iterator[Hit]:
    for cluster in fleet.clusters:
        if not cluster.facts.seen:
            causes = tuple(f"{problem.subject}: {problem.cause}" for problem in cluster.facts.unseen or ())
            yield Hit(cluster, "", causes or ("there are no facts of it",))


def unseen(fleet: Fleet) -> Iterator[Hit]:
    for cluster in fleet.clusters:
        missing = unseen_of(cluster)
        if cluster.facts.seen and missing:
            yield Hit(cluster, "", (f"{len(missing)} of what was looked for could not be seen",))


def unseen_of(cluster: Cluster) -> list[dict[str, str]]:
    """What could not be seen of a cluster, and of its servers."""
    silent = {one.prometheus.problem for one in cluster.components if one.prometheus and one.prometheus.problem}
    return [problem.as_dict() for problem in sorted({*(cluster.facts.unseen or ()), *silent}, key=str)]


# Its health.


def node_not_ready(fleet: Fleet) -> Iterator[Hit]:
    for cluster in fleet.clusters:
        for node in cluster.facts.nodes or ():
            if node.ready is False:
                yield Hit(cluster, f"Node {node.name}")


def not_ready(fleet: Fleet) -> Iterator[Hit]:
    """Agents and receivers of which nothing runs are told by themselves."""
    for cluster in fleet.clusters:
        for component in cluster.components:
            wanted, ready = component.wanted, component.ready
            told = ready == 0 and component.kind in {AGENT, *RECEIVERS}
            if wanted is not None and ready is not None and ready < wanted and not told:
                reasons = f": {', '.join(component.reasons)}" if component.reasons else ""
                yield Hit(cluster, component.id, (f"{ready} of {wanted} pods are ready{reasons}",))


def default_credentials(fleet: Fleet) -> Iterator[Hit]:
    for cluster in fleet.clusters:
        for credential in cluster.facts.credentials or ():
            yield Hit(cluster, credential.subject, (credential.cause,) if credential.cause else ())


# Its versions.


def kubernetes_too_old(fleet: Fleet) -> Iterator[Hit]:
    """The preflight of each phase refuses it."""
    for cluster in fleet.clusters:
        version = _version(cluster.facts.version)
        if version and version < _LEAST_KUBERNETES:
            yield Hit(cluster, "", (f"it runs Kubernetes {cluster.facts.version}",))


def old_versions(fleet: Fleet) -> Iterator[Hit]:
    """Thanos 0.42.3 restored the upload at shutdown."""
    for cluster in fleet.clusters:
        going = {component.id for component in cluster.taken_away}
        for component in cluster.components:
            version = _version(component.version)
            is_thanos = component.kind.startswith("thanos_") and component.id not in going
            if is_thanos and version and version < _LEAST_THANOS:
                yield Hit(cluster, component.id, (f"it is Thanos {component.version}",))


def agent_flags_of_2(fleet: Fleet) -> Iterator[Hit]:
    """Prometheus 3 does not know --enable-feature=agent, and then ends on --storage.agent.path (cmd/prometheus)."""
    for cluster in fleet.clusters:
        for agent in cluster.of(AGENT):
            version = _version(agent.version)
            if version and version[0] == 2:
                yield Hit(cluster, agent.id, (f"it is Prometheus {agent.version}",))


def _version(text: str | None) -> tuple[int, ...] | None:
    match = _VERSION.match(text or "")
    return tuple(int(part or 0) for part in match.groups()) if match else None


# Its targets.


def duplicate_scraping(fleet: Fleet) -> Iterator[Hit]:
    for cluster in fleet.clusters:
        for first, second, targets in fleet.verdicts[cluster.name].duplicates:
            text = f"{second.id} also scrapes {number(targets)} of it: {jobs(targets)}"
            yield Hit(cluster, first.id, (text,))


def remote_scraping(fleet: Fleet) -> Iterator[Hit]:
    for cluster in fleet.clusters:
        for remote in fleet.verdicts[cluster.name].remote:
            text = f"it scrapes {number(remote.targets)} of {remote.of}: {jobs(remote.targets)}"
            own = f"; the agents of {remote.of} scrape {remote.own_too} of these, too" if remote.own_too else ""
            yield Hit(cluster, remote.scraper.id, (text + own,))


def targets_only_full(fleet: Fleet) -> Iterator[Hit]:
    """Where there is an agent to compare with."""
    for cluster in fleet.edges:
        missed = fleet.verdicts[cluster.name].only_in_full if cluster.of(AGENT) else None
        if missed:
            yield Hit(cluster, "", tuple(by_job(missed)))


def targets_down(fleet: Fleet) -> Iterator[Hit]:
    for cluster in fleet.clusters:
        for sender, targets in down(cluster):
            yield Hit(cluster, sender.id, (*by_job(targets), *_error(targets)))


def _error(targets: Sequence[Target]) -> tuple[str, ...]:
    errors = sorted({target.error for target in targets} - {""})
    return (f"the error of one: {errors[0]}",) if errors else ()
