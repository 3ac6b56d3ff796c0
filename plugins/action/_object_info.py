# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import ClassVar

from ansible_collections.miribit.thanos.plugins.module_utils.kube.objects import PODS, Objects
from ansible_collections.miribit.thanos.plugins.module_utils.kube.rendered import RESOURCES
from ansible_collections.miribit.thanos.plugins.module_utils.kube.session import access_spec, session_of
from ansible_collections.miribit.thanos.plugins.plugin_utils.cluster_action import ClusterAction, Result, Spec

_KINDS = {**RESOURCES, "Pod": PODS}


class ActionModule(ClusterAction):
    """The documentation is in the module _object_info."""

    spec: ClassVar[Spec] = {
        **access_spec(),
        "kind": {"type": "str", "choices": list(_KINDS), "required": True},
        "namespace": {"type": "str", "required": True},
        "name": {"type": "str"},
        "selector": {"type": "str", "default": ""},
        "lock": {"type": "dict"},
    }

    def work(self, options: Result) -> Result:
        resource, namespace = _KINDS[options["kind"]], options["namespace"]
        objects = Objects(session_of(options))
        with self.lock_kept(options["lock"]):
            if options["name"] is None:
                found = objects.find(resource, namespace, options["selector"])
            else:
                one = objects.get(resource, namespace, options["name"])
                found = [one] if one else []
        return {"resources": found, "api_found": bool(found) or objects.knows(resource)}
