# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What of Prometheus, Thanos and around them runs in a cluster, told from its objects.

What a container is, is told by what it runs, never by a name that somebody gave it:
- by the program that its command names, else by the last part of its image, whatever registry, prefix (mirrored-...,
  bitnami-...) and tag it has;
- Prometheus is an agent by its flags; Thanos is what its first subcommand says, and its receiver what its flags say;
- whatever has the flags of a Prometheus (--config.file with --storage.tsdb.* or --storage.agent.path) is one,
  under any image. An image whose name only ends in -prometheus needs these flags, too.

No I/O here. Private to the collection: it can change at any time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import PurePosixPath

from ansible_collections.miribit.thanos.plugins.module_utils.access import quantity
from ansible_collections.miribit.thanos.plugins.module_utils.audit_owners import (
    Object,
    Objects,
    annotations_of,
    controller,
    find,
    labels_of,
    list_at,
    mapping_at,
    name_of,
    namespace_of,
    owner,
)

#: A result as JSON has it.
Fact = dict[str, object]
#: Kind, namespace and name.
Place = tuple[str, str, str]

_WORKLOADS = ("StatefulSet", "Deployment", "DaemonSet")
# They can stand between a pod and what wants it.
_BETWEEN = ("ReplicaSet", "Job")
_ENDED = {"Succeeded", "Failed"}

# Program or end of the image's name -> kind; the first that fits. Helpers are no component.
_PROGRAMS: Mapping[str, str | None] = {
    "promtool": None,
    "amtool": None,
    "config-reloader": None,
    "prometheus-operator": "prometheus_operator",
    "prometheus-adapter": "prometheus_adapter",
    "kube-state-metrics": "kube_state_metrics",
    "node-exporter": "node_exporter",
    "blackbox-exporter": "blackbox_exporter",
    "pushgateway": "pushgateway",
    "alertmanager": "alertmanager",
    "grafana": "grafana",
    "grafana-server": "grafana",
    "grafana-oss": "grafana",
    "grafana-enterprise": "grafana",
    "thanos": "thanos",
    "prometheus": "prometheus",
}
_THANOS = {
    "sidecar": "thanos_sidecar",
    "query": "thanos_query",
    "query-frontend": "thanos_query_frontend",
    "store": "thanos_store",
    "compact": "thanos_compact",
    "rule": "thanos_rule",
    "receive": "thanos_receive",
    "tools": None,
}
_SHELLS = {"sh", "ash", "bash", "dash", "busybox"}
_INITS = {"tini", "dumb-init", "catatonit"}
_COMMAND_FOLLOWS = re.compile(r"-[a-z]*c|exec|then|do|&&|\|\||.*;")

_VERSION = re.compile(r"v?([0-9]+\.[0-9]+(?:\.[0-9]+)?(?:-(?:rc|beta|alpha)[.0-9]*)?)(?![0-9A-Za-z])")
_CPU = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE]([+-]?[0-9]{1,2})|([numk]))?")
_CPU_UNITS = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3}
_VARIABLE = re.compile(r"\$\(([^()]+)\)")

# Helm's default of when a hook's object is deleted.
_BEFORE = "before-hook-creation"

# What the image of Prometheus does by itself.
_DEFAULT_CONFIG = "/etc/prometheus/prometheus.yml"
_DEFAULT_FOLDER = "/prometheus"


@dataclass(frozen=True)
class Usage:
    """What one container uses: bytes and cores. None is unknown."""

    memory: int | None
    cpu: float | None


@dataclass(frozen=True)
class Workload:
    """What wants pods: the topmost ordinary controller, a custom one that owns pods itself, or a pod of its own."""

    kind: str
    namespace: str
    name: str
    #: None where only its pods are seen.
    item: Object | None
    #: Those that have not ended, by name; None where pods cannot be seen.
    pods: tuple[Object, ...] | None

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"

    @property
    def holders(self) -> list[Object]:
        """What has its containers: its pods, the ready ones first, or the template of those that it could have."""
        if self.pods:
            return sorted(self.pods, key=lambda pod: not _is_ready(pod))
        return [mapping_at(self.item, "spec", "template")] if self.item else []


