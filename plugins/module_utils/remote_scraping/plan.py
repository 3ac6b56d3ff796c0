# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Targets of edges that the full servers of the central cluster scrape, too, and which of them can go."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem
from ansible_collections.miribit.thanos.plugins.module_utils.base.untyped import elements, list_at, mapping, mapping_at
from ansible_collections.miribit.thanos.plugins.module_utils.kube.owners import Objects, name_of, namespace_of
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus import scrape_jobs
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.places import Places
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.scrape_jobs import Job, Piece
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.targets import (
    Target,
    TargetKey,
    read_key,
    read_target,
)
from ansible_collections.miribit.thanos.plugins.module_utils.remote_scraping.source import (
    Source,
    read_source,
    source_of,
)

Facts = dict[str, Any]

_ADDRESS = "__address__"
#: What a group of static targets can set besides labels, and a target tells without a secret.
_TOLD = frozenset({_ADDRESS, "__metrics_path__", "__scheme__"})
_POD = "__meta_kubernetes_pod_name"


# The cluster's own targets.


@dataclass(frozen=True)
class Own:
    """Where the central cluster itself is. Edges often have the same networks of pods and of Services."""

    hosts: frozenset[str]
    #: As NAME.NAMESPACE.
    services: frozenset[str]
    sees_all_pods: bool


def own(objects: Objects, *, sees_all_pods: bool) -> Own:
    pods, nodes, services = (objects.get(kind, ()) for kind in ("Pod", "Node", "Service"))
    hosts = {str(one.get("address")) for node in nodes for one in list_at(node, "status", "addresses")}
    for pod in pods:
        status = mapping_at(pod, "status")
        hosts |= {str(status.get(key)) for key in ("podIP", "hostIP")}
        hosts |= {str(one.get("ip")) for key in ("podIPs", "hostIPs") for one in list_at(pod, "status", key)}
    for service in services:
        hosts |= {str(address) for address in mapping_at(service, "spec").get("clusterIPs") or ()}
    names = frozenset(f"{name_of(service)}.{namespace_of(service)}" for service in services)
    return Own(frozenset(host.lower() for host in hosts), names, sees_all_pods)


def _is_own(target: Target, centre: Own) -> bool:
    """Whether a target is in the central cluster. Names that only a cluster knows are another target in each."""
    host = target.host.lower()
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        labels = host.rstrip(".").split(".")
        inside = len(labels) == 1 or "svc" in labels[2:] or ".".join(labels) in centre.services
        return inside or host in centre.hosts
    # Without all pods, one of the central cluster may have the same address as one of an edge.
    hidden = not centre.sees_all_pods and _POD in target.discovered
    return address.is_loopback or host in centre.hosts or hidden


# Targets.


@dataclass(frozen=True)
class Scraped(Target):
    """An active target of a full server, discovered with labels that a group of static targets can set."""

    #: Whether it is in the central cluster.
    own: bool = False

    @property
    def address(self) -> str | None:
        """As it stands in a group of static targets, or as it was discovered."""
        return self.discovered.get(_ADDRESS)

    def is_of(self, address: str, group: scrape_jobs.Group) -> bool:
        """Whether it is the one that stands as a static target in a group."""
        labels = {name: value for name, value in scrape_jobs.labels_of(group).items() if _is_told(name)}
        return self.address == address and all(self.discovered.get(name) == value for name, value in labels.items())


def _is_told(label: str) -> bool:
    return label in _TOLD or not label.startswith("__")


def told_targets(targets: Iterable[Target], centre: Own) -> list[Facts]:
    """Facts of the targets of jobs that have targets elsewhere."""
    told = [_told_target(target, centre) for target in targets]
    jobs = {target["job"] for target in told if not target["own"]}
    return [target for target in told if target["job"] in jobs]


def _told_target(target: Target, centre: Own) -> Facts:
    return {
        **target.key.as_dict(),
        "job": target.pool,
        "cluster": target.cluster,
        "found": {name: value for name, value in target.discovered.items() if _is_told(name)},
        "own": _is_own(target, centre),
    }


def read_targets(told: Iterable[Mapping[str, Any]]) -> list[Scraped]:
    """The same targets, each once: replicas have the same ones."""
    return list(dict.fromkeys(_read_target(one) for one in told))


