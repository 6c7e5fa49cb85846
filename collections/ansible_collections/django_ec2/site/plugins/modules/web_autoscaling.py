#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Keep an auto-scaling group of web hosts."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: web_autoscaling
short_description: Keep an auto-scaling group of web hosts
description:
  - A group of instances that start from a launch template, are targets of a balancer, and are held at a share of CPU by their number.
  - Instances of another version of the template are replaced, new ones first (instance refresh). A run does not wait for that. The next one
    begins it again where it failed.
  - How many instances there are between the two bounds is the group's own business.
  - Unlike M(amazon.aws.autoscaling_group) and M(community.aws.autoscaling_policy), it says in check mode what would change.
  - Credentials come from the environment, as for the modules of C(amazon.aws).
options:
  name:
    description: Name of the group, and of its launch template.
    type: str
    required: true
  state:
    description:
      - With V(present) the group is what the options say.
      - With V(resized) a group that is there gets the bounds and goes to the lower one, and one that is not there is not made.
      - With V(absent) the group goes with its instances, and its launch template.
      - With V(asked) nothing is changed.
    type: str
    choices: [present, resized, absent, asked]
    default: present
  template:
    description: Id of the launch template. Empty only in check mode.
    type: str
    default: ""
  version:
    description: Version of it that instances start from.
    type: int
    default: 1
  subnets:
    description: Ids of the subnets of its instances.
    type: list
    elements: str
    default: []
  target_groups:
    description: ARNs of the target groups that they are registered at.
    type: list
    elements: str
    default: []
  min:
    description: Instances that there always are.
    type: int
    default: 0
  max:
    description: Instances that there may be.
    type: int
    default: 0
  cpu_percent:
    description: The average share of CPU that they are held at.
    type: int
    default: 60
  grace_seconds:
    description: Seconds that an instance has to become a healthy target before it is replaced.
    type: int
    default: 300
  refresh_percent:
    description: Percent of the instances that there may be while they are replaced.
    type: int
    default: 110
  owner_tags:
    description: Tags of the group.
    type: dict
    default: {}
  wait_seconds:
    description: Seconds to wait for the end of its instances, with O(state=absent).
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
    description: In check mode nothing is changed.
"""

EXAMPLES = r"""
- name: Let two to six web hosts serve
  django_ec2.site.web_autoscaling:
    name: shop-production-web
    template: lt-0123456789abcdef0
    version: 3
    subnets: [subnet-0123456789abcdef0, subnet-0123456789abcdef1]
    target_groups: ["arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/shop-production-web/0123456789abcdef"]
    min: 2
    max: 6
    cpu_percent: 60
    owner_tags: {Project: shop, Environment: production}
"""

RETURN = r"""
lines:
  description: What was changed, or in check mode would be, and what is left to do.
  returned: always
  type: list
  elements: str
  sample: [MaxSize 6 becomes 8]
instances:
  description: Ids of the instances in service, before the change.
  returned: always
  type: list
  elements: str
there:
  description: Whether there is such a group, before the change.
  returned: always
  type: bool
"""

import contextlib

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule as AnsibleModule
from ansible_collections.django_ec2.site.plugins.module_utils import web_autoscaling

# Without botocore, AnsibleAWSModule says so.
with contextlib.suppress(ImportError):
    from botocore.exceptions import BotoCoreError, ClientError


def main() -> None:
    """Entry point."""
    text = {"type": "str", "default": ""}
    texts = {"type": "list", "elements": "str", "default": []}
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "resized", "absent", "asked"], "default": "present"},
            "template": text,
            "version": {"type": "int", "default": 1},
            "subnets": texts,
            "target_groups": texts,
            "min": {"type": "int", "default": 0},
            "max": {"type": "int", "default": 0},
            "cpu_percent": {"type": "int", "default": 60},
            "grace_seconds": {"type": "int", "default": 300},
            "refresh_percent": {"type": "int", "default": 110},
            "owner_tags": {"type": "dict", "default": {}},
            "wait_seconds": {"type": "int", "default": 600},
        },
        supports_check_mode=True,
    )
    given, client = module.params, module.client("autoscaling")
    calls, left = [], ""
    try:
        group = web_autoscaling.find(client, given["name"])
        if given["state"] == "resized":
            calls = web_autoscaling.resized(group, given["min"], given["max"], given["name"])
        elif given["state"] == "present":
            wanted = web_autoscaling.Wanted(
                name=given["name"], template=given["template"], version=given["version"], subnets=given["subnets"],
                target_groups=given["target_groups"], least=given["min"], most=given["max"], cpu_percent=given["cpu_percent"],
                grace_seconds=given["grace_seconds"], tags=given["owner_tags"], refresh_percent=given["refresh_percent"],
            )  # fmt: skip
            policies = client.describe_policies(AutoScalingGroupName=given["name"])["ScalingPolicies"] if group else []
            refreshing = bool(group) and web_autoscaling.is_refreshing(client, given["name"])
            calls, left = web_autoscaling.plan(group, policies, refreshing, wanted)
        elif given["state"] == "absent" and group and not module.check_mode:
            web_autoscaling.remove(client, given["name"], given["wait_seconds"])
        if given["state"] == "absent" and not module.check_mode:
            web_autoscaling.remove_template(module.client("ec2"), given["name"])
        for call in [] if module.check_mode else calls:
            getattr(client, call.operation)(**call.words)
    except web_autoscaling.AutoscalingError as error:
        module.fail_json(msg=str(error))
    except (BotoCoreError, ClientError) as error:
        module.fail_json_aws(error, msg=f"The auto-scaling group {given['name']} could not be asked or changed")
    gone = [f"{given['name']} goes, with its instances"] if given["state"] == "absent" and group else []
    module.exit_json(
        changed=bool(calls or gone),
        lines=[*gone, *(call.what for call in calls), *([left] if left else [])],
        instances=web_autoscaling.instances(group),
        there=group is not None,
    )


if __name__ == "__main__":
    main()
