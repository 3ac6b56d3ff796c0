"""Whether an agent scrapes all that the other servers of its edge do."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.miribit.thanos.plugins.filter._target_coverage import target_coverage

Facts = dict[str, Any]

NODE = "10.0.0.1:9100"


def target(address: str = NODE, job: str = "node-exporter", health: str = "up", **labels: str) -> Facts:
    found = {"namespace": None, "pod": None, "labels": {"job": job, **labels}, **labels}
    return {"address": address, "path": "/metrics", "params": {}, "job": job, "health": health, **found}


def component(name: str, targets: list[Facts] | None, wanted: int = 1) -> Facts:
    return {
        "id": f"StatefulSet monitoring/{name} [prometheus]",
        "workload": {"kind": "StatefulSet", "namespace": "monitoring", "name": name},
        "owner": {"custom_resource": None},
        "replicas": {"wanted": wanted, "ready": wanted},
        "pods": [{"name": f"{name}-0"}],
        "targets": targets,
    }


def compared(
    new: list[Facts] | None, old: list[Facts] | None, accept: tuple[str, ...] = (), **lists: list[Facts]
) -> Facts:
    agents = [component("new", new), component("old", old)]
    return target_coverage({"agents": agents, "servers": [], **lists}, "new", accept)


def test_an_agent_that_scrapes_the_same_misses_nothing() -> None:
    found = compared([target()], [target(job="another")])
    assert (found["problems"], found["missing"], found["extra"], found["both"]) == ([], [], [], 1)


def test_what_only_another_agent_scrapes_is_missing_with_both_ways_to_mend_it() -> None:
    found = compared([], [target(), target("10.0.0.2:9100")])
    assert found["missing"] == ["job node-exporter: 2 targets, such as 10.0.0.1:9100/metrics"]
    [problem] = found["problems"]
    assert "StatefulSet monitoring/old" in problem["cause"]
    assert "ServiceMonitor" in problem["fix"]
    assert "prometheus_agent_extra_scrape_configs" in problem["fix"]


def test_what_only_a_full_server_scrapes_is_missing() -> None:
    found = compared([], [], servers=[component("full", [target()])])
    assert "StatefulSet monitoring/full" in found["problems"][0]["cause"]


@pytest.mark.parametrize(
    "other", [{"path": "/metrics/cadvisor"}, {"params": {"module": ["http"]}}, {"address": "10.0.0.1:9101"}]
)
def test_another_path_parameter_or_port_is_another_target(other: Facts) -> None:
    assert compared([{**target(), **other}], [target()])["missing"]


def test_what_only_the_agent_scrapes_is_no_problem() -> None:
    found = compared([target()], [])
    assert (found["problems"], found["extra"]) == ([], ["job node-exporter: 1 target, such as 10.0.0.1:9100/metrics"])


def test_what_another_scrapes_in_vain_is_not_missed() -> None:
    assert compared([], [target(health="down")])["problems"] == []


@pytest.mark.parametrize("pod", ["old-0", "full-0", "alertmanager-0", "grafana-0"])
def test_what_goes_away_with_the_others_is_not_missed(pod: str) -> None:
    lists = {kind: [component(kind.removesuffix("s"), [])] for kind in ("alertmanagers", "grafanas")}
    own = target(namespace="monitoring", pod=pod)
    full = component("full", [own])
    assert compared([], [own], servers=[full], **lists)["problems"] == []


def test_a_pod_of_the_same_name_elsewhere_is_missed() -> None:
    assert compared([], [target(namespace="shop", pod="old-0")])["problems"]


@pytest.mark.parametrize("address", ["localhost:9090", "127.0.0.1:9090", "[::1]:9090"])
def test_what_another_scrapes_of_itself_is_not_missed(address: str) -> None:
    assert compared([], [target(address)])["problems"] == []


def test_a_job_that_nobody_needs_may_be_missing() -> None:
    found = compared([], [target(), target("10.0.0.2:80", job="shop")], ("node-exporter",))
    assert found["missing"] == ["job shop: 1 target, such as 10.0.0.2:80/metrics"]


@pytest.mark.parametrize(("new", "old"), [(None, []), ([], None)])
def test_one_that_does_not_tell_its_targets_is_a_problem(new: list[Facts] | None, old: list[Facts] | None) -> None:
    found = compared(new, old)
    assert "does not tell its targets" in found["problems"][0]["cause"]
    assert found["targets"] is None


def test_one_without_pods_is_not_compared() -> None:
    edge = {"agents": [component("new", []), component("old", None, wanted=0)], "servers": []}
    assert target_coverage(edge, "new") == {
        "problems": [],
        "missing": [],
        "extra": [],
        "both": 0,
        "twice": [],
        "targets": None,
    }


def test_an_agent_that_does_not_run_is_a_problem() -> None:
    edge = {"agents": [component("old", [])], "servers": []}
    assert "does not run" in target_coverage(edge, "new")["problems"][0]["cause"]  # type: ignore[index]


def test_an_agent_is_known_by_its_custom_resource() -> None:
    made = {**component("prom-agent-new", [target()]), "owner": {"custom_resource": {"name": "new"}}}
    assert target_coverage({"agents": [made, component("old", [target()])], "servers": []}, "new")["both"] == 1


def test_the_gate_gets_what_is_up_at_the_others_and_stays() -> None:
    going, down = target("10.0.0.3:80", namespace="monitoring", pod="old-0"), target("10.0.0.4:80", health="down")
    found = compared([target()], [target(), going, down])
    assert found["targets"] == [{"address": NODE, "path": "/metrics", "params": {}}]


def test_what_one_pod_of_the_agent_scrapes_twice_is_told() -> None:
    found = compared([target(), target(job="again")], [target()])
    assert found["twice"] == ["job node-exporter: 1 target, such as 10.0.0.1:9100/metrics"]


def test_what_two_pods_of_the_agent_scrape_is_not_told_as_twice() -> None:
    pair = {**component("new", [target(), target()]), "pods": [{"name": "new-0"}, {"name": "new-1"}]}
    assert target_coverage({"agents": [pair], "servers": []}, "new")["twice"] == []
