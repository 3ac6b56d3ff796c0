# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: delivery_info
short_description: See how an edge delivers now
version_added: 0.1.0
author:
  - miribit.thanos contributors (@miribit)
description:
  - Looks at the agents of an edge and at what Thanos Query has of them, and says whether the edge delivers, and if
    not, why. It changes nothing.
  - An edge delivers if every agent answers and is refused nothing while it is watched, and Thanos Query has a new
    sample of each of its targets that are up. New is what is no older than two scrape intervals and a minute.
  - That is what one look can tell. What proves a change is M(miribit.thanos.migration_gate).
  - Agents are found by what they run, never by their names, as M(miribit.thanos._edge_info) does.
  - What cannot be asked is told in RV(why), and its figures are null. The module does not fail for it, and neither for
    a cluster that cannot be reached, so that the look at the others goes on. Before phase 1, there is no Thanos Query.
  - The kubeconfig's user needs the verb C(list) on C(pods), C(statefulsets), C(deployments), C(daemonsets) and
    C(replicasets), and C(get) on C(pods/proxy). The one of O(query) needs C(get) on C(services/proxy). With O(uid) and
    O(query.uid), both need C(get) on the namespace C(kube-system).
extends_documentation_fragment:
  - miribit.thanos.attributes
  - miribit.thanos.attributes.info_module
  - miribit.thanos.attributes.action_group
  - miribit.thanos.cluster_access
  - miribit.thanos.thanos_query.required
options:
  cluster:
    description:
      - How the edge is called in messages, normally the name of the inventory host.
      - If not given, it is the name of the context.
    type: str
  uid:
    description: UID that the namespace C(kube-system) must have. If not given, any will do.
    type: str
  namespace:
    description: Namespace of the agents.
    type: str
    required: true
  external_labels:
    description: What tells the samples of this edge from those of others at Thanos Query.
    type: dict
    required: true
  watch:
    description:
      - How long to watch the agents' counters, in seconds.
      - If not given, it is the longest scrape interval, so that each target is scraped once, and a minute at most.
      - With V(0), nothing is watched, and they are looked at once. RV(delivery.samples_per_second) is then the mean
        since the agent was started, and RV(delivery.refused) counts since its queues were made, so that what is long
        past keeps the edge from being one that delivers.
    type: float
seealso:
  - module: miribit.thanos.migration_gate
  - module: miribit.thanos._edge_info
  - module: miribit.thanos.fleet_audit
"""

EXAMPLES = r"""
- name: See how an edge delivers
  miribit.thanos.delivery_info:
    context: cluster-03
    cluster: "{{ inventory_hostname }}"
    namespace: monitoring
    external_labels:
      cluster: cluster-03
    query:
      context: cluster-01
      namespace: monitoring
      service: thanos-query
  register: found

- name: Show why it does not
  ansible.builtin.debug:
    msg: "{{ found.why | miribit.thanos._problem_report }}"
  when: not found.delivers
"""

RETURN = r"""
cluster:
  description: The value of O(cluster), or the name of the context.
  returned: success
  type: str
  sample: cluster-03
delivers:
  description: Whether it does.
  returned: success
  type: bool
why:
  description: Why it does not. Empty if it does.
  returned: success
  type: list
  elements: dict
  contains: &parts
    subject:
      description: What it is about.
      returned: always
      type: str
      sample: Samples of cluster-03
    cause:
      description: Why.
      returned: always
      type: str
      sample: >-
        Thanos Query has no new one of 1 of 4 targets that are up: 192.168.101.197:10250/metrics/cadvisor
    fix:
      description: What to do.
      returned: always
      type: str
      sample: wait for two scrapes if the agent was just changed; else look at its lag, and read its log
unseen:
  description: What could not be seen, and does not decide whether the edge delivers.
  returned: success
  type: list
  elements: dict
  contains: *parts
delivery:
  description: The figures. Null is what is not known.
  returned: success
  type: dict
  contains:
    agents:
      description:
        - The agents, each with C(id), C(version), and of its C(pods) how many are C(wanted) and C(answering).
      returned: always
      type: list
      elements: dict
      sample:
        - id: StatefulSet monitoring/prometheus-agent [prometheus-agent]
          version: 2.48.0
          pods: {wanted: 1, answering: 1}
    targets:
      description: How many targets are C(up), and how many there are in C(all).
      returned: always
      type: dict
      sample: {up: 4, all: 4}
    watched:
      description: Whether the agents' counters were watched for a while, or looked at once (O(watch=0)).
      returned: always
      type: bool
      sample: true
    samples_per_second:
      description:
        - Samples per second that its scrapes append to its WAL, while it was watched.
        - The mean since the agent was started, where RV(delivery.watched) is V(false).
      returned: always
      type: float
      sample: 181.4
    lag:
      description:
        - How far the newest sample that was sent is behind the newest that was scraped, in seconds, of the slowest
          queue.
        - Null where nothing was sent since the queues were made.
      returned: always
      type: float
      sample: 2.0
    backlog:
      description: How many samples wait in its queues, or are under way. More can wait in the WAL behind a full queue.
      returned: always
      type: int
      sample: 14306
    refused:
      description:
        - How many samples were refused while it was watched. They are never sent again.
        - Since its queues were made, where RV(delivery.watched) is V(false).
      returned: always
      type: int
      sample: 0
    ever_delivered:
      description: Whether any of its queues has delivered a sample since it was made.
      returned: always
      type: bool
    query:
      description: What Thanos Query has of it. Null if that could not be asked.
      returned: always
      type: dict
      contains:
        targets:
          description: Of how many of the targets that are up there is a new sample.
          returned: always
          type: int
          sample: 4
        samples_per_second:
          description: Samples per second that are stored of it, counted over the newest complete minute.
          returned: always
          type: float
          sample: 181.7
        newest_age:
          description: How old the newest sample of any target is, in seconds. Null if none came in the last 5 minutes.
          returned: always
          type: float
          sample: 9.3
problems:
  description: What is wrong with the options.
  returned: failure
  type: list
  elements: dict
  contains: *parts
"""
