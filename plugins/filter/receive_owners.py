# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Callable

from ansible.errors import AnsibleFilterError

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.hashring.ketama import SECTIONS
from ansible_collections.miribit.thanos.plugins.module_utils.hashring.series_owners import series_owners


def receive_owners(
    rings: object, tenant: object, labels: object, replication_factor: object, sections: object = SECTIONS
) -> list[str]:
    """The documentation is in receive_owners.yml."""
    try:
        return series_owners(rings, tenant, labels, replication_factor, sections)
    except ProblemError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    def filters(self) -> dict[str, Callable[..., object]]:
        return {"receive_owners": receive_owners}
