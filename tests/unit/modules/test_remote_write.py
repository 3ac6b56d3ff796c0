"""The filter and the module remote_write, from their options to what Ansible gets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible.utils.display import Display

from ansible_collections.miribit.thanos.plugins.filter.remote_write import FilterModule
from ansible_collections.miribit.thanos.plugins.modules import remote_write as module

SECRET = "word-that-must-stay-secret"
SPEC: dict[str, object] = {
    "prometheus_version": "3.15.0",
    "exposure": {"load_balancer": {"address": "192.168.101.210"}},
    "external_labels": {"cluster": "cluster-03"},
    "sizing": {"samples_per_second": 2000, "latency": 0.1, "outage": 1800, "memory": 100_000_000},
}
TIGHT = {**SPEC, "sizing": {"samples_per_second": 2000, "latency": 0.1, "outage": 1800, "memory": 1000}}

FILTER_YML = (Path(__file__).parents[3] / "plugins" / "filter" / "remote_write.yml").read_text()
filter_remote_write = FilterModule().filters()["remote_write"]

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(run_module: Run) -> Run:
    def with_options(**options: object) -> dict[str, Any]:
        return run_module(module, {"spec": SPEC, **options})

    return with_options


@pytest.fixture
def running(run: Run) -> dict[str, Any]:
    """An agent that has what SPEC asks for."""
    config = run()["config"]
    return {
        "external_labels": config["global"]["external_labels"],
        "remote_write": config["remote_write"],
        "image": "quay.io/prometheus/prometheus:v3.15.0",
        "args": ["--agent"],
        "memory": 200 * 2**20,
    }


def test_the_filter_and_the_module_make_the_same(run: Run) -> None:
    made = run()
    assert filter_remote_write(SPEC) == {key: made[key] for key in ("config", "sizing")}
    assert made["sizing"]["expected_shards"] == 1
    assert made["sizing"]["arithmetic"][0].startswith("Expected shards: 2000 samples/s x 0.1 s")
    assert made["remote_write_warnings"] == []
    assert made["changed"] is False
    assert not {"findings", "proposal", "diff"} & set(made)


def test_both_refuse_all_that_is_wrong_at_once(run: Run) -> None:
    spec = {**SPEC, "exposure": {}, "tenant": "a/b"}
    made = run(spec=spec)
    assert made["failed"]
    assert [problem["subject"] for problem in made["problems"]] == ["exposure", "Tenant 'a/b'"]
    assert made["msg"].startswith("2 problems:\n- exposure: it says nothing. Fix: ")
    with pytest.raises(AnsibleFilterError) as refused:
        filter_remote_write(spec)
    assert str(refused.value) == made["msg"]


def test_both_warn_of_wishes_that_cannot_be_met(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    monkeypatch.setattr(module.AnsibleModule, "warn", staticmethod(shown.append))
    monkeypatch.setattr(Display, "warning", lambda *given: shown.append(given[1]))
    made = run(spec=TIGHT)
    (warning,) = made["remote_write_warnings"]
    assert warning.startswith("sizing: memory 0.0009537 MiB is not enough for one shard")
    filter_remote_write(TIGHT)
    assert shown == [warning, warning]


# What runs.


def test_an_agent_that_has_it_already_is_no_change(run: Run, running: dict[str, Any]) -> None:
    made = run(running=running)
    assert made["changed"] is False
    assert made["diff"]["before"] == made["diff"]["after"] == made["config"]
    assert made["findings"] == []


@pytest.mark.parametrize("check", [False, True])
def test_an_agent_that_has_another_is_a_change_with_both_shown(run: Run, running: dict[str, Any], check: bool) -> None:
    running["remote_write"][0]["url"] = "http://receiver.monitoring.svc:19291/api/v1/receive"
    made = run(running=running, _ansible_check_mode=check)
    assert made["changed"] is True
    assert made["diff"]["after"] == made["config"]
    assert "receiver.monitoring.svc" in yaml.safe_dump(made["diff"]["before"])
    assert [finding["id"] for finding in made["findings"]] == ["unresolvable"]


def test_other_labels_are_a_change(run: Run, running: dict[str, Any]) -> None:
    running["external_labels"] = {"cluster": "cluster-03-edge"}
    assert run(running=running)["changed"] is True


def test_an_agent_that_writes_nowhere_is_a_change(run: Run) -> None:
    made = run(running={})
    assert made["changed"] is True
    assert made["diff"]["before"] == {"global": {"external_labels": {}}, "remote_write": []}


def test_another_cluster_with_the_same_labels_is_found(run: Run, running: dict[str, Any]) -> None:
    made = run(running=running, other_clusters={"cluster-02": {"cluster": "cluster-03"}})
    (finding,) = made["findings"]
    assert (finding["id"], finding["severity"]) == ("identity", "error")
    assert made["changed"] is False


def test_a_secret_of_what_runs_is_found_and_nowhere_shown(run: Run, running: dict[str, Any]) -> None:
    running["remote_write"][0] |= {
        "url": f"https://u:{SECRET}@a.example/api/v1/receive",
        "basic_auth": {"username": "u", "password": SECRET},
    }
    made = run(running=running)
    assert SECRET not in str(made)
    assert made["diff"]["before"]["remote_write"][0]["basic_auth"]["password"] == "<secret>"
    assert [finding["id"] for finding in made["findings"]] == ["secret", "secret"]


def test_a_secret_of_the_specification_is_refused_and_nowhere_shown(run: Run) -> None:
    made = run(spec={**SPEC, "tls": {}, "basic_auth": {"username": "u", "password_file": "/f", "password": SECRET}})
    assert "basic_auth: password would stand in the configuration" in made["msg"]
    assert SECRET not in str(made)


# What was measured.


def test_a_measurement_that_differs_makes_a_proposal_and_nothing_else(run: Run) -> None:
    made = run(measured={"samples_per_second": 3000, "latency": 0.1})
    assert made["proposal"]["samples_per_second"] == 3000
    assert made["proposal"]["queue_config"] == {"capacity": 10000, "max_shards": 50, "max_samples_per_send": 2000}
    assert {key: made[key] for key in ("config", "sizing", "changed")} == {
        key: run()[key] for key in ("config", "sizing", "changed")
    }


def test_a_measurement_that_hardly_differs_makes_none(run: Run) -> None:
    assert run(measured={"samples_per_second": 2400, "latency": 0.1})["proposal"] is None


def test_a_measurement_without_sizing_is_refused(run: Run) -> None:
    spec = {key: value for key, value in SPEC.items() if key != "sizing"}
    made = run(spec=spec, measured={"samples_per_second": 2400, "latency": 0.1})
    assert "Option measured: spec has no sizing to compare it with" in made["msg"]


def test_a_measurement_that_cannot_be_is_refused(run: Run) -> None:
    assert "measured: latency 0 is not possible" in run(measured={"samples_per_second": 1, "latency": 0})["msg"]


def test_half_a_measurement_is_refused(run: Run) -> None:
    assert "missing required arguments: latency" in run(measured={"samples_per_second": 2400})["msg"]


# The documentation.


@pytest.mark.parametrize("number", [0, 1])
def test_the_examples_of_the_filter_work(number: int) -> None:
    documentation = yaml.safe_load(FILTER_YML)
    spec = yaml.safe_load(documentation["EXAMPLES"])[number]["vars"]["spec"]
    assert filter_remote_write(spec)


def test_the_example_of_the_module_works(run: Run) -> None:
    example = yaml.safe_load(module.EXAMPLES)[0]["miribit.thanos.remote_write"]
    made = run(**example)
    assert made["changed"] is True
    assert [finding["id"] for finding in made["findings"]] == ["unresolvable", "retry-429"]
    assert made["proposal"]["samples_per_second"] == 2900
