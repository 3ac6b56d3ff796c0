"""The module hashring, from its options to the JSON that Ansible reads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.miribit.thanos.plugins.module_utils.hashring.file import as_text, config_hash
from ansible_collections.miribit.thanos.plugins.modules import hashring

Run = Callable[..., dict[str, Any]]


def address(ordinal: int, service: str = "receive") -> str:
    return f"{service}-{ordinal}.{service}.monitoring.svc.cluster.local:10901"


def ring(replicas: int, name: str = "default", service: str = "receive", **more: Any) -> dict[str, Any]:
    return {"name": name, "service": service, "replicas": replicas, **more}


def running(*addresses: str, **more: Any) -> list[dict[str, Any]]:
    return [{"hashring": "default", "algorithm": "ketama", "endpoints": list(addresses), **more}]


THREE = running(*map(address, range(3)))
READY = [address(ordinal) for ordinal in range(6)]


@pytest.fixture
def plan(run_module: Run) -> Run:
    def run(*rings: dict[str, Any], **options: Any) -> dict[str, Any]:
        return run_module(hashring, {"spec": list(rings), "namespace": "monitoring", **options})

    return run


@pytest.fixture
def hazards(plan: Run) -> Callable[..., list[str]]:
    """Why a change is not safe in one step."""

    def run(*rings: dict[str, Any], **options: Any) -> list[str]:
        preview = plan(*rings, **options)["preview"]
        assert preview["safe"] is not preview["hazards"] is not None
        assert preview["safe"] == (not preview["hazards"])
        return [f"{hazard['subject']}: {hazard['cause']}. Fix: {hazard['fix']}." for hazard in preview["hazards"]]

    return run


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The warnings of the task."""
    warnings: list[str] = []
    monkeypatch.setattr(hashring.AnsibleModule, "warn", staticmethod(warnings.append))
    return warnings


def test_the_file_comes_as_content_as_text_and_as_hash(plan: Run, shown: list[str]) -> None:
    result = plan(ring(3))
    assert result["hashrings"] == THREE
    assert result["text"] == as_text(THREE)
    assert result["config_hash"] == config_hash(as_text(THREE))
    assert result["changed"] is False
    assert result["hashring_warnings"] == shown == []
    assert "preview" not in result
    assert "diff" not in result


def test_every_problem_is_told_at_once(plan: Run) -> None:
    result = plan(ring(2), ring(0, tenants=["/"]), replication_factor=3, namespace="A")
    assert result["failed"]
    assert result["msg"].startswith("6 problems:\n- Option namespace: 'A' is not a namespace's name. Fix: ")
    assert [problem["subject"] for problem in result["problems"]] == [
        "Option namespace",
        "Ring 2 (default), StatefulSet receive",
        "Ring 2 (default), tenant '/'",
        "Ring 1 (default)",
        "Ring 1 (default) and Ring 2 (default)",
        "Ring 2 (default)",
    ]


def test_a_warning_is_returned_and_shown(plan: Run, shown: list[str]) -> None:
    result = plan(ring(3), replication_factor=2)
    assert result["hashring_warnings"] == shown
    assert shown[0].startswith("Replication factor 2: ")


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize("content", [THREE, as_text(THREE)])
def test_what_runs_already_is_no_change(plan: Run, content: object, check_mode: bool) -> None:
    result = plan(ring(3), running=content, _ansible_check_mode=check_mode)
    assert result["changed"] is False
    assert result["preview"]["safe"]
    assert result["preview"]["rings"][0]["moved"] == 0


@pytest.mark.parametrize("check_mode", [False, True])
def test_a_change_is_shown_with_both_files(plan: Run, check_mode: bool) -> None:
    result = plan(ring(4), running=as_text(THREE), _ansible_check_mode=check_mode, _ansible_diff=True)
    assert result["changed"] is True
    assert result["diff"] == {"before": as_text(THREE), "after": result["text"]}


