# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: remote_write
short_description: Make an agent's remote write to Thanos Receive, and say what is wrong with the one that runs
version_added: 0.1.0
author:
  - miribit.thanos contributors (@miribit)
description:
  - Computes C(external_labels) and the blocks under C(remote_write) of a Prometheus agent that writes to the Thanos
    Receive of another cluster, and how large their queues must be, with the arithmetic.
  - Refuses what cannot work, and what Prometheus accepts and then suffers from. All problems are told at once.
  - With O(running), it also says what is wrong with the agent that runs, and whether it has this remote write.
  - It changes nothing and talks to no cluster. The blocks are meant for the agent's configuration.
extends_documentation_fragment:
  - miribit.thanos.attributes
attributes:
  check_mode:
    support: full
    details:
      - It does the same in check mode.
  diff_mode:
    support: full
    details:
      - Shows the C(external_labels) and C(remote_write) of O(running) and the new ones, without secrets.
  idempotent:
    support: full
    details:
      - It reports a change where O(running) has not this remote write. Once what it computes runs, there is none.
options:
  spec:
    description:
      - What is asked for.
      - V(prometheus_version) is the agent's version, such as V(3.15.0), 2.32 or newer. It must be given.
      - V(exposure) is where the central receiver is, and must be given with exactly one of V(load_balancer), a mapping
        with V(address) and V(port) (V(19291) if not given), V(ingress), a mapping with V(host), and V(url).
      - V(external_labels) is a mapping and must hold V(cluster).
      - V(tls) is a mapping with V(ca_file), V(cert_file), V(key_file) and V(server_name), all optional. Where it is
        given, even empty, the URL of V(load_balancer) and V(ingress) is https.
      - V(basic_auth) is a mapping with V(username) and V(password_file), V(bearer) one with V(credentials_file). All
        files are paths in the agent's pod. Secrets themselves are refused.
      - V(tenant) is the tenant that the agent writes as. If it is not given, the receiver's default tenant is.
        V(tenant_header) is the header that names it (V(X-Scope-OrgID) if not given).
      - V(tenants) is a list of mappings with V(name) and V(namespaces). Each gets a block with the series whose label
        C(namespace) is one of these, and V(tenant), which then must be given, one with all other series.
      - V(exemplars) and V(native_histograms) tell whether these are sent.
      - V(sizing) is a mapping with V(samples_per_second), V(latency) (of the round trip of one write, in seconds),
        V(outage) (the longest to survive, in seconds), V(memory) (allowed to all queues of the agent, in bytes) and
        optionally V(max_samples_per_send) (V(2000)). If V(sizing) is not given, the queues have Prometheus' defaults.
    type: dict
    required: true
  running:
    description:
      - The agent that runs. Whatever of it is given is checked, see RV(findings).
      - Set C(no_log) on the task if its blocks may hold secrets themselves. They are left out of all that the module
        returns, but Ansible writes a module's options to the system log.
    type: dict
    suboptions:
      remote_write:
        description: The list of that name in its configuration.
        type: list
        elements: raw
      external_labels:
        description: The C(external_labels) of its configuration.
        type: dict
      image:
        description: Its image. The tag tells the version.
        type: str
      args:
        description: Its command line.
        type: list
        elements: str
      memory:
        description: Its memory limit, in bytes.
        type: float
  other_clusters:
    description: The C(external_labels) that the agents of other clusters have, by the cluster's name.
    type: dict
    default: {}
  measured:
    description:
      - What was measured on the running agent. It changes nothing that is computed, see RV(proposal).
      - V(spec.sizing) must be given too.
    type: dict
    suboptions:
      samples_per_second:
        description: For example C(rate(prometheus_remote_storage_samples_in_total[1h])).
        type: float
        required: true
      latency:
        description:
          - For example C(rate(prometheus_remote_storage_sent_batch_duration_seconds_sum[1h]) /
            rate(prometheus_remote_storage_sent_batch_duration_seconds_count[1h])).
        type: float
        required: true
