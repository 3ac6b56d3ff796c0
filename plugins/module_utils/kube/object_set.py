# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Objects of a component that are no longer wanted."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem
from ansible_collections.miribit.thanos.plugins.module_utils.kube.objects import Object, Objects
from ansible_collections.miribit.thanos.plugins.module_utils.kube.rendered import (
    CLUSTER_WIDE,
    RESOURCES,
    from_reference,
    is_ours,
    labels_of,
    reference,
    surplus,
)


@dataclass(frozen=True)
class Comparison:
    """What of a component is there and no longer wanted."""

    #: Recorded and labelled ours, in the order in which it goes.
    surplus: list[Object]
    #: Labelled ours, but neither wanted nor recorded, by its name in the record.
    leftovers: list[str]


def compare(
    objects: Objects, component: str, namespace: str, wanted: Collection[str], recorded: Collection[str]
) -> Comparison:
    """Compare a component in a cluster with what is wanted and what the record has, by their names in the record."""
    gone = _surplus(objects, component, wanted, recorded)
    known = {*wanted, *map(reference, gone)}
    labelled = _labelled(objects, component, namespace, {*wanted, *recorded})
    return Comparison(gone, [text for text in labelled if text not in known])


def _surplus(objects: Objects, component: str, wanted: Collection[str], recorded: Collection[str]) -> list[Object]:
    found = []
    for text in surplus(recorded, wanted):
        item = from_reference(text)
        if item is None:
            continue
        place = item["metadata"]
        running = objects.get(RESOURCES[item["kind"]], place["namespace"], place["name"])
        if running is not None and is_ours(running, component):
            found.append(item)
    return found


def _labelled(objects: Objects, component: str, namespace: str, names: Collection[str]) -> list[str]:
    # Of kinds that nothing names there are none, and not every user may list all kinds.
    named = {text.rsplit("/", 3)[1] for text in names}
    selector = ",".join(f"{name}={value}" for name, value in labels_of(component).items())
    return [
        # The items of a list do not say what they are.
        reference({**item, "apiVersion": resource.api_version, "kind": kind})
        for kind, resource in RESOURCES.items()
        if kind != "Namespace" and kind in named
        for item in objects.find(resource, "" if kind in CLUSTER_WIDE else namespace, selector)
    ]


def leftover_problem(leftovers: Collection[str], component: str, cluster: str) -> Problem:
    """What to say of objects that bear the marks of a component, but that nothing and nobody knows."""
    cause = (
        f"it bears the labels of {component}, but neither the inventory nor the migration record knows it, so it stays"
    )
    return Problem(f"{', '.join(leftovers)} in {cluster}", cause, "delete it if nobody needs it")
