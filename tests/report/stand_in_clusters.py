"""An action plugin that stands in for the module fleet_audit: it answers what the test says of a cluster."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    """Writes down what it is asked for. A cluster of which there is no answer makes it fail."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        folder = Path(os.environ["AUDIT_FACTS"])
        arguments = dict(self._task.args)
        (folder / f"{arguments['cluster']}.asked").write_text(json.dumps(arguments))
        facts = folder / f"{arguments['cluster']}.json"
        if not facts.exists():
            return {
                **result,
                "failed": True,
                "msg": "it has fallen over: {{ lookup('ansible.builtin.pipe', 'echo templated') }}",
            }
        return {**result, "changed": False, "facts": json.loads(facts.read_text())}