@dataclass(frozen=True)
class Container:
    """One container of a workload, in all its pods."""

    workload: Workload
    #: As the first pod that is ready has it.
    content: Object
    #: That pod, or the template.
    holder: Object
    #: None if it is no component.
    kind: str | None

    @property
    def name(self) -> str:
        return str(self.content.get("name"))

    @property
    def id(self) -> str:
        return f"{self.workload} [{self.name}]"

    @property
    def pods(self) -> tuple[Object, ...]:
        pods = self.workload.pods or ()
        return tuple(pod for pod in pods if any(one.get("name") == self.name for one in _containers(pod)))


@dataclass(frozen=True)
class Source:
    """The ConfigMap or Secret that a file of a container comes from. The key is None for a whole folder."""

    kind: str
    name: str
    key: str | None


# What a container is.


def kind_of(container: Object) -> str | None:
    """The kind of component that a container is; None if it is none."""
    exact, name = _program(container)
    if _has_flags_of_prometheus(container) or (exact and name == "prometheus"):
        return "prometheus_agent" if _is_agent(container) else "prometheus"
    if name == "thanos":
        return _thanos_kind(container)
    if name is None:
        return "exporter" if image_name(container).endswith("-exporter") else None
    return None if name == "prometheus" else _PROGRAMS[name]


def flags(container: Object) -> dict[str, list[str]]:
    """The flags of a container, by name with their dashes, with all the values that each is given."""
    found: dict[str, list[str]] = {}
    for word, following in pairwise([*_words(container), "-"]):
        name, equals, value = word.partition("=")
        if name.startswith("--"):
            # Of one that takes no value, what follows is taken for one, which nobody looks at.
            found.setdefault(name, []).append(value if equals or following.startswith("-") else following)
    return found


def flag(container: Object, name: str) -> str | None:
    """The last value of a flag, with what is written there as $(NAME), as far as the container says it in plain."""
    values = flags(container).get(name)
    if not values:
        return None
    plain = plain_variables(container)
    return _VARIABLE.sub(lambda match: plain.get(match[1], match[0]), values[-1])


def plain_variables(container: Object) -> dict[str, str]:
    """The environment variables that have their value in the container itself."""
    return {
        str(one.get("name")): str(one["value"]) for one in list_at(container, "env") if one.get("value") is not None
    }


def image_name(container: Object) -> str:
    """The last part of the image's name. Some write _ for -."""
    image = _without_digest(str(container.get("image") or ""))
    return image.rpartition("/")[2].partition(":")[0].lower().replace("_", "-")


def version_of(image: str) -> str | None:
    """The version that an image's tag begins with."""
    tag = _without_digest(image).rpartition("/")[2].partition(":")[2]
    match = _VERSION.match(tag)
    return match[1] if match else None


def cores(text: str) -> float | None:
    """A quantity of cpu, such as 200m, 0.5 or 12345n; None if it is not one."""
    match = _CPU.fullmatch(text.strip())
    if match is None:
        return None
    power = int(match[2]) if match[2] else _CPU_UNITS[match[3] or ""]
    return float(Fraction(match[1]) * Fraction(10) ** power)


def _words(container: Object) -> list[str]:
    words = [str(word) for key in ("command", "args") for word in container.get(key) or ()]
    if words and _base(words[0]) in _SHELLS:
        # A script is one word to Kubernetes.
        return [part.strip("\"'") for word in words for part in word.split()]
    return words


def _commands(container: Object) -> list[str]:
    """The words that stand where a program is named."""
    words = _words(container)
    if words and _base(words[0]) in _SHELLS:
        return [word for before, word in pairwise(words) if _COMMAND_FOLLOWS.fullmatch(before)]
    if not container.get("command"):
        return []
    rest = [word for word in words if not word.startswith("-")]
    return rest[1:2] if _base(words[0]) in _INITS else words[:1]


