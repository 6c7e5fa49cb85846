#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Ask the live release about a copy of its database."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: release_copy
short_description: Ask the live release about a copy of its database
description:
  - Runs C(manage.py check --database default) of the live release against a copy of its database on the same server, and says which
    migrations the copy lacks. With O(migrate) it makes them there.
  - The release has its own environment, with the login of the database's owner. The live database is not connected to.
options:
  manage:
    description: The application's manage command on the host.
    type: path
    required: true
  database:
    description: Name of the copy.
    type: str
    required: true
  alias:
    description: Which one of the project's C(DATABASES) it stands for.
    type: str
    default: default
  migrate:
    description: Whether migrations that the copy lacks are made in it.
    type: bool
    default: false
  scrub:
    description: Commands of C(manage.py), and files of SQL below the project's directory, that are run in the copy after its migrations.
    type: list
    elements: list
    default: []
  program:
    description: The text of the program that does it inside the release, C(roles/release/files/programs/copy_of_database.py).
    type: str
    required: true
author:
  - The maintainers
attributes:
  check_mode:
    support: full
    description: In check mode nobody is asked.
"""

EXAMPLES = r"""
- name: See whether the release fits
  django_ec2.site.release_copy:
    manage: /usr/local/sbin/shop-manage
    database: shop_scratch
    program: "{{ lookup('ansible.builtin.file', 'programs/copy_of_database.py') }}"
"""

RETURN = r"""
pending:
  description: Migrations that the copy lacked.
  returned: success
  type: list
  elements: str
scrubbed:
  description: What was run in the copy.
  returned: success
  type: list
  elements: str
ahead:
  description: Migrations that were applied to the copy, and that the release does not have.
  returned: success
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.django_ec2.site.plugins.module_utils.release.commands import Refusal
from ansible_collections.django_ec2.site.plugins.module_utils.release.inside import ask_inside


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "manage": {"type": "path", "required": True},
            "database": {"type": "str", "required": True},
            "alias": {"type": "str", "default": "default"},
            "migrate": {"type": "bool", "default": False},
            "scrub": {"type": "list", "elements": "list", "default": []},
            "program": {"type": "str", "required": True},
        },
        supports_check_mode=True,
    )
    given = module.params
    if module.check_mode:
        module.exit_json(changed=given["migrate"], pending=[], ahead=[], scrubbed=[])
    asked = {key: given[key] for key in ("database", "alias", "migrate", "scrub")}
    try:
        found = ask_inside([given["manage"], "--owner"], "copy_of_database.py", given["program"], asked)
    except Refusal as error:
        module.fail_json(msg=f"The live release can't work with {given['database']}: {str(error).rstrip('.')}.")
    if found.get("another"):
        module.fail_json(
            msg=f"The dump is of another project: it has {', '.join(found['another'][:6])}, and no migration of the live release's own "
            "applications."
        )
    if found["error"]:
        module.fail_json(msg=f"The live release does not fit {given['database']}: {found['error'].rstrip('.')}.")
    changed = bool(given["scrub"]) or (given["migrate"] and bool(found["pending"]))
    scrubbed = [" ".join(one) for one in given["scrub"]]
    module.exit_json(changed=changed, pending=found["pending"], ahead=found["ahead"], scrubbed=scrubbed)


if __name__ == "__main__":
    main()
