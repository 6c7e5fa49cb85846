#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Wait on a host for a task that runs there in the background."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: background_result
short_description: Wait for a task that runs in the background, as long as it has a process
description:
  - Waits on the host for a task that was started with C(async) and C(poll=0), and has its result.
  - M(ansible.builtin.async_status) asks once and is repeated from the controller. It can't tell a task that works from one whose host was
    restarted. This module fails as soon as the process of the task is gone.
options:
  results_file:
    description: RV(ignore:results_file) of the task that started it.
    type: path
    required: true
  seconds:
    description: How long to wait.
    type: int
    default: 600
author:
  - The maintainers
attributes:
  check_mode:
    support: full
    description: Waits for nothing, as nothing runs.
"""

EXAMPLES = r"""
- name: Begin a long step
  ansible.builtin.command: /usr/local/sbin/long-step
  async: 600
  poll: 0
  register: begun

- name: Wait for it
  django_ec2.site.background_result:
    results_file: "{{ begun.results_file }}"
"""

RETURN = r"""
ansible_job_id:
  description: The id of the task. What it returned comes with it, as its own result; where it failed, this task fails with its words.
  returned: when it ended
  type: str
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.django_ec2.site.plugins.module_utils import background


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "results_file": {"type": "path", "required": True},
            "seconds": {"type": "int", "default": 600},
        },
        supports_check_mode=True,
    )
    if module.check_mode:
        module.exit_json(changed=False)
    try:
        found = background.wait(Path(module.params["results_file"]), module.params["seconds"])
    except background.BackgroundProblem as problem:
        module.fail_json(msg=str(problem))
    result = {key: value for key, value in found.items() if key not in ("invocation", "warnings", "deprecations")}
    if result.pop("failed", False):
        module.fail_json(**{"msg": "It failed without a word.", **result})
    module.exit_json(**result)


if __name__ == "__main__":
    main()
