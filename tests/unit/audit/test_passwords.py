"""Which well-known passwords are in use in a cluster."""

from __future__ import annotations

from typing import Any

import pytest
from audit_objects import NAMESPACE, Object, container, merged, pod, service

from ansible_collections.miribit.thanos.plugins.module_utils.audit import passwords

Cluster = dict[str, list[Object]]


def password(variable: str, value: str | None = None, image: str = "grafana/grafana", **more: Any) -> Cluster:
    """A container that is given a password in plain, or by what else is said."""
    env = [{"name": variable, "value": value}] if value is not None else []
    spec = more.pop("spec", {})
    one = container(image, name="grafana", **{"env": env, **more})
    return {"Pod": [pod(one, name="grafana", labels={"app": "grafana"}, spec=spec)]}


def from_secret(variable: str, name: str = "login", key: str = "admin-password") -> list[Object]:
    return [{"name": variable, "valueFrom": {"secretKeyRef": {"name": name, "key": key}}}]


def wanted(cluster: Cluster) -> list[tuple[str, str, str, str | None]]:
    return [(one.namespace, one.secret, one.key, one.component) for one in passwords.default_secrets(cluster)]


GRAFANA = "Pod monitoring/grafana [grafana]"


@pytest.mark.parametrize("value", ["admin", "prom-operator"])
def test_a_well_known_password_of_grafana_in_plain_is_told_without_it(value: str) -> None:
    found = passwords.default_credentials(password("GF_SECURITY_ADMIN_PASSWORD", value))
    cause = "the password of Grafana's administrator (GF_SECURITY_ADMIN_PASSWORD, in plain) is a well-known default"
    assert found == [passwords.Credential(GRAFANA, cause, GRAFANA)]


@pytest.mark.parametrize("variable", ["MINIO_ROOT_PASSWORD", "MINIO_SECRET_KEY"])
def test_a_well_known_password_of_minio_in_plain_is_told_without_it(variable: str) -> None:
    (found,) = passwords.default_credentials(password(variable, "minioadmin", image="minio/minio"))
    assert variable in str(found.cause)
    assert "minioadmin" not in str(found)
    assert found.component is None


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("GF_SECURITY_ADMIN_PASSWORD", "a real password"),
        ("GF_SECURITY_ADMIN_PASSWORD", "minioadmin"),
        ("GF_SECURITY_ADMIN_PASSWORD", ""),
        ("GF_SECURITY_ADMIN_USER", "admin"),
        ("MINIO_ROOT_PASSWORD", "admin"),
    ],
)
def test_other_passwords_are_not_told(variable: str, value: str) -> None:
    assert passwords.default_credentials(password(variable, value)) == []


def test_the_secret_of_a_password_has_to_be_looked_at() -> None:
    cluster = password("", env=from_secret("GF_SECURITY_ADMIN_PASSWORD"))
    assert wanted(cluster) == [(NAMESPACE, "login", "admin-password", GRAFANA)]


@pytest.mark.parametrize("variable", ["GF_SECURITY_ADMIN_PASSWORD__FILE", "GF_SECURITY_ADMIN_PASSWORD_FILE"])
def test_the_secret_of_a_file_with_a_password_has_to_be_looked_at(variable: str) -> None:
    mounts = [{"name": "login", "mountPath": "/secrets"}]
    spec = {"volumes": [{"name": "login", "secret": {"secretName": "login"}}]}
    cluster = password(variable, "/secrets/password", volumeMounts=mounts, spec=spec)
    assert wanted(cluster) == [(NAMESPACE, "login", "password", GRAFANA)]


def test_a_secret_whose_keys_all_become_variables_has_to_be_looked_at() -> None:
    cluster = password("", envFrom=[{"secretRef": {"name": "login"}}])
    assert wanted(cluster) == [(NAMESPACE, "login", "GF_SECURITY_ADMIN_PASSWORD", GRAFANA)]


def test_the_secrets_of_others_are_not_looked_at() -> None:
    assert wanted(password("", image="registry.example/shop", envFrom=[{"secretRef": {"name": "shop"}}])) == []


@pytest.mark.parametrize(
    "env",
    [
        [],
        [{"name": "GF_SECURITY_ADMIN_PASSWORD", "value": "in plain"}],
        [{"name": "GF_SECURITY_ADMIN_PASSWORD", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}}],
        from_secret("SOMETHING_ELSE"),
    ],
)
def test_no_secret_is_looked_at_for_a_password_that_is_in_none(env: list[Object]) -> None:
    assert wanted(password("", env=env)) == []


def test_a_secret_of_several_containers_is_looked_at_once() -> None:
    clusters = [password("", env=from_secret("MINIO_ROOT_PASSWORD"), image=image) for image in ("minio", "client")]
    assert len(wanted(merged(*clusters))) == 1


def test_the_secret_that_a_grafana_has_left_behind_is_found_by_its_service() -> None:
    """The chart names both alike."""
    left = service("stack-grafana", {"app": "gone"}, labels={"app.kubernetes.io/name": "grafana"})
    others = [service("stack-prometheus", labels={"app.kubernetes.io/name": "prometheus"})]
    assert wanted({"Service": [left, *others]}) == [(NAMESPACE, "stack-grafana", "admin-password", None)]


def test_a_grafana_that_runs_says_itself_which_secret_it_has() -> None:
    cluster = password("", env=from_secret("GF_SECURITY_ADMIN_PASSWORD"))
    cluster["Service"] = [service("stack-grafana", {"app": "grafana"}, labels={"app.kubernetes.io/name": "grafana"})]
    assert wanted(cluster) == [(NAMESPACE, "login", "admin-password", GRAFANA)]


def test_a_secret_with_a_well_known_password_is_told_without_it() -> None:
    (one,) = passwords.default_secrets(password("", env=from_secret("GF_SECURITY_ADMIN_PASSWORD")))
    cause = "the password of Grafana's administrator in it (key admin-password) is a well-known default"
    assert one.credential(b"prom-operator\n") == passwords.Credential("Secret monitoring/login", cause, GRAFANA)
    assert "prom-operator" not in repr(one)


@pytest.mark.parametrize("value", [b"", b"a real password", b"minioadmin", b"\xff"])
def test_a_secret_with_another_password_is_not_told(value: bytes) -> None:
    (one,) = passwords.default_secrets(password("", env=from_secret("GF_SECURITY_ADMIN_PASSWORD")))
    assert one.credential(value) is None
