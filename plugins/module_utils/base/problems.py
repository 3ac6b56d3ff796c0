# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wrong, said so that the reader can act on it: what it is about, why, and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong. The three parts are sentences or parts of one, without a full stop at the end."""

    subject: str
    cause: str
    fix: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.cause}. Fix: {self.fix}."

    def as_dict(self) -> dict[str, str]:
        return asdict(self)


class ProblemError(Exception):
    """Carries every problem that was found, so that they can all be fixed in one go."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(self.message())

    def message(self) -> str:
        if len(self.problems) == 1:
            return str(self.problems[0])
        return "\n".join([f"{len(self.problems)} problems:", *(f"- {problem}" for problem in self.problems)])

    def as_dicts(self) -> list[dict[str, str]]:
        return [problem.as_dict() for problem in self.problems]
