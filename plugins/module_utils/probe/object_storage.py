# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A bucket, tried with the tools of Thanos: their command lines, and what their output means."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.miribit.thanos.plugins.module_utils.base.object_storage import bucket_problems
from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem
from ansible_collections.miribit.thanos.plugins.module_utils.probe.job import FOLDER, Outcome, Probe, Step, masked
from ansible_collections.miribit.thanos.plugins.module_utils.remote_write.failures import sign_of

STEPS = ("list", "write", "delete")
_MARKER = "no-downsample-mark.json"
# Everything else is hidden: each provider has its own names for secrets.
_SHOWN_KEYS = frozenset(
    {"type", "prefix", "bucket", "bucket_name", "container", "container_name", "endpoint", "region"}
)
_BASE32 = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LONGEST_TEXT = 300


def ulid(milliseconds: int, random: bytes) -> str:
    """The name of a block that no receiver has made."""
    number = (milliseconds << 80) | int.from_bytes(random[:10])
    return "".join(_BASE32[(number >> shift) & 31] for shift in range(125, -1, -5))


@dataclass(frozen=True)
class Bucket:
    """Where Thanos keeps its blocks: the content of its file, as parsed, and as it stands."""

    content: Any = field(repr=False)
    text: str = field(repr=False)
    place: str

    def problems(self) -> Iterator[Problem]:
        return bucket_problems(self.content, self.place)

    def __str__(self) -> str:
        config = self.content["config"]
        names = (config.get(key) for key in ("bucket", "bucket_name", "container", "container_name"))
        name = next((str(name) for name in names if name), "")
        endpoint = f" at {config['endpoint']}" if config.get("endpoint") else ""
        return f"{str(self.content['type']).upper()} bucket{f' {name}' if name else ''}{endpoint}"

    def object_name(self, block: str) -> str:
        return "/".join(part for part in (self._prefix(), block, _MARKER) if part)

    def probe(self, namespace: str, image: str, seconds: int, block: str, service_account: str = "") -> Probe:
        tools = ("/bin/thanos", "tools", "bucket")
        mark = (*tools, "mark", f"--objstore.config-file={FOLDER}/objstore.yml", f"--id={block}", f"--marker={_MARKER}")
        steps = (
            # In a folder without blocks: it fetches the meta.json of each that it finds, and there can be thousands.
            Step("list", (*tools, "ls", f"--objstore.config-file={FOLDER}/list.yml", "--timeout=20s")),
            Step("write", (*mark, "--details=miribit.thanos: a probe, can be deleted")),
            Step("delete", (*mark, "--remove")),
        )
        # JSON is YAML, too. What YAML makes a date of is a text to Thanos.
        in_folder = json.dumps({**self.content, "prefix": f"{self._prefix()}/{block}".lstrip("/")}, default=str)
        files = {"objstore.yml": self.text, "list.yml": in_folder}
        return Probe("object-storage", namespace, image, steps, files, seconds, service_account=service_account)

    def _prefix(self) -> str:
        return str(self.content.get("prefix") or "").strip("/")


def hidden(content: object) -> Iterator[str]:
    """The values of a configuration that no text may show."""
    match content:
        case dict():
            for key, value in content.items():
                if isinstance(value, dict | list) or key not in _SHOWN_KEYS:
                    yield from hidden(value)
        case list():
            for value in content:
                yield from hidden(value)
        case None | bool():
            return
        case _:
            yield str(content)


# What a step's own text must say: with the exit code 0 alone, nothing may have been written or deleted.
_DONE = {"list": "", "write": "block has been marked for no downsample", "delete": "mark has been removed"}
_ERROR = re.compile(r'^(?:.* )?level=error (?:.* )?err=(?P<text>"(?:[^"\\]|\\.)*"|\S+)', re.MULTILINE)

