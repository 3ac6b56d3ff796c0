# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: fleet_plan
short_description: Plan the whole fleet, and refuse what cannot work
version_added: 0.1.0
author:
  - miribit.thanos contributors (@miribit)
description:
  - Reads the variables of all hosts of the groups C(central) and C(edge) in the inventory, checks them, and makes of
    them what each cluster needs to know of the others.
  - It looks at the whole inventory, also where C(--limit) or C(serial) leaves hosts out, because two clusters can
    collide though only one of them is about to be changed.
  - Validates every variable of every role of this collection, such as types, choices, durations, quantities, networks
    and the keys of Thanos' configurations.
  - Reports all problems at once, each with the host, the variable, the cause and the fix. Names that begin with
    C(edge_exporters_), C(fleet_), C(legacy_prometheus_), C(object_storage_), C(prometheus_agent_) or C(thanos_) are
    reserved for these variables; an unknown one is an error.
  - The task runs once for all hosts of the play or batch. Give it C(run_once), which ansible-core before 2.21 needs to
    register the result on each of them, and C(register=fleet), the name that the roles read.
  - The variables of the inventory count, with what C(--extra-vars) and C(set_fact) make of them. What a play sets by
    C(vars) is refused, because it says nothing of the hosts of other plays.
  - An inventory without one of the groups C(central) and C(edge), or without hosts, is an error. An empty group C(edge)
    is a warning.
  - It talks to no cluster. No value of C(prometheus_agent_credentials) is in the result, but the user's name.
options:
  purpose:
    description:
      - What the run does with the clusters.
      - For V(read), missing or invalid settings of the receiver and of remote write, which only phases 1 and 2 need,
        are warnings, and null or empty in the result. Names, types, contexts, and clusters that collide are errors all
        the same.
    type: str
    choices: [change, read]
    default: change
extends_documentation_fragment:
  - miribit.thanos.attributes
  - miribit.thanos.attributes.info_module
