"""The state `audited`: its variants, its past, and the marks of who owns it."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from lab import audited, history, settings
from lab.audited import VARIANTS, Variant
from lab.errors import LabError

SETTINGS = settings.load()


def test_without_a_wish_every_cluster_is_as_the_audit_found_it() -> None:
    choice = audited.choose(SETTINGS, [])
    assert set(choice.values()) == {"fleet"}
    assert audited.label(choice) == "audited"


def test_a_wish_is_for_all_clusters_or_for_one_and_the_last_one_counts() -> None:
    choice = audited.choose(SETTINGS, ["argocd", "cluster-02=renamed", "cluster-03=no-helm", "cluster-03=fleet"])
    assert choice == {
        "cluster-01": "argocd",
        "cluster-02": "renamed",
        "cluster-03": "fleet",
        "cluster-04": "argocd",
    }
    assert audited.label(choice) == "audited+cluster-01=argocd+cluster-02=renamed+cluster-04=argocd"


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        ("argo", "--variant argo: there is no variant 'argo'. There is fleet: "),
        ("cluster-02=", "there is no variant ''"),
        ("cluster-05=argocd", "cluster-05: no such cluster; there are cluster-01"),
    ],
)
def test_a_wish_that_cannot_be_met_is_answered_with_what_there_is(wish: str, message: str) -> None:
    with pytest.raises(LabError) as refusal:
        audited.choose(SETTINGS, [wish])
    assert message in str(refusal.value)


@pytest.mark.parametrize(
    ("release", "fullname"),
    [
        ("kube-prometheus-stack", "kube-prometheus-stack"),
        ("obs", "obs-kube-prometheus-stack"),
        ("monitoring", "monitoring-kube-prometheus"),
        ("observe", "observe-kube-prometheus-st"),
        ("monitor12", "monitor12-kube-prometheus"),
    ],
)
def test_objects_are_named_as_the_chart_names_them(release: str, fullname: str) -> None:
    assert Variant("", release=release).fullname == fullname


def test_claims_are_named_as_the_operator_names_them() -> None:
    name = "prometheus-kube-prometheus-stack-prometheus"
    central, edge = SETTINGS.clusters[:2]
    assert VARIANTS["fleet"].claims(edge) == [f"{name}-db-{name}-0"]
    assert VARIANTS["fleet"].claims(central) == [f"{name}-db-{name}-0", f"{name}-db-{name}-1"]


def test_history_ends_before_now_and_each_value_is_its_time() -> None:
    now = 1_800_000_123.0
    lines = list(history.samples("cluster-02", now))
    assert lines[0] == "# TYPE lab_history gauge"
    assert lines[-1] == "# EOF"
    assert len(lines) == 2 + history.SERIES * history.DAYS * 86400 // history.STEP
    assert lines[1] == 'lab_history{origin="cluster-02",series="00"} 1799740800 1799740800'
    assert {line.split()[-1] == line.split()[-2] for line in lines[1:-1]} == {True}
    assert max(int(line.split()[-1]) for line in lines[1:-1]) == 1_799_999_700


@pytest.mark.parametrize(
    ("series", "kept"),
    [
        ("cluster-02-node-01;/miribit-lab/cluster-02/cluster-02-node-01/kubepods/pod1/c", True),
        ("cluster-02-node-01;/miribit-lab/cluster-02/cluster-02-node-01", True),
        ("cluster-02-node-01;", True),
        ("cluster-02-node-01;/miribit-lab/cluster-02/cluster-02-node-02/kubepods/pod1/c", False),
        ("cluster-02-node-01;/miribit-lab/cluster-02/cluster-02-node-011", False),
        ("cluster-02-node-01;/miribit-lab/cluster-03/cluster-03/kubepods", False),
        ("cluster-02-node-01;/", False),
    ],
)
def test_a_kubelet_keeps_the_series_of_its_own_node(series: str, kept: bool) -> None:
    assert bool(re.fullmatch(audited.own_cgroups(SETTINGS.cluster("cluster-02")), series)) == kept


def test_of_the_operator_s_manifest_only_the_definitions_are_taken() -> None:
    definition = "\napiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: a}\n"
    role = "\nkind: ClusterRole\nrules: [{resources: [kind: CustomResourceDefinition]}]\n"
    bundle = f"---{definition}---{role}---{definition}---\nkind: Deployment\n"
    assert audited.crds(bundle) == f"{definition}---{definition}"


RENDERED = """
---
apiVersion: monitoring.coreos.com/v1
kind: Prometheus
metadata:
  name: p
  namespace: monitoring
  labels: {app: p, release: r, heritage: Helm, chart: c-1, app.kubernetes.io/managed-by: Helm}
---
# Only a comment.
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: p
"""


def disowned(variant: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(audited.disown(RENDERED, VARIANTS[variant])))


def test_without_an_owner_nothing_of_helm_is_left_but_what_selectors_need() -> None:
    namespace, prometheus, role = disowned("no-helm")
    assert namespace["metadata"]["name"] == "monitoring"
    assert prometheus["metadata"]["labels"] == {"app": "p", "release": "r"}
    assert "labels" not in role["metadata"]


def test_argo_cd_tracks_each_object_by_its_kind_and_place() -> None:
    _namespace, prometheus, role = disowned("argocd")
    tracking = "argocd.argoproj.io/tracking-id"
    stack = "kube-prometheus-stack"
    assert prometheus["metadata"]["annotations"] == {tracking: f"{stack}:monitoring.coreos.com/Prometheus:monitoring/p"}
    assert role["metadata"]["annotations"] == {tracking: f"{stack}:rbac.authorization.k8s.io/ClusterRole:monitoring/p"}
    assert prometheus["metadata"]["labels"]["argocd.argoproj.io/instance"] == stack
    assert prometheus["metadata"]["labels"]["heritage"] == "Helm"
