# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: fleet_audit
short_description: See what of Prometheus and Thanos runs in a cluster, and how it does
version_added: 0.1.0
author:
  - miribit.thanos contributors (@miribit)
description:
  - Collects everything about one cluster that the report of the fleet is made from. What runs, who owns it, what it
    uses, what every Prometheus scrapes and where it writes to, and who reads from it.
  - Everything is found by what it runs and by who made it, never by its name.
  - What cannot be seen is told in RV(facts.unseen), with what that hides and what to do. The module does not fail for
    it, and neither for a cluster that cannot be reached, so that the look at the others goes on.
  - It returns no secret. User, password and query of URLs are left out, and of Secrets it only tells whether one of
    those that it looks at (Grafana's and MinIO's administrator) has a well-known password.
  - It only reads, unless O(probe) asks for a pod. It sends no sample to anybody in either case.
  - C(docs/rbac/audit-central.yaml) and C(docs/rbac/audit-edge.yaml) allow all that the module asks for, but for
    C(get) on C(nodes/proxy), which tells how full volumes are. With that, commands can be run in every pod.
    O(probe) needs what C(docs/rbac/phase1-edge.yaml) allows, too.
extends_documentation_fragment:
  - miribit.thanos.attributes
  - miribit.thanos.attributes.action_group
  - miribit.thanos.cluster_access
attributes:
  check_mode:
    support: partial
    details:
      - It does the same in check mode, but makes no pod for O(probe).
  diff_mode:
    support: N/A
    details:
      - It changes no object that stays.
  idempotent:
    support: full
    details:
      - It changes no object that stays.
options:
  cluster:
    description:
      - How the cluster is called in the result, normally the name of the inventory host.
      - If not given, it is the name of the context.
    type: str
  namespace:
    description:
      - Namespace of the fleet.
      - All namespaces are looked at. Where the user may not, only this one is.
    type: str
    default: monitoring
  probe:
    description:
      - Whether to find out from inside of the cluster if its senders reach what they write to, which no answer from
        outside tells. Of each URL that their remote write has, whether its name resolves, and what answers there.
      - It makes one pod in O(namespace), of the image that the agent runs, for some seconds. That is the pod of a Job,
        which deletes itself even when the module is killed. It asks by C(GET), without any login, and sends no sample.
      - Blocks that write through a proxy are left out, because the pod would not take that way.
    type: bool
    default: false
seealso:
  - module: miribit.thanos.remote_write_probe
  - module: miribit.thanos.cluster_access
"""

EXAMPLES = r"""
- name: Look at a cluster
  miribit.thanos.fleet_audit:
    kubeconfig: ~/.kube/config
    context: cluster-02
    cluster: "{{ inventory_hostname }}"
  register: audit

- name: Show the agents whose samples never arrived
  ansible.builtin.debug:
    msg: "{{ item.id }}: {{ item.prometheus.log }}"
  loop: "{{ audit.facts.components | selectattr('kind', 'eq', 'prometheus_agent') }}"
  loop_control:
    label: "{{ item.id }}"
  when: item.prometheus.remote_write | default([], true) | selectattr('ever_delivered', 'eq', false) | list | length > 0
