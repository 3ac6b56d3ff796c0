# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from typing import Any

import yaml
from ansible.plugins.action import ActionBase

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.kube.rendered import (
    DELETABLE,
    RESOURCES,
    additions,
    diffs,
    mark,
    reference,
    refusal,
    short,
)
from ansible_collections.miribit.thanos.plugins.modules._apply_objects import argument_spec

Result = dict[str, Any]


class ActionModule(ActionBase):
    """The documentation is in the module _apply_objects. The objects themselves go through kubernetes.core.k8s."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> Result:
        result: Result = super().run(tmp, task_vars)
        _validation, options = self.validate_argument_spec(argument_spec())  # type: ignore[no-untyped-call]
        kinds = DELETABLE if options["state"] == "absent" else tuple(RESOURCES)
        try:
            objects = mark(
                options["objects"], options["component"], options["namespace"], kinds, adopt=options["adopt"]
            )
        except ProblemError as error:
            return {**result, "failed": True, "msg": str(error), "problems": error.as_dicts()}
        if options["state"] == "absent":
            objects.reverse()
        result |= {"changed": False, "objects": [reference(item) for item in objects]}
        if not objects:
            return result
        if self._task.check_mode and not options["namespace_exists"]:
            # A dry run on the server fails where the namespace is missing: what is rendered is what there would be.
            changed = options["state"] == "present"
            is_shown = changed and not options["secret"]
            return {**result, "changed": changed, "diff": additions(objects, _dump) if is_shown else []}
        if options["lock"] and not self._task.check_mode:
            held = self._execute_module(
                "miribit.thanos.migration_lock", {**options["lock"], "state": "held"}, task_vars=task_vars
            )
            if held.get("failed"):
                return {**result, **{key: held[key] for key in ("failed", "msg", "problems") if key in held}}
        return result | self._carry_out(options, objects, task_vars)

    def _carry_out(self, options: Result, objects: list[Result], task_vars: dict[str, Any] | None) -> Result:
        arguments: Result = {
            "kubeconfig": options["kubeconfig"],
            "context": options["context"],
            "resource_definition": objects,
            "state": options["state"],
        }
        if options["state"] == "present":
            arguments |= {
                "apply": True,
                "server_side_apply": {"field_manager": options["field_manager"], "force_conflicts": True},
            }
        before = self._task.no_log
        holds_secrets = options["secret"] or any(item["kind"] == "Secret" for item in objects)
        if holds_secrets:
            # The module then writes no options to the system's log. Not set on the task: that would hide the cause of a
            # failure too, and what is returned here holds no value anyway.
            self._task.no_log = True
        try:
            done = self._execute_module("kubernetes.core.k8s", arguments, task_vars=task_vars)
        finally:
            if holds_secrets:
                self._task.no_log = before
        if done.get("failed"):
            text = str(done.get("msg") or done.get("module_stderr") or "kubernetes.core.k8s failed")
            problem = refusal(text, f"context {options['context']}", holds_secrets)
            return {"failed": True, "msg": str(problem), "problems": [problem.as_dict()]}
        # Of a single object, it gives the result itself.
        results = (done.get("result") or {}).get("results", [done]) if len(objects) > 1 else [done]
        changed = [item for item, one in zip(objects, results, strict=True) if one.get("changed")]
        shown = (
            []
            if options["secret"]
            else diffs(results, objects, _dump)
            if options["state"] == "present"
            else [{"before": f"{short(item)}\n", "after": ""} for item in changed]
        )
        return {"changed": bool(changed), "changed_objects": [reference(item) for item in changed], "diff": shown}


def _dump(item: Result) -> str:
    # Ansible marks texts and containers with where they come from, and YAML takes plain ones only.
    return yaml.safe_dump(json.loads(json.dumps(item)), default_flow_style=False)
