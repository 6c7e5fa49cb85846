#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Bring files of applications to a moment, from their backups."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: restic_restore
short_description: Bring files of applications to a moment, from their backups by restic
description:
  - Takes the newest snapshot that began at the moment or before, and from the first one after it what was changed between the two.
    A file that is there, and that was modified before the moment and not since, stays as it is.
  - Nothing is deleted. What is in the way of a file that comes back is moved to C(<directory>-before-restore-<time>).
options:
  state:
    description:
      - V(planned) says what would be done; V(restored) does it in place.
      - V(scratch) brings all files of the moment into C(/var/lib/restic-backup/scratch), which root alone reads.
      - V(removed) removes what O(remove) names.
    type: str
    choices: [planned, restored, scratch, removed]
    required: true
  files:
    description: The applications whose files are on this host, in the form of C(restic_files).
    type: list
    elements: dict
    required: true
  moment:
    description: Seconds since the epoch; V(0) is now, and V(-1), a moment that nobody knows, is refused.
    type: float
    default: 0
  exact:
    description:
      - Whether files that are newer than the moment are moved aside, too, because the rows that name them are gone as well. Otherwise they
        stay.
    type: bool
    default: false
  beside:
    description: Whether V(planned) is asked about a scratch copy.
    type: bool
    default: false
  remove:
    description: What V(removed) removes, the scratch copy, or what restores in place moved aside.
    type: str
    choices: [scratch, before]
    default: scratch
author:
  - The maintainers
attributes:
  check_mode:
    support: full
    description: In check mode nothing is restored or removed.
"""

EXAMPLES = r"""
- name: Bring files back that were deleted
  django_ec2.site.restic_restore:
    state: restored
    files:
      - {name: board, place: web1, user: board, paths: [/srv/board/shared/media], mounts: []}
"""

RETURN = r"""
lines:
  description: What was found and done, for people.
  returned: success
  type: list
  elements: str
"""

import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.django_ec2.site.plugins.module_utils.release.commands import Refusal
from ansible_collections.django_ec2.site.plugins.module_utils.restic import restore
from ansible_collections.django_ec2.site.plugins.module_utils.restic.backup import alone
from ansible_collections.django_ec2.site.plugins.module_utils.restic.repository import ResticError


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "required": True, "choices": ["planned", "restored", "scratch", "removed"]},
            "files": {"type": "list", "elements": "dict", "required": True},
            "moment": {"type": "float", "default": 0},
            "exact": {"type": "bool", "default": False},
            "beside": {"type": "bool", "default": False},
            "remove": {"type": "str", "choices": ["scratch", "before"], "default": "scratch"},
        },
        supports_check_mode=True,
    )
    given = module.params
    state = given["state"]
    if given["moment"] < 0:
        module.fail_json(
            msg="When the database's target was is not known, so nobody knows which files belong to it: restore the files by a time, with "
            "-e restore_media=only."
        )
    moment = given["moment"] or time.time()
    wanted = [restore.Files(entry, moment, given["exact"]) for entry in given["files"]]
    try:
        if state == "planned":
            for one in wanted:
                one.look(given["beside"])
            module.exit_json(changed=False, lines=[line for one in wanted for line in one.lines()])
        if module.check_mode:
            module.exit_json(changed=True, lines=[])
        with alone():
            if state == "removed":
                gone = list(restore.remove(given["files"], given["remove"]))
                module.exit_json(changed=bool(gone), lines=[f"{path} is removed" for path in gone])
            lines = []
            for one in wanted:
                one.look(state == "scratch")
                lines += one.lines() + (one.scratch() if state == "scratch" else one.restore())
    except (ResticError, Refusal, OSError) as error:
        module.fail_json(msg=f"{str(error).rstrip('.')}.")
    module.exit_json(changed=state == "scratch" or any(one.touched for one in wanted), lines=lines)


if __name__ == "__main__":
    main()
