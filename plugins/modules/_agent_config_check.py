# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: _agent_config_check
short_description: "[internal] Let promtool check the configuration of an agent, in the cluster where it is to run"
version_added: 0.1.0
author:
  - miribit.thanos contributors (@miribit)
description:
  - Starts a Job with the agent's own image that runs C(promtool check config --agent --syntax-only), and fails with
    what that says. The Job and its Secret with the configuration delete themselves.
  - The kubeconfig's user needs C(list), C(create) and C(delete) on C(jobs), C(create) on C(secrets), C(list) on C(pods)
    and C(events), and C(get) on C(pods/log).
extends_documentation_fragment:
  - miribit.thanos.attributes
  - miribit.thanos.attributes.action_group
  - miribit.thanos.cluster_access
attributes:
  check_mode:
    support: partial
    details:
      - Nothing is started, and the configuration is not checked.
  diff_mode:
    support: none
  idempotent:
    support: full
    details:
      - Nothing is changed. The Job is gone afterwards.
options:
  namespace:
    description: Namespace of the Job.
    type: str
    required: true
  image:
    description: The agent's image.
    type: str
    required: true
  text:
    description: The configuration.
    type: str
    required: true
  timeout:
    description: How long it may take, with the time to pull the image, in seconds.
    type: int
    default: 120
seealso:
  - module: miribit.thanos._agent_change
"""

EXAMPLES = r"""
- name: Check a configuration before an agent gets it
  miribit.thanos._agent_config_check:
    context: cluster-03
    namespace: monitoring
    image: quay.io/prometheus/prometheus:v3.15.0
    text: "{{ lookup('ansible.builtin.file', 'prometheus.yml') }}"
"""

RETURN = r"""
checked:
  description: Whether it was. In check mode it is not.
  returned: success
  type: bool
problems:
  description: What is wrong; the parts of the message for programs.
  returned: failure
  type: list
  elements: dict
  contains:
    subject:
      description: What it is about.
      returned: always
      type: str
      sample: The agent's configuration in context cluster-03
    cause:
      description: Why.
      returned: always
      type: str
      sample: "Prometheus would not load it, as its own promtool says: FAILED: parsing YAML file prometheus.yml"
    fix:
      description: What to do.
      returned: always
      type: str
      sample: "correct what it names: in the agent's configuration, or in the variable it comes from"
"""

import re
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.miribit.thanos.plugins.module_utils.agent import config_check, mask
from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.kube.module import run
from ansible_collections.miribit.thanos.plugins.module_utils.kube.objects import Objects
from ansible_collections.miribit.thanos.plugins.module_utils.kube.session import access_spec, session_of
from ansible_collections.miribit.thanos.plugins.module_utils.probe import run as probe
from ansible_collections.miribit.thanos.plugins.module_utils.probe.job import option_problems

try:
    import yaml
except ImportError:
    HAS_YAML = False
else:
    HAS_YAML = True


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **access_spec(),
            "namespace": {"type": "str", "required": True},
            "image": {"type": "str", "required": True},
            "text": {"type": "str", "required": True, "no_log": True},
            "timeout": {"type": "int", "default": 120},
        },
        supports_check_mode=True,
    )
    run(module, lambda: check(module.params, check_mode=module.check_mode), PyYAML=HAS_YAML)
    module.exit_json(changed=False, checked=not module.check_mode)


def check(options: dict[str, Any], *, check_mode: bool) -> None:
    if wrong := list(option_problems(options["image"], options["timeout"])):
        raise ProblemError(wrong)
    if check_mode:
        return
    seconds = options["timeout"]
    job = config_check.probe(options["namespace"], options["image"], options["text"], seconds)
    objects = Objects(session_of(options))
    outcomes = probe.run(objects, job)
    subject = f"The agent's configuration in {objects.session.cluster}"
    if found := config_check.problem(outcomes, subject, _secrets(options["text"]), seconds):
        raise ProblemError([found])


def _secrets(text: str) -> list[str]:
    """What promtool's message may quote."""
    try:
        # Texts as they stand there: `0123` is no number to Prometheus, and a date that is none no error.
        content = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - it makes nothing but texts
        return list(config_check.quoted(mask.secret_values(content)))
    except (yaml.YAMLError, RecursionError):
        # Nobody knows what of it is secret.
        return [*text.splitlines(), *re.split(r"[\s\"'\[\]{},]+", text)]


if __name__ == "__main__":
    main()
