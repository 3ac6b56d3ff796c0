"""In which order the form operator does what, from the tasks themselves. The edge is a stand-in."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
CHECKOUT = HERE.parents[1]

LABELS = {"cluster": "cluster-02"}
PROVING = {"cluster": "cluster-02-proving"}
OURS = {"app.kubernetes.io/managed-by": "miribit.thanos"}
OLD = {"kind": "StatefulSet", "namespace": "monitoring", "name": "prometheus-agent", "replicas": 1}
LEFT = {"name": "thanos-agent", "old": [OLD]}


def resource(labels: dict[str, str]) -> dict[str, Any]:
    return {"metadata": {"name": "thanos-agent", "labels": OURS}, "spec": {"replicas": 1, "externalLabels": labels}}


HANDED_OVER = {"replicas": 0, "resource": resource(LABELS), "rollback": {"agent_operator": LEFT}}
#: Of each case, the tasks, what is different on the edge, and options of ansible-playbook.
CASES: dict[str, tuple[str, dict[str, Any], tuple[str, ...]]] = {
    "never-delivered": ("main", {}, ()),
    "delivers": ("main", {"delivers": True}, ()),
    "ended-in-between": ("main", {**HANDED_OVER, "resource": resource(PROVING)}, ()),
    "handed-over": ("main", {**HANDED_OVER, "phase": "phase2"}, ()),
    "misses": ("main", {"targets": ["10.0.0.1:9100"]}, ()),
    "collides": ("main", {"checks": [{"name": "identity", "ok": False, "observed": "3 series up"}]}, ()),
    "operator-sleeps": ("main", {"operator_sleeps": True}, ()),
    "check": ("main", {"delivers": True}, ("--check",)),
    "back": ("rollback", HANDED_OVER, ()),
    "back-with-volume": ("rollback", {**HANDED_OVER, "delete_volumes": True}, ()),
    "nothing-to-go-back-to": ("rollback", {}, ()),
}


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


def _steps(module: str, arguments: dict[str, Any]) -> list[str]:
    if module == "migration_gate":
        labels = arguments.get("config", {}).get("global", {}).get("external_labels", {})
        who = "new" if "thanos-agent" in arguments["selector"] else "old"
        return [" ".join(filter(None, (arguments["gate"], who, labels.get("cluster"))))]
    if module == "migration_record":
        return [f"record {key}" for key in ("rollback", "phase") if arguments.get(key)]
    found = []
    for item in arguments["objects"] if module == "apply_objects" else ():
        if arguments.get("state") == "absent":
            found.append(f"delete {item['kind']}")
        elif item["kind"] == "PrometheusAgent":
            found.append(f"apply {item['spec']['externalLabels']['cluster']}")
        elif item["kind"] == "StatefulSet":
            found.append(f"scale old to {item['spec']['replicas']}")
    return found


@pytest.fixture(scope="module")
def collections(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The collection by links, with the stand-in for each of its modules but fleet_plan."""
    place = tmp_path_factory.mktemp("collections")
    ours = place / "ansible_collections" / "miribit" / "thanos"
    theirs = place / "ansible_collections" / "kubernetes" / "core" / "plugins" / "action"
    actions = ours / "plugins" / "action"
    for folder in (actions, theirs):
        folder.mkdir(parents=True)
    for name in ("galaxy.yml", "meta", "roles"):
        (ours / name).symlink_to(CHECKOUT / name)
    for folder in CHECKOUT.glob("plugins/*"):
        if folder.name != actions.name:
            (ours / "plugins" / folder.name).symlink_to(folder)
    for module in CHECKOUT.glob("plugins/modules/*.py"):
        own = CHECKOUT / "plugins" / "action" / module.name
        (actions / module.name).symlink_to(own if module.stem == "fleet_plan" else HERE / "operator_stand_in.py")
    (theirs / "k8s_info.py").symlink_to(HERE / "operator_stand_in.py")
    return place


