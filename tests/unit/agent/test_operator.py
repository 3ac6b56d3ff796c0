"""Remote write as a PrometheusAgent of prometheus-operator has it."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.miribit.thanos.plugins.module_utils.agent.operator import (
    Secrets,
    operator_problems,
    operator_version,
    remote_write,
)
from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.base.versions import Version
from ansible_collections.miribit.thanos.plugins.module_utils.remote_write.spec import plan

URL = "http://192.0.2.1:19291/api/v1/receive"
FOLDER = "/etc/prometheus/remote-write"
SECRETS = Secrets(credentials="writes", username="user")


def converted(block: dict[str, Any], operator: Version | None = (0, 85)) -> dict[str, Any]:
    [made] = remote_write([{"url": URL, **block}], SECRETS, operator)
    del made["url"]
    return made


def refused(block: dict[str, Any], operator: Version | None = (0, 85)) -> str:
    with pytest.raises(ProblemError) as error:
        remote_write([{"name": "thanos", "url": URL, **block}], SECRETS, operator)
    return str(error.value)


# What can be said in both.


def test_what_the_plan_makes_is_taken_as_a_whole() -> None:
    spec = {
        "prometheus_version": "3.15.0",
        "exposure": {"url": "https://receiver.example/api/v1/receive"},
        "external_labels": {"cluster": "cluster-02"},
        "tls": {"ca_file": f"{FOLDER}/ca.crt", "server_name": "receiver"},
        "basic_auth": {"username": "edge", "password_file": f"{FOLDER}/password"},
        "tenant": "platform",
        "tenants": [{"name": "tenant-a", "namespaces": ["shop", "cart"]}],
        "exemplars": True,
        "native_histograms": True,
        "sizing": {"samples_per_second": 1000, "latency": 0.1, "outage": 600, "memory": 10**8},
    }
    blocks = plan(spec).config()["remote_write"]
    assert isinstance(blocks, list)
    first, last = remote_write(blocks, SECRETS, (0, 85))
    assert first == {
        "name": "tenant-a",
        "url": "https://receiver.example/api/v1/receive",
        "messageVersion": "V1.0",
        "headers": {"X-Scope-OrgID": "tenant-a"},
        "basicAuth": {
            "username": {"name": "user", "key": "username"},
            "password": {"name": "writes", "key": "password"},
        },
        "tlsConfig": {"ca": {"secret": {"name": "writes", "key": "ca"}}, "serverName": "receiver"},
        "sendExemplars": True,
        "sendNativeHistograms": True,
        "writeRelabelConfigs": [{"sourceLabels": ["namespace"], "regex": "shop|cart", "action": "keep"}],
        "queueConfig": {
            "capacity": 10000,
            "maxShards": 25,
            "maxSamplesPerSend": 2000,
            "retryOnRateLimit": True,
        },
    }
    assert last["writeRelabelConfigs"][0]["action"] == "drop"


def test_a_client_certificate_becomes_keys_of_the_secret() -> None:
    tls = {"cert_file": f"{FOLDER}/tls.crt", "key_file": f"{FOLDER}/tls.key"}
    assert converted({"tls_config": tls})["tlsConfig"] == {
        "cert": {"secret": {"name": "writes", "key": "cert"}},
        "keySecret": {"name": "writes", "key": "key"},
    }


def test_a_token_becomes_a_key_of_the_secret() -> None:
    made = converted({"authorization": {"credentials_file": f"{FOLDER}/token"}})
    assert made["authorization"] == {"credentials": {"name": "writes", "key": "token"}}


def test_metadata_settings_are_renamed() -> None:
    settings = {"send": True, "send_interval": "2m", "max_samples_per_send": 500}
    assert converted({"metadata_config": settings})["metadataConfig"] == {
        "send": True,
        "sendInterval": "2m",
        "maxSamplesPerSend": 500,
    }


@pytest.mark.parametrize(("operator", "has"), [((0, 77), False), ((0, 78), True), (None, True)])
def test_the_first_remote_write_is_pinned_where_the_operator_can(operator: Version | None, has: bool) -> None:
    made = converted({"protobuf_message": "prometheus.WriteRequest"}, operator)
    assert ("messageVersion" in made) is has


# What cannot.


@pytest.mark.parametrize("key", ["sigv4", "azuread", "oauth2", "proxy_url"])
def test_a_key_without_a_field_is_refused_with_its_block(key: str) -> None:
    told = refused({key: {}})
    assert told.startswith("remote_write, block 1 (thanos): ")
    assert key in told
    assert "prometheus_agent_form: configmap" in told


@pytest.mark.parametrize(
    "block",
    [
        {"queue_config": {"max_retries": 3}},
        {"metadata_config": {"other": 1}},
        {"write_relabel_configs": [{"source": ["a"]}]},
        {"tls_config": {"min_version": "TLS13"}},
        {"basic_auth": {"username": "u", "password": "dummy-secret"}},
        {"authorization": {"credentials": "dummy-secret"}},
    ],
)
def test_a_part_without_a_field_is_refused_without_its_value(block: dict[str, Any]) -> None:
    assert "dummy-secret" not in refused(block)


def test_all_that_cannot_be_said_is_told_at_once() -> None:
    with pytest.raises(ProblemError) as error:
        remote_write([{"url": URL, "sigv4": {}}, {"url": URL, "oauth2": {}}], SECRETS)
    assert [problem.subject for problem in error.value.problems] == ["remote_write, block 1", "remote_write, block 2"]


def test_a_file_of_another_folder_is_refused_without_its_path() -> None:
    told = refused({"tls_config": {"ca_file": "/somewhere/dummy-secret"}})
    assert "keys of a Secret" in told
    assert "dummy-secret" not in told


def test_a_file_without_a_secret_is_refused() -> None:
    with pytest.raises(ProblemError, match="name its Secret"):
        remote_write([{"url": URL, "tls_config": {"ca_file": f"{FOLDER}/ca.crt"}}], Secrets())


def test_an_empty_expression_is_refused_because_the_operator_takes_it_for_any() -> None:
    assert "'^$'" in refused({"write_relabel_configs": [{"regex": "", "action": "drop"}]})


def test_remote_write_2_is_refused() -> None:
    assert "stores nothing" in refused({"protobuf_message": "io.prometheus.write.v2.Request"})


@pytest.mark.parametrize(
    ("block", "operator"),
    [
        ({"send_native_histograms": True}, (0, 65)),
        ({"enable_http2": False}, (0, 70)),
        ({"queue_config": {"sample_age_limit": "4h"}}, (0, 72)),
    ],
)
def test_a_field_that_the_operator_does_not_know_yet_is_refused(block: dict[str, Any], operator: Version) -> None:
    told = refused(block, operator)
    assert f"prometheus-operator 0.{operator[1]} has no field" in told
    assert converted(block, (0, operator[1] + 1))


# The operator.


def operator(number: str | None, ready: int = 1) -> dict[str, Any]:
    return {"id": "Deployment monitoring/operator", "version": number, "replicas": {"wanted": 1, "ready": ready}}


def wrong(*operators: dict[str, Any], prometheus: str = "3.15.0", knows_kind: bool = True) -> list[str]:
    return [problem.cause for problem in operator_problems(operators, prometheus, knows_kind=knows_kind)]


def test_an_operator_that_can_is_taken() -> None:
    assert wrong(operator("0.85.0")) == []


def test_an_operator_whose_version_is_unknown_is_taken() -> None:
    assert wrong(operator(None)) == []


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (wrong(), "no prometheus-operator runs"),
        (wrong(operator("0.85.0", ready=0)), "no pod of it is ready"),
        (wrong(operator("0.63.0")), "PrometheusAgent came with 0.64"),
        (wrong(operator("0.76.2")), "a flag of 2"),
        (wrong(operator("0.85.0"), knows_kind=False), "does not know the kind"),
    ],
)
def test_an_operator_that_cannot_is_refused(found: list[str], why: str) -> None:
    [cause] = found
    assert why in cause


def test_prometheus_2_needs_no_newer_operator() -> None:
    assert wrong(operator("0.76.2"), prometheus="2.48.0") == []


def test_of_several_operators_the_oldest_counts() -> None:
    assert operator_version([operator("0.85.0"), operator("0.70.1")]) == (0, 70)


def test_the_version_is_unknown_while_that_of_one_is() -> None:
    assert operator_version([operator("0.85.0"), operator(None)]) is None
