# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ansible.utils.display import Display

from ansible_collections.miribit.thanos.plugins.module_utils.agent.change import (
    MADE,
    PREVIOUS,
    Planned,
    Remembered,
    State,
    Wish,
    back,
    exporter_namespaces,
    plan,
)
from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.migration.record import record_name
from ansible_collections.miribit.thanos.plugins.module_utils.remote_write.model import Spec
from ansible_collections.miribit.thanos.plugins.modules._agent_change import argument_spec
from ansible_collections.miribit.thanos.plugins.plugin_utils.base_yaml import YAML
from ansible_collections.miribit.thanos.plugins.plugin_utils.running import RunningAction

Result = dict[str, Any]


class _FailedError(Exception):
    """What a module has failed with."""

    def __init__(self, result: Result) -> None:
        self.result = {key: result[key] for key in ("msg", "problems") if key in result}


class ActionModule(RunningAction):
    """The documentation is in the module _agent_change.

    The configuration of an agent can hold secrets. So it never leaves this task: it is read, changed, checked and
    applied in here, each by its own module, and what is shown of it is without them.
    """

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> Result:
        result: Result = super().run(tmp, task_vars)
        _validation, options = self.validate_argument_spec(argument_spec())  # type: ignore[no-untyped-call]
        try:
            planned = self._planned(options, task_vars)
            for warning in planned.warnings if options["state"] in {"planned", "checked"} else ():
                # The agents of all edges have the same name, and the same text is shown once only.
                Display().warning(f"Host {(task_vars or {}).get('inventory_hostname')}, {warning}")
            done = self._carry_out(options, planned, task_vars)
        except ProblemError as error:
            return {**result, "failed": True, "msg": str(error), "problems": error.as_dicts()}
        except _FailedError as error:
            return result | {"failed": True} | error.result
        return result | {"changed": False} | planned.as_dict() | done

    def _planned(self, options: Result, task_vars: Result | None) -> Planned:
        place = {**self._access(options), "namespace": options["namespace"]}
        edge = self._run("_edge_info", {**place, "texts": True, "targets": True}, task_vars)
        record = self._run("migration_record", {**options["record"], "rollback_wanted": True}, task_vars)
        rollback = record.get("rollback") or {}
        if unreadable := sorted({PREVIOUS, MADE} & set(record["rollback_keys"]) - set(rollback)):
            # It would be taken for none, and what is there now for the first.
            name = f"{options['record'].get('namespace')}/{record_name(options['record'].get('cluster'))}"
            cause = f"its key {' and its key '.join(unreadable)} cannot be read, and there is the way back"
            raise ProblemError([Problem(f"Secret {name}", cause, "restore it, or take the key out to do without")])
        remembered = Remembered.of(rollback)
        planned = (
            back(edge, remembered, YAML)
            if options["state"] == "previous"
            else plan(edge, _wish(options), remembered, YAML)
        )
        unseen = tuple(Problem(**problem) for problem in edge["unseen"])
        return replace(
            planned,
            warnings=planned.warnings + unseen,
            delivered_before=record["record"]["phase"] not in {"", "phase1"},
            exporter_namespaces=exporter_namespaces(edge),
        )

    def _carry_out(self, options: Result, planned: Planned, task_vars: Result | None) -> Result:
        if planned.state is not State.OUT_OF_SYNC or options["state"] == "planned":
            return {}
        if options["state"] == "checked":
            place = {**self._access(options), "namespace": options["namespace"]}
            self._run("_agent_config_check", {**place, "image": planned.image, "text": planned.text}, task_vars)
            return {}
        if options["state"] == "present":
            self._remember(options, planned.rollback, task_vars)
        self._apply(options, planned, task_vars)
        return {"changed": True, "diff": list(planned.diff)}

    def _remember(self, options: Result, rollback: Result, task_vars: Result | None) -> None:
        """Before anything is changed: a run that is killed in between knows the way back all the same."""
        run = (options["lock"] or {}).get("run")
        arguments = {**options["record"], "run": run, "state": "present", "rollback": rollback}
        self._run("migration_record", arguments, task_vars)

    def _apply(self, options: Result, planned: Planned, task_vars: Result | None) -> None:
        arguments = {
            **self._access(options),
            "namespace": options["namespace"],
            "component": "prometheus-agent",
            "objects": list(planned.objects),
            "adopt": True,
            "secret": True,
            "lock": options["lock"],
        }
        _checked(self._run_action("miribit.thanos._apply_objects", arguments, task_vars), "_apply_objects")

    def _run(self, module: str, arguments: Result, task_vars: Result | None) -> Result:
        return _checked(self._run_unlogged(f"miribit.thanos.{module}", arguments, task_vars), module)

    @staticmethod
    def _access(options: Result) -> Result:
        return {key: options[key] for key in ("kubeconfig", "context")}


def _wish(options: Result) -> Wish:
    names = ("name", "image", "version", "extra_scrape_configs", "accept_owner", "credentials_secret")
    given = {name: options[name] for name in names}
    return Wish(Spec.of(options["spec"]), keep_others=options["keep_remote_write"], **given)


def _checked(result: Result, module: str) -> Result:
    if not result.get("failed"):
        return result
    if "problems" not in result:
        # Such as a Python that lacks a library. What a module says that has crashed could quote the configuration.
        crashed = not {"exception", "module_stderr", "module_stdout"}.isdisjoint(result)
        text = str((not crashed and result.get("msg")) or "it has ended before its end")
        raise ProblemError([Problem(f"Module {module}", text.rstrip("."), "correct what it names")])
    raise _FailedError(result)
