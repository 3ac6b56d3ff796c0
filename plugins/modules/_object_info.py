# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: _object_info
short_description: "[internal] Objects of a cluster"
version_added: 0.1.0
author:
  - miribit.thanos contributors (@miribit)
description:
  - Returns an object by its name, or those of a kind that a label selector matches.
  - The kubeconfig's user needs the verb C(get), or C(list), on what is asked for.
extends_documentation_fragment:
  - miribit.thanos.attributes
  - miribit.thanos.attributes.info_module
  - miribit.thanos.attributes.action_group
  - miribit.thanos.cluster_access
options:
  kind:
    description: Kind of the objects.
    type: str
    required: true
    choices:
      - Namespace
      - ServiceAccount
      - ClusterRole
      - ClusterRoleBinding
      - Role
      - RoleBinding
      - Secret
      - ConfigMap
      - NetworkPolicy
      - PodDisruptionBudget
      - Service
      - StatefulSet
      - Deployment
      - DaemonSet
      - PrometheusAgent
      - Ingress
      - Pod
  namespace:
    description: Namespace of the objects.
    type: str
    required: true
  name:
    description: Name of the one object. If not given, all that O(selector) matches are returned.
    type: str
  selector:
    description: A label selector.
    type: str
    default: ""
  lock:
    description:
      - Options of M(miribit.thanos.migration_lock), for the cluster that holds the lock.
      - If given, the lock is renewed by each look, so that a task can look again for longer than the lock lasts.
    type: dict
seealso:
  - module: miribit.thanos._apply_objects
"""

EXAMPLES = r"""
- name: Read the ingestors that run
  miribit.thanos._object_info:
    context: cluster-01
    kind: StatefulSet
    namespace: monitoring
    selector: app.kubernetes.io/component=thanos-receiver
"""

RETURN = r"""
resources:
  description: The objects.
  returned: success
  type: list
  elements: dict
  sample: []
api_found:
  description: Whether the cluster knows the kind.
  returned: success
  type: bool
  sample: true
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
      sample: API server 192.168.101.194:6443 of context cluster-01
    cause:
      description: Why.
      returned: always
      type: str
      sample: it cannot be reached (Connection refused)
    fix:
      description: What to do.
      returned: always
      type: str
      sample: check that it runs, and that its address can be reached from here (VPN, firewall, proxy)
"""