seealso:
  - plugin: miribit.thanos.remote_write
    plugin_type: filter
  - name: Remote write tuning
    description: What the keys of queue_config do, in the documentation of Prometheus.
    link: https://prometheus.io/docs/practices/remote_write/
"""

EXAMPLES = r"""
- name: Make the remote write of an edge, and look at the one it has
  miribit.thanos.remote_write:
    spec:
      prometheus_version: 3.15.0
      exposure:
        load_balancer:
          address: 192.168.101.210
      external_labels:
        cluster: cluster-03
        region: edge
      sizing:
        samples_per_second: 2000
        latency: 0.1
        outage: 1800
        memory: 104857600
    running:
      image: quay.io/prometheus/prometheus:v2.48.0
      args: [--config.file=/etc/prometheus/prometheus.yml, --enable-feature=agent, --storage.agent.path=/data]
      memory: 209715200
      external_labels:
        cluster: cluster-03
      remote_write:
        - url: http://thanos-receiver.monitoring.svc.cluster-01.local:19291/api/v1/receive
          queue_config: {capacity: 10000, max_shards: 10, max_samples_per_send: 5000}
    other_clusters:
      cluster-02: {cluster: cluster-02}
    measured:
      samples_per_second: 2900
      latency: 0.1
  register: sender

- name: Show how the queue was sized, and what is wrong with the running agent
  ansible.builtin.debug:
    msg: "{{ sender.sizing.arithmetic + (sender.findings | map(attribute='cause')) }}"

- name: Show the configuration
  ansible.builtin.debug:
    msg: "{{ sender.config | ansible.builtin.to_nice_yaml }}"
"""

RETURN = r"""
config:
  description: What goes into Prometheus' configuration.
  returned: success
  type: dict
  contains:
    global:
      description: Holds C(external_labels).
      returned: always
      type: dict
      sample: {"external_labels": {"cluster": "cluster-03"}}
    remote_write:
      description: The blocks.
      returned: always
      type: list
      elements: dict
      sample: [{"name": "thanos", "url": "http://192.168.101.210:19291/api/v1/receive"}]
sizing:
  description: What the queues are able to do. Null if V(spec.sizing) is not given.
  returned: success
  type: dict
  contains:
    expected_shards:
      description: How many shards send at the same time when nothing is late.
      returned: always
      type: int
      sample: 1
    ceiling:
      description: The samples that all shards together can send in a second.
      returned: always
      type: float
      sample: 160000.0
    catch_up:
      description: The seconds until all is sent after the longest outage. Null if it never is.
      returned: always
      type: float
      sample: 22.8
    memory:
      description: The bytes that the queues take if all shards run and are full.
      returned: always
      type: int
      sample: 100000000
    wal_of_outage:
      description: The bytes that the samples of the longest outage take in the WAL.
      returned: always
      type: int
      sample: 28800000
    wal:
      description: The bytes that the WAL can come to.
      returned: always
      type: int
      sample: 460800000
    wal_reach:
      description: The seconds that the WAL reaches back for certain.
      returned: always
      type: int
      sample: 14400
    arithmetic:
      description: How these numbers come about, in words.
      returned: always
      type: list
      elements: str
      sample: ["Expected shards: 2000 samples/s x 0.1 s / 2000 samples a send = 0.1, rounded up to 1."]
remote_write_warnings:
  description: Which of the wishes cannot be met. The same texts are shown as warnings of the task.
  returned: success
  type: list
  elements: str
  sample: []
findings:
  description: What is wrong with O(running). They are no failure, and nothing of them is in RV(config).
  returned: success, if O(running) is given
  type: list
  elements: dict
  contains:
    id:
      description: The name of the rule.
      returned: always
      type: str
      sample: unresolvable
    severity:
      description: V(error) where samples are lost or a secret shows, or will; V(warning) where they may.
      returned: always
      type: str
      sample: error
    subject:
      description: What it is about, with the number and name of the block.
      returned: always
      type: str
      sample: Block 1 (thanos)
    cause:
      description: Why.
      returned: always
      type: str
      sample: the name thanos-receiver is that of a Service, and resolves only inside the Service's own cluster
    fix:
      description: What to do.
      returned: always
      type: str
      sample: give the address of the receiver's LoadBalancer or the host of its Ingress
