"""The module remote_write_probe, from its options to the JSON that Ansible reads. The texts are promtool 3.15.0's."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
import yaml
from probe_cluster import Object, ProbeCluster, probe_cluster, ran

from ansible_collections.miribit.thanos.plugins.action import remote_write_probe
from ansible_collections.miribit.thanos.plugins.module_utils.kube import session
from ansible_collections.miribit.thanos.plugins.module_utils.kube.api import Request
from ansible_collections.miribit.thanos.plugins.module_utils.kube.proxy import Answer
from ansible_collections.miribit.thanos.plugins.module_utils.probe import send
from ansible_collections.miribit.thanos.plugins.module_utils.probe.job import Outcome
from ansible_collections.miribit.thanos.plugins.module_utils.probe.remote_write import worth_waiting

__all__ = ["probe_cluster"]

PASSWORD = "planted-password"
URL = "http://192.168.101.210:19291/api/v1/receive"
TLS_URL = "https://receiver.example/api/v1/receive"
QUERY = {"context": "cluster-01", "namespace": "monitoring", "service": "thanos-query"}
WHERE = f"Remote write from context cluster-03 to {URL} (tenant tenant-a)"
PUSHED = "Parsing metrics file /probe/canary.txt\n  SUCCESS: metrics file /probe/canary.txt pushed to remote write.\n"
LOOKED = f"check failed: URL={URL}, status=404\n"

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def probe(run_action: Run, probe_cluster: ProbeCluster, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the module; nothing secret comes back."""
    monkeypatch.setattr(send, "POLL_SECONDS", 0.001)
    monkeypatch.setattr(send, "READ_BACK_SECONDS", 0.02)
    # The sample that comes back must be the one that was sent.
    monkeypatch.setattr(send.time, "time", lambda: 1767225600.5)

    def run(**more: object) -> dict[str, Any]:
        options = {
            "namespace": "monitoring",
            "image": "registry.example/prometheus:v3.15.0",
            "url": URL,
            "tenant": "tenant-a",
            "external_labels": {"cluster": "cluster-03"},
            **more,
        }
        given = {name: value for name, value in options.items() if value is not None}
        result = run_action(remote_write_probe.ActionModule, given)
        assert PASSWORD not in json.dumps(result)
        assert PASSWORD not in json.dumps(probe_cluster.created[:1])
        return result

    return run


@pytest.fixture
def accepted(probe_cluster: ProbeCluster) -> ProbeCluster:
    """The receiver takes the sample."""
    probe_cluster.pods = [ran(look=1, push=0)]
    probe_cluster.logs = {"look": LOOKED, "push": PUSHED}
    return probe_cluster


def series(**labels: object) -> dict[str, object]:
    return {"value": 1767225600, "cluster": "cluster-03", "tenant_id": "tenant-a", **labels}


def oks(result: dict[str, Any]) -> dict[str, bool | None]:
    return {step["name"]: step["ok"] for step in result["steps"]}


# What reaches the pod.


def test_a_sample_that_is_accepted_is_proven_as_far_as_was_asked(probe: Run, accepted: ProbeCluster) -> None:
    result = probe()
    assert not result.get("failed")
    assert result["changed"] is False
    assert result["probed"] is True
    assert oks(result) == {"resolve": True, "connect": True, "http": True, "accept": True}
    assert result["seconds"] is result["copies"] is None


def test_promtool_is_told_url_path_and_files(probe: Run, accepted: ProbeCluster) -> None:
    result = probe(url="https://receiver.example:8443/edge/api/v1/receive")
    spec = accepted.job["spec"]["template"]["spec"]
    look, push = (container["command"] for container in spec["containers"])
    assert look == [
        *("/bin/promtool", "check", "healthy", "--http.config.file=/probe/look.yml"),
        "--url=https://receiver.example:8443/edge/api/v1/receive",
    ]
    assert push == [
        *("/bin/promtool", "push", "metrics", "--http.config.file=/probe/push.yml"),
        *("--remote-write.path=/edge/api/v1/receive", f"--label=probe={result['probe_id']}"),
        *("https://receiver.example:8443", "/probe/canary.txt"),
    ]


def files(stand_in: ProbeCluster) -> dict[str, str]:
    return {name: base64.b64decode(value).decode() for name, value in stand_in.secret["data"].items()}


