"""The module migration_record, from its options to the JSON that Ansible reads."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from object_server import ObjectServer

from ansible_collections.miribit.thanos.plugins.action import migration_record
from ansible_collections.miribit.thanos.plugins.module_utils.kube import session
from ansible_collections.miribit.thanos.plugins.module_utils.kube.api import Request
from ansible_collections.miribit.thanos.plugins.module_utils.migration.lease import Lock, Run

NAME = "miribit-thanos-record-cluster-03"
WHERE = f"monitoring/{NAME} in context cluster-01"
QUERY = "apps/v1/Deployment/monitoring/thanos-query"
SECRET = "hunter2-must-stay-secret"
EMPTY = {"version": 1, "cluster": "cluster-03", "phase": "", "since": "", "evidence": {}, "objects": {}}
RUN = {"id": "3f9a1c2e", "owner": "root@host1"}
CONFIG_MAP = f"/api/v1/namespaces/monitoring/configmaps/{NAME}"
SECRET_OBJECT = f"/api/v1/namespaces/monitoring/secrets/{NAME}"

Ask = Callable[..., dict[str, Any]]


@pytest.fixture
def server() -> Iterator[ObjectServer]:
    with contextlib.ExitStack() as stack:
        yield stack.enter_context(ObjectServer().serve())


@pytest.fixture
def shown() -> list[str]:
    """The warnings."""
    return []


@pytest.fixture
def ask(run_action: Ask, kubeconfig: Callable[..., str], server: ObjectServer, shown: list[str]) -> Ask:
    """Run the module against the stand-in. It shows no secret, unless it is asked for."""
    access = {"kubeconfig": kubeconfig(server.url), "context": "cluster-01", "namespace": "monitoring"}

    def run(state: str = "read", **options: object) -> dict[str, Any]:
        result = run_action(
            migration_record.ActionModule, {**access, "cluster": "cluster-03", "state": state, **options}
        )
        if not options.get("rollback_wanted"):
            assert SECRET not in json.dumps(result)
        shown[:] = result.pop("warnings", [])
        return result

    return run


def recorded(server: ObjectServer) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(server.objects[CONFIG_MAP]["data"]["record.json"])
    return content


# Reading.


def test_a_lost_record_reads_as_an_empty_one(ask: Ask, shown: list[str]) -> None:
    result = ask()
    assert (result["record"], result["found"], result["broken"], result["changed"]) == (EMPTY, False, False, False)
    assert (result["rollback_keys"], shown) == ([], [])
    assert "rollback" not in result


def test_a_missing_namespace_is_as_a_lost_record(ask: Ask, server: ObjectServer) -> None:
    server.namespaces.clear()
    assert not ask()["found"]
    assert not ask("absent")["changed"]
    assert ask("present", phase="receiver", check_mode=True)["changed"]


def test_a_broken_record_is_a_warning_and_is_not_overwritten(ask: Ask, server: ObjectServer, shown: list[str]) -> None:
    ask("present", phase="receiver")
    server.objects[CONFIG_MAP]["data"]["record.json"] = "{"
    result = ask()
    assert (result["record"], result["found"], result["broken"]) == (EMPTY, True, True)
    assert result["changed"] is False
    problem = f"ConfigMap {WHERE}: its record.json is no JSON. Fix: look at it; to begin anew, write the record with"
    assert shown[0].startswith(problem)
    assert ask("present", phase="remote_write")["msg"].startswith(problem)
    assert server.objects[CONFIG_MAP]["data"]["record.json"] == "{"
    forced = ask("present", phase="remote_write", force=True)
    assert (forced["changed"], forced["record"]["phase"]) == (True, "remote_write")
    assert recorded(server)["phase"] == "remote_write"


# Writing.


def test_a_record_is_made_and_changed_piece_by_piece(ask: Ask, server: ObjectServer) -> None:
    first = ask("present", phase="receiver", objects={"thanos-query": [QUERY]})
    assert (first["changed"], first["found"]) == (True, False)
    server.passes(3600)
    second = ask("present", evidence={"canary": {"seconds": 2}})
    assert (second["changed"], second["found"]) == (True, True)
    assert second["record"] == recorded(server) == ask()["record"]
    assert second["record"] == {
        **EMPTY,
        "phase": "receiver",
        "since": "2026-01-01T12:00:00Z",
        "evidence": {"receiver": {"canary": {"seconds": 2}}},
        "objects": {"thanos-query": [QUERY]},
    }
    assert not any("secrets" in request for request in server.writes())
    labels = server.objects[CONFIG_MAP]["metadata"]["labels"]
    assert labels["app.kubernetes.io/managed-by"] == "miribit.thanos"


def test_what_changes_nothing_writes_nothing(ask: Ask, server: ObjectServer) -> None:
    options: dict[str, object] = {
        "phase": "receiver",
        "evidence": {"a": [1, None]},
        "objects": {"thanos-query": [QUERY]},
        "rollback": {"values": SECRET},
    }
    assert ask("present", **options)["changed"]
    written = server.writes()
    server.passes(3600)
    again = ask("present", **options)
    assert (again["changed"], again["diff"]) == (False, [])
    assert server.writes() == written


def test_a_phase_that_has_passed_is_entered_again_only_on_the_way_back(ask: Ask, server: ObjectServer) -> None:
    ask("present", phase="phase2", rollback={"agent": {"text": SECRET}})
    server.passes(3600)
    again = ask("present", phase="phase1", evidence={"proven": "yes"})
    assert (again["record"]["phase"], again["record"]["since"]) == ("phase2", "2026-01-01T12:00:00Z")
    assert recorded(server)["evidence"] == {"phase1": {"proven": "yes"}}
    back = ask("present", phase="phase1", back=True, rollback={"agent": None})
    assert (back["changed"], back["record"]["phase"], back["rollback_keys"]) == (True, "phase1", [])
    assert recorded(server)["since"] == "2026-01-01T13:00:00Z"
    assert ask("present", phase="phase1", back=True, rollback={"agent": None})["changed"] is False


def test_check_mode_shows_the_change_and_writes_nothing(ask: Ask, server: ObjectServer) -> None:
    ask("present", phase="receiver")
    written = server.writes()
    would = ask("present", phase="remote_write", rollback={"values": SECRET}, run=RUN, check_mode=True)
    assert (would["changed"], would["record"]["phase"], would["rollback_keys"]) == (True, "remote_write", ["values"])
    config_map, secret = would["diff"]
    assert config_map["before_header"] == f"ConfigMap monitoring/{NAME}"
    assert '"phase": "receiver"' in config_map["before"]
    assert '"phase": "remote_write"' in config_map["after"]
    assert secret["after"] == "keys values; the values are not shown\n"
    assert ask("absent", check_mode=True)["changed"]
    assert server.writes() == written


def test_a_record_is_taken_away_with_its_secret(ask: Ask, server: ObjectServer) -> None:
    ask("present", phase="receiver", rollback={"values": SECRET})
    gone = ask("absent")
    assert (gone["changed"], gone["found"], gone["record"], gone["rollback_keys"]) == (True, True, EMPTY, [])
    assert server.objects == {}
    assert ask("absent")["changed"] is False


def test_what_another_task_records_at_the_same_time_is_kept(ask: Ask, server: ObjectServer) -> None:
    ask("present", phase="receiver")

    def another() -> None:
        item = json.loads(json.dumps(server.objects[CONFIG_MAP]))
        content = recorded(server) | {"objects": {"other": [QUERY]}}
        server.send(Request("PUT", CONFIG_MAP, body={**item, "data": {"record.json": json.dumps(content)}}))

    server.between = another
    result = ask("present", evidence={"a": 1})
    assert result["changed"]
    assert recorded(server)["objects"] == {"other": [QUERY]}
    assert recorded(server)["evidence"] == {"receiver": {"a": 1}}


def test_a_record_that_another_task_makes_at_the_same_time_is_kept(ask: Ask, server: ObjectServer) -> None:
    body = {"metadata": {"name": NAME}, "data": {"record.json": json.dumps({**EMPTY, "phase": "receiver"})}}
    server.between = lambda: server.send(Request("POST", CONFIG_MAP.rpartition("/")[0], body=body))
    assert ask("present", evidence={"a": 1}, phase="remote_write")["found"]


def test_a_record_that_never_stands_still_is_a_problem(ask: Ask, server: ObjectServer) -> None:
    server.refusals["POST", "configmaps"] = (409, "exists")
    assert ask("present")["msg"].startswith(f"ConfigMap {WHERE}: others changed it 10 times")


def test_evidence_without_a_phase_is_refused(ask: Ask) -> None:
    assert ask("present", evidence={"a": 1})["msg"].startswith("Option evidence: the record is in no phase yet")


def test_a_cluster_that_no_object_can_be_named_after_is_refused(ask: Ask) -> None:
    assert "cannot be the end of an object's name" in ask(cluster="admin@prod")["msg"]


# The lock.


def test_a_run_without_the_lock_writes_nothing(ask: Ask, server: ObjectServer) -> None:
    for state in ("present", "absent"):
        server.objects.pop(CONFIG_MAP, None)
        if state == "absent":
            ask("present", phase="receiver")
        written = server.writes()
        message = ask(state, run=RUN)["msg"]
        assert message.startswith("Lock monitoring/miribit-thanos in context cluster-01: this run does not hold it")
        assert server.writes() == written


def test_a_run_with_the_lock_writes_and_renews_it(ask: Ask, server: ObjectServer) -> None:
    Lock(server, "monitoring", "miribit-thanos", Run(**RUN)).acquire(60, lambda _pid: None, final=False)
    server.passes(30)
    assert ask("present", phase="receiver", run=RUN)["changed"]
    assert server.named("miribit-thanos", "leases")["spec"]["renewTime"] == "2026-01-01T12:00:30.000000Z"


def test_a_run_that_is_none_is_refused(ask: Ask) -> None:
    assert ask("present", run={"id": "a"})["msg"].startswith("Option run: it has no id, or no owner")


# The way back.


def test_the_way_back_is_kept_in_a_secret_and_returned_when_wanted(ask: Ask, server: ObjectServer) -> None:
    kept = ask("present", phase="receiver", rollback={"helm_values": {"password": SECRET}, "release": "7"})
    assert kept["rollback_keys"] == ["helm_values", "release"]
    assert server.objects[SECRET_OBJECT]["type"] == "Opaque"
    assert SECRET not in json.dumps(server.objects[CONFIG_MAP])
    # First, so that no phase is recorded that there is no way back from.
    assert ["secrets" in request for request in server.writes()] == [True, False]
    ask("present", rollback={"release": "8"})
    wanted = ask(rollback_wanted=True, no_log=True)
    assert wanted["rollback"] == {"helm_values": {"password": SECRET}, "release": "8"}
    assert "rollback" not in ask()


def test_a_task_that_would_show_the_way_back_is_refused(ask: Ask, server: ObjectServer) -> None:
    ask("present", rollback={"a": SECRET})
    assert ask(rollback_wanted=True)["msg"].startswith("Option rollback_wanted: what it returns can be secret")


def test_a_value_of_the_way_back_hides_nothing_else(ask: Ask) -> None:
    # Ansible hides the values of such an option wherever they occur; here they are short and common.
    asked = {"rollback": {"a": "monitoring", "b": 1, "c": "e"}, "objects": {"q": [QUERY]}}
    result = ask("present", phase="receiver", **asked)
    assert result["record"]["objects"] == {"q": [QUERY]}
    assert result["record"]["version"] == 1
    assert "invocation" not in result


def test_a_broken_way_back_is_a_warning(ask: Ask, server: ObjectServer, shown: list[str]) -> None:
    ask("present", rollback={"a": SECRET, "b": 2})
    server.objects[SECRET_OBJECT]["data"]["a"] = "?"
    assert ask(rollback_wanted=True, no_log=True)["rollback"] == {"b": 2}
    assert shown[0].startswith(f"Secret {WHERE}: its key a cannot be read. Fix: ")


@pytest.mark.parametrize(
    ("status", "message"),
    [(422, f"data: Invalid value: {SECRET}"), (403, f"admission webhook denied the request: {SECRET}")],
)
def test_a_refusal_that_may_quote_the_secret_is_not_passed_on(
    ask: Ask, server: ObjectServer, status: int, message: str
) -> None:
    server.refusals["POST", "secrets"] = (status, message)
    result = ask("present", phase="receiver", rollback={"a": "another"})
    assert result["msg"].startswith(f"Secret {WHERE}: the API server refuses it (HTTP {status}); its words are left")
    assert CONFIG_MAP not in server.objects


def test_a_missing_permission_is_passed_on(ask: Ask, server: ObjectServer) -> None:
    server.refusals["POST", "secrets"] = (403, "secrets is forbidden")
    assert "the API server forbids it: secrets is forbidden" in ask("present", rollback={"a": SECRET})["msg"]


def test_a_key_that_a_secret_cannot_have_is_refused(ask: Ask) -> None:
    assert ask("present", rollback={"a/b": SECRET})["msg"].startswith("Option rollback: 'a/b' cannot be keys")


def test_a_controller_without_the_kubernetes_library_is_told_what_to_install(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "HAS_KUBERNETES", False)
    assert "Failed to import the required Python library (kubernetes)" in ask()["msg"]
