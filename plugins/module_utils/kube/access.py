# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a cluster can hold what a phase brings: the judgements, from what was read of it."""

from __future__ import annotations

import difflib
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from fractions import Fraction
from typing import Any

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.base.reader import Reader
from ansible_collections.miribit.thanos.plugins.module_utils.kube.errors import LoginError
from ansible_collections.miribit.thanos.plugins.module_utils.kube.objects import Object, Resource
from ansible_collections.miribit.thanos.plugins.module_utils.kube.owners import name_of
from ansible_collections.miribit.thanos.plugins.module_utils.kube.permissions import (
    IDENTITY_NAMESPACE,
    Review,
    When,
    describe,
    makes_namespace,
    manifest_path,
)
from ansible_collections.miribit.thanos.plugins.module_utils.kube.proxy import Answer, kubernetes_status, login_problem

ACCESS_REVIEWS = Resource("authorization.k8s.io/v1", "selfsubjectaccessreviews")
STORAGE_CLASSES = Resource("storage.k8s.io/v1", "storageclasses")
INGRESS_CLASSES = Resource("networking.k8s.io/v1", "ingressclasses")
CRDS = Resource("apiextensions.k8s.io/v1", "customresourcedefinitions")

#: The label of pods that are of this collection already. What they ask for is not asked for once more.
OURS = ("app.kubernetes.io/managed-by", "miribit.thanos")
#: Of pods that have ended nothing is in use.
RUNNING_PODS = "status.phase!=Succeeded,status.phase!=Failed"

# Beyond it, samples arrive as too old or from the future, and the lock is taken over from who still holds it.
MOST_SKEW_SECONDS = 60.0

_QUANTITY = re.compile(r"([+-]?[0-9]+(?:\.[0-9]*)?|[+-]?\.[0-9]+)(?:[eE]([+-]?[0-9]{1,2})|([numkMGTPE]|[KMGTPE]i))?")
_UNITS = {
    **{
        unit: Fraction(1000) ** power
        for power, unit in enumerate(["n", "u", "m", "", "k", "M", "G", "T", "P", "E"], -3)
    },
    **{unit: Fraction(1024) ** power for power, unit in enumerate(["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"], 1)},
}
_VERSION = re.compile(r"v?([0-9]{1,4})\.([0-9]{1,4})(?![0-9])")


@dataclass(frozen=True)
class Workload:
    name: str
    replicas: int


@dataclass(frozen=True)
class Wanted:
    """What a phase wants of a cluster."""

    #: How messages call it; empty for the name of the context.
    cluster: str
    uid: str
    namespace: str
    phase: str
    side: str
    storage_class: str
    ingress_class: str
    crds: tuple[str, ...]
    minimum_version: tuple[int, int]
    memory: int
    workloads: tuple[Workload, ...]
    clock_skew: float

    def topics(self, namespace_exists: bool | None) -> set[When]:
        """What must be looked at, and so be allowed."""
        wanted = {
            When.NEW_NAMESPACE: namespace_exists is False,
            When.NODES: bool(self.workloads or self.memory),
            When.PODS: bool(self.memory),
            When.STORAGE_CLASS: bool(self.storage_class),
            When.INGRESS_CLASS: bool(self.ingress_class),
            When.CRDS: bool(self.crds),
        }
        return {topic for topic, is_wanted in wanted.items() if is_wanted}


@dataclass(frozen=True)
class Namespace:
    """What is known of a namespace. Whether it exists is None where it may not be read."""

    exists: bool | None
    uid: str = ""
    terminating: bool = False


@dataclass(frozen=True)
class Clock:
    """By how many seconds the API server's clock is ahead, and how far off this may be."""

    skew: float
    uncertainty: float

    @property
    def certain(self) -> float:
        """What the two differ by at least."""
        return max(0.0, abs(self.skew) - self.uncertainty)


@dataclass(frozen=True)
class Seen:
    """What was read of a cluster. None stands for what was not asked for, or could not be read."""

    uid: str = ""
    version: str | None = None
    clock: Clock | None = None
    namespace: Namespace = Namespace(None)
    denied: Sequence[Review] = ()
    nodes: Sequence[Object] | None = None
    pods: Sequence[Object] | None = None
    storage_classes: Sequence[Object] | None = None
    ingress_classes: Sequence[Object] | None = None
    #: By name; None for one that the cluster does not have.
    crds: Mapping[str, Object | None] | None = None


