# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Permissions of each phase in a cluster: the table behind the questions to the API server and behind docs/rbac.

A rule is here because something asks for it; what nothing asks for is not. After a change, rewrite docs/rbac with
`make golden`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from enum import Enum, auto

Object = dict[str, object]

#: Stands for the namespace of the fleet among the names of a rule.
FLEET_NAMESPACE = "{namespace}"
IDENTITY_NAMESPACE = "kube-system"


class When(Enum):
    """What only some runs ask for."""

    NEW_NAMESPACE = auto()
    NODES = auto()
    PODS = auto()
    STORAGE_CLASS = auto()
    INGRESS_CLASS = auto()
    CRDS = auto()


@dataclass(frozen=True)
class Rule:
    why: str
    group: str
    #: One that begins with a slash is a path of the API server itself.
    resources: tuple[str, ...]
    verbs: tuple[str, ...]
    #: In the whole cluster, or else in the namespace of the fleet.
    cluster_wide: bool = False
    #: Only the objects of these names; any if there are none.
    names: tuple[str, ...] = ()
    when: When | None = None
    #: Without it, something is not seen, and the phase works all the same.
    required: bool = True

    def names_in(self, namespace: str) -> list[str]:
        return [namespace if name == FLEET_NAMESPACE else name for name in self.names]


