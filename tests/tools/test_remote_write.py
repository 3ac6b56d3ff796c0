"""Prometheus loads every shape of remote write that the collection makes, in the fleet's version and in a new one."""

from __future__ import annotations

import re
import subprocess
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import trustme
import yaml
from loopback import Start, fetch, free_port, output

from ansible_collections.miribit.thanos.plugins.module_utils.remote_write.spec import plan

PROMTOOL = {"3.15.0": "promtool", "2.48.0": "promtool-2.48"}
SPEC: dict[str, object] = {
    "exposure": {"load_balancer": {"address": "192.168.101.210"}},
    "external_labels": {"cluster": "cluster-03", "region": "edge"},
}
SIZING = {"samples_per_second": 2000, "latency": 0.1, "outage": 1800, "memory": 100_000_000}
TENANTS = [{"name": "tenant-a", "namespaces": ["shop", "cart"]}, {"name": "tenant-b", "namespaces": ["billing"]}]
# The files must exist, or promtool refuses: any file does.
FILE = str(Path(__file__).resolve())

SHAPES: dict[str, dict[str, object]] = {
    "load-balancer": {},
    "load-balancer-port": {"exposure": {"load_balancer": {"address": "192.168.101.210", "port": 80}}},
    "load-balancer-ipv6": {"exposure": {"load_balancer": {"address": "2001:db8::1"}}},
    "ingress": {"exposure": {"ingress": {"host": "thanos-receiver.k8s-cluster-01.miribit.lab"}}},
    "ingress-tls": {"exposure": {"ingress": {"host": "thanos-receiver.k8s-cluster-01.miribit.lab"}}, "tls": {}},
    "url": {"exposure": {"url": "https://thanos.example/edge/api/v1/receive"}},
    "tls-ca": {"tls": {"ca_file": FILE, "server_name": "thanos-receiver"}},
    "basic-auth": {"tls": {}, "basic_auth": {"username": "edge", "password_file": FILE}},
    "bearer": {"tls": {}, "bearer": {"credentials_file": FILE}},
    "tenant": {"tenant": "tenant-a"},
    "tenants": {"tenant": "platform", "tenants": TENANTS},
    "tenants-sized": {"tenant": "platform", "tenants": TENANTS, "sizing": SIZING},
    "exemplars": {"exemplars": True},
    "native-histograms": {"native_histograms": True},
    "sizing": {"sizing": SIZING},
    "sizing-too-little-memory": {"sizing": {**SIZING, "memory": 1000}},
    "everything": {
        "tls": {"ca_file": FILE, "server_name": "thanos-receiver"},
        "bearer": {"credentials_file": FILE},
        "tenant": "platform",
        "tenants": TENANTS,
        "exemplars": True,
        "native_histograms": True,
        "sizing": {**SIZING, "max_samples_per_send": 500},
    },
}


@pytest.mark.parametrize("version", PROMTOOL)
@pytest.mark.parametrize("shape", SHAPES)
def test_an_agent_loads_what_is_made(binaries: Path, tmp_path: Path, shape: str, version: str) -> None:
    made = plan({**SPEC, **SHAPES[shape], "prometheus_version": version})
    config = tmp_path / "prometheus.yml"
    config.write_text(yaml.safe_dump(made.config()))
    output(binaries / PROMTOOL[version], "check", "config", "--agent", config)
    assert ("protobuf_message" in config.read_text()) is (version == "3.15.0")


@pytest.mark.parametrize("version", PROMTOOL)
def test_a_client_certificate_is_loaded(binaries: Path, tmp_path: Path, version: str) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("edge")
    files = {name: tmp_path / name for name in ("ca_file", "cert_file", "key_file")}
    authority.cert_pem.write_to_path(files["ca_file"])
    certificate.cert_chain_pems[0].write_to_path(files["cert_file"])
    certificate.private_key_pem.write_to_path(files["key_file"])
    made = plan({**SPEC, "tls": {name: str(path) for name, path in files.items()}, "prometheus_version": version})
    config = tmp_path / "prometheus.yml"
    config.write_text(yaml.safe_dump(made.config()))
    output(binaries / PROMTOOL[version], "check", "config", "--agent", config)


def test_the_fleet_s_version_refuses_the_key_that_pins_the_protocol(binaries: Path, tmp_path: Path) -> None:
    config = tmp_path / "prometheus.yml"
    config.write_text(yaml.safe_dump(plan({**SPEC, "prometheus_version": "3.15.0"}).config()))
    refused = subprocess.run(
        [binaries / PROMTOOL["2.48.0"], "check", "config", "--agent", config],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert refused.returncode != 0
    assert "field protobuf_message not found" in refused.stdout + refused.stderr


@dataclass(frozen=True)
class Sent:
    """What an agent says of itself."""

    appended: float
    delivered: float
    failed: float
    dropped: float
    lag: float


def sent(address: str) -> Sent:
    metrics = fetch(f"http://{address}/metrics")

    def total(name: str) -> float:
        return sum(float(value) for value in re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", metrics, re.MULTILINE))

    queue = "prometheus_remote_storage"
    failed = total(f"{queue}_samples_failed_total")
    return Sent(
        appended=total("prometheus_agent_samples_appended_total"),
        delivered=total(f"{queue}_samples_total") - total(f"{queue}_samples_retried_total") - failed,
        failed=failed,
        dropped=total(f"{queue}_samples_dropped_total"),
        lag=time.time() - total(f"{queue}_queue_highest_sent_timestamp_seconds"),
    )


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:  # the name http.server wants
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


def test_an_outage_beyond_what_the_wal_reaches_back_loses_nearly_all_of_it_and_no_counter_tells(
    binaries: Path, start: Start, tmp_path: Path
) -> None:
    """For one of two agents, the 2 h between truncations are 1 s, and so the 4 h that its WAL surely holds 4 s."""
    outage, receiver = 12, free_port()
    agents = {}
    for interval in ("2h", "1s"):
        agents[interval] = address = f"127.0.0.1:{free_port()}"
        config = tmp_path / f"{interval}.yml"
        block = {
            "url": f"http://127.0.0.1:{receiver}/api/v1/receive",
            "queue_config": {"capacity": 100, "max_shards": 1, "max_samples_per_send": 50, "max_backoff": "100ms"},
        }
        scrape = {"job_name": "self", "static_configs": [{"targets": [address]}]}
        document = {"global": {"scrape_interval": "1s"}, "scrape_configs": [scrape], "remote_write": [block]}
        config.write_text(yaml.safe_dump(document))
        start(
            *(binaries / "prometheus", "--agent", f"--config.file={config}", f"--web.listen-address={address}"),
            *(f"--storage.agent.path={tmp_path}/{interval}", f"--storage.agent.wal-truncate-frequency={interval}"),
            # Nothing is to be flushed at the end.
            "--storage.remote.flush-deadline=1s",
            ready=f"http://{address}/-/ready",
        )
    time.sleep(outage)
    with ThreadingHTTPServer(("127.0.0.1", receiver), Receiver) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        until = time.monotonic() + 60
        while any(sent(address).lag > 3 for address in agents.values()) and time.monotonic() < until:
            time.sleep(0.2)
        whole, truncated = (sent(address) for address in agents.values())
        server.shutdown()
    for found in (whole, truncated):
        assert (found.failed, found.dropped) == (0, 0)
        assert found.lag < 3
    # Of an agent with some hundred samples/s, what is just being sent is the last two scrapes.
    rate = truncated.appended / outage
    assert whole.appended - whole.delivered < 3 * rate
    assert truncated.appended - truncated.delivered > outage / 2 * rate
