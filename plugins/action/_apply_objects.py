# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import ClassVar

import yaml

from ansible_collections.miribit.thanos.plugins.module_utils.kube.apply import Applied, apply, delete
from ansible_collections.miribit.thanos.plugins.module_utils.kube.objects import Object, Objects
from ansible_collections.miribit.thanos.plugins.module_utils.kube.rendered import (
    DELETABLE,
    FIELD_MANAGER,
    RESOURCES,
    additions,
    diffs,
    mark,
    reference,
    short,
)
from ansible_collections.miribit.thanos.plugins.module_utils.kube.session import access_spec, session_of
from ansible_collections.miribit.thanos.plugins.plugin_utils.cluster_action import ClusterAction, Result, Spec


class ActionModule(ClusterAction):
    """The documentation is in the module _apply_objects."""

    spec: ClassVar[Spec] = {
        **access_spec(),
        "namespace": {"type": "str", "required": True},
        "component": {"type": "str", "required": True},
        "objects": {"type": "list", "elements": "dict", "required": True},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "adopt": {"type": "bool", "default": False},
        "field_manager": {"type": "str", "default": FIELD_MANAGER},
        "secret": {"type": "bool", "default": False},
        "namespace_exists": {"type": "bool", "default": True},
        "lock": {"type": "dict"},
    }

    def work(self, options: Result) -> Result:
        is_absent = options["state"] == "absent"
        kinds = DELETABLE if is_absent else tuple(RESOURCES)
        items = mark(options["objects"], options["component"], options["namespace"], kinds, adopt=options["adopt"])
        if is_absent:
            items.reverse()
        if not items:
            return self._told([], [], [])
        if self.check_mode and not options["namespace_exists"]:
            # A dry run on the server fails where the namespace is missing: what is rendered is what there would be.
            changed = [] if is_absent else items
            return self._told(items, changed, [] if options["secret"] else additions(changed, _dump))
        objects = Objects(session_of(options))
        with self.lock_kept(options["lock"]):
            if is_absent:
                done = delete(objects, items, dry_run=self.check_mode)
            else:
                manager, secret = options["field_manager"], options["secret"]
                done = apply(objects, items, manager, dry_run=self.check_mode, secret=secret)
        changes = [one for one in done if one.changed]
        return self._told(items, [one.item for one in changes], [] if options["secret"] else _diffs(changes, is_absent))

    @staticmethod
    def _told(items: list[Object], changed: list[Object], diff: list[dict[str, str]]) -> Result:
        names = {"objects": [*map(reference, items)], "changed_objects": [*map(reference, changed)]}
        return {"changed": bool(changed), **names, "diff": diff}


def _diffs(changes: list[Applied], is_absent: bool) -> list[dict[str, str]]:
    if is_absent:
        return [{"before": f"{short(one.item)}\n", "after": ""} for one in changes]
    return diffs(((one.item, one.before, one.after) for one in changes), _dump)


def _dump(item: Object) -> str:
    return yaml.safe_dump(item, default_flow_style=False)
