#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Restore an instance of RDS into a new one."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: rds_restore
short_description: Restore an instance of RDS into a new one
description:
  - Begins the restore of an instance to a moment, or of a snapshot, into a new instance with the settings of the instance. AWS alone would
    give it the default security group and parameters, and no standby.
  - An instance of the new name is left as it is.
  - M(amazon.aws.rds_instance) of the pinned version can't give an instance that is restored to a moment its tags, by which a run that
    was cut knows it again.
options:
  instance:
    description: Identifier of the instance.
    type: str
    required: true
  new:
    description: Identifier of the new one.
    type: str
    required: true
  time:
    description: The moment, in UTC, as V(2026-11-22T10:31:07Z). Without it and O(snapshot) it is the latest that there is.
    type: str
    default: ""
  snapshot:
    description: Name of a snapshot.
    type: str
    default: ""
  standby:
    description: Whether it gets a standby where the instance has one.
    type: bool
    default: true
  tags:
    description: Tags beside those of the instance.
    type: dict
    default: {}
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
author:
  - The maintainers
attributes:
  check_mode:
    support: full
    description: In check mode nothing is made.
"""

EXAMPLES = r"""
- name: Restore to a moment
  django_ec2.site.rds_restore:
    instance: shop-production
    new: shop-production-restored
    time: "2026-11-22T10:31:07Z"
"""

RETURN = r"""
endpoint:
  description: Where the new instance is; empty while it is being made.
  type: str
  returned: always
"""

import contextlib

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule as AnsibleModule
from ansible_collections.django_ec2.site.plugins.module_utils import rds_restore

# Without botocore, AnsibleAWSModule says so.
with contextlib.suppress(ImportError):
    from botocore.exceptions import BotoCoreError, ClientError


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "instance": {"type": "str", "required": True},
            "new": {"type": "str", "required": True},
            "time": {"type": "str", "default": ""},
            "snapshot": {"type": "str", "default": ""},
            "standby": {"type": "bool", "default": True},
            "tags": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    given, client = module.params, module.client("rds")
    try:
        made = rds_restore.find(client, given["new"])
        changed = made is None
        if changed and not module.check_mode:
            made = rds_restore.begin(client, given)
    except (BotoCoreError, ClientError) as error:
        module.fail_json_aws(error, msg=f"{given['instance']} could not be restored into {given['new']}")
    module.exit_json(changed=changed, endpoint=((made or {}).get("Endpoint") or {}).get("Address", ""))


if __name__ == "__main__":
    main()
