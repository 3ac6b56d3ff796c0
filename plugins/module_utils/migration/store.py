# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The record of a cluster in its ConfigMap and Secret: read, written and removed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.kube.api import ServerClock, Session
from ansible_collections.miribit.thanos.plugins.module_utils.kube.errors import ConflictError
from ansible_collections.miribit.thanos.plugins.module_utils.kube.objects import (
    CONFIG_MAPS,
    SECRETS,
    Object,
    Objects,
    Resource,
)
from ansible_collections.miribit.thanos.plugins.module_utils.kube.session import session_of
from ansible_collections.miribit.thanos.plugins.module_utils.migration.lease import LOCK_NAME, TRIES, Lock, read_run
from ansible_collections.miribit.thanos.plugins.module_utils.migration.record import (
    Reading,
    Record,
    config_map,
    merge,
    merge_rollback,
    read,
    read_change,
    read_rollback,
    record_name,
    secret,
    secret_data,
)

Result = dict[str, Any]


def record_options(given: Mapping[str, Any], **more: object) -> Result:
    """Return all options of migration_record, with the defaults that the module documents."""
    empty = ("kubeconfig", "context", "phase", "evidence", "objects", "objects_added", "rollback", "run")
    flags = dict.fromkeys(("back", "rollback_wanted", "force"), False)
    return {**dict.fromkeys(empty), **flags, "state": "read", **given, **more}


def carry_out(options: Result, *, check_mode: bool, no_log: bool) -> Result:
    record_name(options["cluster"])
    if options["rollback_wanted"] and not no_log:
        cause = "what it returns can be secret, and the task would show it"
        raise ProblemError([Problem("Option rollback_wanted", cause, "set no_log: true on the task")])
    store = Store(session_of(options), options, check_mode=check_mode)
    match options["state"]:
        case "present":
            return store.present()
        case "absent":
            return store.absent()
        case _:
            return store.read()


class Store:
    """The two objects of one cluster's record."""

    def __init__(self, session: Session, options: Result, *, check_mode: bool) -> None:
        self._clock = ServerClock(session)
        self._objects = Objects(self._clock)
        self._options = options
        self._check_mode = check_mode
        self._namespace: str = options["namespace"]
        self._name = record_name(options["cluster"])
        run = options["run"]
        self._lock = None if run is None else Lock(session, self._namespace, LOCK_NAME, read_run(run))

    def read(self) -> Result:
        reading, _item, held = self._look()
        return self._result(reading, reading.record, secret_data(held))

    def present(self) -> Result:
        change = read_change(
            *(self._options[option] for option in ("phase", "evidence", "objects", "objects_added")),
            back=self._options["back"],
        )
        keys: set[str] = set()
        for _try in range(TRIES):
            reading, item, held = self._look()
            if reading.problem and not self._options["force"]:
                raise ProblemError([reading.problem])
            record = merge(reading.record, change, self._clock.now())
            data = merge_rollback(held, self._options["rollback"] or {})
            keys |= {key for key, _value in data.items() ^ secret_data(held).items()}
            result = self._result(reading, record, data, keys)
            if self._check_mode or not result["changed"]:
                return result
            self._check_lock()
            try:
                # First, so that no phase is recorded that there is no way back from.
                if data != secret_data(held):
                    self._put_secret(held, secret(held, self._name, data))
                if record.as_text() != reading.text:
                    self._put(CONFIG_MAPS, item, config_map(item, self._name, record))
            except ConflictError:
                continue
            return result
        cause = f"others changed it {TRIES} times while this task wanted to"
        raise ProblemError([Problem(self._where("ConfigMap"), cause, "run it again")])

    def absent(self) -> Result:
        reading, item, held = self._look()
        if (item or held) and not self._check_mode:
            self._check_lock()
            # In this order: what is needed to go back outlives the record, not the other way round.
            self._objects.delete(CONFIG_MAPS, self._namespace, self._name)
            self._objects.delete(SECRETS, self._namespace, self._name)
        gone = replace(reading, problem=None)
        return self._result(gone, None, {}, set(secret_data(held))) | {"changed": bool(item or held)}

    def _look(self) -> tuple[Reading, Object | None, Object | None]:
        held = self._objects.get(SECRETS, self._namespace, self._name)
        item = self._objects.get(CONFIG_MAPS, self._namespace, self._name)
        return read(item, self._options["cluster"], self._where("ConfigMap")), item, held

    def _check_lock(self) -> None:
        if self._lock:
            self._lock.held()

    def _put(self, resource: Resource, before: Object | None, item: Object) -> None:
        if before is None:
            self._objects.create(resource, self._namespace, item)
        else:
            self._objects.replace(resource, self._namespace, item)

    def _put_secret(self, before: Object | None, item: Object) -> None:
        try:
            self._put(SECRETS, before, item)
        except ProblemError as error:
            status = self._clock.last.status
            if status not in {400, 413, 422} and "webhook" not in str(error):
                raise
            cause = f"the API server refuses it (HTTP {status}); its words are left out, as they may quote a value"
            fix = "keep it below 1 MiB; if a webhook refuses it, ask whoever runs that"
            raise ProblemError([Problem(self._where("Secret"), cause, fix)]) from None

    def _where(self, kind: str) -> str:
        return f"{kind} {self._namespace}/{self._name} in {self._clock.cluster}"

    def _result(
        self, reading: Reading, record: Record | None, data: dict[str, str], keys: set[str] | None = None
    ) -> Result:
        """What the task returns. No record means that there is none any more."""
        after = "" if record is None else record.as_text()
        rollback, unreadable = read_rollback({"data": data}, self._where("Secret"))
        diffs = []
        # Of state read, there is neither: what cannot be read stays as it is.
        if keys is not None and after != reading.text:
            diffs.append(self._diff("ConfigMap", reading.text, after))
        if keys:
            diffs.append(self._diff("Secret", "", f"keys {', '.join(sorted(keys))}; the values are not shown\n"))
        result: Result = {
            "changed": bool(diffs),
            "record": (record or Record(self._options["cluster"])).as_dict(),
            "found": reading.found,
            "broken": reading.problem is not None,
            "rollback_keys": sorted(data),
            "diff": diffs,
            "problems": [reading.problem] if reading.problem else [],
        }
        if self._options["rollback_wanted"]:
            result["rollback"] = rollback
            result["problems"] += unreadable
        return result

    def _diff(self, kind: str, before: str, after: str) -> dict[str, str]:
        header = f"{kind} {self._namespace}/{self._name}"
        return {"before_header": header, "after_header": header, "before": before, "after": after}
