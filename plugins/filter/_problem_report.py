# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Callable

from ansible.errors import AnsibleFilterError

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.base.reader import Reader

_PARTS = ("subject", "cause", "fix")


def problem_report(problems: object) -> str:
    """The documentation is in _problem_report.yml."""
    reader = Reader()
    if not isinstance(problems, list):
        reader.refuse("problem_report", "what it is given is not a list", "give a list of problems")
        problems = []
    found = []
    for number, content in enumerate(problems, 1):
        place = f"problem_report, entry {number}"
        parts = reader.mapping(place, content, _PARTS)
        found.append(Problem(*(reader.value(place, parts, part, "") for part in _PARTS)))
    if reader.problems:
        raise AnsibleFilterError(str(ProblemError(reader.problems)))
    return ProblemError(list(dict.fromkeys(found))).message() if found else ""


class FilterModule:
    def filters(self) -> dict[str, Callable[..., object]]:
        return {"_problem_report": problem_report}