attributes:
  action:
    description: Has an action plugin on the controller.
    support: full
  bypass_host_loop:
    description: Runs once for all hosts of the play or batch, with the variables of the first.
    support: full
    details:
      - It cannot be used with the strategy P(ansible.builtin.free#strategy).
seealso:
  - module: miribit.thanos.hashring
  - module: miribit.thanos.remote_write
"""

EXAMPLES = r"""
- name: Plan the fleet
  miribit.thanos.fleet_plan:
  run_once: true
  register: fleet

- name: Plan an audit, for which a list of clusters is enough
  miribit.thanos.fleet_plan:
    purpose: read

- name: Show where each edge writes to
  ansible.builtin.debug:
    msg: "{{ fleet.clusters[inventory_hostname].senders }}"
  when: inventory_hostname in fleet.edges
"""

RETURN = r"""
run:
  description: The C(ansible-playbook) that this is part of. It is the same for all its tasks.
  returned: success
  type: dict
  contains:
    id:
      description: Another one for each C(ansible-playbook).
      returned: always
      type: str
      sample: 3f9a1c2e
    owner:
      description: Who runs it, and where.
      returned: always
      type: str
      sample: root@host1
    host:
      description: The name of the controller.
      returned: always
      type: str
      sample: host1
    pid:
      description: The number of its process.
      returned: always
      type: int
      sample: 4242
    started:
      description:
        - The controller's boot id, C(/), and the start of the process in clock ticks since then.
        - On a system without C(/proc), C(/) and what C(ps -o lstart) says.
      returned: always
      type: str
      sample: f2ddf171-a2ea-40f0-875d-c29d3ad4bb65/209862
central:
  description: The host of group C(central).
  returned: success
  type: str
  sample: cluster-01
edges:
  description: The hosts of group C(edge).
  returned: success
  type: list
  elements: str
  sample: [cluster-02, cluster-03, cluster-04]
clusters:
  description:
    - Each cluster by the host's name.
    - C(access) is what modules need to reach it, C(kubeconfig) (left out if not set) and C(context).
    - C(senders), C(remote_write) and C(credentials) are those of an edge. C(remote_write) is what the filter
      P(miribit.thanos.remote_write#filter) makes, C(senders) has the tenant (empty for the default tenant) and the URL
      of each of its blocks, C(remote_write_spec) is the form from which roles make the blocks for another version of
      Prometheus, and C(credentials) says which there are (C(keys)) and the name of the existing Secret that
      holds them (C(secret), null if they are given as variables).
  returned: success
  type: dict
  sample:
    cluster-02:
      name: cluster-02
      role: edge
      kubeconfig: null
      context: cluster-02
      access: {context: cluster-02}
      uid: ""
      namespace: monitoring
      cluster_domain: cluster.local
      storage_class: longhorn
      ingress_class: nginx
      external_labels: {cluster: cluster-02}
      thanos_version: 0.42.4
      thanos_image: quay.io/thanos/thanos:v0.42.4
      prometheus_version: 3.15.0
      prometheus_image: quay.io/prometheus/prometheus:v3.15.0
      credentials: {secret: null, keys: [ca]}
      senders: [{tenant: "", url: "https://192.168.101.210:19291/api/v1/receive"}]
      remote_write: {config: {}, sizing: null}
receiver:
  description:
    - The receiver on the central cluster. Null for O(purpose=read) where a setting is missing or invalid.
    - C(tenants) are all that some edge writes as. C(rings) is what the filter P(miribit.thanos.hashring#filter) takes,
      C(hashrings_text) the file and C(config_hash) its hash. C(stateful_sets) are the ingestors, C(endpoints) the
      addresses of their pods. C(vertical_compaction) says whether blocks that overlap are compacted.
    - C(load_balancer) and C(ingress) are null where there is none. The address of C(load_balancer) is empty where the
      cluster chooses it.
  returned: success
  type: dict
  sample:
    name: thanos-receiver
    namespace: monitoring
    replication_factor: 3
    routers: 2
    tenant_header: X-Scope-OrgID
    default_tenant: default-tenant
    tenants: [default-tenant]
    rings: [{name: default, service: thanos-receiver-ingestor, replicas: 3}]
    hashrings_text: "[]"
    config_hash: 12345
    endpoints: ["thanos-receiver-ingestor-0.thanos-receiver-ingestor.monitoring.svc.cluster.local:10901"]
    stateful_sets:
      - {name: thanos-receiver-ingestor, service: thanos-receiver-ingestor, ring: default, zone: null, replicas: 3}
    load_balancer: {address: 192.168.101.210, port: 19291}
    ingress: null
    tls: true
    client_certificates: false
    vertical_compaction: false
query:
  description: Thanos Query on the central cluster.
  returned: success
  type: dict
  contains:
    name:
      description: Its name, and that of its Service.
      returned: always
      type: str
      sample: thanos-query
plan_warnings:
  description: What works, but seldom as meant. The same texts are shown as warnings of the task.
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
      description: What it is about. What several hosts have in common is told once.
      returned: always
      type: str
      sample: Hosts cluster-02 and cluster-03, fleet_cluster_label
    cause:
      description: Why.
      returned: always
      type: str
      sample: their external label cluster is the same (edge), so that no query tells them apart
    fix:
      description: What to do.
      returned: always
      type: str
      sample: give each cluster its own
"""

from ansible.module_utils.basic import AnsibleModule


def argument_spec() -> dict[str, dict[str, object]]:
    return {"purpose": {"type": "str", "choices": ["change", "read"], "default": "change"}}


def main() -> None:
    # Only reached where somebody runs the module without Ansible's own controller.
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True)
    module.fail_json(
        msg="fleet_plan: it has no part that runs on a host. Fix: run it as a task of a playbook, by its full name "
        "miribit.thanos.fleet_plan, so that its action plugin is found."
    )


if __name__ == "__main__":
    main()
