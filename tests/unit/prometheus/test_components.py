"""What runs in a cluster, told from its objects."""

from __future__ import annotations

import json
from typing import Any

import pytest
from audit_objects import (
    NAMESPACE,
    PROMETHEUS,
    THANOS,
    Object,
    container,
    failed,
    merged,
    named,
    owned_by,
    pod,
    stateful_set,
    workload,
)

from ansible_collections.miribit.thanos.plugins.module_utils.base.facts import as_facts
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus import components as audit_components
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.components import Amounts, cores

FULL = ("--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus")
AGENT = ("--config.file=/etc/prometheus/prometheus.yml", "--storage.agent.path=/prometheus")
GIB = 1024**3

Cluster = dict[str, list[Object]]


def components(cluster: Cluster, **more: Any) -> list[dict[str, Any]]:
    return as_facts(audit_components.components(cluster, more.get("usage", {}), more.get("volumes_used", {})))


def component(cluster: Cluster, **more: Any) -> dict[str, Any]:
    (found,) = components(cluster, **more)
    return found


def leftovers(*pods: Object, **objects: list[Object]) -> list[dict[str, Any]]:
    return as_facts(audit_components.leftovers({"Pod": list(pods), **objects}))


# Whose containers they are.


def test_the_pods_of_a_stateful_set_are_one_component_for_each_container() -> None:
    cluster = stateful_set(
        "prometheus-stack",
        container(PROMETHEUS, name="prometheus"),
        container("prometheus-config-reloader", name="config-reloader"),
        container(THANOS, "sidecar", name="thanos-sidecar"),
        replicas=2,
        labels={"app": "prometheus"},
    )
    first, second = components(cluster)
    assert [first["id"], second["id"]] == [
        "StatefulSet monitoring/prometheus-stack [prometheus]",
        "StatefulSet monitoring/prometheus-stack [thanos-sidecar]",
    ]
    assert (first["kind"], second["kind"]) == ("prometheus", "thanos_sidecar")
    assert first["workload"] == {"kind": "StatefulSet", "namespace": NAMESPACE, "name": "prometheus-stack"}
    assert first["container"] == "prometheus"
    assert (first["image"], first["version"]) == (PROMETHEUS, "3.15.0")
    assert [one["name"] for one in first["pods"]] == ["prometheus-stack-0", "prometheus-stack-1"]
    assert first["replicas"] == {"wanted": 2, "ready": 2}
    assert (first["prometheus"], first["sidecar"]) == (None, None)


def test_the_facts_can_be_written_as_json() -> None:
    cluster = stateful_set("prometheus", container(PROMETHEUS, *FULL))
    assert json.loads(json.dumps(component(cluster)))["kind"] == "prometheus"


def test_a_pod_belongs_to_the_deployment_behind_its_replica_set() -> None:
    cluster = {
        "Deployment": [workload("grafana", container("grafana/grafana"))],
        "ReplicaSet": [
            workload("grafana-1", container("grafana/grafana"), ownerReferences=owned_by("Deployment", "grafana")),
            workload(
                "grafana-0", container("grafana/grafana"), replicas=0, ownerReferences=owned_by("Deployment", "grafana")
            ),
        ],
        "Pod": [pod(container("grafana/grafana"), name="grafana-1-a", owner=owned_by("ReplicaSet", "grafana-1"))],
    }
    found = component(cluster)
    assert found["id"] == "Deployment monitoring/grafana [main]"
    assert [one["name"] for one in found["pods"]] == ["grafana-1-a"]


def test_where_replica_sets_cannot_be_seen_the_deployment_is_told_by_their_name() -> None:
    one = pod(
        container("grafana/grafana"),
        owner=owned_by("ReplicaSet", "grafana-oss-5d4f"),
        labels={"pod-template-hash": "5d4f"},
    )
    cluster = {"Deployment": [workload("grafana-oss", container("grafana/grafana"))], "Pod": [one]}
    assert component(cluster)["id"] == "Deployment monitoring/grafana-oss [main]"


