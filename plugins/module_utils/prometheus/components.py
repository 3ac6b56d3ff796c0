# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What of Prometheus, Thanos and around them runs in a cluster, told from its objects: the facts of the audit."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property

from ansible_collections.miribit.thanos.plugins.module_utils.base.untyped import list_at, mapping_at
from ansible_collections.miribit.thanos.plugins.module_utils.kube.access import quantity
from ansible_collections.miribit.thanos.plugins.module_utils.kube.claims import Volume, claims_of, volume
from ansible_collections.miribit.thanos.plugins.module_utils.kube.containers import (
    Container,
    Workload,
    containers,
    flag,
    is_ready,
    is_terminating,
    source_of,
    source_of_variable,
    variable_in,
    version_of,
)
from ansible_collections.miribit.thanos.plugins.module_utils.kube.owners import (
    Named,
    Object,
    Objects,
    Owner,
    annotations_of,
    controller,
    find,
    labels_of,
    name_of,
    namespace_of,
    owner,
)
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.entries import RemoteWrite
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.facts import Prometheus
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.targets import Target

_CPU = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE]([+-]?[0-9]{1,2})|([numk]))?")
_CPU_UNITS = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3}

# Helm's default of when a hook's object is deleted.
_BEFORE = "before-hook-creation"


@dataclass(frozen=True)
class Amounts:
    """Memory in bytes and CPU in cores. None is unknown, or not set."""

    memory: int | None
    cpu: float | None


@dataclass(frozen=True)
class Node:
    name: str
    addresses: tuple[str, ...]
    ready: bool | None
    #: What the node has, and not only what pods may have of it.
    memory: int | None
    cpu: float | None


@dataclass(frozen=True)
class Replicas:
    wanted: int | None
    #: Pods in which the container is ready.
    ready: int | None


@dataclass(frozen=True)
class Pod:
    name: str
    node: str | None
    phase: str | None
    ready: bool | None
    restarts: int | None
    #: Why it does not run, or else why it was started again.
    reason: str | None


@dataclass(frozen=True)
class Helpers:
    """Containers that go with a component and are none themselves, such as a config-reloader."""

    #: Of one pod.
    requests: Amounts | None
    #: Of all pods.
    usage: Amounts | None


@dataclass(frozen=True)
class ObjectStore:
    """Key of a Secret with a configuration for object storage."""

    secret: str
    key: str | None


@dataclass(frozen=True)
class Sidecar:
    uploads: bool | None
    objstore: ObjectStore | None


@dataclass(frozen=True)
class Component:
    """One container of a workload, in all its pods."""

    id: str
    kind: str
    workload: Named
    container: str
    image: str
    version: str | None
    replicas: Replicas | None
    pods: tuple[Pod, ...] | None
    labels: Mapping[str, str] | None
    owner: Owner | None
    #: Of one container.
    requests: Amounts | None
    limits: Amounts | None
    #: Of all containers together.
    usage: Amounts | None
    helpers: Helpers | None
    #: None where the volumes that it mounts are unknown.
    volumes: tuple[Volume, ...] | None
    prometheus: Prometheus | None
    sidecar: Sidecar | None

    @property
    def wanted(self) -> int | None:
        return self.replicas.wanted if self.replicas else None

    @property
    def ready(self) -> int | None:
        return self.replicas.ready if self.replicas else None

    @property
    def reasons(self) -> list[str]:
        """Why pods of it do not run."""
        return sorted({pod.reason for pod in self.pods or () if pod.reason})

    @property
    def memory_request(self) -> int | None:
        """Return the request of one pod with its helpers, or of the part that is known."""
        return _at_least(self.requests, self.helpers.requests if self.helpers else None)

    @property
    def memory_used(self) -> int | None:
        """Return the use of all pods with their helpers, or of the part that is known."""
        return _at_least(self.usage, self.helpers.usage if self.helpers else None)

    @property
    def group(self) -> Named:
        """The custom resource that the workload was made from, or the workload: shards of one resource are equal."""
        return (self.owner and self.owner.custom_resource) or self.workload

    @property
    def writes(self) -> tuple[RemoteWrite, ...] | None:
        return self.prometheus.remote_write if self.prometheus else None

    @cached_property
    def targets(self) -> tuple[Target, ...] | None:
        found = self.prometheus.targets if self.prometheus else None
        return None if found is None else tuple(fact.target for fact in found)


@dataclass(frozen=True)
class Leftover:
    """A failed pod that nothing replaces."""

    pod: str
    namespace: str
    reason: str | None
    #: Why it stays.
    why: str | None


def cores(text: str) -> float | None:
    """A quantity of cpu, such as 200m, 0.5 or 12345n; None if it is not one."""
    match = _CPU.fullmatch(text.strip())
    if match is None:
        return None
    power = int(match[2]) if match[2] else _CPU_UNITS[match[3] or ""]
    return float(Fraction(match[1]) * Fraction(10) ** power)


