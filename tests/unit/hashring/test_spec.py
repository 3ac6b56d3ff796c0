"""From how many ingestors there are to the hashring file, as the filter hashring."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible.utils.display import Display

from ansible_collections.miribit.thanos.plugins.filter.hashring import FilterModule

hashring = FilterModule().filters()["hashring"]

RING = {"name": "default", "service": "receive", "replicas": 3}


def refusals(*rings: Any, namespace: Any = "monitoring", **options: Any) -> list[str]:
    with pytest.raises(AnsibleFilterError) as refused:
        hashring(list(rings), namespace, **options)
    return str(refused.value).removeprefix("- ").split("\n- ")


def without(key: str) -> dict[str, Any]:
    return {name: value for name, value in RING.items() if name != key}


def test_a_ring_has_one_endpoint_for_each_pod_by_ordinal() -> None:
    assert hashring([RING], "monitoring") == [
        {
            "hashring": "default",
            "algorithm": "ketama",
            "endpoints": [f"receive-{ordinal}.receive.monitoring.svc.cluster.local:10901" for ordinal in range(3)],
        }
    ]


def test_each_zone_is_a_statefulset_behind_the_same_service() -> None:
    zones = [{"name": "a", "replicas": 2}, {"name": "b", "replicas": 1}]
    (ring,) = hashring([{**without("replicas"), "zones": zones}], "monitoring", "example.org")
    assert ring["endpoints"] == [
        {"address": "receive-a-0.receive.monitoring.svc.example.org:10901", "az": "a"},
        {"address": "receive-a-1.receive.monitoring.svc.example.org:10901", "az": "a"},
        {"address": "receive-b-0.receive.monitoring.svc.example.org:10901", "az": "b"},
    ]


def test_a_capnproto_port_is_written_for_each_endpoint() -> None:
    (ring,) = hashring([{**RING, "replicas": 1, "capnproto_port": 19392}], "monitoring", replication_factor=1)
    host = "receive-0.receive.monitoring.svc.cluster.local"
    assert ring["endpoints"] == [{"address": f"{host}:10901", "capnproto_address": f"{host}:19392"}]


def test_the_other_keys_are_those_of_the_file() -> None:
    more = {
        "tenants": ["team-*"],
        "tenant_matcher_type": "glob",
        "algorithm": "ketama",
        "shuffle_sharding_config": {"shard_size": 3},
    }
    (ring,) = hashring([{**RING, **more}], "monitoring", tenants=["team-a"])
    assert {key: ring[key] for key in more} == more


def test_external_labels_are_written_where_ingestors_load_the_file() -> None:
    labelled = {**RING, "tenants": ["a"], "external_labels": {"team": "a"}}
    (ring,) = hashring([labelled], "monitoring", router_only=False)
    assert ring["external_labels"] == {"team": "a"}
    assert "they act only where an ingestor loads the ring" in refusals(labelled)[0]


def test_numbers_that_templates_of_ansible_2_18_make_texts_of_are_numbers() -> None:
    assert hashring([{**RING, "replicas": "3"}], "monitoring", replication_factor="3") == hashring([RING], "monitoring")


@pytest.mark.parametrize(
    ("ring", "words"),
    [
        (without("name"), "Ring 1: it has no name"),
        ({**RING, "name": ""}, "Ring 1: it has no name"),
        ({**without("service"), "zones": []}, "Ring 1 (default): it has no service"),
        (without("replicas"), "Ring 1 (default): it has neither replicas nor zones"),
        ({**RING, "zones": []}, "Ring 1 (default): it has both replicas and zones"),
        ({**RING, "replicas": 0}, "Ring 1 (default), StatefulSet receive: 0 replicas are not possible"),
        ({**RING, "replicas": 1001}, "1001 replicas are not possible. Fix: give 1 to 1000"),
        ({**RING, "replicas": 10**30}, "replicas are not possible"),
        ({**RING, "replicas": "three"}, "Ring 1 (default): replicas is a text, not a whole number"),
        ({**RING, "service": "Receive"}, "StatefulSet Receive: its pods would have no valid host name"),
        ({**RING, "service": "a" * 62}, "its pods would have no valid host name"),
        ({**RING, "service": "a" * 60, "replicas": 101}, "its pods would have no valid host name"),
        ({**RING, "service": "a.b"}, "its pods would have no valid host name"),
        ({**RING, "capnproto_port": 65536}, "Ring 1 (default): capnproto_port 65536 is no port"),
        ({**RING, "capnproto_port": -1}, "Ring 1 (default): capnproto_port -1 is no port"),
        ({**RING, "endpoints": []}, "Ring 1 (default): there is no key 'endpoints'"),
        ({**RING, "tenants": "a"}, "Ring 1 (default): tenants is a text, not a list"),
    ],
)
def test_a_ring_that_makes_no_sense_is_refused(ring: Any, words: str) -> None:
    assert any(words in refusal for refusal in refusals(ring))


@pytest.mark.parametrize(
    ("zones", "words"),
    [
        ([{"name": "", "replicas": 3}], "Ring 1 (default), zone 1: its name '' is empty or used twice"),
        ([{"name": "a", "replicas": 3}, {"name": "a", "replicas": 3}], "zone 2: its name 'a' is empty or used twice"),
        ([{"name": "a"}], "Ring 1 (default), StatefulSet receive-a: 0 replicas are not possible"),
        ([{"name": "a", "replica": 3}], "Ring 1 (default), zone 1: there is no key 'replica'"),
        ([{"name": "A", "replicas": 3}], "StatefulSet receive-A: its pods would have no valid host name"),
        (["a"], "Ring 1 (default), zone 1: it is a text, not a mapping"),
        ({"a": 3}, "Ring 1 (default): zones is a mapping, not a list"),
        ([], "Ring 1 (default): it has 0 endpoints for 3 copies"),
    ],
)
def test_zones_that_make_no_sense_are_refused(zones: Any, words: str) -> None:
    assert any(words in refusal for refusal in refusals({**without("replicas"), "zones": zones}))


def test_the_largest_of_everything_is_allowed() -> None:
    assert len(hashring([{**RING, "replicas": 1000, "capnproto_port": 65535}], "a" * 63)[0]["endpoints"]) == 1000
    hashring([{**RING, "service": "a" * 61, "replicas": 10}], "monitoring")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"namespace": "Monitoring"}, "Option namespace: 'Monitoring' is not a namespace's name"),
        ({"namespace": 1}, "Options: namespace is a whole number, not a text"),
        ({"cluster_domain": "cluster.local."}, "Option cluster_domain: 'cluster.local.' is not a domain"),
        ({"replication_factor": 0}, "Replication factor 0"),
        ({"replication_factor": "many"}, "Options: replication_factor is a text, not a whole number"),
        ({"tenants": ["/"]}, "Tenant '/': a receiver answers 400"),
        ({"tenants": "a"}, "Options: tenants is a text, not a list"),
        ({"router_only": "no"}, "Options: router_only is a text, not true or false"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused(options: dict[str, Any], words: str) -> None:
    (refusal,) = refusals(RING, **options)
    assert words in refusal


def test_a_ring_that_is_no_mapping_is_refused() -> None:
    (refusal,) = refusals("default")
    assert "Ring 1: it is a text, not a mapping" in refusal


@pytest.mark.parametrize("spec", [None, [], {}, "a"])
def test_what_is_no_list_of_rings_is_refused(spec: object) -> None:
    with pytest.raises(AnsibleFilterError, match="Option spec: it is not a list of rings"):
        hashring(spec, "monitoring")


def test_everything_is_told_at_once() -> None:
    found = refusals({**RING, "replicas": 0, "tenants": 1}, {**RING, "replicas": 2}, namespace="A")
    assert [refusal.partition(": ")[0] for refusal in found[1:]] == [
        "Option namespace",
        "Ring 1 (default), StatefulSet receive",
        "Ring 1 (default)",
        "Ring 2 (default)",
        "Ring 1 (default) and Ring 2 (default)",
    ]
    assert found[0] == "5 problems:"


def test_an_even_replication_factor_is_allowed_with_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    monkeypatch.setattr(Display, "warning", lambda _display, message: shown.append(message))
    hashring([RING], "monitoring", replication_factor=2)
    (warning,) = shown
    assert warning.startswith("Replication factor 2: with 2 copies one stored copy is enough")
