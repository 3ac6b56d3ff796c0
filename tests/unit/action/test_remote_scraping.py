"""The action remote_scraping. What it runs stands aside, as Helm, the record, the lock and the look have own tests."""

from __future__ import annotations

import base64
import json
import tarfile
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
import yaml
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

from ansible_collections.miribit.thanos.plugins.action._remote_scraping import ActionModule

Result = dict[str, Any]

CHART = "prometheus-community/kube-prometheus-stack"
LOCK = {"context": "cluster-01", "namespace": "monitoring", "run": {}}
OTHER = {"job_name": "other", "static_configs": [{"targets": ["203.0.113.9:9100"]}]}


class Central:
    """A central cluster: its release or Secret, its servers, and the records of edges."""

    def __init__(self, *jobs: Facts) -> None:
        self.jobs: list[Facts] = list(jobs)
        self.owner = owner()
        self.records: dict[str, Result] = {}
        self.release: Result | None = {"status": "deployed", "chart": "kube-prometheus-stack-78.2.1"}
        self.fails: dict[str, Result] = {}
        #: How many looks it takes until the servers have read what was changed.
        self.delay = 0
        self._scraped = list(jobs)

    def targets(self) -> list[Facts]:
        known = {"two-kubelet": TWO, "three-kubelet": THREE}
        return [known[job["job_name"]] for job in self._scraped if job["job_name"] in known]

    @property
    def values(self) -> Result:
        spec = {"prometheusSpec": {"additionalScrapeConfigs": self.jobs}}
        return {"grafana": {"adminPassword": "planted"}, "prometheus": spec}

    @property
    def text(self) -> str:
        return yaml.safe_dump(self.jobs)

    def changes(self, jobs: list[Facts]) -> None:
        self.jobs = deepcopy(jobs)

    def answer(self, module: str, options: Result) -> Result:
        name = module.rpartition(".")[2].removeprefix("_")
        if name in self.fails:
            return self.fails[name]
        known: dict[str, Callable[[Result], Result]] = {
            "remote_scraping": self._look,
            "migration_record": self._record,
            "migration_lock": lambda _options: {},
            "helm_info": lambda _options: {"status": {**self.release, "values": self.values}} if self.release else {},
            "helm": self._helm,
            "k8s_info": self._secret,
        }
        return known[name](options)

    def _look(self, _options: Result) -> Result:
        if self.delay:
            self.delay -= 1
        else:
            self._scraped = self.jobs
        return {"servers": [server(pod(*self.targets()), owner=self.owner)]}

    def _record(self, options: Result) -> Result:
        held = self.records.setdefault(options["cluster"], {})
        if options.get("state") == "present":
            held.update(json.loads(json.dumps(options["rollback"])))
        return {"rollback": {key: value for key, value in held.items() if value is not None}}

    def _helm(self, options: Result) -> Result:
        self.changes(options["release_values"]["prometheus"]["prometheusSpec"]["additionalScrapeConfigs"])
        return {"changed": True}

    def _secret(self, _options: Result) -> Result:
        data = {"jobs.yaml": base64.b64encode(self.text.encode()).decode()}
        return {"resources": [{"metadata": {"name": "stack-scrape-confg"}, "data": data, "type": "Opaque"}]}


class Scraping(ActionModule):
    """Keeps what it runs; a central cluster answers."""

    def on(self, central: Central) -> Scraping:
        self.central = central
        self.ran: list[tuple[str, Result, bool]] = []
        return self

    def _execute_module(self, module_name: str, module_args: Result, **_others: object) -> Result:
        self.ran.append((module_name, module_args, bool(self._task.no_log)))
        return self.central.answer(module_name, module_args)

    def names(self) -> list[str]:
        return [name.rpartition(".")[2].removeprefix("_") for name, *_rest in self.ran]

    def given_to(self, name: str) -> Result:
        (options,) = [options for ran, options, _no_log in self.ran if ran.rpartition(".")[2].removeprefix("_") == name]
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
    task = MagicMock(async_val=0, check_mode=check_mode, args=given, no_log=False, action="remote_scraping")
    action = Scraping(task, MagicMock(), MagicMock(), MagicMock(), MagicMock(), MagicMock()).on(central)

    def apply(_name: str, task: MagicMock, **_others: object) -> MagicMock:
        def run(task_vars: object) -> Result:
            action.ran.append(("miribit.thanos._apply_objects", task.args, False))
            if "apply_objects" in central.fails:
                return central.fails["apply_objects"]
            (item,) = task.args["objects"]
            central.changes(yaml.safe_load(base64.b64decode(item["data"]["jobs.yaml"])))
            return {"changed": True}

        return MagicMock(run=run)

    action._shared_loader_obj.action_loader.get = apply
    return action


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
        "context": "cluster-01",
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
    action = scraping(Central(JOB_TWO))
    action.run(task_vars={})
    names = action.names()
    assert names.index("migration_lock") < names.index("helm")
    recorded = [number for number, (_name, options, _log) in enumerate(action.ran) if options.get("rollback")]
    assert recorded
    assert max(recorded) < names.index("helm")


def test_a_second_run_finds_nothing_and_runs_no_helm() -> None:
    central = Central(JOB_TWO)
    scraping(central).run(task_vars={})
    action = scraping(central)
    result = action.run(task_vars={})
    assert result["changed"] is False
    assert action.names() == ["remote_scraping"]


