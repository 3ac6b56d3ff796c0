# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_access
short_description: See whether a cluster can take a phase, before anything is changed
version_added: 0.1.0
author:
  - miribit.thanos contributors (@miribit)
description:
  - Checks everything about a cluster that can be known before a phase begins. The API server answers, it is the cluster
    that is meant, the user may do what the phase does, and what the phase relies on is there.
  - All that is wrong is told at once. The module does not fail for it, so that a play can collect what is wrong with
    all clusters and then fail once.
  - Permissions are asked for one by one, as access reviews. A user who may do everything is asked about only once.
  - Where the API server cannot be reached, or is not the one that is meant, nothing else is checked.
extends_documentation_fragment:
  - miribit.thanos.attributes
  - miribit.thanos.attributes.info_module
  - miribit.thanos.attributes.action_group
  - miribit.thanos.cluster_access
options:
  cluster:
    description:
      - How messages call the cluster, normally the name of the inventory host.
      - If not given, it is the name of the context.
    type: str
  uid:
    description:
      - The UID that the namespace C(kube-system) must have, which makes sure that it is the cluster that is meant.
      - If it has another one, this is the only thing that is told.
      - If not given or empty, any cluster will do.
    type: str
  namespace:
    description:
      - Namespace of everything that the phase brings.
      - It may be missing where the phase creates it.
    type: str
    required: true
  phase:
    description: The phase whose permissions are asked for.
    type: str
    choices: [audit, deploy, phase1, phase2]
    required: true
  side:
    description: What the cluster is in the fleet.
    type: str
    choices: [central, edge]
    required: true
  storage_class:
    description: A StorageClass that must exist. If not given or empty, none is looked for.
    type: str
  ingress_class:
    description: An IngressClass that must exist. If not given or empty, none is looked for.
    type: str
  crds:
    description: Names of CustomResourceDefinitions that must be there and established.
    type: list
    elements: str
    default: []
  minimum_version:
    description:
      - The lowest version of Kubernetes that will do.
      - What is used here is generally available from V(1.25) on. The last of it was C(minReadySeconds) of
        StatefulSets; before came C(ttlSecondsAfterFinished) of Jobs (1.23), server-side apply (1.22) and
        PodDisruptionBudgets (1.21). C(persistentVolumeClaimRetentionPolicy), which came later, is only set to what
        it is without.
    type: str
    default: "1.25"
  memory:
    description:
      - How much memory all pods of the phase ask for, in bytes or as a quantity such as V(6Gi).
      - If less is free on the nodes, there is a warning. What pods of this collection in O(namespace) ask for counts as
        free, so that a second run does not warn of the first.
      - It is seen only if the user may list the pods of all namespaces. With V(0), it is not looked at.
    type: str
    default: "0"
  replicas:
    description:
      - Workloads with C(name) and C(replicas), and how much C(memory) each replica asks for. Other keys are ignored.
      - If there are fewer nodes than replicas of one of them, there is a warning.
    type: list
    elements: dict
    default: []
  clock_skew:
    description:
      - By how many seconds the clocks of API server and controller may differ before there is a warning.
      - Where they differ by more than 60 seconds, and more than this, it is a problem.
    type: float
    default: 5
seealso:
  - plugin: miribit.thanos.problem_report
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Look at all clusters, and stop with everything that is wrong with any of them
  hosts: all
  gather_facts: false
  tasks:
    - name: Look at the cluster
      miribit.thanos.cluster_access:
        kubeconfig: ~/.kube/config
        context: "{{ inventory_hostname }}"
        cluster: "{{ inventory_hostname }}"
        namespace: monitoring
        phase: phase1
        side: central
        storage_class: longhorn
        ingress_class: nginx
        memory: 6Gi
        replicas:
          - name: thanos-receiver-ingestor
            replicas: 3
      register: access

    - name: Stop if anything is wrong
      ansible.builtin.fail:
        msg: "{{ problems | miribit.thanos.problem_report }}"
      vars:
        problems: "{{ ansible_play_hosts_all | map('extract', hostvars) | map(attribute='access.problems') | flatten }}"
      when: problems | length > 0
      run_once: true
"""

RETURN = r"""
problems:
  description: Why the phase cannot begin. Empty if it can.
  returned: always
  type: list
  elements: dict
  contains: &parts
    subject:
      description: What it is about.
      returned: always
      type: str
      sample: StorageClass longhorn in cluster-01
    cause:
      description: Why.
      returned: always
      type: str
      sample: it does not exist; the cluster has local-path (the default)
    fix:
      description: What to do.
      returned: always
      type: str
      sample: create it, or correct fleet_storage_class
