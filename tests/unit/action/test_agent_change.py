"""The action agent_change: what it runs, in which order, and what it tells.

The record is a real one on a stand-in for the central cluster, and apply_objects the real action. kubernetes.core, the
edge and the lock stand aside: they have tests of their own, and the lab.
"""

from __future__ import annotations

import json
from typing import Any
from unittest.mock import MagicMock

import pytest
import yaml
from agent_texts import AUDITED, DEAD, SECRET
from ansible.playbook.task import Task
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from object_server import ObjectServer

from ansible_collections.miribit.thanos.plugins.action import _agent_change as agent_change
from ansible_collections.miribit.thanos.plugins.action import _apply_objects as apply_objects
from ansible_collections.miribit.thanos.plugins.module_utils.base.facts import as_facts
from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.kube import session
from ansible_collections.miribit.thanos.plugins.module_utils.migration import store
from ansible_collections.miribit.thanos.plugins.module_utils.migration.lease import LOCK_NAME, Lock, Run
from ansible_collections.miribit.thanos.plugins.module_utils.migration.record import read_rollback
from ansible_collections.miribit.thanos.plugins.module_utils.remote_write.model import Spec
from ansible_collections.miribit.thanos.plugins.modules import _agent_change as documented

Result = dict[str, Any]

IMAGE = "quay.io/prometheus/prometheus:v2.48.0"
ARGS = ["--config.file=/etc/prometheus/prometheus.yml", "--enable-feature=agent"]
NOBODY = {"kind": "none", "namespace": None, "name": None, "custom_resource": None}
RUN = {"id": "3f9a1c2e", "owner": "root@host1"}
LOCK = {"context": "cluster-01", "namespace": "monitoring", "run": RUN}
RECORD = {"context": "cluster-01", "namespace": "monitoring", "cluster": "cluster-03"}
ACCESS = {"kubeconfig": "/edge/kubeconfig", "context": "cluster-03"}
SPEC = as_facts(Spec("http://192.168.101.210:19291/api/v1/receive", {"cluster": "cluster-03"}, access={}))
PROBLEM = {"subject": "it", "cause": "because", "fix": "mend it"}
FAILED = {"failed": True, "msg": "it: because", "problems": [PROBLEM], "invocation": {"module_args": {"text": SECRET}}}
CRASHED = {"failed": True, "msg": f"ValueError: {SECRET}", "module_stderr": SECRET, "exception": SECRET, "rc": 1}

SECRETIVE = f"""\
scrape_configs:
  - job_name: a
    bearer_token: {SECRET}
    basic_auth: {{username: anna, password: '1{SECRET}'}}  # password: 2{SECRET}
    tls_config:
      key: |
        3{SECRET}
        4{SECRET}
remote_write:
  - url: https://anna:5{SECRET}@saas.example/push?tenant=6{SECRET}
    headers: {{Authorization: Bearer 7{SECRET}, X-Key: 8{SECRET}}}
  - url: {DEAD}
    authorization: {{credentials: 9{SECRET}}}
"""


def agent(text: str = AUDITED, **more: Any) -> Result:
    """As module _edge_info returns it."""
    return {
        "id": "StatefulSet monitoring/prometheus-agent [agent]",
        "workload": {"kind": "StatefulSet", "namespace": "monitoring", "name": "prometheus-agent"},
        "container": "agent",
        "image": IMAGE,
        "version": "2.48.0",
        "replicas": {"wanted": 1, "ready": 1},
        "selector": "app=prometheus-agent",
        "labels": {},
        "owner": NOBODY,
        "command": [],
        "args": ARGS,
        "annotations": {},
        "volumes": ["config"],
        "config": {"kind": "ConfigMap", "namespace": "monitoring", "name": "config", "key": "prometheus.yml"},
        "config_owner": NOBODY,
        "immutable": False,
        "text": text,
        "targets": [],
        "running": [{"pod": "prometheus-agent-0", "text": text, "version": "2.48.0", "queues": []}],
        **more,
    }


