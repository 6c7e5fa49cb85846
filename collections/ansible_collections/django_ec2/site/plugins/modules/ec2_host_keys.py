#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Keep the SSH host keys that the consoles of instances show, as a tag of each."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: ec2_host_keys
short_description: Keep the host keys that the consoles of instances show
description:
  - At its first boot an instance prints its SSH host keys to its console. The key of type ed25519 becomes the tag C(HostKey) of the
    instance, where the inventory reads it, so that no controller has to accept a key that it does not know.
  - An instance that has the tag is not asked. C(amazon.aws) has no module that reads consoles.
  - Credentials come from the environment, as for the modules of C(amazon.aws).
options:
  instances:
    description: Ids of the instances by the names of the hosts.
    type: dict
    required: true
  wait_seconds:
    description: Seconds to wait for consoles that do not show a key yet.
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
    description: In check mode no tag is written, and no console asked.
"""

EXAMPLES = r"""
- name: Keep the host keys
  django_ec2.site.ec2_host_keys:
    instances:
      web1: i-0123456789abcdef0
"""

RETURN = r"""
kept:
  description: Names of the hosts whose key became a tag now.
  type: list
  elements: str
  returned: always
"""

import contextlib

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule as AnsibleModule
from ansible_collections.django_ec2.site.plugins.module_utils import ec2_host_keys

# Without botocore, AnsibleAWSModule says so.
with contextlib.suppress(ImportError):
    from botocore.exceptions import BotoCoreError, ClientError


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "instances": {"type": "dict", "required": True},
            "wait_seconds": {"type": "int", "default": 600},
        },
        supports_check_mode=True,
    )
    client = module.client("ec2")
    try:
        missing = ec2_host_keys.without_key(client, module.params["instances"])
        if missing and not module.check_mode:
            ec2_host_keys.keep(client, missing, module.params["wait_seconds"])
    except ec2_host_keys.HostKeyError as error:
        module.fail_json(msg=str(error))
    except (BotoCoreError, ClientError) as error:
        module.fail_json_aws(error, msg="The consoles of the instances could not be read")
    module.exit_json(changed=bool(missing), kept=sorted(missing))


if __name__ == "__main__":
    main()
