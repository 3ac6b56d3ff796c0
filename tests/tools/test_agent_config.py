"""Prometheus in the fleet's version and in a new one: what is made for its agents, and what is said of it."""

from __future__ import annotations

import json
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any

import cramjam
import pytest
import yaml
from agent_texts import DEAD, YAML
from loopback import Start, fetch, free_port, output, starting

from ansible_collections.miribit.thanos.plugins.module_utils.agent import versions
from ansible_collections.miribit.thanos.plugins.module_utils.agent.config import Wanted, change, configure
from ansible_collections.miribit.thanos.plugins.module_utils.agent.flags import carry
from ansible_collections.miribit.thanos.plugins.module_utils.agent.upgrade import differences
from ansible_collections.miribit.thanos.plugins.module_utils.remote_write.spec import plan

# About 70 s: they start Prometheus in two versions, again for each flag, feature and key; and an agent of 2.48 looks
# into its WAL every 15 s.
pytestmark = pytest.mark.long

OLD, NEW = (2, 48), (3, 15)
PROMETHEUS = {OLD: "prometheus-2.48", NEW: "prometheus"}
PROMTOOL = {OLD: "promtool-2.48", NEW: "promtool"}
BOTH = pytest.mark.parametrize("version", [OLD, NEW], ids=["2.48", "3.15"])
# Files that a configuration names must exist, or promtool refuses: any file does.
FILE = str(Path(__file__).resolve())

BLOCKS = f"""\
# The agent of an edge.
global:
  scrape_interval: 30s  # twice a minute
  external_labels:
    cluster: cluster-03-edge
    region: edge
scrape_configs:
  - job_name: kubelet
    scheme: https
    metrics_path: /metrics
    authorization:
      credentials_file: {FILE}
    tls_config:
      insecure_skip_verify: true
    kubernetes_sd_configs:
      - role: node
    relabel_configs:
      - source_labels: [__meta_kubernetes_node_name]
        target_label: node
      - source_labels: [__address__]
        regex: '(.*):10250'  # its port
        replacement: $1
        target_label: host
remote_write:
  - url: {DEAD}
    queue_config:
      capacity: 10000
      max_shards: 10
      max_samples_per_send: 5000
  - url: https://saas.example/api/prom/push
    basic_auth: {{username: 0777, password_file: '{FILE}'}}
    remote_timeout: 1m30s
"""
SHAPES = {
    "blocks": BLOCKS,
    "windows": BLOCKS.replace("\n", "\r\n"),
    "document": f"%YAML 1.1\n---\n{BLOCKS}...\n",
    "flow": yaml.safe_dump(yaml.safe_load(BLOCKS.replace("0777", "'0777'")), default_flow_style=True, width=60),
    "json": json.dumps(yaml.safe_load(BLOCKS.replace("0777", "'0777'")), indent=2),
    "list-in-flow-style": f"remote_write: [{{url: '{DEAD}'}}, {{url: 'https://saas.example/push'}}]\n",
    "nothing": "",
}


def wanted(version: tuple[int, int], **more: Any) -> Wanted:
    """What phase 2 asks for."""
    planned = plan(
        {
            "prometheus_version": f"{version[0]}.{version[1]}.0",
            "exposure": {"load_balancer": {"address": "192.168.101.210"}},
            "external_labels": {"cluster": "cluster-03", "region": "edge: \u00e9 # 'x'"},
            "tenant": "platform",
            "tenants": [{"name": "tenant-a", "namespaces": ["shop", "cart"]}],
            "sizing": {"samples_per_second": 2000, "latency": 0.1, "outage": 1800, "memory": 100_000_000},
        }
    ).config()
    made: Any = planned
    return Wanted(
        remote_write=made["remote_write"],
        external_labels=made["global"]["external_labels"],
        extra_scrape_configs=[
            {
                "job_name": "blackbox",
                "params": {"module": ["icmp"]},
                "static_configs": [{"targets": ["192.0.2.1:9115"]}],
                "relabel_configs": [{"source_labels": ["__address__"], "regex": "(.+):\\d+", "target_label": "x"}],
            }
        ],
        **more,
    )


# What is made is accepted.


@BOTH
@pytest.mark.parametrize("shape", SHAPES)
def test_prometheus_loads_what_is_made(binaries: Path, tmp_path: Path, shape: str, version: tuple[int, int]) -> None:
    config = tmp_path / "prometheus.yml"
    config.write_bytes(configure(SHAPES[shape], wanted(version), YAML).text.encode())
    output(binaries / PROMTOOL[version], "check", "config", "--agent", config)


