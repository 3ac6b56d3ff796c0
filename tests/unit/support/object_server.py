"""A stand-in for the part of an API server that keeps objects: with versions, conflicts, and a clock of its own."""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.miribit.thanos.plugins.module_utils.kube.api import Request, Session
from ansible_collections.miribit.thanos.plugins.module_utils.kube.proxy import Answer

START = datetime(2026, 1, 1, 12, tzinfo=UTC)


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
        self._version = 0
        self._guard = threading.RLock()

    def passes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def named(self, name: str, kind: str) -> dict[str, Any]:
        return next(item for path, item in self.objects.items() if path.endswith(f"/{kind}/{name}"))

    def writes(self) -> list[str]:
        return [request for request in self.requests if not request.startswith("GET")]

    def send(self, request: Request) -> Answer:
        method, path = request.method, request.path
        if method != "GET" and self.between:
            between, self.between = self.between, None
            between()
        with self._guard:
            self.requests.append(f"{method} {path}")
            status, document = self._answer(method, path, copy.deepcopy(request.body))
            date = format_datetime(self.now, usegmt=True) if self.dates else ""
            return Answer(status, json.dumps(document).encode(), date=date)

    def _answer(self, method: str, path: str, body: Any) -> tuple[int, dict[str, Any]]:
        refusals = [why for (refused, part), why in self.refusals.items() if method == refused and part in path]
        found = self.objects.get(path)
        if refusals:
            answer = _status(*refusals[0])
        elif method == "POST":
            answer = self._create(path, body)
        elif found is None:
            answer = _status(404, "not found")
        elif method == "DELETE":
            answer = 200, self.objects.pop(path)
        elif method == "GET":
            answer = 200, found
        elif body["metadata"].get("resourceVersion") != found["metadata"]["resourceVersion"]:
            answer = _status(409, "the object has been modified")
        else:
            answer = 200, self._store(path, body)
        return answer

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
                answer = store.send(Request(self.command, urlsplit(self.path).path, body=body))
                self.send_response_only(answer.status)
                if answer.date:
                    self.send_header("Date", answer.date)
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

            do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815 - the names http.server wants

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
    return code, {"kind": "Status", "apiVersion": "v1", "metadata": {}, "message": message, "code": code}
