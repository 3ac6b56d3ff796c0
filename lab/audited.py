"""The state `audited`: the fleet as the audit found it, and the other shapes that such a fleet can have.

The first cluster is the central one, all others are edges. Everywhere: the release kube-prometheus-stack with a Full
Prometheus. On the edges beside it: an agent that writes to a name that resolves nowhere. The chart is in `charts/`,
all else in `manifests/audited/`.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lab import history, kube, services, states
from lab.cgroups import NAME as GROUP
from lab.errors import LabError
from lab.paths import LAB
from lab.render import render
from lab.settings import Cluster, Settings

CHART = LAB / "charts" / "kube-prometheus-stack"


@dataclass(frozen=True)
class Variant:
    """One shape that the monitoring of a cluster can have."""

    meaning: str
    release: str = "kube-prometheus-stack"
    namespace: str = "monitoring"
    owner: str = "helm"  # or: argocd, nobody
    operator_agent: bool = False

    @property
    def fullname(self) -> str:
        """How the chart begins the names of its objects (its template `stack.fullname`)."""
        name = CHART.name
        return (self.release if name in self.release else f"{self.release}-{name}")[:26].rstrip("-")

    @property
    def prometheus(self) -> str:
        return f"{self.fullname}-prometheus"

    @property
    def alertmanager(self) -> str:
        return f"{self.fullname}-alertmanager"

    def replicas(self, cluster: Cluster) -> int:
        """How many Full Prometheus servers the cluster has: two in the central one."""
        return 2 if cluster.central else 1

    def claims(self, cluster: Cluster) -> list[str]:
        """The claims that the operator makes for their volumes."""
        pods = [f"prometheus-{self.prometheus}-{number}" for number in range(self.replicas(cluster))]
        return [f"prometheus-{self.prometheus}-db-{pod}" for pod in pods]


DEFAULT = "fleet"
VARIANTS = {
    DEFAULT: Variant("a Helm release and an agent of its own, as the audit found them"),
    "renamed": Variant("release and namespace under other names", release="obs", namespace="observability"),
    "no-helm": Variant("no Helm at all: plain custom resources", owner="nobody"),
    "argocd": Variant("rendered by Argo CD, with its tracking label and annotation", owner="argocd"),
    "operator-agent": Variant("the agent is the operator's (PrometheusAgent)", operator_agent=True),
}

#: Cluster -> the name of its variant.
Choice = Mapping[str, str]


def choose(settings: Settings, wishes: Sequence[str]) -> dict[str, str]:
    """Which variant each cluster has. A wish is `VARIANT`, for all, or `CLUSTER=VARIANT`; the last one counts."""
    choice = {cluster.name: DEFAULT for cluster in settings.clusters}
    for wish in wishes:
        name, _equals, variant = wish.rpartition("=")
        if variant not in VARIANTS:
            known = "; ".join(f"{known}: {shape.meaning}" for known, shape in VARIANTS.items())
            raise LabError(f"--variant {wish}: there is no variant {variant!r}. There is {known}")
        for cluster in [settings.cluster(name)] if name else settings.clusters:
            choice[cluster.name] = variant
    return choice


def label(choice: Choice) -> str:
    """The name of the state with these variants: `audited`, or `audited+CLUSTER=VARIANT+…`."""
    return "+".join(["audited", *(f"{name}={variant}" for name, variant in choice.items() if variant != DEFAULT)])


def seed(settings: Settings, choice: Choice, tools: Path) -> None:
    """Give each Full Prometheus its past, before its volume is made.

    Replicas have the same samples, in blocks of their own: of two blocks with one ULID, a bucket takes only the first.
    """
    wanted = [
        (cluster, claim) for cluster in settings.clusters for claim in VARIANTS[choice[cluster.name]].claims(cluster)
    ]
    now = time.time()

    def write(place: tuple[Cluster, str]) -> None:
        cluster, claim = place
        history.write(cluster.name, now, states.seed(cluster, claim), tools)

    with ThreadPoolExecutor() as pool:
        list(pool.map(write, wanted))


class Builder:
    """Deploys the state into clusters that have nothing of it yet."""

    def __init__(self, settings: Settings, choice: Choice, tools: Path) -> None:
        self.settings = settings
        self.tools = tools
        self.variants = {name: VARIANTS[variant] for name, variant in choice.items()}
        self.edges = [cluster for cluster in settings.clusters if not cluster.central]

    def build(self) -> None:
        """All clusters at once; done when the operators have done their part."""
        with ThreadPoolExecutor() as pool:
            tokens = dict(zip((edge.name for edge in self.edges), pool.map(self._token, self.edges), strict=True))
            list(pool.map(lambda cluster: self._deploy(cluster, tokens), self.settings.clusters))

    def _token(self, edge: Cluster) -> str:
        """What the central Prometheus shows this edge's kubelets (base64, as a Secret has it)."""
        self._apply(edge, "remote-scraping")
        question = ("get", "secret", "central-scraper", f"--namespace={self._variant(edge).namespace}", "--output=json")

        def ask() -> str:
            secret: dict[str, Any] = json.loads(kube.kubectl(self.tools, edge.name, *question))
            if "token" not in secret.get("data", {}):
                log = f"{edge.name}-controller-manager"
                raise LabError(f"{edge.name}: the Secret central-scraper has no token; see `lab logs {log}`")
            return str(secret["data"]["token"])

        return kube.retry(ask)

    def _deploy(self, cluster: Cluster, tokens: Mapping[str, str]) -> None:
        variant = self._variant(cluster)
        kube.apply(self.tools, cluster.name, crds((self.tools / "share" / "prometheus-operator.yaml").read_text()))
        established = ("wait", "--for=condition=Established", "customresourcedefinitions", "--all", "--timeout=60s")
        kube.kubectl(self.tools, cluster.name, *established)
        if cluster.central:
            access_key, secret_key = services.credentials()
            self._apply(
                cluster,
                "central",
                storage=self.settings.storage,
                storage_endpoint=self.settings.storage_endpoint,
                access_key=access_key,
                secret_key=secret_key,
                tokens=tokens,
            )
        self._release(cluster, variant)
        if not cluster.central:
            self._apply(cluster, "agent")
        for workload in cluster.workloads:
            self._apply(cluster, workload)
        if variant.owner == "helm":
            self._test_release(cluster, variant)
        for resource in (f"prometheus/{variant.prometheus}", f"alertmanager/{variant.alertmanager}"):
            wait = ("wait", "--for=condition=Available", f"--namespace={variant.namespace}", resource, "--timeout=120s")
            kube.kubectl(self.tools, cluster.name, *wait)

    def _release(self, cluster: Cluster, variant: Variant) -> None:
        values = self._render(cluster, "values", sidecar_address=self.settings.names.get("thanos-sidecar", ""))
        chart = (variant.release, str(CHART), f"--namespace={variant.namespace}", "--values=-")
        if variant.owner == "helm":
            # Helm gives up on a release that it was killed in the middle of, but such a lab is made anew anyway.
            kube.helm(self.tools, cluster.name, "install", *chart, "--create-namespace", stdin=values)
        else:
            rendered = kube.helm(self.tools, cluster.name, "template", *chart, "--no-hooks", stdin=values)
            kube.apply(self.tools, cluster.name, disown(rendered, variant))

    def _test_release(self, cluster: Cluster, variant: Variant) -> None:
        """Leave Grafana's test pod behind, in Error, as whoever tested the release did."""
        namespace = f"--namespace={variant.namespace}"
        try:
            kube.helm(self.tools, cluster.name, "test", variant.release, namespace, "--timeout=60s")
        except LabError:
            pod = f"pod/{variant.release}-grafana-test"
            kube.kubectl(self.tools, cluster.name, "wait", "--for=jsonpath={.status.phase}=Failed", namespace, pod)
            return
        raise LabError(f"{cluster.name}: the release's test passed, but there is no Grafana that it could reach")

    def _apply(self, cluster: Cluster, name: str, **values: object) -> None:
        kube.apply(self.tools, cluster.name, self._render(cluster, name, **values))

    def _render(self, cluster: Cluster, name: str, **values: object) -> str:
        return render(
            f"audited/{name}",
            cluster=cluster,
            variant=self._variant(cluster),
            edges=self.edges,
            cgroups={one.name: own_cgroups(one) for one in self.settings.clusters},
            **values,
        )

    def _variant(self, cluster: Cluster) -> Variant:
        return self.variants[cluster.name]


