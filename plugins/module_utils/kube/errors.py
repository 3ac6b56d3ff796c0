# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an API server itself says, apart from what is said of the objects and pods behind it."""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError

#: Statuses that an API server, or a load balancer before it, gives for a while: priority and fairness, a change of the
#: leader of etcd, an update of the control plane.
PASSING = frozenset({429, 500, 502, 503, 504})


class ApiServerError(ProblemError):
    """The API server does not carry out what it is asked, whatever that is: it is away, or takes no credentials."""


class AwayError(ApiServerError):
    """No answer, or one that says that there is none for now. The next request may be answered."""


class LostError(AwayError):
    """The connection was refused, or ended before the answer."""


class ConflictError(Exception):
    """The object is another one by now: it exists already, or was changed since it was read."""


class RefusedError(ProblemError):
    """The API server's refusal, with its HTTP status, and with its own reason and words."""

    def __init__(self, status: int, problem: Problem, answer: Mapping[str, object] | None = None) -> None:
        super().__init__([problem])
        self.status = status
        self.reason = str((answer or {}).get("reason") or "")
        self.message_of_server = str((answer or {}).get("message") or "")


class LoginError(RefusedError, ApiServerError):
    """It does not know who asks."""


class PassingError(RefusedError, AwayError):
    """It cannot answer for now, and says so."""
