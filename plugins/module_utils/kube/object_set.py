# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Objects of a component that are no longer wanted."""

from __future__ import annotations

from typing import Any

from ansible_collections.miribit.thanos.plugins.module_utils.kube.objects import Objects
from ansible_collections.miribit.thanos.plugins.module_utils.kube.rendered import (
    CLUSTER_WIDE,
    RESOURCES,
    from_reference,
    is_ours,
    labels_of,
    reference,
    surplus,
)
from ansible_collections.miribit.thanos.plugins.module_utils.kube.session import session_of


def compare(options: dict[str, Any]) -> dict[str, Any]:
    objects = Objects(session_of(options))
    gone = _surplus(objects, options)
    known = {*options["wanted"], *map(reference, gone)}
    return {"surplus": gone, "leftovers": [text for text in _labelled(objects, options) if text not in known]}


def _surplus(objects: Objects, options: dict[str, Any]) -> list[dict[str, Any]]:
    found = []
    for text in surplus(options["recorded"], options["wanted"]):
        item = from_reference(text)
        if item is None:
            continue
        place = item["metadata"]
        running = objects.get(RESOURCES[item["kind"]], place["namespace"], place["name"])
        if running is not None and is_ours(running, options["component"]):
            found.append(item)
    return found


def _labelled(objects: Objects, options: dict[str, Any]) -> list[str]:
    # Of kinds that nothing names there are none, and not every user may list all kinds.
    named = {text.rsplit("/", 3)[1] for text in (*options["wanted"], *options["recorded"])}
    selector = ",".join(f"{name}={value}" for name, value in labels_of(options["component"]).items())
    return [
        # The items of a list do not say what they are.
        reference({**item, "apiVersion": resource.api_version, "kind": kind})
        for kind, resource in RESOURCES.items()
        if kind != "Namespace" and kind in named
        for item in objects.find(resource, "" if kind in CLUSTER_WIDE else options["namespace"], selector)
    ]
