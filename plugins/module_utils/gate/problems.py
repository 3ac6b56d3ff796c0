# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why a gate does not let pass, and what to do: told from its checks and from what the agent logs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem
from ansible_collections.miribit.thanos.plugins.module_utils.gate.agent import Verdict
from ansible_collections.miribit.thanos.plugins.module_utils.gate.checks import Check, span
from ansible_collections.miribit.thanos.plugins.module_utils.gate.window import Seen

#: What fails together, for one cause, which the agent logs.
_SENDING = frozenset({"sends", "refused", "dropped", "lag", "pending"})

#: What a complaint of the agent means. The first that is found counts.
_SIGNS = tuple(
    (re.compile(pattern, re.IGNORECASE), cause, fix)
    for pattern, cause, fix in (
        (
            r"no such host|\blookup \S+( on \S+)?: ",
            "the cluster's DNS does not know the receiver's name, or does not answer",
            "use the address of the receiver's LoadBalancer or the host of its Ingress, and check CoreDNS",
        ),
        (
            r"x509: |tls: ",
            "there is no trusted TLS connection to the receiver",
            "compare ca, server_name and client certificate of the agent with what the receiver shows and asks for",
        ),
        (
            r"server gave HTTP response to HTTPS client|HTTP request to an HTTPS server|malformed HTTP response",
            "one of the two sides speaks TLS and the other does not",
            "compare http or https in the URL with the receiver's port",
        ),
        (
            r"connection refused",
            "nothing listens at the receiver's address and port, or a firewall refuses",
            "compare the port with that of the receiver's Service, and check that its routers are Ready",
        ),
        (
            r"no route to host|network is unreachable|i/o timeout|deadline exceeded|Client\.Timeout|handshake timeout",
            "no answer comes from the receiver's address in time",
            "check the LoadBalancer's address, routes, firewalls and NetworkPolicies, and how busy the receiver is",
        ),
        (
            r"HTTP status 400",
            "the receiver does not understand the request, or refuses the tenant's name (400)",
            "check the tenant, and that nothing but a Thanos Receive answers at the URL",
        ),
        (
            r"HTTP status 40[13]",
            "the receiver's side asks for a login, or does not allow this one (401, 403)",
            "correct the agent's credentials, or the list of addresses that may write",
        ),
        (
            r"HTTP status 40[45]",
            "nothing takes remote write at this path (404, 405)",
            "end the URL with /api/v1/receive, on the port of remote write (19291)",
        ),
        (
            r"HTTP status 409",
            "the receiver has other or newer samples of it (409): another sender has its labels, or a wrong clock",
            "give each sender labels of its own, and set --tsdb.too-far-in-future.time-window on the ingestors",
        ),
        (
            r"HTTP status 413",
            "a request is larger than a limit (413)",
            "lower max_samples_per_send, or raise the limit of the tenant, or of the Ingress for the size of a body",
        ),
        (
            r"HTTP status 429",
            "the tenant has as many series, or the receiver as many requests, as a limit allows (429)",
            "raise the tenant's head_series_limit or the receiver's max_concurrency, and set retry_on_http_429",
        ),
        (
            r"HTTP status 500",
            "the routers have no ring for this tenant, or too small a one, or forwarding takes too long (500)",
            "check that a ring takes the tenant, and read the log of the routers",
        ),
        (
            r"HTTP status 5",
            "the receiver cannot store now: too few ingestors, no ring yet, or nothing behind its Ingress (5xx)",
            "check that routers and ingestors are Ready, and read the log of the routers",
        ),
        (
            r"connection reset|broken pipe|\bEOF\b",
            "connections to the receiver are ended before there is an answer",
            "check that the routers are Ready, and http or https in the URL",
        ),
    )
)

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
    if sign := next(_signs(lines), None):
        cause, fix = f"{sign[0]}. ", sign[1]
    cause += ". ".join(_told(check) for check in checks)
    if verdict.at_stake:
        samples = "" if verdict.at_stake.samples is None else f", {verdict.at_stake.samples} samples"
        cause += f". A new queue would lose what is not sent: {span(verdict.at_stake.seconds)}{samples}"
        fix = f"{fix}; {_FIX_RESTART}"
    return Problem(subject, "\n".join([cause, *lines]), fix)


def _signs(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Of the newest line first."""
    for line in reversed(lines):
        yield from ((cause, fix) for text, cause, fix in _SIGNS if text.search(line))


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
