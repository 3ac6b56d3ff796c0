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
    them by server-side apply, field manager C(miribit.thanos). What other managers have set of the same fields is taken
    over.
  - All that becomes of a component in one step is one task. The objects are recorded before they are made, are waited
    for with O(rollout), and with O(prune) what was recorded and is no longer wanted goes. Volumes stay.
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
    description:
      - Whether the objects are to be there.
      - V(pruned) applies nothing. O(objects) are all that is wanted, and what else was recorded of O(component) goes.
    type: str
    choices: [present, absent, pruned]
    default: present
  prune:
    description:
      - Whether O(objects) are all that is wanted of O(component), so that what else was recorded of it goes, after they
        have rolled out. What is not labelled as a part of O(component) stays.
    type: bool
    default: false
  rollout:
    description: What to wait for once the objects are applied, as M(miribit.thanos.rollout) does. Not in check mode.
    type: dict
    suboptions:
      workloads:
        description: What to wait for.
        type: list
        elements: dict
        required: true
        suboptions:
          kind:
            description: Its kind.
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
            description: The hash of the hashring file.
            type: int
            required: true
          selector:
            description: The label selector of the routers' pods.
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
  record:
    description:
      - Options of M(miribit.thanos.migration_record) that lead to the record of this cluster.
      - If given, the objects are recorded. Required with O(prune) and O(state=pruned).
    type: dict
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
      - If given, nothing is done unless the lock is held by this run, and it is kept while this works.
    type: dict
seealso:
  - module: miribit.thanos.migration_record
  - module: miribit.thanos.rollout
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
  returned: success
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
