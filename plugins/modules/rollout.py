# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout
short_description: Wait until workloads have rolled out and routers use their ring, and say why if they do not
version_added: 0.1.0
author:
  - miribit.thanos contributors (@miribit)
description:
  - Waits until all workloads have rolled out, and shows a line for each that has not whenever it gets further.
  - Fails before the time is up where waiting cannot help, such as an image that cannot be pulled, a container that
    ends again and again, pods that a quota or a policy forbids, or a failed Job.
  - Every failure is told with its cause, the last events, the last lines of the log and how to mend it.
  - With O(ring), it also waits until every router uses that ring. The hash that a router reports does not say so,
    because it is set before the ring is built. So its log is read, too, and its goroutines where the log does not say
    it.
  - The kubeconfig's user needs the verb C(get) on the workloads, C(pods/log) and C(pods/proxy), and C(list) on
    C(pods), C(replicasets), C(events) and C(persistentvolumeclaims).
extends_documentation_fragment:
  - miribit.thanos.attributes
  - miribit.thanos.attributes.info_module
  - miribit.thanos.attributes.action_group
  - miribit.thanos.cluster_access
attributes:
  check_mode:
    details:
      - This module only reads. In check mode it looks once and does not wait, because nothing has been changed.
options:
  namespace:
    description: Namespace of the workloads.
    type: str
    required: true
  workloads:
    description: What to wait for.
    type: list
    elements: dict
    required: true
    suboptions:
      kind:
        description:
          - A Deployment, StatefulSet or DaemonSet has rolled out when all its pods are of the newest revision and have
            been Ready for its C(minReadySeconds), and no other pods are left.
          - A Service of type LoadBalancer has when it has the address that it asks for, a Job when it is complete; any
            other Service and an Ingress when they exist.
        type: str
        choices: [Deployment, StatefulSet, DaemonSet, Service, Ingress, Job]
        required: true
      name:
        description: Its name.
        type: str
        required: true
  ring:
    description: The ring that routers must use.
    type: dict
    suboptions:
      config_hash:
        description: The hash of the hashring file, as the filter P(miribit.thanos.receive_config_hash#filter) gives it.
        type: int
        required: true
      selector:
        description:
          - The label selector of the routers' pods.
          - They must be as many as their Deployment has replicas, if that is among O(workloads).
        type: str
        required: true
      port:
        description: The port of the routers' C(--http-address).
        type: int
        default: 10902
  timeout:
    description: How long to wait at most, in seconds.
    type: float
    default: 600
  interval:
    description: How long to wait between two looks, in seconds. The first pauses are shorter.
    type: float
    default: 3
  lock:
    description:
      - Options of M(miribit.thanos.migration_lock), for the cluster that holds the lock.
      - If given, the lock is renewed while this waits, and the waiting ends when another run has it.
    type: dict
  since:
    description:
      - What failed before this moment does not end the waiting, because it may have been mended since.
      - A date and time with a time zone. If not given, it is when the task began.
    type: str
seealso:
  - module: miribit.thanos.receive_info
  - plugin: miribit.thanos.receive_config_hash
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Wait for the receiver
  miribit.thanos.rollout:
    kubeconfig: ~/.kube/config
    context: cluster-01
    namespace: monitoring
    workloads:
      - kind: StatefulSet
        name: thanos-receiver-ingestor
      - kind: Deployment
        name: thanos-receiver
      - kind: Service
        name: thanos-receiver
    ring:
      config_hash: "{{ hashrings_text | miribit.thanos.receive_config_hash }}"
      selector: app.kubernetes.io/name=thanos-receiver-router
    timeout: 900
"""

RETURN = r"""
done:
  description: Whether there is nothing more to wait for. In check mode there never is.
  returned: success
  type: bool
progress:
  description: The lines that were shown.
  returned: always
  type: list
  elements: str
  sample:
    - >-
      StatefulSet thanos-receiver-ingestor: 2 of 3 pods updated, 1 of 3 ready
      (thanos-receiver-ingestor-2: ContainerCreating)
workloads:
  description: How far each workload is.
  returned: success
  type: list
  elements: dict
  contains:
    kind:
      description: Its kind.
      returned: always
      type: str
      sample: StatefulSet
    name:
      description: Its name.
      returned: always
      type: str
      sample: thanos-receiver-ingestor
    done:
      description: Whether it has rolled out.
      returned: always
      type: bool
    state:
      description: How far it is, in words.
      returned: always
      type: str
      sample: 3 of 3 pods updated, 3 of 3 ready
routers:
  description: What each router says of its ring. Empty while a Deployment has not rolled out.
  returned: success, if O(ring) is given
  type: list
  elements: dict
  contains:
    pod:
      description: Its name.
      returned: always
      type: str
      sample: thanos-receiver-7c9d8b6f5-x2x7k
    config_hash:
      description: The hash of the file that it has loaded. Null if it reports none.
      returned: always
      type: int
      sample: 47883010003791
    ring_applied:
      description: Whether it uses the ring that O(ring) asks for.
      returned: always
      type: bool
problems:
  description: What is wrong; the parts of the message for programs.
  returned: failure
  type: list
  elements: dict
  contains:
    subject:
      description: What it is about.
      returned: always
      type: str
      sample: Deployment monitoring/thanos-query in context cluster-01
    cause:
      description: Why, with the last events and lines of the log on lines of their own.
      returned: always
      type: str
      sample: "pod thanos-query-6d4cf56db6-x2x7k fits on no node: 0/1 nodes are available: 1 Insufficient memory."
    fix:
      description: What to do.
      returned: always
      type: str
      sample: add a node, free what others ask for, or ask for less (resources.requests)
"""
