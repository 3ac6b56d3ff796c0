# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lock of a fleet: a Lease on the central cluster that one run at a time holds."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.base.reader import Reader
from ansible_collections.miribit.thanos.plugins.module_utils.kube.api import ServerClock, Session
from ansible_collections.miribit.thanos.plugins.module_utils.kube.errors import ConflictError
from ansible_collections.miribit.thanos.plugins.module_utils.kube.objects import LEASES, Object, Objects
from ansible_collections.miribit.thanos.plugins.module_utils.kube.rendered import labels_of

LOCK_NAME = "miribit-thanos"
RUN = "miribit.thanos/run"
COMPONENT = "migration"

#: How often it is looked again, where somebody was faster. The tasks of one run renew it for many clusters at once.
TRIES = 10

# Names that many machines have.
_NO_NAMES = {"", "localhost", "localhost.localdomain"}

#: When a process was started; empty if it is gone, None if nobody can say. See processes.started().
Started = Callable[[int], "str | None"]


@dataclass(frozen=True)
class Run:
    """One ansible-playbook."""

    id: str
    owner: str
    host: str = ""
    pid: int = 0
    started: str = ""
    pid_namespace: str = ""

    @property
    def holder(self) -> str:
        return f"{self.owner} run {self.id}"

    def process(self, own: Run, started: Started) -> Literal["alive", "dead", "unknown"]:
        """Whether the run's process lives, as far as this can be told from where the own one runs."""
        # What the one calls a host or a number of a process is the other's only if both are in the same place.
        if (self.host, self.pid_namespace) != (own.host, own.pid_namespace) or own.host in _NO_NAMES:
            return "unknown"
        # Who does not find itself would not find others.
        if not own.started or started(own.pid) != own.started:
            return "unknown"
        # Clones and bastions share host names, and every Linux has the same first namespace: only the boot is unique.
        # After a reboot, the lock is free when it expires.
        if _boot(self.started) != _boot(own.started):
            return "unknown"
        found = started(self.pid)
        if found is None or self.pid < 1 or not self.started:
            return "unknown"
        return "alive" if found == self.started else "dead"


def _boot(started: str) -> str:
    return started.partition("/")[0]


def read_run(content: object) -> Run:
    reader = Reader()
    place = "Option run"
    values = reader.mapping(place, content, ("id", "owner", "host", "pid", "started", "pid_namespace"))
    run = Run(
        id=reader.value(place, values, "id", ""),
        owner=reader.value(place, values, "owner", ""),
        host=reader.value(place, values, "host", ""),
        pid=reader.value(place, values, "pid", 0),
        started=reader.value(place, values, "started", ""),
        pid_namespace=reader.value(place, values, "pid_namespace", ""),
    )
    if not reader.problems and not (run.id and run.owner):
        reader.refuse(place, "it has no id, or no owner", "pass on what fleet_plan gives as 'fleet.run'")
    if reader.problems:
        raise ProblemError(reader.problems)
    return run


@dataclass(frozen=True)
class Lease:
    """What a Lease says. What it does not say, or not in a form that can be read, is left out."""

    holder: str = ""
    run: Run | None = None
    acquired: datetime | None = None
    renewed: datetime | None = None
    duration: int = 0
    transitions: int = 0

    @property
    def expires(self) -> datetime | None:
        return self.renewed and self.renewed + timedelta(seconds=self.duration)

    def expires_in(self, now: datetime) -> int:
        return max(0, round((self.expires - now).total_seconds())) if self.expires else 0

    def is_expired(self, now: datetime) -> bool:
        return self.expires is None or self.expires <= now

    def wants_renewal(self, now: datetime) -> bool:
        return self.renewed is None or (now - self.renewed).total_seconds() * 3 > self.duration

    def since(self) -> str:
        return f"{self.holder} since {as_text(self.acquired)}" if self.acquired else self.holder