def _read_target(told: Mapping[str, Any]) -> Scraped:
    key, cluster = read_key(told), told.get("cluster")
    return Scraped(
        key,
        str(key),
        {"cluster": str(cluster)} if cluster else {},
        pool=str(told["job"]),
        discovered={name: str(value) for name, value in mapping(told.get("found")).items()},
        own=bool(told.get("own")),
    )


# Whose they are.


@dataclass(frozen=True)
class Missed:
    """A target that no agent is known to deliver. Without an edge, it is of nobody who is asked about."""

    target: Scraped
    edge: str | None
    why: str


@dataclass(frozen=True)
class Remote:
    """A scrape job that has targets of edges."""

    job: str
    #: What the agent of each edge delivers.
    covered: Mapping[str, Sequence[Scraped]]
    missed: Sequence[Missed]

    @property
    def edges(self) -> list[str]:
        return sorted({*self.covered, *(one.edge for one in self.missed if one.edge)})

    @property
    def targets(self) -> list[Scraped]:
        return [*(target for several in self.covered.values() for target in several), *(m.target for m in self.missed)]


class Fleet:
    """What the agents of edges deliver. An edge without targets does not deliver by itself yet."""

    def __init__(self, edges: Mapping[str, Iterable[Mapping[str, Any]]], places: Places) -> None:
        self._health = {
            edge: {target.key: target.health for target in map(read_target, told)} for edge, told in edges.items()
        }
        self._places = places

    def judge(self, targets: Iterable[Scraped]) -> list[Remote]:
        """The jobs with targets of the edges whose agents are asked about."""
        jobs: dict[str, list[Scraped]] = {}
        for target in targets:
            jobs.setdefault(target.pool, []).append(target)
        remotes = [self._remote(job, jobs[job]) for job in sorted(jobs)]
        return [remote for remote in remotes if any(edge in self._health for edge in remote.edges)]

    def _remote(self, job: str, targets: Iterable[Scraped]) -> Remote:
        covered: dict[str, list[Scraped]] = {}
        missed = []
        for target in targets:
            edge, why = self._whose(target)
            if edge and not why:
                covered.setdefault(edge, []).append(target)
            else:
                missed.append(Missed(target, edge, why))
        return Remote(job, {edge: covered[edge] for edge in sorted(covered)}, missed)

    def _whose(self, target: Scraped) -> tuple[str | None, str]:
        """The edge, and why its agent does not deliver the target; empty if it does."""
        if target.own:
            return None, "it is of the central cluster"
        scraping = [edge for edge, health in self._health.items() if target.key in health]
        edge = self._places.cluster_of(target)
        # What is own is excluded by now, so a target of one agent only is the same one.
        edge = edge or (scraping[0] if len(scraping) == 1 else None) or self._beside(target)
        if edge is None:
            return None, "it is of no edge, or of several" if scraping else "it is of no edge"
        if edge not in self._health:
            return edge, f"{edge} does not deliver by itself yet"
        health = self._health[edge].get(target.key)
        if health is None:
            return edge, f"the agent of {edge} does not scrape it"
        return edge, "" if health == "up" else f"the agent of {edge} finds it {health}"

    def _beside(self, target: Target) -> str | None:
        """The edge whose agent scrapes something else on the same host."""
        hosts = [edge for edge, health in self._health.items() if any(key.host == target.host for key in health)]
        return hosts[0] if len(hosts) == 1 else None


# What of it can go.


@dataclass(frozen=True)
class Taken:
    """What a list of jobs becomes."""

    jobs: list[object]
    #: What goes into the record of each edge.
    entries: Mapping[str, Sequence[Entry]]
    #: What must no longer be scraped: job and target. Also what was taken out before, and is scraped still.
    gone: frozenset[tuple[str, TargetKey]]
    problems: Sequence[Problem]


@dataclass(frozen=True)
class _Cut:
    """How one job is cut: what stays of it, if anything does, and what each edge takes with it."""

    rest: Job | None
    parts: Mapping[str, Job] = field(default_factory=dict)
    gone: Collection[Target] = ()
    problems: Sequence[Problem] = ()


