"""Prometheus loads every shape of remote write that the collection makes, in the fleet's version and in a new one."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import trustme
import yaml
from loopback import output

from ansible_collections.miribit.thanos.plugins.module_utils.remote_write_spec import plan

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
