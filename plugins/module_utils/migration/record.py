# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The record of a cluster's migration: its phase, its evidence, its objects, and what a rollback needs."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from ansible_collections.miribit.thanos.plugins.module_utils.base.names import DNS_SUBDOMAIN
from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.base.reader import Reader
from ansible_collections.miribit.thanos.plugins.module_utils.kube.objects import CONFIG_MAPS, SECRETS, Object
from ansible_collections.miribit.thanos.plugins.module_utils.kube.rendered import labels_of
from ansible_collections.miribit.thanos.plugins.module_utils.migration.lease import COMPONENT

VERSION = 1
#: In their order. A record can name others, too.
PHASES = ("phase1", "phase2", "phase3", "phase4")
KEY = "record.json"

# The keys that a Secret can have.
_SECRET_KEY = re.compile(r"(?!\.\.)(?!\.\Z)[-._a-zA-Z0-9]{1,253}")
# "apps/v1/Deployment/monitoring/thanos-query"; an object in no namespace has nothing there.
_REFERENCE = re.compile(r"([^/\s]+/)?[^/\s]+/[^/\s]+/[^/\s]*/[^/\s]+")


def record_name(cluster: str) -> str:
    """The name of the ConfigMap and of the Secret."""
    name = f"miribit-thanos-record-{cluster}"
    if not cluster or not DNS_SUBDOMAIN.fullmatch(name):
        cause = f"{cluster!r} cannot be the end of an object's name"
        fix = "use lower case letters, digits, '-' and '.' in the cluster's name"
        raise ProblemError([Problem("Option cluster", cause, fix)])
    return name


@dataclass(frozen=True)
class Record:
    """What the ConfigMap says."""

    cluster: str
    phase: str = ""
    since: str = ""
    evidence: dict[str, Any] = field(default_factory=dict)
    objects: dict[str, list[str]] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return {
            "version": VERSION,
            "cluster": self.cluster,
            "phase": self.phase,
            "since": self.since,
            "evidence": self.evidence,
            "objects": self.objects,
        }

    def as_text(self) -> str:
        return json.dumps(self.as_dict(), indent=2, sort_keys=True) + "\n"


@dataclass(frozen=True)
class Reading:
    """A record as it was found. Of one that is lost or broken, nothing is believed."""

    record: Record
    text: str = ""
    found: bool = False
    problem: Problem | None = None


@dataclass(frozen=True)
class Change:
    """What is to be recorded. What is None stays as it is."""

    phase: str | None = None
    evidence: dict[str, Any] | None = None
    objects: dict[str, list[str]] | None = None
    objects_added: dict[str, list[str]] | None = None
    #: Whether a phase that has passed already is the one that the cluster is in again.
    back: bool = False


def read(item: Object | None, cluster: str, where: str) -> Reading:
    """The record in a ConfigMap, which may not be there."""
    if item is None:
        return Reading(Record(cluster))
    text = (item.get("data") or {}).get(KEY) or ""
    fix = "look at it; to begin anew, write the record with force: true"
    try:
        content = json.loads(text)
    except (RecursionError, ValueError):
        cause = f"its {KEY} is no JSON" if text else f"it has no {KEY}"
        return Reading(Record(cluster), text, True, Problem(where, cause, fix))
    version = content.get("version") if isinstance(content, dict) else None
    if isinstance(version, int) and version > VERSION:
        cause = f"it is of version {version}, and this release of miribit.thanos knows no later one than {VERSION}"
        newer = "use the release that wrote it"
        return Reading(Record(cluster), text, True, Problem(where, cause, newer))
    reader = Reader(strict=True)
    values = reader.mapping("it", content, tuple(Record(cluster).as_dict()))
    record = Record(
        cluster=reader.value("it", values, "cluster", ""),
        phase=reader.value("it", values, "phase", ""),
        since=reader.value("it", values, "since", ""),
        evidence=reader.mapping("its evidence", values.get("evidence", {})),
        objects=_read_objects(reader, "its objects", values.get("objects", {})),
    )
    if version != VERSION:
        reader.refuse("it", "it has no version that is known", fix)
    if record.cluster != cluster:
        reader.refuse("it", f"it is about cluster {record.cluster!r}", fix)
    if reader.problems:
        return Reading(Record(cluster), text, True, Problem(where, _causes(reader.problems), fix))
    return Reading(record, text, True)


def _causes(problems: list[Problem]) -> str:
    return "; ".join(dict.fromkeys(problem.cause for problem in problems))