@pytest.fixture(scope="module")
def run(collections: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Start every case, two at a time, and give each once it is there."""
    outside = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    output = tmp_path_factory.mktemp("output")

    def start(name: str) -> Run:
        tasks, case, options = CASES[name]
        calls = output / f"{name}.jsonl"
        env = {
            **outside,
            "ANSIBLE_COLLECTIONS_PATH": str(collections),
            "ANSIBLE_LOCAL_TEMP": str(output / "tmp"),
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
        futures: dict[str, Future[Run]] = {name: pool.submit(start, name) for name in CASES}
        yield lambda name: futures[name].result()


Runs = Callable[[str], Run]


def done(found: Run) -> Run:
    assert found.succeeded, found.output
    return found


def test_beside_an_agent_that_never_delivered_it_starts_as_itself(run: Runs) -> None:
    assert done(run("never-delivered")).steps == [
        "record phase",
        "apply cluster-02",
        "delivers new cluster-02",
        "record rollback",
        "before_restart old",
        "scale old to 0",
        "record phase",
    ]


def test_beside_one_that_delivers_it_starts_as_another_cluster_and_takes_over_last(run: Runs) -> None:
    assert done(run("delivers")).steps == [
        "record phase",
        "apply cluster-02-proving",
        "delivers new cluster-02-proving",
        "record rollback",
        "before_restart old",
        "scale old to 0",
        "delivers new cluster-02-proving",
        "before_restart new",
        "apply cluster-02",
        "delivers new cluster-02",
        "record phase",
    ]


def test_between_leaving_and_taking_over_queries_forget_the_old_samples(run: Runs) -> None:
    gates = [gate for gate in run("delivers").of("migration_gate") if gate["gate"] == "delivers"]
    assert [gate["hold"] for gate in gates] == [30, 300, 30]
    assert gates[1]["timeout"] == 600 + 300


def test_a_run_that_was_ended_in_between_goes_on_where_it_was(run: Runs) -> None:
    steps = done(run("ended-in-between")).steps
    assert "scale old to 0" not in steps
    assert steps[-5:] == [
        "delivers new cluster-02-proving",
        "before_restart new",
        "apply cluster-02",
        "delivers new cluster-02",
        "record phase",
    ]


def test_where_it_was_handed_over_before_nobody_leaves_and_nothing_new_is_recorded(run: Runs) -> None:
    steps = done(run("handed-over")).steps
    assert not [step for step in steps if step.startswith("scale")]
    assert steps[-1] == "delivers new cluster-02"


def test_the_old_agent_is_scaled_without_our_labels_and_as_another_field_manager(run: Runs) -> None:
    [scaled] = [call for call in run("never-delivered").of("apply_objects") if call.get("adopt")]
    assert scaled["objects"] == [
        {
            "apiVersion": "apps/v1",
            "kind": "StatefulSet",
            "metadata": {"name": "prometheus-agent", "namespace": "monitoring"},
            "spec": {"replicas": 0},
        }
    ]
    assert scaled["field_manager"] == "miribit.thanos.replicas"


def test_every_change_needs_the_lock(run: Runs) -> None:
    for name in ("delivers", "back-with-volume"):
        assert all(call["lock"] for call in run(name).of("apply_objects", "migration_gate", "rollout"))


@pytest.mark.parametrize("case", ["delivers", "back-with-volume"])
def test_each_call_names_the_cluster_that_it_is_for(run: Runs, case: str) -> None:
    """Those of the record the central one, and none the kubeconfig of the other."""
    for call in run(case).calls:
        central = call["module"] == "migration_record"
        wanted = (None, "cluster-01") if central else ("/of/the/edge", "cluster-02")
        assert (call["arguments"].get("kubeconfig"), call["arguments"].get("context")) == wanted, call


@pytest.mark.parametrize(
    ("case", "why"),
    [
        ("misses", "job a: 1 target, such as 10.0.0.2:8080/metrics"),
        ("collides", "queries count twice"),
    ],
)
def test_nobody_leaves_before_it_is_proven(run: Runs, case: str, why: str) -> None:
    found = run(case)
    assert not found.succeeded
    assert "scale old to 0" not in found.steps
    assert why in found.output
    assert "Nothing was taken away" in found.output


def test_an_operator_that_makes_nothing_is_told(run: Runs) -> None:
    found = run("operator-sleeps")
    assert not found.succeeded
    assert "made no StatefulSet prom-agent-thanos-agent" in found.output


def test_check_mode_shows_what_would_be_applied_and_who_would_leave(run: Runs) -> None:
    found = done(run("check"))
    assert not any(call["written"] for call in found.calls)
    changes = [step for step in found.steps if step.startswith(("apply", "scale"))]
    assert changes == ["apply cluster-02-proving", "scale old to 0"]


def test_on_the_way_back_the_new_agent_goes_first(run: Runs) -> None:
    assert done(run("back")).steps == [
        "before_restart new",
        "delete PrometheusAgent",
        "scale old to 1",
        "record rollback",
    ]


def test_its_volume_goes_only_when_that_is_asked_for(run: Runs) -> None:
    claims = [item for call in run("back-with-volume").of("apply_objects") for item in call["objects"]]
    assert [item["metadata"]["name"] for item in claims if item["kind"] == "PersistentVolumeClaim"] == [
        "prom-agent-thanos-agent-db-prom-agent-thanos-agent-0"
    ]
    assert "delete PersistentVolumeClaim" not in run("back").steps


def test_where_nothing_was_handed_over_nothing_goes_back(run: Runs) -> None:
    assert done(run("nothing-to-go-back-to")).steps == []
