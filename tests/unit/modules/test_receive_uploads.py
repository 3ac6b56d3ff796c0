"""The module receive_uploads, from its options to the JSON that Ansible reads. The texts are those of Thanos 0.42.4."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from probe_cluster import ProbeCluster, probe_cluster, ran
from workload_objects import PODS, StandIn, pod

from ansible_collections.miribit.thanos.plugins.action import _receive_uploads as receive_uploads
from ansible_collections.miribit.thanos.plugins.module_utils.kube import session
from ansible_collections.miribit.thanos.plugins.module_utils.kube.api import Request
from ansible_collections.miribit.thanos.plugins.module_utils.kube.proxy import Answer
from ansible_collections.miribit.thanos.plugins.module_utils.probe.uploads import command, held, read
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.exposition import parse

__all__ = ["probe_cluster"]

Run = Callable[..., dict[str, Any]]

SECRET = "planted/secret+key"
CONFIG = (
    f"type: S3\nconfig: {{bucket: blocks, endpoint: 's3.example:9000', access_key: planted, secret_key: {SECRET}}}\n"
)
HOUR = 3_600_000
# 2026-01-01 00:00 UTC, the first sample; the last one is at 04:30.
START = 1_767_225_600_000
LAST = START + 4 * HOUR + HOUR // 2
HOLDING = {"pod": "r-0", "tenant": "a", "lowest": START, "highest": LAST, "series": 3, "blocks": 2}
EMPTY, EMPTY_LOWEST = "-9.223372036854776e+18", "9.223372036854776e+18"


def metrics(tenant: str = "a", **values: object) -> str:
    given = {
        "head_series": 3,
        "head_chunks": 3,
        "head_max_time": f"{LAST:.12e}",
        "lowest_timestamp": f"{START:.12e}",
        "blocks_loaded": 2,
        **values,
    }
    return "".join(f'prometheus_tsdb_{name}{{tenant="{tenant}"}} {value}\n' for name, value in given.items())


def block(start: float, end: float, tenant: str = "a", replica: str = "r-0", **more: int) -> str:
    """A line of the log, with hours since the start."""
    times = f"{START + round(start * HOUR)} {START + round(end * HOUR)}"
    return f"block {times} {more.get('resolution', 0)} {more.get('sources', 1)} {tenant} {replica}\n"


def listed(*lines: str) -> str:
    done = f'ts=2026-01-01T05:00:00Z caller=tools_bucket.go:527 level=info msg="ls done" objects={len(lines)}\n'
    return 'ts=1 caller=factory.go:39 level=info msg="loading bucket configuration"\n' + "".join(lines) + done


# To before the last sample, and to after it.
BEFORE = 4.5
BEYOND = 4.5 + 1 / HOUR
WHOLE = (block(0, 2), block(2, 4), block(4, BEYOND))


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """A cluster with two ingestors."""
    stand_in = StandIn()
    monkeypatch.setattr(session, "session", lambda _kubeconfig, _context: stand_in)
    stand_in.answers = {
        PODS: [pod("r-1", ready=True), pod("r-0", ready=True)],
        f"{PODS}/r-0:10902/proxy/metrics": metrics() + metrics("b"),
        f"{PODS}/r-1:10902/proxy/metrics": metrics(),
    }
    return stand_in


@pytest.fixture
def ask(run_action: Run, api: StandIn) -> Run:
    def run(**more: object) -> dict[str, Any]:
        return run_action(receive_uploads.ActionModule, {"namespace": "monitoring", "selector": "app=receive", **more})

    return run


@pytest.fixture
def check(run_action: Run, probe_cluster: ProbeCluster) -> Run:
    """Run the module after the end of the ingestors; the bucket has these blocks. Nothing secret comes back."""
    probe_cluster.secrets = {"bucket": {"objstore.yml": base64.b64encode(CONFIG.encode()).decode()}}
    probe_cluster.pods = [ran(list=0)]

    def run(*lines: str, holding: object = (HOLDING,), **more: object) -> dict[str, Any]:
        probe_cluster.logs.setdefault("list", listed(*lines))
        options = {"state": "uploaded", "namespace": "monitoring", "image": "registry.example/thanos:v0.42.4"}
        result = run_action(receive_uploads.ActionModule, {**options, "secret": "bucket", "holding": holding, **more})
        assert SECRET not in json.dumps(result)
        return result

    return run


def causes(result: dict[str, Any]) -> list[str]:
    assert result["failed"]
    return [problem["cause"] for problem in result["problems"]]


def test_each_ingestor_tells_what_it_holds_of_each_tenant(ask: Run, api: StandIn) -> None:
    result = ask()
    assert result["changed"] is False
    assert result["pods"] == ["r-0", "r-1"]
    assert result["holding"] == [HOLDING, {**HOLDING, "tenant": "b"}, {**HOLDING, "pod": "r-1"}]
    assert api.asked_for(PODS) == [{"labelSelector": "app=receive", "limit": "500"}]


def test_check_mode_reads_what_is_held_too(ask: Run) -> None:
    assert len(ask(check_mode=True)["holding"]) == 3


def test_where_there_is_no_ingestor_nothing_is_held(ask: Run, api: StandIn) -> None:
    api.answers[PODS] = []
    result = ask()
    assert (result["pods"], result["holding"]) == ([], [])


def test_every_pod_that_does_not_tell_is_told(ask: Run, api: StandIn) -> None:
    leaving = pod("r-3", ready=True)
    leaving["metadata"]["deletionTimestamp"] = "2026-01-01T12:00:00Z"
    api.answers[PODS] = [pod(name, ready=name != "r-2") for name in ("r-0", "r-1", "r-2")] + [leaving]
    api.answers[f"{PODS}/r-0:10902/proxy/metrics"] = Answer(500, b"oops")
    api.answers[f"{PODS}/r-1:10902/proxy/metrics"] = "thanos_receive_config_hash 1\n"
    told = causes(ask())
    assert told[0] == "it does not answer with metrics (HTTP 500: oops)"
    assert told[1] == "its metrics tell of no storage, as those of an ingestor do"
    assert told[2] == "it is not Ready, and may still be loading what it holds"
    assert told[3] == "it is being ended, and no longer tells what it holds"


@pytest.mark.parametrize(
    "values",
    [
        # A new TSDB.
        {
            "head_series": 0,
            "head_chunks": 0,
            "head_max_time": EMPTY,
            "lowest_timestamp": EMPTY_LOWEST,
            "blocks_loaded": 0,
        },
        # One whose samples were all refused: it has their series and their time.
        {"head_series": 1, "head_chunks": 0, "blocks_loaded": 0},
        {"head_max_time": "NaN"},
    ],
)
def test_a_tenant_without_samples_holds_nothing(values: dict[str, object]) -> None:
    assert held("r-0", parse(metrics(**values) + metrics("b"))) == read([{**HOLDING, "tenant": "b"}])


def test_an_empty_head_ends_where_its_blocks_end() -> None:
    # The end of a block is the first millisecond that is not in it.
    (one,) = held("r-0", parse(metrics(head_series=0, head_chunks=0))) or []
    assert (one.highest, one.series, one.blocks) == (LAST - 1, 0, 2)


def test_what_was_held_is_proven_by_blocks_from_its_first_to_its_last_sample(
    check: Run, probe_cluster: ProbeCluster
) -> None:
    result = check(*WHOLE)
    assert (result["changed"], result["checked"]) == (False, True)
    assert "DELETE jobs/" + probe_cluster.job["metadata"]["name"] in probe_cluster.asked


def test_only_blocks_that_can_be_theirs_are_listed(check: Run, probe_cluster: ProbeCluster) -> None:
    check(*WHOLE, *(block(0, 5, replica="r.1"),), holding=[HOLDING, {**HOLDING, "pod": "r.1", "lowest": START + 1999}])
    (container,) = probe_cluster.job["spec"]["template"]["spec"]["containers"]
    flags = dict(part[2:].split("=", 1) for part in container["command"] if "=" in part)
    assert flags["min-time"] == "2026-01-01T00:00:00Z"
    assert [rule["regex"] for rule in json.loads(flags["selector.relabel-config"])] == [".+", r"|r\-0|r\.1"]
    # Neither Kubernetes nor Thanos finds a variable in it.
    assert not any("$(" in part for part in container["command"])
    assert SECRET not in json.dumps(probe_cluster.job)
    assert base64.b64decode(probe_cluster.secret["data"]["objstore.yml"]).decode() == CONFIG


def test_the_log_is_read_from_its_beginning(
    check: Run, probe_cluster: ProbeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, str]] = []
    send = probe_cluster.send

    def noting(request: Request) -> Answer:
        if request.path.endswith("/log"):
            asked.append(dict(request.params))
        return send(request)

    monkeypatch.setattr(probe_cluster, "send", noting)
    assert check(*WHOLE, *(block(0, 2, tenant=f"tenant-{number}") for number in range(5000)))["checked"]
    assert asked == [{"container": "list", "limitBytes": "10485760"}]


def test_a_log_that_lacks_lines_proves_nothing(check: Run, probe_cluster: ProbeCluster) -> None:
    probe_cluster.logs["list"] = listed(*WHOLE).partition("\nblock ")[2]
    assert "does not show all of the bucket's blocks" in causes(check())[0]


@pytest.mark.parametrize(
    ("bucket", "cause"),
    [
        ([], "the bucket has no block of it, and it held samples until 2026-01-01 04:30:00.000 UTC"),
        ([block(0, 5, replica="r-1")], "the bucket has no block of it"),
        ([block(0, 5, tenant="b")], "the bucket has no block of it"),
        ([block(0, 5, resolution=300000)], "the bucket has no block of it"),
        ([block(-2, 0)], "the bucket has no block of it"),
        (
            [block(0, 2), block(2, 4)],
            "its newest block in the bucket ends at 2026-01-01 04:00:00.000 UTC; it held samples until",
        ),
        (
            [block(2, 4), block(4, BEYOND)],
            "its oldest block in the bucket begins at 2026-01-01 02:00:00.000 UTC; it held samples from",
        ),
        ([block(0, 2), block(2, 4), block(4, BEFORE)], "the bucket has all but its newest samples"),
        ([block(0, BEYOND)], "the bucket has 1 of the 2 blocks that it held"),
    ],
)
def test_what_is_not_in_the_bucket_is_told(check: Run, bucket: list[str], cause: str) -> None:
    result = check(*bucket)
    (problem,) = result["problems"]
    assert problem["subject"] == "Tenant a of pod r-0 in S3 bucket blocks at s3.example:9000"
    assert problem["cause"].startswith(cause)
    assert problem["fix"].startswith("keep its volume, start the ingestor again")


@pytest.mark.parametrize(
    "bucket",
    [
        # The tenant sent nothing for two hours.
        (block(0, 1), block(3, BEYOND)),
        # Compacted, and then with others' blocks.
        (block(0, 4, sources=2), block(4, BEYOND)),
        (block(-8, 4, replica="", sources=6), block(4, BEYOND)),
        (block(-8, 8, replica=""),),
        # With more than it held when it was asked.
        (*WHOLE, block(5, 6)),
    ],
)
def test_what_is_in_the_bucket_in_another_form_is_proven(check: Run, bucket: tuple[str, ...]) -> None:
    assert check(*bucket)["checked"]


def test_a_problem_is_told_for_each_pod_and_tenant(check: Run) -> None:
    others = [{**HOLDING, "tenant": "b"}, {**HOLDING, "pod": "r-1"}]
    result = check(*WHOLE, holding=[HOLDING, *others])
    assert [problem["subject"].partition(" in ")[0] for problem in result["problems"]] == [
        "Tenant b of pod r-0",
        "Tenant a of pod r-1",
    ]


def test_a_tenant_can_be_any_text(check: Run) -> None:
    line = block(0, 5, tenant="a+b%2F%E5%90%8D%22", sources=2)
    assert check(line, holding=[{**HOLDING, "tenant": 'a b/名"'}])["checked"]


@pytest.mark.parametrize("more", [{"check_mode": True}, {"holding": []}])
def test_in_check_mode_and_for_nothing_no_job_is_made(
    check: Run, probe_cluster: ProbeCluster, more: dict[str, object]
) -> None:
    assert check(**more)["checked"] is False
    assert probe_cluster.asked == []


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({**HOLDING, "pod": "r|.*"}, "it names no pod or no tenant"),
        ({**HOLDING, "tenant": ""}, "it names no pod or no tenant"),
        ({"pod": "r-0", "tenant": "a"}, "it has no times lowest and highest"),
        ({**HOLDING, "highest": 10**17}, "it has no times lowest and highest"),
        ({**HOLDING, "lowest": "x"}, "lowest is a text, not a whole number"),
        ({**HOLDING, "pods": 1}, "there is no key 'pods'"),
    ],
)
def test_what_no_ingestor_can_have_held_is_refused(check: Run, entry: dict[str, object], told: str) -> None:
    assert any(cause.startswith(told) for cause in causes(check(holding=[entry])))


def test_numbers_may_be_texts() -> None:
    assert read([{key: str(value) for key, value in HOLDING.items()}]) == read([HOLDING])


def test_a_bucket_that_cannot_be_listed_is_told_with_its_cause(check: Run, probe_cluster: ProbeCluster) -> None:
    probe_cluster.pods = [ran(list=1)]
    probe_cluster.logs["list"] = 'ts=1 caller=main.go:143 level=error err="dial tcp: lookup s3.example: no such host"'
    result = check()
    assert causes(result)[0].startswith("the cluster's DNS does not know the name of the endpoint")
    assert result["problems"][0]["subject"] == "S3 bucket blocks at s3.example:9000 from context cluster-03"


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (None, "it does not exist"),
        ({"other": "eA=="}, "it holds no text under objstore.yml; its keys: other"),
        ({"objstore.yml": base64.b64encode(f"a: b: {SECRET}".encode()).decode()}, "it is not YAML (line 1, column 5)"),
        ({"objstore.yml": base64.b64encode(b"type: S4").decode()}, "config is null, not a mapping"),
    ],
)
def test_a_secret_that_is_no_configuration_is_told(
    check: Run, probe_cluster: ProbeCluster, data: dict[str, str] | None, told: str
) -> None:
    probe_cluster.secrets = {} if data is None else {"bucket": data}
    assert causes(check())[0] == told
    assert probe_cluster.created == []


def test_bad_options_are_told_before_anything_is_asked(check: Run, probe_cluster: ProbeCluster) -> None:
    assert len(check(image="", timeout=1)["problems"]) == 2
    assert probe_cluster.asked == []


def test_the_listing_has_no_more_time_than_the_pod() -> None:
    assert "--timeout=90s" in command(read([HOLDING]), 90)


def test_a_controller_without_the_library_is_told_what_to_install(ask: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "HAS_KUBERNETES", False)
    assert "Failed to import the required Python library (kubernetes)" in ask()["msg"]
