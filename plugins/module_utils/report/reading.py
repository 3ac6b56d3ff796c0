# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read what the module fleet_audit returned of all clusters."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.base.reader import kind as kind_of
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.targets import Target, TargetKey
from ansible_collections.miribit.thanos.plugins.module_utils.report.facts import (
    Claim,
    Cluster,
    Component,
    Fleet,
    Lint,
    Node,
    Owner,
    Prometheus,
    Reach,
    ReaderFact,
    Remark,
    RuleFact,
    Volume,
    Write,
)

_Value = TypeVar("_Value", str, bool)


def read_fleet(facts: object, central: str, expected: Iterable[str], labels: Mapping[str, str]) -> Fleet:
    """The fleet of these facts, with clusters of which there are none. Raises a ProblemError with all that is wrong.

    A cluster's label is its name, unless it is given another one.
    """
    if not isinstance(facts, list):
        cause = f"they are {kind_of(facts)}, not a list"
        raise ProblemError([Problem("Facts", cause, "give a list of what the module fleet_audit returned")])
    problems: list[Problem] = []
    given: dict[str, _Given] = {}
    for number, content in enumerate(facts, 1):
        one = _Given(content, f"Facts, entry {number}", problems)
        name = one.text("cluster")
        if not name or name in given:
            one.refuse(f"they are a second time of {name}" if name else "they do not say of which cluster they are")
        else:
            given[name] = one
    names = sorted({*given, *expected})
    found = {
        name: _cluster(given.get(name) or _Given({}, name, problems), name, name == central, labels.get(name, name))
        for name in {*names, central}
    }
    if problems:
        raise ProblemError(problems)
    by_label = {labels.get(name, name): name for name in sorted({*names, *labels}, reverse=True)}
    return Fleet(tuple(found[name] for name in names), found[central], by_label)