def test_the_sample_has_the_external_labels(probe: Run, accepted: ProbeCluster) -> None:
    probe(external_labels={"cluster": 'a"b\\c\nd', "region": "edge"})
    assert files(accepted)["canary.txt"] == (
        '# TYPE miribit_thanos_canary gauge\nmiribit_thanos_canary{cluster="a\\"b\\\\c\\nd",region="edge"} 1767225600\n'
    )


def test_the_look_speaks_http_1_which_shows_why_a_handshake_failed(probe: Run, accepted: ProbeCluster) -> None:
    probe(tenant="")
    assert yaml.safe_load(files(accepted)["look.yml"]) == {"enable_http2": False}


def test_the_look_s_text_counts_where_promtool_got_no_answer_either(fails: Callable[..., str]) -> None:
    text = f'Get "{TLS_URL}/-/healthy": remote error: tls: certificate required'
    assert "and none is sent" in fails("tls", text, f'  FAILED: Post "{TLS_URL}": write: broken pipe', url=TLS_URL)


def test_the_tenant_is_sent_in_its_header(probe: Run, accepted: ProbeCluster) -> None:
    probe(tenant_header="THANOS-TENANT")
    assert yaml.safe_load(files(accepted)["push.yml"]) == {"http_headers": {"THANOS-TENANT": {"values": ["tenant-a"]}}}


def test_the_default_tenant_sends_no_header(probe: Run, accepted: ProbeCluster) -> None:
    probe(tenant="")
    assert yaml.safe_load(files(accepted)["push.yml"]) == {}


def test_credentials_are_files_beside_the_configuration(probe: Run, accepted: ProbeCluster) -> None:
    credentials = {"ca": "CA", "cert": "CERT", "key": "KEY-of-the-edge", "password": PASSWORD, "username": "edge"}
    probe(url=TLS_URL, tenant="", credentials=credentials, server_name="thanos-receiver")
    found = files(accepted)
    assert yaml.safe_load(found["push.yml"]) == {
        "tls_config": {"ca_file": "ca", "cert_file": "cert", "key_file": "key", "server_name": "thanos-receiver"},
        "basic_auth": {"username": "edge", "password_file": "password"},
    }
    assert (found["ca"], found["cert"], found["key"], found["password"]) == ("CA", "CERT", "KEY-of-the-edge", PASSWORD)


def test_a_token_is_sent_as_authorization(probe: Run, accepted: ProbeCluster) -> None:
    probe(url=TLS_URL, tenant="", credentials={"token": PASSWORD})
    assert yaml.safe_load(files(accepted)["push.yml"]) == {"authorization": {"credentials_file": "token"}}


def test_no_secret_goes_over_the_network_in_the_clear(probe: Run, accepted: ProbeCluster) -> None:
    probe(url=URL, tenant="", credentials={"password": PASSWORD}, username="edge", server_name="thanos-receiver")
    assert set(files(accepted)) == {"canary.txt", "look.yml", "push.yml"}
    assert yaml.safe_load(files(accepted)["push.yml"]) == {}


def test_credentials_of_a_secret_are_read(probe: Run, accepted: ProbeCluster) -> None:
    data = {name: base64.b64encode(name.encode()).decode() for name in ("ca", "password", "other")}
    accepted.secrets = {"agent": data}
    probe(url=TLS_URL, credentials_secret="agent", username="edge")
    assert set(files(accepted)) == {"canary.txt", "look.yml", "push.yml", "ca", "password"}
    accepted.created.clear()
    probe(url=TLS_URL, credentials_secret="agent", credentials_keys=["ca"])
    assert set(files(accepted)) == {"canary.txt", "look.yml", "push.yml", "ca"}


def test_a_secret_without_the_credentials_is_told(probe: Run, accepted: ProbeCluster) -> None:
    options = {"url": TLS_URL, "credentials_secret": "agent"}
    assert "Secret monitoring/agent in context cluster-03: it does not exist" in probe(**options)["msg"]
    accepted.secrets = {"agent": {"ca.crt": "eA=="}}
    assert "it holds no text under ca, cert, key, password, token; its keys: ca.crt" in probe(**options)["msg"]
    accepted.secrets = {"agent": {"cert": "eA=="}}
    assert "it holds no text under key; its keys: cert" in probe(**options, credentials_keys=["cert", "key"])["msg"]
    assert "Option credentials: there is cert without key" in probe(**options)["msg"]


