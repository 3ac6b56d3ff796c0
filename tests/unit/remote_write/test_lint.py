"""What is wrong with the remote write of an agent as it runs."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.miribit.thanos.plugins.module_utils.remote_write.lint import Finding, lint
from ansible_collections.miribit.thanos.plugins.module_utils.remote_write.secrets import redacted, secret_texts, secrets
from ansible_collections.miribit.thanos.plugins.module_utils.remote_write.spec import plan

SECRET = "word-that-must-stay-secret"
GOOD_BLOCK = {
    "url": "http://192.168.101.210:19291/api/v1/receive",
    "protobuf_message": "prometheus.WriteRequest",
    "queue_config": {"retry_on_http_429": True},
}
GOOD: dict[str, Any] = {
    "image": "quay.io/prometheus/prometheus:v3.15.0",
    "args": ["--config.file=/etc/prometheus/prometheus.yml", "--agent", "--storage.agent.path=/data"],
    "memory": 200 * 2**20,
    "external_labels": {"cluster": "cluster-03"},
    "remote_write": [GOOD_BLOCK],
}
OTHERS = {"cluster-02": {"cluster": "cluster-02"}}


def findings(**changes: object) -> list[Finding]:
    return lint({**GOOD, **changes}, OTHERS)


def finding(**changes: object) -> Finding:
    (only,) = findings(**changes)
    return only


def of_block(**changes: object) -> Finding:
    return finding(remote_write=[{**GOOD_BLOCK, **changes}])


def of_queue(**changes: object) -> Finding:
    return of_block(queue_config={"retry_on_http_429": True, **changes})


def test_an_agent_with_nothing_wrong_has_no_findings() -> None:
    assert findings() == []


def test_what_is_made_here_has_no_findings() -> None:
    made = plan(
        {
            "prometheus_version": "3.15.0",
            "exposure": {"ingress": {"host": "receiver.miribit.lab"}},
            "tls": {"ca_file": "/ca"},
            "basic_auth": {"username": "u", "password_file": "/p"},
            "external_labels": {"cluster": "cluster-03"},
            "tenant": "platform",
            "tenants": [{"name": "tenant-a", "namespaces": ["shop"]}, {"name": "tenant-b", "namespaces": ["billing"]}],
            "sizing": {"samples_per_second": 2000, "latency": 0.1, "outage": 600, "memory": 50 * 2**20},
        }
    )
    assert findings(remote_write=made.config()["remote_write"]) == []


def test_only_what_is_given_is_looked_at() -> None:
    assert lint({}, {}) == []


def test_the_agents_of_the_audit_are_told_what_is_wrong() -> None:
    audited = {
        "image": "quay.io/prometheus/prometheus:v2.48.0",
        "args": ["--enable-feature=agent", "--storage.agent.path=/data"],
        "memory": 200 * 2**20,
        "external_labels": {"cluster": "cluster-03"},
        "remote_write": [
            {
                "url": "http://thanos-receiver.monitoring.svc.cluster-01.local:19291/api/v1/receive",
                "queue_config": {"capacity": 10000, "max_shards": 10, "max_samples_per_send": 5000},
            }
        ],
    }
    assert [(found.id, found.severity, found.subject) for found in lint(audited, OTHERS)] == [
        ("unresolvable", "error", "Block 1"),
        ("retry-429", "warning", "Block 1, queue_config"),
    ]
    upgraded = lint({**audited, "image": "quay.io/prometheus/prometheus:v3.15.0"}, OTHERS)
    assert "agent-flag" in [found.id for found in upgraded]


def test_a_finding_names_its_block() -> None:
    found = of_block(name="thanos", url="http://receiver:19291/api/v1/receive")
    assert found.as_dict() == {
        "id": "unresolvable",
        "severity": "error",
        "subject": "Block 1 (thanos)",
        "cause": "the name receiver has a single label, and resolves only in one namespace of one cluster, if at all",
        "fix": "give the address of the receiver's LoadBalancer or the host of its Ingress",
    }


# The target.


@pytest.mark.parametrize(
    ("url", "rule", "severity"),
    [
        ("http://receiver:19291/api/v1/receive", "unresolvable", "error"),
        ("http://receiver.monitoring.svc:19291/api/v1/receive", "unresolvable", "error"),
        ("http://receiver.monitoring.svc.cluster-01.local:19291/api/v1/receive", "unresolvable", "error"),
        ("http://receiver.cluster.local:19291/api/v1/receive", "unresolvable", "error"),
        ("http://receiver.monitoring.cluster-01.local:19291/api/v1/receive", "unresolvable", "warning"),
        ("http://192.168.101.2100:19291/api/v1/receive", "host", "error"),
        ("http://127.0.0.1:19291/api/v1/receive", "unreachable", "error"),
        ("http://[::1]:19291/api/v1/receive", "unreachable", "error"),
        ("http://10.96.0.10:19291/api/v1/receive", "unreachable", "warning"),
        ("http://10.111.255.255:19291/api/v1/receive", "unreachable", "warning"),
        ("http://10.43.0.10:19291/api/v1/receive", "unreachable", "warning"),
        ("http://192.0.2.1:19291/api/v1/write", "path", "error"),
        ("http://192.0.2.1:10902/api/v1/receive", "port", "error"),
        ("http://192.0.2.1:19291/api/v1/receive?a=b", "url", "error"),
        ("192.0.2.1:19291/api/v1/receive", "url", "error"),
        ("", "url", "error"),
    ],
)
def test_a_url_that_leads_nowhere_is_found(url: str, rule: str, severity: str) -> None:
    found = of_block(url=url)
    assert (found.id, found.severity) == (rule, severity)


@pytest.mark.parametrize("host", ["10.95.255.255", "10.112.0.0", "192.168.101.210", "a.example", "svc.example"])
def test_an_address_that_may_be_reachable_is_not_found(host: str) -> None:
    assert findings(remote_write=[{**GOOD_BLOCK, "url": f"http://{host}:19291/api/v1/receive"}]) == []


def test_a_block_without_url_is_found() -> None:
    assert finding(remote_write=[{"queue_config": {"retry_on_http_429": True}}]).id == "url"


def test_remote_write_2_is_found() -> None:
    found = of_block(protobuf_message="io.prometheus.write.v2.Request")
    assert (found.id, found.fix) == ("remote-write-2", "set protobuf_message: prometheus.WriteRequest")


@pytest.mark.parametrize("blocks", [[], None])
def test_an_agent_that_writes_nowhere_is_found(blocks: object) -> None:
    assert [found.id for found in findings(remote_write=blocks)] == ([] if blocks is None else ["no-remote-write"])


def test_two_blocks_that_send_the_same_are_found() -> None:
    found = finding(remote_write=[GOOD_BLOCK, {**GOOD_BLOCK, "name": "again"}], memory=1e9)
    assert (found.id, found.severity, found.subject) == ("sent-twice", "warning", "Block 2 (again)")


def test_two_blocks_that_differ_in_tenant_are_not_found() -> None:
    tenants = [{**GOOD_BLOCK, "headers": {"X-Scope-OrgID": tenant}} for tenant in ("a", "b")]
    assert findings(remote_write=tenants, memory=1e9) == []


# Credentials.


@pytest.mark.parametrize(
    ("block", "place"),
    [
        ({"basic_auth": {"username": "u", "password": SECRET}}, "basic_auth.password"),
        ({"authorization": {"credentials": SECRET}}, "authorization.credentials"),
        ({"bearer_token": SECRET}, "bearer_token"),
        ({"oauth2": {"client_secret": SECRET}}, "oauth2.client_secret"),
        ({"tls_config": {"key": SECRET}}, "tls_config.key"),
        ({"sigv4": {"secret_key": SECRET}}, "sigv4.secret_key"),
        ({"headers": {"Authorization": SECRET}}, "headers.Authorization"),
        ({"http_headers": {"X-Key": {"secrets": [SECRET]}}}, "http_headers.X-Key.secrets"),
    ],
)
def test_a_secret_in_the_configuration_is_found_without_quoting_it(block: dict[str, object], place: str) -> None:
    found = of_block(**{**block, "url": "https://192.0.2.1/api/v1/receive"})
    assert (found.id, found.severity) == ("secret", "error")
    assert found.cause.startswith(f"{place} is a secret")
    assert SECRET not in str(found)


def test_a_secret_in_a_url_is_found_without_quoting_it() -> None:
    found = of_block(url=f"https://u:{SECRET}@a.b/api/v1/receive")
    assert found.id == "secret"
    assert SECRET not in str(found)


@pytest.mark.parametrize(
    "access",
    [
        {"basic_auth": {"username": "u", "password_file": "/f"}},
        {"authorization": {"credentials_file": "/f"}},
        {"bearer_token_file": "/f"},
        {"oauth2": {"client_secret_file": "/f"}},
    ],
)
def test_credentials_over_plain_http_are_found(access: dict[str, object]) -> None:
    assert of_block(**access).id == "plain-credentials"
    assert findings(remote_write=[{**GOOD_BLOCK, **access, "url": "https://192.0.2.1/api/v1/receive"}]) == []


def test_a_certificate_that_is_not_verified_is_found() -> None:
    found = of_block(tls_config={"insecure_skip_verify": True})
    assert (found.id, found.severity) == ("tls-unverified", "warning")


# Keys that a version does not know.


@pytest.mark.parametrize(
    ("key", "value", "before", "since"),
    [
        ("send_native_histograms", True, "2.39.0", "2.40.0"),
        ("protobuf_message", "prometheus.WriteRequest", "2.53.0", "2.54.0"),
    ],
)
def test_a_key_that_is_too_new_for_the_version_is_found(key: str, value: object, before: str, since: str) -> None:
    block = {"url": GOOD_BLOCK["url"], "queue_config": GOOD_BLOCK["queue_config"], key: value}
    agent = {"remote_write": [block], "args": ["--enable-feature=agent"]}
    found = finding(**agent, image=f"prometheus:v{before}")
    assert (found.id, found.severity) == ("unknown-key", "error")
    assert f"Prometheus {before.removesuffix('.0')} does not know {key}" in found.cause
    assert findings(**agent, image=f"prometheus:v{since}") == []


def test_a_key_of_the_queue_that_is_too_new_is_found() -> None:
    block = {"url": GOOD_BLOCK["url"], "queue_config": {"retry_on_http_429": True, "sample_age_limit": "1d"}}
    found = finding(remote_write=[block], image="prometheus:v2.49.0", args=["--enable-feature=agent"])
    assert found.id == "unknown-key"


# The queue.


@pytest.mark.parametrize("key", ["capacity", "max_shards", "min_shards", "max_samples_per_send"])
def test_a_size_of_the_queue_that_cannot_be_is_found(key: str) -> None:
    block = {**GOOD_BLOCK, "queue_config": {"retry_on_http_429": True, key: 0}}
    assert findings(remote_write=[block])[0].id == "queue-size"


def test_more_least_than_most_shards_are_found() -> None:
    assert of_queue(min_shards=11, max_shards=10).id == "shards"
    assert findings(remote_write=[{**GOOD_BLOCK, "queue_config": {"retry_on_http_429": True, "min_shards": 50}}]) == []


def test_a_capacity_for_a_single_send_is_found() -> None:
    found = of_queue(capacity=3999)
    assert (found.id, found.severity, found.fix) == ("capacity", "warning", "set capacity: 10000")
    block = {**GOOD_BLOCK, "queue_config": {"retry_on_http_429": True, "capacity": 4000}}
    assert findings(remote_write=[block]) == []


def test_queues_that_do_not_fit_the_memory_are_found() -> None:
    # The queue that the documents name: 100 x (20000 + 2000) samples.
    found = of_queue(capacity=20000, max_shards=100)
    assert (found.id, found.severity, found.subject) == ("memory", "warning", "Agent")
    assert found.cause == "its queues take up to 349.7 MiB when all shards run, and its memory is 200 MiB"


def test_all_blocks_count_for_the_memory() -> None:
    blocks = [{**GOOD_BLOCK, "headers": {"X-Scope-OrgID": tenant}} for tenant in ("a", "b")]
    assert findings(remote_write=blocks, memory=200_000_000) == []
    assert finding(remote_write=blocks, memory=199_999_999).id == "memory"


def test_dropping_on_429_is_found() -> None:
    assert of_queue(retry_on_http_429=False).id == "retry-429"
    assert of_block(queue_config={}).id == "retry-429"


@pytest.mark.parametrize(
    ("key", "found", "not_found"),
    [
        ("sample_age_limit", "3h59m59s999ms", "4h"),
        ("sample_age_limit", "1ms", "0s"),
        ("sample_age_limit", "30m", "0"),
        ("batch_send_deadline", "1m1ms", "1m"),
        ("min_backoff", "5s1ms", "5s"),
        ("max_backoff", "29ms", "30ms"),
    ],
)
def test_a_time_that_costs_samples_is_found(key: str, found: str, not_found: str) -> None:
    rules = {"min_backoff": "backoff", "max_backoff": "backoff"}
    assert of_queue(**{key: found}).id == rules.get(key, key.replace("_", "-"))
    block = {**GOOD_BLOCK, "queue_config": {"retry_on_http_429": True, key: not_found}}
    assert findings(remote_write=[block]) == []


def test_a_timeout_that_ends_before_the_router_s_is_found() -> None:
    assert of_block(remote_timeout="5s").id == "remote-timeout"
    assert findings(remote_write=[{**GOOD_BLOCK, "remote_timeout": "5s1ms"}]) == []


@pytest.mark.parametrize("text", ["", "5", "5 s", "-5s", "1m1h", 5])
def test_what_is_no_duration_is_found(text: object) -> None:
    assert of_queue(batch_send_deadline=text).id == "unreadable"


# Identity.


def test_two_clusters_with_equal_labels_are_found() -> None:
    (found,) = lint(GOOD, {"cluster-02": {"cluster": "cluster-03"}})
    assert (found.id, found.severity) == ("identity", "error")
    assert "they are equal to those of cluster-02: one series of both is refused with 409" in found.cause


def test_two_clusters_with_one_label_cluster_are_found() -> None:
    (found,) = lint(GOOD, {"cluster-02": {"cluster": "cluster-03", "region": "edge"}})
    assert "the cluster cluster-03 is also that of cluster-02: no query tells them apart" in found.cause


@pytest.mark.parametrize("labels", [{}, {"region": "edge"}])
def test_a_missing_cluster_is_found(labels: object) -> None:
    found = finding(external_labels=labels)
    assert (found.id, found.severity) == ("identity", "error")
    assert "there is no label cluster" in found.cause


@pytest.mark.parametrize(
    ("name", "value", "severity"),
    [("tenant_id", "a", "error"), ("a-b", "a", "error"), ("region", "", "warning"), ("region", "a$b", "warning")],
)
def test_a_label_that_is_strange_is_found(name: str, value: str, severity: str) -> None:
    found = finding(external_labels={"cluster": "cluster-03", name: value})
    assert (found.id, found.severity) == ("external-label", severity)
    assert found.subject == f"Agent, external_labels, label {name}"


# Flags.


def args(image: str, *flags: str) -> list[tuple[str, str]]:
    blocks = [{"url": GOOD_BLOCK["url"], "queue_config": GOOD_BLOCK["queue_config"]}]
    return [(found.id, found.fix) for found in findings(remote_write=blocks, image=image, args=list(flags))]


@pytest.mark.parametrize("feature", ["agent", "exemplar-storage,agent"])
@pytest.mark.parametrize("image", ["prometheus:v3.0.0", "host:5000/prometheus:3.15.0@sha256:00"])
def test_the_flag_of_prometheus_2_on_3_is_found(image: str, feature: str) -> None:
    assert args(image, f"--enable-feature={feature}") == [("agent-flag", "replace it by --agent")]
    assert args(image, "--enable-feature", feature) == [("agent-flag", "replace it by --agent")]


def test_the_flag_of_prometheus_3_on_2_is_found() -> None:
    assert args("prometheus:v2.55.1", "--agent") == [("agent-flag", "replace it by --enable-feature=agent")]


@pytest.mark.parametrize(
    ("image", "flag"), [("prometheus:v3.0.0", "--agent"), ("prometheus:v2.55.1", "--enable-feature=agent")]
)
def test_the_flag_of_the_version_is_not_found(image: str, flag: str) -> None:
    assert args(image, flag, "--storage.agent.path=/data") == []


@pytest.mark.parametrize(
    ("image", "flag"), [("prometheus:v3.0.0", "--agent"), ("prometheus:v2.55.1", "--enable-feature=agent")]
)
def test_a_full_server_is_found(image: str, flag: str) -> None:
    assert args(image, "--config.file=a") == [("not-agent", f"add {flag}")]
    assert args(image, "--storage.agent.path=a") == [("agent-flag", f"add {flag}")]


@pytest.mark.parametrize("flag", ["storage.tsdb.path", "query.timeout", "rules.alert.resend-delay"])
def test_a_flag_of_a_full_server_on_an_agent_is_found(flag: str) -> None:
    assert args("prometheus:v3.15.0", "--agent", f"--{flag}=1") == [("server-flag", "leave it out")]


@pytest.mark.parametrize("image", ["", "prometheus", "prometheus:latest", "host:5000/prometheus", "a@sha256:00"])
def test_an_image_without_a_version_is_found(image: str) -> None:
    assert args(image, "--agent") == [("version-unknown", "give the version as the image's tag")]


# For any input.


@pytest.mark.parametrize(
    ("agent", "subject"),
    [
        ({"remote_write": {}}, "Agent"),
        ({"remote_write": [1]}, "Block 1"),
        ({"remote_write": [{**GOOD_BLOCK, "url": 1}]}, "Block 1"),
        ({"remote_write": [{**GOOD_BLOCK, "queue_config": []}]}, "Block 1, queue_config"),
        ({"external_labels": {"cluster": "a", "b": 1}}, "Agent, external_labels"),
        ({"args": [1]}, "Agent"),
    ],
)
def test_what_cannot_be_read_is_found(agent: dict[str, object], subject: str) -> None:
    (found,) = [found for found in lint(agent, {}) if found.id == "unreadable"]
    assert (found.severity, found.subject) == ("error", subject)


KEYS = st.sampled_from(
    [
        *("remote_write", "external_labels", "image", "args", "memory", "url", "name", "headers", "queue_config"),
        *("tls_config", "basic_auth", "password", "remote_timeout", "capacity", "max_shards", "batch_send_deadline"),
        *("protobuf_message", "write_relabel_configs", "sample_age_limit", "http_headers", "secrets"),
    ]
)
# Nested values take their time where other tests run beside.
SLOW_MACHINES = settings(deadline=2000, suppress_health_check=[HealthCheck.too_slow])
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["http://a", "http://[", "//@", "5s", "--agent", "prometheus:v3.0.0"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS | st.text(max_size=4), inner, max_size=5),
    max_leaves=16,
)


@SLOW_MACHINES
@given(st.dictionaries(KEYS, JSON, max_size=6), st.dictionaries(st.text(max_size=4), JSON, max_size=3))
def test_any_agent_is_looked_at(agent: dict[str, object], others: dict[str, object]) -> None:
    for found in [*lint(agent, others), *lint({"remote_write": [agent]}, {})]:
        assert found.id
        assert found.subject
    list(secret_texts(agent))
    redacted(agent)


# Without secrets.


def test_what_is_shown_holds_no_secret() -> None:
    block = {
        "url": f"https://u:{SECRET}@a.b/api/v1/receive?token={SECRET}",
        "proxy_url": f"http://{SECRET}@proxy",
        "headers": {"X-Scope-OrgID": "a", "X-Api-Key": SECRET},
        "http_headers": {"X": {"secrets": [SECRET]}},
        "basic_auth": {"username": "u", "password": SECRET},
        "oauth2": {"client_secret": SECRET, "client_id": "c"},
    }
    assert redacted([block]) == [
        {
            "url": "https://<secret>@a.b/api/v1/receive?<secret>",
            "proxy_url": "http://<secret>@proxy",
            "headers": {"X-Scope-OrgID": "a", "X-Api-Key": "<secret>"},
            "http_headers": {"X": "<secret>"},
            "basic_auth": {"username": "u", "password": "<secret>"},
            "oauth2": {"client_secret": "<secret>", "client_id": "c"},
        }
    ]


def test_files_and_plain_urls_are_no_secrets() -> None:
    block = {"url": "https://a.b/api/v1/receive", "basic_auth": {"username": "u", "password_file": "/f"}}
    assert redacted(block) == block
    assert list(secrets(block)) == []
    assert list(secret_texts(block)) == []


def test_every_text_of_a_secret_is_known() -> None:
    block = {"url": "https://u:one@a.b", "authorization": {"credentials": "two"}, "x": [{"secrets": ["three", 4]}]}
    assert sorted(secret_texts(block)) == ["4", "three", "two", "u:one"]
