# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lock of the fleet, kept while a task works."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.kube.errors import AwayError
from ansible_collections.miribit.thanos.plugins.module_utils.kube.session import session_of
from ansible_collections.miribit.thanos.plugins.module_utils.migration import processes
from ansible_collections.miribit.thanos.plugins.module_utils.migration.lease import LOCK_NAME, Lock, read_run

#: How often a lock of 60 s is looked after, in seconds.
RENEWAL = 15.0


def lock_of(options: Mapping[str, Any], *, check_mode: bool = False) -> Lock:
    """Return the lock of the options of migration_lock. Raises ProblemError if they name no run."""
    own = read_run(options.get("run"))
    own = replace(own, pid_namespace=own.pid_namespace or processes.pid_namespace())
    session = session_of({"kubeconfig": options.get("kubeconfig"), "context": options.get("context")})
    return Lock(session, str(options.get("namespace")), options.get("name") or LOCK_NAME, own, check_mode=check_mode)


class Keeper:
    """Renews a lock from a thread of its own, so that a step may take longer than the lock lasts.

    None is a task without a lock. To be entered raises ProblemError if the run does not hold it.
    """

    def __init__(self, lock: Lock | None) -> None:
        self._lock = lock
        self._lost: ProblemError | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep, daemon=True)

    def __enter__(self) -> Self:
        if self._lock:
            self._lock.held()
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()

    def check(self) -> None:
        """Raise how the lock was lost, if it was. To be asked before each change."""
        if self._lost:
            raise self._lost

    def _keep(self) -> None:
        while self._lock and not self._over.wait(RENEWAL):
            try:
                self._lock.held()
            except AwayError:
                # The lock lasts longer than that, and nobody else can take it either.
                continue
            except ProblemError as error:
                self._lost = error
                return
            except Exception as error:  # noqa: BLE001 - nobody else would notice that it is not kept any more
                # Its text can quote anything, also a secret.
                cause = f"it cannot be renewed ({type(error).__name__})"
                self._lost = ProblemError([Problem("Lock of the fleet", cause, "report it; running it again is safe")])
                return
