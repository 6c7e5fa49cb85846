#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Back the files of this host up now, and wait for it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: restic_backup
short_description: Back the files of this host up with restic now, and wait for it
description:
  - Starts C(restic-backup.service), which the timer starts too, and waits until it has ended. It goes on when the connection is lost. One
    that runs already is waited for.
options: {}
author:
  - The maintainers
attributes:
  check_mode:
    support: full
    description: No backup is made.
"""

EXAMPLES = r"""
- name: Back the files up
  django_ec2.site.restic_backup:
"""

RETURN = r"""
applications:
  description: The snapshots, by application. Empty in check mode.
  returned: success
  type: dict
  sample: {board: {label: 4be1d2c3, files: 12, bytes: 31457280, new: 1, place: shared, time: 1795685404}}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.django_ec2.site.plugins.module_utils.restic.repository import ResticError
from ansible_collections.django_ec2.site.plugins.module_utils.restic.unit import make


def main() -> None:
    """Entry point."""
    module = AnsibleModule(argument_spec={}, supports_check_mode=True)
    if module.check_mode:
        module.exit_json(changed=True, applications={})
    try:
        module.exit_json(changed=True, applications=make()["applications"])
    except ResticError as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
