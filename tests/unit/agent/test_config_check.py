"""What promtool says of a configuration, without what is secret in it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from agent_texts import AUDITED, SECRET
from probe_cluster import ProbeCluster, probe_cluster, ran

from ansible_collections.miribit.thanos.plugins.module_utils.agent import config_check
from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.kube.session import session_of

__all__ = ["probe_cluster"]

IMAGE = "quay.io/prometheus/prometheus:v2.48.0"
# As promtool 2.48 writes it.
FAILED = "Checking /probe/prometheus.yml\n  FAILED: parsing YAML file /probe/prometheus.yml: {}\n\n"

Check = Callable[..., dict[str, Any]]


@pytest.fixture
def check(probe_cluster: ProbeCluster) -> Check:
    """The problem, or nothing."""

    def run(text: str = AUDITED, image: str = IMAGE, **more: int) -> dict[str, Any]:
        session = session_of({"kubeconfig": None, "context": "cluster-03"})
        try:
            config_check.check(session, "monitoring", image, text, **more)
        except ProblemError as error:
            return {"failed": True, "msg": str(error), "problems": error.as_dicts()}
        return {}

    return run


@pytest.fixture
def says(check: Check, probe_cluster: ProbeCluster) -> Callable[..., str]:
    """The message, where promtool finds this; nothing secret comes back."""

    def run(found: str, text: str = AUDITED, code: int | None = 1, **more: object) -> str:
        probe_cluster.pods, probe_cluster.logs = [ran(check=code)], {"check": FAILED.format(found)}
        result = check(text, **more)
        assert result["failed"]
        assert SECRET not in json.dumps(result)
        (problem,) = result["problems"]
        assert result["msg"] == f"{problem['subject']}: {problem['cause']}. Fix: {problem['fix']}."
        return str(problem["cause"])

    return run


def test_a_configuration_that_loads_is_checked(check: Check, probe_cluster: ProbeCluster) -> None:
    probe_cluster.pods = [ran(check=0)]
    assert check() == {}
    (container,) = probe_cluster.job["spec"]["template"]["spec"]["containers"]
    assert container["image"] == IMAGE
    assert container["command"] == [
        "promtool",
        "check",
        "config",
        "--agent",
        "--syntax-only",
        "/probe/prometheus.yml",
    ]


def test_the_configuration_is_only_in_a_secret_that_goes_with_the_job(
    check: Check, probe_cluster: ProbeCluster
) -> None:
    probe_cluster.pods = [ran(check=0)]
    check(f"{AUDITED}    bearer_token: {SECRET}\n")
    text = base64.b64decode(probe_cluster.secret["data"]["prometheus.yml"]).decode()
    assert text == f"{AUDITED}    bearer_token: {SECRET}\n"
    assert SECRET not in json.dumps(probe_cluster.job)
    assert any(request.startswith("DELETE jobs/") for request in probe_cluster.asked)


def test_what_promtool_finds_is_told(says: Callable[..., str]) -> None:
    assert says("yaml: unmarshal errors: line 3: field protobuf_message not found") == (
        "Prometheus would not load it, as its own promtool says: FAILED: parsing YAML file prometheus.yml: "
        "yaml: unmarshal errors: line 3: field protobuf_message not found"
    )


def test_a_long_finding_is_cut(says: Callable[..., str]) -> None:
    assert says("x" * 1000).endswith("x...")
    assert len(says("x" * 1000)) < 700


def test_an_end_without_a_word_has_its_exit_code(check: Check, probe_cluster: ProbeCluster) -> None:
    probe_cluster.pods = [ran(check=3)]
    assert "promtool says: exit code 3. Fix: correct what it names" in check()["msg"]


def test_an_answer_that_comes_too_late_is_told(says: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter(range(0, 100_000, 60))
    monkeypatch.setattr("time.monotonic", lambda: next(moments))
    assert says("", code=None) == "promtool has not answered within 120 s"


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (f"password: {SECRET}", SECRET),
        (f"password: '{SECRET}'", f'"{SECRET}"'),
        (f"headers: {{X-Key: {SECRET}}}", SECRET),
        (f"url: https://anna:{SECRET}@a.example/push", f'parse "https://anna:{SECRET}@a.example/push": invalid'),
        (f"url: anna:{SECRET}@a.example", f'parse "anna:{SECRET}@a.example": first path segment'),
        (f"auth_token: {SECRET}", SECRET),
        # Where what stands there is not YAML, nobody knows what is secret.
        (f"a: [{SECRET}", SECRET),
    ],
)
def test_no_secret_of_the_configuration_is_quoted(says: Callable[..., str], written: str, said: str) -> None:
    assert "<secret>" in says(f"line 5: {said} is wrong", f"remote_write:\n  - {written}\n")


def test_the_beginning_of_a_secret_that_a_parser_quotes_is_hidden(says: Callable[..., str]) -> None:
    text = f"remote_write:\n  - password: {SECRET}\n"
    assert SECRET[:7] not in says(f"cannot unmarshal !!str `{SECRET[:7]}...` into config.Secret", text)


@pytest.mark.parametrize("password", ["0123456", "1e10000", "2001-13-45", "0x1F1F1F", "12:30:45", "2001-01-01"])
def test_a_secret_that_looks_like_something_else_is_a_text(says: Callable[..., str], password: str) -> None:
    text = f"remote_write:\n  - basic_auth:\n      password: {password}\n"
    assert password not in says(f"line 3: {password} is wrong", text)


def test_what_is_nested_without_end_is_no_crash(says: Callable[..., str]) -> None:
    assert "is wrong" in says("line 1 is wrong", "[" * 500)


@pytest.mark.parametrize(
    ("options", "named"), [({"image": ""}, "image"), ({"image": "a b"}, "image"), ({"seconds": 5}, "timeout")]
)
def test_an_option_that_makes_no_sense_starts_nothing(
    check: Check, probe_cluster: ProbeCluster, options: dict[str, Any], named: str
) -> None:
    assert check(**options)["msg"].startswith(f"Option {named}: ")
    assert probe_cluster.asked == []


def test_a_job_that_may_not_be_made_is_a_problem(check: Check, probe_cluster: ProbeCluster) -> None:
    probe_cluster.refusals["POST jobs"] = (403, "jobs is forbidden")
    assert "jobs is forbidden" in check()["msg"]
