"""The module object_storage_probe, from its options to the JSON that Ansible reads. The texts are Thanos 0.42.4's."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from probe_cluster import ProbeCluster, probe_cluster, ran

from ansible_collections.miribit.thanos.plugins.action import object_storage_probe
from ansible_collections.miribit.thanos.plugins.module_utils.kube import session
from ansible_collections.miribit.thanos.plugins.module_utils.probe.object_storage import ulid

__all__ = ["probe_cluster"]

SECRET = "planted/secret+key"
CONFIG = {
    "type": "S3",
    "config": {
        "bucket": "blocks",
        "endpoint": "s3.example:9000",
        "access_key": "planted-access-key",
        "secret_key": SECRET,
        "insecure": True,
    },
}
WHERE = "S3 bucket blocks at s3.example:9000 from context cluster-03"
DONE = {
    "list": 'level=info msg="ls done" objects=0',
    "write": 'ts=1 caller=block.go:440 level=info msg="block has been marked for no downsample" block=01JD',
    "delete": 'ts=1 caller=block.go:459 level=info msg="mark has been removed from the block" block=01JD',
}

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def probe(run_action: Run, probe_cluster: ProbeCluster) -> Run:
    """Run the module; nothing secret comes back."""

    def run(*configs: object, **more: object) -> dict[str, Any]:
        (config,) = configs or (CONFIG,)
        given = {} if config is None else {"config": config if isinstance(config, str) else yaml.safe_dump(config)}
        options = {"namespace": "monitoring", "image": "registry.example/thanos:v0.42.4", **given, **more}
        result = run_action(object_storage_probe.ActionModule, options)
        assert SECRET not in json.dumps(result)
        assert "planted-access-key" not in json.dumps(result)
        return result

    return run


def error(text: str, step: str = "BaseFetcher: iter bucket") -> str:
    """A line of Thanos' log, with the stack behind the error."""
    stack = "github.com/thanos-io/thanos/pkg/block.(*BaseFetcher).fetch\n\tgithub.com/thanos-io/thanos/fetcher.go:593"
    whole = f"{text}\n{step}\n{stack}\npreparing tools bucket ls command failed\nmain.main\n\tmain.go:143"
    return f"ts=1 caller=main.go:143 level=error err={json.dumps(whole)}"


@pytest.fixture
def fails(probe: Run, probe_cluster: ProbeCluster) -> Callable[..., str]:
    """Run the module, where a step says this; the message."""

    def run(text: str, step: str = "list", **more: object) -> str:
        steps = ("list", "write", "delete")
        before = steps[: steps.index(step)]
        probe_cluster.pods = [ran(**dict.fromkeys(before, 0), **{step: 1})]
        probe_cluster.logs = {**DONE, step: text}
        result = probe(**more)
        assert result["failed"]
        assert result["probed"]
        assert [entry["ok"] for entry in result["steps"]] == [True] * len(before) + [False] + [None] * (2 - len(before))
        (problem,) = result["problems"]
        assert result["msg"] == f"{problem['subject']}: {problem['cause']}. Fix: {problem['fix']}."
        return str(result["msg"])

    return run


def test_a_bucket_that_does_everything_is_proven(probe: Run, probe_cluster: ProbeCluster) -> None:
    probe_cluster.pods = [ran(list=0, write=0, delete=0)]
    probe_cluster.logs = DONE
    result = probe()
    assert not result.get("failed")
    assert result["changed"] is False
    assert result["probed"] is True
    assert [(step["name"], step["ok"]) for step in result["steps"]] == [
        ("list", True),
        ("write", True),
        ("delete", True),
    ]


