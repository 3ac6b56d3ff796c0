# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A canary sample, sent by promtool: its command lines, and how far on the way what promtool says has come."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from ansible_collections.miribit.thanos.plugins.module_utils.base.names import wrong_tenant
from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem
from ansible_collections.miribit.thanos.plugins.module_utils.probe.job import FOLDER, Outcome, Probe, Step, masked
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.query import Sample
from ansible_collections.miribit.thanos.plugins.module_utils.remote_write import failures
from ansible_collections.miribit.thanos.plugins.module_utils.remote_write.model import (
    header_complaint,
    label_complaints,
    url_complaints,
)

METRIC = "miribit_thanos_canary"
PROBE_LABEL = "probe"
#: The names of credentials. Each is a file.
CREDENTIALS = ("ca", "cert", "key", "password", "token")

# promtool says nothing about an attempt that it repeats (lost connections, 429, 5xx: up to ten times, 50 to 85 s).
# So another one looks at the same place beside it, once: what it meets is known after 10 s at most.
LOOK, PUSH = "look", "push"
# What a new pod meets in its first seconds may pass: its network policies and its DNS are still being set up.
_MORE_ATTEMPTS_SECONDS = 8.0

_STATUS = re.compile(r"server returned HTTP status (?P<status>\d{3})(?P<text>[^\n]*)")
_LOOKED_STATUS = re.compile(r"check failed: URL=\S*, status=(?P<status>\d{3})")
_LONGEST_TEXT = 300
#: The name of a probe's Job, and of its pod.
_PROBE_NAME = re.compile(r"miribit-thanos-probe-[0-9a-z-]+")


