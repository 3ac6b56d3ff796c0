# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The receivers of a cluster, as they describe themselves."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.kube.containers import is_leaving, is_ready
from ansible_collections.miribit.thanos.plugins.module_utils.kube.objects import PODS, Object, Objects
from ansible_collections.miribit.thanos.plugins.module_utils.kube.session import session_of
from ansible_collections.miribit.thanos.plugins.module_utils.receive.metrics import ring_file, tenants, written
from ansible_collections.miribit.thanos.plugins.module_utils.receive.pod import Receiver

Found = dict[str, Any]


def ask(options: dict[str, Any]) -> list[Found]:
    session = session_of(options)
    pods = Objects(session).find(PODS, options["namespace"], options["selector"])
    staying = sorted((pod for pod in pods if not is_leaving(pod)), key=lambda pod: str(pod["metadata"]["name"]))
    return [_ask_one(Receiver(session, pod, str(options["port"])), options["ring_hash"]) for pod in staying]


def _ask_one(receiver: Receiver, ring_hash: int | None) -> Found:
    ready = is_ready(receiver.pod)
    found: Found = {"name": receiver.name, "ready": ready, "restarts": _restarts(receiver.pod), "problem": None}
    try:
        metrics = receiver.metrics()
        file = ring_file(metrics)
        applied = None
        if file:
            wanted = ring_hash is None or file.config_hash == ring_hash
            applied = ready and wanted and receiver.uses(file, datetime.now(UTC))
    except ProblemError as error:
        return {**found, "problem": error.problems[0].as_dict()}
    return {
        **found,
        "role": "router" if file else "ingestor",
        "config_hash": file.config_hash if file else None,
        "ring_applied": applied,
        "hashrings_file_errors": file.errors if file else None,
        "last_reload": file.loaded if file else None,
        "tenants": tenants(metrics),
        "write_samples": written(metrics),
    }


def _restarts(pod: Object) -> int:
    containers = (pod.get("status") or {}).get("containerStatuses") or []
    return sum(int(container.get("restartCount") or 0) for container in containers)