# Options.


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"url": f"http://u:{PASSWORD}@a.example/api/v1/receive"}, "Option url: its URL holds a user or a password"),
        ({"url": "ftp://a"}, "Option url: it is not an HTTP URL"),
        ({"url": "http://a.example/api/v1/receive/"}, "Option url: its path '/api/v1/receive/' holds an empty part"),
        ({"tenant": "a/b"}, "Option tenant: a receiver answers 400 to a tenant with a slash"),
        ({"tenant_header": "Content-Type"}, "Option tenant_header: Prometheus sets the header Content-Type itself"),
        ({"external_labels": {"a-b": "x"}}, "Option external_labels, label a-b: this is no name of a label"),
        ({"external_labels": {"a": 1}}, "Option external_labels: a is a whole number, not a text"),
        ({"external_labels": {"probe": "x"}}, "label probe: the probe sets this label itself"),
        ({"credentials": {"key": "planted-key"}}, "there is key without cert"),
        ({"credentials": {"password": PASSWORD}}, "there is password without username"),
        (
            {"credentials": {"password": PASSWORD, "token": "planted-token"}, "username": "u"},
            "there are password and token",
        ),
        ({"image": ""}, "Option image"),
        ({"timeout": 1}, "Option timeout"),
        ({"query": {**QUERY, "port": "0"}}, "Option port: '0' is not a port of a service"),
    ],
)
def test_what_cannot_be_sent_is_refused(
    probe: Run, probe_cluster: ProbeCluster, options: dict[str, object], told: str
) -> None:
    result = probe(**options)
    assert told in result["msg"]
    assert result["probed"] is False
    assert probe_cluster.asked == []


def test_everything_that_is_wrong_is_told_at_once(probe: Run) -> None:
    assert len(probe(url="", tenant="..", image="", timeout=1)["problems"]) == 4


def test_check_mode_creates_and_asks_nothing(probe: Run, probe_cluster: ProbeCluster) -> None:
    result = probe(url=TLS_URL, credentials_secret="agent", username="edge", query=QUERY, check_mode=True)
    assert result["probed"] is False
    assert "probe_id" not in result
    names = ("resolve", "connect", "tls", "http", "accept", "read_back")
    assert oks(result) == dict.fromkeys(names)
    assert probe_cluster.asked == []


def test_a_controller_without_the_kubernetes_library_is_told_what_to_install(
    probe: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "HAS_KUBERNETES", False)
    assert "Failed to import the required Python library (kubernetes)" in probe()["msg"]


# The way, where it ends early.