def test_what_can_hold_a_secret_is_run_without_a_log_and_nothing_of_it_is_told() -> None:
    action = scraping(Central(JOB_TWO))
    result = action.run(task_vars={})
    hidden = {name.rpartition(".")[2].removeprefix("_") for name, _options, no_log in action.ran if no_log}
    assert hidden == {"helm_info", "helm", "migration_record"}
    assert action._task.no_log is False
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
    assert set(action.names()) == {"migration_record"}


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


def test_the_lock_is_renewed_while_it_waits() -> None:
    central = Central(JOB_TWO)
    central.delay = 22
    action = scraping(central)
    action.run(task_vars={})
    # Before the change, after it, and every 15 s of about a minute.
    assert action.names().count("migration_lock") == 5


def test_an_api_server_that_is_away_for_a_while_is_waited_for() -> None:
    central = Central(JOB_TWO)
    away = {"failed": True, "msg": "away", "problems": [{"subject": "API server", "cause": "away", "fix": "wait"}]}

    class Flaky(Scraping):
        def _execute_module(self, module_name: str, module_args: Result, **others: object) -> Result:
            done = super()._execute_module(module_name, module_args, **others)
            return (
                away if self.names().count("remote_scraping") == 2 and self.names()[-1] == "remote_scraping" else done
            )

    action = scraping(central)
    action.__class__ = Flaky
    result = action.run(task_vars={})
    assert result["progress"][-1] == "API server: away. Fix: wait."
    assert result["changed"]


# Check mode.


def test_check_mode_tells_what_would_go_and_changes_nothing() -> None:
    central = Central(JOB_TWO, OTHER)
    action = scraping(central, check_mode=True)
    result = action.run(task_vars={})
    assert result["changed"]
    assert result["diff"][0]["before"] == "cluster-02: job two-kubelet: 10.0.0.2:10250/metrics\n"
    assert central.jobs == [JOB_TWO, OTHER]
    assert not {"helm", "migration_lock"} & set(action.names())
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
    assert action.names() == ["remote_scraping"]


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


def test_a_lost_lock_stops_before_anything_is_recorded_or_changed() -> None:
    central = Central(JOB_TWO)
    told = {"subject": "lock", "cause": "it is held by anna", "fix": "wait"}
    central.fails["migration_lock"] = {"failed": True, "msg": "lost", "problems": [told]}
    action = scraping(central)
    result = action.run(task_vars={})
    assert result["msg"] == "lock: it is held by anna. Fix: wait."
    assert "helm" not in action.names()
    assert central.records == {"cluster-02": {}, "cluster-03": {}}


def test_a_record_that_cannot_be_read_stops_before_anything_is_changed() -> None:
    central = Central(JOB_TWO)
    central.records["cluster-02"] = {"remote_scraping": [{"broken": 1}]}
    action = scraping(central)
    result = action.run(task_vars={})
    assert "its key remote_scraping cannot be read" in result["msg"]
    assert "helm" not in action.names()


def test_a_look_that_fails_is_told_as_it_is() -> None:
    central = Central(JOB_TWO)
    central.fails["remote_scraping"] = {"failed": True, "msg": "Failed to import kubernetes"}
    result = scraping(central).run(task_vars={})
    assert result["failed"]
    assert "Failed to import kubernetes" in result["msg"]


def test_several_kubeconfig_files_are_left_to_kubectl() -> None:
    result = scraping(Central(JOB_TWO), kubeconfig="/a:/b").run(task_vars={})
    assert result["changed"] is False
    assert "Helm is run with one kubeconfig file" in result["warnings"][0]


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
    options = action.given_to("apply_objects")
    assert (options["adopt"], options["namespace"]) == (True, "monitoring")
    (item,) = options["objects"]
    assert list(item["data"]) == ["jobs.yaml"]
    assert "helm" not in action.names()
    assert "planted" not in json.dumps(result)
    scraping(central, state="present", chart_ref="").run(task_vars={})
    assert central.jobs == [JOB_TWO, OTHER]


def test_a_secret_that_may_not_be_read_is_left_alone_with_a_warning() -> None:
    central = nobodys(JOB_TWO)
    central.fails["k8s_info"] = {"failed": True, "msg": "planted"}
    result = scraping(central).run(task_vars={})
    assert (result["changed"], result.get("failed")) == (False, None)
    assert "it cannot be read" in result["warnings"][0]
    assert "planted" not in json.dumps(result)


def test_a_secret_that_the_api_server_refuses_is_a_failure() -> None:
    central = nobodys(JOB_TWO)
    told = {"subject": "Secret", "cause": "the API server refuses it", "fix": "correct it"}
    central.fails["apply_objects"] = {"failed": True, "msg": "refused", "problems": [told]}
    assert scraping(central).run(task_vars={})["msg"] == "Secret: the API server refuses it. Fix: correct it."


def test_what_only_the_central_server_scrapes_is_named_and_the_rest_goes() -> None:
    central = Central(JOB_TWO)
    more = scraped("10.0.0.2:9100", "nodes", cluster="cluster-02")
    central.targets = lambda: [more, *([TWO] if central._scraped else [])]  # type: ignore[method-assign]
    result = scraping(central).run(task_vars={})
    assert result["changed"]
    (warning,) = result["warnings"]
    assert "10.0.0.2:9100/metrics stays in it: the agent of cluster-02 does not scrape it" in warning
