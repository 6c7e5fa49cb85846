#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Let EBS encrypt each new volume of a region."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: ebs_encryption_default
short_description: Let EBS encrypt each new volume of a region
description:
  - A setting of the account in one region, which holds for whoever makes a volume there. It costs nothing.
  - A region where it is on is left as it is.
  - Credentials come from the environment, as for the modules of C(amazon.aws).
options: {}
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
- name: Encrypt new volumes
  django_ec2.site.ebs_encryption_default:
"""

RETURN = r"""
was_on:
  description: Whether new volumes were encrypted before.
  type: bool
  returned: always
"""

import contextlib

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule as AnsibleModule

# Without botocore, AnsibleAWSModule says so.
with contextlib.suppress(ImportError):
    from botocore.exceptions import BotoCoreError, ClientError


def main() -> None:
    """Entry point."""
    module = AnsibleModule(argument_spec={}, supports_check_mode=True)
    client = module.client("ec2")
    try:
        was_on = client.get_ebs_encryption_by_default()["EbsEncryptionByDefault"]
        if not was_on and not module.check_mode:
            client.enable_ebs_encryption_by_default()
    except (BotoCoreError, ClientError) as error:
        module.fail_json_aws(error, msg="Encryption of new volumes could not be made the default")
    module.exit_json(changed=not was_on, was_on=was_on)


if __name__ == "__main__":
    main()
