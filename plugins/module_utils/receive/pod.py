# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One receiver behind the API server's proxy: its metrics, and whether it uses the ring that it has loaded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.kube import objects
from ansible_collections.miribit.thanos.plugins.module_utils.kube.api import Session
from ansible_collections.miribit.thanos.plugins.module_utils.kube.proxy import ProxyTarget, raise_refusal
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.exposition import Metrics, parse
from ansible_collections.miribit.thanos.plugins.module_utils.receive import metrics as receive_metrics

_TIMEOUT = 10.0

# How long a ring may be on its way from the goroutine that reads the file to the one that builds the ring.
_HANDING_OVER = 10.0


@dataclass(frozen=True)
class Receiver:
    """A receiver's pod. The port is that of its metrics."""

    session: Session
    pod: objects.Object
    port: str

    @property
    def name(self) -> str:
        return str(self.pod["metadata"]["name"])

    @property
    def target(self) -> ProxyTarget:
        return ProxyTarget("pod", self.pod["metadata"]["namespace"], self.name, self.port)

    def metrics(self) -> Metrics:
        """Raises ProblemError if it does not answer with metrics."""
        return parse(self._ask("metrics"))

    def uses(self, file: receive_metrics.RingFile, now: datetime) -> bool:
        """Whether it has set up the ring of this file: the hash that it reports is set before the ring is built.

        Its log says so. Where that is rotated away, or is of a level above info, its goroutines do.
        """
        if receive_metrics.has_set_up_ring(self.log(since=file.loaded), file.loaded):
            return True
        if now.timestamp() - file.loaded < _HANDING_OVER:
            return False
        try:
            return receive_metrics.waits_for_ring(self._ask("debug/pprof/goroutine", ("debug", "1")))
        except ProblemError:
            return False

    def refused_file(self, file: receive_metrics.RingFile) -> str:
        """Why it refused the hashring file since it has loaded this one, or nothing."""
        return receive_metrics.refused_file(self.log(since=file.loaded)) if file.errors else ""

    def log(self, since: float) -> str:
        moment = datetime.fromtimestamp(int(since), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        where = [("container", self._container()), ("sinceTime", moment)]
        metadata = self.pod["metadata"]
        return objects.Objects(self.session).log(metadata["namespace"], metadata["name"], where)

    def _ask(self, endpoint: str, *params: tuple[str, str]) -> str:
        answer = self.session.get(self.target.path(endpoint), params, timeout=_TIMEOUT)
        raise_refusal(self.target, answer, self.session.cluster)
        if answer.status != 200:
            subject = f"{self.target} in {self.session.cluster}"
            cause = f"it does not answer with metrics (HTTP {answer.status}: {answer.text()})"
            raise ProblemError([Problem(subject, cause, "give the port of the receiver's --http-address")])
        return answer.body.decode(errors="replace")

    def _container(self) -> str:
        """The container that has the port; the first one if none names it."""
        containers = self.pod["spec"]["containers"]
        with_port = [
            container["name"]
            for container in containers
            if any(str(port.get("containerPort")) == self.port for port in container.get("ports") or [])
        ]
        return str((with_port or [containers[0]["name"]])[0])
