"""Who an object belongs to, by what it says of its owners and by the marks that tools leave on it."""

from __future__ import annotations

from typing import Any

import pytest
from audit_objects import NAMESPACE, Object, named, owned_by
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.miribit.thanos.plugins.module_utils.base.facts import as_facts
from ansible_collections.miribit.thanos.plugins.module_utils.kube.owners import chart_of, owner

RELEASE = {"meta.helm.sh/release-name": "stack", "meta.helm.sh/release-namespace": "releases"}
CHART = {"helm.sh/chart": "kube-prometheus-stack-78.2.1", "app.kubernetes.io/managed-by": "Helm"}
NOBODY = {
    "kind": "none",
    "namespace": None,
    "name": None,
    "chart": None,
    "chart_version": None,
    "custom_resource": None,
}


def tracked(kind: str, name: str, application: str = "stack", namespace: str = NAMESPACE) -> dict[str, str]:
    return {"argocd.argoproj.io/tracking-id": f"{application}:monitoring.coreos.com/{kind}:{namespace}/{name}"}


def found(kind: str, item: Object, **objects: list[Object]) -> dict[str, Any]:
    return as_facts(owner(kind, item, objects))


def who(kind: str, item: Object, **objects: list[Object]) -> tuple[str, str | None, str | None]:
    answer = found(kind, item, **objects)
    return answer["kind"], answer["namespace"], answer["name"]


def test_what_has_no_mark_belongs_to_nobody() -> None:
    assert found("StatefulSet", named("prometheus-agent", labels={"app": "prometheus-agent"})) == NOBODY


def test_a_release_is_told_by_helms_annotations() -> None:
    item = named("operator", labels=CHART, annotations=RELEASE)
    assert found("Deployment", item) == {
        "kind": "helm",
        "namespace": "releases",
        "name": "stack",
        "chart": "kube-prometheus-stack",
        "chart_version": "78.2.1",
        "custom_resource": None,
    }


def test_labels_of_a_chart_alone_are_no_release() -> None:
    """They are also on what was rendered from the chart and applied by somebody else."""
    answer = found("Deployment", named("operator", labels={**CHART, "app.kubernetes.io/instance": "stack"}))
    assert (answer["kind"], answer["name"], answer["chart"]) == ("none", None, "kube-prometheus-stack")


def test_an_application_of_argo_cd_is_told_by_its_tracking_id() -> None:
    item = named("stack", labels=CHART, annotations=tracked("Prometheus", "stack", "edge-03"))
    assert who("Prometheus", item) == ("argocd", None, "edge-03")


def test_an_application_in_a_namespace_of_its_own_is_told_with_it() -> None:
    item = named("stack", annotations=tracked("Prometheus", "stack", "teams_edge-03"))
    assert who("Prometheus", item) == ("argocd", "teams", "edge-03")


@pytest.mark.parametrize(
    "copied",
    [
        tracked("Prometheus", "other"),
        tracked("Alertmanager", "stack"),
        tracked("Prometheus", "stack", namespace="other"),
        tracked("Prometheus", "stack", application=""),
        {"argocd.argoproj.io/tracking-id": "stack"},
        {"argocd.argoproj.io/tracking-id": ""},
    ],
)
def test_a_tracking_id_of_another_object_is_a_copy(copied: dict[str, str]) -> None:
    assert who("Prometheus", named("stack", annotations=copied)) == ("none", None, None)


def test_a_tracking_id_of_an_object_without_a_namespace_is_its_own() -> None:
    item = {"metadata": {"name": "stack", "annotations": tracked("ClusterRole", "stack")}}
    assert who("ClusterRole", item) == ("argocd", None, "stack")


def test_an_application_of_argo_cd_is_told_by_its_own_label() -> None:
    item = named("stack", labels={"argocd.argoproj.io/instance": "edge-03"})
    assert who("Prometheus", item) == ("argocd", None, "edge-03")


@pytest.mark.parametrize("manager", ["argocd-controller", "argocd-application-controller"])
def test_the_label_that_charts_use_too_is_argo_cds_where_argo_cd_has_written_the_object(manager: str) -> None:
    item = named("stack", labels={"app.kubernetes.io/instance": "edge-03"}, managedFields=[{"manager": manager}])
    assert who("Prometheus", item) == ("argocd", None, "edge-03")


