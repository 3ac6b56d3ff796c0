"""Runs the tasks of the roles of an agent on a stand-in for the edge (operator_stand_in.py), and says what they did."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
CHECKOUT = HERE.parents[1]

#: The tasks, what is different on the edge, and options of ansible-playbook.
Case = tuple[str, dict[str, Any], tuple[str, ...]]


@dataclass(frozen=True)
class Run:
    calls: list[dict[str, Any]]
    output: str
    succeeded: bool

    def of(self, *modules: str) -> list[dict[str, Any]]:
        return [call["arguments"] for call in self.calls if call["module"] in modules]

    @property
    def steps(self) -> list[str]:
        """What is changed, and what is waited for in between."""
        return [step for call in self.calls for step in _steps(call["module"], call["arguments"])]

    @property
    def written(self) -> list[str]:
        """The same without what a task only tries."""
        return [step for call in self.calls if call["written"] for step in _steps(call["module"], call["arguments"])]


Runs = Callable[[str], Run]


def done(found: Run) -> Run:
    assert found.succeeded, found.output
    return found


def _steps(module: str, arguments: dict[str, Any]) -> list[str]:
    if module == "migration_gate":
        labels = arguments.get("config", {}).get("global", {}).get("external_labels", {})
        who = "new" if "thanos-agent" in arguments["selector"] else "old"
        return [" ".join(filter(None, (arguments["gate"], who, labels.get("cluster"))))]
    if module == "migration_record":
        return [f"record {key}" for key in ("rollback", "phase") if arguments.get(key)]
    if module == "agent_change":
        return [f"{arguments['state']} agent"] if arguments["state"] in {"present", "previous"} else []
    if module == "apply_objects" and arguments.get("state") != "pruned":
        return [step for item in arguments["objects"] for step in _applied(item, arguments)]
    return []


def _applied(item: dict[str, Any], arguments: dict[str, Any]) -> list[str]:
    if arguments.get("state") == "absent":
        return [f"delete {item['kind']}"]
    if item["kind"] == "PrometheusAgent":
        return [f"apply {item['spec']['externalLabels']['cluster']}"]
    if item["kind"] == "StatefulSet":
        adopted = arguments.get("adopt")
        return [f"scale old to {item['spec']['replicas']}" if adopted else f"deploy {item['metadata']['name']}"]
    return []


def collection(place: Path, stand_in: Path) -> Path:
    """The collection by links, with the stand-in for its modules but fleet_plan."""
    ours = place / "ansible_collections" / "miribit" / "thanos"
    actions = ours / "plugins" / "action"
    actions.mkdir(parents=True)
    for name in ("galaxy.yml", "meta", "roles"):
        (ours / name).symlink_to(CHECKOUT / name)
    for folder in CHECKOUT.glob("plugins/*"):
        if folder.name != actions.name:
            (ours / "plugins" / folder.name).symlink_to(folder)
    for module in CHECKOUT.glob("plugins/modules/*.py"):
        own = CHECKOUT / "plugins" / "action" / module.name
        (actions / module.name).symlink_to(own if module.stem == "fleet_plan" else stand_in)
    return place


@contextmanager
def running(cases: Mapping[str, Case], place: Path) -> Iterator[Runs]:
    """Start every case, two at a time, and give each once it is there."""
    outside = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    collections = collection(place / "collections", HERE / "operator_stand_in.py")

    def start(name: str) -> Run:
        tasks, case, options = cases[name]
        calls = place / f"{name}.jsonl"
        env = {
            **outside,
            "ANSIBLE_COLLECTIONS_PATH": str(collections),
            "ANSIBLE_LOCAL_TEMP": str(place / "tmp"),
            "ANSIBLE_NOCOLOR": "1",
            "OPERATOR_CALLS": str(calls),
        }
        given = {"operator_tasks": tasks, "operator_case": case, "__prometheus_agent_operator_delay": 0}
        inventory = HERE / "operator_inventory.yml"
        command = ("ansible-playbook", f"--inventory={inventory}", "-e", json.dumps(given), *options)
        done = subprocess.run(
            (*command, str(HERE / "operator.yml")), env=env, capture_output=True, text=True, check=False
        )
        lines = calls.read_text().splitlines() if calls.exists() else []
        return Run([json.loads(line) for line in lines], done.stdout + done.stderr, done.returncode == 0)

    with ThreadPoolExecutor(2) as pool:
        futures: dict[str, Future[Run]] = {name: pool.submit(start, name) for name in cases}
        yield lambda name: futures[name].result()
