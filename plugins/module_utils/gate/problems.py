# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why a gate does not let pass, and what to do: told from its checks and from what the agent logs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem
from ansible_collections.miribit.thanos.plugins.module_utils.gate.agent import Verdict
from ansible_collections.miribit.thanos.plugins.module_utils.gate.checks import Check, span
from ansible_collections.miribit.thanos.plugins.module_utils.gate.window import Seen
from ansible_collections.miribit.thanos.plugins.module_utils.remote_write.failures import Failure, of_complaint

#: What fails together, for one cause, which the agent logs.
_SENDING = frozenset({"sends", "refused", "dropped", "lag", "pending"})

_FIXES = {
    "answers": "see what keeps it with 'kubectl describe pod' and its log; if there is none, correct 'selector'",
    "configuration": "let it load the file (a ConfigMap takes up to 2 min to reach a pod), and read in its log what it "
    "does not take",
    "targets": "mend what does not answer, or take it out of the scrape configuration (and of 'targets_before')",
    "received": "compare the URL with the receiver's address, and the header of the tenant with the routers' "
    "--receive.tenant-header; if the routers are others, correct 'routers'",
    "rejected": "read the log of the routers, and look for other senders of this tenant",
    "stored": "list the ingestors as endpoints of Query and receive_replica as --query.replica-label, and compare the "
    "clocks of both clusters",
    "steady": "see what happens again and again; if nothing does, raise 'timeout' above 'hold'",
    "equation": "look for other senders of these tenants (then leave 'tolerance' out), or for what is lost on the way",
}
_FIX_SENDING = "read the agent's log, and look whether the receiver keeps up"
_FIX_RESTART = "wait until the backlog is sent, or set 'accept_loss' to lose it"


def problems(verdict: Verdict, seen: Seen, logs: Mapping[str, Sequence[str]], subject: str) -> list[Problem]:
    """One for each cause. The logs are what pods of the agent complain of."""
    failing = [check for check in verdict.checks if check.stops]
    silent = [pod for pod in seen.pods if pod.silent]
    if not any(pod.agent for pod in seen.pods) and any(check.name == "answers" for check in failing):
        # All else that is missing follows from this.
        failing = [check for check in failing if check.name == "answers"]
    found = []
    if sending := [check for check in failing if check.name in _SENDING]:
        found.append(_sending(verdict, sending, logs, subject))
    for check in failing:
        if check.name == "answers" and silent and silent[0].silent:
            found.append(Problem(subject, _told(check), silent[0].silent.fix))
        elif check.name not in _SENDING | {"steady"}:
            found.append(Problem(subject, _told(check), _FIXES[check.name]))
    steady = [check for check in failing if check.name == "steady"]
    if steady and (verdict.window.because or not found):
        found.append(Problem(subject, _told(steady[0]), _FIXES["steady"]))
    return found


def _told(check: Check) -> str:
    return f"check {check.name}: {check.observed}; must be: {check.threshold}"


def _sending(verdict: Verdict, checks: Sequence[Check], logs: Mapping[str, Sequence[str]], subject: str) -> Problem:
    lines = [f"  log of {pod}: {line}" for pod, complaints in logs.items() for line in complaints]
    cause, fix = "", _FIX_SENDING
    if failure := next(_causes(lines), None):
        cause, fix = f"{failure.cause}. ", failure.fix
    cause += ". ".join(_told(check) for check in checks)
    if verdict.at_stake:
        samples = "" if verdict.at_stake.samples is None else f", {verdict.at_stake.samples} samples"
        cause += f". A new queue would lose what is not sent: {span(verdict.at_stake.seconds)}{samples}"
        fix = f"{fix}; {_FIX_RESTART}"
    return Problem(subject, "\n".join([cause, *lines]), fix)


def _causes(lines: Sequence[str]) -> Iterator[Failure]:
    """Yield the causes of complaints, of the newest line first."""
    yield from filter(None, map(of_complaint, reversed(lines)))


def table(checks: Sequence[Check]) -> list[str]:
    """Every check on a line."""
    names = max((len(check.name) for check in checks), default=0)
    width = min(60, max((len(check.observed) for check in checks), default=0))
    return [
        f"{_mark(check):<4}  {check.name:<{names}}  {check.observed:<{width}}  must be: {check.threshold}"
        for check in checks
    ]


def _mark(check: Check) -> str:
    if check.ok is None:
        return "-"
    if check.ok:
        return "ok"
    return "FAIL" if check.required else "warn"