class Edge:
    """An edge and its record, as the modules find them. It keeps what was run, and what was applied."""

    def __init__(self, central: ObjectServer) -> None:
        self.central = central
        self.agents = [agent()]
        self.unseen: list[Result] = []
        self.ran: list[str] = []
        self.arguments: list[Result] = []
        self.silent: list[bool] = []
        self.applied: list[Result] = []
        self.warnings: list[str] = []
        #: What modules answer instead, by their names.
        self.answers: dict[str, Result] = {}

    def run_module(self, action: ActionBase, module_name: str, arguments: Result) -> Result:
        name = module_name.rpartition(".")[2].removeprefix("_")
        state = arguments.get("state")
        self.ran.append(f"{name} {state}" if state and name != "k8s" else name)
        self.arguments.append(arguments)
        self.silent.append(bool(action._task.no_log))
        if name in self.answers:
            return self.answers[name]
        return getattr(self, f"_{name}")(arguments, bool(action._task.check_mode), bool(action._task.no_log))  # type: ignore[no-any-return]

    def _edge_info(self, _arguments: Result, *_task: bool) -> Result:
        exporters: Result = {name: [] for name in ("servers", "node_exporters", "kube_state_metrics", "operators")}
        return {"agents": json.loads(json.dumps(self.agents)), **exporters, "unseen": self.unseen}

    def _migration_record(self, arguments: Result, check_mode: bool, no_log: bool) -> Result:
        options = dict.fromkeys(("kubeconfig", "phase", "evidence", "objects", "objects_added", "rollback", "run"))
        more = {"state": "read", "back": False, "rollback_wanted": False, "force": False}
        try:
            found = store.carry_out({**options, **more, **arguments}, check_mode=check_mode, no_log=no_log)
        except ProblemError as error:
            return {"failed": True, "msg": str(error), "problems": error.as_dicts()}
        return {key: value for key, value in found.items() if key != "problems"}

    def _migration_lock(self, _arguments: Result, *_task: bool) -> Result:
        return {"changed": False}

    def _agent_config_check(self, _arguments: Result, check_mode: bool, *_task: bool) -> Result:
        return {"changed": False, "checked": not check_mode}

    def _k8s(self, arguments: Result, check_mode: bool, *_task: bool) -> Result:
        objects = arguments["resource_definition"]
        if not check_mode:
            self.applied += objects
        # With all that the API server says of an object.
        return {"changed": True, "result": {"results": [{"changed": True, "result": one} for one in objects]}}

    def take(self) -> None:
        """What was applied is there, and the pods have started again."""
        source, workload = self.applied[-2:]
        (text,) = source["data"].values()
        template = workload["spec"]["template"]
        (content,) = template["spec"]["containers"]
        self.agents = [
            agent(
                text,
                annotations=template.get("metadata", {}).get("annotations", {}),
                image=content["image"],
                args=content["args"],
            )
        ]


@pytest.fixture
def edge(monkeypatch: pytest.MonkeyPatch) -> Edge:
    central = ObjectServer()
    monkeypatch.setattr(session, "session", lambda *_access: central)
    made = Edge(central)

    def execute(self: ActionBase, module_name: str, module_args: Result, **_others: object) -> Result:
        return made.run_module(self, module_name, module_args)

    monkeypatch.setattr(ActionBase, "_execute_module", execute)
    monkeypatch.setattr(Display, "warning", lambda _self, text: made.warnings.append(text))
    Lock(central, "monitoring", LOCK_NAME, Run(RUN["id"], RUN["owner"])).acquire(300, lambda _pid: None, final=False)
    central.requests.clear()
    return made


def action(check_mode: bool = False, **options: object) -> agent_change.ActionModule:
    task = Task()
    task.action = "miribit.thanos._agent_change"
    task.args = {**ACCESS, "namespace": "monitoring", "spec": SPEC, "record": RECORD, "lock": LOCK, **options}
    task.check_mode, task.no_log, task.async_val = check_mode, False, 0
    one = agent_change.ActionModule(task, MagicMock(), MagicMock(), MagicMock(), MagicMock(), MagicMock())
    known = {"miribit.thanos._apply_objects": apply_objects}
    loaders = MagicMock()
    loaders.action_loader.get = lambda name, **given: known[name].ActionModule(**given)
    # The collection is not installed where Ansible looks for it.
    one._shared_loader_obj = loaders
    return one


def change(state: str, check_mode: bool = False, **options: object) -> Result:
    """Run it. What it returns can be written as JSON, and its task is as it was."""
    one = action(check_mode, state=state, **options)
    result = one.run(task_vars={"inventory_hostname": "cluster-03"})
    assert (one._task.no_log, one._task.args["state"]) == (False, state)
    assert SECRET not in json.dumps(result)
    return dict(result)


READ = ["edge_info", "migration_record"]
RECORDED = "migration_record present"
HELD = "migration_lock held"