def test_a_replica_set_that_is_gone_is_not_taken_for_a_deployment() -> None:
    one = pod(
        container("grafana/grafana"), owner=owned_by("ReplicaSet", "grafana-5d4f"), labels={"pod-template-hash": "5d4f"}
    )
    assert component({"ReplicaSet": [], "Pod": [one]})["id"] == "ReplicaSet monitoring/grafana-5d4f [main]"


def test_a_replica_set_that_cannot_be_seen_and_says_nothing_of_a_deployment_is_the_workload() -> None:
    one = pod(container("grafana/grafana"), owner=owned_by("ReplicaSet", "grafana-5d4f"))
    assert component({"Pod": [one]})["id"] == "ReplicaSet monitoring/grafana-5d4f [main]"


def test_only_replica_sets_are_named_by_deployments() -> None:
    one = pod(
        container("grafana/grafana"),
        owner=owned_by("StatefulSet", "grafana-5d4f"),
        labels={"pod-template-hash": "5d4f"},
    )
    assert component({"Pod": [one]})["id"] == "StatefulSet monitoring/grafana-5d4f [main]"


def test_a_replica_set_that_nobody_made_is_a_workload() -> None:
    cluster = {
        "ReplicaSet": [workload("grafana", container("grafana/grafana"))],
        "Pod": [pod(container("grafana/grafana"), owner=owned_by("ReplicaSet", "grafana"))],
    }
    assert component(cluster)["id"] == "ReplicaSet monitoring/grafana [main]"


def test_a_custom_controller_of_pods_is_a_workload() -> None:
    cluster = {
        "Pod": [
            pod(container(PROMETHEUS, *AGENT), name=name, owner=owned_by("CloneSet", "agent")) for name in ("b", "a")
        ]
    }
    found = component(cluster)
    assert found["id"] == "CloneSet monitoring/agent [main]"
    assert found["replicas"] == {"wanted": 2, "ready": 2}
    assert found["owner"]["custom_resource"] == {"kind": "CloneSet", "namespace": NAMESPACE, "name": "agent"}


def test_a_custom_controller_that_can_be_read_says_how_many_pods_it_wants() -> None:
    agent = {**named("edge", labels={"team": "a"}), "spec": {"replicas": 3}}
    one = pod(container(PROMETHEUS, *AGENT), owner=owned_by("PrometheusAgent", "edge"))
    found = component({"Pod": [one], "PrometheusAgent": [agent]})
    assert (found["replicas"], found["labels"]) == ({"wanted": 3, "ready": 1}, {"team": "a"})


def test_a_job_is_a_workload_only_while_it_has_pods() -> None:
    job = workload("push", container("prom/pushgateway"))
    assert components({"Job": [job], "Pod": []}) == []
    running = pod(container("prom/pushgateway"), owner=owned_by("Job", "push"))
    assert component({"Job": [job], "Pod": [running]})["id"] == "Job monitoring/push [main]"


def test_a_pod_of_a_cron_job_belongs_to_that() -> None:
    cluster = {
        "Job": [named("push-1", ownerReferences=owned_by("CronJob", "push"))],
        "Pod": [pod(container("prom/pushgateway"), owner=owned_by("Job", "push-1"))],
    }
    assert component(cluster)["id"] == "CronJob monitoring/push [main]"


@pytest.mark.parametrize("owner", [[], owned_by("Node", "node-1")])
def test_a_pod_without_a_controller_is_a_workload(owner: list[Object]) -> None:
    found = component({"Pod": [pod(container(PROMETHEUS), name="prometheus", owner=owner)]})
    assert found["id"] == "Pod monitoring/prometheus [main]"
    assert found["replicas"] == {"wanted": 1, "ready": 1}


def test_a_stopped_full_server_is_a_component_of_its_template() -> None:
    cluster = stateful_set("prometheus", container(PROMETHEUS, *FULL), replicas=0)
    found = component(cluster)
    assert (found["kind"], found["pods"], found["replicas"]) == ("prometheus", [], {"wanted": 0, "ready": 0})
    assert found["usage"] == {"memory": 0, "cpu": 0}


