"""The action apply_objects, on a stand-in that applies and deletes as an API server does, with a record and a lock."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml
from object_server import ObjectServer

from ansible_collections.miribit.thanos.plugins.action import _apply_objects as apply_objects
from ansible_collections.miribit.thanos.plugins.action import migration_record
from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.kube import session
from ansible_collections.miribit.thanos.plugins.module_utils.kube.rendered import CLUSTER_WIDE, RESOURCES, labels_of
from ansible_collections.miribit.thanos.plugins.module_utils.migration.keeper import Keeper
from ansible_collections.miribit.thanos.plugins.module_utils.migration.lease import LOCK_NAME, Lock, Run
from ansible_collections.miribit.thanos.plugins.plugin_utils.cluster_action import FailedError

Result = dict[str, Any]
Apply = Callable[..., Result]

PLANTED = "cGxhbnRlZA=="
SERVICE = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": {"clusterIP": "None"}}
ACCOUNT = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "a"}}
SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}, "data": {"key": PLANTED}}
CONFIG = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"a.yml": "one", "b.yml": "two"}}
NAMED = "v1/ConfigMap/monitoring/a"
CONFIG_MAPS = "/api/v1/namespaces/monitoring/configmaps"
KEPT, GONE, FOREIGN = (f"v1/ConfigMap/monitoring/{name}" for name in ("kept", "gone", "foreign"))
ROLLOUT = {"workloads": [{"kind": "Deployment", "name": "a"}]}
RUN = {"id": "3f9a1c2e", "owner": "root@host1"}


@pytest.fixture
def server() -> Iterator[ObjectServer]:
    with contextlib.ExitStack() as stack:
        yield stack.enter_context(ObjectServer().serve())


@pytest.fixture
def access(kubeconfig: Callable[..., str], server: ObjectServer) -> Result:
    return {"kubeconfig": kubeconfig(server.url), "context": "cluster-01"}


@pytest.fixture
def apply(run_action: Callable[..., Result], access: Result) -> Apply:
    def run(*objects: Result, **options: object) -> Result:
        given = {"namespace": "monitoring", "component": "thanos-query", "objects": list(objects), **options}
        return run_action(apply_objects.ActionModule, {**access, **given})

    return run


@pytest.fixture
def record(access: Result) -> Result:
    return {**access, "namespace": "monitoring", "cluster": "cluster-03"}


@pytest.fixture
def recorded(run_action: Callable[..., Result], record: Result) -> Callable[..., list[str]]:
    """Record these objects of the component, if there are any, and return which are recorded."""

    def write_and_read(*objects: str) -> list[str]:
        more = {"state": "present", "objects": {"thanos-query": list(objects)}} if objects else {}
        found = run_action(migration_record.ActionModule, {**record, **more})
        return list(found["record"]["objects"].get("thanos-query", []))

    return write_and_read


@pytest.fixture
def lock(access: Result, server: ObjectServer) -> Result:
    """Options of a lock that the run holds."""
    held = Lock(server, "monitoring", LOCK_NAME, Run(RUN["id"], RUN["owner"]))
    held.acquire(60, lambda _pid: None, final=False)
    server.requests.clear()
    return {**access, "namespace": "monitoring", "run": RUN}


def config_map(name: str, component: str = "thanos-query") -> Result:
    return {"metadata": {"name": name, "namespace": "monitoring", "labels": labels_of(component)}}


def has(server: ObjectServer, *objects: Result) -> None:
    server.objects |= {f"{CONFIG_MAPS}/{item['metadata']['name']}": item for item in objects}


def names_of(server: ObjectServer) -> set[str]:
    return {path.removeprefix(f"{CONFIG_MAPS}/") for path in server.objects if "record" not in path}


def applied(server: ObjectServer) -> list[str]:
    return [request for request in server.writes() if request.startswith("PATCH")]


# Applied.


def test_objects_are_applied_in_order_with_their_namespace_and_marks(apply: Apply, server: ObjectServer) -> None:
    result = apply(SERVICE, ACCOUNT)
    place = "PATCH /api/v1/namespaces/monitoring"
    assert server.writes() == [f"{place}/serviceaccounts/a", f"{place}/services/a"]
    assert server.named("a", "services")["metadata"]["labels"] == labels_of("thanos-query")
    both = ["v1/ServiceAccount/monitoring/a", "v1/Service/monitoring/a"]
    assert (result["changed"], result["objects"], result["changed_objects"]) == (True, both, both)
    headers = [diff["after_header"] for diff in result["diff"]]
    assert headers == ["ServiceAccount monitoring/a", "Service monitoring/a"]


@pytest.mark.parametrize("state", ["present", "absent", "pruned"])
def test_nothing_reaches_a_server_that_only_the_environment_names(
    apply: Apply, server: ObjectServer, record: Result, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    """As AWX sets it for its credential; kubernetes.core and Helm prefer that to a kubeconfig."""
    with contextlib.ExitStack() as stack:
        other = stack.enter_context(ObjectServer().serve())
        for name in ("K8S_AUTH_HOST", "HELM_KUBEAPISERVER", "KUBERNETES_SERVICE_HOST"):
            monkeypatch.setenv(name, other.url)
        monkeypatch.setenv("K8S_AUTH_API_KEY", "elsewhere")
        assert "failed" not in apply(SERVICE, state=state, record=record)
    assert server.requests
    assert other.requests == []


def test_a_second_time_changes_nothing(apply: Apply, server: ObjectServer) -> None:
    apply(SERVICE, ACCOUNT, SECRET)
    before = json.dumps(server.objects)
    result = apply(SERVICE, ACCOUNT, SECRET)
    assert (result["changed"], result["changed_objects"], result["diff"]) == (False, [], [])
    assert json.dumps(server.objects) == before


def test_a_diff_shows_what_differs_and_nothing_else(apply: Apply, server: ObjectServer) -> None:
    apply(CONFIG, SERVICE)
    server.passes(60)
    # As its controller would.
    server.named("a", "configmaps")["status"] = {"seen": 1}
    result = apply({**CONFIG, "data": {"a.yml": "one", "b.yml": "three"}}, SERVICE)
    assert result["changed_objects"] == [NAMED]
    (diff,) = result["diff"]
    assert (diff["before"], diff["after"]) == ("data:\n  b.yml: two\n", "data:\n  b.yml: three\n")


def test_what_only_the_api_server_writes_is_no_change(apply: Apply, server: ObjectServer) -> None:
    apply(CONFIG)
    metadata = server.named("a", "configmaps")["metadata"]
    # So that it writes these anew.
    metadata |= {"managedFields": [], "generation": 7}
    server._owned.clear()
    assert apply(CONFIG)["changed"] is False


def test_a_new_object_is_shown_without_what_the_api_server_adds(apply: Apply) -> None:
    (diff,) = apply(CONFIG)["diff"]
    metadata = {"labels": labels_of("thanos-query"), "name": "a", "namespace": "monitoring"}
    assert yaml.safe_load(diff["after"]) == {**CONFIG, "metadata": metadata}
    assert diff["before"] == ""


def test_what_is_left_out_goes_and_what_others_have_set_is_taken_over(apply: Apply, server: ObjectServer) -> None:
    apply({**CONFIG, "data": {"b.yml": "theirs", "c.yml": "theirs"}}, field_manager="somebody")
    apply(CONFIG)
    apply({**CONFIG, "data": {"b.yml": "two"}})
    assert server.named("a", "configmaps")["data"] == {"b.yml": "two", "c.yml": "theirs"}


def test_a_secret_shows_only_the_names_of_its_keys(apply: Apply) -> None:
    result = apply(SECRET)
    assert result["diff"][0]["after"] == "keys key; the values are not shown\n"
    assert PLANTED not in json.dumps(result)


def test_without_objects_nothing_is_asked_for(apply: Apply, server: ObjectServer) -> None:
    assert apply()["changed"] is False
    assert server.requests == []


def test_an_object_that_no_role_may_render_is_refused(apply: Apply, server: ObjectServer) -> None:
    result = apply({"kind": "Pod"})
    assert result["failed"]
    assert "its kind 'Pod' is not one that roles handle" in result["msg"]
    assert server.requests == []


def test_what_is_adopted_is_applied_as_it_is_given(apply: Apply, server: ObjectServer) -> None:
    theirs = {**CONFIG, "metadata": {"name": "a", "namespace": "monitoring", "labels": {"team": "a"}}}
    has(server, {**theirs, "data": {"a.yml": "zero", "c.yml": "three"}})
    result = apply(CONFIG, adopt=True, field_manager="miribit.thanos.agent")
    found = server.named("a", "configmaps")
    assert found["metadata"]["labels"] == {"team": "a"}
    assert found["data"] == {"a.yml": "one", "b.yml": "two", "c.yml": "three"}
    assert [entry["manager"] for entry in found["metadata"]["managedFields"]] == ["miribit.thanos.agent"]
    assert result["changed_objects"] == [NAMED]


@pytest.mark.parametrize("state", ["present", "absent"])
def test_of_what_holds_a_secret_no_diff_is_shown(apply: Apply, server: ObjectServer, state: str) -> None:
    mine = {**CONFIG, "data": {"a.yml": "password: planted"}}
    if state == "absent":
        apply(mine, secret=True)
    result = apply(mine, secret=True, state=state)
    assert (result["changed"], result["changed_objects"], result["diff"]) == (True, [NAMED], [])
    assert "planted" not in json.dumps(result)


# Check mode.


def test_a_dry_run_tells_the_same_and_writes_nothing(apply: Apply, server: ObjectServer) -> None:
    apply(SERVICE)
    before = json.dumps(server.objects)
    changed = [{**SERVICE, "spec": {"clusterIP": "None", "type": "ClusterIP"}}, CONFIG]
    dry = apply(*changed, check_mode=True)
    assert server.requests[-1].endswith("?dryRun=All")
    assert json.dumps(server.objects) == before
    assert dry == apply(*changed)
    assert dry["changed_objects"] == [NAMED, "v1/Service/monitoring/a"]


def test_check_mode_without_the_namespace_reports_what_is_rendered(apply: Apply, server: ObjectServer) -> None:
    server.namespaces.clear()
    result = apply(SERVICE, SECRET, namespace_exists=False, check_mode=True)
    assert server.requests == []
    assert result["changed_objects"] == ["v1/Secret/monitoring/a", "v1/Service/monitoring/a"]
    assert [diff["after_header"] for diff in result["diff"]] == ["Secret monitoring/a", "Service monitoring/a"]
    assert PLANTED not in json.dumps(result)
    assert apply(CONFIG, namespace_exists=False, check_mode=True, secret=True)["diff"] == []


def test_check_mode_asks_for_no_lock(apply: Apply, server: ObjectServer, lock: Result) -> None:
    assert apply(CONFIG, lock={**lock, "run": {**RUN, "id": "another"}}, check_mode=True)["changed"]
    assert not any("leases" in request for request in server.requests)


# Deleted.


def test_what_goes_goes_in_reverse_order(apply: Apply, server: ObjectServer) -> None:
    apply(ACCOUNT, SERVICE)
    server.requests.clear()
    dry = apply(ACCOUNT, SERVICE, state="absent", check_mode=True)
    assert len(server.objects) == 2
    result = apply(ACCOUNT, SERVICE, state="absent")
    place = "DELETE /api/v1/namespaces/monitoring"
    assert server.writes() == [f"{place}/services/a", f"{place}/serviceaccounts/a"]
    assert server.objects == {}
    assert [diff["before"] for diff in result["diff"]] == ["Service monitoring/a\n", "ServiceAccount monitoring/a\n"]
    assert result == dry
    again = apply(ACCOUNT, SERVICE, state="absent")
    assert (again["changed"], again["diff"]) == (False, [])


def test_a_volume_is_deleted_where_it_is_named_and_never_applied(apply: Apply, server: ObjectServer) -> None:
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data-a-0"}}
    server.objects["/api/v1/namespaces/monitoring/persistentvolumeclaims/data-a-0"] = claim
    assert "'PersistentVolumeClaim' is not one that roles handle" in apply(claim)["msg"]
    result = apply(claim, state="absent")
    assert result["changed_objects"] == ["v1/PersistentVolumeClaim/monitoring/data-a-0"]
    assert server.objects == {}


def test_a_refusal_to_delete_is_told(apply: Apply, server: ObjectServer) -> None:
    apply(CONFIG)
    server.refusals["DELETE", "configmaps"] = (403, 'configmaps "a" is forbidden: User "anna" cannot delete')
    (problem,) = apply(CONFIG, state="absent")["problems"]
    assert problem["subject"] == "ConfigMap monitoring/a in context cluster-01"
    assert problem["cause"].endswith('configmaps "a" is forbidden: User "anna" cannot delete')


# The lock.


@pytest.mark.parametrize("state", ["present", "absent", "pruned"])
def test_a_run_that_has_lost_the_lock_writes_nothing(
    apply: Apply, server: ObjectServer, lock: Result, record: Result, state: str
) -> None:
    theirs = {**lock, "run": {**RUN, "id": "another"}}
    result = apply(CONFIG, state=state, lock=theirs, record=record)
    assert "this run does not hold it: it is held by root@host1 run 3f9a1c2e" in result["msg"]
    assert server.writes() == []


@pytest.mark.parametrize("state", ["present", "absent"])
def test_a_lock_that_is_lost_since_it_began_stops_it(
    apply: Apply, server: ObjectServer, lock: Result, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    def lost(_self: Keeper) -> None:
        raise ProblemError([Problem("Lock", "it is held by anna", "wait")])

    monkeypatch.setattr(Keeper, "check", lost)
    assert apply(CONFIG, state=state, lock=lock)["msg"] == "Lock: it is held by anna. Fix: wait."
    assert server.writes() == []


def test_a_run_that_holds_the_lock_applies(apply: Apply, server: ObjectServer, lock: Result) -> None:
    assert apply(CONFIG, lock=lock)["changed"]
    assert len(applied(server)) == 1


# Refused.


@pytest.mark.parametrize(
    ("status", "message", "fix"),
    [
        (403, 'configmaps "a" is forbidden: User "anna" cannot patch resource', "allow the user what it names"),
        (403, 'configmaps "a" is forbidden: exceeded quota: small, requested: count/configmaps=1', "ResourceQuota"),
        (404, 'namespaces "monitoring" not found', "check that the namespace exists"),
        (422, 'ConfigMap "a" is invalid: data[a]: Invalid value', "correct the variable behind the field"),
        (400, "the body is no object", "correct what it names"),
    ],
)
def test_a_refusal_is_told_in_the_words_of_the_api_server(
    apply: Apply, server: ObjectServer, status: int, message: str, fix: str
) -> None:
    server.refusals["PATCH", "configmaps"] = (status, message)
    result = apply(CONFIG)
    (problem,) = result["problems"]
    assert problem["subject"] == "ConfigMap monitoring/a in context cluster-01"
    assert problem["cause"] == f"the API server refuses it: {message}"
    assert fix in problem["fix"]
    assert result["failed"]
    assert result["msg"].startswith("ConfigMap monitoring/a in context cluster-01: the API server refuses it: ")


def test_nothing_is_applied_after_a_refusal(apply: Apply, server: ObjectServer) -> None:
    server.refusals["PATCH", "configmaps"] = (422, "it is invalid")
    assert apply(ACCOUNT, CONFIG, SERVICE)["failed"]
    assert [path.rpartition("/")[0].rpartition("/")[2] for path in server.objects] == ["serviceaccounts"]


@pytest.mark.parametrize("status", [403, 422, 500, 503])
@pytest.mark.parametrize("secret", [True, False])
def test_the_refusal_of_a_secret_quotes_nothing(
    apply: Apply, server: ObjectServer, monkeypatch: pytest.MonkeyPatch, status: int, secret: bool
) -> None:
    monkeypatch.setattr(session, "_PAUSES", ())
    server.refusals["PATCH", ""] = (status, f"Invalid value: {PLANTED}")
    result = apply(CONFIG if secret else SECRET, secret=secret)
    assert f"HTTP {status}" in result["msg"]
    assert PLANTED not in json.dumps(result)


@pytest.mark.parametrize("item", [CONFIG, SECRET])
def test_an_api_server_that_cannot_answer_for_now_is_not_told_as_a_refusal(
    apply: Apply, server: ObjectServer, monkeypatch: pytest.MonkeyPatch, item: Result
) -> None:
    monkeypatch.setattr(session, "_PAUSES", ())
    server.refusals["PATCH", ""] = (503, "etcdserver: leader changed")
    (problem,) = apply(item)["problems"]
    assert "the API server is not able to answer (HTTP 503" in problem["cause"]
    assert problem["fix"] == "run it again when the API server is healthy"


@pytest.mark.parametrize("item", [CONFIG, SECRET])
def test_credentials_that_are_not_accepted_are_told_as_that(apply: Apply, server: ObjectServer, item: Result) -> None:
    server.refusals["GET", ""] = server.refusals["PATCH", ""] = (401, "Unauthorized")
    (problem,) = apply(item)["problems"]
    assert problem["subject"] == "API server of context cluster-01"
    assert "it does not accept the credentials of the kubeconfig" in problem["cause"]


def test_an_api_server_that_is_away_is_told_as_that(
    apply: Apply, kubeconfig: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "_PAUSES", ())
    (problem,) = apply(SECRET, kubeconfig=kubeconfig("http://127.0.0.1:1"))["problems"]
    assert problem["subject"] == "API server 127.0.0.1:1 of context cluster-01"
    assert "it cannot be reached" in problem["cause"]


def test_who_changes_it_at_the_same_time_is_met_three_times_and_then_told(apply: Apply, server: ObjectServer) -> None:
    server.refusals["PATCH", "configmaps"] = (409, "the object has been modified")
    (problem,) = apply(CONFIG)["problems"]
    assert len(applied(server)) == 3
    assert problem["subject"] == "ConfigMap monitoring/a in context cluster-01"
    assert problem["cause"] == "somebody changes or deletes it at the same time"


def test_who_changes_it_once_at_the_same_time_is_not_noticed(apply: Apply, server: ObjectServer) -> None:
    def somebody() -> None:
        server.refusals["PATCH", "configmaps"] = (409, "the object has been modified")
        server.between = server.refusals.clear

    server.between = somebody
    assert apply(CONFIG)["changed_objects"] == [NAMED]
    assert len(applied(server)) == 2


# Recorded.


def test_objects_are_recorded_before_they_are_applied(
    apply: Apply, server: ObjectServer, record: Result, recorded: Callable[..., list[str]]
) -> None:
    server.refusals["PATCH", ""] = (422, "it is invalid")
    assert apply(CONFIG, record=record)["failed"]
    assert recorded() == [NAMED]


def test_the_record_of_what_was_applied_before_is_kept(
    apply: Apply, record: Result, recorded: Callable[..., list[str]]
) -> None:
    recorded(GONE)
    result = apply(CONFIG, record=record)
    assert recorded() == [NAMED, GONE]
    headers = [diff["after_header"] for diff in result["diff"]]
    assert headers == ["ConfigMap monitoring/miribit-thanos-record-cluster-03", "ConfigMap monitoring/a"]
    assert apply(CONFIG, record=record)["changed"] is False


def test_check_mode_records_nothing(apply: Apply, server: ObjectServer, record: Result) -> None:
    assert apply(CONFIG, record=record, prune=True, check_mode=True)["changed"]
    assert server.writes() == []


@pytest.mark.parametrize("options", [{"prune": True}, {"state": "pruned"}])
def test_without_a_record_nothing_can_be_pruned(apply: Apply, server: ObjectServer, options: Result) -> None:
    result = apply(CONFIG, **options)
    assert result["failed"]
    assert "record" in result["msg"]
    assert server.requests == []


# Waited for.


def test_the_rollout_is_waited_for_after_the_objects_are_applied(
    apply: Apply, server: ObjectServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def look_at(options: Result, *, wait: bool, final: bool) -> Result:
        seen.append(
            (options["workloads"], options["namespace"], bool(options["since"]), wait, final, len(server.objects))
        )
        return {"done": True, "progress": []}

    monkeypatch.setattr(apply_objects, "look_at", look_at)
    assert apply(CONFIG, rollout=ROLLOUT)["changed"]
    assert seen == [(ROLLOUT["workloads"], "monitoring", True, True, False, 1)]
    assert apply(CONFIG, rollout=ROLLOUT, check_mode=True)["changed"] is False
    assert len(seen) == 1


def test_a_rollout_that_fails_keeps_what_was_changed_and_nothing_is_pruned(
    apply: Apply,
    server: ObjectServer,
    record: Result,
    recorded: Callable[..., list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def look_at(_options: Result, **_how: bool) -> Result:
        problem = Problem("Deployment monitoring/a", "its pods crash", "read their log")
        raise FailedError([problem], {"progress": ["Deployment monitoring/a: 0 of 1"]})

    monkeypatch.setattr(apply_objects, "look_at", look_at)
    has(server, config_map("gone"))
    recorded(GONE)
    result = apply(CONFIG, rollout=ROLLOUT, record=record, prune=True)
    assert result["failed"]
    assert result["msg"] == "Deployment monitoring/a: its pods crash. Fix: read their log."
    assert (result["changed"], result["changed_objects"]) == (True, [NAMED])
    assert result["diff"][-1]["after_header"] == "ConfigMap monitoring/a"
    assert result["progress"] == ["Deployment monitoring/a: 0 of 1"]
    assert names_of(server) == {"a", "gone"}
    assert recorded() == [NAMED, GONE]


# What is no longer wanted.


def test_what_is_no_longer_wanted_goes_after_the_others_are_applied(
    apply: Apply, server: ObjectServer, record: Result, recorded: Callable[..., list[str]]
) -> None:
    other = {**CONFIG, "metadata": {"name": "other"}}
    apply(CONFIG, other, record=record, prune=True)
    server.requests.clear()
    result = apply(CONFIG, record=record, prune=True)
    assert [request for request in server.writes() if "record" not in request] == [
        f"PATCH {CONFIG_MAPS}/a",
        f"DELETE {CONFIG_MAPS}/other",
    ]
    assert (result["changed"], result["changed_objects"]) == (True, ["v1/ConfigMap/monitoring/other"])
    assert {"before": "ConfigMap monitoring/other\n", "after": ""} in result["diff"]
    assert "warnings" not in result
    assert recorded() == [NAMED]
    assert apply(CONFIG, record=record, prune=True)["changed"] is False


def test_without_prune_it_stays(apply: Apply, server: ObjectServer, record: Result) -> None:
    apply({**CONFIG, "metadata": {"name": "other"}}, record=record)
    apply(CONFIG, record=record)
    assert names_of(server) == {"a", "other"}


def kept(name: str = "kept") -> Result:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}


def test_what_was_recorded_and_is_not_wanted_goes_while_it_is_ours(
    apply: Apply, server: ObjectServer, record: Result, recorded: Callable[..., list[str]]
) -> None:
    has(server, config_map("kept"), config_map("gone"), config_map("foreign", "somebody-else"))
    recorded(KEPT, GONE, FOREIGN, "v1/ConfigMap/monitoring/already-deleted")
    result = apply(kept(), state="pruned", record=record)
    assert (result["changed_objects"], "warnings" in result) == ([GONE], False)
    assert names_of(server) == {"kept", "foreign"}
    assert recorded() == [KEPT]
    assert applied(server) == []


def test_what_bears_the_labels_and_is_not_recorded_is_only_named(
    apply: Apply, server: ObjectServer, record: Result, recorded: Callable[..., list[str]]
) -> None:
    has(server, config_map("kept"), config_map("gone"), config_map("foreign", "somebody-else"))
    result = apply(kept(), state="pruned", record=record)
    (warning,) = result["warnings"]
    assert warning.startswith(f"{GONE} in context cluster-01: it bears the labels of thanos-query, but neither")
    assert (result["changed_objects"], names_of(server)) == ([], {"kept", "gone", "foreign"})
    assert recorded() == [KEPT]


def test_in_check_mode_nothing_goes(
    apply: Apply, server: ObjectServer, record: Result, recorded: Callable[..., list[str]]
) -> None:
    has(server, config_map("kept"), config_map("gone"))
    recorded(KEPT, GONE)
    server.requests.clear()
    result = apply(kept(), state="pruned", record=record, check_mode=True)
    assert result["changed_objects"] == [GONE]
    assert (names_of(server), server.writes(), recorded()) == ({"kept", "gone"}, [], [GONE, KEPT])
    assert "?dryRun=All" in next(request for request in server.requests if request.startswith("DELETE"))


def test_in_check_mode_what_nothing_would_prune_is_no_change(
    apply: Apply, server: ObjectServer, record: Result
) -> None:
    has(server, config_map("kept"))
    assert apply(kept(), state="pruned", record=record, check_mode=True)["changed"] is False


def test_volumes_are_never_looked_for(
    apply: Apply, server: ObjectServer, record: Result, recorded: Callable[..., list[str]]
) -> None:
    recorded("v1/PersistentVolumeClaim/monitoring/data")
    apply(kept(), state="pruned", record=record)
    assert not any("persistentvolumeclaims" in request for request in server.requests)


def path_of(kind: str) -> str:
    return RESOURCES[kind].path("" if kind in CLUSTER_WIDE else "monitoring")


@pytest.mark.parametrize("is_wanted", [True, False])
@pytest.mark.parametrize("kind", sorted(RESOURCES.keys() - {"Namespace"}))
def test_a_kind_is_looked_for_where_something_names_one(  # noqa: PLR0917 - four of them are fixtures
    apply: Apply,
    server: ObjectServer,
    record: Result,
    recorded: Callable[..., list[str]],
    kind: str,
    is_wanted: bool,
) -> None:
    place = "" if kind in CLUSTER_WIDE else "monitoring"
    version = RESOURCES[kind].api_version
    named, left = (f"{version}/{kind}/{place}/{name}" for name in ("named", "left"))
    ours = {"labels": labels_of("thanos-query")} | ({"namespace": place} if place else {})
    server.objects[f"{path_of(kind)}/left"] = {"metadata": {"name": "left", **ours}}
    if not is_wanted:
        recorded(named)
    wanted = [{"apiVersion": version, "kind": kind, "metadata": {"name": "named"}}] if is_wanted else []
    result = apply(*wanted, state="pruned", record=record)
    assert result["warnings"][0].startswith(f"{left} in context")
    others = {f"GET {path_of(other)}" for other in RESOURCES if other not in {kind, "Namespace"}}
    assert others.isdisjoint(server.requests)


def test_what_is_in_no_namespace_goes_too(
    apply: Apply, server: ObjectServer, record: Result, recorded: Callable[..., list[str]]
) -> None:
    path = f"{path_of('ClusterRoleBinding')}/gone"
    server.objects[path] = {"metadata": {"name": "gone", "labels": labels_of("thanos-query")}}
    reference = f"{RESOURCES['ClusterRoleBinding'].api_version}/ClusterRoleBinding//gone"
    recorded(reference)
    assert apply(state="pruned", record=record)["changed_objects"] == [reference]
    assert path not in server.objects


def test_a_list_that_is_forbidden_is_a_problem(apply: Apply, server: ObjectServer, record: Result) -> None:
    server.refusals["GET", "services"] = (403, "services is forbidden")
    result = apply(SERVICE, state="pruned", record=record)
    assert result["failed"]
    assert "allow the user what it names" in result["problems"][0]["fix"]
