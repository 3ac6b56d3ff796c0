# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Everything that the audit sees of one cluster. It only reads, and what it is refused it tells as unseen.

I/O goes through the session that is given.
"""

from __future__ import annotations

import base64
import contextlib
import json
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

from ansible_collections.miribit.thanos.plugins.module_utils.audit import passwords, reach, readers, usage
from ansible_collections.miribit.thanos.plugins.module_utils.audit.data_sources import sidecar_labels
from ansible_collections.miribit.thanos.plugins.module_utils.audit.facts import ClusterFacts
from ansible_collections.miribit.thanos.plugins.module_utils.audit.kinds import CONFIG_MAP, KINDS, Kind
from ansible_collections.miribit.thanos.plugins.module_utils.audit.passwords import Credential
from ansible_collections.miribit.thanos.plugins.module_utils.audit.servers import Servers
from ansible_collections.miribit.thanos.plugins.module_utils.audit.usage import Used
from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.base.untyped import elements, mapping
from ansible_collections.miribit.thanos.plugins.module_utils.kube import claims as audit_claims
from ansible_collections.miribit.thanos.plugins.module_utils.kube import objects
from ansible_collections.miribit.thanos.plugins.module_utils.kube.access import read_namespace, read_version
from ansible_collections.miribit.thanos.plugins.module_utils.kube.api import Session
from ansible_collections.miribit.thanos.plugins.module_utils.kube.containers import containers_of
from ansible_collections.miribit.thanos.plugins.module_utils.kube.errors import RefusedError
from ansible_collections.miribit.thanos.plugins.module_utils.kube.listing import Lists
from ansible_collections.miribit.thanos.plugins.module_utils.kube.objects import (
    NAMESPACES,
    NODES,
    SECRETS,
    Object,
    Objects,
)
from ansible_collections.miribit.thanos.plugins.module_utils.kube.permissions import IDENTITY_NAMESPACE
from ansible_collections.miribit.thanos.plugins.module_utils.kube.proxy import Answer
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus import components as audit_components
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.components import Amounts, Component
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.pod import load_yaml

_Read = TypeVar("_Read")

AT_ONCE = 8
_KUBELET_SECONDS = 15.0

_POD_METRICS = objects.Resource("metrics.k8s.io/v1beta1", "pods")
#: Which domain the cluster calls its own.
_DNS = ("kube-system", "coredns")


def collect(session: Session, cluster: str, namespace: str, *, probe: bool = False) -> ClusterFacts:
    """The facts of a cluster. Cluster is how messages call it, namespace that of the fleet.

    Only with a probe there is a pod for a moment, which finds out what no answer from outside tells.
    """
    try:
        # First, and alone: without an answer there is nothing more to ask.
        answer = session.get(NAMESPACES.path("", IDENTITY_NAMESPACE))
        identity = read_namespace(answer, session.cluster)
    except ProblemError as error:
        return unreachable(cluster, error.problems)
    unseen = []
    if identity.exists is None:
        cause = "the user may not read it, and does not see which cluster this is"
        fix = f"allow the user the verb 'get' on namespaces {IDENTITY_NAMESPACE}"
        unseen.append(Problem(f"namespaces {IDENTITY_NAMESPACE} in {cluster}", cause, fix))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = _Look(session, cluster, namespace, pool, unseen).facts(probe=probe)
    return replace(found, uid=identity.uid or None, audited_at=_as_text(answer.moment or time.time()))


def unreachable(cluster: str, problems: Iterable[Problem]) -> ClusterFacts:
    """The facts of a cluster of which nothing can be seen."""
    return ClusterFacts(
        cluster=cluster,
        seen=False,
        probed=False,
        audited_at=_as_text(time.time()),
        unseen=tuple(sorted(problems, key=str)),
        components_complete=False,
    )


@dataclass(frozen=True)
class _Listed:
    items: list[Object]
    #: Why these may not be all.
    unseen: tuple[Problem, ...] = ()


class _Look:
    """One look at a cluster. What does not depend on each other is asked at once; what is refused is kept."""

    def __init__(
        self, session: Session, cluster: str, namespace: str, pool: ThreadPoolExecutor, unseen: Iterable[Problem]
    ) -> None:
        self._session = session
        self._objects = Objects(session)
        self._cluster = cluster
        self._namespace = namespace
        self._pool = pool
        self._unseen = list(unseen)
        self._sees_all_pods = False
        self._kubelets_answer = True

    def facts(self, *, probe: bool) -> ClusterFacts:
        version, served = self._ask(self._version), self._ask(self._served)
        apis = served()
        found = self._all_kinds(apis)
        pods = found.get("Pod", [])
        labelled = self._labelled_config_maps(pods)
        used = self._used(pods, has_metrics=apis is None or _POD_METRICS.api_version in apis)
        components = audit_components.components(found, used.containers, used.volumes)
        named = self._named_config_maps(components, pods)
        secrets = self._secrets(found)
        servers = Servers(self._session, self._cluster, self._pool)
        components = servers.complete(components, pods)
        self._keep(servers.unseen)
        probed = False
        if probe:
            tried = reach.tried(self._objects, self._cluster, self._namespace, components)
            components, probed = tried.components, tried.probed
            self._keep(tried.unseen)
        if self._kubelets_answer:
            self._keep(_unmeasured(components, self._cluster))
        found["ConfigMap"] = _distinct([*labelled, *named])
        credentials = [*passwords.default_credentials(found), *secrets()]
        is_seen = not found.keys().isdisjoint({"Pod", "StatefulSet", "Deployment", "DaemonSet"})
        return ClusterFacts(
            cluster=self._cluster,
            seen=True,
            probed=probed,
            version=version(),
            nodes=audit_components.nodes(found) if "Node" in found else None,
            components=components if is_seen else None,
            components_complete=self._sees_all_pods,
            readers=readers.readers(found, components, load_yaml),
            claims=audit_claims.without_workload(found, self._namespace, used.volumes),
            leftovers=audit_components.leftovers(found) if "Pod" in found else None,
            credentials=tuple(sorted(credentials, key=lambda one: (one.subject, one.cause or ""))),
            label_values=_label_values(components),
            unseen=tuple(sorted(self._unseen, key=str)),
        )

    def _ask(self, question: Callable[[], _Read]) -> Callable[[], _Read | None]:
        """Ask in the background. Calling what is returned gives the answer, or keeps why there is none."""
        future = self._pool.submit(question)

        def answer() -> _Read | None:
            try:
                return future.result()
            except ProblemError as error:
                self._keep(error.problems)
                return None

        return answer

    def _keep(self, problems: Iterable[Problem]) -> None:
        # An API server that is gone by now is found out by all questions.
        self._unseen += [problem for problem in dict.fromkeys(problems) if problem not in self._unseen]

    # Objects.

    def _version(self) -> str | None:
        return read_version(self._session.get("/version"))

    def _served(self) -> set[str] | None:
        """The versions of APIs that there are; None if that cannot be known."""
        answer = self._session.get("/apis")
        groups = elements(mapping(_document(answer)).get("groups"))
        versions = [elements(mapping(group).get("versions")) for group in groups]
        found = {str(mapping(version).get("groupVersion")) for several in versions for version in several}
        # An API server without any is none.
        return found or None

    def _all_kinds(self, served: set[str] | None) -> dict[str, list[Object]]:
        """What there is of each kind. One that could not be read is missing."""
        found: dict[str, list[Object]] = {}
        answers = {}
        for kind in KINDS:
            api = kind.resource.api_version
            if served is None or "/" not in api or api in served:
                answers[kind.name] = self._ask(partial(self._list, kind))
            else:
                found[kind.name] = []
        for name, answer in answers.items():
            if listed := answer():
                found[name] = listed.items
                self._keep(listed.unseen)
                self._sees_all_pods |= name == "Pod" and not listed.unseen
        return found

    def _list(self, kind: Kind, selector: str = "") -> _Listed:
        """In the whole cluster, or else in the namespace of the fleet."""
        try:
            listed = Lists(self._session, self._namespace).everywhere(kind.name, selector)
        except RefusedError as error:
            if error.status != 403:
                raise
            raise ProblemError([kind.unseen(self._cluster, "")]) from error
        unseen = () if listed.is_whole else (kind.unseen(self._cluster, self._namespace),)
        return _Listed(listed.items, unseen)

    def _labelled_config_maps(self, pods: list[Object]) -> list[Object]:
        """Those that the labels of Grafana's data sources name. All of a cluster would be too many."""
        labels = sidecar_labels(content for pod in pods for content in containers_of(pod))
        answers = [self._ask(partial(self._list, CONFIG_MAP, label)) for label in sorted(labels)]
        found = []
        for answer in answers:
            if listed := answer():
                found += listed.items
                self._keep(listed.unseen)
        return found

    def _named_config_maps(self, components: Iterable[Component], pods: list[Object]) -> list[Object]:
        """Those that pods of Grafana and of Kiali mount, and that of the cluster's DNS."""
        reading = {
            (component.workload.namespace, pod.name)
            for component in components
            if component.kind == "grafana"
            for pod in component.pods or ()
        }
        reading |= {_place(pod) for pod in pods if any(map(readers.is_kiali, containers_of(pod)))}
        places = {_DNS, *(place for pod in pods if _place(pod) in reading for place in _mounted_config_maps(pod))}
        # A list of one: whoever may list needs no other permission.
        answers = [self._ask(partial(self._config_map, namespace, name)) for namespace, name in sorted(places)]
        return [item for answer in answers for item in answer() or []]

    def _config_map(self, namespace: str, name: str) -> list[Object]:
        try:
            return self._objects.find(CONFIG_MAP.resource, namespace, fields=f"metadata.name={name}")
        except RefusedError as error:
            if error.status != 403:
                raise
            # Told already: the labelled ones were refused, too.
            return []

    def _secrets(self, found: dict[str, list[Object]]) -> Callable[[], list[Credential]]:
        """Those of the Secrets that can hold a well-known password that do. Nothing else is told of them."""
        wanted = passwords.default_secrets(found)
        places = sorted({(one.namespace, one.secret) for one in wanted})
        answers = {
            place: self._pool.submit(partial(self._objects.get, SECRETS, place[0], place[1])) for place in places
        }

        def credentials() -> list[Credential]:
            refused, told = [], []
            for (namespace, name), answer in answers.items():
                try:
                    secret = answer.result() or {}
                except ProblemError:
                    refused.append(f"{namespace}/{name}")
                    continue
                values = mapping(secret.get("data"))
                those = [one for one in wanted if (one.namespace, one.secret) == (namespace, name)]
                told += [one.credential(_decoded(values.get(one.key))) for one in those]
            if refused:
                cause = f"{', '.join(refused)} could not be read, so whether a password is well-known is not seen"
                fix = "allow the user the verb 'get' on them, or look at them by hand"
                self._keep([Problem(f"Secrets in {self._cluster}", cause, fix)])
            return [credential for credential in told if credential]

        return credentials

    # What is used.

    def _used(self, pods: list[Object], *, has_metrics: bool) -> Used:
        """By the kubelets, which know of volumes, too; or else by a metrics-server."""
        nodes = sorted({str(pod["spec"]["nodeName"]) for pod in pods if pod["spec"].get("nodeName")})
        answers = {node: self._pool.submit(partial(self._summary, node)) for node in nodes}
        used, silent = Used({}, {}), dict[tuple[str, str], list[str]]()
        for node, answer in answers.items():
            try:
                summary = answer.result()
            except ProblemError as error:
                silent.setdefault((error.problems[0].cause, error.problems[0].fix), []).append(node)
            else:
                used.containers.update(summary.containers)
                used.volumes.update(summary.volumes)
        if not silent:
            return used
        self._kubelets_answer = False
        metrics = self._pod_metrics() if has_metrics else {}
        hidden = "how full volumes are" if metrics else "how much memory, CPU and storage is in use"
        for (cause, fix), several in silent.items():
            subject = f"Kubelet of {', '.join(several)} in {self._cluster}"
            self._keep([Problem(subject, f"{cause}, so {hidden} there is not seen", fix)])
        return Used({**metrics, **used.containers}, used.volumes)

    def _summary(self, node: str) -> Used:
        answer = self._session.get(NODES.path("", node, "proxy/stats/summary"), [], timeout=_KUBELET_SECONDS)
        document = _document(answer)
        if answer.status == 200 and isinstance(document, dict):
            return usage.of_summary(document)
        cause, fix = f"it does not answer (HTTP {answer.status})", "run the audit again when the node is Ready"
        if answer.status == 403:
            cause = "the user may not ask it"
            fix = "allow the user the verb 'get' on nodes/proxy, but not for long: commands in pods are allowed with it"
        raise ProblemError([Problem(node, cause, fix)])

    def _pod_metrics(self) -> dict[usage.Place, Amounts]:
        # Whether it is there or not: the kubelets were refused already, and that is told.
        with contextlib.suppress(ProblemError):
            return usage.of_metrics(self._objects.find(_POD_METRICS))
        return {}


