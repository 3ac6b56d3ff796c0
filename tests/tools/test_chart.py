"""The lab's chart kube-prometheus-stack, rendered by Helm: its names, its switches, its rules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from loopback import output

from lab.audited import CHART, VARIANTS

STACK = "kube-prometheus-stack"


@pytest.fixture
def objects(binaries: Path, request: pytest.FixtureRequest) -> dict[str, dict[str, Any]]:
    """What a release is made of, by kind and name. Parameters: the release's name, and values that are set."""
    release, *values = request.param
    options = [option for value in values for option in ("--set", value)]
    text = output(binaries / "helm", "template", release, CHART, "--namespace=monitoring", *options)
    return {f"{item['kind']} {item['metadata']['name']}": item for item in yaml.safe_load_all(text) if item}


@pytest.mark.parametrize("objects", [(STACK,)], indirect=True)
def test_objects_have_the_names_of_the_fleet_s(objects: dict[str, dict[str, Any]]) -> None:
    assert {
        f"Prometheus {STACK}-prometheus",
        f"Alertmanager {STACK}-alertmanager",
        f"Deployment {STACK}-operator",
        f"Deployment {STACK}-kube-state-metrics",
        f"DaemonSet {STACK}-prometheus-node-exporter",
        f"Service {STACK}-grafana",
        f"Pod {STACK}-grafana-test",
        f"ServiceMonitor {STACK}-kubelet",
        f"PrometheusRule {STACK}-general.rules",
    } <= set(objects)


@pytest.mark.parametrize("objects", [("observing",)], indirect=True)
def test_another_release_gives_other_names_of_which_the_lab_knows_the_beginning(
    objects: dict[str, dict[str, Any]],
) -> None:
    shape = type(VARIANTS["fleet"])("", release="observing")
    assert {f"Prometheus {shape.prometheus}", f"Alertmanager {shape.alertmanager}"} <= set(objects)


@pytest.mark.parametrize(
    "objects",
    [(STACK, "prometheus.enabled=false", "alertmanager.enabled=false", "grafana.enabled=false")],
    indirect=True,
)
def test_with_its_three_switches_off_operator_exporters_and_monitors_remain(
    objects: dict[str, dict[str, Any]],
) -> None:
    kinds = {name.split()[0] for name in objects}
    assert not kinds & {"Prometheus", "Alertmanager", "PrometheusRule", "Pod", "Secret", "ConfigMap"}
    assert {name for name in objects if name.startswith(("Deployment", "DaemonSet", "ServiceMonitor"))} == {
        f"Deployment {STACK}-operator",
        f"Deployment {STACK}-kube-state-metrics",
        f"DaemonSet {STACK}-prometheus-node-exporter",
        *(
            f"ServiceMonitor {STACK}-{name}"
            for name in (
                "apiserver",
                "coredns",
                "kubelet",
                "operator",
                "kube-state-metrics",
                "prometheus-node-exporter",
            )
        ),
    }


def test_the_exporters_are_subcharts_so_a_release_alone_does_not_hold_them(binaries: Path) -> None:
    listed = output(binaries / "helm", "dependency", "list", CHART)
    for name in ("kube-state-metrics", "prometheus-node-exporter", "grafana"):
        assert (CHART / "charts" / name / "Chart.yaml").is_file()
        assert name in listed


@pytest.mark.parametrize("rules", sorted((CHART / "rules").iterdir()), ids=lambda path: path.stem)
def test_the_rules_are_valid(binaries: Path, rules: Path) -> None:
    assert "SUCCESS" in output(binaries / "promtool", "check", "rules", "--lint=all", "--lint-fatal", rules)


def test_the_chart_passes_helm_s_own_lint(binaries: Path) -> None:
    assert "0 chart(s) failed" in output(binaries / "helm", "lint", "--strict", CHART)
