#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Try rules of nftables with a way back, confirm them, or take them away."""

from __future__ import annotations

DOCUMENTATION = r"""
module: firewall
short_description: Try rules of nftables with a way back, confirm them, or take them away
description:
  - Loads C(/etc/site-firewall/rules.nft), the table C(inet site_firewall). Tables of others are left alone.
  - What was not confirmed in time is taken back by a timer of systemd, and is not loaded at the next boot.
options:
  state:
    description:
      - "C(tried): load the rules, and go back to the confirmed ones after O(way_back_seconds)."
      - "C(confirmed): keep what was tried. To be called by a new connection, which shows that one gets in."
      - "C(absent): take the table away."
    type: str
    choices: [tried, confirmed, absent]
    required: true
  rules:
    description:
      - With C(tried), what the file says, each with C(networks), C(ports) and C(protocol).
      - The rules are refused when they would shut out the SSH connection of this run.
    type: list
    elements: dict
    default: []
  way_back_seconds:
    description: With C(tried), seconds until the host goes back.
    type: int
    default: 60
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
author:
  - The maintainers of this repository
"""

EXAMPLES = r"""
- name: Try the rules
  django_ec2.site.firewall:
    state: tried
    rules:
      - {name: ssh, networks: [203.0.113.0/24], ports: [22]}

- name: Come in anew
  ansible.builtin.wait_for_connection:
    timeout: 20

- name: Keep them
  django_ec2.site.firewall:
    state: confirmed
"""

RETURN = r"""
came_from:
  description: The address of the SSH connection of the run, as the host sees it; empty without one.
  returned: with C(tried)
  type: str
  sample: 203.0.113.7
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.django_ec2.site.plugins.module_utils import firewall
from ansible_collections.django_ec2.site.plugins.module_utils.way_back import WayBackError


def main() -> None:
    """Entry point of the module."""
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["tried", "confirmed", "absent"], "required": True},
            "rules": {"type": "list", "elements": "dict", "default": []},
            "way_back_seconds": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )
    result = {"changed": True}
    try:
        if module.params["state"] == "tried":
            connection = firewall.connection_of_run()
            result["came_from"] = connection[0] if connection else ""
            if problem := firewall.lockout_problem(module.params["rules"], connection):
                module.fail_json(msg=f"The rules were not loaded: {problem}.", came_from=result["came_from"])
            if not module.check_mode:
                firewall.try_rules(module.params["way_back_seconds"])
        elif module.check_mode:
            pass
        elif module.params["state"] == "confirmed":
            firewall.confirm_rules()
            result["changed"] = False
        else:
            result["changed"] = firewall.remove_rules()
    except (WayBackError, OSError) as error:
        module.fail_json(msg=f"The firewall: {error}.")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
