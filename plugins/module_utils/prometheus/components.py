# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What of Prometheus, Thanos and around them runs in a cluster, told from its objects: the facts of the audit."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from ansible_collections.miribit.thanos.plugins.module_utils.base.untyped import list_at, mapping_at
from ansible_collections.miribit.thanos.plugins.module_utils.kube.access import quantity
from ansible_collections.miribit.thanos.plugins.module_utils.kube.claims import claims_of, volume
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
    Object,
    Objects,
    annotations_of,
    controller,
    find,
    labels_of,
    name_of,
    namespace_of,
    owner,
)

#: A result as JSON has it.
Fact = dict[str, object]

_CPU = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE]([+-]?[0-9]{1,2})|([numk]))?")
_CPU_UNITS = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3}

# Helm's default of when a hook's object is deleted.
_BEFORE = "before-hook-creation"


@dataclass(frozen=True)
class Usage:
    """What one container uses: bytes and cores. None is unknown."""

    memory: int | None
    cpu: float | None


def cores(text: str) -> float | None:
    """A quantity of cpu, such as 200m, 0.5 or 12345n; None if it is not one."""
    match = _CPU.fullmatch(text.strip())
    if match is None:
        return None
    power = int(match[2]) if match[2] else _CPU_UNITS[match[3] or ""]
    return float(Fraction(match[1]) * Fraction(10) ** power)


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
            "ready": is_ready(node),
            **_amounts(mapping_at(node, "status", "capacity")),
        }
        for node in sorted(objects.get("Node", ()), key=name_of)
    ]


def leftovers(objects: Objects) -> list[Fact]:
    """Failed pods that nobody replaces, and why they stay."""
    found: list[Fact] = []
    for pod in sorted(objects.get("Pod", ()), key=lambda pod: (namespace_of(pod), name_of(pod))):
        failed = mapping_at(pod, "status").get("phase") == "Failed"
        if failed and not is_terminating(pod) and (why := _why_it_stays(pod, objects)):
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
        "volumes": [volume(*claim, objects, volumes_used) for claim in sorted(claims_of(one, objects))],
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
    return bool(_status(pod, name).get("ready")) and not is_terminating(pod)


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


def _sidecar(one: Container) -> Fact:
    """Whether a sidecar uploads. What its flags give as configuration can be a secret itself, so it is never shown."""
    given, path = flag(one.content, "--objstore.config"), flag(one.content, "--objstore.config-file")
    source = source_of(one.holder, one.content, path) if path else None
    if given and (variable := variable_in(given)):
        source = source_of_variable(one.content, variable)
    secret = source if source and source.kind == "Secret" else None
    return {
        "uploads": bool(path or given),
        "objstore": {"secret": secret.name, "key": secret.key} if secret else None,
    }