def _base(path: str) -> str:
    return PurePosixPath(path).name


def _without_digest(image: str) -> str:
    return image.partition("@")[0]


def _program(container: Object) -> tuple[bool, str | None]:
    """What of _PROGRAMS it runs, and whether that is said exactly and not only by the end of a name."""
    named = [_base(word).replace("_", "-") for word in _commands(container)]
    if known := [name for name in named if name in _PROGRAMS]:
        # What comes before in a script ends before.
        return True, known[-1]
    image = image_name(container)
    return image in _PROGRAMS, next((name for name in _PROGRAMS if f"-{image}".endswith(f"-{name}")), None)


def _has_flags_of_prometheus(container: Object) -> bool:
    given = flags(container)
    has_storage = any(name == "--storage.agent.path" or name.startswith("--storage.tsdb.") for name in given)
    return "--config.file" in given and has_storage


def _is_agent(container: Object) -> bool:
    given = flags(container)
    features = {feature.strip() for value in given.get("--enable-feature", []) for feature in value.split(",")}
    return "agent" in features or "--agent" in given or "--storage.agent.path" in given


def _thanos_kind(container: Object) -> str | None:
    kind = next((_THANOS[word] for word in _words(container) if word in _THANOS), None)
    if kind != "thanos_receive":
        return kind
    # As its source has it (determineMode in cmd/thanos/receive.go): --tsdb.path has a default and so says nothing.
    if not flag(container, "--receive.hashrings-file") and not flag(container, "--receive.hashrings"):
        return "thanos_receive_ingestor"
    return kind if flag(container, "--receive.local-endpoint") else "thanos_receive_router"


# Workloads and their containers.


def workloads(objects: Objects) -> list[Workload]:
    """Everything that wants pods, also what has none now."""
    items = {
        (kind, namespace_of(item), name_of(item)): item
        for kind in (*_WORKLOADS, *_BETWEEN)
        for item in objects.get(kind, ())
    }
    pods: dict[Place, list[Object]] = {}
    for pod in objects.get("Pod", ()):
        if not _has_ended(pod):
            pods.setdefault(_wanted_by(pod, items, "ReplicaSet" in objects), []).append(pod)
    alone = {place for place, item in items.items() if place[0] != "Job" and controller(item) is None}
    places = {place for place in items if place[0] not in _BETWEEN} | alone | set(pods)
    found = []
    for place in sorted(places):
        own = sorted(pods.get(place, []), key=name_of)
        item = own[0] if place[0] == "Pod" else items.get(place) or find(objects, *place)
        found.append(Workload(*place, item=item, pods=tuple(own) if "Pod" in objects else None))
    return found


def containers(objects: Objects) -> list[Container]:
    """The containers of all workloads. Init containers are none, unless they run on beside the others."""
    found: list[Container] = []
    for workload in workloads(objects):
        own: dict[str, Container] = {}
        for holder in workload.holders:
            for content in _containers(holder):
                one = Container(workload, content, holder, kind_of(content))
                own.setdefault(one.name, one)
        found += own.values()
    return found


def _wanted_by(pod: Object, items: Mapping[Place, Object], sees_replica_sets: bool) -> Place:
    namespace = namespace_of(pod)
    reference, place = controller(pod), ("Pod", namespace, name_of(pod))
    # A static pod is owned by its node.
    while reference and reference.kind != "Node":
        place = (reference.kind, namespace, reference.name)
        reference = controller(items.get(place, {})) if reference.kind in _BETWEEN else None
    suffix = "-" + labels_of(pod).get("pod-template-hash", "")
    if place[0] == "ReplicaSet" and not sees_replica_sets and place[2].endswith(suffix):
        # A Deployment names its own so.
        return "Deployment", namespace, place[2].removesuffix(suffix)
    return place