def read_wanted(options: Mapping[str, Any]) -> Wanted:
    """The options of the module cluster_access. Raises a ProblemError with all that is wrong with them."""
    reader = Reader()
    workloads = []
    memory = _read_memory(reader, "Option memory", options["memory"])
    for number, content in enumerate(options["replicas"], 1):
        # Whoever has more to say of a workload may hand it in whole.
        name = reader.value(f"Option replicas, entry {number}", content, "name", "")
        replicas = reader.value(f"Option replicas, entry {number}", content, "replicas", 0)
        workloads.append(Workload(name or f"workload {number}", replicas))
        memory += replicas * _read_memory(reader, f"Option replicas, entry {number}", content.get("memory", "0"))
    version = _VERSION.fullmatch(options["minimum_version"])
    if version is None:
        cause = f"{options['minimum_version']!r} is no version of Kubernetes"
        reader.refuse("Option minimum_version", cause, "give one like 1.25")
    if not 0 < options["clock_skew"] < math.inf:
        reader.refuse("Option clock_skew", f"{options['clock_skew']} is not above 0", "give seconds, such as 5")
    if reader.problems or version is None:
        raise ProblemError(reader.problems)
    return Wanted(
        cluster=options["cluster"] or "",
        uid=options["uid"] or "",
        namespace=options["namespace"],
        phase=options["phase"],
        side=options["side"],
        storage_class=options["storage_class"] or "",
        ingress_class=options["ingress_class"] or "",
        crds=tuple(options["crds"]),
        minimum_version=(int(version[1]), int(version[2])),
        memory=memory,
        workloads=tuple(workloads),
        clock_skew=options["clock_skew"],
    )


def _read_memory(reader: Reader, place: str, content: object) -> int:
    amount = quantity(str(content))
    if amount is None or amount < 0:
        cause = f"{content!r} is no amount of memory"
        reader.refuse(place, cause, "give bytes, or a number with a unit, such as 6Gi")
        return 0
    return amount


def quantity(text: str) -> int | None:
    """A Kubernetes quantity, such as 128Mi, 0.5, 1e3 or 100m, rounded up; None if it is not one."""
    match = _QUANTITY.fullmatch(text.strip())
    if match is None:
        return None
    number, exponent, unit = match.groups()
    factor = Fraction(10) ** int(exponent) if exponent else _UNITS[unit or ""]
    return math.ceil(Fraction(number) * factor)


def read_namespace(answer: Answer, cluster: str) -> Namespace:
    """What the answer to the first question says, which is also whether an API server answers there, and knows us."""
    status = kubernetes_status(answer)
    message = str((status or {}).get("message") or answer.text())
    if problem := login_problem(answer.status, message, cluster):
        raise LoginError(answer.status, problem, status)
    if status and answer.status in {403, 404}:
        return Namespace(None if answer.status == 403 else False)
    document = _document(answer)
    if answer.status != 200 or document.get("kind") != "Namespace":
        cause = f"its answer (HTTP {answer.status}: {answer.text()}) is not the namespace that was asked for"
        fix = "check that it is healthy, and that nothing stands before it, such as a proxy with a login page"
        raise ProblemError([Problem(f"API server of {cluster}", cause, fix)])
    uid = str(document.get("metadata", {}).get("uid", ""))
    return Namespace(True, uid, document.get("status", {}).get("phase") == "Terminating")


def read_version(answer: Answer) -> str | None:
    version = _document(answer).get("gitVersion")
    return version if answer.status == 200 and isinstance(version, str) else None


def read_clock(date: str, sent: float, received: float) -> Clock | None:
    """The clock of a server that wrote this Date header between two moments of ours (in seconds since 1970).

    The header has whole seconds, so half a second is added. When it was written is not known, so the middle is taken.
    """
    try:
        moment = parsedate_to_datetime(date)
    except ValueError:
        return None
    # HTTP has only GMT, which is read as a moment without a time zone if it is written as -0000.
    theirs = moment.replace(tzinfo=UTC).timestamp() + 0.5
    return Clock(theirs - (sent + received) / 2, 0.5 + (received - sent) / 2)


def wrong_cluster(wanted: Wanted, identity: Namespace) -> Problem | None:
    """The problem, if it is another cluster than the one that is meant."""
    if not wanted.uid or wanted.uid == identity.uid:
        return None
    if identity.exists is None:
        cause = f"its user may not read {IDENTITY_NAMESPACE}, so whether it has the UID {wanted.uid} cannot be seen"
        return Problem(_cluster(wanted), cause, f"allow the user to get the namespace {IDENTITY_NAMESPACE}")
    found = f"its namespace {IDENTITY_NAMESPACE} has the UID {identity.uid or '(none)'}, not {wanted.uid} as expected"
    cause = f"{found}; the kubeconfig may lead to another cluster"
    fix = "correct kubeconfig and context, or the UID (fleet_cluster_uid) if this cluster was made anew"
    return Problem(_cluster(wanted), cause, fix)


