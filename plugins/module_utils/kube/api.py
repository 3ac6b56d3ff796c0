# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests to an API server, and the session that sends them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from ansible_collections.miribit.thanos.plugins.module_utils.kube.proxy import Answer


@dataclass(frozen=True)
class Request:
    """One request, with a body as JSON if there is one. The timeout is in seconds."""

    method: str
    path: str
    params: Sequence[tuple[str, str]] = ()
    body: object = None
    content_type: str = "application/json"
    timeout: float = 30
    accept: str = "application/json"


class Session(ABC):
    """A connection to one cluster's API server."""

    #: The name of the cluster in messages.
    cluster: str

    @abstractmethod
    def send(self, request: Request) -> Answer:
        """Send one request. Every status is an answer; only a missing answer is a problem."""

    def get(self, path: str, params: Sequence[tuple[str, str]] = (), timeout: float = 30) -> Answer:
        return self.send(Request("GET", path, params, timeout=timeout))


class ServerClock(Session):
    """A session that keeps the API server's time: the clocks of controllers may differ."""

    def __init__(self, session: Session) -> None:
        self.cluster = session.cluster
        self.last = Answer(0, b"")
        self._session = session

    def send(self, request: Request) -> Answer:
        self.last = self._session.send(request)
        return self.last

    def now(self) -> datetime:
        """Return the time of the last answer."""
        moment = self.last.moment
        # A proxy on the way may have removed the date.
        return datetime.now(UTC) if moment is None else datetime.fromtimestamp(moment, UTC)