warnings_found:
  description: What is strange, but no reason not to begin. In the same form as RV(problems).
  returned: always
  type: list
  elements: dict
  contains: *parts
namespace_exists:
  description:
    - Whether O(namespace) exists.
    - Null if the API server could not be asked, or the user may not read it.
  returned: always
  type: bool
  sample: true
facts:
  description: What was seen of the cluster. What could not be seen, or was not asked for, is null.
  returned: if the API server answers, and it is the cluster that is meant
  type: dict
  contains:
    uid:
      description: The UID of the namespace C(kube-system). Empty if it may not be read.
      returned: always
      type: str
      sample: 6f1e5d0e-6d5e-4e0c-9a39-5d2c8a3e0b52
    version:
      description: The version of Kubernetes.
      returned: always
      type: str
      sample: v1.34.4
    clock_skew:
      description: By how many seconds the API server's clock is ahead of the controller's. It is off by half a second.
      returned: always
      type: float
      sample: 0.2
    nodes:
      description: How many nodes there are.
      returned: always
      type: int
      sample: 4
    schedulable_nodes:
      description: How many of them are Ready and take pods without a toleration.
      returned: always
      type: int
      sample: 3
    free_memory:
      description: The bytes of memory on these nodes that no pod asks for.
      returned: always
      type: int
      sample: 12884901888
    storage_classes:
      description: The names of the StorageClasses.
      returned: always
      type: list
      elements: str
      sample: [longhorn]
    ingress_classes:
      description: The names of the IngressClasses.
      returned: always
      type: list
      elements: str
      sample: [nginx]
    notes:
      description: What could not be seen, and need not be.
      returned: always
      type: list
      elements: str
      sample: []