def _read_objects(reader: Reader, place: str, content: object) -> dict[str, list[str]]:
    found = {}
    components = reader.mapping(place, content)
    for component in components:
        references = reader.texts(place, components, component)
        for text in references:
            if not _REFERENCE.fullmatch(text):
                reader.refuse(place, f"{text!r} names no object", "write it as apps/v1/Deployment/monitoring/example")
        found[component] = sorted(set(references))
    return found


def read_change(
    phase: str | None, evidence: object, objects: object, objects_added: object = None, *, back: bool = False
) -> Change:
    """What a task wants to have recorded."""
    reader = Reader()
    change = Change(
        phase=phase,
        evidence=None if evidence is None else reader.mapping("Option evidence", evidence),
        objects=None if objects is None else _read_objects(reader, "Option objects", objects),
        objects_added=(None if objects_added is None else _read_objects(reader, "Option objects_added", objects_added)),
        back=back,
    )
    if phase == "":
        reader.refuse("Option phase", "it is empty", "give the phase's name, or leave the option out")
    if reader.problems:
        raise ProblemError(reader.problems)
    return change


def merge(record: Record, change: Change, now: datetime) -> Record:
    """The record after a change. It is in its phase since it got there, not since it was written last."""
    merged = record
    if change.phase is not None and change.phase != record.phase and not _has_passed(record.phase, change):
        merged = replace(merged, phase=change.phase, since=now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
    if change.evidence is not None:
        if not merged.phase:
            fix = "give the phase that it was seen in"
            raise ProblemError([Problem("Option evidence", "the record is in no phase yet", fix)])
        merged = replace(merged, evidence={**merged.evidence, change.phase or merged.phase: change.evidence})
    if change.objects_added is not None:
        together = {
            name: sorted({*merged.objects.get(name, ()), *listed}) for name, listed in change.objects_added.items()
        }
        merged = replace(merged, objects={**merged.objects, **together})
    if change.objects is not None:
        objects = {**merged.objects, **change.objects}
        merged = replace(merged, objects={name: listed for name, listed in objects.items() if listed})
    return merged


def _has_passed(phase: str, change: Change) -> bool:
    """Phase 1 run again for an edge in phase 2 proves something anew, and does not lead it back."""
    known = phase in PHASES and change.phase in PHASES
    return known and not change.back and PHASES.index(phase) > PHASES.index(str(change.phase))


def config_map(item: Object | None, name: str, record: Record) -> Object:
    """The ConfigMap, made or changed."""
    item = _object(item, CONFIG_MAPS.api_version, "ConfigMap", name)
    return {**item, "data": {**(item.get("data") or {}), KEY: record.as_text()}}


def secret(item: Object | None, name: str, data: Mapping[str, str]) -> Object:
    """The Secret, made or changed."""
    item = _object(item, SECRETS.api_version, "Secret", name)
    return {"type": "Opaque", **item, "data": dict(data)}


def _object(item: Object | None, api_version: str, kind: str, name: str) -> Object:
    item = item or {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}}
    metadata = item["metadata"]
    labels = {**(metadata.get("labels") or {}), **labels_of(COMPONENT)}
    return {**item, "metadata": {**metadata, "labels": labels}}


def merge_rollback(item: Object | None, rollback: Mapping[str, Any]) -> dict[str, str]:
    """The Secret's data after a change. What is null goes. What is there already stays as it is, even if broken."""
    wrong = sorted(str(key) for key in rollback if not (isinstance(key, str) and _SECRET_KEY.fullmatch(key)))
    if wrong:
        cause = f"{', '.join(map(repr, wrong))} cannot be keys of a Secret"
        raise ProblemError([Problem("Option rollback", cause, "use letters, digits, '-', '_' and '.'")])
    data = {**secret_data(item), **{key: _encode(value) for key, value in rollback.items()}}
    return {key: value for key, value in data.items() if rollback.get(key, "") is not None}


def secret_data(item: Object | None) -> dict[str, str]:
    data: dict[str, str] = (item or {}).get("data") or {}
    return data


def _encode(value: object) -> str:
    # As JSON whatever it is: so a text comes back as that text, also one that looks like a number.
    return base64.b64encode(json.dumps(value, sort_keys=True).encode()).decode()


def read_rollback(item: Object | None, where: str) -> tuple[dict[str, Any], list[Problem]]:
    """What the Secret holds, and which of its keys cannot be read. Of what they hold, nothing is told."""
    found, problems = {}, []
    for key, text in secret_data(item).items():
        try:
            found[key] = json.loads(base64.b64decode(text, validate=True))
        except (RecursionError, TypeError, ValueError):
            fix = "restore it, or do without what it held"
            problems.append(Problem(where, f"its key {key} cannot be read", fix))
    return found, problems
