# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar

from ansible_collections.miribit.thanos.plugins.module_utils.kube.session import access_spec
from ansible_collections.miribit.thanos.plugins.module_utils.probe.remote_write import CREDENTIALS
from ansible_collections.miribit.thanos.plugins.module_utils.probe.send import probe, result_of
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.query import query_spec
from ansible_collections.miribit.thanos.plugins.plugin_utils.cluster_action import (
    ClusterAction,
    FailedError,
    Result,
    Spec,
)


class ActionModule(ClusterAction):
    """The documentation is in the module remote_write_probe."""

    spec: ClassVar[Spec] = {
        **access_spec(),
        "namespace": {"type": "str", "required": True},
        "image": {"type": "str", "required": True},
        "url": {"type": "str", "required": True},
        "tenant": {"type": "str", "default": ""},
        "tenants": {"type": "list", "elements": "str"},
        "tenant_header": {"type": "str", "default": "X-Scope-OrgID"},
        "external_labels": {"type": "dict", "default": {}},
        "credentials": {"type": "dict", "options": {name: {"type": "str"} for name in (*CREDENTIALS, "username")}},
        "credentials_secret": {"type": "str"},
        "credentials_keys": {"type": "list", "elements": "str", "choices": list(CREDENTIALS)},
        "username": {"type": "str", "default": ""},
        "server_name": {"type": "str", "default": ""},
        "timeout": {"type": "int", "default": 150},
        "lock": {"type": "dict"},
        "query": query_spec(),
    }
    constraints: ClassVar[Mapping[str, object]] = {
        "mutually_exclusive": [("credentials", "credentials_secret"), ("tenant", "tenants")]
    }

    def hidden(self, options: Result) -> Iterable[str]:
        public = {"ca", "cert", "username"}
        for name, text in (options["credentials"] or {}).items():
            if text and name not in public:
                yield text
        # It is refused for the password that it may hold.
        if "@" in options["url"]:
            yield options["url"]

    def work(self, options: Result) -> Result:
        with self.lock_kept(options["lock"]):
            attempts, problems = probe(options, check_mode=self.check_mode)
        result = result_of(attempts, options)
        if problems:
            raise FailedError(problems, result)
        return result
