"""The change of an agent that runs already, and the way back."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
import yaml
from agent_texts import AUDITED, DEAD, SAAS, SECRET, SECRETIVE, YAML

from ansible_collections.miribit.thanos.plugins.module_utils.agent.change import (
    HASH,
    MADE,
    PREVIOUS,
    VOLUME,
    Planned,
    Remembered,
    Wish,
    back,
    choose,
    plan,
)
from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.remote_write.model import Spec, Tenant

Facts = dict[str, Any]

URL = "http://192.168.101.210:19291/api/v1/receive"
IMAGE = "quay.io/prometheus/prometheus:v2.48.0"
NEWER = "quay.io/prometheus/prometheus:v3.15.0"
ARGS = ["--config.file=/etc/prometheus/prometheus.yml", "--enable-feature=agent", "--storage.agent.path=/prometheus"]
NEWER_ARGS = ["--config.file=/etc/prometheus/prometheus.yml", "--agent", "--storage.agent.path=/prometheus"]
ID = "StatefulSet monitoring/prometheus-agent [agent]"
NOBODY = {"kind": "none", "namespace": None, "name": None, "custom_resource": None}
SPEC = Spec(URL, {"cluster": "cluster-03", "region": "edge", "replica": "a"}, access={})
WISH = Wish(SPEC)
UPGRADE = Wish(SPEC, image=NEWER, version="3.15.0")
NOTHING = Remembered()


def agent(name: str = "prometheus-agent", kind: str = "StatefulSet", text: str | None = AUDITED, **more: Any) -> Facts:
    """As module _edge_info returns it, with its texts. What it has loaded is what is written, unless it is given."""
    config = {
        "kind": "ConfigMap",
        "namespace": "monitoring",
        "name": "prometheus-agent-config",
        "key": "prometheus.yml",
    }
    return {
        "id": f"{kind} monitoring/{name} [agent]",
        "workload": {"kind": kind, "namespace": "monitoring", "name": name},
        "container": "agent",
        "image": IMAGE,
        "version": "2.48.0",
        "replicas": {"wanted": 1, "ready": 1},
        "pods": [{"name": f"{name}-0", "ready": True}],
        "labels": {"app": name},
        "selector": f"app={name}",
        "owner": NOBODY,
        "command": [],
        "args": ARGS,
        "annotations": {},
        "volumes": ["config"],
        "config": config,
        "config_owner": NOBODY,
        "immutable": False,
        "text": text,
        "targets": [],
        "running": [running(str(text))],
        **more,
    }


def running(text: str = AUDITED, ever_accepted: bool | None = False, version: str = "2.48.0", url: str = DEAD) -> Facts:
    queues = [{"name": "1a2b3c", "url": url, "ever_accepted": ever_accepted}]
    return {"pod": "prometheus-agent-0", "text": text, "version": version, "queues": queues}


def planned(one: Facts, wish: Wish = WISH, remembered: Remembered = NOTHING, *others: Facts) -> Planned:
    made = plan({"agents": [one, *others]}, wish, remembered, YAML)
    assert json.loads(json.dumps(made.as_dict())) == made.as_dict()
    return made


def problems(one: Facts, wish: Wish = WISH, remembered: Remembered = NOTHING) -> list[Problem]:
    with pytest.raises(ProblemError) as error:
        planned(one, wish, remembered)
    return list(error.value.problems)


def refused(one: Facts, wish: Wish = WISH, remembered: Remembered = NOTHING) -> str:
    """The one problem."""
    (only,) = problems(one, wish, remembered)
    return str(only)


def written(made: Planned) -> str:
    """What the ConfigMap or Secret gets."""
    (text,) = made.objects[0]["data"].values()
    return base64.b64decode(text).decode() if made.objects[0]["kind"] == "Secret" else str(text)


def template(made: Planned) -> Facts:
    found: Facts = made.objects[1]["spec"]["template"]
    return found


def container(made: Planned) -> Facts:
    (only,) = template(made)["spec"]["containers"]
    return dict(only)


def applied(before: Facts, made: Planned, *, workload: bool = True, restarted: bool = True) -> Facts:
    """What server-side apply makes of it: what was set before and is left out now goes, what is empty is none."""
    after = {**before, "text": written(made)}
    if workload:
        content, spec = container(made), template(made)["spec"]
        after |= {"image": content["image"], "annotations": template(made).get("metadata", {}).get("annotations", {})}
        after |= {key: content[key] for key in ("args", "command") if key in content}
        after["volumes"] = ["config", *(one["name"] for one in spec.get("volumes", ()))]
    if restarted:
        version = after["image"].rpartition(":v")[2]
        after |= {"version": version, "running": [running(after["text"], True, version)]}
    return after


def remembered(*rollbacks: Mapping[str, object]) -> Remembered:
    """What the record has after these, one after the other."""
    together: dict[str, object] = {}
    for rollback in rollbacks:
        together |= rollback
    return Remembered.of(json.loads(json.dumps(together)))


# Which agent.


def test_an_edge_without_an_agent_says_so() -> None:
    made = plan({"agents": []}, WISH, NOTHING, YAML)
    assert (made.state, made.as_dict()["agent"], made.as_dict()["workload"]) == ("missing", None, None)
    assert plan({"agents": []}, Wish(SPEC, name="prometheus-agent"), NOTHING, YAML).state == "missing"


def test_an_agent_that_this_collection_made_is_its_own() -> None:
    made = planned(agent(labels={"app.kubernetes.io/managed-by": "miribit.thanos"}, annotations={HASH: "a1b2"}))
    assert (made.state, made.objects, made.as_dict()["agent"]) == ("deployed", (), ID)
    assert (made.version, made.image, made.as_dict()["config_hash"]) == ("2.48.0", IMAGE, "a1b2")


@pytest.mark.parametrize("version", ["2.48.0", None, "edge"])
def test_what_the_gates_compare_of_an_own_agent_needs_no_version(version: str | None) -> None:
    made = planned(agent(labels={"app.kubernetes.io/managed-by": "miribit.thanos"}, version=version))
    assert made.config["global"] == {"external_labels": SPEC.external_labels}
    blocks: Any = made.config["remote_write"]
    assert [(block["name"], block["url"]) for block in blocks] == [("thanos", URL)]


def test_an_agent_that_an_operator_makes_is_left_to_it() -> None:
    custom = {"kind": "PrometheusAgent", "namespace": "monitoring", "name": "edge"}
    made = planned(agent(owner={**NOBODY, "kind": "custom_resource", "custom_resource": custom}))
    assert (made.state, made.objects) == ("operator_managed", ())


def test_one_of_several_agents_has_to_be_named() -> None:
    with pytest.raises(ProblemError) as error:
        planned(agent(), WISH, NOTHING, agent("second"))
    assert str(error.value) == (
        "The edge's agent: there are several (StatefulSet monitoring/prometheus-agent [agent], StatefulSet "
        "monitoring/second [agent]). Fix: name its workload in prometheus_agent_name."
    )


def test_the_named_one_of_several_agents_is_taken() -> None:
    made = planned(agent(), Wish(SPEC, name="second"), NOTHING, agent("second"))
    assert made.as_dict()["workload"] == {"kind": "StatefulSet", "namespace": "monitoring", "name": "second"}


def test_an_agent_can_be_named_as_its_custom_resource_is() -> None:
    custom = {"kind": "PrometheusAgent", "namespace": "monitoring", "name": "edge"}
    operated = agent("prom-agent-edge", owner={**NOBODY, "custom_resource": custom})
    assert choose([agent(), operated], "edge") is operated


def test_a_name_that_no_agent_has_is_refused_with_those_that_there_are() -> None:
    assert refused(agent(), Wish(SPEC, name="other")) == (
        "The edge's agent: none is called 'other'; there are: StatefulSet monitoring/prometheus-agent [agent]. "
        "Fix: name its workload in prometheus_agent_name."
    )


def test_two_agents_of_one_workload_name_are_not_guessed_between() -> None:
    with pytest.raises(ProblemError, match="there are several"):
        planned(agent(), Wish(SPEC, name="prometheus-agent"), NOTHING, agent(kind="Deployment"))


# What it becomes.


def test_an_agent_that_writes_to_nowhere_gets_the_receiver() -> None:
    made = planned(agent())
    assert made.state == "out_of_sync"
    assert made.changes == (
        "External label cluster is changed from 'cluster-03-edge' to 'cluster-03'",
        f"The queue to {DEAD} ends, with what it has not sent",
        f"A queue to thanos ({URL}) begins",
    )
    (block,) = yaml.safe_load(written(made))["remote_write"]
    assert (block["name"], block["url"]) == ("thanos", URL)
    assert written(made) == made.text
    assert "# twice a minute" in made.text


def test_only_the_key_of_the_config_map_is_written() -> None:
    source, _workload = planned(agent()).objects
    assert (source["apiVersion"], source["kind"], list(source["data"])) == ("v1", "ConfigMap", ["prometheus.yml"])
    assert source["metadata"] == {"name": "prometheus-agent-config", "namespace": "monitoring"}


def test_a_configuration_in_a_secret_is_written_into_it() -> None:
    config = {"kind": "Secret", "namespace": "monitoring", "name": "agent", "key": "prometheus.yml"}
    made = planned(agent(config=config))
    assert made.objects[0]["kind"] == "Secret"
    assert yaml.safe_load(written(made))["remote_write"][0]["url"] == URL


@pytest.mark.parametrize("kind", ["StatefulSet", "Deployment", "DaemonSet"])
def test_of_a_workload_only_its_start_is_written(kind: str) -> None:
    workload = planned(agent(kind=kind)).objects[1]
    (annotation,) = workload["spec"]["template"]["metadata"]["annotations"].values()
    assert workload == {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": "prometheus-agent", "namespace": "monitoring"},
        "spec": {
            "template": {
                "metadata": {"annotations": {"miribit.thanos/config-hash": annotation}},
                "spec": {"containers": [{"name": "agent", "image": IMAGE, "args": ARGS}]},
            }
        },
    }


def test_a_command_is_kept() -> None:
    command = ["/bin/prometheus", "--config.file=/etc/prometheus/prometheus.yml", "--enable-feature=agent"]
    found = container(planned(agent(command=command, args=[])))
    assert (found["command"], "args" in found) == (command, False)


@pytest.mark.parametrize("kind", ["StatefulSet", "Deployment", "DaemonSet"])
def test_an_agent_that_was_changed_is_right(kind: str) -> None:
    before = agent(kind=kind)
    first = planned(before)
    second = planned(applied(before, first), WISH, remembered(first.rollback))
    assert (second.state, second.objects, second.changes, second.diff, second.rollback) == ("in_sync", (), (), (), {})
    assert second.config == first.config


def test_an_agent_that_is_right_by_itself_is_not_started_again() -> None:
    text = planned(agent()).text
    made = planned(agent(text=text))
    assert (made.state, made.objects, made.rollback) == ("in_sync", (), {})


def test_what_the_gates_compare_has_names_urls_and_labels() -> None:
    made = planned(agent(text=AUDITED + f"  - url: {SAAS}\n"))
    assert made.config == {
        "global": {"external_labels": {"cluster": "cluster-03", "region": "edge", "replica": "a"}},
        "remote_write": [{"name": "thanos", "url": URL}, {"url": SAAS}],
    }


def test_what_the_gates_compare_has_the_tenants_whatever_their_header() -> None:
    tenants = (Tenant("tenant-a", ("shop",)),)
    for header in ("X-Scope-OrgID", "X-Team"):
        spec = replace(SPEC, tenant="platform", tenants=tenants, tenant_header=header)
        blocks: Any = planned(agent(), Wish(spec)).config["remote_write"]
        assert [block["headers"] for block in blocks] == [{header: "tenant-a"}, {header: "platform"}]
        assert blocks[0]["write_relabel_configs"][0]["regex"] == "shop"


def test_what_is_known_of_the_agent_is_returned() -> None:
    up = {"address": "10.0.0.1:9100", "path": "/metrics", "params": {}, "job": "node", "health": "up", "labels": {}}
    down = {**up, "address": "10.0.0.2:9100", "health": "down"}
    told = planned(agent(targets=[up, down])).as_dict()
    assert told["targets_up"] == [{"address": "10.0.0.1:9100", "path": "/metrics", "params": {}}]
    assert (told["agent"], told["container"], told["selector"], told["pods"]) == (
        ID,
        "agent",
        "app=prometheus-agent",
        1,
    )
    assert (told["version"], told["image"], told["state"]) == ("2.48.0", IMAGE, "out_of_sync")
    assert planned(agent(targets=None)).as_dict()["targets_up"] == []


# Other entries, other jobs.


def test_entries_of_other_systems_stay() -> None:
    made = planned(agent(text=AUDITED + f"  - url: {SAAS}\n    name: saas\n"))
    assert [block["url"] for block in yaml.safe_load(made.text)["remote_write"]] == [URL, SAAS]


def test_entries_of_other_systems_go_if_none_are_to_be_kept() -> None:
    made = planned(agent(text=AUDITED + f"  - url: {SAAS}\n    name: saas\n"), Wish(SPEC, keep_others=False))
    assert [block["url"] for block in yaml.safe_load(made.text)["remote_write"]] == [URL]
    assert f"The queue to saas ({SAAS}) ends, with what it has not sent" in made.changes


def test_an_entry_that_the_agent_has_delivered_to_stays() -> None:
    made = planned(agent(running=[running(ever_accepted=True)]))
    assert [block["url"] for block in yaml.safe_load(made.text)["remote_write"]] == [DEAD, URL]


def test_an_entry_that_gives_way_is_told_with_its_reason() -> None:
    first, second = planned(agent()).warnings
    assert str(first).startswith(f"{ID}, remote_write: an entry gives way: {DEAD}: the name thanos-receiver.monitoring")
    assert str(second) == (
        f"{ID}, remote_write: a comment goes with the entries that give way. Fix: nothing, unless it is still wanted."
    )
    more = planned(agent(text=AUDITED.replace("queue_config:", "queue_config:  # small")))
    assert "2 comments go with the entries that give way. Fix: nothing, unless they are" in str(more.warnings[1])


def test_jobs_are_added_and_go_again() -> None:
    job = {"job_name": "blackbox", "static_configs": [{"targets": ["localhost:9115"]}]}
    before = agent()
    first = planned(before, Wish(SPEC, extra_scrape_configs=[job]))
    assert first.rollback[MADE] == {"blocks": ["thanos"], "jobs": ["blackbox"]}
    second = planned(applied(before, first), WISH, remembered(first.rollback))
    assert second.changes == ("Job blackbox is removed",)
    assert second.rollback == {MADE: {"blocks": ["thanos"], "jobs": ["blackbox"]}}


def test_an_entry_of_another_name_that_was_made_before_gives_way() -> None:
    before = agent()
    first = planned(before, Wish(replace(SPEC, tenant="old")))
    second = planned(applied(before, first), WISH, remembered(first.rollback))
    assert [block["name"] for block in yaml.safe_load(second.text)["remote_write"]] == ["thanos"]
    assert second.rollback == {MADE: {"blocks": ["old", "thanos"], "jobs": []}}


# The version.


def test_without_another_version_the_entries_are_for_the_one_that_runs() -> None:
    made = planned(agent())
    assert "protobuf_message" not in made.text
    assert (made.version, made.image, container(made)["args"]) == ("2.48.0", IMAGE, ARGS)
    newer = agent(image=NEWER, version="3.15.0", args=NEWER_ARGS)
    assert "protobuf_message" in planned(newer).text


def test_a_version_without_an_image_changes_nothing() -> None:
    assert planned(agent(), Wish(SPEC, version="3.15.0")).text == planned(agent()).text


def test_another_version_moves_image_flags_and_entries_together() -> None:
    before = agent()
    made = planned(before, UPGRADE)
    assert (made.version, made.image) == ("3.15.0", NEWER)
    assert (container(made)["image"], container(made)["args"]) == (NEWER, NEWER_ARGS)
    assert "protobuf_message" in made.text
    assert made.changes[-2:] == (
        "the feature agent is replaced by --agent",
        f"The image becomes {NEWER}, it was {IMAGE}",
    )
    assert planned(applied(before, made), UPGRADE, remembered(made.rollback)).state == "in_sync"


def test_a_right_agent_gets_another_version_once() -> None:
    before = agent(text=planned(agent()).text)
    made = planned(before, UPGRADE)
    assert made.state == "out_of_sync"
    assert planned(applied(before, made), UPGRADE, remembered(made.rollback)).state == "in_sync"


def test_an_agent_that_got_another_version_keeps_it() -> None:
    before = agent()
    made = planned(before, UPGRADE)
    assert planned(applied(before, made), WISH, remembered(made.rollback)).state == "in_sync"


def test_flags_that_are_all_left_out_are_taken_away() -> None:
    command = ["/bin/prometheus", "--config.file=/etc/prometheus/prometheus.yml", "--agent"]
    before = agent(command=command, args=["--enable-feature=agent"])
    made = planned(before, UPGRADE)
    assert container(made)["args"] == []
    assert planned(applied(before, made), UPGRADE, remembered(made.rollback)).state == "in_sync"


def test_flags_that_the_other_version_would_end_on_are_refused() -> None:
    found = refused(agent(args=[*ARGS, "--query.timeout=1m"]), UPGRADE)
    assert found.startswith(f"{ID}, Argument --query.timeout: Prometheus takes it outside agent mode only")


def test_keys_that_the_other_version_does_not_know_are_refused() -> None:
    text = AUDITED.replace("job_name: node-exporter", "job_name: node-exporter\n    scrape_classic_histograms: true")
    assert refused(agent(text=text), UPGRADE).startswith(f"{ID}, Job node-exporter: Prometheus 3 does not know")
    assert planned(agent(text=text)).state == "out_of_sync"


def test_what_the_other_version_does_otherwise_is_a_warning() -> None:
    (warning,) = [one for one in planned(agent(), UPGRADE).warnings if "Content-Type" in one.cause]
    assert warning.subject == f"{ID}, Job node-exporter"


def test_only_entries_that_stay_are_told_to_be_sent_to_otherwise() -> None:
    dead = DEAD.replace("http:", "https:")
    text = f"remote_write:\n  - url: {dead}\n  - url: {SAAS}\n    name: saas\n"
    spec = replace(SPEC, url="https://receiver.example/api/v1/receive")
    subjects = [one.subject for one in planned(agent(text=text), Wish(spec, image=NEWER, version="3.15.0")).warnings]
    assert [one for one in subjects if "entry" in one] == [f"{ID}, remote_write, entry 2 (saas)"]


@pytest.mark.parametrize("labels", [{}, {"app.kubernetes.io/managed-by": "miribit.thanos"}], ids=["adopted", "own"])
def test_an_older_version_than_the_running_one_is_refused(labels: dict[str, str]) -> None:
    newer = agent(image=NEWER, version="3.15.0", args=NEWER_ARGS, labels=labels)
    older = Wish(SPEC, image=IMAGE, version="3.14.1")
    assert refused(newer, older) == (
        f"{ID}: Prometheus 3.15.0 is running, and the requested 3.14.1 is older; an agent is only upgraded. Fix: set "
        "fleet_prometheus_version to 3.15.0 or newer, or prometheus_agent_upgrade: false to keep the running version; "
        "a rollback restores the one from before the first change."
    )
    assert planned(newer, Wish(SPEC, version="3.14.1")).version == "3.15.0"


def test_an_older_patch_release_is_not_refused() -> None:
    newer = agent(image=NEWER, version="3.15.1", args=NEWER_ARGS)
    assert planned(newer, Wish(SPEC, image=f"{NEWER}-older", version="3.15.0")).version == "3.15.0"


def test_an_image_without_its_version_is_refused() -> None:
    assert refused(agent(), Wish(SPEC, image=NEWER)) == (
        f"{ID}: which version of Prometheus {NEWER} holds is not said. Fix: set fleet_prometheus_version."
    )


def test_a_version_without_agent_mode_is_refused() -> None:
    assert refused(agent(version="2.31.0")) == (
        f"{ID}, prometheus_version: 2.31.0 has no agent mode. Fix: use 2.32 or newer."
    )


# A run that was ended in the middle.


@pytest.mark.parametrize("wish", [WISH, UPGRADE], ids=["same version", "other version"])
def test_a_run_that_ended_behind_the_config_map_is_finished(wish: Wish) -> None:
    before = agent()
    first = planned(before, wish)
    half = applied(before, first, workload=False, restarted=False)
    second = planned(half, wish, remembered(first.rollback))
    assert second.state == "out_of_sync"
    assert second.objects == first.objects
    assert second.rollback == {MADE: first.rollback[MADE]}
    assert planned(applied(half, second), wish, remembered(first.rollback, second.rollback)).state == "in_sync"


def test_why_nothing_but_a_start_is_left_to_do_is_told() -> None:
    before = agent()
    first = planned(before)
    second = planned(applied(before, first, workload=False, restarted=False), WISH, remembered(first.rollback))
    assert second.changes == ("It starts again: what it has loaded is not what is written",)
    (diff,) = second.diff
    assert diff["after"] == f"its pods start again\n{second.changes[0]}\n"


def test_a_run_that_ended_behind_a_job_of_the_config_map_is_finished() -> None:
    """The entries of remote_write that are loaded are right already."""
    wish = Wish(SPEC, extra_scrape_configs=[{"job_name": "blackbox"}])
    before = agent(text=planned(agent()).text)
    first = planned(before, wish)
    half = applied(before, first, workload=False, restarted=False)
    assert planned(half, wish, remembered(first.rollback)).objects == first.objects


def test_a_second_change_that_ended_behind_the_config_map_is_finished() -> None:
    wish = Wish(SPEC, extra_scrape_configs=[{"job_name": "blackbox"}])
    before = agent()
    first = planned(before)
    after = applied(before, first)
    second = planned(after, wish, remembered(first.rollback))
    half = applied(after, second, workload=False, restarted=False)
    third = planned(half, wish, remembered(first.rollback, second.rollback))
    assert third.objects == second.objects


def test_a_workload_that_has_its_annotation_restarts_by_itself() -> None:
    before = agent()
    first = planned(before)
    half = applied(before, first, restarted=False)
    assert planned(half, WISH, remembered(first.rollback)).state == "in_sync"


@pytest.mark.parametrize("loaded", [[], ["not: [yaml"], ["- a list"], [AUDITED]])
def test_an_agent_that_is_written_right_and_has_not_loaded_it_starts_again(loaded: list[str]) -> None:
    right = planned(agent()).text
    made = planned(agent(text=right, running=[running(text) for text in loaded]))
    assert (made.state, made.changes[0][:16]) == ("out_of_sync", "It starts again:")


def test_one_of_several_pods_that_has_not_loaded_it_is_enough() -> None:
    right = planned(agent()).text
    assert planned(agent(text=right, running=[running(right), running()])).state == "out_of_sync"


# Credentials.


def test_credentials_are_mounted_and_go_again() -> None:
    before, wish = agent(), Wish(SPEC, credentials_secret="prometheus-agent-remote-write")
    first = planned(before, wish)
    assert container(first)["volumeMounts"] == [
        {"name": VOLUME, "mountPath": "/etc/prometheus/remote-write", "readOnly": True}
    ]
    secret = {"secretName": "prometheus-agent-remote-write"}
    assert template(first)["spec"]["volumes"] == [{"name": VOLUME, "secret": secret}]
    after = applied(before, first)
    assert planned(after, wish, remembered(first.rollback)).state == "in_sync"
    second = planned(after, WISH, remembered(first.rollback))
    assert second.state == "out_of_sync"
    assert ("volumes" in template(second)["spec"], "volumeMounts" in container(second)) == (False, False)
    assert planned(applied(after, second), WISH, remembered(first.rollback)).state == "in_sync"


def test_credentials_of_an_agent_that_is_right_are_mounted_once() -> None:
    before, wish = agent(text=planned(agent()).text), Wish(SPEC, credentials_secret="own")
    first = planned(before, wish)
    assert first.state == "out_of_sync"
    assert planned(applied(before, first), wish, remembered(first.rollback)).state == "in_sync"


def test_another_secret_of_credentials_is_another_start() -> None:
    before = agent()
    first = planned(before, Wish(SPEC, credentials_secret="one"))
    second = planned(applied(before, first), Wish(SPEC, credentials_secret="two"), remembered(first.rollback))
    assert second.state == "out_of_sync"
    assert template(second)["spec"]["volumes"][0]["secret"] == {"secretName": "two"}
    assert template(second)["metadata"] != template(first)["metadata"]


# What keeps it from being changed.


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (
            {"immutable": True},
            (
                "ConfigMap prometheus-agent-config is immutable. Fix: make a new one without 'immutable: true', and "
                "mount that."
            ),
        ),
        (
            {"text": None},
            (
                "ConfigMap prometheus-agent-config has no prometheus.yml, or is not there. Fix: correct the volume of "
                "the agent, or restore it."
            ),
        ),
        (
            {"config": None},
            (
                "where its configuration comes from cannot be told: --config.file is no file of a ConfigMap or Secret. "
                "Fix: mount it from a ConfigMap, or change this agent by hand with what the filter remote_write gives."
            ),
        ),
        (
            {"config": {"kind": "ConfigMap", "namespace": "monitoring", "name": "all", "key": None}},
            (
                "where its configuration comes from cannot be told: --config.file is no file of a ConfigMap or Secret. "
                "Fix: mount it from a ConfigMap, or change this agent by hand with what the filter remote_write gives."
            ),
        ),
        (
            {"replicas": {"wanted": 0, "ready": 0}},
            "it is scaled to no pods. Fix: scale it to one, or remove the edge from the inventory.",
        ),
        (
            {"version": None, "image": "registry.example/prometheus:edge"},
            (
                "its version is not known: neither the tag of registry.example/prometheus:edge nor the process itself "
                "tells it. Fix: make a pod of it run, or give the image a tag with its version."
            ),
        ),
        (
            {"owner": {**NOBODY, "kind": "argocd", "name": "monitoring"}},
            (
                "Argo CD (monitoring) owns the agent, and reverts what is changed here. Fix: make the change in its "
                "repository, or stop its synchronisation and set prometheus_agent_accept_owner: true."
            ),
        ),
        (
            {"config_owner": {**NOBODY, "kind": "flux", "name": "edge"}},
            (
                "Flux (edge) owns its configuration, and reverts what is changed here. Fix: make the change in its "
                "repository, or stop its synchronisation and set prometheus_agent_accept_owner: true."
            ),
        ),
        (
            {
                "config_owner": {
                    **NOBODY,
                    "kind": "custom_resource",
                    "name": "agent",
                    "custom_resource": {"kind": "SealedSecret", "namespace": "monitoring", "name": "agent"},
                }
            },
            (
                "SealedSecret agent owns its configuration, and reverts what is changed here. Fix: make the change "
                "in it, or keep it from that and set prometheus_agent_accept_owner: true."
            ),
        ),
    ],
    ids=[
        "immutable",
        "missing key",
        "no file",
        "whole folder",
        "scaled to zero",
        "unknown version",
        "argocd",
        "flux",
        "custom resource",
    ],
)
def test_what_cannot_be_changed_is_refused_with_what_to_do(facts: Facts, words: str) -> None:
    assert refused(agent(**facts)) == f"{ID}: {words}"


def test_an_agent_without_a_text_of_its_own_is_refused() -> None:
    found = agent(config=None)
    for key in ("text", "config_owner", "immutable"):
        del found[key]
    assert "where its configuration comes from cannot be told" in refused(found)


@pytest.mark.parametrize("kind", ["Pod", "ReplicaSet", "Job"])
def test_what_is_no_ordinary_workload_is_refused(kind: str) -> None:
    assert refused(agent(kind=kind)) == (
        f"{kind} monitoring/prometheus-agent [agent]: its pods are made from a {kind}, which is not changed here. "
        "Fix: run it as a StatefulSet."
    )


def test_everything_that_is_wrong_is_told_at_once() -> None:
    owner = {**NOBODY, "kind": "argocd", "name": "monitoring"}
    found = problems(agent(immutable=True, replicas={"wanted": 0, "ready": 0}, version=None, owner=owner))
    assert len(found) == 4
    assert {problem.subject for problem in found} == {ID}


def test_a_configuration_that_cannot_be_read_is_told_of_the_agent_without_quoting_it() -> None:
    for wish in (WISH, UPGRADE):
        found = refused(agent(text=f"remote_write: [{SECRET}"), wish)
        assert found.startswith(f"{ID}, Configuration")
        assert SECRET not in found


@pytest.mark.parametrize("kind", ["argocd", "flux"])
def test_what_gitops_owns_is_changed_with_a_warning_if_that_is_accepted(kind: str) -> None:
    made = planned(agent(owner={**NOBODY, "kind": kind, "name": "edge"}), Wish(SPEC, accept_owner=True))
    assert made.state == "out_of_sync"
    assert "(edge) owns the agent, and reverts what is changed here" in made.warnings[0].cause


def test_what_helm_owns_is_changed_with_a_warning() -> None:
    made = planned(agent(owner={**NOBODY, "kind": "helm", "name": "agent"}))
    assert made.state == "out_of_sync"
    assert str(made.warnings[0]) == (
        f"{ID}: the Helm release agent owns the agent: its next upgrade restores the old values. "
        "Fix: write the change into the release's values, too."
    )


# The record, and the way back.


def test_the_record_keeps_all_that_going_back_needs() -> None:
    found = planned(agent(annotations={"other": "1"})).rollback
    assert found == {
        MADE: {"blocks": ["thanos"], "jobs": []},
        PREVIOUS: {
            "workload": {"kind": "StatefulSet", "namespace": "monitoring", "name": "prometheus-agent"},
            "container": "agent",
            "image": IMAGE,
            "args": ARGS,
            "command": [],
            "config": {
                "kind": "ConfigMap",
                "namespace": "monitoring",
                "name": "prometheus-agent-config",
                "key": "prometheus.yml",
            },
            "text": AUDITED,
            "annotation": None,
        },
    }


def test_the_first_state_is_kept_when_a_second_change_comes() -> None:
    before = agent()
    first = planned(before)
    second = planned(applied(before, first), UPGRADE, remembered(first.rollback))
    assert PREVIOUS not in second.rollback
    kept = remembered(first.rollback, second.rollback)
    assert kept.previous is not None
    assert (kept.previous["text"], kept.previous["image"]) == (AUDITED, IMAGE)


@pytest.mark.parametrize("kind", ["StatefulSet", "Deployment", "DaemonSet"])
@pytest.mark.parametrize("command", [[], ["/bin/prometheus", "--web.enable-lifecycle"]])
def test_going_back_restores_the_agent_as_it_was(kind: str, command: list[str]) -> None:
    before = agent(kind=kind, command=command)
    first = planned(before, Wish(SPEC, image=NEWER, version="3.15.0", credentials_secret="own"))
    after, kept = applied(before, first), remembered(first.rollback)
    made = back({"agents": [after]}, kept, YAML)
    assert (made.state, made.image, made.text, written(made)) == ("out_of_sync", IMAGE, AUDITED, AUDITED)
    assert "metadata" not in template(made)
    assert "volumes" not in template(made)["spec"]
    restored = applied(after, made)
    keys = ("text", "image", "args", "command", "annotations", "volumes")
    assert {key: restored[key] for key in keys} == {key: before[key] for key in keys}
    again = back({"agents": [restored]}, kept, YAML)
    assert (again.state, again.as_dict()["agent"]) == ("in_sync", before["id"])


def test_what_going_back_changes_is_told() -> None:
    before = agent()
    first = planned(before, UPGRADE)
    made = back({"agents": [applied(before, first)]}, remembered(first.rollback), YAML)
    assert made.changes == (
        "External label cluster is changed from 'cluster-03' to 'cluster-03-edge'",
        f"The queue to thanos ({URL}) ends, with what it has not sent",
        f"A queue to {DEAD} begins",
        f"The image becomes {IMAGE}, it was {NEWER}",
    )
    config, workload = made.diff
    assert (config["before"], config["after"]) == (first.text, AUDITED)
    assert workload["after_header"] == "StatefulSet monitoring/prometheus-agent"


def test_going_back_restores_a_secret() -> None:
    config = {"kind": "Secret", "namespace": "monitoring", "name": "agent", "key": "prometheus.yml"}
    before = agent(config=config)
    first = planned(before)
    made = back({"agents": [applied(before, first)]}, remembered(first.rollback), YAML)
    assert (made.objects[0]["kind"], written(made)) == ("Secret", AUDITED)


def test_going_back_from_half_a_change_takes_what_there_is_of_it() -> None:
    before = agent()
    first = planned(before)
    half = applied(before, first, workload=False, restarted=False)
    made = back({"agents": [half]}, remembered(first.rollback), YAML)
    assert (made.state, written(made)) == ("out_of_sync", AUDITED)


def test_what_was_never_changed_needs_no_way_back() -> None:
    assert back({"agents": [agent()]}, NOTHING, YAML).state == "in_sync"
    assert back({"agents": [agent()]}, Remembered.of({PREVIOUS: "broken", MADE: []}), YAML).state == "in_sync"


def test_a_change_that_was_recorded_and_never_made_needs_no_way_back() -> None:
    before = agent()
    assert back({"agents": [before]}, remembered(planned(before).rollback), YAML).state == "in_sync"


@pytest.mark.parametrize("text", [None, "", "remote_write: [broken"])
def test_going_back_needs_nothing_of_what_is_there_now(text: str | None) -> None:
    before = agent()
    first = planned(before)
    made = back({"agents": [{**applied(before, first), "text": text}]}, remembered(first.rollback), YAML)
    assert (made.state, made.changes, written(made)) == ("out_of_sync", ("Its configuration is restored",), AUDITED)


@pytest.mark.parametrize("found", [[], [agent("other")], [agent(container="renamed")], [agent(kind="Deployment")]])
def test_an_agent_that_is_gone_cannot_be_put_back(found: list[Facts]) -> None:
    kept = remembered(planned(agent()).rollback)
    with pytest.raises(ProblemError) as error:
        back({"agents": found}, kept, YAML)
    assert str(error.value) == (
        "The agent as it was: StatefulSet monitoring/prometheus-agent is gone, or has no container agent. "
        "Fix: restore it, or forget what the record holds of it (docs/record.md)."
    )


def test_of_two_agents_in_one_workload_the_changed_one_is_put_back() -> None:
    before = agent()
    first = planned(before)
    beside = agent(container="second")
    made = back({"agents": [beside, applied(before, first)]}, remembered(first.rollback), YAML)
    assert container(made)["name"] == "agent"


# The diff, and secrets.


def test_the_diff_shows_the_configuration_and_the_restart() -> None:
    made = planned(agent(), UPGRADE)
    config, workload = made.diff
    assert config["before_header"] == "ConfigMap monitoring/prometheus-agent-config, prometheus.yml"
    assert (config["before"], config["after"]) == (AUDITED, made.text)
    assert workload["before_header"] == "StatefulSet monitoring/prometheus-agent"
    assert (workload["before"], workload["after"]) == ("", "\n".join(["its pods start again", *made.changes, ""]))


def test_no_secret_of_a_configuration_is_shown() -> None:
    before = agent(text=SECRETIVE)
    first = planned(before, Wish(SPEC, image=NEWER, version="3.15.0", credentials_secret="own", keep_others=False))
    second = planned(before)
    third = back({"agents": [applied(before, first)]}, remembered(first.rollback), YAML)
    for made in (first, second, third):
        assert made.state == "out_of_sync"
        shown = [made.as_dict(), made.changes, [str(one) for one in made.warnings], made.diff, repr(made.diff)]
        assert SECRET not in json.dumps(shown)
        assert SECRET not in repr(made)


def test_the_url_that_the_gates_compare_is_that_of_a_running_agent() -> None:
    """Prometheus shows xxxxx for a password, and whoever reads that leaves user, password and query out."""
    urls = [f"https://anna:{SECRET}@saas.example/push?x={SECRET}", f"anna:{SECRET}@a.example"]
    text = yaml.safe_dump({"remote_write": [{"url": url} for url in urls]})
    blocks: Any = planned(agent(text=text)).config["remote_write"]
    assert [block["url"] for block in blocks] == ["https://saas.example/push", "no HTTP URL", URL]
