"""In which steps ingestors become more or fewer."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.miribit.thanos.plugins.filter._ingestor_scaling_steps import ingestor_scaling_steps
from ansible_collections.miribit.thanos.plugins.module_utils.receive.scaling import steps


def wanted(**replicas: int) -> list[dict[str, Any]]:
    return [{"name": name, "service": "receive", "replicas": count} for name, count in replicas.items()]


def running(**replicas: int) -> list[dict[str, Any]]:
    return wanted(**replicas)


def counts(step: list[dict[str, Any]]) -> list[tuple[str, int]]:
    return [(one["name"], one["replicas"]) for one in step]


def test_where_nothing_runs_all_come_up_at_once() -> None:
    found = steps(wanted(a=3, b=2), [])
    assert (counts(found["up"]), found["down"]) == ([("a", 3), ("b", 2)], [])


def test_more_pods_come_before_the_ring() -> None:
    found = steps(wanted(a=5), running(a=3))
    assert (counts(found["up"]), found["down"]) == ([("a", 5)], [])


def test_fewer_pods_stay_until_the_ring_and_then_go_one_by_one() -> None:
    found = steps(wanted(a=3), running(a=5))
    assert (counts(found["up"]), counts(found["down"])) == ([("a", 5)], [("a", 4), ("a", 3)])


def test_one_zone_grows_while_another_shrinks() -> None:
    found = steps(wanted(a=1, b=3), running(a=2, b=2))
    assert (counts(found["up"]), counts(found["down"])) == ([("a", 2), ("b", 3)], [("a", 1)])


def stateful_set(name: str, replicas: int, **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name},
        "spec": {"replicas": replicas, "serviceName": "receive", "template": {"spec": spec}},
    }


def test_the_filter_reads_what_the_api_server_gives() -> None:
    zone = {"nodeSelector": {"topology.kubernetes.io/zone": "z"}}
    found = ingestor_scaling_steps(wanted(a=1), [stateful_set("a", 2), stateful_set("gone", 1, **zone)])
    gone = {"name": "gone", "service": "receive", "zone": "z"}
    assert found == {
        "up": [{"name": "a", "service": "receive", "running": 2, "replicas": 2, "pods": []}],
        "down": [
            {"name": "a", "service": "receive", "running": 2, "replicas": 1, "pods": ["a-1"]},
            {**gone, "running": 1, "replicas": 0, "pods": ["gone-0"]},
        ],
        "all": [
            {"name": "a", "service": "receive", "running": 2, "replicas": 2, "pods": ["a-0", "a-1"]},
            {**gone, "replicas": 1, "pods": ["gone-0"]},
        ],
    }


def test_a_ring_that_is_no_longer_wanted_loses_its_pods_one_by_one_too() -> None:
    found = steps(wanted(a=3), running(a=3, b=2))
    assert (counts(found["up"]), counts(found["down"])) == ([("a", 3)], [("b", 1), ("b", 0)])


def test_all_that_is_there_is_brought_up_before_it_is_taken_away() -> None:
    found = steps(wanted(a=3, b=2), running(a=0))
    assert [(one["name"], one["replicas"], one["pods"]) for one in found["all"]] == [("a", 3, ["a-0", "a-1", "a-2"])]


sizes = st.dictionaries(st.sampled_from("abcd"), st.integers(0, 6))


@given(sizes, sizes)
def test_before_the_ring_nothing_goes_and_in_the_end_all_is_as_wanted(
    goal: dict[str, int], there: dict[str, int]
) -> None:
    found = steps(wanted(**goal), running(**there))
    before = dict(counts(found["up"]))
    assert all(before[name] >= max(goal[name], there.get(name, 0)) for name in goal)
    now = {**there, **before}
    for name, replicas in counts(found["down"]):
        assert replicas == now[name] - 1
        now[name] = replicas
    assert now == {**dict.fromkeys(there, 0), **goal}
