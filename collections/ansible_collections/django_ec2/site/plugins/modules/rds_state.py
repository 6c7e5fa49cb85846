#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Ask RDS about an instance."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: rds_state
short_description: Ask RDS about an instance, its backups and its maintenance
description:
  - Reads an instance, those beside it (V(-restored), V(-before), V(-scratch) behind its name), and its read replicas.
  - C(amazon.aws) of the pinned version has no module for pending maintenance, nor for the window of the automated backups. Times are
    seconds since 1970, as in what hosts say of PostgreSQL.
  - Credentials come from the environment, as for the modules of C(amazon.aws).
options:
  instance:
    description: Identifier of the instance.
    type: str
    required: true
  others:
    description: Identifiers of further instances.
    type: list
    elements: str
    default: []
  also:
    description: What else is asked for.
    type: list
    elements: str
    choices: [snapshots, window, maintenance, upgrades]
    default: []
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
author:
  - The maintainers
attributes:
  check_mode:
    support: full
    description: It changes nothing.
"""

EXAMPLES = r"""
- name: Ask about the backups
  django_ec2.site.rds_state:
    instance: shop-production
    also: [snapshots, window]
"""

RETURN = r"""
state:
  description: C(name); C(instances) by identifier; C(snapshots), C(window), C(maintenance) and C(upgrades) as they were asked for.
  type: dict
  returned: always
"""

import contextlib

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule as AnsibleModule
from ansible_collections.django_ec2.site.plugins.module_utils import rds_state

# Without botocore, AnsibleAWSModule says so.
with contextlib.suppress(ImportError):
    from botocore.exceptions import BotoCoreError, ClientError


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "instance": {"type": "str", "required": True},
            "others": {"type": "list", "elements": "str", "default": []},
            "also": {
                "type": "list",
                "elements": "str",
                "choices": ["snapshots", "window", "maintenance", "upgrades"],
                "default": [],
            },
        },
        supports_check_mode=True,
    )
    given = module.params
    try:
        state = rds_state.read(module.client("rds"), given["instance"], given["also"], given["others"])
    except (BotoCoreError, ClientError) as error:
        module.fail_json_aws(error, msg=f"RDS could not be asked about {given['instance']}")
    module.exit_json(changed=False, state=state)


if __name__ == "__main__":
    main()
