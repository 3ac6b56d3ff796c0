"""What the central servers scrape of edges that deliver it themselves, and what of it can go."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
import remote_scraping_facts as given
from remote_scraping_facts import (
    EDGES,
    JOB_THREE,
    JOB_TWO,
    THREE,
    TWO,
    Facts,
    delivered,
    group,
    job,
    pod,
    scraped,
    server,
)

from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.places import Places
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.scrape_jobs import Piece
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.targets import TargetKey, targets
from ansible_collections.miribit.thanos.plugins.module_utils.remote_scraping import plan
from ansible_collections.miribit.thanos.plugins.module_utils.remote_scraping.plan import (
    Entry,
    Fleet,
    Own,
    Remote,
    Taken,
    read_entry,
    read_targets,
    told_targets,
)
from ansible_collections.miribit.thanos.plugins.module_utils.remote_scraping.source import Source

RELEASE = Source("helm", "monitoring", "stack")
NOWHERE = Own(frozenset(), frozenset(), sees_all_pods=True)


def judge(
    *targets: Facts,
    edges: dict[str, list[Facts]] | None = None,
    labels: dict[str, str] | None = None,
    nodes: dict[str, list[str] | None] | None = None,
) -> list[Remote]:
    delivering = EDGES if edges is None else edges
    places = Places({**dict.fromkeys(delivering), **(nodes or {})}, labels or {})
    return Fleet(delivering, places).judge(read_targets(targets))


def covered(remotes: Sequence[Remote]) -> dict[str, dict[str, list[str]]]:
    return {
        remote.job: {edge: [target.key[0] for target in targets] for edge, targets in remote.covered.items()}
        for remote in remotes
    }


def take(remotes: list[Remote], jobs: list[Facts], recorded: Sequence[Piece] = ()) -> Taken:
    return plan.take(RELEASE, remotes, jobs, recorded)


def pieces(taken: Taken) -> dict[str, list[Piece]]:
    return {edge: [entry.piece for entry in several] for edge, several in taken.entries.items()}


# Whose targets they are.


def test_a_target_that_an_agent_delivers_is_scraped_remotely() -> None:
    assert covered(judge(TWO, THREE)) == {
        "three-kubelet": {"cluster-03": ["10.0.0.3:10250"]},
        "two-kubelet": {"cluster-02": ["10.0.0.2:10250"]},
    }


def test_replicas_scrape_a_target_once() -> None:
    (remote,) = judge(TWO, dict(TWO))
    assert len(remote.targets) == 1


def test_a_target_without_labels_is_known_by_its_key() -> None:
    assert covered(judge(scraped("10.0.0.2:10250", "kubelet"))) == {"kubelet": {"cluster-02": ["10.0.0.2:10250"]}}


@pytest.mark.parametrize("other", [scraped("10.0.0.2:10250", "j", "/metrics/cadvisor"), scraped("10.0.0.2:9100", "j")])
def test_another_path_or_port_of_a_node_is_not_delivered(other: Facts) -> None:
    (remote,) = judge(other)
    assert remote.covered == {}
    assert [(one.edge, one.why) for one in remote.missed] == [
        ("cluster-02", "the agent of cluster-02 does not scrape it")
    ]


@pytest.mark.parametrize("health", ["down", "unknown"])
def test_what_an_agent_scrapes_in_vain_is_not_delivered(health: str) -> None:
    (remote,) = judge(TWO, edges={"cluster-02": [delivered("10.0.0.2:10250", health=health)]})
    assert [one.why for one in remote.missed] == [f"the agent of cluster-02 finds it {health}"]


def test_a_target_of_the_central_cluster_is_not_remote_though_an_edge_has_the_same_address() -> None:
    assert judge({**TWO, "own": True}) == []


def test_a_job_with_targets_of_no_edge_is_not_remote() -> None:
    assert judge(scraped("203.0.113.9:9100", "elsewhere")) == []


def test_an_edge_that_does_not_deliver_yet_keeps_its_job() -> None:
    assert judge(TWO, edges={"cluster-03": EDGES["cluster-03"]}, labels={"cluster-02": "cluster-02"}) == []


def test_the_label_tells_edges_with_the_same_network_apart() -> None:
    edges = {"cluster-02": [delivered("10.0.0.2:10250")], "cluster-03": [delivered("10.0.0.2:10250")]}
    labelled = scraped("10.0.0.2:10250", "kubelet", cluster="two")
    remotes = judge(labelled, edges=edges, labels={"cluster-02": "two", "cluster-03": "three"})
    assert covered(remotes) == {"kubelet": {"cluster-02": ["10.0.0.2:10250"]}}


def test_the_edge_that_has_the_node_delivers_its_targets_whatever_the_label_says() -> None:
    wrong = scraped("10.0.0.3:10250", "kubelet", cluster="cluster-02")
    nodes: dict[str, list[str] | None] = {"cluster-02": ["10.0.0.2"], "cluster-03": ["10.0.0.3"]}
    assert covered(judge(wrong, nodes=nodes)) == {"kubelet": {"cluster-03": ["10.0.0.3:10250"]}}


def test_a_target_labelled_as_an_edge_that_does_not_deliver_yet_is_not_taken_for_another_edges() -> None:
    remotes = judge(scraped("10.0.0.2:10250", "kubelet", cluster="cluster-04"), labels={"cluster-04": "cluster-04"})
    assert remotes == []


def test_a_target_that_two_agents_deliver_and_no_label_names_is_of_nobody() -> None:
    edges = {"cluster-02": [delivered("10.0.0.2:10250")], "cluster-03": [delivered("10.0.0.2:10250")]}
    assert judge(scraped("10.0.0.2:10250", "kubelet"), edges=edges) == []


# Where the central cluster is.


def told(address: str, centre: Own = NOWHERE, **found: str) -> list[Facts]:
    target = {"scrapeUrl": f"http://{address}/metrics", "scrapePool": "job", "discoveredLabels": found}
    return told_targets(targets({"activeTargets": [target]}), centre)


@pytest.mark.parametrize(
    "address",
    [
        "localhost:9090",
        "127.0.0.1:9090",
        "[::1]:9090",
        "kube-state-metrics:8080",
        "kube-state-metrics.monitoring.svc:8080",
        "kube-state-metrics.monitoring.svc.cluster.local:8080",
        "10.42.0.9:8080",
        "[fd00::9]:8080",
        "node-1.example.com:9100",
        "receiver.monitoring:10902",
    ],
)
def test_what_is_inside_the_central_cluster_is_left_out(address: str) -> None:
    hosts = frozenset({"10.42.0.9", "fd00::9", "node-1.example.com"})
    assert told(address, Own(hosts, frozenset({"receiver.monitoring"}), sees_all_pods=True)) == []


@pytest.mark.parametrize("address", ["10.42.0.9:8080", "edge.example.com:9100", "svc.example.com:9100"])
def test_what_is_elsewhere_is_told(address: str) -> None:
    assert [target["address"] for target in told(address)] == [address]


def test_while_not_all_pods_are_seen_a_discovered_pod_is_taken_for_one_of_the_central_cluster() -> None:
    label = {"__meta_kubernetes_pod_name": "a"}
    assert told("10.42.0.9:8080", Own(frozenset(), frozenset(), sees_all_pods=False), **label) == []
    assert len(told("10.42.0.9:8080", NOWHERE, **label)) == 1


def test_own_targets_of_a_job_that_has_others_are_told_as_such() -> None:
    active = [{"scrapeUrl": f"http://{host}:9100/metrics", "scrapePool": "nodes"} for host in ("10.0.0.1", "10.0.0.2")]
    centre = Own(frozenset({"10.0.0.1"}), frozenset(), sees_all_pods=True)
    assert [target["own"] for target in told_targets(targets({"activeTargets": active}), centre)] == [True, False]


def test_the_hosts_of_the_central_cluster_are_its_nodes_pods_and_services() -> None:
    objects: dict[str, list[Any]] = {
        "Node": [{"status": {"addresses": [{"address": "10.0.0.1"}, {"address": "Node-1"}]}}],
        "Pod": [{"status": {"podIP": "10.42.0.9", "hostIP": "10.0.0.8", "podIPs": [{"ip": "fd00::9"}]}}],
        "Service": [{"metadata": {"name": "a", "namespace": "b"}, "spec": {"clusterIPs": ["10.43.0.7"]}}],
    }
    centre = plan.own(objects, sees_all_pods=True)
    assert {"10.0.0.1", "node-1", "10.42.0.9", "10.0.0.8", "fd00::9", "10.43.0.7"} <= centre.hosts
    assert centre.services == {"a.b"}


def test_no_secret_of_a_target_is_told() -> None:
    found = {"__address__": "10.0.0.2:1", "__param_token": "planted", "__tmp_password": "planted"}
    (target,) = told("10.0.0.2:1?token=planted", **found)
    assert "planted" not in json.dumps(target)


# What goes.


def test_a_job_that_is_of_one_edge_goes() -> None:
    taken = take(judge(TWO, THREE), [JOB_TWO, JOB_THREE])
    assert taken.jobs == []
    assert [entry.piece.job for entry in taken.entries["cluster-02"]] == ["two-kubelet"]
    assert taken.entries["cluster-03"][0].targets == {("10.0.0.3:10250", "/metrics", ())}
    assert {job for job, _key in taken.gone} == {"two-kubelet", "three-kubelet"}
    assert taken.problems == []


def test_of_a_job_for_several_edges_each_has_its_own_piece() -> None:
    both = job("kubelets", *JOB_TWO["static_configs"], *JOB_THREE["static_configs"])
    taken = take(judge({**TWO, "job": "kubelets"}, {**THREE, "job": "kubelets"}), [both])
    assert taken.jobs == []
    assert {edge: piece.config for edge, (piece,) in pieces(taken).items()} == {
        "cluster-02": job("kubelets", *JOB_TWO["static_configs"]),
        "cluster-03": job("kubelets", *JOB_THREE["static_configs"]),
    }


def test_the_part_of_an_edge_that_does_not_deliver_yet_stays_without_a_word() -> None:
    both = job("kubelets", *JOB_TWO["static_configs"], *JOB_THREE["static_configs"])
    remotes = judge(
        {**TWO, "job": "kubelets"},
        {**THREE, "job": "kubelets"},
        edges={"cluster-02": EDGES["cluster-02"]},
        labels={"cluster-03": "cluster-03"},
    )
    taken = take(remotes, [both])
    assert taken.jobs == [job("kubelets", *JOB_THREE["static_configs"])]
    assert taken.problems == []


def test_what_only_the_central_server_scrapes_of_an_edge_stays_and_is_named() -> None:
    whole = job("kubelets", group("10.0.0.2:10250", "10.0.0.2:9100", cluster="cluster-02"))
    other = scraped("10.0.0.2:9100", "kubelets", cluster="cluster-02")
    taken = take(judge({**TWO, "job": "kubelets"}, other), [whole])
    assert taken.jobs == [job("kubelets", group("10.0.0.2:9100", cluster="cluster-02"))]
    (problem,) = taken.problems
    assert problem.subject == "Scrape job kubelets of release monitoring/stack"
    assert "10.0.0.2:9100/metrics stays in it: the agent of cluster-02 does not scrape it" in problem.cause


def test_static_targets_that_lead_nowhere_go_with_the_last_of_their_job() -> None:
    whole = job("kubelets", group("10.0.0.2:10250", "10.0.0.9:1"), group())
    taken = take(judge(scraped("10.0.0.2:10250", "kubelets")), [whole])
    assert taken.jobs == []
    both = job(
        "kubelets", group("10.0.0.2:10250", cluster="cluster-02"), group("10.0.0.3:10250", "10.0.0.9:1"), group()
    )
    taken = take(judge({**TWO, "job": "kubelets"}, scraped("10.0.0.3:10250", "kubelets")), [both])
    assert taken.jobs == []
    assert pieces(taken)["cluster-03"][0].config == job("kubelets", group("10.0.0.3:10250", "10.0.0.9:1"))


def test_static_targets_that_lead_nowhere_stay_while_another_edge_needs_the_job() -> None:
    both = job("kubelets", group("10.0.0.2:10250", "10.0.0.3:10250", "10.0.0.9:1"))
    remotes = judge(
        scraped("10.0.0.2:10250", "kubelets"),
        scraped("10.0.0.3:10250", "kubelets"),
        edges={"cluster-02": EDGES["cluster-02"]},
    )
    assert take(remotes, [both]).jobs == [job("kubelets", group("10.0.0.3:10250", "10.0.0.9:1"))]


def test_one_address_with_two_paths_is_two_targets() -> None:
    one = job(
        "kubelets",
        group("10.0.0.2:10250", __metrics_path__="/metrics"),
        group("10.0.0.2:10250", __metrics_path__="/metrics/probes"),
    )
    probes = scraped("10.0.0.2:10250", "kubelets", "/metrics/probes", cluster="cluster-02")
    taken = take(judge({**TWO, "job": "kubelets"}, probes), [one])
    assert taken.jobs == [job("kubelets", group("10.0.0.2:10250", __metrics_path__="/metrics/probes"))]


def test_a_target_whose_address_is_rewritten_is_found_where_it_stands() -> None:
    one = job("kubelets", group("two", "three"))
    targets = [
        {**TWO, "job": "kubelets", "found": {"__address__": "two"}},
        {**THREE, "job": "kubelets", "found": {"__address__": "three"}, "cluster": "cluster-04"},
    ]
    taken = take(judge(*targets, labels={"cluster-04": "cluster-04"}), [one])
    assert taken.jobs == [job("kubelets", group("three"))]


def test_a_job_that_discovers_the_targets_of_one_edge_goes_as_a_whole() -> None:
    one = {"job_name": "kubelets", "file_sd_configs": [{"files": ["two"]}]}
    taken = take(judge({**TWO, "job": "kubelets"}), [one])
    assert taken.jobs == []
    assert pieces(taken)["cluster-02"][0].config == one


def test_a_job_that_discovers_the_targets_of_several_edges_stays_and_is_named() -> None:
    one = {"job_name": "kubelets", "file_sd_configs": [{"files": ["all"]}]}
    taken = take(judge({**TWO, "job": "kubelets"}, {**THREE, "job": "kubelets"}), [one])
    assert (taken.jobs, taken.entries, taken.gone) == ([one], {}, frozenset())
    (problem,) = taken.problems
    assert "is for several (cluster-02, cluster-03), so it cannot be split" in problem.cause
    assert "10.0.0.2:10250/metrics, 10.0.0.3:10250/metrics arrives twice" in problem.cause


def test_a_job_that_is_not_in_the_list_is_named() -> None:
    (problem,) = take(judge(TWO), []).problems
    assert "does not come from the additional scrape jobs of release monitoring/stack" in problem.cause


@pytest.mark.parametrize(
    ("name", "item"),
    [
        ("serviceMonitor/monitoring/edge/0", "ServiceMonitor monitoring/edge"),
        ("podMonitor/monitoring/edge/1", "PodMonitor monitoring/edge"),
        ("probe/monitoring/edge", "Probe monitoring/edge"),
        ("scrapeConfig/monitoring/edge", "ScrapeConfig monitoring/edge"),
    ],
)
def test_a_job_that_the_operator_makes_is_named_by_its_object(name: str, item: str) -> None:
    (problem,) = take(judge({**TWO, "job": name}), []).problems
    assert f"the job is made from {item}" in problem.cause
    assert f"take the target out of {item} by hand" in problem.fix


def test_a_job_whose_groups_are_a_text_stays_and_is_named() -> None:
    one = {"job_name": "two-kubelet", "static_configs": "{{ .Values.edges }}"}
    taken = take(judge(TWO), [one])
    assert taken.jobs == [one]
    assert "static_configs are not a list" in taken.problems[0].cause


def test_what_was_taken_out_and_is_still_scraped_is_waited_for_and_not_taken_again() -> None:
    recorded = pieces(take(judge(TWO), [JOB_TWO, JOB_THREE]))["cluster-02"]
    taken = take(judge(TWO), [JOB_THREE], recorded)
    assert (taken.jobs, taken.entries, taken.problems) == ([JOB_THREE], {}, [])
    assert taken.gone == {("two-kubelet", ("10.0.0.2:10250", "/metrics", ()))}


def test_a_job_that_a_failed_run_has_recorded_but_not_taken_out_goes() -> None:
    one = {"job_name": "two-kubelet", "file_sd_configs": [{"files": ["two"]}]}
    recorded = pieces(take(judge(TWO), [one]))["cluster-02"]
    taken = take(judge(TWO), [one], recorded)
    assert (taken.jobs, pieces(taken), taken.problems) == ([], {"cluster-02": recorded}, [])


def test_static_targets_that_are_still_scraped_after_they_were_taken_out_of_a_job_are_waited_for() -> None:
    both = job("kubelets", *JOB_TWO["static_configs"], *JOB_THREE["static_configs"])
    targets = [{**TWO, "job": "kubelets"}, {**THREE, "job": "kubelets"}]
    first = take(
        judge(*targets, edges={"cluster-02": EDGES["cluster-02"]}, labels={"cluster-03": "cluster-03"}), [both]
    )
    again = take(
        judge(*targets, labels={}), [job("kubelets", *JOB_THREE["static_configs"])], pieces(first)["cluster-02"]
    )
    assert again.jobs == []
    assert list(again.entries) == ["cluster-03"]
    assert {key[0] for _job, key in again.gone} == {"10.0.0.2:10250", "10.0.0.3:10250"}
    assert again.problems == []


def test_a_job_for_several_that_discovers_stays_with_its_static_targets_and_is_named() -> None:
    one = job("kubelets", *JOB_TWO["static_configs"], file_sd_configs=[{"files": ["three"]}])
    taken = take(judge({**TWO, "job": "kubelets"}, {**THREE, "job": "kubelets"}), [one])
    assert (taken.jobs, taken.entries, taken.gone) == ([one], {}, frozenset())
    assert [problem.subject for problem in taken.problems] == ["Scrape job kubelets of release monitoring/stack"]


def test_what_was_recorded_and_cannot_be_taken_out_any_more_is_not_waited_for() -> None:
    recorded = pieces(take(judge(TWO), [JOB_TWO]))["cluster-02"]
    now = {**JOB_TWO, "file_sd_configs": [{"files": ["three"]}]}
    taken = take(judge(TWO, {**THREE, "job": "two-kubelet"}), [now], recorded)
    assert (taken.jobs, taken.gone) == ([now], frozenset())


def test_no_problem_holds_a_secret_of_a_job() -> None:
    one = {**JOB_TWO, "file_sd_configs": [{"files": ["x"]}]}
    taken = take(judge(TWO, {**THREE, "job": "two-kubelet"}), [one])
    assert taken.problems
    assert "planted" not in json.dumps([problem.as_dict() for problem in taken.problems])


# All servers together.


def test_what_replicas_and_shards_scrape_is_judged_as_one() -> None:
    both = job("kubelets", *JOB_TWO["static_configs"], *JOB_THREE["static_configs"])
    shards = [server(pod({**TWO, "job": "kubelets"})), server(pod({**THREE, "job": "kubelets"}), id="shard 1")]
    (found,), problems = plan.look_over(shards, EDGES, {}, {})
    assert problems == []
    assert take(list(found.remotes), [both]).jobs == []


def test_a_server_that_does_not_answer_is_named() -> None:
    said = {"subject": "pod", "cause": "it asks for a login", "fix": "look at it"}
    silent = server(pod(targets=None, problem=said))
    found, (problem,) = plan.look_over([silent], EDGES, {}, {})
    assert found == []
    assert problem.subject == "StatefulSet monitoring/prometheus-stack [prometheus]"
    assert problem.cause == "it asks for a login, so it is not known what it scrapes of edges"


def test_a_server_without_a_ready_pod_is_named() -> None:
    _found, (problem,) = plan.look_over([server()], EDGES, {}, {})
    assert "it has no pod that is ready" in problem.cause


def test_a_replica_that_does_not_answer_is_no_matter_while_another_does() -> None:
    found, problems = plan.look_over([server(pod(targets=None), pod(TWO))], EDGES, {}, {})
    assert (len(found), problems) == (1, [])


def test_an_edge_whose_targets_are_not_known_is_named() -> None:
    found, (problem,) = plan.look_over([server(pod(TWO))], {"cluster-02": None}, {}, {})
    assert found == []
    assert problem.subject == "Agent of cluster-02"


def test_a_job_of_which_the_agent_delivers_nothing_is_named_and_nothing_is_found() -> None:
    cadvisor = scraped("10.0.0.2:10250", "cadvisor", "/metrics/cadvisor")
    found, (problem,) = plan.look_over([server(pod(cadvisor))], EDGES, {}, {})
    assert found == []
    assert "10.0.0.2:10250/metrics/cadvisor stays in it" in problem.cause


def test_what_gitops_owns_is_explained_job_by_job() -> None:
    argocd = server(pod(TWO, THREE), owner=given.owner("argocd", "argocd", "stack"))
    (found,), _problems = plan.look_over([argocd], EDGES, {}, {})
    problems = found.by_hand(found.source.unchangeable())
    assert [problem.subject for problem in problems] == [
        "Scrape job three-kubelet of Argo CD application argocd/stack",
        "Scrape job two-kubelet of Argo CD application argocd/stack",
    ]
    assert "in the repository of the Argo CD application argocd/stack" in problems[0].fix


# The record.


def entries() -> list[Entry]:
    taken = take(judge(TWO, THREE), [JOB_TWO, JOB_THREE])
    return plan.by_edge([taken.entries])["cluster-02"]


def test_an_entry_is_read_from_the_record_as_it_was() -> None:
    (entry,) = entries()
    assert read_entry(json.loads(json.dumps(entry.as_dict()))) == entry


@pytest.mark.parametrize("broken", [None, {}, {"source": {"kind": "helm"}}, {"piece": {}}])
def test_what_is_no_entry_is_not_read(broken: Facts | None) -> None:
    (entry,) = entries()
    assert read_entry({**entry.as_dict(), **broken} if broken else broken) is None


def test_what_a_killed_run_has_recorded_is_recorded_once() -> None:
    assert len(plan.together(entries(), entries())) == 1


def test_a_source_that_no_server_is_made_from_any_more_is_named() -> None:
    (problem,) = plan.orphans(entries(), [server(owner=given.owner(name="other"))])
    assert "two-kubelet were taken out of it, and no full Prometheus is made from it any more" in problem.cause
    assert plan.orphans(entries(), [server()]) == []


def test_nothing_that_is_told_holds_a_secret() -> None:
    told_of = plan.told_jobs("cluster-02", entries())
    shown = plan.diff(told_of, comes=False)
    assert "planted" not in json.dumps([told_of, shown])
    assert shown == [
        {
            "before_header": "release monitoring/stack",
            "after_header": "release monitoring/stack",
            "before": "cluster-02: job two-kubelet: 10.0.0.2:10250/metrics\n",
            "after": "",
        }
    ]


# Evidence.

KEY = TargetKey("10.0.0.2:10250", "/metrics", ())


def test_each_pod_that_still_scrapes_is_named() -> None:
    gone = {RELEASE: {("two-kubelet", KEY)}}
    servers = [server(pod(TWO), pod(THREE, name="monitoring/prometheus-stack-1"))]
    assert plan.still_scraped(servers, gone) == [
        "pod monitoring/prometheus-stack-0 still scrapes job two-kubelet (10.0.0.2:10250/metrics)"
    ]
    assert plan.still_scraped([server(pod(THREE))], gone) == []


def test_the_same_target_in_another_job_is_not_what_was_taken_out() -> None:
    gone = {RELEASE: {("two-kubelet", KEY)}}
    assert plan.still_scraped([server(pod({**TWO, "job": "other"}))], gone) == []


def test_a_ready_pod_that_does_not_answer_is_waited_for() -> None:
    servers = [server(pod(THREE), pod(targets=None, name="monitoring/prometheus-stack-1"))]
    lines = ["pod monitoring/prometheus-stack-1 does not say what it scrapes"]
    assert plan.still_scraped(servers, {RELEASE: {("two-kubelet", KEY)}}) == lines
    assert plan.not_yet_scraped(servers, {RELEASE: set()}) == lines


def test_a_pod_that_is_not_ready_is_not_waited_for_but_one_must_be() -> None:
    silent = pod(targets=None, ready=False, name="monitoring/prometheus-stack-1")
    gone = {RELEASE: {("two-kubelet", KEY)}}
    assert plan.still_scraped([server(pod(THREE), silent)], gone) == []
    assert plan.still_scraped([server(silent)], gone) == ["no pod that is made from release monitoring/stack is ready"]


def test_what_comes_back_is_awaited_on_each_replica() -> None:
    servers = [server(pod(TWO), pod(THREE, name="monitoring/prometheus-stack-1"))]
    assert plan.not_yet_scraped(servers, {RELEASE: {("two-kubelet", KEY)}}) == [
        "pod monitoring/prometheus-stack-1 does not scrape yet job two-kubelet (10.0.0.2:10250/metrics)"
    ]


def test_what_comes_back_is_awaited_on_all_shards_together() -> None:
    shards = [server(pod(TWO)), server(pod(THREE, name="monitoring/prometheus-stack-shard-1-0"), id="shard 1")]
    assert plan.not_yet_scraped(shards, {RELEASE: {("two-kubelet", KEY)}}) == []


def test_of_a_job_that_discovers_any_target_will_do() -> None:
    back = {RELEASE: {("two-kubelet", None)}}
    assert plan.not_yet_scraped([server(pod(TWO))], back) == []
    assert plan.not_yet_scraped([server(pod(THREE))], back) == [
        "pod monitoring/prometheus-stack-0 does not scrape yet job two-kubelet"
    ]


def test_a_job_that_came_back_as_it_was_is_awaited() -> None:
    (entry,) = entries()
    assert plan.awaited(entry, [JOB_TWO]) == {("two-kubelet", KEY)}


@pytest.mark.parametrize(
    "changed", [{**JOB_TWO, "scheme": "http"}, {**JOB_TWO, "static_configs": []}, {"job_name": "other"}]
)
def test_of_a_job_that_somebody_has_changed_nothing_is_awaited(changed: Facts) -> None:
    (entry,) = entries()
    assert plan.awaited(entry, [changed]) == set()


def test_of_a_job_that_was_taken_whole_any_target_is_awaited() -> None:
    one = {"job_name": "two-kubelet", "file_sd_configs": [{"files": ["two"]}]}
    taken = take(judge(TWO), [one])
    (entry,) = taken.entries["cluster-02"]
    assert plan.awaited(entry, [one]) == {("two-kubelet", None)}


def test_many_targets_are_told_by_one_of_them() -> None:
    assert plan.shown([TargetKey(f"10.0.0.{number}:1", "/metrics", ()) for number in range(6)]) == (
        "10.0.0.0:1/metrics and 5 more"
    )
