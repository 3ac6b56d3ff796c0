# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

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
from ansible_collections.miribit.thanos.plugins.module_utils.agent.config_check import check
from ansible_collections.miribit.thanos.plugins.module_utils.agent.edge import Wish as EdgeWish
from ansible_collections.miribit.thanos.plugins.module_utils.agent.edge import collect
from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.kube.api import Session
from ansible_collections.miribit.thanos.plugins.module_utils.kube.apply import apply
from ansible_collections.miribit.thanos.plugins.module_utils.kube.objects import Objects
from ansible_collections.miribit.thanos.plugins.module_utils.kube.rendered import mark
from ansible_collections.miribit.thanos.plugins.module_utils.kube.session import access_spec, session_of
from ansible_collections.miribit.thanos.plugins.module_utils.migration.keeper import Keeper
from ansible_collections.miribit.thanos.plugins.module_utils.migration.record import record_name
from ansible_collections.miribit.thanos.plugins.module_utils.remote_write.model import Spec as RemoteWrite
from ansible_collections.miribit.thanos.plugins.plugin_utils.base_yaml import YAML
from ansible_collections.miribit.thanos.plugins.plugin_utils.cluster_action import ClusterAction, Result, Spec


class ActionModule(ClusterAction):
    """The documentation is in the module _agent_change.

    The configuration of an agent can hold secrets. So it never leaves this task: it is read, changed, checked and
    applied in here, and what is shown of it is without them.
    """

    spec: ClassVar[Spec] = {
        **access_spec(),
        **{name: {"type": "str", "default": ""} for name in ("name", "image", "version")},
        "namespace": {"type": "str", "required": True},
        "state": {"type": "str", "choices": ["planned", "checked", "present", "previous"], "default": "planned"},
        "spec": {"type": "dict", "default": {}},
        "extra_scrape_configs": {"type": "list", "elements": "dict", "default": []},
        "keep_remote_write": {"type": "bool", "default": True},
        "credentials_secret": {"type": "str", "default": ""},
        "accept_owner": {"type": "bool", "default": False},
        "record": {"type": "dict", "required": True},
        "lock": {"type": "dict"},
    }

    def work(self, options: Result) -> Result:
        session = session_of(options)
        with self.lock_kept(options["lock"]) as lock:
            return self._work(session, options, lock)

    def _work(self, session: Session, options: Result, lock: Keeper) -> Result:
        planned = self._planned(session, options)
        for warning in planned.warnings if options["state"] in {"planned", "checked"} else ():
            # The agents of all edges have the same name, and the same text is shown once only.
            self.warn([f"Host {self._task_vars.get('inventory_hostname')}, {warning}"])
        done = self._carry_out(session, options, planned, lock)
        return {**planned.as_dict(), **done}

    def _planned(self, session: Session, options: Result) -> Planned:
        edge = collect(session, EdgeWish(options["namespace"], targets=True, texts=True))
        record = self.record(options["record"], rollback_wanted=True)
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

    def _carry_out(self, session: Session, options: Result, planned: Planned, lock: Keeper) -> Result:
        if planned.state is not State.OUT_OF_SYNC or options["state"] == "planned":
            return {}
        if options["state"] == "checked":
            if not self.check_mode:
                check(session, options["namespace"], planned.image, planned.text)
            return {}
        if options["state"] == "present":
            # Before anything is changed: a run that is killed in between knows the way back all the same.
            run = (options["lock"] or {}).get("run")
            self.record(options["record"], run=run, state="present", rollback=planned.rollback)
        items = mark(planned.objects, "prometheus-agent", options["namespace"], adopt=True)
        lock.check()
        apply(Objects(session), items, dry_run=self.check_mode, secret=True)
        return {"changed": True, "diff": list(planned.diff)}


def _wish(options: Result) -> Wish:
    names = ("name", "image", "version", "extra_scrape_configs", "accept_owner", "credentials_secret")
    given = {name: options[name] for name in names}
    return Wish(RemoteWrite.of(options["spec"]), keep_others=options["keep_remote_write"], **given)
