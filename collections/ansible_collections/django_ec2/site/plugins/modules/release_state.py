#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Read which releases of the applications a host has, and which one is live."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: release_state
short_description: Read the releases of applications on a host
description:
  - Reads, in one round trip, which releases of each application are on the host, which are complete, what stands in
    each slot, which slot is live, and what was live before. Changes nothing.
options:
  applications:
    description: The applications.
    type: list
    elements: dict
    required: true
    suboptions:
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
      files:
        description: Files that a server reads at its start; a change of one asks for a new start.
        type: list
        elements: path
        default: []
      services:
        description: Names of the services that have to run in the live slot.
        type: list
        elements: str
        default: []
  expected:
    description: The SHA-256 of files that an earlier task would have changed, by path; in check mode they are not there yet.
    type: dict
    default: {}
  contents:
    description: >-
      Whether to compare the contents of the live release's files with what was shipped, and not only mode, owner, size and time.
    type: bool
    default: false
  known:
    description: Names of all applications of the inventory. A warning names what is here of others. Empty asks for none.
    type: list
    elements: str
    default: []
  details:
    description: Whether to read each release's size, description and migrations, too, which costs more.
    type: bool
    default: false
author:
  - The maintainers
attributes:
  check_mode:
    support: full
    description: Reads alone.
"""

EXAMPLES = r"""
- name: Look at the releases
  django_ec2.site.release_state:
    applications:
      - name: board
        root: /srv/board
        unit: server-board@{slot}.service
"""

RETURN = r"""
applications:
  description: The state of each application, by its name.
  returned: success
  type: dict
  sample:
    board:
      live: blue
      owed: false
      free: {bytes: 9000000000, total: 20000000000, inodes: 1200000, total_inodes: 1300000}
      damage: {releases/4be1/app/shop/views.py: changed}
      moment: blue 178
      idle: green
      settings: 0f3c
      slots: {blue: {release: 4be1, fingerprint: 77aa, settings: 0f3c, active: true}, green: {}}
      services: true
      layers: {9c0f: {layer: 77aa, packages: [Django==5.2]}}
      releases: {4be1: {complete: true, ready: true, bad: "", withdrawn: "", modified: 1763800000, input_key: 5d1c, layer: 77aa}}
      history: [{time: 1763800000, action: deploy, release: 4be1, from: "", version: v1.4, who: admin, seconds: 1.2}]
      account: "997:997"
      superuser: {username: admin, digest: 9f86, database: "db1:5432/board"}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.django_ec2.site.plugins.module_utils.release.state import left_over, read_state


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "applications": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "name": {"type": "str", "required": True},
                    "root": {"type": "path", "required": True},
                    "unit": {"type": "str", "required": True},
                    "files": {"type": "list", "elements": "path", "default": []},
                    "services": {"type": "list", "elements": "str", "default": []},
                },
            },
            "expected": {"type": "dict", "default": {}},
            "contents": {"type": "bool", "default": False},
            "known": {"type": "list", "elements": "str", "default": []},
            "details": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    for name in left_over(module.params["known"]) if module.params["known"] else ():
        module.warn(
            f"{name} is no application of this inventory any more, and this host still has its files, units and account: "
            f"playbooks/remove_app.yml -e app={name} -e confirm={name} removes them, with its database."
        )
    module.exit_json(
        changed=False,
        applications=read_state(
            module,
            module.params["applications"],
            module.params["expected"],
            module.params["details"],
            module.params["contents"],
        ),
    )


if __name__ == "__main__":
    main()