_ALLOW = {
    "list": "allow the user to list the bucket (s3:ListBucket, s3:GetBucketLocation)",
    "write": "allow the user to read and write objects (s3:GetObject, s3:PutObject)",
    "delete": "allow the user to delete objects (s3:DeleteObject): compaction and retention do",
}
#: For the failures of remote_write/failures: its fixes are for receivers.
NETWORK_FIXES = {
    "unknown name": "correct the endpoint, or add the name to the DNS that CoreDNS asks",
    "no DNS": "check that CoreDNS runs, and that no NetworkPolicy blocks it",
    "certificate required": "give a certificate as http_config.tls_config.cert and key",
    "certificate refused": "correct http_config.tls_config.cert and key",
    "no certificate": "correct the endpoint, or set http_config.tls_config.server_name",
    "handshake": "compare the TLS versions of both sides",
    "unknown authority": "give that authority's certificate as http_config.tls_config.ca",
    "expired": "renew the certificate, or set the clock",
    "other name": "use a name in the certificate, or set http_config.tls_config.server_name",
    "unverified": "give the certificate of the authority that signed it as http_config.tls_config.ca",
    "no TLS": "set insecure: true, or the port that speaks TLS",
    "only TLS": "set insecure: false, or the port without TLS",
    "refused": "check its host and port, and that the object storage runs",
    "no route": "check its address, and the routes",
    "slow": "check the load of the object storage, and firewalls and NetworkPolicies on the way",
    "silent": "check its address, and firewalls and NetworkPolicies on the way",
    "closed": "check 'insecure' (only one of both may speak TLS), and the object storage's log",
}
#: Errors of the object storage itself. The first match counts.
_SIGNS: tuple[tuple[re.Pattern[str], str, str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), cause, fix)
    for pattern, cause, fix in (
        (
            r"bucket does not exist|NoSuchBucket|bucket doesn't exist|ContainerNotFound|container does not exist",
            "the bucket does not exist there",
            "make it, or correct its name: Thanos does not make buckets",
        ),
        (
            r"Access Key Id you provided does not exist|InvalidAccessKeyId",
            "the object storage does not know the access key",
            "correct access_key",
        ),
        (
            r"request signature we calculated does not match|SignatureDoesNotMatch",
            "the secret key is not the one of this access key",
            "correct secret_key, and signature_version2 or region if it stays so",
        ),
        (
            r"difference between the request time and the (current|server's) time|RequestTimeTooSkewed",
            "the node's clock differs too much from the object storage's",
            "set the clocks",
        ),
        (
            r"no such file or directory",
            "the configuration names a file, which is not in the probe's pod",
            "write its content into the configuration, such as http_config.tls_config.ca",
        ),
        (r"field \S+ not found in type", "Thanos does not know a key of the configuration", "correct the key it names"),
        (r"create \S+ client|yaml: |parsing config", "Thanos cannot use the configuration", "correct what it names"),
    )
)
_DENIED = re.compile(
    r"Access ?Denied|forbidden|not authorized|AuthorizationPermissionMismatch|status code: 403", re.IGNORECASE
)


def judge(bucket: Bucket, outcomes: Mapping[str, Outcome], block: str, seconds: int) -> list[dict[str, object]]:
    """Each step: well, not well and why, or not reached (ok is null)."""
    result: list[dict[str, object]] = []
    failed = False
    for name in STEPS:
        outcome = outcomes.get(name, Outcome(None, ""))
        well = outcome.exit_code == 0 and _DONE[name] in outcome.log
        text = {"observed": "", "cause": "", "fix": ""}
        if not (well or failed):
            text = _failure(bucket, name, outcome, block, seconds)
        result.append({"name": name, "ok": None if failed else well, **text})
        failed = failed or not well
    return result


def unprobed() -> list[dict[str, object]]:
    return [{"name": name, "ok": None, "observed": "", "cause": "", "fix": ""} for name in STEPS]


def _failure(bucket: Bucket, name: str, outcome: Outcome, block: str, seconds: int) -> dict[str, str]:
    observed = _error(bucket, outcome.log)
    if outcome.exit_code is None:
        cause = f"the object storage has not answered within {seconds} s"
        fix = "check firewalls and NetworkPolicies on the way to it, and raise 'timeout' if it is slow"
    elif outcome.exit_code == 0:
        cause, fix = "nothing was done", "check that what was written is there at once for all who read"
    elif _DENIED.search(observed):
        cause, fix = f"the object storage does not allow to {name}", _ALLOW[name]
    elif sign := sign_of(observed):
        cause, fix = sign.cause.format(server="the endpoint"), NETWORK_FIXES[sign.name]
    else:
        known = ((cause, fix) for pattern, cause, fix in _SIGNS if pattern.search(observed))
        cause, fix = next(known, ("thanos fails for a reason that is not known here", "act on its text"))
    if name == "delete":
        fix += f"; then delete {bucket.object_name(block)}, which was left there"
    return {"observed": observed, "cause": cause, "fix": fix}


def _unquoted(text: str) -> str:
    try:
        return str(json.loads(text))
    except ValueError:
        return text


def _error(bucket: Bucket, log: str) -> str:
    """The innermost reason. Thanos writes the whole stack behind it."""
    if not (errors := list(_ERROR.finditer(log))):
        lines = log.strip().splitlines()
        text = lines[-1] if lines else ""
    else:
        text = errors[-1]["text"]
        with_stack = _unquoted(text)
        lines = with_stack.splitlines()
        # Of a stack, each function is followed by its place, behind a tab.
        places = {at for at, line in enumerate(lines) if line.startswith("\t")}
        said = [line.strip() for at, line in enumerate(lines) if not {at, at + 1} & places]
        text = " ".join(said[:-1] if len(said) > 1 else said)
    # YAML errors quote the beginning of a value.
    text = masked(re.sub(r"`[^`]*`", "<value>", text), hidden(bucket.content))
    return text if len(text) <= _LONGEST_TEXT else text[:_LONGEST_TEXT] + "..."
