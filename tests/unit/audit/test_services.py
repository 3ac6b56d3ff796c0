"""What a URL leads to in a cluster."""

from __future__ import annotations

import pytest
from audit_objects import FULL_ID as FULL
from audit_objects import (
    LABELS,
    NAMESPACE,
    PROMETHEUS,
    THANOS,
    URL,
    Object,
    container,
    merged,
    named,
    service,
    stateful_set,
    with_prometheus,
)
from audit_objects import SIDECAR_ID as SIDECAR
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.miribit.thanos.plugins.module_utils.audit.services import Scene, service_of, shown
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.components import components

Cluster = dict[str, list[Object]]


def component_of(url: str, cluster: Cluster, namespace: str = NAMESPACE) -> str | None:
    return Scene(cluster, components(cluster, {}, {})).component_of(url, namespace)


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
