"""A cluster that runs a probe as a test tells it to: the API server's answers, without a network."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from ansible_collections.miribit.thanos.plugins.module_utils.kube import session
from ansible_collections.miribit.thanos.plugins.module_utils.kube.api import Request
from ansible_collections.miribit.thanos.plugins.module_utils.kube.proxy import Answer
from ansible_collections.miribit.thanos.plugins.module_utils.probe import run

Object = dict[str, Any]
NOW = "2026-11-21T12:00:00Z"


def ran(**exit_codes: int | None) -> Object:
    """The status of a pod: the exit codes of its containers, None for one that runs."""
    states = {
        name: {"running": {}} if code is None else {"terminated": {"exitCode": code, "reason": "Completed"}}
        for name, code in exit_codes.items()
    }
    over = None not in exit_codes.values()
    phase = ("Failed" if any(exit_codes.values()) else "Succeeded") if over else "Running"
    statuses = [{"name": name, "image": "registry.example/it:v1", "state": state} for name, state in states.items()]
    return {"phase": phase, "containerStatuses": statuses}


def waits(reason: str, message: str = "") -> Object:
    state = {"waiting": {"reason": reason, "message": message}}
    statuses = [{"name": "list", "image": "registry.example/it:v1", "state": state}]
    return {"phase": "Pending", "containerStatuses": statuses}


@dataclass
class ProbeCluster:
    """What it has, and what it was asked."""

    cluster: str = "context cluster-03"
    #: The states of the pod, one for each look; the last one stays.
    pods: list[Object] = field(default_factory=list)
    logs: dict[str, str] = field(default_factory=dict)
    events: list[Object] = field(default_factory=list)
    secrets: dict[str, dict[str, str]] = field(default_factory=dict)
    jobs: list[Object] = field(default_factory=list)
    #: What Query answers, one for each question; the last one stays.
    series: list[list[Object]] = field(default_factory=lambda: [[]])
    #: Answers for requests, by their beginnings such as "POST jobs".
    refusals: dict[str, tuple[int, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    created: list[Object] = field(default_factory=list)

    def get(self, _path: str, params: Sequence[tuple[str, str]], **_rest: Any) -> Answer:
        self.asked.append(f"query {dict(params)['query']} dedup={dict(params)['dedup']}")
        result = [{"metric": metric, "value": [0, str(metric.get("value"))]} for metric in self._next(self.series)]
        return _answer({"status": "success", "data": {"resultType": "vector", "result": result}})

    def send(self, request: Request) -> Answer:
        what = request.path.split("/monitoring/")[1]
        self.asked.append(f"{request.method} {what}")
        for beginning, (status, message) in self.refusals.items():
            if self.asked[-1].startswith(beginning):
                return _answer({"kind": "Status", "apiVersion": "v1", "message": message}, status)
        if request.method == "GET":
            return self._read(what, request.params)
        if request.method == "POST":
            item: Any = request.body
            self.created.append(item)
            return _answer({**item, "metadata": {**item["metadata"], "uid": "u-1", "creationTimestamp": NOW}})
        return _answer({})

    def _read(self, what: str, params: Sequence[tuple[str, str]] = ()) -> Answer:
        if what.endswith("/log"):
            return Answer(200, self.logs.get(dict(params)["container"], "").encode())
        if what.startswith("secrets/"):
            data = self.secrets.get(what.removeprefix("secrets/"))
            return _answer({"data": data}, 404 if data is None else 200)
        pods = (
            [{"metadata": {"name": "pod-1"}, "status": self._next(self.pods)}] if self.pods and what == "pods" else []
        )
        return _answer({"items": {"pods": pods, "events": self.events, "jobs": self.jobs}[what]})

    def _next(self, answers: list[Any]) -> Any:
        return answers.pop(0) if len(answers) > 1 else answers[0]

    @property
    def job(self) -> Object:
        return self.created[0]

    @property
    def secret(self) -> Object:
        return self.created[1]


def _answer(document: Object, status: int = 200) -> Answer:
    return Answer(status, json.dumps(document).encode())


@pytest.fixture
def probe_cluster(monkeypatch: pytest.MonkeyPatch) -> ProbeCluster:
    stand_in = ProbeCluster()
    monkeypatch.setattr(session, "session", lambda *_context: stand_in)
    monkeypatch.setattr(run, "POLL_SECONDS", 0.001)
    monkeypatch.setattr(run, "PATIENCE_SECONDS", 0.01)
    return stand_in