def test_the_configuration_reaches_the_pod_as_it_stands_and_only_as_a_file(
    probe: Run, probe_cluster: ProbeCluster
) -> None:
    text = (
        "type: S3\nprefix: fleet\n"
        f"config: {{bucket: blocks, endpoint: a:1, access_key: a, secret_key: '{SECRET}'}} # as it stands\n"
    )
    probe_cluster.pods = [ran(list=0, write=0, delete=0)]
    probe(text)
    files = {name: base64.b64decode(value).decode() for name, value in probe_cluster.secret["data"].items()}
    assert files["objstore.yml"] == text
    assert SECRET not in json.dumps(probe_cluster.job)


def test_the_list_step_looks_only_into_the_folder_that_is_written_to(probe: Run, probe_cluster: ProbeCluster) -> None:
    probe_cluster.pods = [ran(list=0, write=0, delete=0)]
    probe({**CONFIG, "prefix": "/fleet/"})
    spec = probe_cluster.job["spec"]["template"]["spec"]
    _list, write = (container["command"] for container in spec["initContainers"])
    (block,) = (argument.removeprefix("--id=") for argument in write if argument.startswith("--id="))
    listed = yaml.safe_load(base64.b64decode(probe_cluster.secret["data"]["list.yml"]))
    assert listed == {**CONFIG, "prefix": f"fleet/{block}"}


def test_every_probe_has_a_block_of_its_own() -> None:
    # The first is the example of the ULID specification's time.
    assert ulid(1469918176385, bytes(10)) == "01ARYZ6S410000000000000000"
    assert ulid(0, b"\xff" * 10) == "0000000000ZZZZZZZZZZZZZZZZ"


def test_an_existing_secret_is_read_and_tried(probe: Run, probe_cluster: ProbeCluster) -> None:
    probe_cluster.secrets = {"objstore": {"objstore.yml": base64.b64encode(yaml.safe_dump(CONFIG).encode()).decode()}}
    probe_cluster.pods = [ran(list=0, write=0, delete=0)]
    probe_cluster.logs = DONE
    assert probe(None, secret="objstore")["probed"]


def test_a_missing_secret_is_told(probe: Run, probe_cluster: ProbeCluster) -> None:
    message = probe(None, secret="objstore")["msg"]
    assert message.startswith("Secret monitoring/objstore in context cluster-03: it does not exist. Fix: make it")
    assert probe_cluster.created == []


@pytest.mark.parametrize("value", ["", "////"])
def test_a_missing_or_unreadable_key_is_told(probe: Run, probe_cluster: ProbeCluster, value: str) -> None:
    probe_cluster.secrets = {"objstore": {"other": "eA==", **({"objstore.yml": value} if value else {})}}
    assert "it holds no text under objstore.yml; its keys: " in probe(None, secret="objstore")["msg"]


def test_what_a_secret_holds_is_checked_too(probe: Run, probe_cluster: ProbeCluster) -> None:
    probe_cluster.secrets = {"objstore": {"k": base64.b64encode(b"type: S4").decode()}}
    message = probe(None, secret="objstore", key="k")["msg"]
    assert "Secret monitoring/objstore in context cluster-03, key k: there is no type 'S4'" in message


def test_check_mode_creates_and_asks_nothing(probe: Run, probe_cluster: ProbeCluster) -> None:
    for config in (CONFIG, None):
        more = {"secret": "objstore"} if config is None else {}
        result = probe(config, check_mode=True, **more)
        assert result["probed"] is False
        assert [step["ok"] for step in result["steps"]] == [None, None, None]
    assert probe_cluster.asked == []


def test_check_mode_checks_the_form(probe: Run) -> None:
    assert probe("type: S4", check_mode=True)["failed"]


KEYS = {"bucket": "a", "endpoint": "b", "access_key": "c", "secret_key": "d"}


