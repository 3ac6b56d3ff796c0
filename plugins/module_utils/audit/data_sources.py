# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The data sources of Grafana that are written down in ConfigMaps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from ansible_collections.miribit.thanos.plugins.module_utils.audit.services import Reader, Scene, shown
from ansible_collections.miribit.thanos.plugins.module_utils.base.untyped import list_at, mapping_at
from ansible_collections.miribit.thanos.plugins.module_utils.kube.containers import (
    Container,
    Source,
    plain_variables,
    source_of,
)
from ansible_collections.miribit.thanos.plugins.module_utils.kube.owners import Object, labels_of, name_of, namespace_of

#: Reads YAML; what cannot be read it answers with None.
Load = Callable[[str], object]

#: The label by which Grafana's chart finds data sources, if its sidecar is given no other.
_DATA_SOURCE_LABEL = "grafana_datasource"
_PROVISIONING = "/etc/grafana/provisioning"


def sidecar_labels(contents: Iterable[Mapping[str, Any]]) -> set[str]:
    """Return the labels by which sidecars among these containers find the data sources of Grafana."""
    found = {_DATA_SOURCE_LABEL}
    for content in contents:
        plain = plain_variables(content)
        if PurePosixPath(plain.get("FOLDER", "")).name == "datasources" and plain.get("LABEL"):
            found.add(plain["LABEL"])
    return found


def data_sources(scene: Scene, load: Load) -> Iterator[Reader]:
    for config_map, key, namespace in _provisioned(scene):
        place = namespace_of(config_map), name_of(config_map)
        document = load(str(mapping_at(config_map, "data").get(key) or ""))
        if not isinstance(document, Mapping):
            yield Reader("grafana_data_source", *place, f"key {key}, which is no YAML of data sources", None)
            continue
        for source in list_at(document, "datasources"):
            url, kind = str(source.get("url") or ""), str(source.get("type") or "")
            component = scene.component_of(url, namespace)
            if component or "prometheus" in kind:
                name = f"{place[1]} [{source.get('name')}]"
                yield Reader("grafana_data_source", place[0], name, shown(url), component)


def _provisioned(scene: Scene) -> list[tuple[Object, str, str]]:
    """The ConfigMaps with data sources, the key of each, and the namespace in which their hosts are looked up."""
    grafanas = [one for one in scene.containers if one.kind == "grafana"]
    spaces = {one.workload.namespace for one in grafanas}
    labels = sidecar_labels(one.content for one in scene.containers)
    found: dict[tuple[str, str, str], tuple[Object, str, str]] = {}
    for item in scene.objects.get("ConfigMap", ()):
        # Who reads it is a sidecar of Grafana, which can be in another namespace.
        namespace = next(iter(spaces)) if len(spaces) == 1 else namespace_of(item)
        mounted = {key: one.workload.namespace for one in grafanas for key in _mounted_keys(one, item)}
        for key in _files(item):
            if key in mounted or not labels.isdisjoint(labels_of(item)):
                place = namespace_of(item), name_of(item), key
                found[place] = (item, key, mounted.get(key, namespace))
    return [found[place] for place in sorted(found)]


def _files(config_map: Object) -> list[str]:
    """Grafana reads no others."""
    return [key for key in mapping_at(config_map, "data") if key.endswith((".yaml", ".yml"))]


def _mounted_keys(one: Container, config_map: Object) -> Iterator[str]:
    if one.workload.namespace != namespace_of(config_map):
        return
    provisioning = plain_variables(one.content).get("GF_PATHS_PROVISIONING", _PROVISIONING)
    folder = PurePosixPath(provisioning, "datasources")
    for mount in list_at(one.content, "volumeMounts"):
        place = PurePosixPath(str(mount.get("mountPath") or ""))
        if not place.is_relative_to(folder):
            continue
        for key in _files(config_map):
            path = place if mount.get("subPath") else place / key
            if source_of(one.holder, one.content, str(path)) == Source("ConfigMap", name_of(config_map), key):
                yield key
