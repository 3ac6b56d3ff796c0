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
  since:
    description: What an earlier look has returned as RV(since). Set by the waiting itself.
    type: dict
  final:
    description: Whether this is the last look, so that what does not hold is a failure. Set by the waiting itself.
    type: bool
    default: false
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
since:
  description: What the next look is compared with.
  returned: when RV(checks) is
  type: dict
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

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.miribit.thanos.plugins.module_utils.base.logs import without_secrets
from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.gate.agent import (
    Verdict,
    accepting_loss,
    before_restart,
    delivers,
)
from ansible_collections.miribit.thanos.plugins.module_utils.gate.checks import Wanted, span
from ansible_collections.miribit.thanos.plugins.module_utils.gate.problems import problems, table
from ansible_collections.miribit.thanos.plugins.module_utils.gate.window import (
    AgentPod,
    Router,
    Seen,
    Stored,
    restored,
    up_query,
)
from ansible_collections.miribit.thanos.plugins.module_utils.kube.api import Session
from ansible_collections.miribit.thanos.plugins.module_utils.kube.containers import is_leaving, is_ready, kind_of
from ansible_collections.miribit.thanos.plugins.module_utils.kube.module import run
from ansible_collections.miribit.thanos.plugins.module_utils.kube.objects import PODS, Object, Objects
from ansible_collections.miribit.thanos.plugins.module_utils.kube.session import access_spec, session_at, session_of
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus import queues
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.config import Config, config
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.entries import complaints
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.pod import PrometheusPod, load_yaml
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.query import (
    InstantQuery,
    Prometheus,
    query_spec,
    query_target,
)
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.targets import read_key
from ansible_collections.miribit.thanos.plugins.module_utils.receive.metrics import written
from ansible_collections.miribit.thanos.plugins.module_utils.receive.pod import Receiver

_KINDS = {"prometheus", "prometheus_agent"}
#: What is older than the window may be mended since. Of equal complaints, Prometheus 2 logs one in a minute.
_LOG_BEFORE = 120


def main() -> None:
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True)
    verdict, wrong = run(module, lambda: look(module.params))
    lines = table(verdict.checks)
    result: dict[str, Any] = {
        "checks": [check.as_dict() for check in verdict.checks],
        "table": lines,
        "loss": verdict.loss.as_dict() if verdict.loss else None,
        "since": verdict.window.as_dict(),
        "progress": verdict.progress,
    }
    if wrong and not module.check_mode:
        failed = ProblemError(wrong)
        module.fail_json(msg="\n".join([str(failed), *lines]), problems=failed.as_dicts(), **result)
    for text in _warnings(verdict):
        module.warn(text)
    module.exit_json(changed=False, done=verdict.passed or module.check_mode, passed=verdict.passed, **result)


def argument_spec() -> dict[str, dict[str, object]]:
    place = {
        "kubeconfig": {"type": "path"},
        "context": {"type": "str"},
        "namespace": {"type": "str", "required": True},
    }
    return {
        **access_spec(),
        "gate": {"type": "str", "choices": ["before_restart", "delivers"], "required": True},
        "namespace": {"type": "str", "required": True},
        "selector": {"type": "str", "required": True},
        "container": {"type": "str"},
        "pods": {"type": "int"},
        "config": {"type": "dict"},
        "targets_before": {
            "type": "list",
            "elements": "dict",
            "options": {
                "address": {"type": "str", "required": True},
                "path": {"type": "str", "default": "/metrics"},
                "params": {"type": "dict", "default": {}},
            },
        },
        "max_lag": {"type": "float", "default": 30},
        "hold": {"type": "float", "default": 30},
        "delivered_before": {"type": "bool", "default": False},
        "accept_loss": {"type": "bool", "default": False},
        "tolerance": {"type": "float"},
        "tenant_header": {"type": "str", "default": "X-Scope-OrgID"},
        "default_tenant": {"type": "str", "default": "default-tenant"},
        "routers": {
            "type": "dict",
            "options": {
                **place,
                "selector": {"type": "str", "required": True},
                "port": {"type": "int", "default": 10902},
            },
        },
        "query": query_spec(),
        "timeout": {"type": "float", "default": 600},
        "interval": {"type": "float", "default": 3},
        "lock": {"type": "dict"},
        "since": {"type": "dict"},
        "final": {"type": "bool", "default": False},
    }


def look(options: dict[str, Any]) -> tuple[Verdict, list[Problem]]:
    """What one look shows, and what is wrong if it shall not be looked again."""
    wanted, before = _wanted(options), restored(options["since"])
    session = session_of(options)
    pods = _agents(session, options)
    seen = Seen(time.time(), tuple(pods))
    if options["gate"] == "before_restart":
        verdict = before_restart(wanted, before, seen)
        if options["accept_loss"] and options["final"] and not verdict.passed:
            verdict = accepting_loss(verdict, seen)
    else:
        seen = replace(seen, routers=_routers(options), stored=_stored(options, wanted, seen))
        verdict = delivers(wanted, before, seen)
    if verdict.passed or not (options["final"] or verdict.hopeless):
        return verdict, []
    subject = f"Agent {options['namespace']}/{options['selector']} in {session.cluster}"
    return verdict, problems(verdict, seen, _logs(session, options["namespace"], verdict, seen), subject)


def _wanted(options: dict[str, Any]) -> Wanted:
    before = options["targets_before"]
    return Wanted(
        config=None if options["config"] is None else config(options["config"]),
        pods=options["pods"],
        targets_before=None if before is None else frozenset(read_key(target) for target in before),
        **{name: options[name] for name in ("max_lag", "hold", "delivered_before", "tolerance")},
        **{name: options[name] for name in ("tenant_header", "default_tenant")},
    )


