"""The plan of a fleet: what follows from the variables of its clusters, and every refusal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.fleet.options import Flaw, Option, options_of
from ansible_collections.miribit.thanos.plugins.module_utils.fleet.plan import Plan, plan
from ansible_collections.miribit.thanos.plugins.module_utils.fleet.schema import SCHEMA, Host, Variable, concealed
from ansible_collections.miribit.thanos.plugins.module_utils.hashring.file import config_hash
from ansible_collections.miribit.thanos.plugins.module_utils.remote_write.model import Spec

SECRET = "word-that-must-stay-secret"
ROLES = Path(__file__).parents[3] / "roles"
SPECS = ROLES / "fleet/meta/argument_specs.yml"
OPTIONS = {
    name: option
    for path in ROLES.glob("*/meta/argument_specs.yml")
    for name, option in options_of(yaml.safe_load(path.read_text()), {}).items()
}
ADDRESS = {"thanos_receiver_load_balancer": {"address": "192.168.101.210"}}
INGRESS = {
    "thanos_receiver_ingress": {"host": "receiver.miribit.lab"},
    "thanos_receiver_ingress_annotations": {"nginx.ingress.kubernetes.io/backend-protocol": "HTTPS"},
}
TLS = {**ADDRESS, "thanos_receiver_tls": True, "thanos_receiver_tls_secret": "receiver"}
CERTIFICATE = {"ca": True, "cert": True, "key": True}


def host(name: str, **values: object) -> Host:
    return Host(name, tuple(values), values)


def planned(
    central: dict[str, Any] | None = None, edge: dict[str, Any] | None = None, other: dict[str, Any] | None = None
) -> Plan:
    """A fleet of three, the second edge as the first unless it is given."""
    central = ADDRESS if central is None else central
    edge = edge or {}
    edges = [host("cluster-02", **edge), host("cluster-03", **(edge if other is None else other))]
    return plan([host("cluster-01", **central)], edges, OPTIONS)


def fact(central: dict[str, Any] | None = None, edge: dict[str, Any] | None = None) -> dict[str, Any]:
    made: dict[str, Any] = planned(central, edge).fleet
    assert json.loads(json.dumps(made)) == made
    return made


def problems(*arguments: Any, **named: Any) -> tuple[Problem, ...]:
    with pytest.raises(ProblemError) as error:
        planned(*arguments, **named)
    return error.value.problems


def refused(*arguments: Any, **named: Any) -> str:
    """The one problem of a fleet."""
    found = problems(*arguments, **named)
    assert len(found) == 1, found
    return str(found[0])


def warned(*arguments: Any, **named: Any) -> str:
    """The one warning about a fleet."""
    found = planned(*arguments, **named).warnings
    assert len(found) == 1, found
    return str(found[0])


# What is made.


def test_a_fleet_needs_only_the_address_of_its_receiver() -> None:
    made = fact()
    assert (made["central"], made["edges"]) == ("cluster-01", ["cluster-02", "cluster-03"])
    assert made["clusters"]["cluster-01"] == {
        "name": "cluster-01",
        "role": "central",
        "kubeconfig": None,
        "context": "cluster-01",
        "access": {"context": "cluster-01"},
        "uid": "",
        "namespace": "monitoring",
        "cluster_domain": "cluster.local",
        "storage_class": "longhorn",
        "ingress_class": "nginx",
        "external_labels": {"cluster": "cluster-01"},
        "thanos_version": "0.42.4",
        "thanos_image": "quay.io/thanos/thanos:v0.42.4",
        "prometheus_version": "3.15.0",
        "prometheus_image": "quay.io/prometheus/prometheus:v3.15.0",
        "senders": [],
        "remote_write": None,
        "remote_write_spec": None,
        "credentials": None,
    }
    assert made["query"] == {"name": "thanos-query"}
    assert planned().warnings == ()


def test_an_edge_writes_to_the_receiver() -> None:
    edge = fact()["clusters"]["cluster-02"]
    assert edge["senders"] == [{"tenant": "", "url": "http://192.168.101.210:19291/api/v1/receive"}]
    assert edge["remote_write"]["config"]["global"] == {"external_labels": {"cluster": "cluster-02"}}
    assert [block["url"] for block in edge["remote_write"]["config"]["remote_write"]] == [edge["senders"][0]["url"]]
    assert edge["credentials"] == {"secret": None, "keys": []}


@pytest.mark.parametrize(
    "edge",
    [
        {},
        {"prometheus_agent_tenant": "platform", "fleet_external_labels": {"region": "edge"}},
        {
            "prometheus_agent_tenant": "platform",
            "prometheus_agent_tenants": [{"name": "tenant-a", "namespaces": ["shop"]}],
            "prometheus_agent_sizing": {"samples_per_second": 500, "latency": 0.1, "outage": 600, "memory": 2**28},
        },
    ],
)
def test_the_entries_of_an_edge_can_be_made_for_another_version_of_prometheus(edge: dict[str, Any]) -> None:
    made = fact(edge=edge)["clusters"]["cluster-02"]
    spec = Spec.of(made["remote_write_spec"])
    assert made["prometheus_version"] == "3.15.0"
    assert spec.config((3, 15)) == made["remote_write"]["config"]
    older, newer = spec.entries((2, 48)), spec.entries((3, 15))
    assert not any("protobuf_message" in block for block in older)
    assert [{**block, "protobuf_message": "prometheus.WriteRequest"} for block in older] == newer


def test_the_specification_of_an_edge_names_its_credentials_and_holds_none() -> None:
    edge = {"prometheus_agent_credentials": {**CERTIFICATE, "password": True, "username": "anna"}}
    spec = fact(TLS, edge)["clusters"]["cluster-02"]["remote_write_spec"]
    folder = "/etc/prometheus/remote-write"
    assert spec["access"]["basic_auth"] == {"username": "anna", "password_file": f"{folder}/password"}
    assert spec["access"]["tls_config"]["cert_file"] == f"{folder}/tls.crt"


def test_the_receiver_has_a_ring_of_three_unless_it_is_told_otherwise() -> None:
    receiver = fact()["receiver"]
    text = receiver.pop("hashrings_text")
    assert [ring["hashring"] for ring in json.loads(text)] == ["default"]
    assert receiver.pop("endpoints") == json.loads(text)[0]["endpoints"]
    assert len(json.loads(text)[0]["endpoints"]) == 3
    assert receiver == {
        "name": "thanos-receiver",
        "namespace": "monitoring",
        "replication_factor": 3,
        "routers": 2,
        "tenant_header": "X-Scope-OrgID",
        "default_tenant": "default-tenant",
        "tenants": ["default-tenant"],
        "rings": [{"name": "default", "service": "thanos-receiver-ingestor", "replicas": 3}],
        "config_hash": config_hash(text),
        "stateful_sets": [
            {
                "name": "thanos-receiver-ingestor",
                "service": "thanos-receiver-ingestor",
                "ring": "default",
                "zone": None,
                "replicas": 3,
            }
        ],
        "load_balancer": {"address": "192.168.101.210", "port": 19291},
        "ingress": None,
        "tls": False,
        "client_certificates": False,
        "vertical_compaction": False,
    }


def test_rings_and_zones_are_stateful_sets_of_their_own() -> None:
    rings = [
        {"name": "team-a", "replicas": "3", "tenants": ["a"]},
        {"name": "default", "zones": [{"name": "x", "replicas": 2}, {"name": "y", "replicas": 1}]},
    ]
    receiver = fact({**ADDRESS, "thanos_receiver_name": "receive", "thanos_receiver_rings": rings})["receiver"]
    assert [tuple(each.values()) for each in receiver["stateful_sets"]] == [
        ("receive-ingestor-team-a", "receive-ingestor-team-a", "team-a", None, 3),
        ("receive-ingestor-x", "receive-ingestor", "default", "x", 2),
        ("receive-ingestor-y", "receive-ingestor", "default", "y", 1),
    ]


def test_a_ring_keeps_the_service_that_it_is_given() -> None:
    rings = [{"name": "default", "service": "thanos-receive", "replicas": 3}]
    assert fact({**ADDRESS, "thanos_receiver_rings": rings})["receiver"]["rings"] == rings


def test_what_an_inventory_says_of_a_cluster_counts() -> None:
    edge = {
        "fleet_kubeconfig": "/fleet/kubeconfig",
        "fleet_namespace": "observability",
        "fleet_external_labels": {"region": "edge"},
        "fleet_thanos_version": "v0.42.3",
        "fleet_prometheus_image": "registry.example:5000/prometheus:v3.15.0",
    }
    made = fact(edge=edge)["clusters"]["cluster-02"]
    assert made["access"] == {"kubeconfig": "/fleet/kubeconfig", "context": "cluster-02"}
    assert made["kubeconfig"] == "/fleet/kubeconfig"
    assert made["namespace"] == "observability"
    assert made["external_labels"] == {"cluster": "cluster-02", "region": "edge"}
    assert made["thanos_image"] == "quay.io/thanos/thanos:v0.42.3"
    assert made["prometheus_image"] == "registry.example:5000/prometheus:v3.15.0"


def test_null_and_a_number_as_text_are_read_as_ansible_means_them() -> None:
    receiver = fact({**ADDRESS, "thanos_receiver_routers": "3", "thanos_receiver_name": None})["receiver"]
    assert (receiver["routers"], receiver["name"]) == (3, "thanos-receiver")


def test_tenants_of_all_edges_are_those_of_the_receiver() -> None:
    edge = {"prometheus_agent_tenant": "b", "prometheus_agent_tenants": [{"name": "a", "namespaces": ["shop"]}]}
    made = planned(edge=edge, other={}).fleet
    receiver: Any = made["receiver"]
    clusters: Any = made["clusters"]
    assert receiver["tenants"] == ["a", "b", "default-tenant"]
    assert [sender["tenant"] for sender in clusters["cluster-02"]["senders"]] == ["a", "b"]


def test_the_tenant_header_of_the_receiver_is_the_one_that_edges_send() -> None:
    made = fact({**ADDRESS, "thanos_receiver_tenant_header": "THANOS-TENANT"}, {"prometheus_agent_tenant": "a"})
    (block,) = made["clusters"]["cluster-02"]["remote_write"]["config"]["remote_write"]
    assert block["headers"] == {"THANOS-TENANT": "a"}


def test_sizing_is_passed_on() -> None:
    sizing = {"samples_per_second": 2000, "latency": 0.1, "outage": 1800, "memory": 100_000_000}
    made = fact(edge={"prometheus_agent_sizing": sizing})["clusters"]["cluster-02"]
    assert made["remote_write"]["sizing"]["expected_shards"] == 1


# The way to the receiver.


@pytest.mark.parametrize(
    ("central", "edge", "url"),
    [
        ({**ADDRESS, **INGRESS}, {}, "http://192.168.101.210:19291/api/v1/receive"),
        (INGRESS, {}, "http://receiver.miribit.lab/api/v1/receive"),
        (
            {**INGRESS, "thanos_receiver_load_balancer": {"enabled": False, "address": "192.0.2.1"}},
            {},
            "http://receiver.miribit.lab/api/v1/receive",
        ),
        (
            {**ADDRESS, **INGRESS},
            {"prometheus_agent_remote_write_via": "ingress"},
            "http://receiver.miribit.lab/api/v1/receive",
        ),
        (
            INGRESS,
            {"prometheus_agent_credentials": {"ca": True}},
            "https://receiver.miribit.lab/api/v1/receive",
        ),
        (
            ADDRESS,
            {
                "prometheus_agent_remote_write_via": "url",
                "prometheus_agent_remote_write_url": "https://receiver.example/api/v1/receive",
            },
            "https://receiver.example/api/v1/receive",
        ),
        (TLS, {"prometheus_agent_credentials": {"ca": True}}, "https://192.168.101.210:19291/api/v1/receive"),
    ],
)
def test_the_way_is_the_one_that_is_asked_for_or_that_there_is(
    central: dict[str, Any], edge: dict[str, Any], url: str
) -> None:
    assert fact(central, edge)["clusters"]["cluster-02"]["senders"] == [{"tenant": "", "url": url}]


def test_a_load_balancer_may_choose_its_address_and_an_ingress_be_the_only_way() -> None:
    receiver = fact(INGRESS)["receiver"]
    assert receiver["load_balancer"] == {"address": "", "port": 19291}
    assert receiver["ingress"] == {"host": "receiver.miribit.lab"}
    assert fact({**INGRESS, "thanos_receiver_load_balancer": {"enabled": False}})["receiver"]["load_balancer"] is None


@pytest.mark.parametrize(
    ("central", "via", "words"),
    [
        ({}, "", "the address of the receiver's LoadBalancer is not given"),
        ({}, "load_balancer", "the address of the receiver's LoadBalancer is not given"),
        (INGRESS, "load_balancer", "the address of the receiver's LoadBalancer is not given"),
        ({"thanos_receiver_load_balancer": {"enabled": False}}, "load_balancer", "the receiver has none"),
        (ADDRESS, "ingress", "the receiver has no Ingress"),
        (ADDRESS, "url", "the URL is not given"),
        (ADDRESS, "tunnel", "must be one of '', load_balancer, ingress, url, not the string 'tunnel'"),
    ],
)
def test_a_way_that_leads_nowhere_is_refused_once_for_all_edges(central: dict[str, Any], via: str, words: str) -> None:
    refusal = refused(central, {"prometheus_agent_remote_write_via": via})
    assert refusal.startswith(f"Hosts cluster-02 and cluster-03, prometheus_agent_remote_write_via: {words}")


def test_a_url_that_no_other_cluster_can_reach_is_refused() -> None:
    url = "http://thanos-receiver.monitoring.svc:19291/api/v1/receive"
    edge = {"prometheus_agent_remote_write_via": "url", "prometheus_agent_remote_write_url": url}
    refusal = refused(edge=edge, other={})
    assert refusal.startswith("Host cluster-02, prometheus_agent_remote_write_url: the name thanos-receiver")
    assert "is that of a Service" in refusal


@pytest.mark.parametrize(
    ("central", "words"),
    [
        (
            {"thanos_receiver_load_balancer": {"address": "receiver.monitoring.svc"}},
            "thanos_receiver_load_balancer: the name receiver.monitoring.svc is that of a Service",
        ),
        (
            {"thanos_receiver_load_balancer": {"address": "192.0.2.1", "port": 0}},
            "thanos_receiver_load_balancer: port 0 is no port",
        ),
        ({"thanos_receiver_ingress": {"host": "receiver"}}, "thanos_receiver_ingress: the name receiver has a single"),
        ({"thanos_receiver_ingress": {"host": "Receiver.lab"}}, "an Ingress cannot have the host 'Receiver.lab'"),
        ({**ADDRESS, "thanos_receiver_ingress": {"hosts": "a"}}, "unknown key 'hosts'. Fix: write host."),
    ],
)
def test_an_address_of_the_receiver_that_no_edge_can_reach_is_refused_at_the_receiver(
    central: dict[str, Any], words: str
) -> None:
    found = [problem for problem in problems(central) if "cluster-01" in problem.subject]
    assert len(found) == 1
    assert words in str(found[0])


def test_an_address_that_may_be_a_cluster_ip_is_a_warning_told_once() -> None:
    warning = warned({"thanos_receiver_load_balancer": {"address": "10.96.0.9"}})
    assert warning.startswith("Host cluster-01, thanos_receiver_load_balancer: 10.96.0.9 is in a network")


def test_a_url_that_is_not_used_is_a_warning() -> None:
    warning = warned(edge={"prometheus_agent_remote_write_url": "https://receiver.example/api/v1/receive"})
    assert "prometheus_agent_remote_write_url: it is not used" in warning


def test_a_strange_url_is_a_warning() -> None:
    url = "http://10.96.0.9/api/v1/receive"
    warning = warned(
        edge={"prometheus_agent_remote_write_via": "url", "prometheus_agent_remote_write_url": url}, other={}
    )
    assert warning.startswith("Host cluster-02, prometheus_agent_remote_write_url: 10.96.0.9 is in a network")


# Credentials.


def test_the_configuration_names_the_files_of_the_credentials() -> None:
    credentials = {**CERTIFICATE, "username": "edge", "password": True}
    made = fact(
        {**TLS, "thanos_receiver_client_certificates": True},
        {"prometheus_agent_credentials": credentials, "prometheus_agent_server_name": "receiver.example"},
    )["clusters"]["cluster-02"]
    (block,) = made["remote_write"]["config"]["remote_write"]
    assert block["tls_config"] == {
        "ca_file": "/etc/prometheus/remote-write/ca.crt",
        "cert_file": "/etc/prometheus/remote-write/tls.crt",
        "key_file": "/etc/prometheus/remote-write/tls.key",
        "server_name": "receiver.example",
    }
    assert block["basic_auth"] == {"username": "edge", "password_file": "/etc/prometheus/remote-write/password"}
    assert made["credentials"] == {"secret": None, "keys": ["ca", "cert", "key", "password"]}


def test_an_existing_secret_does_as_well() -> None:
    edge = {
        "prometheus_agent_credentials_secret": "remote-write",
        "prometheus_agent_credentials_keys": ["token", "ca"],
    }
    made = fact(TLS, edge)["clusters"]["cluster-02"]
    (block,) = made["remote_write"]["config"]["remote_write"]
    assert block["authorization"] == {"credentials_file": "/etc/prometheus/remote-write/token"}
    assert made["credentials"] == {"secret": "remote-write", "keys": ["ca", "token"]}


@pytest.mark.parametrize(
    ("edge", "words"),
    [
        (
            {"prometheus_agent_credentials": {"ca": True, "cert": True}},
            "a client certificate is cert_file and key_file",
        ),
        ({"prometheus_agent_credentials": {"ca": False}}, "prometheus_agent_credentials, ca: it is empty or no text"),
        (
            {"prometheus_agent_credentials": {"passwort": True}},
            "prometheus_agent_credentials: there is no key 'passwort'",
        ),
        ({"prometheus_agent_credentials": SECRET}, "prometheus_agent_credentials: must be a mapping, not a string"),
        ({"prometheus_agent_credentials": {"password": True}}, "prometheus_agent_credentials: there is no username"),
        ({"prometheus_agent_username": "edge"}, "prometheus_agent_username: there is no password that it goes with"),
        (
            {"prometheus_agent_credentials": {"username": "a", "password": True, "token": True}},
            "prometheus_agent_credentials: there is basic_auth too",
        ),
        ({"prometheus_agent_credentials_secret": "a"}, "nobody says what the Secret holds"),
        ({"prometheus_agent_credentials_keys": ["ca"]}, "there is no Secret that could hold them"),
        (
            {"prometheus_agent_credentials_secret": SECRET + "/", "prometheus_agent_credentials_keys": ["ca"]},
            "it is not the name of a Secret",
        ),
        (
            {"prometheus_agent_credentials_secret": "a", "prometheus_agent_credentials_keys": ["ca", "certificate"]},
            "prometheus_agent_credentials_keys[1]: must be one of ca, cert, key",
        ),
        (
            {
                "prometheus_agent_credentials": {"ca": True},
                "prometheus_agent_credentials_secret": "a",
                "prometheus_agent_credentials_keys": ["ca"],
            },
            "the agent mounts one Secret",
        ),
    ],
)
def test_credentials_that_make_no_sense_are_refused_without_showing_them(edge: dict[str, Any], words: str) -> None:
    found = [str(problem) for problem in problems(TLS, edge)]
    assert any(words in problem for problem in found), found
    assert SECRET not in str(found)


@pytest.mark.parametrize(
    ("credentials", "words"),
    [
        (CERTIFICATE, "there is a client certificate, and the agent speaks plain http"),
        ({"username": "edge", "password": True}, "the password would go over plain http"),
        ({"token": True}, "the token would go over plain http"),
    ],
)
def test_credentials_over_plain_http_are_refused(credentials: dict[str, Any], words: str) -> None:
    refusal = refused(edge={"prometheus_agent_credentials": credentials})
    assert f"prometheus_agent_credentials: {words}" in refusal
    assert "thanos_receiver_tls: true" in refusal


def test_credentials_through_an_ingress_need_its_certificate_to_be_checked() -> None:
    refusal = refused(INGRESS, {"prometheus_agent_credentials": {"token": True}})
    assert "Fix: give ca, or take the way url with an https URL" in refusal
    fact(INGRESS, {"prometheus_agent_credentials": {"ca": True, "token": True}})


def test_a_receiver_that_asks_for_certificates_refuses_edges_that_have_none() -> None:
    refusal = refused(
        {**TLS, "thanos_receiver_client_certificates": True},
        {"prometheus_agent_credentials": {"ca": True}},
        {"prometheus_agent_credentials": CERTIFICATE},
    )
    assert refusal.startswith("Host cluster-02, prometheus_agent_credentials: the receiver asks senders for a certifi")


def test_client_certificates_need_tls() -> None:
    refusal = refused({**ADDRESS, "thanos_receiver_client_certificates": True})
    assert refusal.startswith("Host cluster-01, thanos_receiver_client_certificates: a certificate is asked for in TLS")


@pytest.mark.parametrize(
    ("central", "edge"),
    [
        ({**TLS, **INGRESS, "thanos_receiver_client_certificates": True}, {}),
        ({**TLS, **INGRESS}, {"prometheus_agent_credentials": CERTIFICATE}),
        (INGRESS, {"prometheus_agent_credentials": CERTIFICATE}),
    ],
)
def test_client_certificates_do_not_come_through_an_ingress(central: dict[str, Any], edge: dict[str, Any]) -> None:
    refusal = refused(central, {**edge, "prometheus_agent_remote_write_via": "ingress"})
    assert "prometheus_agent_remote_write_via: TLS ends at the Ingress" in refusal


def test_tls_without_an_authority_is_a_warning() -> None:
    assert "prometheus_agent_credentials: without ca" in warned(TLS)


def test_an_authority_without_tls_is_a_warning() -> None:
    assert "where they are not used" in warned(edge={"prometheus_agent_credentials": {"ca": True}})


def test_of_credentials_the_plan_gets_only_which_there_are() -> None:
    given = {"ca": "text", "cert": " ", "key": ["text"], "token": None, "username": "edge"}
    assert concealed(given) == {"ca": True, "cert": False, "key": False, "token": None, "username": "edge"}
    assert concealed(SECRET) == ""
    assert concealed([SECRET]) == []
    assert concealed(1) == 0
    assert concealed(None) is None


# The inventory as a whole.


def test_there_is_exactly_one_central_cluster() -> None:
    edge = host("cluster-02")
    for central, words in (
        ([], "Group central: it has no hosts. Fix: "),
        (
            [host("cluster-01", **ADDRESS), host("cluster-09", **ADDRESS)],
            "Group central: it has 2 hosts, cluster-01 and cluster-09. Fix: ",
        ),
    ):
        with pytest.raises(ProblemError) as error:
            plan(central, [edge])
        assert str(error.value).startswith(words)


def test_what_edges_alone_can_tell_is_told_without_a_central_cluster_too() -> None:
    with pytest.raises(ProblemError) as error:
        plan([], [host("cluster-02", prometheus_agent_tenant="..")])
    assert [problem.subject for problem in error.value.problems] == [
        "Group central",
        "Host cluster-02, prometheus_agent_tenants, Tenant '..'",
    ]


def test_a_host_in_both_groups_is_refused() -> None:
    both = host("cluster-01", **ADDRESS)
    with pytest.raises(ProblemError) as error:
        plan([both], [both, host("cluster-02")])
    assert str(error.value).startswith("Host cluster-01: it is in both groups, central and edge")


def test_no_edges_are_a_warning() -> None:
    made = plan([host("cluster-01")], [])
    assert str(made.warnings[0]).startswith("Group edge: it has no hosts, so no cluster writes to the receiver. Fix: ")
    assert made.fleet["edges"] == []


def test_an_unknown_variable_is_named_with_the_nearest_real_one() -> None:
    refusal = refused(edge={"fleet_namespaces": "a"}, other={})
    assert refusal == "Host cluster-02, fleet_namespaces: unknown variable. Fix: write fleet_namespace."


@pytest.mark.parametrize("name", ["thanos_zzz", "prometheus_agent_qqq", "object_storage_bukket", "fleet_"])
def test_every_beginning_of_the_collection_is_looked_at(name: str) -> None:
    assert f"Hosts cluster-02 and cluster-03, {name}: unknown variable. Fix: " in refused(edge={name: 1})


def test_variables_of_roles_and_of_others_are_left_alone() -> None:
    edge = host("cluster-02", thanos_store_replicas=2, other_variable=1, __thanos_internal=1)
    options = {"thanos_store_replicas": Option("int")}
    plan([host("cluster-01", **ADDRESS)], [edge], options)
    with pytest.raises(ProblemError, match="write thanos_store_replicas"):
        plan([host("cluster-01", **ADDRESS)], [host("cluster-02", thanos_store_replica=2)], options)


def test_variables_for_all_hosts_count_only_where_they_apply() -> None:
    everywhere = {**ADDRESS, "prometheus_agent_tenant": "a", "thanos_receiver_replication_factor": 1}
    made = planned(everywhere, everywhere)
    receiver: Any = made.fleet["receiver"]
    assert receiver["tenants"] == ["a"]
    assert made.warnings == ()
    wrong = {"thanos_receiver_routers": "none", "prometheus_agent_tenants": "none"}
    assert len(problems({**ADDRESS, **wrong}, wrong)) == 2


def test_a_variable_that_only_the_wrong_group_has_is_a_warning() -> None:
    warning = warned(edge={"thanos_receiver_routers": 3})
    assert warning.startswith("Hosts cluster-02 and cluster-03, thanos_receiver_routers: it is not used")
    assert "Host cluster-01, prometheus_agent_tenant: it is not used" in warned(
        {**ADDRESS, "prometheus_agent_tenant": "a"}
    )


def test_a_variable_of_the_play_is_refused() -> None:
    with pytest.raises(ProblemError) as error:
        plan([host("cluster-01", **ADDRESS)], [host("cluster-02")], of_play=["fleet_namespace"])
    assert str(error.value).startswith("fleet_namespace: it is set in the play, where it says nothing of the clusters")


def test_a_template_that_fails_is_reported_with_its_cause() -> None:
    edge = Host("cluster-02", ["fleet_context"], {}, {"fleet_context": Flaw("its template fails", "correct it")})
    with pytest.raises(ProblemError) as error:
        plan([host("cluster-01", **ADDRESS)], [edge])
    assert str(error.value) == "Host cluster-02, fleet_context: its template fails. Fix: correct it."


@pytest.mark.parametrize("name", ["thanos_team", "fleet_pod_security", "prometheus_agent_qqq"])
def test_a_name_that_is_near_no_variable_gets_no_proposal(name: str) -> None:
    prefix = "prometheus_agent_" if name.startswith("p") else f"{name.partition('_')[0]}_"
    assert refused(edge={name: 1}).endswith(
        f"Fix: remove it or rename it: names that begin with {prefix} are reserved for this collection."
    )


@pytest.mark.parametrize("variable", SCHEMA.values(), ids=list(SCHEMA))
def test_a_wrong_type_is_refused(variable: Variable) -> None:
    wrong = {variable.name: {"a": 1} if variable.type != "dict" else ["a"]}
    central = ADDRESS if variable.scope == "edge" else {**ADDRESS, **wrong}
    edge = {} if variable.scope == "central" else wrong
    found = [str(problem) for problem in problems(central, edge)]
    assert any(variable.name in problem and "not " in problem for problem in found), found


def test_all_problems_are_told_at_once() -> None:
    edge = {"fleet_namespace": "A", "prometheus_agent_tenant": "/", "fleet_contxt": "a"}
    found = [problem.subject for problem in problems({**ADDRESS, "thanos_receiver_routers": 0}, edge)]
    assert found == [
        "Hosts cluster-02 and cluster-03, fleet_contxt",
        "Hosts cluster-02 and cluster-03, fleet_namespace",
        "Hosts cluster-02 and cluster-03, prometheus_agent_tenants, Tenant '/'",
        "Host cluster-01, thanos_receiver_routers",
    ]


def test_a_message_names_no_more_hosts_than_can_be_read() -> None:
    edges = [host(f"edge-{number}", fleet_namespace="A") for number in range(200)]
    with pytest.raises(ProblemError) as error:
        plan([host("cluster-01", **ADDRESS)], edges)
    assert str(error.value).startswith("Hosts edge-0, edge-1, edge-2, edge-3, edge-4 and 195 more, fleet_namespace:")


# Clusters that are only read.


def read(central: dict[str, Any] | None = None, edge: dict[str, Any] | None = None) -> Plan:
    edges = [host("cluster-02", **(edge or {})), host("cluster-03")]
    return plan([host("cluster-01", **(central or {}))], edges, OPTIONS, purpose="read")


def test_to_read_clusters_their_names_are_enough() -> None:
    made = read()
    (warning,) = made.warnings
    assert str(warning) == (
        "Hosts cluster-02 and cluster-03, prometheus_agent_remote_write_via: the address of the receiver's "
        "LoadBalancer is not given (phases 1 and 2 refuse this). Fix: give thanos_receiver_load_balancer.address, or "
        "take another way (ingress, url)."
    )
    whole = fact()
    clusters: Any = made.fleet["clusters"]
    assert (made.fleet["central"], made.fleet["edges"]) == ("cluster-01", ["cluster-02", "cluster-03"])
    assert made.fleet["query"] == whole["query"]
    missing = {"senders": [], "remote_write": None, "remote_write_spec": None}
    assert clusters == {name: {**cluster, **missing} for name, cluster in whole["clusters"].items()}


def test_a_plan_in_which_nothing_is_missing_is_the_same_for_both_purposes() -> None:
    made = read(ADDRESS, {"prometheus_agent_tenant": "a"})
    assert made.warnings == ()
    assert made.fleet == planned(ADDRESS, {"prometheus_agent_tenant": "a"}, {}).fleet


@pytest.mark.parametrize(
    ("central", "edge"),
    [
        ({"thanos_receiver_load_balancer": {"address": "receiver.monitoring.svc"}}, {}),
        ({**ADDRESS, "thanos_receiver_client_certificates": True}, {}),
        ({**ADDRESS, "thanos_receiver_rings": [{"name": "default", "replicas": 1}]}, {}),
        ({**ADDRESS, "thanos_receiver_tenant_header": "a b"}, {}),
        (ADDRESS, {"prometheus_agent_tenant": "/"}),
        (ADDRESS, {"prometheus_agent_remote_write_via": "ingress"}),
        (ADDRESS, {"prometheus_agent_credentials": {"password": True}}),
        (ADDRESS, {"prometheus_agent_credentials_secret": "a"}),
        (ADDRESS, {"fleet_prometheus_version": "2.0.0"}),
    ],
)
def test_what_only_phases_need_is_a_warning_and_not_in_the_fact(central: dict[str, Any], edge: dict[str, Any]) -> None:
    refusals = {(each.subject, each.cause, each.fix) for each in problems(central, edge, {})}
    made = read(central, edge)
    warnings = {
        (each.subject, each.cause.removesuffix(" (phases 1 and 2 refuse this)"), each.fix) for each in made.warnings
    }
    assert refusals <= warnings
    clusters: Any = made.fleet["clusters"]
    of_central = [each for each in refusals if each[0].startswith("Host cluster-01")]
    assert (made.fleet["receiver"] is None) == bool(of_central)
    assert of_central or clusters["cluster-02"]["senders"] == []
    assert "receiver.example" not in json.dumps(made.fleet)


@pytest.mark.parametrize(
    ("central", "edge", "words"),
    [
        ({"thanos_reciever_tls": True}, {}, "thanos_reciever_tls: unknown variable"),
        ({"thanos_receiver_routers": "two"}, {}, "thanos_receiver_routers: must be an integer, not the string 'two'"),
        ({"thanos_receiver_load_balancer": {"adress": "192.0.2.1"}}, {}, "unknown key 'adress'. Fix: write address"),
        ({"thanos_query_name": "Query"}, {}, "'Query' is not a name of a Service"),
        ({}, {"fleet_namespace": "A"}, "fleet_namespace: 'A' is not a namespace's name"),
        ({}, {"fleet_context": "cluster-03"}, "they are one cluster, context cluster-03"),
        ({}, {"fleet_cluster_label": "cluster-03"}, "their external label cluster is the same (cluster-03)"),
        ({}, {"fleet_external_labels": {"tenant_id": "a"}}, "Thanos Receive itself sets this label"),
    ],
)
def test_names_types_contexts_and_labels_are_refused_where_clusters_are_only_read_too(
    central: dict[str, Any], edge: dict[str, Any], words: str
) -> None:
    with pytest.raises(ProblemError) as error:
        read(central, edge)
    (problem,) = error.value.problems
    assert words in str(problem)


def test_credentials_that_cannot_be_read_are_a_warning_where_clusters_are_only_read() -> None:
    edge = Host(
        "cluster-02", ["prometheus_agent_credentials"], {}, {"prometheus_agent_credentials": Flaw("no vault", "")}
    )
    central = [host("cluster-01", **ADDRESS)]
    with pytest.raises(ProblemError, match="prometheus_agent_credentials: no vault"):
        plan(central, [edge])
    made = plan(central, [edge], purpose="read")
    assert "no vault (phases 1 and 2 refuse this)" in str(made.warnings[0])
    assert made.fleet["clusters"]["cluster-02"]["remote_write"] is None  # type: ignore[index]


def test_values_of_other_roles_are_warnings_where_clusters_are_only_read() -> None:
    central = {**ADDRESS, "thanos_receiver_retention": "2 days", "object_storage_config": "CHANGE-ME"}
    made = read(central)
    assert [str(warning).partition(". Fix")[0] for warning in made.warnings] == [
        "Host cluster-01, thanos_receiver_retention: must be a duration, not '2 days' (phases 1 and 2 refuse this)",
        "Host cluster-01, object_storage_config: still says CHANGE-ME (phases 1 and 2 refuse this)",
    ]
    assert made.fleet["receiver"] == read(ADDRESS).fleet["receiver"]
    with pytest.raises(ProblemError, match="fleet_audit_probe: must be true or false"):
        read({"fleet_audit_probe": "perhaps"})


# Who is who.


def test_two_hosts_of_one_cluster_are_refused() -> None:
    same = {"fleet_context": "admin", "fleet_kubeconfig": "/k"}
    assert refused(edge=same) == (
        "Hosts cluster-02 and cluster-03, fleet_context: they are one cluster, context admin of /k, which would be "
        "changed twice. Fix: give each its own context, or leave one host out."
    )
    planned(edge=same, other={**same, "fleet_kubeconfig": "/other"})


def test_two_hosts_with_one_uid_are_refused() -> None:
    assert "Hosts cluster-02 and cluster-03, fleet_cluster_uid: they are one cluster, with the UID 1-2" in refused(
        edge={"fleet_cluster_uid": "1-2"}
    )


def test_a_label_cluster_that_two_have_is_refused() -> None:
    edge = {"fleet_cluster_label": "edge", "fleet_external_labels": {"region": "a"}}
    other = {"fleet_cluster_label": "edge", "fleet_external_labels": {"region": "b"}}
    refusal = refused(edge=edge, other=other)
    assert refusal.startswith("Hosts cluster-02 and cluster-03, fleet_cluster_label: their external label cluster is")
    assert "no query tells them apart" in refusal
    assert "and so are all others" in refused(edge=edge)
    assert "Hosts cluster-01 and cluster-02" in refused(edge={"fleet_cluster_label": "cluster-01"}, other={})


def test_the_label_cluster_has_a_variable_of_its_own() -> None:
    refusal = refused(edge={"fleet_external_labels": {"cluster": "a"}}, other={})
    assert "fleet_external_labels: the label cluster is the variable fleet_cluster_label" in refusal


@pytest.mark.parametrize("central", [True, False])
@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ({"tenant_id": "a"}, "fleet_external_labels, label tenant_id: Thanos Receive itself sets this label"),
        ({"a-b": "c"}, "fleet_external_labels, label a-b: this is no name of a label"),
    ],
)
def test_external_labels_that_cannot_be_are_refused(labels: dict[str, str], words: str, *, central: bool) -> None:
    wrong = {"fleet_external_labels": labels}
    assert words in (refused({**ADDRESS, **wrong}) if central else refused(edge=wrong))


def test_a_label_cluster_that_cannot_be_is_refused() -> None:
    assert "Host cluster-02, fleet_cluster_label: " in refused(edge={"fleet_cluster_label": "a$b"}, other={})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("fleet_namespace", "Monitoring"),
        ("fleet_namespace", "a" * 64),
        ("fleet_namespace", "a.b"),
        ("fleet_cluster_domain", "cluster.local."),
        ("fleet_storage_class", "Longhorn"),
        ("fleet_ingress_class", ""),
    ],
)
def test_what_cannot_be_a_name_is_refused(name: str, value: str) -> None:
    assert f"Host cluster-01, {name}: {value!r} is not a" in refused({**ADDRESS, name: value})


# Versions and images.


def test_an_old_thanos_is_a_warning() -> None:
    warning = warned({**ADDRESS, "fleet_thanos_version": "0.42.2"})
    assert warning.startswith("Host cluster-01, fleet_thanos_version: uploads at shutdown are missing before 0.42.3")
    assert planned({**ADDRESS, "fleet_thanos_version": "0.42.3"}).warnings == ()


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("fleet_thanos_version", "newest", "'newest' is no version"),
        ("fleet_thanos_version", "0.42", "'0.42' is no version"),
        ("fleet_prometheus_version", "newest", "'newest' is no version"),
        ("fleet_prometheus_version", "2.31.0", "2.31.0 has no agent mode"),
    ],
)
def test_a_version_that_cannot_be_is_refused(name: str, value: str, words: str) -> None:
    assert f"{name}: {words}" in refused(edge={name: value})


def test_versions_of_the_central_cluster_are_looked_at_too() -> None:
    assert "Host cluster-01, fleet_prometheus_version" in refused({**ADDRESS, "fleet_prometheus_version": "newest"})


@pytest.mark.parametrize(
    ("image", "words"),
    [
        ("registry.example:5000/thanos", "names no version"),
        ("thanos:latest", "names no version"),
        ("thanos:v0.41.0", "its tag is v0.41.0, and fleet_thanos_version is 0.42.4"),
    ],
)
def test_an_image_that_may_be_another_one_is_a_warning(image: str, words: str) -> None:
    assert words in warned({**ADDRESS, "fleet_thanos_image": image})


@pytest.mark.parametrize("image", ["thanos:v0.42.4", "thanos:0.42.4-own", "thanos@sha256:aa", "thanos:main-2026"])
def test_an_image_of_the_version_is_none(image: str) -> None:
    assert planned({**ADDRESS, "fleet_thanos_image": image}).warnings == ()


# Rings.


@pytest.mark.parametrize(
    ("central", "words"),
    [
        (
            {"thanos_receiver_replication_factor": 5},
            "thanos_receiver_rings, Ring 1 (default): it has 3 endpoints for 5",
        ),
        ({"thanos_receiver_replication_factor": 0}, "thanos_receiver_replication_factor: nothing would be stored"),
        ({"thanos_receiver_rings": []}, "thanos_receiver_rings: it is not a list of rings"),
        ({"thanos_receiver_rings": ["a"]}, "thanos_receiver_rings[0]: must be a mapping, not a string"),
        (
            {"thanos_receiver_rings": [{"name": "a", "replicas": 3, "tenants": ["a"]}]},
            "thanos_receiver_rings, Tenant 'default-tenant': no ring takes it",
        ),
        (
            {"thanos_receiver_rings": [{"name": "default", "replicas": 3, "external_labels": {"a": "b"}}]},
            "they act only where an ingestor loads the ring",
        ),
        ({"thanos_receiver_name": "a" * 44}, "gets no pods: its name has more than 52 characters"),
        ({"thanos_receiver_name": "1receiver"}, "thanos_receiver_name: '1receiver' is not a name"),
        ({"thanos_receiver_routers": 0}, "thanos_receiver_routers: 0 routers take no writes"),
        (
            {"thanos_receiver_default_tenant": ".."},
            "thanos_receiver_default_tenant: the tenant is the name of a folder",
        ),
        ({"thanos_receiver_tenant_header": "Host"}, "thanos_receiver_tenant_header: Prometheus sets the header Host"),
        (
            {"thanos_receiver_rings": [{"name": "default", "service": "thanos-receiver", "replicas": 3}]},
            "its Service cannot be called 'thanos-receiver'",
        ),
        (
            {
                "thanos_receiver_rings": [
                    {"name": "a", "service": "x", "replicas": 3, "tenants": ["a"]},
                    {"name": "b", "service": "x", "replicas": 3},
                ]
            },
            "thanos_receiver_rings, ring b: the ring a has the same Service x",
        ),
        (
            {
                "thanos_receiver_rings": [
                    {"name": "a", "replicas": 3, "tenants": ["a"]},
                    {"name": "default", "zones": [{"name": "a", "replicas": 3}]},
                ]
            },
            "a StatefulSet of the ring a is called thanos-receiver-ingestor-a too",
        ),
    ],
)
def test_a_receiver_that_cannot_work_is_refused(central: dict[str, Any], words: str) -> None:
    found = [str(problem) for problem in problems({**ADDRESS, **central})]
    assert any(words in problem for problem in found), found
    assert all(problem.startswith("Host cluster-01, thanos_receiver_") for problem in found)


def test_two_copies_are_a_warning() -> None:
    warning = warned({**ADDRESS, "thanos_receiver_replication_factor": 2})
    assert warning.startswith("Host cluster-01, thanos_receiver_replication_factor: with 2 copies")


def test_tenants_that_make_no_sense_are_refused() -> None:
    refusal = refused(edge={"prometheus_agent_tenants": [{"name": "a", "namespaces": ["shop"]}]})
    assert "Hosts cluster-02 and cluster-03, prometheus_agent_tenant: series of other namespaces" in refusal


def test_a_query_that_cannot_have_a_service_is_refused() -> None:
    assert "Host cluster-01, thanos_query_name: '1-query' is not a name" in refused(
        {**ADDRESS, "thanos_query_name": "1-query"}
    )


def test_sizing_that_makes_no_sense_is_refused() -> None:
    found = problems(edge={"prometheus_agent_sizing": {"latency": 1}})
    assert {problem.subject for problem in found} == {"Hosts cluster-02 and cluster-03, prometheus_agent_sizing"}


# The schema.


def test_the_role_documents_every_variable_with_its_type_and_default() -> None:
    options = yaml.safe_load(SPECS.read_text())["argument_specs"]["main"]["options"]
    own = {name: options.pop(name) for name in ("fleet_lock_timeout", "fleet_serial", "fleet_skip_away_edges")}
    assert [(one["type"], one["default"]) for one in own.values()] == [("int", 300), ("raw", 1), ("bool", False)]
    assert {name: (option["type"], option["default"]) for name, option in options.items()} == {
        name: (variable.type, variable.default) for name, variable in SCHEMA.items()
    }
    assert all(variable.meaning for variable in SCHEMA.values())
    assert {name for name, option in options.items() if option.get("no_log")} == {
        name for name, variable in SCHEMA.items() if variable.secret
    }