class _Given:
    """A mapping of the facts. What is of another kind than it is to be is a problem, and read as unknown."""

    def __init__(self, content: object, place: str, problems: list[Problem], above: _Given | None = None) -> None:
        self._at = place
        self._above = above
        self._problems = problems
        if not isinstance(content, Mapping):
            self.refuse(f"it is {kind_of(content)}, not a mapping")
            content = {}
        self._content: Mapping[object, object] = content

    def place(self) -> str:
        # Not made until it is needed: there are many targets, and nothing is wrong with them.
        return f"{self._above.place()}, {self._at}" if self._above else self._at

    def refuse(self, cause: str) -> None:
        self._problems.append(Problem(self.place(), cause, "give what the module fleet_audit returned"))

    def _one(self, key: str, kind: type[_Value]) -> _Value | None:
        value = self._content.get(key)
        if value is None or isinstance(value, kind):
            return value
        self.refuse(f"{key} is {kind_of(value)}, not {kind_of(kind())}")
        return None

    def text(self, key: str) -> str | None:
        return self._one(key, str)

    def flag(self, key: str) -> bool | None:
        return self._one(key, bool)

    def number(self, key: str) -> float | None:
        value = self._content.get(key)
        if value is None or isinstance(value, bool) or not isinstance(value, int | float):
            if value is not None:
                self.refuse(f"{key} is {kind_of(value)}, not a number")
            return None
        # Prometheus has metrics that are not a number.
        return value if math.isfinite(value) else None

    def whole(self, key: str) -> int | None:
        value = self.number(key)
        return None if value is None else int(value)

    def part(self, key: str) -> _Given:
        """Where it is null, one of which all is unknown."""
        value = self._content.get(key)
        return _Given({} if value is None else value, key, self._problems, self)

    def has(self, key: str) -> bool:
        return self._content.get(key) is not None

    def is_whole(self, key: str) -> bool:
        """Whether a list has nothing in it that is not known."""
        value = self._content.get(key)
        return not isinstance(value, list) or None not in value

    def is_empty(self, key: str) -> bool:
        return self._content.get(key) in ([], {}, "")

    def _list(self, key: str) -> list[object] | None:
        value = self._content.get(key)
        if value is None or isinstance(value, list):
            return value
        self.refuse(f"{key} is {kind_of(value)}, not a list")
        return None

    def parts(self, key: str) -> Iterator[_Given]:
        for number, value in enumerate(self._list(key) or (), 1):
            if value is not None:
                yield _Given(value, f"{key} {number}", self._problems, self)

    def texts(self, key: str) -> tuple[str, ...]:
        values = [value for value in self._list(key) or () if value is not None]
        if not all(isinstance(value, str) for value in values):
            self.refuse(f"{key} has what is not a text")
        return tuple(value for value in values if isinstance(value, str))

    def labels(self) -> dict[str, str] | None:
        """None if one of them is not known."""
        names = [name for name in self._content if isinstance(name, str)]
        read = {name: self.text(name) for name in sorted(names)}
        known = {name: value for name, value in read.items() if value is not None}
        return known if len(known) == len(read) else None

    def lists(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        for name in sorted(name for name in self._content if isinstance(name, str)):
            yield name, self.texts(name)


def _cluster(given: _Given, name: str, is_central: bool, label: str) -> Cluster:
    components = sorted((_component(part) for part in given.parts("components")), key=lambda one: one.id)
    nodes = sorted((_node(part) for part in given.parts("nodes")), key=lambda one: one.name)
    return Cluster(
        name=name,
        is_central=is_central,
        label=label,
        seen=_is_seen(given),
        probed=bool(given.flag("probed")),
        uid=given.text("uid"),
        version=given.text("version"),
        audited_at=given.text("audited_at"),
        nodes=tuple(nodes) if given.has("nodes") else None,
        unseen=_sorted_problems(_problem(part) for part in given.parts("unseen")),
        components=tuple(components) if given.has("components") else None,
        is_complete=given.flag("components_complete") is not False
        and given.is_whole("components")
        and all(component.is_known for component in components),
        readers=tuple(sorted((_reader(part) for part in given.parts("readers")), key=repr)),
        claims=tuple(sorted((_claim(part) for part in given.parts("claims")), key=lambda one: one.key)),
        leftovers=_remarks(_leftover(part) for part in given.parts("leftovers")),
        credentials=_remarks(_credential(part) for part in given.parts("credentials")),
        label_values=tuple(sorted(set(given.part("label_values").texts("cluster")))),
    )


def _is_seen(given: _Given) -> bool:
    told = given.flag("seen")
    return any(given.has(key) for key in ("components", "uid", "version")) if told is None else told


def _node(given: _Given) -> Node:
    return Node(given.text("name") or "", given.texts("addresses"), given.flag("ready"))


def _component(given: _Given) -> Component:
    workload = given.part("workload")
    replicas = given.part("replicas")
    pods = list(given.parts("pods"))
    names = [pod.text("name") or "" for pod in pods]
    helpers = given.part("helpers")
    volumes = sorted((_volume(part) for part in given.parts("volumes")), key=lambda one: one.key)
    sidecar = given.part("sidecar")
    return Component(
        id=given.text("id") or "",
        kind=given.text("kind") or "",
        workload=(workload.text("kind") or "", workload.text("namespace") or "", workload.text("name") or ""),
        version=given.text("version"),
        wanted=replicas.whole("wanted"),
        ready=replicas.whole("ready"),
        pods=tuple(sorted(names)) if given.has("pods") and all(names) and given.is_whole("pods") else None,
        reasons=tuple(sorted({pod.text("reason") or "" for pod in pods} - {""})),
        owner=_owner(given.part("owner")),
        memory_request=_sum(given.part("requests").whole("memory"), helpers.part("requests").whole("memory")),
        memory_used=_sum(given.part("usage").whole("memory"), helpers.part("usage").whole("memory")),
        volumes=tuple(volumes) if given.has("volumes") else None,
        prometheus=_prometheus(given.part("prometheus")) if given.has("prometheus") else None,
        uploads=sidecar.flag("uploads"),
    )


def _sum(own: int | None, helpers: int | None) -> int | None:
    return None if own is None and helpers is None else (own or 0) + (helpers or 0)


def _volume(given: _Given) -> Volume:
    return Volume(
        namespace=given.text("namespace") or "",
        claim=given.text("claim") or "",
        size=given.whole("size"),
        used=given.whole("used"),
        reclaim_policy=given.text("reclaim_policy"),
    )


def _claim(given: _Given) -> Claim:
    return Claim(
        **vars(_volume(given)),
        storage_class=given.text("storage_class"),
        is_bound=given.has("volume"),
        why=given.text("why") or "",
    )


def _owner(given: _Given) -> Owner:
    made_of = given.part("custom_resource")
    name = _path(given)
    chart = " ".join(filter(None, (given.text("chart"), given.text("chart_version"))))
    custom_resource = f"{made_of.text('kind') or 'custom resource'} {_path(made_of)}" if _path(made_of) else ""
    return Owner(given.text("kind"), name, chart, custom_resource)


def _path(given: _Given) -> str:
    return "/".join(filter(None, (given.text("namespace"), given.text("name"))))


def _prometheus(given: _Given) -> Prometheus:
    # Where something is missing, what is empty may be what is missing.
    is_answering = given.flag("answers") is not False

    def told(key: str) -> bool:
        return given.has(key) and given.is_whole(key) and (is_answering or not given.is_empty(key))

    targets = [_target(part) for part in given.parts("targets")]
    # One that cannot be compared could be any of the other senders' targets.
    are_comparable = all(target.key.address and target.key.path for target in targets)
    return Prometheus(
        problem=_problem(given.part("problem")) if given.has("problem") else None,
        problems=_lints(given),
        external_labels=given.part("external_labels").labels() if told("external_labels") else None,
        retention=given.text("retention"),
        series=given.whole("series"),
        samples_per_second=given.number("samples_per_second"),
        targets=tuple(targets) if told("targets") and are_comparable else None,
        rules=tuple(_rule(part) for part in given.parts("rules")) if told("rules") else None,
        writes=tuple(_write(part) for part in given.parts("remote_write")) if told("remote_write") else None,
        log=given.texts("log"),
    )


def _target(given: _Given) -> Target:
    address, params = (given.text("address") or "").lower(), tuple(given.part("params").lists())
    labels = {name: value for name in ("job", "cluster") if (value := given.text(name))}
    return Target(
        key=TargetKey(address, given.text("path") or "", params),
        url=given.text("url") or "",
        labels=labels,
        health=given.text("health") or "unknown",
        error=given.text("error") or "",
        namespace=given.text("namespace"),
        pod=given.text("pod"),
    )


def _rule(given: _Given) -> RuleFact:
    return RuleFact(given.text("name") or "", given.text("type") == "alerting", given.text("state"))


def _write(given: _Given) -> Write:
    return Write(
        url=given.text("url") or "",
        problems=_lints(given),
        ever_delivered=given.flag("ever_delivered"),
        pending=given.number("pending"),
        failed=given.number("failed"),
        dropped=given.number("dropped"),
        sent=given.number("sent"),
        lag=given.number("lag"),
        reach=_reach(given.part("reachable")) if given.has("reachable") else None,
    )


def _reach(given: _Given) -> Reach:
    return Reach(given.flag("resolves"), given.flag("connects"), given.text("answer"), given.text("error"))


def _lints(given: _Given) -> tuple[Lint, ...]:
    found = [
        Lint(part.text("id") or "", part.text("severity") == "error", _problem(part))
        for part in given.parts("problems")
    ]
    return tuple(sorted(set(found), key=repr))


def _problem(given: _Given) -> Problem:
    return Problem(given.text("subject") or "", given.text("cause") or "", given.text("fix") or "")


def _sorted_problems(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    return tuple(sorted(set(problems), key=str))


def _reader(given: _Given) -> ReaderFact:
    return ReaderFact(
        kind=given.text("kind") or "",
        namespace=given.text("namespace") or "",
        name=given.text("name") or "",
        reads=given.text("reads") or "",
        component=given.text("component"),
    )


def _leftover(given: _Given) -> Remark:
    subject = "/".join(filter(None, (given.text("namespace"), given.text("pod"))))
    return Remark(f"Pod {subject}", ": ".join(filter(None, (given.text("reason"), given.text("why")))))


def _credential(given: _Given) -> Remark:
    return Remark(given.text("subject") or "", given.text("cause") or "")


def _remarks(remarks: Iterable[Remark]) -> tuple[Remark, ...]:
    return tuple(sorted(set(remarks), key=lambda one: (one.subject, one.text)))
