# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: receive_info
short_description: Ask the pods of Thanos Receive what they hold and which ring they use
version_added: 0.1.0
author:
  - miribit.thanos contributors (@miribit)
description:
  - Reads the metrics of every receiver that a label selector takes, routers and ingestors, through the API server's
    proxy.
  - For a router, it also finds out whether it uses the ring that it has loaded. The hash that it reports does not say
    so, because it is set before the ring is built. So its log is read, too, and its goroutines where the log does not
    say it.
  - A pod that does not answer is told in the result and makes no failure.
  - The kubeconfig's user needs the verb C(list) on C(pods), and C(get) on C(pods/proxy) and C(pods/log).
extends_documentation_fragment:
  - miribit.thanos.attributes
  - miribit.thanos.attributes.info_module
  - miribit.thanos.attributes.action_group
  - miribit.thanos.cluster_access
options:
  namespace:
    description: Namespace of the receivers.
    type: str
    required: true
  selector:
    description: The label selector of their pods.
    type: str
    required: true
  port:
    description: The port of their C(--http-address).
    type: int
    default: 10902
  ring_hash:
    description:
      - The hash of the hashring file that routers must use, as the filter P(miribit.thanos.receive_config_hash#filter)
        gives it.
      - If not given, RV(receivers[].ring_applied) is about the file that each has loaded, whichever it is.
    type: int
seealso:
  - module: miribit.thanos.rollout
  - plugin: miribit.thanos.receive_config_hash
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Ask the receivers
  miribit.thanos.receive_info:
    kubeconfig: ~/.kube/config
    context: cluster-01
    namespace: monitoring
    selector: app.kubernetes.io/component=thanos-receiver
  register: found

- name: Show the series that each ingestor holds of tenant-a
  ansible.builtin.debug:
    msg: "{{ item.name }} {{ item.tenants['tenant-a'].head_series | default(0) }}"
  loop: "{{ found.receivers | selectattr('role', 'eq', 'ingestor') }}"
  loop_control:
    label: "{{ item.name }}"
"""

RETURN = r"""
receivers:
  description: The receivers by name. Pods that are being deleted or have ended are left out.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the pod.
      returned: always
      type: str
      sample: thanos-receiver-ingestor-0
    ready:
      description: Whether it is Ready.
      returned: always
      type: bool
    restarts:
      description: How often its containers were started again.
      returned: always
      type: int
      sample: 0
    problem:
      description: Why it did not answer, in the form of RV(problems[]). Null if it did.
      returned: always
      type: dict
    role:
      description: V(router) if it loads a hashring file, else V(ingestor).
      returned: if it answered
      type: str
      choices: [router, ingestor]
    config_hash:
      description: The hash of the hashring file that it has loaded. Null for an ingestor.
      returned: if it answered
      type: int
      sample: 47883010003791
    ring_applied:
      description: Whether it is Ready and uses the ring. Null for an ingestor.
      returned: if it answered
      type: bool
    hashrings_file_errors:
      description: How often it could not read the hashring file, or refused it. Null for an ingestor.
      returned: if it answered
      type: int
      sample: 0
    last_reload:
      description: When it last loaded another hashring file, in seconds since 1970. Null for an ingestor.
      returned: if it answered
      type: float
      sample: 1767225600.25
    tenants:
      description: What it holds of each tenant.
      returned: if it answered
      type: dict
      sample: {"default-tenant": {"head_series": 1204, "uploads": 12, "upload_failures": 0}}
    write_samples:
      description:
        - Samples of write requests since it was started, by tenant and status code of the answer.
        - Samples of V(409) can have been stored all the same. Native histograms are not counted.
      returned: if it answered
      type: dict
      sample: {"default-tenant": {"200": 48000, "409": 12}}
write_samples:
  description: The sums of RV(receivers[].write_samples) by status code.
  returned: success
  type: dict
  sample: {"200": 48000, "409": 12}
problems:
  description: What is wrong. On success, these are the pods that did not answer.
  returned: always
  type: list
  elements: dict
  contains:
    subject:
      description: What it is about.
      returned: always
      type: str
      sample: pod monitoring/thanos-receiver-ingestor-0 port 10902 in context cluster-01
    cause:
      description: Why.
      returned: always
      type: str
      sample: "the API server cannot reach it: error trying to reach service: dial tcp: connect: connection refused"
    fix:
      description: What to do.
      returned: always
      type: str
      sample: check that the process listens there
"""
