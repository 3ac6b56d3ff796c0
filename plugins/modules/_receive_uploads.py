# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: _receive_uploads
short_description: "[internal] Prove that what an ingestor of Thanos Receive held is in the bucket"
version_added: 0.1.0
author:
  - miribit.thanos contributors (@miribit)
description:
  - With O(state=holding), it reads from the metrics of ingestors what each holds of each tenant. This is for the time
    before they are ended.
  - With O(state=uploaded), it makes sure that blocks in the bucket cover all of that. This is for the time after they
    have ended, and before their volumes go. It lists the bucket with the tools of Thanos in a pod of the cluster.
  - For each pod and tenant, blocks of this ingestor must reach from the first sample to the last, and be as many as it
    held. Blocks that a compactor has deduplicated count as well; the number cannot be told then.
  - When an ingestor ends, Thanos 0.42 uploads its head without the samples of the newest millisecond. They stay on the
    volume, and are uploaded when the ingestor is started and ended once more. So it takes two ends until all is proven.
  - What came out of order and is not in a block yet is not uploaded at the end, and cannot be seen here.
  - Blocks are known by their labels C(tenant_id) and C(receive_replica), which must be the pod's name.
  - The pod is that of a Job which deletes itself and its Secret, even when the module is killed. It keeps to the pod
    security profile C(restricted). Secrets reach it as files only.
  - With O(state=holding), the kubeconfig's user needs C(list) on C(pods) and C(get) on C(pods/proxy). With
    O(state=uploaded), C(create), C(list) and C(delete) on C(jobs), C(create) and C(get) on C(secrets), C(list) on
    C(pods) and C(events), and C(get) on C(pods/log).
extends_documentation_fragment:
  - miribit.thanos.attributes
  - miribit.thanos.attributes.action_group
  - miribit.thanos.cluster_access
attributes:
  check_mode:
    support: partial
    details:
      - With O(state=uploaded), the options are checked, and nothing is created or asked. RV(checked) is V(false).
  diff_mode:
    support: N/A
    details:
      - It changes nothing that stays.
  idempotent:
    support: full
    details:
      - It changes nothing that stays.
options:
  state:
    description:
      - V(holding) tells what the ingestors hold now. Each must be Ready, and answer.
      - V(uploaded) fails unless everything in O(holding) is in the bucket.
    type: str
    choices: [holding, uploaded]
    default: holding
  namespace:
    description: Namespace of the ingestors, and of the pod that lists the bucket.
    type: str
    required: true
  selector:
    description: The label selector of the ingestors' pods. Required with O(state=holding).
    type: str
  port:
    description: The port of their C(--http-address).
    type: int
    default: 10902
  holding:
    description: What the ingestors held, as RV(holding) has it. Required with O(state=uploaded).
    type: list
    elements: dict
  image:
    description: Image of Thanos. Required with O(state=uploaded).
    type: str
  secret:
    description:
      - Name of the Secret in O(namespace) with Thanos' configuration of the bucket. Required with O(state=uploaded).
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
    description:
      - How long the pod may take, in seconds, from 10 to 300. Pulling the image counts, too.
      - It reads the metadata of every block in the bucket.
    type: int
    default: 120
  lock:
    description:
      - Options of M(miribit.thanos.migration_lock), for the cluster that holds the lock.
      - If given, the lock is kept while this works.
    type: dict
seealso:
  - module: miribit.thanos.receive_info
  - module: miribit.thanos.object_storage_probe
"""

EXAMPLES = r"""
- name: Note what the last ingestor holds
  miribit.thanos._receive_uploads:
    context: cluster-01
    namespace: monitoring
    selector: statefulset.kubernetes.io/pod-name in (thanos-receiver-ingestor-3)
  register: before

# ... end it, wait until it is Ready again, and take it away ...

- name: Prove that it is in the bucket
  miribit.thanos._receive_uploads:
    state: uploaded
    context: cluster-01
    namespace: monitoring
    holding: "{{ before.holding }}"
    image: quay.io/thanos/thanos:v0.42.4
    secret: thanos-objstore-config
"""

RETURN = r"""
pods:
  description: The pods that were asked.
  returned: success, with O(state=holding)
  type: list
  elements: str
  sample: [thanos-receiver-ingestor-3]
holding:
  description: What they hold, one entry for each pod and tenant. A tenant without samples has none.
  returned: success, with O(state=holding)
  type: list
  elements: dict
  contains:
    pod:
      description: Name of the pod.
      returned: always
      type: str
      sample: thanos-receiver-ingestor-3
    tenant:
      description: The tenant.
      returned: always
      type: str
      sample: default-tenant
    lowest:
      description: When its first sample is, in milliseconds since 1970.
      returned: always
      type: int
      sample: 1767225600000
    highest:
      description: When its last sample is, in milliseconds since 1970.
      returned: always
      type: int
      sample: 1767268710132
    series:
      description: How many series its head has.
      returned: always
      type: int
      sample: 1204
    blocks:
      description: How many blocks its volume has, uploaded or not.
      returned: always
      type: int
      sample: 5
checked:
  description: Whether the bucket was looked at. It is not in check mode, and where nothing was held.
  returned: with O(state=uploaded)
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
      sample: Tenant tenant-a of pod thanos-receiver-ingestor-3 in S3 bucket thanos at s3.example:9000
    cause:
      description: Why.
      returned: always
      type: str
      sample: >-
        its newest block in the bucket ends at 2026-01-01 10:00:00.000 UTC; it held samples until 2026-01-01
        11:58:30.132 UTC
    fix:
      description: What to do.
      returned: always
      type: str
      sample: >-
        keep its volume, start the ingestor again, which uploads what is left, and end it once more; if it stays so,
        look in its log for what the upload says
"""
