# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who an object of a cluster belongs to: whoever would undo a change that is made behind its back."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.miribit.thanos.plugins.module_utils.base.facts import read_facts
from ansible_collections.miribit.thanos.plugins.module_utils.base.untyped import list_at, mapping_at

#: An object as the API server lists it.
Object = Mapping[str, Any]
#: Kind -> the objects of that kind. A kind that could not be read is missing.
Objects = Mapping[str, Sequence[Object]]

#: What Kubernetes itself makes pods of. An owner of another kind is a custom resource.
ORDINARY = frozenset({"Pod", "ReplicaSet", "Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob"})

#: Kind of an owner -> its name, for those that restore their objects from a repository.
GITOPS = {"argocd": "Argo CD", "flux": "Flux"}

_ARGOCD_ID = "argocd.argoproj.io/tracking-id"
_ARGOCD_LABEL = "argocd.argoproj.io/instance"
_ARGOCD_MANAGERS = {"argocd-controller", "argocd-application-controller"}
_FLUX = ("helm.toolkit.fluxcd.io", "kustomize.toolkit.fluxcd.io")
_HELM_RELEASE = "meta.helm.sh/release-name"
_HELM_NAMESPACE = "meta.helm.sh/release-namespace"
_INSTANCE = "app.kubernetes.io/instance"
_MANAGED_BY = "app.kubernetes.io/managed-by"

# Names of charts can have numbers and dashes, and so can versions: only three numbers with dots begin one.
_CHART = re.compile(r"(?P<name>.+?)-(?P<version>v?[0-9]+\.[0-9]+\.[0-9]+(?:[-+_][0-9A-Za-z.+_-]*)?)")


@dataclass(frozen=True)
class Reference:
    """What an object says of its owner."""

    kind: str
    name: str