def test_the_label_that_charts_use_too_is_nobodys_where_somebody_else_has_written_the_object() -> None:
    item = named("stack", labels={"app.kubernetes.io/instance": "edge-03"}, managedFields=[{"manager": "kubectl"}])
    assert who("Prometheus", item) == ("none", None, None)


def test_what_argo_cd_has_written_without_a_label_belongs_to_no_application() -> None:
    assert who("Prometheus", named("stack", managedFields=[{"manager": "argocd-controller"}])) == ("none", None, None)


def test_argo_cd_comes_before_a_release_that_it_has_taken_over() -> None:
    item = named("stack", annotations={**RELEASE, **tracked("Prometheus", "stack", "edge-03")})
    assert who("Prometheus", item)[0] == "argocd"


@pytest.mark.parametrize("group", ["helm.toolkit.fluxcd.io", "kustomize.toolkit.fluxcd.io"])
def test_flux_is_told_by_its_labels_before_the_release_that_it_makes(group: str) -> None:
    labels = {f"{group}/name": "monitoring", f"{group}/namespace": "flux-system"}
    item = named("stack", labels=labels, annotations=RELEASE)
    assert who("Prometheus", item) == ("flux", "flux-system", "monitoring")


def test_what_an_operator_makes_belongs_to_the_owner_of_its_custom_resource() -> None:
    made = named("prometheus-stack", labels=CHART, ownerReferences=owned_by("Prometheus", "stack"))
    resource = named("stack", labels=CHART, annotations=RELEASE)
    answer = found("StatefulSet", made, Prometheus=[resource])
    assert (answer["kind"], answer["name"], answer["chart_version"]) == ("helm", "stack", "78.2.1")
    assert answer["custom_resource"] == {"kind": "Prometheus", "namespace": NAMESPACE, "name": "stack"}


def test_a_custom_resource_that_nobody_owns_is_the_owner_itself() -> None:
    made = named("prom-agent-edge", ownerReferences=owned_by("PrometheusAgent", "edge"))
    assert found("StatefulSet", made, PrometheusAgent=[named("edge")]) == {
        **NOBODY,
        "kind": "custom_resource",
        "namespace": NAMESPACE,
        "name": "edge",
        "custom_resource": {"kind": "PrometheusAgent", "namespace": NAMESPACE, "name": "edge"},
    }


def test_a_copied_release_does_not_count_where_its_custom_resource_has_none() -> None:
    """Labels and annotations stay on what was made before they were taken off the custom resource."""
    made = named("prometheus-stack", annotations=RELEASE, ownerReferences=owned_by("Prometheus", "stack"))
    assert who("StatefulSet", made, Prometheus=[named("stack")])[0] == "custom_resource"


@pytest.mark.parametrize(
    ("marks", "expected"),
    [
        (RELEASE, ("helm", "releases", "stack")),
        (tracked("Prometheus", "stack", "edge-03"), ("argocd", None, "edge-03")),
        ({}, ("custom_resource", NAMESPACE, "stack")),
    ],
)
def test_of_a_custom_resource_that_cannot_be_read_the_copied_marks_are_taken(
    marks: dict[str, str], expected: tuple[str, str | None, str]
) -> None:
    made = named("prometheus-stack", annotations=marks, ownerReferences=owned_by("Prometheus", "stack"))
    assert who("StatefulSet", made) == expected


@pytest.mark.parametrize(
    ("labels", "release"),
    [
        ({"release": "stack", "app.kubernetes.io/instance": "other"}, "stack"),
        ({"app.kubernetes.io/instance": "other"}, "other"),
        ({}, None),
    ],
)
def test_of_a_deployment_that_cannot_be_read_the_labels_of_its_pods_are_taken(
    labels: dict[str, str], release: str | None
) -> None:
    item = named("operator-1-a", labels={**CHART, **labels}, ownerReferences=owned_by("ReplicaSet", "operator-1"))
    assert who("Pod", item) == ("helm", None, release)


