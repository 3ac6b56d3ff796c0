# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: hashring
short_description: Make the hashring file of Thanos Receive, and say what a change of it does
version_added: 0.1.0
author:
  - miribit.thanos contributors (@miribit)
description:
  - Computes the hashring file of Thanos Receive routers from how many ingestors there are, with its text and the hash
    by which routers report it.
  - Refuses what Thanos refuses, and also what Thanos accepts and then suffers from. All problems are told at once.
  - With O(running), it also says what the change from that file does, which share of the series moves, how the load is
    spread before and after, and whether the change can be made in one step.
  - It changes nothing and talks to no cluster. The text is meant for a ConfigMap.
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
      - Shows O(running) and the new file.
  idempotent:
    support: full
    details:
      - It reports a change where O(running) is not the new file. Once what it computes runs, there is none.
options:
  spec:
    description:
      - The rings, in the order of the file. Thanos gives a tenant to the first ring that takes it.
      - The keys V(name), V(service) and either V(replicas) or V(zones) must be given. The headless Service V(service)
        governs a StatefulSet of the same name.
      - V(zones) is a list of mappings with V(name) and V(replicas). Each zone is one StatefulSet, named by the service,
        C(-) and the zone, with the same headless Service; the zone is the AZ of its endpoints.
      - V(capnproto_port) sets the Cap'n Proto port of the endpoints. Thanos takes V(19391) if it is not given.
      - V(tenants), V(tenant_matcher_type), V(algorithm), V(external_labels) and V(shuffle_sharding_config) are those of
        the hashring file. V(algorithm) is V(ketama) if it is not given.
    type: list
    elements: dict
    required: true
  namespace:
    description: Namespace of the ingestors.
    type: str
    required: true
  cluster_domain:
    description: The cluster's DNS domain.
    type: str
    default: cluster.local
  replication_factor:
    description: The routers' C(--receive.replication-factor).
    type: int
    default: 3
  tenants:
    description: The tenants that write. Each must have a ring.
    type: list
    elements: str
    default: []
  router_only:
    description:
      - Whether only routers load the file, which is how this collection runs receivers.
      - External labels of a ring act only where an ingestor loads it, so they are refused then.
    type: bool
    default: true
  running:
    description:
      - The file that the routers have now, as its text or parsed.
      - What is wrong with it makes no failure, only warnings.
    type: raw
  ready:
    description:
      - The addresses of the endpoints whose pods are Ready, as they stand in the file.
      - A new endpoint that is not among them makes the change unsafe.
    type: list
    elements: str
seealso:
  - plugin: miribit.thanos.hashring
    plugin_type: filter
  - plugin: miribit.thanos.receive_config_hash
    plugin_type: filter
  - name: Thanos Receive
    description: Hashrings in the documentation of Thanos.
    link: https://thanos.io/tip/components/receive.md/
"""

EXAMPLES = r"""
- name: Make the ring of three ingestors
  miribit.thanos.hashring:
    namespace: monitoring
    spec:
      - name: default
        service: thanos-receive-ingestor
        replicas: 3
  register: ring

- name: Show the file, and the hash that every router must report
  ansible.builtin.debug:
    msg: "{{ ring.config_hash }} {{ ring.text }}"

- name: See what a fourth ingestor does
  miribit.thanos.hashring:
    namespace: monitoring
    spec:
      - name: default
        service: thanos-receive-ingestor
        replicas: 4
    running: "{{ ring.text }}"
    ready:
      - thanos-receive-ingestor-0.thanos-receive-ingestor.monitoring.svc.cluster.local:10901
      - thanos-receive-ingestor-1.thanos-receive-ingestor.monitoring.svc.cluster.local:10901
      - thanos-receive-ingestor-2.thanos-receive-ingestor.monitoring.svc.cluster.local:10901
      - thanos-receive-ingestor-3.thanos-receive-ingestor.monitoring.svc.cluster.local:10901
  register: grown

- name: Stop where it is more than one step
  ansible.builtin.assert:
    that: grown.preview.safe
    fail_msg: "{{ grown.preview.hazards }}"
"""

RETURN = r"""
hashrings:
  description: The content of the file.
  returned: success
  type: list
  elements: dict
  sample: [{"hashring": "default", "algorithm": "ketama", "endpoints": ["receive-0.receive.a.svc.cluster.local:10901"]}]
