# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An audited fleet: the facts of all clusters, each judged once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from ansible_collections.miribit.thanos.plugins.module_utils.audit.facts import ClusterFacts
from ansible_collections.miribit.thanos.plugins.module_utils.base.facts import read_facts
from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.base.reader import kind as kind_of
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.places import Places
from ansible_collections.miribit.thanos.plugins.module_utils.report.cluster import Cluster
from ansible_collections.miribit.thanos.plugins.module_utils.report.verdict import Verdict, judge

_FIX = "give what the module fleet_audit returned"


@dataclass(frozen=True)
class Fleet:
    """All clusters that were to be seen, in the order of their names."""

    clusters: tuple[Cluster, ...]
    #: One of them, unless only a part of the fleet was looked at.
    central: Cluster
    #: The clusters by the value that their label cluster is to have.
    labels: Mapping[str, str]

    @cached_property
    def verdicts(self) -> Mapping[str, Verdict]:
        """By the name of the cluster."""
        by_name = {cluster.name: cluster for cluster in self.clusters}
        return {name: judge(cluster, by_name, self.places) for name, cluster in by_name.items()}

    @cached_property
    def label_prefixes(self) -> Mapping[str, str]:
        """A label by each text that it begins with, up to a dash."""
        return {prefix: label for label in sorted(self.labels, reverse=True) for prefix in prefixes(label)}

    @cached_property
    def edges(self) -> tuple[Cluster, ...]:
        return tuple(cluster for cluster in self.clusters if not cluster.is_central)

    @cached_property
    def places(self) -> Places:
        nodes = {
            cluster.name: None
            if cluster.facts.nodes is None
            else frozenset(address for node in cluster.facts.nodes for address in node.addresses)
            for cluster in self.clusters
        }
        return Places(nodes, {cluster: label for label, cluster in self.labels.items()})


def prefixes(name: str) -> list[str]:
    """All that it begins with up to a dash, the shortest first."""
    return [name[:end] for end, letter in enumerate(name) if letter == "-"]


def read_fleet(facts: object, central: str, expected: Iterable[str], labels: Mapping[str, str]) -> Fleet:
    """Read what the module fleet_audit returned of clusters. Raises a ProblemError with all that is wrong.

    A cluster's label is its name, unless it is given another one. Of an expected cluster without facts, nothing is
    known.
    """
    if not isinstance(facts, list):
        raise ProblemError([Problem("Facts", f"they are {kind_of(facts)}, not a list", _FIX)])
    problems: list[Problem] = []
    found: dict[str, ClusterFacts] = {}
    for number, content in enumerate(facts, 1):
        place = f"Facts, entry {number}"
        read, wrong = read_facts(ClusterFacts, content, place, _FIX)
        problems += wrong
        if read is None and not wrong:
            problems.append(Problem(place, "they do not say of which cluster they are", _FIX))
        elif read and read.cluster in found:
            problems.append(Problem(place, f"they are a second time of {read.cluster}", _FIX))
        elif read:
            found[read.cluster] = read
    if problems:
        raise ProblemError(problems)
    names = sorted({*found, *expected})
    clusters = {
        name: Cluster(found.get(name) or ClusterFacts(name), name == central, labels.get(name, name))
        for name in {*names, central}
    }
    by_label = {labels.get(name, name): name for name in sorted({*names, *labels}, reverse=True)}
    return Fleet(tuple(clusters[name] for name in names), clusters[central], by_label)
