# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible import context
from ansible.errors import AnsibleLookupError
from ansible.inventory.manager import InventoryManager
from ansible.plugins.lookup import LookupBase
from ansible.utils.display import Display

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.fleet.groups import (
    NO_EDGES,
    group_problem,
    limit_problem,
    source_problem,
)

#: What ansible-playbook can be asked for that needs no inventory.
_WITHOUT_HOSTS = ("syntax", "listtasks", "listtags")


class LookupModule(LookupBase):
    def run(self, terms: Sequence[str], variables: Mapping[str, Any], **_options: object) -> list[str]:
        if any(context.CLIARGS.get(option) for option in _WITHOUT_HOSTS):
            return list(terms)
        problems = list(self._problems(terms, variables))
        if problems:
            raise AnsibleLookupError(str(ProblemError(problems)))
        if not variables["groups"]["edge"]:
            # Playbooks whose plays are all on edges have no plan that warns. Ansible shows equal warnings once.
            Display().warning(str(NO_EDGES))
        return list(terms)

    def _problems(self, terms: Sequence[str], variables: Mapping[str, Any]) -> Iterator[Problem]:
        groups: dict[str, list[str]] = variables["groups"]
        sources = [str(source) for source in variables.get("ansible_inventory_sources") or ()]
        # One with a comma is a list of hosts, and no path.
        missing = [source for source in sources if "," not in source and not Path(source).exists()]
        if missing:
            yield from map(source_problem, missing)
        elif problem := group_problem(groups, sources):
            yield problem
        elif limit := variables.get("ansible_limit"):
            yield from (limit_problem(limit, term, groups) for term in terms if self._leaves_none(limit, term, groups))

    def _leaves_none(self, limit: str, pattern: str, groups: Mapping[str, Sequence[str]]) -> bool:
        inventory = InventoryManager(self._loader, parse=False)
        for group, hosts in groups.items():
            inventory.add_group(group)
            for host in hosts:
                inventory.add_host(host, group)
        if not inventory.list_hosts(pattern):
            return False
        inventory.subset(limit)
        return not inventory.list_hosts(pattern)
