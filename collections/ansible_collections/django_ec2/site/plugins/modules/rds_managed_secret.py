#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Let RDS keep the password of an instance's master user in Secrets Manager."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: rds_managed_secret
short_description: Let RDS keep the master user's password in Secrets Manager
description:
  - RDS makes the password, keeps it in a secret of its own and changes it every week.
  - C(amazon.aws.rds_instance) of the pinned version has no option for it.
  - An instance whose secret is there is left as it is.
  - Credentials come from the environment, as for the modules of C(amazon.aws).
options:
  instance:
    description: Identifier of the instance.
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
    description: In check mode nothing is changed.
"""

EXAMPLES = r"""
- name: Hand the password over
  django_ec2.site.rds_managed_secret:
    instance: shop-production
"""

RETURN = r"""
secret:
  description: ARN of the secret. Empty in check mode where there is none yet.
  type: str
  returned: always
"""

import contextlib

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule as AnsibleModule

# Without botocore, AnsibleAWSModule says so.
with contextlib.suppress(ImportError):
    from botocore.exceptions import BotoCoreError, ClientError


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={"instance": {"type": "str", "required": True}},
        supports_check_mode=True,
    )
    name = module.params["instance"]
    client = module.client("rds")
    try:
        there = client.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]
        changed = not there.get("MasterUserSecret")
        if changed and not module.check_mode:
            there = client.modify_db_instance(
                DBInstanceIdentifier=name, ManageMasterUserPassword=True, ApplyImmediately=True
            )["DBInstance"]
    except (BotoCoreError, ClientError) as error:
        module.fail_json_aws(error, msg=f"The password of the instance {name} could not be handed over")
    module.exit_json(changed=changed, secret=(there.get("MasterUserSecret") or {}).get("SecretArn", ""))


if __name__ == "__main__":
    main()
