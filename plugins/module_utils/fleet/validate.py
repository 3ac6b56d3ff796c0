# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every variable of every role, checked before anything is touched.

Types and choices are those of the roles' argument_specs.yml. What these cannot say is in the table of this file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ansible_collections.miribit.thanos.plugins.module_utils.base.durations import milliseconds
from ansible_collections.miribit.thanos.plugins.module_utils.base.object_storage import bucket_problems, parsed
from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.fleet import pods, values
from ansible_collections.miribit.thanos.plugins.module_utils.fleet.limits import limits
from ansible_collections.miribit.thanos.plugins.module_utils.fleet.options import Converter, Flaw, Option
from ansible_collections.miribit.thanos.plugins.module_utils.fleet.schema import (
    PLACEHOLDER,
    SCHEMA,
    HostReader,
    applies,
)


def _bucket(value: object) -> Iterator[Flaw]:
    """A bucket's configuration, as a mapping or as YAML text. Empty where the Secret exists already."""
    try:
        content = parsed(value, "") if isinstance(value, str) else value
        problems = tuple(bucket_problems(content, "")) if value else ()
    except ProblemError as error:
        problems = error.problems
    for problem in problems:
        yield Flaw(problem.cause, problem.fix)


CHECKS: Mapping[str, values.Check] = {
    "edge_exporters_image_pull_secrets": pods.pull_secrets,
    "edge_exporters_kube_state_metrics_extra_args": values.arguments,
    "edge_exporters_kube_state_metrics_image": values.image,
    "edge_exporters_kube_state_metrics_node_selector": pods.labels,
    "edge_exporters_kube_state_metrics_resources": pods.resources,
    "edge_exporters_kube_state_metrics_tolerations": pods.tolerations,
    "edge_exporters_node_exporter_extra_args": values.arguments,
    "edge_exporters_node_exporter_image": values.image,
    "edge_exporters_node_exporter_resources": pods.resources,
    "edge_exporters_node_exporter_tolerations": pods.tolerations,
    "edge_exporters_rollout_timeout": values.at_least(1),
    "fleet_audit_memory_gib_month": values.at_least(0),
    "fleet_audit_storage_gib_month": values.at_least(0),
    "fleet_lock_timeout": values.at_least(0),
    "fleet_serial": values.batches,
    "legacy_prometheus_chart_repo_url": values.url,
    "legacy_prometheus_timeout": values.at_least(1),
    "object_storage_config": _bucket,
    "object_storage_probe_timeout": values.at_least(1),
    "object_storage_secret_key": values.data_key,
    "object_storage_secret_name": values.object_name,
    "prometheus_agent_extra_args": values.arguments,
    "prometheus_agent_extra_scrape_configs": values.scrape_configs,
    "prometheus_agent_gate_timeout": values.at_least(1),
    "prometheus_agent_operator_handover_pause": values.at_least(0),
    "prometheus_agent_hold": values.at_least(0),
    "prometheus_agent_image_pull_secrets": pods.pull_secrets,
    "prometheus_agent_max_lag": values.at_least(1),
    "prometheus_agent_operator_monitor_namespace_selector": pods.selector,
    "prometheus_agent_operator_monitor_selector": pods.selector,
    "prometheus_agent_name": values.workload_name,
    "prometheus_agent_node_selector": pods.labels,
    "prometheus_agent_resources": pods.resources,
    "prometheus_agent_rollout_timeout": values.at_least(1),
    "prometheus_agent_scrape_interval": values.interval,
    "prometheus_agent_storage_size": pods.size,
    "prometheus_agent_tolerations": pods.tolerations,
    "thanos_query_extra_args": values.arguments,
    "thanos_query_image_pull_secrets": pods.pull_secrets,
    "thanos_query_ingress_annotations": pods.annotation_texts,
    "thanos_query_ingress_host": values.host,
    "thanos_query_ingress_tls_secret": values.object_name,
    "thanos_query_node_selector": pods.labels,
    "thanos_query_replica_labels": values.label_names,
    "thanos_query_replicas": values.at_least(1),
    "thanos_query_resources": pods.resources,
    "thanos_query_rollout_timeout": values.at_least(1),
    "thanos_query_sidecars": values.endpoints,
    "thanos_query_tolerations": pods.tolerations,
    "thanos_receiver_extra_ingestor_args": values.arguments,
    "thanos_receiver_extra_router_args": values.arguments,
    "thanos_receiver_grace_period": values.at_least(1),
    "thanos_receiver_image_pull_secrets": pods.pull_secrets,
    "thanos_receiver_ingestor_resources": pods.resources,
    "thanos_receiver_ingress_annotations": pods.annotation_texts,
    "thanos_receiver_ingress_tls_secret": values.object_name,
    "thanos_receiver_limits": limits,
    "thanos_receiver_min_ready_seconds": values.at_least(0),
    "thanos_receiver_network_policy_metrics_sources": values.networks,
    "thanos_receiver_network_policy_sources": values.networks,
    "thanos_receiver_node_selector": pods.labels,
    "thanos_receiver_out_of_order_window": values.duration,
    "thanos_receiver_retention": values.duration,
    "thanos_receiver_rollout_timeout": values.at_least(1),
    "thanos_receiver_router_resources": pods.resources,
    "thanos_receiver_service_annotations": pods.annotation_texts,
    "thanos_receiver_storage_size": pods.size,
    "thanos_receiver_tls_files": values.pem_texts,
    "thanos_receiver_tls_secret": values.object_name,
    "thanos_receiver_tolerations": pods.tolerations,
    "thanos_receiver_too_far_in_future_window": values.duration,
}


