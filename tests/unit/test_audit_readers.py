"""Who reads from the components of a cluster, and which well-known passwords are in use there."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from audit_objects import (
    NAMESPACE,
    PROMETHEUS,
    THANOS,
    Object,
    container,
    merged,
    named,
    pod,
    service,
    stateful_set,
)
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.miribit.thanos.plugins.module_utils import audit_readers
from ansible_collections.miribit.thanos.plugins.module_utils.audit_components import components
from ansible_collections.miribit.thanos.plugins.module_utils.audit_readers import service_of, shown

Cluster = dict[str, list[Object]]

FULL = "StatefulSet monitoring/prometheus [prometheus]"
SIDECAR = "StatefulSet monitoring/prometheus [sidecar]"
URL = "http://prometheus.monitoring:9090/"
LABELS = {"app": "prometheus"}
PORTS = [{"name": "web", "port": 9090, "targetPort": "web"}, {"name": "grpc", "port": 10901, "targetPort": 10901}]
ANYTHING = st.recursive(
    st.none() | st.text() | st.integers(), lambda more: st.lists(more) | st.dictionaries(st.text(), more)
)


def load(text: str) -> object:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return None


def with_prometheus(**more: list[Object]) -> Cluster:
    """A Full Prometheus with a sidecar behind a Service, and what else there is."""
    cluster = stateful_set(
        "prometheus",
        container(THANOS, "sidecar", name="sidecar", ports=[{"name": "grpc", "containerPort": 10901}]),
        container(PROMETHEUS, name="prometheus", ports=[{"name": "web", "containerPort": 9090}]),
        labels=LABELS,
    )
    return merged(cluster, {"Service": [service("prometheus", LABELS, ports=PORTS)]}, more)


def readers(**more: list[Object]) -> list[dict[str, Any]]:
    cluster = with_prometheus(**more)
    return audit_readers.readers(cluster, components(cluster, {}, {}), load)


def component_of(url: str, cluster: Cluster, namespace: str = NAMESPACE) -> str | None:
    return audit_readers._Scene(cluster, components(cluster, {}, {})).component_of(url, namespace)


# What a URL leads to.


@pytest.mark.parametrize(
    "host",
    [
        "prometheus",
        "prometheus.monitoring",
        "prometheus.monitoring.svc",
        "prometheus.monitoring.svc.cluster.local",
        "prometheus.monitoring.svc.cluster.local.",
        "Prometheus.Monitoring",
        "prometheus-0.prometheus.monitoring.svc.cluster.local",
        "prometheus-0.prometheus.monitoring",
        "10.96.0.10",
        "192.0.2.7",
        "lb.example",
    ],
)
def test_a_host_is_a_service_by_its_names_and_addresses(host: str) -> None:
    item = service("prometheus")
    item["status"] = {"loadBalancer": {"ingress": [{"ip": "192.0.2.7"}, {"hostname": "lb.example"}]}}
    assert service_of(host, {"Service": [item]}, NAMESPACE) is item


@pytest.mark.parametrize(
    "host",
    [
        "prometheus.other",
        "prometheus.svc",
        "prometheus.monitoring.svc.cluster-01.local",
        "prometheus.example.org",
        "prometheus.monitoring.svc.cluster.local.example",
        "None",
        "10.96.0.11",
        "",
    ],
)
def test_other_hosts_are_no_service(host: str) -> None:
    assert service_of(host, {"Service": [service("prometheus", clusterIP="None")]}, NAMESPACE) is None


def test_a_name_alone_is_looked_up_where_it_is_asked_for() -> None:
    here, there = service("prometheus"), service("prometheus", namespace="other")
    assert service_of("prometheus", {"Service": [here, there]}, "other") is there
    assert service_of("prometheus", {"Service": [here, there]}) is None


def test_the_domain_of_a_cluster_is_what_its_dns_server_says() -> None:
    corefile = ".:53 {\n    kubernetes cluster-01.local in-addr.arpa ip6.arpa {\n        pods insecure\n    }\n}\n"
    dns = {**named("coredns", "kube-system"), "data": {"Corefile": corefile}}
    item = service("prometheus")
    cluster = {"Service": [item], "ConfigMap": [dns]}
    assert service_of("prometheus.monitoring.svc.cluster-01.local", cluster) is item
    assert service_of("prometheus.monitoring.svc.cluster.local", cluster) is None
    assert service_of("prometheus.monitoring.svc.in-addr.arpa", cluster) is None


def test_a_service_that_is_another_name_is_followed() -> None:
    alias = service("metrics", namespace="apps", type="ExternalName", externalName="prometheus.monitoring.svc")
    item = service("prometheus")
    assert service_of("metrics.apps", {"Service": [alias, item]}) is item


def test_names_that_lead_to_each_other_lead_nowhere() -> None:
    names = {"a": "b.monitoring", "b": "a.monitoring"}
    services = [service(name, type="ExternalName", externalName=other) for name, other in names.items()]
    assert service_of("a.monitoring", {"Service": services}) is None


@given(st.text(), st.text())
def test_any_host_can_be_looked_up(host: str, corefile: str) -> None:
    dns = {**named("coredns", "kube-system"), "data": {"Corefile": corefile}}
    found = service_of(host, {"Service": [service("prometheus")], "ConfigMap": [dns]}, NAMESPACE)
    assert found is None or found["metadata"]["name"] == "prometheus"


@pytest.mark.parametrize(
    ("port", "expected"),
    [(":9090", FULL), (":10901", SIDECAR), ("", FULL), (":1234", FULL)],
)
def test_the_port_tells_the_containers_of_a_pod_apart(port: str, expected: str) -> None:
    assert component_of(f"http://prometheus.monitoring{port}/graph", with_prometheus()) == expected


def test_the_name_of_a_headless_service_leads_to_the_ports_of_the_pods() -> None:
    ports = [{"name": "web", "port": 80, "targetPort": 9090}]
    headless = service("headless", LABELS, ports=ports, clusterIP="None")
    cluster = with_prometheus(Service=[headless])
    assert component_of("http://headless.monitoring:10901", cluster) == SIDECAR


def test_a_url_without_a_port_has_that_of_its_scheme() -> None:
    ports = [{"port": 443, "targetPort": 9090}, {"port": 80, "targetPort": 10901}]
    cluster = with_prometheus(Service=[service("proxy", LABELS, ports=ports)])
    assert component_of("http://proxy.monitoring", cluster) == SIDECAR
    assert component_of("https://proxy.monitoring", cluster) == FULL


def test_a_proxy_before_a_prometheus_leads_to_it() -> None:
    cluster = stateful_set(
        "prometheus",
        container("oauth-proxy", name="proxy", ports=[{"name": "https", "containerPort": 8443}]),
        container(PROMETHEUS, name="prometheus"),
        labels=LABELS,
    )
    cluster["Service"] = [service("prometheus", LABELS, ports=[{"port": 443, "targetPort": "https"}])]
    assert component_of("https://prometheus.monitoring", cluster) == FULL


def test_a_port_that_a_service_does_not_have_tells_nothing() -> None:
    cluster = stateful_set(
        "prometheus",
        container(THANOS, "sidecar", name="sidecar", ports=[{"containerPort": 10901}]),
        container(PROMETHEUS, name="prometheus"),
        labels=LABELS,
    )
    cluster["Service"] = [service("prometheus", LABELS)]
    assert component_of("prometheus.monitoring", cluster) == FULL


def test_a_stopped_prometheus_is_found_by_the_labels_of_its_template() -> None:
    cluster = stateful_set("prometheus", container(PROMETHEUS, name="prometheus"), replicas=0, labels=LABELS)
    cluster["Service"] = [service("prometheus", LABELS)]
    assert component_of(URL, cluster) == FULL


@pytest.mark.parametrize("selector", [None, {}, {"app": "other"}, {**LABELS, "role": "primary"}])
def test_a_service_that_does_not_select_the_pods_leads_nowhere(selector: dict[str, str] | None) -> None:
    cluster = stateful_set("prometheus", container(PROMETHEUS, name="prometheus"), labels=LABELS)
    assert component_of(URL, {**cluster, "Service": [service("prometheus", selector)]}) is None


def test_a_service_selects_no_pods_of_other_namespaces() -> None:
    cluster = with_prometheus(Service=[service("prometheus", LABELS, "other")])
    assert component_of("http://prometheus.other:9090", cluster) is None


def test_a_service_before_several_leads_to_the_full_prometheus() -> None:
    agent = stateful_set("agent", container(PROMETHEUS, "--agent", name="prometheus"), labels=LABELS)
    assert component_of("http://prometheus.monitoring", merged(with_prometheus(), agent)) == FULL


@pytest.mark.parametrize(
    "url", ["", "http://", "http://[", "http://prometheus.monitoring:x", "://", "prometheus:99999"]
)
def test_what_is_no_url_leads_nowhere(url: str) -> None:
    assert component_of(url, with_prometheus()) is None


@given(st.text())
def test_any_url_can_be_followed_and_shown(url: str) -> None:
    assert component_of(url, with_prometheus()) in {None, FULL, SIDECAR}
    assert isinstance(shown(url), str)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://user:hidden@prometheus:9090/path?token=hidden#hidden", "http://prometheus:9090/path"),
        ("https://prometheus", "https://prometheus"),
        ("prometheus:9090", "prometheus:9090"),
        ("user:hidden@prometheus", "prometheus"),
        ("http://[hidden", "what is no URL"),
    ],
)
def test_a_url_is_shown_without_what_can_be_a_secret(url: str, expected: str) -> None:
    assert shown(url) == expected


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
        assert {one["kind"] for one in found} <= {"grafana_data_source"}


def test_readers_come_by_kind_and_name() -> None:
    found = readers(
        Pod=[adapter()],
        HorizontalPodAutoscaler=[autoscaler(pods_metric(), name=name) for name in ("b", "a")],
        ConfigMap=[config_map(sources(URL))],
    )
    kinds = [(one["kind"], one["name"]) for one in found]
    assert kinds == sorted(kinds)
    assert len(kinds) == 4


# Well-known passwords.


def password(variable: str, value: str | None = None, image: str = "grafana/grafana", **more: Any) -> Cluster:
    """A container that is given a password in plain, or by what else is said."""
    env = [{"name": variable, "value": value}] if value is not None else []
    spec = more.pop("spec", {})
    one = container(image, name="grafana", **{"env": env, **more})
    return {"Pod": [pod(one, name="grafana", labels={"app": "grafana"}, spec=spec)]}


def from_secret(variable: str, name: str = "login", key: str = "admin-password") -> list[Object]:
    return [{"name": variable, "valueFrom": {"secretKeyRef": {"name": name, "key": key}}}]


def wanted(cluster: Cluster) -> list[tuple[str, str, str, str | None]]:
    return [(one.namespace, one.secret, one.key, one.component) for one in audit_readers.default_secrets(cluster)]


GRAFANA = "Pod monitoring/grafana [grafana]"


@pytest.mark.parametrize("value", ["admin", "prom-operator"])
def test_a_well_known_password_of_grafana_in_plain_is_told_without_it(value: str) -> None:
    found = audit_readers.default_credentials(password("GF_SECURITY_ADMIN_PASSWORD", value))
    assert found == [
        {
            "subject": GRAFANA,
            "cause": "the password of Grafana's administrator (GF_SECURITY_ADMIN_PASSWORD, in plain) "
            "is a well-known default",
            "component": GRAFANA,
        }
    ]


@pytest.mark.parametrize("variable", ["MINIO_ROOT_PASSWORD", "MINIO_SECRET_KEY"])
def test_a_well_known_password_of_minio_in_plain_is_told_without_it(variable: str) -> None:
    (found,) = audit_readers.default_credentials(password(variable, "minioadmin", image="minio/minio"))
    assert variable in str(found["cause"])
    assert "minioadmin" not in str(found)
    assert found["component"] is None


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("GF_SECURITY_ADMIN_PASSWORD", "a real password"),
        ("GF_SECURITY_ADMIN_PASSWORD", "minioadmin"),
        ("GF_SECURITY_ADMIN_PASSWORD", ""),
        ("GF_SECURITY_ADMIN_USER", "admin"),
        ("MINIO_ROOT_PASSWORD", "admin"),
    ],
)
def test_other_passwords_are_not_told(variable: str, value: str) -> None:
    assert audit_readers.default_credentials(password(variable, value)) == []


def test_the_secret_of_a_password_has_to_be_looked_at() -> None:
    cluster = password("", env=from_secret("GF_SECURITY_ADMIN_PASSWORD"))
    assert wanted(cluster) == [(NAMESPACE, "login", "admin-password", GRAFANA)]


@pytest.mark.parametrize("variable", ["GF_SECURITY_ADMIN_PASSWORD__FILE", "GF_SECURITY_ADMIN_PASSWORD_FILE"])
def test_the_secret_of_a_file_with_a_password_has_to_be_looked_at(variable: str) -> None:
    mounts = [{"name": "login", "mountPath": "/secrets"}]
    spec = {"volumes": [{"name": "login", "secret": {"secretName": "login"}}]}
    cluster = password(variable, "/secrets/password", volumeMounts=mounts, spec=spec)
    assert wanted(cluster) == [(NAMESPACE, "login", "password", GRAFANA)]


def test_a_secret_whose_keys_all_become_variables_has_to_be_looked_at() -> None:
    cluster = password("", envFrom=[{"secretRef": {"name": "login"}}])
    assert wanted(cluster) == [(NAMESPACE, "login", "GF_SECURITY_ADMIN_PASSWORD", GRAFANA)]


def test_the_secrets_of_others_are_not_looked_at() -> None:
    assert wanted(password("", image="registry.example/shop", envFrom=[{"secretRef": {"name": "shop"}}])) == []


@pytest.mark.parametrize(
    "env",
    [
        [],
        [{"name": "GF_SECURITY_ADMIN_PASSWORD", "value": "in plain"}],
        [{"name": "GF_SECURITY_ADMIN_PASSWORD", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}}],
        from_secret("SOMETHING_ELSE"),
    ],
)
def test_no_secret_is_looked_at_for_a_password_that_is_in_none(env: list[Object]) -> None:
    assert wanted(password("", env=env)) == []


def test_a_secret_of_several_containers_is_looked_at_once() -> None:
    clusters = [password("", env=from_secret("MINIO_ROOT_PASSWORD"), image=image) for image in ("minio", "client")]
    assert len(wanted(merged(*clusters))) == 1


def test_the_secret_that_a_grafana_has_left_behind_is_found_by_its_service() -> None:
    """The chart names both alike."""
    left = service("stack-grafana", {"app": "gone"}, labels={"app.kubernetes.io/name": "grafana"})
    others = [service("stack-prometheus", labels={"app.kubernetes.io/name": "prometheus"})]
    assert wanted({"Service": [left, *others]}) == [(NAMESPACE, "stack-grafana", "admin-password", None)]


def test_a_grafana_that_runs_says_itself_which_secret_it_has() -> None:
    cluster = password("", env=from_secret("GF_SECURITY_ADMIN_PASSWORD"))
    cluster["Service"] = [service("stack-grafana", {"app": "grafana"}, labels={"app.kubernetes.io/name": "grafana"})]
    assert wanted(cluster) == [(NAMESPACE, "login", "admin-password", GRAFANA)]


def test_a_secret_with_a_well_known_password_is_told_without_it() -> None:
    (one,) = audit_readers.default_secrets(password("", env=from_secret("GF_SECURITY_ADMIN_PASSWORD")))
    assert one.credential(b"prom-operator\n") == {
        "subject": "Secret monitoring/login",
        "cause": "the password of Grafana's administrator in it (key admin-password) is a well-known default",
        "component": GRAFANA,
    }
    assert "prom-operator" not in repr(one)


@pytest.mark.parametrize("value", [b"", b"a real password", b"minioadmin", b"\xff"])
def test_a_secret_with_another_password_is_not_told(value: bytes) -> None:
    (one,) = audit_readers.default_secrets(password("", env=from_secret("GF_SECURITY_ADMIN_PASSWORD")))
    assert one.credential(value) is None
