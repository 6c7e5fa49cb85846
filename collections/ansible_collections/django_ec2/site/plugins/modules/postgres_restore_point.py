#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Make a named restore point before the migrations of a release."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: postgres_restore_point
short_description: Make a named restore point before the migrations of a release
description:
  - Its name has the application, the moment in UTC and the release. C(playbooks/database_restore.yml) restores to it.
  - That none can be made is no failure. RV(reason) says why.
extends_documentation_fragment:
  - django_ec2.site.postgres_login
options:
  application:
    description: Name of the application.
    type: str
    required: true
  release:
    description: The release whose migrations follow.
    type: str
    required: true
requirements:
  - python3-psycopg2
author:
  - The maintainers
attributes:
  check_mode:
    support: full
    description: In check mode none is made; RV(reason) says so.
"""

EXAMPLES = r"""
- name: Make a restore point
  django_ec2.site.postgres_restore_point:
    application: shop
    release: 4be1d2c3a4f5
"""

RETURN = r"""
name:
  description: Name of the restore point; empty where there is none.
  returned: success
  type: str
  sample: shop-20261126T081500Z-4be1d2c3a4f5
reason:
  description: Why there is none; empty otherwise.
  returned: success
  type: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.login import LOGIN_SPEC, ServerUnavailable
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.restore import points

try:
    import psycopg2
except ImportError:
    psycopg2 = None


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "application": {"type": "str", "required": True},
            "release": {"type": "str", "required": True},
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
        name, reason = points.make(given["login"], given["application"], given["release"])
    except (ServerUnavailable, psycopg2.Error) as error:
        name, reason = "", str(error).strip()
    # A mark in the WAL changes nothing that a later run would find.
    module.exit_json(changed=False, name=name, reason=reason)


if __name__ == "__main__":
    main()
