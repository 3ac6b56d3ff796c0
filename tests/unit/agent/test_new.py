"""The agent that is made where an edge has none: its configuration and its arguments."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import pytest
import yaml
from agent_texts import BLOCK, LABELS, SECRET, YAML, configured
from ansible.errors import AnsibleFilterError

from ansible_collections.miribit.thanos.plugins.filter._agent_manifest import agent_manifest
from ansible_collections.miribit.thanos.plugins.module_utils.agent.config import Wanted
from ansible_collections.miribit.thanos.plugins.module_utils.agent.new import Manifest, manifest
from ansible_collections.miribit.thanos.plugins.module_utils.base.facts import as_facts
from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.remote_write.model import Spec, Tenant

REMOTE_WRITE = Spec(BLOCK["url"], LABELS, access={})
SPEC = {"prometheus_version": "3.15.0", "remote_write": as_facts(REMOTE_WRITE), "namespaces": ["monitoring"]}
EXTRA = {"job_name": "shop", "static_configs": [{"targets": ["shop.shop:8080"]}]}


def made(**changes: Any) -> Manifest:
    return manifest({**SPEC, **changes}, YAML)


def config(**changes: Any) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(made(**changes).config)
    return content


def job(name: str, **changes: Any) -> dict[str, Any]:
    (found,) = (one for one in config(**changes)["scrape_configs"] if one["job_name"] == name)
    content: dict[str, Any] = found
    return content


def refused(**changes: Any) -> list[str]:
    with pytest.raises(ProblemError) as error:
        made(**changes)
    return list(map(str, error.value.problems))


# The configuration.


def test_it_scrapes_exporters_and_kubelets_and_writes_to_the_receiver() -> None:
    content = config()
    assert [one["job_name"] for one in content["scrape_configs"]] == [
        "node-exporter",
        "kube-state-metrics",
        "kubelet",
        "cadvisor",
    ]
    assert [entry["url"] for entry in content["remote_write"]] == [BLOCK["url"]]
    assert content["global"] == {"scrape_interval": "30s", "external_labels": LABELS}


def test_what_the_plan_of_a_fleet_writes_comes_out_for_the_version_of_the_agent() -> None:
    spec = replace(REMOTE_WRITE, tenant="platform", tenants=(Tenant("tenant-a", ("shop", "cart")),))
    for version, number in (("3.15.0", (3, 15)), ("2.48.0", (2, 48))):
        content = config(prometheus_version=version, remote_write=as_facts(spec))
        assert content["remote_write"] == spec.entries(number)


@pytest.mark.parametrize(
    ("name", "services"),
    [("node-exporter", "(prometheus-)?node-exporter"), ("kube-state-metrics", "kube-state-metrics")],
)
def test_exporters_are_found_by_their_services_in_the_namespaces_that_have_them(name: str, services: str) -> None:
    found = job(name, namespaces=["monitoring", "kube-system"])
    (discovery,) = found["kubernetes_sd_configs"]
    keep = found["relabel_configs"][0]
    assert discovery == {"role": "endpointslice", "namespaces": {"names": ["monitoring", "kube-system"]}}
    assert keep == {
        "action": "keep",
        "source_labels": ["__meta_kubernetes_service_label_app_kubernetes_io_name"],
        "regex": services,
    }


def test_labels_of_the_objects_that_are_told_of_are_kept() -> None:
    assert job("kube-state-metrics")["honor_labels"] is True
    assert [name for name in ("node-exporter", "kubelet", "cadvisor") if "honor_labels" in job(name)] == []


def test_what_is_of_a_node_tells_which() -> None:
    targets = {
        one["job_name"]: [rule["target_label"] for rule in one["relabel_configs"] if "target_label" in rule]
        for one in config()["scrape_configs"]
    }
    assert targets == {"node-exporter": ["node"], "kubelet": ["node"], "cadvisor": ["node"], "kube-state-metrics": []}


def test_kubelets_are_asked_as_its_service_account() -> None:
    assert job("kubelet")["metrics_path"] == "/metrics"
    assert job("cadvisor")["metrics_path"] == "/metrics/cadvisor"
    for name in ("kubelet", "cadvisor"):
        account = "/var/run/secrets/kubernetes.io/serviceaccount"
        assert job(name)["authorization"] == {"credentials_file": f"{account}/token"}
        assert job(name)["tls_config"] == {"insecure_skip_verify": True}
        assert job(name, kubelet_insecure_skip_verify=False)["tls_config"] == {"ca_file": f"{account}/ca.crt"}


def test_further_jobs_come_last() -> None:
    assert config(extra_scrape_configs=[EXTRA])["scrape_configs"][-1] == EXTRA


def test_the_interval_is_the_one_that_is_asked_for() -> None:
    assert config(scrape_interval="1m30s")["global"]["scrape_interval"] == "1m30s"


def test_the_same_again_is_the_same_text() -> None:
    assert made().config == made().config


def test_a_change_of_what_it_writes_to_changes_nothing_where_it_is_made_so_already() -> None:
    wanted = Wanted(remote_write=REMOTE_WRITE.entries((3, 15)), external_labels=LABELS)
    assert configured(made().config, wanted).text == made().config


def test_the_hash_is_that_of_the_text() -> None:
    shown = made().as_dict()
    assert shown["config_hash"] == hashlib.sha256(made().config.encode()).hexdigest()
    assert shown["config_hash"] != made(scrape_interval="15s").as_dict()["config_hash"]


# The arguments.


@pytest.mark.parametrize(
    ("version", "flag"),
    [
        ("3.15.0", "--agent"),
        ("v3.0.1", "--agent"),
        ("2.55.1", "--enable-feature=agent"),
        ("2.48.0", "--enable-feature=agent"),
    ],
)
def test_the_version_says_what_makes_it_an_agent(version: str, flag: str) -> None:
    assert made(prometheus_version=version).args == (
        "--config.file=/etc/prometheus/config/prometheus.yml",
        flag,
        "--storage.agent.path=/prometheus",
    )


def test_further_arguments_come_last() -> None:
    assert made(extra_args=["--log.level=warn"]).args[-1] == "--log.level=warn"


def test_a_flag_that_nobody_knows_here_is_for_the_one_who_gives_it() -> None:
    assert made(extra_args=["--from.the.future=1"]).args[-1] == "--from.the.future=1"


def test_what_a_version_no_longer_does_is_a_warning() -> None:
    (warning,) = made(extra_args=["--enable-feature=native-histograms"]).warnings
    assert warning.subject == "Feature native-histograms"


# What is refused.


@pytest.mark.parametrize(
    ("changes", "subject"),
    [
        ({"prometheus_version": "latest"}, "prometheus_version"),
        ({"prometheus_version": "2.31.0"}, "prometheus_version"),
        ({"namespaces": []}, "namespaces"),
        ({"scrape_interval": "0s"}, "scrape_interval"),
        ({"scrape_interval": "30"}, "scrape_interval"),
        ({"scrape_interval": "30s\nrule_files: [x]"}, "scrape_interval"),
        ({"extra_args": ["--agent"]}, "Argument --agent"),
        ({"extra_args": ["--storage.tsdb.path=/x"]}, "Argument --storage.tsdb.path"),
        ({"extra_scrape_configs": [EXTRA, EXTRA]}, "scrape_configs, job shop"),
        ({"extra_scrape_configs": [{"job_name": "kubelet"}]}, "scrape_configs, job kubelet"),
        ({"extra_scrape_configs": [{"static_configs": []}]}, "scrape_configs"),
        ({"extra_scrape_configs": ["shop"]}, "extra_scrape_configs, entry 1"),
        ({"interval": "30s"}, "spec"),
    ],
)
def test_what_prometheus_would_not_take_is_refused(changes: dict[str, Any], subject: str) -> None:
    found = refused(**changes)
    assert [text.partition(":")[0] for text in found if text.startswith(f"{subject}:")]


@pytest.mark.parametrize(
    "job",
    [
        {**EXTRA, "basic_auth": {"username": "a", "password": SECRET}},
        {**EXTRA, "authorization": {"credentials": SECRET}},
        {**EXTRA, "tls_config": {"key": SECRET}},
    ],
)
def test_a_secret_that_would_stand_in_the_config_map_is_refused_and_not_shown(job: dict[str, Any]) -> None:
    (text,) = refused(extra_scrape_configs=[job])
    assert "would stand in a ConfigMap for all to read" in text
    assert SECRET not in text


def test_a_file_with_a_secret_is_taken() -> None:
    extra = {**EXTRA, "basic_auth": {"username": "a", "password_file": "/etc/prometheus/remote-write/shop"}}
    assert config(extra_scrape_configs=[extra])["scrape_configs"][-1] == extra


def test_everything_that_is_wrong_is_told_at_once() -> None:
    found = refused(prometheus_version="x", scrape_interval="x", extra_scrape_configs=[EXTRA, EXTRA])
    assert len(found) == 3


def test_the_filter_says_what_is_wrong() -> None:
    with pytest.raises(AnsibleFilterError, match="scrape_interval: 'x' is no duration"):
        agent_manifest({**SPEC, "scrape_interval": "x"})


def test_the_filter_gives_what_templates_take() -> None:
    assert agent_manifest(SPEC) == made().as_dict()


@pytest.mark.parametrize(
    ("fact", "text"),
    [
        ({**as_facts(REMOTE_WRITE), "url": 1}, "remote_write_spec, url: it is a whole number, not a text"),
        ({"url": BLOCK["url"]}, "remote_write_spec: a part of it is missing"),
        (None, "remote_write_spec: it is null, not a mapping"),
    ],
)
def test_a_remote_write_that_the_plan_has_not_made_is_refused_with_its_place(fact: Any, text: str) -> None:
    with pytest.raises(ProblemError) as error:
        made(remote_write=fact)
    assert str(error.value).startswith(text)
    assert "fleet_plan" in str(error.value)