def judge(wanted: Wanted, seen: Seen) -> tuple[list[Problem], list[Problem]]:
    """What is wrong, and what is only strange."""
    problems = [
        *_old_version(wanted, seen),
        *_clock(wanted, seen, far_off=True),
        *_namespace(wanted, seen),
        *_permissions(wanted, seen),
        *_classes(wanted, "StorageClass", wanted.storage_class, seen.storage_classes, "fleet_storage_class"),
        *_classes(wanted, "IngressClass", wanted.ingress_class, seen.ingress_classes, "fleet_ingress_class"),
        *_crds(wanted, seen),
    ]
    warnings = [
        *_unknown_version(wanted, seen),
        *_clock(wanted, seen, far_off=False),
        *_nodes(wanted, seen),
        *_memory(wanted, seen),
    ]
    return problems, warnings


def facts(wanted: Wanted, seen: Seen) -> dict[str, object]:
    """What is returned of a cluster, besides what is wrong with it."""
    notes = []
    if wanted.memory and seen.nodes is not None and seen.pods is None:
        notes.append("how much memory is free could not be seen: the user may not list the pods of all namespaces")
    return {
        "uid": seen.uid,
        "version": seen.version,
        "clock_skew": round(seen.clock.skew, 1) if seen.clock else None,
        "nodes": None if seen.nodes is None else len(seen.nodes),
        "schedulable_nodes": None if seen.nodes is None else len(_schedulable(seen.nodes)),
        "free_memory": _free_memory(wanted, seen),
        "storage_classes": None if seen.storage_classes is None else _names(seen.storage_classes),
        "ingress_classes": None if seen.ingress_classes is None else _names(seen.ingress_classes),
        "notes": notes,
    }


def _cluster(wanted: Wanted) -> str:
    return wanted.cluster if wanted.cluster.startswith("context ") else f"Cluster {wanted.cluster}"


def _old_version(wanted: Wanted, seen: Seen) -> Iterator[Problem]:
    lowest = "{}.{}".format(*wanted.minimum_version)
    match = _VERSION.match(seen.version or "")
    if match and (int(match[1]), int(match[2])) < wanted.minimum_version:
        cause = f"it runs Kubernetes {seen.version}, which lacks what is used here; the least is {lowest}"
        yield Problem(_cluster(wanted), cause, f"update the cluster to {lowest} or later")


def _unknown_version(wanted: Wanted, seen: Seen) -> Iterator[Problem]:
    if not _VERSION.match(seen.version or ""):
        cause = "which version of Kubernetes it runs cannot be seen"
        yield Problem(_cluster(wanted), cause, "make sure that it is {}.{} or later".format(*wanted.minimum_version))


def _clock(wanted: Wanted, seen: Seen, *, far_off: bool) -> Iterator[Problem]:
    """Far off: a problem. Less far off: a warning."""
    if seen.clock is None or seen.clock.certain <= wanted.clock_skew:
        return
    if (seen.clock.certain > max(MOST_SKEW_SECONDS, wanted.clock_skew)) is far_off:
        direction = "ahead of" if seen.clock.skew > 0 else "behind"
        cause = f"its API server's clock is {abs(seen.clock.skew):.0f} s {direction} the one of this host"
        why = "samples and the lock of the fleet go by these clocks"
        yield Problem(_cluster(wanted), f"{cause}; {why}", "let both keep time by NTP, such as with chrony")


def _namespace(wanted: Wanted, seen: Seen) -> Iterator[Problem]:
    subject = f"Namespace {wanted.namespace} in {wanted.cluster}"
    if seen.namespace.terminating:
        cause = "it is being deleted, so nothing can be made in it"
        yield Problem(subject, cause, "wait until it is gone; if it stays, see which finalizer its status names")
    elif seen.namespace.exists is False and not makes_namespace(wanted.phase, wanted.side):
        cause = f"it does not exist, and {wanted.phase} makes none here"
        yield Problem(subject, cause, "create it, or correct fleet_namespace")


def _permissions(wanted: Wanted, seen: Seen) -> Iterator[Problem]:
    if denied := [review for review in seen.denied if review.required]:
        cause = f"the user of the kubeconfig lacks what {wanted.phase} needs: {describe(denied)}"
        fix = f"apply {manifest_path(wanted.phase, wanted.side)} with this user as the subject of its bindings, "
        fix += "or allow the same in another way"
        yield Problem(f"Permissions in {wanted.cluster}", cause, fix)


def _classes(
    wanted: Wanted, kind: str, name: str, classes: Sequence[Object] | None, variable: str
) -> Iterator[Problem]:
    if not name or classes is None or name in (names := _names(classes)):
        return
    default = f"{kind.lower()}.kubernetes.io/is-default-class"
    shown = [
        f"{name_of(item)} (the default)" if _annotation(item, default) == "true" else name_of(item) for item in classes
    ]
    there_are = f"the cluster has {', '.join(sorted(shown))}" if shown else "the cluster has none"
    near = difflib.get_close_matches(name, names, n=1)
    hint = f" (did you mean {near[0]}?)" if near else ""
    fix = f"create it, or correct {variable}{hint}"
    yield Problem(f"{kind} {name} in {wanted.cluster}", f"it does not exist; {there_are}", fix)


