"""Objects that are applied or deleted: what is asked of the API server, what differs, and how a refusal is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.kube.api import Request, Session
from ansible_collections.miribit.thanos.plugins.module_utils.kube.apply import Applied, apply, delete
from ansible_collections.miribit.thanos.plugins.module_utils.kube.errors import ApiServerError
from ansible_collections.miribit.thanos.plugins.module_utils.kube.objects import Objects
from ansible_collections.miribit.thanos.plugins.module_utils.kube.proxy import Answer

Object = dict[str, Any]
Step = tuple[int, object]

QUERY = "/apis/apps/v1/namespaces/monitoring/deployments/query"
PLANTED = "planted-secret"


def item(kind: str, name: str = "a", api_version: str = "v1", **more: Any) -> Object:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": "monitoring"}, **more}


DEPLOYMENT = item("Deployment", "query", "apps/v1", spec={"replicas": 2})


class Server(Session):
    """Answers by method, the last answer again and again, and keeps what it was asked."""

    cluster = "context cluster-01"

    def __init__(self, **steps: Step | list[Step]) -> None:
        self._steps = {
            method: list(given) if isinstance(given, list) else [given] for method, given in {**EMPTY, **steps}.items()
        }
        self.requests: list[Request] = []

    def send(self, request: Request) -> Answer:
        self.requests.append(request)
        steps = self._steps[request.method]
        status, body = steps.pop(0) if len(steps) > 1 else steps[0]
        return Answer(status, json.dumps(body(request) if callable(body) else body).encode())

    def methods(self) -> list[str]:
        return [request.method for request in self.requests]


def status(code: int, reason: str, message: str = "no") -> Step:
    return code, {"kind": "Status", "apiVersion": "v1", "code": code, "reason": reason, "message": message}


def taken(request: Request) -> Object:
    """The object as it was given, with what an API server adds."""
    given: Any = request.body
    added = {"uid": "1", "resourceVersion": "7", "generation": 3, "managedFields": [{}]}
    return {**given, "metadata": {**given["metadata"], **added}, "status": {"replicas": 1}}


EMPTY: dict[str, Step | list[Step]] = {
    "GET": status(404, "NotFound"),
    "PATCH": (200, taken),
    "DELETE": status(404, "NotFound"),
}


def there(found: Object, **metadata: Any) -> Step:
    """An object that is there, of an older version."""
    own = {"uid": "1", "resourceVersion": "6", "generation": 2, "managedFields": [], **metadata}
    return 200, {**found, "metadata": {**found["metadata"], **own}, "status": {"replicas": 0}}


def applied(server: Server, *items: Object, dry_run: bool = False, secret: bool = False) -> list[Applied]:
    return apply(Objects(server), items or (DEPLOYMENT,), dry_run=dry_run, secret=secret)


# Applied.


@pytest.mark.parametrize("dry_run", [False, True])
def test_an_object_is_applied_on_the_side_of_the_server(dry_run: bool) -> None:
    server = Server()
    (done,) = applied(server, dry_run=dry_run)
    _get, patch = server.requests
    assert (patch.method, patch.path, patch.body) == ("PATCH", QUERY, DEPLOYMENT)
    assert patch.content_type == "application/apply-patch+yaml"
    dry = {"dryRun": "All"} if dry_run else {}
    assert dict(patch.params) == {"fieldManager": "miribit.thanos", "force": "true", **dry}
    assert (done.item, done.changed, done.before) == (DEPLOYMENT, True, {})


def test_objects_are_applied_in_their_order() -> None:
    server = Server()
    applied(server, item("ServiceAccount"), DEPLOYMENT)
    assert [request.path.rsplit("/", 2)[1] for request in server.requests if request.method == "PATCH"] == [
        "serviceaccounts",
        "deployments",
    ]


def test_what_only_the_api_server_and_controllers_have_changed_is_no_change() -> None:
    (done,) = applied(Server(GET=there(DEPLOYMENT)))
    assert (done.changed, done.before, done.after) == (False, {}, {})


def test_of_a_change_only_what_differs_is_told() -> None:
    (done,) = applied(Server(GET=there({**DEPLOYMENT, "spec": {"replicas": 1}})))
    assert (done.changed, done.before, done.after) == (True, {"spec": {"replicas": 1}}, {"spec": {"replicas": 2}})


def test_a_label_that_goes_is_a_change() -> None:
    (done,) = applied(Server(GET=there(DEPLOYMENT, labels={"old": "1"})))
    assert done.before == {"metadata": {"labels": {"old": "1"}}}


def test_an_object_that_somebody_changes_at_the_same_time_is_applied_again() -> None:
    server = Server(PATCH=[status(409, "Conflict"), status(409, "Conflict"), (200, taken)])
    (done,) = applied(server)
    assert done.changed
    assert server.methods() == ["GET", "PATCH"] * 3


def test_an_object_that_somebody_changes_again_and_again_is_a_problem() -> None:
    server = Server(PATCH=status(409, "Conflict", PLANTED))
    with pytest.raises(ProblemError) as raised:
        applied(server)
    assert str(raised.value) == (
        "Deployment monitoring/query in context cluster-01: somebody changes or deletes it at the same time. "
        "Fix: run it again when whoever does that has ended."
    )
    assert server.methods() == ["GET", "PATCH"] * 3


def test_nothing_is_applied_behind_a_refusal() -> None:
    server = Server(PATCH=status(422, "Invalid"))
    with pytest.raises(ProblemError):
        applied(server, item("ConfigMap"), DEPLOYMENT)
    assert server.methods() == ["GET", "PATCH"]


# Deleted.


@pytest.mark.parametrize("dry_run", [False, True])
def test_what_is_deleted_goes_with_what_it_owns(dry_run: bool) -> None:
    server = Server(DELETE=(200, {}))
    (done,) = delete(Objects(server), [DEPLOYMENT], dry_run=dry_run)
    (request,) = server.requests
    dry = {"dryRun": "All"} if dry_run else {}
    assert (request.method, request.path) == ("DELETE", QUERY)
    assert dict(request.params) == {"propagationPolicy": "Background", **dry}
    assert (done.changed, done.before, done.after) == (True, DEPLOYMENT, {})


def test_what_is_not_there_is_no_change() -> None:
    (done,) = delete(Objects(Server()), [DEPLOYMENT], dry_run=False)
    assert not done.changed


def test_a_volume_can_be_deleted() -> None:
    server = Server(DELETE=(200, {}))
    delete(Objects(server), [item("PersistentVolumeClaim", "data-0")], dry_run=False)
    assert server.requests[0].path == "/api/v1/namespaces/monitoring/persistentvolumeclaims/data-0"


def deleted(server: Server, one: Object) -> None:
    delete(Objects(server), [one], dry_run=False)


def applied_alone(server: Server, one: Object) -> None:
    applied(server, one)


# Refused.


QUOTA = 'deployments "query" is forbidden: exceeded quota: small, requested: pods=1'


@pytest.mark.parametrize(
    ("refused", "fix"),
    [
        (status(403, "Forbidden", QUOTA), "raise the ResourceQuota that it names, or ask for less, and run it again"),
        (status(403, "Forbidden"), "allow the user what it names (docs/rbac), and run it again"),
        (
            status(422, "Invalid"),
            "correct the variable behind the field that it names; some fields of a running object cannot change",
        ),
        (status(404, "NotFound"), "check that the namespace exists, and that the cluster knows the kind"),
        (status(400, "BadRequest"), "correct what it names, and run it again"),
    ],
)
def test_a_refusal_names_the_object_the_cause_and_what_to_do(refused: Step, fix: str) -> None:
    with pytest.raises(ProblemError) as raised:
        applied(Server(PATCH=refused))
    message = refused[1]["message"]  # type: ignore[index]
    assert str(raised.value) == (
        f"Deployment monitoring/query in context cluster-01: the API server refuses it: {message}. Fix: {fix}."
    )


def test_an_object_that_may_not_be_read_is_refused_alike() -> None:
    server = Server(GET=status(403, "Forbidden", "cannot get deployments"))
    with pytest.raises(ProblemError, match=r"Deployment monitoring/query in context cluster-01: .*cannot get"):
        applied(server)
    assert server.methods() == ["GET"]


def test_what_may_not_be_deleted_is_refused_alike() -> None:
    with pytest.raises(ProblemError, match=r"Deployment monitoring/query in context cluster-01: .*docs/rbac"):
        deleted(Server(DELETE=status(403, "Forbidden")), DEPLOYMENT)


def test_a_refusal_that_is_no_status_is_told_as_it_is() -> None:
    with pytest.raises(ProblemError, match='cluster-01: the API server refuses it: "login first"'):
        applied(Server(PATCH=(418, "login first")))


def test_an_api_server_that_is_away_says_nothing_of_the_object() -> None:
    with pytest.raises(ApiServerError) as raised:
        applied(Server(PATCH=status(503, "ServiceUnavailable", "etcd is away")))
    assert "etcd is away" in str(raised.value)


@pytest.mark.parametrize(
    "refused", [status(422, "Invalid", PLANTED), status(500, "InternalError", PLANTED), (418, PLANTED)]
)
@pytest.mark.parametrize("one", [item("Secret"), item("ConfigMap")], ids=["Secret", "holding one"])
def test_a_refusal_of_a_secret_quotes_nothing(refused: Step, one: Object) -> None:
    with pytest.raises(ProblemError) as raised:
        applied(Server(PATCH=refused), one, secret=one["kind"] != "Secret")
    reason = refused[1]["reason"] if isinstance(refused[1], dict) else "refused"
    assert PLANTED not in str(raised.value)
    assert f"HTTP {refused[0]}, {reason}" in str(raised.value)
    assert ("run it again when the API server is healthy" in str(raised.value)) is (refused[0] == 500)


@pytest.mark.parametrize("change", [applied_alone, deleted])
def test_a_secret_that_may_not_be_touched_is_not_quoted_either(change: Callable[[Server, Object], None]) -> None:
    refused = status(403, "Forbidden", PLANTED)
    with pytest.raises(ProblemError) as raised:
        change(Server(PATCH=refused, DELETE=refused), item("Secret"))
    assert PLANTED not in str(raised.value)


def test_credentials_that_are_not_taken_are_told_also_of_a_secret() -> None:
    with pytest.raises(ApiServerError, match="it does not accept the credentials of the kubeconfig"):
        applied(Server(PATCH=status(401, "Unauthorized", PLANTED)), item("Secret"))
