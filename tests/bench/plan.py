"""How long the plan of a fleet takes: make bench-plan"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.miribit.thanos.plugins.module_utils.fleet.options import options_of
from ansible_collections.miribit.thanos.plugins.module_utils.fleet.plan import plan
from ansible_collections.miribit.thanos.plugins.module_utils.fleet.schema import Host

CLUSTERS = 200
ROOT = Path(__file__).parents[2]

ALL = {
    "ansible_connection": "local",
    "ansible_python_interpreter": "{{ ansible_playbook_python }}",
    "fleet_kubeconfig": "/fleet/{{ inventory_hostname }}.kubeconfig",
    "fleet_context": "{{ inventory_hostname }}",
    "fleet_storage_class": "longhorn",
    "fleet_thanos_version": "0.42.4",
    "fleet_external_labels": {"region": "{{ region }}", "environment": "production"},
    "thanos_receiver_load_balancer": {"address": "192.168.101.210"},
    "thanos_receiver_rings": [{"name": "default", "zones": [{"name": zone, "replicas": 3} for zone in "abc"]}],
    "thanos_receiver_tls": True,
    "thanos_receiver_tls_secret": "receiver-certificate",
    "prometheus_agent_resources": {"requests": {"cpu": "100m", "memory": "256Mi"}},
    "prometheus_agent_credentials": {"ca": "{{ authority }}", "username": "edge", "password": "{{ word }}"},
    "prometheus_agent_tenant": "platform",
    "prometheus_agent_tenants": [{"name": "team-a", "namespaces": ["shop", "cart"]}],
    "prometheus_agent_sizing": {"samples_per_second": 2000, "latency": 0.1, "outage": 1800, "memory": 100_000_000},
    "region": "region-{{ inventory_hostname[-1] }}",
    "authority": "certificate of an authority",
    "word": "of {{ inventory_hostname }}",
}


def names() -> list[str]:
    return [f"cluster-{number:03}" for number in range(1, CLUSTERS + 1)]


def inventory() -> dict[str, Any]:
    central, *edges = names()
    hosts = {name: {"fleet_cluster_uid": f"uid-of-{name}"} for name in edges}
    return {
        "all": {"vars": ALL},
        "central": {"hosts": {central: {}}},
        "edge": {"hosts": hosts},
    }


def pure() -> float:
    """Seconds of the plan alone, with values that are already templated."""
    values = {name: value for name, value in ALL.items() if "{{" not in str(value)}
    credentials = {"prometheus_agent_credentials": {"ca": True, "username": "edge", "password": True}}
    hosts = [Host(name, tuple(ALL), {**values, **credentials}) for name in names()]
    options = {
        name: option
        for path in (ROOT / "roles").glob("*/meta/argument_specs.yml")
        for name, option in options_of(yaml.safe_load(path.read_text()), {}).items()
    }
    began = time.perf_counter()
    plan(hosts[:1], hosts[1:], options)
    return time.perf_counter() - began


def played() -> list[float]:
    """Seconds of the task in the first play, and in one in which every host has the fact already."""
    task = {"miribit.thanos.fleet_plan": {}, "run_once": True, "register": "fleet"}
    play = {"hosts": "edge", "gather_facts": False, "tasks": [task]}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "hosts.yml").write_text(yaml.safe_dump(inventory()))
        (folder / "play.yml").write_text(yaml.safe_dump([play, play]))
        done = subprocess.run(
            ["ansible-playbook", "-i", folder / "hosts.yml", folder / "play.yml"],
            capture_output=True,
            check=False,
            env={
                **os.environ,
                "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build/collections"),
                "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
                "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
            },
        )
    if done.returncode:
        sys.exit(f"plan: ansible-playbook failed:\n{done.stdout.decode()}{done.stderr.decode()}")
    tasks = [task["task"]["duration"] for play in json.loads(done.stdout)["plays"] for task in play["tasks"]]
    return [(_moment(task["end"]) - _moment(task["start"])).total_seconds() for task in tasks]


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def main() -> None:
    first, second = played()
    print(f"Seconds to plan {CLUSTERS} clusters")
    print(f"{'pure':24}{pure():6.2f}")
    print(f"{'task of the first play':24}{first:6.2f}")
    print(f"{'task of the next play':24}{second:6.2f}")


if __name__ == "__main__":
    main()