def _crds(wanted: Wanted, seen: Seen) -> Iterator[Problem]:
    for name, item in (seen.crds or {}).items():
        subject = f"CustomResourceDefinition {name} in {wanted.cluster}"
        if item is None:
            cause = "it does not exist, so the cluster does not know this kind of object"
            yield Problem(subject, cause, "install the operator that brings it, with its CRDs")
        elif not _is_true(item, "Established"):
            cause = "it is there, but not Established, so the API server does not serve it"
            yield Problem(subject, cause, f"see why with 'kubectl describe crd {name}'")


def _nodes(wanted: Wanted, seen: Seen) -> Iterator[Problem]:
    if seen.nodes is None:
        return
    count = len(_schedulable(seen.nodes))
    nodes = "1 node takes" if count == 1 else f"{count} nodes take"
    for workload in wanted.workloads:
        if workload.replicas > count:
            cause = f"it has {workload.replicas} replicas, and {nodes} pods without a toleration; replicas on one node "
            cause += "are lost together, so this is not high availability"
            fix = "add nodes, or accept it where that is enough, such as in a test"
            yield Problem(f"{workload.name} in {wanted.cluster}", cause, fix)


def _memory(wanted: Wanted, seen: Seen) -> Iterator[Problem]:
    free = _free_memory(wanted, seen)
    if wanted.memory and free is not None and free < wanted.memory:
        cause = (
            f"{_gib(wanted.memory)} of memory will be asked for, and {_gib(free)} are free on the nodes that take pods "
        )
        cause += "(allocatable less the requests of pods), so some pods may stay Pending"
        yield Problem(_cluster(wanted), cause, "add memory or nodes, ask for less, or make other pods ask for less")


def _free_memory(wanted: Wanted, seen: Seen) -> int | None:
    if seen.nodes is None or seen.pods is None:
        return None
    free = {name_of(node): _bytes(node.get("status", {}).get("allocatable")) for node in _schedulable(seen.nodes)}
    for pod in seen.pods:
        node = pod.get("spec", {}).get("nodeName")
        if node in free and not _is_ours(pod, wanted.namespace):
            free[node] -= requested_memory(pod)
    # One that is overbooked takes nothing away from the others.
    return sum(max(0, memory) for memory in free.values())


def requested_memory(pod: Object) -> int:
    """What the scheduler counts for a pod: all its containers, or the init container that asks for more."""
    spec = pod.get("spec", {})
    if whole := _bytes(_requests(spec)):
        return whole + _bytes(spec.get("overhead"))
    sidecars = most = 0
    for container in spec.get("initContainers") or []:
        memory = _bytes(_requests(container))
        # One that is restarted runs on beside all that come after it.
        sidecars += memory if container.get("restartPolicy") == "Always" else 0
        most = max(most, sidecars if container.get("restartPolicy") == "Always" else sidecars + memory)
    containers = sum(_bytes(_requests(container)) for container in spec.get("containers") or [])
    return max(most, sidecars + containers) + _bytes(spec.get("overhead"))


def _requests(container: Object) -> object:
    return (container.get("resources") or {}).get("requests")


def _bytes(resources: object) -> int:
    text = resources.get("memory", "0") if isinstance(resources, dict) else "0"
    return quantity(str(text)) or 0


def _schedulable(nodes: Iterable[Object]) -> list[Object]:
    """Those that take pods without a toleration."""
    return [node for node in nodes if _is_true(node, "Ready") and not _is_closed(node)]


def _is_closed(node: Object) -> bool:
    spec = node.get("spec", {})
    effects = {taint.get("effect") for taint in spec.get("taints") or []}
    return bool(spec.get("unschedulable")) or not effects.isdisjoint({"NoSchedule", "NoExecute"})


def _is_ours(pod: Object, namespace: str) -> bool:
    metadata = pod.get("metadata", {})
    label, value = OURS
    return metadata.get("namespace") == namespace and (metadata.get("labels") or {}).get(label) == value


def _is_true(item: Object, condition: str) -> bool:
    conditions = item.get("status", {}).get("conditions") or []
    return any(found.get("type") == condition and found.get("status") == "True" for found in conditions)


def _annotation(item: Object, name: str) -> str:
    return str((item.get("metadata", {}).get("annotations") or {}).get(name, ""))


def _names(items: Iterable[Object]) -> list[str]:
    return sorted(map(name_of, items))


def _gib(memory: int) -> str:
    return f"{memory / 1024**3:.1f} GiB"


def _document(answer: Answer) -> dict[str, Any]:
    try:
        document = json.loads(answer.body)
    except (RecursionError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}