def test_another_white_space_is_a_change_because_it_is_another_hash(plan: Run) -> None:
    result = plan(ring(3), running=as_text(THREE) + "\n", ready=READY)
    assert result["changed"] is True
    assert result["preview"]["safe"]


def test_a_fourth_endpoint_moves_its_share_of_the_series(plan: Run) -> None:
    (change,) = plan(ring(4), running=THREE, replication_factor=2, ready=READY)["preview"]["rings"]
    assert change["name"] == "default"
    # Each of four endpoints holds half of the series; what the new one holds, it has from another one.
    assert change["moved"] == pytest.approx(0.5, rel=0.1)
    loads = {load["address"]: (load["before"], load["after"]) for load in change["endpoints"]}
    assert list(loads) == [address(ordinal) for ordinal in range(4)]
    for ordinal in range(3):
        assert loads[address(ordinal)] == (pytest.approx(2 / 3, rel=0.1), pytest.approx(1 / 2, rel=0.1))
    assert loads[address(3)] == (0, change["moved"])
    assert change["azs"] == [{"az": "", "before": 2.0, "after": 2.0}]


def test_the_load_of_each_az_is_told(plan: Run) -> None:
    zones = [{"name": "a", "replicas": 2}, {"name": "b", "replicas": 1}]
    (change,) = plan({"name": "default", "service": "receive", "zones": zones}, running=THREE, replication_factor=2)[
        "preview"
    ]["rings"]
    assert change["azs"] == [
        {"az": "", "before": 2.0, "after": 0.0},
        {"az": "a", "before": 0.0, "after": 1.0},
        {"az": "b", "before": 0.0, "after": 1.0},
    ]


def test_the_load_of_an_az_is_the_one_that_it_had_then(plan: Run) -> None:
    azs = [{"address": f"receive-a-{n}.receive.monitoring.svc.cluster.local:10901", "az": "old"} for n in range(3)]
    zoned = {"name": "default", "service": "receive", "zones": [{"name": "a", "replicas": 3}]}
    (change,) = plan(zoned, running=running(*azs))["preview"]["rings"]
    assert change["azs"] == [{"az": "a", "before": 0.0, "after": 3.0}, {"az": "old", "before": 3.0, "after": 0.0}]
    assert {load["az"] for load in change["endpoints"]} == {"a"}


def test_nothing_is_said_of_a_ring_that_comes_goes_or_is_drawn_at_random(plan: Run) -> None:
    sharded = {"shuffle_sharding_config": {"shard_size": 3}}
    before = [*running(*READY, tenants=["a"], **sharded), *running(*READY, hashring="old")]
    spec = (ring(4, tenants=["a"], **sharded), ring(3, name="new", service="new", tenants=["b"]))
    changes = plan(*spec, running=before)["preview"]["rings"]
    assert [(change["name"], change["moved"]) for change in changes] == [
        ("default", None),
        ("new", None),
        ("old", None),
    ]
    by_name = {change["name"]: change for change in changes}
    assert {load["after"] for load in by_name["new"]["endpoints"]} == {1.0}
    assert {load["after"] for load in by_name["old"]["endpoints"]} == {0.0}


# Whether the change is safe in one step


def test_growing_by_endpoints_that_are_ready_is_safe(hazards: Callable[..., list[str]]) -> None:
    assert hazards(ring(5), running=THREE, ready=READY) == []


@pytest.mark.parametrize("ready", [None, READY[:3]])
def test_growing_by_an_endpoint_that_is_not_known_to_be_ready_is_not_safe(
    hazards: Callable[..., list[str]], ready: list[str] | None
) -> None:
    (hazard,) = hazards(ring(4), running=THREE, ready=ready)
    assert f"Ring default: nothing shows that the pod of the new endpoint {address(3)} is Ready" in hazard


