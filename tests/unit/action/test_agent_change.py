"""The action agent_change: what it does, in which order, and what it tells.

The record and the lock are real ones on a stand-in for the central cluster. What reads an edge, lets promtool check a
configuration and applies objects stands aside: it has tests of its own, and the lab.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml
from action_plugins import plugin_of
from agent_texts import AUDITED, DEAD, SECRET
from object_server import ObjectServer

from ansible_collections.miribit.thanos.plugins.action import _agent_change as agent_change
from ansible_collections.miribit.thanos.plugins.module_utils.agent.edge import Wish
from ansible_collections.miribit.thanos.plugins.module_utils.base.facts import as_facts
from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.kube import session
from ansible_collections.miribit.thanos.plugins.module_utils.kube.api import Session
from ansible_collections.miribit.thanos.plugins.module_utils.kube.apply import apply
from ansible_collections.miribit.thanos.plugins.module_utils.kube.objects import Objects
from ansible_collections.miribit.thanos.plugins.module_utils.migration import keeper
from ansible_collections.miribit.thanos.plugins.module_utils.migration.lease import LOCK_NAME, Lock, Run
from ansible_collections.miribit.thanos.plugins.module_utils.migration.record import read_rollback
from ansible_collections.miribit.thanos.plugins.module_utils.migration.store import carry_out, record_options
from ansible_collections.miribit.thanos.plugins.module_utils.remote_write.model import Spec
from ansible_collections.miribit.thanos.plugins.modules import _agent_change as documented
from ansible_collections.miribit.thanos.plugins.plugin_utils import cluster_action

Result = dict[str, Any]

IMAGE = "quay.io/prometheus/prometheus:v2.48.0"
ARGS = ["--config.file=/etc/prometheus/prometheus.yml", "--enable-feature=agent"]
NOBODY = {"kind": "none", "namespace": None, "name": None, "custom_resource": None}
RUN = {"id": "3f9a1c2e", "owner": "root@host1"}
LOCK = {"context": "cluster-01", "namespace": "monitoring", "run": RUN}
RECORD = {"context": "cluster-01", "namespace": "monitoring", "cluster": "cluster-03"}
ACCESS = {"kubeconfig": "/edge/kubeconfig", "context": "cluster-03"}
CENTRAL = {"kubeconfig": None, "context": "cluster-01"}
SPEC = as_facts(Spec("http://192.168.101.210:19291/api/v1/receive", {"cluster": "cluster-03"}, access={}))
PROBLEM = {"subject": "it", "cause": "because", "fix": "mend it"}

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
    """As the look at an edge returns it."""
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
    """An edge and its record. It keeps what was done, and what was applied."""

    def __init__(self, central: ObjectServer) -> None:
        self.central = central
        self.server = ObjectServer()
        self.server.cluster = "context cluster-03"
        self.agents = [agent()]
        self.unseen: list[Result] = []
        self.done: list[str] = []
        self.looked_for: list[Wish] = []
        self.recorded: list[Result] = []
        self.checked: list[tuple[str, str, str]] = []
        self.applied: list[Result] = []
        #: What happens instead, by what is done.
        self.instead: dict[str, Callable[[], object]] = {}

    def session(self, kubeconfig: str | None, context: str | None) -> ObjectServer:
        given = {"kubeconfig": kubeconfig, "context": context}
        return {str(ACCESS): self.server, str(CENTRAL): self.central}[str(given)]

    def collect(self, cluster: Session, wish: Wish) -> Result:
        self._does("look", cluster)
        self.looked_for.append(wish)
        exporters: Result = {name: [] for name in ("servers", "node_exporters", "kube_state_metrics", "operators")}
        return {"agents": json.loads(json.dumps(self.agents)), **exporters, "unseen": self.unseen}

    def carry_out(self, options: Result, *, check_mode: bool, no_log: bool) -> Result:
        self._does(f"record {options['state']}")
        self.recorded.append(options)
        return carry_out(options, check_mode=check_mode, no_log=no_log)

    def check(self, cluster: Session, namespace: str, image: str, text: str) -> None:
        self._does("promtool", cluster)
        self.checked.append((namespace, image, text))

    def held(self) -> None:
        self._does("lock")

    def apply(self, objects: Objects, items: list[Result], *, dry_run: bool, secret: bool) -> None:
        self._does("apply", objects.session)
        assert secret
        if not dry_run:
            self.applied += items

    def _does(self, what: str, cluster: Session | None = None) -> None:
        assert cluster in {None, self.server}
        self.done.append(what)
        self.instead.get(what, lambda: None)()

    def written(self) -> list[str]:
        """What was written of the record. The lock is written whenever it is looked after."""
        return [request for request in self.central.writes() if "/leases/" not in request]

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
def edge(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Edge]:
    central = ObjectServer()
    made = Edge(central)
    monkeypatch.setattr(session, "session", made.session)
    monkeypatch.setattr(keeper.Keeper, "check", made.held)
    monkeypatch.setattr(cluster_action, "carry_out", made.carry_out)
    for name in ("collect", "check", "apply"):
        monkeypatch.setattr(agent_change, name, getattr(made, name))
    Lock(central, "monitoring", LOCK_NAME, Run(RUN["id"], RUN["owner"])).acquire(300, lambda _pid: None, final=False)
    central.requests.clear()
    yield made
    shown = capsys.readouterr()
    assert SECRET not in shown.out + shown.err


def change(state: str, check_mode: bool = False, **options: object) -> Result:
    """Run it. What it returns can be written as JSON, and shows no secret."""
    given = {**ACCESS, "namespace": "monitoring", "spec": SPEC, "record": RECORD, "lock": LOCK, "state": state}
    one = plugin_of(agent_change.ActionModule, {**given, **options}, check_mode=check_mode)
    result = one.run(task_vars={"inventory_hostname": "cluster-03"})
    assert SECRET not in json.dumps(result)
    return dict(result)


def raises(error: Exception) -> Callable[[], None]:
    def stand_in() -> None:
        raise error

    return stand_in


FAILS = raises(ProblemError([Problem(**PROBLEM)]))
CRASHES = raises(ValueError(SECRET))
READ = ["look", "record read"]
RECORDED = "record present"
APPLIED = ["lock", "apply"]


def kept(edge: Edge) -> Result:
    """What the record holds for going back."""
    secret = next((item for path, item in edge.central.objects.items() if "/secrets/" in path), None)
    return read_rollback(secret, "it")[0]


# Planned, checked.


def test_planned_tells_what_would_be_and_changes_nothing(edge: Edge) -> None:
    result = change("planned")
    assert (result["state"], result["changed"], "diff" in result) == ("out_of_sync", False, False)
    assert result["changes"][3] == f"The queue to {DEAD} ends, with what it has not sent"
    assert (edge.done, edge.applied, edge.written()) == (READ, [], [])
    assert edge.looked_for == [Wish("monitoring", targets=True, texts=True)]
    assert edge.recorded == [record_options(RECORD, rollback_wanted=True)]


def test_what_could_not_be_seen_is_told(edge: Edge) -> None:
    edge.unseen = [{"subject": "pods in cluster-03", "cause": "those of shop are not seen", "fix": "allow it"}]
    told = change("planned")["warnings"]
    assert told[-1] == "Host cluster-03, pods in cluster-03: those of shop are not seen. Fix: allow it."


def test_warnings_are_told_once_and_of_their_host(edge: Edge) -> None:
    edge.agents = [agent(owner={**NOBODY, "kind": "helm", "name": "agent"})]
    told = change("checked")["warnings"]
    assert told[0].startswith("Host cluster-03, StatefulSet monitoring/prometheus-agent [agent]: the Helm")
    assert "warnings" not in change("present")


@pytest.mark.parametrize("check_mode", [False, True])
def test_checked_lets_promtool_look_at_what_would_be_written(edge: Edge, check_mode: bool) -> None:
    result = change("checked", check_mode, image=IMAGE.replace("2.48.0", "3.15.0"), version="3.15.0")
    assert (result["changed"], result["state"], edge.written()) == (False, "out_of_sync", [])
    # In check mode no pod is made.
    assert edge.done == (READ if check_mode else [*READ, "promtool"])
    for namespace, image, text in edge.checked:
        assert (namespace, image) == ("monitoring", IMAGE.replace("2.48.0", "3.15.0"))
        assert "192.168.101.210" in text


def test_what_promtool_finds_fails_the_task(edge: Edge) -> None:
    edge.instead["promtool"] = FAILS
    result = change("checked")
    assert (result["failed"], result["msg"], result["problems"]) == (True, "it: because. Fix: mend it.", [PROBLEM])


def test_the_lock_is_looked_after_while_promtool_looks(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "RENEWAL", 0.01)

    def looked_after() -> int:
        return len([request for request in edge.central.requests if "/leases/" in request])

    def takes_long() -> None:
        wanted, deadline = looked_after() + 3, time.monotonic() + 10
        while looked_after() < wanted:
            assert time.monotonic() < deadline
            time.sleep(0.01)

    edge.instead["promtool"] = takes_long
    assert "failed" not in change("checked")
    assert edge.done == [*READ, "promtool"]


@pytest.mark.parametrize("state", ["checked", "present", "previous"])
@pytest.mark.parametrize(
    "found",
    [[], [agent(labels={"app.kubernetes.io/managed-by": "miribit.thanos"})]],
    ids=["missing", "own"],
)
def test_where_nothing_is_to_be_changed_nothing_is_run(edge: Edge, state: str, found: list[Result]) -> None:
    edge.agents = found
    result = change(state)
    assert (result["changed"], edge.done) == (False, READ)


# Present.


def test_the_way_back_is_recorded_before_anything_is_applied(edge: Edge) -> None:
    result = change("present")
    assert edge.done == [*READ, RECORDED, *APPLIED]
    assert edge.recorded[-1]["run"] == RUN
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


def test_a_second_run_changes_nothing(edge: Edge) -> None:
    change("present")
    edge.take()
    edge.done.clear()
    result = change("present")
    assert (result["changed"], result["state"], edge.done) == (False, "in_sync", READ)


def test_a_run_that_was_killed_behind_the_record_is_finished(edge: Edge) -> None:
    edge.instead["apply"] = FAILS
    assert change("present")["failed"]
    first = kept(edge)
    assert first["agent"]["text"] == AUDITED
    del edge.instead["apply"]
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
    written = edge.written()
    edge.done.clear()
    result = change(state, check_mode=True)
    assert (result["changed"], len(result["diff"])) == (True, 2)
    assert (edge.applied, edge.written()) == ([], written)
    assert edge.done == [*READ, *([RECORDED] if state == "present" else []), *APPLIED]


def test_check_mode_needs_no_lock(edge: Edge) -> None:
    assert change("present", check_mode=True, lock={**LOCK, "run": {"id": "another1", "owner": "b@c"}})["changed"]


def test_a_run_that_does_not_hold_the_lock_changes_nothing(edge: Edge) -> None:
    result = change("present", lock={**LOCK, "run": {"id": "another1", "owner": "b@c"}})
    assert (result["failed"], edge.done, edge.applied, edge.written()) == (True, [], [], [])
    assert result["msg"].startswith("Lock monitoring/miribit-thanos")
    assert kept(edge) == {}


@pytest.mark.parametrize("state", ["present", "previous"])
def test_a_lock_that_is_lost_before_it_is_applied_stops_it(edge: Edge, state: str) -> None:
    if state == "previous":
        change("present")
        edge.take()
    edge.applied.clear()
    edge.instead["lock"] = FAILS
    result = change(state)
    assert (result["failed"], result["problems"], edge.done[-1], edge.applied) == (True, [PROBLEM], "lock", [])


def test_without_a_lock_it_is_not_asked_for(edge: Edge) -> None:
    assert change("present", lock=None)["changed"]
    assert edge.recorded[-1]["run"] is None
    assert not [request for request in edge.central.requests if "/leases/" in request]


# Previous.


def test_the_previous_agent_comes_back_and_nothing_is_recorded(edge: Edge) -> None:
    change("present")
    edge.take()
    written, before = edge.written(), kept(edge)
    edge.done.clear()
    result = change("previous")
    assert (result["changed"], edge.done) == (True, [*READ, *APPLIED])
    assert edge.applied[-2]["data"]["prometheus.yml"] == AUDITED
    assert (edge.written(), kept(edge)) == (written, before)
    edge.take()
    again = change("previous")
    assert (again["changed"], again["state"]) == (False, "in_sync")


def test_without_a_way_back_nothing_goes_back(edge: Edge) -> None:
    result = change("previous")
    assert (result["changed"], result["state"], result["agent"], edge.done) == (False, "in_sync", None, READ)


def begin(phase: str) -> None:
    """What another task of the run has recorded."""
    carry_out(record_options(RECORD, state="present", phase=phase), check_mode=False, no_log=False)


@pytest.mark.parametrize(("phase", "delivered"), [(None, False), ("phase1", False), ("phase2", True), ("phase3", True)])
def test_the_record_tells_whether_the_edge_has_delivered(edge: Edge, phase: str | None, delivered: bool) -> None:
    if phase:
        begin(phase)
    assert change("planned")["delivered_before"] is delivered
    assert change("previous")["delivered_before"] is delivered


@pytest.mark.parametrize("key", ["agent", "agent_made"])
@pytest.mark.parametrize("state", ["planned", "present", "previous"])
def test_a_way_back_that_cannot_be_read_is_not_taken_for_none(edge: Edge, key: str, state: str) -> None:
    change("present")
    secret = next(item for path, item in edge.central.objects.items() if "/secrets/" in path)
    secret["data"][key] = "?"
    edge.done.clear()
    result = change(state)
    assert (result["failed"], edge.done) == (True, READ)
    assert result["msg"] == (
        f"Secret monitoring/miribit-thanos-record-cluster-03: its key {key} cannot be read, and there is the way back. "
        "Fix: restore it, or take the key out to do without."
    )


def test_a_record_that_cannot_be_read_is_not_overwritten(edge: Edge) -> None:
    begin("phase1")
    record = next(item for path, item in edge.central.objects.items() if "/configmaps/" in path)
    record["data"]["record.json"] = "{"
    told = change("planned")["warnings"]
    result = change("present")
    assert (result["failed"], edge.applied) == (True, [])
    assert "its record.json is no JSON" in result["msg"]
    # Where nothing is written, it is a warning.
    assert told[0] == result["msg"]


# Failures, and secrets.


@pytest.mark.parametrize("what", [*READ, "promtool", RECORDED, "lock", "apply"])
@pytest.mark.parametrize(("happens", "problem"), [(FAILS, PROBLEM), (CRASHES, None)], ids=["fails", "crashes"])
def test_what_fails_ends_it_without_a_word_of_a_configuration(
    edge: Edge, what: str, happens: Callable[[], None], problem: Result | None
) -> None:
    """change() looks for a secret."""
    edge.instead[what] = happens
    result = change("checked" if what == "promtool" else "present")
    assert (result["failed"], edge.done[-1]) == (True, what)
    (told,) = result["problems"]
    assert told == problem if problem else "(ValueError at test_agent_change.py:" in told["cause"]
    assert (result.get("diff"), edge.applied) == (None, [])


def test_a_library_that_is_missing_is_told(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "HAS_KUBERNETES", False)
    assert "Failed to import the required Python library (kubernetes)" in change("planned")["msg"]
    assert edge.done == []


def test_a_refusal_of_the_api_server_quotes_nothing_of_a_configuration(
    edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent_change, "apply", apply)
    edge.server.refusals["PATCH", "/configmaps/config"] = (422, SECRET)
    result = change("present")
    assert result["msg"].startswith(
        "ConfigMap monitoring/config in context cluster-03: the API server refuses it: HTTP 422, Invalid. Fix: "
    )


def test_what_is_wrong_is_told_before_anything_is_recorded(edge: Edge) -> None:
    edge.agents = [agent(immutable=True, replicas={"wanted": 0, "ready": 0})]
    result = change("present")
    assert (result["failed"], len(result["problems"]), edge.done) == (True, 2, READ)
    assert result["msg"] == str(ProblemError([Problem(**problem) for problem in result["problems"]]))


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("check_mode", [True, False])
def test_no_secret_of_a_configuration_is_shown(edge: Edge, keep: bool, check_mode: bool) -> None:
    """change() looks at each result, and the fixture at what is shown besides."""
    edge.agents = [agent(SECRETIVE)]
    for state in ("planned", "checked", "present"):
        assert change(state, check_mode, keep_remote_write=keep)["state"] == "out_of_sync"
    change("present")
    edge.take()
    result = change("previous", check_mode)
    assert "<secret>" in result["diff"][0]["before"]
    assert kept(edge)["agent"]["text"] == SECRETIVE


def test_a_configuration_that_is_broken_is_not_quoted(edge: Edge) -> None:
    edge.agents = [agent(f"remote_write: [{SECRET}")]
    assert change("planned")["failed"]


# Documentation.


def test_the_options_are_those_of_the_documentation() -> None:
    written = yaml.safe_load(documented.DOCUMENTATION)["options"]
    access = {"kubeconfig", "context"}
    spec: Any = {name: option for name, option in agent_change.ActionModule.spec.items() if name not in access}
    assert set(spec) == set(written)
    for name, option in spec.items():
        keys = ("type", "default", "required", "choices", "elements")
        assert {key: option.get(key) for key in keys} == {key: written[name].get(key) for key in keys}, name


@pytest.mark.parametrize("state", ["planned", "present"])
def test_what_is_documented_is_what_is_returned(edge: Edge, state: str) -> None:
    written = set(yaml.safe_load(documented.RETURN)) - {"problems"}
    assert set(change(state)) - {"changed", "diff", "warnings"} == written
