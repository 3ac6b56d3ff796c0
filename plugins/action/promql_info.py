# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from ansible_collections.miribit.thanos.plugins.module_utils.kube.proxy import ProxyTarget
from ansible_collections.miribit.thanos.plugins.module_utils.kube.session import access_spec, session_of
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.query import InstantQuery, Prometheus
from ansible_collections.miribit.thanos.plugins.plugin_utils.cluster_action import ClusterAction, Result, Spec


class ActionModule(ClusterAction):
    """The documentation is in the module promql_info."""

    spec: ClassVar[Spec] = {
        **access_spec(),
        "namespace": {"type": "str", "required": True},
        "service": {"type": "str"},
        "pod": {"type": "str"},
        "port": {"type": "str", "required": True},
        "scheme": {"type": "str", "choices": ["http", "https"], "default": "http"},
        "path_prefix": {"type": "str", "default": ""},
        "query": {"type": "str", "required": True},
        "time": {"type": "str"},
        "timeout": {"type": "int", "default": 30},
        "dedup": {"type": "bool"},
        "partial_response": {"type": "bool"},
    }
    constraints: ClassVar[Mapping[str, object]] = {
        "mutually_exclusive": [("service", "pod")],
        "required_one_of": [("service", "pod")],
    }

    def work(self, options: Result) -> Result:
        kind: Literal["service", "pod"] = "service" if options["service"] is not None else "pod"
        place = {name: options[name] for name in ("namespace", "port", "scheme", "path_prefix")}
        target = ProxyTarget(kind=kind, name=options[kind], **place)
        names = ("query", "time", "timeout", "dedup", "partial_response")
        query = InstantQuery(**{name: options[name] for name in names})
        answer = Prometheus(session_of(options), target).instant(query)
        self.warn(answer.warnings)
        return {
            "result": [sample.as_dict() for sample in answer.samples],
            "result_type": answer.result_type,
            "query_warnings": list(answer.warnings),
            "query_infos": list(answer.infos),
        }
