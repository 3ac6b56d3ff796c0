# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: migration_lock
short_description: Let one run at a time change a fleet
version_added: 0.1.0
author:
  - miribit.thanos contributors (@miribit)
description:
  - Holds a Lease on the central cluster for the run, so that no two change the same fleet at the same time.
  - A run whose process on the same host has ended loses the lock at once, any other when it has not renewed it for
    O(duration). While it is another's, the task waits, and shows who holds it.
  - With O(state=held), a task makes sure that the run still holds the lock before it changes something, and renews it.
  - All moments are those of the API server's clock, so the controllers' own may differ.
  - It never reports a change. The lock is a mark of the run itself and is gone after it; a second run that changes
    nothing in the fleet reports none.
extends_documentation_fragment:
  - miribit.thanos.cluster_access
  - miribit.thanos.attributes
  - miribit.thanos.attributes.action_group
attributes:
  check_mode:
    support: full
    details:
      - The lock is only looked at. Who holds it is told, and is not waited for, and no failure.
  diff_mode:
    support: none
    details:
      - It never reports a change.
  idempotent:
    support: full
options:
  namespace:
    description: Namespace of the Lease, on the central cluster.
    type: str
    required: true
  name:
    description: Name of the Lease.
    type: str
    default: miribit-thanos
  run:
    description:
      - Who wants the lock.
      - V(id) and V(owner) must be given; V(id) is another one for each run. With V(host), the number V(pid) of the
        run's process, and V(started), a later run on the same host sees that this one has ended.
      - V(started) is the machine's boot id, C(/) and the process' start in clock ticks since then.
      - C(miribit.thanos.fleet_plan) gives it as C(fleet.run).
    type: dict
    required: true
  state:
    description:
      - With V(acquired), the run has the lock afterwards. If it is another's, the task waits for it.
      - With V(held), the task fails unless the run has the lock. It renews the lock when a third of its duration has
        passed. A lock that has expired stays the run's as long as nobody took it.
      - With V(released), the run does not have the lock afterwards. What another run holds stays untouched.
    type: str
    choices: [acquired, held, released]
    default: acquired
  duration:
    description: How long the lock stays the run's without being renewed, in seconds.
    type: int
    default: 60
  timeout:
    description: How long to wait for the lock, in seconds.
    type: float
    default: 300
  interval:
    description: How long to wait between two looks, in seconds. The first pauses are shorter.
    type: float
    default: 5
seealso:
  - module: miribit.thanos.migration_record
  - name: Leases
    description: The object that is the lock.
    link: https://kubernetes.io/docs/concepts/architecture/leases/
"""

EXAMPLES = r"""
- name: Get the lock
  miribit.thanos.migration_lock:
    context: cluster-01
    namespace: monitoring
    run: "{{ fleet.run }}"

- name: Change nothing without it
  miribit.thanos.migration_lock:
    context: cluster-01
    namespace: monitoring
    run: "{{ fleet.run }}"
    state: held

- name: Let others have it
  miribit.thanos.migration_lock:
    context: cluster-01
    namespace: monitoring
    run: "{{ fleet.run }}"
    state: released
"""

RETURN = r"""
acquired:
  description: Whether the run has the lock. In check mode with O(state=acquired), whether it could have it.
  returned: success
  type: bool
  sample: true
holder:
  description: Who has it, empty if nobody has.
  returned: success
  type: str
  sample: root@host1 run 3f9a1c2e
takeover:
  description: Whether it was taken from a run that had not released it. What that run was doing may be half done.
  returned: success
  type: bool
  sample: false
token:
  description: How often the lock has been taken. It is a higher one for whoever has it later.
  returned: success
  type: int
  sample: 7
expires_in:
  description: After how many seconds the lock expires if it is not renewed.
  returned: success
  type: int
  sample: 60
done:
  description: Whether there is nothing to wait for.
  returned: success
  type: bool
  sample: true
progress:
  description: What was shown while the task ran.
  returned: success
  type: list
  elements: str
  sample:
    - >-
      the lock is held by root@host2 run 9b2c11d0 since 2026-01-01 12:00:00 UTC; it was renewed at 2026-01-01 12:03:20
      UTC, and expires 60 s after that unless it is renewed again
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
      sample: Lock monitoring/miribit-thanos in context cluster-01
    cause:
      description: Why.
      returned: always
      type: str
      sample: "this run does not hold it: it is held by root@host2 run 9b2c11d0 since 2026-01-01 12:00:00 UTC"
    fix:
      description: What to do.
      returned: always
      type: str
      sample: wait until that run has ended, and run it again; this task has changed nothing
"""
