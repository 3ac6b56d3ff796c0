# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: _apply_objects
short_description: "[internal] Apply the objects of a component to a cluster, or delete them"
version_added: 0.1.0
author:
  - miribit.thanos contributors (@miribit)
description:
  - Gives the objects the labels that say whose they are, puts them in order (what others need comes first), and applies
    them in one go with M(kubernetes.core.k8s) by server-side apply, field manager C(miribit.thanos).
  - What that module cannot do with several objects is added. The diff shows each object that changes, check mode works
    where the namespace is still missing, and a refusal is explained.
  - The values of Secrets are shown nowhere, in a diff or a message neither.
extends_documentation_fragment:
  - miribit.thanos.cluster_access
  - miribit.thanos.attributes
  - miribit.thanos.attributes.action_group
attributes:
  check_mode:
    support: full
    details:
      - A dry run on the API server. Where O(namespace_exists=false), every object is reported as it would be created.
  diff_mode:
    support: full
    details:
      - Of a Secret, only the names of its keys are shown.
  idempotent:
    support: full
options:
  namespace:
    description: Namespace of the objects that name none.
    type: str
    required: true
  component:
    description: What the objects are a part of. It becomes their label C(app.kubernetes.io/component).
    type: str
    required: true
  objects:
    description:
      - The objects. With O(state=absent), C(apiVersion), C(kind) and the name are enough.
      - PersistentVolumeClaims are deleted where they are named, and never applied.
    type: list
    elements: dict
    required: true
  state:
    description: Whether the objects are to be there.
    type: str
    choices: [present, absent]
    default: present
  adopt:
    description:
      - Whether the objects belong to somebody else, and stay so. They then get no labels, and only what is given of
        them changes.
    type: bool
    default: false
  field_manager:
    description:
      - Who these fields belong to afterwards. What one has set and later leaves out, server-side apply takes away, so
        two changes of one object that know nothing of each other need two names.
    type: str
    default: miribit.thanos
  secret:
    description: Whether other objects than Secrets hold something secret, too. Then no diff is shown of any.
    type: bool
    default: false
  namespace_exists:
    description: Whether the namespace is there yet. Only check mode asks.
    type: bool
    default: true
  lock:
    description:
      - Options of M(miribit.thanos.migration_lock), for the cluster that holds the lock.
      - If given, nothing is done unless the lock is held by this run.
    type: dict
seealso:
  - module: kubernetes.core.k8s
  - module: miribit.thanos._object_set_info
"""

EXAMPLES = r"""
- name: Apply what a template renders
  miribit.thanos._apply_objects:
    kubeconfig: ~/.kube/config
    context: cluster-01
    namespace: monitoring
    component: thanos-query
    objects: "{{ lookup('ansible.builtin.template', 'query.yaml.j2') | miribit.thanos._manifest_objects }}"
"""

RETURN = r"""
objects:
  description: The objects, as the record names them.
  returned: success
  type: list
  elements: str
  sample: [apps/v1/Deployment/monitoring/thanos-query]
changed_objects:
  description: Those that were changed, or would be.
  returned: success, if the cluster was asked
  type: list
  elements: str
  sample: []
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
      sample: services thanos-receiver in context cluster-01
    cause:
      description: Why.
      returned: always
      type: str
      sample: "the API server refuses it: services \"thanos-receiver\" is forbidden: exceeded quota"
    fix:
      description: What to do.
      returned: always
      type: str
      sample: raise the ResourceQuota that it names, or ask for less, and run it again
"""
