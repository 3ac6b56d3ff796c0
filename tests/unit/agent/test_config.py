"""The configuration of a running agent, changed so that it delivers, and what a change of it does."""

from __future__ import annotations

import pytest
import yaml
from agent_texts import AUDITED, BLOCK, DEAD, LABELS, SAAS, SECRET, YAML, configured, refused, urls

from ansible_collections.miribit.thanos.plugins.module_utils.agent.config import Change, Wanted, change
from ansible_collections.miribit.thanos.plugins.module_utils.remote_write.spec import plan


def written(*urls: str, **more: object) -> str:
    """A configuration with these entries."""
    return yaml.safe_dump({"remote_write": [{"url": url, **more} for url in urls]})


# Only what is asked for.


def test_what_is_not_asked_for_stays() -> None:
    assert configured(AUDITED, Wanted()).text == AUDITED
    only_labels = configured(AUDITED, Wanted(external_labels=LABELS))
    assert only_labels.change.targets_before == only_labels.change.targets_after


def test_what_the_collection_plans_is_written_with_its_types() -> None:
    planned = plan(
        {
            "prometheus_version": "3.15.0",
            "exposure": {"load_balancer": {"address": "192.168.101.210"}},
            "external_labels": LABELS,
            "tenant": "platform",
            "tenants": [{"name": "tenant-a", "namespaces": ["shop", "cart"]}],
            "sizing": {"samples_per_second": 2000, "latency": 0.1, "outage": 600, "memory": 50 * 2**20},
        }
    ).config()["remote_write"]
    assert isinstance(planned, list)
    assert yaml.safe_load(configured(AUDITED, remote_write=planned).text)["remote_write"] == planned


# Which entries give way.


@pytest.mark.parametrize(
    "url",
    [
        DEAD,
        "http://receiver:19291/api/v1/receive",
        "http://localhost:19291/api/v1/receive",
        "http://192.168.101.2100:19291/api/v1/receive",
        "http://192.0.2.1:10902/api/v1/receive",
        "http://192.168.101.210:19291/api/v1/write",
        f"http://user:{SECRET}@receiver.monitoring.svc:19291/api/v1/receive",
    ],
)
def test_an_entry_for_a_receiver_that_its_url_never_reaches_gives_way(url: str) -> None:
    made = configured(written(url))
    assert urls(made) == [BLOCK["url"]]
    (why,) = made.replaced
    assert SECRET not in why


def test_why_an_entry_gives_way_is_said() -> None:
    (why,) = configured(written("http://receiver:19291/api/v1/receive")).replaced
    assert why == (
        "http://receiver:19291/api/v1/receive: the name receiver has a single label, and resolves only in one "
        "namespace of one cluster, if at all"
    )


def test_an_entry_of_which_somebody_saw_that_it_delivers_stays() -> None:
    made = configured(written(DEAD), delivering=[DEAD])
    assert urls(made) == [DEAD, BLOCK["url"]]


@pytest.mark.parametrize(
    "url",
    [
        "https://192.168.101.210:19291/api/v1/receive",
        "http://192.168.101.210:19291/api/v1/receive?x=1",
        f"http://user:{SECRET}@192.168.101.210:19291/api/v1/receive",
    ],
)
def test_an_entry_that_leads_to_the_same_place_in_another_way_gives_way(url: str) -> None:
    made = configured(written(url, remote_timeout="5s"))
    assert urls(made) == [BLOCK["url"]]
    assert SECRET not in str(made.replaced)


def test_the_port_that_a_scheme_has_by_default_is_the_same_place() -> None:
    block = {"url": "https://receiver.miribit.lab/api/v1/receive"}
    assert urls(configured(written("http://Receiver.miribit.lab:80/api/v1/receive"), remote_write=[block])) == [
        block["url"]
    ]


def test_another_port_is_another_place() -> None:
    other = "http://192.168.101.210:8080/api/v1/receive"
    assert urls(configured(written(other))) == [other, BLOCK["url"]]


def test_an_entry_of_another_system_stays_whatever_its_url() -> None:
    kept = [SAAS, "http://victoria-metrics.monitoring.svc:8428/api/v1/write", "http://localhost:9201/write"]
    made = configured(written(*kept))
    assert urls(made) == [*kept, BLOCK["url"]]
    assert [target.url for target in made.kept] == kept
    assert made.warnings == ()


def test_an_entry_for_another_receiver_stays_with_a_warning() -> None:
    made = configured(written("https://other.example/api/v1/receive", name="other"))
    (warning,) = made.warnings
    assert warning.subject == "remote_write, entry 1 (other)"
    assert "keep_others" in warning.fix


