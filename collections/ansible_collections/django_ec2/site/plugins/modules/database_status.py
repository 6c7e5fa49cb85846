#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Read how a host's part of the database and its backups is doing."""

from __future__ import annotations

DOCUMENTATION = r"""
module: database_status
short_description: Read how the cluster, its archive, its replicas and its backups are doing
description:
  - Asks the PostgreSQL of this host, the repository of pgBackRest, and the last drill. Changes and judges nothing.
  - A server or a repository that can't be asked is no error; RV(reason) says why.
options:
  cluster:
    description: Whether to ask PostgreSQL.
    type: bool
    default: false
  port:
    description: Its port.
    type: int
    default: 5432
  stanza:
    description: Name of the cluster in the repository. Without it the repository is not asked.
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
- name: Read the status of the cluster and of its backups in S3
  django_ec2.site.database_status:
    cluster: true
    stanza: main
"""

RETURN = r"""
cluster:
  description: What PostgreSQL says of its archive, its size and its replicas. Empty when it was not asked or did not answer.
  returned: success
  type: dict
repository:
  description: What the repository holds. Empty when it was not asked or can't be.
  returned: success
  type: dict
drill:
  description: What the last drill of this host published. Empty without one.
  returned: success
  type: dict
reason:
  description: Why one of them could not be asked; else empty.
  returned: success
  type: str
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.django_ec2.site.plugins.module_utils.backups import status
from ansible_collections.django_ec2.site.plugins.module_utils.backups.repository import BackupError
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.login import ServerUnavailable


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "cluster": {"type": "bool", "default": False},
            "port": {"type": "int", "default": 5432},
            "stanza": {"type": "str", "default": ""},
        },
        supports_check_mode=True,
    )
    given = module.params
    found: dict[str, Any] = {"cluster": {}, "repository": {}, "drill": status.read_drill(), "reason": ""}
    try:
        if given["cluster"]:
            found["cluster"] = status.read_cluster(given["port"])
    except ServerUnavailable as error:
        found["reason"] = f"PostgreSQL does not answer: {error}."
    try:
        if given["stanza"]:
            found["repository"] = status.read_repository(given["stanza"])
    except BackupError as error:
        found["reason"] += f"The repository can't be asked: {error}"
    module.exit_json(changed=False, **found)


if __name__ == "__main__":
    main()