def _containers(holder: Object) -> list[Object]:
    lasting = [one for one in list_at(holder, "spec", "initContainers") if one.get("restartPolicy") == "Always"]
    return [*lasting, *list_at(holder, "spec", "containers")]


def _has_ended(pod: Object) -> bool:
    return mapping_at(pod, "status").get("phase") in _ENDED


def _is_leaving(pod: Object) -> bool:
    return "deletionTimestamp" in mapping_at(pod, "metadata")


def _is_ready(pod: Object) -> bool:
    conditions = list_at(pod, "status", "conditions")
    return not _is_leaving(pod) and any(
        one.get("type") == "Ready" and one.get("status") == "True" for one in conditions
    )


# Files of a container.


def config_source(pod: Object, container: Object, namespace: str = "") -> dict[str, str] | None:
    """The ConfigMap or Secret that is mounted where --config.file of a Prometheus is, in a pod or a template of pods.

    Templates do not say their namespace. None where nothing is mounted, such as what a config-reloader has made.
    """
    path = flag(container, "--config.file") or ("prometheus.yml" if _words(container) else _DEFAULT_CONFIG)
    folder = str(container.get("workingDir") or _DEFAULT_FOLDER)
    source = source_of(pod, container, str(PurePosixPath(folder, path)))
    if source is None:
        return None
    return {"kind": source.kind, "namespace": namespace_of(pod) or namespace, "name": source.name}


def source_of(pod: Object, container: Object, path: str) -> Source | None:
    """Where a file of a container comes from, if it is a ConfigMap or a Secret, and which key of it the file is."""
    place = PurePosixPath(path)
    mounts = [one for one in list_at(container, "volumeMounts") if place.is_relative_to(_mount_path(one))]
    if not mounts:
        return None
    # The deepest one covers the others.
    mount = max(mounts, key=lambda one: len(PurePosixPath(_mount_path(one)).parts))
    inside = PurePosixPath(str(mount.get("subPath") or ""), place.relative_to(_mount_path(mount)))
    volumes = [one for one in list_at(pod, "spec", "volumes") if one.get("name") == mount.get("name")]
    parts = [part for volume in volumes for part in _sources(volume)]
    found = [source for kind, part in parts if (source := _file_of(kind, part, str(inside), alone=len(parts) == 1))]
    return found[0] if found else None


def _mount_path(mount: Object) -> str:
    return str(mount.get("mountPath") or "")


def _sources(volume: Object) -> Iterator[tuple[str, Object]]:
    for part in (volume, *list_at(volume, "projected", "sources")):
        yield from _references(part, "")


def _references(item: Object, ending: str) -> Iterator[tuple[str, Object]]:
    for key, kind in (("configMap", "ConfigMap"), ("secret", "Secret")):
        if content := mapping_at(item, key + ending):
            yield kind, content


def _file_of(kind: str, part: Object, path: str, *, alone: bool) -> Source | None:
    name = str(part.get("name") or part.get("secretName") or "")
    if path == ".":
        return Source(kind, name, None)
    keys = {str(one.get("path")): str(one.get("key")) for one in list_at(part, "items")}
    if path in keys:
        return Source(kind, name, keys[path])
    # Which of several without a list of keys has the file can only be told by what is in them. A key has no slash.
    return Source(kind, name, path) if alone and not keys and "/" not in path else None


def source_of_variable(container: Object, variable: str) -> Source | None:
    """Where an environment variable of a container comes from, if it is a ConfigMap or a Secret."""
    for one in list_at(container, "env"):
        if one.get("name") == variable:
            references = _references(mapping_at(one, "valueFrom"), "KeyRef")
            return next((Source(kind, str(each.get("name")), str(each.get("key"))) for kind, each in references), None)
    # The last one wins.
    for one in reversed(list_at(container, "envFrom")):
        prefix = str(one.get("prefix") or "")
        for kind, reference in _references(one, "Ref"):
            if variable.startswith(prefix):
                return Source(kind, str(reference.get("name")), variable.removeprefix(prefix))
    return None


