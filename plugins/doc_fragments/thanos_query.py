# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    # The twin of query_spec() in module_utils/prometheus/query.py.
    DOCUMENTATION = r"""
options:
  query:
    description: Thanos Query, normally on the central cluster. If not given, Query is not asked.
    type: dict
    suboptions:
      kubeconfig:
        description: Path of the kubeconfig file. If not given, it is O(kubeconfig).
        type: path
      context:
        description: Name of a context in it. If not given, it is the current one.
        type: str
      uid:
        description: UID that the namespace C(kube-system) of that cluster must have. If not given, any will do.
        type: str
      namespace:
        description: Namespace of the Service.
        type: str
        required: true
      service:
        description: Name of the Service.
        type: str
        required: true
      port:
        description: Port of the HTTP API, by its number or by the name that the Service gives it.
        type: str
        default: http
      scheme:
        description: V(https) where the port speaks TLS. The API server does not check the certificate.
        type: str
        choices: [http, https]
        default: http
      path_prefix:
        description: Query's C(--web.route-prefix).
        type: str
        default: ""
      tenant_label:
        description: The ingestors' C(--receive.tenant-label-name).
        type: str
        default: tenant_id
"""

    # The same for modules that cannot do without. Written out, because ansible-test reads only literals.
    REQUIRED = r"""
options:
  query:
    description: Thanos Query, normally on the central cluster.
    type: dict
    required: true
    suboptions:
      kubeconfig:
        description: Path of the kubeconfig file. If not given, it is O(kubeconfig).
        type: path
      context:
        description: Name of a context in it. If not given, it is the current one.
        type: str
      uid:
        description: UID that the namespace C(kube-system) of that cluster must have. If not given, any will do.
        type: str
      namespace:
        description: Namespace of the Service.
        type: str
        required: true
      service:
        description: Name of the Service.
        type: str
        required: true
      port:
        description: Port of the HTTP API, by its number or by the name that the Service gives it.
        type: str
        default: http
      scheme:
        description: V(https) where the port speaks TLS. The API server does not check the certificate.
        type: str
        choices: [http, https]
        default: http
      path_prefix:
        description: Query's C(--web.route-prefix).
        type: str
        default: ""
      tenant_label:
        description: The ingestors' C(--receive.tenant-label-name).
        type: str
        default: tenant_id
"""
