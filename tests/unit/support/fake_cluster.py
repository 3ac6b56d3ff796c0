"""A stand-in for an API server that answers by method and path. One that gives one answer to all is in conftest."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"

Answer = tuple[int, object]


@dataclass
class Request:
    method: str
    path: str
    params: dict[str, str]
    headers: dict[str, str]
    body: Any


@dataclass
class FakeCluster:
    """What there is at a path is answered with 200, everything else with 404, as an API server does.

    An answer is a status and a body, or a function that makes one of the request.
    """

    url: str = ""
    #: By how many seconds its clock is ahead.
    ahead: float = 0
    answers: dict[tuple[str, str], Answer | Callable[[Request], Answer]] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)

    def has(self, path: str, body: object) -> None:
        self.answers["GET", path] = (200, body)

    def lists(self, path: str, *items: object) -> None:
        self.has(path, {"kind": "List", "apiVersion": "v1", "metadata": {}, "items": list(items)})

    def pages(self, path: str, *items: object, size: int, expired: int = 0) -> None:
        """Answer a list in pages of this size, as an API server does, but refuse the first tokens as expired."""
        left = [expired]

        def answer(request: Request) -> Answer:
            token = request.params.get("continue")
            if token and left[0]:
                left[0] -= 1
                return refusal(410, "Expired", "The provided continue parameter is too old")
            begin = int(token or 0)
            end = begin + min(size, int(request.params["limit"]))
            more = {"continue": str(end)} if end < len(items) else {}
            return 200, {"kind": "List", "apiVersion": "v1", "metadata": more, "items": list(items[begin:end])}

        self.answers["GET", path] = answer

    def refuses(self, method: str, path: str, status: int, reason: str, message: str) -> None:
        self.answers[method, path] = refusal(status, reason, message)

    def allows(self, may: Callable[[dict[str, str]], bool]) -> None:
        """Answer access reviews by their resourceAttributes."""

        def answer(request: Request) -> Answer:
            return 201, {**request.body, "status": {"allowed": may(request.body["spec"]["resourceAttributes"])}}

        self.answers["POST", REVIEWS] = answer

    def asked(self, method: str = "GET") -> list[str]:
        """The paths that were asked for, in any order."""
        return sorted(request.path for request in self.requests if request.method == method)

    def reviewed(self) -> list[dict[str, str]]:
        return [request.body["spec"]["resourceAttributes"] for request in self.requests if request.path == REVIEWS]

    def answer(self, request: Request) -> Answer:
        self.requests.append(request)
        found = self.answers.get((request.method, request.path))
        if found is None:
            return refusal(404, "NotFound", "the server could not find the requested resource")
        return found(request) if callable(found) else found


def refusal(status: int, reason: str, message: str) -> Answer:
    """The API server's own answer, an object of kind Status."""
    document = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
    return status, {**document, "message": message, "reason": reason, "code": status}


@contextlib.contextmanager
def served(cluster: FakeCluster) -> Iterator[FakeCluster]:
    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            url = urlsplit(self.path)
            content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            params = dict(parse_qsl(url.query, keep_blank_values=True))
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = json.loads(content) if content else None
            status, document = cluster.answer(Request(self.command, url.path, params, headers, body))
            text = document.encode() if isinstance(document, str) else json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def date_time_string(self, timestamp: float | None = None) -> str:
            return super().date_time_string(time.time() + cluster.ahead if timestamp is None else timestamp)

        def log_message(self, *_: object) -> None:
            """Say nothing: the test tells what matters."""

    # The names http.server wants.
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        setattr(Handler, f"do_{method}", Handler.answer)

    class Server(ThreadingHTTPServer):
        # More may come at once than the five that are usual.
        request_queue_size = 64

        def handle_error(self, *_: object) -> None:
            """Say nothing: in some tests the client goes away."""

    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    cluster.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield cluster
    finally:
        server.shutdown()
        server.server_close()
