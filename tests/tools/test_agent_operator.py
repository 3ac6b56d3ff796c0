"""What the role renders for prometheus-operator is what the operator's own CRD takes, and leaves nothing out."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import jinja2
import jsonschema
import pytest
import yaml
from ansible.plugins.filter.core import FilterModule

from ansible_collections.miribit.thanos.plugins.module_utils.agent.operator import Secrets, remote_write
from ansible_collections.miribit.thanos.plugins.module_utils.fleet.schema import CREDENTIALS_FOLDER
from ansible_collections.miribit.thanos.plugins.module_utils.remote_write.spec import plan

Object = dict[str, Any]

TEMPLATES = Path(__file__).parents[2] / "roles/prometheus_agent_operator/templates"
FILES = {name: f"{CREDENTIALS_FOLDER}/{file}" for name, file in (("ca_file", "ca.crt"), ("cert_file", "tls.crt"))}
SPEC = {
    "prometheus_version": "3.15.0",
    "exposure": {"url": "https://receiver.example/api/v1/receive"},
    "external_labels": {"cluster": "cluster-02", "region": "edge"},
    "tenant": "platform",
    "tenants": [{"name": "tenant-a", "namespaces": ["shop"]}],
    "exemplars": True,
    "native_histograms": True,
    "sizing": {"samples_per_second": 1000, "latency": 0.1, "outage": 600, "memory": 10**8},
}
TLS = {**FILES, "key_file": f"{CREDENTIALS_FOLDER}/tls.key", "server_name": "receiver"}
ACCESSES: dict[str, Object] = {
    "plain": {"exposure": {"url": "http://receiver.example/api/v1/receive"}},
    "tls": {"tls": TLS},
    "password": {
        "tls": {"ca_file": FILES["ca_file"]},
        "basic_auth": {"username": "edge", "password_file": f"{CREDENTIALS_FOLDER}/password"},
    },
    "token": {"bearer": {"credentials_file": f"{CREDENTIALS_FOLDER}/token"}},
}
JOBS = [{"job_name": "extra", "static_configs": [{"targets": ["10.0.0.1:80"]}]}]
KEYS = ["ca", "cert", "key", "password", "token"]
#: Of the role's variables, of its vars/main.yml, and of the plan.
VARIABLES: Object = {
    "prometheus_agent_credentials": {key: f"dummy {key}" for key in KEYS},
    "prometheus_agent_image_pull_secrets": [{"name": "registry"}],
    "prometheus_agent_operator_labels": {"cluster": "cluster-02-proving", "region": "edge"},
    "prometheus_agent_operator_monitor_selector": {"matchLabels": {"release": "stack"}},
    "prometheus_agent_operator_monitor_namespace_selector": {},
    "prometheus_agent_node_selector": {"kubernetes.io/os": "linux"},
    "prometheus_agent_resources": {"requests": {"cpu": "200m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}},
    "prometheus_agent_scrape_interval": "30s",
    "prometheus_agent_storage_size": "5Gi",
    "prometheus_agent_tolerations": [{"operator": "Exists"}],
    "__prometheus_agent_operator_jobs": "thanos-agent-scrape-configs",
    "__prometheus_agent_operator_name": "thanos-agent",
    "__prometheus_agent_operator_role": "monitoring-thanos-agent",
    "__prometheus_agent_operator_secret": "thanos-agent-remote-write",
    "__prometheus_agent_operator_username": "edge",
    "fleet_pod_security": {"runAsNonRoot": True, "runAsUser": 65534, "fsGroup": 65534},
    "fleet_cluster": {
        "namespace": "monitoring",
        "credentials": {"secret": None, "keys": KEYS},
        "prometheus_image": "quay.io/prometheus/prometheus:v3.15.0",
        "prometheus_version": "3.15.0",
        "storage_class": "longhorn",
    },
}


def blocks(access: Object) -> list[Object]:
    found = plan({**SPEC, **access}).config()["remote_write"]
    assert isinstance(found, list)
    return remote_write(found, Secrets("thanos-agent-remote-write", "thanos-agent-remote-write"), (0, 85))


def rendered(template: str, access: Object, jobs: list[Object], **other: Any) -> dict[str, Object]:
    """By kind and name."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), undefined=jinja2.StrictUndefined, trim_blocks=True, autoescape=False
    )
    environment.filters.update(FilterModule().filters())
    found = {"__prometheus_agent_operator_handover": {"remote_write": blocks(access)}}
    variables = {**VARIABLES, **found, "prometheus_agent_extra_scrape_configs": jobs}
    text = environment.get_template(template).render({**variables, **other})
    return {f"{item['kind']} {item['metadata']['name']}": item for item in yaml.safe_load_all(text) if item}


