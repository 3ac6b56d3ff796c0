# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: _agent_change
short_description: "[internal] Change an agent that runs already so that it delivers, or put it back"
version_added: 0.1.0
author:
  - miribit.thanos contributors (@miribit)
description:
  - Finds the agent of an edge by what runs, and changes its configuration in the text itself, with its comments and its
    order. The entries of C(remote_write) that cannot work give way to the wanted ones, those of other systems stay.
  - The workload is adopted as it is. Only its image, its arguments (with another version of Prometheus) and one
    annotation of its pods are written, by server-side apply. Its volume with the WAL stays.
  - What was there before is stored in the migration record first, once. O(state=previous) puts that back.
  - A run that was killed is finished by running it again.
  - The kubeconfig's user needs what M(miribit.thanos._edge_info) needs, and with O(state=present) C(get) and C(patch)
    on the ConfigMap and on the workload.
extends_documentation_fragment:
  - miribit.thanos.attributes
  - miribit.thanos.attributes.action_group
  - miribit.thanos.cluster_access
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details:
      - Secrets in the configuration are shown as C(<secret>).
  idempotent:
    support: full
options:
  namespace:
    description: Namespace of the agent.
    type: str
    required: true
  state:
    description:
      - V(planned) reports what would be changed.
      - V(checked) does so as well, and lets promtool check a new configuration in a pod of the edge.
      - V(present) changes the agent.
      - V(previous) puts it back to what the record holds.
    type: str
    choices: [planned, checked, present, previous]
    default: planned
  spec:
    description:
      - The edge's C(remote_write_spec) of M(miribit.thanos.fleet_plan). Required unless O(state=previous).
      - The entries are made from it for the version that the agent runs.
    type: dict
    default: {}
  name:
    description: Name of the agent's workload. Only needed where there are several agents.
    type: str
    default: ""
  image:
    description: Image of a newer version of Prometheus that the agent is to run. If empty, it keeps its own.
    type: str
    default: ""
  version:
    description: The version of O(image). A version older than the running one is refused.
    type: str
    default: ""
  extra_scrape_configs:
    description: Jobs to be added.
    type: list
    elements: dict
    default: []
  keep_remote_write:
    description: Whether entries of C(remote_write) that lead to other systems stay.
    type: bool
    default: true
  credentials_secret:
    description: Name of the Secret with the files that O(spec) names. If empty, none is mounted.
    type: str
    default: ""
  accept_owner:
    description: Whether what Argo CD, Flux or another controller owns is changed, too.
    type: bool
    default: false
  record:
    description: Options of M(miribit.thanos.migration_record) that lead to the record of this cluster.
    type: dict
    required: true
  lock:
    description:
      - Options of M(miribit.thanos.migration_lock), for the cluster that holds the lock.
      - Nothing is changed unless the lock is held by this run.
    type: dict
seealso:
  - module: miribit.thanos._edge_info
  - module: miribit.thanos.migration_gate
  - module: miribit.thanos.migration_record
"""

EXAMPLES = r"""
- name: Tell what would become of the agent
  miribit.thanos._agent_change:
    context: cluster-03
    namespace: monitoring
    spec: "{{ fleet.clusters['cluster-03'].remote_write_spec }}"
    record:
      context: cluster-01
      namespace: monitoring
      cluster: cluster-03
"""

RETURN = r"""
state:
  description:
    - V(in_sync) if the agent runs what is wanted, V(out_of_sync) if it does not, V(missing) if there is none.
    - V(deployed) if this collection has deployed it, so that its templates change it, V(operator_managed) if
      prometheus-operator makes its configuration.
    - With O(state=previous), V(in_sync) if it runs what the record holds, or the record holds nothing.
  returned: success
  type: str
  sample: out_of_sync
agent:
  description: What it is, its workload, and its container.
  returned: success
  type: str
  sample: StatefulSet monitoring/prometheus-agent [prometheus-agent]
workload:
  description: What its pods are made from.
  returned: success
  type: dict
  sample: {kind: StatefulSet, namespace: monitoring, name: prometheus-agent}
container:
  description: The name of its container.
  returned: success
  type: str
  sample: prometheus-agent
selector:
  description: The label selector of its pods.
  returned: success
  type: str
  sample: app=prometheus-agent
pods:
  description: How many there are to be.
  returned: success
  type: int
  sample: 1
version:
  description: The version of Prometheus that runs afterwards.
  returned: success
  type: str
  sample: 2.48.0
image:
  description: The image that runs afterwards.
  returned: success
  type: str
  sample: quay.io/prometheus/prometheus:v2.48.0
changes:
  description: What changes, in words.
  returned: success
  type: list
  elements: str
  sample:
    - The queue to http://thanos-receiver:19291/api/v1/receive ends, with what it has not sent
    - A queue to thanos (http://192.168.101.210:19291/api/v1/receive) begins
config:
  description:
    - External labels and entries of C(remote_write) as they are afterwards, without secrets.
    - It is what O(miribit.thanos.migration_gate#module:config) takes.
  returned: success
  type: dict
config_hash:
  description: The annotation C(miribit.thanos/config-hash) of its pods. Null if there is none.
  returned: success
  type: str
  sample: null
delivered_before:
  description: Whether the record says that the edge has delivered.
  returned: success
  type: bool
  sample: false
exporter_namespaces:
  description: The namespaces that have exporters.
  returned: success
  type: list
  elements: str
  sample: [monitoring]
targets_up:
  description: The targets that are up now.
  returned: success
  type: list
  elements: dict
  sample:
    - {address: "192.168.101.197:10250", path: /metrics, params: {}}
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
      sample: StatefulSet monitoring/prometheus-agent [prometheus-agent]
    cause:
      description: Why.
      returned: always
      type: str
      sample: Argo CD (monitoring) owns the agent, and reverts what is changed here
    fix:
      description: What to do.
      returned: always
      type: str
      sample: make the change in its repository
"""
