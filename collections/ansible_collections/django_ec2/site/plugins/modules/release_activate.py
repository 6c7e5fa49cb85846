#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Start a slot, ask it, make it live, and let the old one finish."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: release_activate
short_description: Make a slot live without losing a request
description:
  - Starts the server of a slot on its own socket and asks it directly, as nginx would, until it answers.
  - Then the symlink C(live) is renamed over, the old slot's accept queue is waited for, and only then the old server is
    told to finish its requests and end. nginx is not touched.
  - A slot that does not answer, or answers a path of O(checks) wrongly, is stopped and its release is marked bad; what was live stays
    live. With O(action=rollback) a wrong answer of O(checks) is a warning.
  - The services of the application (other long-running processes) follow. Those of the new slot start before the switch, and
    a switch is not made when one of them ends at once; those of the old slot are asked to finish after it. A singleton runs
    once at a time, so its old one ends before the new one starts.
extends_documentation_fragment:
  - django_ec2.site.health_question
options:
  name:
    description: Name of the application.
    type: str
    required: true
  root:
    description: Its directory.
    type: path
    required: true
  slot:
    description: The slot that is to be live. Its release and its environment are in place.
    type: str
    choices: [blue, green]
    required: true
  release:
    description: The release in that slot, for the record.
    type: str
    required: true
  fingerprint:
    description: What tells this environment and release from others, for the record.
    type: str
    required: true
  unit:
    description: The server's systemd unit, with C({slot}) where the slot's name stands. Stopping it finishes the requests in hand.
    type: str
    required: true
  socket:
    description: The server's unix socket, with C({slot}) where the slot's name stands.
    type: str
    required: true
  migrations:
    description: What the release says of its migrations, to be kept with it; left out keeps what is there.
    type: dict
  restore_point:
    description: The restore point of the database that was made before its migrations, for the record.
    type: str
    default: ""
  settings:
    description: Files that the server reads at its start; their digest is kept for the record.
    type: list
    elements: path
    default: []
  services:
    description: Long-running processes of the application that run on this host.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the service; its unit is C(<application>-<name>@<slot>.service).
        type: str
        required: true
      singleton:
        description: Whether two of it must never run at the same time.
        type: bool
        default: false
  action:
    description: What is done, for the record.
    type: str
    choices: [deploy, rollback]
    default: deploy
  version:
    description: Version of the release's source, for the record.
    type: str
    default: ""
  who:
    description: Who does it, for the record.
    type: str
    default: ""
  start_timeout:
    description: Seconds that the slot has to answer.
    type: int
    default: 60
  drain_timeout:
    description: Seconds that the old server has to finish its requests.
    type: int
    default: 90
  run:
    description: The run of Ansible whose lock is given back, said by the action plugin. Not for use in playbooks.
    type: dict
    default: {}
author:
  - The maintainers
attributes:
  check_mode:
    support: full
    description: In check mode nothing is started.
"""

EXAMPLES = r"""
- name: Make the new release live
  django_ec2.site.release_activate:
    name: board
    root: /srv/board
    slot: green
    release: 4be1d2c3a4f5
    fingerprint: 77aa
    unit: server-board@{slot}.service
    socket: /run/server-board/{slot}/server.sock
    host: board.example.org
    health_path: /readyz
"""

RETURN = r"""
old_release:
  description: The release that was live before; empty at the first time.
  returned: success
  type: str
seconds_start:
  description: Seconds from the start of the new server to its first good answer.
  returned: success
  type: float
seconds_live:
  description: Seconds from the beginning until the new server gets the requests.
  returned: success
  type: float
seconds_switch:
  description: Seconds from the decision to switch to the end of the old server.
  returned: success
  type: float
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.django_ec2.site.plugins.module_utils.release.checks import QUESTION_SPEC
from ansible_collections.django_ec2.site.plugins.module_utils.release.switch import Switch


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            **QUESTION_SPEC,
            "name": {"type": "str", "required": True},
            "root": {"type": "path", "required": True},
            "slot": {"type": "str", "choices": ["blue", "green"], "required": True},
            "release": {"type": "str", "required": True},
            "fingerprint": {"type": "str", "required": True},
            "unit": {"type": "str", "required": True},
            "socket": {"type": "str", "required": True},
            "settings": {"type": "list", "elements": "path", "default": []},
            "migrations": {"type": "dict"},
            "restore_point": {"type": "str", "default": ""},
            "services": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "name": {"type": "str", "required": True},
                    "singleton": {"type": "bool", "default": False},
                },
            },
            "action": {"type": "str", "choices": ["deploy", "rollback"], "default": "deploy"},
            "version": {"type": "str", "default": ""},
            "who": {"type": "str", "default": ""},
            "start_timeout": {"type": "int", "default": 60},
            "drain_timeout": {"type": "int", "default": 90},
            "run": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    switch = Switch(module)
    if module.check_mode:
        module.exit_json(changed=True, old_release=switch.before, seconds_start=0.0, seconds_switch=0.0)
    module.exit_json(changed=True, **switch.run())


if __name__ == "__main__":
    main()
