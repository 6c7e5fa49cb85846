#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""One deploy of an application at a time."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: deploy_lock
short_description: Let one run at a time change the releases of an application
description:
  - Takes, renews or gives back the lock of an application on a host. Who holds it, and since when, stands in
    C(deploy.lock) in the application's directory.
  - The lock of a run on the same controller whose process is gone is taken over at once. The lock of another controller is
    taken over when it was not renewed for O(lease) seconds.
options:
  root:
    description: Directory of the application.
    type: path
    required: true
  state:
    description: V(present) takes or renews it, V(absent) gives it back.
    type: str
    choices: [present, absent]
    default: present
  who:
    description: Name of the person or job, for the others' messages.
    type: str
    default: ""
  force:
    description: Take it from whoever holds it.
    type: bool
    default: false
  lease:
    description: Seconds after which a lock that was not renewed counts as left behind.
    type: int
    default: 900
  run:
    description: What tells this run from others; the action plugin fills it in.
    type: dict
    default: {}
author:
  - The maintainers
attributes:
  check_mode:
    support: full
    description: In check mode nobody is kept away.
"""

EXAMPLES = r"""
- name: Take the lock
  django_ec2.site.deploy_lock:
    root: /srv/board
    who: admin
"""

RETURN = r"""
taken:
  description: Whether this run holds the lock now.
  returned: success
  type: bool
holder:
  description: Who holds it when it is not this run.
  returned: success
  type: dict
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.django_ec2.site.plugins.module_utils.release import deploy_lock


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "root": {"type": "path", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "who": {"type": "str", "default": ""},
            "force": {"type": "bool", "default": False},
            "lease": {"type": "int", "default": 900},
            "run": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    given = module.params
    present = given["state"] == "present"
    holder: dict = {}
    if not module.check_mode and os.path.isdir(given["root"]):
        if present:
            holder = deploy_lock.take(given["root"], given["who"], given["run"], given["lease"], given["force"])
        else:
            holder = deploy_lock.give_back(given["root"], given["run"])
    # The lock is about this run, not about what the host is: no task that takes it has changed the host.
    module.exit_json(changed=False, taken=present and not holder, holder=holder)


if __name__ == "__main__":
    main()