@dataclass(frozen=True)
class Canary:
    """One sample, and where and how it is sent."""

    url: str
    id: str
    value: int
    tenant: str = ""
    tenant_header: str = "X-Scope-OrgID"
    external_labels: Mapping[str, str] = field(default_factory=dict)
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)
    username: str = ""
    server_name: str = ""

    @property
    def query(self) -> str:
        return f'{METRIC}{{{PROBE_LABEL}="{self.id}"}}'

    @property
    def is_tls(self) -> bool:
        return self.url.startswith("https:")

    def problems(self, *, tenant_option: str = "Option tenant", with_credentials: bool = True) -> list[Problem]:
        """Why it cannot be sent. Whether it makes sense is what is measured."""
        credentials = self._credential_problems() if with_credentials else ()
        return [*self._url_problems(), *self._identity_problems(tenant_option), *credentials]

    def _url_problems(self) -> Iterator[Problem]:
        found = [complaint for complaint in url_complaints(self.url) if complaint.id in {"secret", "url"}]
        for complaint in found:
            fix = "take it out, and give it as 'credentials'" if complaint.id == "secret" else complaint.fix
            yield Problem("Option url", complaint.cause, fix)
        path = "" if found else urlsplit(self.url).path
        if path not in {"", "/"} and posixpath.normpath(path) != path:
            cause = (
                f"its path {path!r} holds an empty part, '.' or '..', which promtool takes out and an agent does not"
            )
            yield Problem("Option url", cause, "take it out")

    def _identity_problems(self, tenant_option: str) -> Iterator[Problem]:
        if self.tenant and (cause := wrong_tenant(self.tenant)):
            yield Problem(tenant_option, cause, "give another name")
        if cause := header_complaint(self.tenant_header):
            yield Problem("Option tenant_header", cause, "give the routers' --receive.tenant-header")
        for complaint in label_complaints(self.external_labels):
            if complaint.id == "external-label" and complaint.certain:
                yield Problem(complaint.place("Option external_labels"), complaint.cause, complaint.fix)
        if PROBE_LABEL in self.external_labels:
            cause = "the probe sets this label itself, to find its sample again"
            yield Problem(f"Option external_labels, label {PROBE_LABEL}", cause, "leave it out of the probe")

    def _credential_problems(self) -> Iterator[Problem]:
        given = {*self.credentials, *(["username"] if self.username else [])}
        for one, other in (("cert", "key"), ("key", "cert"), ("username", "password"), ("password", "username")):
            if one in given and other not in given:
                yield Problem("Option credentials", f"there is {one} without {other}", f"give {other} too")
        if {"password", "token"} <= self.credentials.keys():
            yield Problem("Option credentials", "there are password and token", "give the one that the receiver takes")

    def probe(self, namespace: str, image: str, seconds: int) -> Probe:
        parts = urlsplit(self.url)
        server = f"{parts.scheme}://{parts.netloc}"
        config = f"--http.config.file={FOLDER}"
        look = ("/bin/promtool", "check", "healthy", f"{config}/look.yml", f"--url={server}{parts.path}")
        push = (
            *("/bin/promtool", "push", "metrics", f"{config}/push.yml", f"--remote-write.path={parts.path or '/'}"),
            # Without any label promtool adds job="promtool".
            *(f"--label={PROBE_LABEL}={self.id}", server, f"{FOLDER}/canary.txt"),
        )
        steps = (Step(LOOK, look), Step(PUSH, push))
        return Probe("remote-write", namespace, image, steps, self.files(), seconds, at_once=True)

    def files(self) -> dict[str, str]:
        labels = ",".join(f"{name}={_quoted(value)}" for name, value in self.external_labels.items())
        return {
            "canary.txt": f"# TYPE {METRIC} gauge\n{METRIC}{{{labels}}} {self.value}\n",
            # JSON is YAML, too. In HTTP/2, a receiver that refuses the client's certificate often shows as no more than
            # a broken pipe: the request is on its way before the refusal is read.
            "look.yml": json.dumps({**self._http_config(), "enable_http2": False}),
            "push.yml": json.dumps(self._http_config()),
            **self._sent(),
        }

    def _sent(self) -> Mapping[str, str]:
        # As the agents of this collection: no secret goes over the network in the clear.
        return self.credentials if self.is_tls else {}

    def _http_config(self) -> dict[str, object]:
        # Files are found beside the configuration.
        tls = {f"{name}_file": name for name in ("ca", "cert", "key") if name in self._sent()}
        if self.server_name and self.is_tls:
            tls["server_name"] = self.server_name
        config: dict[str, object] = {"tls_config": tls} if tls else {}
        if "password" in self._sent():
            config["basic_auth"] = {"username": self.username, "password_file": "password"}
        if "token" in self._sent():
            config["authorization"] = {"credentials_file": "token"}
        if self.tenant:
            config["http_headers"] = {self.tenant_header: {"values": [self.tenant]}}
        return config

    def hidden(self) -> list[str]:
        """What no text may show."""
        return [text for name, text in self.credentials.items() if name not in {"ca", "cert"}]


def _quoted(value: str) -> str:
    # In the text format of metrics, these three are escaped.
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


@dataclass(frozen=True)
class Failure:
    """The step of the way that went wrong."""

    step: str
    cause: str
    fix: str
    observed: str = ""


_BAD_CREDENTIALS = re.compile(
    r"unable to (read|load|use)|failed to load HTTP config|tls: (failed to find|private key|no certificate)",
    re.IGNORECASE,
)


def worth_waiting(outcomes: Mapping[str, Outcome]) -> float | None:
    """How long it is worth to wait on."""
    if PUSH in outcomes:
        return 0
    return _MORE_ATTEMPTS_SECONDS if LOOK in outcomes and _looked(outcomes[LOOK].log) else None