def kept(edge: Edge) -> Result:
    """What the record holds for going back."""
    secret = next((item for path, item in edge.central.objects.items() if "/secrets/" in path), None)
    return read_rollback(secret, "it")[0]


# Planned, checked.


def test_planned_tells_what_would_be_and_changes_nothing(edge: Edge) -> None:
    result = change("planned")
    assert (result["state"], result["changed"], "diff" in result) == ("out_of_sync", False, False)
    assert result["changes"][3] == f"The queue to {DEAD} ends, with what it has not sent"
    assert (edge.ran, edge.applied, edge.central.writes()) == (READ, [], [])
    assert edge.arguments[0] == {**ACCESS, "namespace": "monitoring", "texts": True, "targets": True}
    assert edge.arguments[1] == {**RECORD, "rollback_wanted": True}


def test_what_could_not_be_seen_is_told(edge: Edge) -> None:
    edge.unseen = [{"subject": "pods in cluster-03", "cause": "those of shop are not seen", "fix": "allow it"}]
    change("planned")
    assert edge.warnings[-1] == "Host cluster-03, pods in cluster-03: those of shop are not seen. Fix: allow it."


def test_warnings_are_told_once_and_of_their_host(edge: Edge) -> None:
    edge.agents = [agent(owner={**NOBODY, "kind": "helm", "name": "agent"})]
    change("checked")
    assert edge.warnings[0].startswith("Host cluster-03, StatefulSet monitoring/prometheus-agent [agent]: the Helm")
    said = list(edge.warnings)
    change("present")
    assert edge.warnings == said


@pytest.mark.parametrize("check_mode", [False, True])
def test_checked_lets_promtool_look_at_what_would_be_written(edge: Edge, check_mode: bool) -> None:
    result = change("checked", check_mode, image=IMAGE.replace("2.48.0", "3.15.0"), version="3.15.0")
    assert edge.ran == [*READ, "agent_config_check"]
    arguments = edge.arguments[-1]
    assert {**arguments, "text": ""} == {
        **ACCESS,
        "namespace": "monitoring",
        "image": IMAGE.replace("2.48.0", "3.15.0"),
        "text": "",
    }
    assert "192.168.101.210" in arguments["text"]
    assert (result["changed"], result["state"], edge.central.writes()) == (False, "out_of_sync", [])


def test_what_promtool_finds_fails_the_task(edge: Edge) -> None:
    edge.answers["agent_config_check"] = FAILED
    result = change("checked")
    assert (result["failed"], result["msg"], result["problems"]) == (True, "it: because", [PROBLEM])


@pytest.mark.parametrize("state", ["checked", "present", "previous"])
@pytest.mark.parametrize(
    "found",
    [[], [agent(labels={"app.kubernetes.io/managed-by": "miribit.thanos"})]],
    ids=["missing", "own"],
)
def test_where_nothing_is_to_be_changed_nothing_is_run(edge: Edge, state: str, found: list[Result]) -> None:
    edge.agents = found
    result = change(state)
    assert (result["changed"], edge.ran) == (False, READ)


# Present.


def test_the_way_back_is_recorded_before_anything_is_applied(edge: Edge) -> None:
    result = change("present")
    assert edge.ran == [*READ, RECORDED, HELD, "k8s"]
    assert edge.arguments[2]["run"] == RUN
    assert kept(edge)["agent"]["text"] == AUDITED
    assert [item["kind"] for item in edge.applied] == ["ConfigMap", "StatefulSet"]
    assert (result["changed"], result["state"]) == (True, "out_of_sync")
    assert [diff["before_header"] for diff in result["diff"]] == [
        "ConfigMap monitoring/config, prometheus.yml",
        "StatefulSet monitoring/prometheus-agent",
    ]


def test_what_is_changed_stays_somebody_elses(edge: Edge) -> None:
    change("present")
    assert all("labels" not in item["metadata"] for item in edge.applied)
    arguments = edge.arguments[-1]
    assert (arguments["context"], arguments["kubeconfig"]) == ("cluster-03", "/edge/kubeconfig")
    assert arguments["server_side_apply"] == {"field_manager": "miribit.thanos", "force_conflicts": True}


def test_no_module_that_gets_a_configuration_may_log_its_options(edge: Edge) -> None:
    change("checked")
    change("present")
    silent = dict(zip(edge.ran, edge.silent, strict=True))
    assert {name for name, hidden in silent.items() if not hidden} == {HELD}


