"""The action remote_scraping. Helm, the record, the lock and the look stand aside: they have tests of their own."""

from __future__ import annotations

import base64
import json
import tarfile
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from action_plugins import plugin_of
from remote_scraping_facts import (
    EDGES,
    JOB_THREE,
    JOB_TWO,
    THREE,
    TWO,
    Facts,
    owner,
    pod,
    scraped,
    server,
)

from ansible_collections.miribit.thanos.plugins.action import _remote_scraping as remote_scraping
from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.kube.api import Request, Session
from ansible_collections.miribit.thanos.plugins.module_utils.kube.errors import AwayError
from ansible_collections.miribit.thanos.plugins.module_utils.kube.proxy import Answer
from ansible_collections.miribit.thanos.plugins.module_utils.migration.keeper import Keeper
from ansible_collections.miribit.thanos.plugins.plugin_utils import cluster_action

Result = dict[str, Any]

CHART = "prometheus-community/kube-prometheus-stack"
LOCK = {"context": "cluster-01", "namespace": "monitoring", "run": {"id": "1"}}
#: What the session makes of its own credentials.
KUBECONFIG = {"users": [{"name": "checked", "user": {"token": "planted"}}], "current-context": "checked"}
SECRET_PATH = "/api/v1/namespaces/monitoring/secrets/stack-scrape-confg"
OTHER = {"job_name": "other", "static_configs": [{"targets": ["203.0.113.9:9100"]}]}


class Central(Session):
    """A central cluster: its release or Secret, its servers, its lock, and the records of edges.

    It keeps what is done, in its order.
    """

    cluster = "context cluster-01"

    def __init__(self, *jobs: Facts) -> None:
        self.jobs: list[Facts] = list(jobs)
        self.owner = owner()
        self.records: dict[str, Result] = {}
        self.release: Result | None = {"status": "deployed", "chart": "kube-prometheus-stack-78.2.1"}
        #: What Helm answers instead, or what is raised, by what is done.
        self.fails: dict[str, Result | Exception] = {}
        #: What is wrong with the records.
        self.problems: list[Problem] = []
        #: How many looks it takes until the servers have read what was changed.
        self.delay = 0
        self.done: list[str] = []
        self.applied: list[Request] = []
        self._scraped = list(jobs)

    def does(self, what: str) -> None:
        self.done.append(what)
        if isinstance(error := self.fails.get(what), Exception):
            raise error

    def targets(self) -> list[Facts]:
        known = {"two-kubelet": TWO, "three-kubelet": THREE}
        return [known[job["job_name"]] for job in self._scraped if job["job_name"] in known]

    @property
    def values(self) -> Result:
        spec = {"prometheusSpec": {"additionalScrapeConfigs": self.jobs}}
        return {"grafana": {"adminPassword": "planted"}, "prometheus": spec}

    def changes(self, jobs: list[Facts]) -> None:
        self.jobs = deepcopy(jobs)

    # What the action uses.

    def servers(self) -> list[Result]:
        self.does("look")
        if self.delay:
            self.delay -= 1
        else:
            self._scraped = self.jobs
        return [server(pod(*self.targets()), owner=self.owner)]

    def held(self) -> None:
        """Of the lock."""
        self.does("lock")

    def still_held(self) -> None:
        self.does("lock still held")

    def carry_out(self, options: Result, *, check_mode: bool, no_log: bool) -> Result:
        given = [options[key] for key in ("kubeconfig", "context", "namespace", "run")]
        assert (given, no_log) == ([None, "cluster-01", "monitoring", {"id": "1"}], True)
        self.does(f"record {options['state']}")
        held = self.records.setdefault(options["cluster"], {})
        if options["state"] == "present" and not check_mode:
            held.update(json.loads(json.dumps(options["rollback"])))
        rollback = {key: value for key, value in held.items() if value is not None}
        return {"rollback": rollback, "problems": list(self.problems)}

    def helm(self, module: str, options: Result) -> Result:
        name = module.removeprefix("kubernetes.core.")
        self.does(name)
        if isinstance(failed := self.fails.get(name), dict):
            return failed
        if name == "helm_info":
            return {"status": {**self.release, "values": self.values}} if self.release else {}
        assert name == "helm"
        self.changes(options["release_values"]["prometheus"]["prometheusSpec"]["additionalScrapeConfigs"])
        return {"changed": True}

    def kubeconfig(self) -> Result:
        return deepcopy(KUBECONFIG)

    def send(self, request: Request) -> Answer:
        assert request.path == SECRET_PATH
        self.does(f"{request.method} Secret")
        if isinstance(refused := self.fails.get(f"{request.method} Secret"), dict):
            return Answer(int(refused["code"]), json.dumps({"kind": "Status", "apiVersion": "v1", **refused}).encode())
        if request.method == "PATCH":
            self.applied.append(request)
            given: Any = request.body
            self.changes(yaml.safe_load(base64.b64decode(given["data"]["jobs.yaml"])))
        data = {"jobs.yaml": base64.b64encode(yaml.safe_dump(self.jobs).encode()).decode()}
        item = {"kind": "Secret", "metadata": {"name": "stack-scrape-confg"}, "data": data, "type": "Opaque"}
        return Answer(200, json.dumps(item).encode())


