# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Places of a server's additional scrape jobs, and the manual fix where they cannot be changed."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.base.untyped import elements, mapping
from ansible_collections.miribit.thanos.plugins.module_utils.kube.owners import GITOPS, owner

Facts = dict[str, Any]
Values = dict[str, Any]

CHART = "kube-prometheus-stack"
#: Where the chart has the jobs.
PATH = ("prometheus", "prometheusSpec", "additionalScrapeConfigs")
_SECRET = "additionalScrapeConfigsSecret"  # noqa: S105 - the name of a value of the chart

# How prometheus-operator names the jobs of its own objects.
_OBJECTS = {
    "serviceMonitor": "ServiceMonitor",
    "podMonitor": "PodMonitor",
    "probe": "Probe",
    "scrapeConfig": "ScrapeConfig",
}
_OBJECT = re.compile(rf"({'|'.join(_OBJECTS)})/([^/]+)/([^/]+)(/[0-9]+)?")
#: A packed chart at a URL. Helm names it after the chart and its version.
_ARCHIVE = re.compile(r"https?://[^?#]*/([^/?#]+)\.tgz(?:[?#]|\Z)")


@dataclass(frozen=True)
class Source:
    """A list of scrape jobs: in the values of a Helm release, or in a key of a Secret; else only a place to name."""

    kind: Literal["helm", "secret", "argocd", "flux", "unknown"]
    namespace: str = ""
    name: str = ""
    key: str = ""

    def __str__(self) -> str:
        place = f"{self.namespace}/{self.name}".strip("/")
        match self.kind:
            case "helm":
                return f"release {place}"
            case "secret":
                return f"Secret {place}"
            case "unknown":
                return place
            case _:
                return f"{GITOPS[self.kind]} application {place}"

    def as_dict(self) -> dict[str, str]:
        return {"kind": self.kind, "namespace": self.namespace, "name": self.name, "key": self.key}

    @property
    def is_changeable(self) -> bool:
        return self.kind in {"helm", "secret"}

    def by_hand(self, job: str, targets: str, cause: str) -> Problem:
        """A job that stays although agents deliver its targets."""
        doubled = f"{targets} arrives twice, from here and from the edge's own agent"
        return Problem(f"Scrape job {job} of {self}", f"{doubled}; {cause}", self._fix(job))

    def _fix(self, job: str) -> str:
        what = f"take it out of the job {job}, or the whole job if nothing else is in it"
        match self.kind:
            case "helm":
                return f"{what}: {'.'.join(PATH)} in the values of the {self}, and upgrade that"
            case "secret":
                return f"{what}: key {self.key} of the {self}"
            case "unknown":
                return f"{what}, where the configuration of {self} comes from"
            case _:
                return f"{what}, in the repository of the {self}, such as under {'.'.join(PATH)} of its Helm values"

    def not_there(self, job: str, targets: str) -> Problem:
        """A job that is not in the list."""
        found = _OBJECT.fullmatch(job)
        doubled = f"{targets} arrives twice, from here and from the edge's own agent"
        if found:
            item = f"{_OBJECTS[found[1]]} {found[2]}/{found[3]}"
            fix = f"take the target out of {item} by hand, or delete that, if nothing else is in it"
            return Problem(f"Scrape job {job} of {self}", f"{doubled}; the job is made from {item}", fix)
        cause = f"{doubled}; the job does not come from the additional scrape jobs of {self}"
        fix = f"take it out by hand where the job {job} is written"
        return Problem(f"Scrape job {job} of {self}", cause, fix)

    def unchangeable(self) -> str:
        """Why it is not changed."""
        if self.kind in GITOPS:
            return f"{GITOPS[self.kind]} would undo a change that is made behind its back"
        return "where its scrape jobs are written is not known"


