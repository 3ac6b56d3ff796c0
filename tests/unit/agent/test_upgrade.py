"""The configuration of an agent under a newer version of Prometheus."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.miribit.thanos.plugins.module_utils.agent.upgrade import Difference, differences

OLD, NEW = (2, 48), (3, 15)
AGENT = "--enable-feature=agent"
VERSIONS = st.sampled_from([(2, 32), (2, 48), (2, 55), (3, 0), (3, 9), (3, 15), (3, 20)])
STATIC = {"job_name": "a", "static_configs": [{"targets": ["host:9100"]}]}
ALWAYS = ["content-type", "le", "utf-8"]


def found(config: dict[str, Any], *args: str, running: Any = OLD, wanted: Any = NEW) -> list[Difference]:
    return differences(config, [AGENT, *args], running, wanted)


def of_job(more: dict[str, Any], *args: str, **versions: Any) -> list[str]:
    """Ids of what differs, but for what differs for every job."""
    ids = [difference.id for difference in found({"scrape_configs": [{**STATIC, **more}]}, *args, **versions)]
    return [one for one in ids if one not in ALWAYS]


def test_what_every_job_meets_is_said_once_for_all() -> None:
    differing = found({"scrape_configs": [STATIC, {**STATIC, "job_name": "b"}]})
    assert [difference.id for difference in differing] == ALWAYS
    assert {difference.subject for difference in differing} == {"Jobs a, b"}
    assert not any(difference.fatal for difference in differing)


def test_every_difference_has_a_source_a_cause_and_a_fix() -> None:
    config = {
        "global": {"external_labels": {"a": "$x"}},
        "scrape_configs": [
            {
                "job_name": "a",
                "scrape_classic_histograms": True,
                "params": {"m": ["x"]},
                "static_configs": [{"targets": ["host"], "labels": {"__param_m": "y"}}],
                "relabel_configs": [{"source_labels": ["__meta_kubernetes_pod_annotation_x"], "regex": "(.+)"}],
                "metric_relabel_configs": [{"source_labels": ["le"], "regex": "1"}],
            }
        ],
        "remote_write": [{"url": "https://a"}],
    }
    differing = found(config)
    assert [difference.id for difference in differing] == [
        *("unknown-key", "environment", *ALWAYS, "le-relabelling", "dot", "default-port", "params", "http2")
    ]
    assert all(difference.source and difference.cause and difference.fix for difference in differing)


@pytest.mark.parametrize(("running", "wanted"), [(OLD, (2, 55)), ((3, 0), NEW)])
def test_nothing_is_said_of_an_upgrade_to_3_where_there_is_none(running: Any, wanted: Any) -> None:
    assert (
        found({"scrape_configs": [STATIC], "remote_write": [{"url": "https://a"}]}, running=running, wanted=wanted)
        == []
    )


def test_the_key_that_was_renamed_keeps_prometheus_3_from_loading() -> None:
    (key, *_rest) = found({"scrape_configs": [{**STATIC, "scrape_classic_histograms": True}]})
    assert (key.id, key.subject, key.fatal) == ("unknown-key", "Job a", True)
    assert key.fix == "rename it to always_scrape_classic_histograms"


def test_a_job_with_a_fallback_is_not_named() -> None:
    differing = found(
        {"scrape_configs": [STATIC, {"job_name": "b", "fallback_scrape_protocol": "PrometheusText0.0.4"}]}
    )
    assert differing[0].subject == "Job a"


@pytest.mark.parametrize("place", ["global", "job"])
def test_names_stay_where_the_scheme_is_legacy(place: str) -> None:
    legacy = {"metric_name_validation_scheme": "legacy"}
    config = {
        "global": legacy if place == "global" else {},
        "scrape_configs": [{**STATIC, **(legacy if place == "job" else {})}],
    }
    assert "utf-8" not in [difference.id for difference in found(config)]


def test_names_stay_where_the_feature_was_on_before() -> None:
    ids = [difference.id for difference in found({"scrape_configs": [STATIC]}, "--enable-feature=utf8-names")]
    assert "utf-8" not in ids


@pytest.mark.parametrize("label", ["le", "quantile"])
def test_relabelling_by_a_number_that_is_written_otherwise_is_named(label: str) -> None:
    assert of_job({"metric_relabel_configs": [{"source_labels": ["__name__", label], "regex": "x;1"}]}) == [
        "le-relabelling"
    ]
    assert of_job({"metric_relabel_configs": [{"source_labels": ["__name__"], "regex": "x"}]}) == []


@pytest.mark.parametrize(
    ("regex", "named"), [("(.+)", True), (None, True), ("true", False), (r"a\.b", False), ("[.]", False)]
)
def test_a_dot_that_reads_an_annotation_is_named(regex: str | None, named: bool) -> None:
    rule = {"source_labels": ["__meta_kubernetes_pod_annotation_prometheus_io_path"], "target_label": "x"}
    assert of_job({"relabel_configs": [rule if regex is None else {**rule, "regex": regex}]}) == (
        ["dot"] if named else []
    )


def test_a_dot_that_reads_a_label_of_kubernetes_is_not_named() -> None:
    rule = {"source_labels": ["__meta_kubernetes_pod_label_app"], "regex": ".+"}
    assert of_job({"relabel_configs": [rule]}) == []


@pytest.mark.parametrize(
    "job",
    [
        {"static_configs": [{"targets": ["host:1", "host"]}]},
        {"kubernetes_sd_configs": [{"role": "ingress"}]},
        {"kubernetes_sd_configs": [{"role": "pod"}]},
        {"relabel_configs": [{"target_label": "__address__", "replacement": "kubernetes.default.svc"}]},
    ],
)
def test_targets_without_a_port_are_named(job: dict[str, Any]) -> None:
    assert of_job(job) == ["default-port"]
    assert of_job(job, "--enable-feature=no-default-scrape-port") == []


@pytest.mark.parametrize(
    "job",
    [
        {"kubernetes_sd_configs": [{"role": "endpoints"}]},
        {"kubernetes_sd_configs": [{"role": ["pod"]}]},
        {"static_configs": [{"targets": ["[::1]:80"]}]},
        {"static_configs": [{"targets": ["host"]}], "relabel_configs": [{"target_label": "instance"}]},
        {"kubernetes_sd_configs": [{"role": "pod"}], "relabel_configs": [{"target_label": "__address__"}]},
        {"relabel_configs": [{"target_label": "__address__", "replacement": "blackbox:9115"}]},
    ],
)
def test_targets_with_a_port_or_an_instance_of_their_own_are_not_named(job: dict[str, Any]) -> None:
    assert of_job(job) == []


def test_a_parameter_that_a_target_has_too_is_named() -> None:
    group = {"targets": ["a:1"], "labels": {"__param_module": "icmp"}}
    assert of_job({"params": {"module": ["http"]}, "static_configs": [group]}) == ["params"]
    assert of_job({"params": {"other": ["http"]}, "static_configs": [group]}) == []


def test_a_variable_in_an_external_label_is_named() -> None:
    config = {"global": {"external_labels": {"cluster": "a", "node": "$NODE"}}}
    (only,) = found(config)
    assert (only.id, only.subject) == ("environment", "External label node")
    assert found(config, "--enable-feature=expand-external-labels") == []


@pytest.mark.parametrize(
    ("block", "named"),
    [({"url": "https://a"}, True), ({"url": "http://a"}, False), ({"url": "https://a", "enable_http2": True}, False)],
)
def test_another_protocol_to_the_receiver_is_named(block: dict[str, Any], named: bool) -> None:
    assert [difference.subject for difference in found({"remote_write": [{**block, "name": "x"}]})] == (
        ["remote_write, entry 1 (x)"] if named else []
    )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *(
                        "global",
                        "scrape_configs",
                        "remote_write",
                        "external_labels",
                        "relabel_configs",
                        "source_labels",
                    ),
                    *("static_configs", "targets", "labels", "params", "regex", "url", "kubernetes_sd_configs", "role"),
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from(["global", "scrape_configs", "remote_write"]), JSON), VERSIONS, VERSIONS)
def test_any_configuration_is_read(config: dict[str, Any], running: tuple[int, int], wanted: tuple[int, int]) -> None:
    for difference in differences(config, [AGENT], running, wanted):
        assert difference.as_dict()["source"]
