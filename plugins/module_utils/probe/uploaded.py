# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The blocks of ingestors: asked of their metrics, and looked for in the bucket."""

from __future__ import annotations

from typing import Any

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.kube.containers import is_leaving, is_ready
from ansible_collections.miribit.thanos.plugins.module_utils.kube.objects import PODS, Objects
from ansible_collections.miribit.thanos.plugins.module_utils.kube.session import session_of
from ansible_collections.miribit.thanos.plugins.module_utils.probe import bucket
from ansible_collections.miribit.thanos.plugins.module_utils.probe import run as probe_run
from ansible_collections.miribit.thanos.plugins.module_utils.probe.job import Probe, Step, option_problems
from ansible_collections.miribit.thanos.plugins.module_utils.probe.object_storage import Bucket, judge
from ansible_collections.miribit.thanos.plugins.module_utils.probe.uploads import (
    CONFIG_FILE,
    Block,
    Holding,
    blocks,
    command,
    held,
    missing,
    read,
)
from ansible_collections.miribit.thanos.plugins.module_utils.receive.pod import Receiver

# About 80,000 blocks. Kubelets keep 10 MiB.
_LOG = (("limitBytes", "10485760"),)


def holding(options: dict[str, Any]) -> dict[str, Any]:
    session = session_of(options)
    pods = Objects(session).find(PODS, options["namespace"], options["selector"])
    receivers = [Receiver(session, pod, str(options["port"])) for pod in pods]
    receivers.sort(key=lambda receiver: receiver.name)
    found: list[Holding] = []
    problems: list[Problem] = []
    for receiver in receivers:
        try:
            found += _ask(receiver)
        except ProblemError as error:
            problems += error.problems
    if problems:
        raise ProblemError(problems)
    return {"pods": [receiver.name for receiver in receivers], "holding": [one.as_dict() for one in found]}


def _ask(receiver: Receiver) -> list[Holding]:
    subject = f"{receiver.target} in {receiver.session.cluster}"
    if is_leaving(receiver.pod):
        fix = "wait until it is gone; if it is to be started again, until it is Ready"
        raise ProblemError([Problem(subject, "it is being ended, and no longer tells what it holds", fix)])
    if not is_ready(receiver.pod):
        cause = "it is not Ready, and may still be loading what it holds"
        raise ProblemError([Problem(subject, cause, "wait until it is; see what keeps it with 'kubectl describe'")])
    found = held(receiver.name, receiver.metrics())
    if found is None:
        fix = "give the selector of ingestors only, and the port of their --http-address"
        raise ProblemError([Problem(subject, "its metrics tell of no storage, as those of an ingestor do", fix)])
    return found


def uploaded(options: dict[str, Any], *, check_mode: bool) -> bool:
    """Whether the bucket was looked at. Raises ProblemError unless everything is there."""
    if wrong := list(option_problems(options["image"], options["timeout"])):
        raise ProblemError(wrong)
    wanted = read(options["holding"])
    if check_mode or not wanted:
        return False
    objects = Objects(session_of(options))
    there = bucket.from_secret(objects, options["namespace"], options["secret"], options["key"])
    if problems := list(missing(wanted, _list(objects, there, wanted, options), str(there))):
        raise ProblemError(problems)
    return True


def _list(objects: Objects, there: Bucket, wanted: list[Holding], options: dict[str, Any]) -> list[Block]:
    seconds = options["timeout"]
    probe = Probe(
        "receive-uploads",
        options["namespace"],
        options["image"],
        (Step("list", command(wanted, seconds)),),
        {CONFIG_FILE: there.text},
        seconds,
        service_account=options["service_account"] or "",
    )
    outcomes = probe_run.run(objects, probe, log=_LOG)
    subject = f"{there} from {objects.session.cluster}"
    step = judge(there, outcomes, "", seconds)[0]
    if not step["ok"]:
        observed = f" ({step['observed']})" if step["observed"] else ""
        raise ProblemError([Problem(subject, f"{step['cause']}{observed}", str(step["fix"]))])
    found = blocks(outcomes["list"].log)
    if found is None:
        cause = "the log of the pod does not show all of the bucket's blocks that it has listed"
        raise ProblemError([Problem(subject, cause, "run it again, with fewer pods at a time where there are many")])
    return found
