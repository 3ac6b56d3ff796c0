"""What tests of an agent's configuration share: one of the fleet, what is wanted in it, and a way to put it in."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from ansible_collections.miribit.thanos.plugins.module_utils.agent.config import Configured, Wanted, configure
from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.base.yaml_edit import Yaml

SECRET = "word-that-must-stay-secret"
YAML = Yaml(
    load=lambda text: yaml.load(text, yaml.BaseLoader),
    scan=lambda text: yaml.scan(text, yaml.BaseLoader),
    error=yaml.YAMLError,
)
BLOCK = {"name": "thanos", "url": "http://192.168.101.210:19291/api/v1/receive"}
LABELS = {"cluster": "cluster-03"}
WANTED = Wanted(remote_write=[BLOCK], external_labels=LABELS)
AUDITED = """\
# The agent of an edge.
global:
  scrape_interval: 30s  # twice a minute
  external_labels:
    cluster: cluster-03-edge
    region: edge  # stays
    replica: a

# What it scrapes.
scrape_configs:
  - job_name: node-exporter
    static_configs:
      - targets: [localhost:9100]  # its node
# Where to.
remote_write:
  # The receiver.
  - url: http://thanos-receiver.monitoring.svc.cluster-01.local:19291/api/v1/receive
    queue_config:
      capacity: 10000  # as many
# The end.
"""
DEAD = "http://thanos-receiver.monitoring.svc.cluster-01.local:19291/api/v1/receive"
SAAS = "https://saas.example/api/prom/push"
#: With a secret wherever one can stand.
SECRETIVE = f"""\
global: {{external_labels: {{cluster: a}}}}
scrape_configs:
  - job_name: a
    basic_auth: {{username: anna, password: "1{SECRET}"}}
    consul_sd_configs: [{{server: "http://a:2{SECRET}@consul", token: 3{SECRET}}}]
    params: {{api_key: ['4{SECRET}']}}
    http_headers:
      X-Api: {{secrets: [5{SECRET}], values: [6{SECRET}]}}
  # bearer_token: 7{SECRET}
  # was https://anna:8{SECRET}@b.example once, and 9{SECRET}
  - job_name: b
    openstack_sd_configs: [{{application_credential_secret: 9{SECRET}}}]
    marathon_sd_configs: [{{auth_token: '0''{SECRET}'}}]
    tls_config:
      key: |
        -----BEGIN
        a{SECRET}
        -----END
      cert_file: /etc/tls.crt
remote_write:
  - url: https://anna:b{SECRET}@saas.example/push?tenant=c{SECRET}
    headers: {{Authorization: "d {SECRET}", X-Key: "e\\"{SECRET}", X-Scope-OrgID: team}}
    oauth2:
      client_id: me
      client_secret: >-
        f{SECRET}
        g{SECRET}
  - url: http://192.0.2.1:19291/api/v1/receive
    name: thanos
    bearer_token: h{SECRET}
    sigv4: {{access_key: i{SECRET}, secret_key: "j\\u0077{SECRET}"}}
"""


def configured(text: str, wanted: Wanted = WANTED, **changes: Any) -> Configured:
    """The new configuration, in which the same again changes nothing."""
    wanted = Wanted(**{**vars(wanted), **changes})
    made = configure(text, wanted, YAML)
    again = configure(made.text, wanted, YAML)
    assert again.text == made.text
    assert not again.change.needs_reload
    return made


def refused(text: str, wanted: Wanted = WANTED, **changes: Any) -> Problem:
    with pytest.raises(ProblemError) as error:
        configure(text, Wanted(**{**vars(wanted), **changes}), YAML)
    (only,) = error.value.problems
    return only


def urls(made: Configured) -> list[str]:
    return [entry["url"] for entry in yaml.safe_load(made.text)["remote_write"]]
