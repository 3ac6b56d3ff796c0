"""A stand-in for a cluster's API server, whose answers a test says."""

from __future__ import annotations

import json
import ssl
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

# In every kubeconfig of these tests; no output may hold it.
TOKEN = "token-that-must-stay-secret"


@dataclass
class Request:
    path: str
    params: dict[str, str]
    headers: dict[str, str]


@dataclass
class ApiServer:
    """A real HTTP server that says what a test tells it to say.

    It stands in for a cluster because these tests are about answers that a healthy cluster does not give (or only after
    minutes), and because they must run anywhere in seconds. What real clusters answer is tested in the lab. The texts
    are those of Kubernetes 1.34, Prometheus 3 and Thanos 0.42.
    """

    url: str = ""
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0
    hang_up: bool = False
    requests: list[Request] = field(default_factory=list)

    def says(self, body: object, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self.body = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.status = status
        self.headers = headers or {}

    def refuses(self, status: int, reason: str, message: str) -> None:
        """The API server's own answer, an object of kind Status."""
        document = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
        self.says({**document, "message": message, "reason": reason, "code": status}, status)


def serve(api_server: ApiServer, tls: ssl.SSLContext | None = None) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the name http.server wants
            url = urlsplit(self.path)
            params = dict(parse_qsl(url.query, keep_blank_values=True))
            api_server.requests.append(
                Request(url.path, params, {name.lower(): value for name, value in self.headers.items()})
            )
            time.sleep(api_server.delay)
            if api_server.hang_up:
                self.close_connection = True
                return
            self.send_response(api_server.status)
            for name, value in {"Content-Length": str(len(api_server.body)), **api_server.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(api_server.body)

        def log_message(self, *_: object) -> None:
            """Say nothing: the test tells what matters."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """Say nothing: in some tests the client goes away."""

    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    api_server.url = f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    return server