@dataclass(frozen=True)
class Named:
    """Kind, namespace and name of an object."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {'/'.join(filter(None, (self.namespace, self.name)))}"


@dataclass(frozen=True)
class Owner:
    """Owner of an object."""

    #: helm, argocd, flux, custom_resource or none.
    kind: str
    namespace: str | None
    name: str | None
    chart: str | None
    chart_version: str | None
    #: The object was made from it.
    custom_resource: Named | None

    def __str__(self) -> str:
        if self.kind == "custom_resource" and self.custom_resource:
            return str(self.custom_resource)
        words = {**GITOPS, "helm": "Helm release", "none": "nobody"}
        name = "/".join(filter(None, (self.namespace, self.name)))
        chart = " ".join(filter(None, (self.chart, self.chart_version)))
        text = f"{words.get(self.kind, '')} {name}".strip()
        return f"{text} ({chart})" if chart else text


@dataclass(frozen=True)
class Manager:
    """Software that undoes changes of the objects that it owns."""

    name: str
    #: At once; else with its next upgrade.
    reverts: bool
    #: For a fix: the place of a change that lasts.
    source: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class _Mark:
    """Who has left a mark on an object."""

    kind: str
    namespace: str | None
    name: str | None


def name_of(item: Object) -> str:
    return str(mapping_at(item, "metadata").get("name") or "")


def namespace_of(item: Object) -> str:
    return str(mapping_at(item, "metadata").get("namespace") or "")


def labels_of(item: Object) -> dict[str, str]:
    return {str(name): str(value) for name, value in mapping_at(item, "metadata", "labels").items()}


def annotations_of(item: Object) -> dict[str, str]:
    return {str(name): str(value) for name, value in mapping_at(item, "metadata", "annotations").items()}


def find(objects: Objects, kind: str, namespace: str, name: str) -> Object | None:
    """The object of this name in the namespace, or in none."""
    named = [item for item in objects.get(kind, ()) if name_of(item) == name]
    return next((item for item in named if namespace_of(item) in {namespace, ""}), None)


def controller(item: Object) -> Reference | None:
    """The owner that makes an object anew where it is missing."""
    references = [one for one in list_at(item, "metadata", "ownerReferences") if one.get("controller")]
    return _reference(references[0]) if references else None


def chart_of(labels: Mapping[str, str]) -> tuple[str | None, str | None]:
    """Name and version of the chart that the labels name."""
    text = labels.get("helm.sh/chart") or labels.get("chart")
    match = _CHART.fullmatch(text) if text else None
    if match is None:
        return text or None, None
    # Helm's charts write _ for +, which a label cannot hold; no version has a _ of its own.
    return match["name"], match["version"].replace("_", "+")


def owner(kind: str, item: Object, objects: Objects) -> Owner:
    """Return the owner of an object.

    Its owner references come first: what an operator makes has the labels and annotations of its custom resource, those
    of Helm and of Argo CD among them. The last object of that chain tells the rest.
    """
    customs: list[Named] = []
    identity, copied, passed = (kind, namespace_of(item), name_of(item)), False, set()
    while (reference := _any_reference(item)) and not copied and reference not in passed:
        passed.add(reference)
        above = find(objects, reference.kind, identity[1], reference.name)
        namespace = identity[1] if above is None else namespace_of(above)
        identity = (reference.kind, namespace, reference.name)
        if reference.kind not in ORDINARY:
            customs.append(Named(reference.kind, namespace, reference.name))
        # Of an owner that cannot be seen, what it made has copies of the marks.
        item, copied = (item, True) if above is None else (above, False)
    mark = _mark(identity, item, copied=copied)
    if mark is None and customs:
        mark = _Mark("custom_resource", customs[-1].namespace or None, customs[-1].name)
    mark = mark or _Mark("none", None, None)
    chart, version = chart_of(labels_of(item))
    return Owner(mark.kind, mark.namespace, mark.name, chart, version, customs[0] if customs else None)


def read_owner(fact: object) -> Owner:
    """Read an owner back that has crossed Ansible; nobody where it is unknown."""
    return read_facts(Owner, fact, "Owner", "")[0] or Owner("none", None, None, None, None, None)


def manager(owned: Owner) -> Manager | None:
    """Return what manages an object of this owner."""
    if owned.kind in GITOPS:
        return Manager(f"{GITOPS[owned.kind]} ({owned.name})", True, "its repository, or stop its synchronisation")
    if custom := owned.custom_resource:
        # Such as a SealedSecret, whose controller writes the Secret again.
        return Manager(f"{custom.kind} {custom.name}", True, "it, or keep it from that")
    return Manager(f"the Helm release {owned.name}", False, "the release's values") if owned.kind == "helm" else None


def _reference(content: Object) -> Reference:
    return Reference(str(content.get("kind")), str(content.get("name")))


def _any_reference(item: Object) -> Reference | None:
    # The Services that prometheus-operator makes name their owner, but not as their controller.
    references = list_at(item, "metadata", "ownerReferences")
    found = controller(item) or (_reference(references[0]) if len(references) == 1 else None)
    # A static pod is owned by its node, which is where it runs, not who wants it.
    return None if found and found.kind == "Node" else found


def _mark(identity: tuple[str, str, str], item: Object, *, copied: bool) -> _Mark | None:
    labels, annotations = labels_of(item), annotations_of(item)
    # GitOps before Helm: what was taken over from a release keeps Helm's annotations.
    if mark := _argocd(identity, item, labels, annotations) or _flux(labels):
        return mark
    if release := annotations.get(_HELM_RELEASE):
        return _Mark("helm", annotations.get(_HELM_NAMESPACE) or None, release)
    # The label alone is also on what was rendered from a chart and applied by somebody else. Helm has annotated all of
    # a release since 3.2, but pods have labels only.
    if copied and labels.get(_MANAGED_BY) == "Helm":
        return _Mark("helm", None, labels.get("release") or labels.get(_INSTANCE) or None)
    return None


def _argocd(
    identity: tuple[str, str, str], item: Object, labels: Mapping[str, str], annotations: Mapping[str, str]
) -> _Mark | None:
    if application := _tracked_by(annotations.get(_ARGOCD_ID, ""), identity) or labels.get(_ARGOCD_LABEL):
        # An application that is not in Argo CD's own namespace is called NAMESPACE_NAME.
        namespace, _sign, name = application.rpartition("_")
        return _Mark("argocd", namespace or None, name)
    # Up to Argo CD 3.0 its only label was by default the one that charts use as well. Who wrote the object tells them
    # apart.
    writers = {str(one.get("manager")) for one in list_at(item, "metadata", "managedFields")}
    if _INSTANCE in labels and not writers.isdisjoint(_ARGOCD_MANAGERS):
        return _Mark("argocd", None, labels[_INSTANCE])
    return None


def _tracked_by(text: str, identity: tuple[str, str, str]) -> str | None:
    """The application of a tracking ID (APPLICATION:GROUP/KIND:NAMESPACE/NAME), if it is this object's own.

    Argo CD ignores one that names another object, too (isSelfReferencedObj): it was copied.
    """
    application, _colon, rest = text.partition(":")
    group_kind, _colon, place = rest.partition(":")
    namespace, _slash, name = place.partition("/")
    kind = group_kind.rpartition("/")[2]
    same_place = identity[1] in {"", namespace}
    return application if application and same_place and (kind, name) == (identity[0], identity[2]) else None


def _flux(labels: Mapping[str, str]) -> _Mark | None:
    for group in _FLUX:
        if name := labels.get(f"{group}/name"):
            return _Mark("flux", labels.get(f"{group}/namespace") or None, name)
    return None
