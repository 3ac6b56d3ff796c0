"""The variables of all roles: every value that is refused, what is said of it, and the values that are accepted."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.miribit.thanos.plugins.module_utils.base.durations import milliseconds
from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.fleet.options import options_of
from ansible_collections.miribit.thanos.plugins.module_utils.fleet.plan import Plan, plan
from ansible_collections.miribit.thanos.plugins.module_utils.fleet.pods import quantity
from ansible_collections.miribit.thanos.plugins.module_utils.fleet.schema import SCHEMA, Host, applies
from ansible_collections.miribit.thanos.plugins.module_utils.fleet.validate import CHECKS

ROLES = Path(__file__).parents[3] / "roles"
SECRET = "word-that-must-stay-secret"
OPTIONS: dict[str, Any] = {}
DEFAULTS: dict[str, Any] = {}
for role in ROLES.iterdir():
    if (file := role / "defaults/main.yml").is_file():
        DEFAULTS |= yaml.safe_load(file.read_text())
for role in ROLES.iterdir():
    OPTIONS |= options_of(yaml.safe_load((role / "meta/argument_specs.yml").read_text()), DEFAULTS)
ADDRESS = {"thanos_receiver_load_balancer": {"address": "192.168.101.210"}}
BUCKET = {"bucket": "thanos", "endpoint": "s3.example:9000", "access_key": "a", "secret_key": SECRET}


def planned(**variables: object) -> Plan:
    """Plan a fleet where all of these are set for all hosts."""
    given = {**ADDRESS, **variables}
    return plan([Host("cluster-01", tuple(given), given)], [Host("cluster-02", tuple(variables), variables)], OPTIONS)


def problems(**variables: object) -> tuple[Problem, ...]:
    with pytest.raises(ProblemError) as error:
        planned(**variables)
    assert SECRET not in str(error.value)
    return error.value.problems


def refused(name: str, value: object) -> str:
    """The one problem of a variable, without host and name."""
    (problem,) = problems(**{name: value})
    host = "cluster-01" if applies(name, "central") else "cluster-02"
    subject = f"Host {host}, {name}"
    if applies(name, "central") and applies(name, "edge"):
        subject = f"Hosts cluster-01 and cluster-02, {name}"
    assert problem.subject.startswith(subject)
    return f"{problem.subject.removeprefix(subject)}: {problem.cause}. Fix: {problem.fix}"


# The table of the first day: what was accepted, or refused only after something was applied.

DURATION = "write whole numbers with the units y, w, d, h, m, s or ms, the largest first, such as 2d or 1h30m"
SCALARS = [
    ("thanos_query_replicas", "two", ": must be an integer, not the string 'two'. Fix: write an integer"),
    ("thanos_query_replicas", 0, ": must be 1 or more, not 0. Fix: write 1 or more"),
    ("thanos_query_replicas", True, ": must be an integer, not the boolean true. Fix: write an integer"),
    ("thanos_query_replicas", 2.5, ": must be an integer, not the number 2.5. Fix: write an integer"),
    ("thanos_query_replicas", None, ": is null. Fix: give a value, or remove it"),
    (
        "thanos_receiver_log_level",
        "warn",
        ": must be one of debug, info, not the string 'warn'. Fix: write one of them",
    ),
    ("thanos_query_log_level", "warning", ": must be one of debug, info, warn, error, not the string 'warning'."),
    ("thanos_receiver_hash_func", "MD5", ": must be one of '', SHA256, not the string 'MD5'. Fix: write one of them"),
    (
        "thanos_receiver_hash_func",
        "SHA-256",
        ": must be one of '', SHA256, not the string 'SHA-256'. Fix: write SHA256",
    ),
    ("thanos_receiver_tls_min_version", 1.1, ": must be one of 1.2, 1.3, not the number 1.1."),
    ("thanos_receiver_min_ready_seconds", "2m", ": must be an integer, not the string '2m'. Fix: write an integer"),
    ("thanos_query_network_policies", "maybe", ": must be true or false, not the string 'maybe'. Fix: write true or"),
    ("prometheus_agent_max_lag", "fast", ": must be a number, not the string 'fast'. Fix: write a number"),
    ("prometheus_agent_hold", -1, ": must be 0 or more, not -1. Fix: write 0 or more"),
    ("thanos_query_ingress_host", ["a"], ": must be a string, not a list. Fix: put it in quotes"),
    ("thanos_query_ingress_host", False, ": must be a string, not the boolean false. Fix: put it in quotes"),
    ("thanos_query_ingress_host", "https://query.example", ": must be a host name, not 'https://query.example'."),
    ("thanos_query_ingress_tls_secret", "A b", ": is not a name of an object."),
    ("prometheus_agent_name", "A.b", ": 'A.b' is not a name of a workload."),
    ("object_storage_secret_key", "a/b", ": is not a key of a Secret."),
    ("edge_exporters_node_exporter_image", "https://quay.io/a:b", ": 'https://quay.io/a:b' is not an image."),
    ("legacy_prometheus_chart_repo_url", "charts.example", ": must be a URL."),
    ("edge_exporters_node_exporter", "automatic", ": must be one of auto, true, false, not the string 'automatic'."),
    ("thanos_receiver_retention", "2 days", ": must be a duration, not '2 days'. Fix: write 2d"),
    ("thanos_receiver_retention", "1h 30min", ": must be a duration, not '1h 30min'. Fix: write 1h30m"),
    ("thanos_receiver_retention", "30m1h", f": must be a duration, not '30m1h'. Fix: {DURATION}"),
    ("thanos_receiver_retention", "1.5h", f": must be a duration, not '1.5h'. Fix: {DURATION}"),
    ("thanos_receiver_retention", "-2d", f": must be a duration, not '-2d'. Fix: {DURATION}"),
    ("thanos_receiver_retention", "", f": must be a duration, not ''. Fix: {DURATION}"),
    ("thanos_receiver_retention", "300y", f": must be a duration, not '300y'. Fix: {DURATION}"),
    ("thanos_receiver_too_far_in_future_window", 300, ": '300' has no unit. Fix: write 300s for seconds, or another"),
    ("thanos_receiver_out_of_order_window", "1D", ": must be a duration, not '1D'. Fix: write 1d"),
    ("prometheus_agent_scrape_interval", "0s", ": must be more than 0s. Fix: write a duration such as 30s"),
    ("thanos_receiver_storage_size", "20 GB", ": must be a quantity, not '20 GB'. Fix: write 20Gi"),
    ("thanos_receiver_storage_size", "20gi", ": must be a quantity, not '20gi'. Fix: write 20Gi"),
    ("thanos_receiver_storage_size", 20, ": '20' is 20 bytes of storage. Fix: append a unit, such as 20Gi"),
    ("thanos_receiver_storage_size", "-5Gi", ": must be more than 0, not -5Gi. Fix: write one such as 20Gi"),
    ("prometheus_agent_storage_size", "big", ": must be a quantity, not 'big'. Fix: write one such as 20Gi"),
]
RESOURCES = [
    ("1Gi", ": must be a mapping, not a string. Fix: write it as a mapping: {...}"),
    ({"request": {"cpu": 1}}, ": unknown key 'request'. Fix: write requests"),
    ({"requests": "1Gi"}, ".requests: must be a mapping, not '1Gi'. Fix: write {cpu: 250m, memory: 1Gi}"),
    ({"limits": {"memory": "1GB"}}, ".limits.memory: must be a quantity, not '1GB'. Fix: write 1Gi"),
    ({"limits": {"memory": "512m"}}, ".limits.memory: '512m' is 0.512 bytes of memory. Fix: write 512Mi"),
    ({"limits": {"memory": 1}}, ".limits.memory: '1' is 1 byte of memory. Fix: append a unit, such as 1Gi"),
    ({"limits": {"memory": None}}, ".limits.memory: must be a quantity, not null. Fix: write one such as 20Gi"),
    ({"requests": {"cpu": "250 m"}}, ".requests.cpu: must be a quantity, not '250 m'. Fix: write one such as 250m"),
    ({"requests": {"cpu": 0}}, ".requests.cpu: must be more than 0, not 0. Fix: write one such as 250m"),
    ({"requests": {"memroy": "1Gi"}}, ".requests: unknown resource 'memroy'. Fix: write memory"),
    ({"requests": {"gpu": 1}}, ".requests: unknown resource 'gpu'. Fix: write cpu"),
    ({"requests": {"disk": 1}}, ".requests: unknown resource 'disk'. Fix: use cpu, memory, ephemeral-storage, or an"),
    ({"requests": {"nvidia.com/gpu": "one"}}, ".requests.nvidia.com/gpu: must be a quantity, not 'one'."),
    (
        {"requests": {"memory": "2Gi"}, "limits": {"memory": "1Gi"}},
        ": requests 2Gi of memory, more than its limit 1Gi. Fix: raise the limit or lower the request",
    ),
]
TOLERATIONS = [
    ({"key": "a"}, ": must be a list, not a mapping. Fix: write it as a list: [...]"),
    (["a"], "[0]: must be a mapping, not a string. Fix: write it as a mapping: {...}"),
    ([{"keys": "a"}], "[0]: unknown key 'keys'. Fix: write key"),
    ([{"key": "a", "operator": "In"}], "[0].operator: must be one of Exists, Equal, not the string 'In'."),
    ([{"key": "a", "effect": "noSchedule"}], "[0].effect: must be one of NoSchedule, PreferNoSchedule, NoExecute, not"),
    ([{"operator": "Exists", "key": "a", "value": "b"}], "[0]: has a value, which the operator Exists does not"),
    ([{"operator": "Equal", "value": "b"}], "[0]: missing key. Fix: add key, or operator: Exists for all taints"),
    ([{"key": "a", "value": True}], "[0].value: must be a string, not the boolean true. Fix: put it in quotes"),
    ([{"key": "a", "operator": "Exists", "tolerationSeconds": 3}], "[0]: has tolerationSeconds without effect: NoEx"),
]
SHAPES = [
    (
        "thanos_query_node_selector",
        {"ssd": True},
        ".ssd: must be a string, not the boolean true. Fix: put it in quotes",
    ),
    ("thanos_query_node_selector", {"zone": "a b"}, ".zone: 'a b' is not a value of a label."),
    ("thanos_query_node_selector", {"a/b/c": "d"}, ": invalid key 'a/b/c'. Fix: write NAME or PREFIX/NAME"),
    ("thanos_receiver_service_annotations", {"a": 1}, ".a: must be a string, not the number 1. Fix: put it in quotes"),
    ("thanos_receiver_service_annotations", "a: b", ": must be a mapping, not a string."),
    (
        "prometheus_agent_operator_monitor_selector",
        {"team": "a"},
        ": unknown key 'team'. Fix: use only matchLabels, matchExp",
    ),
    (
        "prometheus_agent_operator_monitor_selector",
        {"matchLabels": {"a": 1}},
        ".matchLabels.a: must be a string, not the num",
    ),
    ("thanos_receiver_image_pull_secrets", ["registry"], "[0]: must be a mapping, not a string."),
    ("thanos_receiver_image_pull_secrets", [{"nam": "a"}], "[0]: is not a reference to a Secret. Fix: write {name: "),
    (
        "thanos_receiver_network_policy_sources",
        ["192.168.101.0/33"],
        "[0]: must be a network in CIDR notation, not '19",
    ),
    (
        "thanos_receiver_network_policy_sources",
        ["10.0.0.1"],
        "[0]: '10.0.0.1' has no prefix length. Fix: write 10.0.0.1/32",
    ),
    ("thanos_receiver_network_policy_sources", "10.0.0.0/8", ": must be a list, not a string. Fix: write it as a list"),
    ("thanos_query_sidecars", [{"adress": "a:1"}], "[0]: unknown key 'adress'. Fix: write address"),
    (
        "thanos_query_sidecars",
        ["dnssrv+_grpc._tcp.a"],
        "[0]: must be a mapping, not a string. Fix: write it as a mapping: {addr",
    ),
    ("thanos_query_sidecars", [{"address": "a"}], "[0].address: 'a' has no port. Fix: append the port of the StoreAPI"),
    ("thanos_query_sidecars", [{"address": "http://a:1"}], "[0].address: must be HOST:PORT, not 'http://a:1'."),
    ("thanos_query_sidecars", [{"address": "srv+a"}], "[0].address: 'srv+a' has an unknown lookup 'srv'."),
    ("thanos_query_replica_labels", ["receive-replica"], "[0]: 'receive-replica' is not a label name."),
    ("thanos_query_extra_args", ["log.level=debug"], "[0]: is not a flag. Fix: write it as --name=value, one flag per"),
    ("thanos_query_extra_args", ["--log.level debug"], "[0]: --log.level is separated from its value by a space."),
    ("prometheus_agent_extra_scrape_configs", [{"job": "a"}], "[0]: missing job_name. Fix: add job_name"),
    (
        "prometheus_agent_extra_scrape_configs",
        [{"job_name": "a"}, {"job_name": "a"}],
        "[1]: has the same job_name as [0], a. Fix: write another job_name",
    ),
    ("thanos_receiver_tls_files", {"cert": "/etc/tls.crt"}, ".cert: is the name of a file, not its content."),
    ("thanos_receiver_tls_files", {"key": [SECRET]}, ".key: must be a string, not a list."),
    ("thanos_receiver_tls_files", {"crt": SECRET}, ": unknown key 'crt'. Fix: write cert"),
    ("object_storage_config", SECRET, ": it is a text, not a mapping. Fix: write it with the keys type and config"),
    ("object_storage_config", f"a: b: {SECRET}", ": it is not YAML (line 1, column 5). Fix: correct the text"),
    ("object_storage_config", [SECRET], ": it is a list, not a mapping."),
    (
        "object_storage_config",
        {"type": "s3compatible", "config": {}},
        ": there is no type 'S3COMPATIBLE'. Fix: use one",
    ),
    ("object_storage_config", {"type": "S3"}, ": config is null, not a mapping. Fix: write under it what the provider"),
    ("object_storage_config", {"typ": "S3", "type": "S3", "config": BUCKET}, ": there is no key 'typ'. Fix: use only"),
    ("object_storage_config", {"type": "FILESYSTEM", "config": {}}, ": a folder (type FILESYSTEM) is another one in"),
    (
        "object_storage_config",
        {"type": "S3", "config": {**BUCKET, "endpoint": f"https://{SECRET}"}},
        ": config.endpoint",
    ),
    ("object_storage_config", {"type": "S3", "config": {**BUCKET, "bucket": ""}}, ": config has no bucket, which S3"),
    (
        "object_storage_config",
        {"type": "S3", "config": {**BUCKET, "acces_key": SECRET}},
        ": config has the unknown key",
    ),
    (
        "object_storage_config",
        {"type": "S3", "config": {**BUCKET, "access_key": ""}},
        ": config has secret_key without",
    ),
    (
        "object_storage_config",
        {"type": "S3", "config": {**BUCKET, "aws_sdk_auth": True}},
        ": config has aws_sdk_auth and",
    ),
    (
        "object_storage_config",
        {"type": "S3", "config": {**BUCKET, "insecure": "true"}},
        ": config.insecure is a string",
    ),
    ("object_storage_config", {"type": "GCS", "config": {}}, ": config has no bucket, which GCS asks for."),
]
LIMITS = [
    ({"wirte": {}}, ": unknown key 'wirte'. Fix: write write"),
    (
        {"write": {"global": {"max_concurency": 30}}},
        ".write.global: unknown key 'max_concurency'. Fix: write max_concurrency",
    ),
    (
        {"write": {"global": {"max_concurrency": "many"}}},
        ".write.global.max_concurrency: must be an integer, not the st",
    ),
    (
        {"write": {"global": {"max_concurrency": "30"}}},
        ".write.global.max_concurrency: must be a number, not the string",
    ),
    (
        {"write": {"global": {"meta_monitoring_url": "query:9090"}}},
        ".write.global.meta_monitoring_url: must be a URL with",
    ),
    (
        {"write": {"global": {"meta_monitoring_http_client": {"basic": SECRET}}}},
        ".write.global.meta_monitoring_http_client",
    ),
    ({"write": {"default": {"requests": {}}}}, ".write.default: unknown key 'requests'. Fix: write request"),
    (
        {"write": {"default": {"request": {"size_limit": 1}}}},
        ".write.default.request: unknown key 'size_limit'. Fix: write",
    ),
    (
        {"write": {"default": {"request": {"series_limit": -1}}}},
        ".write.default.request.series_limit: must be 0 or more,",
    ),
    (
        {"write": {"tenants": {"a": {"head_serie_limit": 1}}}},
        ".write.tenants.a: unknown key 'head_serie_limit'. Fix: write",
    ),
    ({"write": {"tenants": {"a": 1}}}, ".write.tenants.a: must be a mapping, not a number."),
    ({"write": []}, ".write: must be a mapping, not a list."),
    ([], ": must be a mapping, not a list."),
]
REFUSED = [
    *SCALARS,
    *SHAPES,
    *(("thanos_receiver_ingestor_resources", value, words) for value, words in RESOURCES),
    *(("thanos_query_tolerations", value, words) for value, words in TOLERATIONS),
    *(("thanos_receiver_limits", value, words) for value, words in LIMITS),
]


@pytest.mark.parametrize(
    ("name", "value", "words"), REFUSED, ids=[f"{name}-{value}" for name, value, _words in REFUSED]
)
def test_a_value_that_cannot_be_is_refused(name: str, value: object, words: str) -> None:
    assert refused(name, value).startswith(words)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("thanos_receiver_ingestor_resources", {"requests": {"cpu": 250}}, ".requests.cpu: 250 means 250 CPUs"),
        ("thanos_receiver_network_policy_sources", ["10.0.0.1/8"], "[0]: '10.0.0.1/8' has bits set after its prefix"),
        (
            "thanos_receiver_limits",
            {"write": {"default": {"head_series_limit": 1000}}},
            ".write: has a head_series_limit, which has no effect without global.meta_monitoring_url",
        ),
    ],
)
def test_a_value_that_is_only_strange_is_a_warning(name: str, value: object, words: str) -> None:
    (warning,) = planned(**{name: value}).warnings
    assert str(warning).startswith(f"Host cluster-01, {name}{words}")


def test_all_variables_of_all_roles_are_checked_at_once() -> None:
    wrong = {
        "thanos_receiver_retention": "2 days",
        "thanos_query_replicas": "two",
        "object_storage_probe_timeout": 0,
        "prometheus_agent_hold": "long",
        "edge_exporters_rollout_timeout": "5m",
        "legacy_prometheus_timeout": [],
        "fleet_audit_probe": "perhaps",
        "thanos_receiver_routers": "two",
    }
    subjects = {problem.subject.rpartition(", ")[2] for problem in problems(**wrong)}
    assert subjects == set(wrong)


def test_an_address_with_a_port_is_split_in_the_proposal() -> None:
    assert refused("thanos_receiver_load_balancer", {"address": "10.20.30.40:19291"}) == (
        ".address: '10.20.30.40:19291' includes a port, which is a key of its own. "
        "Fix: write {address: 10.20.30.40, port: 19291}"
    )


def test_a_wrong_address_is_reported_once_and_not_for_each_edge() -> None:
    for load_balancer in ({"adress": "192.0.2.1"}, "192.0.2.1", {"address": "10.0.0.400"}, {"address": "CHANGE-ME"}):
        (problem,) = problems(thanos_receiver_load_balancer=load_balancer)
        assert problem.subject.startswith("Host cluster-01, thanos_receiver_load_balancer")


# What is accepted.


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("thanos_query_replicas", "2"),
        ("thanos_query_replicas", 2.0),
        ("thanos_query_network_policies", "yes"),
        ("thanos_query_network_policies", 0),
        ("prometheus_agent_hold", "0.5"),
        ("thanos_receiver_tls_min_version", 1.3),
        ("edge_exporters_node_exporter", True),
        ("thanos_receiver_hash_func", ""),
        ("fleet_audit_memory_gib_month", None),
        ("thanos_query_ingress_host", "*.example.com"),
        ("legacy_prometheus_chart_repo_url", "oci://registry.example/charts"),
        ("thanos_receiver_ingestor_resources", {}),
        ("thanos_receiver_ingestor_resources", {"requests": {"cpu": 0.5, "memory": "1.5Gi", "nvidia.com/gpu": 1}}),
        (
            "thanos_receiver_ingestor_resources",
            {"limits": {"memory": "1e9", "ephemeral-storage": "4G"}, "requests": None},
        ),
        ("thanos_query_tolerations", [{"operator": "Exists"}]),
        (
            "thanos_query_tolerations",
            [{"key": "a", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 3}],
        ),
        ("thanos_query_node_selector", {"kubernetes.io/os": "linux", "ssd": ""}),
        ("thanos_receiver_image_pull_secrets", [{"name": "registry"}]),
        ("thanos_receiver_network_policy_sources", ["192.168.101.0/24", "fd00::/8", "0.0.0.0/0"]),
        (
            "thanos_query_sidecars",
            [{"address": "dnssrv+_grpc._tcp.a.b.svc"}, {"address": "dns+a.b:10901", "strict": False}],
        ),
        ("thanos_query_extra_args", ["--log.level=debug", "--flag", "--query.x=a b"]),
        ("prometheus_agent_operator_monitor_selector", {"matchLabels": {"team": "a"}, "matchExpressions": []}),
        ("object_storage_config", {}),
        ("object_storage_config", ""),
        ("object_storage_config", {"type": "s3", "config": {**BUCKET, "brand_new": 1}, "prefix": "a"}),
        ("object_storage_config", yaml.safe_dump({"type": "S3", "config": BUCKET})),
        ("object_storage_config", {"type": "SWIFT", "config": {"container_name": "a", "auth_url": "b"}}),
        (
            "thanos_receiver_limits",
            {
                "write": {
                    "global": {"max_concurrency": 30, "meta_monitoring_url": "http://query:9090"},
                    "default": {"request": {"size_bytes_limit": 0, "series_limit": 10, "samples_limit": 10}},
                    "tenants": {"a": {"head_series_limit": 1000}, "b": None},
                }
            },
        ),
    ],
)
def test_a_value_that_can_be_is_accepted(name: str, value: object) -> None:
    assert planned(**{name: value}).warnings == ()


def test_the_defaults_of_all_roles_are_accepted() -> None:
    given = {name: value for name, value in DEFAULTS.items() if "{{" not in str(value)}
    assert planned(**given).warnings == ()


def test_numbers_and_booleans_in_quotes_are_what_ansible_makes_of_them() -> None:
    receiver: Any = planned(
        thanos_receiver_routers="3", thanos_receiver_tls="yes", thanos_receiver_tls_secret="certificate"
    ).fleet["receiver"]
    assert (receiver["routers"], receiver["tls"]) == (3, True)


UNITS = ("y", "w", "d", "h", "m", "s", "ms")


@given(st.lists(st.tuples(st.sampled_from(UNITS), st.integers(0, 40)), min_size=1, unique_by=lambda part: part[0]))
def test_whole_numbers_with_units_in_their_order_are_durations(parts: list[tuple[str, int]]) -> None:
    ordered = sorted(parts, key=lambda part: UNITS.index(part[0]))
    assert milliseconds("".join(f"{number}{unit}" for unit, number in ordered)) is not None


@given(st.text(alphabet="0123456789ywdhms .-+"))
def test_a_duration_is_what_the_rules_of_prometheus_say(text: str) -> None:
    whole = re.fullmatch(r"(\d+y)?(\d+w)?(\d+d)?(\d+h)?(\d+m)?(\d+s)?(\d+ms)?", text) is not None and text != ""
    assert (milliseconds(text) is not None) <= (whole or text == "0")


@given(st.integers(1, 10**6), st.sampled_from(["Mi", "Gi", "Ti", "M", "G", "T"]))
def test_whole_numbers_with_units_of_bytes_are_sizes(number: int, unit: str) -> None:
    if (quantity(f"{number}{unit}") or 0) >= 2**20:
        assert planned(thanos_receiver_storage_size=f"{number}{unit}").warnings == ()


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=9),
        lambda each: st.lists(each) | st.dictionaries(st.text(max_size=9), each),
    )
)
def test_no_value_makes_the_plan_crash(value: object) -> None:
    for name in CHECKS:
        with suppress(ProblemError):
            planned(**{name: value})


# What only the user knows.


def test_what_still_has_to_be_changed_is_named() -> None:
    found = problems(
        fleet_context="CHANGE-ME",
        thanos_query_ingress_host="query.CHANGE-ME",
        object_storage_config={"type": "S3", "config": {**BUCKET, "secret_key": "CHANGE-ME"}},
        thanos_query_sidecars=[{"address": "CHANGE-ME:10901"}],
        prometheus_agent_credentials={"token": "CHANGE-ME"},
    )
    assert [(problem.subject, problem.cause) for problem in found] == [
        ("Hosts cluster-01 and cluster-02, fleet_context", "still says CHANGE-ME"),
        ("Host cluster-01, thanos_query_ingress_host", "still says CHANGE-ME"),
        ("Host cluster-01, object_storage_config.config.secret_key", "still says CHANGE-ME"),
        ("Host cluster-01, thanos_query_sidecars[0].address", "still says CHANGE-ME"),
        ("Host cluster-02, prometheus_agent_credentials.token", "still says CHANGE-ME"),
    ]


# What contradicts another variable.


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"thanos_receiver_tls": True}, "thanos_receiver_tls: is true, and the receiver has no certificate"),
        (
            {"thanos_receiver_tls": True, "thanos_receiver_tls_files": {"cert": SECRET}},
            "thanos_receiver_tls_files: has no key. Fix: set thanos_receiver_tls_files (cert, key)",
        ),
        (
            {"thanos_receiver_out_of_order_window": "1h"},
            "thanos_receiver_out_of_order_window: is 1h, so blocks overlap",
        ),
        (
            {
                "thanos_receiver_tls": True,
                "thanos_receiver_tls_secret": "certificate",
                "thanos_receiver_ingress": {"host": "receiver.example.com"},
            },
            "thanos_receiver_ingress_annotations: has no annotation that makes the Ingress controller speak TLS",
        ),
    ],
)
def test_variables_that_contradict_each_other_are_refused(variables: dict[str, Any], words: str) -> None:
    (problem,) = problems(**variables)
    assert str(problem).startswith(f"Host cluster-01, {words}")


@pytest.mark.parametrize(
    "variables",
    [
        {"thanos_receiver_tls": True, "thanos_receiver_tls_files": {"cert": "a", "key": "b"}},
        {"thanos_receiver_out_of_order_window": "1h", "thanos_compactor_vertical_compaction": True},
        {"thanos_receiver_out_of_order_window": "0"},
    ],
)
def test_variables_that_go_together_are_accepted(variables: dict[str, Any]) -> None:
    planned(**variables)


# The table.


def test_variables_that_a_group_does_not_read_are_not_checked() -> None:
    names = {role: [name for name in OPTIONS if not applies(name, role)] for role in ("central", "edge")}
    central = {**ADDRESS, **{name: object() for name in names["central"]}}
    edge = {name: object() for name in names["edge"]}
    made = plan([Host("cluster-01", (), central)], [Host("cluster-02", (), edge)], OPTIONS)
    assert made.warnings == ()


def test_the_table_names_variables_of_roles_and_none_of_their_kind_is_missing() -> None:
    of_roles = OPTIONS.keys() - SCHEMA.keys()
    assert of_roles >= CHECKS.keys()
    kinds = (
        r"_(resources|tolerations|node_selector|image_pull_secrets|extra_\w*args|storage_size|window|retention|interval"
        r"|sources|timeout|annotations|image|tls_secret|config)$"
    )
    assert {name for name in of_roles if re.search(kinds, name)} <= CHECKS.keys()
