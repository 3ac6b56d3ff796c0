"""Sessions: which requests are repeated, and the kubeconfig that leads another program to the same place."""

from __future__ import annotations

import base64
import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml
from api_server import ApiServer, serve
from kubernetes import config as kubernetes_config

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.kube import session
from ansible_collections.miribit.thanos.plugins.module_utils.kube.api import Request
from ansible_collections.miribit.thanos.plugins.module_utils.kube.errors import AwayError, LostError
from ansible_collections.miribit.thanos.plugins.module_utils.kube.session import ClusterSession

Kubeconfig = Callable[..., str]

POD = "/api/v1/namespaces/monitoring/pods/a"
BEHIND_THE_PROXY = "/api/v1/namespaces/monitoring/pods/a:9090/proxy/api/v1/query"
REPEATABLE = ["GET", "PUT", "PATCH", "DELETE"]
PASSING = [429, 500, 502, 503, 504]

#: As they are outside of tests.
PAUSES = session._PAUSES

#: What a server does instead of answering.
HANGS_UP, CUTS_ITS_ANSWER, IS_SLOW = "hangs up", "cuts its answer", "is slow"


class Server:
    """Does what a test says, one thing for each request, and answers with 200 after that.

    A status can come with what it says of Retry-After. No API server fails on demand, so this one stands in.
    """

    def __init__(self) -> None:
        self.url = ""
        self.steps: list[int | str | tuple[int, str]] = []
        self.methods: list[str] = []
        self.bodies: list[bytes] = []
        self.over = threading.Event()

    def next(self, handler: BaseHTTPRequestHandler) -> None:
        self.methods.append(handler.command)
        self.bodies.append(handler.rfile.read(int(handler.headers.get("Content-Length") or 0)))
        step = self.steps.pop(0) if self.steps else 200
        if step == HANGS_UP:
            return
        if step == IS_SLOW:
            self.over.wait(10)
            return
        status, retry_after = step if isinstance(step, tuple) else (step, "")
        handler.send_response(200 if status == CUTS_ITS_ANSWER else int(status))
        handler.send_header("Content-Length", "9" if status == CUTS_ITS_ANSWER else "2")
        if retry_after:
            handler.send_header("Retry-After", retry_after)
        handler.end_headers()
        handler.wfile.write(b"{}")