def test_of_pods_that_cannot_be_seen_nothing_is_said() -> None:
    cluster = stateful_set("prometheus", container(PROMETHEUS, *FULL), replicas=2)
    found = component({"StatefulSet": cluster["StatefulSet"]})
    assert (found["pods"], found["replicas"]) == ([], {"wanted": 2, "ready": 2})
    assert found["usage"] == {"memory": None, "cpu": None}


def test_a_daemon_set_wants_as_many_pods_as_it_says() -> None:
    item = workload("node-exporter", container("prom/node-exporter"))
    item["status"] = {"desiredNumberScheduled": 3, "numberReady": 2}
    assert component({"DaemonSet": [item]})["replicas"] == {"wanted": 3, "ready": 2}


def test_what_runs_counts_more_than_what_the_template_says() -> None:
    cluster = stateful_set("prometheus", container("prometheus:v2.48.0", *FULL))
    cluster["StatefulSet"] = [workload("prometheus", container("prometheus:v3.15.0", "--agent"))]
    found = component(cluster)
    assert (found["kind"], found["version"]) == ("prometheus", "2.48.0")


def test_of_pods_that_differ_the_ready_one_counts() -> None:
    owner = owned_by("StatefulSet", "prometheus")
    new = pod(container("prometheus:v3.15.0"), name="prometheus-0", owner=owner, ready=False)
    new["status"]["conditions"].append({"type": "PodScheduled", "status": "True"})
    old = pod(container("prometheus:v2.48.0"), name="prometheus-1", owner=owner)
    assert component({"Pod": [new, old]})["version"] == "2.48.0"


def test_a_pod_that_is_being_deleted_counts_less_than_one_that_is_ready() -> None:
    owner = owned_by("StatefulSet", "prometheus")
    old = pod(
        container("prometheus:v2.48.0"), name="prometheus-0", owner=owner, deletionTimestamp="2026-01-01T12:00:00Z"
    )
    new = pod(container("prometheus:v3.15.0"), name="prometheus-1", owner=owner)
    assert component({"Pod": [old, new]})["version"] == "3.15.0"


def test_a_container_has_only_the_pods_that_have_it() -> None:
    owner = owned_by("StatefulSet", "prometheus")
    both = pod(container(name="prometheus"), container(THANOS, "sidecar", name="sidecar"), name="p-0", owner=owner)
    without = pod(container(name="prometheus"), name="p-1", owner=owner)
    found = components({"Pod": [both, without]})
    assert [[one["name"] for one in each["pods"]] for each in found] == [["p-0", "p-1"], ["p-0"]]


def test_pods_that_have_ended_are_no_components() -> None:
    over = [pod(container(PROMETHEUS), name=phase, phase=phase) for phase in ("Succeeded", "Failed")]
    assert components({"Pod": over}) == []


def test_an_evicted_pod_is_none_of_its_deployment() -> None:
    cluster = {
        "Deployment": [workload("grafana", container("grafana/grafana"))],
        "ReplicaSet": [named("grafana-1", ownerReferences=owned_by("Deployment", "grafana"))],
        "Pod": [failed("grafana-1-a", owned_by("ReplicaSet", "grafana-1"))],
    }
    assert component(cluster)["pods"] == []


def test_init_containers_are_no_components() -> None:
    one = pod(container("busybox"), spec={"initContainers": [container(PROMETHEUS, name="init")]})
    assert components({"Pod": [one]}) == []


def test_an_init_container_that_runs_on_is_a_component() -> None:
    lasting = container(THANOS, "sidecar", name="sidecar", restartPolicy="Always")
    one = pod(container("busybox"), name="a", spec={"initContainers": [lasting]})
    one["status"]["initContainerStatuses"] = [{"name": "sidecar", "ready": True, "restartCount": 4, "state": {}}]
    found = component({"Pod": [one]})
    assert (found["id"], found["pods"][0]["restarts"]) == ("Pod monitoring/a [sidecar]", 4)