@BOTH
def test_prometheus_reads_what_is_meant(binaries: Path, start: Start, tmp_path: Path, version: tuple[int, int]) -> None:
    config, address = tmp_path / "prometheus.yml", f"127.0.0.1:{free_port()}"
    asked = wanted(version)
    config.write_text(configure(BLOCKS.replace("kubernetes_sd_configs:\n      - role: node", ""), asked, YAML).text)
    start(
        *(binaries / PROMETHEUS[version], f"--config.file={config}", f"--web.listen-address={address}"),
        *(f"--storage.agent.path={tmp_path}/wal", agent(version)),
        ready=f"http://{address}/-/ready",
    )
    read = yaml.safe_load(json.loads(fetch(f"http://{address}/api/v1/status/config"))["data"]["yaml"])
    assert read["global"]["external_labels"] == asked.external_labels
    assert [job["job_name"] for job in read["scrape_configs"]] == ["kubelet", "blackbox"]
    assert read["scrape_configs"][1]["relabel_configs"][0]["regex"] == r"(.+):\d+"
    assert [entry.get("name", entry["url"]) for entry in read["remote_write"]] == [
        *("tenant-a", "platform", "https://saas.example/api/prom/push")
    ]
    assert read["remote_write"][0]["headers"] == {"X-Scope-OrgID": "tenant-a"}
    # Prometheus takes it for the text that it is; a parser of YAML 1.1 would have made 511 of it.
    assert read["remote_write"][2]["basic_auth"]["username"] == "0777"


def agent(version: tuple[int, int]) -> str:
    return "--agent" if version >= (3, 0) else "--enable-feature=agent"


# One folder for both versions.


def test_an_agent_goes_on_in_its_folder_with_the_new_version_and_after_a_rollback(
    binaries: Path, tmp_path: Path
) -> None:
    address, config = f"127.0.0.1:{free_port()}", tmp_path / "prometheus.yml"
    config.write_text(
        yaml.safe_dump(
            {
                "global": {"scrape_interval": "1s"},
                "scrape_configs": [{"job_name": "self", "static_configs": [{"targets": [address]}]}],
                "remote_write": [{"url": "http://127.0.0.1:9/api/v1/receive"}],
            }
        )
    )
    found = (
        f"--config.file={config}",
        "--enable-feature=agent,extra-scrape-metrics,no-default-scrape-port",
        "--storage.agent.path",
        f"{tmp_path}/wal",
        f"--web.listen-address={address}",
        "--alertmanager.timeout=5s",
        "--no-storage.agent.wal-compression",
        "--storage.remote.flush-deadline=1s",
    )
    upgraded = carry(found, OLD, NEW)
    assert not upgraded.problems
    seen = []
    # A rollback restores the arguments as they were recorded.
    for number, (version, args) in enumerate([(OLD, found), (NEW, upgraded.args), (OLD, found)]):
        folder = tmp_path / str(number)
        folder.mkdir()
        with starting(folder) as begin:
            begin(binaries / PROMETHEUS[version], *args, ready=f"http://{address}/-/ready")
            version_info = json.loads(fetch(f"http://{address}/api/v1/status/buildinfo"))["data"]["version"]
            # At once after the start, before the first scrape: what it knows is from its folder.
            seen.append((version_info[:4], series(address) > 0))
            until(lambda: series(address) > 0)
        (log,) = folder.glob("*.log")
        assert "repair" not in log.read_text()
        assert "mode=agent" in log.read_text()
    assert seen == [("2.48", False), ("3.15", True), ("2.48", True)]


def series(address: str) -> float:
    metrics = fetch(f"http://{address}/metrics")
    return sum(
        float(line.split()[1]) for line in metrics.splitlines() if line.startswith("prometheus_agent_active_series ")
    )


