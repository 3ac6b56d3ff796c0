# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: promql_info
short_description: Ask a Prometheus or Thanos Query in a cluster
version_added: 0.1.0
author:
  - miribit.thanos contributors (@miribit)
description:
  - Runs a PromQL query for one moment (an instant query) on a Prometheus, a Thanos Query or anything else with the same
    HTTP API.
  - The request goes through the API server's proxy to a Service or a pod. So a kubeconfig is all that is needed;
    nothing has to be exposed or forwarded.
  - The kubeconfig's user needs the verb C(get) on C(services/proxy) or C(pods/proxy) in the namespace.
  - Every failure is told as what it is about, its cause and how to mend it.
extends_documentation_fragment:
  - miribit.thanos.attributes
  - miribit.thanos.attributes.info_module
  - miribit.thanos.attributes.action_group
  - miribit.thanos.cluster_access
options:
  namespace:
    description: Namespace of the Service or pod.
    type: str
    required: true
  service:
    description:
      - Name of the Service to ask. The API server picks one of its ready pods.
      - Exactly one of O(service) and O(pod) must be given.
    type: str
  pod:
    description:
      - Name of the pod to ask, where one certain process is meant.
      - Exactly one of O(service) and O(pod) must be given.
    type: str
  port:
    description:
      - Port of the HTTP API. For a Service the number or the name of the Service's port; for a pod the number the
        process listens on.
      - Prometheus listens on V(9090), Thanos components on V(10902) unless they are told otherwise.
    type: str
    required: true
  scheme:
    description:
      - V(https) where the port speaks TLS.
      - The API server does not check the certificate.
    type: str
    choices: [http, https]
    default: http
  path_prefix:
    description: The server's C(--web.route-prefix), for example V(/prometheus).
    type: str
    default: ""
  query:
    description: The PromQL expression. It must give an instant vector, a scalar or a string, not a range vector.
    type: str
    required: true
  time:
    description:
      - The moment to evaluate the query at, as seconds since 1970 or as a date and time with a time zone such as
        V(2026-01-01T00:00:00Z).
      - If not given, it is now by the server's clock.
    type: str
  timeout:
    description:
      - How long the server may work on the query, in seconds. It has a limit of its own, two minutes unless it is told
        otherwise; the lower one counts.
      - The module waits five seconds more, so that the server can say that it took too long.
    type: int
    default: 30
  dedup:
    description:
      - Whether Thanos Query makes one series of the replicas of a series. If not given, it does.
      - Prometheus ignores this.
    type: bool
  partial_response:
    description:
      - With V(true), Thanos Query answers without the stores that it cannot reach and adds a warning; with V(false)
        it fails.
      - If not given, the server's C(--query.partial-response) decides. Evidence should be asked for with V(false).
      - Prometheus ignores this.
    type: bool
seealso:
  - plugin: miribit.thanos.receive_config_hash
    plugin_type: filter
  - name: Prometheus HTTP API
    description: The API that is asked.
    link: https://prometheus.io/docs/prometheus/latest/querying/api/#instant-queries
"""

EXAMPLES = r"""
- name: Say once how the cluster is reached
  module_defaults:
    group/miribit.thanos.thanos:
      kubeconfig: ~/.kube/config
      context: cluster-01
  block:
    - name: Count the series of each cluster
      miribit.thanos.promql_info:
        namespace: monitoring
        service: thanos-query
        port: http
        query: count by (cluster) (up)
        partial_response: false
      register: series

    - name: Show them
      ansible.builtin.debug:
        msg: "{{ item.metric.cluster }} has {{ item.value }} targets"
      loop: "{{ series.result }}"
      loop_control:
        label: "{{ item.metric.cluster }}"

- name: Ask one certain pod, about a moment in the past
  miribit.thanos.promql_info:
    context: cluster-02
    namespace: monitoring
    pod: prometheus-k8s-0
    port: "9090"
    query: sum(rate(prometheus_tsdb_head_samples_appended_total[5m]))
    time: "2026-01-01T00:00:00Z"
  register: rate

- name: Fail if nothing is written
  ansible.builtin.assert:
    that:
      - rate.result | length == 1
      - rate.result[0].value | float > 0
"""

RETURN = r"""
result:
  description:
    - One entry per series. A scalar or a string is one entry without labels. Empty if the query matches nothing.
  returned: success
  type: list
  elements: dict
  contains:
    metric:
      description: The labels of the series, the name of the metric under C(__name__).
      returned: always
      type: dict
      sample: {"cluster": "cluster-03", "job": "kubelet"}
    timestamp:
      description: The moment the query was evaluated at, in seconds since 1970.
      returned: always
      type: float
      sample: 1767225600.0
    value:
      description:
        - The value as the server writes it, a string, so that nothing is lost and V(NaN), V(+Inf) and V(-Inf) are
          possible.
        - Convert it with the filter P(ansible.builtin.float#filter).
      returned: unless the series is a native histogram
      type: str
      sample: "47883010003791"
    histogram:
      description: A native histogram as the server writes it, with C(count), C(sum) and C(buckets).
      returned: if the series is a native histogram
      type: dict
      sample: {"count": "2", "sum": "3", "buckets": [[0, "1", "2", "2"]]}
result_type:
  description: What the query gives.
  returned: success
  type: str
  choices: [vector, scalar, string]
  sample: vector
query_warnings:
  description:
    - What the server says about a result that may be wrong, above all that a store of Thanos was missing.
    - The same texts are shown as warnings of the task.
  returned: success
  type: list
  elements: str
  sample: ["No StoreAPIs matched for this query"]
query_infos:
  description: What the server remarks about the query itself, for example a rate over something that is not a counter.
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
      sample: service monitoring/thanos-query port http in context cluster-01
    cause:
      description: Why.
      returned: always
      type: str
      sample: 'it does not exist: services "thanos-query" not found'
    fix:
      description: What to do.
      returned: always
      type: str
      sample: correct the namespace or the name
"""