def source_of(server: Mapping[str, Any]) -> Source:
    """Where the additional jobs of a full server are written, told from its owner and its custom resource."""
    belongs, custom = mapping(server.get("owner")), mapping(mapping(server.get("owner")).get("custom_resource"))
    kind, namespace, name = (
        str(belongs.get("kind")),
        str(belongs.get("namespace") or ""),
        str(belongs.get("name") or ""),
    )
    nobody = Source("unknown", name=str(server["id"]))
    match kind:
        case "argocd" | "flux" if name:
            return Source("argocd" if kind == "argocd" else "flux", namespace, name)
        case "helm" if namespace and name:
            return Source("helm", namespace, name)
        case "custom_resource" if custom.get("kind") == "Prometheus" and custom.get("name") == name:
            # Something else may have made the custom resource, and would make it so again.
            secret = mapping(server.get("scrape_configs"))
            place = [str(secret.get(key) or "") for key in ("namespace", "name", "key")]
            return Source("secret", *place) if all(place) else nobody
        case _:
            return nobody


def read_source(content: object) -> Source | None:
    """A source as the record has it."""
    found = mapping(content)
    kind, namespace, name, key = (str(found.get(part) or "") for part in ("kind", "namespace", "name", "key"))
    match kind:
        case "helm" if namespace and name:
            return Source("helm", namespace, name)
        case "secret" if namespace and name and key:
            return Source("secret", namespace, name, key)
        case _:
            return None


# A Helm release.


@dataclass(frozen=True)
class Release:
    """What of a release is needed to upgrade it."""

    values: Values
    version: str

    @property
    def jobs(self) -> list[object]:
        return elements(_at(self.values, *PATH))

    def with_jobs(self, jobs: list[object]) -> Values:
        """Return its values with another list. Everything else is as it was."""
        return _replaced(self.values, PATH, jobs)


def _at(content: object, *path: str) -> object:
    for key in path:
        content = mapping(content).get(key)
    return content


def _replaced(values: object, path: tuple[str, ...], content: object) -> Values:
    key, *rest = path
    found = values if isinstance(values, dict) else {}
    return {**found, key: _replaced(found.get(key), tuple(rest), content) if rest else content}


def read_release(source: Source, status: object) -> Release:
    """Read a release as kubernetes.core.helm_info gives it. Raises ProblemError where its list cannot be changed."""
    found = mapping(status)
    place = ".".join(PATH)
    fix = f"take the jobs out of {place} of its values by hand"
    chart, _dash, version = str(found.get("chart") or "").partition(f"{CHART}-")
    values = found.get("values") or {}
    jobs, secret = _at(values, *PATH), mapping(_at(values, *PATH[:-1], _SECRET))
    if not found:
        cause = "there is none that is deployed"
        fix = "see it with 'helm list --all'; finish or roll back what is going on, and run it again"
    elif found.get("status") != "deployed":
        cause = f"it is {found.get('status')}, so its values may not be those that run"
        fix = "roll it back or upgrade it until it is deployed, and run it again"
    elif chart or not version:
        cause = f"it is of the chart {found.get('chart')}, and only {CHART} is known here"
        fix += f", or of the part of them that is for {CHART}"
    elif not isinstance(values, dict):
        cause = "its values cannot be read"
    elif isinstance(jobs, str):
        cause = f"{place} is a text, which Helm fills in as a template, so nothing can be taken out of it safely"
        fix += ", and upgrade it; or write them as a list, and run it again"
    elif jobs is not None and not isinstance(jobs, list):
        cause = f"{place} is neither a list nor a text"
    elif secret.get("enabled"):
        cause = f"its jobs are in the Secret that {_SECRET} names ({secret.get('name')}, key {secret.get('key')})"
        fix = "take them out where that Secret is made; whoever owns it would undo a change behind its back"
    else:
        return Release(values, version)
    raise ProblemError([Problem(f"Helm {source} of the full Prometheus servers", cause, fix)])


