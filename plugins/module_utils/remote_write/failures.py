# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Error texts of Prometheus, promtool and Thanos: the cause of each, and its fix for a sender of remote write.

All three are written in Go, so DNS, TCP and TLS fail with the same texts whether a receiver or a bucket is the server.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Step = Literal["resolve", "connect", "tls", "http", "accept"]


@dataclass(frozen=True)
class Failure:
    """A failed request, and the step that it did not pass."""

    step: Step
    cause: str
    fix: str


@dataclass(frozen=True)
class Sign:
    """An error text of Go's network libraries."""

    name: str
    step: Step
    text: re.Pattern[str]
    #: With {server}, the name of the server in a message.
    cause: str
    #: For a receiver. Other servers are configured in other places.
    fix: str

    def at_receiver(self) -> Failure:
        return Failure(self.step, self.cause.format(server="the receiver"), self.fix)


def _sign(name: str, step: Step, pattern: str, cause: str, fix: str) -> Sign:
    return Sign(name, step, re.compile(pattern, re.IGNORECASE), cause, fix)


#: The first match counts.
SIGNS = (
    _sign(
        "unknown name",
        "resolve",
        r"no such host",
        "the cluster's DNS does not know the name of {server}",
        "add the name to the DNS that the cluster's CoreDNS asks, or use the address of the receiver's LoadBalancer",
    ),
    _sign(
        "no DNS",
        "resolve",
        r"\blookup \S+( on \S+)?: ",
        "the cluster's DNS does not answer",
        "check that CoreDNS runs there, that no NetworkPolicy blocks it, and that CoreDNS reaches its own servers",
    ),
    _sign(
        "certificate required",
        "tls",
        r"tls: certificate required",
        "{server} requires a client certificate, and none is sent",
        "give the sender's certificate and its key ('cert' and 'key')",
    ),
    _sign(
        "certificate refused",
        "tls",
        r"remote error: tls: (bad certificate|unknown certificate|expired certificate|revoked certificate|"
        r"unsupported certificate|access denied|handshake failure|decrypt error)",
        "{server} refuses the client certificate",
        "give a certificate for client authentication that is valid now and signed by the receiver's client CA",
    ),
    _sign(
        "no certificate",
        "tls",
        r"remote error: tls: (unrecognized name|internal error)",
        "{server} has no certificate for this name",
        "correct the host in the URL or 'server_name'",
    ),
    _sign(
        "handshake",
        "tls",
        r"remote error: tls: ",
        "{server} aborts the TLS handshake",
        "compare the TLS versions of both sides",
    ),
    _sign(
        "unknown authority",
        "tls",
        r"certificate signed by unknown authority|certificate is not trusted",
        "the certificate of {server} is signed by an untrusted authority",
        "give the certificate of that authority ('ca')",
    ),
    _sign(
        "expired",
        "tls",
        r"certificate has expired or is not yet valid",
        "the certificate of {server} has expired or is not valid yet, or the clock of the node is wrong",
        "renew the certificate, or set the clock",
    ),
    _sign(
        "other name",
        "tls",
        r"certificate is valid for|certificate is not valid for any names|doesn't contain any IP SANs|"
        r"cannot validate certificate for|legacy Common Name",
        "the certificate of {server} is for another name or address",
        "set 'server_name' to a name in the certificate, or issue a certificate for the URL's host",
    ),
    _sign(
        "unverified",
        "tls",
        r"x509: |tls: failed to verify",
        "the certificate of {server} cannot be verified",
        "give the certificate of the authority that signed it ('ca')",
    ),
    _sign(
        "no TLS",
        "tls",
        r"server gave HTTP response to HTTPS client|first record does not look like a TLS handshake",
        "{server} does not speak TLS at this port, and the client does",
        "write the URL with http://, or turn on the receiver's TLS",
    ),
    _sign(
        "only TLS",
        "http",
        r"HTTP request to an HTTPS server|plain HTTP request was sent to HTTPS|malformed HTTP response",
        "{server} speaks TLS at this port, and the client does not",
        "write the URL with https://",
    ),
    _sign(
        "refused",
        "connect",
        r"connection refused",
        "nothing listens at the address and port of {server}, or a firewall refuses the connection",
        "compare the port with that of the receiver's Service or Ingress, and check that its routers are Ready",
    ),
    _sign(
        "no route",
        "connect",
        r"no route to host|network is unreachable|host is down",
        "there is no route from the cluster's nodes to {server}",
        "check that the LoadBalancer has announced its address, and the routes between the clusters' networks",
    ),
    _sign(
        "slow",
        "http",
        r"Client\.Timeout exceeded while awaiting headers|timeout awaiting response headers",
        "{server} does not answer in time",
        "check that the routers are Ready and not overloaded, and any proxy in front of them",
    ),
    _sign(
        "silent",
        "connect",
        r"i/o timeout|context deadline exceeded|Client\.Timeout|handshake timeout",
        "{server} does not answer: packets are dropped on the way, nothing has its address, or it is overloaded",
        "check the LoadBalancer's address, firewalls and NetworkPolicies on both sides, and the receiver's load",
    ),
    _sign(
        "closed",
        "http",
        r"connection reset|broken pipe|http2: client conn|\bEOF\b",
        "the connection to {server} is closed before an answer: a load balancer has no backend, or only one side "
        "speaks TLS",
        "check that the routers are Ready, and http or https in the URL",
    ),
)

