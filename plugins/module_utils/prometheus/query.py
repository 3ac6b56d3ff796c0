# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The HTTP API of Prometheus and of Thanos Query: what is asked, and what the answers mean."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ansible_collections.miribit.thanos.plugins.module_utils.base.names import LABEL_NAME
from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.kube.api import Session
from ansible_collections.miribit.thanos.plugins.module_utils.kube.proxy import Answer, ProxyTarget, raise_refusal

# How much longer to wait for the answer than the server may work on it: it must have time to say that it took too long.
GRACE_SECONDS = 5.0


@dataclass(frozen=True)
class InstantQuery:
    """A PromQL expression, evaluated at one moment. None means: as the server does by default."""

    query: str
    time: str | None = None
    timeout: int = 30
    dedup: bool | None = None
    partial_response: bool | None = None

    def problems(self) -> list[Problem]:
        found = []
        if not self.query.strip():
            found.append(Problem("Option query", "it is empty", "give a PromQL expression, such as 'up'"))
        if self.timeout < 1:
            found.append(Problem("Option timeout", f"{self.timeout} is too short", "give at least 1 (seconds)"))
        if self.time is not None and _unix_seconds(self.time) is None:
            found.append(
                Problem(
                    "Option time",
                    f"{self.time!r} is neither a number of seconds since 1970 nor a date and time with a time zone",
                    "write it like 1767225600 or '2026-01-01T00:00:00Z'",
                )
            )
        return found

    def params(self) -> list[tuple[str, str]]:
        params = [("query", self.query), ("timeout", f"{self.timeout}s")]
        if self.time is not None:
            params.append(("time", str(_unix_seconds(self.time))))
        # Prometheus does not know these two and ignores them.
        if self.dedup is not None:
            params.append(("dedup", str(self.dedup).lower()))
        if self.partial_response is not None:
            params.append(("partial_response", str(self.partial_response).lower()))
        return params


@dataclass(frozen=True)
class Sample:
    """One series at one moment: either a value, as the server writes it, or a native histogram."""

    metric: dict[str, str]
    timestamp: float
    value: str | None = None
    histogram: dict[str, object] | None = None

    def as_dict(self) -> dict[str, object]:
        content: dict[str, object] = {"value": self.value} if self.histogram is None else {"histogram": self.histogram}
        return {"metric": self.metric, "timestamp": self.timestamp, **content}


@dataclass(frozen=True)
class QueryResult:
    result_type: str
    samples: tuple[Sample, ...]
    warnings: tuple[str, ...] = ()
    infos: tuple[str, ...] = ()


@dataclass(frozen=True)
class Prometheus:
    """A Prometheus or Thanos Query behind the API server's proxy."""

    session: Session
    target: ProxyTarget

    def instant(self, query: InstantQuery) -> QueryResult:
        if found := [*self.target.problems(), *query.problems()]:
            raise ProblemError(found)
        answer = self.session.get(
            self.target.path("api/v1/query"), query.params(), timeout=query.timeout + GRACE_SECONDS
        )
        raise_refusal(self.target, answer, self.session.cluster)
        return parse_query_answer(answer, subject=f"{self.target} in {self.session.cluster}")


def matchers(labels: Mapping[str, str]) -> list[str]:
    """Return the PromQL matchers of labels, without those whose names need quotes: not every version knows these."""
    wanted = {name: value for name, value in labels.items() if LABEL_NAME.fullmatch(name)}
    return [f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in wanted.items()]


def query_spec(*, required: bool = False) -> dict[str, object]:
    """Return the option query, of which doc_fragments/thanos_query.py is the twin."""
    text: dict[str, object] = {"type": "str"}
    return {
        "type": "dict",
        "required": required,
        "options": {
            "kubeconfig": {"type": "path"},
            "context": text,
            "uid": text,
            "namespace": {"type": "str", "required": True},
            "service": {"type": "str", "required": True},
            "port": {"type": "str", "default": "http"},
            "scheme": {"type": "str", "choices": ["http", "https"], "default": "http"},
            "path_prefix": {"type": "str", "default": ""},
            "tenant_label": {"type": "str", "default": "tenant_id"},
        },
    }


def query_target(query: Mapping[str, Any]) -> ProxyTarget:
    """Return the Service of Query that the option names."""
    parts = {name: query[name] for name in ("namespace", "port", "scheme", "path_prefix")}
    return ProxyTarget(kind="service", name=query["service"], **parts)


