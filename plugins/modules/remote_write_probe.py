# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: remote_write_probe
short_description: Prove that a sample from a pod of a cluster arrives at Thanos Receive
version_added: 0.1.0
author:
  - miribit.thanos contributors (@miribit)
description:
  - Sends one sample with C(promtool) from a pod of the edge, by the URL and with the credentials that its agent gets,
    and reads it back through Thanos Query on the central cluster.
  - Tells how far on the way it came (name resolution, connection, TLS, HTTP, acceptance, reading back), and names the
    likely cause where it stopped.
  - What it writes is the series C(miribit_thanos_canary) with O(external_labels) and a label C(probe).
  - The pod is that of a Job which deletes itself and its Secret, even when the module is killed. It keeps to the pod
    security profile C(restricted). Secrets reach it as files only, and are sent over C(https) only.
  - The kubeconfig's user needs C(create), C(list) and C(delete) on C(jobs), C(create) on C(secrets) (and C(get) with
    O(credentials_secret)), C(list) on C(pods) and C(events), and C(get) on C(pods/log).
  - The one of O(query) needs C(get) on C(services/proxy).
extends_documentation_fragment:
  - miribit.thanos.attributes
  - miribit.thanos.attributes.action_group
  - miribit.thanos.cluster_access
  - miribit.thanos.thanos_query
attributes:
  check_mode:
    support: partial
    details:
      - The options are checked, and nothing is created, sent or asked. RV(probed) is V(false).
  diff_mode:
    support: N/A
    details:
      - It changes no object that stays.
  idempotent:
    support: full
    details:
      - It changes no object that stays. Each run writes one sample of a new series.
options:
  namespace:
    description: Namespace of the pod. It must exist.
    type: str
    required: true
  image:
    description: Image of Prometheus 3.14 or newer. An older C(promtool) cannot write to the path of Thanos Receive.
    type: str
    required: true
  url:
    description: The URL that the agent writes to.
    type: str
    required: true
  tenant:
    description:
      - The tenant to write as. If it is empty, no header is sent, and the receiver takes its default tenant.
      - At most one of O(tenant) and O(tenants) may be given.
    type: str
    default: ""
  tenants:
    description:
      - Write as each of these tenants at the same time, eight at once at most, each with a sample and a Job of its own.
      - An empty text is the receiver's default tenant.
      - At most one of O(tenant) and O(tenants) may be given.
    type: list
    elements: str
  tenant_header:
    description: The routers' C(--receive.tenant-header).
    type: str
    default: X-Scope-OrgID
  external_labels:
    description: The agent's external labels.
    type: dict
    default: {}
  credentials:
    description:
      - What the agent logs in with, as values. Only sent where O(url) is C(https).
      - At most one of O(credentials) and O(credentials_secret) may be given.
    type: dict
    suboptions:
      ca:
        description: Certificate of the authority that signed the receiver's certificate, as PEM.
        type: str
      cert:
        description: Client certificate, as PEM.
        type: str
      key:
        description: Its key, as PEM.
        type: str
      username:
        description: Name of the user. The same as O(username).
        type: str
      password:
        description: The user's password.
        type: str
      token:
        description: Bearer token.
        type: str
  credentials_secret:
    description:
      - Name of an existing Secret in O(namespace) with the credentials, under the keys V(ca), V(cert), V(key),
        V(password) and V(token).
      - At most one of O(credentials) and O(credentials_secret) may be given.
    type: str
  credentials_keys:
    description: The keys of O(credentials_secret) that are used. If not given, all that it has of those.
    type: list
    elements: str
    choices: [ca, cert, key, password, token]
  username:
    description: Name of the user that the password belongs to.
    type: str
    default: ""
  server_name:
    description: The name that the receiver's certificate is checked against, if it is not the URL's host.
    type: str
    default: ""
  timeout:
    description:
      - How long the pod may take, in seconds, from 10 to 300. Pulling the image counts, too.
      - What the receiver answers with 429 or 5xx is repeated by C(promtool) for up to 85 seconds before it says so.
    type: int
    default: 150
  lock:
    description:
      - Options of M(miribit.thanos.migration_lock), for the cluster that holds the lock.
      - If given, the lock is kept while this works.
    type: dict