@contextmanager
def served(script: Server) -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            script.next(self)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815 - the names http.server wants

        def log_message(self, *_: object) -> None:
            """Say nothing: the test tells what matters."""

    class Quiet(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """Say nothing: in some tests the client goes away."""

    server = Quiet(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    script.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield script
    script.over.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    with contextlib.ExitStack() as stack:
        yield stack.enter_context(served(Server()))


@pytest.fixture
def cluster(server: Server, kubeconfig: Kubeconfig) -> ClusterSession:
    return session.session(kubeconfig(server.url), "cluster-01")


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that it would have waited."""
    waited: list[float] = []
    monkeypatch.setattr(session, "_PAUSES", PAUSES)
    monkeypatch.setattr("time.sleep", waited.append)
    return waited


def request(method: str = "GET", path: str = POD, **more: Any) -> Request:
    return Request(method, path, body=None if method in {"GET", "DELETE"} else {"a": 1}, **more)


# What is repeated.


@pytest.mark.parametrize("method", REPEATABLE)
@pytest.mark.parametrize("trouble", [*PASSING, HANGS_UP, CUTS_ITS_ANSWER])
def test_what_passes_is_tried_again(cluster: ClusterSession, server: Server, method: str, trouble: int | str) -> None:
    server.steps = [trouble]
    assert cluster.send(request(method)).status == 200
    assert server.methods == [method] * 2
    assert server.bodies[0] == server.bodies[1]


@pytest.mark.parametrize("method", REPEATABLE)
def test_there_are_three_attempts_and_the_last_answer_counts(
    cluster: ClusterSession, server: Server, method: str
) -> None:
    server.steps = [503, HANGS_UP, 500, 200]
    assert cluster.send(request(method)).status == 500
    assert server.methods == [method] * 3


def test_a_connection_that_is_lost_three_times_is_a_problem(cluster: ClusterSession, server: Server) -> None:
    server.steps = [HANGS_UP] * 3
    with pytest.raises(LostError, match="it cannot be reached"):
        cluster.send(request())
    assert len(server.methods) == 3


@pytest.mark.parametrize(("method", "attempts"), [*((method, 3) for method in REPEATABLE), ("POST", 1)])
def test_a_connection_that_is_refused_is_tried_again(
    kubeconfig: Kubeconfig, pauses: list[float], method: str, attempts: int
) -> None:
    with socket.socket() as nobody:
        # Bound and not listening: whoever connects is refused.
        nobody.bind(("127.0.0.1", 0))
        away = session.session(kubeconfig(f"http://127.0.0.1:{nobody.getsockname()[1]}"), "cluster-01")
        with pytest.raises(LostError, match="Connection refused"):
            away.send(request(method))
    assert len(pauses) == attempts - 1


@pytest.mark.parametrize("trouble", [*PASSING, HANGS_UP])
def test_what_cannot_be_sent_twice_is_sent_once(
    cluster: ClusterSession, server: Server, pauses: list[float], trouble: int | str
) -> None:
    server.steps = [trouble]
    if trouble == HANGS_UP:
        with pytest.raises(LostError):
            cluster.send(request("POST"))
    else:
        assert cluster.send(request("POST")).status == trouble
    assert (server.methods, pauses) == (["POST"], [])


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 409, 410, 422, 501])
def test_another_status_is_an_answer(cluster: ClusterSession, server: Server, pauses: list[float], status: int) -> None:
    server.steps = [status]
    assert cluster.send(request()).status == status
    assert (server.methods, pauses) == (["GET"], [])


@pytest.mark.parametrize("status", PASSING)
def test_what_a_pod_behind_the_proxy_answers_is_its_answer(
    cluster: ClusterSession, server: Server, status: int
) -> None:
    """Only 429 is that of the API server: it has too much to do to ask the pod."""
    server.steps = [status]
    answer = cluster.send(request(path=BEHIND_THE_PROXY))
    assert (answer.status, len(server.methods)) == ((200, 2) if status == 429 else (status, 1))


def test_the_way_to_a_pod_is_tried_again(cluster: ClusterSession, server: Server) -> None:
    server.steps = [HANGS_UP]
    assert cluster.send(request(path=BEHIND_THE_PROXY)).status == 200


def test_a_late_answer_is_not_waited_for_again(cluster: ClusterSession, server: Server, pauses: list[float]) -> None:
    server.steps = [IS_SLOW]
    with pytest.raises(AwayError, match=r"no answer within 0\.1 s") as raised:
        cluster.send(request(timeout=0.1))
    assert not isinstance(raised.value, LostError)
    assert (server.methods, pauses) == (["GET"], [])


def test_a_host_that_has_no_address_is_not_asked_for_again(kubeconfig: Kubeconfig, pauses: list[float]) -> None:
    with pytest.raises(AwayError):
        session.session(kubeconfig("http://nobody.invalid"), "cluster-01").send(request())
    assert pauses == []


# How long it waits.


def test_pauses_grow_and_are_not_the_same_for_all(cluster: ClusterSession, server: Server, pauses: list[float]) -> None:
    server.steps = [503] * 60
    for _time in range(20):
        cluster.send(request())
    firsts, seconds = pauses[::2], pauses[1::2]
    assert len(firsts) == len(seconds) == 20
    assert all(0.15 <= pause <= 0.45 for pause in firsts)
    assert all(0.5 <= pause <= 1.5 for pause in seconds)
    assert len(set(pauses)) > 20


@pytest.mark.parametrize(("wanted", "seconds"), [("3", 3), ("5", 5), ("60", 5), ("inf", 5)])
def test_an_api_server_says_how_long_to_wait_up_to_a_limit(
    cluster: ClusterSession, server: Server, pauses: list[float], wanted: str, seconds: float
) -> None:
    for path in (POD, BEHIND_THE_PROXY):
        server.steps = [(429, wanted)]
        assert cluster.send(request(path=path)).status == 200
    assert pauses == [seconds, seconds]


@pytest.mark.parametrize("wanted", ["0", "-1", "nan", "soon", "Wed, 21 Oct 2026 07:28:00 GMT"])
def test_what_is_no_time_to_wait_changes_nothing(
    cluster: ClusterSession, server: Server, pauses: list[float], wanted: str
) -> None:
    server.steps = [(503, wanted)]
    assert cluster.send(request()).status == 200
    (pause,) = pauses
    assert 0.15 <= pause <= 0.45


# The kubeconfig for another program.


def written(folder: Path, cluster: dict[str, Any], user: dict[str, Any]) -> str:
    """A kubeconfig whose context is one of two."""
    nowhere = {"server": "http://nobody.invalid"}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "other", "cluster": nowhere}, {"name": "c", "cluster": cluster}],
        "users": [{"name": "other", "user": {}}, {"name": "u", "user": user}],
        "contexts": [
            {"name": "other", "context": {"cluster": "other", "user": "other"}},
            {"name": "cluster-01", "context": {"cluster": "c", "user": "u"}},
        ],
        "current-context": "other",
    }
    file = folder / "kubeconfig"
    file.write_text(yaml.safe_dump(document))
    return str(file)


def read_back(files: str) -> ClusterSession:
    """A session of another program, which has the kubeconfig only."""
    given = session.session(files, "cluster-01").kubeconfig()
    # As YAML, like every program reads it.
    document = yaml.safe_load(yaml.safe_dump(given))
    return ClusterSession(kubernetes_config.new_client_from_config_dict(document), "the same")


def encoded(blob: bytes) -> str:
    return base64.b64encode(blob).decode()


@pytest.mark.parametrize(
    ("user", "header"),
    [
        ({"token": "planted"}, "Bearer planted"),
        ({"username": "anna", "password": "a:b c"}, f"Basic {encoded(b'anna:a:b c')}"),
        ({}, None),
    ],
    ids=["token", "basic", "nobody"],
)
def test_a_kubeconfig_leads_to_the_same_server_as_the_same_user(
    tmp_path: Path, api_server: ApiServer, user: dict[str, str], header: str | None
) -> None:
    api_server.says({})
    files = written(tmp_path, {"server": api_server.url}, user)
    assert read_back(files).get("/version").status == 200
    (asked,) = api_server.requests
    assert (asked.path, asked.headers.get("authorization")) == ("/version", header)


def test_a_token_that_a_program_gives_is_in_the_kubeconfig(tmp_path: Path, api_server: ApiServer) -> None:
    version = "client.authentication.k8s.io/v1"
    said = json.dumps({"apiVersion": version, "kind": "ExecCredential", "status": {"token": "planted"}})
    program = {"apiVersion": version, "command": "echo", "args": [said]}
    api_server.says({})
    read_back(written(tmp_path, {"server": api_server.url}, {"exec": program})).get("/version")
    assert api_server.requests[0].headers["authorization"] == "Bearer planted"


@contextmanager
def tls(authority: trustme.CA, name: str, users: trustme.CA | None = None) -> Iterator[ApiServer]:
    """An API server whose certificate is for this name, and that lets nobody in but these users."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    if users:
        users.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
    stand_in = ApiServer()
    stand_in.says({})
    server = serve(stand_in, context)
    yield stand_in
    server.shutdown()
    server.server_close()


def test_a_kubeconfig_has_the_client_certificate_and_the_authority(tmp_path: Path) -> None:
    authority, users = trustme.CA(), trustme.CA()
    own = users.issue_cert("anna@example.com")
    user = {
        "client-certificate-data": encoded(own.cert_chain_pems[0].bytes()),
        "client-key-data": encoded(own.private_key_pem.bytes()),
    }
    trust = {"certificate-authority-data": encoded(authority.cert_pem.bytes())}
    with tls(authority, "127.0.0.1", users) as api_server:
        found = read_back(written(tmp_path, {"server": api_server.url, **trust}, user))
        assert found.get("/version").status == 200
        assert "authorization" not in api_server.requests[0].headers


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
@pytest.mark.parametrize("more", [{"insecure-skip-tls-verify": True}, {"tls-server-name": "central.example"}])
def test_a_kubeconfig_verifies_what_its_own_one_verifies(tmp_path: Path, more: dict[str, Any]) -> None:
    authority = trustme.CA()
    trust = {} if "insecure-skip-tls-verify" in more else {"certificate-authority-data": authority.cert_pem.bytes()}
    given = {key: encoded(blob) for key, blob in trust.items()}
    with tls(authority, "central.example") as api_server:
        found = read_back(written(tmp_path, {"server": api_server.url, **given, **more}, {"token": "planted"}))
        assert found.get("/version").status == 200


def test_a_kubeconfig_does_not_trust_what_its_own_one_does_not(tmp_path: Path) -> None:
    with tls(trustme.CA(), "127.0.0.1") as api_server:
        trust = {"certificate-authority-data": encoded(trustme.CA().cert_pem.bytes())}
        found = read_back(written(tmp_path, {"server": api_server.url, **trust}, {"token": "planted"}))
        with pytest.raises(AwayError, match="no trusted TLS connection"):
            found.get("/version")
    assert api_server.requests == []


def test_a_kubeconfig_goes_through_the_same_proxy(tmp_path: Path, api_server: ApiServer) -> None:
    api_server.says({})
    cluster = {"server": "http://central.example", "proxy-url": api_server.url}
    assert read_back(written(tmp_path, cluster, {"token": "planted"})).get("/version").status == 200


def test_credentials_that_are_no_line_of_text_are_not_shown(tmp_path: Path, api_server: ApiServer) -> None:
    files = written(tmp_path, {"server": api_server.url}, {"token": "planted\nplanted"})
    with pytest.raises(ProblemError, match="not one line of ASCII") as raised:
        session.session(files, "cluster-01").kubeconfig()
    assert "planted" not in str(raised.value)