def take(source: Source, remotes: Iterable[Remote], jobs: Sequence[object], recorded: Sequence[Piece]) -> Taken:
    """Take out of the list of a source what agents deliver. Recorded is what was taken out for them before."""
    left = list(jobs)
    taken: dict[str, list[Entry]] = {}
    gone: set[tuple[str, TargetKey]] = set()
    problems: list[Problem] = []
    for remote in remotes:
        before = [piece for piece in recorded if piece.job == remote.job]
        cut = _cut(source, remote, scrape_jobs.find(jobs, remote.job), before)
        for edge, part in cut.parts.items():
            keys = frozenset(target.key for target in remote.covered[edge] if target in cut.gone)
            taken.setdefault(edge, []).append(Entry(source, scrape_jobs.piece(jobs, part), keys))
        left = scrape_jobs.replaced(left, remote.job, cut.rest)
        gone.update((remote.job, target.key) for target in cut.gone)
        problems += cut.problems
    return Taken(left, taken, frozenset(gone), problems)


def _cut(source: Source, remote: Remote, job: Job | None, recorded: Sequence[Piece]) -> _Cut:
    delivered = _of_agents(remote)
    if job is None and recorded:
        # The server has not read its new configuration yet.
        return _Cut(None, gone=delivered)
    if job is None:
        return _Cut(None, problems=[source.not_there(remote.job, _shown(delivered))])
    if not scrape_jobs.is_readable(job):
        cause = "its static_configs are not a list of groups with targets, so nothing is taken out"
        return _Cut(job, problems=[source.by_hand(remote.job, _shown(delivered), cause)])
    if len(remote.covered) == 1 and not remote.missed:
        return _Cut(None, dict.fromkeys(remote.covered, job), delivered)
    return _split(source, remote, job, recorded)


def _split(source: Source, remote: Remote, job: Job, recorded: Sequence[Piece]) -> _Cut:
    """Cut a job that is for several. Only its static targets can go, and only if it discovers none besides."""
    edge_of = {target: edge for edge, targets in remote.covered.items() for target in targets}
    listed = [] if scrape_jobs.discovers(job) else scrape_jobs.entries(job)
    going: dict[tuple[int, str], str] = {}
    placed: set[Scraped] = set()
    for number, address, group in listed:
        meant = [target for target in remote.targets if target.is_of(address, group)]
        edges = {edge_of.get(target) for target in meant}
        if len(edges) == 1 and (edge := edges.pop()):
            going[number, address] = edge
            placed.update(meant)
    # The server has not read its new configuration yet.
    late = {address for piece in recorded for address in scrape_jobs.addresses(piece.config)}
    late -= scrape_jobs.addresses(job)
    gone = [target for target in edge_of if target in placed or target.address in late]
    staying = [target for target in edge_of if target not in gone]
    if going and not staying and not remote.missed:
        # What leads to no target goes with the last edge, so that nothing is left of the job.
        last = max(going.values())
        going = {(number, address): going.get((number, address), last) for number, address, _group in listed}
    problems = missed(source, remote)
    if staying:
        others = ", ".join(sorted({*remote.edges, *(one.why for one in remote.missed if not one.edge)}))
        cause = f"its static_configs do not name that alone, and the job is for several ({others}), "
        cause += "so it cannot be split"
        problems.insert(0, source.by_hand(remote.job, _shown(staying), cause))
    if not going:
        return _Cut(job, {}, gone, problems)
    edges_going = sorted(set(going.values()))
    parts = {edge: scrape_jobs.part(job, {at for at, one in going.items() if one == edge}) for edge in edges_going}
    rest = scrape_jobs.part(job, {(number, address) for number, address, _group in listed} - going.keys())
    return _Cut(rest if scrape_jobs.groups_of(rest) else None, parts, gone, problems)


def missed(source: Source, remote: Remote) -> list[Problem]:
    """What only the central server scrapes of an edge that delivers by itself."""
    by_edge: dict[tuple[str, str], list[Scraped]] = {}
    for one in remote.missed:
        if one.edge and not one.why.endswith(" yet"):
            by_edge.setdefault((one.edge, one.why), []).append(one.target)
    return [
        Problem(
            f"Scrape job {remote.job} of {source}",
            f"{_shown(targets)} stays in it: {why}, so without it nobody would",
            f"have the agent of {edge} scrape it (prometheus_agent_extra_scrape_configs), and run it again",
        )
        for (edge, why), targets in by_edge.items()
    ]


def _of_agents(remote: Remote) -> list[Scraped]:
    return [target for targets in remote.covered.values() for target in targets]


def _shown(targets: Sequence[Target]) -> str:
    return shown([target.key for target in targets])


def shown(keys: Iterable[TargetKey]) -> str:
    """Targets in words: all of a few, or how many, with an example."""
    names = sorted(map(str, set(keys)))
    return ", ".join(names) if len(names) <= 4 else f"{names[0]} and {len(names) - 1} more"


