# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Callable

import yaml
from ansible.errors import AnsibleFilterError


def manifest_objects(text: str) -> list[object]:
    """The documentation is in _manifest_objects.yml."""
    try:
        return [item for item in yaml.safe_load_all(text) if item is not None]
    except yaml.YAMLError as error:
        position = getattr(error, "problem_mark", None)
    # Not the library's text, and not as the error's cause, which Ansible shows: it quotes the line.
    where = f" at line {position.line + 1}" if position else ""
    raise AnsibleFilterError(
        f"Manifest: what the template rendered is not YAML{where}. Fix: look for a variable whose value breaks it."
    )


class FilterModule:
    def filters(self) -> dict[str, Callable[..., object]]:
        return {"_manifest_objects": manifest_objects}
