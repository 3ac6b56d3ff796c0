"""The probe of the audit: which URLs it asks for, and where its answers go."""

from __future__ import annotations

from typing import Any

import audit_facts as given
import pytest
from probe_cluster import ProbeCluster, probe_cluster, ran, waits

from ansible_collections.miribit.thanos.plugins.module_utils.audit import reach
from ansible_collections.miribit.thanos.plugins.module_utils.base.facts import read_facts
from ansible_collections.miribit.thanos.plugins.module_utils.kube.objects import Objects
from ansible_collections.miribit.thanos.plugins.module_utils.probe import reach as remote_write_reach
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.components import Component
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.entries import Reach

__all__ = ["probe_cluster"]

NOWHERE = "http://thanos-receiver.monitoring.svc.cluster-01.local:19291/api/v1/receive"
RECEIVER = "http://192.168.101.210:19291/api/v1/receive"
REFUSED = f'Get "{RECEIVER}/-/healthy": dial tcp 192.168.101.210:19291: connect: connection refused\n'


def sender(*urls: str, kind: str = "prometheus_agent", proxy: bool = False) -> Component:
    entries = [given.write(url=url, proxy=proxy) for url in urls]
    return with_prometheus(kind, given.prometheus(remote_write=entries))


def with_prometheus(kind: str, prometheus: dict[str, Any] | None) -> Component:
    content = given.component(kind, kind, kind, image=f"registry.example/{kind}:v2.48.0", prometheus=prometheus)
    component, _problems = read_facts(Component, content, "", "")
    assert component
    return component


def reachable(tried: reach.Tried, sender: int = 0) -> list[Reach | None]:
    return [entry.reachable for entry in tried.components[sender].writes or ()]


def tried(cluster: ProbeCluster, *components: Component) -> reach.Tried:
    return reach.tried(Objects(cluster), "cluster-03", "monitoring", components)


def commands(cluster: ProbeCluster) -> list[list[str]]:
    return [container["command"] for container in cluster.job["spec"]["template"]["spec"]["containers"]]


@pytest.fixture
def refusing(probe_cluster: ProbeCluster) -> ProbeCluster:
    """Where nothing listens at the receiver's address."""
    probe_cluster.pods = [ran(**{"url-1": 1})]
    probe_cluster.logs = {"url-1": REFUSED}
    return probe_cluster


def test_what_the_pod_has_met_is_told_of_each_block_that_writes_there(refusing: ProbeCluster) -> None:
    found = tried(refusing, sender(RECEIVER), sender(RECEIVER, kind="prometheus"))
    assert (found.probed, found.unseen) == (True, ())
    (told,) = reachable(found)
    assert told
    assert (told.connects, told.answer) == (False, None)
    assert reachable(found, 1) == [told]
    assert len(commands(refusing)) == 1


def test_the_pod_goes_when_it_is_done(refusing: ProbeCluster) -> None:
    tried(refusing, sender(RECEIVER))
    (deleted,) = (asked for asked in refusing.asked if asked.startswith("DELETE"))
    assert deleted == f"DELETE jobs/{refusing.job['metadata']['name']}"


def test_it_has_the_image_that_an_agent_runs(refusing: ProbeCluster) -> None:
    tried(refusing, sender(RECEIVER, kind="prometheus"), sender(RECEIVER))
    (container,) = refusing.job["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "registry.example/prometheus_agent:v2.48.0"


def test_no_secret_of_a_url_is_asked_with(refusing: ProbeCluster) -> None:
    tried(refusing, sender("http://user:hidden@192.168.101.210:19291/api/v1/receive?token=hidden"))
    assert "hidden" not in str(refusing.created)
    assert commands(refusing)[0][-1] == f"--url={RECEIVER}"


@pytest.mark.parametrize(
    "component",
    [
        sender(),
        sender("ftp://receiver"),
        sender(RECEIVER, proxy=True),
        sender(RECEIVER, kind="thanos_query"),
        with_prometheus("prometheus_agent", None),
        with_prometheus("prometheus_agent", given.prometheus(remote_write=None)),
    ],
    ids=["nothing written", "no HTTP", "through a proxy", "no sender", "silent", "unknown"],
)
def test_without_anything_to_ask_for_there_is_no_pod(probe_cluster: ProbeCluster, component: Component) -> None:
    assert tried(probe_cluster, component) == reach.Tried((component,), probed=False)
    assert probe_cluster.asked == []


def test_a_pod_that_cannot_run_is_told_with_what_that_hides(probe_cluster: ProbeCluster) -> None:
    probe_cluster.pods = [waits("ErrImagePull", "no such image")]
    found = tried(probe_cluster, sender(RECEIVER))
    (problem,) = found.unseen
    assert found.probed is False
    assert "cannot pull it" in problem.cause
    assert problem.cause.endswith("so whether its senders reach what they write to is not seen")
    assert reachable(found) == [None]


def test_a_pod_that_may_not_be_made_is_told(probe_cluster: ProbeCluster) -> None:
    probe_cluster.refusals = {"POST jobs": (403, "forbidden")}
    found = tried(probe_cluster, sender(RECEIVER))
    (problem,) = found.unseen
    assert (found.probed, "forbids" in problem.cause) == (False, True)


def test_a_url_of_which_the_pod_says_nothing_is_told(probe_cluster: ProbeCluster) -> None:
    probe_cluster.pods = [ran(**{"url-1": 1, "url-2": 1})]
    probe_cluster.logs = {"url-1": "panic", "url-2": REFUSED}
    found = tried(probe_cluster, sender(NOWHERE, RECEIVER))
    (problem,) = found.unseen
    assert (found.probed, problem.subject) == (True, f"{NOWHERE} from cluster-03")
    assert [told is None for told in reachable(found)] == [True, False]


def test_more_urls_than_a_pod_has_containers_for_are_told(probe_cluster: ProbeCluster) -> None:
    urls = [f"http://192.0.2.{number}/api/v1/receive" for number in range(remote_write_reach.MOST + 1)]
    names = [f"url-{number}" for number in range(1, len(urls))]
    probe_cluster.pods = [ran(**dict.fromkeys(names, 0))]
    found = tried(probe_cluster, sender(*urls))
    (problem,) = found.unseen
    assert (found.probed, len(commands(probe_cluster))) == (True, remote_write_reach.MOST)
    assert problem.subject == f"{urls[-1]} from cluster-03"