def test_shrinking_is_safe_while_enough_endpoints_are_ready(hazards: Callable[..., list[str]]) -> None:
    five = running(*map(address, range(5)))
    assert hazards(ring(3), running=five) == []
    assert hazards(ring(3), running=five, ready=READY[:3]) == []
    (hazard,) = hazards(ring(3), running=five, ready=READY[1:])
    assert "2 of its 3 endpoints are Ready, which is below the replication factor 3" in hazard


def test_endpoints_that_come_while_others_go_are_two_steps(hazards: Callable[..., list[str]]) -> None:
    before = running(*map(address, range(3)), address(0, "old"))
    (hazard,) = hazards(ring(4), running=before, ready=READY)
    assert "Ring default: endpoints come (1) while others go (1)" in hazard


def test_rings_change_one_at_a_time(hazards: Callable[..., list[str]]) -> None:
    before = [*running(*READY[:4], tenants=["a"]), *running(*READY[:4], hashring="others")]
    rings = [ring(3, tenants=["a"]), ring(3, name="others")]
    (hazard,) = hazards(*rings, running=before)
    assert "Change: 2 rings change at once (Ring default, Ring others)" in hazard
    assert hazards(rings[0], ring(4, name="others"), running=before, ready=READY) == []


def test_a_new_ring_takes_a_tenant_in_one_step(hazards: Callable[..., list[str]]) -> None:
    rings = [ring(3, name="a", tenants=["a"]), ring(3)]
    assert hazards(*rings, running=THREE, ready=READY) == []


def test_another_tenant_of_the_same_ring_is_safe(hazards: Callable[..., list[str]]) -> None:
    assert hazards(ring(3, tenants=["a", "b"]), running=running(*READY[:3], tenants=["a"])) == []


def test_any_change_of_a_file_with_shuffle_sharding_ends_receivers(hazards: Callable[..., list[str]]) -> None:
    sharded = {"shuffle_sharding_config": {"shard_size": 3}}
    before = running(*READY[:4], **sharded)
    (hazard,) = hazards(ring(3, **sharded), running=before)
    assert "Ring default: a receiver that shards its tenants ends when it loads the file again" in hazard
    assert hazards(ring(3, name="default-2", **sharded), running=before) == []
    assert hazards(ring(4, **sharded), running=before) == []
    assert hazards(ring(3), running=before) == []


def test_a_renamed_ring_is_known_by_its_tenants(plan: Run) -> None:
    before = [*running(*READY[:3], hashring="", tenants=["a"]), *running(*READY[:3])]
    preview = plan(ring(3, name="team-a", tenants=["a"]), ring(3), running=before)["preview"]
    assert preview["safe"]
    assert [(change["name"], change["moved"]) for change in preview["rings"]] == [("team-a", 0), ("default", 0)]


def test_rings_of_one_name_that_run_are_all_seen(plan: Run) -> None:
    before = [*running(*READY[:3], tenants=["a"]), *running(*READY[:4])]
    (first, second) = plan(ring(3, tenants=["a"]), running=before)["preview"]["rings"]
    assert (first["moved"], second["moved"]) == (0, None)


# A file that runs and should not


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "Running file, Hashring file: it is not JSON"),
        ("[]", "Running file, Hashring file: it holds no ring"),
        ([{"endpoint": []}], "Running file, Ring 1: there is no key 'endpoint'"),
    ],
)
def test_a_running_file_that_cannot_be_read_is_a_warning(
    plan: Run, shown: list[str], content: object, words: str
) -> None:
    result = plan(ring(3), running=content)
    assert result["changed"] is True
    assert "preview" not in result
    assert words in shown[0]


def test_a_running_ring_that_cannot_be_placed_is_a_warning_and_does_not_hang(plan: Run, shown: list[str]) -> None:
    azs = [{"address": address(ordinal), "az": str(ordinal > 0)} for ordinal in range(3)]
    result = plan(ring(5), running=running(*azs), replication_factor=4, ready=READY)
    assert result["preview"]["rings"][0]["moved"] is None
    assert "Running file, Ring 1 (default): it has 3 endpoints for 4 copies" in shown[1]
