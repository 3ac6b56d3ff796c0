"""The command lines of the probes, run by the real programs on loopback, and what is made of their texts."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlencode

import pytest
import trustme
import yaml
from loopback import Start, fetch, free_addresses, starting
from minio import Minio
from minio.credentials import StaticProvider
from minio.minioadmin import MinioAdmin

from ansible_collections.miribit.thanos.plugins.module_utils.base.object_storage import TYPES
from ansible_collections.miribit.thanos.plugins.module_utils.probe.job import FOLDER, Outcome, Probe
from ansible_collections.miribit.thanos.plugins.module_utils.probe.object_storage import Bucket, judge, ulid
from ansible_collections.miribit.thanos.plugins.module_utils.probe.remote_write import Canary, Failure, failure

PATH = "/api/v1/receive"
USER, KEY = "lab-user", "planted-secret-key"

RunProbe = Callable[..., dict[str, Outcome]]


@pytest.fixture
def run(binaries: Path, tmp_path: Path) -> RunProbe:
    """Do what the containers of a probe do, one after the other; one that takes longer is ended."""

    def run(probe: Probe, seconds: float = 20) -> dict[str, Outcome]:
        for name, text in probe.files.items():
            (tmp_path / name).write_text(text)
        outcomes: dict[str, Outcome] = {}
        for step in probe.steps:
            command = [part.replace("/bin/", f"{binaries}/", 1) for part in step.command]
            command = [part.replace(FOLDER, str(tmp_path), 1) for part in command]
            try:
                done = subprocess.run(
                    command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=seconds, check=False
                )
            except subprocess.TimeoutExpired:
                outcomes[step.name] = Outcome(None, "")
                continue
            outcomes[step.name] = Outcome(done.returncode, done.stdout)
            if done.returncode and not probe.at_once:
                break
        return outcomes

    return run


# Remote write.


@pytest.fixture
def send(run: RunProbe) -> Callable[..., Failure | None]:
    """Send a canary. What promtool repeats is not waited for."""

    def send(canary: Canary, seconds: float = 3) -> Failure | None:
        probe = canary.probe("monitoring", "image", 60)
        (look, push) = probe.steps
        looked = run(replace(probe, steps=(look,)), seconds=20)
        return failure(canary, {**looked, **run(replace(probe, steps=(push,)), seconds)}, 60)

    return send


Send = Callable[..., Failure | None]


@pytest.fixture
def receive(binaries: Path, start: Start, tmp_path: Path) -> Callable[..., str]:
    """Start a receiver; its address for remote write."""

    def receive(*options: str, grpc: str = "", scheme: str = "http") -> str:
        g, h, w, c = free_addresses(4)
        store = tmp_path / f"tsdb-{w}"
        start(
            *(binaries / "thanos", "receive", f"--tsdb.path={store}", '--label=receive_replica="0"'),
            *(f"--grpc-address={grpc or g}", f"--http-address={h}", f"--remote-write.address={w}"),
            *(f"--receive.capnproto-address={c}", "--receive.tenant-header=X-Scope-OrgID", *options),
            ready=f"http://{h}/-/ready",
        )
        return f"{scheme}://{w}"

    return receive


def canary(server: str, **more: object) -> Canary:
    now = int(time.time())
    return replace(Canary(f"{server}{PATH}", f"id{now}", now, external_labels={"cluster": 'c"\\3'}), **more)  # type: ignore[arg-type]


def test_a_canary_is_stored_with_its_labels_and_tenant_and_comes_back(
    binaries: Path, start: Start, receive: Callable[..., str], send: Send
) -> None:
    grpc, query, http = free_addresses(3)
    sample = canary(receive(grpc=grpc), tenant="tenant-a")
    assert send(sample) is None
    start(
        *(binaries / "thanos", "query", f"--endpoint={grpc}", f"--grpc-address={query}", f"--http-address={http}"),
        ready=f"http://{http}/-/ready",
    )
    until = time.monotonic() + 20
    found = []
    while not found and time.monotonic() < until:
        answer = fetch(f"http://{http}/api/v1/query?{urlencode({'query': sample.query})}")
        found = json.loads(answer)["data"]["result"]
    (series,) = found
    assert series["metric"] == {
        "__name__": "miribit_thanos_canary",
        "cluster": 'c"\\3',
        "probe": sample.id,
        "receive_replica": "0",
        "tenant_id": "tenant-a",
    }
    assert float(series["value"][1]) == sample.value


def failed(found: Failure | None, step: str, cause: str) -> None:
    assert found is not None
    assert (found.step, cause in found.cause) == (step, True), found
    assert "not known here" not in found.cause
    assert found.fix


@pytest.mark.parametrize(
    ("server", "step", "cause"),
    [
        ("http://receiver.invalid:19291", "resolve", "DNS"),
        ("http://127.0.0.1:1", "connect", "nothing listens"),
        ("https://127.0.0.1:1", "connect", "nothing listens"),
    ],
)
def test_an_address_that_leads_nowhere_is_recognised(send: Send, server: str, step: str, cause: str) -> None:
    failed(send(canary(server), seconds=1), step, cause)


@pytest.fixture
def hole() -> Iterator[str]:
    """An address where connections do not come about."""
    with contextlib.ExitStack() as sockets:
        full = sockets.enter_context(socket.socket())
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _number in range(3):
            waiting = sockets.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        yield f"127.0.0.1:{full.getsockname()[1]}"


@pytest.mark.long
def test_packets_that_are_dropped_are_recognised(send: Send, hole: str) -> None:
    failed(send(canary(f"http://{hole}"), seconds=1), "connect", "packets are dropped")


def test_refusals_of_a_receiver_are_recognised(receive: Callable[..., str], run: RunProbe, send: Send) -> None:
    server = receive()
    sample = canary(server)
    failed(send(replace(sample, url=f"{server}/api/v1/write")), "http", "nothing accepts remote write at this path")
    failed(send(replace(sample, url=server.replace("http:", "https:") + PATH)), "tls", "does not speak TLS")
    # A sample from the future makes every later one of the series a conflict.
    probe = sample.probe("monitoring", "image", 60)
    future = f"{(sample.value + 3600) * 1000}"
    files = {**probe.files, "canary.txt": probe.files["canary.txt"].rstrip() + f" {future}\n"}
    assert run(replace(probe, files=files))["push"].exit_code == 0
    failed(send(sample), "accept", "out of order")


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def tls(tmp_path: Path, authority: trustme.CA, receive: Callable[..., str]) -> Callable[..., str]:
    """Start a receiver with TLS."""

    def tls(name: str = "127.0.0.1", *, clients: bool = False) -> str:
        certificate = authority.issue_cert(name)
        certificate.cert_chain_pems[0].write_to_path(tmp_path / "server.crt")
        certificate.private_key_pem.write_to_path(tmp_path / "server.key")
        authority.cert_pem.write_to_path(tmp_path / "clients.crt")
        options = ["--remote-write.server-tls-cert", "--remote-write.server-tls-key"]
        values = [f"{tmp_path}/server.crt", f"{tmp_path}/server.key"]
        if clients:
            options.append("--remote-write.server-tls-client-ca")
            values.append(f"{tmp_path}/clients.crt")
        return receive(*(f"{option}={value}" for option, value in zip(options, values, strict=True)), scheme="https")

    return tls


def credentials(authority: trustme.CA, client: trustme.CA | None = None) -> dict[str, str]:
    found = {"ca": authority.cert_pem.bytes().decode()}
    if client:
        certificate = client.issue_cert("edge")
        found["cert"] = certificate.cert_chain_pems[0].bytes().decode()
        found["key"] = certificate.private_key_pem.bytes().decode()
    return found


def test_a_receiver_with_tls_is_reached_with_its_authority(
    tls: Callable[..., str], authority: trustme.CA, send: Send
) -> None:
    server = tls("thanos-receiver")
    sample = canary(server, credentials=credentials(authority), server_name="thanos-receiver")
    assert send(sample) is None
    failed(send(replace(sample, credentials={})), "tls", "signed by an untrusted authority")
    failed(send(replace(sample, server_name="")), "tls", "for another name or address")
    failed(send(replace(sample, server_name="other")), "tls", "for another name or address")
    failed(
        send(replace(sample, url=sample.url.replace("https", "http"))), "http", "the receiver speaks TLS at this port"
    )
    failed(send(replace(sample, credentials={"ca": "no PEM"})), "connect", "cannot use the credentials")


def test_a_receiver_that_asks_for_certificates_takes_only_the_right_ones(
    tls: Callable[..., str], authority: trustme.CA, send: Send
) -> None:
    sample = canary(tls(clients=True))
    assert send(replace(sample, credentials=credentials(authority, authority))) is None
    failed(send(replace(sample, credentials=credentials(authority))), "tls", "and none is sent")
    wrong = credentials(authority, trustme.CA())
    failed(send(replace(sample, credentials=wrong)), "tls", "refuses the client certificate")


# Object storage.


@pytest.fixture(scope="module")
def store(binaries: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a MinIO with a bucket."""
    (address,) = free_addresses(1)
    folder = tmp_path_factory.mktemp("minio")
    with starting(folder) as begin:
        begin(
            *(binaries / "minio", "server", "--quiet", f"--address={address}", folder / "data"),
            ready=f"http://{address}/minio/health/ready",
            environment={"HOME": str(folder), "MINIO_ROOT_USER": USER, "MINIO_ROOT_PASSWORD": KEY},
        )
        Minio(address, access_key=USER, secret_key=KEY, secure=False).make_bucket("blocks")
        yield address


