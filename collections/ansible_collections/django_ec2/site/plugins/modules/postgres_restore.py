#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Restore a cluster from its pgBackRest repository."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: postgres_restore
short_description: Restore a cluster from its pgBackRest repository
description:
  - Restores beside the live cluster, which goes on serving, and replays WAL to a target. There the restored cluster waits, and
    is looked at.
  - A switch puts it in the live one's place. The old data stays as the stopped cluster C(before).
  - A scratch cluster takes writes, is reached by the host's socket alone, and archives nothing.
  - How far a restore is stands on the host's disk. A run that was cut is taken up by the next one with the same target.
options:
  state:
    description:
      - V(found) says whether the host has a cluster and pgBackRest; V(planned) what would be done.
      - V(restored) restores beside the live cluster and looks at the result; V(readied) does what the switch needs while the live one still
        serves; V(switched) puts it in the live one's place; V(finished) notes that nothing is owed any more.
      - V(scratch) makes the scratch cluster. V(removed) removes what O(remove) names.
    type: str
    choices: [found, planned, restored, readied, switched, finished, scratch, removed]
    required: true
  stanza:
    description: pgBackRest's name for the cluster.
    type: str
    default: main
  restore_to:
    description: A time with its zone, a transaction id, the name of a restore point, or V(latest).
    type: str
    default: ""
  timeline:
    description: The timeline to follow, a number. Empty is the live cluster's.
    type: str
    default: ""
  backup:
    description: Label of the backup to take. Empty takes the newest one that leads to the target.
    type: str
    default: ""
  place:
    description: Whether the restored cluster is to take the live one's place, which V(planned) then looks at.
    type: bool
    default: false
  remove:
    description: What V(removed) removes, the scratch cluster, the data of before a restore, or what a cut restore left.
    type: str
    choices: [scratch, before, restored]
    default: scratch
  port:
    description: Port of the live cluster.
    type: int
    default: 5432
author:
  - The maintainers
attributes:
  check_mode:
    support: full
    description: In check mode nothing is restored, switched or removed.
"""

EXAMPLES = r"""
- name: Restore beside the live cluster
  django_ec2.site.postgres_restore:
    state: restored
    restore_to: 2026-11-22 10:31:07+00
    place: true

- name: Put it in the live one's place
  django_ec2.site.postgres_restore:
    state: switched
"""

RETURN = r"""
lines:
  description: What was found and done, for people.
  returned: success
  type: list
  elements: str
phase:
  description: How far the restore is; empty where none is under way.
  returned: success
  type: str
  sample: checked
moment:
  description: When what was restored was, in seconds since the epoch; V(0) is the latest, V(-1) is not known.
  returned: with O(state=restored) and O(state=scratch)
  type: float
ready:
  description: Whether the host has a cluster and pgBackRest.
  returned: with O(state=found)
  type: bool
port:
  description: Port of the scratch cluster's socket.
  returned: with O(state=scratch)
  type: int
foreign:
  description: Whether the live cluster is another one than that of the backups.
  returned: with O(state=planned)
  type: bool
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.restore import jobs
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.restore.commands import RestoreFailed
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.restore.repository import NoWayThere
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.restore.targets import TargetRefused

ACTIONS = {
    "restored": "restore", "readied": "ready", "switched": "switch", "finished": "finish", "scratch": "scratch", "removed": "remove",
}  # fmt: skip


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "required": True, "choices": ["found", "planned", *ACTIONS]},
            "stanza": {"type": "str", "default": "main"},
            "restore_to": {"type": "str", "default": ""},
            "timeline": {"type": "str", "default": ""},
            "backup": {"type": "str", "default": ""},
            "place": {"type": "bool", "default": False},
            "remove": {"type": "str", "choices": ["scratch", "before", "restored"], "default": "scratch"},
            "port": {"type": "int", "default": 5432},
        },
        supports_check_mode=True,
    )
    given = module.params
    try:
        if given["state"] == "found":
            module.exit_json(changed=False, **jobs.found())
        if given["state"] == "planned":
            module.exit_json(changed=False, **jobs.Job(given).plan())
        if module.check_mode:
            module.exit_json(changed=True, phase="", lines=[])
        with jobs.alone():
            answer = getattr(jobs.Job(given), ACTIONS[given["state"]])()
    except (RestoreFailed, NoWayThere, TargetRefused) as error:
        module.fail_json(msg=f"{str(error).rstrip('.')}.")
    module.exit_json(**{"changed": given["state"] not in ("finished",), **answer})


if __name__ == "__main__":
    main()
