#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Make a step of a rotation of secrets in Parameter Store or Secrets Manager."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: secrets_store
short_description: Rotate the applications' secrets that AWS keeps
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
  what:
    description:
      - What is replaced, V(database) for the passwords of the databases, or the key of Django, the password of Redis or of an application's
        administrator, the project's own certificate authority, which lies at C(<path>/authority), or C(file_backup_key) of the backups of
        files, which lies at C(<path>/file_backups).
    type: str
    choices: [database, secret_key, redis, admin_password, authority, file_backups]
    default: database
  logins:
    description:
      - For V(database), the two roles that take turns in logging in, by the application and by the prefix of the database's secrets.
    type: dict
    default: {}
  rotated:
    description: For V(secret_key), V(redis) and V(admin_password), the names of the applications whose secret it is.
    type: list
    elements: str
    default: []
  rotation:
    description:
      - With V(begin) new values are written, and V(end) says that no host uses the old ones any more.
      - For V(secret_key), V(switch) makes the key that V(begin) announced the one that signs, and V(finish) takes the old one away.
        They do the same with the authority.
      - A rotation that began before and did not end goes on, with the same values.
    type: str
    choices: [begin, switch, end, finish]
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

- name: Announce another key of Django
  django_ec2.site.secrets_store:
    kind: secretsmanager
    path: production
    what: secret_key
    rotation: begin
    rotated: [shop]

- name: Let the next authority sign
  django_ec2.site.secrets_store:
    kind: secretsmanager
    path: production
    what: authority
    rotation: switch
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
  returned: with O(what) V(database)
digests:
  description: By application, or by the name of the secret, the secrets that belong to the rotation, with the SHA-256 of their values.
  type: dict
  returned: with another O(what)
"""

import contextlib

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule as AnsibleModule
from ansible_collections.django_ec2.site.plugins.module_utils import secret_stores
from ansible_collections.django_ec2.site.plugins.module_utils.rotation import Unfinished

# Without botocore, AnsibleAWSModule says so.
with contextlib.suppress(ImportError):
    from botocore.exceptions import BotoCoreError, ClientError


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "kind": {"type": "str", "choices": ["ssm", "secretsmanager"], "required": True},
            "path": {"type": "str", "required": True},
            "what": {
                "type": "str",
                "choices": ["database", "secret_key", "redis", "admin_password", "authority", "file_backups"],
                "default": "database",
            },
            "logins": {"type": "dict", "default": {}},
            "rotated": {"type": "list", "elements": "str", "default": []},
            "rotation": {"type": "str", "choices": ["begin", "switch", "end", "finish"], "required": True},
        },
        supports_check_mode=True,
    )
    given = module.params
    store = secret_stores.KINDS[given["kind"]](module.client(given["kind"]), given["path"])
    try:
        if given["what"] == "database":
            replaced, turn = secret_stores.rotate(store, given["logins"], given["rotation"], module.check_mode)
            found = {"turn": turn}
        else:
            replaced, after = secret_stores.replace(
                store, given["what"], given["rotated"], given["rotation"], module.check_mode
            )
            found = {"digests": after}
    except (secret_stores.StoreError, Unfinished) as error:
        module.fail_json(msg=str(error))
    except (BotoCoreError, ClientError) as error:
        module.fail_json_aws(error, msg=f"The secrets below {given['path']} could not be rotated")
    module.exit_json(changed=bool(replaced), replaced=replaced, **found)


if __name__ == "__main__":
    main()