# All servers together.


@dataclass(frozen=True)
class Found:
    """What the servers that are made from one source scrape of edges that deliver it themselves."""

    source: Source
    remotes: Sequence[Remote]

    def by_hand(self, cause: str) -> list[Problem]:
        """It stays, each job for the same cause."""
        return [self.source.by_hand(remote.job, _shown(_of_agents(remote)), cause) for remote in self.remotes]

    def doubled(self, problems: Iterable[Problem]) -> list[Problem]:
        """Nothing of it goes, for these reasons."""
        targets = _shown([target for remote in self.remotes for target in _of_agents(remote)])
        return [
            replace(problem, cause=f"{problem.cause}, so this arrives twice, from here and from the edge: {targets}")
            for problem in problems
        ]


def look_over(
    servers: Iterable[Mapping[str, Any]],
    edges: Mapping[str, Iterable[Mapping[str, Any]] | None],
    labels: Mapping[str, str],
    nodes: Mapping[str, Collection[str] | None],
) -> tuple[list[Found], list[Problem]]:
    """What is scraped remotely, by where it is written, and what cannot be known."""
    problems = [
        Problem(
            f"Agent of {edge}",
            "it does not say what it scrapes, so what of it is scraped from the central cluster, too, stays",
            "make it answer, and run it again",
        )
        for edge, targets in edges.items()
        if targets is None
    ]
    known = {edge: targets for edge, targets in edges.items() if targets is not None}
    fleet = Fleet(known, Places({**dict.fromkeys(edges), **nodes}, labels))
    told: dict[Source, list[Mapping[str, Any]]] = {}
    for server in servers:
        # Shards have one source, and each has a part of the targets.
        several = told.setdefault(source_of(server), [])
        for pod in server["pods"]:
            several += pod["targets"] or ()
        if all(pod["targets"] is None for pod in server["pods"]):
            why = next((Problem(**pod["problem"]) for pod in server["pods"] if pod["problem"]), None)
            cause = why.cause if why else "it has no pod that is ready"
            fix = why.fix if why else "make it run, and run it again"
            cause = f"{cause}, so it is not known what it scrapes of edges"
            problems.append(Problem(str(server["id"]), cause, fix))
    judged = {source: fleet.judge(read_targets(targets)) for source, targets in told.items()}
    problems += [
        problem
        for source, remotes in judged.items()
        for remote in remotes
        if not remote.covered
        for problem in missed(source, remote)
    ]
    covered = {source: [remote for remote in remotes if remote.covered] for source, remotes in judged.items()}
    return [Found(source, remotes) for source, remotes in covered.items() if remotes], problems


# The way back.


@dataclass(frozen=True)
class Entry:
    """A piece in the record of an edge: where it was taken from, and what was scraped by it."""

    source: Source
    piece: Piece
    targets: frozenset[TargetKey]

    def as_dict(self) -> dict[str, object]:
        told = [key.as_dict() for key in sorted(self.targets)]
        return {"source": self.source.as_dict(), "piece": self.piece.as_dict(), "targets": told}


def read_entry(content: object) -> Entry | None:
    """An entry of the record; None if it is none."""
    found = mapping(content)
    source, piece = read_source(found.get("source")), scrape_jobs.read_piece(found.get("piece"))
    if source is None or piece is None:
        return None
    return Entry(source, piece, frozenset(read_key(mapping(target)) for target in elements(found.get("targets"))))


def together(before: Iterable[Entry], new: Iterable[Entry]) -> list[Entry]:
    """What is recorded afterwards, each once: a run that was killed before it changed anything has recorded it, too."""
    found = list(before)
    for entry in new:
        found += [] if entry in found else [entry]
    return found


def by_edge(several: Iterable[Mapping[str, Sequence[Entry]]]) -> dict[str, list[Entry]]:
    found: dict[str, list[Entry]] = {}
    for one in several:
        for edge, listed in one.items():
            found.setdefault(edge, []).extend(listed)
    return found


def orphans(recorded: Iterable[Entry], servers: Iterable[Mapping[str, Any]]) -> list[Problem]:
    """What cannot be scraped again by putting it back where it was taken from."""
    sources = {source_of(server) for server in servers}
    jobs: dict[Source, set[str]] = {}
    for entry in recorded:
        if entry.source not in sources:
            jobs.setdefault(entry.source, set()).add(entry.piece.job)
    return [
        Problem(
            f"Scrape jobs of {source}",
            f"{', '.join(sorted(names))} were taken out of it, and no full Prometheus is made from it any more",
            "add them where the servers' configuration comes from now, and take the key remote_scraping out of the "
            "edge's record with migration_record",
        )
        for source, names in jobs.items()
    ]