def test_components_come_by_their_id() -> None:
    cluster = merged(*(stateful_set(name, container(PROMETHEUS)) for name in ("c", "a", "b")))
    assert [one["workload"]["name"] for one in components(cluster)] == ["a", "b", "c"]


def test_a_component_has_the_labels_and_the_owner_of_its_workload() -> None:
    labels = {"app": "prometheus", "helm.sh/chart": "stack-1.2.3"}
    item = workload("prometheus", container(PROMETHEUS), annotations={"meta.helm.sh/release-name": "stack"})
    item["metadata"]["labels"] = labels
    found = component({"StatefulSet": [item]})
    assert found["labels"] == labels
    assert (found["owner"]["kind"], found["owner"]["name"], found["owner"]["chart"]) == ("helm", "stack", "stack")


def test_of_a_workload_that_cannot_be_read_the_pods_tell_labels_and_owner() -> None:
    labels = {"app.kubernetes.io/managed-by": "Helm", "release": "stack"}
    one = pod(container(PROMETHEUS), owner=owned_by("StatefulSet", "prometheus"), labels=labels)
    found = component({"Pod": [one]})
    assert (found["labels"], found["owner"]["kind"]) == (labels, "helm")


# Their pods.


def test_a_pod_is_described_with_the_state_of_its_container() -> None:
    found = component({"Pod": [pod(container(PROMETHEUS), name="a")]})
    expected = {"name": "a", "node": "node-1", "phase": "Running", "ready": True, "restarts": 0, "reason": None}
    assert found["pods"] == [expected]


def test_a_container_is_ready_even_if_another_one_of_its_pod_is_not() -> None:
    one = pod(container(PROMETHEUS, name="prometheus"), container(THANOS, "sidecar", name="sidecar"))
    one["status"]["containerStatuses"][1]["ready"] = False
    assert [each["replicas"]["ready"] for each in components({"Pod": [one]})] == [1, 0]


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ({"state": {"waiting": {"reason": "CrashLoopBackOff"}}}, "CrashLoopBackOff"),
        ({"state": {"terminated": {"reason": "Error", "exitCode": 1}}}, "Error"),
        ({"state": {"running": {}}, "lastState": {"terminated": {"reason": "OOMKilled"}}}, "OOMKilled"),
        ({"state": {"running": {}}}, None),
    ],
)
def test_why_a_container_does_not_run_or_was_started_again_is_told(state: Object, reason: str | None) -> None:
    one = pod(container(PROMETHEUS))
    one["status"]["containerStatuses"] = [{"name": "main", "restartCount": 3, **state}]
    one["status"]["conditions"] = [
        {"type": "PodScheduled", "status": "True", "reason": "Scheduled"},
        {"type": "Ready", "status": "False", "reason": "ContainersNotReady"},
    ]
    (found,) = component({"Pod": [one]})["pods"]
    assert (found["reason"], found["restarts"], found["ready"]) == (reason, 3, False)


def test_why_a_pod_has_no_node_is_told() -> None:
    one = pod(container(PROMETHEUS), phase="Pending")
    conditions = [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]
    one["status"] = {"phase": "Pending", "conditions": conditions}
    del one["spec"]["nodeName"]
    (found,) = component({"Pod": [one]})["pods"]
    assert (found["node"], found["reason"]) == (None, "Unschedulable")


def test_a_pod_that_is_being_deleted_is_not_ready() -> None:
    one = pod(container(PROMETHEUS), deletionTimestamp="2026-01-01T12:00:00Z")
    found = component({"Pod": [one]})
    assert (found["pods"][0]["ready"], found["pods"][0]["reason"]) == (False, "Terminating")
    assert found["replicas"]["ready"] == 0


# What they ask for and use.


@pytest.mark.parametrize(
    ("text", "amount"),
    [("2", 2.0), ("0.5", 0.5), (".5", 0.5), ("200m", 0.2), ("12345678n", 0.012345678), ("5u", 5e-6), ("1e3", 1000.0)],
)
def test_cpu_is_read_as_kubernetes_does(text: str, amount: float) -> None:
    assert cores(text) == pytest.approx(amount)