class Scraping(remote_scraping.ActionModule):
    """Keeps what it runs; a central cluster answers."""

    def on(self, central: Central) -> Scraping:
        self.central = central
        self.ran: list[tuple[str, Result, bool]] = []
        central.done.clear()
        return self

    def work(self, options: Result) -> Result:
        central = self.central
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(remote_scraping, "session_of", lambda _options: central)
            patch.setattr(remote_scraping, "Look", lambda _session, _namespace: central)
            patch.setattr(cluster_action, "carry_out", central.carry_out)
            patch.setattr(cluster_action, "lock_of", lambda _options: central)
            patch.setattr(Keeper, "check", lambda _keeper: central.still_held())
            return super().work(options)

    def _execute_module(self, module_name: str, module_args: Result, **_others: object) -> Result:
        self.ran.append((module_name, module_args, bool(self._task.no_log)))
        return self.central.helm(module_name, module_args)

    def names(self) -> list[str]:
        return [name.removeprefix("kubernetes.core.") for name, *_rest in self.ran]

    def given_to(self, name: str) -> Result:
        (options,) = [options for ran, options, _no_log in self.ran if ran == f"kubernetes.core.{name}"]
        return options


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that goes on only while the action sleeps."""
    now = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    monkeypatch.setattr("time.sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    return now


def scraping(central: Central, *, check_mode: bool = False, **options: object) -> Scraping:
    given = {"context": "cluster-01", "namespace": "monitoring", "edges": EDGES, "chart_ref": CHART, **options}
    given = {"record": {"namespace": "monitoring", "run": {"id": "1"}}, "lock": LOCK, **given}
    return plugin_of(Scraping, given, check_mode=check_mode).on(central)


def nobodys(*jobs: Facts) -> Central:
    """A central cluster whose custom resource nobody manages."""
    central = Central(*jobs)
    central.owner = owner("custom_resource", "monitoring", "stack-prometheus")
    return central


# A release.


def test_what_agents_deliver_goes_from_the_release_and_the_rest_of_its_values_stays() -> None:
    central = Central(JOB_TWO, OTHER, JOB_THREE)
    action = scraping(central)
    result = action.run(task_vars={})
    assert result["changed"]
    assert not result.get("failed")
    assert central.jobs == [OTHER]
    options = action.given_to("helm")
    assert options == {
        "kubeconfig": KUBECONFIG,
        "context": "checked",
        "release_name": "stack",
        "release_namespace": "monitoring",
        "chart_ref": CHART,
        "chart_version": "78.2.1",
        "release_values": {**central.values, "prometheus": options["release_values"]["prometheus"]},
        "atomic": True,
        "timeout": "420s",
    }
    assert [(job["edge"], job["job"], job["targets"]) for job in result["jobs"]] == [
        ("cluster-02", "two-kubelet", ["10.0.0.2:10250/metrics"]),
        ("cluster-03", "three-kubelet", ["10.0.0.3:10250/metrics"]),
    ]


def test_nothing_goes_before_the_lock_is_held_and_the_way_back_recorded() -> None:
    central = Central(JOB_TWO)
    scraping(central).run(task_vars={})
    assert [what for what in central.done if what != "look"] == [
        *("record read", "record read", "helm_info"),
        *("lock", "record present", "lock still held", "helm"),
        "lock still held",
    ]


def test_a_second_run_finds_nothing_and_runs_no_helm() -> None:
    central = Central(JOB_TWO)
    scraping(central).run(task_vars={})
    action = scraping(central)
    result = action.run(task_vars={})
    assert result["changed"] is False
    assert (central.done, action.ran) == (["look"], [])


def test_what_can_hold_a_secret_is_run_without_a_log_and_nothing_of_it_is_told() -> None:
    action = scraping(Central(JOB_TWO))
    result = action.run(task_vars={})
    assert [(name, no_log) for name, _options, no_log in action.ran] == [
        ("kubernetes.core.helm_info", True),
        ("kubernetes.core.helm", True),
    ]
    assert not action._task.no_log
    assert "planted" not in json.dumps(result)


@pytest.mark.parametrize("name", ["helm_info", "helm"])
def test_a_task_shows_again_what_it_did_where_helm_has_failed(name: str) -> None:
    central = Central(JOB_TWO)
    central.fails[name] = ValueError("planted")
    action = scraping(central)
    result = action.run(task_vars={})
    assert result["failed"]
    assert not action._task.no_log
    assert "planted" not in json.dumps(result)


def test_an_edge_goes_back_alone_and_its_jobs_to_their_place() -> None:
    central = Central(JOB_TWO, OTHER, JOB_THREE)
    scraping(central).run(task_vars={})
    result = scraping(central, state="present", edges={"cluster-03": None}).run(task_vars={})
    assert result["changed"]
    assert central.jobs == [OTHER, JOB_THREE]
    assert [job["edge"] for job in result["jobs"]] == ["cluster-03"]
    scraping(central, state="present", edges={"cluster-02": []}).run(task_vars={})
    assert central.jobs == [JOB_TWO, OTHER, JOB_THREE]
    assert not any(any(held.values()) for held in central.records.values())


def test_edges_that_left_one_by_one_come_back_in_any_order() -> None:
    central = Central(JOB_TWO, JOB_THREE, OTHER)
    labels = {"cluster-02": "cluster-02", "cluster-03": "cluster-03"}
    for edge in EDGES:
        scraping(central, edges={edge: EDGES[edge]}, labels=labels).run(task_vars={})
    assert central.jobs == [OTHER]
    for edge in EDGES:
        scraping(central, edges={edge: None}, state="present").run(task_vars={})
    # Each is in front of what stood behind it.
    assert sorted(map(str, central.jobs[:2])) == sorted(map(str, [JOB_TWO, JOB_THREE]))
    assert central.jobs[2:] == [OTHER]


def test_going_back_twice_changes_nothing_more() -> None:
    central = Central(JOB_TWO)
    scraping(central).run(task_vars={})
    scraping(central, state="present").run(task_vars={})
    action = scraping(central, state="present")
    assert action.run(task_vars={})["changed"] is False
    assert set(central.done) == {"record read"}


def test_jobs_that_somebody_has_put_back_are_no_problem_and_leave_the_record() -> None:
    central = Central(JOB_TWO)
    scraping(central).run(task_vars={})
    central.changes([JOB_TWO])
    action = scraping(central, state="present")
    assert action.run(task_vars={})["changed"]
    assert "helm" not in action.names()
    assert not any(central.records["cluster-02"].values())


def test_a_run_that_was_killed_after_the_change_is_only_waited_for() -> None:
    central = Central(JOB_TWO)
    scraping(central).run(task_vars={})
    central._scraped, central.delay = [JOB_TWO], 2
    action = scraping(central)
    result = action.run(task_vars={})
    assert result["changed"] is False
    assert result["problems"] == []
    assert "helm" not in action.names()
    assert result["progress"] == [
        "pod monitoring/prometheus-stack-0 still scrapes job two-kubelet (10.0.0.2:10250/metrics)"
    ]


def test_a_run_that_was_killed_before_the_change_leaves_one_way_back() -> None:
    central = Central(JOB_TWO)
    central.fails["helm"] = {"failed": True, "msg": "killed"}
    for _time in range(2):
        assert scraping(central).run(task_vars={})["failed"]
    assert len(central.records["cluster-02"]["remote_scraping"]) == 1


def test_another_repository_goes_to_helm() -> None:
    action = scraping(Central(JOB_TWO), chart_ref="kps", chart_repo_url="https://example.com")
    action.run(task_vars={})
    options = action.given_to("helm")
    assert (options["chart_ref"], options["chart_repo_url"]) == ("kps", "https://example.com")


# Evidence.


def test_it_waits_until_the_servers_have_stopped() -> None:
    central = Central(JOB_TWO)
    central.delay = 4
    result = scraping(central).run(task_vars={})
    assert result["changed"]
    assert result["progress"] == [
        "upgrades the release monitoring/stack",
        "pod monitoring/prometheus-stack-0 still scrapes job two-kubelet (10.0.0.2:10250/metrics)",
    ]


def test_servers_that_do_not_stop_in_time_are_a_failure() -> None:
    central = Central(JOB_TWO)
    central.delay = 1000
    result = scraping(central, timeout=60).run(task_vars={})
    assert result["failed"]
    assert "after 60 s, pod monitoring/prometheus-stack-0 still scrapes job two-kubelet" in result["msg"]
    assert central.records["cluster-02"]["remote_scraping"]


def test_the_record_is_kept_until_the_servers_scrape_again() -> None:
    central = Central(JOB_TWO)
    scraping(central).run(task_vars={})
    central.delay = 1000
    result = scraping(central, state="present", timeout=60).run(task_vars={})
    assert "does not scrape yet job two-kubelet" in result["msg"]
    assert central.records["cluster-02"]["remote_scraping"]


def test_a_lock_that_is_lost_while_it_waits_ends_it() -> None:
    central = Central(JOB_TWO)
    central.delay = 1000
    checks: list[str] = []

    def still_held() -> None:
        checks.append("")
        # Before the change, and before two looks.
        if len(checks) > 3:
            raise LOST

    central.still_held = still_held  # type: ignore[method-assign]
    result = scraping(central).run(task_vars={})
    assert result["msg"] == "lock: it is held by anna. Fix: wait."
    assert central.done.count("helm") == 1
    assert central.done[-2:] == ["look", "look"]


def test_an_api_server_that_is_away_for_a_while_is_waited_for() -> None:
    central = Central(JOB_TWO)
    looks = central.servers

    def flaky() -> list[Result]:
        found = looks()
        if central.done.count("look") == 2:
            raise AwayError([Problem("API server", "away", "wait")])
        return found

    central.servers = flaky  # type: ignore[method-assign]
    result = scraping(central).run(task_vars={})
    assert result["progress"][-1] == "API server: away. Fix: wait."
    assert result["changed"]


# Check mode.


def test_check_mode_tells_what_would_go_and_changes_nothing() -> None:
    central = Central(JOB_TWO, OTHER)
    result = scraping(central, check_mode=True).run(task_vars={})
    assert result["changed"]
    assert result["diff"][0]["before"] == "cluster-02: job two-kubelet: 10.0.0.2:10250/metrics\n"
    assert central.jobs == [JOB_TWO, OTHER]
    assert set(central.done) == {"look", "record read", "helm_info"}
    assert central.records == {"cluster-02": {}, "cluster-03": {}}


def test_check_mode_tells_what_would_come_back_and_changes_nothing() -> None:
    central = Central(JOB_TWO)
    scraping(central).run(task_vars={})
    recorded = deepcopy(central.records)
    result = scraping(central, state="present", check_mode=True).run(task_vars={})
    assert result["changed"]
    assert result["diff"][0]["after"] == "cluster-02: job two-kubelet: 10.0.0.2:10250/metrics\n"
    assert (central.jobs, central.records) == ([], recorded)


# What stays.


def test_without_a_chart_a_warning_names_what_arrives_twice_and_the_run_goes_on() -> None:
    central = Central(JOB_TWO)
    action = scraping(central, chart_ref="")
    result = action.run(task_vars={})
    assert (result["changed"], result.get("failed")) == (False, None)
    (warning,) = result["warnings"]
    assert "this arrives twice, from here and from the edge: 10.0.0.2:10250/metrics" in warning
    assert "set legacy_prometheus_chart_ref to the chart kube-prometheus-stack 78.2.1" in warning
    assert "helm" not in action.names()
    assert central.records == {"cluster-02": {}, "cluster-03": {}}


def test_without_a_chart_going_back_is_a_failure() -> None:
    central = Central(JOB_TWO)
    scraping(central).run(task_vars={})
    result = scraping(central, state="present", chart_ref="").run(task_vars={})
    assert result["failed"]
    assert "its chart is not given" in result["msg"]
    assert central.records["cluster-02"]["remote_scraping"]


@pytest.mark.parametrize(("kind", "name"), [("argocd", "Argo CD"), ("flux", "Flux")])
def test_what_gitops_owns_is_left_alone_with_a_warning(kind: str, name: str) -> None:
    central = Central(JOB_TWO)
    central.owner = owner(kind, "gitops", "stack")
    action = scraping(central)
    result = action.run(task_vars={})
    assert (result["changed"], result.get("failed")) == (False, None)
    assert f"{name} would undo a change" in result["warnings"][0]
    assert (central.done, action.ran) == (["look"], [])


def test_a_release_that_cannot_be_read_is_left_alone_with_a_warning() -> None:
    central = Central(JOB_TWO)
    central.fails["helm_info"] = {"failed": True, "msg": 'Failed to find required executable "helm" in paths: planted'}
    result = scraping(central).run(task_vars={})
    assert (result["changed"], result.get("failed")) == (False, None)
    assert "install helm on the controller" in result["warnings"][0]
    assert "planted" not in json.dumps(result)


def test_a_release_that_is_gone_is_a_failure_when_going_back() -> None:
    central = Central(JOB_TWO)
    scraping(central).run(task_vars={})
    central.release = None
    result = scraping(central, state="present").run(task_vars={})
    assert result["failed"]
    assert "there is none that is deployed" in result["msg"]


def test_servers_that_are_made_from_elsewhere_by_now_are_a_failure_when_going_back() -> None:
    central = Central(JOB_TWO)
    scraping(central).run(task_vars={})
    central.owner = owner("argocd", "argocd", "stack")
    result = scraping(central, state="present").run(task_vars={})
    assert "no full Prometheus is made from it any more" in result["msg"]


def test_a_failing_upgrade_quotes_no_value() -> None:
    central = Central(JOB_TWO)
    central.fails["helm"] = {"failed": True, "msg": "Error: values don't meet the schema: planted"}
    result = scraping(central).run(task_vars={})
    assert result["failed"]
    assert "Helm failed; its words are left out" in result["msg"]
    assert "planted" not in json.dumps(result)


LOST = ProblemError([Problem("lock", "it is held by anna", "wait")])


@pytest.mark.parametrize("state", ["absent", "present"])
def test_without_the_lock_nothing_is_recorded_or_changed(state: str) -> None:
    central = Central(JOB_TWO)
    if state == "present":
        scraping(central).run(task_vars={})
    recorded = {edge: deepcopy(held) for edge, held in central.records.items() if held}
    central.fails["lock"] = LOST
    result = scraping(central, state=state).run(task_vars={})
    assert result["msg"] == "lock: it is held by anna. Fix: wait."
    assert not {"helm", "record present"} & set(central.done)
    assert {edge: held for edge, held in central.records.items() if held} == recorded


def test_a_lock_that_is_lost_before_the_change_stops_it() -> None:
    central = Central(JOB_TWO)
    central.fails["lock still held"] = LOST
    assert scraping(central).run(task_vars={})["msg"] == "lock: it is held by anna. Fix: wait."
    assert "helm" not in central.done


def test_a_record_that_cannot_be_read_stops_before_anything_is_changed() -> None:
    central = Central(JOB_TWO)
    central.records["cluster-02"] = {"remote_scraping": [{"broken": 1}]}
    action = scraping(central)
    result = action.run(task_vars={})
    assert "its key remote_scraping cannot be read" in result["msg"]
    assert "helm" not in action.names()


def test_what_is_wrong_with_a_record_is_a_warning_beside_the_others() -> None:
    central = Central(JOB_TWO)
    central.problems = [Problem("Record", "a key cannot be read", "restore it")]
    warnings = scraping(central, chart_ref="").run(task_vars={})["warnings"]
    assert "Record: a key cannot be read. Fix: restore it." in warnings
    assert any("this arrives twice" in warning for warning in warnings)


def test_a_look_that_fails_is_told_as_it_is() -> None:
    central = Central(JOB_TWO)
    central.fails["look"] = ProblemError([Problem("pods", "they may not be listed", "allow it")])
    result = scraping(central).run(task_vars={})
    assert (result["failed"], result["msg"]) == (True, "pods: they may not be listed. Fix: allow it.")


# Whom Helm would ask.


def test_helm_is_not_run_where_the_environment_leads_it_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    central = Central(JOB_TWO)
    monkeypatch.setenv("K8S_AUTH_HOST", "https://production.example")
    action = scraping(central)
    result = action.run(task_vars={})
    assert (result["changed"], action.ran) == (False, [])
    assert "Environment variable K8S_AUTH_HOST: " in result["warnings"][0]
    assert "production.example" not in json.dumps(result)


def test_helm_does_not_put_back_where_the_environment_leads_it_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    central = Central(JOB_TWO)
    scraping(central).run(task_vars={})
    monkeypatch.setenv("K8S_AUTH_HOST", "https://production.example")
    action = scraping(central, state="present")
    result = action.run(task_vars={})
    assert (result["failed"], action.ran) == (True, [])
    assert result["msg"].startswith("Environment variable K8S_AUTH_HOST: ")


def test_a_secret_needs_no_helm_and_no_look_at_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("K8S_AUTH_HOST", "https://production.example")
    assert scraping(nobodys(JOB_TWO)).run(task_vars={})["changed"]


@pytest.mark.parametrize("name", ["K8S_AUTH_CONTEXT", "HELM_KUBECONTEXT"])
def test_a_context_of_the_environment_does_not_reach_helm(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Its kubeconfig has one context only."""
    monkeypatch.setenv(name, "production")
    action = scraping(Central(JOB_TWO))
    assert action.run(task_vars={})["changed"]
    assert {options["context"] for _name, options, _no_log in action.ran} == {KUBECONFIG["current-context"]}


