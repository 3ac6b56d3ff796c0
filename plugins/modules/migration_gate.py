# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: migration_gate
short_description: Wait until an agent may be changed, or until it delivers, by measured evidence
version_added: 0.1.0
author:
  - miribit.thanos contributors (@miribit)
description:
  - Stands before and behind each change of an edge's Prometheus agent. It waits until every check holds, shows what
    does not whenever that changes, and fails with a table of all checks when the time is up.
  - Whatever an agent has not sent is lost when a queue is made anew, by a restart or by a reload that changes its
    external labels or anything in that entry of C(remote_write). O(gate=before_restart) waits until there is nothing to
    lose. Where the endpoint was tried and has never taken a sample, it says what is lost and lets pass, because waiting
    sends nothing.
  - O(gate=delivers) waits until the agent runs the wanted configuration, its targets are up, it sends without a refusal
    or a backlog, the receiver's routers count its samples, and Thanos Query has a new sample of each target.
  - Counters are compared with those of the first look. When a process starts again, a queue is made anew or samples are
    refused, they are compared from then on. But once the changed agent's samples are refused, O(gate=delivers) fails at
    once, because they are never sent again.
  - The kubeconfig's user needs the verb C(list) on C(pods), and C(get) on C(pods/proxy) and C(pods/log). The one of
    O(routers) needs C(list) on C(pods) and C(get) on C(pods/proxy), the one of O(query) C(get) on C(services/proxy).
extends_documentation_fragment:
  - miribit.thanos.attributes
  - miribit.thanos.attributes.info_module
  - miribit.thanos.attributes.action_group
  - miribit.thanos.cluster_access
  - miribit.thanos.thanos_query
attributes:
  check_mode:
    details:
      - This module only reads. In check mode it looks once, and neither waits nor fails for what does not hold, because
        nothing has been changed.
