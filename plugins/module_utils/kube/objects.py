# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Objects of a cluster, as plain dictionaries: how they are asked for, and what the API server's refusals mean.

What a role renders is applied by apply.py.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.kube.api import Request, Session
from ansible_collections.miribit.thanos.plugins.module_utils.kube.errors import (
    PASSING,
    ConflictError,
    LoginError,
    PassingError,
    RefusedError,
)
from ansible_collections.miribit.thanos.plugins.module_utils.kube.proxy import Answer, kubernetes_status, login_problem

#: An object as JSON has it.
Object = dict[str, Any]

#: How many objects of a list are asked for at once.
PAGE = 500
#: How often a list is begun whose next page is gone.
_ATTEMPTS = 3
_EXPIRED = 410
_DRY_RUN = (("dryRun", "All"),)
_JSON = "application/json"
#: Lists of metadata only, which every API server has for every kind.
_METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


@dataclass(frozen=True)
class Resource:
    """A kind of object, as the API server's paths name it: Resource("apps/v1", "deployments")."""

    api_version: str
    plural: str

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        root = "/api/" if "/" not in self.api_version else "/apis/"
        parts = [self.plural, quote(name, safe=""), subresource]
        inside = f"namespaces/{quote(namespace, safe='')}/" if namespace else ""
        return f"{root}{self.api_version}/{inside}{'/'.join(part for part in parts if part)}"


CLAIMS = Resource("v1", "persistentvolumeclaims")
CONFIG_MAPS = Resource("v1", "configmaps")
EVENTS = Resource("v1", "events")
NAMESPACES = Resource("v1", "namespaces")
NODES = Resource("v1", "nodes")
PODS = Resource("v1", "pods")
SECRETS = Resource("v1", "secrets")
SERVICES = Resource("v1", "services")
DAEMON_SETS = Resource("apps/v1", "daemonsets")
DEPLOYMENTS = Resource("apps/v1", "deployments")
REPLICA_SETS = Resource("apps/v1", "replicasets")
STATEFUL_SETS = Resource("apps/v1", "statefulsets")
JOBS = Resource("batch/v1", "jobs")
LEASES = Resource("coordination.k8s.io/v1", "leases")