def test_no_other_entries_stay_if_none_are_to_be_kept() -> None:
    made = configured(written(SAAS, DEAD), keep_others=False)
    assert urls(made) == [BLOCK["url"]]
    assert made.kept == ()


def test_an_entry_with_the_name_of_a_new_one_gives_way() -> None:
    text = written("https://other.example/api/v1/receive", name="thanos")
    assert urls(configured(text)) == [BLOCK["url"]]


def test_an_entry_of_another_system_with_the_name_of_a_new_one_is_refused() -> None:
    found = refused(written(SAAS, name="thanos"))
    assert found.subject == "remote_write, entry 1 (thanos)"
    assert "another name" in found.fix


def test_an_entry_that_was_made_before_under_another_name_gives_way() -> None:
    text = written("http://192.0.2.9:19291/api/v1/receive", name="tenant-a")
    assert urls(configured(text, former_blocks=["tenant-a"])) == [BLOCK["url"]]


def test_an_entry_that_gets_its_url_from_elsewhere_in_the_text_is_read_with_it() -> None:
    made = configured(f"x: &base {{url: '{DEAD}'}}\nremote_write:\n  - <<: *base\n    remote_timeout: 5s\n")
    assert urls(made) == [BLOCK["url"]]


def test_new_entries_stand_where_those_stood_that_give_way() -> None:
    assert urls(configured(written(SAAS, DEAD, "https://b.example/push"))) == [
        SAAS,
        BLOCK["url"],
        "https://b.example/push",
    ]


def test_an_entry_that_is_wanted_as_it_is_keeps_its_words() -> None:
    text = f"remote_write:\n  - url: '{BLOCK['url']}'  # ours\n    name: thanos\n"
    made = configured(text, Wanted(remote_write=[BLOCK]))
    assert made.text == text


def test_no_wanted_entry_is_refused() -> None:
    assert "keeps nothing" in refused(AUDITED, remote_write=[]).cause


def test_two_wanted_entries_of_one_name_are_refused() -> None:
    found = refused(AUDITED, remote_write=[BLOCK, {**BLOCK, "url": "https://b.example/api/v1/receive"}])
    assert found.subject == "remote_write, entry thanos"


@pytest.mark.parametrize("value", [object(), float("nan"), "\ud800"])
def test_a_wanted_value_that_cannot_be_written_is_refused(value: object) -> None:
    assert "JSON" in refused(AUDITED, remote_write=[{**BLOCK, "headers": value}]).cause


# Jobs.


def test_a_job_is_added_behind_the_others() -> None:
    made = configured(AUDITED, Wanted(extra_scrape_configs=[{"job_name": "blackbox", "params": {"module": ["icmp"]}}]))
    added = "  - job_name: blackbox\n    params:\n      module:\n        - icmp\n"
    assert made.text == AUDITED.replace("# Where to.\n", f"{added}# Where to.\n")
    assert made.change.jobs_added == ("blackbox",)


def test_another_job_of_this_name_is_refused() -> None:
    found = refused(AUDITED, extra_scrape_configs=[{"job_name": "node-exporter", "scheme": "https"}])
    assert found.subject == "scrape_configs, job node-exporter"


def test_a_job_that_was_added_before_is_replaced_and_goes() -> None:
    first = configured(AUDITED, extra_scrape_configs=[{"job_name": "blackbox"}, {"job_name": "old"}])
    second = configured(
        first.text, extra_scrape_configs=[{"job_name": "blackbox", "scheme": "https"}], former_jobs=["blackbox", "old"]
    )
    assert second.change.jobs_changed == ("blackbox",)
    assert second.change.jobs_removed == ("old",)
    assert configured(second.text, former_jobs=["blackbox"]).text == configured(AUDITED).text


def test_the_only_job_goes() -> None:
    made = configured("scrape_configs:\n  - job_name: a\n", Wanted(former_jobs=["a"]))
    assert made.text == "scrape_configs: []\n"


@pytest.mark.parametrize("jobs", [[{}], [{"job_name": "a"}, {"job_name": "a", "scheme": "https"}]])
def test_jobs_without_a_name_of_their_own_are_refused(jobs: list[dict[str, str]]) -> None:
    assert refused(AUDITED, extra_scrape_configs=jobs).subject.startswith("scrape_configs")


# What differs.


def differing(old: str, new: str) -> Change:
    return change(old, new, YAML)


