# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_access
short_description: See whether a cluster can take a phase, before anything is changed
version_added: 0.1.0
author:
  - miribit.thanos contributors (@miribit)
description:
  - Checks everything about a cluster that can be known before a phase begins. The API server answers, it is the cluster
    that is meant, the user may do what the phase does, and what the phase relies on is there.
  - All that is wrong is told at once. The module does not fail for it, so that a play can collect what is wrong with
    all clusters and then fail once.
  - Permissions are asked for one by one, as access reviews. A user who may do everything is asked about only once.
  - Where the API server cannot be reached, or is not the one that is meant, nothing else is checked.
extends_documentation_fragment:
  - miribit.thanos.attributes
  - miribit.thanos.attributes.info_module
  - miribit.thanos.attributes.action_group
  - miribit.thanos.cluster_access
options:
  cluster:
    description:
      - How messages call the cluster, normally the name of the inventory host.
      - If not given, it is the name of the context.
    type: str
  uid:
    description:
      - The UID that the namespace C(kube-system) must have, which makes sure that it is the cluster that is meant.
      - If it has another one, this is the only thing that is told.
      - If not given or empty, any cluster will do.
    type: str
  namespace:
    description:
      - Namespace of everything that the phase brings.
      - It may be missing where the phase creates it.
    type: str
    required: true
  phase:
    description: The phase whose permissions are asked for.
    type: str
    choices: [audit, deploy, phase1, phase2]
    required: true
  side:
    description: What the cluster is in the fleet.
    type: str
    choices: [central, edge]
    required: true
  storage_class:
    description: A StorageClass that must exist. If not given or empty, none is looked for.
    type: str
  ingress_class:
    description: An IngressClass that must exist. If not given or empty, none is looked for.
    type: str
  crds:
    description: Names of CustomResourceDefinitions that must be there and established.
    type: list
    elements: str
    default: []
  minimum_version:
    description:
      - The lowest version of Kubernetes that will do.
      - What is used here is generally available from V(1.25) on. The last of it was C(minReadySeconds) of
        StatefulSets; before came C(ttlSecondsAfterFinished) of Jobs (1.23), server-side apply (1.22) and
        PodDisruptionBudgets (1.21). C(persistentVolumeClaimRetentionPolicy), which came later, is only set to what
        it is without.
    type: str
    default: "1.25"
  memory:
    description:
      - How much memory all pods of the phase ask for, in bytes or as a quantity such as V(6Gi).
      - If less is free on the nodes, there is a warning. What pods of this collection in O(namespace) ask for counts as
        free, so that a second run does not warn of the first.
      - It is seen only if the user may list the pods of all namespaces. With V(0), it is not looked at.
    type: str
    default: "0"
  replicas:
    description:
      - Workloads with C(name) and C(replicas), and how much C(memory) each replica asks for. Other keys are ignored.
      - If there are fewer nodes than replicas of one of them, there is a warning.
    type: list
    elements: dict
    default: []
  clock_skew:
    description:
      - By how many seconds the clocks of API server and controller may differ before there is a warning.
      - Where they differ by more than 60 seconds, and more than this, it is a problem.
    type: float
    default: 5
seealso:
  - plugin: miribit.thanos._problem_report
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Look at all clusters, and stop with everything that is wrong with any of them
  hosts: all
  gather_facts: false
  tasks:
    - name: Look at the cluster
      miribit.thanos.cluster_access:
        kubeconfig: ~/.kube/config
        context: "{{ inventory_hostname }}"
        cluster: "{{ inventory_hostname }}"
        namespace: monitoring
        phase: phase1
        side: central
        storage_class: longhorn
        ingress_class: nginx
        memory: 6Gi
        replicas:
          - name: thanos-receiver-ingestor
            replicas: 3
      register: access

    - name: Stop if anything is wrong
      ansible.builtin.fail:
        msg: "{{ problems | miribit.thanos._problem_report }}"
      vars:
        problems: "{{ ansible_play_hosts_all | map('extract', hostvars) | map(attribute='access.problems') | flatten }}"
      when: problems | length > 0
      run_once: true
"""

RETURN = r"""
problems:
  description: Why the phase cannot begin. Empty if it can.
  returned: always
  type: list
  elements: dict
  contains: &parts
    subject:
      description: What it is about.
      returned: always
      type: str
      sample: StorageClass longhorn in cluster-01
    cause:
      description: Why.
      returned: always
      type: str
      sample: it does not exist; the cluster has local-path (the default)
    fix:
      description: What to do.
      returned: always
      type: str
      sample: create it, or correct fleet_storage_class
warnings_found:
  description: What is strange, but no reason not to begin. In the same form as RV(problems).
  returned: always
  type: list
  elements: dict
  contains: *parts
away:
  description: Whether the API server did not answer, so that nothing else is known.
  returned: always
  type: bool
  sample: false
namespace_exists:
  description:
    - Whether O(namespace) exists.
    - Null if the API server could not be asked, or the user may not read it.
  returned: always
  type: bool
  sample: true
facts:
  description: What was seen of the cluster. What could not be seen, or was not asked for, is null.
  returned: if the API server answers, and it is the cluster that is meant
  type: dict
  contains:
    uid:
      description: The UID of the namespace C(kube-system). Empty if it may not be read.
      returned: always
      type: str
      sample: 6f1e5d0e-6d5e-4e0c-9a39-5d2c8a3e0b52
    version:
      description: The version of Kubernetes.
      returned: always
      type: str
      sample: v1.34.4
    clock_skew:
      description: By how many seconds the API server's clock is ahead of the controller's. It is off by half a second.
      returned: always
      type: float
      sample: 0.2
    nodes:
      description: How many nodes there are.
      returned: always
      type: int
      sample: 4
    schedulable_nodes:
      description: How many of them are Ready and take pods without a toleration.
      returned: always
      type: int
      sample: 3
    free_memory:
      description: The bytes of memory on these nodes that no pod asks for.
      returned: always
      type: int
      sample: 12884901888
    storage_classes:
      description: The names of the StorageClasses.
      returned: always
      type: list
      elements: str
      sample: [longhorn]
    ingress_classes:
      description: The names of the IngressClasses.
      returned: always
      type: list
      elements: str
      sample: [nginx]
    notes:
      description: What could not be seen, and need not be.
      returned: always
      type: list
      elements: str
      sample: []
"""