@pytest.mark.parametrize(
    ("provider", "config"),
    [
        ("GCS", {"bucket": "a"}),
        ("azure", {"container": "a", "storage_account": "b"}),
        ("SWIFT", {"container_name": "a"}),
        ("COS", {"x": 1}),
        ("ALIYUNOSS", {"bucket": "a", "endpoint": "b", "access_key_id": "c", "access_key_secret": "d"}),
        ("BOS", KEYS),
        ("OCI", {"x": 1}),
        ("OBS", KEYS),
    ],
)
def test_any_provider_of_thanos_passes(probe: Run, provider: str, config: dict[str, object]) -> None:
    assert not probe({"type": provider, "config": config}, check_mode=True).get("failed")


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ("[]", "Option config: it is a list, not a mapping."),
        ("type: S3: x", "Option config: it is not YAML (line 1, column 9)."),
        ({**CONFIG, "type": "s33"}, "there is no type 'S33'. Fix: use one of S3, "),
        ({**CONFIG, "type": "S33"}, "(did you mean S3?)"),
        (
            {**CONFIG, "konfig": 1},
            "there is no key 'konfig'. Fix: use only type, config, prefix (did you mean config?)",
        ),
        ({"type": "S3", "config": "x"}, "config is a text, not a mapping"),
        ({"type": "S3", "config": {"endpoint": "a:1"}}, "config has no bucket, which S3 asks for"),
        ({"type": "S3", "config": {"bucket": "b"}}, "config has no endpoint, which S3 asks for"),
        ({"type": "S3", "config": {"bucket": "b", "endpoint": "http://a:1"}}, "config.endpoint is a URL"),
        ({"type": "FILESYSTEM", "config": {"directory": "/x"}}, "is another one in each pod"),
    ],
)
def test_a_configuration_that_cannot_be_one_is_refused(
    probe: Run, probe_cluster: ProbeCluster, config: object, told: str
) -> None:
    assert told in probe(config)["msg"]
    assert probe_cluster.asked == []


def test_everything_that_is_wrong_is_told_at_once(probe: Run) -> None:
    result = probe({"type": "S3", "config": {}, "x": 1}, image="", timeout=1)
    assert len(result["problems"]) == 5


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            'Get "http://s3.example:9000/": dial tcp: lookup s3.example on 10.96.0.10:53: no such host',
            "the cluster's DNS does not know the name of the endpoint",
        ),
        (
            "dial tcp: lookup s3.example on 10.96.0.10:53: read udp 10.0.0.1:1->10.96.0.10:53: i/o timeout",
            "the cluster's DNS does not answer",
        ),
        (
            'Get "http://s3.example:9000/": dial tcp 10.0.0.1:9000: connect: connection refused',
            "nothing listens at the address and port of the endpoint",
        ),
        (
            "dial tcp 10.0.0.1:9000: connect: no route to host",
            "there is no route from the cluster's nodes to the endpoint",
        ),
        ("context deadline exceeded", "the endpoint does not answer"),
        (
            'Get "https://s3.example:9000/": http: server gave HTTP response to HTTPS client',
            "the endpoint does not speak TLS at this port",
        ),
        ("Client sent an HTTP request to an HTTPS server.", "the endpoint speaks TLS at this port"),
        (
            "read tcp 127.0.0.1:1->127.0.0.1:2: read: connection reset by peer",
            "the connection to the endpoint is closed before an answer",
        ),
        (
            "tls: failed to verify certificate: x509: certificate signed by unknown authority",
            "the certificate of the endpoint is signed by an untrusted authority",
        ),
        (
            "x509: certificate has expired or is not yet valid: current time 2026",
            "the certificate of the endpoint has expired",
        ),
        (
            "x509: certificate is valid for other.example, not s3.example",
            "the certificate of the endpoint is for another name",
        ),
        ("The specified bucket does not exist", "the bucket does not exist there"),
        ("The Access Key Id you provided does not exist in our records.", "does not know the access key"),
        (
            "The request signature we calculated does not match the signature you provided. Check your key.",
            "the secret key is not the one of this access key",
        ),
        (
            "The difference between the request time and the server's time is too large.",
            "the node's clock differs too much",
        ),
        ("open /etc/ca.pem: no such file or directory", "the configuration names a file"),
        (
            "yaml: unmarshal errors:\n  line 1: field bukcet not found in type s3.Config\ncreate S3 client",
            "Thanos does not know a key of the configuration (yaml: unmarshal errors: line 1: field bukcet not found",
        ),
        ("Access Denied.", "the object storage does not allow to list"),
        ("something new", "thanos fails for a reason that is not known here (something new BaseFetcher: iter bucket)"),
    ],
)
def test_a_bucket_that_cannot_be_listed_is_told_with_its_likely_cause(
    fails: Callable[..., str], text: str, told: str
) -> None:
    message = fails(error(text))
    assert message.startswith(f"{WHERE}: step list: ")
    assert told in message
    assert "github.com" not in message