text:
  description:
    - The file itself.
    - It is what the filter P(ansible.builtin.to_nice_json#filter) makes of RV(hashrings).
  returned: success
  type: str
  sample: '[{"hashring": "default"}]'
config_hash:
  description: What C(thanos_receive_config_hash) shows on a router that has read RV(text).
  returned: success
  type: int
  sample: 47883010003791
hashring_warnings:
  description: What works, but seldom as meant. The same texts are shown as warnings of the task.
  returned: success
  type: list
  elements: str
  sample: ["Replication factor 2: with 2 copies one stored copy is enough for the answer 200"]
preview:
  description: What the change does. Shares are of a ring's series, taken as spread evenly over the ring.
  returned: success, if O(running) is given and can be read
  type: dict
  contains:
    safe:
      description: Whether the change can be made in one step.
      returned: always
      type: bool
    hazards:
      description: Why it cannot, in the same form as RV(problems).
      returned: always
      type: list
      elements: dict
    rings:
      description: Each ring of either file.
      returned: always
      type: list
      elements: dict
      contains:
        name:
          description: The ring's name.
          returned: always
          type: str
          sample: default
        moved:
          description:
            - The share of the series that get another set of owners.
            - Null where the ring comes or goes, cannot be placed, or is drawn at random by shuffle sharding.
          returned: always
          type: float
          sample: 0.7493
        endpoints:
          description: The share of the series of which each endpoint holds a copy, C(before) and C(after).
          returned: always
          type: list
          elements: dict
          sample: [{"address": "receive-0:10901", "az": "", "before": 1.0, "after": 0.75}]
        azs:
          description: The copies of a series that each AZ holds on average, C(before) and C(after).
          returned: always
          type: list
          elements: dict
          sample: [{"az": "", "before": 3.0, "after": 3.0}]
problems:
  description: What is wrong; the parts of the message for programs.
  returned: failure
  type: list
  elements: dict
  contains:
    subject:
      description: What it is about, with the number and name of the ring and the number of the endpoint.
      returned: always
      type: str
      sample: Ring 1 (default)
    cause:
      description: Why.
      returned: always
      type: str
      sample: it has 2 endpoints for 3 copies; a receiver ends when it loads such a ring
    fix:
      description: What to do.
      returned: always
      type: str
      sample: add endpoints, or lower the replication factor
"""

from collections.abc import Iterable
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.hashring.change import hazards, ring_changes
from ansible_collections.miribit.thanos.plugins.module_utils.hashring.file import as_text, config_hash, parse, read
from ansible_collections.miribit.thanos.plugins.module_utils.hashring.rules import check
from ansible_collections.miribit.thanos.plugins.module_utils.hashring.spec import Plan, plan


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            # Without suboptions: Ansible would stop at the first that is wrong, and the filter reads the same anyway.
            "spec": {"type": "list", "elements": "dict", "required": True},
            "namespace": {"type": "str", "required": True},
            "cluster_domain": {"type": "str", "default": "cluster.local"},
            "replication_factor": {"type": "int", "default": 3},
            "tenants": {"type": "list", "elements": "str", "default": []},
            "router_only": {"type": "bool", "default": True},
            "running": {"type": "raw"},
            "ready": {"type": "list", "elements": "str"},
        },
        supports_check_mode=True,
    )
    options = module.params
    try:
        planned = plan(options["spec"], options)
    except ProblemError as error:
        module.fail_json(msg=str(error), problems=error.as_dicts())
    result = {"changed": False, **_file(planned)}
    shown = list(planned.warnings)
    if options["running"] is not None:
        before = options["running"] if isinstance(options["running"], str) else as_text(options["running"])
        result["changed"] = before != result["text"]
        result["diff"] = {"before": before, "after": result["text"]}
        preview, found = _preview(before, planned, options["replication_factor"], options["ready"])
        result |= preview
        shown += found
    for warning in shown:
        module.warn(str(warning))
    module.exit_json(**result)


def _file(planned: Plan) -> dict[str, Any]:
    content = planned.content()
    text = as_text(content)
    return {
        "hashrings": content,
        "text": text,
        "config_hash": config_hash(text),
        "hashring_warnings": [str(warning) for warning in planned.warnings],
    }


def _preview(
    running: str, planned: Plan, replication_factor: int, ready: list[str] | None
) -> tuple[dict[str, Any], list[Problem]]:
    """What the change does, and what is wrong with the file that runs."""
    try:
        reading = read(parse(running))
    except ProblemError as error:
        return {}, _of_running(error.problems)
    found = _of_running(check(reading, replication_factor))
    if reading.problems:
        return {}, found
    changes = ring_changes(reading.rings, planned.rings, replication_factor)
    dangers = [hazard.as_dict() for hazard in hazards(changes, ready)]
    rings = [change.as_dict() for change in changes]
    return {"preview": {"safe": not dangers, "hazards": dangers, "rings": rings}}, found


def _of_running(problems: Iterable[Problem]) -> list[Problem]:
    return [Problem(f"Running file, {problem.subject}", problem.cause, problem.fix) for problem in problems]


if __name__ == "__main__":
    main()