# The facts.


def components(
    objects: Objects, usage: Mapping[tuple[str, str, str], Usage], volumes_used: Mapping[tuple[str, str], int]
) -> list[Fact]:
    """The components of a cluster. What only a running Prometheus can tell is left open."""
    every = containers(objects)
    helpers = _helpers(every)
    return [
        {
            **_component(one, objects, usage, volumes_used),
            # What goes with it, though it is none itself, such as a config-reloader.
            "helpers": {
                "requests": _total(_requests(helper) for helper in helpers.get(one.id, [])),
                "usage": _total(_usage(helper, usage) for helper in helpers.get(one.id, [])),
            },
        }
        for one in sorted(every, key=lambda one: one.id)
        if one.kind is not None
    ]


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


def _total(amounts: Iterable[Mapping[str, float | None]]) -> dict[str, float | None]:
    """At least so much: what is not known of one is left out."""
    given = list(amounts)
    known = {name: [amount for one in given if (amount := one[name]) is not None] for name in ("memory", "cpu")}
    return {name: sum(values) if values else None for name, values in known.items()}


def nodes(objects: Objects) -> list[Fact]:
    """The nodes, with what they have, and not only what pods may have of it."""
    return [
        {
            "name": name_of(node),
            "addresses": sorted({str(one.get("address")) for one in list_at(node, "status", "addresses")}),
            "ready": _is_ready(node),
            **_amounts(mapping_at(node, "status", "capacity")),
        }
        for node in sorted(objects.get("Node", ()), key=name_of)
    ]


def leftovers(objects: Objects) -> list[Fact]:
    """Failed pods that nobody replaces, and why they stay."""
    found: list[Fact] = []
    for pod in sorted(objects.get("Pod", ()), key=lambda pod: (namespace_of(pod), name_of(pod))):
        failed = mapping_at(pod, "status").get("phase") == "Failed"
        if failed and not _is_leaving(pod) and (why := _why_it_stays(pod, objects)):
            own = {"pod": name_of(pod), "namespace": namespace_of(pod), "reason": _end_of(pod)}
            found.append({**own, "why": why})
    return found


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


def _component(
    one: Container,
    objects: Objects,
    usage: Mapping[tuple[str, str, str], Usage],
    volumes_used: Mapping[tuple[str, str], int],
) -> Fact:
    workload, image = one.workload, str(one.content.get("image") or "")
    item = workload.item or one.holder
    return {
        "id": one.id,
        "kind": one.kind,
        "workload": {"kind": workload.kind, "namespace": workload.namespace, "name": workload.name},
        "container": one.name,
        "image": image,
        "version": version_of(image),
        "replicas": {"wanted": _wanted(workload), "ready": _ready(one)},
        "pods": [_pod(pod, one.name) for pod in one.pods],
        "labels": labels_of(item),
        "owner": owner(workload.kind, item, objects),
        "requests": _requests(one),
        "limits": _amounts(mapping_at(one.content, "resources", "limits")),
        "usage": _usage(one, usage),
        "volumes": [_volume(*claim, objects, volumes_used) for claim in sorted(_claims(one, objects))],
        "prometheus": None,
        "sidecar": _sidecar(one) if one.kind == "thanos_sidecar" else None,
    }


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
    return bool(_status(pod, name).get("ready")) and not _is_leaving(pod)


def _pod(pod: Object, name: str) -> Fact:
    return {
        "name": name_of(pod),
        "node": mapping_at(pod, "spec").get("nodeName"),
        "phase": mapping_at(pod, "status").get("phase"),
        "ready": _is_container_ready(pod, name),
        "restarts": int(_status(pod, name).get("restartCount") or 0),
        "reason": _reason(pod, _status(pod, name)),
    }


def _reason(pod: Object, status: Object) -> str | None:
    """Why it does not run, or else why it was started again."""
    if _is_leaving(pod):
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