def test_a_second_run_changes_nothing(edge: Edge) -> None:
    change("present")
    edge.take()
    edge.ran.clear()
    result = change("present")
    assert (result["changed"], result["state"], edge.ran) == (False, "in_sync", READ)


def test_a_run_that_was_killed_behind_the_record_is_finished(edge: Edge) -> None:
    edge.answers["k8s"] = FAILED
    assert change("present")["failed"]
    first = kept(edge)
    del edge.answers["k8s"]
    assert change("present")["changed"]
    assert kept(edge) == first


def test_the_first_state_stays_in_the_record(edge: Edge) -> None:
    change("present")
    edge.take()
    change("present", extra_scrape_configs=[{"job_name": "blackbox"}])
    assert kept(edge)["agent"]["text"] == AUDITED
    assert kept(edge)["agent_made"] == {"blocks": ["thanos"], "jobs": ["blackbox"]}


@pytest.mark.parametrize("state", ["present", "previous"])
def test_check_mode_changes_nothing_and_shows_what_would_change(edge: Edge, state: str) -> None:
    if state == "previous":
        change("present")
        edge.take()
    edge.applied.clear()
    written = edge.central.writes()
    edge.ran.clear()
    result = change(state, check_mode=True)
    assert (result["changed"], len(result["diff"])) == (True, 2)
    assert (edge.applied, edge.central.writes()) == ([], written)
    assert edge.ran == [*READ, *([RECORDED] if state == "present" else []), "k8s"]


def test_a_run_that_does_not_hold_the_lock_changes_nothing(edge: Edge) -> None:
    result = change("present", lock={**LOCK, "run": {"id": "another1", "owner": "b@c"}})
    assert (result["failed"], edge.ran, edge.applied) == (True, [*READ, RECORDED], [])
    assert result["msg"].startswith("Lock monitoring/miribit-thanos")
    assert kept(edge) == {}


@pytest.mark.parametrize("state", ["present", "previous"])
def test_a_lock_that_is_lost_before_it_is_applied_stops_it(edge: Edge, state: str) -> None:
    if state == "previous":
        change("present")
        edge.take()
    edge.applied.clear()
    edge.answers["migration_lock"] = FAILED
    result = change(state)
    assert (result["failed"], result["problems"], edge.ran[-1], edge.applied) == (True, [PROBLEM], HELD, [])


def test_without_a_lock_it_is_not_asked_for(edge: Edge) -> None:
    assert change("present", lock=None)["changed"]
    assert edge.ran == [*READ, RECORDED, "k8s"]


# Previous.


def test_the_previous_agent_comes_back_and_nothing_is_recorded(edge: Edge) -> None:
    change("present")
    edge.take()
    written, before = edge.central.writes(), kept(edge)
    edge.ran.clear()
    result = change("previous")
    assert (result["changed"], edge.ran) == (True, [*READ, HELD, "k8s"])
    assert edge.applied[-2]["data"]["prometheus.yml"] == AUDITED
    assert (edge.central.writes(), kept(edge)) == (written, before)
    edge.take()
    again = change("previous")
    assert (again["changed"], again["state"]) == (False, "in_sync")


def test_without_a_way_back_nothing_goes_back(edge: Edge) -> None:
    result = change("previous")
    assert (result["changed"], result["state"], result["agent"], edge.ran) == (False, "in_sync", None, READ)


@pytest.mark.parametrize(("phase", "delivered"), [(None, False), ("phase1", False), ("phase2", True), ("phase3", True)])
def test_the_record_tells_whether_the_edge_has_delivered(edge: Edge, phase: str | None, delivered: bool) -> None:
    if phase:
        edge._migration_record({**RECORD, "state": "present", "phase": phase}, False, True)
    assert change("planned")["delivered_before"] is delivered
    assert change("previous")["delivered_before"] is delivered


@pytest.mark.parametrize("key", ["agent", "agent_made"])
@pytest.mark.parametrize("state", ["planned", "present", "previous"])
def test_a_way_back_that_cannot_be_read_is_not_taken_for_none(edge: Edge, key: str, state: str) -> None:
    change("present")
    secret = next(item for path, item in edge.central.objects.items() if "/secrets/" in path)
    secret["data"][key] = "?"
    edge.ran.clear()
    result = change(state)
    assert (result["failed"], edge.ran) == (True, READ)
    assert result["msg"] == (
        f"Secret monitoring/miribit-thanos-record-cluster-03: its key {key} cannot be read, and there is the way back. "
        "Fix: restore it, or take the key out to do without."
    )