@pytest.mark.parametrize("text", ["", "m", "1Gi", "1e", "1e3m", "x", "-1", "."])
def test_what_is_no_quantity_of_cpu_is_not_read(text: str) -> None:
    assert cores(text) is None


def test_requests_and_limits_are_bytes_and_cores() -> None:
    resources = {"requests": {"memory": "200Mi", "cpu": "200m"}, "limits": {"memory": "1Gi", "cpu": "1"}}
    found = component({"Pod": [pod(container(PROMETHEUS, resources=resources))]})
    assert found["requests"] == {"memory": 200 * 1024**2, "cpu": 0.2}
    assert found["limits"] == {"memory": GIB, "cpu": 1.0}


def test_what_is_not_asked_for_is_none_and_not_zero() -> None:
    found = component({"Pod": [pod(container(PROMETHEUS))]})
    assert found["requests"] == found["limits"] == {"memory": None, "cpu": None}


def test_who_sets_only_a_limit_asks_for_that() -> None:
    found = component({"Pod": [pod(container(PROMETHEUS, resources={"limits": {"memory": "1Gi"}}))]})
    assert found["requests"] == {"memory": GIB, "cpu": None}


def test_usage_is_the_sum_of_all_pods() -> None:
    cluster = stateful_set("prometheus", container(PROMETHEUS), replicas=2)
    usage = {
        (NAMESPACE, "prometheus-0", "main"): Amounts(100, 0.25),
        (NAMESPACE, "prometheus-1", "main"): Amounts(200, 0.5),
        (NAMESPACE, "prometheus-1", "other"): Amounts(4000, 4.0),
    }
    assert component(cluster, usage=usage)["usage"] == {"memory": 300, "cpu": 0.75}


def test_usage_is_unknown_where_that_of_one_pod_is() -> None:
    cluster = stateful_set("prometheus", container(PROMETHEUS), replicas=2)
    usage = {
        (NAMESPACE, "prometheus-0", "main"): Amounts(100, 0.25),
        (NAMESPACE, "prometheus-1", "main"): Amounts(5, None),
    }
    assert component(cluster, usage=usage)["usage"] == {"memory": 105, "cpu": None}
    del usage[NAMESPACE, "prometheus-1", "main"]
    assert component(cluster, usage=usage)["usage"] == {"memory": None, "cpu": None}


def test_what_a_config_reloader_asks_for_and_uses_is_counted_once_with_the_workload() -> None:
    asked = {"requests": {"memory": "50Mi"}}
    cluster = stateful_set(
        "prometheus",
        container(PROMETHEUS),
        container("thanos:v0.42.4", name="sidecar", args=["sidecar"]),
        container("prometheus-config-reloader", name="config-reloader", resources=asked),
    )
    usage = {(NAMESPACE, "prometheus-0", "config-reloader"): Amounts(7, 0.5)}
    first, sidecar = components(cluster, usage=usage)
    assert first["helpers"] == {"requests": {"memory": 50 * 1024**2, "cpu": None}, "usage": {"memory": 7, "cpu": 0.5}}
    nothing = {"memory": None, "cpu": None}
    assert sidecar["helpers"] == {"requests": nothing, "usage": nothing}


def test_a_container_that_does_not_run_uses_nothing() -> None:
    one = pod(container(PROMETHEUS))
    one["status"]["containerStatuses"][0]["state"] = {"waiting": {"reason": "ImagePullBackOff"}}
    assert component({"Pod": [one]})["usage"] == {"memory": 0, "cpu": 0}


def claim(name: str, size: str = "20Gi", volume: str = "pv-1") -> Object:
    spec = {"storageClassName": "longhorn", "volumeName": volume, "resources": {"requests": {"storage": "10Gi"}}}
    return {**named(name), "spec": spec, "status": {"capacity": {"storage": size}}}


