# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the routers use a ring, and if not, why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.miribit.thanos.plugins.module_utils.base.logs import without_secrets
from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem
from ansible_collections.miribit.thanos.plugins.module_utils.receive.metrics import RingFile
from ansible_collections.miribit.thanos.plugins.module_utils.rollout.reasons import Reason
from ansible_collections.miribit.thanos.plugins.module_utils.rollout.state import State


@dataclass(frozen=True)
class Router:
    """What was seen of one router."""

    pod: str
    ready: bool
    file: RingFile | None = None
    uses_it: bool = False
    refused: str = ""
    silent: Problem | None = None

    def as_dict(self) -> dict[str, object]:
        return {
            "pod": self.pod,
            "config_hash": self.file.config_hash if self.file else None,
            "ring_applied": self.uses_it,
        }


def judge_ring(config_hash: int, routers: Sequence[Router], wanted: int | None) -> State:
    """Whether every router uses the ring. Wanted is how many there must be, where that is known."""
    applied = sum(_uses(router, config_hash) for router in routers)
    number = len(routers) if wanted is None else wanted
    done = applied == number == len(routers) and number > 0
    return State("Ring", str(config_hash), done, f"{applied} of {number} routers use it")


def explain_ring(config_hash: int, routers: Sequence[Router], selector: str) -> Reason:
    """Why not every router uses the ring."""
    for router in routers:
        # One tells enough: they all have the same file.
        if not _uses(router, config_hash):
            return _of_router(config_hash, router)
    cause = f"there are {len(routers)} pods with the labels {selector}, not as many as the Deployment has replicas"
    return Reason("", cause, "correct 'ring.selector', so that it takes the routers and nothing else")


def _uses(router: Router, config_hash: int) -> bool:
    return router.ready and router.uses_it and router.file is not None and router.file.config_hash == config_hash


def _of_router(config_hash: int, router: Router) -> Reason:
    name, file = router.pod, router.file
    if not router.ready:
        return Reason(f"{name}: not ready", f"pod {name} is not ready", "see why with 'kubectl describe pod'")
    if router.silent:
        return Reason(f"{name}: no answer", f"{router.silent.subject}: {router.silent.cause}", router.silent.fix)
    if file is None:
        cause = f"pod {name} loads no hashring file (it has no metric thanos_receive_config_hash)"
        fix = "correct 'ring.selector', so that it takes the routers only, or give them --receive.hashrings-file"
        return Reason(f"{name}: no hashring file", cause, fix)
    if file.config_hash != config_hash and router.refused:
        refused = without_secrets(router.refused)
        cause = f"pod {name} still has the ring {file.config_hash}, and refuses the new file: {refused}"
        return Reason(f"{name}: refuses the file", cause, "correct the hashring file in the ConfigMap")
    if file.config_hash != config_hash:
        cause = f"pod {name} still has the ring {file.config_hash}"
        fix = (
            "mount the ConfigMap as a folder (no subPath), set --receive.hashrings-file-refresh-interval=15s, and "
            "check that the ConfigMap holds the file of this hash"
        )
        return Reason(f"{name}: has ring {file.config_hash}", cause, fix)
    cause = f"pod {name} has loaded the file, but nothing shows that it has set up the ring"
    fix = (
        "read its log: a ring whose zones cannot hold the copies is built for ever (correct it and restart the "
        "routers); with a log level above info nothing is told (set log.level to info)"
    )
    return Reason(f"{name}: sets up the ring", cause, fix)
