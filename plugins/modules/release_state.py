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
    each slot, and which slot is live. Changes nothing.
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
      files:
        description: Files that a master reads at its start; a change of one asks for a new master.
        type: list
        elements: path
        default: []
author:
  - The maintainers
attributes:
  check_mode:
    support: full
    description: Reads alone.
"""

EXAMPLES = r"""
- name: Look at the releases
  release_state:
    applications:
      - name: board
        root: /srv/board
"""

RETURN = r"""
applications:
  description: The state of each application, by its name.
  returned: success
  type: dict
  sample:
    board:
      live: blue
      idle: green
      settings: 0f3c
      slots: {blue: {release: 4be1, fingerprint: 77aa, settings: 0f3c, active: true}, green: {}}
      releases: {4be1: {complete: true, static: true, bad: false, modified: 1763800000}}
      superusers: [admin]
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.slots import SLOTS, digest, read_slot


def read_releases(directory: str) -> dict:
    """The releases of an application."""
    found = {}
    if os.path.isdir(directory):
        for name in os.listdir(directory):
            path = os.path.join(directory, name)
            if os.path.isdir(path):
                found[name] = {
                    "complete": os.path.exists(os.path.join(path, ".complete")),
                    "static": os.path.exists(os.path.join(path, ".static")),
                    "bad": os.path.exists(os.path.join(path, ".bad")),
                    "modified": int(os.stat(path).st_mtime),
                }
    return found


def active(module: AnsibleModule, units: list[str]) -> dict:
    """Which of the units run: one question for all of them."""
    systemctl = module.get_bin_path("systemctl")
    if not systemctl or not units:
        return {}
    _code, out, _err = module.run_command([systemctl, "is-active", *units])
    # Without systemd there is no line; a unit that it does not name does not run.
    return dict(zip(units, (line == "active" for line in out.split()), strict=False))


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
                    "files": {"type": "list", "elements": "path", "default": []},
                },
            },
        },
        supports_check_mode=True,
    )
    given = module.params["applications"]
    running = active(module, [f"uwsgi-{one['name']}@{slot}.service" for one in given for slot in SLOTS])
    state = {}
    for one in given:
        root = one["root"]
        live = os.path.join(root, "live")
        slot = os.path.basename(os.readlink(live)) if os.path.islink(live) else ""
        shared = os.path.join(root, "shared")
        names = os.listdir(shared) if os.path.isdir(shared) else []
        state[one["name"]] = {
            "live": slot,
            "idle": "green" if slot == "blue" else "blue",
            "settings": digest(one["files"]),
            "slots": {
                name: {
                    **read_slot(os.path.join(root, "slots", name)),
                    "active": running.get(f"uwsgi-{one['name']}@{name}.service", False),
                }
                for name in SLOTS
            },
            "releases": read_releases(os.path.join(root, "releases")),
            "superusers": sorted(name.split("-", 1)[1] for name in names if name.startswith(".superuser-")),
        }
    module.exit_json(changed=False, applications=state)


if __name__ == "__main__":
    main()