@dataclass(frozen=True)
class Objects:
    """The objects of one cluster."""

    session: Session

    def get(self, resource: Resource, namespace: str, name: str) -> Object | None:
        """The object, or None if there is none (or no such kind)."""
        path = resource.path(namespace, name)
        answer = self.session.send(Request("GET", path))
        return None if answer.status == 404 else self._document(answer, path)

    def knows(self, resource: Resource) -> bool:
        """Return whether the API server has this kind, as the CustomResourceDefinition of an operator makes it."""
        path = Resource(resource.api_version, "").path()
        answer = self.session.send(Request("GET", path.rstrip("/")))
        if answer.status == 404:
            return False
        kinds = self._document(answer, path).get("resources") or []
        return any(kind.get("name") == resource.plural for kind in kinds)

    def find(
        self,
        resource: Resource,
        namespace: str = "",
        selector: str = "",
        fields: str = "",
        *,
        only_metadata: bool = False,
    ) -> list[Object]:
        """List the objects of a kind, of one namespace or of all, that match a label and a field selector."""
        wanted = (("labelSelector", selector), ("fieldSelector", fields), ("limit", str(PAGE)))
        params = [(key, value) for key, value in wanted if value]
        request = Request("GET", resource.path(namespace), params, accept=_METADATA if only_metadata else _JSON)
        for _attempt in range(_ATTEMPTS - 1):
            try:
                return self._pages(request)
            except RefusedError as error:
                # The list is older than what the API server keeps, and goes on from the beginning only.
                if error.status != _EXPIRED:
                    raise
        return self._pages(request)

    def _pages(self, request: Request) -> list[Object]:
        found: list[Object] = []
        after = ""
        while True:
            more = [("continue", after)] if after else []
            page = self._document(self.session.send(replace(request, params=[*request.params, *more])), request.path)
            found += page.get("items") or []
            # Only the server knows: a page may be short, or empty, and not the last one.
            after = str((page.get("metadata") or {}).get("continue") or "")
            if not after:
                return found

    def create(self, resource: Resource, namespace: str, item: Object) -> Object:
        """The created object. Raises ConflictError if there is one of that name."""
        path = resource.path(namespace)
        return self._document(self.session.send(Request("POST", path, body=item)), path)

    def replace(self, resource: Resource, namespace: str, item: Object) -> Object:
        """The replaced object. Raises ConflictError if it is not the one whose resourceVersion was read."""
        path = resource.path(namespace, item["metadata"]["name"])
        return self._document(self.session.send(Request("PUT", path, body=item)), path)

    def apply(self, resource: Resource, item: Object, manager: str, *, dry_run: bool = False) -> Object:
        """Return the object as it is after server-side apply, or with dry_run as it would be.

        What other field managers have set of the same fields is taken over.
        """
        path = resource.path(item["metadata"].get("namespace", ""), item["metadata"]["name"])
        params = [("fieldManager", manager), ("force", "true"), *(_DRY_RUN if dry_run else ())]
        # Its content is YAML, of which JSON is a part.
        request = Request("PATCH", path, params, item, content_type="application/apply-patch+yaml")
        return self._document(self.session.send(request), path)

    def delete(self, resource: Resource, namespace: str, name: str, *, dry_run: bool = False) -> bool:
        """Delete an object, and what it owns, in the background. Return whether there was one."""
        path = resource.path(namespace, name)
        params = [("propagationPolicy", "Background"), *(_DRY_RUN if dry_run else ())]
        answer = self.session.send(Request("DELETE", path, params))
        if answer.status == 404:
            return False
        self._document(answer, path)
        return True

    def log(self, namespace: str, pod: str, params: Sequence[tuple[str, str]] = ()) -> str:
        """The log of a pod's container; empty where the container has none yet."""
        path = PODS.path(namespace, pod, "log")
        answer = self.session.send(Request("GET", path, params))
        if answer.status in {400, 404}:
            return ""
        if answer.status >= 400:
            raise self._refusal(answer, path)
        return answer.body.decode(errors="replace")

    def _document(self, answer: Answer, path: str) -> Object:
        if answer.status == 409:
            raise ConflictError(path)
        if answer.status >= 400:
            raise self._refusal(answer, path)
        try:
            document = json.loads(answer.body)
        except (RecursionError, ValueError):
            document = None
        if not isinstance(document, dict):
            cause = f"its answer (HTTP {answer.status}) is no object"
            fix = "check what stands between here and the API server, such as a proxy with a login page"
            raise ProblemError([Problem(f"API server of {self.session.cluster}", cause, fix)])
        return document

    def _refusal(self, answer: Answer, path: str) -> RefusedError:
        cluster = self.session.cluster
        status = kubernetes_status(answer) or {}
        message = str(status.get("message") or status.get("reason") or answer.text())
        if problem := login_problem(answer.status, message, cluster):
            return LoginError(answer.status, problem, status)
        subject = f"{path.partition('v1/')[2]} in {cluster}"
        match answer.status:
            case 403 if "exceeded quota" in message:
                cause, fix = f"a ResourceQuota refuses it: {message}", "raise the quota, or ask for less"
            case 403:
                cause, fix = f"the API server forbids it: {message}", "allow the user what it names (RBAC)"
            case 404:
                cause, fix = f"there is no such place: {message}", "check the namespace, and the kind"
            case code if code in PASSING:
                cause = f"the API server is not able to answer (HTTP {code}: {message})"
                return PassingError(
                    code, Problem(subject, cause, "run it again when the API server is healthy"), status
                )
            case _:
                cause, fix = f"the API server refuses it: {message}", "correct what it names"
        return RefusedError(answer.status, Problem(subject, cause, fix), status)