_ROUTERS = "read the log of the routers"
_STATUSES: dict[int, Failure] = {
    400: Failure(
        "accept",
        "the receiver does not understand the request, or refuses the tenant's name",
        "check that a Thanos Receive answers at the URL, and the name of the tenant",
    ),
    401: Failure(
        "http",
        "the receiver's side requires a login",
        "give the username and password, or the token, that the Ingress accepts",
    ),
    403: Failure(
        "http",
        "writing is forbidden: the login lacks the permission, or the source address is not on a list",
        "check the login, and the list of source addresses of the Ingress or the firewall",
    ),
    404: Failure(
        "http",
        "nothing accepts remote write at this path of this host",
        "end the path with /api/v1/receive, and compare host and path with the Ingress",
    ),
    405: Failure(
        "http",
        "the server at this path accepts no writes",
        "end the path with /api/v1/receive, on the port of remote write (19291)",
    ),
    409: Failure(
        "accept",
        "samples are out of order or out of bounds: another sender writes the same series, or a clock is wrong",
        "compare the clocks, give each sender labels of its own, and set --tsdb.too-far-in-future.time-window on the "
        "ingestors",
    ),
    413: Failure(
        "accept",
        "the request is larger than a limit",
        "lower max_samples_per_send, or raise the limit of the tenant, or that of the Ingress for the size of a body",
    ),
    429: Failure(
        "accept",
        "the tenant has reached its limit of active series, or the receiver its limit of concurrent requests",
        "raise the tenant's head_series_limit or the receiver's max_concurrency, and set retry_on_http_429",
    ),
    500: Failure(
        "accept",
        "the routers have no ring for this tenant or too small a ring, or forwarding takes too long",
        f"check that a ring accepts the tenant, and {_ROUTERS}",
    ),
    502: Failure(
        "http",
        "the proxy in front of the receiver cannot reach it",
        "check that the routers are Ready, and their port",
    ),
    503: Failure(
        "accept",
        "the routers have not loaded their ring, or too few ingestors accept samples for a write quorum",
        f"check that the ingestors are Ready and reachable from the routers, and {_ROUTERS}",
    ),
    504: Failure(
        "http",
        "the proxy in front of the receiver gets no answer in time",
        "check that the routers are Ready, and that no NetworkPolicy blocks the proxy",
    ),
}
_SERVER_ERROR = Failure("accept", "the receiver cannot store samples", _ROUTERS)
_OTHER = Failure("http", "the server is not a Thanos Receive", "check host, port and path of the URL")
_STATUS = re.compile(r"\bHTTP status (\d{3})")


def sign_of(text: str) -> Sign | None:
    """Return the network failure that a text reports."""
    return next((sign for sign in SIGNS if sign.text.search(text)), None)


def of_status(status: int, text: str = "") -> Failure:
    """Return the cause of a receiver's HTTP status. The text is the rest of its answer."""
    sign = sign_of(text)
    # The other texts are about what the receiver met itself, such as an ingestor that refuses connections.
    if sign and sign.name == "only TLS":
        return sign.at_receiver()
    return _STATUSES.get(status, _SERVER_ERROR if status >= 500 else _OTHER)


def of_complaint(text: str) -> Failure | None:
    """Return the cause of a line that a sender logs."""
    if status := _STATUS.search(text):
        return of_status(int(status[1]), text)
    sign = sign_of(text)
    return sign.at_receiver() if sign else None
