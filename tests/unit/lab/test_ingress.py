"""What the lab makes of Ingress objects."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lab.ingress import Host, Route, hosts, is_ours, render

SERVICE = {
    "metadata": {"namespace": "monitoring", "name": "query"},
    "spec": {"clusterIP": "10.0.0.7", "ports": [{"name": "http", "port": 9090}]},
}


def ingress(port: dict[str, Any], path_type: str = "Prefix", **spec: Any) -> dict[str, Any]:
    path = {"path": "/api", "pathType": path_type, "backend": {"service": {"name": "query", "port": port}}}
    return {
        "metadata": {"namespace": "monitoring", "name": "query", "annotations": spec.pop("annotations", {})},
        "spec": {"ingressClassName": "lab", "rules": [{"host": "q.lab", "http": {"paths": [path]}}], **spec},
    }


def test_a_port_is_found_by_number_and_by_name() -> None:
    for port in ({"number": 9090}, {"name": "http"}):
        assert hosts([ingress(port)], [SERVICE], {}) == [Host("q.lab", "", [Route("/api", False, "10.0.0.7:9090", "")])]


def test_a_path_to_a_service_that_is_not_there_is_left_out() -> None:
    assert hosts([ingress({"number": 1})], [SERVICE], {}) == [Host("q.lab", "", [])]


def test_of_two_ingresses_with_the_same_host_and_path_the_first_counts() -> None:
    both = [ingress({"number": 9090}), ingress({"name": "http"}, annotations={"x": "second"})]
    assert [len(host.paths) for host in hosts(both, [SERVICE], {})] == [1]


def test_a_rule_without_paths_or_with_another_kind_of_backend_is_left_out() -> None:
    odd = ingress({"number": 9090})
    odd["spec"]["rules"].append({"host": "empty.lab"})
    odd["spec"]["rules"][0]["http"]["paths"][0]["backend"] = {"resource": {"kind": "Bucket", "name": "x"}}
    assert hosts([odd], [SERVICE], {}) == [Host("empty.lab"), Host("q.lab")]


def test_an_exact_path_matches_only_itself() -> None:
    config = render(Path("/x"), "192.0.2.1", hosts([ingress({"number": 9090}, "Exact")], [SERVICE], {}))
    assert "location = /api {" in config


def test_tls_uses_the_certificate_of_the_named_secret() -> None:
    tls = [{"hosts": ["q.lab"], "secretName": "cert"}]
    found = hosts([ingress({"number": 9090}, tls=tls)], [SERVICE], {("monitoring", "cert"): "/x/cert"})
    config = render(Path("/x"), "192.0.2.1", found)
    assert "listen 192.0.2.1:443 ssl;" in config
    assert "ssl_certificate_key /x/cert.key;" in config


def test_the_body_size_is_nginx_s_own_unless_the_ingress_says_otherwise() -> None:
    plain = render(Path("/x"), "192.0.2.1", hosts([ingress({"number": 9090})], [SERVICE], {}))
    assert plain.count("client_max_body_size 1m;") == 1
    annotations = {"nginx.ingress.kubernetes.io/proxy-body-size": "16m"}
    wanted = hosts([ingress({"number": 9090}, annotations=annotations)], [SERVICE], {})
    assert "client_max_body_size 16m;" in render(Path("/x"), "192.0.2.1", wanted)


def test_only_class_lab_is_served() -> None:
    assert is_ours(ingress({"number": 1}))
    assert not is_ours(ingress({"number": 1}, ingressClassName="nginx"))