def parse_query_answer(answer: Answer, subject: str) -> QueryResult:
    """Read the answer to an instant query. Subject is what a message calls the server."""
    document = _json_object(answer)
    if document is None or document.get("status") not in {"success", "error"}:
        raise ProblemError([_not_prometheus(answer, subject)])
    if document["status"] == "error":
        raise ProblemError([_query_error(document, answer, subject)])
    data = document.get("data")
    if not isinstance(data, dict) or not isinstance(data.get("result"), list):
        raise ProblemError([_broken_answer(subject, "it has no data.result")])
    result_type, result = data.get("resultType"), data["result"]
    try:
        match result_type:
            case "vector":
                samples = tuple(_vector_sample(element) for element in result)
            case "scalar" | "string":
                samples = (Sample({}, *_point(result)),)
            case "matrix":
                raise ProblemError([_range_vector(subject)])
            case _:
                raise ProblemError([_broken_answer(subject, f"its resultType is {result_type!r}")])
    except (KeyError, OverflowError, TypeError, ValueError) as error:
        raise ProblemError([_broken_answer(subject, "an element of data.result is not a sample")]) from error
    return QueryResult(result_type, samples, _texts(document, "warnings"), _texts(document, "infos"))


def _vector_sample(element: dict[str, object]) -> Sample:
    metric = element["metric"]
    if not isinstance(metric, dict):
        raise TypeError
    if "histogram" in element:
        timestamp, histogram = _pair(element["histogram"])
        if not isinstance(histogram, dict):
            raise TypeError
        return Sample(metric, float(timestamp), histogram=histogram)
    return Sample(metric, *_point(element["value"]))


def _point(pair: object) -> tuple[float, str]:
    timestamp, value = _pair(pair)
    if not isinstance(value, str):
        raise TypeError
    return float(timestamp), value


def _pair(pair: object) -> tuple[float, object]:
    if not isinstance(pair, list):
        raise TypeError
    timestamp, value = pair
    return float(timestamp), value


def _texts(document: dict[str, object], key: str) -> tuple[str, ...]:
    value = document.get(key)
    return tuple(str(text) for text in value) if isinstance(value, list) else ()


def _json_object(answer: Answer) -> dict[str, object] | None:
    try:
        document = json.loads(answer.body)
    except (RecursionError, ValueError):
        return None
    return document if isinstance(document, dict) else None


def _query_error(document: dict[str, object], answer: Answer, subject: str) -> Problem:
    kind, error = str(document.get("errorType")), str(document.get("error"))
    if "unavailable with Prometheus Agent" in error:
        return Problem(
            subject,
            "it is a Prometheus Agent, which keeps nothing that could be queried",
            "ask Thanos Query, or the full Prometheus of this cluster",
        )
    match kind:
        case "bad_data":
            fix = "correct the query at the position that the server names"
        case "timeout" | "canceled":
            fix = "ask for less (fewer series, a shorter range), or raise 'timeout' and the server's own limit"
        case "execution":
            fix = "correct what the server names; without a store that is gone, it answers with partial_response: true"
        case _:
            fix = "read the server's log"
    return Problem(subject, f"it refuses the query ({kind}, HTTP {answer.status}): {error}", fix)


def _not_prometheus(answer: Answer, subject: str) -> Problem:
    match answer.status:
        case 400 if b"HTTP request to an HTTPS server" in answer.body:
            cause = "it speaks TLS"
            fix = "set scheme: https"
        case 401 | 403:
            cause = f"it asks for a login (HTTP {answer.status}), and the API server's proxy passes none on"
            fix = "ask a port without login, for example the one of the pod behind an authenticating proxy"
        case 404:
            cause = f"there is no Prometheus API at this path (HTTP 404: {answer.text()})"
            fix = "set 'path_prefix' to the server's --web.route-prefix, or give the port of its HTTP API"
        case status if 300 <= status < 400:
            cause = f"it redirects (HTTP {status}) to {answer.location or 'another address'}, which is not followed"
            fix = "set 'path_prefix' to the server's --web.route-prefix, or ask a port without a login page"
        case status if status >= 500:
            cause = f"it is not able to answer (HTTP {status}: {answer.text()})"
            fix = "wait until it is Ready, and read its log if it stays so"
        case status:
            cause = f"the answer is not one of a Prometheus API (HTTP {status}: {answer.text()})"
            fix = "give the port and the 'path_prefix' of the HTTP API of a Prometheus or a Thanos Query"
    return Problem(subject, cause, fix)


def _broken_answer(subject: str, what: str) -> Problem:
    return Problem(
        subject,
        f"the answer is not one that Prometheus or Thanos give to a query: {what}",
        "check what listens on this port",
    )


def _range_vector(subject: str) -> Problem:
    return Problem(
        subject,
        "the query gives a range vector, many samples per series",
        "make one sample of each series with a function such as max_over_time(), or take the range [...] away",
    )


def _unix_seconds(text: str) -> float | None:
    """Seconds since 1970 from such a number, or from a date and time with a zone."""
    try:
        seconds = float(text)
    except ValueError:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            return None
        return None if moment.tzinfo is None else moment.timestamp()
    return seconds if math.isfinite(seconds) else None