def _amounts(resources: Object) -> dict[str, int | float | None]:
    """Memory in bytes and cpu in cores. None is what is not said."""
    memory, cpu = resources.get("memory"), resources.get("cpu")
    return {
        "memory": None if memory is None else quantity(str(memory)),
        "cpu": None if cpu is None else cores(str(cpu)),
    }


def _requests(one: Container) -> dict[str, int | float | None]:
    """Where nothing is asked for, Kubernetes takes the limit."""
    resources = mapping_at(one.content, "resources")
    return _amounts({**mapping_at(resources, "limits"), **mapping_at(resources, "requests")})


def _usage(one: Container, usage: Mapping[tuple[str, str, str], Usage]) -> dict[str, int | float | None]:
    if one.workload.pods is None:
        return {"memory": None, "cpu": None}
    running = [pod for pod in one.pods if mapping_at(_status(pod, one.name), "state").get("running") is not None]
    found = [usage.get((namespace_of(pod), name_of(pod), one.name), Usage(None, None)) for pod in running]
    # A sum that lacks one of them would be wrong.
    return {"memory": _sum(each.memory for each in found), "cpu": _sum(each.cpu for each in found)}


def _sum(amounts: Iterable[float | None]) -> float | None:
    given = list(amounts)
    known = [amount for amount in given if amount is not None]
    return sum(known) if len(known) == len(given) else None


def _claims(one: Container, objects: Objects) -> set[tuple[str, str]]:
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
    made = _made_for(one.workload, mounted)
    claims = objects.get("PersistentVolumeClaim", ())
    names |= {name_of(claim) for claim in claims if namespace_of(claim) == namespace and made(name_of(claim))}
    return {(namespace, name) for name in names}


def _claim_of(volume: Object, pod: str) -> str | None:
    if claim := mapping_at(volume, "persistentVolumeClaim").get("claimName"):
        return str(claim)
    # Kubernetes names the claim of a generic ephemeral volume so.
    return f"{pod}-{volume.get('name')}" if pod and "ephemeral" in volume else None


def _made_for(workload: Workload, mounted: set[str]) -> Callable[[str], bool]:
    """Whether a StatefulSet makes claims with a name, for a volume that is mounted: VOLUME-NAME-NUMBER."""
    templates = {name_of(one) for one in list_at(workload.item or {}, "spec", "volumeClaimTemplates")} & mounted
    starts = tuple(f"{template}-{workload.name}-" for template in templates)
    return lambda name: any(name.startswith(start) and name[len(start) :].isdecimal() for start in starts)


def _volume(namespace: str, name: str, objects: Objects, volumes_used: Mapping[tuple[str, str], int]) -> Fact:
    claim = find(objects, "PersistentVolumeClaim", namespace, name) or {}
    spec = mapping_at(claim, "spec")
    sizes = mapping_at(claim, "status", "capacity"), mapping_at(spec, "resources", "requests")
    size = next((str(each["storage"]) for each in sizes if "storage" in each), None)
    volume = find(objects, "PersistentVolume", "", str(spec.get("volumeName"))) or {}
    return {
        "claim": name,
        "namespace": namespace,
        "size": None if size is None else quantity(size),
        "used": volumes_used.get((namespace, name)),
        "storage_class": spec.get("storageClassName"),
        "reclaim_policy": mapping_at(volume, "spec").get("persistentVolumeReclaimPolicy"),
        "volume": spec.get("volumeName"),
    }


def _sidecar(one: Container) -> Fact:
    """Whether a sidecar uploads. What its flags give as configuration can be a secret itself, so it is never shown."""
    given, path = flag(one.content, "--objstore.config"), flag(one.content, "--objstore.config-file")
    source = source_of(one.holder, one.content, path) if path else None
    if given and (match := _VARIABLE.fullmatch(given.strip())):
        source = source_of_variable(one.content, match[1])
    secret = source if source and source.kind == "Secret" else None
    return {
        "uploads": bool(path or given),
        "objstore": {"secret": secret.name, "key": secret.key} if secret else None,
    }
