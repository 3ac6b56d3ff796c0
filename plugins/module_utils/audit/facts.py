# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The facts of a cluster. Types of its parts lie where they are collected. None is unknown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ansible_collections.miribit.thanos.plugins.module_utils.audit.passwords import Credential
from ansible_collections.miribit.thanos.plugins.module_utils.audit.services import Reader
from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem
from ansible_collections.miribit.thanos.plugins.module_utils.kube.claims import Claim
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.components import Component, Leftover, Node


@dataclass(frozen=True)
class ClusterFacts:
    """Facts of a cluster, as the module fleet_audit returns them."""

    cluster: str
    #: Whether the API server answered.
    seen: bool | None = None
    #: Whether a pod of the cluster has tried the addresses that its senders write to.
    probed: bool | None = None
    uid: str | None = None
    version: str | None = None
    audited_at: str | None = None
    nodes: tuple[Node, ...] | None = None
    unseen: tuple[Problem, ...] | None = None
    components: tuple[Component, ...] | None = None
    #: Whether a component that is not listed does not exist.
    components_complete: bool | None = None
    readers: tuple[Reader, ...] | None = None
    #: Claims without a workload.
    claims: tuple[Claim, ...] | None = None
    leftovers: tuple[Leftover, ...] | None = None
    credentials: tuple[Credential, ...] | None = None
    #: Values that samples carry, by label.
    label_values: Mapping[str, tuple[str, ...]] | None = None
