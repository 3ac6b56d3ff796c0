# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A bucket tried from inside a cluster: listed, written to, and cleaned up."""

from __future__ import annotations

import json
import secrets
import time
from typing import Any

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.kube.objects import Objects
from ansible_collections.miribit.thanos.plugins.module_utils.kube.session import session_of
from ansible_collections.miribit.thanos.plugins.module_utils.probe import bucket, run
from ansible_collections.miribit.thanos.plugins.module_utils.probe.job import option_problems
from ansible_collections.miribit.thanos.plugins.module_utils.probe.object_storage import Bucket, judge, ulid


def probe(options: dict[str, Any], *, check_mode: bool) -> dict[str, Any]:
    wrong = list(option_problems(options["image"], options["timeout"]))
    given = None
    try:
        if options["secret"] is None:
            config = options["config"]
            given = bucket.parse(config if isinstance(config, str) else json.dumps(config), "Option config")
    except ProblemError as error:
        wrong += error.problems
    if wrong or check_mode:
        # In check mode, the cluster may be empty still.
        return {"problems": wrong}
    try:
        objects = Objects(session_of(options))
        place = (options["namespace"], options["secret"], options["key"])
        return _try(objects, given or bucket.from_secret(objects, *place), options)
    except ProblemError as error:
        return {"problems": error.problems}


def _try(objects: Objects, tried: Bucket, options: dict[str, Any]) -> dict[str, Any]:
    block = ulid(int(time.time() * 1000), secrets.token_bytes(10))
    account = options["service_account"] or ""
    job = tried.probe(options["namespace"], options["image"], options["timeout"], block, account)
    steps = judge(tried, run.run(objects, job), block, options["timeout"])
    subject = f"{tried} from {objects.session.cluster}"
    return {"probed": True, "steps": steps, "problems": [_problem(subject, step) for step in steps if step["cause"]]}


def _problem(subject: str, step: dict[str, object]) -> Problem:
    observed = f" ({step['observed']})" if step["observed"] else ""
    return Problem(subject, f"step {step['name']}: {step['cause']}{observed}", str(step["fix"]))
