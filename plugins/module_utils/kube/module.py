# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The frame of a module that works on clusters: its libraries, and its failure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NoReturn, TypeVar

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.kube import session

_Result = TypeVar("_Result")


def run(module: AnsibleModule, work: Callable[[], _Result], **libraries: bool) -> _Result:
    """Return the result of the work, or fail with its problems. Libraries beside kubernetes: name=installed."""
    require(module, **libraries)
    found = _done(work)
    # Not inside the handling of the exception: Ansible would then add its traceback when tracebacks are turned on, and
    # with it the texts of libraries, which can quote a kubeconfig.
    if isinstance(found, ProblemError):
        fail(module, found)
    return found


def require(module: AnsibleModule, **libraries: bool) -> None:
    """Fail if a library is missing."""
    for library, installed in {"kubernetes": session.HAS_KUBERNETES, **libraries}.items():
        if not installed:
            module.fail_json(msg=missing_required_lib(library))


def fail(module: AnsibleModule, error: ProblemError, result: Mapping[str, Any] | None = None) -> NoReturn:
    """Fail with problems, and with what is known all the same."""
    module.fail_json(msg=str(error), problems=error.as_dicts(), **(result or {}))


def _done(work: Callable[[], _Result]) -> _Result | ProblemError:
    try:
        return work()
    except ProblemError as error:
        return error
