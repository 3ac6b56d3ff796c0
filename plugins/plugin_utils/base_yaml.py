# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The parser that yaml_text.py is handed."""

from __future__ import annotations

import yaml

from ansible_collections.miribit.thanos.plugins.module_utils.base.yaml_edit import Yaml

YAML = Yaml(
    load=lambda text: yaml.load(text, Loader=yaml.BaseLoader),  # noqa: S506 - it makes nothing but texts
    scan=lambda text: yaml.scan(text, Loader=yaml.BaseLoader),
    error=yaml.YAMLError,
)
