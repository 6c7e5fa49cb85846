#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Make a backup with pgBackRest now, and wait for it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pgbackrest_backup
short_description: Make a backup with pgBackRest now, and wait for it
description:
  - Starts C(pgbackrest-backup@<type>.service), which the timers start too, and waits until it has ended. It goes on when the connection
    is lost. One of the same type that runs already is waited for; another type waits its turn.
options:
  stanza:
    description: Name of the cluster in the repository.
    type: str
    required: true
  type:
    description: V(full), V(diff) for what changed since the last full one, V(incr) since the last one of any type.
    type: str
    choices: [full, diff, incr]
    default: full
author:
  - The maintainers
attributes:
  check_mode:
    support: full
    description: No backup is made.
"""

EXAMPLES = r"""
- name: Make a full backup
  django_ec2.site.pgbackrest_backup:
    stanza: main
"""

RETURN = r"""
backup:
  description: The backup. Empty in check mode.
  returned: success
  type: dict
  sample: {label: 20261126-093000F, type: full, start: 1795685400, stop: 1795685404, size: 31457280, repository_size: 4194304}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.django_ec2.site.plugins.module_utils.backups.repository import KINDS, BackupError
from ansible_collections.django_ec2.site.plugins.module_utils.backups.run import make


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "stanza": {"type": "str", "required": True},
            "type": {"type": "str", "choices": list(KINDS), "default": "full"},
        },
        supports_check_mode=True,
    )
    if module.check_mode:
        module.exit_json(changed=True, backup={})
    try:
        module.exit_json(changed=True, backup=make(module.params["stanza"], module.params["type"]))
    except BackupError as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
