"""The lab's own names: DNS, programs, tools."""

from __future__ import annotations

from lab import services, settings, tools
from lab.images import load as images


def test_the_zone_knows_hosts_clusters_and_storage() -> None:
    lines = services.zone(settings.load()).splitlines()
    for line in (
        "$ORIGIN miribit.lab.",
        "s3.minio 60 IN A 192.168.101.50",
        "*.k8s-cluster-01 60 IN A 192.168.101.194",
        "cluster-02-node-02 60 IN A 192.168.101.21",
        "thanos-receiver 60 IN A 192.168.101.210",
    ):
        assert line in lines


def test_every_tool_has_a_module_and_every_module_is_a_tool() -> None:
    names = {tool.name for tool in tools.load()}
    assert names == {path.parent.name for path in tools.GOMOD.glob("*/go.mod")}


def test_a_tool_s_key_changes_with_what_it_is_built_from() -> None:
    thanos = next(tool for tool in tools.load() if tool.name == "thanos")
    untagged = tools.Tool(name="thanos", stamp=thanos.stamp)
    assert tools.key(thanos, "go1") == tools.key(thanos, "go1")
    assert len({tools.key(thanos, "go1"), tools.key(thanos, "go2"), tools.key(untagged, "go1")}) == 3


def test_images_carry_the_real_names_and_do_not_run_as_root_without_need() -> None:
    by_ref = {image.ref: image for image in images()}
    assert by_ref["quay.io/thanos/thanos:v0.42.4"].entrypoint == ("/bin/thanos",)
    assert {image.ref.split(":")[0] for image in images() if image.user == "0:0"} == {
        "docker.io/library/busybox",
        "quay.io/metallb/speaker",
    }
