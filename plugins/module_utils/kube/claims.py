# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Volume claims: whose they are, what they hold, and those that no workload has any more."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from ansible_collections.miribit.thanos.plugins.module_utils.base.untyped import list_at, mapping_at
from ansible_collections.miribit.thanos.plugins.module_utils.kube.access import quantity
from ansible_collections.miribit.thanos.plugins.module_utils.kube.containers import Container, has_ended
from ansible_collections.miribit.thanos.plugins.module_utils.kube.owners import (
    Object,
    Objects,
    annotations_of,
    find,
    name_of,
    namespace_of,
)

#: The bytes in use of claims, by namespace and name.
Used = Mapping[tuple[str, str], int]


@dataclass(frozen=True)
class Volume:
    """A claim, and the volume that it is bound to. Sizes are in bytes."""

    claim: str
    namespace: str
    size: int | None
    used: int | None
    storage_class: str | None
    reclaim_policy: str | None
    #: None of a claim that is not bound.
    volume: str | None

    @property
    def key(self) -> tuple[str, str]:
        return self.namespace, self.claim


@dataclass(frozen=True)
class Claim(Volume):
    """A claim that no workload has."""

    why: str


# Whoever may mount a claim, or will: only of all together it is known that nobody does.
_TEMPLATES = ("StatefulSet", "Deployment", "DaemonSet", "ReplicaSet", "Job")
_MOUNTING = ("Pod", *_TEMPLATES, "CronJob")
# The claims of a StatefulSet end in the number of their pod.
_NUMBERED = re.compile(r"-[0-9]+$")


def claims_of(one: Container, objects: Objects) -> set[tuple[str, str]]:
    """Namespace and name of the claims that a container mounts, in all its pods.

    Those that a StatefulSet has made for pods that are no more are among them: they still cost.
    """
    namespace = one.workload.namespace
    mounted = {
        str(mount.get("name")) for key in ("volumeMounts", "volumeDevices") for mount in list_at(one.content, key)
    }
    names = {
        name
        for holder in one.pods or (one.holder,)
        for volume in list_at(holder, "spec", "volumes")
        if str(volume.get("name")) in mounted and (name := _claim_of(volume, name_of(holder)))
    }
    made = _made_for(one.workload.name, _claim_templates(one.workload.item or {}) & mounted)
    claims = objects.get("PersistentVolumeClaim", ())
    names |= {name_of(claim) for claim in claims if namespace_of(claim) == namespace and made(name_of(claim))}
    return {(namespace, name) for name in names}


def _claim_of(volume: Object, pod: str) -> str | None:
    if claim := mapping_at(volume, "persistentVolumeClaim").get("claimName"):
        return str(claim)
    # Kubernetes names the claim of a generic ephemeral volume so.
    return f"{pod}-{volume.get('name')}" if pod and "ephemeral" in volume else None


def _claim_templates(workload: Object) -> set[str]:
    return {name_of(one) for one in list_at(workload, "spec", "volumeClaimTemplates")}


def _made_for(workload: str, templates: set[str]) -> Callable[[str], bool]:
    """Whether a StatefulSet makes claims with a name, of one of its templates: TEMPLATE-NAME-NUMBER."""
    starts = tuple(f"{template}-{workload}-" for template in templates)
    return lambda name: any(name.startswith(start) and name[len(start) :].isdecimal() for start in starts)


def without_workload(objects: Objects, namespace: str, used: Used) -> tuple[Claim, ...] | None:
    """The claims of a namespace that nothing mounts and nothing will; None where that cannot be known."""
    if not objects.keys() >= {*_MOUNTING, "PersistentVolumeClaim"}:
        return None
    mounted = set(_mounted(objects, namespace))
    makers = [_made_for(name_of(one), _claim_templates(one)) for one in _of(objects, "StatefulSet", namespace)]
    return tuple(
        Claim(**vars(volume(namespace, name, objects, used)), why=_why(claim))
        for claim in sorted(_of(objects, "PersistentVolumeClaim", namespace), key=name_of)
        if (name := name_of(claim)) not in mounted and not any(made(name) for made in makers)
    )


def _of(objects: Objects, kind: str, namespace: str) -> list[Object]:
    return [item for item in objects.get(kind, ()) if namespace_of(item) == namespace]


def _mounted(objects: Objects, namespace: str) -> Iterator[str]:
    """The names of the claims that pods mount, and those that stopped workloads would."""
    for pod in _of(objects, "Pod", namespace):
        # A pod that has ended holds no volume.
        if not has_ended(pod):
            yield from _named(pod, name_of(pod))
    for kind in _TEMPLATES:
        for item in _of(objects, kind, namespace):
            if not mapping_at(item, "status").get("completionTime"):
                yield from _named(mapping_at(item, "spec", "template"), "")
    for item in _of(objects, "CronJob", namespace):
        yield from _named(mapping_at(item, "spec", "jobTemplate", "spec", "template"), "")


def _named(holder: Object, pod: str) -> Iterator[str]:
    for one in list_at(holder, "spec", "volumes"):
        if name := _claim_of(one, pod):
            yield name


def _why(claim: Object) -> str:
    nobody = "no pod mounts it, and no workload that exists would"
    phase = mapping_at(claim, "status").get("phase")
    if phase == "Lost":
        return f"{nobody}; the volume that it was bound to is gone"
    if not mapping_at(claim, "spec").get("volumeName"):
        return f"{nobody}; it was never bound to a volume, so it holds nothing"
    if annotations_of(claim).get("helm.sh/resource-policy") == "keep":
        return f"{nobody}; Helm leaves it behind (helm.sh/resource-policy: keep)"
    if _NUMBERED.search(name_of(claim)):
        return f"{nobody}; its name is like that of a StatefulSet's claim, and there is none that it would be of"
    return nobody


def volume(namespace: str, name: str, objects: Objects, used: Used) -> Volume:
    """Return the volume of a claim."""
    claim = find(objects, "PersistentVolumeClaim", namespace, name) or {}
    spec = mapping_at(claim, "spec")
    sizes = mapping_at(claim, "status", "capacity"), mapping_at(spec, "resources", "requests")
    size = next((str(each["storage"]) for each in sizes if "storage" in each), None)
    bound = find(objects, "PersistentVolume", "", str(spec.get("volumeName"))) or {}
    bound_to, storage_class = spec.get("volumeName"), spec.get("storageClassName")
    policy = mapping_at(bound, "spec").get("persistentVolumeReclaimPolicy")
    return Volume(
        claim=name,
        namespace=namespace,
        size=None if size is None else quantity(size),
        used=used.get((namespace, name)),
        storage_class=None if storage_class is None else str(storage_class),
        reclaim_policy=None if policy is None else str(policy),
        volume=None if bound_to is None else str(bound_to),
    )
