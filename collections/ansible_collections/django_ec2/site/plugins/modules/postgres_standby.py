#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Make the PostgreSQL cluster of this host a standby of another one."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: postgres_standby
short_description: Make the PostgreSQL cluster of this host a standby
description:
  - Copies the data of a primary by C(pg_basebackup), where there is no cluster yet, where a copy was begun and cut, or where the primary
    no longer has the log that a standby lacks.
  - With O(state=rewound) a cluster that took writes of its own is taken back by C(pg_rewind) to where it left the primary. Where that
    can't be, it is copied.
  - The cluster is left stopped; whoever configures it starts it. With O(state=following) the module waits until it streams.
  - A cluster that takes writes is never replaced by a copy.
options:
  state:
    description: V(present) copies where it is needed, V(following) waits until the log is received, V(rewound) gives up rows of its own.
    type: str
    choices: [present, following, rewound]
    default: present
  version:
    description: Major version of PostgreSQL.
    type: str
    required: true
  port:
    description: Port of this host's server.
    type: int
    default: 5432
  data_directory:
    description: Where the data of a new cluster goes. Empty is Debian's place.
    type: str
    default: ""
  primary:
    description: Name of the primary, for messages.
    type: str
    required: true
  conninfo:
    description: How libpq reaches the primary as the role that may replicate, without a password.
    type: str
    required: true
  slot:
    description: Physical replication slot on the primary. It is made where it is missing.
    type: str
    required: true
  slot_lost:
    description: Whether the primary said that the slot has lost log that the standby lacks.
    type: bool
    default: false
  seconds:
    description: How long to wait with O(state=following).
    type: int
    default: 60
author:
  - The maintainers
attributes:
  check_mode:
    support: full
    description: Says whether data would be copied. Waits for nothing.
"""

EXAMPLES = r"""
- name: Copy the primary's data
  django_ec2.site.postgres_standby:
    version: "17"
    primary: db1
    conninfo: host=db1 user=replication sslmode=verify-full sslrootcert=/etc/ssl/postgres/ca.pem
    slot: standby_db2
"""

RETURN = r"""
changes:
  description: What was done, or would be, in words.
  returned: always
  type: list
  elements: str
  sample: ["Copied the data of db1: there is no cluster yet"]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.programs import ProgramFailed
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.standby import Standby, StandbyProblem, rewind


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "following", "rewound"], "default": "present"},
            "version": {"type": "str", "required": True},
            "port": {"type": "int", "default": 5432},
            "data_directory": {"type": "str", "default": ""},
            "primary": {"type": "str", "required": True},
            "conninfo": {"type": "str", "required": True},
            "slot": {"type": "str", "required": True},
            "slot_lost": {"type": "bool", "default": False},
            "seconds": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )
    given = module.params
    standby = Standby(given)
    try:
        if given["state"] == "present":
            why = standby.plan(standby.state(), given["slot_lost"])
            if why and module.check_mode:
                standby.changes.append(f"Copy the data of {given['primary']}: {why}")
            elif why:
                standby.copy(why)
        elif given["state"] == "rewound":
            if module.check_mode:
                standby.changes.append(f"Rewind to where {given['primary']} went on")
            else:
                rewind(standby)
        elif not module.check_mode:
            standby.follow(given["seconds"])
    except (ProgramFailed, StandbyProblem, OSError) as error:
        module.fail_json(msg=f"{str(error).rstrip('.')}.", changes=standby.changes)
    module.exit_json(
        changed=bool(standby.changes),
        changes=standby.changes,
        diff={"before": "", "after": "".join(f"{text}\n" for text in standby.changes)},
    )


if __name__ == "__main__":
    main()
