#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Begin a repository of pgBackRest, try the way to it, and start the first backup."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pgbackrest_stanza
short_description: Begin a repository of pgBackRest and start the first backup
description:
  - Reads what the repository holds. Where it does not know the cluster yet, makes its stanza. Where it has no backup and none is
    running, starts one in the background.
  - Runs on the host that makes backups, where C(pgbackrest-backup@.service) is placed.
  - A repository that can't be read with the key at hand is an error, and is left as it is.
options:
  stanza:
    description: Name of the cluster in the repository.
    type: str
    required: true
  check:
    description: Whether to have PostgreSQL finish a segment of its write-ahead log and to wait until it is in the repository.
    type: bool
    default: false
  restoring:
    description: Whether only to look. A cluster that is about to be restored is not the one that the repository knows.
    type: bool
    default: false
  system_id:
    description: Identifier of the cluster, where it is known. One that the repository does not know is refused.
    type: str
    default: ''
author:
  - The maintainers
attributes:
  check_mode:
    support: full
    description: Nothing is made or started.
"""

EXAMPLES = r"""
- name: Begin the repository, and make the first backup
  django_ec2.site.pgbackrest_stanza:
    stanza: main
"""

RETURN = r"""
done:
  description: What was done, C(create), C(check) and C(backup).
  returned: success
  type: list
  elements: str
state:
  description: What the repository holds. Also the fact C(backup_repository).
  returned: success
  type: dict
  sample: {state: ok, backups: [{label: 20261126-093000F, type: full, start: 1795685400, stop: 1795685404}]}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.django_ec2.site.plugins.module_utils.backups.repository import BackupError
from ansible_collections.django_ec2.site.plugins.module_utils.backups.stanza import bring


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "stanza": {"type": "str", "required": True},
            "check": {"type": "bool", "default": False},
            "restoring": {"type": "bool", "default": False},
            "system_id": {"type": "str", "default": ""},
        },
        supports_check_mode=True,
    )
    given = module.params
    try:
        found = bring(given["stanza"], given["check"], given["restoring"], not module.check_mode, given["system_id"])
    except BackupError as error:
        if module.check_mode and module.get_bin_path("pgbackrest") is None:
            module.exit_json(changed=not given["restoring"], done=["create", "backup"], state={})
        module.fail_json(msg=f"Backups: {error}")
    module.exit_json(
        changed=bool({"create", "backup"} & set(found["done"])),
        ansible_facts={"backup_repository": {**found["state"], "done": found["done"]}},
        **found,
    )


if __name__ == "__main__":
    main()
