# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Callable

from ansible.errors import AnsibleFilterError

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem
from ansible_collections.miribit.thanos.plugins.module_utils.hashring.file import config_hash


def receive_config_hash(content: object) -> int:
    """The documentation is in receive_config_hash.yml."""
    if not isinstance(content, str):
        # A parsed file is refused, not serialised again: the hash is over the bytes as they stand in the file.
        problem = Problem(
            subject="Input of the filter miribit.thanos.receive_config_hash",
            cause=f"it must be the text of a hashring file, but it is of type {type(content).__name__}",
            fix="give the text as it stands in the file, for example the value in the ConfigMap's 'data', "
            "before any from_json",
        )
        raise AnsibleFilterError(str(problem))
    return config_hash(content)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., object]]:
        return {"receive_config_hash": receive_config_hash}