def with_data(replicas: int = 1) -> Cluster:
    """A StatefulSet that makes a claim for each pod."""
    mounts = [{"name": "data", "mountPath": "/prometheus"}, {"name": "config", "mountPath": "/etc/prometheus"}]
    cluster = stateful_set(
        "agent",
        container(PROMETHEUS, *AGENT, volumeMounts=mounts),
        replicas=replicas,
        spec={"volumeClaimTemplates": [{"metadata": {"name": "data"}}, {"metadata": {"name": "other"}}]},
    )
    for number, one in enumerate(cluster["Pod"]):
        made = [
            {"name": name, "persistentVolumeClaim": {"claimName": f"{name}-agent-{number}"}}
            for name in ("data", "other")
        ]
        one["spec"]["volumes"] = [*made, {"name": "config", "configMap": {"name": "config"}}]
    return cluster


def test_the_claims_that_a_container_mounts_are_described() -> None:
    volume = {"metadata": {"name": "pv-1"}, "spec": {"persistentVolumeReclaimPolicy": "Delete"}}
    cluster = {**with_data(), "PersistentVolumeClaim": [claim("data-agent-0")], "PersistentVolume": [volume]}
    found = component(cluster, volumes_used={(NAMESPACE, "data-agent-0"): 7})
    assert found["volumes"] == [
        {
            "claim": "data-agent-0",
            "namespace": NAMESPACE,
            "size": 20 * GIB,
            "used": 7,
            "storage_class": "longhorn",
            "reclaim_policy": "Delete",
            "volume": "pv-1",
        }
    ]


def test_a_claim_that_is_not_bound_yet_has_the_size_that_it_asks_for() -> None:
    pending = claim("data-agent-0")
    pending["status"] = {"phase": "Pending"}
    (found,) = component({**with_data(), "PersistentVolumeClaim": [pending]})["volumes"]
    assert (found["size"], found["used"], found["reclaim_policy"]) == (10 * GIB, None, None)


def test_of_a_claim_that_cannot_be_read_only_the_name_is_known() -> None:
    (found,) = component(with_data())["volumes"]
    assert found["claim"] == "data-agent-0"
    assert [found[key] for key in ("size", "used", "storage_class", "reclaim_policy", "volume")] == [None] * 5


def test_claims_of_pods_that_are_no_more_are_found_by_their_names() -> None:
    names = [
        "data-agent-0",
        "data-agent-1",
        "other-agent-0",
        "data-agent-x",
        "data-agents-0",
        "data-agent-0-1",
        "blob-agent-0",
    ]
    elsewhere = {**claim("data-agent-2"), **named("data-agent-2", "other")}
    cluster = {**with_data(replicas=0), "PersistentVolumeClaim": [*map(claim, names), elsewhere]}
    assert [one["claim"] for one in component(cluster)["volumes"]] == ["data-agent-0", "data-agent-1"]


def test_the_claim_of_a_stopped_deployment_is_found_in_its_template() -> None:
    mounts = [{"name": "data", "mountPath": "/var/lib/grafana"}]
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "grafana"}}]
    item = workload("grafana", container("grafana/grafana", volumeMounts=mounts), replicas=0, volumes=volumes)
    (found,) = component({"Deployment": [item], "Pod": []})["volumes"]
    assert found["claim"] == "grafana"


def test_a_stopped_workload_has_no_ephemeral_volumes() -> None:
    mounts = [{"name": "data", "mountPath": "/var/lib/grafana"}]
    volumes = [{"name": "data", "ephemeral": {"volumeClaimTemplate": {}}}]
    item = workload("grafana", container("grafana/grafana", volumeMounts=mounts), replicas=0, volumes=volumes)
    assert component({"Deployment": [item], "Pod": []})["volumes"] == []


def test_the_claim_of_an_ephemeral_volume_has_the_name_of_its_pod() -> None:
    mounts = [{"name": "data", "mountPath": "/prometheus"}]
    spec = {"volumes": [{"name": "data", "ephemeral": {"volumeClaimTemplate": {}}}]}
    (found,) = component({"Pod": [pod(container(PROMETHEUS, volumeMounts=mounts), name="a", spec=spec)]})["volumes"]
    assert found["claim"] == "a-data"


