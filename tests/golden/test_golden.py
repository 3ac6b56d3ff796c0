"""Every object that roles render for the central cluster and for edges, as agreed upon, and what must hold for all.

Each case is an inventory; render.yml runs the roles on it, with stand-ins for what talks to a cluster. Of a Secret, its
keys are kept and no value.

Rewrite expected/ with: REWRITE_EXPECTED=1 pytest tests/golden
"""

from __future__ import annotations

import base64
import copy
import functools
import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from agent_play import collection
from kubernetes_validate import utils as schemas
from stand_in import BUCKET

from ansible_collections.miribit.thanos.plugins.module_utils.kube.rendered import mark, reference

Object = dict[str, Any]

HERE = Path(__file__).parent
CHECKOUT = HERE.parents[1]
EXPECTED = HERE / "expected"
CASES = {path.stem: path for path in sorted(HERE.glob("cases/*.yml"))} | {"miribit": CHECKOUT / "inventories/miribit"}
#: Cases whose edges are like that of the case default, and are not rendered.
CENTRAL_ONLY = {"miribit", "network-policies"}

#: The oldest that cluster_access accepts, the one of the lab, and the newest that there are schemas for.
VERSIONS = ("1.25", "1.34", schemas.latest_version())
#: What the cases and the stand-in have in their secrets.
SECRET_WORDS = ("dummy-secret", "dummy-access-key")


# Rendering.


@dataclass(frozen=True)
class Rendered:
    """What the roles asked of a cluster, in their order."""

    calls: list[dict[str, Any]]

    def on(self, edge: str) -> Rendered:
        """What was asked of one edge, or of the central cluster, which has no name here."""
        return Rendered([call for call in self.calls if call["edge"] == edge])

    @property
    def edges(self) -> dict[str, Rendered]:
        return {name: self.on(name) for name in dict.fromkeys(call["edge"] for call in self.calls) if name}

    def arguments(self, module: str) -> list[dict[str, Any]]:
        return [call["arguments"] for call in self.calls if call["module"] == module]

    @functools.cached_property
    def components(self) -> dict[str, list[Object]]:
        """Every object as apply_objects sends it, by component."""
        found: dict[str, list[Object]] = {}
        for call in self.arguments("apply_objects"):
            if call.get("state") == "pruned":
                continue
            objects = mark(call["objects"], call["component"], call["namespace"])
            found.setdefault(call["component"], []).extend(objects)
        return found

    @property
    def objects(self) -> list[Object]:
        return [item for objects in self.components.values() for item in objects]

    def kind(self, *kinds: str) -> list[Object]:
        return [item for item in self.objects if item["kind"] in kinds]

    @property
    def workloads(self) -> list[Object]:
        return self.kind("Deployment", "StatefulSet", "DaemonSet")

    def workload(self, name: str) -> list[Object]:
        """Those of the pods with this app.kubernetes.io/name."""
        return [item for item in self.workloads if labels(item)["app.kubernetes.io/name"] == name]

    def selected(self, selector: dict[str, str]) -> list[Object]:
        """The workloads whose pods a selector finds."""
        return [item for item in self.workloads if selector.items() <= labels(item).items()]


def labels(workload: Object) -> dict[str, str]:
    found: dict[str, str] = workload["spec"]["template"]["metadata"]["labels"]
    return found


def pod(workload: Object) -> dict[str, Any]:
    found: dict[str, Any] = workload["spec"]["template"]["spec"]
    return found


def containers(workload: Object) -> list[dict[str, Any]]:
    return [*pod(workload).get("initContainers", []), *pod(workload)["containers"]]


def arguments(workload: Object) -> list[str]:
    return [argument for container in containers(workload) for argument in container["args"]]


