"""Who reads from the components of a cluster."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from audit_objects import FULL_ID as FULL
from audit_objects import (
    LABELS,
    NAMESPACE,
    PORTS,
    PROMETHEUS,
    THANOS,
    URL,
    Object,
    container,
    merged,
    named,
    pod,
    service,
    stateful_set,
    with_prometheus,
)
from audit_objects import SIDECAR_ID as SIDECAR
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.miribit.thanos.plugins.module_utils.audit import readers as audit_readers
from ansible_collections.miribit.thanos.plugins.module_utils.base.facts import as_facts
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.components import components

Cluster = dict[str, list[Object]]

ANYTHING = st.recursive(
    st.none() | st.text() | st.integers(), lambda more: st.lists(more) | st.dictionaries(st.text(), more)
)


def load(text: str) -> object:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return None


def readers(**more: list[Object]) -> list[dict[str, Any]]:
    cluster = with_prometheus(**more)
    return as_facts(audit_readers.readers(cluster, components(cluster, {}, {}), load))


# prometheus-adapter, and what reads through it.


def adapter(url: str = URL, namespace: str = NAMESPACE, **more: Any) -> Object:
    one = container("registry.example/adapter", f"--prometheus-url={url}", **more)
    return pod(one, name="adapter", namespace=namespace, labels={"app": "adapter"})


def api(group: str = "custom.metrics.k8s.io", name: str = "adapter") -> Object:
    spec = {"group": group, "version": "v1beta1", "service": {"name": name, "namespace": NAMESPACE, "port": 443}}
    return {"metadata": {"name": f"v1beta1.{group}"}, "spec": spec}


def autoscaler(*metrics: Object, name: str = "checkout") -> Object:
    return {**named(name, "checkout"), "spec": {"metrics": list(metrics)}}


def pods_metric(name: str = "requests_per_second") -> Object:
    return {"type": "Pods", "pods": {"metric": {"name": name}, "target": {"type": "AverageValue"}}}


ADAPTER_SERVICE = service("adapter", {"app": "adapter"}, ports=[{"port": 443, "targetPort": 6443}])


def test_a_prometheus_adapter_is_told_by_its_flag_and_reads_what_that_says() -> None:
    assert readers(Pod=[adapter()]) == [
        {"kind": "adapter", "namespace": NAMESPACE, "name": "adapter", "reads": URL, "component": FULL}
    ]


def test_an_adapter_looks_names_up_in_its_own_namespace() -> None:
    (found,) = readers(Pod=[adapter("http://prometheus:9090", namespace="other")])
    assert found["component"] is None


def test_an_adapter_can_have_its_url_from_a_variable() -> None:
    (found,) = readers(Pod=[adapter("http://$(HOST):9090", env=[{"name": "HOST", "value": "prometheus"}])])
    assert (found["reads"], found["component"]) == ("http://prometheus:9090", FULL)


def test_an_adapter_that_reads_elsewhere_is_told_without_a_component() -> None:
    (found,) = readers(Pod=[adapter("https://user:hidden@metrics.example/")])
    assert (found["reads"], found["component"]) == ("https://metrics.example/", None)


@pytest.mark.parametrize("group", ["custom.metrics.k8s.io", "external.metrics.k8s.io", "metrics.k8s.io"])
def test_an_api_of_metrics_reads_what_the_adapter_behind_it_reads(group: str) -> None:
    found = readers(Pod=[adapter()], Service=[ADAPTER_SERVICE], APIService=[api(group)])
    assert found[1] == {
        "kind": "apiservice",
        "namespace": None,
        "name": f"v1beta1.{group}",
        "reads": f"{URL} (through Service monitoring/adapter)",
        "component": FULL,
    }


def test_what_another_api_of_metrics_reads_cannot_be_seen() -> None:
    (found,) = readers(APIService=[api("external.metrics.k8s.io", "keda")])
    assert found["reads"] == "Service monitoring/keda; what that reads cannot be seen"
    assert found["component"] is None


@pytest.mark.parametrize("group", ["metrics.k8s.io", "apps", "monitoring.coreos.com"])
def test_an_api_that_is_usually_not_about_prometheus_is_no_reader(group: str) -> None:
    assert readers(APIService=[api(group, "metrics-server")]) == []


def test_an_api_that_the_api_server_answers_itself_is_no_reader() -> None:
    assert readers(APIService=[{"metadata": {"name": "v1."}, "spec": {"group": "custom.metrics.k8s.io"}}]) == []


@pytest.mark.parametrize(
    ("metric", "group"),
    [
        (pods_metric("m"), "custom.metrics.k8s.io"),
        ({"type": "Object", "object": {"metric": {"name": "m"}}}, "custom.metrics.k8s.io"),
        ({"type": "External", "external": {"metric": {"name": "m"}}}, "external.metrics.k8s.io"),
        ({"type": "Resource", "resource": {"name": "m"}}, "metrics.k8s.io"),
        ({"type": "ContainerResource", "containerResource": {"name": "m", "container": "c"}}, "metrics.k8s.io"),
    ],
)
def test_an_autoscaler_reads_through_the_api_of_its_metrics(metric: Object, group: str) -> None:
    found = readers(
        Pod=[adapter()],
        Service=[ADAPTER_SERVICE],
        APIService=[api(group)],
        HorizontalPodAutoscaler=[autoscaler(metric)],
    )
    assert found[-1] == {
        "kind": "hpa",
        "namespace": "checkout",
        "name": "checkout",
        "reads": f"m of {group}, from {URL} (through Service monitoring/adapter)",
        "component": FULL,
    }


def test_an_autoscaler_by_cpu_is_no_reader_where_a_metrics_server_answers() -> None:
    scaler = autoscaler({"type": "Resource", "resource": {"name": "cpu"}})
    assert readers(APIService=[api("metrics.k8s.io", "metrics-server")], HorizontalPodAutoscaler=[scaler]) == []


def test_the_metrics_of_an_autoscaler_are_told_by_api() -> None:
    external = {"type": "External", "external": {"metric": {"name": "queue"}}}
    found = readers(HorizontalPodAutoscaler=[autoscaler(pods_metric("b"), pods_metric("a"), external)])
    assert [one["reads"] for one in found] == [
        "a, b of custom.metrics.k8s.io, from no APIService that can be seen",
        "queue of external.metrics.k8s.io, from no APIService that can be seen",
    ]


# Ingresses.


def ingress(port: Object, name: str = "prometheus", **spec: Any) -> Object:
    backend = {"service": {"name": name, "port": port}}
    rule = {"host": "prometheus.example", "http": {"paths": [{"path": "/metrics", "backend": backend}]}}
    return {**named("outside"), "spec": {"rules": [rule], **spec}}


@pytest.mark.parametrize(
    ("port", "component"),
    [({"number": 9090}, FULL), ({"name": "web"}, FULL), ({"number": 10901}, SIDECAR), ({"name": "grpc"}, SIDECAR)],
)
def test_an_ingress_before_a_prometheus_or_its_sidecar_is_a_reader(port: Object, component: str) -> None:
    assert readers(Ingress=[ingress(port)]) == [
        {
            "kind": "ingress",
            "namespace": NAMESPACE,
            "name": "outside",
            "reads": "http://prometheus.example/metrics",
            "component": component,
        }
    ]


def test_the_url_of_an_ingress_is_that_of_its_certificate() -> None:
    (found,) = readers(Ingress=[ingress({"number": 9090}, tls=[{"hosts": ["prometheus.example"]}])])
    assert found["reads"] == "https://prometheus.example/metrics"


def test_an_ingress_can_lead_everything_to_a_prometheus() -> None:
    everything = {"service": {"name": "prometheus", "port": {"number": 9090}}}
    (found,) = readers(Ingress=[{**named("outside"), "spec": {"defaultBackend": everything}}])
    assert (found["reads"], found["component"]) == ("http://*/", FULL)


def test_an_ingress_before_something_else_is_no_reader() -> None:
    grafana = pod(container("grafana/grafana", name="grafana"), labels={"app": "grafana"})
    services = [service("grafana", {"app": "grafana"}), service("empty")]
    ingresses = [ingress({"number": 80}, name) for name in ("grafana", "empty", "missing")]
    assert readers(Pod=[grafana], Service=services, Ingress=ingresses) == []


# Grafana's data sources.


def config_map(content: object, name: str = "datasource", key: str = "ds.yaml", **metadata: Any) -> Object:
    text = content if isinstance(content, str) else json.dumps(content)
    return {**named(name, **{"labels": {"grafana_datasource": "1"}, **metadata}), "data": {key: text}}


def sources(*urls: str, kind: str = "prometheus") -> Object:
    return {"apiVersion": 1, "datasources": [{"name": f"source {url}", "type": kind, "url": url} for url in urls]}


def grafana(folder: str = "/etc/grafana/provisioning/datasources", namespace: str = NAMESPACE, **more: Any) -> Object:
    mount = {"name": "config", "mountPath": folder, **more.pop("mount", {})}
    one = container("grafana/grafana", name="grafana", volumeMounts=[mount], **more)
    spec = {"volumes": [{"name": "config", "configMap": {"name": "datasource"}}]}
    return pod(one, name="grafana", namespace=namespace, spec=spec)


def test_a_data_source_is_found_by_the_label_of_its_config_map() -> None:
    assert readers(ConfigMap=[config_map(sources(URL))]) == [
        {
            "kind": "grafana_data_source",
            "namespace": NAMESPACE,
            "name": f"datasource [source {URL}]",
            "reads": URL,
            "component": FULL,
        }
    ]


def test_every_data_source_of_a_config_map_is_told() -> None:
    found = readers(ConfigMap=[config_map(sources("http://prometheus:9090", "http://elsewhere:9090"))])
    assert [(one["reads"], one["component"]) for one in found] == [
        ("http://elsewhere:9090", None),
        ("http://prometheus:9090", FULL),
    ]


def test_a_data_source_of_another_type_is_a_reader_only_of_a_component() -> None:
    documents = [
        config_map(sources("http://loki:3100", kind="loki"), "logs"),
        config_map(sources(URL, kind="other"), "metrics"),
    ]
    assert [one["name"] for one in readers(ConfigMap=documents)] == [f"metrics [source {URL}]"]


def test_what_a_data_source_logs_in_with_is_not_shown() -> None:
    document = sources("http://user:hidden@prometheus:9090")
    document["datasources"][0]["secureJsonData"] = {"basicAuthPassword": "hidden"}
    found = readers(ConfigMap=[config_map(document)])
    assert found[0]["component"] == FULL
    assert "hidden" not in json.dumps([one["reads"] for one in found])


def test_a_data_source_that_grafana_mounts_needs_no_label() -> None:
    found = readers(Pod=[grafana()], ConfigMap=[config_map(sources(URL), labels={})])
    assert [one["component"] for one in found] == [FULL]


def test_a_data_source_can_be_mounted_as_one_file() -> None:
    one = grafana("/etc/grafana/provisioning/datasources/main.yaml", mount={"subPath": "ds.yaml"})
    found = readers(Pod=[one], ConfigMap=[config_map(sources(URL), labels={})])
    assert [one["component"] for one in found] == [FULL]


def test_grafana_can_have_its_data_sources_in_another_folder() -> None:
    env = [{"name": "GF_PATHS_PROVISIONING", "value": "/conf"}]
    found = readers(Pod=[grafana("/conf/datasources", env=env)], ConfigMap=[config_map(sources(URL), labels={})])
    assert [one["component"] for one in found] == [FULL]


@pytest.mark.parametrize(
    ("one", "metadata"),
    [
        (grafana("/etc/grafana/provisioning/dashboards"), {}),
        (grafana(), {"name": "other"}),
        (grafana(namespace="other"), {}),
        (pod(container("busybox")), {}),
    ],
)
def test_other_config_maps_are_not_read(one: Object, metadata: Object) -> None:
    assert readers(Pod=[one], ConfigMap=[config_map(sources(URL), **{"labels": {}, **metadata})]) == []


def test_files_that_grafana_does_not_read_are_not_read() -> None:
    assert readers(ConfigMap=[config_map(sources(URL), key="README.md")]) == []


def test_the_sidecar_of_grafana_can_look_for_another_label() -> None:
    env = [
        {"name": "LABEL", "value": "our_source"},
        {"name": "FOLDER", "value": "/etc/grafana/provisioning/datasources"},
    ]
    sidecar = pod(container("quay.io/kiwigrid/k8s-sidecar", env=env))
    document = config_map(sources(URL), labels={"our_source": ""})
    assert [one["component"] for one in readers(Pod=[sidecar], ConfigMap=[document])] == [FULL]


def test_the_label_of_dashboards_is_none_of_data_sources() -> None:
    env = [{"name": "LABEL", "value": "our_dashboard"}, {"name": "FOLDER", "value": "/tmp/dashboards"}]
    sidecar = pod(container("quay.io/kiwigrid/k8s-sidecar", env=env))
    assert readers(Pod=[sidecar], ConfigMap=[config_map(sources(URL), labels={"our_dashboard": ""})]) == []


def test_names_in_a_data_source_are_looked_up_where_grafana_is() -> None:
    one = pod(container("grafana/grafana"), namespace="other")
    document = config_map(sources("http://prometheus:9090"))
    assert [found["component"] for found in readers(ConfigMap=[document])] == [FULL]
    assert [found["component"] for found in readers(Pod=[one], ConfigMap=[document])] == [None]


@pytest.mark.parametrize("text", ["{", "[]", "text", ""])
def test_a_data_source_that_cannot_be_read_is_told(text: str) -> None:
    (found,) = readers(ConfigMap=[config_map(text)])
    assert found["reads"] == "key ds.yaml, which is no YAML of data sources"
    assert (found["name"], found["component"]) == ("datasource", None)


@given(ANYTHING)
def test_any_document_can_be_a_data_source(content: object) -> None:
    cluster = with_prometheus(ConfigMap=[config_map("anything")])
    documents = [content, {"datasources": content}, {"datasources": [content]}]
    for document in documents:
        found = audit_readers.readers(cluster, components(cluster, {}, {}), lambda _text, it=document: it)
        assert {one.kind for one in found} <= {"grafana_data_source"}


# Whoever is given an address.


def given_address(*args: str, image: str = "ghcr.io/opencost/opencost:1.110.0", **more: Any) -> list[dict[str, Any]]:
    return readers(Pod=[pod(container(image, *args, **more), name="cost", namespace="costs")])


@pytest.mark.parametrize(
    "one",
    [
        {"env": [{"name": "PROMETHEUS_SERVER_ENDPOINT", "value": URL}]},
        {"args": [f"--prometheus-server={URL}"]},
        {"args": ["--prometheus-server", URL]},
        {"args": [f"-metrics-server={URL}"]},
        {"args": ["--server=$(WHERE)"], "env": [{"name": "WHERE", "value": URL}]},
        {"command": ["/bin/cost", URL]},
        {"command": ["sh", "-c", f"exec cost --url '{URL}'"]},
        {"env": [{"name": "ANYTHING", "value": URL.upper().replace("HTTP", "http")}]},
    ],
)
def test_whoever_is_given_the_url_of_a_prometheus_is_a_reader(one: Object) -> None:
    (found,) = readers(Pod=[pod({**container("cost"), **one}, name="cost", namespace="costs")])
    assert (found["kind"], found["namespace"], found["name"], found["component"]) == ("workload", "costs", "cost", FULL)


def test_an_address_that_is_no_url_counts_where_it_is_said_to_be_of_a_prometheus() -> None:
    (found,) = given_address("--prometheus.address=prometheus.monitoring:9090")
    assert (found["reads"], found["component"]) == ("prometheus.monitoring:9090", FULL)
    assert given_address("--endpoint=prometheus.monitoring:9090") == []


def test_what_stands_in_an_address_beside_the_host_is_not_shown() -> None:
    (found,) = given_address("--url=http://user:hidden@prometheus.monitoring:9090/?token=hidden")
    assert found["reads"] == "http://prometheus.monitoring:9090/"


def test_an_address_that_two_containers_of_a_pod_are_given_is_told_once() -> None:
    both = [container("cost", f"--url={URL}", name=name) for name in ("model", "ui")]
    assert len(readers(Pod=[pod(*both, name="cost", namespace="costs")])) == 1


@pytest.mark.parametrize(
    "url", ["http://prometheus.other:9090", "http://elsewhere.example", "true", "http://localhost:9090", ""]
)
def test_an_address_of_something_else_makes_no_reader(url: str) -> None:
    assert given_address(env=[{"name": "PROMETHEUS_URL", "value": url}]) == []


def test_an_agent_is_nothing_to_read_from() -> None:
    agent = stateful_set("agent", container(PROMETHEUS, "--agent", name="prometheus"), labels={"app": "agent"})
    own = merged(agent, {"Service": [service("agent", {"app": "agent"}, ports=PORTS)]})
    sender = pod(container("push", "--url=http://agent.monitoring:9090"), name="push")
    cluster = merged(own, {"Pod": [sender]})
    assert audit_readers.readers(cluster, components(cluster, {}, {}), load) == ()


def test_what_a_prometheus_is_told_of_itself_makes_it_no_reader() -> None:
    cluster = stateful_set(
        "prometheus",
        container(PROMETHEUS, f"--web.external-url={URL}", name="prometheus"),
        container(THANOS, "sidecar", f"--prometheus.url={URL}", name="sidecar"),
        labels=LABELS,
    )
    cluster["Service"] = [service("prometheus", LABELS, ports=PORTS)]
    assert audit_readers.readers(cluster, components(cluster, {}, {}), load) == ()


def test_an_adapter_and_a_recommender_are_told_as_what_they_are() -> None:
    recommender = container("vpa-recommender", "--storage=prometheus", f"--prometheus-address={URL}")
    found = readers(Pod=[adapter(), pod(recommender, name="vpa")])
    assert [one["kind"] for one in found] == ["adapter", "vpa_recommender"]


def test_custom_resources_are_among_the_readers() -> None:
    trigger = {"type": "prometheus", "metadata": {"serverAddress": URL}}
    (found,) = readers(ScaledObject=[{**named("shop", "shop"), "spec": {"triggers": [trigger]}}])
    assert (found["kind"], found["component"]) == ("scaled_object", FULL)


# Kiali.


def kiali(image: str = "quay.io/kiali/kiali:v2.11.0") -> Object:
    volumes = [{"name": "config", "configMap": {"name": "kiali"}}, {"name": "other", "emptyDir": {}}]
    return pod(container(image), name="kiali", namespace="mesh", spec={"volumes": volumes})


def kialis_config(text: str, key: str = "config.yaml") -> Object:
    return {**named("kiali", "mesh"), "data": {key: text}}


def test_kiali_reads_what_its_file_says() -> None:
    text = f"external_services: {{prometheus: {{url: '{URL}', auth: {{password: hidden}}}}}}"
    found = readers(Pod=[kiali()], ConfigMap=[kialis_config(text)])
    assert found == [{"kind": "kiali", "namespace": "mesh", "name": "kiali", "reads": URL, "component": FULL}]


def test_kiali_has_an_address_of_its_own_where_its_file_says_none() -> None:
    (found,) = readers(Pod=[kiali()], ConfigMap=[kialis_config("deployment: {}")])
    assert (found["reads"], found["component"]) == ("http://prometheus.istio-system:9090", None)


@pytest.mark.parametrize("config", [[], [kialis_config("a: [")], [kialis_config("{}", "other.yaml")]])
def test_of_a_kiali_whose_file_cannot_be_read_nothing_is_said(config: list[Object]) -> None:
    assert readers(Pod=[kiali()], ConfigMap=config) == []


def test_the_file_of_another_program_is_not_kialis() -> None:
    text = f"external_services: {{prometheus: {{url: '{URL}'}}}}"
    assert readers(Pod=[kiali("registry.example/other:1")], ConfigMap=[kialis_config(text)]) == []


def test_readers_come_by_kind_and_name() -> None:
    found = readers(
        Pod=[adapter()],
        HorizontalPodAutoscaler=[autoscaler(pods_metric(), name=name) for name in ("b", "a")],
        ConfigMap=[config_map(sources(URL))],
    )
    kinds = [(one["kind"], one["name"]) for one in found]
    assert kinds == sorted(kinds)
    assert len(kinds) == 4