"""

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.kube.access import (
    ACCESS_REVIEWS,
    CRDS,
    INGRESS_CLASSES,
    RUNNING_PODS,
    STORAGE_CLASSES,
    Clock,
    Namespace,
    Seen,
    Wanted,
    facts,
    judge,
    read_clock,
    read_namespace,
    read_version,
    read_wanted,
    wrong_cluster,
)
from ansible_collections.miribit.thanos.plugins.module_utils.kube.api import Session
from ansible_collections.miribit.thanos.plugins.module_utils.kube.module import run
from ansible_collections.miribit.thanos.plugins.module_utils.kube.objects import NAMESPACES, NODES, PODS, Objects
from ansible_collections.miribit.thanos.plugins.module_utils.kube.permissions import (
    EVERYTHING,
    IDENTITY_NAMESPACE,
    PHASES,
    SIDES,
    Review,
    When,
    reviews,
)
from ansible_collections.miribit.thanos.plugins.module_utils.kube.session import access_spec, session_of

AT_ONCE = 8

Result = dict[str, Any]
_Read = TypeVar("_Read")


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **access_spec(),
            "cluster": {"type": "str"},
            "uid": {"type": "str"},
            "namespace": {"type": "str", "required": True},
            "phase": {"type": "str", "choices": PHASES, "required": True},
            "side": {"type": "str", "choices": SIDES, "required": True},
            "storage_class": {"type": "str"},
            "ingress_class": {"type": "str"},
            "crds": {"type": "list", "elements": "str", "default": []},
            "minimum_version": {"type": "str", "default": "1.25"},
            "memory": {"type": "str", "default": "0"},
            # Without suboptions: they would refuse the other keys of whoever hands a workload in whole.
            "replicas": {"type": "list", "elements": "dict", "default": []},
            "clock_skew": {"type": "float", "default": 5},
        },
        supports_check_mode=True,
    )
    result = run(module, lambda: check(module.params))
    module.exit_json(changed=False, **result)


def check(options: Result) -> Result:
    """Return the preflight of a cluster. Raises ProblemError for invalid options only."""
    wanted = read_wanted(options)
    try:
        return _look(session_of(options), wanted)
    except ProblemError as error:
        return _result(_of_cluster(wanted, error.problems))


def _look(session: Session, wanted: Wanted) -> Result:
    # First, and alone: without an answer, or with that of another cluster, there is nothing more to ask.
    identity = _namespace(session, IDENTITY_NAMESPACE)
    meant = replace(wanted, cluster=wanted.cluster or session.cluster)
    if (wrong := wrong_cluster(meant, identity)) and identity.exists is not None:
        return _result([wrong])
    with ThreadPoolExecutor(AT_ONCE) as pool:
        questions = Questions(session, meant, pool)
        seen = replace(questions.answers(), uid=identity.uid)
    problems, warnings = judge(meant, seen)
    found = [*_of_cluster(wanted, questions.problems), *([wrong] if wrong else []), *problems]
    return {**_result(found, warnings), "namespace_exists": seen.namespace.exists, "facts": facts(meant, seen)}


class Questions:
    """Asks an API server what is to be judged, at once what does not depend on each other, and keeps every problem."""

    def __init__(self, session: Session, wanted: Wanted, pool: ThreadPoolExecutor) -> None:
        self.problems: list[Problem] = []
        self._session = session
        self._objects = Objects(session)
        self._wanted = wanted
        self._pool = pool

    def answers(self) -> Seen:
        wanted = self._wanted
        server = self._ask(self._server)
        namespace = self._ask(partial(_namespace, self._session, wanted.namespace))
        everything = self._ask(partial(self._may, EVERYTHING))
        version, clock = server() or (None, None)
        place = namespace() or Namespace(None)
        topics = wanted.topics(place.exists)
        found = Seen(version=version, clock=clock, namespace=place)
        allowed = everything()
        # None if the question itself went wrong: so would all others.
        if allowed is None:
            return found
        denied = [] if allowed else self._denied(reviews(wanted.phase, wanted.side, wanted.namespace, topics))
        # What may not be read is not tried: what is missing is known already.
        topics -= {review.when for review in denied if review.when}
        nodes = self._ask(lambda: self._objects.find(NODES), topics, When.NODES)
        pods = self._ask(lambda: self._objects.find(PODS, fields=RUNNING_PODS), topics, When.PODS)
        storage_classes = self._ask(lambda: self._objects.find(STORAGE_CLASSES), topics, When.STORAGE_CLASS)
        ingress_classes = self._ask(lambda: self._objects.find(INGRESS_CLASSES), topics, When.INGRESS_CLASS)
        crds = self._ask(lambda: {name: self._objects.get(CRDS, "", name) for name in wanted.crds}, topics, When.CRDS)
        return replace(
            found,
            denied=denied,
            nodes=nodes(),
            pods=pods(),
            storage_classes=storage_classes(),
            ingress_classes=ingress_classes(),
            crds=crds(),
        )

    def _ask(
        self, question: Callable[[], _Read], topics: Iterable[When] = (), topic: When | None = None
    ) -> Callable[[], _Read | None]:
        """Ask in the background, if the topic is one of those to ask for. Calling what is returned gives the answer."""
        if topic is not None and topic not in topics:
            return lambda: None
        future = self._pool.submit(question)

        def answer() -> _Read | None:
            try:
                return future.result()
            except ProblemError as error:
                # An API server that is gone by now is found out by all questions.
                self.problems += [problem for problem in error.problems if problem not in self.problems]
                return None

        return answer

    def _server(self) -> tuple[str | None, Clock | None]:
        # Not of the first request, which takes longer: it opens the connection, and may call for credentials.
        sent = time.time()
        answer = self._session.get("/version")
        return read_version(answer), read_clock(answer.date, sent, time.time())

    def _denied(self, wanted: list[Review]) -> list[Review]:
        answers = [(review, self._ask(partial(self._may, review))) for review in wanted]
        return [review for review, answer in answers if answer() is False]

    def _may(self, review: Review) -> bool:
        answer = self._objects.create(ACCESS_REVIEWS, "", review.body())
        return (answer.get("status") or {}).get("allowed") is True


def _namespace(session: Session, name: str) -> Namespace:
    return read_namespace(session.get(NAMESPACES.path("", name)), session.cluster)


def _of_cluster(wanted: Wanted, problems: Iterable[Problem]) -> list[Problem]:
    """What is wrong with the way to a cluster, with the cluster's name: the same file may lead to several."""
    if not wanted.cluster:
        return list(problems)
    return [replace(problem, subject=f"Cluster {wanted.cluster}, {problem.subject}") for problem in problems]


def _result(problems: Iterable[Problem], warnings: Iterable[Problem] = ()) -> Result:
    return {
        "problems": [problem.as_dict() for problem in problems],
        "warnings_found": [warning.as_dict() for warning in warnings],
        "namespace_exists": None,
    }


if __name__ == "__main__":
    main()
