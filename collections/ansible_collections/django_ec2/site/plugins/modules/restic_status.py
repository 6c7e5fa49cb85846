#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Read how the backups of files are doing."""

from __future__ import annotations

DOCUMENTATION = r"""
module: restic_status
short_description: Read how the backups of files are doing
description:
  - Asks the repository of restic, and what the last backup of this host published. Changes and judges nothing.
  - A repository that can't be asked is no error; RV(reason) says why.
options:
  repository:
    description: Whether to ask the repository.
    type: bool
    default: false
  path:
    description: Directory of a repository that is on this host.
    type: str
    default: ''
author:
  - The maintainers
attributes:
  check_mode:
    support: full
    description: It only reads.
"""

EXAMPLES = r"""
- name: Read what the repository has
  django_ec2.site.restic_status:
    repository: true
    path: /var/lib/restic
"""

RETURN = r"""
newest:
  description: When the newest snapshot began, in seconds since the epoch, by application and place.
  returned: success
  type: dict
  sample: {board: {shared: 1795685404.1}}
oldest:
  description: The same of the oldest one.
  returned: success
  type: dict
room:
  description: Free and total bytes of the repository's disk; empty where it is elsewhere.
  returned: success
  type: dict
backup:
  description: What the last backup of this host published. Empty before the first.
  returned: success
  type: dict
reason:
  description: Why the repository could not be asked; else empty.
  returned: success
  type: str
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.django_ec2.site.plugins.module_utils.restic import repository, unit
from ansible_collections.django_ec2.site.plugins.module_utils.restic.repository import ResticError


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={"repository": {"type": "bool", "default": False}, "path": {"type": "str", "default": ""}},
        supports_check_mode=True,
    )
    given = module.params
    found: dict[str, Any] = {"newest": {}, "oldest": {}, "room": {}, "backup": unit.read(), "reason": ""}
    try:
        if given["repository"]:
            found["room"] = repository.room(given["path"])
            repository.answers()
            for one in repository.listed():
                found["oldest"].setdefault(one.name, {}).setdefault(one.place, one.time)
                found["newest"].setdefault(one.name, {})[one.place] = one.time
    except ResticError as error:
        found["reason"] = f"The repository of the files can't be asked: {error}"
    module.exit_json(changed=False, **found)


if __name__ == "__main__":
    main()