@dataclass(frozen=True)
class Review:
    """One question to the API server: may I?"""

    verb: str
    group: str
    resource: str
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    when: When | None = field(default=None, compare=False)
    required: bool = field(default=True, compare=False)

    def body(self) -> Object:
        if self.resource.startswith("/"):
            attributes = {"nonResourceAttributes": {"path": self.resource, "verb": self.verb}}
            return {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": attributes}
        names = ("verb", "group", "resource", "subresource", "namespace", "name")
        attributes = {name: getattr(self, name) for name in names if getattr(self, name)}
        return {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        }

    @property
    def scope(self) -> str:
        # A namespace lies in itself for the API server, so that a Role in it can allow to read it.
        inside = "" if self.resource == "namespaces" else self.namespace
        return f"in namespace {inside}" if inside else "in the whole cluster"

    @property
    def what(self) -> str:
        subresource = f"/{self.subresource}" if self.subresource else ""
        group = f".{self.group}" if self.group else ""
        return f"{self.resource}{subresource}{group}{f' {self.name}' if self.name else ''}"


#: Who may do all of this need not be asked about each.
EVERYTHING = Review("*", "*", "*")

_IDENTITY = Rule(
    "Which cluster it is, and whether the namespace is there",
    "",
    ("namespaces",),
    ("get",),
    cluster_wide=True,
    names=(IDENTITY_NAMESPACE, FLEET_NAMESPACE),
)
_NODES = Rule("Whether the nodes can hold what is asked", "", ("nodes",), ("list",), cluster_wide=True, when=When.NODES)
_STORAGE_CLASSES = Rule(
    "Whether the StorageClass and the IngressClass exist",
    "storage.k8s.io",
    ("storageclasses",),
    ("list",),
    cluster_wide=True,
    when=When.STORAGE_CLASS,
)
_INGRESS_CLASSES = Rule(
    _STORAGE_CLASSES.why,
    "networking.k8s.io",
    ("ingressclasses",),
    ("list",),
    cluster_wide=True,
    when=When.INGRESS_CLASS,
)

# Objects that roles render are applied by server-side apply (get, then patch, which creates, too), listed where no
# record says what there is, and deleted when nobody wants them any more.
_RENDERED = "What roles render: applied, looked for, taken away"
_ROLLOUT = "Whether pods become Ready, or why not"
_APPLIED = ("get", "list", "create", "patch", "delete")

# The audit tells what it could not see. Left out on purpose, though it would show how full volumes are: get on
# nodes/proxy, with which commands can be run in every pod (CIS Kubernetes Benchmark 2.1, 5.1.14).
_EVERYWHERE = "What there is in all namespaces, not only in that of the fleet"
_HERE = "What runs in the namespace of the fleet"
_OPERATED = "Who made a Prometheus, and what it was made from"
_READERS = "Who still reads from a Prometheus"
_WORKLOADS = ("daemonsets", "deployments", "replicasets", "statefulsets")
_AUDIT = (
    _IDENTITY,
    Rule(_HERE, "", ("pods",), ("list",)),
    Rule(_HERE, "apps", _WORKLOADS, ("list",)),
    Rule(
        _EVERYWHERE,
        "",
        ("nodes", "persistentvolumeclaims", "persistentvolumes", "pods", "services"),
        ("list",),
        cluster_wide=True,
        required=False,
    ),
    Rule(_EVERYWHERE, "apps", _WORKLOADS, ("list",), cluster_wide=True, required=False),
    Rule(_EVERYWHERE, "batch", ("cronjobs", "jobs"), ("list",), cluster_wide=True, required=False),
    Rule(
        _OPERATED,
        "monitoring.coreos.com",
        ("alertmanagers", "prometheusagents", "prometheuses", "thanosrulers"),
        ("list",),
        cluster_wide=True,
        required=False,
    ),
    Rule(_READERS, "autoscaling", ("horizontalpodautoscalers",), ("list",), cluster_wide=True, required=False),
    Rule(_READERS, "keda.sh", ("scaledjobs", "scaledobjects"), ("list",), cluster_wide=True, required=False),
    Rule(_READERS, "autoscaling.k8s.io", ("verticalpodautoscalers",), ("list",), cluster_wide=True, required=False),
    Rule(
        _READERS,
        "argoproj.io",
        ("analysistemplates", "clusteranalysistemplates"),
        ("list",),
        cluster_wide=True,
        required=False,
    ),
    Rule(_READERS, "flagger.app", ("metrictemplates",), ("list",), cluster_wide=True, required=False),
    Rule(_READERS, "apiregistration.k8s.io", ("apiservices",), ("list",), cluster_wide=True, required=False),
    Rule(_READERS, "networking.k8s.io", ("ingresses",), ("list",), cluster_wide=True, required=False),
    Rule("Where Grafana reads", "", ("configmaps",), ("list",), cluster_wide=True, required=False),
    Rule(
        "Memory and CPU in use, where there is a metrics-server",
        "metrics.k8s.io",
        ("pods",),
        ("list",),
        cluster_wide=True,
        required=False,
    ),
    Rule("What each Prometheus says of itself", "", ("pods/proxy",), ("get",), required=False),
    Rule("What agents complain about", "", ("pods/log",), ("get",), required=False),
    Rule(
        "Whether Grafana has its well-known password; only what its pods name is read",
        "",
        ("secrets",),
        ("get",),
        required=False,
    ),
)

_REMOTE = "What scrapes edges from here"
_OWN = "What is in the central cluster itself, and so is no edge's"
_GIVEN = "What agents and exporters may read: nobody can give what he has not (RBAC refuses an escalation)"

TABLE = {
    ("audit", "central"): _AUDIT,
    ("audit", "edge"): _AUDIT,
    ("phase1", "central"): (
        _IDENTITY,
        _NODES,
        _STORAGE_CLASSES,
        _INGRESS_CLASSES,
        # Not in the manifests, which bring the namespace.
        Rule(
            "The namespace itself",
            "",
            ("namespaces",),
            ("create", "patch"),
            cluster_wide=True,
            when=When.NEW_NAMESPACE,
        ),
        Rule(_RENDERED, "", ("configmaps", "secrets", "serviceaccounts", "services"), _APPLIED),
        Rule(_RENDERED, "apps", ("deployments", "statefulsets"), _APPLIED),
        Rule(_RENDERED, "networking.k8s.io", ("ingresses", "networkpolicies"), _APPLIED),
        Rule(_RENDERED, "policy", ("poddisruptionbudgets",), _APPLIED),
        Rule("The record of each cluster", "", ("configmaps", "secrets"), ("update",)),
        Rule("The lock of the fleet", "coordination.k8s.io", ("leases",), ("get", "create", "update")),
        Rule("The probe of the bucket", "batch", ("jobs",), ("list", "create", "delete")),
        Rule(_ROLLOUT, "", ("events", "pods"), ("list",)),
        Rule(_ROLLOUT, "", ("pods/log",), ("get",)),
        Rule(_ROLLOUT, "apps", ("replicasets",), ("list",)),
        Rule("The metrics of receivers, and Query", "", ("pods/proxy", "services/proxy"), ("get",)),
        Rule(
            "Volumes, and to take them away with the rest", "", ("persistentvolumeclaims",), ("get", "list", "delete")
        ),
    ),
    ("phase1", "edge"): (
        _IDENTITY,
        Rule("The probe, and those that a killed run left behind", "batch", ("jobs",), ("list", "create", "delete")),
        Rule("What it logs in with; read only where the inventory names a Secret", "", ("secrets",), ("get", "create")),
        Rule("What it says, or why it does not start", "", ("events", "pods"), ("list",)),
        Rule("What it says, or why it does not start", "", ("pods/log",), ("get",)),
    ),
    ("phase2", "central"): (
        _IDENTITY,
        Rule("The record of each cluster", "", ("configmaps", "secrets"), ("get", "create", "update")),
        Rule("The lock of the fleet", "coordination.k8s.io", ("leases",), ("get", "create", "update")),
        Rule("What the routers have taken, and what Query finds", "", ("pods",), ("list",)),
        Rule("What the routers have taken, and what Query finds", "", ("pods/proxy", "services/proxy"), ("get",)),
        Rule(_REMOTE, "", ("services",), ("list",)),
        Rule(_REMOTE, "apps", _WORKLOADS, ("list",)),
        Rule(_REMOTE, "monitoring.coreos.com", ("prometheuses",), ("list",)),
        Rule(_OWN, "", ("nodes", "pods", "services"), ("list",), cluster_wide=True, required=False),
        Rule(_OWN, "apps", _WORKLOADS, ("list",), cluster_wide=True, required=False),
        Rule(_OWN, "monitoring.coreos.com", ("prometheuses",), ("list",), cluster_wide=True, required=False),
        Rule("Scrape jobs that are in a Secret of nobody's release", "", ("secrets",), ("patch",)),
    ),
    ("phase2", "edge"): (
        _IDENTITY,
        Rule("The probes, and those that a killed run left behind", "batch", ("jobs",), ("list", "create", "delete")),
        Rule("What they log in with, and the configuration that is checked", "", ("secrets",), ("get", "create")),
        Rule("What runs", "", ("pods", "events"), ("list",)),
        Rule("What runs", "apps", _WORKLOADS, ("get", "list")),
        Rule("What runs in other namespaces", "", ("pods",), ("list",), cluster_wide=True, required=False),
        Rule("What runs in other namespaces", "apps", _WORKLOADS, ("list",), cluster_wide=True, required=False),
        Rule(
            "What the operator made it from", "monitoring.coreos.com", ("prometheusagents", "prometheuses"), ("list",)
        ),
        Rule("What the agent says of itself, and complains about", "", ("pods/proxy", "pods/log"), ("get",)),
        Rule("Whether its volume is bound", "", ("persistentvolumeclaims",), ("list",)),
        Rule("Its configuration", "", ("configmaps",), ("get", "patch")),
        Rule("Its credentials, and a configuration that is in a Secret", "", ("secrets",), ("list", "patch", "delete")),
        Rule("Its arguments, and its restart", "apps", ("daemonsets", "deployments", "statefulsets"), ("patch",)),
    ),
    # Besides phase 2, on an edge that lacks an agent or exporters, or whose agent an operator is to run.
    ("deploy", "edge"): (
        Rule(_RENDERED, "", ("configmaps", "secrets", "serviceaccounts", "services"), _APPLIED),
        Rule(_RENDERED, "apps", ("daemonsets", "deployments", "statefulsets"), _APPLIED),
        Rule(_RENDERED, "monitoring.coreos.com", ("prometheusagents",), _APPLIED),
        Rule(
            _RENDERED,
            "rbac.authorization.k8s.io",
            ("clusterroles", "clusterrolebindings"),
            _APPLIED,
            cluster_wide=True,
        ),
        Rule("Its volume, where it is to go", "", ("persistentvolumeclaims",), ("get", "delete")),
        *(
            Rule(_GIVEN, group, resources, verbs, cluster_wide=True)
            for group, resources, verbs in (
                ("", ("endpoints", "nodes", "pods", "services"), ("get", "list", "watch")),
                ("", ("nodes/metrics",), ("get",)),
                ("discovery.k8s.io", ("endpointslices",), ("get", "list", "watch")),
                ("", ("configmaps", "limitranges", "namespaces", "resourcequotas"), ("list", "watch")),
                ("", ("persistentvolumeclaims", "persistentvolumes", "replicationcontrollers"), ("list", "watch")),
                ("", ("/metrics",), ("get",)),
                (
                    "admissionregistration.k8s.io",
                    ("mutatingwebhookconfigurations", "validatingwebhookconfigurations"),
                    ("list", "watch"),
                ),
                ("apps", _WORKLOADS, ("list", "watch")),
                ("autoscaling", ("horizontalpodautoscalers",), ("list", "watch")),
                ("batch", ("cronjobs", "jobs"), ("list", "watch")),
                ("certificates.k8s.io", ("certificatesigningrequests",), ("list", "watch")),
                ("coordination.k8s.io", ("leases",), ("list", "watch")),
                ("networking.k8s.io", ("ingresses", "networkpolicies"), ("list", "watch")),
                ("policy", ("poddisruptionbudgets",), ("list", "watch")),
                ("storage.k8s.io", ("storageclasses", "volumeattachments"), ("list", "watch")),
            )
        ),
    ),
}

# On either side, and in no manifest: most runs do without.
_ON_DEMAND = (
    _NODES,
    _STORAGE_CLASSES,
    _INGRESS_CLASSES,
    Rule(
        "Whether the cluster knows the kinds of objects",
        "apiextensions.k8s.io",
        ("customresourcedefinitions",),
        ("get",),
        cluster_wide=True,
        when=When.CRDS,
    ),
    Rule("How much memory is free", "", ("pods",), ("list",), cluster_wide=True, when=When.PODS, required=False),
)

PHASES = sorted({phase for phase, _side in TABLE})
SIDES = sorted({side for _phase, side in TABLE})


def manifest_path(phase: str, side: str) -> str:
    return f"docs/rbac/{phase}-{side}.yaml"


def makes_namespace(phase: str, side: str) -> bool:
    """Whether the phase creates the namespace of the fleet where there is none."""
    return any(rule.when is When.NEW_NAMESPACE for rule in TABLE[phase, side])


def reviews(phase: str, side: str, namespace: str, asked: Collection[When] = ()) -> list[Review]:
    """What to ask the API server for, each thing once. Asked is what this run asks for beyond what every run does."""
    rules = [rule for rule in (*TABLE[phase, side], *_ON_DEMAND) if rule.when is None or rule.when in asked]
    return list(dict.fromkeys(review for rule in rules for review in _reviews(rule, namespace)))


def _reviews(rule: Rule, namespace: str) -> Iterable[Review]:
    for whole_name in rule.resources:
        is_path = whole_name.startswith("/")
        resource, _slash, subresource = (whole_name, "", "") if is_path else whole_name.partition("/")
        for verb in rule.verbs:
            for name in rule.names_in(namespace) or [""]:
                inside = "" if rule.cluster_wide else namespace
                inside = name if resource == "namespaces" else inside
                yield Review(verb, rule.group, resource, subresource, inside, name, rule.when, rule.required)


def describe(denied: Iterable[Review]) -> str:
    """What is denied: "in namespace monitoring: create, patch on secrets, services; get on pods/log"."""
    places: dict[str, dict[str, list[str]]] = {}
    for review in denied:
        places.setdefault(review.scope, {}).setdefault(review.what, []).append(review.verb)
    return "; ".join(f"{place}: {_by_verbs(objects)}" for place, objects in places.items())


def _by_verbs(objects: dict[str, list[str]]) -> str:
    alike: dict[str, list[str]] = {}
    for what, verbs in objects.items():
        alike.setdefault(", ".join(verbs), []).append(what)
    return "; ".join(f"{verbs} on {', '.join(whats)}" for verbs, whats in alike.items())
