# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: _remote_scraping
short_description: "[internal] Stop scraping edges from the central cluster that deliver by themselves, or begin again"
version_added: 0.1.0
author:
  - miribit.thanos contributors (@miribit)
description:
  - Finds out what the full Prometheus servers of the central cluster scrape that the agents of edges deliver, too, by
    address, path and parameters, takes it out of their additional scrape jobs, and waits until all of their pods have
    stopped. So no target counts twice.
  - What was taken out of static targets for one edge leaves those of the others in the same job. A job that discovers
    targets goes only as a whole. What stays, such as what an agent does not deliver, is named in a warning.
  - Where the servers are of a Helm release of kube-prometheus-stack, its list
    C(prometheus.prometheusSpec.additionalScrapeConfigs) is changed in the values that the user gave, and the release is
    upgraded with M(kubernetes.core.helm) to the same version of the same chart. If that fails, Helm rolls it back.
  - Where a custom resource Prometheus that nobody manages names a Secret, its key is changed. It is written anew, so
    comments in it are lost.
  - Anything else is left alone, and a warning says what to do by hand. This is so for Argo CD and Flux, for scrape jobs
    that are a text with templates or in a Secret that the release only names, and for those that come from a
    ServiceMonitor, a PodMonitor, a Probe or a ScrapeConfig.
  - What was taken out is kept in the record of each edge before, and goes back with O(state=present), where the order
    of jobs and targets can be another one. What somebody has changed in between stays as it is.
extends_documentation_fragment:
  - miribit.thanos.cluster_access
  - miribit.thanos.attributes
  - miribit.thanos.attributes.action_group
attributes:
  check_mode:
    support: full
    details:
      - Neither Helm nor the cluster is asked for a dry run. It tells which jobs and targets would go or come back.
  diff_mode:
    support: full
    details:
      - Only names of jobs and targets are shown.
  idempotent:
    support: full
    details:
      - Where nothing is scraped twice, Helm is not run.
options:
  namespace:
    description:
      - Namespace of the fleet on the central cluster.
      - All namespaces are looked at. Where the user may not, only this one is.
    type: str
    required: true
  edges:
    description:
      - The targets of the agent of each edge, as RV(miribit.thanos._edge_info#module:agents[].targets) has them. Null
        if they are not known.
      - Only a target that is V(up) counts as delivered.
      - With O(state=present), only the names are used.
    type: dict
    required: true
  labels:
    description:
      - For each edge of the fleet, also those that do not deliver yet, the value of the label C(cluster) on what is
        scraped of it. The name of the edge will do as well.
      - A label counts where no edge is known to have a node at the target's address, and separates edges whose
        networks have the same addresses.
    type: dict
    default: {}
  nodes:
    description:
      - The addresses of the nodes of edges, as RV(miribit.thanos._edge_info#module:nodes) has them. Null if they are
        not known.
      - The edge whose node has a target's address is the target's edge, even if a label names another one.
    type: dict
    default: {}
  state:
    description:
      - With V(absent), nothing that an agent delivers is scraped from the central cluster afterwards.
      - With V(present), what was taken out for these edges is scraped again. If that cannot be done, it fails.
    type: str
    choices: [absent, present]
    default: absent
  chart_ref:
    description:
      - The chart of the release, as M(kubernetes.core.helm) takes it. The name of a repository and a chart, an
        C(oci://) reference, a URL, or a path.
      - A release does not say where its chart came from. Without it a release is left alone, and a warning says so.
    type: str
    default: ""
  chart_repo_url:
    description: URL of the chart's repository, where O(chart_ref) is the name of a chart only.
    type: str
    default: ""
  record:
    description:
      - V(namespace) and V(run) of M(miribit.thanos.migration_record). The records are on the same cluster.
    type: dict
    required: true
  lock:
    description:
      - Options of M(miribit.thanos.migration_lock), for the cluster that holds the lock.
      - If given, nothing is changed unless the lock is held by this run, and it is renewed while the task waits.
    type: dict
  timeout:
    description:
      - How long to wait until the servers scrape what they should, in seconds. Helm may take as long once more.
      - A kubelet takes up to 90 s until a pod sees what has changed in a Secret, and a config-reloader up to 3 min.
    type: float
    default: 420
  interval:
    description: How long to wait between two looks, in seconds. The first pauses are shorter.
    type: float
    default: 3
requirements:
  - helm >= 3.8, if the servers are of a Helm release
notes:
  - Helm has to be allowed everything that the release consists of, which is much more than what this module itself asks
    for.
seealso:
  - module: kubernetes.core.helm
  - module: miribit.thanos._edge_info
  - module: miribit.thanos.migration_record
"""

EXAMPLES = r"""
- name: Stop scraping cluster-03 from the central cluster
  miribit.thanos._remote_scraping:
    context: cluster-01
    namespace: monitoring
    edges:
      cluster-03: "{{ edge.agents | map(attribute='targets') | flatten }}"
    nodes:
      cluster-03: "{{ edge.nodes }}"
    chart_ref: prometheus-community/kube-prometheus-stack
    record:
      namespace: monitoring
      run: "{{ fleet.run }}"

- name: Scrape it from there again
  miribit.thanos._remote_scraping:
    context: cluster-01
    namespace: monitoring
    edges: {cluster-03: []}
    state: present
    chart_ref: prometheus-community/kube-prometheus-stack
    record:
      namespace: monitoring
      run: "{{ fleet.run }}"
"""

RETURN = r"""
jobs:
  description: What was taken out or put back, or would be.
  returned: success
  type: list
  elements: dict
  contains:
    edge:
      description: The edge.
      returned: always
      type: str
      sample: cluster-03
    job:
      description: The scrape job.
      returned: always
      type: str
      sample: cluster-03-kubelet
    source:
      description: Where it is written.
      returned: always
      type: str
      sample: release monitoring/kube-prometheus-stack
    targets:
      description: The targets.
      returned: always
      type: list
      elements: str
      sample: ["192.168.101.197:10250/metrics"]
progress:
  description: What was waited for.
  returned: if it waited
  type: list
  elements: str
  sample: ["pod prometheus-stack-0 still scrapes job cluster-03-kubelet (192.168.101.197:10250/metrics)"]
problems:
  description: What is wrong; the parts of the message for programs. On success, it is what stays, and why.
  returned: always
  type: list
  elements: dict
  contains:
    subject:
      description: What it is about.
      returned: always
      type: str
      sample: Scrape job cluster-03-kubelet of Argo CD application argocd/monitoring
    cause:
      description: Why.
      returned: always
      type: str
      sample: Argo CD would undo a change that is made behind its back
    fix:
      description: What to do.
      returned: always
      type: str
      sample: take it out in the repository
"""
