#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Dump the database of an application and drop it with its roles."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: postgres_remove
short_description: Dump the database of an application and drop it with its roles
description:
  - Nothing is dropped before the dump was written and read back. A database that was not made for the application is refused.
extends_documentation_fragment:
  - django_ec2.site.postgres_login
options:
  name:
    description: Name of the application.
    type: str
    required: true
  database:
    description: Name of the database.
    type: str
    required: true
  owner:
    description: The role that owns its tables.
    type: str
    required: true
  roles:
    description: Names of its roles. One that is not there, or that owns another database, is left out.
    type: list
    elements: str
    required: true
  dump:
    description: Where the dump goes, on this host. Empty makes none.
    type: str
    default: ""
author:
  - The maintainers
attributes:
  check_mode:
    support: full
    description: Says what would be dropped.
"""

EXAMPLES = r"""
- name: Drop the database of an application
  django_ec2.site.postgres_remove:
    name: board
    database: board
    owner: board_owner
    roles: [board, board_b, board_owner]
    dump: /var/backups/board/last.dump
"""

RETURN = r"""
removed:
  description: What was dropped, or would be.
  returned: success
  type: list
  elements: str
  sample: [database board, role board]
dump:
  description: Where the last dump is; empty without one.
  returned: success
  type: str
left:
  description: Roles that could not be dropped, with the server's reason.
  returned: success
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.login import LOGIN_SPEC, ServerUnavailable
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.remove import RemovalRefused, remove


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "database": {"type": "str", "required": True},
            "owner": {"type": "str", "required": True},
            "roles": {"type": "list", "elements": "str", "required": True},
            "dump": {"type": "str", "default": ""},
            "login": LOGIN_SPEC,
        },
        supports_check_mode=True,
    )
    given = module.params
    try:
        answer = remove(given, apply=not module.check_mode)
    except (ServerUnavailable, RemovalRefused, OSError) as error:
        module.fail_json(msg=f"{given['name']}: {error}.")
    for one in answer["left"]:
        module.warn(f"{given['name']}: a role could not be dropped: {one}")
    module.exit_json(**answer)


if __name__ == "__main__":
    main()
