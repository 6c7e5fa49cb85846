#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Read what was written about an application on a host."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: release_log
short_description: Read the log of an application on a host
description:
  - Reads the journal of its server, services, timers and manage commands, and the lines of nginx's two files that are about it.
    Changes nothing.
options:
  name:
    description: Name of the application.
    type: str
    required: true
  units:
    description: Regular expressions of its units.
    type: list
    elements: str
    required: true
  domains:
    description: The names under which it is visited.
    type: list
    elements: str
    required: true
  since:
    description: From when on; C(30m), C(1h) or C(2d) ago, or a moment in UTC, as C(2026-11-26T04:00).
    type: str
    default: 1h
  lines:
    description: How many lines at most, the last ones.
    type: int
    default: 2000
author:
  - The maintainers
attributes:
  check_mode:
    support: full
    description: Reads alone.
"""

EXAMPLES = r"""
- name: Read the last hour
  django_ec2.site.release_log:
    name: board
    units: ["server-board@.*", "board-.*"]
    domains: [board.example.org]
    since: 1h
"""

RETURN = r"""
entries:
  description: The lines, the oldest first.
  returned: success
  type: list
  elements: dict
  sample: [{time: 1763800000.5, source: server-board@blue, text: "GET /: no such table"}]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.django_ec2.site.plugins.module_utils.release.log import as_data, read_log


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "units": {"type": "list", "elements": "str", "required": True},
            "domains": {"type": "list", "elements": "str", "required": True},
            "since": {"type": "str", "default": "1h"},
            "lines": {"type": "int", "default": 2000},
        },
        supports_check_mode=True,
    )
    given = module.params
    try:
        entries = read_log(given["name"], given["units"], given["domains"], given["since"], given["lines"])
    except (KeyError, ValueError, IndexError):
        module.fail_json(
            msg=f"since '{given['since']}' is neither a time that has passed, as 1h, nor a moment, as 2026-11-26T04:00."
        )
    module.exit_json(changed=False, entries=as_data(entries))


if __name__ == "__main__":
    main()