def failure(canary: Canary, outcomes: Mapping[str, Outcome], seconds: int) -> Failure | None:
    """The step that went wrong; None if the sample was accepted."""
    push, look = (outcomes.get(step, Outcome(None, "")) for step in (PUSH, LOOK))
    if push.exit_code == 0:
        return None
    # Without a status, both have met the same, and the look's text is the clearer one.
    found = _answered(push.log) or _looked(look.log) or _read(push.log)
    if found is None and push.exit_code is None:
        cause = f"no attempt has succeeded within {seconds} s, and promtool says why only after its last one"
        found = Failure("accept", cause, "raise 'timeout' to 150 to see the answer, and read the log of the routers")
    if found is None:
        cause = f"promtool fails (exit code {push.exit_code}) with a text that is not known here"
        found = Failure("connect", cause, "act on its text", push.log)
    if found.step == "tls" and not canary.is_tls:
        # A redirect led to https.
        found = Failure("http", f"it redirects to https, and there {found.cause}", found.fix, found.observed)
    observed = " ".join(masked(found.observed, canary.hidden()).split())
    shown = observed if len(observed) <= _LONGEST_TEXT else observed[:_LONGEST_TEXT] + "..."
    return Failure(found.step, found.cause, found.fix, shown)


def _looked(log: str) -> Failure | None:
    """What the look met, if it is not an answer of the receiver: there is nothing at the path that it asks."""
    status = _LOOKED_STATUS.search(log)
    if status is None:
        return _read(log)
    if int(status["status"]) < 500:
        return None
    cause = "what stands before the receiver has no backend that is ready"
    fix = "check the Ingress, its Service and port, and that the routers are Ready"
    return Failure("http", cause, fix, f"HTTP {status['status']}")


def _answered(log: str) -> Failure | None:
    status = _STATUS.search(log)
    if status is None:
        return None
    code, text = int(status["status"]), log[status.start("text") :]
    return _failure(failures.of_status(code, text), f"HTTP {code}{text}")


def _read(log: str) -> Failure | None:
    said = "\n".join(line for line in log.splitlines() if line.strip() and not line.startswith("Parsing "))
    observed = said.replace("FAILED:", "")
    if sign := failures.sign_of(said):
        return _failure(sign.at_receiver(), observed)
    if _BAD_CREDENTIALS.search(said):
        fix = "check that cert and key are PEM and belong together, and that ca is PEM"
        return Failure("connect", "promtool cannot use the credentials", fix, observed)
    return None


def _failure(found: failures.Failure, observed: str) -> Failure:
    return Failure(found.step, found.cause, found.fix, observed)


def not_found(warnings: Sequence[str], seconds: float) -> Failure:
    """The receiver took the sample, and Thanos Query does not have it."""
    cause = f"the sample was accepted, and Query has not found it within {seconds:g} s"
    fix = "list the ingestors as endpoints of Query, check there that they are up, and compare both clusters' clocks"
    return Failure("read_back", cause, fix, "; ".join(warnings))


def read_back_failure(canary: Canary, found: Sequence[Sample], tenant_label: str) -> Failure | None:
    """What is wrong with what Thanos Query has of the sample, which is there."""
    if len(found) > 1:
        names = {name for sample in found for name in sample.metric}
        differ = sorted(name for name in names if len({sample.metric.get(name) for sample in found}) > 1)
        cause = f"Query gives {len(found)} series where there is one: they differ in {', '.join(differ)}"
        return Failure("read_back", cause, "list each of these labels as --query.replica-label of Query")
    (sample,) = found
    if float(sample.value or "nan") != canary.value:
        cause = f"the value is {sample.value}, not {canary.value}"
        return Failure("read_back", cause, "check what changes samples on the way")
    tenant = sample.metric.get(tenant_label, "")
    if canary.tenant and tenant and tenant != canary.tenant:
        cause = f"it was stored for the tenant {tenant!r}, not for {canary.tenant!r}"
        fix = f"set --receive.tenant-header={canary.tenant_header} on the routers, and let no Ingress drop the header"
        return Failure("read_back", cause, fix)
    return None


