#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Say what the PostgreSQL cluster of this host is: a primary, a standby, or none."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: postgres_state
short_description: Say whether the PostgreSQL cluster of this host takes writes
description:
  - Asks the running server; of one that is down it reads the files, so that RV(role) is what it would start as.
  - Looks at the cluster C(main) of Debian's layout, of the newest major version. Works where PostgreSQL was never installed. Changes
    nothing.
options:
  port:
    description: Port of the server. While the server still has another one, its only socket is used.
    type: int
    default: 5432
author:
  - The maintainers
attributes:
  check_mode:
    support: full
    description: Nothing is ever changed.
"""

EXAMPLES = r"""
- name: Ask what the cluster is
  django_ec2.site.postgres_state:
  register: cluster
"""

RETURN = r"""
role:
  description:
    - V(primary) takes writes, or will when it is started. V(standby) follows one.
    - V(copying) is a copy or a rewind that was begun and has not ended. V(none) is no cluster.
    - V(target) is a cluster that a major upgrade brings the databases to, V(left) one that it brought them from.
  returned: always
  type: str
  sample: primary
upgrade:
  description: Of a major upgrade C(state), as a move writes it down, and C(peer), the other host; empty without one.
  returned: when the server answers
  type: dict
running:
  description: Whether the server answers.
  returned: always
  type: bool
version:
  description: Its major version.
  returned: when there is a cluster
  type: int
data_directory:
  description: Where its data is.
  returned: when there is a cluster
  type: str
system_identifier:
  description: What a cluster and its standbys have in common.
  returned: when it can be read
  type: str
timeline:
  description: Its timeline; each promotion begins a new one.
  returned: when it can be read
  type: int
history:
  description: The timelines before, each with the position at which it was left, as a number of bytes.
  returned: when it can be read
  type: list
  elements: list
lsn:
  description: The last position of its log, as a number of bytes.
  returned: when it can be read
  type: int
replayed:
  description: How far a standby has replayed, as a number of bytes.
  returned: for a standby that runs
  type: int
lag_seconds:
  description: Seconds since the last transaction that a standby replayed was committed.
  returned: for a standby that runs
  type: float
streaming:
  description: Whether a standby receives the log.
  returned: for a standby
  type: bool
upstream:
  description: The host that a standby follows.
  returned: for a standby that runs
  type: str
clean:
  description: Whether a server that is down was shut down, and did not crash.
  returned: for a cluster that is down
  type: bool
control:
  description: The state in the control file of a server that is down, in the words of C(pg_controldata).
  returned: for a cluster that is down
  type: str
  sample: shut down
handed_over:
  description: Whether a primary that runs will be a standby when it is started again.
  returned: for a cluster that runs
  type: bool
databases:
  description: How many databases of its own it has.
  returned: for a cluster that runs
  type: int
slots:
  description: Its physical replication slots, by name, with C(active) and C(wal_status).
  returned: for a cluster that runs
  type: dict
damaged:
  description: What is wrong with a primary that runs and can't be started again, with the remedy.
  returned: for a primary that runs without its control file
  type: str
reason:
  description: Why the server does not answer.
  returned: for a cluster that is down
  type: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.cluster import read_cluster


def main() -> None:
    """Entry point."""
    module = AnsibleModule(argument_spec={"port": {"type": "int", "default": 5432}}, supports_check_mode=True)
    module.exit_json(changed=False, **read_cluster(module.params["port"]))


if __name__ == "__main__":
    main()
