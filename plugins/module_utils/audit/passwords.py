# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which well-known passwords are in use in a cluster, told from its objects and from what Secrets hold."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ansible_collections.miribit.thanos.plugins.module_utils.audit.services import Scene
from ansible_collections.miribit.thanos.plugins.module_utils.base.untyped import list_at
from ansible_collections.miribit.thanos.plugins.module_utils.kube.containers import (
    Container,
    Source,
    containers,
    image_name,
    plain_variables,
    source_of,
    source_of_variable,
)
from ansible_collections.miribit.thanos.plugins.module_utils.kube.owners import (
    Objects,
    labels_of,
    name_of,
    namespace_of,
)


def _hashes(*values: str) -> frozenset[str]:
    return frozenset(hashlib.sha256(value.encode()).hexdigest() for value in values)


@dataclass(frozen=True)
class _Password:
    what: str
    #: Part of the image's name.
    image: str
    variables: tuple[str, ...]
    #: Of the values that everybody knows, SHA-256.
    hashes: frozenset[str]


_GRAFANA = _Password(
    "Grafana's administrator", "grafana", ("GF_SECURITY_ADMIN_PASSWORD",), _hashes("admin", "prom-operator")
)
_MINIO = _Password(
    "MinIO's root user", "minio", ("MINIO_ROOT_PASSWORD", "MINIO_SECRET_KEY"), _hashes("minioadmin", "minio123")
)
# The key that Grafana's chart has.
_GRAFANA_KEY = "admin-password"


@dataclass(frozen=True)
class Credential:
    """A well-known password that is in use."""

    subject: str
    cause: str | None
    #: Id of the component that it is of.
    component: str | None


@dataclass(frozen=True)
class DefaultSecret:
    """A key of a Secret that has to be looked at. Only whether it is a well-known password is told of it."""

    namespace: str
    secret: str
    key: str
    #: Whose password it is.
    what: str
    component: str | None
    hashes: frozenset[str]

    def credential(self, value: bytes) -> Credential | None:
        """What to tell of the key, if its value (decoded) is a well-known password."""
        if hashlib.sha256(value.strip()).hexdigest() not in self.hashes:
            return None
        cause = f"the password of {self.what} in it (key {self.key}) is a well-known default"
        return Credential(f"Secret {self.namespace}/{self.secret}", cause, self.component)


def default_credentials(objects: Objects) -> list[Credential]:
    """The well-known passwords that workloads are given in plain."""
    found: list[Credential] = []
    for one, password, variable in _variables(containers(objects)):
        value = plain_variables(one.content).get(variable, "")
        if hashlib.sha256(value.encode()).hexdigest() in password.hashes:
            cause = f"the password of {password.what} ({variable}, in plain) is a well-known default"
            found.append(Credential(one.id, cause, one.id if one.kind else None))
    return found


def default_secrets(objects: Objects) -> list[DefaultSecret]:
    """The keys of Secrets that can hold a well-known password. They need not exist."""
    scene = Scene(objects, ())
    found: dict[tuple[str, str, str], DefaultSecret] = {}
    for one, password, variable in _variables(scene.containers):
        if source := _secret_of(one, password, variable):
            place = one.workload.namespace, source.name, str(source.key)
            component = one.id if one.kind else None
            found.setdefault(place, DefaultSecret(*place, password.what, component, password.hashes))
    for service in objects.get("Service", ()):
        is_grafana = labels_of(service).get("app.kubernetes.io/name") == "grafana"
        # Grafana's chart names its Secret as its Service, and both stay where nothing runs behind them any more.
        if is_grafana and not scene.containers_behind(service):
            place = namespace_of(service), name_of(service), _GRAFANA_KEY
            found.setdefault(place, DefaultSecret(*place, _GRAFANA.what, None, _GRAFANA.hashes))
    return [found[place] for place in sorted(found)]


def _variables(every: Iterable[Container]) -> Iterator[tuple[Container, _Password, str]]:
    for one in every:
        for password in (_GRAFANA, _MINIO):
            for variable in password.variables:
                yield one, password, variable


def _secret_of(one: Container, password: _Password, variable: str) -> Source | None:
    """The Secret of a variable, or of the file that a variable names in its place."""
    plain = plain_variables(one.content)
    paths = [plain[name] for name in (f"{variable}__FILE", f"{variable}_FILE") if name in plain]
    named = any(each.get("name") == variable for each in list_at(one.content, "env"))
    if not paths and not named and password.image not in image_name(one.content):
        # All keys of a Secret can become variables of anybody. Only of those who would use it, it is looked at.
        return None
    source = source_of(one.holder, one.content, paths[0]) if paths else source_of_variable(one.content, variable)
    return source if source and source.kind == "Secret" else None
