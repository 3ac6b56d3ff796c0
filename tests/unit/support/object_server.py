"""A stand-in for the part of an API server that keeps objects: with versions, conflicts, and a clock of its own.

It applies as an API server does, with dry runs and field managers. Only lists are simpler: each is one field.
"""

from __future__ import annotations

import copy
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from ansible_collections.miribit.thanos.plugins.module_utils.kube.api import Request, Session
from ansible_collections.miribit.thanos.plugins.module_utils.kube.proxy import Answer

START = datetime(2026, 1, 1, 12, tzinfo=UTC)

_REASONS = {401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 409: "Conflict", 422: "Invalid"}
#: What an object is called, which no field manager owns.
_NAMES = {("apiVersion",), ("kind",), ("metadata", "name"), ("metadata", "namespace")}

Fields = dict[tuple[str, ...], Any]


class ObjectServer(Session):
    """It can be used as a session, or served by serve()."""

    cluster = "context cluster-01"

    def __init__(self) -> None:
        self.url = ""
        self.now = START
        self.namespaces = {"monitoring"}
        self.objects: dict[str, dict[str, Any]] = {}
        self.requests: list[str] = []
        #: Called before a write is carried out, as if somebody else came in between.
        self.between: Callable[[], object] | None = None
        #: (method, part of the path) -> (status, message): what is refused.
        self.refusals: dict[tuple[str, str], tuple[int, str]] = {}
        self.dates = True
        #: (path, field manager) -> the fields that it has applied.
        self._owned: dict[tuple[str, str], set[tuple[str, ...]]] = {}
        self._version = 0
        self._guard = threading.RLock()

    def passes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def named(self, name: str, kind: str) -> dict[str, Any]:
        return next(item for path, item in self.objects.items() if path.endswith(f"/{kind}/{name}"))

    def writes(self) -> list[str]:
        return [request for request in self.requests if not request.startswith("GET") and "?dryRun" not in request]

    def send(self, request: Request) -> Answer:
        method, path = request.method, request.path
        if method != "GET" and self.between:
            between, self.between = self.between, None
            between()
        with self._guard:
            params = dict(request.params)
            dry_run = params.get("dryRun") == "All"
            self.requests.append(f"{method} {path}{'?dryRun=All' if dry_run else ''}")
            before = copy.deepcopy((self.objects, self._owned, self._version)) if dry_run else None
            status, document = self._answer(method, path, params, copy.deepcopy(request.body))
            date = format_datetime(self.now, usegmt=True) if self.dates else ""
            answer = Answer(status, json.dumps(document).encode(), date=date)
            if before:
                self.objects, self._owned, self._version = before
            return answer

    def _answer(self, method: str, path: str, params: dict[str, str], body: Any) -> tuple[int, dict[str, Any]]:
        refusals = [why for (refused, part), why in self.refusals.items() if method == refused and part in path]
        found = self.objects.get(path)
        if refusals:
            answer = _status(*refusals[0])
        elif method == "POST":
            answer = self._create(path, body)
        elif method == "PATCH":
            answer = self._apply(path, params, body)
        elif method == "GET" and _is_list(path):
            answer = 200, self._list(path, params)
        elif found is None:
            answer = _status(404, "not found")
        elif method == "DELETE":
            answer = 200, self._remove(path)
        elif method == "GET":
            answer = 200, found
        elif body["metadata"].get("resourceVersion") != found["metadata"]["resourceVersion"]:
            answer = _status(409, "the object has been modified")
        else:
            answer = 200, self._store(path, body)
        return answer

    def _list(self, path: str, params: dict[str, str]) -> dict[str, Any]:
        everywhere = len(_places(path)) == 1
        items = [
            # The items of a list do not say what they are.
            {key: value for key, value in item.items() if key not in {"apiVersion", "kind"}}
            for place, item in self.objects.items()
            if path == (_without_namespace(place) if everywhere else place).rpartition("/")[0]
            and _matches(item, params)
        ]
        return {"kind": "List", "apiVersion": "v1", "metadata": {}, "items": items}

    def _remove(self, path: str) -> dict[str, Any]:
        self._owned = {owner: fields for owner, fields in self._owned.items() if owner[0] != path}
        return self.objects.pop(path)

    def _apply(self, path: str, params: dict[str, str], body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Server-side apply."""
        manager = params.get("fieldManager")
        if not manager:
            return _status(400, "PatchOptions: fieldManager: Required value: is required for apply patch")
        namespace = body["metadata"].get("namespace")
        if namespace and namespace not in self.namespaces:
            return _status(404, f'namespaces "{namespace}" not found')
        found = self.objects.get(path)
        wanted = {field: value for field, value in _fields(body).items() if field not in _NAMES}
        others = {owner: fields for (at, owner), fields in self._owned.items() if at == path and owner != manager}
        differing = {field for field, value in wanted.items() if _fields(found or {}).get(field) != value}
        if params.get("force") != "true" and any(differing & fields for fields in others.values()):
            return _status(409, "Apply failed with conflicts")
        now = self.now.strftime("%Y-%m-%dT%H:%M:%SZ")
        new = {"uid": f"uid-{len(self.objects)}", "creationTimestamp": now, "generation": 1}
        names = {key: body["metadata"][key] for key in ("name", "namespace") if key in body["metadata"]}
        item = copy.deepcopy(found) or {**{key: body[key] for key in ("apiVersion", "kind")}, "metadata": names | new}
        left_out = self._owned.get((path, manager), set()) - wanted.keys()
        for field in left_out.difference(*others.values()):
            _put(item, field, None)
        for field, value in wanted.items():
            _put(item, field, value)
        for owner, fields in others.items():
            self._owned[path, owner] = fields - differing
        self._owned[path, manager] = set(wanted)
        if item == found:
            return 200, found
        if found:
            item["metadata"]["generation"] = found["metadata"].get("generation", 1) + 1
        managers = sorted(owner for at, owner in self._owned if at == path)
        entry = {"operation": "Apply", "apiVersion": item["apiVersion"], "time": now}
        item["metadata"]["managedFields"] = [{"manager": owner, **entry} for owner in managers]
        return (200 if found else 201), self._store(path, item)

    def _create(self, path: str, body: Any) -> tuple[int, dict[str, Any]]:
        namespace = path.rsplit("/", 2)[1]
        path = f"{path}/{body['metadata']['name']}"
        if namespace not in self.namespaces:
            return _status(404, f'namespaces "{namespace}" not found')
        if path in self.objects:
            return _status(409, "already exists")
        return 201, self._store(path, body)

    def _store(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        self._version += 1
        body["metadata"]["resourceVersion"] = str(self._version)
        self.objects[path] = body
        return body

    @contextmanager
    def serve(self) -> Iterator[ObjectServer]:
        store = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length)) if length else None
                url = urlsplit(self.path)
                answer = store.send(Request(self.command, url.path, parse_qsl(url.query), body))
                self.send_response_only(answer.status)
                if answer.date:
                    self.send_header("Date", answer.date)
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815 - the names http.server wants

            def log_message(self, *_: object) -> None:
                """Say nothing: the test tells what matters."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        self.url = f"http://127.0.0.1:{server.server_port}"
        yield self
        server.shutdown()
        server.server_close()


def _status(code: int, message: str) -> tuple[int, dict[str, Any]]:
    document = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
    return code, {**document, "message": message, "reason": _REASONS.get(code, ""), "code": code}


def _places(path: str) -> list[str]:
    """What follows the version of the API: [plural], [plural, name], [namespaces, x, plural] and so on."""
    return path.strip("/").split("/")[2 if path.startswith("/api/") else 3 :]


def _is_list(path: str) -> bool:
    return len(_places(path)) in {1, 3}


def _without_namespace(path: str) -> str:
    return re.sub(r"/namespaces/[^/]+(?=/)", "", path)


def _matches(item: dict[str, Any], params: dict[str, str]) -> bool:
    labels = item["metadata"].get("labels") or {}
    wanted = [term.split("=") for term in params.get("labelSelector", "").split(",") if term]
    fields = [term.split("=") for term in params.get("fieldSelector", "").split(",") if term]
    known = {".".join(field): value for field, value in _fields(item).items()}
    return all(labels.get(key) == value for key, value in wanted) and all(
        known.get(key) == value for key, value in fields
    )


def _fields(item: dict[str, Any], at: tuple[str, ...] = ()) -> Fields:
    """Each field that is no mapping of others."""
    found: Fields = {}
    for key, value in item.items():
        if isinstance(value, dict) and value:
            found |= _fields(value, (*at, key))
        else:
            found[*at, key] = value
    return found


def _put(item: dict[str, Any], field: tuple[str, ...], value: Any) -> None:
    """Set a field; None takes it away, and what is empty without it."""
    first, *rest = field
    if rest:
        inside = item.setdefault(first, {})
        _put(inside, tuple(rest), value)
        if not inside:
            del item[first]
    elif value is None:
        item.pop(first, None)
    else:
        item[first] = copy.deepcopy(value)
