#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Say what a minor upgrade of this host's PostgreSQL would do."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: postgres_upgrade
short_description: Say what a minor upgrade of PostgreSQL would do
description:
  - Asks apt which packages it would upgrade, and looks whether the server still runs a program that a package has replaced.
  - Reads only. Packages are upgraded by M(ansible.builtin.apt), and the server is restarted by M(django_ec2.site.postgres_restart).
options:
  packages:
    description: Packages of PostgreSQL and its extensions. Those that are not installed are left out.
    type: list
    elements: str
    required: true
  host:
    description: Name of the host, for what is said.
    type: str
    required: true
author:
  - The maintainers
attributes:
  check_mode:
    support: full
    description: Nothing is ever changed.
"""

EXAMPLES = r"""
- name: See what an upgrade would do
  django_ec2.site.postgres_upgrade:
    packages: [postgresql-17, postgresql-client-17]
    host: "{{ inventory_hostname }}"
  register: upgrade
"""

RETURN = r"""
packages:
  description: Packages that apt would upgrade, each with C(name), C(installed) and C(candidate).
  returned: always
  type: list
  elements: dict
restart:
  description: Whether the server has to be restarted, now or after the packages.
  returned: always
  type: bool
replaced:
  description: Whether the server runs a program that is not on disk any more.
  returned: always
  type: bool
version:
  description: The major version of the cluster.
  returned: always
  type: str
  sample: "17"
running:
  description: Whether the server runs.
  returned: always
  type: bool
lines:
  description: The plan, in sentences.
  returned: always
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.django_ec2.site.plugins.module_utils.postgres import upgrade


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "packages": {"type": "list", "elements": "str", "required": True},
            "host": {"type": "str", "required": True},
        },
        supports_check_mode=True,
    )
    try:
        module.exit_json(changed=False, **upgrade.look(module.params["host"], module.params["packages"]))
    except upgrade.UpgradeProblem as error:
        module.fail_json(msg=f"{error}.")


if __name__ == "__main__":
    main()
