# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: migration_record
short_description: Keep on the central cluster how far the migration of a cluster has come
version_added: 0.1.0
author:
  - miribit.thanos contributors (@miribit)
description:
  - Reads and writes the record of one cluster, a ConfigMap C(miribit-thanos-record-<cluster>) on the central cluster.
    It holds the phase and since when, what was seen in each phase, and the objects that the roles applied.
  - What is needed to go back, which can be secret, is in the Secret of the same name.
  - A record that is lost reads as an empty one. One that cannot be read gives a warning, and is not overwritten unless
    it is asked for.
  - Nothing is written where nothing would change. What another changes at the same time is not lost.
extends_documentation_fragment:
  - miribit.thanos.cluster_access
  - miribit.thanos.attributes
  - miribit.thanos.attributes.action_group
attributes:
  check_mode:
    support: full
    details:
      - The result is that of the change, which is not written. The lock need not be held.
  diff_mode:
    support: full
    details:
      - Of the Secret, only the names of the keys that change are shown.
  idempotent:
    support: full
options:
  namespace:
    description: Namespace of the record, on the central cluster.
    type: str
    required: true
  cluster:
    description: Name of the cluster that the record is about.
    type: str
    required: true
  state:
    description:
      - V(read) changes nothing.
      - With V(present), the record holds afterwards what the options say. What they do not name stays as it is.
      - With V(absent), there is neither record nor Secret afterwards.
    type: str
    choices: [present, absent, read]
    default: read
  phase:
    description:
      - The phase that the cluster is in. The moment is recorded when it is another one than before.
      - Where the record says V(phase2), V(phase1) only adds O(evidence) of that, unless O(back) says otherwise. The
        same holds for V(phase3) and V(phase4).
    type: str
  back:
    description: Whether the cluster goes back to O(phase).
    type: bool
    default: false
  evidence:
    description:
      - What was seen in the phase, in place of what was recorded for it. It must hold no secret.
      - Without O(phase), it is that of the phase that the cluster is in.
    type: dict
  objects:
    description:
      - The objects on the cluster, as a list for each component, in place of those that were recorded for it. An empty
        list takes the component out.
      - An object is written as V(apps/v1/Deployment/monitoring/thanos-query).
    type: dict
  objects_added:
    description:
      - Objects that are about to be made, added to those that are recorded. What a run that is killed leaves
        behind is then known.
    type: dict
  rollback:
    description:
      - What going back needs. It is added to what the Secret holds, key by key; null takes a key out.
      - A value can be anything, and comes back as it is.
    type: dict
  rollback_wanted:
    description:
      - Whether to return what the Secret holds. It can be secret, so the task must have C(no_log=true).
    type: bool
    default: false
  run:
    description:
      - The same as in M(miribit.thanos.migration_lock).
      - If given, nothing is written unless this run holds the lock C(miribit-thanos) in O(namespace).
    type: dict
  force:
    description: Whether O(state=present) may overwrite a record that cannot be read.
    type: bool
    default: false
seealso:
  - module: miribit.thanos.migration_lock
"""

EXAMPLES = r"""
- name: See how far cluster-03 has come
  miribit.thanos.migration_record:
    context: cluster-01
    namespace: monitoring
    cluster: cluster-03
  register: recorded

- name: Record that its samples arrive
  miribit.thanos.migration_record:
    context: cluster-01
    namespace: monitoring
    cluster: cluster-03
    state: present
    phase: remote_write
    evidence:
      canary: came back after 2 s
    run: "{{ fleet.run }}"

- name: Keep what going back needs
  miribit.thanos.migration_record:
    context: cluster-01
    namespace: monitoring
    cluster: cluster-03
    state: present
    rollback:
      helm_values: "{{ values }}"
    run: "{{ fleet.run }}"

- name: Get it back
  miribit.thanos.migration_record:
    context: cluster-01
    namespace: monitoring
    cluster: cluster-03
    rollback_wanted: true
  register: way_back
  no_log: true
"""

RETURN = r"""
record:
  description: The record, after the change if there is one. It is empty if there is none, or if it cannot be read.
  returned: success
  type: dict
  contains:
    version:
      description: Of the record's form.
      returned: always
      type: int
      sample: 1
    cluster:
      description: The cluster.
      returned: always
      type: str
      sample: cluster-03
    phase:
      description: The phase that it is in, empty if it is in none.
      returned: always
      type: str
      sample: remote_write
    since:
      description: Since when, by the clock of the API server.
      returned: always
      type: str
      sample: "2026-01-01T12:00:00Z"
    evidence:
      description: What was seen in each phase.
      returned: always
      type: dict
      sample: {"remote_write": {"canary": "came back after 2 s"}}
    objects:
      description: The objects of each component.
      returned: always
      type: dict
      sample: {"thanos-query": ["apps/v1/Deployment/monitoring/thanos-query"]}
found:
  description: Whether there was a record.
  returned: success
  type: bool
  sample: true
broken:
  description: Whether there was one that cannot be read. A warning says why.
  returned: success
  type: bool
  sample: false
rollback_keys:
  description: The names of what the Secret holds.
  returned: success
  type: list
  elements: str
  sample: [helm_values]
rollback:
  description: What the Secret holds.
  returned: success, if O(rollback_wanted)
  type: dict
  sample: {}
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
      sample: ConfigMap monitoring/miribit-thanos-record-cluster-03 in context cluster-01
    cause:
      description: Why.
      returned: always
      type: str
      sample: its record.json is no JSON
    fix:
      description: What to do.
      returned: always
      type: str
      sample: "look at it; to begin anew, write the record with force: true"
"""