@pytest.mark.parametrize(
    "kind", ["Pod", "ReplicaSet", "Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "Node"]
)
def test_what_kubernetes_itself_makes_pods_of_is_no_custom_resource(kind: str) -> None:
    assert found("Pod", named("a", ownerReferences=owned_by(kind, "b"))) == NOBODY


def test_the_chain_of_owners_is_followed_to_its_end() -> None:
    pod = named("operator-1-a", ownerReferences=owned_by("ReplicaSet", "operator-1"))
    between = named("operator-1", ownerReferences=owned_by("Deployment", "operator"))
    top = named("operator", annotations=RELEASE)
    assert who("Pod", pod, ReplicaSet=[between], Deployment=[top]) == ("helm", "releases", "stack")


def test_the_nearest_custom_resource_is_named_and_the_last_one_decides() -> None:
    made = named("prometheus-stack", ownerReferences=owned_by("Prometheus", "stack"))
    resource = named("stack", ownerReferences=owned_by("MonitoringStack", "all"))
    answer = found("StatefulSet", made, Prometheus=[resource])
    assert (answer["kind"], answer["name"]) == ("custom_resource", "all")
    assert answer["custom_resource"] == {"kind": "Prometheus", "namespace": NAMESPACE, "name": "stack"}


def test_an_only_owner_counts_even_if_it_is_no_controller() -> None:
    item = named("prometheus-operated", ownerReferences=owned_by("Prometheus", "stack", controller=None))
    assert who("Service", item, Prometheus=[named("stack")])[0] == "custom_resource"


def test_of_several_owners_none_of_which_is_the_controller_none_counts() -> None:
    both = [*owned_by("Prometheus", "a", controller=None), *owned_by("Prometheus", "b", controller=None)]
    assert who("Service", named("prometheus-operated", ownerReferences=both)) == ("none", None, None)


def test_of_several_owners_the_controller_counts() -> None:
    both = [*owned_by("Prometheus", "a", controller=False), *owned_by("Prometheus", "b")]
    resources = [named("a"), named("c"), named("b", annotations=RELEASE)]
    assert who("StatefulSet", named("made", ownerReferences=both), Prometheus=resources)[0] == "helm"


def test_a_namesake_in_another_namespace_is_not_the_owner() -> None:
    made = named("prometheus-stack", ownerReferences=owned_by("Prometheus", "stack"))
    other = named("stack", "other", annotations=RELEASE)
    assert who("StatefulSet", made, Prometheus=[other]) == ("custom_resource", NAMESPACE, "stack")


def test_a_static_pod_does_not_belong_to_its_node() -> None:
    assert found("Pod", named("etcd-node-1", ownerReferences=owned_by("Node", "node-1"))) == NOBODY


def test_owners_that_own_each_other_come_to_an_end() -> None:
    one = named("a", ownerReferences=owned_by("Prometheus", "b"))
    other = named("b", ownerReferences=owned_by("Prometheus", "a"))
    assert who("Prometheus", one, Prometheus=[one, other])[0] == "custom_resource"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("kube-prometheus-stack-78.2.1", ("kube-prometheus-stack", "78.2.1")),
        ("grafana-0.1.0", ("grafana", "0.1.0")),
        ("thanos-15.0.0-rc.1", ("thanos", "15.0.0-rc.1")),
        ("thanos-15.0.0-rc-1-2", ("thanos", "15.0.0-rc-1-2")),
        ("thanos-15.0.0_build.5", ("thanos", "15.0.0+build.5")),
        ("thanos-v1.2.3", ("thanos", "v1.2.3")),
        ("k8s-2-apps-1.2.3", ("k8s-2-apps", "1.2.3")),
        ("python-3.9-exporter-1.2.3", ("python-3.9-exporter", "1.2.3")),
        ("no-version", ("no-version", None)),
        ("", (None, None)),
    ],
)
def test_a_chart_has_a_name_and_a_version(text: str, expected: tuple[str | None, str | None]) -> None:
    assert chart_of({"chart": text}) == expected


def test_helms_own_label_of_the_chart_comes_first() -> None:
    assert chart_of({"chart": "a-1.0.0", "helm.sh/chart": "b-2.0.0"}) == ("b", "2.0.0")


@given(st.text())
def test_any_label_of_a_chart_can_be_read(text: str) -> None:
    name, _version = chart_of({"chart": text})
    assert text.startswith(name or "")


@given(
    st.from_regex(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", fullmatch=True),
    st.from_regex(r"[0-9]{1,3}(\.[0-9]{1,3}){2}", fullmatch=True),
)
def test_a_version_is_found_behind_any_name(name: str, version: str) -> None:
    assert chart_of({"chart": f"{name}-{version}"}) == (name, version)


@given(st.text())
def test_any_tracking_id_can_be_read(text: str) -> None:
    item = named("stack", annotations={"argocd.argoproj.io/tracking-id": text})
    assert who("Prometheus", item)[0] in {"argocd", "none"}
