"""What the containers of a cluster are, and where their files come from."""

from __future__ import annotations

import pytest
from audit_objects import NAMESPACE, PROMETHEUS, THANOS, Object, container, pod
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.miribit.thanos.plugins.module_utils.kube import containers
from ansible_collections.miribit.thanos.plugins.module_utils.kube.containers import (
    Source,
    config_source,
    flag,
    kind_of,
    settings,
    source_of,
    source_of_variable,
    variable_in,
    version_of,
)
from ansible_collections.miribit.thanos.plugins.module_utils.kube.owners import Named

FULL = ("--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus")
AGENT = ("--config.file=/etc/prometheus/prometheus.yml", "--storage.agent.path=/prometheus")


# What a container is.


@pytest.mark.parametrize(
    ("image", "kind"),
    [
        ("quay.io/prometheus/prometheus:v2.48.0", "prometheus"),
        ("prometheus", "prometheus"),
        ("localhost:5000/prometheus", "prometheus"),
        ("registry.example/mirror/prom/prometheus@sha256:0123", "prometheus"),
        ("quay.io/prometheus/alertmanager:v0.28.1", "alertmanager"),
        ("docker.io/grafana/grafana:11.2.0", "grafana"),
        ("grafana/grafana-oss:11.2.0", "grafana"),
        ("rancher/mirrored-grafana-grafana:11.2.0", "grafana"),
        ("quay.io/prometheus/node-exporter:v1.7.0", "node_exporter"),
        ("prom/node_exporter", "node_exporter"),
        ("rancher/mirrored-prometheus-node-exporter:v1.7.0", "node_exporter"),
        ("registry.k8s.io/kube-state-metrics/kube-state-metrics:v2.10.1", "kube_state_metrics"),
        ("quay.io/prometheus-operator/prometheus-operator:v0.85.0", "prometheus_operator"),
        ("registry.k8s.io/prometheus-adapter/prometheus-adapter:v0.12.0", "prometheus_adapter"),
        ("prom/pushgateway", "pushgateway"),
        ("prom/blackbox-exporter:v0.25.0", "blackbox_exporter"),
        ("prometheuscommunity/postgres-exporter:v0.15.0", "exporter"),
        ("oliver006/redis_exporter", "exporter"),
    ],
)
def test_a_component_is_told_by_the_last_part_of_its_image(image: str, kind: str) -> None:
    assert kind_of(container(image)) == kind


@pytest.mark.parametrize(
    "image",
    [
        "quay.io/prometheus-operator/prometheus-config-reloader:v0.85.0",
        "jimmidyson/configmap-reload:v0.5.0",
        "quay.io/prometheus-operator/admission-webhook:v0.85.0",
        "grafana/grafana-image-renderer:latest",
        "grafana/agent:v0.40.0",
        "docker.io/library/busybox:1.36",
        "prometheus/busybox",
        "quay.io/thanos/thanos:v0.42.4",
        "",
    ],
)
def test_everything_else_is_no_component(image: str) -> None:
    assert kind_of(container(image)) is None


@pytest.mark.parametrize(
    "flags",
    [
        ["--agent"],
        ["--enable-feature=agent"],
        ["--enable-feature", "agent"],
        ["--enable-feature=native-histograms, agent"],
        ["--enable-feature=native-histograms", "--enable-feature=agent"],
        ["--storage.agent.path=/prometheus"],
        ["--storage.agent.path", "/prometheus"],
    ],
)
def test_an_agent_is_told_apart_by_its_flags_not_by_its_name(flags: list[str]) -> None:
    assert kind_of(container(PROMETHEUS, *flags, name="prometheus")) == "prometheus_agent"


@pytest.mark.parametrize("flags", [[], ["--enable-feature=agentless"], ["--log.level=agent"], [*FULL]])
def test_a_full_server_is_one_whatever_it_is_called(flags: list[str]) -> None:
    assert kind_of(container(PROMETHEUS, *flags, name="prometheus-agent")) == "prometheus"


@pytest.mark.parametrize(("flags", "kind"), [(FULL, "prometheus"), (AGENT, "prometheus_agent")])
@pytest.mark.parametrize("image", ["registry.example/telemetry:7", "registry.example/our-prometheus:7"])
def test_what_has_the_flags_of_a_prometheus_is_one_under_any_image(image: str, flags: tuple[str], kind: str) -> None:
    assert kind_of(container(image, *flags)) == kind


