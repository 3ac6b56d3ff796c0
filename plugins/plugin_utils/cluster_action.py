# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The frame of an action that works on clusters: in the process of its task, on sessions that live as long as that."""

from __future__ import annotations

import json
import os
import traceback
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from ansible.errors import AnsibleError
from ansible.module_utils.basic import missing_required_lib
from ansible.module_utils.common.parameters import remove_values
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.kube import session
from ansible_collections.miribit.thanos.plugins.module_utils.migration.keeper import Keeper, lock_of
from ansible_collections.miribit.thanos.plugins.module_utils.migration.store import carry_out, record_options

Result = dict[str, Any]
Spec = dict[str, dict[str, object]]


class FailedError(ProblemError):
    """Problems, with a result that is known all the same."""

    def __init__(self, problems: Iterable[Problem], result: Mapping[str, Any], text: str = "") -> None:
        super().__init__(tuple(problems))
        self.result = dict(result)
        self.text = text or str(self)


class ClusterAction(ActionBase):
    """Does the work of its module in this process: no copy of it is packed, sent and started.

    A subclass has the options that the module documents, and does the work. Problems become the failure of the task;
    their texts hold no secret. What the task's `environment` sets holds while it works, as it does for a module.
    """

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    _supports_diff = True

    #: The options, and what holds between them, as ArgumentSpecValidator takes both.
    spec: ClassVar[Spec]
    constraints: ClassVar[Mapping[str, object]] = {}

    def work(self, options: Result) -> Result:
        """Return the result. Raises ProblemError."""
        raise NotImplementedError

    def hidden(self, _options: Result) -> Iterable[str]:
        """What must be shown nowhere, although it was given."""
        return ()

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> Result:
        problems = self._misplaced()
        self._task_vars = task_vars or {}
        self._warnings: list[str] = []
        result: Result = {} if problems else super().run(tmp, task_vars)
        outcome = _failure(ProblemError(problems)) if problems else self._attempt()
        return {**result, **outcome}

    def lock_kept(self, lock: Result | None) -> Keeper:
        """Return what keeps the lock of these options of migration_lock. In check mode there is nothing to keep."""
        return Keeper(None if not lock or self.check_mode else lock_of(lock))

    def record(self, given: Mapping[str, Any], **more: object) -> Result:
        """Read or change a record, by options of migration_record and more of them. Its problems become warnings.

        The result may hold what is secret in it: it is for the task, not for whoever sees what the task returns.
        """
        result = carry_out(record_options(given, **more), check_mode=self.check_mode, no_log=True)
        self.warn(result.pop("problems"))
        return result

    def warn(self, texts: Iterable[object]) -> None:
        self._warnings += map(str, texts)

    @property
    def check_mode(self) -> bool:
        return bool(self._task.check_mode)

    def _attempt(self) -> Result:
        if not session.HAS_KUBERNETES:
            return {"failed": True, "msg": missing_required_lib("kubernetes")}
        hidden: list[str] = []
        with self._environment():
            try:
                options = self._validated()
                hidden += filter(None, self.hidden(options))
                outcome = {"changed": False, **self.work(options)}
            except FailedError as error:
                outcome = {**error.result, **_failure(error), "msg": error.text}
            except ProblemError as error:
                outcome = _failure(error)
            except AnsibleError:
                # Of options that are refused: its text is Ansible's own.
                raise
            except Exception as error:  # noqa: BLE001 - its text can quote anything, also a secret
                outcome = _failure(ProblemError([_defect(self._task.action, error)]))
        if self._warnings:
            outcome["warnings"] = self._warnings
        shown: Result = remove_values(outcome, hidden) if hidden else outcome
        return shown

    def _validated(self) -> Result:
        # Plain, as a module gets them: Ansible marks texts and containers with where they come from.
        self._task.args = json.loads(json.dumps(dict(self._task.args), default=str))
        _validation, options = self.validate_argument_spec(self.spec, **self.constraints)  # type: ignore[no-untyped-call]
        return dict(options)

    def _misplaced(self) -> list[Problem]:
        """Keywords of a task that would have no effect, or lead elsewhere than what was checked."""
        found = {
            "delegate_to": (self._task.delegate_to, "name the cluster in its options kubeconfig and context"),
            "become": (self._task.become, "the kubeconfig's user is the one that counts"),
            "async": (self._task.async_val, "give it the option timeout, if it waits"),
        }
        return [
            Problem(
                f"Keyword {name} of a task with {self._task.action}",
                "the task talks to a cluster from the controller, in the process of Ansible itself",
                f"leave {name} out; {instead}",
            )
            for name, (value, instead) in found.items()
            if value
        ]

    @contextmanager
    def _environment(self) -> Iterator[None]:
        """The environment of the task, such as what an exec plugin of the kubeconfig reads."""
        given: dict[str, object] = {}
        self._compute_environment_string(given)  # type: ignore[no-untyped-call]
        before = dict(os.environ)
        os.environ.update({str(name): str(value) for name, value in given.items()})
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)


def _defect(action: str, error: Exception) -> Problem:
    frames = traceback.extract_tb(error.__traceback__)
    # The lines of the program, without what it works on.
    Display().vvv("".join(traceback.format_list(frames)))
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}"
    fix = "report it, with the lines that -vvv shows; running it again is safe"
    return Problem(action, f"it has met what it does not know ({type(error).__name__} at {place})", fix)


def _failure(error: ProblemError) -> Result:
    return {"failed": True, "msg": str(error), "problems": error.as_dicts()}
