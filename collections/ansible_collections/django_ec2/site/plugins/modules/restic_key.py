#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Another password for the repository of the files' backups."""

from __future__ import annotations

DOCUMENTATION = r"""
module: restic_key
short_description: Let another password open the repository of the files' backups, or end the one before
description:
  - For the host that begins the repository, which alone may add and remove keys of it. Its configuration is that of the role C(restic).
  - With O(old), O(password) opens the repository as well; which key is to end is noted in C(/etc/restic/key-that-ends).
  - Without O(old), the key that was noted is removed. Nothing is done where none was.
  - Where another run of restic has the repository for itself, it waits for a quarter of an hour.
options:
  password:
    description: The password with which snapshots are made from now on.
    type: str
    required: true
  old:
    description: The one before, which counts until the next call without it.
    type: str
    default: ""
  user:
    description: The account that restic runs as on this host.
    type: str
    default: root
author:
  - The maintainers
attributes:
  check_mode:
    support: full
    description: Keys are read and none is changed.
"""

EXAMPLES = r"""
- name: Let another password open the repository
  django_ec2.site.restic_key:
    password: "{{ secrets.file_backup_key }}"
    old: "{{ secrets.file_backup_key_old }}"
    user: restic

- name: End the one before
  django_ec2.site.restic_key:
    password: "{{ secrets.file_backup_key }}"
    user: restic
"""

RETURN = r"""
ends:
  description: The key that is to end, as restic names it; empty when none is.
  returned: success
  type: str
  sample: 4be1d2c3
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.django_ec2.site.plugins.module_utils.restic import keys
from ansible_collections.django_ec2.site.plugins.module_utils.restic.repository import ResticError


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "password": {"type": "str", "required": True, "no_log": True},
            "old": {"type": "str", "default": "", "no_log": True},
            "user": {"type": "str", "default": "root"},
        },
        supports_check_mode=True,
    )
    given = module.params
    try:
        if given["old"]:
            changed, ends = keys.begin(given["password"], given["old"], given["user"], module.check_mode)
        else:
            changed, ends = keys.end(given["password"], given["user"], module.check_mode), ""
    except ResticError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=changed, ends=ends)


if __name__ == "__main__":
    main()