@pytest.mark.parametrize("flags", [[], ["--config.file=/x"], ["--storage.tsdb.path=/x"]])
@pytest.mark.parametrize("image", ["registry.example/telemetry:7", "registry.example/nginx-prometheus:7"])
def test_what_lacks_the_flags_of_a_prometheus_is_none_under_another_image(image: str, flags: list[str]) -> None:
    assert kind_of(container(image, *flags)) is None


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (["sidecar", "--prometheus.url=http://127.0.0.1:9090"], "thanos_sidecar"),
        (["query"], "thanos_query"),
        (["query-frontend"], "thanos_query_frontend"),
        (["store"], "thanos_store"),
        (["compact", "--wait"], "thanos_compact"),
        (["rule"], "thanos_rule"),
        (["--log.level=debug", "query"], "thanos_query"),
        (["--log.level", "debug", "query"], "thanos_query"),
        (["tools", "bucket", "compact"], None),
        (["receive"], "thanos_receive_ingestor"),
        (["receive", "--receive.local-endpoint=a:10901"], "thanos_receive_ingestor"),
        (["receive", "--receive.hashrings-file="], "thanos_receive_ingestor"),
        (["receive", "--receive.hashrings-file=/x"], "thanos_receive_router"),
        (["receive", "--receive.hashrings=[]", "--receive.local-endpoint="], "thanos_receive_router"),
        (["receive", "--receive.hashrings-file=/x", "--receive.local-endpoint=a:10901"], "thanos_receive"),
    ],
)
def test_thanos_is_what_its_first_subcommand_and_its_flags_say(words: list[str], kind: str | None) -> None:
    assert kind_of(container(THANOS, *words)) == kind


def test_a_router_is_one_even_if_it_is_given_a_folder() -> None:
    """--tsdb.path has a default; only the local endpoint makes a router take samples itself."""
    ring = container(THANOS, "receive", "--receive.hashrings-file=/x", "--tsdb.path=/data")
    assert kind_of(ring) == "thanos_receive_router"


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        (["/bin/prometheus", "--agent"], "prometheus_agent"),
        (["/usr/bin/blackbox_exporter"], "blackbox_exporter"),
        (["/bin/thanos", "query"], "thanos_query"),
        (["promtool", "check", "config"], None),
        (["/sbin/tini", "--", "/bin/prometheus"], "prometheus"),
        (["sh", "-c", "exec /bin/prometheus --agent --config.file=/x"], "prometheus_agent"),
        (["/bin/sh", "-ec", "promtool check config /x && exec prometheus '--agent'"], "prometheus_agent"),
        (["sh", "-c", "cp -r /etc/prometheus /x; thanos receive"], "thanos_receive_ingestor"),
        (["sh", "-c", "ls /etc/alertmanager"], None),
        (["/app", "/etc/prometheus"], None),
    ],
)
def test_the_program_that_a_command_names_counts_more_than_the_image(command: list[str], kind: str | None) -> None:
    assert kind_of({"name": "main", "image": "registry.example/tools:7", "command": command}) == kind


def test_a_command_that_names_no_program_known_leaves_it_to_the_image() -> None:
    assert kind_of({"name": "main", "image": "grafana/grafana", "command": ["/run.sh"]}) == "grafana"


@given(st.text(), st.lists(st.text()), st.lists(st.text()))
def test_any_container_can_be_judged(image: str, command: list[str], args: list[str]) -> None:
    assert kind_of({"image": image, "command": command, "args": args}) in {
        None,
        "exporter",
        *(kind for kind in containers._PROGRAMS.values()),
    }


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("quay.io/prometheus/prometheus:v2.48.0", "2.48.0"),
        ("prometheus:2.48.0-debian-12-r0", "2.48.0"),
        ("prometheus:v3.0.0-rc.1", "3.0.0-rc.1"),
        ("prometheus:v3.0.0-distroless@sha256:0123", "3.0.0"),
        ("localhost:5000/prometheus:v2.48.0", "2.48.0"),
        ("localhost:5000/prometheus", None),
        ("prometheus@sha256:0123", None),
        ("prometheus:latest", None),
        ("thanos:main-2026-01-01-0a1b2c3", None),
        ("prometheus:v2", None),
    ],
)
def test_a_version_is_what_the_tag_begins_with(image: str, version: str | None) -> None:
    assert version_of(image) == version


