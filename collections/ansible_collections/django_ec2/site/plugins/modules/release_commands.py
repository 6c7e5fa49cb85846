#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Run the commands of an application that are due between migration and switch."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: release_commands
short_description: Run an application's commands between its migrations and its first visitor
description:
  - Runs C(initial_commands) once in the life of the application's database, and C(post_migrate_commands) once for each new release.
  - What has run is marked in the database, in the table C(release_marks) of its owner. A dump takes the marks along; a new database
    has none.
  - A command that ended is not repeated when a later one fails. The next run goes on there.
options:
  name:
    description: Name of the application.
    type: str
    required: true
  manage:
    description: The application's manage command on the host.
    type: path
    required: true
  slot:
    description: The slot of the new release.
    type: str
    choices: [blue, green]
    required: true
  release:
    description: The release's id.
    type: str
    required: true
  initial_commands:
    description: Each a list of words after C(manage.py).
    type: list
    elements: list
    default: []
  post_migrate_commands:
    description: Each a list of words after C(manage.py).
    type: list
    elements: list
    default: []
  marks:
    description: The program that reads and writes the marks inside the release.
    type: str
    required: true
author:
  - The maintainers
attributes:
  check_mode:
    support: partial
    description: The database is not asked, so the commands that may be due are reported as changed.
"""

EXAMPLES = r"""
- name: Run the commands of the new release
  django_ec2.site.release_commands:
    name: board
    manage: /usr/local/sbin/board-manage
    slot: green
    release: 4be1d2c3a4f5
    initial_commands: [[loaddata, first]]
    marks: "{{ lookup('ansible.builtin.file', 'programs/marks.py') }}"
"""

RETURN = r"""
ran:
  description: The commands that were run now.
  returned: success
  type: list
  elements: str
  sample: [loaddata first]
new:
  description: Commands that came to C(initial_commands) after the others had run. They were not run.
  returned: success
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.django_ec2.site.plugins.module_utils.release.commands import Refusal
from ansible_collections.django_ec2.site.plugins.module_utils.release.data_commands import DataCommands


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "manage": {"type": "path", "required": True},
            "slot": {"type": "str", "choices": ["blue", "green"], "required": True},
            "release": {"type": "str", "required": True},
            "initial_commands": {"type": "list", "elements": "list", "default": []},
            "post_migrate_commands": {"type": "list", "elements": "list", "default": []},
            "marks": {"type": "str", "required": True},
        },
        supports_check_mode=True,
    )
    name = module.params["name"]
    if module.check_mode:
        module.exit_json(changed=True, ran=[], new=[])
    try:
        answer = DataCommands(module.params).run()
    except Refusal as error:
        module.fail_json(
            msg=f"{name}: release {module.params['release']} was not made live: {error}\nWhat was live before still serves. Commands "
            "that had ended are not repeated by the next deploy."
        )
    if answer["new"]:
        module.warn(
            f"{name}: the initial_commands of its database have run already, so these did not: {', '.join(answer['new'])}. "
            f"Run them by hand: {module.params['manage']}."
        )
    module.exit_json(changed=bool(answer["ran"]), **answer)


if __name__ == "__main__":
    main()