options:
  gate:
    description: What must hold.
    type: str
    choices: [before_restart, delivers]
    required: true
  namespace:
    description: Namespace of the agent.
    type: str
    required: true
  selector:
    description: The label selector of the agent's pods. Each is looked at.
    type: str
    required: true
  container:
    description: Name of the agent's container. If not given, the one that runs Prometheus.
    type: str
  pods:
    description: How many pods there must be, for O(gate=delivers). If not given, at least one.
    type: int
  config:
    description:
      - The wanted configuration, as the filter P(miribit.thanos.remote_write#filter) gives it under C(config).
      - External labels and the blocks' names and URLs must be those that run. The rest tells which tenant each sample
        belongs to.
      - If not given, what runs is taken.
    type: dict
  targets_before:
    description:
      - Targets that must be up, such as all that were up before the change. Others may be down.
      - If not given, all must be up.
    type: list
    elements: dict
    suboptions:
      address:
        description: Host and port.
        type: str
        required: true
      path:
        description: The path of the metrics.
        type: str
        default: /metrics
      params:
        description: The parameters of the URL, each with a list of values.
        type: dict
        default: {}
  max_lag:
    description:
      - How far the newest sample that was sent may be behind the newest that was scraped, in seconds.
      - Less than a scrape interval and the 15 s that Prometheus 2.48 takes to read its WAL makes no sense.
    type: float
    default: 30
  hold:
    description: How long everything must go on without a restart or a refusal, in seconds.
    type: float
    default: 30
  delivered_before:
    description:
      - Whether it is known from before that the agent's endpoint has taken samples. A process that was started again
        does not know. Then O(gate=before_restart) waits, and does not take it for one that never took any.
    type: bool
    default: false
  accept_loss:
    description:
      - With V(true), O(gate=before_restart) lets pass after O(timeout), and says what is lost. For an agent that cannot
        catch up without the change, or whose samples are refused because of what is changed.
    type: bool
    default: false
  tolerance:
    description:
      - By which part the samples that the routers count may differ from those that the agent sends, such as V(0.01).
      - Only makes sense where the agent's tenants have no other sender. If not given, it is not checked.
    type: float
  tenant_header:
    description: The routers' C(--receive.tenant-header).
    type: str
    default: X-Scope-OrgID
  default_tenant:
    description: The routers' C(--receive.default-tenant-id).
    type: str
    default: default-tenant
  routers:
    description: The receiver's routers, normally on the central cluster. If not given, they are not asked.
    type: dict
    suboptions:
      kubeconfig:
        description: Path of the kubeconfig file. If not given, it is O(kubeconfig).
        type: path
      context:
        description: Name of a context in it. If not given, it is the current one.
        type: str
      namespace:
        description: Their namespace.
        type: str
        required: true
      selector:
        description: The label selector of their pods.
        type: str
        required: true
      port:
        description: The port of their C(--http-address).
        type: int
        default: 10902
  timeout:
    description: How long to wait at most, in seconds.
    type: float
    default: 600
  interval:
    description: How long to wait between two looks, in seconds. The first pauses are shorter.
    type: float
    default: 3
  lock:
    description:
      - Options of M(miribit.thanos.migration_lock), for the cluster that holds the lock.
      - If given, the lock is renewed while this waits, and the waiting ends when another run has it.
    type: dict
seealso:
  - module: miribit.thanos.rollout
  - module: miribit.thanos.remote_write_probe
  - module: miribit.thanos.migration_record
"""

EXAMPLES = r"""
- name: Wait until there is nothing to lose
  miribit.thanos.migration_gate:
    context: cluster-03
    gate: before_restart
    namespace: monitoring
    selector: app=prometheus-agent
  register: before

- name: Wait until the changed agent delivers
  miribit.thanos.migration_gate:
    context: cluster-03
    gate: delivers
    namespace: monitoring
    selector: app=prometheus-agent
    config: "{{ (spec | miribit.thanos.remote_write).config }}"
    routers:
      context: cluster-01
      namespace: monitoring
      selector: app.kubernetes.io/name=thanos-receive-router
    query:
      context: cluster-01
      namespace: monitoring
      service: thanos-query
"""

RETURN = r"""
done:
  description: Whether there is nothing more to wait for. In check mode there never is.
  returned: success
  type: bool
passed:
  description: Whether every check that must hold does.
  returned: success
  type: bool
checks:
  description: Every check.
  returned: always, unless something could not be asked at all
  type: list
  elements: dict
  contains:
    name:
      description: Its name.
      returned: always
      type: str
      sample: lag
    observed:
      description: What was seen.
      returned: always
      type: str
      sample: "thanos: 2 s"
    threshold:
      description: What must be.
      returned: always
      type: str
      sample: at most 30 s
    ok:
      description: Whether it holds. Null where it was not asked, or cannot be known.
      returned: always
      type: bool
    why:
      description: Why it matters.
      returned: always
      type: str
      sample: what is not sent is lost when a queue is made anew
    required:
      description: Whether it must hold. If not, it is only a warning.
      returned: always
      type: bool
table:
  description: RV(checks) as lines of text.
  returned: when RV(checks) is
  type: list
  elements: str
  sample: ["ok    lag      thanos: 2 s    must be: at most 30 s"]
loss:
  description:
    - What is lost, at most, when the queues are made anew now, as far back as the agent's WAL reaches.
    - Null unless the gate lets something be lost.
  returned: when RV(checks) is
  type: dict
  contains:
    seconds:
      description: How long ago the oldest sample was scraped that was not sent.
      returned: always
      type: int
      sample: 4300
    samples:
      description: How many samples. Null if it is not known.
      returned: always
      type: int
      sample: 231000
progress:
  description: The lines that were shown.
  returned: always
  type: list
  elements: str
  sample: ["lag: thanos: 6 min; must be: at most 30 s"]
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
      sample: Agent monitoring/app=prometheus-agent in context cluster-03
    cause:
      description: Why, with what the agent's log complains of on lines of their own.
      returned: always
      type: str
      sample: >-
        nothing listens at the address and port of the receiver, or a firewall refuses the connection. check sends:
        nothing was sent since the first look; must be: more since the first look
    fix:
      description: What to do.
      returned: always
      type: str
      sample: compare the port with that of the receiver's Service or Ingress, and check that its routers are Ready
"""
