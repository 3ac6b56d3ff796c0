"""Objects of a component: marks, order, references, what is surplus, and what a diff shows."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.miribit.thanos.plugins.filter._manifest_objects import manifest_objects
from ansible_collections.miribit.thanos.plugins.filter._object_references import object_references
from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.kube.rendered import (
    CLUSTER_WIDE,
    RESOURCES,
    additions,
    diffs,
    from_reference,
    is_ours,
    mark,
    reference,
    surplus,
)


def item(kind: str, name: str = "a", api_version: str = "v1", **more: Any) -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, **more}


def dump(content: dict[str, Any]) -> str:
    return json.dumps(content)


def test_what_others_need_comes_first_and_equals_keep_their_order() -> None:
    objects = [item("Deployment", api_version="apps/v1"), item("Service", "b"), item("Service", "a"), item("Namespace")]
    marked = mark(objects, "thanos-query", "monitoring")
    assert [(one["kind"], one["metadata"]["name"]) for one in marked] == [
        ("Namespace", "a"),
        ("Service", "b"),
        ("Service", "a"),
        ("Deployment", "a"),
    ]


def test_marks_say_whose_an_object_is_and_keep_its_own_labels() -> None:
    service = item("Service")
    service["metadata"]["labels"] = {"mine": "1"}
    (marked,) = mark([service], "thanos-query", "monitoring")
    assert marked["metadata"]["labels"]["mine"] == "1"
    assert marked["metadata"]["namespace"] == "monitoring"
    assert is_ours(marked, "thanos-query")
    assert not is_ours(marked, "thanos-receiver")
    assert not is_ours(item("Service"), "thanos-query")
    assert "namespace" not in mark([item("Namespace")], "fleet", "monitoring")[0]["metadata"]


def test_what_is_adopted_gets_a_namespace_and_no_labels() -> None:
    config_map = item("ConfigMap", data={"a": "b"})
    mine = item("StatefulSet", "b", "apps/v1")
    mine["metadata"] |= {"labels": {"mine": "1"}, "namespace": "other"}
    marked = mark([mine, config_map], "prometheus-agent", "monitoring", adopt=True)
    assert [one["metadata"] for one in marked] == [
        {"name": "a", "namespace": "monitoring"},
        {"name": "b", "labels": {"mine": "1"}, "namespace": "other"},
    ]
    assert not any(is_ours(one, "prometheus-agent") for one in marked)
    assert config_map["metadata"] == {"name": "a"}


def test_what_is_adopted_must_be_a_kind_that_roles_handle_too() -> None:
    with pytest.raises(ProblemError, match="'Pod' is not one that roles handle"):
        mark([item("Pod")], "prometheus-agent", "monitoring", adopt=True)


@pytest.mark.parametrize("kind", sorted(CLUSTER_WIDE))
def test_what_is_in_no_namespace_gets_none(kind: str) -> None:
    (marked,) = mark([item(kind, api_version=RESOURCES[kind].api_version)], "c", "monitoring")
    assert "namespace" not in marked["metadata"]
    assert reference(marked) == f"{RESOURCES[kind].api_version}/{kind}//a"
    again = from_reference(reference(marked))
    assert again
    assert reference(again) == reference(marked)


def test_permissions_come_before_what_uses_them_and_go_after_it() -> None:
    kinds = ["PrometheusAgent", "DaemonSet", "ClusterRoleBinding", "ClusterRole", "ServiceAccount"]
    objects = [item(kind, api_version=RESOURCES[kind].api_version) for kind in kinds]
    marked = mark(objects, "prometheus-agent", "monitoring")
    order = ["ServiceAccount", "ClusterRole", "ClusterRoleBinding", "DaemonSet", "PrometheusAgent"]
    assert [one["kind"] for one in marked] == order
    gone = surplus([reference(one) for one in marked], [])
    assert [text.rsplit("/", 3)[1] for text in gone] == order[::-1]


def test_everything_that_no_role_may_render_is_refused_at_once() -> None:
    with pytest.raises(ProblemError) as refused:
        mark([item("PersistentVolumeClaim"), "text", {"kind": "Service", "metadata": {}}], "c", "monitoring")
    assert [problem.subject for problem in refused.value.problems] == [
        "Object 1 of c",
        "Object 2 of c",
        "Object 3 of c (Service)",
    ]


def test_a_reference_leads_back_to_the_object() -> None:
    (marked,) = mark([item("Deployment", api_version="apps/v1")], "c", "monitoring")
    assert reference(marked) == "apps/v1/Deployment/monitoring/a"
    again = from_reference(reference(marked))
    assert again
    assert reference(again) == reference(marked)


@pytest.mark.parametrize("text", ["", "a/b/c/d", "v1/PersistentVolumeClaim/monitoring/data", "v1/Deployment/a/b"])
def test_what_is_no_reference_of_ours_is_none(text: str) -> None:
    assert from_reference(text) is None


def test_surplus_is_what_was_recorded_and_is_not_wanted_in_the_order_in_which_it_goes() -> None:
    recorded = [
        "v1/ConfigMap/m/old",
        "apps/v1/Deployment/m/old",
        "v1/Service/m/kept",
        "v1/PersistentVolumeClaim/m/data",
    ]
    assert surplus(recorded, ["v1/Service/m/kept"]) == ["apps/v1/Deployment/m/old", "v1/ConfigMap/m/old"]


def test_a_diff_shows_an_object_without_the_servers_own_fields() -> None:
    before = {"metadata": {"name": "a", "resourceVersion": "1", "managedFields": []}, "spec": {"x": 1}, "status": {}}
    (shown,) = diffs([(item("Service"), before, {"spec": {"x": 2}})], dump)
    assert shown["before_header"] == "Service a"
    assert json.loads(shown["before"]) == {"metadata": {"name": "a"}, "spec": {"x": 1}}
    assert json.loads(shown["after"]) == {"spec": {"x": 2}}


def test_a_diff_of_a_secret_names_its_keys_only() -> None:
    secret = item("Secret", data={"objstore.yml": "c2VjcmV0"})
    (changed,) = diffs([(secret, {}, secret)], dump)
    (added,) = additions([secret], dump)
    assert changed["after"] == added["after"] == "keys objstore.yml; the values are not shown\n"
    assert "c2VjcmV0" not in str([changed, added])


def test_a_manifest_is_read_without_its_empty_documents() -> None:
    assert manifest_objects("---\n# nothing\n---\na: 1\n---\n") == [{"a": 1}]


def test_a_manifest_that_is_not_yaml_is_refused_without_quoting_it() -> None:
    with pytest.raises(AnsibleFilterError, match=r"not YAML at line 2\. Fix") as refused:
        manifest_objects("a: 1\nb: [planted-secret")
    assert "planted-secret" not in str(refused.value)


def test_references_are_made_of_rendered_objects() -> None:
    assert object_references([item("Service")], "monitoring") == ["v1/Service/monitoring/a"]
    with pytest.raises(AnsibleFilterError, match="one that roles handle"):
        object_references([item("Pod")], "monitoring")
