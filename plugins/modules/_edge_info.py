# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: _edge_info
short_description: "[internal] What of Prometheus runs on an edge"
version_added: 0.1.0
author:
  - miribit.thanos contributors (@miribit)
description:
  - Finds agents, full servers, exporters and the operator by what they run, never by their names, as
    M(miribit.thanos.fleet_audit) does, and returns what a change of them must know.
  - Exporters and operators are looked for in all namespaces, agents and servers in the one of the fleet.
  - The kubeconfig's user needs the verb C(list) on C(pods), C(statefulsets), C(deployments), C(daemonsets),
    C(replicasets) and, where there is an operator, on C(prometheusagents) and C(prometheuses); with O(targets) or
    O(texts) also C(get) on C(pods/proxy), and with O(texts) on C(configmaps).
extends_documentation_fragment:
  - miribit.thanos.attributes
  - miribit.thanos.attributes.info_module
  - miribit.thanos.attributes.action_group
  - miribit.thanos.cluster_access
options:
  namespace:
    description: Namespace of the fleet.
    type: str
    required: true
  targets:
    description: Whether to ask agents and servers for their targets.
    type: bool
    default: false
  texts:
    description:
      - Whether to return the configuration of agents, as it is written and as it is loaded.
      - It can hold secrets, so set C(no_log) on such a task.
    type: bool
    default: false
  lock:
    description:
      - Options of M(miribit.thanos.migration_lock), for the cluster that holds the lock.
      - If given, the lock is kept while this works.
    type: dict
seealso:
  - module: miribit.thanos.fleet_audit
  - module: miribit.thanos._agent_change
"""

EXAMPLES = r"""
- name: Find the agent of an edge
  miribit.thanos._edge_info:
    context: cluster-03
    namespace: monitoring
  register: edge
"""

RETURN = r"""
agents:
  description: The Prometheus servers in agent mode, whoever made them.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: What it is, its workload, and its container.
      returned: always
      type: str
      sample: StatefulSet monitoring/prometheus-agent [prometheus-agent]
    kind:
      description: The kind of component.
      returned: always
      type: str
      sample: prometheus_agent
    workload:
      description: What its pods are made from.
      returned: always
      type: dict
      sample: {kind: StatefulSet, namespace: monitoring, name: prometheus-agent}
    container:
      description: The name of its container.
      returned: always
      type: str
      sample: prometheus-agent
    image:
      description: The image of its container.
      returned: always
      type: str
      sample: quay.io/prometheus/prometheus:v2.48.0
    version:
      description: Its version, by its image, or by its own word. Null if neither is known.
      returned: always
      type: str
      sample: 2.48.0
    replicas:
      description: How many pods are wanted, and how many are ready.
      returned: always
      type: dict
      sample: {wanted: 1, ready: 1}
    selector:
      description: The label selector of its pods.
      returned: always
      type: str
      sample: app=prometheus-agent
    pods:
      description: Its pods.
      returned: always
      type: list
      elements: dict
      sample:
        - {name: prometheus-agent-0, node: cluster-03, phase: Running, ready: true, restarts: 0, reason: null}
    labels:
      description: The labels of the workload.
      returned: always
      type: dict
      sample: {app: prometheus-agent}
    owner:
      description: Who would undo a change, as in RV(miribit.thanos.fleet_audit#module:facts).
      returned: always
      type: dict
      sample: {kind: none, namespace: null, name: null, chart: null, chart_version: null, custom_resource: null}
    command:
      description: The container's C(command).
      returned: always
      type: list
      elements: str
      sample: []
    args:
      description: The container's C(args).
      returned: always
      type: list
      elements: str
      sample: ["--config.file=/etc/prometheus/prometheus.yml", "--enable-feature=agent"]
    annotations:
      description: The annotations of the workload's pod template.
      returned: always
      type: dict
      sample: {}
    volumes:
      description: The names of the volumes of the workload's pod template.
      returned: always
      type: list
      elements: str
      sample: [config]
    config:
      description: Where its configuration comes from. Null where nothing is mounted there.
      returned: always
      type: dict
      sample: {kind: ConfigMap, namespace: monitoring, name: prometheus-agent-config, key: prometheus.yml}
    targets:
      description: Its active targets. Null if it does not answer.
      returned: if O(targets=true)
      type: list
      elements: dict
      sample:
        - address: 192.168.101.197:10250
          path: /metrics
          params: {}
          job: kubelet
          health: up
          namespace: kube-system
          pod: null
          labels: {job: kubelet, instance: "192.168.101.197:10250", node: cluster-03}
    running:
      description: What each ready pod has loaded, its version, and whether its queues have ever delivered.
      returned: if O(texts=true)
      type: list
      elements: dict
    text:
      description: Its configuration as it is written. Null if it is missing.
      returned: if O(texts=true), if RV(agents[].config) names its key
      type: str
    config_owner:
      description: Who owns the ConfigMap or Secret.
      returned: if RV(agents[].text) is
      type: dict
    immutable:
      description: Whether that cannot be changed.
      returned: if RV(agents[].text) is
      type: bool
servers:
  description: The full Prometheus servers, with the keys of RV(agents).
  returned: success
  type: list
  elements: dict
  sample: []
node_exporters:
  description: The node-exporters, with the first keys of RV(agents).
  returned: success
  type: list
  elements: dict
  sample: []
kube_state_metrics:
  description: The kube-state-metrics, with the first keys of RV(agents).
  returned: success
  type: list
  elements: dict
  sample: []
operators:
  description: The prometheus-operators, with the first keys of RV(agents).
  returned: success
  type: list
  elements: dict
  sample: []
alertmanagers:
  description: The Alertmanagers, with the first keys of RV(agents).
  returned: success
  type: list
  elements: dict
  sample: []
grafanas:
  description: The Grafanas, with the first keys of RV(agents).
  returned: success
  type: list
  elements: dict
  sample: []
nodes:
  description:
    - The addresses of the nodes that run pods. Null where the user may not list the pods of all namespaces.
  returned: success
  type: list
  elements: str
  sample: [192.168.101.197]
unseen:
  description: What could not be seen.
  returned: success
  type: list
  elements: dict
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
      sample: namespaces/monitoring/pods in context cluster-03
    cause:
      description: Why.
      returned: always
      type: str
      sample: "the API server forbids it: pods is forbidden"
    fix:
      description: What to do.
      returned: always
      type: str
      sample: allow the user what it names (RBAC)
"""
