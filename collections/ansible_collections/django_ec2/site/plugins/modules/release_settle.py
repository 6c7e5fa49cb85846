#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Do what an interrupted switch owes."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: release_settle
short_description: End what an interrupted switch left in the slot that is not live
description:
  - Ends the server of that slot, once nobody waits at its socket, and the services beside it. What is live is left alone.
  - A switch notes on the disk what it owes before it is due, and takes the note back at its end. This module does it for a switch that
    was cut.
options:
  name:
    description: Name of the application.
    type: str
    required: true
  root:
    description: Its directory.
    type: path
    required: true
  unit:
    description: The server's systemd unit, with C({slot}) where the slot's name stands.
    type: str
    required: true
  socket:
    description: The server's unix socket, with C({slot}) where the slot's name stands.
    type: str
    required: true
  drain_timeout:
    description: Seconds that the server has to finish its requests.
    type: int
    default: 90
author:
  - The maintainers
attributes:
  check_mode:
    support: full
    description: In check mode nothing is ended.
"""

EXAMPLES = r"""
- name: Do what an interrupted switch owes
  django_ec2.site.release_settle:
    name: board
    root: /srv/board
    unit: server-board@{slot}.service
    socket: /run/server-board/{slot}/server.sock
"""

RETURN = r"""
ended:
  description: The units that were ended.
  returned: success
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.django_ec2.site.plugins.module_utils.release.alone import alone
from ansible_collections.django_ec2.site.plugins.module_utils.release.owed import settle


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "root": {"type": "path", "required": True},
            "unit": {"type": "str", "required": True},
            "socket": {"type": "str", "required": True},
            "drain_timeout": {"type": "int", "default": 90},
        },
        supports_check_mode=True,
    )
    handle = None if module.check_mode else alone(module.params["root"])
    if not handle and not module.check_mode:
        module.fail_json(msg=f"Another switch of {module.params['name']} on this host does not end: try again.")
    ended = settle(module)
    module.exit_json(changed=bool(ended), ended=ended)


if __name__ == "__main__":
    main()
