# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the agent of an edge is handed over to a PrometheusAgent of prometheus-operator, and back.

The new one starts beside the old one. Where the old one delivers as the same cluster, all would be counted twice. There
the new one first writes as another, and takes over the label when the old one has left: docs/agent-operator.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.miribit.thanos.plugins.module_utils.agent import config as agent_config
from ansible_collections.miribit.thanos.plugins.module_utils.agent import operator as agent_operator
from ansible_collections.miribit.thanos.plugins.module_utils.agent.edge import named
from ansible_collections.miribit.thanos.plugins.module_utils.agent.operator import Secrets
from ansible_collections.miribit.thanos.plugins.module_utils.base.names import DNS_LABEL
from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.base.untyped import elements, mapping, mapping_at
from ansible_collections.miribit.thanos.plugins.module_utils.base.yaml_edit import Document, Yaml
from ansible_collections.miribit.thanos.plugins.module_utils.kube.owners import manager, read_owner
from ansible_collections.miribit.thanos.plugins.module_utils.kube.rendered import FIELD_MANAGER, MANAGED_BY
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.config import config

Facts = Mapping[str, Any]

KIND = "PrometheusAgent"
#: What the label cluster ends with while the old agent still delivers under it.
PROVING = "-proving"

#: Whose spec.replicas is set, and the version of their API. A DaemonSet has none.
_SCALED = {"StatefulSet": "apps/v1", "Deployment": "apps/v1", KIND: "monitoring.coreos.com/v1alpha1"}
#: The StatefulSet is called prom-agent-<name>, and with a hash after it, that must fit a label (63 characters).
_LONGEST_NAME = 63 - len("prom-agent-") - len("-0123456789")


@dataclass(frozen=True)
class Wish:
    """The agent that is to be."""

    name: str
    namespace: str
    #: External labels and blocks as in Prometheus' configuration.
    config: Facts
    prometheus_version: str
    secrets: Secrets = field(default_factory=Secrets)
    #: Names of the agents that leave. Empty: the only other one.
    replaces: Sequence[str] = ()
    #: Whether it is refused that the old one writes to another system, which the new one does not.
    keep_others: bool = True
    accept_owner: bool = False
    #: Whether the record says that the edge delivers.
    delivered_before: bool = False

    @property
    def labels(self) -> dict[str, str]:
        return {name: str(value) for name, value in mapping(self.config["global"]["external_labels"]).items()}


@dataclass(frozen=True)
class Old:
    """Another agent: the object whose replicas are set, and its workloads. Of a custom resource, each shard is one."""

    kind: str
    namespace: str
    name: str
    parts: tuple[Facts, ...] = ()

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"

    @property
    def replicas(self) -> int | None:
        """How many pods it is to have; None if that is not known."""
        wanted = [part["replicas"]["wanted"] for part in self.parts]
        return None if None in wanted else max(wanted, default=0)

    def as_dict(self, replicas: int) -> dict[str, object]:
        metadata = {"name": self.name, "namespace": self.namespace}
        return {
            "id": str(self),
            "object": {"apiVersion": _SCALED[self.kind], "kind": self.kind, "metadata": metadata},
            "replicas": replicas,
            "workloads": [{"kind": part["workload"]["kind"], "name": part["workload"]["name"]} for part in self.parts],
            "parts": [{"selector": part["selector"], "container": part["container"]} for part in self.parts],
        }


@dataclass(frozen=True)
class Handover:
    """What is to be done."""

    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...] = ()
    #: The labels that the new agent starts with, and those that it ends with.
    first: dict[str, str] = field(default_factory=dict)
    last: dict[str, str] = field(default_factory=dict)
    remote_write: list[dict[str, Any]] = field(default_factory=list)
    #: Whether it is there already, and whether its queues are made anew by the first step.
    exists: bool = False
    changes_queues: bool = False
    #: Who leaves, as Old.as_dict() has it with the replicas that it has now.
    old: tuple[dict[str, object], ...] = ()
    #: What the record keeps of this, for going back.
    remembered: dict[str, object] = field(default_factory=dict)

    def as_dict(self) -> dict[str, object]:
        return {
            **vars(self),
            "problems": [problem.as_dict() for problem in self.problems],
            "warnings": [problem.as_dict() for problem in self.warnings],
            "old": list(self.old),
            "takes_over": self.first != self.last,
        }


def plan(
    edge: Facts, wish: Wish, custom_resource: Facts | None, remembered: Facts, yaml: Yaml, *, knows_kind: bool = True
) -> Handover:
    """From what module _edge_info returns with texts, the PrometheusAgent of that name, and what the record keeps."""
    maker = _Planner(edge, wish, custom_resource or {}, yaml)
    return maker.planned(remembered, knows_kind=knows_kind)