# Charts on the controller.


def chart(folder: Path, name: str = "kube-prometheus-stack", version: str = "78.2.1") -> Path:
    folder.mkdir()
    (folder / "Chart.yaml").write_text(yaml.safe_dump({"apiVersion": "v2", "name": name, "version": version}))
    return folder


def packed(folder: Path) -> Path:
    """A chart in an archive whose name says another version."""
    archive = folder.with_name("kube-prometheus-stack-78.2.1.tgz")
    with tarfile.open(archive, "w:gz") as file:
        file.add(folder, arcname=folder.name)
    return archive


def test_a_chart_at_a_path_is_taken_if_it_is_the_same(tmp_path: Path) -> None:
    folder = chart(tmp_path / "stack")
    for reference in (folder, packed(folder)):
        assert scraping(Central(JOB_TWO), chart_ref=str(reference)).run(task_vars={})["changed"]


def test_another_chart_at_a_path_is_refused_whatever_its_name(tmp_path: Path) -> None:
    folder = chart(tmp_path / "stack", version="79.0.0")
    for reference in (folder, packed(folder)):
        result = scraping(Central(JOB_TWO), chart_ref=str(reference)).run(task_vars={})
        assert result["changed"] is False
        assert "is kube-prometheus-stack 79.0.0, and the release is of" in result["warnings"][0]