def validate(reader: HostReader, options: Mapping[str, Option]) -> None:
    """Check what the inventory says of a host. Values that are invalid are read as their defaults from then on."""
    for name, value in reader.host.values.items():
        if not applies(name, reader.role):
            continue
        placeholders = list(_placeholders(value))
        for at in placeholders:
            reader.reject(name, Flaw(f"still says {PLACEHOLDER}", "write your own value", at), unknown=True)
        # Null stands for the default where the plan knows the default.
        if name in options and not placeholders and not (value is None and name in SCHEMA):
            for flaw in _flaws(reader, name, options[name]):
                reader.reject(name, flaw)


def _flaws(reader: HostReader, name: str, option: Option) -> list[Flaw]:
    converter = Converter()
    value = converter.convert(option, reader.host.values[name])
    if converter.flaws or value is None:
        return converter.flaws
    reader.put(name, value)
    return list(CHECKS[name](value)) if name in CHECKS else []


def _placeholders(value: object, at: str = "") -> Iterator[str]:
    match value:
        case str() if PLACEHOLDER in value:
            yield at
        case dict():
            for key, each in value.items():
                yield from _placeholders(each, f"{at}.{key}")
        case list():
            for number, each in enumerate(value):
                yield from _placeholders(each, f"{at}[{number}]")


def check_receiver(reader: HostReader) -> None:
    """Refuse variables of the receiver's role that contradict its exposure. The role refuses them too, but later."""
    tls = reader.flag("thanos_receiver_tls")
    if tls:
        _check_certificate(reader)
    window = reader.given("thanos_receiver_out_of_order_window", "0s")
    if milliseconds(str(window)) and not reader.flag("thanos_compactor_vertical_compaction"):
        cause = f"is {window}, so blocks overlap, and a compactor without vertical compaction halts on them"
        fix = "set thanos_compactor_vertical_compaction: true, or leave the window at 0s"
        reader.refuse_change("thanos_receiver_out_of_order_window", cause, fix)
    annotated = reader.given("thanos_receiver_ingress_annotations", dict[str, object]())
    ingress = reader.mapping("thanos_receiver_ingress").get("host")
    if tls and ingress and not any("backend-protocol" in str(key) for key in annotated):
        cause = "has no annotation that makes the Ingress controller speak TLS to the receiver (thanos_receiver_tls)"
        fix = "add one such as nginx.ingress.kubernetes.io/backend-protocol: HTTPS, or remove thanos_receiver_ingress"
        reader.refuse_change("thanos_receiver_ingress_annotations", cause, fix)


def _check_certificate(reader: HostReader) -> None:
    if reader.rejected & {"thanos_receiver_tls_files", "thanos_receiver_tls_secret"}:
        return
    files = reader.given("thanos_receiver_tls_files", dict[str, object]())
    wanted = ["cert", "key"]
    if reader.flag("thanos_receiver_client_certificates"):
        wanted.append("client_ca")
    missing = [key for key in wanted if not files.get(key)]
    if missing and not reader.given("thanos_receiver_tls_secret", ""):
        name = "thanos_receiver_tls_files" if files else "thanos_receiver_tls"
        cause = f"has no {' and no '.join(missing)}" if files else "is true, and the receiver has no certificate"
        fix = f"set thanos_receiver_tls_files ({', '.join(wanted)}), or thanos_receiver_tls_secret"
        reader.refuse_change(name, cause, fix)
