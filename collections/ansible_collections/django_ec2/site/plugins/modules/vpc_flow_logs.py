#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Log the connections of a VPC into a bucket."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: vpc_flow_logs
short_description: Log the connections of a VPC into a bucket
description:
  - One flow log for all traffic of a VPC, accepted and rejected. AWS changes none, so another destination replaces it.
  - Flow logs without the tags are somebody else's, and stay.
  - Credentials come from the environment, as for the modules of C(amazon.aws).
options:
  vpc:
    description: Id of the VPC.
    type: str
    required: true
  destination:
    description: ARN of the bucket, with a directory in it, as in C(arn:aws:s3:::logs/network/). Required with O(state=present).
    type: str
    default: ""
  owner_tags:
    description: Tags of the flow log, by which a later run finds it.
    type: dict
    required: true
  state:
    description: Whether there is one.
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
author:
  - The maintainers
attributes:
  check_mode:
    support: full
    description: In check mode nothing is changed.
"""

EXAMPLES = r"""
- name: Log who speaks to whom
  django_ec2.site.vpc_flow_logs:
    vpc: vpc-0123456789abcdef0
    destination: arn:aws:s3:::shop-production-logs-123456789012/network/
    owner_tags:
      Project: shop
      Environment: production
"""

RETURN = r"""
removed:
  description: Ids of the flow logs that went.
  type: list
  elements: str
  returned: always
"""

import contextlib

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule as AnsibleModule
from ansible_collections.django_ec2.site.plugins.module_utils import vpc_flow_logs

# Without botocore, AnsibleAWSModule says so.
with contextlib.suppress(ImportError):
    from botocore.exceptions import BotoCoreError, ClientError


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "vpc": {"type": "str", "required": True},
            "destination": {"type": "str", "default": ""},
            "owner_tags": {"type": "dict", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
        supports_check_mode=True,
    )
    given, client = module.params, module.client("ec2")
    wanted = given["destination"] if given["state"] == "present" else ""
    if given["state"] == "present" and not wanted:
        module.fail_json(msg="state is present and destination is empty: write the ARN of a bucket.")
    try:
        there = vpc_flow_logs.find(client, given["vpc"], given["owner_tags"])
        make, remove = vpc_flow_logs.plan(there, wanted)
        if not module.check_mode:
            vpc_flow_logs.apply(client, given["vpc"], given["owner_tags"], make, remove)
    except vpc_flow_logs.FlowLogError as error:
        module.fail_json(msg=str(error))
    except (BotoCoreError, ClientError) as error:
        module.fail_json_aws(error, msg=f"The connections of {given['vpc']} could not be logged")
    module.exit_json(changed=bool(make or remove), removed=remove)


if __name__ == "__main__":
    main()
