#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Say what an account of AWS has and may have."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: aws_account
short_description: Say what an account of AWS has and may have
description:
  - Reads what an environment's settings depend on, in one call. Zones, networks, instance types, volumes, hosted zones, quotas,
    and of RDS the instance, versions, classes and parameters.
  - A question that the credentials may not ask, or that the endpoint does not know, is listed in RV(unasked) and has no answer.
  - Credentials come from the environment, as for the modules of C(amazon.aws).
options:
  owner_tags:
    description: Tags of everything that belongs to the environment.
    type: dict
    required: true
  instance_types:
    description: Types of the instances that it is to have.
    type: list
    elements: str
    default: []
  database:
    description: Identifier of its instance of RDS. Empty asks nothing of RDS.
    type: str
    default: ""
  engine_version:
    description: Version of PostgreSQL of that instance.
    type: str
    default: ""
  image:
    description: Id of the image that instances of its auto-scaling group start from; empty without one.
    type: str
    default: ""
  autoscaling_group:
    description: Name of that group; empty without one.
    type: str
    default: ""
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
- name: Ask the account
  django_ec2.site.aws_account:
    owner_tags:
      Project: shop
      Environment: production
    instance_types: [t3.small]
"""

RETURN = r"""
account:
  description: The number of the account.
  type: str
  returned: always
partition:
  description: The partition of AWS, as C(aws).
  type: str
  returned: always
found:
  description: What there is, by the names that the filter C(aws_problems) reads.
  type: dict
  returned: always
unasked:
  description: What could not be asked.
  type: list
  elements: str
  returned: always
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule as AnsibleModule
from ansible_collections.django_ec2.site.plugins.module_utils import aws_account


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "owner_tags": {"type": "dict", "required": True},
            "instance_types": {"type": "list", "elements": "str", "default": []},
            "database": {"type": "str", "default": ""},
            "engine_version": {"type": "str", "default": ""},
            "image": {"type": "str", "default": ""},
            "autoscaling_group": {"type": "str", "default": ""},
        },
        supports_check_mode=True,
    )
    given = module.params
    account = aws_account.Account(module.client)
    try:
        identity = account.identity()
        found = account.read(
            given["owner_tags"], given["instance_types"], given["database"], given["engine_version"],
            given["image"], given["autoscaling_group"],
        )  # fmt: skip
    except aws_account.ERRORS as error:
        module.fail_json(msg=aws_account.explain(error))
    module.exit_json(changed=False, **identity, found=found, unasked=account.unasked)


if __name__ == "__main__":
    main()
