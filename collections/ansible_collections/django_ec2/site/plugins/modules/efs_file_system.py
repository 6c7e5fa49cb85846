#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Make a file system of EFS that web hosts share."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: efs_file_system
short_description: Make a file system of EFS that web hosts share
description:
  - An encrypted file system with a mount target in each zone, found again by its creation token. Its policy lets in whoever comes over a
    mount target by TLS, and nobody without; the security groups of the mount targets decide who that is.
  - C(community.aws.efs) has no check mode, knows neither policy nor backups, and gives tags in a second call.
  - Nothing is taken away, mount targets in other subnets neither.
  - Credentials come from the environment, as for the modules of C(amazon.aws).
options:
  name:
    description: Creation token and tag C(Name), one of a kind in the region.
    type: str
    required: true
  owner_tags:
    description: Tags of the file system.
    type: dict
    required: true
  subnets:
    description: Ids of the subnets with a mount target, one in each zone.
    type: list
    elements: str
    required: true
  security_groups:
    description: Ids of the security groups of the mount targets.
    type: list
    elements: str
    required: true
  throughput:
    description: Its throughput mode. V(elastic) costs by what is read and written, V(bursting) is slower the less is stored.
    type: str
    choices: [elastic, bursting]
    default: elastic
  archive_days:
    description: Days without a read after which a file goes to cheaper storage, from which its next read brings it back. V(0) leaves all.
    type: int
    choices: [0, 1, 7, 14, 30, 60, 90, 180, 270, 365]
    default: 30
  backups:
    description: Whether AWS Backup copies it each day and keeps that for 35 days.
    type: bool
    default: true
  wait_seconds:
    description: Seconds to wait for the file system and its mount targets.
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
- name: Make the file system for uploads
  django_ec2.site.efs_file_system:
    name: shop-production
    owner_tags:
      Project: shop
      Environment: production
    subnets: [subnet-0123456789abcdef0, subnet-0123456789abcdef1]
    security_groups: [sg-0123456789abcdef0]
"""

RETURN = r"""
id:
  description: Of the file system; empty where a check found none.
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
from ansible_collections.amazon.aws.plugins.module_utils.policy import compare_policies
from ansible_collections.django_ec2.site.plugins.module_utils import efs_file_system

# Without botocore, AnsibleAWSModule says so.
with contextlib.suppress(ImportError):
    from botocore.exceptions import BotoCoreError, ClientError


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "owner_tags": {"type": "dict", "required": True},
            "subnets": {"type": "list", "elements": "str", "required": True},
            "security_groups": {"type": "list", "elements": "str", "required": True},
            "throughput": {"type": "str", "choices": ["elastic", "bursting"], "default": "elastic"},
            "archive_days": {"type": "int", "choices": [0, 1, 7, 14, 30, 60, 90, 180, 270, 365], "default": 30},
            "backups": {"type": "bool", "default": True},
            "wait_seconds": {"type": "int", "default": 600},
        },
        supports_check_mode=True,
    )
    given, client = module.params, module.client("efs")
    wanted = efs_file_system.Wanted(
        name=given["name"], tags=given["owner_tags"], subnets=given["subnets"], security_groups=given["security_groups"],
        throughput=given["throughput"], archive_days=given["archive_days"], backups=given["backups"],
    )  # fmt: skip
    done: list[str] = []
    try:
        found = efs_file_system.find(client, wanted.name)
        if not found:
            done.append(f"file system {wanted.name}")
            if module.check_mode:
                module.exit_json(changed=True, id="", done=done)
            efs_file_system.create(client, wanted, given["wait_seconds"])
            found = efs_file_system.find(client, wanted.name)
        steps = efs_file_system.plan(found, wanted, compare_policies)
        done += [step.said for step in steps]
        if not module.check_mode:
            efs_file_system.apply(client, steps)
            efs_file_system.wait(client, wanted.name, given["wait_seconds"])
    except efs_file_system.FileSystemError as error:
        module.fail_json(msg=str(error))
    except (BotoCoreError, ClientError) as error:
        module.fail_json_aws(error, msg=f"The file system {wanted.name} could not be made")
    module.exit_json(changed=bool(done), id=found.id, done=done)


if __name__ == "__main__":
    main()
