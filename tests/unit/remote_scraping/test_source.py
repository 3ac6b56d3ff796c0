"""Where the additional scrape jobs of a server are written, and why they cannot be changed."""

from __future__ import annotations

import base64
from typing import Any

import pytest
import yaml
from remote_scraping_facts import JOB_TWO, Facts, owner, server

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.remote_scraping.source import (
    Release,
    Source,
    chart_problems,
    helm_problem,
    read_release,
    read_secret,
    read_source,
    source_of,
)

RELEASE = Source("helm", "monitoring", "stack")
SECRET = Source("secret", "monitoring", "stack-scrape-confg", "jobs.yaml")
CHART = Release({}, "78.2.1")


# Whose a server is.


@pytest.mark.parametrize(
    ("belongs", "source"),
    [
        (owner(), RELEASE),
        (owner("argocd", "argocd", "apps"), Source("argocd", "argocd", "apps")),
        (owner("flux", None, "apps"), Source("flux", "", "apps")),
        (owner("custom_resource", "monitoring", "stack-prometheus"), SECRET),
    ],
)
def test_the_owner_tells_where_the_jobs_are_written(belongs: Facts, source: Source) -> None:
    assert source_of(server(owner=belongs)) == source


@pytest.mark.parametrize(
    "belongs",
    [
        owner("none", None, None, custom_resource=None),
        # Of a release that only pods tell of, the namespace is not known.
        owner(namespace=None),
        # Something else has made the custom resource.
        owner("custom_resource", "monitoring", "platform"),
    ],
)
def test_where_nobody_knows_nothing_is_changed(belongs: Facts) -> None:
    source = source_of(server(owner=belongs))
    assert not source.is_changeable
    assert str(source) == "StatefulSet monitoring/prometheus-stack [prometheus]"


def test_a_custom_resource_that_names_no_secret_has_no_list() -> None:
    belongs = owner("custom_resource", "monitoring", "stack-prometheus")
    assert not source_of(server(owner=belongs, scrape_configs=None)).is_changeable


@pytest.mark.parametrize("source", [RELEASE, SECRET])
def test_a_source_is_read_from_the_record_as_it_was(source: Source) -> None:
    assert read_source(source.as_dict()) == source


@pytest.mark.parametrize("content", [None, {"kind": "argocd", "name": "a"}, {"kind": "secret", "name": "a"}])
def test_what_is_no_source_is_not_read(content: Facts | None) -> None:
    assert read_source(content) is None


# A release.


def status(jobs: object = (), **more: Any) -> Facts:
    spec = {"retention": "15d", "additionalScrapeConfigs": list(jobs) if isinstance(jobs, tuple) else jobs}
    values = {"grafana": {"adminPassword": "planted"}, "prometheus": {"prometheusSpec": spec}}
    return {"status": "deployed", "chart": "kube-prometheus-stack-78.2.1", "values": values, **more}


def test_only_the_list_of_a_release_changes() -> None:
    release = read_release(RELEASE, status((JOB_TWO,)))
    assert release.jobs == [JOB_TWO]
    assert release.version == "78.2.1"
    assert release.with_jobs([]) == status()["values"]
    assert release.values == status((JOB_TWO,))["values"]


@pytest.mark.parametrize("values", [{}, None, {"prometheus": None}, {"prometheus": {"prometheusSpec": {}}}])
def test_a_list_that_is_not_there_is_empty_and_is_made(values: Facts | None) -> None:
    release = read_release(RELEASE, status(values=values))
    assert release.jobs == []
    spec = {"additionalScrapeConfigs": [JOB_TWO]}
    assert release.with_jobs([JOB_TWO]) == {"prometheus": {"prometheusSpec": spec}}


@pytest.mark.parametrize(
    ("found", "cause"),
    [
        (None, "there is none that is deployed"),
        (status(status="failed"), "it is failed, so its values may not be those that run"),
        (status(chart="platform-1.0.0"), "it is of the chart platform-1.0.0, and only kube-prometheus-stack is known"),
        (status(chart="my-kube-prometheus-stack-1.0.0"), "it is of the chart my-kube-prometheus-stack-1.0.0"),
        (status(values="planted"), "its values cannot be read"),
        (status("- job_name: planted"), "is a text, which Helm fills in as a template"),
        (status({"planted": 1}), "is neither a list nor a text"),
    ],
)
def test_a_release_that_cannot_be_changed_is_explained(found: Facts | None, cause: str) -> None:
    with pytest.raises(ProblemError) as raised:
        read_release(RELEASE, found)
    assert cause in str(raised.value)
    assert "planted" not in str(raised.value)


def test_a_release_whose_jobs_are_in_a_secret_is_explained() -> None:
    found = status(None)
    secret = {"enabled": True, "name": "mine", "key": "jobs.yaml"}
    found["values"]["prometheus"]["prometheusSpec"]["additionalScrapeConfigsSecret"] = secret
    with pytest.raises(ProblemError, match=r"in the Secret that additionalScrapeConfigsSecret names \(mine, key jobs"):
        read_release(RELEASE, found)


