"""The module object_set_info: what of a component is no longer wanted, and what only looks like its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fake_cluster import FakeCluster, served

from ansible_collections.miribit.thanos.plugins.action import _object_set_info as object_set_info
from ansible_collections.miribit.thanos.plugins.module_utils.kube.rendered import CLUSTER_WIDE, RESOURCES, labels_of

KEPT, GONE, FOREIGN = (f"v1/ConfigMap/monitoring/{name}" for name in ("kept", "gone", "foreign"))
CONFIG_MAPS = "/api/v1/namespaces/monitoring/configmaps"

Look = Callable[..., dict[str, Any]]


@pytest.fixture
def fake() -> Iterator[FakeCluster]:
    fake = FakeCluster()
    # A user may list other kinds only where a test says so.
    fake.lists(CONFIG_MAPS)
    with served(fake):
        yield fake


@pytest.fixture
def look(run_action: Callable[..., Any], kubeconfig: Callable[..., str], fake: FakeCluster) -> Look:
    access = {"kubeconfig": kubeconfig(fake.url), "context": "cluster-01"}

    def run(**options: object) -> dict[str, Any]:
        given = {"namespace": "monitoring", "component": "thanos-query", "wanted": [KEPT], **options}
        result: dict[str, Any] = run_action(object_set_info.ActionModule, {**access, **given})
        return result

    return run


def config_map(name: str, component: str = "thanos-query") -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "monitoring", "labels": labels_of(component)}}


def test_what_was_recorded_and_is_not_wanted_is_surplus_while_it_is_ours(look: Look, fake: FakeCluster) -> None:
    fake.has(f"{CONFIG_MAPS}/gone", config_map("gone"))
    fake.has(f"{CONFIG_MAPS}/foreign", config_map("foreign", "somebody-else"))
    found = look(recorded=[KEPT, GONE, FOREIGN, "v1/ConfigMap/monitoring/already-deleted"])
    named = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "gone", "namespace": "monitoring"}}
    assert (found["surplus"], found["leftovers"], found["changed"]) == ([named], [], False)


def test_without_a_record_what_bears_the_labels_is_only_named(look: Look, fake: FakeCluster) -> None:
    fake.lists(CONFIG_MAPS, config_map("kept"), config_map("gone"))
    found = look()
    assert (found["surplus"], found["leftovers"]) == ([], [GONE])
    listed = [request for request in fake.requests if request.path == CONFIG_MAPS]
    assert "app.kubernetes.io/component=thanos-query" in listed[0].params["labelSelector"]


def test_volumes_are_never_looked_for(look: Look, fake: FakeCluster) -> None:
    look(recorded=["v1/PersistentVolumeClaim/monitoring/data"])
    assert not any("persistentvolumeclaims" in path for path in fake.asked())


def path_of(kind: str) -> str:
    return RESOURCES[kind].path("" if kind in CLUSTER_WIDE else "monitoring")


@pytest.mark.parametrize("option", ["wanted", "recorded"])
@pytest.mark.parametrize("kind", sorted(RESOURCES.keys() - {"Namespace"}))
def test_a_kind_is_looked_for_where_something_names_one(look: Look, fake: FakeCluster, kind: str, option: str) -> None:
    place = "" if kind in CLUSTER_WIDE else "monitoring"
    named, left = (f"{RESOURCES[kind].api_version}/{kind}/{place}/{name}" for name in ("named", "left"))
    ours = {"labels": labels_of("thanos-query")} | ({"namespace": place} if place else {})
    fake.lists(path_of(kind), *({"metadata": {"name": name, **ours}} for name in ("named", "left")))
    found = look(**{"wanted": [], option: [named]})
    assert left in found["leftovers"]
    others = {path_of(other) for other in RESOURCES if other not in {kind, "Namespace"}}
    assert [path for path in fake.asked() if path in others] == []


def test_what_is_in_no_namespace_is_surplus_too(look: Look, fake: FakeCluster) -> None:
    kind = "ClusterRoleBinding"
    fake.lists(path_of(kind))
    fake.has(f"{path_of(kind)}/gone", {"metadata": {"name": "gone", "labels": labels_of("thanos-query")}})
    found = look(recorded=[f"{RESOURCES[kind].api_version}/{kind}//gone"])
    assert [(one["kind"], one["metadata"]["name"]) for one in found["surplus"]] == [(kind, "gone")]


def test_a_refusal_of_the_api_server_is_a_problem(look: Look, fake: FakeCluster) -> None:
    fake.refuses("GET", CONFIG_MAPS, 403, "Forbidden", "configmaps is forbidden")
    found = look()
    assert found["failed"]
    assert "allow the user what it names" in found["problems"][0]["fix"]
