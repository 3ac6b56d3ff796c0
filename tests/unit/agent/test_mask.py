"""Secrets of an agent's configuration, and the configuration without them."""

from __future__ import annotations

import pytest
import yaml
from agent_texts import AUDITED, SECRET, SECRETIVE, YAML

from ansible_collections.miribit.thanos.plugins.module_utils.agent.mask import masked, secret_values


def test_a_configuration_without_secrets_is_shown_as_it_is() -> None:
    assert masked(AUDITED, YAML) == AUDITED


def test_what_is_no_secret_is_shown_beside_them() -> None:
    shown = masked(SECRETIVE, YAML)
    for word in ("anna", "cert_file: /etc/tls.crt", "X-Scope-OrgID: team", "client_id: me", "saas.example/push"):
        assert word in shown
    # Those of the two texts in a block.
    assert len(shown.splitlines()) == len(SECRETIVE.splitlines()) - 5


def test_a_short_secret_does_not_spoil_the_rest() -> None:
    text = "scrape_configs:\n  - job_name: a\n    basic_auth: {username: b, password: e}\n"
    assert masked(text, YAML) == text.replace("password: e", "password: <secret>")


def test_a_configuration_that_cannot_be_read_is_not_shown() -> None:
    assert masked(f"password: [{SECRET}", YAML) == "<secret>"


@pytest.mark.parametrize(
    "comment", [f"# password: {SECRET}", f"# - token = {SECRET} # old", f"# 'client_secret': {SECRET}"]
)
def test_a_secret_in_a_comment_is_not_shown(comment: str) -> None:
    for text in (f"{comment}\nglobal: {{}}\n", f"global: {{}}  {comment}", f"global: {{}}\n{comment}\n"):
        shown = masked(text, YAML)
        assert SECRET not in shown
        assert len(shown.splitlines()) == len(text.splitlines())


@pytest.mark.parametrize("text", ["# bearer_token_file: /run/token\n", "# See https://a.example/b#c, it says why.\n"])
def test_a_comment_without_a_secret_is_shown(text: str) -> None:
    assert masked(text, YAML) == text


@pytest.mark.parametrize(
    "written",
    [
        "bearer_token: S",
        "basic_auth: {password: S}",
        "authorization: {credentials: S}",
        "oauth2: {client_secret: S}",
        "tls_config: {key: S}",
        "sigv4: {secret_key: S}",
        "marathon_sd_configs: [{auth_token: S}]",
        "openstack_sd_configs: [{application_credential_secret: S}]",
        "ovhcloud_sd_configs: [{consumer_key: S}]",
        "stackit_sd_configs: [{private_key: S}]",
        "params: {token: [S]}",
        "headers: {Authorization: S}",
        "http_headers: {X-Api: {values: [S]}}",
        "proxy_connect_header: {X-Proxy: [S]}",
        "url: https://S@a.example",
        "url: 'https://a.example?S'",
        "url: https://a.example/#S",
        "proxy_url: S@a.example",
    ],
)
def test_what_is_secret_is_known(written: str) -> None:
    (found,) = secret_values(yaml.safe_load(f"scrape_configs: [{{{written.replace('S', SECRET)}}}]"))
    assert SECRET in found


@pytest.mark.parametrize(
    "written",
    [
        "bearer_token_file: /run/token",
        "tls_config: {key_file: /run/tls.key, cert_file: /run/tls.crt}",
        "oauth2: {client_id: a, token_url: 'https://a.example/token'}",
        "basic_auth: {username: anna}",
        "headers: {X-Scope-OrgID: team, THANOS-TENANT: team}",
        "url: https://a.example/push",
        "password: ''",
        "relabel_configs: [{source_labels: [__meta_key], target_label: token}]",
        "static_configs: [{targets: [anna@a.example]}]",
    ],
)
def test_what_is_no_secret_is_not_taken_for_one(written: str) -> None:
    assert list(secret_values(yaml.safe_load(f"scrape_configs: [{{{written}}}]"))) == []