proposal:
  description:
    - What to write into V(spec.sizing), and what it would give, where O(measured) differs by more than 25 %.
    - Null where it does not.
  returned: success, if O(measured) is given
  type: dict
  contains:
    samples_per_second:
      description: The measured rate.
      returned: always
      type: float
      sample: 2900.0
    latency:
      description: The measured latency.
      returned: always
      type: float
      sample: 0.1
    queue_config:
      description: The sizes that these give.
      returned: always
      type: dict
      sample: {"capacity": 10000, "max_shards": 50, "max_samples_per_send": 2000}
    arithmetic:
      description: How they come about, in words.
      returned: always
      type: list
      elements: str
problems:
  description: What is wrong with O(spec); the parts of the message for programs.
  returned: failure
  type: list
  elements: dict
  contains:
    subject:
      description: What it is about.
      returned: always
      type: str
      sample: exposure
    cause:
      description: Why.
      returned: always
      type: str
      sample: it says nothing
    fix:
      description: What to do.
      returned: always
      type: str
      sample: give exactly one of load_balancer, ingress, url
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.remote_write.lint import lint
from ansible_collections.miribit.thanos.plugins.module_utils.remote_write.secrets import redacted, secret_texts
from ansible_collections.miribit.thanos.plugins.module_utils.remote_write.spec import Plan, plan


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            # Without suboptions: Ansible would stop at the first that is wrong, and the filter reads the same anyway.
            "spec": {"type": "dict", "required": True},
            "running": {
                "type": "dict",
                "options": {
                    "remote_write": {"type": "list", "elements": "raw"},
                    "external_labels": {"type": "dict"},
                    "image": {"type": "str"},
                    "args": {"type": "list", "elements": "str"},
                    "memory": {"type": "float"},
                },
            },
            "other_clusters": {"type": "dict", "default": {}},
            "measured": {
                "type": "dict",
                "options": {
                    "samples_per_second": {"type": "float", "required": True},
                    "latency": {"type": "float", "required": True},
                },
            },
        },
        supports_check_mode=True,
    )
    options = module.params
    # What Ansible shows of the options at a failure or with -vvv must not hold them either.
    module.no_log_values.update(secret_texts([options["spec"], options["running"]]))
    try:
        planned = plan(options["spec"])
        proposed = _proposal(planned, options["measured"])
    except ProblemError as error:
        module.fail_json(msg=str(error), problems=error.as_dicts())
    warnings = [str(warning) for warning in planned.warnings()]
    for warning in warnings:
        module.warn(warning)
    result = {"changed": False, **planned.as_dict(), **proposed, **_compared(planned, options)}
    module.exit_json(**result, remote_write_warnings=warnings)


def _compared(planned: Plan, options: dict[str, Any]) -> dict[str, Any]:
    if options["running"] is None:
        return {}
    running = {key: value for key, value in options["running"].items() if value is not None}
    before = {
        "global": {"external_labels": running.get("external_labels", {})},
        "remote_write": running.get("remote_write", []),
    }
    after = planned.config()
    return {
        "changed": before != after,
        "diff": {"before": redacted(before), "after": after},
        "findings": [finding.as_dict() for finding in lint(running, options["other_clusters"])],
    }


def _proposal(planned: Plan, measured: dict[str, float] | None) -> dict[str, Any]:
    if measured is None:
        return {}
    sizing = planned.spec.sizing
    if sizing is None:
        problem = Problem("Option measured", "spec has no sizing to compare it with", "give spec.sizing too")
        raise ProblemError([problem])
    return {"proposal": sizing.proposal(**measured)}


if __name__ == "__main__":
    main()
