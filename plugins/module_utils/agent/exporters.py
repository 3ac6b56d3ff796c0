# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which exporters an edge gets from this collection: those that it does not have from anybody else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.kube.rendered import FIELD_MANAGER, MANAGED_BY

Facts = Mapping[str, Any]
Choice = Literal["auto", "true", "false"]

_CHOICES: tuple[Choice, ...] = ("auto", "true", "false")
#: Of what edge_info could not see, this is what an exporter's workload would be found by.
_WORKLOADS = re.compile(r"(pods|deployments|daemonsets|replicasets)\b")


@dataclass(frozen=True)
class Exporter:
    #: As the choices, and the role's templates, call it.
    key: str
    #: The list of module edge_info.
    found: str
    name: str
    exports: str

    @property
    def variable(self) -> str:
        return f"edge_exporters_{self.key}"


EXPORTERS = (
    Exporter("node_exporter", "node_exporters", "node-exporter", "what its nodes use"),
    Exporter("kube_state_metrics", "kube_state_metrics", "kube-state-metrics", "the state of its objects"),
)


@dataclass(frozen=True)
class Decision:
    #: Keys of the exporters that this collection makes, or keeps.
    wanted: tuple[str, ...]
    messages: tuple[Problem, ...]

    def as_dict(self) -> dict[str, object]:
        return {"wanted": list(self.wanted), "messages": [message.as_dict() for message in self.messages]}


def decide(edge: Facts, choices: Mapping[str, object]) -> Decision:
    """What of module edge_info, and of the variables, makes of each exporter."""
    read = {exporter: _choice(choices.get(exporter.key, "auto")) for exporter in EXPORTERS}
    wrong = [exporter for exporter, choice in read.items() if choice is None]
    if wrong:
        cause, fix = "it is none of the choices", f"write one of {', '.join(_CHOICES)}"
        raise ProblemError([Problem(exporter.variable, cause, fix) for exporter in wrong])
    unseen = [Problem(**one) for one in edge["unseen"] if _WORKLOADS.match(one["subject"])]
    wanted: list[str] = []
    messages: list[Problem] = []
    for exporter, choice in read.items():
        look = _Look.at(exporter, edge, unseen)
        wanted += [exporter.key] if look.wants(choice) else []
        messages += look.messages(choice)
    return Decision(tuple(wanted), tuple(messages))


def _choice(value: object) -> Choice | None:
    """YAML makes a bool of what is not in quotes."""
    text = str(value).lower() if isinstance(value, bool) else value
    return next((choice for choice in _CHOICES if choice == text), None)


@dataclass(frozen=True)
class _Look:
    """What an edge has of one exporter."""

    exporter: Exporter
    has_ours: bool
    #: Somebody else's that are meant to run.
    others: tuple[Facts, ...]
    #: Why there may be others that nobody sees.
    unseen: tuple[Problem, ...]

    @classmethod
    def at(cls, exporter: Exporter, edge: Facts, unseen: list[Problem]) -> _Look:
        ours = [one for one in edge[exporter.found] if one["labels"].get(MANAGED_BY) == FIELD_MANAGER]
        others = [one for one in edge[exporter.found] if one not in ours and one["replicas"]["wanted"] != 0]
        return cls(exporter, bool(ours), tuple(others), tuple(unseen))

    @property
    def is_unclear(self) -> bool:
        """Whether there may be one that is not seen. Ours was made when there was none."""
        return bool(self.unseen) and not self.others and not self.has_ours

    def wants(self, choice: Choice | None) -> bool:
        return choice == "true" or (choice == "auto" and not self.others and not self.is_unclear)

    def messages(self, choice: Choice | None) -> list[Problem]:
        name, variable = self.exporter.name, self.exporter.variable
        subject = ", ".join(str(one["id"]) for one in self.others)
        found = [self._broken(one) for one in self.others if one["replicas"]["ready"] == 0]
        match choice:
            case "true" if self.others:
                cause = f"this collection runs {name} beside it, so that what scrapes all of them has everything twice"
                found.append(Problem(subject, cause, f"set {variable}: auto, or take this one away"))
            case "auto" if self.others and self.has_ours:
                cause = f"it has come since this collection made its own {name}, which is taken away: what scrapes "
                cause += "both would have everything twice"
                found.append(Problem(subject, cause, "nothing, unless this one is to go: delete it, and run it again"))
            case "auto" if self.is_unclear:
                unseen = "; ".join(f"{problem.subject}: {problem.cause}" for problem in self.unseen)
                cause = f"whether the edge has one is not known ({unseen}), so none is made"
                fix = f"{self.unseen[0].fix}, or set {variable} to true or false"
                found.append(Problem(name, cause, fix))
            case "false" if not self.others and not self.unseen:
                cause = f"the edge has none, and {variable} is false, so that nothing exports {self.exporter.exports}"
                found.append(Problem(name, cause, f"set {variable}: auto, or run one of your own"))
        return found

    def _broken(self, one: Facts) -> Problem:
        cause = f"none of its pods is ready, so that it does not export {self.exporter.exports}"
        return Problem(str(one["id"]), cause, "mend it, or delete it and run it again: then one is made")
