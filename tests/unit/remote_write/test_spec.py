"""The remote write of an agent from what is asked of it: the blocks, and every refusal."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.remote_write.spec import plan

SECRET = "word-that-must-stay-secret"
SPEC: dict[str, object] = {
    "prometheus_version": "3.15.0",
    "exposure": {"load_balancer": {"address": "192.168.101.210"}},
    "external_labels": {"cluster": "cluster-03"},
}
TENANTS = [{"name": "tenant-a", "namespaces": ["shop", "cart"]}, {"name": "tenant-b", "namespaces": ["billing"]}]
SIZING = {"samples_per_second": 2000, "latency": 0.1, "outage": 1800, "memory": 100_000_000}


def blocks(**changes: object) -> list[Any]:
    remote_write = plan({**SPEC, **changes}).config()["remote_write"]
    assert isinstance(remote_write, list)
    return remote_write


def block(**changes: object) -> Any:
    (only,) = blocks(**changes)
    return only


def refused(**changes: object) -> str:
    """The one problem of a specification."""
    with pytest.raises(ProblemError) as error:
        plan({**SPEC, **changes})
    assert len(error.value.problems) == 1, error.value
    return str(error.value)


# What is made.


def test_the_least_that_can_be_asked_for() -> None:
    assert plan(SPEC).as_dict() == {
        "config": {
            "global": {"external_labels": {"cluster": "cluster-03"}},
            "remote_write": [
                {
                    "name": "thanos",
                    "url": "http://192.168.101.210:19291/api/v1/receive",
                    "protobuf_message": "prometheus.WriteRequest",
                    "queue_config": {"retry_on_http_429": True},
                }
            ],
        },
        "sizing": None,
    }
    assert list(plan(SPEC).warnings()) == []


@pytest.mark.parametrize(
    ("exposure", "tls", "url"),
    [
        ({"load_balancer": {"address": "192.0.2.1", "port": 80}}, None, "http://192.0.2.1:80/api/v1/receive"),
        ({"load_balancer": {"address": "192.0.2.1", "port": "80"}}, None, "http://192.0.2.1:80/api/v1/receive"),
        ({"load_balancer": {"address": "192.0.2.1"}}, {}, "https://192.0.2.1:19291/api/v1/receive"),
        ({"load_balancer": {"address": "2001:db8::1"}}, None, "http://[2001:db8::1]:19291/api/v1/receive"),
        ({"ingress": {"host": "receiver.miribit.lab"}}, None, "http://receiver.miribit.lab/api/v1/receive"),
        ({"ingress": {"host": "receiver.miribit.lab"}}, {}, "https://receiver.miribit.lab/api/v1/receive"),
        ({"url": "https://a.example/x/api/v1/receive"}, None, "https://a.example/x/api/v1/receive"),
    ],
)
def test_the_url_follows_from_how_the_receiver_is_exposed(exposure: object, tls: object, url: str) -> None:
    assert block(exposure=exposure, tls=tls)["url"] == url


@pytest.mark.parametrize(("prometheus", "pinned"), [("2.53.4", False), ("2.54.0", True), ("v3.0.1-busybox", True)])
def test_the_protocol_is_pinned_where_prometheus_knows_the_key(prometheus: str, pinned: bool) -> None:
    assert ("protobuf_message" in block(prometheus_version=prometheus)) is pinned


def test_tls_and_credentials_are_given_by_file() -> None:
    files = {"ca_file": "/tls/ca.crt", "cert_file": "/tls/tls.crt", "key_file": "/tls/tls.key"}
    made = block(
        tls={**files, "server_name": "receiver"}, basic_auth={"username": "edge", "password_file": "/auth/password"}
    )
    assert made["tls_config"] == {**files, "server_name": "receiver"}
    assert made["basic_auth"] == {"username": "edge", "password_file": "/auth/password"}
    assert block(tls={}, bearer={"credentials_file": "/auth/token"})["authorization"] == {
        "credentials_file": "/auth/token"
    }


def test_exemplars_and_native_histograms_are_sent_only_if_asked_for() -> None:
    assert block(exemplars=True)["send_exemplars"] is True
    assert block(native_histograms=True, prometheus_version="2.40.0")["send_native_histograms"] is True
    assert not {"send_exemplars", "send_native_histograms"} & set(block())


def test_a_tenant_is_a_header_and_the_name_of_the_block() -> None:
    made = block(tenant="tenant-a")
    assert (made["name"], made["headers"]) == ("tenant-a", {"X-Scope-OrgID": "tenant-a"})


def test_another_header_can_name_the_tenant() -> None:
    made = blocks(tenants=TENANTS, tenant="platform", tenant_header="THANOS-TENANT")
    assert [one["headers"] for one in made] == [
        {"THANOS-TENANT": name} for name in ("tenant-a", "tenant-b", "platform")
    ]


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("", "'' is no name of a header"),
        ("X Tenant", "'X Tenant' is no name of a header"),
        ("X-Tenant:", "'X-Tenant:' is no name of a header"),
        ("Authorization", "Prometheus sets the header Authorization itself"),
        ("x-prometheus-remote-write-version", "Prometheus sets the header"),
    ],
)
def test_a_header_that_prometheus_does_not_send_is_refused(header: str, words: str) -> None:
    assert refused(tenant_header=header).startswith(f"tenant_header: {words}")


def test_each_tenant_gets_the_series_of_its_namespaces_and_the_last_block_all_others() -> None:
    made = blocks(tenants=TENANTS, tenant="platform")
    assert [one["headers"]["X-Scope-OrgID"] for one in made] == ["tenant-a", "tenant-b", "platform"]
    assert [one["write_relabel_configs"] for one in made] == [
        [{"source_labels": ["namespace"], "regex": "shop|cart", "action": "keep"}],
        [{"source_labels": ["namespace"], "regex": "billing", "action": "keep"}],
        [{"source_labels": ["namespace"], "regex": "shop|cart|billing", "action": "drop"}],
    ]


def test_the_sizes_are_in_every_block_and_the_memory_is_shared() -> None:
    queue = {"capacity": 10000, "max_shards": 16, "max_samples_per_send": 2000, "retry_on_http_429": True}
    assert [one["queue_config"] for one in blocks(tenants=TENANTS, tenant="platform", sizing=SIZING)] == [queue] * 3


def test_a_wish_that_cannot_be_met_is_a_warning() -> None:
    (warning,) = plan({**SPEC, "sizing": {**SIZING, "memory": 1000}}).warnings()
    assert str(warning).startswith("sizing: memory 0.0009537 MiB is not enough for one shard")


def test_a_name_that_may_be_in_a_cluster_s_domain_is_a_warning() -> None:
    (warning,) = plan({**SPEC, "exposure": {"ingress": {"host": "receiver.miribit.local"}}}).warnings()
    assert "is in a domain that clusters take for their own" in str(warning)


def test_an_address_that_may_be_a_cluster_ip_is_a_warning() -> None:
    (warning,) = plan({**SPEC, "exposure": {"load_balancer": {"address": "10.96.3.4"}}}).warnings()
    assert str(warning).startswith("exposure: 10.96.3.4 is in a network that clusters commonly take their ClusterIPs")


# Every refusal.


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(ProblemError) as error:
        plan({"prometheus_version": "3", "exposure": {}, "tenant": "a/b", "sizing": {}})
    assert [problem.subject for problem in error.value.problems] == [
        "prometheus_version",
        "exposure",
        *["sizing"] * 4,
        "external_labels",
        "Tenant 'a/b'",
    ]


def test_what_is_no_mapping_is_refused() -> None:
    with pytest.raises(ProblemError, match="spec: it is a list, not a mapping"):
        plan([])


def test_an_unknown_key_is_refused_with_the_nearest_one() -> None:
    assert "spec: there is no key 'tennant'. Fix: use only prometheus_version" in refused(tennant="a")
    assert "(did you mean tenant?)" in refused(tennant="a")


def test_a_key_that_is_no_text_is_refused() -> None:
    assert "external_labels: the key 1 is not a text" in refused(external_labels={1: "a", "cluster": "a"})


def test_a_text_that_cannot_be_written_is_refused_without_quoting_it() -> None:
    labels = {"cluster": "a", "region": f"{SECRET}\ud800"}
    message = refused(external_labels=labels)
    assert "external_labels: region cannot be written as UTF-8" in message
    assert SECRET not in message


def test_a_name_that_cannot_be_written_is_refused() -> None:
    with pytest.raises(ProblemError, match="external_labels: a key cannot be written as UTF-8"):
        plan({**SPEC, "external_labels": {"cluster": "a", "\ud800": "b"}})


@pytest.mark.parametrize("prometheus", ["", "3", "latest", "3.x"])
def test_what_is_no_version_is_refused(prometheus: str) -> None:
    assert f"prometheus_version: {prometheus!r} is no version" in refused(prometheus_version=prometheus)


def test_a_prometheus_without_agent_mode_is_refused() -> None:
    assert "prometheus_version: 2.31.0 has no agent mode" in refused(prometheus_version="2.31.0")
    assert block(prometheus_version="2.32.0")


def test_native_histograms_of_a_prometheus_that_does_not_know_them_are_refused() -> None:
    message = refused(prometheus_version="2.39.0", native_histograms=True)
    assert (
        "native_histograms: Prometheus 2.39.0 does not know send_native_histograms. Fix: use 2.40 or newer" in message
    )


@pytest.mark.parametrize(
    ("exposure", "cause"),
    [
        ({}, "it says nothing"),
        ({"url": "http://a.b/api/v1/receive", "ingress": {"host": "a.b"}}, "it has ingress and url"),
    ],
)
def test_anything_but_one_exposure_is_refused(exposure: object, cause: str) -> None:
    assert f"exposure: {cause}. Fix: give exactly one of load_balancer, ingress, url." in refused(exposure=exposure)


@pytest.mark.parametrize("port", [0, 65536])
def test_what_is_no_port_is_refused(port: int) -> None:
    message = refused(exposure={"load_balancer": {"address": "192.0.2.1", "port": port}})
    assert f"exposure, load_balancer: port {port} is no port" in message


@pytest.mark.parametrize("port", [1, 65535])
def test_the_first_and_the_last_port_are_accepted(port: int) -> None:
    assert f":{port}/" in block(exposure={"load_balancer": {"address": "192.0.2.1", "port": port}})["url"]


@pytest.mark.parametrize("port", [10901, 10902, 19391])
def test_another_port_of_the_receiver_is_refused(port: int) -> None:
    message = refused(exposure={"load_balancer": {"address": "192.0.2.1", "port": port}})
    assert f"exposure: port {port} of Thanos Receive is" in message


@pytest.mark.parametrize(
    ("host", "cause"),
    [
        ("thanos-receiver", "has a single label"),
        ("localhost", "has a single label"),
        ("thanos-receiver.monitoring.svc", "is that of a Service"),
        ("thanos-receiver.monitoring.svc.cluster-01.local", "is that of a Service"),
        ("thanos-receiver.monitoring.svc.cluster.local.", "is that of a Service"),
        ("thanos-receiver.cluster.local", "is in a domain that clusters take for their own"),
        ("127.0.0.1", "is the agent's own pod"),
        ("0.0.0.0", "is the agent's own pod"),
        ("a_b.example", "is neither an address nor a host name"),
        ("192.168.101.2100", "is neither an address nor a host name"),
    ],
)
def test_a_host_without_meaning_in_other_clusters_is_refused(host: str, cause: str) -> None:
    message = refused(exposure={"ingress": {"host": host}})
    assert message.startswith("exposure: ")
    assert cause in message


@pytest.mark.parametrize(
    "url", ["", "192.0.2.1:19291", "ftp://a.b/api/v1/receive", "http:///api/v1/receive", "http://a.b:x/api/v1/receive"]
)
def test_what_is_no_http_url_is_refused(url: str) -> None:
    assert "exposure: it is not an HTTP URL" in refused(exposure={"url": url})


@pytest.mark.parametrize("path", ["", "/", "/api/v1/write", "/api/v1/receive/"])
def test_a_path_that_thanos_does_not_serve_is_refused(path: str) -> None:
    message = refused(exposure={"url": f"http://a.b{path}"})
    assert f"exposure: its path is {path or '/'!r}, and Thanos Receive takes writes at /api/v1/receive only" in message


def test_a_url_with_a_query_is_refused_without_quoting_it() -> None:
    message = refused(exposure={"url": f"http://a.b/api/v1/receive?token={SECRET}"})
    assert "exposure: its URL holds more than a path" in message
    assert SECRET not in message


@pytest.mark.parametrize("user", [f"u:{SECRET}", SECRET, f"u:/{SECRET}", f"u:#{SECRET}", f"{SECRET}/x"])
def test_a_url_with_a_user_is_refused_without_quoting_it(user: str) -> None:
    message = refused(exposure={"url": f"https://{user}@a.b/api/v1/receive"})
    assert "exposure: its URL holds a user or a password" in message
    assert SECRET not in message


# Credentials.


@pytest.mark.parametrize(
    ("key", "content"),
    [
        ("basic_auth", {"username": "u", "password_file": "/f", "password": SECRET}),
        ("bearer", {"credentials_file": "/f", "credentials": SECRET}),
        ("bearer", {"credentials_file": "/f", "token": SECRET}),
        ("tls", {"cert_file": "/f", "key_file": "/f", "key": SECRET}),
    ],
)
def test_a_secret_is_refused_without_quoting_it(key: str, content: object) -> None:
    message = refused(**{"tls": {}, key: content})
    assert f"{key}: " in message
    assert "would stand in the configuration for all to read. Fix: give a file instead." in message
    assert SECRET not in message


@pytest.mark.parametrize(
    ("key", "content", "name"),
    [
        ("basic_auth", {"username": "u", "password_file": SECRET}, "password_file"),
        ("bearer", {"credentials_file": SECRET}, "credentials_file"),
        ("tls", {"ca_file": SECRET}, "ca_file"),
    ],
)
def test_what_is_no_path_of_a_file_is_refused_without_quoting_it(key: str, content: object, name: str) -> None:
    message = refused(**{"tls": {}, key: content})
    assert f"{key}: {name} is no absolute path" in message
    assert SECRET not in message


@pytest.mark.parametrize(
    ("content", "missing"), [({"username": "u"}, "password_file"), ({"password_file": "/f"}, "username")]
)
def test_incomplete_basic_auth_is_refused(content: object, missing: str) -> None:
    assert f"basic_auth: there is no {missing}" in refused(basic_auth=content, tls={})


def test_a_bearer_without_file_is_refused() -> None:
    assert "bearer: there is no credentials_file" in refused(bearer={}, tls={})


@pytest.mark.parametrize("content", [{"cert_file": "/f"}, {"key_file": "/f"}])
def test_half_a_client_certificate_is_refused(content: object) -> None:
    assert "tls: a client certificate is cert_file and key_file" in refused(tls=content)


def test_two_ways_to_authenticate_are_refused() -> None:
    message = refused(tls={}, bearer={"credentials_file": "/f"}, basic_auth={"username": "u", "password_file": "/f"})
    assert "bearer: there is basic_auth too" in message


@pytest.mark.parametrize(
    ("key", "content"),
    [("basic_auth", {"username": "u", "password_file": "/f"}), ("bearer", {"credentials_file": "/f"})],
)
def test_credentials_over_plain_http_are_refused(key: str, content: object) -> None:
    assert f"{key}: credentials would go over plain http" in refused(**{key: content})


def test_tls_files_for_a_plain_url_are_refused() -> None:
    message = refused(exposure={"url": "http://a.b/api/v1/receive"}, tls={"ca_file": "/f"})
    assert "tls: the URL is plain http, and no TLS is spoken" in message


# External labels.


@pytest.mark.parametrize("labels", [{}, {"region": "edge"}, {"cluster": ""}])
def test_labels_without_a_cluster_are_refused(labels: object) -> None:
    assert "external_labels: there is no label cluster" in refused(external_labels=labels)


@pytest.mark.parametrize(
    ("name", "value", "cause"),
    [
        ("a-b", "x", "this is no name of a label"),
        ("1a", "x", "this is no name of a label"),
        ("__a", "x", "this is no name of a label"),
        ("region", "", "it is empty, and Prometheus leaves out what is empty"),
        ("region", "$HOME", "Prometheus 3 replaces '$'"),
        ("receive_replica", "0", "Thanos Receive itself sets this label"),
        ("tenant_id", "a", "Thanos Receive itself sets this label"),
    ],
)
def test_a_label_that_cannot_be_is_refused(name: str, value: str, cause: str) -> None:
    message = refused(external_labels={"cluster": "cluster-03", name: value})
    assert message.startswith(f"external_labels, label {name}: {cause}")


def test_a_label_that_is_no_text_is_refused() -> None:
    message = refused(external_labels={"cluster": "a", "region": 1})
    assert "external_labels: region is a whole number, not a text" in message


# Tenants.


@pytest.mark.parametrize("name", [".", "..", "a/b", "a b", "ü", "a\nb"])
def test_a_tenant_that_fits_no_header_or_folder_is_refused(name: str) -> None:
    assert f"Tenant {name!r}: it must fit a header" in refused(tenant=name)


def test_tenants_without_one_that_takes_the_rest_are_refused() -> None:
    assert "tenant: series of other namespaces and of none" in refused(tenants=TENANTS)


def test_a_tenant_that_stands_twice_is_refused() -> None:
    assert "Tenant tenant-a: it stands 2 times" in refused(tenants=TENANTS, tenant="tenant-a")


def test_a_namespace_of_two_tenants_is_refused() -> None:
    shared = [*TENANTS, {"name": "tenant-c", "namespaces": ["billing"]}]
    assert "Namespace billing: tenants share it" in refused(tenants=shared, tenant="platform")


@pytest.mark.parametrize("namespace", ["", "a.*", "A", "a|b"])
def test_what_is_no_name_of_a_namespace_is_refused(namespace: str) -> None:
    tenants = [{"name": "tenant-a", "namespaces": [namespace]}]
    assert f"Namespace {namespace!r}: it is not a namespace's name" in refused(tenants=tenants, tenant="platform")


@pytest.mark.parametrize(
    ("tenant", "cause"),
    [
        ({"namespaces": ["a"]}, "Tenant 1: it has no name"),
        ({"name": "a"}, "Tenant 1 (a): it has no namespaces"),
        ({"name": "a", "namespaces": []}, "Tenant 1 (a): it has no namespaces"),
        ("a", "Tenant 1: it is a text, not a mapping"),
    ],
)
def test_an_incomplete_tenant_is_refused(tenant: object, cause: str) -> None:
    with pytest.raises(ProblemError, match=re.escape(cause)):
        plan({**SPEC, "tenants": [tenant], "tenant": "platform"})


def test_an_external_label_namespace_is_refused_beside_tenants() -> None:
    labels = {"cluster": "cluster-02", "namespace": "shop"}
    message = refused(tenants=TENANTS, tenant="platform", external_labels=labels)
    assert "external_labels, label namespace: series without a namespace get this one" in message
    assert block(external_labels=labels)


# Sizes.


@pytest.mark.parametrize("key", SIZING)
def test_a_missing_number_is_refused(key: str) -> None:
    message = refused(sizing={name: value for name, value in SIZING.items() if name != key})
    assert f"sizing: there is no {key}" in message


@pytest.mark.parametrize("value", ["much", True, float("nan"), float("inf"), 10**400, []])
def test_what_is_no_number_is_refused(value: object) -> None:
    assert "sizing: memory is not a number" in refused(sizing={**SIZING, "memory": value})


def test_numbers_may_be_texts_as_templates_make_them() -> None:
    texts = {key: str(value) for key, value in {**SIZING, "max_samples_per_send": 2000}.items()}
    assert plan({**SPEC, "sizing": texts}) == plan({**SPEC, "sizing": SIZING})


def test_a_number_that_cannot_be_is_refused() -> None:
    assert "sizing: outage 0 is not possible" in refused(sizing={**SIZING, "outage": 0})


# For any input.

NAMESPACES = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,4}[a-z0-9])?", fullmatch=True)


@st.composite
def owners(draw: st.DrawFn) -> dict[str, list[str]]:
    """Tenants and their namespaces, no namespace twice."""
    namespaces = draw(st.lists(NAMESPACES, min_size=1, max_size=12, unique=True))
    found: dict[str, list[str]] = {}
    for namespace in namespaces:
        found.setdefault(f"tenant-{draw(st.integers(0, 4))}", []).append(namespace)
    return found


def sent(made: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether a block sends a series: Prometheus' relabelling (model/relabel), for the two actions in use."""
    for rule in made.get("write_relabel_configs", []):
        value = ";".join(labels.get(name, "") for name in rule["source_labels"])
        # Go's ^(?s:...)$ without multi-line mode ends at the end of the text only.
        matches = re.fullmatch(f"(?s:{rule['regex']})", value) is not None
        if matches is not {"keep": True, "drop": False}[rule["action"]]:
            return False
    return True


