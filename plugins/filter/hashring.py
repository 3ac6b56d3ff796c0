# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Callable, Sequence

from ansible.errors import AnsibleFilterError
from ansible.utils.display import Display

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.hashring.spec import plan


def hashring(
    spec: object,
    namespace: str,
    cluster_domain: str = "cluster.local",
    *,
    replication_factor: int = 3,
    tenants: Sequence[str] = (),
    router_only: bool = True,
) -> list[dict[str, object]]:
    """The documentation is in hashring.yml."""
    options = {
        "namespace": namespace,
        "cluster_domain": cluster_domain,
        "replication_factor": replication_factor,
        "tenants": tenants or [],
        "router_only": router_only,
    }
    try:
        planned = plan(spec, options)
    except ProblemError as error:
        raise AnsibleFilterError(str(error)) from error
    for warning in planned.warnings:
        Display().warning(str(warning))
    return planned.content()


class FilterModule:
    def filters(self) -> dict[str, Callable[..., object]]:
        return {"hashring": hashring}
