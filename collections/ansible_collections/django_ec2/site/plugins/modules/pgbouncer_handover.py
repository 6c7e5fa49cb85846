#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""The part of a web host's poolers in a planned promotion, or in a restart of the primary."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: pgbouncer_handover
short_description: Hold the clients of poolers back while a standby takes over, or while the primary is restarted
description:
  - Runs on all web hosts at once, while M(django_ec2.site.postgres_promote) waits on the two database hosts. The poolers of all of them are
    paused, or of none; the primary ends, the standby is promoted, the poolers are led there and resumed.
  - What they lead to has to be staged before (M(django_ec2.site.pgbouncer_control)).
  - With O(leads=false) the primary is restarted by M(django_ec2.site.postgres_restart), and the poolers stay where they lead.
  - Where one can't be paused, nothing is promoted or restarted, and all clients go on.
options:
  run:
    description: A word that names this promotion, the same on all hosts.
    type: str
    required: true
  host:
    description: The name of this host.
    type: str
    required: true
  hosts:
    description: The names of all web hosts that take part.
    type: list
    elements: str
    required: true
  instances:
    description: The poolers.
    type: list
    elements: str
    required: true
  seconds:
    description: Seconds that the transactions in hand have to end.
    type: float
    default: 5
  leads:
    description: Whether another server takes over, to which the poolers are led.
    type: bool
    default: true
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
- name: Hold the clients back while the standby takes over
  django_ec2.site.pgbouncer_handover:
    run: 20261126t101500
    host: web1
    hosts: [web1, web2]
    instances: [self_hosted-transaction]
"""

RETURN = r"""
switched:
  description: Whether the poolers lead to the standby now. Otherwise the primary goes on, as after a restart.
  returned: always but in check mode
  type: bool
seconds:
  description: For how long clients waited.
  returned: always but in check mode
  type: float
"""

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.django_ec2.site.plugins.module_utils.pgbouncer import handover


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "run": {"type": "str", "required": True},
            "host": {"type": "str", "required": True},
            "hosts": {"type": "list", "elements": "str", "required": True},
            "instances": {"type": "list", "elements": "str", "required": True},
            "seconds": {"type": "float", "default": 5},
            "leads": {"type": "bool", "default": True},
        },
        supports_check_mode=True,
    )
    given = module.params
    if handover.psycopg2 is None:
        module.fail_json(msg=missing_required_lib("psycopg2"))
    if module.check_mode:
        module.exit_json(changed=True)
    names = ("run", "host", "hosts", "instances", "seconds", "leads")
    one = handover.Handover(*(given[name] for name in names))
    try:
        found = one.take_part()
    except handover.HandoverProblem as error:
        module.fail_json(msg=f"{given['host']}: {error}.")
    module.exit_json(changed=found["switched"] or not given["leads"], **found)


if __name__ == "__main__":
    main()