@pytest.fixture
def fails(probe: Run, probe_cluster: ProbeCluster) -> Callable[..., str]:
    """Run the module, where promtool says this and the way ends at this step; the message."""

    def run(step: str, look: str | None = LOOKED, push: str | None = None, **more: object) -> str:
        probe_cluster.pods = [ran(look=None if look is None else 1, push=None if push is None else 1)]
        probe_cluster.logs = {"look": look or "", "push": f"Parsing metrics file /probe/canary.txt\n{push or ''}\n"}
        result = probe(**more)
        assert result["failed"]
        assert result["probed"]
        (problem,) = result["problems"]
        assert result["msg"] == f"{problem['subject']}: {problem['cause']}. Fix: {problem['fix']}."
        (failed,) = (entry for entry in result["steps"] if entry["ok"] is False)
        assert failed["name"] == step
        assert failed["cause"]
        assert failed["fix"]
        before, after = (entry["ok"] for entry in result["steps"][:1]), result["steps"][-1]["ok"]
        assert step == "resolve" or list(before) == [True]
        assert step in {"accept", "read_back"} or after is None
        return str(result["msg"])

    return run


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What runs is not waited for, once the look has met something."""
    monkeypatch.setattr(send, "worth_waiting", lambda ended: 0 if ended else None)


GET = f'Get "{URL}/-/healthy": '


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("step", "text", "told"),
    [
        ("resolve", "dial tcp: lookup receiver.example on 10.96.0.10:53: no such host", "does not know the name"),
        (
            "resolve",
            "dial tcp: lookup receiver.example on 10.96.0.10:53: read udp 10.0.0.1:1->10.96.0.10:53: i/o timeout",
            "the cluster's DNS does not answer",
        ),
        (
            "resolve",
            "dial tcp: lookup receiver.example on 10.96.0.10:53: server misbehaving",
            "the cluster's DNS does not answer",
        ),
        (
            "connect",
            "dial tcp 192.168.101.210:19291: connect: connection refused",
            "nothing listens at the address and port of the receiver",
        ),
        (
            "connect",
            "dial tcp 192.168.101.210:19291: connect: no route to host",
            "there is no route from the cluster's nodes to the receiver",
        ),
        (
            "connect",
            "dial tcp: connect: network is unreachable",
            "there is no route from the cluster's nodes to the receiver",
        ),
        ("connect", "context deadline exceeded", "the receiver does not answer"),
        ("connect", "dial tcp 192.168.101.210:19291: i/o timeout", "the receiver does not answer"),
        (
            "http",
            "read tcp 127.0.0.1:1->127.0.0.1:2: read: connection reset by peer",
            "the connection to the receiver is closed before",
        ),
        ("http", "EOF", "the connection to the receiver is closed before"),
        (
            "http",
            'malformed HTTP response "\\x15\\x03\\x01\\x00\\x02\\x02"',
            "the receiver speaks TLS at this port",
        ),
    ],
)
def test_a_network_error_is_told_at_its_step(fails: Callable[..., str], step: str, text: str, told: str) -> None:
    message = fails(step, GET + text)
    assert message.startswith(f"{WHERE}: step {step}: ")
    assert told in message


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "tls: failed to verify certificate: x509: certificate signed by unknown authority",
            "the certificate of the receiver is signed by an untrusted authority",
        ),
        (
            "tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time 2026",
            "the certificate of the receiver has expired",
        ),
        (
            "tls: failed to verify certificate: x509: certificate is valid for other.example, not receiver.example",
            "the certificate of the receiver is for another name or address",
        ),
        (
            "x509: cannot validate certificate for 127.0.0.1 because it doesn't contain any IP SANs",
            "the certificate of the receiver is for another name or address",
        ),
        ("remote error: tls: certificate required", "the receiver requires a client certificate, and none is sent"),
        ("remote error: tls: bad certificate", "the receiver refuses the client certificate"),
        ("remote error: tls: unknown certificate authority", "the receiver refuses the client certificate"),
        ("remote error: tls: expired certificate", "the receiver refuses the client certificate"),
        ("remote error: tls: unrecognized name", "the receiver has no certificate for this name"),
        ("remote error: tls: protocol version not supported", "the receiver aborts the TLS handshake"),
        ("http: server gave HTTP response to HTTPS client", "the receiver does not speak TLS at this port"),
        ("tls: first record does not look like a TLS handshake", "the receiver does not speak TLS at this port"),
        ("x509: something new", "the certificate of the receiver cannot be verified"),
    ],
)
def test_a_failing_tls_handshake_is_told(fails: Callable[..., str], text: str, told: str) -> None:
    message = fails("tls", f'Get "{TLS_URL}/-/healthy": {text}', url=TLS_URL)
    assert "step tls: " in message
    assert told in message


@pytest.mark.usefixtures("impatient")
def test_a_redirect_to_tls_that_fails_is_told_where_the_url_has_no_tls(fails: Callable[..., str]) -> None:
    text = 'Get "https://receiver.example/": x509: certificate signed by unknown authority'
    assert "step http: it redirects to https, and there the certificate of the receiver is signed by" in fails(
        "http", text
    )


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("status", [502, 503, 504])
def test_an_ingress_without_backend_is_told_by_the_look(fails: Callable[..., str], status: int) -> None:
    message = fails("http", f"check failed: URL={URL}, status={status}")
    assert f"what stands before the receiver has no backend that is ready (HTTP {status})" in message


@pytest.mark.parametrize(
    ("step", "status", "told"),
    [
        ("accept", "400 Bad Request: snappy: corrupt input", "does not understand the request, or refuses the tenant"),
        (
            "http",
            "400 Bad Request: Client sent an HTTP request to an HTTPS server.",
            "the receiver speaks TLS at this port",
        ),
        ("http", "401 Unauthorized: no", "requires a login"),
        ("http", "403 Forbidden: no", "writing is forbidden"),
        ("http", "404 Not Found: 404 page not found", "nothing accepts remote write at this path"),
        ("http", "405 Method Not Allowed: no", "accepts no writes"),
        ("http", "418 I'm a teapot: no", "the server is not a Thanos Receive"),
        ("accept", "409 Conflict: store locally for endpoint : conflict", "samples are out of order or out of bounds"),
        ("accept", "413 Request Entity Too Large: no", "larger than a limit"),
        ("accept", "429 Too Many Requests: no", "has reached its limit of active series"),
        ("accept", "500 Internal Server Error: no matching hashring to handle tenant", "no ring for this tenant"),
        ("http", "502 Bad Gateway: no", "cannot reach it"),
        ("accept", "503 Service Unavailable: no", "too few ingestors accept samples"),
        ("http", "504 Gateway Timeout: no", "gets no answer in time"),
        ("accept", "507 Insufficient Storage: no", "cannot store samples"),
    ],
)
def test_a_status_is_told_with_its_likely_cause(fails: Callable[..., str], step: str, status: str, told: str) -> None:
    message = fails(step, push=f"  FAILED: server returned HTTP status {status}")
    assert message.startswith(f"{WHERE}: step {step}: ")
    assert told in message
    assert f"(HTTP {status})" in message


def test_a_receiver_that_does_not_answer_is_told(fails: Callable[..., str]) -> None:
    text = f'  FAILED: Post "{URL}": context deadline exceeded (Client.Timeout exceeded while awaiting headers)'
    assert "step http: the receiver does not answer in time" in fails("http", push=text)


@pytest.mark.usefixtures("impatient")
def test_attempts_that_go_on_when_the_time_is_up_are_told(fails: Callable[..., str]) -> None:
    message = fails("accept", LOOKED, timeout=60)
    assert "no attempt has succeeded within 60 s, and promtool says why only after its last one" in message


def test_credentials_that_cannot_be_used_are_told(fails: Callable[..., str]) -> None:
    text = "promtool: error: Failed to create a new HTTP round tripper: unable to load specified CA cert /probe/ca"
    assert "step connect: promtool cannot use the credentials" in fails("connect", text, text, url=TLS_URL)


def test_an_unknown_text_is_passed_on_without_secrets(fails: Callable[..., str]) -> None:
    more = {"url": TLS_URL, "credentials": {"password": PASSWORD}, "username": "edge"}
    message = fails("connect", push=f"  FAILED: it is {PASSWORD} that {'x' * 400}", **more)
    assert "promtool fails (exit code 1) with a text that is not known here" in message
    assert message.count("x") < 350


@pytest.mark.parametrize(
    ("outcomes", "seconds"),
    [
        ({}, None),
        ({"look": Outcome(1, LOOKED)}, None),
        ({"look": Outcome(0, "")}, None),
        ({"look": Outcome(1, "connection refused")}, 8),
        ({"look": Outcome(1, "check failed: URL=x, status=503")}, 8),
        ({"push": Outcome(1, "")}, 0),
    ],
)
def test_repeated_attempts_are_waited_for_no_longer_than_they_are_worth(
    outcomes: dict[str, Outcome], seconds: float | None
) -> None:
    assert worth_waiting(outcomes) == seconds


def test_a_pod_that_cannot_run_is_told(probe: Run, probe_cluster: ProbeCluster) -> None:
    probe_cluster.refusals = {"POST jobs": (404, 'namespaces "monitoring" not found')}
    result = probe()
    assert 'there is no such place: namespaces "monitoring" not found' in result["msg"]
    assert result["probed"] is False
    assert oks(result) == dict.fromkeys(("resolve", "connect", "http", "accept"))


# Reading back.


def test_a_sample_is_read_back_once_it_is_there(probe: Run, accepted: ProbeCluster) -> None:
    copies = [series(receive_replica=str(number)) for number in range(3)]
    accepted.series = [[], [series()], copies]
    result = probe(query=QUERY)
    assert not result.get("failed")
    assert oks(result)["read_back"] is True
    assert result["copies"] == 3
    assert result["seconds"] >= 0
    canary = f'miribit_thanos_canary{{probe="{result["probe_id"]}"}}'
    asked = [entry for entry in accepted.asked if entry.startswith("query")]
    assert asked == [f"query {canary} dedup=true", f"query {canary} dedup=true", f"query {canary} dedup=false"]


@pytest.fixture
def read_back_fails(probe: Run, accepted: ProbeCluster) -> Callable[..., str]:
    """Run the module, where reading back fails; the message."""

    def run(*found: dict[str, object], **more: object) -> str:
        accepted.series = [list(found)]
        result = probe(query=QUERY, **more)
        assert oks(result) == {"resolve": True, "connect": True, "http": True, "accept": True, "read_back": False}
        assert result["msg"].startswith(f"{WHERE}: step read_back: ")
        return str(result["msg"])

    return run


def test_a_sample_that_does_not_come_back_is_told(read_back_fails: Callable[..., str]) -> None:
    message = read_back_fails()
    assert "the sample was accepted, and Query has not found it within 0.02 s. Fix: list the ingestors" in message


def test_another_value_is_told(read_back_fails: Callable[..., str]) -> None:
    assert "the value is 5, not 1767225600" in read_back_fails(series(value=5))


def test_another_tenant_is_told(read_back_fails: Callable[..., str]) -> None:
    message = read_back_fails(series(tenant_id="default-tenant"))
    assert (
        "it was stored for the tenant 'default-tenant', not for 'tenant-a'. Fix: set --receive.tenant-header" in message
    )


def test_replicas_that_query_does_not_make_one_of_are_told_by_their_labels(read_back_fails: Callable[..., str]) -> None:
    message = read_back_fails(series(receive_replica="0"), series(receive_replica="1"))
    assert "Query gives 2 series where there is one: they differ in receive_replica. Fix: list each" in message


def test_a_query_that_cannot_be_reached_is_told(
    probe: Run, accepted: ProbeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = accepted.send(Request("GET", "/monitoring/secrets/none"))
    document = {"kind": "Status", "apiVersion": "v1", "message": 'services "thanos-query" not found'}
    refusal = type(answer)(404, json.dumps(document).encode())
    monkeypatch.setattr(accepted, "get", lambda *_path, **_rest: refusal)
    message = probe(query=QUERY)["msg"]
    assert (
        "step read_back: service monitoring/thanos-query port http in context cluster-03: it does not exist" in message
    )


# Several tenants.


@dataclass
class TenantsCluster(ProbeCluster):
    """Each tenant's pod has its own way: the status of the pod, what promtool says, and what Query has of it."""

    statuses: dict[str, Object] = field(default_factory=dict)
    pushes: dict[str, str] = field(default_factory=dict)
    events_of: dict[str, str] = field(default_factory=dict)
    found: dict[str, list[Object]] = field(default_factory=dict)
    #: The first ones go on only when all of them have begun.
    meeting: threading.Barrier | None = None
    _tenants: dict[str, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _begun: int = 0
    running: int = 0
    most_running: int = 0

    def send(self, request: Request) -> Answer:
        item: Any = request.body
        if request.method == "POST" and request.path.endswith("/secrets"):
            config = json.loads(base64.b64decode(item["data"]["push.yml"]))
            header = config.get("http_headers", {}).get("X-Scope-OrgID", {"values": [""]})
            self._tenants[item["metadata"]["name"]] = header["values"][0]
        if request.method == "POST" and request.path.endswith("/jobs"):
            self._begin()
        if request.method == "DELETE":
            with self._lock:
                self.running -= 1
        answer: Answer = super().send(request)
        return answer

    def _begin(self) -> None:
        with self._lock:
            self.running += 1
            self.most_running = max(self.most_running, self.running)
            self._begun += 1
            meets = self.meeting if self.meeting and self._begun <= self.meeting.parties else None
        if meets:
            meets.wait()

    def _read(self, what: str, params: Sequence[tuple[str, str]] = ()) -> Answer:
        asked = dict(params)
        if what == "pods":
            job = asked["labelSelector"].removeprefix("job-name=")
            status = self.statuses.get(self._tenants[job], ran(look=1, push=0))
            items = [] if self._tenants[job] in self.events_of else [{"metadata": {"name": job}, "status": status}]
            return Answer(200, json.dumps({"items": items}).encode())
        if what == "events":
            job = asked["fieldSelector"].removeprefix("involvedObject.name=")
            message = self.events_of[self._tenants[job]].replace("JOB", job)
            return Answer(200, json.dumps({"items": [{"reason": "FailedCreate", "message": message}]}).encode())
        if what.endswith("/log") and asked["container"] == "push":
            job = what.removeprefix("pods/").removesuffix("/log")
            return Answer(200, self.pushes.get(self._tenants[job], PUSHED).encode())
        answer: Answer = super()._read(what, params)
        return answer

    def get(self, path: str, params: Sequence[tuple[str, str]], **rest: Any) -> Answer:
        command = f"--label=probe={dict(params)['query'].split(chr(34))[1]}"
        jobs = [job for job in list(self.created) if job["kind"] == "Job"]
        name = next(
            job["metadata"]["name"]
            for job in jobs
            if any(command in one["command"] for one in job["spec"]["template"]["spec"]["containers"])
        )
        tenant = self._tenants[name]
        with self._lock:
            self.series = [self.found.get(tenant, [series(tenant_id=tenant or "default-tenant")])]
            answer: Answer = super().get(path, params, **rest)
        return answer


@pytest.fixture
def tenants(probe_cluster: ProbeCluster, monkeypatch: pytest.MonkeyPatch) -> TenantsCluster:
    stand_in = TenantsCluster(logs={"look": LOOKED})
    monkeypatch.setattr(session, "session", lambda *_context: stand_in)
    return stand_in


@pytest.fixture
def probe_all(probe: Run) -> Run:
    """Run the module as several tenants."""
    return lambda names, **more: probe(tenant=None, tenants=names, **more)


def refused(status: str) -> str:
    return f"Parsing metrics file /probe/canary.txt\n  FAILED: server returned HTTP status {status}\n"


def only(result: dict[str, Any]) -> dict[str, str]:
    (problem,) = result["problems"]
    found: dict[str, str] = problem
    return found


NO_RING = "500 Internal Server Error: no matching hashring to handle tenant"
TO = f"Remote write from context cluster-03 to {URL}"


def test_each_tenant_is_proven_in_the_order_that_is_given(probe_all: Run, tenants: TenantsCluster) -> None:
    result = probe_all(["tenant-b", "", "tenant-a"], query=QUERY)
    assert not result.get("failed")
    assert result["probed"] is True
    assert [entry["tenant"] for entry in result["probes"]] == ["tenant-b", "", "tenant-a"]
    assert len({entry["probe_id"] for entry in result["probes"]}) == 3
    assert all(oks(entry)["read_back"] for entry in result["probes"])
    assert not {"steps", "probe_id"} & result.keys()


def test_the_longest_time_and_the_fewest_copies_are_told(
    probe_all: Run, tenants: TenantsCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_back(canary: Any, *_rest: object) -> tuple[None, float, int]:
        return (None, 0.5, 2) if canary.tenant == "tenant-a" else (None, 0.1, 3)

    monkeypatch.setattr(send, "_read_back", read_back)
    result = probe_all(["tenant-a", "tenant-b"], query=QUERY)
    assert (result["seconds"], result["copies"]) == (0.5, 2)
    assert [(entry["seconds"], entry["copies"]) for entry in result["probes"]] == [(0.5, 2), (0.1, 3)]


def test_tenants_are_probed_at_the_same_time(probe_all: Run, tenants: TenantsCluster) -> None:
    tenants.meeting = threading.Barrier(3, timeout=5)
    assert not probe_all(["tenant-a", "tenant-b", "tenant-c"]).get("failed")


def test_no_more_than_eight_tenants_are_probed_at_once(probe_all: Run, tenants: TenantsCluster) -> None:
    tenants.meeting = threading.Barrier(8, timeout=5)
    result = probe_all([f"tenant-{number}" for number in range(12)])
    assert len(result["probes"]) == 12
    assert tenants.most_running == 8


def test_where_one_tenant_fails_it_is_named_and_the_others_are_proven(probe_all: Run, tenants: TenantsCluster) -> None:
    tenants.statuses = {"tenant-b": ran(look=1, push=1)}
    tenants.pushes = {"tenant-b": refused(NO_RING)}
    result = probe_all(["tenant-a", "tenant-b"], query=QUERY)
    assert only(result)["subject"] == f"{TO} (tenant tenant-b)"
    assert [oks(entry)["accept"] for entry in result["probes"]] == [True, False]
    assert (result["probed"], result["seconds"], result["copies"]) == (True, None, None)
    assert result["probes"][0]["copies"] == 1


def test_the_same_cause_of_several_tenants_is_told_once(probe_all: Run, tenants: TenantsCluster) -> None:
    tenants.statuses = dict.fromkeys(("", "tenant-a", "tenant-b"), ran(look=1, push=1))
    tenants.pushes = dict.fromkeys(("", "tenant-a", "tenant-b"), refused(NO_RING))
    problem = only(probe_all(["tenant-a", "", "tenant-b"]))
    assert problem["subject"] == f"{TO} (tenants tenant-a, tenant-b and default tenant)"
    assert problem["cause"].count("HTTP 500") == 1


def test_of_the_same_cause_every_text_is_told(probe_all: Run, tenants: TenantsCluster) -> None:
    tenants.statuses = dict.fromkeys(("tenant-a", "tenant-b"), ran(look=1, push=1))
    tenants.pushes = {name: refused(f"{NO_RING} {name}") for name in ("tenant-a", "tenant-b")}
    problem = only(probe_all(["tenant-a", "tenant-b"]))
    assert problem["cause"].endswith(f"(HTTP {NO_RING} tenant-a; HTTP {NO_RING} tenant-b)")


def test_different_causes_are_told_one_by_one(probe_all: Run, tenants: TenantsCluster) -> None:
    tenants.statuses = {"tenant-b": ran(look=1, push=1)}
    tenants.pushes = {"tenant-b": refused("429 Too Many Requests: no")}
    tenants.found = {"": [series(value=5)]}
    problems = probe_all(["tenant-a", "tenant-b", ""], query=QUERY)["problems"]
    assert [problem["subject"] for problem in problems] == [f"{TO} (tenant tenant-b)", f"{TO} (default tenant)"]


def test_pods_that_are_refused_are_told_once_though_each_has_its_name(probe_all: Run, tenants: TenantsCluster) -> None:
    tenants.events_of = dict.fromkeys(("tenant-a", "tenant-b"), 'pods "JOB-x2x4z" is forbidden: exceeded quota: few')
    result = probe_all(["tenant-a", "tenant-b", "tenant-c"])
    problem = only(result)
    assert problem["subject"].endswith(" in context cluster-03 (tenants tenant-a, tenant-b)")
    assert "exceeded quota" in problem["cause"]
    assert [entry["probe_id"] is None for entry in result["probes"]] == [True, True, False]
    assert oks(result["probes"][0]) == dict.fromkeys(("resolve", "connect", "http", "accept"))


def test_a_list_of_one_tenant_is_a_list(probe_all: Run, tenants: TenantsCluster) -> None:
    assert [entry["tenant"] for entry in probe_all(["tenant-a"])["probes"]] == ["tenant-a"]


def test_a_tenant_that_cannot_be_sent_is_named(probe_all: Run, tenants: TenantsCluster) -> None:
    result = probe_all(["tenant-a", "a/b"])
    assert only(result)["subject"] == "Option tenants, a/b"
    assert tenants.asked == []


def test_what_is_wrong_for_all_tenants_is_told_once(probe_all: Run, tenants: TenantsCluster) -> None:
    assert only(probe_all(["tenant-a", "tenant-b"], url="ftp://a"))["subject"] == "Option url"


def test_no_tenant_is_refused(probe_all: Run, tenants: TenantsCluster) -> None:
    result = probe_all([])
    assert only(result)["cause"] == "it is empty"
    assert (result["probes"], result["probed"]) == ([], False)


def test_tenant_and_tenants_exclude_each_other(probe: Run, tenants: TenantsCluster) -> None:
    assert "parameters are mutually exclusive: tenant|tenants" in probe(tenants=["tenant-b"])["msg"]


def test_check_mode_tells_the_tenants_and_sends_nothing(probe_all: Run, tenants: TenantsCluster) -> None:
    result = probe_all(["tenant-a", ""], check_mode=True)
    assert result["probed"] is False
    assert [(entry["tenant"], entry["probe_id"]) for entry in result["probes"]] == [("tenant-a", None), ("", None)]
    assert tenants.asked == []
