# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The groups of an inventory: mistakes that leave plays without hosts, which Ansible only skips."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem

#: How a fix asks for each group.
_FIXES = {
    "central": "put the cluster that has the receiver into a group named central",
    "edge": "put the clusters that write to the receiver into a group named edge, which may be empty",
}
#: The groups that every inventory has.
_BUILT_IN = ("all", "ungrouped")
# A message that names more of them is not read.
_MOST = 8

#: A warning: the receiver may be there before the first edge.
NO_EDGES = Problem(
    "Group edge",
    "it has no hosts, so no cluster writes to the receiver",
    "list the clusters that write to the receiver under its 'hosts:'",
)


def source_problem(path: str) -> Problem:
    return Problem(f"Inventory {path}", "no such file or directory", "pass the path of the fleet's inventory with -i")


def group_problem(groups: Mapping[str, Collection[str]], sources: Sequence[str]) -> Problem | None:
    """Return what leaves the plays of a group without hosts, except for an empty group edge."""
    inventory = f"the inventory {listed(sources)}" if sources else "the inventory"
    if not groups.get("all"):
        fix = (
            "pass the fleet's inventory with -i, list each cluster as a key under 'hosts:' of its group, "
            "and correct what Ansible's warnings name"
        )
        return Problem("Groups central and edge", f"{inventory} has no hosts", fix)
    if missing := [name for name in _FIXES if name not in groups]:
        own = [name for name in groups if name not in _BUILT_IN]
        cause = (
            f"missing, {inventory} has only the {_group(own, 'group')}"
            if own
            else f"missing, {inventory} has no groups"
        )
        return Problem(_group(missing, "Group"), cause, ", and ".join(_FIXES[name] for name in missing))
    if not groups["central"]:
        fix = "list the cluster that has the receiver under its 'hosts:'"
        return Problem("Group central", f"it has no hosts in {inventory}", fix)
    return None


def limit_problem(limit: str, pattern: str, groups: Mapping[str, Collection[str]]) -> Problem:
    """Return why --limit leaves no cluster of a pattern such as central:edge."""
    names = pattern.split(":")
    clusters = [host for name in names for host in groups.get(name, ())]
    fix = f"name clusters of {'it' if len(names) == 1 else 'them'}: {listed(clusters)}"
    return Problem(f"--limit {limit}", f"it matches no cluster of {_group(names, 'group')}", fix)


def listed(names: Sequence[str]) -> str:
    if len(names) > _MOST:
        return f"{', '.join(names[:_MOST])} and {len(names) - _MOST} more"
    return " and ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)


def _group(names: Sequence[str], word: str) -> str:
    return f"{word}{'s' if len(names) > 1 else ''} {listed(names)}"
