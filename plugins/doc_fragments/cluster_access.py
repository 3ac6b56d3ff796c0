# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    # The twin of access_spec() in module_utils/kube/session.py. Names and environment variables are those of
    # kubernetes.core, so that one pair of variables serves the modules of both collections.
    DOCUMENTATION = r"""
options:
  kubeconfig:
    description:
      - Path of the kubeconfig file. Several files can be given with V(:) between them.
      - Can also be set by the environment variable E(K8S_AUTH_KUBECONFIG).
      - If not given, the files named by the environment variable E(KUBECONFIG) are used, else C(~/.kube/config).
    type: path
  context:
    description:
      - Name of a context in the kubeconfig file.
      - Can also be set by the environment variable E(K8S_AUTH_CONTEXT).
      - If not given, the current context of the kubeconfig file is used.
    type: str
requirements:
  - python >= 3.11
  - kubernetes >= 24.2.0
notes:
  - The module runs where the kubeconfig file is, normally on the controller (C(connection) V(local)).
  - The only connection it makes is the one to the API server of the cluster.
"""
