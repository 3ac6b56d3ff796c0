# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Callable

from ansible.errors import AnsibleFilterError

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.hashring.ketama import SECTIONS
from ansible_collections.miribit.thanos.plugins.module_utils.hashring.series_owners import series_per_endpoint


def receive_distribution(
    rings: object, tenant: object, series: object, replication_factor: object, sections: object = SECTIONS
) -> dict[str, int]:
    """The documentation is in receive_distribution.yml."""
    try:
        return series_per_endpoint(rings, tenant, series, replication_factor, sections)
    except ProblemError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    def filters(self) -> dict[str, Callable[..., object]]:
        return {"receive_distribution": receive_distribution}