def own_cgroups(cluster: Cluster) -> str:
    """A regular expression for `node;id`: series that have no control group, and those of the node's own groups.

    A kubelet's cAdvisor sees the control groups of the whole machine, and with them those of all other nodes.
    """
    return "|".join(["[^;]*;", *(f"{node.name};/{GROUP}/{cluster.name}/{node.name}(/.*)?" for node in cluster.nodes)])


def crds(bundle: str) -> str:
    """The custom resource definitions of the operator's own manifest, as they stand there."""
    documents = re.split(r"^---$", bundle, flags=re.MULTILINE)
    return "---".join(text for text in documents if re.search("^kind: CustomResourceDefinition$", text, re.MULTILINE))


def disown(rendered: str, variant: Variant) -> str:
    """What Helm rendered, without Helm's marks (owner `nobody`), or with those of Argo CD, which leaves Helm's."""

    def objects() -> Iterator[dict[str, Any]]:
        yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": variant.namespace}}
        for item in yaml.safe_load_all(rendered):
            if item:
                (_track if variant.owner == "argocd" else _strip)(item, variant)
                yield item

    return yaml.safe_dump_all(objects())


def _track(item: dict[str, Any], variant: Variant) -> None:
    """The label and the annotation by which Argo CD knows what belongs to its application."""
    metadata = item["metadata"]
    group = item["apiVersion"].rpartition("/")[0]
    place = f"{metadata.get('namespace', variant.namespace)}/{metadata['name']}"
    metadata.setdefault("labels", {})["argocd.argoproj.io/instance"] = variant.release
    tracking = f"{variant.release}:{group}/{item['kind']}:{place}"
    metadata.setdefault("annotations", {})["argocd.argoproj.io/tracking-id"] = tracking


def _strip(item: dict[str, Any], _variant: Variant) -> None:
    for mark in ("app.kubernetes.io/managed-by", "heritage", "chart", "helm.sh/chart"):
        item["metadata"].get("labels", {}).pop(mark, None)