"""

RETURN = r"""
facts:
  description:
    - What was seen. Null stands for what is not known.
    - Memory and storage are in bytes, CPU is in cores, and times are in seconds.
  returned: always
  type: dict
  contains:
    cluster:
      description: The value of O(cluster), or the name of the context.
      returned: always
      type: str
      sample: cluster-02
    seen:
      description: Whether the API server answered. If not, RV(facts.unseen) says why, and everything else is null.
      returned: always
      type: bool
    probed:
      description: Whether a pod was made for O(probe), and has run. Without senders there is none.
      returned: always
      type: bool
      sample: false
    uid:
      description: The UID of the namespace C(kube-system).
      returned: always
      type: str
      sample: 6f1e5d0e-6d5e-4e0c-9a39-5d2c8a3e0b52
    version:
      description: The version of Kubernetes.
      returned: always
      type: str
      sample: v1.34.1
    audited_at:
      description: When this was seen, by the API server's clock.
      returned: always
      type: str
      sample: "2026-11-21T15:17:29Z"
    nodes:
      description: The nodes by name, each with C(addresses), whether it is C(ready), and its C(memory) and C(cpu).
      returned: always
      type: list
      elements: dict
      sample:
        - name: cluster-02-node-01
          addresses: [192.168.101.196, cluster-02-node-01]
          ready: true
          memory: 16777216000
          cpu: 4.0
    unseen:
      description: What could not be seen.
      returned: always
      type: list
      elements: dict
      contains: &parts
        subject: &subject
          description: What it is about.
          returned: always
          type: str
          sample: horizontalpodautoscalers.autoscaling in cluster-02
        cause: &cause
          description: Why, and what that hides or costs.
          returned: always
          type: str
          sample: the user may not list them, and does not see what is scaled by metrics of a Prometheus
        fix: &fix
          description: What to do.
          returned: always
          type: str
          sample: allow the user the verb 'list' on horizontalpodautoscalers.autoscaling in the whole cluster
    components_complete:
      description: Whether the pods of all namespaces were seen. If not, there may be more components.
      returned: always
      type: bool
    components:
      description: The containers that are of interest, each as one of its workload.
      returned: always
      type: list
      elements: dict
      contains:
        id:
          description: Kind, namespace and name of the workload, and the name of the container.
          returned: always
          type: str
          sample: StatefulSet monitoring/prometheus-agent [prometheus-agent]
        kind:
          description: What it is, such as V(prometheus), V(prometheus_agent), V(thanos_sidecar) or V(alertmanager).
          returned: always
          type: str
          sample: prometheus_agent
        workload:
          description: The C(kind), C(namespace) and C(name) of the workload.
          returned: always
          type: dict
          sample: {kind: StatefulSet, namespace: monitoring, name: prometheus-agent}
        container:
          description: The name of the container.
          returned: always
          type: str
          sample: prometheus-agent
        image:
          description: Its image.
          returned: always
          type: str
          sample: quay.io/prometheus/prometheus:v2.48.0
        version:
          description: The version in the image's tag, or else what a Prometheus says itself.
          returned: always
          type: str
          sample: 2.48.0
        replicas:
          description: How many pods are C(wanted), and in how many the container is C(ready).
          returned: always
          type: dict
          sample: {wanted: 1, ready: 1}
        pods:
          description:
            - The pods, each with C(name), C(node), C(phase), C(ready) and C(restarts), and the C(reason) if it does not
              run.
          returned: always
          type: list
          elements: dict
          sample:
            - {name: prometheus-agent-0, node: cluster-02, phase: Running, ready: true, restarts: 0, reason: null}
        labels:
          description: The labels of the workload.
          returned: always
          type: dict
          sample: {app: prometheus-agent}
        owner:
          description:
            - Who made the workload, by C(kind) (V(helm), V(argocd), V(flux), V(custom_resource) or V(none)), with
              C(namespace), C(name), C(chart), C(chart_version), and the C(custom_resource) that it is made from.
          returned: always
          type: dict
          sample:
            kind: none
            namespace: null
            name: null
            chart: null
            chart_version: null
            custom_resource: null
        requests:
          description: The C(memory) and C(cpu) that one container asks for.
          returned: always
          type: dict
          sample: {memory: 209715200, cpu: 0.2}
        limits:
          description: The C(memory) and C(cpu) that one container is limited to.
          returned: always
          type: dict
          sample: {memory: null, cpu: null}
        usage:
          description: The C(memory) and C(cpu) that the containers of all pods use together.
          returned: always
          type: dict
          sample: {memory: 88080384, cpu: 0.004}
        helpers:
          description:
            - Of the containers that go with it and are no component, such as a config-reloader.
            - The C(requests) of one pod, and the C(usage) of all. Given with the first component of a workload.
          returned: always
          type: dict
          sample:
            requests: {memory: 52428800, cpu: 0.01}
            usage: {memory: 12582912, cpu: 0.001}
        volumes:
          description:
            - The claims that it mounts, each with C(namespace), C(size), C(used), C(storage_class), C(volume) and
              C(reclaim_policy).
          returned: always
          type: list
          elements: dict
          sample:
            - claim: data-prometheus-agent-0
              namespace: monitoring
              size: 5368709120
              used: 310354
              storage_class: longhorn
              reclaim_policy: Delete
              volume: pvc-b5b9b25c
        sidecar:
          description:
            - Whether a Thanos sidecar C(uploads), and the C(secret) and C(key) of its C(objstore) configuration.
            - Null for everything else.
          returned: always
          type: dict
          sample: {uploads: true, objstore: {secret: thanos-objstore-config, key: objstore.yml}}
        prometheus:
          description: What a Prometheus, full server or agent, says of itself. Null for everything else.
          returned: always
          type: dict
          contains:
            answers:
              description: Whether it could be asked. If not, RV(facts.components[].prometheus.problem) says why.
              returned: always
              type: bool
            problem:
              description: Why it could not be asked.
              returned: always
              type: dict
              contains: *parts
            external_labels:
              description: What it adds to every sample that leaves it.
              returned: always
              type: dict
              sample: {cluster: cluster-02, region: edge}
            scrape_interval:
              description: How often it scrapes what has no interval of its own.
              returned: always
              type: float
              sample: 30.0
            retention:
              description: How long a full server keeps data. Null for an agent, and where only a size limits it.
              returned: always
              type: str
              sample: 15d
            flags:
              description: The flags of its storage, of its features, and of what can be done over HTTP.
              returned: always
              type: dict
              sample: {enable-feature: agent, storage.agent.path: /prometheus}
            config_source:
              description:
                - The C(kind), C(namespace) and C(name) of the ConfigMap or Secret that has its configuration.
              returned: always
              type: dict
              sample: {kind: ConfigMap, namespace: monitoring, name: prometheus-agent-config}
            series:
              description: How many series it has in memory.
              returned: always
              type: int
              sample: 8488
            samples_per_second:
              description:
                - How many samples it appends, as the mean since its start.
                - Null in its first five minutes.
              returned: always
              type: float
              sample: 283.1
            targets:
              description:
                - What it scrapes. C(address), C(path) and C(params) together tell whether two servers scrape the same.
                - C(namespace), C(service), C(pod) and C(node) are where it was found, and C(cluster) is its own label.
              returned: always
              type: list
              elements: dict
              sample:
                - url: https://192.168.101.196:10250/metrics/cadvisor
                  address: 192.168.101.196:10250
                  path: /metrics/cadvisor
                  params: {}
                  job: cadvisor
                  health: up
                  error: ""
                  namespace: null
                  service: null
                  pod: null
                  node: cluster-02-node-01
                  cluster: null
            rules:
              description: Its rules, each with C(group), C(name), C(type), and the C(state) if it is an alert.
              returned: always
              type: list
              elements: dict
              sample:
                - {group: general.rules, name: Watchdog, type: alerting, state: firing}
            alertmanagers:
              description: Where it sends alerts.
              returned: always
              type: list
              elements: str
              sample: ["http://10.194.0.8:9093/api/v2/alerts"]
            problems:
              description: What is wrong with an agent as a whole, such as its flags and labels.
              returned: always
              type: list
              elements: dict
              contains: &findings
                subject: *subject
                cause: *cause
                fix: *fix
                id:
                  description: The rule.
                  returned: always
                  type: str
                  sample: unresolvable
                severity:
                  description: An V(error) costs samples or shows a secret, or will. A V(warning) may.
                  returned: always
                  type: str
                  choices: [error, warning]
            remote_write:
              description: The entries of its remote write. Numbers are those since the queue was made.
              returned: always
              type: list
              elements: dict
              contains:
                url:
                  description: Where it writes to.
                  returned: always
                  type: str
                  sample: http://thanos-receiver.monitoring.svc.cluster-01.local:19291/api/v1/receive
                name:
                  description: The entry's name.
                  returned: always
                  type: str
                problems:
                  description: What is wrong with it, as far as its configuration tells.
                  returned: always
                  type: list
                  elements: dict
                  contains: *findings
                ever_delivered:
                  description: Whether the receiver ever took anything.
                  returned: always
                  type: bool
                pending:
                  description: How many samples wait in its shards.
                  returned: always
                  type: int
                  sample: 14306
                failed:
                  description: How many samples were refused, and not sent again.
                  returned: always
                  type: float
                  sample: 0.0
                dropped:
                  description: How many samples were not sent at all, without those that the configuration drops.
                  returned: always
                  type: float
                  sample: 0.0
                sent:
                  description: How many samples it tried to send. Every attempt counts.
                  returned: always
                  type: float
                  sample: 55726.0
                lag:
                  description: How far it is behind. Null where nothing was sent yet.
                  returned: always
                  type: float
                shards:
                  description: How many shards it runs.
                  returned: always
                  type: float
                  sample: 1.0
                tenant_header:
                  description: Whether it names a tenant in a header.
                  returned: always
                  type: bool
                proxy:
                  description: Whether it writes through a proxy.
                  returned: always
                  type: bool
                reachable:
                  description:
                    - What the pod of O(probe) has found out. Null without it, and where it could not tell.
                    - C(resolves) is whether the name does, null for an address; C(connects) whether the port takes
                      connections, null if it did not come so far; C(answer) and C(error) are what it saw.
                  returned: always
                  type: dict
                  sample:
                    resolves: false
                    connects: null
                    answer: null
                    error: "dial tcp: lookup thanos-receiver.monitoring.svc.cluster-01.local: no such host"
            log:
              description: The last complaints about remote write in an agent's log, at most five.
              returned: always
              type: list
              elements: str
              sample:
                - "2026-11-21T15:24:13.670Z Failed to send batch, retrying: dial tcp: lookup receiver: no such host"
    readers:
      description:
        - Who reads from a component.
        - C(kind) is V(hpa), V(adapter), V(apiservice), V(grafana_data_source), V(ingress), V(kiali), V(scaled_object)
          and V(scaled_job) (of KEDA), V(vpa) and V(vpa_recommender), V(analysis_template) (of Argo Rollouts),
          V(metric_template) (of Flagger), or V(workload), which is any other that is given its address.
        - C(component) is the component's C(id), or null if it leaves the sight of the cluster.
      returned: always
      type: list
      elements: dict
      sample:
        - kind: adapter
          namespace: monitoring
          name: prometheus-adapter
          reads: http://kube-prometheus-stack-prometheus.monitoring:9090
          component: StatefulSet monitoring/prometheus-kube-prometheus-stack-prometheus [prometheus]
    claims:
      description:
        - The volume claims in O(namespace) that no pod mounts, and no workload that exists would.
        - Null where it is not known what mounts them.
      returned: always
      type: list
      elements: dict
      sample:
        - claim: data-old-prometheus-0
          namespace: monitoring
          size: 21474836480
          used: null
          storage_class: longhorn
          reclaim_policy: Delete
          volume: pvc-0b1d5c7e
          why: no pod mounts it, and no workload that exists would
    leftovers:
      description: Failed pods that nobody replaces.
      returned: always
      type: list
      elements: dict
      sample:
        - pod: kube-prometheus-stack-grafana-test
          namespace: monitoring
          reason: Error
          why: it is a test hook of Helm, which no workload owns
    credentials:
      description: Well-known passwords in use. The password itself is not told.
      returned: always
      type: list
      elements: dict
      sample:
        - subject: Secret monitoring/kube-prometheus-stack-grafana
          cause: the password of Grafana's administrator in it (key admin-password) is a well-known default
          component: null
    label_values:
      description: The values of the label C(cluster) that samples carry, from their target or from the external labels.
      returned: always
      type: dict
      sample: {cluster: [cluster-02]}
"""