@pytest.fixture(scope="session")
def schema(binaries: Path) -> Object:
    """Of a PrometheusAgent, in the bundle of the operator's release. What it does not know is not taken."""
    bundle = (binaries.parent / "share/prometheus-operator.yaml").read_text()
    [text] = [part for part in bundle.split("\n---\n") if "\n  name: prometheusagents.monitoring.coreos.com\n" in part]
    versions = yaml.load(text, yaml.CSafeLoader)["spec"]["versions"]
    [version] = [one for one in versions if one["name"] == "v1alpha1"]
    found: Object = closed(version["schema"]["openAPIV3Schema"])
    return found


def closed(schema: Any) -> Any:
    """As the API server takes an object that is applied: no field without a name in the schema."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: closed(value) for key, value in schema.items()}
    if schema.get("type") == "object" and "properties" in schema:
        made["additionalProperties"] = False
    if schema.get("x-kubernetes-int-or-string"):
        # Its pattern is that of a text, which jsonschema would ask of a number, too.
        made = {"type": ["integer", "string"]}
    return made


@pytest.mark.parametrize("jobs", [[], JOBS], ids=["no-jobs", "jobs"])
@pytest.mark.parametrize("access", ACCESSES.values(), ids=ACCESSES)
def test_the_crd_takes_what_is_rendered(schema: Object, access: Object, jobs: list[Object]) -> None:
    agent = rendered("prometheus_agent.yaml.j2", access, jobs)["PrometheusAgent thanos-agent"]
    jsonschema.validate(agent, schema)


def test_the_crd_would_not_take_an_unknown_field(schema: Object) -> None:
    agent = rendered("prometheus_agent.yaml.j2", {}, [])["PrometheusAgent thanos-agent"]
    agent["spec"]["remoteWrite"][0]["other"] = 1
    with pytest.raises(jsonschema.ValidationError, match="other"):
        jsonschema.validate(agent, schema)


def references(content: Any) -> set[tuple[str, str]]:
    """Names and keys of Secrets, wherever a custom resource names one."""
    if isinstance(content, dict) and set(content) == {"name", "key"}:
        return {(content["name"], content["key"])}
    parts = content.values() if isinstance(content, dict) else content if isinstance(content, list) else ()
    return {one for part in parts for one in references(part)}


@pytest.mark.parametrize("access", ACCESSES.values(), ids=ACCESSES)
def test_every_key_of_a_secret_that_it_names_is_there(access: Object) -> None:
    agent = rendered("prometheus_agent.yaml.j2", access, JOBS)["PrometheusAgent thanos-agent"]
    secrets = rendered("secrets.yaml.j2", access, JOBS)
    there_are = {(item["metadata"]["name"], key) for item in secrets.values() for key in item["data"]}
    assert references(agent["spec"]) <= there_are


def test_a_secret_of_somebody_else_is_not_copied() -> None:
    credentials = {"credentials": {"secret": "theirs", "keys": KEYS}}
    cluster = {**VARIABLES["fleet_cluster"], **credentials}
    [secret] = rendered("secrets.yaml.j2", {}, [], fleet_cluster=cluster).values()
    assert list(secret["data"]) == ["username"]


def test_without_credentials_and_jobs_there_is_no_secret() -> None:
    cluster = {**VARIABLES["fleet_cluster"], "credentials": {"secret": None, "keys": []}}
    other = {"fleet_cluster": cluster, "__prometheus_agent_operator_username": ""}
    assert rendered("secrets.yaml.j2", {}, [], **other) == {}


def test_further_jobs_are_as_they_were_given() -> None:
    secret = rendered("secrets.yaml.j2", {}, JOBS)["Secret thanos-agent-scrape-configs"]
    assert yaml.safe_load(base64.b64decode(secret["data"]["scrape-configs.yaml"])) == JOBS


def test_it_has_its_own_identity_and_no_label_of_the_operator() -> None:
    spec = rendered("prometheus_agent.yaml.j2", {}, [])["PrometheusAgent thanos-agent"]["spec"]
    assert spec["externalLabels"] == {"cluster": "cluster-02-proving", "region": "edge"}
    assert (spec["prometheusExternalLabelName"], spec["replicaExternalLabelName"]) == ("", "")


def test_its_service_account_may_find_and_scrape_what_monitors_name() -> None:
    found = rendered("prometheus_agent.yaml.j2", {}, [])
    rules = found["ClusterRole monitoring-thanos-agent"]["rules"]
    resources = {resource for rule in rules for resource in rule.get("resources", ())}
    assert {"nodes/metrics", "services", "endpoints", "endpointslices", "pods"} <= resources
    assert {"nonResourceURLs": ["/metrics"], "verbs": ["get"]} in rules
    [subject] = found["ClusterRoleBinding monitoring-thanos-agent"]["subjects"]
    assert f"ServiceAccount {subject['name']}" in found