@settings(deadline=2000)
@given(owners(), st.one_of(NAMESPACES, st.text(max_size=6), st.none()), st.integers(0, 11))
def test_every_series_is_sent_once_and_as_the_tenant_that_owns_its_namespace(
    tenants: dict[str, list[str]], any_namespace: str | None, pick: int
) -> None:
    spec = [{"name": name, "namespaces": namespaces} for name, namespaces in tenants.items()]
    made = blocks(tenants=spec, tenant="platform")
    owned = [namespace for namespaces in tenants.values() for namespace in namespaces]
    for namespace in (any_namespace, owned[pick % len(owned)], f"{owned[0]}\n", f"{owned[0]}-x"):
        labels = {"job": "a"} if namespace is None else {"job": "a", "namespace": namespace}
        receivers = [one["headers"]["X-Scope-OrgID"] for one in made if sent(one, labels)]
        expected = next((name for name, namespaces in tenants.items() if namespace in namespaces), "platform")
        assert receivers == [expected]


# Nested values take their time where other tests run beside.
SLOW_MACHINES = settings(deadline=2000, suppress_health_check=[HealthCheck.too_slow])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8) | st.integers(), inner, max_size=4),
    max_leaves=12,
)
KEYS = st.sampled_from(
    [
        *("prometheus_version", "exposure", "tls", "basic_auth", "bearer", "external_labels", "tenant", "tenants"),
        *("exemplars", "native_histograms", "sizing"),
    ]
)
NEARLY = st.dictionaries(KEYS, JSON | st.sampled_from([{"url": "http://a"}, {"load_balancer": {}}, SIZING, TENANTS]))


@SLOW_MACHINES
@given(JSON | NEARLY.map(lambda changes: {**SPEC, **changes}))
def test_any_specification_is_planned_or_refused(spec: object) -> None:
    with contextlib.suppress(ProblemError):
        plan(spec).as_dict()