# Sidecars.


def sidecar(*args: str, volumes: list[Object] | None = None, **more: Any) -> dict[str, Any]:
    one = container(THANOS, "sidecar", *args, **more)
    return component({"Pod": [pod(one, spec={"volumes": volumes or []})]})["sidecar"]


def test_a_sidecar_without_object_storage_uploads_nothing() -> None:
    assert sidecar("--tsdb.path=/prometheus") == {"uploads": False, "objstore": None}


def test_an_empty_configuration_uploads_nothing() -> None:
    assert sidecar("--objstore.config=") == {"uploads": False, "objstore": None}


def test_the_operators_sidecar_has_its_object_storage_from_a_variable() -> None:
    reference = {"secretKeyRef": {"name": "thanos-objstore-config", "key": "objstore.yml"}}
    env = [{"name": "OBJSTORE_CONFIG", "valueFrom": reference}]
    expected = {"uploads": True, "objstore": {"secret": "thanos-objstore-config", "key": "objstore.yml"}}
    assert sidecar("--objstore.config=$(OBJSTORE_CONFIG)", env=env) == expected


def test_a_sidecar_has_its_object_storage_from_a_file() -> None:
    mounts = [{"name": "objstore", "mountPath": "/etc/thanos"}]
    volumes = [{"name": "objstore", "secret": {"secretName": "s3"}}]
    found = sidecar("--objstore.config-file=/etc/thanos/s3.yml", volumeMounts=mounts, volumes=volumes)
    assert found == {"uploads": True, "objstore": {"secret": "s3", "key": "s3.yml"}}


def test_a_file_of_a_config_map_is_no_secret() -> None:
    mounts = [{"name": "objstore", "mountPath": "/etc/thanos"}]
    volumes = [{"name": "objstore", "configMap": {"name": "s3"}}]
    found = sidecar("--objstore.config-file=/etc/thanos/s3.yml", volumeMounts=mounts, volumes=volumes)
    assert found == {"uploads": True, "objstore": None}


@pytest.mark.parametrize("env", [[], [{"name": "OBJSTORE", "value": "secret_key: hidden-value"}]])
def test_what_a_sidecar_is_given_in_plain_is_never_shown(env: list[Object]) -> None:
    value = "$(OBJSTORE)" if env else "secret_key: hidden-value"
    one = container(THANOS, "sidecar", f"--objstore.config={value}", env=env)
    found = component({"Pod": [pod(one)]})
    assert found["sidecar"] == {"uploads": True, "objstore": None}
    assert "hidden-value" not in json.dumps(found)


# Nodes.