class _Planner:
    def __init__(self, edge: Facts, wish: Wish, custom_resource: Facts, yaml: Yaml) -> None:
        self.edge = edge
        self.wish = wish
        self.found = custom_resource
        self.yaml = yaml
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []

    def planned(self, remembered: Facts, *, knows_kind: bool) -> Handover:
        self._check_name()
        operators, number = self.edge["operators"], self.wish.prometheus_version
        self.problems += agent_operator.operator_problems(operators, number, knows_kind=knows_kind)
        writes = self._remote_write()
        leaving = list(self._leaving())
        for old in leaving:
            self._check(old)
        if self.problems:
            return Handover(tuple(self.problems), tuple(self.warnings))
        first = self._first_labels(leaving)
        spec = mapping_at(self.found, "spec")
        is_other = spec.get("externalLabels") != first or spec.get("remoteWrite") != writes
        return Handover(
            problems=(),
            warnings=tuple(self.warnings),
            first=first,
            last=self.wish.labels,
            remote_write=writes,
            exists=bool(self.found),
            changes_queues=bool(self.found) and spec.get("replicas") != 0 and is_other,
            old=tuple(old.as_dict(old.replicas or 0) for old in leaving),
            remembered=_remembered(self.wish.name, remembered, leaving),
        )

    # The new one.

    def _check_name(self) -> None:
        subject = f"{KIND} {self.wish.namespace}/{self.wish.name}"
        if not DNS_LABEL.fullmatch(self.wish.name) or len(self.wish.name) > _LONGEST_NAME:
            cause = f"its name does not fit what the operator makes of it (at most {_LONGEST_NAME} characters)"
            fix = "give a shorter prometheus_agent_name of lower case letters, digits and '-'"
            self.problems.append(Problem(subject, cause, fix))
        if any(named(old.parts, self.wish.name) for old in others_of(self.edge, self.wish.name, self.wish.namespace)):
            cause = "another agent of the edge has this name, and nobody could tell one from the other"
            self.problems.append(Problem(subject, cause, "give the new one another prometheus_agent_name"))
        if self.found and mapping_at(self.found, "metadata", "labels").get(MANAGED_BY) != FIELD_MANAGER:
            cause = "it is there, and this collection did not make it"
            fix = "give the new one another prometheus_agent_name; this one then counts as the old agent"
            self.problems.append(Problem(subject, cause, fix))

    def _remote_write(self) -> list[dict[str, Any]]:
        operator = agent_operator.operator_version(self.edge["operators"])
        try:
            return agent_operator.remote_write(self.wish.config["remote_write"], self.wish.secrets, operator)
        except ProblemError as error:
            self.problems += error.problems
            return []

    # The old ones.

    def _leaving(self) -> Iterator[Old]:
        others = [old for old in others_of(self.edge, self.wish.name, self.wish.namespace) if old.replicas != 0]
        if not self.wish.replaces:
            if len(others) > 1:
                cause = f"several other agents run ({', '.join(map(str, others))}), and nobody says which are replaced"
                fix = "name those in prometheus_agent_operator_replaces"
                self.problems.append(Problem("The edge's agent", cause, fix))
            elif others:
                yield others[0]
            return
        for name in self.wish.replaces:
            if not named(self.edge["agents"], name):
                there_are = ", ".join(str(agent["id"]) for agent in self.edge["agents"]) or "none"
                cause = f"no agent is called {name!r}; there are: {there_are}"
                fix = "name one of those, or leave it out"
                self.problems.append(Problem("prometheus_agent_operator_replaces", cause, fix))
        for old in others:
            if any(named(old.parts, name) for name in self.wish.replaces):
                yield old
            else:
                cause = "prometheus_agent_operator_replaces does not name it, so it stays, and goes on as before"
                self.warnings.append(Problem(str(old), cause, "name it there if it is to leave"))

    def _check(self, old: Old) -> None:
        if old.kind not in _SCALED:
            cause = f"a {old.kind} is not scaled to no pods here, and beside it the new agent would count twice"
            fix = f"take {old} away by hand"
            if old.kind == "DaemonSet":
                fix += ", or take prometheus_agent_form: configmap"
            self.problems.append(Problem(str(old), cause, fix))
        elif old.replicas is None:
            cause = "how many pods it is to have is not known, so nobody could bring it back"
            self.problems.append(Problem(str(old), cause, "set its spec.replicas"))
        for owner in [part["owner"] for part in old.parts[:1]]:
            self._check_owner(old, owner)
        for text, urls in _loaded(old):
            self._check_others(old, text, urls)

    def _check_owner(self, old: Old, owner: Facts) -> None:
        # The replicas that are set are those of its custom resource, where it has one.
        managed = manager(replace(read_owner(owner), custom_resource=None))
        if managed and managed.reverts:
            cause = f"{managed} owns it, and reverts what is changed here: it would run again"
            fix = f"set its replicas to 0 in {managed.source} and set prometheus_agent_accept_owner: true"
            (self.warnings if self.wish.accept_owner else self.problems).append(Problem(str(old), cause, fix))
        elif managed:
            cause = f"{managed} owns it: its next upgrade restores the old values, and then both deliver"
            self.warnings.append(Problem(str(old), cause, f"set its replicas to 0 in {managed.source}, too"))

    def _check_others(self, old: Old, text: str, urls: list[str]) -> None:
        """Whether it writes to other systems."""
        if not self.wish.keep_others:
            return
        blocks = [{"url": block["url"]} for block in self.wish.config["remote_write"]]
        try:
            kept = agent_config.configure(text, agent_config.Wanted(blocks, delivering=urls), self.yaml).kept
        except ProblemError as error:
            self.problems += [Problem(f"{old}, {one.subject}", one.cause, one.fix) for one in error.problems]
            return
        for target in kept:
            cause = f"it also writes to {target}, and the new agent does not"
            fix = "set prometheus_agent_keep_remote_write: false if nobody needs that, or take "
            fix += "prometheus_agent_form: configmap, which keeps it"
            self.problems.append(Problem(str(old), cause, fix))

    # Who it is.

    def _first_labels(self, leaving: Sequence[Old]) -> dict[str, str]:
        labels = self.wish.labels
        proving = {**labels, "cluster": labels["cluster"] + PROVING}
        if mapping_at(self.found, "spec", "externalLabels") == proving:
            # It has not taken over yet: a run was ended, or the old one has been started again since.
            return proving
        return proving if any(self._counts_twice(old) for old in leaving) else labels

    def _counts_twice(self, old: Old) -> bool:
        """Whether the old one may deliver as this cluster. What is not known counts as that."""
        texts = [text for text, _urls in _loaded(old)]
        loaded = [config(Document(text, self.yaml).tree) for text in texts]
        if loaded and all(one.external_labels.get("cluster") != self.wish.labels["cluster"] for one in loaded):
            return False
        return self.wish.delivered_before or _may_deliver(old)


