"""The action apply_objects. kubernetes.core and the lock stand aside: they have tests of their own, and the lab."""

from __future__ import annotations

import json
from typing import Any
from unittest.mock import MagicMock

import pytest

from ansible_collections.miribit.thanos.plugins.action._apply_objects import ActionModule

Result = dict[str, Any]

SERVICE = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}}
ACCOUNT = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "a"}}
SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}, "data": {"key": "cGxhbnRlZA=="}}


class Applying(ActionModule):
    """Keeps what it runs; each module answers what a test says."""

    def answers(self, **results: Result) -> Applying:
        self.results = results
        self.ran: list[tuple[str, Result, bool]] = []
        return self

    def _execute_module(self, module_name: str, module_args: Result, **_others: object) -> Result:
        self.ran.append((module_name, module_args, bool(self._task.no_log)))
        return self.results[module_name.rpartition(".")[2].removeprefix("_")]


def applying(check_mode: bool = False, **options: object) -> Applying:
    given = {"context": "cluster-01", "namespace": "monitoring", "component": "thanos-query", **options}
    task = MagicMock(async_val=0, check_mode=check_mode, args=given, no_log=False, action="apply_objects")
    return Applying(task, MagicMock(), MagicMock(), MagicMock(), MagicMock(), MagicMock())


def test_all_objects_go_to_one_run_of_kubernetes_core_in_order_and_marked() -> None:
    results = [{"changed": False}, {"changed": True, "diff": {"before": {}, "after": {"kind": "Service"}}}]
    action = applying(objects=[SERVICE, ACCOUNT]).answers(k8s={"result": {"results": results}})
    result = action.run(task_vars={})
    ((name, arguments, _no_log),) = action.ran
    assert name == "kubernetes.core.k8s"
    assert [one["kind"] for one in arguments["resource_definition"]] == ["ServiceAccount", "Service"]
    assert arguments["server_side_apply"] == {"field_manager": "miribit.thanos", "force_conflicts": True}
    assert result["changed"]
    assert result["changed_objects"] == ["v1/Service/monitoring/a"]
    assert [diff["after"] for diff in result["diff"]] == ["kind: Service\n"]


def test_the_result_of_a_single_object_is_read_too() -> None:
    action = applying(objects=[SERVICE]).answers(k8s={"changed": False, "result": {"kind": "Service"}})
    result = action.run(task_vars={})
    assert (result["changed"], result["changed_objects"], result["diff"]) == (False, [], [])


def test_nothing_is_applied_by_a_run_that_has_lost_the_lock() -> None:
    lost = {"failed": True, "msg": "the lock is held by anna", "problems": [{"subject": "lock"}], "invocation": {}}
    action = applying(objects=[SERVICE], lock={"run": {}}).answers(migration_lock=lost)
    result = action.run(task_vars={})
    assert [name for name, *_rest in action.ran] == ["miribit.thanos.migration_lock"]
    assert (result["failed"], result["msg"]) == (True, "the lock is held by anna")


def test_check_mode_asks_for_no_lock() -> None:
    action = applying(check_mode=True, objects=[SERVICE], lock={"run": {}}).answers(k8s={"changed": True})
    assert action.run(task_vars={})["changed"]
    assert [name for name, *_rest in action.ran] == ["kubernetes.core.k8s"]


def test_check_mode_without_the_namespace_reports_what_is_rendered() -> None:
    action = applying(check_mode=True, objects=[SERVICE, SECRET], namespace_exists=False).answers()
    result = action.run(task_vars={})
    assert action.ran == []
    assert result["changed"]
    assert [diff["after_header"] for diff in result["diff"]] == ["Secret monitoring/a", "Service monitoring/a"]
    assert "cGxhbnRlZA==" not in json.dumps(result)


def test_texts_that_ansible_has_marked_are_shown_as_texts() -> None:
    class Marked(str):
        """As ansible-core 2.19 has them: YAML represents no subclass."""

        __slots__ = ()

    service = {**SERVICE, "metadata": {"name": Marked("a")}}
    action = applying(check_mode=True, component=Marked("thanos-query"), objects=[service], namespace_exists=False)
    (diff,) = action.answers().run(task_vars={})["diff"]
    assert "app.kubernetes.io/component: thanos-query" in diff["after"]


def test_what_goes_goes_in_reverse_order() -> None:
    results = {"result": {"results": [{"changed": True}, {"changed": True}]}}
    action = applying(objects=[ACCOUNT, SERVICE], state="absent").answers(k8s=results)
    result = action.run(task_vars={})
    arguments = action.ran[0][1]
    assert [one["kind"] for one in arguments["resource_definition"]] == ["Service", "ServiceAccount"]
    assert arguments["state"] == "absent"
    assert [diff["before"] for diff in result["diff"]] == ["Service monitoring/a\n", "ServiceAccount monitoring/a\n"]