def test_what_is_no_chart_at_a_path_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no chart")
    for reference in (tmp_path, tmp_path / "file"):
        result = scraping(Central(JOB_TWO), chart_ref=str(reference)).run(task_vars={})
        assert "is no chart that can be read" in result["warnings"][0]


# A Secret.


def test_what_agents_deliver_goes_from_the_secret_and_only_its_key_is_applied() -> None:
    central = nobodys(JOB_TWO, OTHER)
    action = scraping(central, chart_ref="")
    result = action.run(task_vars={})
    assert result["changed"]
    assert central.jobs == [OTHER]
    (request,) = central.applied
    item: Any = request.body
    # Without labels: it stays somebody else's.
    assert item["metadata"] == {"name": "stack-scrape-confg", "namespace": "monitoring"}
    assert list(item["data"]) == ["jobs.yaml"]
    assert dict(request.params)["fieldManager"] == "miribit.thanos"
    assert action.ran == []
    assert "planted" not in json.dumps(result)
    scraping(central, state="present", chart_ref="").run(task_vars={})
    assert central.jobs == [JOB_TWO, OTHER]


@pytest.mark.parametrize("state", ["absent", "present"])
def test_a_secret_that_may_not_be_read_is_left_alone(state: str) -> None:
    central = nobodys(JOB_TWO)
    if state == "present":
        scraping(central).run(task_vars={})
    central.fails["GET Secret"] = {"code": 403, "message": "secrets is forbidden"}
    result = scraping(central, state=state).run(task_vars={})
    (told,) = result["warnings"] if state == "absent" else [result["msg"]]
    assert (result.get("changed", False), result.get("failed", False)) == (False, state == "present")
    assert "the API server forbids it: secrets is forbidden" in told
    assert "PATCH Secret" not in central.done


def test_a_secret_that_the_api_server_refuses_is_a_failure_that_quotes_nothing() -> None:
    central = nobodys(JOB_TWO)
    central.fails["PATCH Secret"] = {"code": 422, "reason": "Invalid", "message": "planted"}
    result = scraping(central).run(task_vars={})
    assert result["msg"].startswith(
        "Secret monitoring/stack-scrape-confg in context cluster-01: the API server refuses"
    )
    assert "HTTP 422, Invalid" in result["msg"]
    assert "planted" not in json.dumps(result)


def test_what_only_the_central_server_scrapes_is_named_and_the_rest_goes() -> None:
    central = Central(JOB_TWO)
    more = scraped("10.0.0.2:9100", "nodes", cluster="cluster-02")
    central.targets = lambda: [more, *([TWO] if central._scraped else [])]  # type: ignore[method-assign]
    result = scraping(central).run(task_vars={})
    assert result["changed"]
    (warning,) = result["warnings"]
    assert "10.0.0.2:9100/metrics stays in it: the agent of cluster-02 does not scrape it" in warning
