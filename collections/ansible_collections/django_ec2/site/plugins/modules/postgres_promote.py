#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Hand the role of the primary from one PostgreSQL host to another."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: postgres_promote
short_description: End a primary, fence it, or promote a standby
description:
  - V(handed_over) ends the primary of this host as it should be, after its log has been sent, and makes it a standby when it is started
    again. One that doesn't end goes on.
  - V(promoted) makes the standby of this host the primary. With O(after_shutdown) it waits on its own host until the last record of its
    log says that the primary was shut down, and refuses otherwise; then no row is lost.
  - V(fenced) ends a primary that was given up at once, and makes it a standby when it is started again.
  - V(kept) makes a primary that was to be handed over the primary again, and starts it.
options:
  state:
    description: What to do.
    type: str
    choices: [handed_over, promoted, fenced, kept]
    required: true
  port:
    description: Port of this host's server.
    type: int
    default: 5432
  to:
    description: The standby that takes over, as it names itself. For V(handed_over).
    type: str
    default: ""
  after_shutdown:
    description: Whether to wait for the end of the primary. For V(promoted).
    type: bool
    default: true
  slots:
    description: Replication slots for the hosts that will follow. For V(promoted).
    type: list
    elements: str
    default: []
  seconds:
    description: How long to wait for the other half.
    type: int
    default: 60
  run:
    description: A word that names this promotion. For V(handed_over) with O(poolers).
    type: str
    default: ""
  poolers:
    description:
      - Web hosts whose poolers have to be paused before the primary ends (M(django_ec2.site.pgbouncer_handover)). For V(handed_over).
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
    description: Says that it would be done.
"""

EXAMPLES = r"""
- name: Promote, as soon as the primary has ended
  django_ec2.site.postgres_promote:
    state: promoted
    slots: [standby_db1]

- name: End the primary
  django_ec2.site.postgres_promote:
    state: handed_over
    to: db2
"""

RETURN = r"""
stop_seconds:
  description: How long the primary took to end.
  returned: with V(handed_over)
  type: float
lsn:
  description: Where its log ends, as a number of bytes.
  returned: with V(handed_over)
  type: int
promote_seconds:
  description: From the end of the log to the first row that could be written.
  returned: with V(promoted)
  type: float
timeline:
  description: The timeline that begins there.
  returned: with V(promoted)
  type: int
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.django_ec2.site.plugins.module_utils.postgres import promotion
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.login import ServerUnavailable
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.programs import ProgramFailed

try:
    import psycopg2
except ImportError:
    psycopg2 = None


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["handed_over", "promoted", "fenced", "kept"], "required": True},
            "port": {"type": "int", "default": 5432},
            "to": {"type": "str", "default": ""},
            "after_shutdown": {"type": "bool", "default": True},
            "slots": {"type": "list", "elements": "str", "default": []},
            "seconds": {"type": "int", "default": 60},
            "run": {"type": "str", "default": ""},
            "poolers": {"type": "list", "elements": "str", "default": []},
        },
        required_if=[("state", "handed_over", ["to"])],
        supports_check_mode=True,
    )
    given = module.params
    if psycopg2 is None:
        module.fail_json(msg="python3-psycopg2 is not installed on this host: run site.yml first.")
    if module.check_mode:
        module.exit_json(changed=True)
    result = {"changed": True}
    try:
        if given["state"] == "handed_over":
            result |= promotion.hand_over(given["port"], given["to"], given["seconds"], given["run"], given["poolers"])
        elif given["state"] == "promoted":
            result |= promotion.promote(given["port"], given["after_shutdown"], given["seconds"], given["slots"])
        elif given["state"] == "fenced":
            promotion.fence(given["seconds"])
        else:
            promotion.keep(given["port"])
    except (promotion.PromotionProblem, ProgramFailed, ServerUnavailable, psycopg2.Error, OSError) as error:
        module.fail_json(msg=str(error).strip())
    module.exit_json(**result)


if __name__ == "__main__":
    main()
