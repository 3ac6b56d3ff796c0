"""What a Prometheus says of itself. The texts are those of Prometheus 2.48 and 3.15."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.miribit.thanos.plugins.module_utils.base.facts import as_facts
from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem
from ansible_collections.miribit.thanos.plugins.module_utils.base.untyped import scrubbed, shortened
from ansible_collections.miribit.thanos.plugins.module_utils.kube.owners import Named
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus import facts as audit_prometheus
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.exposition import parse
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.facts import (
    Answers,
    Server,
    facts,
    silent,
)
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.targets import seconds, target_key, targets

SECRET = "word-that-must-stay-secret"
IMAGE = "quay.io/prometheus/prometheus:v2.48.0"
URL = "http://192.168.101.210:19291/api/v1/receive"
FULL = Server(is_agent=False, image=IMAGE)
AGENT = Server(
    is_agent=True,
    image=IMAGE,
    args=("--enable-feature=agent", "--storage.agent.path=/prometheus"),
    config_source=Named("ConfigMap", "monitoring", "prometheus-agent-config"),
)
CONFIG: dict[str, Any] = {
    "global": {"scrape_interval": "30s", "external_labels": {"region": "edge", "cluster": "cluster-02"}},
    "remote_write": [{"url": URL, "queue_config": {"retry_on_http_429": True}}],
}


def said(server: Server = AGENT, **answers: Any) -> dict[str, Any]:
    return as_facts(facts(server, Answers(**answers)))


# Its configuration.


def test_labels_and_interval_come_from_the_running_configuration() -> None:
    found = said(config=CONFIG)
    assert found["external_labels"] == {"cluster": "cluster-02", "region": "edge"}
    assert found["scrape_interval"] == 30.0


def test_without_an_interval_it_is_that_of_prometheus() -> None:
    assert said(config={"global": {}})["scrape_interval"] == 60.0


@pytest.mark.parametrize(
    ("text", "wanted"), [("1m30s", 90.0), ("500ms", 0.5), ("1d", 86400.0), ("", None), ("x", None)]
)
def test_durations_are_read_as_prometheus_writes_them(text: str, wanted: float | None) -> None:
    assert seconds(text) == wanted


def test_what_it_did_not_tell_is_unknown() -> None:
    found = said(FULL)
    unknown = ("external_labels", "scrape_interval", "retention", "series", "targets", "rules", "remote_write")
    assert {name: found[name] for name in unknown} == dict.fromkeys(unknown)


def test_an_agent_has_no_rules_and_no_alertmanagers() -> None:
    found = said(AGENT)
    assert (found["rules"], found["alertmanagers"]) == ([], [])


def test_one_that_cannot_be_asked_says_why() -> None:
    problem = Problem("pod", "it is not ready", "wait")
    found = as_facts(silent(FULL, problem))
    assert (found["answers"], found["problem"]) == (False, problem.as_dict())
    assert found["targets"] is None


@pytest.mark.parametrize(
    ("flags", "config", "retention"),
    [
        ({"storage.tsdb.retention.time": "7d"}, {}, "7d"),
        # 2.x with the flag of 1.x.
        ({"storage.tsdb.retention.time": "0s", "storage.tsdb.retention": "9d"}, {}, "9d"),
        ({"storage.tsdb.retention.time": "0s", "storage.tsdb.retention.size": "0B"}, {}, "15d"),
        ({"storage.tsdb.retention.time": "0s", "storage.tsdb.retention.size": "1GB"}, {}, None),
        ({"storage.tsdb.retention.time": "7d"}, {"storage": {"tsdb": {"retention": {"time": "3d"}}}}, "3d"),
        ({"storage.tsdb.retention.time": "7d"}, {"storage": {"tsdb": {"retention": {"size": "1GB"}}}}, None),
    ],
)
def test_the_retention_is_the_one_that_holds(flags: Any, config: Any, retention: str | None) -> None:
    assert said(FULL, flags=flags, config=config)["retention"] == retention


def test_an_agent_has_no_retention() -> None:
    assert said(AGENT, flags={"storage.tsdb.retention.time": "0s"})["retention"] is None


def test_only_flags_of_storage_and_features_are_told() -> None:
    flags = {"storage.agent.path": "/prometheus", "enable-feature": "agent", "web.external-url": f"http://u:{SECRET}@a"}
    assert said(flags=flags)["flags"] == {"enable-feature": "agent", "storage.agent.path": "/prometheus"}


# Its metrics.


def test_an_agent_counts_its_active_series() -> None:
    metrics = parse("prometheus_agent_active_series 8488\nprometheus_tsdb_head_series 1\n")
    assert said(AGENT, metrics=metrics)["series"] == 8488


def test_a_full_server_counts_the_series_of_its_head() -> None:
    assert said(FULL, metrics=parse("prometheus_tsdb_head_series 14541\n"))["series"] == 14541


def test_samples_are_the_mean_since_the_start() -> None:
    text = 'process_start_time_seconds 1000\nprometheus_agent_samples_appended_total{type="float"} 60000\n'
    assert said(metrics=parse(text), moment=1600.0)["samples_per_second"] == 100.0


@pytest.mark.parametrize("moment", [None, 1200.0])
def test_the_mean_of_too_short_or_unknown_a_time_is_unknown(moment: float | None) -> None:
    text = 'process_start_time_seconds 1000\nprometheus_agent_samples_appended_total{type="float"} 60000\n'
    assert said(metrics=parse(text), moment=moment)["samples_per_second"] is None


def test_what_it_stores_is_blocks_and_wal_and_head() -> None:
    text = "prometheus_tsdb_storage_blocks_bytes 5\nprometheus_tsdb_wal_storage_size_bytes 2\n"
    assert audit_prometheus.stored_bytes(parse(text)) == 7
    assert audit_prometheus.stored_bytes(parse("")) is None


# Targets.


def target(url: str, labels: Any = None, found: Any = None, **more: Any) -> dict[str, Any]:
    item = {"scrapeUrl": url, "labels": labels or {}, "discoveredLabels": found or {}, "health": "up", **more}
    (only,) = said(targets=targets({"activeTargets": [item]}))["targets"]
    result: dict[str, Any] = only
    return result


@pytest.mark.parametrize(
    ("url", "address", "path"),
    [
        ("http://10.0.0.1:8080/metrics", "10.0.0.1:8080", "/metrics"),
        ("http://exporter/metrics", "exporter:80", "/metrics"),
        ("https://Exporter", "exporter:443", "/"),
        ("https://[fd00::1]:10250/metrics", "[fd00::1]:10250", "/metrics"),
    ],
)
def test_a_target_is_known_by_its_address_and_path(url: str, address: str, path: str) -> None:
    found = target(url)
    assert (found["address"], found["path"], found["params"]) == (address, path, {})


def test_a_target_is_known_by_its_parameters_in_any_order() -> None:
    one = target_key("http://probe:9115/probe?target=a&module=x&target=b")
    other = target_key("http://probe:9115/probe?module=x&target=a&target=b")
    assert one == other
    assert one
    assert one[0].params == (("module", ("x",)), ("target", ("a", "b")))


def test_secrets_in_the_url_of_a_target_are_not_told() -> None:
    url = f"http://u:{SECRET}@a:80/m?token={SECRET}&target=http://v:{SECRET}@b/"
    found = target(url, lastError=f'Get "{url}": no such host')
    assert SECRET not in json.dumps(found)
    assert found["url"] == "http://a:80/m?target=http://b/&token=<secret>"
    assert found["error"] == 'Get "http://b/": no such host'


@pytest.mark.parametrize("url", ["", "x", "http://[::1", "http://a:99999/", "http://:80/"])
def test_what_is_no_url_is_no_target(url: str) -> None:
    assert said(targets=targets({"activeTargets": [{"scrapeUrl": url}]}))["targets"] == []


def test_where_a_target_was_found_is_told() -> None:
    found = target(
        "http://10.0.0.1:8080/metrics",
        {"job": "kube-state-metrics", "namespace": "shown", "cluster": "cluster-02"},
        {
            "__meta_kubernetes_namespace": "monitoring",
            "__meta_kubernetes_service_name": "kube-state-metrics",
            "__meta_kubernetes_pod_name": "kube-state-metrics-0",
            "__meta_kubernetes_endpoint_node_name": "node-1",
        },
    )
    keys = ("job", "namespace", "service", "pod", "node", "cluster")
    wanted = ["kube-state-metrics", "monitoring", "kube-state-metrics", "kube-state-metrics-0", "node-1", "cluster-02"]
    assert [found[key] for key in keys] == wanted


def test_of_a_static_target_its_labels_tell() -> None:
    found = target("https://10.0.0.1:10250/metrics", {"job": "kubelet", "node": "node-1"})
    assert [found[key] for key in ("job", "namespace", "pod", "node")] == ["kubelet", None, None, "node-1"]


# Rules and Alertmanagers.


def test_rules_are_told_by_group_and_only_alerts_have_a_state() -> None:
    groups = [
        {"name": "b", "rules": [{"name": "Down", "type": "alerting", "state": "firing"}]},
        {"name": "a", "rules": [{"name": "x:sum", "type": "recording"}]},
    ]
    assert said(FULL, rules={"groups": groups})["rules"] == [
        {"group": "a", "name": "x:sum", "type": "recording", "state": None},
        {"group": "b", "name": "Down", "type": "alerting", "state": "firing"},
    ]


def test_alertmanagers_are_told_without_credentials() -> None:
    active = [{"url": f"http://u:{SECRET}@b:9093/api/v2/alerts"}, {"url": "http://a:9093/api/v2/alerts"}]
    found = said(FULL, alertmanagers={"activeAlertmanagers": active, "droppedAlertmanagers": [{"url": "http://c"}]})
    assert found["alertmanagers"] == ["http://a:9093/api/v2/alerts", "http://b:9093/api/v2/alerts"]


# Problems.


def problem_ids(server: Server = AGENT, metrics: str = "", **config: Any) -> dict[str, list[str]]:
    found = said(server, config={**CONFIG, **config}, metrics=parse(metrics))
    whole = [problem["id"] for problem in found["problems"]]
    return {"whole": whole, "entries": [problem["id"] for one in found["remote_write"] for problem in one["problems"]]}


def test_an_agent_with_nothing_wrong_has_no_problems() -> None:
    assert problem_ids() == {"whole": [], "entries": []}


def test_problems_of_an_entry_stand_with_it() -> None:
    bad = {"url": "http://receiver.monitoring.svc:19291/api/v1/receive", "queue_config": {"retry_on_http_429": True}}
    found = said(config={**CONFIG, "remote_write": [*CONFIG["remote_write"], bad]})
    (problem,) = found["remote_write"][1]["problems"]
    assert found["remote_write"][0]["problems"] == []
    assert (problem["id"], problem["severity"], problem["subject"]) == ("unresolvable", "error", "Block 2")


def test_the_tenth_entry_is_not_the_first() -> None:
    entries = [{"url": f"http://192.168.101.{number}/api/v1/receive", "queue_config": {}} for number in range(1, 11)]
    found = said(config={**CONFIG, "remote_write": entries})
    subjects = [problem["subject"] for problem in found["remote_write"][0]["problems"]]
    assert subjects == ["Block 1, queue_config"]


def test_what_is_wrong_with_an_agent_as_a_whole_stands_apart() -> None:
    assert problem_ids(**{"global": {"external_labels": {}}})["whole"] == ["identity"]
    assert problem_ids(remote_write=[])["whole"] == ["no-remote-write"]


def test_the_version_that_runs_counts_and_not_the_image() -> None:
    assert problem_ids(metrics='prometheus_build_info{version="3.15.0"} 1\n')["whole"] == ["agent-flag"]


def test_a_full_server_without_remote_write_has_nothing_wrong() -> None:
    assert problem_ids(FULL, remote_write=[], **{"global": {}}) == {"whole": [], "entries": []}


def test_a_full_server_that_writes_needs_an_identity() -> None:
    assert problem_ids(FULL, **{"global": {}}) == {"whole": ["identity"], "entries": []}


def test_a_secret_in_a_config_map_is_a_problem() -> None:
    entry = {**CONFIG["remote_write"][0], "url": URL.replace("http", "https"), "basic_auth": {"password": "<secret>"}}
    assert problem_ids(remote_write=[entry])["entries"] == ["secret"]
    in_secret = replace(AGENT, config_source=Named("Secret", "monitoring", "prometheus-agent"))
    assert problem_ids(in_secret, remote_write=[entry])["entries"] == []


# Foreign text.

KEYS = ("activeTargets", "groups", "rules", "labels", "discoveredLabels", "scrapeUrl", "remote_write", "global", "url")
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)


@given(config=JSON, found=JSON, rules=JSON, is_agent=st.booleans())
def test_no_answer_crashes_it(config: Any, found: Any, rules: Any, is_agent: bool) -> None:
    server = Server(is_agent=is_agent, image=IMAGE, args=AGENT.args)
    answers = Answers(config=config, flags=rules, targets=targets(found), rules=rules, alertmanagers=found)
    assert facts(server, answers).answers is True


@given(st.text() | st.from_regex(r"https?://\S+", fullmatch=True))
def test_no_url_crashes_it(url: str) -> None:
    found = target_key(url)
    assert found is None or found[0].address.rpartition(":")[2].isdigit()


@given(user=st.text("abc:/?#@%", min_size=1), rest=st.text("abc/?#", max_size=9))
def test_no_user_or_password_of_a_url_is_told(user: str, rest: str) -> None:
    assert "SECRET" not in scrubbed(f'error "http://{user}SECRET@host/{rest}": no')


def test_a_long_text_is_shortened_to_a_line() -> None:
    assert shortened("a\n b") == "a b"
    assert len(shortened("x" * 1000)) < 310