def _warnings(verdict: Verdict) -> list[str]:
    found = [
        f"{check.name}: {check.observed}; should be: {check.threshold}; {check.why}"
        for check in verdict.checks
        if verdict.passed and check.ok is False
    ]
    if verdict.passed and verdict.loss:
        samples = "" if verdict.loss.samples is None else f", {verdict.loss.samples} samples"
        found.insert(
            0, f"what the agent has not sent is lost when it is changed: {span(verdict.loss.seconds)}{samples}"
        )
    return found


def _raise_if_away(error: ProblemError) -> None:
    """What is not told by the API server itself may be different at the next look."""
    if error.problems[0].subject.startswith("API server "):
        raise error


# The agent.


def _agents(session: Session, options: dict[str, Any]) -> list[AgentPod]:
    pods = Objects(session).find(PODS, options["namespace"], options["selector"])
    staying = sorted((pod for pod in pods if not is_leaving(pod)), key=_name)
    return [_agent(session, pod, options) for pod in staying]


def _agent(session: Session, pod: Object, options: dict[str, Any]) -> AgentPod:
    container = _container(pod, options["container"])
    status = next((one for one in _statuses(pod) if one.get("name") == container["name"]), {})
    found = AgentPod(
        name=_name(pod),
        ready=is_ready(pod),
        running="running" in (status.get("state") or {}),
        restarts=int(status.get("restartCount") or 0),
        container=str(container["name"]),
    )
    if not found.running:
        return found
    try:
        process = PrometheusPod(session, pod, found.container)
        agent = queues.read(process.metrics())
        if options["gate"] == "before_restart":
            return replace(found, agent=agent, config=_config(process) if _must_know(agent) else None)
        return replace(found, agent=agent, config=_config(process), targets=process.targets())
    except ProblemError as error:
        _raise_if_away(error)
        return replace(found, silent=error.problems[0])


def _must_know(agent: queues.Agent) -> bool:
    """Whether only its configuration tells what was dropped on purpose."""
    return any("" in queue.dropped for queue in agent.queues)


def _container(pod: Object, wanted: str | None) -> Object:
    containers: list[Object] = pod["spec"]["containers"]
    for container in containers:
        if container["name"] == wanted or (not wanted and kind_of(container) in _KINDS):
            return container
    there_are = ", ".join(str(container["name"]) for container in containers)
    cause = f"none of its containers is {wanted or 'known to be a Prometheus'}; it has {there_are}"
    fix = "name the agent's in 'container', or correct 'selector'"
    raise ProblemError([Problem(f"Pod {pod['metadata']['namespace']}/{_name(pod)}", cause, fix)])


def _statuses(pod: Object) -> Sequence[Object]:
    return (pod.get("status") or {}).get("containerStatuses") or ()


def _name(pod: Object) -> str:
    return str(pod["metadata"]["name"])


def _config(process: PrometheusPod) -> Config | None:
    # An operator's agent has megabytes, and is asked every few seconds.
    document = load_yaml(process.config())
    return None if document is None else config(document)


def _logs(session: Session, namespace: str, verdict: Verdict, seen: Seen) -> dict[str, list[str]]:
    """What each pod complains of."""
    seconds = max(0, round(seen.moment - verdict.window.began)) + _LOG_BEFORE
    found = {}
    for pod in seen.pods:
        item = {"metadata": {"namespace": namespace, "name": pod.name}}
        try:
            log = PrometheusPod(session, item, pod.container).log(seconds=seconds)
        except ProblemError:
            # What is to be told is why the gate does not let pass, even without the log.
            log = ""
        found[pod.name] = [without_secrets(line) for line in complaints(log)]
    return found


# The receiver.


def _routers(options: dict[str, Any]) -> tuple[Router, ...] | None:
    place = options["routers"]
    if place is None:
        return None
    session = session_at(place, options)
    pods = Objects(session).find(PODS, place["namespace"], place["selector"])
    staying = sorted((pod for pod in pods if not is_leaving(pod)), key=_name)
    return tuple(_router(Receiver(session, pod, str(place["port"]))) for pod in staying)


def _router(receiver: Receiver) -> Router:
    try:
        metrics = receiver.metrics()
    except ProblemError as error:
        _raise_if_away(error)
        return Router(receiver.name, silent=error.problems[0])
    return Router(receiver.name, metrics.value("process_start_time_seconds"), written(metrics))


def _stored(options: dict[str, Any], wanted: Wanted, seen: Seen) -> dict[str, Stored] | None:
    place = options["query"]
    if place is None:
        return None
    query = Prometheus(session_at(place, options), query_target(place))
    known = wanted.config or next((pod.config for pod in seen.pods if pod.config), Config())
    tenants = dict.fromkeys(block.tenant(wanted.tenant_header) for block in known.blocks)
    labels = dict(known.external_labels)
    return {
        tenant: _series(query, up_query(labels, place["tenant_label"], tenant or wanted.default_tenant))
        for tenant in tenants
    }


def _series(query: Prometheus, text: str) -> Stored:
    try:
        # A store that cannot be reached takes nothing away from what is found.
        answer = query.instant(InstantQuery(text, timeout=20, partial_response=True))
    except ProblemError as error:
        _raise_if_away(error)
        return Stored(silent=error.problems[0])
    moment = max((sample.timestamp for sample in answer.samples), default=0.0)
    return Stored(moment, tuple((sample.metric, float(sample.value)) for sample in answer.samples if sample.value))


if __name__ == "__main__":
    main()
