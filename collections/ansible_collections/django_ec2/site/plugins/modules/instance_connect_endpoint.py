#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Make an EC2 Instance Connect Endpoint."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: instance_connect_endpoint
short_description: Make an EC2 Instance Connect Endpoint
description:
  - A way for SSH to hosts without a public address, over C(tools/ec2_tunnel.py). A VPC has one at most, by which it is found.
  - Hosts see the endpoint's address, and not that of who comes.
  - Credentials come from the environment, as for the modules of C(amazon.aws).
options:
  name:
    description: Its tag C(Name).
    type: str
    required: true
  owner_tags:
    description: Its other tags, by which C(tools/ec2_tunnel.py) finds it.
    type: dict
    required: true
  vpc:
    description: Id of the VPC.
    type: str
    required: true
  subnet:
    description: Id of the subnet in which it is made. One that is there stays in its own.
    type: str
    required: true
  security_groups:
    description: Ids of its security groups.
    type: list
    elements: str
    required: true
  wait_seconds:
    description: Seconds to wait for it.
    type: int
    default: 600
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
author:
  - The maintainers
attributes:
  check_mode:
    support: full
    description: In check mode nothing is changed. RV(done) is what would be.
"""

EXAMPLES = r"""
- name: Make a way for SSH
  django_ec2.site.instance_connect_endpoint:
    name: shop-production
    owner_tags:
      Project: shop
      Environment: production
    vpc: vpc-0123456789abcdef0
    subnet: subnet-0123456789abcdef0
    security_groups: [sg-0123456789abcdef0]
"""

RETURN = r"""
id:
  description: Of the endpoint; empty where a check found none.
  type: str
  returned: always
done:
  description: What was done, or in check mode would be.
  type: list
  elements: str
  returned: always
"""

import contextlib

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule as AnsibleModule
from ansible_collections.django_ec2.site.plugins.module_utils import instance_connect

# Without botocore, AnsibleAWSModule says so.
with contextlib.suppress(ImportError):
    from botocore.exceptions import BotoCoreError, ClientError


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "owner_tags": {"type": "dict", "required": True},
            "vpc": {"type": "str", "required": True},
            "subnet": {"type": "str", "required": True},
            "security_groups": {"type": "list", "elements": "str", "required": True},
            "wait_seconds": {"type": "int", "default": 600},
        },
        supports_check_mode=True,
    )
    given, client = module.params, module.client("ec2")
    try:
        there = instance_connect.find(client, given["vpc"])
        steps = list(
            instance_connect.plan(there, given["name"], given["owner_tags"], given["subnet"], given["security_groups"])
        )
        found = there["InstanceConnectEndpointId"] if there else ""
        if not module.check_mode:
            for step in steps:
                getattr(client, step.call)(**step.words)
            found = instance_connect.wait(client, given["vpc"], given["wait_seconds"])
    except instance_connect.EndpointError as error:
        module.fail_json(msg=str(error))
    except (BotoCoreError, ClientError) as error:
        module.fail_json_aws(error, msg=f"The endpoint {given['name']} could not be made")
    module.exit_json(changed=bool(steps), id=found, done=[step.said for step in steps])


if __name__ == "__main__":
    main()
