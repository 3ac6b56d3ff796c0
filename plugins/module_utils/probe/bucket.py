# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The configuration of a bucket as text: read from YAML, and from a Secret. Nothing of it is ever quoted."""

from __future__ import annotations

from ansible_collections.miribit.thanos.plugins.module_utils.base.object_storage import parsed
from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.kube.objects import SECRETS, Objects
from ansible_collections.miribit.thanos.plugins.module_utils.probe.job import secret_text
from ansible_collections.miribit.thanos.plugins.module_utils.probe.object_storage import Bucket


def parse(text: str, place: str) -> Bucket:
    """Raises ProblemError with all that is wrong with it."""
    bucket = Bucket(parsed(text, place), text, place)
    if wrong := list(bucket.problems()):
        raise ProblemError(wrong)
    return bucket


def from_secret(objects: Objects, namespace: str, name: str, key: str) -> Bucket:
    """What a Secret holds. Raises ProblemError if it is not there, or not right."""
    place = f"Secret {namespace}/{name} in {objects.session.cluster}"
    found = objects.get(SECRETS, namespace, name)
    if found is None:
        fix = "make it, correct 'secret' and 'namespace', or give 'config'"
        raise ProblemError([Problem(place, "it does not exist", fix)])
    text = secret_text(found, key)
    if text is None:
        there_are = ", ".join(sorted(found.get("data") or {})) or "none"
        cause = f"it holds no text under {key}; its keys: {there_are}"
        raise ProblemError([Problem(place, cause, "correct 'key', or add it")])
    return parse(text, f"{place}, key {key}")