def test_a_change_is_said_in_words() -> None:
    made = configured(AUDITED, extra_scrape_configs=[{"job_name": "blackbox"}])
    assert made.change.sentences() == [
        "Job blackbox is added",
        "External label cluster is changed from 'cluster-03-edge' to 'cluster-03'",
        "External label region is removed: it was 'edge'",
        "External label replica is removed: it was 'a'",
        f"The queue to {DEAD} ends, with what it has not sent",
        f"A queue to thanos ({BLOCK['url']}) begins",
    ]


def test_another_job_is_a_reload_that_keeps_the_queues() -> None:
    new = AUDITED.replace("localhost:9100", "localhost:9101").replace("30s", "15s")
    found = differing(AUDITED, new)
    assert (found.jobs_changed, found.others) == (("node-exporter",), ("global.scrape_interval",))
    assert (found.resets_queue, found.needs_reload) == (False, True)
    assert found.sentences() == ["Job node-exporter is changed", "global.scrape_interval is changed"]


def test_jobs_come_and_go() -> None:
    found = differing("scrape_configs: [{job_name: a}]", "scrape_configs: [{job_name: b}]")
    assert (found.jobs_added, found.jobs_removed) == (("b",), ("a",))
    assert found.sentences() == ["Job b is added", "Job a is removed"]


def test_another_label_ends_every_queue() -> None:
    found = differing(AUDITED, AUDITED.replace("cluster-03-edge", "cluster-03"))
    assert found.resets_queue
    assert [target.url for target in found.queues_ended] == [DEAD]
    assert [target.url for target in found.queues_begun] == [DEAD]


def test_a_label_that_is_added_is_said() -> None:
    found = differing("global: {external_labels: {}}", "global: {external_labels: {cluster: c}}")
    assert found.sentences() == ["External label cluster is added: 'c'"]
    assert not found.resets_queue


def test_another_key_of_an_entry_ends_its_queue_only() -> None:
    old = written(DEAD, SAAS)
    found = differing(old, old.replace(f"url: {SAAS}", f"url: {SAAS}\n  remote_timeout: 5s"))
    assert [target.url for target in found.queues_ended] == [SAAS]
    assert [target.url for target in found.queues_begun] == [SAAS]


def test_an_entry_that_is_only_added_ends_no_queue() -> None:
    found = differing(written(SAAS), written(SAAS, DEAD))
    assert not found.resets_queue
    assert [target.url for target in found.queues_begun] == [DEAD]


def test_another_order_ends_no_queue() -> None:
    assert not differing(written(SAAS, DEAD), written(DEAD, SAAS)).resets_queue


def test_another_text_that_says_the_same_needs_no_reload() -> None:
    found = differing(AUDITED, yaml.safe_dump(yaml.safe_load(AUDITED)))
    assert not found.needs_reload
    assert found.sentences() == []


def test_any_other_section_is_named() -> None:
    assert differing("tracing: {endpoint: a}", "tracing: {endpoint: b}").others == ("tracing",)


@pytest.mark.parametrize(
    "url",
    [
        f"https://user:{SECRET}@saas.example/push",
        f"https://user:a@{SECRET}@saas.example/push",
        f"https://user:1/{SECRET}@saas.example/push",
        f"https://user:1#{SECRET}@saas.example/push",
        f"https://saas.example/push?token={SECRET}",
        f"https://saas.example/push#{SECRET}",
        f"user:{SECRET}@saas.example",
        f"https://user:\n{SECRET}@saas.example/push",
        f"https://[{SECRET}@saas.example/push",
    ],
)
def test_no_secret_of_an_entry_is_shown(url: str) -> None:
    text = yaml.safe_dump(
        {"remote_write": [{"url": url, "basic_auth": {"password": SECRET}, "headers": {"Authorization": SECRET}}]}
    )
    for made in (configured(text), configured(text, keep_others=False)):
        shown = [made.change.as_dict(), made.change.sentences(), made.replaced, made.kept, made.warnings]
        assert SECRET not in str(shown)


def test_a_password_that_looks_like_the_end_of_an_address_is_not_taken_for_it() -> None:
    made = configured(written("http://user:19391/x@saas.example/api/v1/receive"))
    assert [target.url for target in made.kept] == ["no HTTP URL"]
    assert made.replaced == ()


def test_a_change_can_be_written_as_json() -> None:
    found = configured(AUDITED).change.as_dict()
    assert found["targets_after"] == ({"name": "thanos", "url": BLOCK["url"]},)
    assert (found["resets_queue"], found["needs_reload"]) == (True, True)
