"""Who reads from a Prometheus by a custom resource."""

from __future__ import annotations

from typing import Any

import pytest
from audit_objects import FULL_ID as FULL
from audit_objects import NAMESPACE, Object, container, named, pod, with_prometheus
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.miribit.thanos.plugins.module_utils.audit.readers_custom import custom_readers
from ansible_collections.miribit.thanos.plugins.module_utils.audit.services import Scene
from ansible_collections.miribit.thanos.plugins.module_utils.base.facts import as_facts
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.components import components

URL = "http://prometheus.monitoring.svc:9090"
ANYTHING = st.recursive(
    st.none() | st.text(max_size=3) | st.integers(),
    lambda more: (
        st.lists(more, max_size=3)
        | st.dictionaries(st.sampled_from(["spec", "triggers", "metrics", "provider", "metadata", "args"]), more)
    ),
    max_leaves=10,
)


def readers(**more: list[Object]) -> list[dict[str, Any]]:
    cluster = with_prometheus(**more)
    return as_facts(list(custom_readers(Scene(cluster, components(cluster, {}, {})))))


def reads(**more: list[Object]) -> list[tuple[str, str | None]]:
    return [(one["reads"], one["component"]) for one in readers(**more)]


def scaled(*triggers: Object) -> Object:
    return {**named("shop", "shop"), "spec": {"triggers": list(triggers)}}


def trigger(address: str = URL, kind: str = "prometheus") -> Object:
    return {"type": kind, "metadata": {"serverAddress": address, "query": "up"}}


def analysis(*addresses: str | None, name: str = "success", **spec: Any) -> Object:
    providers = [{"prometheus": {"query": "up", **({"address": url} if url else {})}} for url in addresses]
    return {**named(name, "shop"), "spec": {"metrics": [{"provider": one} for one in providers], **spec}}


def recommender(*args: str, image: str = "registry.k8s.io/autoscaling/vpa-recommender:1.4.1", **more: Any) -> Object:
    return pod(container(image, *args, **more), name="vpa", namespace="kube-system")


def vpa(*recommenders: str) -> Object:
    named_ones = [{"name": name} for name in recommenders]
    return {**named("shop", "shop"), "spec": {"recommenders": named_ones} if named_ones else {}}


# KEDA.


@pytest.mark.parametrize(("kind", "word"), [("ScaledObject", "scaled_object"), ("ScaledJob", "scaled_job")])
def test_what_keda_scales_by_queries_is_a_reader(kind: str, word: str) -> None:
    assert readers(**{kind: [scaled(trigger())]}) == [
        {"kind": word, "namespace": "shop", "name": "shop", "reads": URL, "component": FULL}
    ]


def test_the_triggers_of_one_are_told_once_for_each_address() -> None:
    other = "https://user:hidden@thanos.example/?token=hidden"
    assert reads(ScaledObject=[scaled(trigger(), trigger(other), trigger())]) == [
        (URL, FULL),
        ("https://thanos.example/", None),
    ]


def test_what_keda_scales_by_something_else_is_no_reader() -> None:
    assert readers(ScaledObject=[scaled(trigger(kind="kafka"), trigger(kind="cron"))]) == []


def test_a_name_without_a_namespace_is_that_of_kedas_own_which_is_not_known() -> None:
    assert reads(ScaledObject=[scaled(trigger("http://prometheus:9090"))]) == [("http://prometheus:9090", None)]


# Argo Rollouts.


@pytest.mark.parametrize("kind", ["AnalysisTemplate", "ClusterAnalysisTemplate"])
def test_a_template_that_asks_a_prometheus_is_a_reader(kind: str) -> None:
    (found,) = readers(**{kind: [analysis(URL)]})
    assert (found["kind"], found["reads"], found["component"]) == ("analysis_template", URL, FULL)


def test_a_template_of_the_whole_cluster_has_no_namespace() -> None:
    item = {**analysis(URL), "metadata": {"name": "success"}}
    (found,) = readers(ClusterAnalysisTemplate=[item])
    assert (found["namespace"], found["name"]) == (None, "success")


def test_a_template_that_asks_somebody_else_is_no_reader() -> None:
    item = analysis()
    item["spec"]["metrics"] = [{"provider": {"job": {}}}, {}]
    assert readers(AnalysisTemplate=[item]) == []


