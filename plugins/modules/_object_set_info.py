# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: _object_set_info
short_description: "[internal] Find what a component has in a cluster that it no longer wants"
version_added: 0.1.0
author:
  - miribit.thanos contributors (@miribit)
description:
  - Compares the objects that a component wants with those that the migration record says it made.
  - What it made, still bears its labels and is no longer wanted is surplus, and may be deleted.
  - What bears the labels, and neither is wanted nor known from the record, is only named, as a leftover.
  - Volumes (PersistentVolumeClaims) are never among them.
extends_documentation_fragment:
  - miribit.thanos.cluster_access
  - miribit.thanos.attributes
  - miribit.thanos.attributes.info_module
  - miribit.thanos.attributes.action_group
options:
  namespace:
    description: Namespace of the component.
    type: str
    required: true
  component:
    description: The value of the label C(app.kubernetes.io/component).
    type: str
    required: true
  wanted:
    description: The objects that are wanted, as RV(miribit.thanos._apply_objects#module:objects) names them.
    type: list
    elements: str
    required: true
  recorded:
    description: The objects that the record names.
    type: list
    elements: str
    default: []
seealso:
  - module: miribit.thanos._apply_objects
  - module: miribit.thanos.migration_record
"""

EXAMPLES = r"""
- name: Find what thanos-query no longer wants
  miribit.thanos._object_set_info:
    kubeconfig: ~/.kube/config
    context: cluster-01
    namespace: monitoring
    component: thanos-query
    wanted: "{{ applied.objects }}"
    recorded: "{{ record.objects['thanos-query'] | default([]) }}"
  register: found
"""

RETURN = r"""
surplus:
  description: What may be deleted, in the order in which it should go, each with what names it.
  returned: success
  type: list
  elements: dict
  sample: [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "old", "namespace": "monitoring"}}]
leftovers:
  description: What bears the component's labels, is not wanted and not known from the record.
  returned: success
  type: list
  elements: str
  sample: [v1/ConfigMap/monitoring/forgotten]
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
      sample: API server 192.0.2.1:6443 of context cluster-01
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
