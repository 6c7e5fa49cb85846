#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Begin or end a rotation of the databases' passwords in Parameter Store or Secrets Manager."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: secrets_store
short_description: Rotate the databases' passwords that AWS keeps
description:
  - Writes new passwords for the login of each database whose turn it is, where the variable C(secrets) looks them up.
  - What M(django_ec2.site.secrets_file) does in a file, for controllers whose files nobody keeps, such as jobs of AWX.
  - In Parameter Store, C(<path>/<application>/database_password), C(…/database_owner_password) and C(…/database_login) are written, each
    encrypted with the key that it has. In Secrets Manager these are keys of the secret C(<path>/<application>), a JSON mapping.
  - Runs on the controller. Credentials come from the environment, as for the lookups of C(amazon.aws).
options:
  kind:
    description: Where they are, Parameter Store or Secrets Manager.
    type: str
    choices: [ssm, secretsmanager]
    required: true
  path:
    description: What stands before the application's name, as C(/production) in C(/production/shop/database_password).
    type: str
    required: true
  logins:
    description: The two roles that take turns in logging in, by the application and by the prefix of the database's secrets.
    type: dict
    required: true
  rotation:
    description:
      - With V(begin) new values are written, and V(end) says that no host uses the old ones any more.
      - A rotation that began before and did not end goes on, with the same values.
    type: str
    choices: [begin, end]
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
    description: In check mode nothing is written.
"""

EXAMPLES = r"""
- name: Begin a rotation
  django_ec2.site.secrets_store:
    kind: ssm
    path: /production
    rotation: begin
    logins:
      shop:
        database: [shop, shop_b]
"""

RETURN = r"""
replaced:
  description: Names of the secrets that were replaced, without their values.
  type: list
  elements: str
  returned: always
turn:
  description: By application, the secrets that say whose turn it is, as C(database_login), with their values.
  type: dict
  returned: always
"""

import contextlib

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule as AnsibleModule
from ansible_collections.django_ec2.site.plugins.module_utils import secret_stores

# Without botocore, AnsibleAWSModule says so.
with contextlib.suppress(ImportError):
    from botocore.exceptions import BotoCoreError, ClientError


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "kind": {"type": "str", "choices": ["ssm", "secretsmanager"], "required": True},
            "path": {"type": "str", "required": True},
            "logins": {"type": "dict", "required": True},
            "rotation": {"type": "str", "choices": ["begin", "end"], "required": True},
        },
        supports_check_mode=True,
    )
    given = module.params
    store = secret_stores.KINDS[given["kind"]](module.client(given["kind"]), given["path"])
    try:
        replaced, turn = secret_stores.rotate(store, given["logins"], given["rotation"], module.check_mode)
    except secret_stores.StoreError as error:
        module.fail_json(msg=str(error))
    except (BotoCoreError, ClientError) as error:
        module.fail_json_aws(error, msg=f"The secrets below {given['path']} could not be rotated")
    module.exit_json(changed=bool(replaced), replaced=replaced, turn=turn)


if __name__ == "__main__":
    main()
