#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Try the pending migrations of a staged release on a scratch database."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: release_trial
short_description: Try the pending migrations of a staged release on a scratch database
description:
  - Runs the pending migrations in a scratch database that M(django_ec2.site.postgres_scratch) made, compares the catalogs before and
    after each of them for the tables that the serving release's models use, and asks that release there.
  - The processes have the release's own environment, may write nothing and reach nothing but the scratch database.
  - C(RunPython) that works with models is left out and listed.
options:
  root:
    description: The application's directory.
    type: path
    required: true
  manage:
    description: The application's manage command on the host.
    type: path
    required: true
  slot:
    description: The slot of the staged release.
    type: str
    choices: [blue, green]
    required: true
  live:
    description: The slot of the release that serves.
    type: str
    choices: [blue, green]
    required: true
  database:
    description: Name of the scratch database.
    type: str
    required: true
  alias:
    description: Which one of the project's C(DATABASES) it stands for.
    type: str
    default: default
  host:
    description: The name that pages are asked for by, one of those that the application accepts.
    type: str
    required: true
  paths:
    description: Pages that the serving release is asked for before and after the migrations.
    type: list
    elements: str
    default: [/]
  seconds:
    description: How long the whole trial may take.
    type: int
    default: 60
author:
  - The maintainers
attributes:
  check_mode:
    support: full
    description: In check mode nothing is tried; RV(reason) says so.
"""

EXAMPLES = r"""
- name: Try the migrations of the release in the slot green
  django_ec2.site.release_trial:
    root: /srv/shop
    manage: /usr/local/sbin/shop-manage
    slot: green
    live: blue
    database: shop_scratch
    host: shop.example.org
    paths: [/readyz, /]
"""

RETURN = r"""
reason:
  description: Why nothing was tried; empty where something was.
  returned: success
  type: str
plan:
  description: The pending migrations.
  returned: when something was tried
  type: list
  elements: str
judged:
  description: Those of them that ran in the scratch database to their end.
  returned: when something was tried
  type: list
  elements: str
findings:
  description: What each of these breaks for the release that serves, as sentences without a subject.
  returned: when something was tried
  type: dict
  sample: {shop.0004_code: [makes code of shop_item unique (shop_item_code_key)]}
kinds:
  description: Kinds of what was found, by migration. The remedies depend on them.
  returned: when something was tried
  type: dict
  sample: {shop.0004_code: [unique]}
stopped:
  description: Why a migration and those after it could not be tried; empty where all were.
  returned: when something was tried
  type: str
not_judged:
  description: What of the migrations was left out.
  returned: when something was tried
  type: list
  elements: str
broken:
  description: What the release that serves could do before the migrations and not after them.
  returned: success
  type: list
  elements: str
notes:
  description: What else is to be known of the trial.
  returned: success
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.django_ec2.site.plugins.module_utils.release.trial import Trial


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "root": {"type": "path", "required": True},
            "manage": {"type": "path", "required": True},
            "slot": {"type": "str", "choices": ["blue", "green"], "required": True},
            "live": {"type": "str", "choices": ["blue", "green"], "required": True},
            "database": {"type": "str", "required": True},
            "alias": {"type": "str", "default": "default"},
            "host": {"type": "str", "required": True},
            "paths": {"type": "list", "elements": "str", "default": ["/"]},
            "seconds": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )
    if module.check_mode:
        module.exit_json(changed=False, reason="check mode tries nothing", broken=[], notes=[])
    module.exit_json(changed=False, **Trial(module.params).run())


if __name__ == "__main__":
    main()
