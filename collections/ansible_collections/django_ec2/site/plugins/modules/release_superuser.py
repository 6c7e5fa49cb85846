#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Bring the administrator of an application to what its entry says."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: release_superuser
short_description: Make or change the administrator of an application, by Django's API
description:
  - Makes the user where there is none of that name. One who is there keeps the password unless O(update) is set.
  - A user of that name who is no superuser is left alone, with a warning.
  - The password goes through standard input to a process of the application's user. It is in no file and on no command line.
options:
  name:
    description: Name of the application.
    type: str
    required: true
  root:
    description: The application's directory, where it is remembered what was asked for.
    type: path
    required: true
  manage:
    description: The application's manage command on the host.
    type: path
    required: true
  slot:
    description: The slot whose release is asked.
    type: str
    choices: [blue, green]
    required: true
  username:
    description: Name of the user.
    type: str
    required: true
  email:
    description: Mail address of the user.
    type: str
    required: true
  password:
    description: Password of the user.
    type: str
    required: true
  fields:
    description: Further fields that the project's user model asks for, name to value.
    type: dict
    default: {}
  update:
    description: Whether a superuser of that name gets this password and this mail address.
    type: bool
    default: false
  mark:
    description: What was asked for, to be remembered; see C(superuser_mark) of the collection.
    type: dict
    required: true
  program:
    description: The program that does it inside the release.
    type: str
    required: true
author:
  - The maintainers
attributes:
  check_mode:
    support: full
    description: The release that is there is asked what would be done. Without one, the user would be made.
"""

EXAMPLES = r"""
- name: Make the administrator
  django_ec2.site.release_superuser:
    name: board
    root: /srv/board
    manage: /usr/local/sbin/board-manage
    slot: green
    username: admin
    email: admin@example.org
    password: "{{ password }}"
    mark: "{{ mark }}"
    program: "{{ lookup('ansible.builtin.file', 'programs/superuser.py') }}"
"""

RETURN = r"""
done:
  description: C(made), C(changed), C(kept) or C(refused).
  returned: success
  type: str
  sample: made
msg:
  description: The same as a sentence.
  returned: success
  type: str
  sample: "board: the superuser admin was made."
"""

import json
import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.django_ec2.site.plugins.module_utils.release.commands import Refusal
from ansible_collections.django_ec2.site.plugins.module_utils.release.inside import ask_inside
from ansible_collections.django_ec2.site.plugins.module_utils.release.slots import live_slot
from ansible_collections.django_ec2.site.plugins.module_utils.release.state import SUPERUSER

SAID = {
    "made": "the superuser {} was made.",
    "changed": "the superuser {} has the password and the mail address of the entry now.",
    "kept": "the superuser {} was there already, and keeps the password.",
}


def _slot(given: dict, check_mode: bool) -> str:
    """The slot that can be asked; in check mode the new release is not in its slot yet."""
    if not check_mode:
        return given["slot"]
    live = live_slot(given["root"])
    return live if live and os.path.exists(given["manage"]) else ""


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "root": {"type": "path", "required": True},
            "manage": {"type": "path", "required": True},
            "slot": {"type": "str", "choices": ["blue", "green"], "required": True},
            "username": {"type": "str", "required": True},
            "email": {"type": "str", "required": True},
            "password": {"type": "str", "required": True, "no_log": True},
            "fields": {"type": "dict", "default": {}},
            "update": {"type": "bool", "default": False},
            "mark": {"type": "dict", "required": True},
            "program": {"type": "str", "required": True},
        },
        supports_check_mode=True,
    )
    given = module.params
    slot = _slot(given, module.check_mode)
    if not slot:
        module.exit_json(changed=True, done="made", msg=f"{given['name']}: {SAID['made'].format(given['username'])}")
    asked = {key: given[key] for key in ("username", "email", "password", "fields", "update")}
    try:
        manage = [given["manage"], "--slot", slot]
        answer = ask_inside(manage, "superuser.py", given["program"], {**asked, "check": module.check_mode})
    except Refusal as error:
        module.fail_json(
            msg=f"{given['name']}: the superuser {given['username']} could not be made: {error}\nMake one by hand "
            f"({given['manage']} shell), and write superuser: {{}} into the entry."
        )
    if answer["done"] == "refused":
        module.warn(f"{given['name']}: no superuser {answer['username']} was made: {answer['why']}.")
        module.exit_json(changed=False, done="refused", msg=answer["why"])
    if not module.check_mode:
        partial = os.path.join(given["root"], f"{SUPERUSER}.new")
        with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as handle:
            json.dump(given["mark"], handle)
        os.replace(partial, os.path.join(given["root"], SUPERUSER))
    said = SAID[answer["done"]].format(answer["username"])
    module.exit_json(changed=answer["done"] != "kept", done=answer["done"], msg=f"{given['name']}: {said}")


if __name__ == "__main__":
    main()
