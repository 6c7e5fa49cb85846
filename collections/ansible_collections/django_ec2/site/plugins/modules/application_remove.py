#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Remove an application from a web host."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: application_remove
short_description: Remove an application from a web host
description:
  - With O(state=stopped) its site leaves nginx, and its server, services and timers end for good. With O(state=absent) its uploads and
    private data are archived, its databases leave the poolers of the host, and its units, files, account and group are removed.
  - What this repository did not make is not touched. A second call finds nothing.
options:
  name:
    description: Name of the application.
    type: str
    required: true
  state:
    description: How far to go.
    type: str
    choices: [stopped, absent]
    required: true
  units:
    description: Regular expressions of its unit files and of their instances.
    type: list
    elements: str
    required: true
  globs:
    description: The same as patterns of systemctl.
    type: list
    elements: str
    required: true
  site:
    description: The file of its site in nginx's configuration.
    type: path
    required: true
  paths:
    description: Files and directories that go.
    type: list
    elements: path
    required: true
  kept:
    description: Directories that are archived in C(/var/backups/<name>) first.
    type: list
    elements: path
    default: []
  stamp:
    description: The beginning of the archive's name.
    type: str
    default: last
author:
  - The maintainers
attributes:
  check_mode:
    support: full
    description: Says what would be removed.
"""

EXAMPLES = r"""
- name: Stop it
  django_ec2.site.application_remove:
    name: board
    state: stopped
    units: ['server-board@.*\.service', 'board-.*\.(service|timer)']
    globs: ["server-board@*", "board-*"]
    site: /etc/nginx/sites-enabled/board.conf
    paths: [/srv/board]
"""

RETURN = r"""
removed:
  description: What was stopped or removed, or would be.
  returned: success
  type: list
  elements: str
archive:
  description: Where its files were kept; empty when there were none.
  returned: success
  type: str
  sample: /var/backups/board/20261126T040000Z-files.tar.gz
record:
  description: What the host knew of it, such as the names of its database and roles; empty where an earlier version made it.
  returned: success
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.django_ec2.site.plugins.module_utils.pgbouncer import console, control
from ansible_collections.django_ec2.site.plugins.module_utils.release.commands import Refusal
from ansible_collections.django_ec2.site.plugins.module_utils.release.remove import Removal


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["stopped", "absent"], "required": True},
            "units": {"type": "list", "elements": "str", "required": True},
            "globs": {"type": "list", "elements": "str", "required": True},
            "site": {"type": "path", "required": True},
            "paths": {"type": "list", "elements": "path", "required": True},
            "kept": {"type": "list", "elements": "path", "default": []},
            "stamp": {"type": "str", "default": "last"},
        },
        supports_check_mode=True,
    )
    given = module.params
    removal = Removal(given)
    found, record, archive = removal.found(), removal.record(), ""
    try:
        if found and not module.check_mode:
            if given["state"] == "stopped":
                found = removal.stop()
            else:
                archive = removal.archive(given["stamp"])
                found = [*control.drop_account(given["name"]), *removal.remove()]
    except (Refusal, OSError, control.ControlError, console.ConsoleError) as error:
        module.fail_json(
            msg=f"{given['name']} could not be removed: {error}. Run the same command again when that is mended."
        )
    module.exit_json(changed=bool(found), removed=found, archive=archive, record=record)


if __name__ == "__main__":
    main()
