#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Make or drop the scratch database that migrations are tried on."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: postgres_scratch
short_description: A scratch database with the schema of a live one, to try migrations on
description:
  - Makes a database named after the live one with C(_scratch). It has the schema, the rights and the extensions of the live
    database and the rows of C(django_migrations), and no others.
  - The schema is read by C(pg_dump) with a limit on waits for locks, and restored with the rights of the database's owner.
  - A scratch database that a cut run left is replaced. A database of that name which this module did not make is never touched.
  - That no scratch can be made is no failure. RV(reason) says why.
extends_documentation_fragment:
  - django_ec2.site.postgres_login
options:
  database:
    description: Name of the live database.
    type: str
    required: true
  owner:
    description: The role that owns it.
    type: str
    required: true
  state:
    description: Whether to make it or to drop it.
    type: str
    choices: [present, absent]
    default: present
  seconds:
    description: How long making it may take.
    type: int
    default: 30
  copy_port:
    description:
      - Port of a cluster beside the live one on this host, a restored copy, whose schema is taken. V(0) takes the live one's.
    type: int
    default: 0
requirements:
  - python3-psycopg2
  - pg_dump and psql, not older than the server
author:
  - The maintainers
attributes:
  check_mode:
    support: full
    description: In check mode nothing is made; RV(reason) says so.
"""

EXAMPLES = r"""
- name: Make a scratch database of shop
  django_ec2.site.postgres_scratch:
    database: shop
    owner: shop_owner

- name: Drop it
  django_ec2.site.postgres_scratch:
    database: shop
    owner: shop_owner
    state: absent
"""

RETURN = r"""
name:
  description: Name of the scratch database; empty where there is none.
  returned: success
  type: str
  sample: shop_scratch
reason:
  description: Why there is none, or why it is left; empty otherwise.
  returned: success
  type: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.login import LOGIN_SPEC, ServerUnavailable
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.scratch import NoScratch, Scratch

try:
    import psycopg2
except ImportError:
    psycopg2 = None


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "database": {"type": "str", "required": True},
            "owner": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "seconds": {"type": "int", "default": 30},
            "copy_port": {"type": "int", "default": 0},
            "login": LOGIN_SPEC,
        },
        supports_check_mode=True,
    )
    given = module.params
    if module.check_mode:
        module.exit_json(changed=False, name="", reason="check mode makes none")
    if psycopg2 is None:
        module.exit_json(changed=False, name="", reason="python3-psycopg2 is not installed here")
    try:
        scratch = Scratch(given["login"], given["database"], given["owner"], given["seconds"], given["copy_port"])
        if given["state"] == "present":
            scratch.make()
            module.exit_json(changed=False, name=scratch.name, reason="")
        scratch.drop()
        module.exit_json(changed=False, name="", reason="")
    except (NoScratch, ServerUnavailable, psycopg2.Error) as error:
        module.exit_json(changed=False, name="", reason=str(error).strip())


if __name__ == "__main__":
    main()
