#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Wait for a line on the console of an instance."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: ec2_console
short_description: Wait for a line on the console of an instance
description:
  - Waits until a program of the instance, such as its user data, has written a line that begins with a word, and returns the rest of
    it. So an instance that nobody can log in to says that it is done. C(amazon.aws) has no module that reads consoles.
  - Credentials come from the environment, as for the modules of C(amazon.aws).
options:
  instance:
    description: Id of the instance.
    type: str
    required: true
  line:
    description: The word that the line begins with.
    type: str
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
    description: It changes nothing. In check mode it does not wait.
"""

EXAMPLES = r"""
- name: Wait until the user data is through
  django_ec2.site.ec2_console:
    instance: i-0123456789abcdef0
    line: image-sealed
"""

RETURN = r"""
said:
  description: The rest of the line.
  type: str
  returned: always
  sample: shop=4be1d2c3a4f5
"""

import contextlib

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule as AnsibleModule
from ansible_collections.django_ec2.site.plugins.module_utils import ec2_console

# Without botocore, AnsibleAWSModule says so.
with contextlib.suppress(ImportError):
    from botocore.exceptions import BotoCoreError, ClientError


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "instance": {"type": "str", "required": True},
            "line": {"type": "str", "required": True},
            "wait_seconds": {"type": "int", "default": 600},
        },
        supports_check_mode=True,
    )
    given = module.params
    said = ""
    try:
        if not module.check_mode:
            said = ec2_console.wait(module.client("ec2"), given["instance"], given["line"], given["wait_seconds"])
    except ec2_console.ConsoleError as error:
        module.fail_json(msg=str(error))
    except (BotoCoreError, ClientError) as error:
        module.fail_json_aws(error, msg=f"The console of {given['instance']} could not be read")
    module.exit_json(changed=False, said=said)


if __name__ == "__main__":
    main()
