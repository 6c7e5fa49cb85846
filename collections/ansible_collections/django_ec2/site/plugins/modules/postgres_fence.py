#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Cut the way from this host to a database host that was given up."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: postgres_fence
short_description: Cut the way from this host to another one, over reboots too
description:
  - Makes a systemd unit that forbids the route to an address, starts it, and proves that the address can't be reached.
  - New connections to the address are refused at once, and those that are open end.
options:
  name:
    description: Name of the host that is cut off; the unit is C(database-fence-<name>.service).
    type: str
    required: true
  address:
    description: Its address.
    type: str
    default: ""
  state:
    description: Whether it is cut off.
    type: str
    choices: [present, absent]
    default: present
author:
  - The maintainers
attributes:
  check_mode:
    support: full
    description: Says whether it would be changed.
"""

EXAMPLES = r"""
- name: Cut the way to a primary that was given up
  django_ec2.site.postgres_fence:
    name: db1
    address: 10.0.1.20
"""

RETURN = r"""
unit:
  description: The unit that keeps the way cut.
  returned: success
  type: str
  sample: database-fence-db1.service
"""

import ipaddress
import os
import re

from ansible.module_utils.basic import AnsibleModule

DIRECTORY = "/etc/systemd/system"
TEXT = """# Made by Ansible (module postgres_fence): {name} was the primary and was given up. playbooks/database_promote.yml takes it away.
[Unit]
Description=No way to {name}, which was given up as the primary
After=network.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/sbin/ip -{family} route replace prohibit {address}
ExecStop=/usr/sbin/ip -{family} route delete prohibit {address}

[Install]
WantedBy=multi-user.target
"""


def cut_off(module: AnsibleModule, address: str) -> bool:
    """Whether the kernel refuses to go there."""
    code, _out, err = module.run_command(["/usr/sbin/ip", "route", "get", address])
    return code != 0 and ("Permission denied" in err or "prohibited" in err.lower())


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "address": {"type": "str", "default": ""},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
        required_if=[("state", "present", ["address"])],
        supports_check_mode=True,
    )
    name, address = module.params["name"], module.params["address"]
    if not re.fullmatch(r"[A-Za-z0-9_.-]+", name):
        module.fail_json(msg=f"'{name}' can't be part of a unit's name.")
    unit = f"database-fence-{name}.service"
    path = f"{DIRECTORY}/{unit}"
    there = os.path.exists(path)
    if module.params["state"] == "absent":
        if there and not module.check_mode:
            module.run_command(["systemctl", "disable", "--now", unit], check_rc=True)
            os.unlink(path)
            module.run_command(["systemctl", "daemon-reload"], check_rc=True)
        module.exit_json(changed=there, unit=unit)
    try:
        family = ipaddress.ip_address(address).version
    except ValueError:
        module.fail_json(msg=f"The address of {name} is '{address}': set private_address of that host to an address.")
    text = TEXT.format(name=name, address=address, family=family)
    if there and cut_off(module, address):
        with open(path, encoding="utf-8") as stream:
            if stream.read() == text:
                module.exit_json(changed=False, unit=unit)
    if not module.check_mode:
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(text)
        module.run_command(["systemctl", "daemon-reload"], check_rc=True)
        module.run_command(["systemctl", "enable", unit], check_rc=True)
        module.run_command(["systemctl", "restart", unit], check_rc=True)
        if not cut_off(module, address):
            module.fail_json(
                msg=f"{unit} runs, and {address} can be reached all the same: see 'ip route get {address}' there."
            )
    module.exit_json(changed=True, unit=unit)


if __name__ == "__main__":
    main()
