"""A filter that stands in for fleet_audit_report: it gives the report that the test wants rendered."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any


def fleet_audit_report(facts: list[dict[str, Any]], settings: dict[str, Any]) -> dict[str, Any]:
    """Writes down what it is given, each time."""
    with (Path(os.environ["AUDIT_FACTS"]) / "given.jsonl").open("a") as given:
        given.write(json.dumps({"facts": facts, "settings": settings}, default=dict) + "\n")
    report: dict[str, Any] = json.loads(Path(os.environ["AUDIT_REPORT"]).read_text())
    return {**report, "created": settings["created"]}


class FilterModule:
    def filters(self) -> dict[str, Callable[..., object]]:
        return {"fleet_audit_report": fleet_audit_report}
