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
      files:
        description: Files that a master reads at its start; a change of one asks for a new master.
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
      services: true
      releases: {4be1: {complete: true, ready: true, bad: "", withdrawn: "", modified: 1763800000}}
      history: [{time: 1763800000, action: deploy, release: 4be1, from: "", version: v1.4, who: admin, seconds: 1.2}]
      superusers: [admin]
"""

import json
import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.django_ec2.site.plugins.module_utils.slots import SLOTS, digest, read_history, read_slot


def read_mark(path: str) -> str:
    """The reason in a mark such as ``.bad``; empty where there is none."""
    try:
        with open(path) as handle:
            return handle.read().strip() or "no reason given"
    except FileNotFoundError:
        return ""


def read_json(path: str) -> dict:
    """A file that a release carries; empty where there is none."""
    try:
        with open(path) as handle:
            return json.load(handle)
    except (FileNotFoundError, ValueError):
        return {}


def size_of(directory: str) -> int:
    """Bytes that a tree takes on disk; files that other releases hold too are counted in each."""
    total = 0
    for place, directories, names in os.walk(directory):
        for name in [*directories, *names]:
            total += os.lstat(os.path.join(place, name)).st_blocks * 512
    return total


def read_releases(directory: str, details: bool) -> dict:
    """The releases of an application."""
    found = {}
    if os.path.isdir(directory):
        for name in os.listdir(directory):
            path = os.path.join(directory, name)
            if os.path.isdir(path):
                found[name] = {
                    "complete": os.path.exists(os.path.join(path, ".complete")),
                    "ready": os.path.exists(os.path.join(path, ".ready")),
                    "bad": read_mark(os.path.join(path, ".bad")),
                    "withdrawn": read_mark(os.path.join(path, ".withdrawn")),
                    "modified": int(os.stat(path).st_mtime),
                }
                if details:
                    found[name] |= {
                        "size": size_of(path),
                        "packages": read_json(os.path.join(path, "release.json")).get("packages", []),
                        "migrations": read_json(os.path.join(path, "migrations.json")),
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


def live_slot(root: str) -> str:
    """The slot that the pointer says; empty before the first deploy."""
    live = os.path.join(root, "live")
    return os.path.basename(os.readlink(live)) if os.path.islink(live) else ""


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
                    "services": {"type": "list", "elements": "str", "default": []},
                },
            },
            "expected": {"type": "dict", "default": {}},
            "details": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    given = module.params["applications"]
    lives = {one["name"]: live_slot(one["root"]) for one in given}
    services = {
        one["name"]: [f"{one['name']}-{name}@{lives[one['name']]}.service" for name in one["services"]]
        for one in given if lives[one["name"]]
    }  # fmt: skip
    masters = [f"uwsgi-{one['name']}@{slot}.service" for one in given for slot in SLOTS]
    running = active(module, [*masters, *(unit for units in services.values() for unit in units)])
    state = {}
    for one in given:
        root = one["root"]
        slot = lives[one["name"]]
        shared = os.path.join(root, "shared")
        names = os.listdir(shared) if os.path.isdir(shared) else []
        state[one["name"]] = {
            "live": slot,
            "idle": "green" if slot == "blue" else "blue",
            "settings": digest(one["files"], module.params["expected"]),
            "slots": {
                name: {
                    **read_slot(os.path.join(root, "slots", name)),
                    "active": running.get(f"uwsgi-{one['name']}@{name}.service", False),
                }
                for name in SLOTS
            },
            "services": all(running.get(unit, False) for unit in services.get(one["name"], [])),
            "releases": read_releases(os.path.join(root, "releases"), module.params["details"]),
            "history": read_history(root),
            "superusers": sorted(name.split("-", 1)[1] for name in names if name.startswith(".superuser-")),
        }
    module.exit_json(changed=False, applications=state)


if __name__ == "__main__":
    main()
