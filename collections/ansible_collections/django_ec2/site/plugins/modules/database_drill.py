#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Try the newest backup of a cluster, and keep the copy while others look at it."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: database_drill
short_description: Try the newest backup of a cluster, and keep the copy while others look at it
description:
  - Does what C(database-drill.service) does by its timer. The newest backup is restored into a throwaway cluster, its rows are compared
    with those that were counted in the live one, and its indexes and checksums are examined.
  - The copy then serves at this host's socket, until V(ended) removes it and publishes the result. What a cut run leaves is removed by the
    next drill.
options:
  state:
    description: V(made) restores and compares, and fails where something is wrong; V(ended) removes the copy and publishes the result.
    type: str
    choices: [made, ended]
    required: true
  stanza:
    description: Name of the cluster in the repository.
    type: str
    default: main
  port:
    description: Port of the live cluster.
    type: int
    default: 5432
  started:
    description: When it began, as V(made) returned it.
    type: float
    default: 0
  backup:
    description: Which backup was tried, as V(made) returned it.
    type: str
    default: ''
  problems:
    description: What others found in the copy. V(ended) fails with them.
    type: list
    elements: str
    default: []
author:
  - The maintainers
attributes:
  check_mode:
    support: full
    description: Nothing is restored.
"""

EXAMPLES = r"""
- name: Try the newest backup
  django_ec2.site.database_drill:
    state: made
  register: drill

- name: End the drill
  django_ec2.site.database_drill:
    state: ended
    started: "{{ drill.started }}"
    backup: "{{ drill.backup }}"
"""

RETURN = r"""
started:
  description: When it began, in seconds since the epoch.
  returned: with O(state=made)
  type: float
backup:
  description: The label of the backup that was tried.
  returned: with O(state=made)
  type: str
port:
  description: Port of the copy's socket.
  returned: with O(state=made)
  type: int
lines:
  description: How it went, for people.
  returned: with O(state=ended)
  type: list
  elements: str
"""

import contextlib
import io
import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.restore.commands import RestoreFailed
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.restore.drill import Drill, publish
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.restore.jobs import alone


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "required": True, "choices": ["made", "ended"]},
            "stanza": {"type": "str", "default": "main"},
            "port": {"type": "int", "default": 5432},
            "started": {"type": "float", "default": 0},
            "backup": {"type": "str", "default": ""},
            "problems": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    given = module.params
    if module.check_mode:
        module.exit_json(changed=True, started=0.0, backup="", port=0, lines=[])
    began = time.time()
    try:
        # What it says of its progress is for a journal.
        with alone(), contextlib.redirect_stdout(io.StringIO()):
            drill = Drill(given["stanza"], given["port"], keep=True)
            if given["state"] == "made":
                drill.run()
            else:
                drill.remove()
    except RestoreFailed as error:
        module.fail_json(msg=f"{str(error).rstrip('.')}.")
    if given["state"] == "made" and not drill.problems:
        module.exit_json(changed=True, started=began, backup=drill.backup, port=drill.copy.port)
    problems = drill.problems + given["problems"]
    status = publish(given["started"] or began, given["backup"] or drill.backup, problems)
    if problems:
        module.fail_json(msg=f"The drill failed: {'; '.join(problems)}")
    module.exit_json(
        changed=True,
        lines=[f"The drill of {status['backup']} worked in {status['seconds']} s, and the live releases fit the copy."],
    )


if __name__ == "__main__":
    main()
