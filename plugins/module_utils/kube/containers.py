# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The containers of a cluster: what each of them is, which workload wants it, and where its files come from.

What a container is, is told by what it runs, never by a name that somebody gave it:
- by the program that its command names, else by the last part of its image, whatever registry, prefix (mirrored-...,
bitnami-...) and tag it has;
- Prometheus is an agent by its flags; Thanos is what its first subcommand says, and its receiver what its flags say;
- whatever has the flags of a Prometheus (--config.file with --storage.tsdb.* or --storage.agent.path) is one,
under any image. An image whose name only ends in -prometheus needs these flags, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import PurePosixPath

from ansible_collections.miribit.thanos.plugins.module_utils.base.untyped import list_at, mapping_at
from ansible_collections.miribit.thanos.plugins.module_utils.kube.owners import (
    Named,
    Object,
    Objects,
    controller,
    find,
    labels_of,
    name_of,
    namespace_of,
)

#: Kind, namespace and name.
Place = tuple[str, str, str]

_WORKLOADS = ("StatefulSet", "Deployment", "DaemonSet")
# They can stand between a pod and what wants it.
_BETWEEN = ("ReplicaSet", "Job")
_ENDED = {"Succeeded", "Failed"}

#: Kind of a container that runs Prometheus in agent mode.
AGENT = "prometheus_agent"

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
_VARIABLE = re.compile(r"\$\(([^()]+)\)")

# What the image of Prometheus does by itself.
_DEFAULT_CONFIG = "/etc/prometheus/prometheus.yml"
_DEFAULT_FOLDER = "/prometheus"


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
            return sorted(self.pods, key=lambda pod: not is_ready(pod))
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
        return tuple(pod for pod in pods if any(one.get("name") == self.name for one in containers_of(pod)))


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
    return _filled(values[-1], plain_variables(container))


def settings(container: Object) -> list[tuple[str, str]]:
    """What a container is told by arguments and by variables in plain: name and value; a word alone has no name."""
    plain = plain_variables(container)
    given = [(name, value) for name, values in flags(container).items() for value in values]
    for word in _words(container):
        # Flags of Go's own package have one dash, and are none to flags().
        name, equals, value = word.partition("=")
        given.append((name, value) if equals and name.startswith("-") else ("", word))
    return [(name, _filled(value, plain)) for name, value in (*given, *plain.items())]


def plain_variables(container: Object) -> dict[str, str]:
    """The environment variables that have their value in the container itself."""
    return {
        str(one.get("name")): str(one["value"]) for one in list_at(container, "env") if one.get("value") is not None
    }


def variable_in(value: str) -> str | None:
    """The environment variable that a value is nothing but a reference to, such as $(NAME)."""
    match = _VARIABLE.fullmatch(value.strip())
    return match[1] if match else None


def image_name(container: Object) -> str:
    """The last part of the image's name. Some write _ for -."""
    image = _without_digest(str(container.get("image") or ""))
    return image.rpartition("/")[2].partition(":")[0].lower().replace("_", "-")


def version_of(image: str) -> str | None:
    """The version that an image's tag begins with."""
    tag = _without_digest(image).rpartition("/")[2].partition(":")[2]
    match = _VERSION.match(tag)
    return match[1] if match else None


def _filled(text: str, plain: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda match: plain.get(match[1], match[0]), text)


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
        if not has_ended(pod):
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
            for content in containers_of(holder):
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


def containers_of(holder: Object) -> list[Object]:
    """Return the containers of a pod or a template of pods that run side by side."""
    lasting = [one for one in list_at(holder, "spec", "initContainers") if one.get("restartPolicy") == "Always"]
    return [*lasting, *list_at(holder, "spec", "containers")]


def has_ended(pod: Object) -> bool:
    return mapping_at(pod, "status").get("phase") in _ENDED


def is_terminating(item: Object) -> bool:
    return "deletionTimestamp" in mapping_at(item, "metadata")


def is_leaving(pod: Object) -> bool:
    """Check for a pod that is being deleted, or has ended and stays for its log only (an evicted one)."""
    return is_terminating(pod) or has_ended(pod)


def is_ready(item: Object) -> bool:
    """Check a pod or a node. What is being deleted is not ready: Services send nothing to it."""
    ready = {one.get("status") for one in list_at(item, "status", "conditions") if one.get("type") == "Ready"}
    return "True" in ready and not is_terminating(item)


# Files of a container.


def config_source(pod: Object, container: Object, namespace: str = "") -> Named | None:
    """The ConfigMap or Secret that is mounted where --config.file of a Prometheus is, in a pod or a template of pods.

    Templates do not say their namespace. None where nothing is mounted, such as what a config-reloader has made.
    """
    source = config_file(pod, container)
    if source is None:
        return None
    return Named(source.kind, namespace_of(pod) or namespace, source.name)


def config_file(pod: Object, container: Object) -> Source | None:
    """Where the configuration of a Prometheus comes from; None where nothing is mounted there."""
    path = flag(container, "--config.file") or ("prometheus.yml" if _words(container) else _DEFAULT_CONFIG)
    folder = str(container.get("workingDir") or _DEFAULT_FOLDER)
    return source_of(pod, container, str(PurePosixPath(folder, path)))


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