def components(
    objects: Objects, usage: Mapping[tuple[str, str, str], Amounts], volumes_used: Mapping[tuple[str, str], int]
) -> tuple[Component, ...]:
    """Return the components of a cluster, without the facts that only a running Prometheus can tell.

    Usage is given by namespace, pod and container, and the bytes in use of volumes by namespace and claim.
    """
    every = containers(objects)
    helpers = _helpers(every)
    return tuple(
        replace(
            _component(one, one.kind, objects),
            usage=_usage(one, usage),
            helpers=_beside(helpers.get(one.id, []), usage),
            volumes=tuple(volume(*claim, objects, volumes_used) for claim in sorted(claims_of(one, objects))),
        )
        for one in sorted(every, key=lambda one: one.id)
        if one.kind is not None
    )


def _beside(helpers: Sequence[Container], usage: Mapping[tuple[str, str, str], Amounts]) -> Helpers:
    return Helpers(_total(map(_requests, helpers)), _total(_usage(helper, usage) for helper in helpers))


def _helpers(every: Iterable[Container]) -> dict[str, list[Container]]:
    """The containers that are no component, by the first component of their workload."""
    workloads: dict[str, list[Container]] = {}
    for one in every:
        workloads.setdefault(str(one.workload), []).append(one)
    return {
        components[0].id: [one for one in beside if one.kind is None]
        for beside in workloads.values()
        if (components := [one for one in beside if one.kind is not None])
    }


def _at_least(*amounts: Amounts | None) -> int | None:
    return _total(one for one in amounts if one).memory


def _total(amounts: Iterable[Amounts]) -> Amounts:
    """At least so much: what is not known of one is left out."""
    given = list(amounts)
    memory = [one.memory for one in given if one.memory is not None]
    cpu = [one.cpu for one in given if one.cpu is not None]
    return Amounts(sum(memory) if memory else None, sum(cpu) if cpu else None)


def nodes(objects: Objects) -> tuple[Node, ...]:
    return tuple(map(_node, sorted(objects.get("Node", ()), key=name_of)))


def _node(node: Object) -> Node:
    addresses = {str(one.get("address")) for one in list_at(node, "status", "addresses")}
    capacity = _amounts(mapping_at(node, "status", "capacity"))
    return Node(name_of(node), tuple(sorted(addresses)), is_ready(node), capacity.memory, capacity.cpu)


def leftovers(objects: Objects) -> tuple[Leftover, ...]:
    """Return the failed pods that nothing replaces."""
    found = []
    for pod in sorted(objects.get("Pod", ()), key=lambda pod: (namespace_of(pod), name_of(pod))):
        failed = mapping_at(pod, "status").get("phase") == "Failed"
        if failed and not is_terminating(pod) and (why := _why_it_stays(pod, objects)):
            found.append(Leftover(name_of(pod), namespace_of(pod), _end_of(pod), why))
    return tuple(found)


def _why_it_stays(pod: Object, objects: Objects) -> str | None:
    reference = controller(pod)
    if reference is None:
        return _why_hook_stays(pod) or "no controller made it, so nothing replaces it, and nothing deletes it"
    if reference.kind != "Job":
        return None
    job = find(objects, "Job", namespace_of(pod), reference.name)
    # A Job that goes on makes another pod, and so does a CronJob.
    if job is None or controller(job) or not _has_finished(job):
        return None
    return _why_hook_stays(job) or f"it is of Job {reference.name}, which has finished, and stays as long as that"


def _has_finished(job: Object) -> bool:
    conditions = list_at(job, "status", "conditions")
    return any(one.get("type") in {"Complete", "Failed"} and one.get("status") == "True" for one in conditions)


def _why_hook_stays(item: Object) -> str | None:
    annotations = annotations_of(item)
    hook = annotations.get("helm.sh/hook")
    if not hook:
        return None
    policy = annotations.get("helm.sh/hook-delete-policy") or _BEFORE
    what = "a test hook" if hook.startswith("test") else f"a hook ({hook})"
    return (
        f"it is {what} of Helm, which no workload owns and neither an upgrade nor an uninstall deletes; "
        f"its hook-delete-policy {policy} keeps it" + (" until the hook runs again" if _BEFORE in policy else "")
    )


def _end_of(pod: Object) -> str:
    ends = [mapping_at(one, "state", "terminated") for one in list_at(pod, "status", "containerStatuses")]
    reasons = [str(end["reason"]) for end in ends if end.get("exitCode") and end.get("reason")]
    return str(mapping_at(pod, "status").get("reason") or next(iter(reasons), "Failed"))


