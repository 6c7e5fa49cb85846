#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Restart the PostgreSQL server of this host and wait until it serves."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: postgres_restart
short_description: Restart PostgreSQL, a standby not before its primary where that matters
description:
  - Restarts the cluster C(main) of Debian's layout and waits until it takes connections.
  - A standby that is to take less of C(max_connections) and its like than now is restarted only when its primary's log has said that
    the primary takes as little. Otherwise it would not start.
options:
  version:
    description: Major version of PostgreSQL.
    type: str
    required: true
  port:
    description: Port of the server once it is restarted.
    type: int
    default: 5432
  after_primary:
    description: Whether to wait for the primary first.
    type: bool
    default: false
  seconds:
    description: How long to wait for the primary, and then for the server.
    type: int
    default: 60
  run:
    description: A word that names this restart, for M(django_ec2.site.pgbouncer_handover).
    type: str
    default: ""
  poolers:
    description: Web hosts whose poolers hold their clients back meanwhile. Nothing is restarted before all of them are paused.
    type: list
    elements: str
    default: []
requirements:
  - python3-psycopg2
author:
  - The maintainers
attributes:
  check_mode:
    support: full
    description: Nothing is restarted.
"""

EXAMPLES = r"""
- name: Restart PostgreSQL
  django_ec2.site.postgres_restart:
    version: "17"
"""

RETURN = r"""
seconds:
  description: How long the server took until it took connections again.
  returned: when it was restarted
  type: float
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.django_ec2.site.plugins.module_utils.postgres import restart
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.login import ServerUnavailable


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "version": {"type": "str", "required": True},
            "port": {"type": "int", "default": 5432},
            "after_primary": {"type": "bool", "default": False},
            "seconds": {"type": "int", "default": 60},
            "run": {"type": "str", "default": ""},
            "poolers": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    port, version, seconds, run, poolers = (
        module.params[name] for name in ("port", "version", "seconds", "run", "poolers")
    )
    if module.check_mode:
        module.exit_json(changed=True)
    try:
        if module.params["after_primary"]:
            restart.wait_for_primary(port, version, seconds)
        module.exit_json(changed=True, seconds=restart.restart(port, version, seconds, run, poolers))
    except (restart.RestartProblem, ServerUnavailable) as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