def test_a_secret_goes_to_a_module_that_logs_nothing_and_its_refusal_quotes_nothing() -> None:
    status = {"kind": "Status", "code": 422, "reason": "Invalid", "message": "planted", "details": {"kind": "Secret"}}
    failed = {"failed": True, "msg": f"Failed to apply object: {json.dumps(status)}"}
    action = applying(objects=[SECRET]).answers(k8s=failed)
    result = action.run(task_vars={})
    assert action.ran[0][2] is True
    assert action._task.no_log is False
    assert result["failed"]
    assert "HTTP 422, Invalid" in result["msg"]
    assert "planted" not in json.dumps(result)
    assert "cGxhbnRlZA==" not in json.dumps(result)


MINE = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"a.yml": "password: planted"}}


def test_what_is_adopted_is_applied_as_it_is_given() -> None:
    action = applying(objects=[MINE], adopt=True).answers(k8s={"changed": True})
    result = action.run(task_vars={})
    ((_name, arguments, _no_log),) = action.ran
    assert arguments["resource_definition"] == [{**MINE, "metadata": {"name": "a", "namespace": "monitoring"}}]
    assert result["changed_objects"] == ["v1/ConfigMap/monitoring/a"]


@pytest.mark.parametrize("state", ["present", "absent"])
def test_what_holds_a_secret_is_logged_and_shown_nowhere(state: str) -> None:
    changed = {"changed": True, "diff": {"before": {}, "after": MINE}, "result": MINE}
    action = applying(objects=[MINE], secret=True, state=state).answers(k8s=changed)
    result = action.run(task_vars={})
    assert action.ran[0][2] is True
    assert (result["changed"], result["changed_objects"], result["diff"]) == (True, ["v1/ConfigMap/monitoring/a"], [])
    assert "planted" not in json.dumps(result)


def test_a_refusal_of_what_holds_a_secret_quotes_nothing() -> None:
    status = {"kind": "Status", "code": 422, "reason": "Invalid", "message": "planted", "details": {"kind": "x"}}
    for text in (f"Failed to apply object: {json.dumps(status)}", "planted"):
        action = applying(objects=[MINE], secret=True).answers(k8s={"failed": True, "msg": text})
        assert "planted" not in json.dumps(action.run(task_vars={}))


def test_what_holds_a_secret_is_not_shown_where_the_namespace_is_missing() -> None:
    options = {"check_mode": True, "objects": [MINE], "secret": True, "namespace_exists": False}
    result = applying(**options).answers().run(task_vars={})  # type: ignore[arg-type]
    assert result["changed"]
    assert "planted" not in json.dumps(result)


@pytest.mark.parametrize("before", [True, False])
def test_a_task_shows_as_little_afterwards_as_before(before: bool) -> None:
    action = applying(objects=[SECRET]).answers(k8s={"changed": False})
    action._task.no_log = before
    action.run(task_vars={})
    assert action._task.no_log is before


def test_a_failure_that_is_no_refusal_is_told_as_it_is() -> None:
    action = applying(objects=[SERVICE]).answers(k8s={"failed": True, "msg": "Failed to import kubernetes"})
    result = action.run(task_vars={})
    assert "Failed to import kubernetes" in result["msg"]
    assert result["problems"][0]["fix"]


@pytest.mark.parametrize("objects", [[], [None]])
def test_without_objects_nothing_is_run(objects: list[object]) -> None:
    action = applying(objects=[one for one in objects if one]).answers()
    assert action.run(task_vars={})["changed"] is False
    assert action.ran == []


def test_an_object_that_no_role_may_render_is_refused() -> None:
    result = applying(objects=[{"kind": "Pod"}]).answers().run(task_vars={})
    assert result["failed"]
    assert "one that roles handle" in result["msg"]


def test_a_volume_is_deleted_where_it_is_named_and_never_applied() -> None:
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data-a-0"}}
    action = applying(objects=[claim], state="absent", lock={"run": {}}).answers(
        migration_lock={}, k8s={"changed": True}
    )
    assert action.run(task_vars={})["changed_objects"] == ["v1/PersistentVolumeClaim/monitoring/data-a-0"]
    assert [name for name, *_rest in action.ran] == ["miribit.thanos.migration_lock", "kubernetes.core.k8s"]
    refused = applying(objects=[claim]).answers().run(task_vars={})
    assert "'PersistentVolumeClaim' is not one that roles handle" in refused["msg"]