def awaited(entry: Entry, jobs: Sequence[object]) -> set[tuple[str, TargetKey | None]]:
    """What must be scraped again. No key stands for any target of the job.

    Of a job that somebody has changed meanwhile it is not known.
    """
    job = scrape_jobs.find(jobs, entry.piece.job)
    if job is None or scrape_jobs.without_groups(job) != scrape_jobs.without_groups(entry.piece.config):
        return set()
    if scrape_jobs.discovers(job):
        return {(entry.piece.job, None)}
    is_there = scrape_jobs.addresses(job) >= scrape_jobs.addresses(entry.piece.config)
    return {(entry.piece.job, key) for key in entry.targets} if is_there else set()


# Evidence.


def still_scraped(
    servers: Iterable[Mapping[str, Any]], gone: Mapping[Source, Iterable[tuple[str, TargetKey]]]
) -> list[str]:
    """Name the pods that still scrape what was taken out."""
    lines = []
    for source, keys in gone.items():
        pods, silent = _scraping([server for server in servers if source_of(server) == source], source)
        lines += silent
        lines += [f"pod {pod} still scrapes {_late(late)}" for pod, has in pods.items() if (late := has & set(keys))]
    return lines


def not_yet_scraped(
    servers: Iterable[Mapping[str, Any]], back: Mapping[Source, Iterable[tuple[str, TargetKey | None]]]
) -> list[str]:
    """Name the pods that do not scrape yet what was put back."""
    lines = []
    for source, keys in back.items():
        own = [server for server in servers if source_of(server) == source]
        pods, silent = _scraping(own, source)
        if len(own) > 1:
            # Shards share the targets out, so only all of them together scrape everything.
            pods = {", ".join(pods): {key for has in pods.values() for key in has}}
        lines += silent
        for pod, has in pods.items():
            jobs = {job for job, _key in has}
            if late := {(job, key) for job, key in keys if (job not in jobs if key is None else (job, key) not in has)}:
                lines.append(f"pod {pod} does not scrape yet {_late(late)}")
    return lines


def _scraping(
    servers: Iterable[Mapping[str, Any]], source: Source
) -> tuple[dict[str, set[tuple[str, TargetKey]]], list[str]]:
    """Return what each pod scrapes, and in words which pods do not say it."""
    pods = [pod for server in servers for pod in server["pods"]]
    scraped = {
        str(pod["name"]): {(str(one["job"]), read_key(one)) for one in pod["targets"]}
        for pod in pods
        if pod["targets"] is not None
    }
    # One that is not ready reads the new configuration when it starts.
    silent = [pod["name"] for pod in pods if pod["ready"] and pod["targets"] is None]
    if not scraped and not silent:
        return {}, [f"no pod that is made from {source} is ready"]
    return scraped, [f"pod {name} does not say what it scrapes" for name in silent]


def _late(late: Collection[tuple[str, TargetKey | None]] | Collection[tuple[str, TargetKey]]) -> str:
    jobs: dict[str, list[TargetKey]] = {}
    for job, key in sorted(late, key=str):
        jobs.setdefault(job, []).extend([key] if key else [])
    return "; ".join(f"job {job}" + (f" ({shown(keys)})" if keys else "") for job, keys in jobs.items())


def told_jobs(edge: str, found: Iterable[Entry]) -> list[dict[str, object]]:
    """What a task tells of what it takes out or puts back: names and targets, and no more."""
    return [
        {
            "edge": edge,
            "job": entry.piece.job,
            "source": str(entry.source),
            "targets": sorted(map(str, entry.targets)),
        }
        for entry in found
    ]


def diff(told: Iterable[Mapping[str, Any]], *, comes: bool) -> list[dict[str, str]]:
    """What Ansible shows with --diff: a line for each job."""
    sources: dict[str, list[str]] = {}
    for one in told:
        sources.setdefault(one["source"], []).append(f"{one['edge']}: job {one['job']}: {', '.join(one['targets'])}\n")
    return [
        {
            "before_header": source,
            "after_header": source,
            "before": "" if comes else "".join(lines),
            "after": "".join(lines) if comes else "",
        }
        for source, lines in sources.items()
    ]