@given(st.text())
def test_any_image_can_be_read(image: str) -> None:
    version = version_of(image)
    assert version is None or version in image


def test_a_flag_is_read_with_the_variables_that_are_there_in_plain() -> None:
    env = [{"name": "HOST", "value": "prometheus"}, {"name": "TOKEN", "valueFrom": {"secretKeyRef": {}}}]
    one = container("x", "--url=http://$(HOST):9090/$(TOKEN)/$(OTHER)", env=env)
    assert flag(one, "--url") == "http://prometheus:9090/$(TOKEN)/$(OTHER)"


def test_the_last_of_equal_flags_counts() -> None:
    assert flag(container("x", "--url=a", "--url", "b"), "--url") == "b"


@pytest.mark.parametrize(
    ("words", "value"),
    [
        (["--url=a", "b"], "a"),
        (["--url", "a"], "a"),
        (["--url", "--other"], ""),
        (["--url", "-o"], ""),
        (["--url"], ""),
    ],
)
def test_a_flag_has_the_value_behind_its_sign_or_the_next_word(words: list[str], value: str) -> None:
    assert flag(container("x", *words), "--url") == value


def test_a_flag_that_is_not_given_has_no_value() -> None:
    assert flag(container("x", "--other=a"), "--url") is None


def test_what_a_container_is_told_is_what_its_arguments_and_variables_say() -> None:
    env = [{"name": "HOST", "value": "prometheus"}, {"name": "TOKEN", "valueFrom": {"secretKeyRef": {}}}]
    told = settings(container("x", "--url=http://$(HOST)/$(TOKEN)", "--port", "9090", "-one-dash=a", "word", env=env))
    assert {
        ("--url", "http://prometheus/$(TOKEN)"),
        ("--port", "9090"),
        ("-one-dash", "a"),
        ("", "word"),
        ("HOST", "prometheus"),
    } <= set(told)
    assert "TOKEN" not in dict(told)


@pytest.mark.parametrize(
    ("value", "name"), [("$(A)", "A"), (" $(A) ", "A"), ("$(A)b", None), ("$A", None), ("A", None), ("", None)]
)
def test_a_value_can_be_nothing_but_a_variable(value: str, name: str | None) -> None:
    assert variable_in(value) == name


# Files.


def mounted(*mounts: Object, volumes: list[Object]) -> tuple[Object, Object]:
    one = container(PROMETHEUS, "--config.file=/etc/prometheus/prometheus.yml", volumeMounts=list(mounts))
    return pod(one, spec={"volumes": volumes}), one


CONFIG = {"name": "config", "configMap": {"name": "agent-config"}}


@pytest.mark.parametrize(
    ("volume", "kind", "name"),
    [
        (CONFIG, "ConfigMap", "agent-config"),
        ({"name": "config", "secret": {"secretName": "agent-secret"}}, "Secret", "agent-secret"),
        ({"name": "config", "projected": {"sources": [{"secret": {"name": "s"}}]}}, "Secret", "s"),
        (
            {"name": "config", "configMap": {"name": "c", "items": [{"key": "a", "path": "prometheus.yml"}]}},
            "ConfigMap",
            "c",
        ),
    ],
)
def test_the_configuration_is_what_is_mounted_at_its_path(volume: Object, kind: str, name: str) -> None:
    holder, one = mounted({"name": "config", "mountPath": "/etc/prometheus"}, volumes=[volume])
    assert config_source(holder, one) == Named(kind, NAMESPACE, name)


@pytest.mark.parametrize(
    "volume",
    [
        {"name": "config", "emptyDir": {}},
        {"name": "other", "configMap": {"name": "c"}},
        {"name": "config", "configMap": {"name": "c", "items": [{"key": "a", "path": "other.yml"}]}},
        {"name": "config", "projected": {"sources": [{"secret": {"name": "a"}}, {"secret": {"name": "b"}}]}},
    ],
)
def test_the_configuration_comes_from_nowhere_that_can_be_told(volume: Object) -> None:
    holder, one = mounted({"name": "config", "mountPath": "/etc/prometheus"}, volumes=[volume])
    assert config_source(holder, one) is None


