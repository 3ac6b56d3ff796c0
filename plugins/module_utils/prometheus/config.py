# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The part of a Prometheus configuration that decides where samples go, and as whose."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from ansible_collections.miribit.thanos.plugins.module_utils.base.untyped import elements, mapping, scrubbed
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.queues import Queue


@dataclass(frozen=True)
class Block:
    """An entry of remote_write."""

    name: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    relabelling: tuple[Mapping[str, object], ...] = ()

    def __str__(self) -> str:
        return f"{self.name} {self.url}".strip()

    def tenant(self, header: str) -> str:
        return next((value for name, value in self.headers.items() if name.lower() == header.lower()), "")

    def takes(self, labels: Mapping[str, str]) -> bool | None:
        """Whether it sends a series; None where more than keeping and dropping is done to it."""
        for rule in self.relabelling:
            action = str(rule.get("action") or "replace").lower()
            if action not in {"keep", "drop"}:
                return None
            names = [str(name) for name in elements(rule.get("source_labels"))]
            value = str(rule.get("separator", ";")).join(labels.get(name, "") for name in names)
            try:
                # Prometheus anchors it at both ends, too.
                matches = re.fullmatch(str(rule.get("regex", "(.*)")), value, re.DOTALL) is not None
            except re.error:
                return None
            if matches is not (action == "keep"):
                return False
        return True


@dataclass(frozen=True)
class Config:
    """What of a configuration decides where samples go, and as whose."""

    external_labels: Mapping[str, str] = field(default_factory=dict)
    blocks: tuple[Block, ...] = ()

    def relabels(self, queue: Queue) -> bool:
        """Whether a queue's entry relabels. One without a name has a hash for it, so its URL must do."""
        named = [block for block in self.blocks if block.name == queue.name]
        found = named or [block for block in self.blocks if not block.name and block.url == scrubbed(queue.url)]
        # One that is not found may relabel.
        return not found or any(block.relabelling for block in found)


def config(content: object) -> Config:
    """Of Prometheus' configuration as a document."""
    document = mapping(content)
    labels = mapping(mapping(document.get("global")).get("external_labels"))
    return Config(
        {name: str(value) for name, value in sorted(labels.items())},
        tuple(_block(mapping(entry)) for entry in elements(document.get("remote_write"))),
    )


def _block(entry: Mapping[str, object]) -> Block:
    return Block(
        name=str(entry.get("name") or ""),
        url=scrubbed(str(entry.get("url") or "")),
        headers={name: str(value) for name, value in mapping(entry.get("headers")).items()},
        relabelling=tuple(mapping(rule) for rule in elements(entry.get("write_relabel_configs"))),
    )