# Its chart.


@pytest.mark.parametrize(
    ("reference", "there"),
    [
        ("prometheus-community/kube-prometheus-stack", None),
        ("oci://example.com/charts/kube-prometheus-stack", None),
        ("/charts/kube-prometheus-stack", ("kube-prometheus-stack", "78.2.1")),
        ("charts/kube-prometheus-stack-78.2.1.tgz", None),
        ("kube-prometheus-stack-78.2.1.tgz", None),
        ("https://example.com/kube-prometheus-stack-78.2.1.tgz", None),
    ],
)
def test_the_same_chart_will_do(reference: str, there: tuple[str, str] | None) -> None:
    assert chart_problems(RELEASE, CHART, reference, there) == []


@pytest.mark.parametrize(
    ("reference", "there", "cause"),
    [
        ("", None, "its chart is not given"),
        ("/charts/stack", ("kube-prometheus-stack", "79.0.0"), "/charts/stack is kube-prometheus-stack 79.0.0"),
        ("/charts/stack", ("prometheus", "78.2.1"), "/charts/stack is prometheus 78.2.1"),
        ("https://example.com/kube-prometheus-stack-79.0.0.tgz", None, "tgz is kube-prometheus-stack-79.0.0, and"),
    ],
)
def test_another_chart_or_none_is_refused(reference: str, there: tuple[str, str] | None, cause: str) -> None:
    (problem,) = chart_problems(RELEASE, CHART, reference, there)
    assert cause in problem.cause


def test_where_no_chart_is_given_the_variable_is_named() -> None:
    (problem,) = chart_problems(RELEASE, CHART, "", None)
    assert problem.fix.startswith("set legacy_prometheus_chart_ref to the chart kube-prometheus-stack 78.2.1")


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ("Error: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress", "is in progress"),
        ('Failed to find required executable "helm" in paths: /bin', "Failed to find required executable"),
        ("Error: UPGRADE FAILED: context deadline exceeded", "context deadline exceeded"),
        ('secrets is forbidden: User "anna" cannot list resource "secrets"', 'is forbidden: User "anna" cannot list'),
        ("Error: chart planted not found in http://x/ repository", "not found in http://x/ repository"),
    ],
)
def test_what_is_known_of_helms_words_is_quoted(said: str, cause: str) -> None:
    problem = helm_problem(RELEASE, said)
    assert cause in problem.cause
    assert "planted" not in problem.cause


def test_what_is_not_known_of_helms_words_is_left_out() -> None:
    assert "planted" not in str(helm_problem(RELEASE, "Error: values don't meet the schema: planted"))


# A Secret.


def load(text: str) -> tuple[object, object]:
    try:
        return yaml.safe_load(text), yaml.load(text, Loader=yaml.BaseLoader)
    except yaml.YAMLError:
        return None, None


def secret(text: str, **more: Any) -> Facts:
    data = {"jobs.yaml": base64.b64encode(text.encode()).decode(), "other": "cGxhbnRlZA=="}
    return {"metadata": {"name": "stack-scrape-confg", "namespace": "monitoring"}, "data": data, **more}


def test_the_jobs_of_a_secret_are_read() -> None:
    text = "- job_name: a\n  sample_limit: 10\n  honor_labels: true\n  params: {x: ['on', 'null', '1.10']}\n  y:\n"
    held = read_secret(SECRET, secret(text, type="Opaque"), load)
    params = {"x": ["on", "null", "1.10"]}
    assert held.jobs == [{"job_name": "a", "sample_limit": 10, "honor_labels": True, "params": params, "y": None}]


@pytest.mark.parametrize(
    ("item", "cause"),
    [
        (None, "there is none, though a custom resource Prometheus names it"),
        (secret("planted: 1"), "is no list in YAML"),
        (secret("- {"), "is no list in YAML"),
        ({**secret(""), "data": {}}, "is no list in YAML"),
        ({**secret(""), "data": {"jobs.yaml": "!"}}, "is no list in YAML"),
        (secret("- job_name: a", immutable=True), "it is immutable"),
        (secret("- {job_name: planted, regex: 12:30}"), "would not be written as they are"),
        (secret("- {job_name: planted, x: 1.10}"), "would not be written as they are"),
        (secret("- {job_name: planted, x: yes}"), "would not be written as they are"),
        (secret("- {job_name: planted, x: 2026-01-01}"), "would not be written as they are"),
    ],
)
def test_a_secret_that_cannot_be_changed_is_explained(item: Facts | None, cause: str) -> None:
    with pytest.raises(ProblemError) as raised:
        read_secret(SECRET, item, load)
    assert cause in str(raised.value)
    assert "planted" not in str(raised.value)


def test_a_secret_that_something_makes_is_explained() -> None:
    item = secret("- job_name: a")
    item["metadata"]["ownerReferences"] = [{"kind": "ExternalSecret", "name": "vault", "controller": True}]
    with pytest.raises(ProblemError, match="custom_resource vault makes it, and would undo a change"):
        read_secret(SECRET, item, load)
