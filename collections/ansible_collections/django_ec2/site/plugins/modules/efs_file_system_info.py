#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Find a file system of EFS."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: efs_file_system_info
short_description: Find a file system of EFS
description:
  - By its creation token, as M(django_ec2.site.efs_file_system) makes it. Reads, in one call.
  - Credentials come from the environment, as for the modules of C(amazon.aws).
options:
  name:
    description: Its creation token.
    type: str
    required: true
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
- name: Find the file system of the uploads
  django_ec2.site.efs_file_system_info:
    name: shop-production
"""

RETURN = r"""
id:
  description: Of the file system; empty where there is none.
  type: str
  returned: always
"""

import contextlib

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule as AnsibleModule
from ansible_collections.django_ec2.site.plugins.module_utils import efs_file_system

# Without botocore, AnsibleAWSModule says so.
with contextlib.suppress(ImportError):
    from botocore.exceptions import BotoCoreError, ClientError


def main() -> None:
    """Entry point."""
    module = AnsibleModule(argument_spec={"name": {"type": "str", "required": True}}, supports_check_mode=True)
    name = module.params["name"]
    try:
        found = efs_file_system.describe(module.client("efs"), name)
    except efs_file_system.FileSystemError as error:
        module.fail_json(msg=str(error))
    except (BotoCoreError, ClientError) as error:
        module.fail_json_aws(error, msg=f"The file system {name} could not be found")
    module.exit_json(changed=False, id=found["FileSystemId"] if found else "")


if __name__ == "__main__":
    main()
