# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: object_storage_probe
short_description: Prove from inside a cluster that Thanos can use its bucket
version_added: 0.1.0
author:
  - miribit.thanos contributors (@miribit)
description:
  - Lists, writes and deletes in the bucket with the tools of Thanos and its configuration, in a pod of the cluster.
    So name resolution, network policies, certificates, keys and permissions are those that count.
  - Each step that fails is told with its likely cause and how to mend it.
  - It writes one object, C(no-downsample-mark.json) in a block folder of its own, and deletes it again.
  - The pod is that of a Job which deletes itself and its Secret, even when the module is killed. It keeps to the pod
    security profile C(restricted). Secrets reach it as files only.
  - The kubeconfig's user needs C(create), C(list) and C(delete) on C(jobs), C(create) on C(secrets) (and C(get) with
    O(secret)), C(list) on C(pods) and C(events), and C(get) on C(pods/log).
extends_documentation_fragment:
  - miribit.thanos.attributes
  - miribit.thanos.attributes.action_group
  - miribit.thanos.cluster_access
attributes:
  check_mode:
    support: partial
    details:
      - The options are checked, and nothing is created or asked. RV(probed) is V(false).
  diff_mode:
    support: N/A
    details:
      - It changes nothing that stays.
  idempotent:
    support: full
    details:
      - It changes nothing that stays.
options:
  namespace:
    description: Namespace of the pod. It must exist.
    type: str
    required: true
  image:
    description: Image of Thanos.
    type: str
    required: true
  config:
    description:
      - Thanos' configuration of the bucket, with C(type) and C(config), as YAML text or as a mapping.
      - Files that it names are not in the pod. Write their content into it.
      - Exactly one of O(config) and O(secret) must be given.
    type: raw
  secret:
    description:
      - Name of an existing Secret in O(namespace) with the configuration.
      - Exactly one of O(config) and O(secret) must be given.
    type: str
  key:
    description: The key of O(secret) that holds the configuration.
    type: str
    default: objstore.yml
  service_account:
    description:
      - ServiceAccount of the pod, where the provider knows Thanos by it. It must exist; no token of it is mounted.
      - If not given, it is the namespace's default.
    type: str
  timeout:
    description: How long the pod may take, in seconds, from 10 to 300. Pulling the image counts, too.
    type: int
    default: 60
  lock:
    description:
      - Options of M(miribit.thanos.migration_lock), for the cluster that holds the lock.
      - If given, the lock is kept while this works.
    type: dict
seealso:
  - name: Object storage of Thanos
    description: The configuration of each provider.
    link: https://thanos.io/tip/thanos/storage.md/
"""

EXAMPLES = r"""
- name: Prove the bucket before anything depends on it
  miribit.thanos.object_storage_probe:
    context: cluster-01
    namespace: monitoring
    image: quay.io/thanos/thanos:v0.42.4
    config: "{{ lookup('ansible.builtin.file', 'objstore.yml') }}"

- name: Prove what a Secret holds
  miribit.thanos.object_storage_probe:
    context: cluster-01
    namespace: monitoring
    image: quay.io/thanos/thanos:v0.42.4
    secret: thanos-objstore-config
"""

RETURN = r"""
probed:
  description: Whether the bucket was tried.
  returned: always
  type: bool
  sample: true
steps:
  description: The steps, in their order.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: V(list), V(write) or V(delete).
      returned: always
      type: str
      sample: list
    ok:
      description: Whether it went well. Null where it was not reached.
      returned: always
      type: bool
      sample: true
    observed:
      description: What Thanos says, if it went wrong. Values of the configuration are hidden.
      returned: always
      type: str
      sample: ""
    cause:
      description: Why it went wrong.
      returned: always
      type: str
      sample: ""
    fix:
      description: What to do.
      returned: always
      type: str
      sample: ""
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
      sample: S3 bucket thanos at s3.example:9000 from context cluster-01
    cause:
      description: Why.
      returned: always
      type: str
      sample: "step list: the bucket does not exist there (The specified bucket does not exist)"
    fix:
      description: What to do.
      returned: always
      type: str
      sample: "make it, or correct its name: Thanos does not make buckets"
"""