def test_a_key_that_may_not_write_is_told_with_the_permission_to_add(fails: Callable[..., str]) -> None:
    message = fails(error("Access Denied.", "upload file x to bucket"), "write")
    assert f"{WHERE}: step write: the object storage does not allow to write" in message
    assert "s3:PutObject" in message


def test_a_key_that_may_not_delete_is_told_with_what_is_left_there(fails: Callable[..., str]) -> None:
    message = fails(
        error("Access Denied.", "delete file x from bucket"), "delete", config={**CONFIG, "prefix": "fleet"}
    )
    assert "s3:DeleteObject" in message
    assert "then delete fleet/01" in message
    assert "/no-downsample-mark.json, which was left there." in message


def test_a_step_that_says_nothing_of_its_deed_is_not_taken_for_done(probe: Run, probe_cluster: ProbeCluster) -> None:
    probe_cluster.pods = [ran(list=0, write=0, delete=0)]
    probe_cluster.logs = {**DONE, "delete": 'level=warn msg="requested to remove the mark, but file does not exist"'}
    result = probe()
    assert [step["ok"] for step in result["steps"]] == [True, True, False]
    assert "step delete: nothing was done" in result["msg"]


def test_an_object_storage_that_does_not_answer_in_time_is_told(
    probe: Run, probe_cluster: ProbeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.monotonic", iter(range(0, 10_000, 20)).__next__)
    probe_cluster.pods = [ran(list=None)]
    assert "step list: the object storage has not answered within 60 s" in probe()["msg"]


def test_values_of_the_configuration_are_hidden_in_what_thanos_says(fails: Callable[..., str]) -> None:
    message = fails(error(f"cannot use {SECRET} and `planted...` at s3.example"))
    assert "cannot use <secret> and <value> at s3.example" in message


def test_a_mapping_is_taken_too_and_only_its_secrets_are_hidden(run_action: Run, probe_cluster: ProbeCluster) -> None:
    probe_cluster.pods = [ran(list=1)]
    probe_cluster.logs = {"list": error("The specified bucket does not exist")}
    options = {"namespace": "monitoring", "image": "registry.example/thanos:v0.42.4", "config": CONFIG}
    result = run_action(object_storage_probe.ActionModule, options)
    assert result["msg"].startswith(WHERE)
    assert SECRET not in json.dumps(result)
    assert "planted-access-key" not in json.dumps(result)
    assert yaml.safe_load(base64.b64decode(probe_cluster.secret["data"]["objstore.yml"])) == CONFIG


def test_a_pod_that_cannot_run_is_told(probe: Run, probe_cluster: ProbeCluster) -> None:
    probe_cluster.refusals = {"POST jobs": (403, 'jobs.batch is forbidden: User "u" cannot create resource "jobs"')}
    result = probe()
    assert "the API server forbids it: jobs.batch is forbidden" in result["msg"]
    assert result["probed"] is False


def test_a_controller_without_the_library_is_told_what_to_install(probe: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "HAS_KUBERNETES", False)
    assert "Failed to import the required Python library (kubernetes)" in probe()["msg"]