def _component(one: Container, kind: str, objects: Objects) -> Component:
    workload, image = one.workload, str(one.content.get("image") or "")
    item = workload.item or one.holder
    return Component(
        id=one.id,
        kind=kind,
        workload=Named(workload.kind, workload.namespace, workload.name),
        container=one.name,
        image=image,
        version=version_of(image),
        replicas=Replicas(_wanted(workload), _ready(one)),
        pods=tuple(_pod(pod, one.name) for pod in one.pods),
        labels=labels_of(item),
        owner=owner(workload.kind, item, objects),
        requests=_requests(one),
        limits=_amounts(mapping_at(one.content, "resources", "limits")),
        usage=None,
        helpers=None,
        volumes=None,
        prometheus=None,
        sidecar=_sidecar(one) if kind == "thanos_sidecar" else None,
    )


def _wanted(workload: Workload) -> int:
    item = workload.item or {}
    if workload.kind == "DaemonSet":
        return int(mapping_at(item, "status").get("desiredNumberScheduled") or 0)
    replicas = mapping_at(item, "spec").get("replicas")
    return replicas if isinstance(replicas, int) else len(workload.pods or ())


def _ready(one: Container) -> int:
    """How many of these containers are ready. Their pods can be not ready because of another one."""
    if one.workload.pods is not None:
        return sum(_is_container_ready(pod, one.name) for pod in one.pods)
    status = mapping_at(one.workload.item or {}, "status")
    return int(status.get("readyReplicas") or status.get("numberReady") or 0)


def _status(pod: Object, name: str) -> Object:
    lists = ("initContainerStatuses", "containerStatuses")
    every = [one for key in lists for one in list_at(pod, "status", key)]
    return next((one for one in every if one.get("name") == name), {})


def _is_container_ready(pod: Object, name: str) -> bool:
    return bool(_status(pod, name).get("ready")) and not is_terminating(pod)


def _pod(pod: Object, name: str) -> Pod:
    node, phase = mapping_at(pod, "spec").get("nodeName"), mapping_at(pod, "status").get("phase")
    return Pod(
        name=name_of(pod),
        node=None if node is None else str(node),
        phase=None if phase is None else str(phase),
        ready=_is_container_ready(pod, name),
        restarts=int(_status(pod, name).get("restartCount") or 0),
        reason=_reason(pod, _status(pod, name)),
    )


def _reason(pod: Object, status: Object) -> str | None:
    """Why it does not run, or else why it was started again."""
    if is_terminating(pod):
        return "Terminating"
    conditions = [one for one in list_at(pod, "status", "conditions") if one.get("type") == "PodScheduled"]
    found = [
        mapping_at(status, "state", "waiting").get("reason"),
        mapping_at(status, "state", "terminated").get("reason"),
        mapping_at(pod, "status").get("reason"),
        *(one.get("reason") for one in conditions if one.get("status") == "False"),
        mapping_at(status, "lastState", "terminated").get("reason"),
    ]
    return next((str(reason) for reason in found if reason), None)


def _amounts(resources: Object) -> Amounts:
    memory, cpu = resources.get("memory"), resources.get("cpu")
    return Amounts(None if memory is None else quantity(str(memory)), None if cpu is None else cores(str(cpu)))


def _requests(one: Container) -> Amounts:
    """Where nothing is asked for, Kubernetes takes the limit."""
    resources = mapping_at(one.content, "resources")
    return _amounts({**mapping_at(resources, "limits"), **mapping_at(resources, "requests")})


def _usage(one: Container, usage: Mapping[tuple[str, str, str], Amounts]) -> Amounts:
    """Return the sum over all pods; None where it would lack one of them."""
    unknown = Amounts(None, None)
    if one.workload.pods is None:
        return unknown
    running = [pod for pod in one.pods if mapping_at(_status(pod, one.name), "state").get("running") is not None]
    found = [usage.get((namespace_of(pod), name_of(pod), one.name), unknown) for pod in running]
    memory = [each.memory for each in found if each.memory is not None]
    cpu = [each.cpu for each in found if each.cpu is not None]
    return Amounts(
        sum(memory) if len(memory) == len(found) else None,
        sum(cpu) if len(cpu) == len(found) else None,
    )


def _sidecar(one: Container) -> Sidecar:
    """Whether a sidecar uploads. What its flags give as configuration can be a secret itself, so it is never shown."""
    given, path = flag(one.content, "--objstore.config"), flag(one.content, "--objstore.config-file")
    source = source_of(one.holder, one.content, path) if path else None
    if given and (variable := variable_in(given)):
        source = source_of_variable(one.content, variable)
    secret = source if source and source.kind == "Secret" else None
    return Sidecar(bool(path or given), ObjectStore(secret.name, secret.key) if secret else None)