def bucket(endpoint: str, prefix: str = "", **config: object) -> Bucket:
    chosen = {
        "bucket": "blocks",
        "endpoint": endpoint,
        "access_key": USER,
        "secret_key": KEY,
        "insecure": True,
        **config,
    }
    content = {"type": "S3", "config": chosen, **({"prefix": prefix} if prefix else {})}
    return Bucket(content, yaml.safe_dump(content), "Option config")


Steps = list[dict[str, object]]


@pytest.fixture
def probe(run: RunProbe) -> Callable[[Bucket], Steps]:
    def probe(tried: Bucket) -> Steps:
        block = ulid(int(time.time() * 1000), b"random....")
        outcomes = run(tried.probe("monitoring", "image", 60, block), seconds=40)
        assert all(KEY not in outcome.log for outcome in outcomes.values())
        return judge(tried, outcomes, block, 60)

    return probe


@pytest.mark.parametrize("prefix", ["", "fleet/a"])
def test_a_bucket_is_listed_written_and_deleted_from_and_nothing_stays(
    store: str, probe: Callable[[Bucket], Steps], prefix: str
) -> None:
    steps = probe(bucket(store, prefix))
    assert [(step["name"], step["ok"]) for step in steps] == [("list", True), ("write", True), ("delete", True)], steps
    client = Minio(store, access_key=USER, secret_key=KEY, secure=False)
    assert list(client.list_objects("blocks", prefix=prefix or "0", recursive=True)) == []


