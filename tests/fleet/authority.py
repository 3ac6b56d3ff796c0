"""Certificates for a receiver that lets in only who has one."""

from __future__ import annotations

from typing import Any

import trustme


class Authority:
    """Certificates of the receiver and of its senders."""

    def __init__(self) -> None:
        self.own, self.of_clients = trustme.CA(), trustme.CA()

    def receiver(self) -> dict[str, Any]:
        issued = self.own.issue_cert("192.168.101.210")
        return {
            "thanos_receiver_tls": True,
            "thanos_receiver_client_certificates": True,
            # An Ingress would end TLS, and with it the certificates of clients.
            "thanos_receiver_ingress": {},
            "thanos_receiver_tls_files": {
                "cert": b"".join(part.bytes() for part in issued.cert_chain_pems).decode(),
                "key": issued.private_key_pem.bytes().decode(),
                "client_ca": self.of_clients.cert_pem.bytes().decode(),
            },
        }

    def sender(self, signed_by: trustme.CA | None = None) -> dict[str, str]:
        issued = (signed_by or self.of_clients).issue_cert("agent.miribit.lab")
        return {
            "ca": self.own.cert_pem.bytes().decode(),
            "cert": b"".join(part.bytes() for part in issued.cert_chain_pems).decode(),
            "key": issued.private_key_pem.bytes().decode(),
        }