def chart_problems(source: Source, release: Release, reference: str, there: tuple[str, str] | None) -> list[Problem]:
    """Why a release cannot be upgraded with a chart. There is the name and the version of the one at its path, if any.

    Of a path or a URL, Helm takes whatever is there, also another version than the one that it is told.
    """
    subject = f"Helm {source} of the full Prometheus servers"
    if not reference:
        cause = "its chart is not given, and a release does not say where that came from"
        fix = (
            f"set legacy_prometheus_chart_ref to the chart {CHART} {release.version}, such as "
            f"prometheus-community/{CHART}, an oci:// reference or a path, and run it again"
        )
        return [Problem(subject, cause, fix)]
    if found := _ARCHIVE.search(reference):
        there = (CHART, release.version) if found[1] == f"{CHART}-{release.version}" else (found[1], "")
    if there is None or there == (CHART, release.version):
        return []
    cause = f"{reference} is {' '.join(there).strip()}, and the release is of {CHART} {release.version}"
    return [Problem(subject, cause, "give the same chart in the same version, as only its list of scrape jobs changes")]


# A Secret.


@dataclass(frozen=True)
class SecretJobs:
    """The jobs in a key of a Secret."""

    jobs: list[object]
    type: str


#: Reads YAML: the document, and the same with every scalar as the text that stands there.
Load = Callable[[str], tuple[object, object]]


def read_secret(source: Source, item: object, load: Load) -> SecretJobs:
    """The jobs in a Secret. Raises ProblemError where they cannot be changed."""
    found = mapping(item)
    fix = f"take the jobs out of its key {source.key} by hand"
    made_by = owner("Secret", found, {})
    try:
        text = base64.b64decode(str(mapping(found.get("data")).get(source.key) or ""), validate=True).decode()
    except ValueError:
        text = ""
    document, texts = load(text)
    if not found:
        cause = "there is none, though a custom resource Prometheus names it"
        fix = "create it, or take it out of additionalScrapeConfigs"
    elif made_by.kind != "none":
        cause = f"{made_by.kind} {made_by.name or ''}".strip() + " makes it, and would undo a change"
        fix = "take the jobs out where it is made"
    elif found.get("immutable"):
        cause = "it is immutable"
    elif not isinstance(document, list):
        cause = f"its key {source.key} is no list in YAML"
    elif not _is_exact(document, texts):
        cause = f"its key {source.key} has values that would not be written as they are, such as 010 or a date"
        fix += "; or put such values in quotes, and run it again"
    else:
        return SecretJobs(document, str(found.get("type") or "Opaque"))
    raise ProblemError([Problem(str(source), cause, fix)])


def _is_exact(content: object, texts: object) -> bool:
    """Whether what was read is written again as what stands there."""
    match content:
        case dict():
            return isinstance(texts, dict) and all(_is_exact(content.get(key), text) for key, text in texts.items())
        case list():
            same = isinstance(texts, list) and len(texts) == len(content)
            return same and all(map(_is_exact, content, elements(texts)))
        case bool():
            return texts == str(content).lower()
        case None:
            return texts in {"", "~", "null"}
        case int() | float() | str():
            return texts == str(content)
        case _:
            return False


# What Helm says.

_SAID = (
    (r"another operation \(install/upgrade/rollback\) is in progress", "wait for it, or roll it back"),
    (r"Failed to find required executable", "install helm on the controller, or put it into its PATH"),
    (r"context deadline exceeded|timed out waiting", "see why pods do not become ready; raise the timeout"),
    (r"is forbidden: User \S+ cannot \w+ resource", "allow the user what Helm needs for the whole release"),
    (r"(failed to download|not found in \S+ (index|repository)|no cached repo|repo \S+ not found|path \S+ not found)",
     "check the chart's reference, its repository (helm repo update) and its version"),
    (r"Kubernetes cluster unreachable", "check that the API server runs, and can be reached from here"),
)  # fmt: skip


def helm_problem(source: Source, text: str) -> Problem:
    """Why Helm failed. Its words are not quoted but for what is known: a chart's error can hold any value."""
    subject = f"Helm {source} of the full Prometheus servers"
    for pattern, fix in _SAID:
        if found := re.search(pattern, text):
            return Problem(subject, f"Helm says: {found[0]}", fix)
    cause = "Helm failed; its words are left out, as they can hold a value of the release"
    return Problem(subject, cause, "run 'helm history' and 'helm status' of it, and upgrade it by hand to see why")
