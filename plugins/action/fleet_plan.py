# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import getpass
import hashlib
import os
import socket
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase
from ansible.template import Templar
from ansible.utils.display import Display
from ansible.utils.vars import load_extra_vars
from ansible.vars.hostvars import HostVars

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.fleet.failures import failure, undefined
from ansible_collections.miribit.thanos.plugins.module_utils.fleet.groups import group_problem
from ansible_collections.miribit.thanos.plugins.module_utils.fleet.options import Flaw, Option, options_of
from ansible_collections.miribit.thanos.plugins.module_utils.fleet.plan import Plan, plan
from ansible_collections.miribit.thanos.plugins.module_utils.fleet.schema import SCHEMA, Host, Role, applies, concealed
from ansible_collections.miribit.thanos.plugins.module_utils.migration import processes
from ansible_collections.miribit.thanos.plugins.modules.fleet_plan import argument_spec

ROLES = Path(__file__).parents[2] / "roles"

#: Variables that are in keywords of plays, where only extra variables are known.
_KEYWORDS = ("fleet_serial",)
#: Variables that tasks make of the plan. What is made from them is left to the role.
_LATER = frozenset({"fleet", "fleet_central", "fleet_cluster"})


class ActionModule(ActionBase):
    """The documentation is in the module fleet_plan."""

    BYPASS_HOST_LOOP = True
    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        # No fact: Ansible copies all facts of a host, whole and twice, for each of its tasks and for each look at its
        # hostvars. With 200 clusters that is 30 ms each time, 6 s in the next plan. Tasks register the result.
        result: dict[str, Any] = super().run(tmp, task_vars)
        try:
            planned = self._plan(task_vars or {})
        except ProblemError as error:
            return {**result, "failed": True, "msg": str(error), "problems": error.as_dicts()}
        warnings = [str(warning) for warning in planned.warnings]
        for warning in warnings:
            Display().warning(warning)
        return {**result, "changed": False, "run": _run(), **planned.fleet, "plan_warnings": warnings}

    def _plan(self, variables: dict[str, Any]) -> Plan:
        _validation, arguments = self.validate_argument_spec(argument_spec())  # type: ignore[no-untyped-call]
        groups, hostvars = variables["groups"], variables["hostvars"]
        if problem := group_problem(groups, variables.get("ansible_inventory_sources", ())):
            raise ProblemError([problem])
        defaults = self._defaults()
        options = self._options(defaults)
        return plan(
            [self._host(name, "central", hostvars, options, defaults) for name in groups.get("central", ())],
            [self._host(name, "edge", hostvars, options, defaults) for name in groups.get("edge", ())],
            options,
            of_play=_of_play(variables),
            too_late=self._too_late(hostvars, groups),
            environment=self._environment(),
            purpose=arguments["purpose"],
        )

    def _too_late(self, hostvars: HostVars, groups: Mapping[str, list[str]]) -> list[str]:
        """Return the keywords of plays that the inventory sets."""
        hosts = [name for group in ("central", "edge") for name in groups.get(group, ())]
        names = set(_KEYWORDS) - load_extra_vars(self._loader).keys()
        return sorted(name for name in names if any(name in hostvars.raw_get(host) for host in hosts))

    def _environment(self) -> list[str]:
        """Return the names of the environment variables of this process and of the task."""
        several = self._task.environment or []
        given = [self._templar.template(one) for one in (several if isinstance(several, list) else [several])]
        return [*os.environ, *(str(name) for one in given if isinstance(one, Mapping) for name in one)]

    def _host(
        self,
        name: str,
        role: Role,
        hostvars: HostVars,
        options: Mapping[str, Option],
        defaults: Mapping[str, object],
    ) -> Host:
        """Only the variables of this collection are templated, and each of them once."""
        raw = hostvars.raw_get(name)
        templar = Templar(loader=self._loader, variables={**defaults, **raw, "hostvars": hostvars})
        values: dict[str, object] = {}
        failures: dict[str, Flaw] = {}
        for variable in dict.fromkeys((*SCHEMA, *options)):
            if variable not in raw or not applies(variable, role):
                continue
            secret = SCHEMA[variable].secret if variable in SCHEMA else options[variable].opaque
            try:
                value = _plain(templar.template(raw[variable]))
            except AnsibleError as error:
                if variable in SCHEMA or undefined(str(error)) not in _LATER:
                    failures[variable] = failure(str(error), set(_templates(raw)), secret=secret)
            else:
                values[variable] = concealed(value) if variable in SCHEMA and secret else value
        return Host(str(name), tuple(map(str, raw)), values, failures)

    def _options(self, defaults: Mapping[str, object]) -> dict[str, Option]:
        """The variables of all roles."""
        found: dict[str, Option] = {}
        for path in sorted(ROLES.glob("*/meta/argument_specs.yml")):
            found |= options_of(self._loader.load_from_file(str(path)), defaults)
        return found

    def _defaults(self) -> dict[str, object]:
        """What templates of the inventory may use though it is set nowhere."""
        found: dict[str, object] = {}
        for path in sorted(ROLES.glob("*/defaults/main.yml")):
            found |= self._loader.load_from_file(str(path)) or {}
        return found


def _templates(content: object) -> Iterator[str]:
    """The templates in variables, as they are written. What is encrypted is no text."""
    match content:
        case str():
            if "{{" in content or "{%" in content:
                yield content
        case dict() | list():
            for each in content.values() if isinstance(content, dict) else content:
                yield from _templates(each)


def _plain(value: object) -> object:
    """Without Ansible's own types, of which an encrypted text is no str before ansible-core 2.19."""
    match value:
        case None | bool() | int() | float():
            return value
        case Mapping():
            return {str(key) if isinstance(key, str) else key: _plain(each) for key, each in value.items()}
        case list() | tuple():
            return [_plain(each) for each in value]
        case _:
            return str(value)


def _of_play(variables: dict[str, Any]) -> list[str]:
    """What the play sets besides the inventory, which the plan cannot see for the hosts of other plays."""
    raw = variables["hostvars"].raw_get(variables["inventory_hostname"])
    return [
        name
        for name, variable in SCHEMA.items()
        if name in variables and not variable.secret and _differ(variables[name], raw.get(name, variable.default))
    ]


def _differ(value: object, other: object) -> bool:
    try:
        return value is not other and value != other
    except AnsibleError:
        # A vault that cannot be opened is told of the host.
        return False


def _run() -> dict[str, object]:
    """The ansible-playbook that this is part of. A worker is a fork of it."""
    pid = os.getppid()
    started = processes.started(pid) or _started_as_ps_says(pid)
    host = socket.gethostname()
    digest = hashlib.sha256(f"{host}/{pid}/{started}".encode()).hexdigest()
    return {"id": digest[:8], "owner": f"{_user()}@{host}", "host": host, "pid": pid, "started": started}


def _started_as_ps_says(pid: int) -> str:
    """Where there is no /proc."""
    command = ["ps", "-o", "lstart=", "-p", str(pid)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"})
    except OSError:
        return ""
    return f"/{' '.join(done.stdout.split())}" if done.returncode == 0 else ""


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A user of a container may have no name.
        return str(os.getuid())
