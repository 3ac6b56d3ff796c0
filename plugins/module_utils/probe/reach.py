# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a pod of a cluster reaches what an agent there writes to: the steps of a probe, and what their texts mean.

It sends no sample. promtool asks GET URL/-/healthy, which no receiver knows: any answer tells that there is something.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ansible_collections.miribit.thanos.plugins.module_utils.probe.job import Outcome, Probe, Step
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.entries import Reach
from ansible_collections.miribit.thanos.plugins.module_utils.remote_write.failures import sign_of
from ansible_collections.miribit.thanos.plugins.module_utils.remote_write.model import split_url

#: The pod takes 10 s, and its image is there already: it is that of the agent.
SECONDS = 60
#: Containers of one pod. Nobody writes to more places.
MOST = 8

_STATUS = re.compile(r"check failed: URL=\S*, status=(\d{3})")
_REQUEST = re.compile(r'^Get "[^"]*": ', re.MULTILINE)
_DIAL_TIMEOUT = re.compile(r"\bdial \S+ \S+: i/o timeout")
_LONGEST = 200


def place(url: str) -> str | None:
    """The URL to ask: without user, password and query, which can be secret. None if it is not one of HTTP."""
    parts = split_url(url)
    if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname:
        return None
    found = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
    return None if re.search(r"\s", found) else found


def probe(urls: Sequence[str], namespace: str, image: str) -> Probe:
    # Not by a path: images of others have it elsewhere, but where it is found.
    steps = [Step(name, ("promtool", "check", "healthy", f"--url={url}")) for name, url in _named(urls).items()]
    return Probe("reach", namespace, image, tuple(steps), {}, SECONDS, at_once=True)


def read(urls: Sequence[str], outcomes: Mapping[str, Outcome]) -> dict[str, Reach]:
    """What is known of each URL; nothing of one whose step did not end, or has said what is not known here."""
    found = {url: _reach(url, outcomes[name]) for name, url in _named(urls).items() if name in outcomes}
    return {url: reach for url, reach in found.items() if reach}


def _named(urls: Sequence[str]) -> dict[str, str]:
    return {f"url-{number}": url for number, url in enumerate(urls, 1)}


def _reach(url: str, outcome: Outcome) -> Reach | None:
    parts = split_url(url)
    has_name = bool(parts and re.search(r"[a-z]", parts.hostname or "") and ":" not in (parts.hostname or ""))
    known = True if has_name else None
    status = _STATUS.search(outcome.log)
    if status or outcome.exit_code == 0:
        return Reach(known, connects=True, answer=f"HTTP {status[1] if status else 200}", error=None)
    request = _REQUEST.search(outcome.log)
    if outcome.exit_code is None or request is None:
        return None
    text = " ".join(outcome.log[request.end() :].split())
    error = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
    sign = sign_of(text)
    name = sign.name if sign else ""
    if sign and sign.step == "resolve":
        return Reach(resolves=False, connects=None, answer=None, error=error)
    if name in {"refused", "no route"} or _DIAL_TIMEOUT.search(text):
        return Reach(known, connects=False, answer=None, error=error)
    # promtool gives up after 10 s, whatever it waits for.
    if name in {"silent", "slow"}:
        return Reach(resolves=None, connects=None, answer=None, error=f"no answer within 10 s ({error})")
    # It was cut off, or the other side speaks something else, or shows a certificate that is not trusted.
    return Reach(known, connects=True, answer=None, error=error)
