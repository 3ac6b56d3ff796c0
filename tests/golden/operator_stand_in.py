"""An action plugin that stands in for every module that talks to a cluster, for the tasks of an agent.

It writes down what it is asked for, and answers as an edge does on which all of that was done: an old agent, a Full
Prometheus, and the new agent once its custom resource is applied. What is different in a case is in operator_case.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase

Answer = dict[str, Any]

IMAGE = "quay.io/prometheus/prometheus:v3.15.0"
CHECKS = [{"name": "identity", "ok": True, "observed": "0 series up that are of no target of this agent"}]
OPERATOR = {"id": "Deployment monitoring/operator", "version": "0.85.0", "replicas": {"wanted": 1, "ready": 1}}
URL = "http://old.example/api/v1/receive"


class ActionModule(ActionBase):
    """Named by a link as each of the modules."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> Answer:
        result: Answer = super().run(tmp, task_vars)
        file = Path(os.environ["OPERATOR_CALLS"])
        before = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
        module = self._task.resolved_action.rpartition(".")[2].removeprefix("_")
        arguments = json.loads(json.dumps(dict(self._task.args)))
        written = "" if self._task.check_mode else "done"
        with file.open("a") as calls:
            calls.write(json.dumps({"module": module, "arguments": arguments, "written": written}) + "\n")
        edge = Edge((task_vars or {})["operator_case"], [call for call in before if call["written"]])
        return {**result, "changed": False, **edge.answer(module, arguments)}


class Edge:
    """The edge after what was done."""

    def __init__(self, case: dict[str, Any], done: list[Answer]) -> None:
        self.case = case
        self.replicas = int(case.get("replicas", 1))
        self.resource: Answer | None = case.get("resource")
        self.rollback: Answer = case.get("rollback", {})
        self.deployed = False
        for call in done:
            if call["module"] == "apply_objects" and call["arguments"].get("state") != "pruned":
                for item in call["arguments"]["objects"]:
                    self.apply(item, absent=call["arguments"].get("state") == "absent")

    def apply(self, item: Answer, *, absent: bool) -> None:
        if item["kind"] == "PrometheusAgent":
            labels = {"app.kubernetes.io/managed-by": "miribit.thanos"}
            self.resource = None if absent else {**item, "metadata": {**item["metadata"], "labels": labels}}
        elif item["kind"] == "StatefulSet":
            self.deployed = True
            self.replicas = item["spec"]["replicas"]

    def answer(self, module: str, arguments: Answer) -> Answer:
        answers: dict[str, Callable[[Answer], Answer]] = {
            "agent_change": lambda asked: self.change(asked["state"]),
            "apply_objects": lambda asked: {"changed_objects": [f"/{item['kind']}/" for item in asked["objects"]]},
            "cluster_access": lambda _: {"problems": [], "warnings_found": []},
            "edge_info": lambda _: {"agents": list(self.agents()), "servers": [self.full()], "operators": [OPERATOR]},
            "object_info": lambda asked: {"resources": self.objects(asked), "api_found": True},
            "migration_gate": lambda _: {"checks": self.case.get("checks", CHECKS), "table": ["ok"]},
            "migration_record": lambda _: self.record(),
        }
        return answers[module](arguments) if module in answers else {}

    def record(self) -> Answer:
        record = {"phase": self.case.get("phase", "phase1"), "objects": self.case.get("recorded", {})}
        return {"record": record, "rollback": self.rollback, "rollback_keys": list(self.rollback)}

    def change(self, wanted: str) -> Answer:
        """What agent_change returns of the agent that the case has, or that was deployed since."""
        found = self.case.get("previous" if wanted == "previous" else "agent", "in_sync")
        return {
            "state": "deployed" if found == "missing" and self.deployed else found,
            **self.component("prometheus-agent", 1, []),
            "agent": "StatefulSet monitoring/prometheus-agent [prometheus]",
            "version": None if found == "missing" and not self.deployed else "2.48.0",
            "image": IMAGE,
            "pods": 1,
            "config": {"global": {"external_labels": {"cluster": "cluster-02"}}},
            "delivered_before": self.case.get("phase", "phase1") == "phase2",
            "exporter_namespaces": [],
            "targets_up": [],
        }

    def objects(self, arguments: Answer) -> list[Answer]:
        if arguments["kind"] == "PrometheusAgent":
            return [self.resource] if self.resource else []
        if arguments["kind"] != "StatefulSet":
            return []
        if arguments["name"] == "prometheus-agent":
            return [{"spec": {"replicas": self.replicas}}]
        made = bool(self.resource) and not self.case.get("operator_sleeps")
        return [{"spec": {"template": {"spec": {"containers": [{"image": IMAGE}]}}}}] if made else []

    def agents(self) -> Iterator[Answer]:
        queues = [{"name": "thanos", "url": URL, "ever_accepted": bool(self.case.get("delivers"))}]
        text = "global: {external_labels: {cluster: cluster-02}}\nremote_write:\n  - url: http://a.svc/api/v1/receive\n"
        old = {"running": [{"pod": "prometheus-agent-0", "text": text, "queues": queues}]}
        yield self.component("prometheus-agent", self.replicas, ["10.0.0.1:9100"], **old)
        if self.resource:
            custom = {"kind": "PrometheusAgent", "namespace": "monitoring", "name": "thanos-agent"}
            owner = {"kind": "custom_resource", "name": None, "custom_resource": custom}
            targets = self.case.get("targets", ["10.0.0.1:9100", "10.0.0.2:8080"])
            yield self.component("prom-agent-thanos-agent", 1, targets, owner=owner, running=[])

    def full(self) -> Answer:
        return self.component("prometheus-stack", 1, ["10.0.0.2:8080"])

    @staticmethod
    def component(name: str, replicas: int, addresses: list[str], **other: Any) -> Answer:
        kept = {"path": "/metrics", "params": {}, "job": "a", "health": "up", "labels": {"job": "a"}}
        return {
            "id": f"StatefulSet monitoring/{name} [prometheus]",
            "workload": {"kind": "StatefulSet", "namespace": "monitoring", "name": name},
            "container": "prometheus",
            "selector": f"app={name}",
            "replicas": {"wanted": replicas, "ready": replicas},
            "pods": [{"name": f"{name}-{number}"} for number in range(replicas)],
            "owner": {"kind": "none", "name": None, "custom_resource": None},
            "targets": [{"address": address, **kept} for address in addresses],
            **other,
        }