# Small things.


def _mounted_config_maps(pod: Object) -> Iterator[tuple[str, str]]:
    for content in elements(pod["spec"].get("volumes")):
        volume = mapping(content)
        parts = [volume, *map(mapping, elements(mapping(volume.get("projected")).get("sources")))]
        for name in (mapping(part.get("configMap")).get("name") for part in parts):
            # In every pod, for its ServiceAccount.
            if name and name != "kube-root-ca.crt":
                yield str(pod["metadata"]["namespace"]), str(name)


def _unmeasured(components: Iterable[Component], cluster: str) -> list[Problem]:
    volumes = [volume for component in components for volume in component.volumes or () if volume.used is None]
    claims = sorted({f"{volume.namespace}/{volume.claim}" for volume in volumes})
    if not claims:
        return []
    why = "a kubelet tells only of those that a pod on its node mounts, and not of folders of the node"
    cause = f"how full they are is not seen ({', '.join(claims)}): {why}"
    return [Problem(f"Volumes in {cluster}", cause, "look at them by hand")]


def _distinct(items: Iterable[Object]) -> list[Object]:
    return list({_place(item): item for item in items}.values())


def _place(item: Object) -> tuple[str, str]:
    return str(item["metadata"].get("namespace", "")), str(item["metadata"]["name"])


def _label_values(components: Iterable[Component]) -> dict[str, tuple[str, ...]] | None:
    """Of the label cluster: what samples carry, from their target or else from the server that scraped them."""
    servers = [component.prometheus for component in components if component.prometheus]
    if not any(server.answers for server in servers):
        return None
    values = {(server.external_labels or {}).get("cluster") for server in servers}
    values |= {target.cluster for server in servers for target in server.targets or ()}
    return {"cluster": tuple(sorted(value for value in values if value))}


def _decoded(content: object) -> bytes:
    try:
        return base64.b64decode(str(content or ""))
    except ValueError:
        return b""


def _document(answer: Answer) -> object:
    try:
        found: object = json.loads(answer.body)
    except (RecursionError, ValueError):
        return None
    return found


def _as_text(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