@pytest.mark.parametrize(
    ("config", "cause"),
    [
        ({"bucket": "none"}, "the bucket does not exist there"),
        ({"access_key": "nobody"}, "does not know the access key"),
        ({"secret_key": "another-secret"}, "the secret key is not the one"),
        ({"insecure": False}, "the endpoint does not speak TLS"),
        ({"endpoint": "127.0.0.1:1"}, "nothing listens at the address and port of the endpoint"),
        ({"endpoint": "s3.invalid:9000"}, "the cluster's DNS"),
        ({"bukcet": "x"}, "Thanos does not know a key of the configuration"),
        ({"http_config": {"tls_config": {"ca_file": "/none.pem"}}}, "the configuration names a file"),
    ],
)
def test_a_wrong_configuration_is_recognised(
    store: str, probe: Callable[[Bucket], Steps], config: dict[str, object], cause: str
) -> None:
    endpoint = str(config.get("endpoint", store))
    steps = probe(bucket(endpoint, **{key: value for key, value in config.items() if key != "endpoint"}))
    assert [step["ok"] for step in steps] == [False, None, None]
    assert cause in str(steps[0]["cause"]), steps
    assert "\t" not in str(steps[0]["observed"])


@pytest.mark.parametrize(
    ("actions", "failing"),
    [
        (["s3:GetObject"], "list"),
        (["s3:ListBucket", "s3:GetBucketLocation", "s3:GetObject"], "write"),
        (["s3:ListBucket", "s3:GetBucketLocation", "s3:GetObject", "s3:PutObject"], "delete"),
    ],
)
def test_a_missing_permission_is_recognised_at_its_step(
    store: str, probe: Callable[[Bucket], Steps], actions: list[str], failing: str
) -> None:
    admin = MinioAdmin(endpoint=store, credentials=StaticProvider(USER, KEY), secure=False)
    statement = {"Effect": "Allow", "Action": actions, "Resource": ["arn:aws:s3:::blocks", "arn:aws:s3:::blocks/*"]}
    user = f"may-not-{failing}"
    admin.policy_add(user, policy={"Version": "2012-10-17", "Statement": [statement]})
    admin.user_add(user, "some-secret-key")
    admin.attach_policy([user], user=user)
    steps = probe(bucket(store, "denied", access_key=user, secret_key="some-secret-key"))
    (step,) = (step for step in steps if step["ok"] is False)
    assert step["name"] == failing
    assert step["cause"] == f"the object storage does not allow to {failing}", steps


def test_an_endpoint_with_tls_is_recognised(probe: Callable[[Bucket], Steps], tls: Callable[..., str]) -> None:
    endpoint = tls().removeprefix("https://")
    assert "the endpoint speaks TLS" in str(probe(bucket(endpoint))[0]["cause"])
    assert "signed by an untrusted authority" in str(probe(bucket(endpoint, insecure=False))[0]["cause"])


@pytest.mark.long
def test_packets_that_are_dropped_on_the_way_to_the_endpoint_are_recognised(
    probe: Callable[[Bucket], Steps], hole: str
) -> None:
    assert "does not answer" in str(probe(bucket(hole))[0]["cause"])


def test_the_types_are_those_that_thanos_knows(binaries: Path) -> None:
    for provider in (*TYPES, "NONE"):
        command = [str(binaries / "thanos"), "tools", "bucket", "ls", f"--objstore.config={{type: {provider}}}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert (f"type {provider} is not supported" in done.stderr) is (provider == "NONE")
