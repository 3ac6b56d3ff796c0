# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Environment variables that lead kubernetes.core and Helm to another cluster than the one that was checked."""

from __future__ import annotations

from collections.abc import Iterable

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem

#: kubernetes.core sets each K8S_AUTH_* over the kubeconfig (_create_configuration in its client), Helm each HELM_KUBE*.
_PREFIXES = ("K8S_AUTH_", "HELM_KUBE")
#: The modules here read the first two themselves; Helm gets its context from the task.
_HARMLESS = frozenset({"K8S_AUTH_KUBECONFIG", "K8S_AUTH_CONTEXT", "HELM_KUBECONTEXT"})


def foreign_access(names: Iterable[str]) -> list[Problem]:
    """Return a problem for each variable that would send changes elsewhere, or turn the verification of TLS off.

    AWX sets K8S_AUTH_HOST, K8S_AUTH_API_KEY and more for its credential "OpenShift or Kubernetes API Bearer Token".
    """
    cause = (
        "kubernetes.core or Helm prefers it to the kubeconfig, so changes could go to a cluster that was not checked"
    )
    fix = "unset it (in AWX, remove the Kubernetes credential from the job template), and set fleet_kubeconfig"
    found = sorted(name for name in names if name.startswith(_PREFIXES) and name not in _HARMLESS)
    return [Problem(f"Environment variable {name}", cause, fix) for name in found]
