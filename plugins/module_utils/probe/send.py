# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Canary samples sent from a cluster, one for each tenant, and read back from Thanos Query."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.base.reader import Reader
from ansible_collections.miribit.thanos.plugins.module_utils.kube.objects import SECRETS, Objects
from ansible_collections.miribit.thanos.plugins.module_utils.kube.session import session_at, session_of
from ansible_collections.miribit.thanos.plugins.module_utils.probe import run
from ansible_collections.miribit.thanos.plugins.module_utils.probe.job import option_problems, secret_text
from ansible_collections.miribit.thanos.plugins.module_utils.probe.remote_write import (
    CREDENTIALS,
    Attempt,
    Canary,
    Failure,
    failure,
    not_found,
    read_back_failure,
    summary,
    told,
    worth_waiting,
)
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.query import (
    InstantQuery,
    Prometheus,
    QueryResult,
    query_target,
)

#: An edge must have room for so many pods.
AT_ONCE = 8
READ_BACK_SECONDS = 30.0
POLL_SECONDS = 0.5


def probe(options: dict[str, Any], *, check_mode: bool) -> tuple[list[Attempt], list[Problem]]:
    target = query_target(options["query"]) if options["query"] else None
    values = {name: text for name, text in (options["credentials"] or {}).items() if text}
    canaries, wrong = _canaries(options, values)
    wrong += [*option_problems(options["image"], options["timeout"]), *(target.problems() if target else [])]
    unsent = [Attempt(canary) for canary in canaries]
    if wrong or check_mode:
        # In check mode, the cluster may be empty still.
        return unsent, wrong
    try:
        objects = Objects(session_of(options))
        if options["credentials_secret"]:
            canaries, wrong = _canaries(options, _from_secret(objects, options))
        prometheus = Prometheus(session_at(options["query"], options), target) if target else None
    except ProblemError as error:
        return unsent, list(error.problems)
    if wrong:
        return unsent, wrong
    with ThreadPoolExecutor(AT_ONCE) as pool:
        attempts = list(pool.map(lambda canary: _try(objects, canary, prometheus, options), canaries))
    return attempts, told(attempts, objects.session.cluster)


def result_of(attempts: list[Attempt], options: Mapping[str, Any]) -> dict[str, object]:
    found = summary(attempts, read_back=options["query"] is not None)
    if options["tenants"] is not None:
        return found
    one = attempts[0].as_dict(read_back=options["query"] is not None)
    left_out = {"tenant"} if attempts[0].probed else {"tenant", "probe_id"}
    return {"probed": found["probed"], **{name: value for name, value in one.items() if name not in left_out}}


def _try(objects: Objects, canary: Canary, prometheus: Prometheus | None, options: dict[str, Any]) -> Attempt:
    job = canary.probe(options["namespace"], options["image"], options["timeout"])
    try:
        outcomes = run.run(objects, job, worth_waiting)
    except ProblemError as error:
        return Attempt(canary, problems=error.problems)
    failed = failure(canary, outcomes, options["timeout"])
    seconds, copies = None, None
    if prometheus and not failed:
        failed, seconds, copies = _read_back(canary, prometheus, options["query"]["tenant_label"])
    return Attempt(canary, True, failed, seconds, copies)


def _canaries(options: dict[str, Any], credentials: dict[str, str]) -> tuple[list[Canary], list[Problem]]:
    """One of each tenant, and what is wrong with them."""
    if options["tenants"] is None:
        canary, wrong = _canary(options, credentials, options["tenant"], "Option tenant")
        return [canary], wrong
    if not options["tenants"]:
        fix = "give the tenants that the edge writes as, an empty text for the default one"
        return [], [Problem("Option tenants", "it is empty", fix)]
    several = [_canary(options, credentials, tenant, f"Option tenants, {tenant}") for tenant in options["tenants"]]
    # What they have in common is wrong only once.
    wrong = list(dict.fromkeys(problem for _canary, problems in several for problem in problems))
    return [canary for canary, _problems in several], wrong


def _canary(
    options: dict[str, Any], credentials: dict[str, str], tenant: str, tenant_option: str
) -> tuple[Canary, list[Problem]]:
    reader = Reader()
    labels = reader.labels("Option external_labels", options["external_labels"])
    canary = Canary(
        url=options["url"],
        id=secrets.token_hex(6),
        value=int(time.time()),
        tenant=tenant,
        tenant_header=options["tenant_header"],
        external_labels=labels,
        credentials={name: text for name, text in credentials.items() if name != "username"},
        username=options["username"] or credentials.get("username", ""),
        server_name=options["server_name"],
    )
    # The password may be in a Secret that is read later.
    known = canary.credentials or not options["credentials_secret"]
    problems = canary.problems(tenant_option=tenant_option, with_credentials=bool(known))
    return canary, [*reader.problems, *problems]


def _from_secret(objects: Objects, options: Mapping[str, Any]) -> dict[str, str]:
    name = options["credentials_secret"]
    place = f"Secret {options['namespace']}/{name} in {objects.session.cluster}"
    found = objects.get(SECRETS, options["namespace"], name)
    if found is None:
        fix = "make it, correct 'credentials_secret' and 'namespace', or give 'credentials'"
        raise ProblemError([Problem(place, "it does not exist", fix)])
    texts = {key: secret_text(found, key) for key in options["credentials_keys"] or CREDENTIALS}
    values = {key: text for key, text in texts.items() if text is not None}
    missing = [key for key in options["credentials_keys"] or () if key not in values]
    if missing or not values:
        there_are = ", ".join(sorted(found.get("data") or {})) or "none"
        cause = f"it holds no text under {', '.join(missing or CREDENTIALS)}; its keys: {there_are}"
        raise ProblemError([Problem(place, cause, "add what is missing, or leave it out of 'credentials_keys'")])
    return values


def _read_back(
    canary: Canary, prometheus: Prometheus, tenant_label: str
) -> tuple[Failure | None, float | None, int | None]:
    """What is wrong, how long it took, how many copies there are."""
    began = time.monotonic()
    while True:
        try:
            found = _ask(canary, prometheus)
        except ProblemError as error:
            problem = error.problems[0]
            missing = Failure("read_back", f"{problem.subject}: {problem.cause}", problem.fix)
        else:
            missing = not_found(found.warnings, READ_BACK_SECONDS)
            if found.samples:
                break
        if time.monotonic() - began > READ_BACK_SECONDS:
            return missing, None, None
        time.sleep(POLL_SECONDS)
    seconds = round(time.monotonic() - began, 1)
    if failed := read_back_failure(canary, found.samples, tenant_label):
        return failed, seconds, None
    try:
        copies = len(_ask(canary, prometheus, dedup=False).samples)
    except ProblemError as error:
        problem = error.problems[0]
        return Failure("read_back", f"{problem.subject}: {problem.cause}", problem.fix), seconds, None
    return None, seconds, copies


def _ask(canary: Canary, prometheus: Prometheus, *, dedup: bool = True) -> QueryResult:
    # A store that cannot be reached says nothing about this sample.
    return prometheus.instant(InstantQuery(canary.query, timeout=10, dedup=dedup, partial_response=True))
