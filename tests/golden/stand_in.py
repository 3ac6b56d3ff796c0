"""An action plugin that stands in for every module that talks to a cluster: it writes down what it is asked for.

To the roles, the cluster is empty but for the Secret of the bucket, and what a case has in golden_edge.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase

# The value that tests look for where no secret may be.
BUCKET = "dHlwZTogUzMgIyBkdW1teS1zZWNyZXQtb2YtdGhlLWJ1Y2tldA=="

ANSWERS: dict[str, dict[str, Any]] = {
    "cluster_access": {"problems": [], "warnings_found": []},
    "edge_info": {"agents": [], "servers": [], "node_exporters": [], "kube_state_metrics": [], "unseen": []},
    "migration_record": {"record": {"objects": {}}},
}


class ActionModule(ActionBase):
    """Named by a link as each of the modules."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        module = self._task.resolved_action.rpartition(".")[2].removeprefix("_")
        arguments = dict(self._task.args)
        variables = task_vars or {}
        host = variables["inventory_hostname"]
        edge = "" if host in variables["groups"]["central"] else host
        with Path(os.environ["GOLDEN_CALLS"]).open("a") as calls:
            calls.write(json.dumps({"edge": edge, "module": module, "arguments": arguments}) + "\n")
        found = variables.get("golden_edge", {}) if module == "edge_info" else {}
        return {**result, "changed": False, **_answer(module, arguments), **found}


def _answer(module: str, arguments: dict[str, Any]) -> dict[str, Any]:
    if module == "object_info":
        # Of an earlier run, so that it may be replaced.
        metadata = {"name": arguments.get("name"), "labels": {"app.kubernetes.io/managed-by": "miribit.thanos"}}
        secret = {"metadata": metadata, "data": {"objstore.yml": BUCKET}}
        return {"resources": [secret] if arguments["kind"] == "Secret" else []}
    return ANSWERS.get(module, {})
