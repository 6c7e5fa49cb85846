#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""One deploy of an application at a time."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: deploy_lock
short_description: Let one run at a time change the releases of an application
description:
  - Takes, renews or gives back the locks of applications on a host, all of them or none. Who holds one, and since when, stands in
    C(deploy.lock) in the application's directory.
  - A process beside the run renews them while the run lives, and gives them back when it is gone, however it ended.
  - The lock of a run on the same controller whose process is gone is taken over at once. The lock of another controller is
    taken over when there was no sign of life for O(lease) seconds.
options:
  roots:
    description: Directories of the applications.
    type: list
    elements: path
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
  wait:
    description: Seconds to wait for a run that holds one of them.
    type: int
    default: 0
  lease:
    description: Seconds without a sign of life after which a lock counts as left behind.
    type: int
    default: 120
  seen:
    description: >-
      For each directory the C(moment) that release_state read. What another run has made live since is no base for this one, which
      then fails.
    type: dict
    default: {}
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
    roots: [/srv/board]
    who: admin
"""

RETURN = r"""
taken:
  description: Whether this run holds the locks now.
  returned: success
  type: bool
renewed:
  description: Whether it held all of them before.
  returned: success
  type: bool
holder:
  description: Who holds one of them when it is not this run, and its C(root).
  returned: success
  type: dict
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.django_ec2.site.plugins.module_utils.release import deploy_lock
from ansible_collections.django_ec2.site.plugins.module_utils.release.room import explain
from ansible_collections.django_ec2.site.plugins.module_utils.release.slots import moment


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "roots": {"type": "list", "elements": "path", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "who": {"type": "str", "default": ""},
            "force": {"type": "bool", "default": False},
            "wait": {"type": "int", "default": 0},
            "lease": {"type": "int", "default": 120},
            "seen": {"type": "dict", "default": {}},
            "run": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    given, run = module.params, module.params["run"]
    present = given["state"] == "present"
    holder: dict = {}
    renewed = False
    try:
        if not module.check_mode:
            if present:
                there = [root for root in given["roots"] if os.path.isdir(root)]
                renewed = all(deploy_lock.held(root, run) for root in there)
                holder = deploy_lock.take_all(there, given["who"], run, given["lease"], given["force"])
                changed = [root for root in there if given["seen"].get(root, moment(root)) != moment(root)]
                if changed and not holder:
                    for root in there:
                        deploy_lock.give_back(root, run)
                    module.fail_json(
                        msg=f"Another run has changed what is live in {', '.join(changed)} since this one looked: run this again."
                    )
            else:
                for root in given["roots"]:
                    holder = deploy_lock.give_back(root, run) or holder
    except OSError as error:
        module.fail_json(msg=f"The lock cannot be written: {explain(error, given['roots'][0])}")
    # The lock is about this run, not about what the host is: no task that takes it has changed the host.
    module.exit_json(changed=False, taken=present and not holder, renewed=renewed, holder=holder)


if __name__ == "__main__":
    main()
