# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The preflight of a cluster: the questions to its API server, asked side by side."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from ansible_collections.miribit.thanos.plugins.module_utils.base.environment import foreign_access
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
from ansible_collections.miribit.thanos.plugins.module_utils.kube.errors import AwayError
from ansible_collections.miribit.thanos.plugins.module_utils.kube.objects import NAMESPACES, NODES, PODS, Objects
from ansible_collections.miribit.thanos.plugins.module_utils.kube.permissions import (
    EVERYTHING,
    IDENTITY_NAMESPACE,
    Review,
    When,
    reviews,
)
from ansible_collections.miribit.thanos.plugins.module_utils.kube.session import session_of

AT_ONCE = 8

Result = dict[str, Any]
_Read = TypeVar("_Read")


def check(options: Result) -> Result:
    """Return the preflight of a cluster. Raises ProblemError for invalid options only."""
    wanted = read_wanted(options)
    # Of the process and of the task: a module has both.
    if elsewhere := foreign_access(os.environ):
        return _result(elsewhere)
    try:
        return _look(session_of(options), wanted)
    except AwayError as error:
        return {**_result(_of_cluster(wanted, error.problems)), "away": True}
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
        "away": False,
    }
