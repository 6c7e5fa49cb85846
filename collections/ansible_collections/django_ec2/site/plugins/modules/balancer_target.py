#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Take an instance out of a load balancer's target group, or put it back."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: balancer_target
short_description: Take an instance out of a target group, or put it back
description:
  - Waits until the requests in hand have ended, or until the balancer's health check has passed.
  - An instance is not taken out when no other target is healthy, for then nobody would serve.
  - C(community.aws.elb_target) has no check mode, waits for no target that is registered already, and registers none that is draining.
  - Credentials come from the environment, as for the modules of C(amazon.aws).
options:
  group:
    description: Name of the target group.
    type: str
    required: true
  instance:
    description: Id of the instance.
    type: str
    required: true
  port:
    description: Port of the target.
    type: int
    default: 80
  state:
    description: V(serving) is registered and healthy, V(drained) is neither registered nor draining, V(asked) only reads.
    type: str
    choices: [serving, drained, asked]
    required: true
  alone:
    description: Whether it is taken out even though no other target is healthy.
    type: bool
    default: false
  wait_seconds:
    description: Seconds to wait for it. The deregistration delay of the group has to fit in.
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
- name: Take the host out of the balancer
  django_ec2.site.balancer_target:
    group: shop-production-web
    instance: i-0123456789abcdef0
    state: drained
"""

RETURN = r"""
health:
  description: The state of each target by instance, as AWS says it; V(draining) is one that is on its way out.
  returned: always
  type: dict
  sample: {i-0123456789abcdef0: healthy}
registered:
  description: Whether the instance is registered.
  returned: always
  type: bool
"""

import contextlib
import time
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule as AnsibleModule
from ansible_collections.django_ec2.site.plugins.module_utils import aws_failures

# Without botocore, AnsibleAWSModule says so.
with contextlib.suppress(ImportError):
    from botocore.exceptions import BotoCoreError, ClientError

PAUSE_SECONDS = 2
# What a target that is not registered, or not any more, is said to be.
AWAY = ("draining", "unused")


class Refused(Exception):
    """It is not done; the text says why."""


class Target:
    """One instance in one target group."""

    def __init__(self, client: Any, group: str, instance: str, port: int, seconds: int) -> None:
        self._client, self.group, self.instance, self._seconds = client, group, instance, seconds
        self._targets = [{"Id": instance, "Port": port}]
        self._arn = client.describe_target_groups(Names=[group])["TargetGroups"][0]["TargetGroupArn"]
        self.why = ""

    def health(self) -> dict[str, str]:
        """The state of each target by instance."""
        listed = self._client.describe_target_health(TargetGroupArn=self._arn)["TargetHealthDescriptions"]
        found = {}
        for one in listed:
            state = one["TargetHealth"]
            found[one["Target"]["Id"]] = state["State"]
            if one["Target"]["Id"] == self.instance:
                self.why = state.get("Description", "")
        return found

    def drain(self) -> None:
        """Take it out, and wait for the requests in hand."""
        self._client.deregister_targets(TargetGroupArn=self._arn, Targets=self._targets)

    def gone(self) -> None:
        """Wait until nothing of it is left."""
        self._until(
            lambda found: self.instance not in found or found[self.instance] == "unused", "has requests in hand"
        )

    def serve(self) -> None:
        """Put it in."""
        self._client.register_targets(TargetGroupArn=self._arn, Targets=self._targets)

    def healthy(self) -> None:
        """Wait until the balancer gives it requests."""
        self._until(lambda found: found.get(self.instance) == "healthy", "is not healthy")

    def _until(self, good: Any, otherwise: str) -> None:
        deadline = time.monotonic() + self._seconds
        while not good(found := self.health()):
            if time.monotonic() > deadline:
                said = found.get(self.instance, "not registered")
                raise Refused(
                    f"{self.instance} {otherwise} in the target group {self.group} after {self._seconds} seconds ({said}: {self.why})."
                )
            time.sleep(PAUSE_SECONDS)


def run(target: Target, state: str, alone: bool, check: bool) -> tuple[bool, dict[str, str]]:
    """Whether something was changed, and the health of all targets afterwards.

    Raises:
        Refused: nobody would serve, or what was waited for did not come.
    """
    health = target.health()
    there = health.get(target.instance, "unused") not in AWAY
    changed = state != "asked" and there != (state == "serving")
    if state == "drained" and there:
        others = [one for one, said in health.items() if one != target.instance and said == "healthy"]
        if health[target.instance] == "healthy" and not others and not alone:
            raise Refused(
                f"{target.instance} is the only healthy target of {target.group}, and without it nobody would serve: see why the others "
                f"are not ({', '.join(f'{one} {said}' for one, said in health.items() if one != target.instance) or 'there are none'})."
            )
    if check or state == "asked":
        return changed, health
    if changed and state == "drained":
        target.drain()
    elif changed:
        target.serve()
    if state == "drained":
        target.gone()
    else:
        target.healthy()
    return changed, target.health()


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "group": {"type": "str", "required": True},
            "instance": {"type": "str", "required": True},
            "port": {"type": "int", "default": 80},
            "state": {"type": "str", "required": True, "choices": ["serving", "drained", "asked"]},
            "alone": {"type": "bool", "default": False},
            "wait_seconds": {"type": "int", "default": 600},
        },
        supports_check_mode=True,
    )
    given = module.params
    try:
        target = Target(module.client("elbv2"), given["group"], given["instance"], given["port"], given["wait_seconds"])
        changed, health = run(target, given["state"], given["alone"], module.check_mode)
    except Refused as error:
        module.fail_json(msg=str(error))
    except (BotoCoreError, ClientError) as error:
        remedy = aws_failures.remedy_of(error)
        module.fail_json_aws(
            error, msg=f"The target group {given['group']} could not be asked or changed. {remedy}".rstrip()
        )
    module.exit_json(changed=changed, health=health, registered=health.get(given["instance"], "unused") not in AWAY)


if __name__ == "__main__":
    main()