def test_the_address_can_be_an_argument_with_a_default() -> None:
    item = analysis("http://{{ args.host }}:{{args.port}}", args=[{"name": "host", "value": "prometheus.monitoring"}])
    assert reads(AnalysisTemplate=[item]) == [("what is no URL", None)]
    item["spec"]["args"].append({"name": "port", "value": "9090"})
    assert reads(AnalysisTemplate=[item]) == [("http://prometheus.monitoring:9090", FULL)]


def test_a_template_without_an_address_asks_what_its_controller_is_told() -> None:
    env = [{"name": "ARGO_ROLLOUTS_PROMETHEUS_ADDRESS", "value": URL}]
    controller = pod(container("quay.io/argoproj/argo-rollouts:v1.8.3", env=env), name="rollouts")
    assert reads(AnalysisTemplate=[analysis(None)], Pod=[controller]) == [(URL, FULL)]
    assert reads(AnalysisTemplate=[analysis(None)]) == [("what its controller is told, which cannot be seen", None)]


# Flagger.


def test_a_metric_of_flagger_is_a_reader() -> None:
    item = {**named("errors", "shop"), "spec": {"provider": {"type": "prometheus", "address": URL}}}
    (found,) = readers(MetricTemplate=[item])
    assert (found["kind"], found["name"], found["component"]) == ("metric_template", "errors", FULL)


def test_a_metric_of_flagger_from_elsewhere_is_no_reader() -> None:
    item = {**named("errors", "shop"), "spec": {"provider": {"type": "datadog", "address": URL}}}
    assert readers(MetricTemplate=[item]) == []


# The VerticalPodAutoscaler.


def test_a_recommender_that_remembers_by_a_prometheus_is_a_reader_and_so_is_what_it_sizes() -> None:
    args = ("--storage=prometheus", f"--prometheus-address={URL}")
    found = readers(Pod=[recommender(*args)], VerticalPodAutoscaler=[vpa()])
    assert [(one["kind"], one["namespace"], one["reads"], one["component"]) for one in found] == [
        ("vpa_recommender", "kube-system", URL, FULL),
        ("vpa", "shop", f"{URL} (through Pod kube-system/vpa)", FULL),
    ]


def test_a_recommender_that_is_told_no_address_has_one_of_its_own() -> None:
    (found,) = readers(Pod=[recommender("--storage", "prometheus")])
    assert found["reads"] == "http://prometheus.monitoring.svc"


def test_a_recommender_is_told_by_its_flags_under_any_image() -> None:
    args = ("--storage=prometheus", f"--prometheus-address={URL}")
    (found,) = readers(Pod=[recommender(*args, image="registry.example/sizing:1")])
    assert found["component"] == FULL


@pytest.mark.parametrize("args", [(), (f"--prometheus-address={URL}",), ("--storage=checkpoint",)])
def test_a_recommender_that_keeps_checkpoints_is_no_reader(args: tuple[str, ...]) -> None:
    assert readers(Pod=[recommender(*args)], VerticalPodAutoscaler=[vpa()]) == []


def test_another_program_with_a_storage_is_no_recommender() -> None:
    assert readers(Pod=[recommender("--storage=prometheus", image="registry.example/other:1")]) == []


@pytest.mark.parametrize(("names", "is_sized"), [((), False), (("frugal",), True), (("default", "frugal"), True)])
def test_an_autoscaler_is_sized_by_the_recommender_that_it_names(names: tuple[str, ...], is_sized: bool) -> None:
    one = recommender("--storage=prometheus", "--recommender-name=frugal")
    kinds = [found["kind"] for found in readers(Pod=[one], VerticalPodAutoscaler=[vpa(*names)])]
    assert ("vpa" in kinds) is is_sized


def test_kinds_that_a_cluster_does_not_have_are_no_problem() -> None:
    assert readers() == []


@given(st.sampled_from(["ScaledObject", "AnalysisTemplate", "MetricTemplate", "VerticalPodAutoscaler"]), ANYTHING)
def test_any_custom_resource_can_be_read(kind: str, spec: object) -> None:
    item = {**named("any", NAMESPACE), "spec": spec}
    assert all(one["name"] for one in readers(**{kind: [item]}))