def test_a_configuration_in_the_image_comes_from_nowhere() -> None:
    assert config_source(*mounted(volumes=[CONFIG])) is None


def test_a_template_is_given_its_namespace() -> None:
    holder, one = mounted({"name": "config", "mountPath": "/etc/prometheus"}, volumes=[CONFIG])
    template = {"metadata": {}, "spec": holder["spec"]}
    assert config_source(template, one, "other") == Named("ConfigMap", "other", "agent-config")


def test_without_any_flag_prometheus_reads_what_its_image_says() -> None:
    one = container(PROMETHEUS, volumeMounts=[{"name": "config", "mountPath": "/etc/prometheus"}])
    found = config_source(pod(one, spec={"volumes": [CONFIG]}), one)
    assert found is not None
    assert found.name == "agent-config"


def test_a_relative_path_begins_where_prometheus_works() -> None:
    mounts = [{"name": "config", "mountPath": "/work"}]
    one = container(PROMETHEUS, "--config.file=p.yml", workingDir="/work", volumeMounts=mounts)
    holder = pod(one, spec={"volumes": [CONFIG]})
    assert config_source(holder, one) is not None
    assert config_source(holder, {**one, "workingDir": None}) is None


def test_prometheus_works_in_its_own_folder_if_nothing_is_said() -> None:
    one = container(PROMETHEUS, "--web.enable-lifecycle", volumeMounts=[{"name": "config", "mountPath": "/prometheus"}])
    assert config_source(pod(one, spec={"volumes": [CONFIG]}), one) is not None


def test_the_deepest_mount_covers_the_others() -> None:
    holder, one = mounted(
        {"name": "config", "mountPath": "/etc"},
        {"name": "deep", "mountPath": "/etc/prometheus"},
        {"name": "config", "mountPath": "/etc/prom"},
        volumes=[CONFIG, {"name": "deep", "secret": {"secretName": "deep"}}],
    )
    assert source_of(holder, one, "/etc/prometheus/x.yml") == Source("Secret", "deep", "x.yml")


def test_a_file_can_be_mounted_alone() -> None:
    mount = {"name": "config", "mountPath": "/etc/prometheus/prometheus.yml", "subPath": "main.yml"}
    holder, one = mounted(mount, volumes=[CONFIG])
    assert source_of(holder, one, "/etc/prometheus/prometheus.yml") == Source("ConfigMap", "agent-config", "main.yml")


def test_a_folder_has_no_key() -> None:
    holder, one = mounted({"name": "config", "mountPath": "/etc/prometheus/"}, volumes=[CONFIG])
    assert source_of(holder, one, "/etc/prometheus") == Source("ConfigMap", "agent-config", None)


def test_no_key_has_a_slash() -> None:
    holder, one = mounted({"name": "config", "mountPath": "/etc"}, volumes=[CONFIG])
    assert source_of(holder, one, "/etc/prometheus/prometheus.yml") is None


@given(st.text(), st.text())
def test_any_path_can_be_looked_up(path: str, place: str) -> None:
    holder, one = mounted({"name": "config", "mountPath": place}, volumes=[CONFIG])
    found = source_of(holder, one, path)
    assert found is None or found.name == "agent-config"


def test_a_variable_comes_from_the_key_that_it_names() -> None:
    reference = {"secretKeyRef": {"name": "s", "key": "k"}}
    env_from = [{"secretRef": {"name": "other"}}]
    one = container("x", env=[{"name": "A", "valueFrom": reference}, {"name": "B", "value": "b"}], envFrom=env_from)
    assert source_of_variable(one, "A") == Source("Secret", "s", "k")
    assert source_of_variable(one, "B") is None


def test_a_variable_comes_from_the_last_of_all_keys_that_are_taken() -> None:
    one = container("x", envFrom=[{"secretRef": {"name": "s"}}, {"prefix": "P_", "configMapRef": {"name": "c"}}])
    assert source_of_variable(one, "A") == Source("Secret", "s", "A")
    assert source_of_variable(one, "P_A") == Source("ConfigMap", "c", "A")