def until(holds: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it does not come"
        time.sleep(0.2)


# What is said of flags, features and keys.


def said(binaries: Path, version: tuple[int, int], *args: str) -> str:
    """What Prometheus says before it ends because it has no configuration."""
    command = [str(binaries / PROMETHEUS[version]), *args]
    if not any(arg.startswith("--config.file") for arg in args):
        command.append("--config.file=/nowhere/prometheus.yml")
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    return done.stdout + done.stderr


#: Not listed by --help.
HIDDEN = {
    *("alertmanager.timeout", "scrape.adjust-timestamps", "scrape.discovery-reload-interval"),
    *("scrape.timestamp-tolerance", "storage.agent.wal-compression-type", "storage.agent.wal-segment-size"),
    "storage.agent.wal-truncate-frequency",
}
#: A value that each flag takes which does not take 1.
TAKEN = {
    "auto-gomemlimit.refresh-interval": "1s",
    "config.auto-reload-interval": "1s",
    "log.format": "json",
    "log.level": "info",
    "scrape.discovery-reload-interval": "1s",
    "scrape.timestamp-tolerance": "1s",
    "storage.agent.retention.max-time": "1h",
    "storage.agent.retention.min-time": "1h",
    "storage.agent.wal-compression-type": "snappy",
    "storage.agent.wal-segment-size": "10MB",
    "storage.agent.wal-truncate-frequency": "1h",
    "storage.remote.flush-deadline": "1s",
    "web.read-timeout": "1s",
    "web.remote-write-receiver.accepted-protobuf-messages": "prometheus.WriteRequest",
}
ENDS_AT_ONCE = {"help", "version"}


@BOTH
def test_the_flags_of_an_agent_are_those_that_are_known_here(binaries: Path, version: tuple[int, int]) -> None:
    # What flags are for is further to the right, and names flags too.
    listed = set(
        re.findall(r"^ {2,6}(?:-h, )?--(?:\[no-\])?([a-z.-]*[a-z])", said(binaries, version, "--help"), re.MULTILINE)
    )
    of_servers = {flag for flag in listed if flag.startswith(versions.SERVER_FLAGS)}
    known = {flag for flag in versions.SWITCHES | versions.VALUES if versions.knows(version, flag)}
    assert listed - of_servers == known - HIDDEN


@BOTH
@pytest.mark.parametrize("flag", sorted(versions.SWITCHES))
def test_a_switch_is_one_of_the_versions_that_are_said_to_know_it(
    binaries: Path, version: tuple[int, int], flag: str
) -> None:
    known = versions.knows(version, flag)
    assert ("unknown long flag" not in said(binaries, version, f"--{flag}")) is known
    if known and flag not in ENDS_AT_ONCE:
        assert "unexpected true" in said(binaries, version, f"--{flag}=true")
        assert "cannot be repeated" in said(binaries, version, f"--{flag}", f"--no-{flag}")


@BOTH
@pytest.mark.parametrize("flag", sorted(versions.VALUES))
def test_a_flag_with_a_value_is_one_of_the_versions_that_are_said_to_know_it(
    binaries: Path, version: tuple[int, int], flag: str
) -> None:
    known = versions.knows(version, flag)
    value = f"--{flag}={TAKEN.get(flag, '1')}"
    assert ("unknown long flag" not in said(binaries, version, value)) is known
    if known:
        assert "expected argument" in said(binaries, version, f"--{flag}", "--web.enable-lifecycle")
        once = flag not in versions.REPEATED or version < versions.REPEATED[flag]
        assert ("cannot be repeated" in said(binaries, version, value, value)) is once


@BOTH
@pytest.mark.parametrize("feature", ["native-histograms", *sorted({*versions.FEATURE_FLAGS, *versions.NOW_ALWAYS})])
def test_prometheus_3_has_no_use_for_the_features_that_are_left_out(
    binaries: Path, version: tuple[int, int], feature: str
) -> None:
    text = said(binaries, version, f"--enable-feature={feature}")
    idle = "Unknown option" in text or "is a no-op" in text or "therefore a no-op" in text
    # Some were always there in 2.48 already, and others came after it.
    idle_in_old = {"auto-gomemlimit", "promql-at-modifier", "promql-negative-offset", "utf8-names"}
    assert idle is (version == NEW or feature in idle_in_old)


def test_prometheus_3_ends_on_the_arguments_of_the_fleet_s_agents(binaries: Path) -> None:
    config = f"--config.file={FILE}"
    text = said(binaries, NEW, config, "--enable-feature=agent", "--storage.agent.path=/nowhere")
    assert "can only be used in agent mode" in text
    assert "can not be used in agent mode" in said(binaries, NEW, config, "--agent", "--storage.tsdb.path=/nowhere")


@BOTH
def test_the_key_that_was_renamed_is_known_by_the_old_version_only(
    binaries: Path, tmp_path: Path, version: tuple[int, int]
) -> None:
    document = {"scrape_configs": [{"job_name": "a", "scrape_classic_histograms": True}]}
    config = tmp_path / "prometheus.yml"
    config.write_text(yaml.safe_dump(document))
    done = subprocess.run(
        [binaries / PROMTOOL[version], "check", "config", "--agent", config],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    fatal = [one for one in differences(document, [], OLD, version) if one.fatal]
    assert (done.returncode != 0) is bool(fatal) is (version == NEW)
    assert ("field scrape_classic_histograms not found" in done.stdout + done.stderr) is bool(fatal)


# A server that is scraped and written to.


@dataclass
class Target:
    address: str = ""
    #: What agents accept, by the major version.
    accepted: dict[str, str] = field(default_factory=dict)
    #: What they write, by the path.
    written: dict[str, bytes] = field(default_factory=dict)


@pytest.fixture
def target() -> Iterator[Target]:
    found = Target()
    text = b'# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n'

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the name http.server wants
            found.accepted[self.headers["User-Agent"].partition("/")[2][:1]] = self.headers["Accept"]
            self.send_response(200)
            if self.path.startswith("/metrics"):
                self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(text)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.written[self.path] = found.written.get(self.path, b"") + bytes(cramjam.snappy.decompress_raw(body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        found.address = f"127.0.0.1:{server.server_address[1]}"
        yield found
        server.shutdown()


# What is said of queues.


@BOTH
def test_a_reload_begins_the_queues_that_it_is_said_to_begin(
    binaries: Path, start: Start, tmp_path: Path, target: Target, version: tuple[int, int]
) -> None:
    address, config = f"127.0.0.1:{free_port()}", tmp_path / "prometheus.yml"
    a, b, c = ({"url": f"http://{target.address}/{name}", "queue_config": QUICK} for name in "abc")
    b["name"] = "b"
    base: dict[str, Any] = {
        "global": {"external_labels": {"cluster": "a"}},
        "scrape_configs": [
            {"job_name": "x", "scrape_interval": "100ms", "static_configs": [{"targets": [target.address]}]}
        ],
        "remote_write": [a, b],
    }
    other_job = {"job_name": "y", "static_configs": [{"targets": [target.address]}]}
    texts = [
        yaml.safe_dump(document)
        for document in (
            base,
            {**base, "remote_write": [b, a]},
            {**base, "scrape_configs": [*base["scrape_configs"], other_job], "remote_write": [b, a]},
            {**base, "remote_write": [b, a, c]},
            {**base, "remote_write": [b, a]},
            {**base, "remote_write": [{**b, "queue_config": {**QUICK, "max_shards": 7}}, a]},
            {**base, "global": {"external_labels": {"cluster": "c"}}},
        )
    ]
    config.write_text(texts[0])
    start(
        *(binaries / PROMETHEUS[version], f"--config.file={config}", f"--web.listen-address={address}", agent(version)),
        *(f"--storage.agent.path={tmp_path}/wal", "--web.enable-lifecycle", "--storage.remote.flush-deadline=1s"),
        ready=f"http://{address}/-/ready",
    )
    said = []
    for old, new in pairwise(texts):
        # A queue counts from 0 when it begins.
        before = {url: sent_to(address, url, 100) for url in urls(old)}
        config.write_text(new)
        fetch(f"http://{address}/-/reload", b"")
        begun = {url for url in urls(new) if sent_to(address, url) < before.get(url, 100)}
        found = change(old, new, YAML)
        assert begun == {queue.url for queue in found.queues_begun}
        said.append(([queue.url[-1] for queue in found.queues_ended], [queue.url[-1] for queue in found.queues_begun]))
    assert said == [([], []), ([], []), ([], ["c"]), (["c"], []), (["b"], ["b"]), (["b", "a"], ["a", "b"])]


QUICK = {"batch_send_deadline": "50ms"}


def urls(text: str) -> list[str]:
    return [entry["url"] for entry in yaml.safe_load(text)["remote_write"]]


def sent_to(address: str, url: str, least: float = 0) -> float:
    """How many samples went there, once these are that many."""

    def count() -> float:
        found = re.search(
            rf'^prometheus_remote_storage_samples_total{{.*url="{re.escape(url)}"}} (\S+)$',
            fetch(f"http://{address}/metrics"),
            re.MULTILINE,
        )
        return float(found[1]) if found else 0

    until(lambda: count() >= least)
    return count()


# What is said of an upgrade.


def test_prometheus_3_reads_a_configuration_otherwise_as_is_said(
    binaries: Path, start: Start, tmp_path: Path, target: Target
) -> None:
    scraped = target.address
    document: dict[str, Any] = {
        "global": {"scrape_interval": "1s", "external_labels": {"node": "n-$HOME_OF_NOBODY-x"}},
        "scrape_configs": [
            {
                "job_name": "good",
                "params": {"module": ["of-the-job"]},
                "static_configs": [
                    {
                        "targets": [scraped],
                        "labels": {"__meta_kubernetes_pod_annotation_x": "a\nb", "__param_module": "of-the-target"},
                    }
                ],
                "relabel_configs": [
                    {
                        "source_labels": ["__meta_kubernetes_pod_annotation_x"],
                        "regex": "a.b",
                        "target_label": "matched",
                        "replacement": "yes",
                    },
                    {"source_labels": ["__param_module"], "target_label": "module"},
                ],
                "metric_relabel_configs": [{"source_labels": ["le"], "regex": "never", "action": "drop"}],
            },
            {"job_name": "bare", "metrics_path": "/bare", "static_configs": [{"targets": [scraped]}]},
            {"job_name": "portless", "static_configs": [{"targets": ["portless.invalid"]}]},
        ],
        "remote_write": [{"url": "https://127.0.0.1:9/api/v1/receive"}],
    }
    differing = {found.id for found in differences(document, ["--enable-feature=agent"], OLD, NEW)}
    assert differing == {
        *("environment", "content-type", "le", "utf-8", "le-relabelling", "dot", "default-port", "params", "http2")
    }
    addresses = {version: f"127.0.0.1:{free_port()}" for version in (OLD, NEW)}
    for version, address in addresses.items():
        config = tmp_path / f"{version[0]}.yml"
        receiver = {"url": f"http://{scraped}/{version[0]}"}
        config.write_text(yaml.safe_dump({**document, "remote_write": [*document["remote_write"], receiver]}))
        start(
            *(binaries / PROMETHEUS[version], f"--config.file={config}", f"--web.listen-address={address}"),
            *(agent(version), f"--storage.agent.path={tmp_path}/wal-{version[0]}"),
            "--storage.remote.flush-deadline=1s",
            ready=f"http://{address}/-/ready",
        )
    read: dict[tuple[int, int], dict[str, object]] = {}
    for version, address in addresses.items():
        until(partial(all_scraped, address))
        until(partial(has_written, target, f"/{version[0]}"))
        by_job = {one["labels"]["job"]: one for one in targets(address)}
        status = yaml.safe_load(json.loads(fetch(f"http://{address}/api/v1/status/config"))["data"]["yaml"])
        read[version] = {
            "environment": status["global"]["external_labels"]["node"],
            "content-type": by_job["bare"]["health"],
            "le": b"\x031.0" in target.written[f"/{version[0]}"],
            "utf-8": "allow-utf-8" in target.accepted[str(version[0])],
            "dot": by_job["good"]["labels"].get("matched"),
            "default-port": by_job["portless"]["labels"]["instance"],
            "params": by_job["good"]["labels"]["module"],
            "http2": status["remote_write"][0].get("enable_http2"),
        }
    assert read[OLD] == {
        "environment": "n-$HOME_OF_NOBODY-x",
        "content-type": "up",
        "le": False,
        "utf-8": False,
        "dot": None,
        "default-port": "portless.invalid:80",
        "params": "of-the-job",
        "http2": True,
    }
    assert read[NEW] == {
        "environment": "n--x",
        "content-type": "down",
        "le": True,
        "utf-8": True,
        "dot": "yes",
        "default-port": "portless.invalid",
        "params": "of-the-target",
        "http2": False,
    }


def has_written(target: Target, path: str) -> bool:
    return b"h_bucket" in target.written.get(path, b"")


def all_scraped(address: str) -> bool:
    return all(one["health"] != "unknown" for one in targets(address))


def targets(address: str) -> list[dict[str, Any]]:
    answer = json.loads(fetch(f"http://{address}/api/v1/targets?state=active"))
    found: list[dict[str, Any]] = answer["data"]["activeTargets"]
    return found


@pytest.mark.parametrize("fallback", [None, "PrometheusText0.0.4"])
def test_a_fallback_brings_a_target_without_a_content_type_back(
    binaries: Path, start: Start, tmp_path: Path, target: Target, fallback: str | None
) -> None:
    job = {"job_name": "bare", "metrics_path": "/bare", "static_configs": [{"targets": [target.address]}]}
    if fallback:
        job["fallback_scrape_protocol"] = fallback
    config, address = tmp_path / "prometheus.yml", f"127.0.0.1:{free_port()}"
    config.write_text(yaml.safe_dump({"global": {"scrape_interval": "1s"}, "scrape_configs": [job]}))
    start(
        *(binaries / "prometheus", "--agent", f"--config.file={config}", f"--web.listen-address={address}"),
        f"--storage.agent.path={tmp_path}/wal",
        ready=f"http://{address}/-/ready",
    )
    until(lambda: [one["health"] for one in targets(address)] == ["up" if fallback else "down"])