def test_a_record_that_cannot_be_read_is_not_overwritten(edge: Edge) -> None:
    edge._migration_record({**RECORD, "state": "present", "phase": "phase1"}, False, True)
    record = next(item for path, item in edge.central.objects.items() if "/configmaps/" in path)
    record["data"]["record.json"] = "{"
    result = change("present")
    assert (result["failed"], edge.applied) == (True, [])
    assert "its record.json is no JSON" in result["msg"]


# Failures, and secrets.


@pytest.mark.parametrize("module", ["edge_info", "migration_record", "agent_config_check", "migration_lock", "k8s"])
def test_a_module_that_fails_ends_it_without_a_word_of_its_options(edge: Edge, module: str) -> None:
    edge.answers[module] = {**FAILED, "msg": "it: because", "diff": SECRET, "result": SECRET}
    result = change("checked" if module == "agent_config_check" else "present")
    assert result["failed"]
    assert result["problems"][0]["fix"]
    assert (result.get("diff"), edge.applied) == (None, [])


@pytest.mark.parametrize("module", ["edge_info", "migration_record", "agent_config_check", "k8s"])
def test_a_module_that_crashes_with_a_configuration_is_not_quoted(edge: Edge, module: str) -> None:
    edge.answers[module] = CRASHED
    result = change("checked" if module == "agent_config_check" else "present")
    assert result["failed"]
    assert result["problems"][0]["cause"]
    assert edge.applied == []


def test_a_library_that_is_missing_is_told(edge: Edge) -> None:
    edge.answers["edge_info"] = {"failed": True, "msg": "Failed to import the required Python library (kubernetes)."}
    assert change("planned")["msg"] == (
        "Module _edge_info: Failed to import the required Python library (kubernetes). Fix: correct what it names."
    )


def test_a_refusal_of_the_api_server_quotes_nothing_of_a_configuration(edge: Edge) -> None:
    status = {"kind": "Status", "code": 422, "reason": "Invalid", "message": SECRET, "details": {"name": "config"}}
    edge.answers["k8s"] = {"failed": True, "msg": f"Failed to apply object: {json.dumps(status)}"}
    assert "HTTP 422, Invalid" in change("present")["msg"]


def test_what_is_wrong_is_told_before_anything_is_recorded(edge: Edge) -> None:
    edge.agents = [agent(immutable=True, replicas={"wanted": 0, "ready": 0})]
    result = change("present")
    assert (result["failed"], len(result["problems"]), edge.ran) == (True, 2, READ)
    assert result["msg"] == str(ProblemError([Problem(**problem) for problem in result["problems"]]))


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("check_mode", [True, False])
def test_no_secret_of_a_configuration_is_shown(edge: Edge, keep: bool, check_mode: bool) -> None:
    """change() looks at each result."""
    edge.agents = [agent(SECRETIVE)]
    for state in ("planned", "checked", "present"):
        assert change(state, check_mode, keep_remote_write=keep)["state"] == "out_of_sync"
    change("present")
    edge.take()
    result = change("previous", check_mode)
    assert "<secret>" in result["diff"][0]["before"]
    assert SECRET not in json.dumps(edge.warnings)
    assert kept(edge)["agent"]["text"] == SECRETIVE


def test_a_configuration_that_is_broken_is_not_quoted(edge: Edge) -> None:
    edge.agents = [agent(f"remote_write: [{SECRET}")]
    assert change("planned")["failed"]


# Documentation.


def test_the_options_are_those_of_the_documentation() -> None:
    written = yaml.safe_load(documented.DOCUMENTATION)["options"]
    access = {"kubeconfig", "context"}
    spec: Any = {name: option for name, option in documented.argument_spec().items() if name not in access}
    assert set(spec) == set(written)
    for name, option in spec.items():
        keys = ("type", "default", "required", "choices", "elements")
        assert {key: option.get(key) for key in keys} == {key: written[name].get(key) for key in keys}, name


@pytest.mark.parametrize("state", ["planned", "present"])
def test_what_is_documented_is_what_is_returned(edge: Edge, state: str) -> None:
    written = set(yaml.safe_load(documented.RETURN)) - {"problems"}
    assert set(change(state)) - {"changed", "diff"} == written