@pytest.fixture(scope="session")
def collections(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The collection by links, with a stand-in for each of its modules but fleet_plan; and what roles use of others."""
    return collection(tmp_path_factory.mktemp("collections"), HERE / "stand_in.py")


@pytest.fixture(scope="session")
def rendering(
    collections: Path, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Callable[[str], Rendered]]:
    """Start every case that is asked for, two at a time, and give each once it is there."""
    outside = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    output = tmp_path_factory.mktemp("output")

    def render(case: str) -> Rendered:
        calls = output / f"{case}.jsonl"
        env = {
            **outside,
            "ANSIBLE_COLLECTIONS_PATH": str(collections),
            "ANSIBLE_LOCAL_TEMP": str(output / "tmp"),
            "ANSIBLE_NOCOLOR": "1",
            "GOLDEN_CALLS": str(calls),
        }
        limit = ["--limit=central"] if case in CENTRAL_ONLY else []
        command = ("ansible-playbook", "-vvv", f"--inventory={CASES[case]}", *limit, str(HERE / "render.yml"))
        done = subprocess.run(command, cwd=CHECKOUT, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert not [word for word in SECRET_WORDS if word in done.stdout + done.stderr]
        return Rendered([json.loads(line) for line in calls.read_text().splitlines()])

    wanted = {item.callspec.params.get("case") for item in request.session.items if hasattr(item, "callspec")}
    with ThreadPoolExecutor(2) as pool:
        futures: dict[str, Future[Rendered]] = {case: pool.submit(render, case) for case in CASES if case in wanted}
        yield lambda case: futures[case].result()


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def rendered(rendering: Callable[[str], Rendered], case: str) -> Rendered:
    """What the central cluster gets."""
    return rendering(case).on("")


@pytest.fixture
def edges(rendering: Callable[[str], Rendered], case: str) -> dict[str, Rendered]:
    return rendering(case).edges


@pytest.fixture
def clusters(rendered: Rendered, edges: dict[str, Rendered]) -> list[Rendered]:
    return [rendered, *edges.values()]


@pytest.fixture
def edge(edges: dict[str, Rendered]) -> Rendered:
    """The first."""
    return next(iter(edges.values()))


# Golden files.


class Dumper(yaml.SafeDumper):
    """Lists indented and long texts as blocks, as in the templates."""

    def increase_indent(self, flow: bool = False, **_indentless: bool) -> None:
        super().increase_indent(flow, indentless=False)

    def ignore_aliases(self, *_data: object) -> bool:
        return True

    def text(self, data: str) -> yaml.ScalarNode:
        return self.represent_scalar("tag:yaml.org,2002:str", data, style="|" if "\n" in data else None)


Dumper.add_representer(str, Dumper.text)


def masked(item: Object) -> Object:
    return {**item, "data": dict.fromkeys(item["data"], "(not shown)")} if item["kind"] == "Secret" else item


def dumped(objects: list[Object]) -> str:
    shown = [masked(item) for item in objects]
    return yaml.dump(shown, Dumper=Dumper, sort_keys=False, explicit_start=True, width=150, allow_unicode=True)


def test_each_object_is_as_agreed_upon(rendered: Rendered, edges: dict[str, Rendered], case: str) -> None:
    folder = EXPECTED / case
    made = {
        str(Path(edge, f"{component}.yaml")): dumped(objects)
        for edge, cluster in {"": rendered, **edges}.items()
        for component, objects in cluster.components.items()
    }
    if os.environ.get("REWRITE_EXPECTED"):
        shutil.rmtree(folder, ignore_errors=True)
        for name, text in made.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
    assert made == {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*.yaml")}


def test_every_golden_file_is_of_a_case() -> None:
    assert {path.name for path in EXPECTED.iterdir()} == set(CASES)


# What the API server would say.


@pytest.fixture(scope="session", autouse=True)
def schemas_are_read_once() -> Iterator[None]:
    """A megabyte of JSON, read for each object otherwise."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schemas, "schema_contents", functools.cache(schemas.schema_contents))
        yield


@pytest.mark.parametrize("version", VERSIONS)
def test_each_object_fits_the_schema_of_kubernetes(clusters: list[Rendered], version: str) -> None:
    for item in (item for cluster in clusters for item in cluster.objects):
        kubernetes_validate.validate(item, version, strict=True)


@pytest.mark.parametrize("case", ["default"])
def test_a_field_that_kubernetes_does_not_know_would_be_found(rendered: Rendered) -> None:
    for workload in copy.deepcopy(rendered.workloads):
        containers(workload)[0]["volumeMount"] = []
        with pytest.raises(kubernetes_validate.ValidationError, match="'volumeMount' was unexpected"):
            kubernetes_validate.validate(workload, VERSIONS[0], strict=True)


def test_no_object_is_rendered_twice(clusters: list[Rendered]) -> None:
    for cluster in clusters:
        names = [reference(item) for item in cluster.objects]
        assert sorted(names) == sorted(set(names))


def test_the_selector_of_a_workload_finds_its_own_pods_and_nobody_elses(clusters: list[Rendered]) -> None:
    for cluster in clusters:
        for workload in cluster.workloads:
            assert cluster.selected(workload["spec"]["selector"]["matchLabels"]) == [workload]


def test_every_selector_finds_what_it_is_for(rendered: Rendered) -> None:
    for workload in rendered.workloads:
        for term in pod(workload)["affinity"]["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]:
            assert workload in rendered.selected(term["podAffinityTerm"]["labelSelector"]["matchLabels"])
    for budget in rendered.kind("PodDisruptionBudget"):
        assert rendered.selected(budget["spec"]["selector"]["matchLabels"])
    for policy in rendered.kind("NetworkPolicy"):
        peers = [peer for rule in policy["spec"]["ingress"] for peer in rule.get("from", ())]
        selectors = [policy["spec"]["podSelector"], *(peer["podSelector"] for peer in peers if "podSelector" in peer)]
        for selector in selectors:
            assert rendered.selected(selector.get("matchLabels", {}))


def test_every_workload_has_one_budget_of_disruptions(rendered: Rendered) -> None:
    for workload in rendered.workloads:
        budgets = [
            budget["metadata"]["name"]
            for budget in rendered.kind("PodDisruptionBudget")
            if budget["spec"]["selector"]["matchLabels"].items() <= labels(workload).items()
        ]
        assert len(budgets) == 1, "Kubernetes evicts no pod that has two"


def test_every_service_leads_to_ports_of_pods(clusters: list[Rendered]) -> None:
    for cluster in clusters:
        services = {item["metadata"]["name"]: item for item in cluster.kind("Service")}
        for service in services.values():
            behind = cluster.selected(service["spec"]["selector"])
            assert behind
            for workload in behind:
                wanted = {port["targetPort"] for port in service["spec"]["ports"]}
                assert wanted <= port_names(workload)
        for workload in cluster.kind("StatefulSet"):
            assert workload in cluster.selected(services[workload["spec"]["serviceName"]]["spec"]["selector"])


def test_ingresses_and_policies_name_ports_that_are_there(rendered: Rendered) -> None:
    services = {item["metadata"]["name"]: item for item in rendered.kind("Service")}
    for ingress in rendered.kind("Ingress"):
        for path in (path for rule in ingress["spec"]["rules"] for path in rule["http"]["paths"]):
            backend = path["backend"]["service"]
            assert backend["port"]["name"] in {port["name"] for port in services[backend["name"]]["spec"]["ports"]}
    for policy in rendered.kind("NetworkPolicy"):
        wanted = {port["port"] for rule in policy["spec"]["ingress"] for port in rule["ports"]}
        for workload in rendered.selected(policy["spec"]["podSelector"]["matchLabels"]):
            assert wanted <= port_names(workload)


def port_names(workload: Object) -> set[str]:
    return {port["name"] for container in containers(workload) for port in container["ports"]}


def test_probes_ask_ports_that_are_there(rendered: Rendered) -> None:
    for workload in rendered.workloads:
        for container in containers(workload):
            for probe in ("readinessProbe", "livenessProbe"):
                assert container[probe]["httpGet"]["port"] == "http"
            # Thanos answers on the one it listens on.
            (listens,) = (port["containerPort"] for port in container["ports"] if port["name"] == "http")
            assert f"--http-address=0.0.0.0:{listens}" in container["args"]


def test_every_volume_is_there_and_used_as_a_folder(clusters: list[Rendered]) -> None:
    """A file that is mounted alone (subPath) would never be updated."""
    for cluster in clusters:
        names = {(item["kind"], item["metadata"]["name"]) for item in cluster.objects}
        for workload in cluster.workloads:
            claims = {claim["metadata"]["name"] for claim in workload["spec"].get("volumeClaimTemplates", ())}
            volumes = {volume["name"]: volume for volume in pod(workload).get("volumes", ())}
            mounts = [mount for container in containers(workload) for mount in container.get("volumeMounts", ())]
            assert {mount["name"] for mount in mounts} == claims | volumes.keys()
            assert not any({"subPath", "subPathExpr"} & mount.keys() for mount in mounts)
            for volume in volumes.values():
                given = "secret" in volume or "hostPath" in volume
                assert given or ("ConfigMap", volume["configMap"]["name"]) in names
            files = [argument.partition("=")[2] for argument in arguments(workload) if "=/etc/" in argument]
            assert all(any(file.startswith(f"{mount['mountPath']}/") for mount in mounts) for file in files)
            assert ("ServiceAccount", pod(workload)["serviceAccountName"]) in names


# What no pod may do.


#: What node-exporter measures, it reads where it is. Nothing else may see its node.
OF_THE_NODE = {"prometheus-node-exporter"}
#: What discovers or counts objects must ask the API server.
OF_THE_API = {"kube-state-metrics", "prometheus-agent"}


def program(workload: Object) -> str:
    return labels(workload)["app.kubernetes.io/name"]


def test_every_pod_fits_the_restricted_profile(clusters: list[Rendered]) -> None:
    assert all(cluster.workloads for cluster in clusters)
    for workload in (workload for cluster in clusters for workload in cluster.workloads):
        sees_the_node = program(workload) in OF_THE_NODE
        assert pod(workload)["automountServiceAccountToken"] is (program(workload) in OF_THE_API)
        assert pod(workload)["securityContext"]["runAsNonRoot"] is True
        assert pod(workload)["securityContext"]["runAsUser"] > 0
        assert pod(workload)["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not {"hostNetwork", "hostPID", "hostIPC"} & pod(workload).keys() or sees_the_node
        allowed = {"configMap", "secret", "emptyDir", "persistentVolumeClaim", "projected", "downwardAPI"}
        for volume in pod(workload).get("volumes", ()):
            assert volume.keys() - {"name"} <= allowed or sees_the_node
        for container in containers(workload):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert not any("hostPort" in port for port in container["ports"])


def test_every_image_says_its_version(clusters: list[Rendered]) -> None:
    for workload in (workload for cluster in clusters for workload in cluster.workloads):
        for container in containers(workload):
            assert re.search(r":v\d+\.\d+\.\d+(@sha256:[0-9a-f]{64})?$", container["image"])


def test_no_secret_is_anywhere_but_in_secrets(clusters: list[Rendered]) -> None:
    secrets = [secret for cluster in clusters for secret in cluster.kind("Secret")]
    words = {*SECRET_WORDS, BUCKET, *(value for secret in secrets for value in secret["data"].values())}
    for cluster in clusters:
        # Nor in what goes to the record or waits for pods.
        others = [call for call in cluster.calls if call["module"] not in {"apply_objects", "object_storage_probe"}]
        for place in (*(item for item in cluster.objects if item not in secrets), *others):
            text = json.dumps(place)
            assert not [word for word in words if word in text]


def decoded(secret: Object) -> dict[str, str]:
    return {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}


@pytest.mark.parametrize("case", ["tls"])
def test_secrets_hold_what_was_given(rendered: Rendered) -> None:
    given = yaml.safe_load(CASES["tls"].read_text())["central"]["vars"]
    bucket, certificates = map(decoded, rendered.kind("Secret"))
    assert yaml.safe_load(bucket[given["object_storage_secret_key"]]) == given["object_storage_config"]
    files = given["thanos_receiver_tls_files"]
    assert certificates == {"tls.crt": files["cert"], "tls.key": files["key"], "ca.crt": files["client_ca"]}


@pytest.mark.parametrize("case", ["zones"])
def test_a_bucket_given_as_text_stays_that_text(rendered: Rendered) -> None:
    given = yaml.safe_load(CASES["zones"].read_text())["central"]["vars"]["object_storage_config"]
    (bucket,) = map(decoded, rendered.kind("Secret"))
    assert bucket == {"objstore.yml": given}


# What Thanos needs.


def test_routers_hold_no_data_and_ingestors_no_ring(rendered: Rendered) -> None:
    routers, ingestors = rendered.workload("thanos-receive-router"), rendered.workload("thanos-receive-ingestor")
    assert routers
    assert ingestors
    for router in routers:
        assert flags(router, "--tsdb", "--objstore", "--receive.local-endpoint") == []
        assert len(flags(router, "--receive.hashrings-file=")) == 1
        assert flags(router, "--receive.hashrings-file-refresh-interval=") == ["15s"]
    for ingestor in ingestors:
        assert flags(ingestor, "--receive.hashrings", "--receive.local-endpoint", "--receive.replication-factor") == []
        assert len(flags(ingestor, "--tsdb.path=")) == 1
        assert len(flags(ingestor, "--objstore.config-file=")) == 1
    tenants = {tuple(flags(workload, "--receive.default-tenant-id=")) for workload in (*routers, *ingestors)}
    assert len(tenants) == 1, "all have the same default tenant"


def flags(workload: Object, *beginnings: str) -> list[str]:
    """The values of the flags that begin so."""
    return [argument.partition("=")[2] for argument in arguments(workload) if argument.startswith(beginnings)]


def test_the_replica_label_keeps_its_quotes_and_the_tenant_header_has_none(rendered: Rendered) -> None:
    for workload in (*rendered.workload("thanos-receive-router"), *rendered.workload("thanos-receive-ingestor")):
        assert '--label=receive_replica="$(POD_NAME)"' in arguments(workload)
        (name,) = containers(workload)[0]["env"]
        assert name == {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
    for router in rendered.workload("thanos-receive-router"):
        (header,) = flags(router, "--receive.tenant-header=")
        assert re.fullmatch(r"[A-Za-z-]+", header)


def test_the_ring_names_exactly_the_pods_that_there_are(rendered: Rendered) -> None:
    (text,) = (
        item["data"]["hashrings.json"] for item in rendered.kind("ConfigMap") if "hashrings.json" in item["data"]
    )
    endpoints = [endpoint for ring in json.loads(text) for endpoint in ring["endpoints"]]
    addresses = [endpoint["address"] if isinstance(endpoint, dict) else endpoint for endpoint in endpoints]
    pods = sorted(
        f"{item['metadata']['name']}-{number}.{item['spec']['serviceName']}.{item['metadata']['namespace']}"
        for item in rendered.kind("StatefulSet")
        for number in range(item["spec"]["replicas"])
    )
    # After that, the cluster's domain and the port of gRPC.
    assert sorted(address.partition(".svc.")[0] for address in addresses) == pods
    assert all(address.endswith(":10901") for address in addresses)


def test_query_asks_every_ready_ingestor_and_no_router(rendered: Rendered) -> None:
    (text,) = (
        item["data"]["endpoints.yaml"] for item in rendered.kind("ConfigMap") if "endpoints.yaml" in item["data"]
    )
    asked = [endpoint["address"] for endpoint in yaml.safe_load(text)["endpoints"]]
    reached: list[Object] = []
    for service in rendered.kind("Service"):
        name = re.escape(f"{service['metadata']['name']}.{service['metadata']['namespace']}.svc.")
        found = [address for address in asked if re.search(rf"(^|[+.]){name}", address)]
        if found:
            assert all(address.startswith("dnssrv+_grpc._tcp.") for address in found)
            assert not service["spec"].get("publishNotReadyAddresses")
            assert "grpc" in {port["name"] for port in service["spec"]["ports"]}
            reached += rendered.selected(service["spec"]["selector"])
    assert names(reached) == names(rendered.workload("thanos-receive-ingestor"))


def names(workloads: list[Object]) -> set[str]:
    return {item["metadata"]["name"] for item in workloads}


def test_only_remote_write_leaves_the_cluster(rendered: Rendered) -> None:
    """10902 serves profiles, 10901 all data."""
    for service in rendered.kind("Service"):
        assert service["spec"].get("type", "ClusterIP") in {"ClusterIP", "LoadBalancer"}
        if service["spec"].get("type") == "LoadBalancer":
            assert [port["targetPort"] for port in service["spec"]["ports"]] == ["remote-write"]
            assert 10902 not in {port["port"] for port in service["spec"]["ports"]}


# What roles tell the cluster besides.


def test_nothing_is_pruned_that_was_just_applied(clusters: list[Rendered]) -> None:
    """The receiver is applied in steps, and all of it is rendered once more for what is to be left."""
    for cluster in clusters:
        for call in pruning(cluster):
            wanted = mark(call["objects"], call["component"], call["namespace"])
            applied = cluster.components.get(call["component"], [])
            assert sorted(map(reference, wanted)) == sorted(map(reference, applied))


def pruning(cluster: Rendered) -> list[dict[str, Any]]:
    calls = cluster.arguments("apply_objects")
    return [call for call in calls if call.get("prune") or call.get("state") == "pruned"]


def test_objects_are_recorded_when_they_are_applied(clusters: list[Rendered]) -> None:
    for call in (call for cluster in clusters for call in cluster.arguments("apply_objects")):
        assert call["record"]


@pytest.mark.parametrize("case", ["all-options"])
def test_each_call_names_the_cluster_that_it_is_for(clusters: list[Rendered]) -> None:
    """Those of the record the central one, and none the kubeconfig of the other."""
    for call in (call for cluster in clusters for call in cluster.calls):
        central = not call["edge"] or call["module"] == "migration_record"
        wanted = (None, "cluster-01") if central else ("/of/the/edge", "cluster-02")
        assert (call["arguments"].get("kubeconfig"), call["arguments"].get("context")) == wanted, call
        for place in ("record", "lock"):
            found = call["arguments"].get(place) or {"context": "cluster-01"}
            assert (found.get("kubeconfig"), found.get("context")) == (None, "cluster-01"), call


def test_ingestors_come_before_the_ring_that_names_them(rendered: Rendered) -> None:
    kinds = [item["kind"] for item in rendered.components["thanos-receiver"]]
    assert kinds.index("Deployment") > max(number for number, kind in enumerate(kinds) if kind == "StatefulSet")


# What edges get.

OF_EDGES = pytest.mark.parametrize("case", sorted(CASES.keys() - CENTRAL_ONLY))


def parsed_config(agent: Object, edge: Rendered) -> dict[str, Any]:
    """What the agent reads: its text, from the volume where its flag says."""
    (file,) = flags(agent, "--config.file=")
    mounts = {
        mount["mountPath"]: mount["name"] for container in containers(agent) for mount in container["volumeMounts"]
    }
    (volume,) = (one for one in pod(agent)["volumes"] if one["name"] == mounts[str(Path(file).parent)])
    (item,) = (one for one in edge.kind("ConfigMap") if one["metadata"]["name"] == volume["configMap"]["name"])
    text = item["data"][Path(file).name]
    hashed = agent["spec"]["template"]["metadata"]["annotations"]["miribit.thanos/config-hash"]
    assert hashed == hashlib.sha256(text.encode()).hexdigest(), "another text makes the pods start again"
    content: dict[str, Any] = yaml.safe_load(text)
    return content


def agents(edges: dict[str, Rendered]) -> Iterator[tuple[Rendered, Object]]:
    for edge in edges.values():
        (agent,) = edge.workload("prometheus-agent")
        yield edge, agent


@OF_EDGES
def test_every_agent_writes_what_the_plan_says(edges: dict[str, Rendered], case: str) -> None:
    for name, (edge, agent) in zip(edges, agents(edges), strict=True):
        config = parsed_config(agent, edge)
        assert config["global"]["external_labels"]["cluster"] == name
        assert config["remote_write"]
        assert {block["queue_config"]["retry_on_http_429"] for block in config["remote_write"]} == {True}
        assert case != "zones" or len(config["remote_write"]) == {"cluster-02": 1, "cluster-03": 2}[name]


@OF_EDGES
def test_every_file_that_an_agent_logs_in_with_is_mounted(edges: dict[str, Rendered]) -> None:
    for edge, agent in agents(edges):
        blocks = json.dumps(parsed_config(agent, edge)["remote_write"])
        named = {Path(file) for file in re.findall(r'_file": "([^"]+)"', blocks)}
        mounts = {mount["name"]: mount["mountPath"] for item in containers(agent) for mount in item["volumeMounts"]}
        volumes = {
            volume["name"]: volume["secret"]["secretName"] for volume in pod(agent)["volumes"] if "secret" in volume
        }
        assert {file.parent for file in named} == {Path(mounts[name]) for name in volumes}
        for secret in edge.kind("Secret"):
            assert secret["metadata"]["name"] in volumes.values()
            assert set(secret["data"]) == {file.name for file in named}


@pytest.mark.parametrize(("case", "files"), [("tls", {"ca.crt", "tls.crt", "tls.key"}), ("no-exposure", {"password"})])
def test_credentials_that_are_given_become_a_secret_of_the_agent(edge: Rendered, files: set[str]) -> None:
    (secret,) = edge.kind("Secret")
    assert (secret["metadata"]["name"], set(secret["data"])) == ("prometheus-agent-remote-write", files)


@pytest.mark.parametrize("case", ["tls-secret"])
def test_credentials_of_somebody_else_are_mounted_and_not_made(edge: Rendered) -> None:
    (agent,) = edge.workload("prometheus-agent")
    assert edge.kind("Secret") == []
    assert {"name": "remote-write", "secret": {"secretName": "remote-write"}} in pod(agent)["volumes"]


@pytest.mark.parametrize("case", ["default"])
def test_an_agent_without_credentials_mounts_none(edge: Rendered) -> None:
    (agent,) = edge.workload("prometheus-agent")
    assert [volume["name"] for volume in pod(agent)["volumes"]] == ["config"]


@pytest.mark.parametrize(("case", "flag"), [("default", "--agent"), ("no-exposure", "--enable-feature=agent")])
def test_the_flags_of_an_agent_are_those_of_its_version(edge: Rendered, flag: str) -> None:
    (agent,) = edge.workload("prometheus-agent")
    assert {"--agent", "--enable-feature=agent"} & set(arguments(agent)) == {flag}


@OF_EDGES
def test_one_agent_writes_and_keeps_what_it_has_not_sent(edges: dict[str, Rendered]) -> None:
    for _edge, agent in agents(edges):
        assert agent["spec"]["replicas"] == 1
        (folder,) = flags(agent, "--storage.agent.path=")
        claims = {claim["metadata"]["name"] for claim in agent["spec"]["volumeClaimTemplates"]}
        (container,) = containers(agent)
        assert [mount["name"] in claims for mount in container["volumeMounts"] if mount["mountPath"] == folder] == [
            True
        ]
        # It would lose what it has not sent.
        assert "livenessProbe" not in container


@OF_EDGES
def test_probes_of_edges_ask_ports_that_are_there(edges: dict[str, Rendered]) -> None:
    for workload in (workload for edge in edges.values() for workload in edge.workloads):
        for container in containers(workload):
            probes = [container[name] for name in container if name.endswith("Probe")]
            assert "readinessProbe" in container
            assert {probe["httpGet"]["port"] for probe in probes} <= port_names(workload)


@OF_EDGES
def test_the_jobs_of_an_agent_find_the_exporters(edges: dict[str, Rendered]) -> None:
    for edge, agent in agents(edges):
        found = set()
        for job in parsed_config(agent, edge)["scrape_configs"]:
            for rule in (rule for rule in job.get("relabel_configs", ()) if rule.get("action") == "keep"):
                assert rule["source_labels"] == ["__meta_kubernetes_service_label_app_kubernetes_io_name"]
                namespaces = job["kubernetes_sd_configs"][0]["namespaces"]["names"]
                for service in (one for one in edge.kind("Service") if one["metadata"]["namespace"] in namespaces):
                    if re.fullmatch(rule["regex"], service["metadata"]["labels"]["app.kubernetes.io/name"]):
                        found |= {program(workload) for workload in edge.selected(service["spec"]["selector"])}
        assert found == {program(workload) for workload in edge.workloads} - {"prometheus-agent"}


@OF_EDGES
def test_roles_are_bound_to_accounts_that_pods_run_as(edges: dict[str, Rendered]) -> None:
    for edge in edges.values():
        roles = {item["metadata"]["name"] for item in edge.kind("ClusterRole")}
        bound = set()
        for binding in edge.kind("ClusterRoleBinding"):
            assert binding["roleRef"]["kind"] == "ClusterRole"
            (subject,) = binding["subjects"]
            users = [item for item in edge.workloads if pod(item)["serviceAccountName"] == subject["name"]]
            assert [item["metadata"]["namespace"] for item in users] == [subject["namespace"]]
            bound.add(binding["roleRef"]["name"])
        assert bound == roles


@OF_EDGES
def test_no_role_may_do_more_than_read_what_it_names(edges: dict[str, Rendered]) -> None:
    for edge in edges.values():
        for role in edge.kind("ClusterRole"):
            for rule in role["rules"]:
                assert set(rule["verbs"]) <= {"get", "list", "watch"}
                assert "*" not in (*rule.get("resources", ()), *rule.get("apiGroups", ()))
                # With get on these, commands can be run in every pod.
                assert "nodes/proxy" not in rule.get("resources", ())
            reads_secrets = any("secrets" in rule.get("resources", ()) for rule in role["rules"])
            assert not reads_secrets or role["metadata"]["name"].endswith(":edge-kube-state-metrics")


@OF_EDGES
def test_node_exporter_writes_nothing_on_its_node(edges: dict[str, Rendered]) -> None:
    for workload in (item for edge in edges.values() for item in edge.workload("prometheus-node-exporter")):
        (container,) = containers(workload)
        assert {mount["readOnly"] for mount in container["volumeMounts"]} == {True}


@pytest.mark.parametrize("case", ["tls-secret"])
def test_exporters_of_somebody_else_are_not_made_again(edge: Rendered) -> None:
    assert {program(workload) for workload in edge.workloads} == {"prometheus-agent", "kube-state-metrics"}
    (applied,) = (call for call in edge.arguments("apply_objects") if call["component"] == "edge-exporters")
    assert applied["rollout"]["workloads"] == [{"kind": "Deployment", "name": "edge-kube-state-metrics"}]
    # What was made before goes: it is not among what is wanted.
    assert applied["prune"]
    assert "edge-node-exporter" not in {item["metadata"]["name"] for item in applied["objects"]}
