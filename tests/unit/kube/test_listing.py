"""Lists of objects: pages, whole clusters or namespaces, and ReplicaSets without their templates."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fake_cluster import FakeCluster, served

from ansible_collections.miribit.thanos.plugins.module_utils.kube import session
from ansible_collections.miribit.thanos.plugins.module_utils.kube.errors import RefusedError
from ansible_collections.miribit.thanos.plugins.module_utils.kube.listing import CLUSTER_WIDE, RESOURCES, Lists
from ansible_collections.miribit.thanos.plugins.module_utils.kube.objects import PODS, REPLICA_SETS, Objects

HERE = "/api/v1/namespaces/monitoring/pods"
OWNER = [{"kind": "Deployment", "name": "shop", "controller": True}]


@pytest.fixture
def fake() -> Iterator[FakeCluster]:
    fake = FakeCluster()
    with served(fake):
        yield fake


@pytest.fixture
def lists(fake: FakeCluster, kubeconfig: Callable[..., str]) -> Lists:
    return Lists(session.session(kubeconfig(fake.url), "cluster-01"), "monitoring")


def named(name: str, namespace: str = "monitoring", **more: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": namespace, **more}}


def names(items: list[dict[str, Any]]) -> list[str]:
    return [item["metadata"]["name"] for item in items]


def forbids(fake: FakeCluster, path: str) -> None:
    fake.refuses("GET", path, 403, "Forbidden", "no")


# Pages.


def test_a_list_of_several_pages_is_read_to_its_end(lists: Lists, fake: FakeCluster) -> None:
    fake.pages(PODS.path(), *(named(f"pod-{number}") for number in range(5)), size=2)
    assert names(lists.everywhere("Pod").items) == [f"pod-{number}" for number in range(5)]
    assert [request.params.get("continue") for request in fake.requests] == [None, "2", "4"]
    assert {request.params["limit"] for request in fake.requests} == {"500"}


def test_every_page_has_the_selectors(lists: Lists, fake: FakeCluster) -> None:
    fake.pages(HERE, named("a"), named("b"), size=1)
    assert names(Objects(lists.session).find(PODS, "monitoring", "app=x", "status.phase=Running")) == ["a", "b"]
    assert {request.params["labelSelector"] for request in fake.requests} == {"app=x"}
    assert {request.params["fieldSelector"] for request in fake.requests} == {"status.phase=Running"}


def test_a_page_without_objects_is_not_the_end(lists: Lists, fake: FakeCluster) -> None:
    pages = {None: ({"continue": "x"}, None), "x": ({}, [named("a")])}

    def answer(request: Any) -> tuple[int, object]:
        metadata, items = pages[request.params.get("continue")]
        return 200, {"metadata": metadata, "items": items}

    fake.answers["GET", PODS.path()] = answer
    assert names(lists.everywhere("Pod").items) == ["a"]


def test_a_list_whose_next_page_is_gone_begins_again(lists: Lists, fake: FakeCluster) -> None:
    fake.pages(PODS.path(), named("a"), named("b"), named("c"), size=1, expired=2)
    assert names(lists.everywhere("Pod").items) == ["a", "b", "c"]
    assert [request.params.get("continue") for request in fake.requests] == [None, "1", None, "1", None, "1", "2"]


def test_a_list_that_expires_again_and_again_is_a_problem(lists: Lists, fake: FakeCluster) -> None:
    fake.pages(PODS.path(), named("a"), named("b"), size=1, expired=9)
    with pytest.raises(RefusedError, match="too old") as raised:
        lists.everywhere("Pod")
    assert raised.value.status == 410
    assert len(fake.requests) == 6


# Where.


def test_where_the_whole_cluster_is_forbidden_the_namespace_is_listed(lists: Lists, fake: FakeCluster) -> None:
    forbids(fake, PODS.path())
    fake.lists(HERE, named("a"))
    listed = lists.everywhere("Pod")
    assert (names(listed.items), listed.is_whole) == (["a"], False)


def test_where_both_are_forbidden_it_is_refused(lists: Lists, fake: FakeCluster) -> None:
    forbids(fake, PODS.path())
    forbids(fake, HERE)
    with pytest.raises(RefusedError) as raised:
        lists.everywhere("Pod")
    assert raised.value.status == 403


@pytest.mark.parametrize("kind", sorted(CLUSTER_WIDE))
def test_a_kind_without_namespaces_is_not_looked_for_in_one(lists: Lists, fake: FakeCluster, kind: str) -> None:
    forbids(fake, RESOURCES[kind].path())
    with pytest.raises(RefusedError):
        lists.everywhere(kind)
    assert fake.asked() == [RESOURCES[kind].path()]


def test_a_kind_that_the_api_server_does_not_know_has_no_objects(lists: Lists) -> None:
    assert lists.everywhere("PrometheusAgent").items == []
    assert lists.here("PrometheusAgent") == []


@pytest.mark.parametrize("kind", ["Pod", "ReplicaSet", "StatefulSet"])
def test_a_server_without_the_kinds_of_kubernetes_is_none(lists: Lists, kind: str) -> None:
    """Without pods, an agent would be made where there is one."""
    with pytest.raises(RefusedError) as raised:
        lists.everywhere(kind)
    assert raised.value.status == 404


# ReplicaSets.


def test_of_replica_sets_only_the_metadata_is_read(lists: Lists, fake: FakeCluster) -> None:
    fake.lists(REPLICA_SETS.path(), named("shop-1", "shop", ownerReferences=OWNER))
    assert names(lists.everywhere("ReplicaSet").items) == ["shop-1"]
    (request,) = fake.requests
    assert request.headers["accept"] == "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


def test_replica_sets_of_the_namespace_and_those_without_an_owner_have_their_templates(
    lists: Lists, fake: FakeCluster
) -> None:
    shop, alone = named("shop-1", "shop", ownerReferences=OWNER), named("alone", "lone")
    own = named("query-1", ownerReferences=OWNER)
    fake.lists(REPLICA_SETS.path(), shop, alone, own)
    fake.lists(REPLICA_SETS.path("lone"), {**alone, "spec": {"replicas": 1}})
    fake.lists(REPLICA_SETS.path("monitoring"), {**own, "spec": {"replicas": 2}})
    found = {item["metadata"]["name"]: item.get("spec") for item in lists.everywhere("ReplicaSet").items}
    assert found == {"shop-1": None, "alone": {"replicas": 1}, "query-1": {"replicas": 2}}


def test_the_replica_sets_of_one_namespace_are_read_as_they_are(lists: Lists, fake: FakeCluster) -> None:
    forbids(fake, REPLICA_SETS.path())
    fake.lists(REPLICA_SETS.path("monitoring"), named("query-1", ownerReferences=OWNER))
    assert names(lists.everywhere("ReplicaSet").items) == ["query-1"]
    assert fake.requests[-1].headers["accept"] == "application/json"