def test_a_node_is_described_with_what_it_has() -> None:
    node = {
        "metadata": {"name": "node-1"},
        "status": {
            "addresses": [{"type": "Hostname", "address": "node-1"}, {"type": "InternalIP", "address": "192.0.2.1"}],
            "capacity": {"memory": "16Gi", "cpu": "4"},
            "allocatable": {"memory": "15Gi", "cpu": "3800m"},
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }
    assert as_facts(audit_components.nodes({"Node": [node]})) == [
        {"name": "node-1", "addresses": ["192.0.2.1", "node-1"], "ready": True, "memory": 16 * GIB, "cpu": 4.0}
    ]


def test_nodes_come_by_name_and_know_what_they_do_not_know() -> None:
    conditions = [{"type": "Ready", "status": "Unknown"}]
    nodes = [{"metadata": {"name": name}, "status": {"conditions": conditions}} for name in ("b", "a")]
    found = as_facts(audit_components.nodes({"Node": nodes}))
    assert [(one["name"], one["ready"], one["memory"], one["cpu"]) for one in found] == [
        ("a", False, None, None),
        ("b", False, None, None),
    ]


# Leftovers.


def test_a_failed_test_hook_of_helm_is_a_leftover() -> None:
    hook = {"helm.sh/hook": "test", "helm.sh/hook-delete-policy": "before-hook-creation"}
    (found,) = leftovers(failed("grafana-test", annotations=hook))
    assert (found["pod"], found["namespace"], found["reason"]) == ("grafana-test", NAMESPACE, "Error")
    assert found["why"] == (
        "it is a test hook of Helm, which no workload owns and neither an upgrade nor an uninstall deletes; "
        "its hook-delete-policy before-hook-creation keeps it until the hook runs again"
    )


def test_another_policy_keeps_a_hook_for_good() -> None:
    hook = {"helm.sh/hook": "post-upgrade", "helm.sh/hook-delete-policy": "hook-succeeded"}
    (found,) = leftovers(failed("hook", annotations=hook))
    assert "a hook (post-upgrade) of Helm" in found["why"]
    assert found["why"].endswith("its hook-delete-policy hook-succeeded keeps it")


def test_a_failed_pod_that_nobody_made_is_a_leftover() -> None:
    (found,) = leftovers(failed("debug"))
    assert found["why"] == "no controller made it, so nothing replaces it, and nothing deletes it"


def test_the_reason_of_the_pod_counts_more_than_that_of_its_container() -> None:
    evicted = failed("debug")
    evicted["status"]["reason"] = "Evicted"
    assert [one["reason"] for one in leftovers(evicted)] == ["Evicted"]


def test_the_reason_is_that_of_the_container_that_failed() -> None:
    both = failed("debug")
    done = {"name": "first", "state": {"terminated": {"exitCode": 0, "reason": "Completed"}}}
    both["status"]["containerStatuses"].insert(0, done)
    assert [one["reason"] for one in leftovers(both)] == ["Error"]


def test_a_pod_that_does_not_say_why_it_failed_has_just_failed() -> None:
    silent = failed("debug")
    silent["status"] = {"phase": "Failed"}
    assert [one["reason"] for one in leftovers(silent)] == ["Failed"]


@pytest.mark.parametrize("phase", ["Running", "Pending", "Succeeded", "Unknown"])
def test_only_failed_pods_are_leftovers(phase: str) -> None:
    assert leftovers(pod(container("busybox"), phase=phase)) == []


@pytest.mark.parametrize("kind", ["ReplicaSet", "StatefulSet", "DaemonSet", "Node", "CloneSet"])
def test_a_failed_pod_that_is_replaced_is_no_leftover(kind: str) -> None:
    assert leftovers(failed("a", owned_by(kind, "b"))) == []


def test_a_failed_pod_that_is_being_deleted_is_no_leftover() -> None:
    assert leftovers(failed("a", deletionTimestamp="2026-01-01T12:00:00Z")) == []


def job(condition: str = "Failed", **metadata: Any) -> Object:
    return {**named("migrate", **metadata), "status": {"conditions": [{"type": condition, "status": "True"}]}}


RUNNING = {**job(), "status": {"conditions": [{"type": "Failed", "status": "False"}]}}


@pytest.mark.parametrize("condition", ["Failed", "Complete"])
def test_a_failed_pod_of_a_job_that_has_finished_is_a_leftover(condition: str) -> None:
    (found,) = leftovers(failed("a", owned_by("Job", "migrate")), Job=[job(condition)])
    assert found["why"] == "it is of Job migrate, which has finished, and stays as long as that"


def test_a_failed_pod_of_a_hook_that_is_a_job_is_told_as_one() -> None:
    hook = job(annotations={"helm.sh/hook": "test"})
    (found,) = leftovers(failed("a", owned_by("Job", "migrate")), Job=[hook])
    assert found["why"].startswith("it is a test hook of Helm")


@pytest.mark.parametrize(
    "jobs", [[], [RUNNING], [job("Suspended")], [job(ownerReferences=owned_by("CronJob", "nightly"))]]
)
def test_a_failed_pod_of_a_job_that_goes_on_or_comes_again_is_no_leftover(jobs: list[Object]) -> None:
    assert leftovers(failed("a", owned_by("Job", "migrate")), Job=jobs) == []
