# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Apply the objects that a role renders, by server-side apply on the session of the cluster, or delete them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ansible.module_utils.common.dict_transformations import recursive_diff

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.kube.errors import (
    ApiServerError,
    ConflictError,
    PassingError,
    RefusedError,
)
from ansible_collections.miribit.thanos.plugins.module_utils.kube.objects import Object, Objects
from ansible_collections.miribit.thanos.plugins.module_utils.kube.rendered import FIELD_MANAGER, resource_of, short

#: What an API server changes by itself, so that it is no change that somebody wanted.
_OF_THE_SERVER = frozenset({"managedFields", "resourceVersion", "generation"})
#: How often an object is applied, where somebody makes or changes it at the same moment.
_TRIES = 3


@dataclass(frozen=True)
class Applied:
    """An object that was applied or deleted, and in what it differs. Both are empty if nothing changed."""

    item: Object
    before: dict[str, Any]
    after: dict[str, Any]

    @property
    def changed(self) -> bool:
        return bool(self.before or self.after)


def apply(
    objects: Objects, items: Iterable[Object], manager: str = FIELD_MANAGER, *, dry_run: bool, secret: bool
) -> list[Applied]:
    """Apply objects in their order. With `secret`, no refusal quotes them. Raises ProblemError at the first refusal."""
    return [_apply(objects, item, manager, dry_run=dry_run, secret=secret) for item in items]


def delete(objects: Objects, items: Iterable[Object], *, dry_run: bool) -> list[Applied]:
    """Delete objects in their order, and what they own. There may be none."""
    done = []
    for item in items:
        place = item["metadata"]
        try:
            was_there = objects.delete(resource_of(item), place.get("namespace", ""), place["name"], dry_run=dry_run)
        except (ConflictError, RefusedError) as error:
            raise _refusal(objects, item, error, secret=item["kind"] == "Secret") from error
        done.append(Applied(item, item if was_there else {}, {}))
    return done


def _apply(objects: Objects, item: Object, manager: str, *, dry_run: bool, secret: bool) -> Applied:
    resource, place = resource_of(item), item["metadata"]
    hidden = secret or item["kind"] == "Secret"
    for attempt in range(1, _TRIES + 1):
        try:
            before = objects.get(resource, place.get("namespace", ""), place["name"])
            after = objects.apply(resource, item, manager, dry_run=dry_run)
        except ConflictError as error:
            if attempt == _TRIES:
                raise _refusal(objects, item, error, secret=hidden) from error
        except RefusedError as error:
            raise _refusal(objects, item, error, secret=hidden) from error
        else:
            break
    differing = recursive_diff(_wanted(before or {}), _wanted(after))
    return Applied(item, *(differing or ({}, {})))


def _wanted(item: Object) -> Object:
    """Without what the API server and controllers write."""
    if not item:
        return {}
    metadata = {key: value for key, value in item["metadata"].items() if key not in _OF_THE_SERVER}
    return {key: value for key, value in {**item, "metadata": metadata}.items() if key != "status"}


def _refusal(objects: Objects, item: Object, error: ConflictError | RefusedError, *, secret: bool) -> ProblemError:
    """The refusal of one object, in the API server's own words. Of a Secret nothing is quoted: it may hold a value."""
    subject = f"{short(item)} in {objects.session.cluster}"
    if isinstance(error, ConflictError):
        cause = "somebody changes or deletes it at the same time"
        return ProblemError([Problem(subject, cause, "run it again when whoever does that has ended")])
    if isinstance(error, PassingError) and secret:
        cause = f"the API server is not able to answer ({_code(error)})"
        return PassingError(error.status, Problem(subject, cause, error.problems[0].fix))
    if isinstance(error, ApiServerError):
        # Of the API server itself. That of a login has no words of it.
        return error
    message = error.message_of_server
    cause = f"the API server refuses it: {message}" if message else error.problems[0].cause
    if secret:
        cause = f"the API server refuses it: {_code(error)}"
    match error.reason:
        case "Forbidden" if "exceeded quota" in message:
            fix = "raise the ResourceQuota that it names, or ask for less, and run it again"
        case "Forbidden":
            fix = "allow the user what it names (docs/rbac), and run it again"
        case "Invalid":
            fix = "correct the variable behind the field that it names; some fields of a running object cannot change"
        case "NotFound":
            fix = "check that the namespace exists, and that the cluster knows the kind"
        case _:
            fix = "correct what it names, and run it again"
    return ProblemError([Problem(subject, cause, fix)])


def _code(error: RefusedError) -> str:
    return f"HTTP {error.status}, {error.reason or 'refused'}"