def _may_deliver(old: Old) -> bool:
    running = [each for part in old.parts for each in part.get("running") or ()]
    queues = [queue for each in running for queue in each["queues"]]
    # Who does not answer, or has not tried yet, may.
    return not queues or any(queue["ever_accepted"] is not False or queue.get("tried") is False for queue in queues)


def _loaded(old: Old) -> Iterator[tuple[str, list[str]]]:
    """The configuration of each pod that tells it, and the URLs that it delivers to."""
    for part in old.parts:
        for each in part.get("running") or ():
            yield str(each["text"]), [str(queue["url"]) for queue in each["queues"] if queue["ever_accepted"]]


def others_of(edge: Facts, name: str, namespace: str) -> list[Old]:
    """The agents but the PrometheusAgent of this name, each with all workloads that it is made of."""
    groups: dict[tuple[str, str, str], list[Facts]] = {}
    for agent in edge["agents"]:
        made_of = agent["owner"].get("custom_resource") or agent["workload"]
        groups.setdefault((made_of["kind"], made_of["namespace"], made_of["name"]), []).append(agent)
    groups.pop((KIND, namespace, name), None)
    return [Old(*key, tuple(parts)) for key, parts in groups.items()]


def _remembered(name: str, before: Facts, leaving: Iterable[Old]) -> dict[str, object]:
    """Who was there, with how many pods. Who has left already is not among the leaving any more."""
    known = {_id(old): dict(old) for old in map(mapping, elements(before.get("old")))}
    for old in leaving:
        entry: dict[str, object] = {
            "kind": old.kind,
            "namespace": old.namespace,
            "name": old.name,
            "replicas": old.replicas,
        }
        known[_id(entry)] = entry
    return {"name": name, "old": list(known.values())}


def _id(entry: Facts) -> str:
    return f"{entry.get('kind')} {entry.get('namespace')}/{entry.get('name')}"


# The way back.


@dataclass(frozen=True)
class Return:
    """Who comes back, with how many pods, and whether the new agent is there."""

    problems: tuple[Problem, ...]
    name: str
    exists: bool
    runs: bool
    old: tuple[dict[str, object], ...]

    def as_dict(self) -> dict[str, object]:
        return {**vars(self), "problems": [one.as_dict() for one in self.problems], "old": list(self.old)}


def back(edge: Facts, name: str, namespace: str, custom_resource: Facts | None, remembered: Facts) -> Return:
    """From what module _edge_info returns, the PrometheusAgent of that name, and what the record keeps."""
    there = {str(old): old for old in others_of(edge, name, namespace)}
    problems, found = [], []
    for entry in map(mapping, elements(remembered.get("old"))):
        old = there.get(_id(entry))
        if old is None or old.kind not in _SCALED:
            fix = "restore it, or forget what the record holds of it (docs/record.md)"
            problems.append(Problem(_id(entry), "it is the agent that comes back, and it is gone", fix))
        else:
            found.append(old.as_dict(int(str(entry["replicas"]))))
    custom_resource = custom_resource or {}
    is_ours = mapping_at(custom_resource, "metadata", "labels").get(MANAGED_BY) == FIELD_MANAGER
    runs = is_ours and mapping_at(custom_resource, "spec").get("replicas") != 0
    return Return(tuple(problems), name, is_ours, runs, tuple(found))
