# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether Prometheus itself loads a configuration: what promtool says of it, in a pod with the agent's own image."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Mapping

from ansible_collections.miribit.thanos.plugins.module_utils.agent import mask
from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.kube.api import Session
from ansible_collections.miribit.thanos.plugins.module_utils.kube.objects import Objects
from ansible_collections.miribit.thanos.plugins.module_utils.probe.job import (
    FOLDER,
    Outcome,
    Probe,
    Step,
    masked,
    option_problems,
)
from ansible_collections.miribit.thanos.plugins.module_utils.probe.run import run

with contextlib.suppress(ImportError):
    # Ansible needs it itself. Only ansible-test imports this where it is missing.
    import yaml

FILE = "prometheus.yml"
STEP = "check"
_LONGEST_TEXT = 600

# A YAML parser of Go quotes a longer text only so far (yaml.v2 and v3, decode.go, terror).
_LONGEST_QUOTED, _QUOTED = 10, 7


def probe(namespace: str, image: str, text: str, seconds: int) -> Probe:
    """Files that the configuration names are those of the agent's pod, not of this one: only its syntax is checked."""
    command = ("promtool", "check", "config", "--agent", "--syntax-only", f"{FOLDER}/{FILE}")
    return Probe("config", namespace, image, (Step(STEP, command),), {FILE: text}, seconds)


def problem(outcomes: Mapping[str, Outcome], subject: str, secrets: Iterable[str], seconds: int) -> Problem | None:
    """What promtool found; None if it loads."""
    outcome = outcomes.get(STEP, Outcome(None, ""))
    if outcome.exit_code == 0:
        return None
    if outcome.exit_code is None:
        cause = f"promtool has not answered within {seconds} s"
        return Problem(subject, cause, "raise 'timeout' where the node is slow, and run it again")
    said = [line.strip() for line in outcome.log.splitlines() if line.strip() and not line.startswith("Checking ")]
    text = masked(" ".join(said).replace(f"{FOLDER}/{FILE}", FILE), secrets)
    shown = text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}..."
    cause = f"Prometheus would not load it, as its own promtool says: {shown or f'exit code {outcome.exit_code}'}"
    return Problem(
        subject, cause, "correct what it names: in the agent's configuration, or in the variable it comes from"
    )


def quoted(secrets: Iterable[str]) -> Iterator[str]:
    """These, also as a parser quotes them."""
    for secret in secrets:
        yield secret
        if len(secret) > _LONGEST_QUOTED:
            yield f"{secret[:_QUOTED]}..."


def check(session: Session, namespace: str, image: str, text: str, seconds: int = 120) -> None:
    """Let promtool check a configuration in a pod of the cluster. Raises ProblemError with what it found.

    The seconds are those for the pod, with the time to pull its image.
    """
    if wrong := list(option_problems(image, seconds)):
        raise ProblemError(wrong)
    outcomes = run(Objects(session), probe(namespace, image, text, seconds))
    subject = f"The agent's configuration in {session.cluster}"
    if found := problem(outcomes, subject, _secrets(text), seconds):
        raise ProblemError([found])


def _secrets(text: str) -> list[str]:
    """What promtool's message may quote."""
    try:
        # Texts as they stand there: `0123` is no number to Prometheus, and a date that is none no error.
        content = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - it makes nothing but texts
        return list(quoted(mask.secret_values(content)))
    except (yaml.YAMLError, RecursionError):
        # Nobody knows what of it is secret.
        return [*text.splitlines(), *re.split(r"[\s\"'\[\]{},]+", text)]