def read_lease(item: Object) -> Lease:
    spec = item.get("spec") or {}
    holder = str(spec.get("holderIdentity") or "")
    acquired = _time(spec.get("acquireTime"))
    duration = spec.get("leaseDurationSeconds")
    transitions = spec.get("leaseTransitions")
    return Lease(
        holder=holder,
        run=_run_of(item, holder),
        acquired=acquired,
        renewed=_time(spec.get("renewTime")) or acquired,
        duration=duration if isinstance(duration, int) else 0,
        transitions=transitions if isinstance(transitions, int) else 0,
    )


def _run_of(item: Object, holder: str) -> Run | None:
    """The run in the annotation, if it is the holder's: somebody else may have taken the Lease and left it there."""
    try:
        run = read_run(json.loads((item["metadata"].get("annotations") or {}).get(RUN, "")))
    except (ProblemError, RecursionError, TypeError, ValueError):
        return None
    return run if run.holder == holder else None


def _time(text: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def as_text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


@dataclass(frozen=True)
class Decision:
    """What to do about the lock, and what to say of it."""

    act: Literal["take", "renew", "nothing", "wait"]
    message: str = ""
    takeover: bool = False


def decide(lease: Lease | None, own: Run, now: datetime, started: Started) -> Decision:
    """Whether this run can have the lock."""
    if lease is None or not lease.holder:
        return Decision("take")
    if lease.holder == own.holder:
        return Decision("renew" if lease.wants_renewal(now) else "nothing")
    process = lease.run.process(own, started) if lease.run else "unknown"
    if lease.run and process == "dead":
        message = f"takes over the lock of {lease.since()}: its process {lease.run.pid} on this host has ended"
        return Decision("take", message, takeover=True)
    if lease.is_expired(now):
        when = f"at {as_text(lease.expires)}" if lease.expires else "at once"
        return Decision("take", f"takes over the lock of {lease.since()}: it expired {when}", takeover=True)
    where = f" (process {lease.run.pid} on this host)" if lease.run and process == "alive" else ""
    # Moments, not how long ago: so this is another line only when there is something new to say.
    message = f"the lock is held by {lease.since()}{where}; it was renewed at {as_text(lease.renewed or now)}"
    return Decision("wait", f"{message}, and expires {lease.duration} s after that unless it is renewed again")


def taken(item: Object | None, name: str, own: Run, now: datetime, duration: int) -> Object:
    """The Lease, made or changed so that the run holds it."""
    item = item or {"apiVersion": LEASES.api_version, "kind": "Lease", "metadata": {"name": name}}
    metadata, spec = item["metadata"], item.get("spec")
    return {
        **item,
        "metadata": {
            **metadata,
            "labels": {**(metadata.get("labels") or {}), **labels_of(COMPONENT)},
            "annotations": {**(metadata.get("annotations") or {}), RUN: json.dumps(asdict(own), sort_keys=True)},
        },
        "spec": {
            **(spec or {}),
            "holderIdentity": own.holder,
            "acquireTime": _micro_time(now),
            "renewTime": _micro_time(now),
            "leaseDurationSeconds": duration,
            "leaseTransitions": read_lease(item).transitions + 1,
        },
    }


def renewed(item: Object, now: datetime) -> Object:
    return {**item, "spec": {**item["spec"], "renewTime": _micro_time(now)}}


def released(item: Object) -> Object:
    # Without the key: the API server can refuse an empty text.
    return {**item, "spec": {key: value for key, value in item["spec"].items() if key != "holderIdentity"}}


def _micro_time(moment: datetime) -> str:
    # The API server reads no other form.
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@dataclass(frozen=True)
class State:
    """What has become of the lock."""

    acquired: bool
    lease: Lease
    now: datetime
    done: bool = True
    takeover: bool = False
    message: str = ""

    def as_dict(self) -> dict[str, object]:
        return {
            "acquired": self.acquired,
            "holder": self.lease.holder,
            "takeover": self.takeover,
            "token": self.lease.transitions,
            "expires_in": self.lease.expires_in(self.now) if self.lease.holder else 0,
            "done": self.done,
            "progress": [self.message] if self.message else [],
        }


class Lock:
    """The lock, as one run sees it. With check_mode, it is only looked at."""

    def __init__(self, session: Session, namespace: str, name: str, run: Run, *, check_mode: bool = False) -> None:
        self._clock = ServerClock(session)
        self._objects = Objects(self._clock)
        self._namespace = namespace
        self._name = name
        self._run = run
        self._check_mode = check_mode

    def acquire(self, duration: int, started: Started, *, final: bool) -> State:
        """Have the lock, or wait. The last look says why it cannot be had."""
        if duration < 1:
            raise ProblemError([Problem("Option duration", f"{duration} s are no time", "give 60, or more")])
        for _try in range(TRIES):
            item, lease, now = self._look()
            decision = decide(lease, self._run, now, started)
            if decision.act == "wait":
                if final and not self._check_mode:
                    fix = "wait until that run has ended; if it is known to be dead, wait until the lock has expired"
                    raise self._problem(decision.message.replace("the lock", "it", 1), f"{fix}, and run it again")
                return State(False, lease or Lease(), now, done=self._check_mode, message=decision.message)
            wanted = item
            if decision.act == "take":
                wanted = taken(item, self._name, self._run, now, duration)
            elif item and decision.act == "renew":
                wanted = renewed(item, now)
            if wanted and self._put(item, wanted):
                return State(True, read_lease(wanted), now, takeover=decision.takeover, message=decision.message)
        raise self._changes_too_often()

    def held(self) -> State:
        """Be sure that the run holds the lock, and go on holding it. Anything else is a problem."""
        for _try in range(TRIES):
            item, lease, now = self._look()
            ours = lease is not None and lease.holder == self._run.holder
            if item is None or lease is None or not ours:
                if self._check_mode:
                    return State(False, lease or Lease(), now)
                raise self._lost(lease)
            wanted = renewed(item, now) if lease.wants_renewal(now) else item
            if self._put(item, wanted):
                return State(True, read_lease(wanted), now)
        raise self._changes_too_often()

    def release(self) -> State:
        """Let go of the lock, if it is the run's."""
        for _try in range(TRIES):
            item, lease, now = self._look()
            if item is None or lease is None or lease.holder != self._run.holder:
                return State(False, lease or Lease(), now)
            wanted = released(item)
            if self._put(item, wanted):
                return State(False, read_lease(wanted), now)
        raise self._changes_too_often()

    def _look(self) -> tuple[Object | None, Lease | None, datetime]:
        item = self._objects.get(LEASES, self._namespace, self._name)
        return item, read_lease(item) if item else None, self._clock.now()

    def _put(self, before: Object | None, item: Object) -> bool:
        """Write the Lease if it is to change. False if somebody was faster: it must be looked at again."""
        if self._check_mode or item is before:
            return True
        try:
            if before is None:
                self._objects.create(LEASES, self._namespace, item)
            else:
                self._objects.replace(LEASES, self._namespace, item)
        except ConflictError:
            return False
        except ProblemError as error:
            if self._clock.last.status != 404:
                raise
            if before is not None:
                # It was deleted since.
                return False
            problem = Problem(
                f"Namespace {self._namespace} in {self._clock.cluster}",
                "it does not exist, and the lock of the fleet is to be there",
                "create it, or correct the namespace of the central cluster in the inventory",
            )
            raise ProblemError([problem]) from error
        return True

    def _lost(self, lease: Lease | None) -> ProblemError:
        fix = "run it again"
        if lease is None:
            cause = "this run does not hold it any more: the Lease was deleted"
        elif not lease.holder:
            cause = "this run does not hold it: it was released"
        else:
            cause = f"this run does not hold it: it is held by {lease.since()}"
            fix = "wait until that run has ended, and run it again"
        return self._problem(cause, f"{fix}; this task has changed nothing")

    def _changes_too_often(self) -> ProblemError:
        return self._problem(f"others changed it {TRIES} times while this run wanted to", "run it again")

    def _problem(self, cause: str, fix: str) -> ProblemError:
        return ProblemError([Problem(f"Lock {self._namespace}/{self._name} in {self._clock.cluster}", cause, fix)])
