# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property
from typing import ClassVar

import yaml

from ansible_collections.miribit.thanos.plugins.action.rollout import ActionModule as Rollout
from ansible_collections.miribit.thanos.plugins.action.rollout import look_at
from ansible_collections.miribit.thanos.plugins.module_utils.kube.apply import Applied, apply, delete
from ansible_collections.miribit.thanos.plugins.module_utils.kube.object_set import compare, leftover_problem
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
from ansible_collections.miribit.thanos.plugins.module_utils.migration.keeper import Keeper
from ansible_collections.miribit.thanos.plugins.plugin_utils.cluster_action import (
    ClusterAction,
    FailedError,
    Result,
    Spec,
)
from ansible_collections.miribit.thanos.plugins.plugin_utils.polling import Progress, wait


class ActionModule(ClusterAction):
    """The documentation is in the module _apply_objects."""

    spec: ClassVar[Spec] = {
        **access_spec(),
        "namespace": {"type": "str", "required": True},
        "component": {"type": "str", "required": True},
        "objects": {"type": "list", "elements": "dict", "required": True},
        "state": {"type": "str", "choices": ["present", "absent", "pruned"], "default": "present"},
        "prune": {"type": "bool", "default": False},
        "adopt": {"type": "bool", "default": False},
        "field_manager": {"type": "str", "default": FIELD_MANAGER},
        "secret": {"type": "bool", "default": False},
        "namespace_exists": {"type": "bool", "default": True},
        "rollout": {
            "type": "dict",
            "options": {name: Rollout.spec[name] for name in ("workloads", "ring", "timeout", "interval")},
        },
        "record": {"type": "dict"},
        "lock": {"type": "dict"},
    }
    constraints: ClassVar[Mapping[str, object]] = {
        "required_if": [("prune", True, ["record"]), ("state", "pruned", ["record"])],
    }

    def work(self, options: Result) -> Result:
        began = datetime.now(UTC).isoformat()
        kinds = DELETABLE if options["state"] == "absent" else tuple(RESOURCES)
        items = mark(options["objects"], options["component"], options["namespace"], kinds, adopt=options["adopt"])
        done = _Done(options, items)
        with self.lock_kept(options["lock"]) as lock:
            match options["state"]:
                case "absent":
                    self._delete(done, items[::-1], lock)
                case "present":
                    self._apply(done, lock)
                    self._wait(done, began, lock)
            if options["prune"] or options["state"] == "pruned":
                self._prune(done, lock)
        return done.as_dict()

    def _apply(self, done: _Done, lock: Keeper) -> None:
        if not done.items:
            return
        options, items = done.options, done.items
        if options["record"]:
            # Before they are made: what a killed run leaves behind is then known to the next one.
            names = {options["component"]: [*map(reference, items)]}
            done.recorded(self.record(options["record"], state="present", objects_added=names))
        if self.check_mode and not options["namespace_exists"]:
            # A dry run on the server fails where the namespace is missing: what is rendered is what there would be.
            done.made(items)
            return
        lock.check()
        manager, secret = options["field_manager"], options["secret"]
        done.applied(apply(done.objects, items, manager, dry_run=self.check_mode, secret=secret))

    def _wait(self, done: _Done, began: str, lock: Keeper) -> None:
        """What failed before it began can have been mended since."""
        if not done.options["rollout"] or self.check_mode:
            return
        options = {**done.options, **done.options["rollout"], "since": began}
        progress = Progress(self._task_vars, quiet=bool(self._task.no_log))
        try:
            wait(lambda final: look_at(options, wait=True, final=final), options, progress, lock)
        except FailedError as error:
            error.result |= done.as_dict()
            raise

    def _prune(self, done: _Done, lock: Keeper) -> None:
        """Remove what was recorded and is no longer wanted. Volumes stay."""
        options, component = done.options, done.options["component"]
        wanted = [*map(reference, done.items)]
        recorded = self.record(options["record"])["record"]["objects"].get(component, [])
        found = compare(done.objects, component, options["namespace"], wanted, recorded)
        if found.leftovers:
            self.warn([leftover_problem(found.leftovers, component, done.objects.session.cluster)])
        self._delete(done, found.surplus, lock)
        # In check mode nothing was recorded when it was applied, so that all would look new.
        if found.surplus or not self.check_mode:
            done.recorded(self.record(options["record"], state="present", objects={component: wanted}))

    def _delete(self, done: _Done, items: list[Object], lock: Keeper) -> None:
        if items:
            lock.check()
            done.deleted(delete(done.objects, items, dry_run=self.check_mode))


class _Done:
    """What the task has done so far, and what --diff shows of it."""

    def __init__(self, options: Result, items: list[Object]) -> None:
        self.options = options
        self.items = items
        self.diff: list[dict[str, str]] = []
        self._changed: list[str] = []
        self._record_changed = False

    @cached_property
    def objects(self) -> Objects:
        return Objects(session_of(self.options))

    def recorded(self, result: Result) -> None:
        self._record_changed |= result["changed"]
        self.diff += result["diff"]

    def made(self, items: list[Object]) -> None:
        self._changed += map(reference, items)
        self._show(additions(items, _dump))

    def applied(self, done: list[Applied]) -> None:
        changes = [one for one in done if one.changed]
        self._changed += [reference(one.item) for one in changes]
        self._show(diffs(((one.item, one.before, one.after) for one in changes), _dump))

    def deleted(self, done: list[Applied]) -> None:
        gone = [one.item for one in done if one.changed]
        self._changed += map(reference, gone)
        self._show([{"before": f"{short(item)}\n", "after": ""} for item in gone])

    def as_dict(self) -> Result:
        return {
            "changed": bool(self._changed) or self._record_changed,
            "objects": [*map(reference, self.items)],
            "changed_objects": self._changed,
            "diff": self.diff,
        }

    def _show(self, diff: list[dict[str, str]]) -> None:
        self.diff += [] if self.options["secret"] else diff


def _dump(item: Object) -> str:
    return yaml.safe_dump(item, default_flow_style=False)