def steps(canary: Canary, failed: Failure | None, read_back: bool, seconds: float | None) -> list[dict[str, object]]:
    """Each step of the way: those before the one that failed are well, those behind it were not reached."""
    names = ["resolve", "connect", *(["tls"] if canary.is_tls else []), "http", "accept"]
    names += ["read_back"] if read_back else []
    observed = {"http": "answered", "accept": "answered with 2xx", "read_back": f"found after {seconds} s"}
    reached = names.index(failed.step) if failed else len(names)
    result: list[dict[str, object]] = []
    for number, name in enumerate(names):
        if failed and number == reached:
            text = {"observed": failed.observed, "cause": failed.cause, "fix": failed.fix}
        else:
            text = {"observed": observed.get(name, "") if number < reached else "", "cause": "", "fix": ""}
        result.append({"name": name, "ok": number < reached if number <= reached else None, **text})
    return result


def unprobed(canary: Canary, read_back: bool) -> list[dict[str, object]]:
    return [{**step, "ok": None, "observed": ""} for step in steps(canary, None, read_back, None)]


@dataclass(frozen=True)
class Attempt:
    """What has become of a canary."""

    canary: Canary
    #: Whether a pod has sent it, or tried to.
    probed: bool = False
    failed: Failure | None = None
    #: None where it was not read back.
    seconds: float | None = None
    copies: int | None = None
    #: Why the pod could not run.
    problems: tuple[Problem, ...] = ()

    def as_dict(self, *, read_back: bool) -> dict[str, object]:
        if self.probed:
            way = steps(self.canary, self.failed, read_back, self.seconds)
        else:
            way = unprobed(self.canary, read_back)
        return {
            "tenant": self.canary.tenant,
            "probe_id": self.canary.id if self.probed else None,
            "seconds": self.seconds,
            "copies": self.copies,
            "steps": way,
        }


def summary(attempts: Sequence[Attempt], *, read_back: bool) -> dict[str, object]:
    """The attempts of several tenants. Seconds and copies are None where not every one of them was read back."""
    seconds = [attempt.seconds for attempt in attempts if attempt.seconds is not None]
    copies = [attempt.copies for attempt in attempts if attempt.copies is not None]
    return {
        "probed": any(attempt.probed for attempt in attempts),
        "seconds": max(seconds) if seconds and len(seconds) == len(attempts) else None,
        "copies": min(copies) if copies and len(copies) == len(attempts) else None,
        "probes": [attempt.as_dict(read_back=read_back) for attempt in attempts],
    }


@dataclass(frozen=True)
class _Met:
    """What went wrong, without the tenant that it happened to."""

    subject: str
    cause: str
    fix: str
    observed: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        # Each attempt has a Job of its own. What was observed can hold a port, which is another one each time.
        return _PROBE_NAME.sub("", self.subject), _PROBE_NAME.sub("", self.cause), self.fix


def told(attempts: Sequence[Attempt], cluster: str) -> list[Problem]:
    """What went wrong. What has happened to several tenants is told once, and names them all."""
    found: dict[tuple[str, str, str], list[tuple[Canary, _Met]]] = {}
    for attempt in attempts:
        for met in _met(attempt, cluster):
            found.setdefault(met.key, []).append((attempt.canary, met))
    return [_of_all(several) for several in found.values()]


def _met(attempt: Attempt, cluster: str) -> Iterator[_Met]:
    yield from (_Met(problem.subject, problem.cause, problem.fix) for problem in attempt.problems)
    if failed := attempt.failed:
        subject = f"Remote write from {cluster} to {attempt.canary.url}"
        yield _Met(subject, f"step {failed.step}: {failed.cause}", failed.fix, failed.observed)


def _of_all(several: Sequence[tuple[Canary, _Met]]) -> Problem:
    first = several[0][1]
    observed = "; ".join(dict.fromkeys(met.observed for _canary, met in several if met.observed))
    subject = f"{first.subject} ({_named([canary.tenant for canary, _met in several])})"
    return Problem(subject, f"{first.cause} ({observed})" if observed else first.cause, first.fix)


def _named(tenants: Sequence[str]) -> str:
    names = list(dict.fromkeys(tenant for tenant in tenants if tenant))
    parts = [f"tenant{'s' if len(names) > 1 else ''} {', '.join(names)}"] if names else []
    return " and ".join([*parts, *(["default tenant"] if "" in tenants else [])])
