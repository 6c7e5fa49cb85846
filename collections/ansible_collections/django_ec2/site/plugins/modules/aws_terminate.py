#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Take an environment on AWS away."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: aws_terminate
short_description: Take an environment on AWS away
description:
  - Removes what the roles C(aws_network), C(aws_database) and C(aws_fleet) made, in the order that AWS asks for. Things are found by
    the tags or the name of the environment; a run that was cut is gone on with by the next one.
  - An instance of RDS gets a last snapshot, and so do the volumes of hosts with a database or with backups. Buckets with an object, or
    with an old version of one, stay, and so does a file system of EFS, without its mount targets.
  - Protection against deletion is taken off. Whoever calls it has made sure that it is meant.
options:
  name:
    description: Name of the environment, with which the names of its things begin.
    type: str
    required: true
  owner_tags:
    description: Tags of all its things.
    type: dict
    required: true
  buckets:
    description: Names of its buckets.
    type: list
    elements: str
    default: []
  zone:
    description: Hosted zone of Route 53 with its records. Empty removes none.
    type: str
    default: ""
  domains:
    description: Names whose records are removed, where they lead to this environment.
    type: list
    elements: str
    default: []
  wait_seconds:
    description: Seconds to wait for one thing to go.
    type: int
    default: 1800
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
author:
  - The maintainers
attributes:
  check_mode:
    support: full
    description: In check mode nothing is removed; RV(removed) is what would be.
"""

EXAMPLES = r"""
- name: Take staging away
  django_ec2.site.aws_terminate:
    name: shop-staging
    owner_tags:
      Project: shop
      Environment: staging
"""

RETURN = r"""
removed:
  description: What was removed, in this order.
  type: list
  elements: str
  returned: always
kept:
  description: What stays, last snapshots, buckets with data and a file system.
  type: list
  elements: str
  returned: always
"""

import contextlib

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule as AnsibleModule
from ansible_collections.django_ec2.site.plugins.module_utils import aws_terminate
from ansible_collections.django_ec2.site.plugins.module_utils.aws_terminate.database import DatabaseError
from ansible_collections.django_ec2.site.plugins.module_utils.aws_terminate.scope import StillThere
from ansible_collections.django_ec2.site.plugins.module_utils.web_autoscaling import AutoscalingError

# Without botocore, AnsibleAWSModule says so.
with contextlib.suppress(ImportError):
    from botocore.exceptions import BotoCoreError, ClientError


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "owner_tags": {"type": "dict", "required": True},
            "buckets": {"type": "list", "elements": "str", "default": []},
            "zone": {"type": "str", "default": ""},
            "domains": {"type": "list", "elements": "str", "default": []},
            "wait_seconds": {"type": "int", "default": 1800},
        },
        supports_check_mode=True,
    )
    given = module.params
    if not given["owner_tags"]:
        module.fail_json(
            msg="owner_tags is empty, and without tags everything in the account would be this environment's."
        )
    scope = aws_terminate.Scope(
        clients=module.client, name=given["name"], tags=given["owner_tags"], buckets=given["buckets"],
        domains=given["domains"], zone=given["zone"], seconds=given["wait_seconds"],
        asking_once=lambda service: module.client(service, aws_config={"retries": {"total_max_attempts": 1}}),
    )  # fmt: skip
    removed: list[str] = []

    def stays() -> str:
        return f" What stays: {', '.join(scope.kept)}" if scope.kept else ""

    try:
        found = aws_terminate.find(scope)
        removed = [str(thing) for _, things in found for thing in things]
        if not module.check_mode:
            aws_terminate.remove(scope, found)
    except (AutoscalingError, DatabaseError, StillThere) as error:
        module.fail_json(msg=f"{error}{stays()}")
    except (BotoCoreError, ClientError) as error:
        module.fail_json_aws(
            error,
            msg=f"{given['name']} could not be taken away; what is gone is gone, and a further run goes on.{stays()}",
        )
    module.exit_json(changed=bool(removed), removed=removed, kept=scope.kept)


if __name__ == "__main__":
    main()