seealso:
  - module: miribit.thanos.remote_write
  - module: miribit.thanos.promql_info
"""

EXAMPLES = r"""
- name: Prove that cluster-03 can write
  miribit.thanos.remote_write_probe:
    context: cluster-03
    namespace: monitoring
    image: quay.io/prometheus/prometheus:v3.15.0
    url: http://192.168.101.210:19291/api/v1/receive
    tenant: tenant-a
    external_labels:
      cluster: cluster-03
    query:
      context: cluster-01
      namespace: monitoring
      service: thanos-query

- name: Prove it for each tenant that cluster-03 writes as
  miribit.thanos.remote_write_probe:
    context: cluster-03
    namespace: monitoring
    image: quay.io/prometheus/prometheus:v3.15.0
    url: http://192.168.101.210:19291/api/v1/receive
    tenants: [tenant-a, tenant-b]
    external_labels:
      cluster: cluster-03
"""

RETURN = r"""
probed:
  description: Whether a sample was sent, or tried to be; with O(tenants), one at least.
  returned: always
  type: bool
  sample: true
probe_id:
  description: The value of the label C(probe) of the sample.
  returned: if it was probed, without O(tenants)
  type: str
  sample: 5d0c1e0f9a7b
seconds:
  description:
    - How long after its acceptance the sample was found. Null if it was not read back.
    - With O(tenants), the longest of them; null if one of them was not read back.
  returned: always
  type: float
  sample: 0.2
copies:
  description:
    - How many copies of the sample Thanos Query makes one of. Null if it was not read back.
    - With O(tenants), the fewest of them; null if one of them was not read back.
  returned: always
  type: int
  sample: 3
steps:
  description: The way of the sample. V(tls) is there where the URL is C(https), V(read_back) where O(query) is given.
  returned: without O(tenants)
  type: list
  elements: dict
  contains: &steps
    name:
      description: V(resolve), V(connect), V(tls), V(http), V(accept) or V(read_back).
      returned: always
      type: str
      sample: accept
    ok:
      description: Whether it went well. Null where it was not reached.
      returned: always
      type: bool
      sample: true
    observed:
      description: What was seen. Secrets are hidden.
      returned: always
      type: str
      sample: answered with 2xx
    cause:
      description: Why it went wrong.
      returned: always
      type: str
      sample: ""
    fix:
      description: What to do.
      returned: always
      type: str
      sample: ""
probes:
  description: One of each tenant, in the order of O(tenants).
  returned: with O(tenants)
  type: list
  elements: dict
  contains:
    tenant:
      description: The tenant, as it was given.
      returned: always
      type: str
      sample: tenant-a
    probe_id:
      description: The value of the label C(probe) of its sample. Null if it was not probed.
      returned: always
      type: str
      sample: 5d0c1e0f9a7b
    seconds:
      description: How long after its acceptance the sample was found. Null if it was not read back.
      returned: always
      type: float
      sample: 0.2
    copies:
      description: How many copies of the sample Thanos Query makes one of. Null if it was not read back.
      returned: always
      type: int
      sample: 3
    steps:
      description: The way of the sample, as RV(steps).
      returned: always
      type: list
      elements: dict
      contains: *steps
problems:
  description:
    - What is wrong; the parts of the message for programs.
    - What has happened to several of O(tenants) is told once, and its subject names them.
  returned: failure
  type: list
  elements: dict
  contains:
    subject:
      description: What it is about.
      returned: always
      type: str
      sample: Remote write from context cluster-03 to http://192.168.101.210:19291/api/v1/receive (tenant tenant-a)
    cause:
      description: Why.
      returned: always
      type: str
      sample: "step resolve: the cluster's DNS does not answer (server misbehaving)"
    fix:
      description: What to do.
      returned: always
      type: str
      sample: check that CoreDNS runs there, that no NetworkPolicy blocks it, and that CoreDNS reaches its own servers
"""
