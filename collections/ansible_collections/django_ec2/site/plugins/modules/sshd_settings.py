#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Try settings of sshd with a way back, or confirm them."""

from __future__ import annotations

DOCUMENTATION = r"""
module: sshd_settings
short_description: Try settings of sshd with a way back, or confirm them
description:
  - Has sshd read a file of C(sshd_config.d) that lies there already, or is there no more.
  - What was not confirmed in time is taken back by a timer of systemd, and by a boot before sshd starts.
options:
  state:
    description:
      - "C(tried): reload sshd, and go back to the confirmed file after O(way_back_seconds)."
      - "C(confirmed): keep what was tried. To be called by a new connection, which shows that one gets in."
    type: str
    choices: [tried, confirmed]
    required: true
  path:
    description: The file.
    type: path
    required: true
  unit:
    description: The unit of sshd.
    type: str
    default: ssh.service
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
- name: Try the settings
  django_ec2.site.sshd_settings:
    state: tried
    path: /etc/ssh/sshd_config.d/10-base.conf

- name: Come in anew
  ansible.builtin.wait_for_connection:
    timeout: 20

- name: Keep them
  django_ec2.site.sshd_settings:
    state: confirmed
    path: /etc/ssh/sshd_config.d/10-base.conf
    unit: ssh.service
"""

RETURN = r"""
kept:
  description: Where the host keeps what was confirmed, which it goes back to.
  returned: success
  type: str
  sample: /var/lib/base-sshd/10-base.conf.confirmed
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.django_ec2.site.plugins.module_utils import sshd_settings
from ansible_collections.django_ec2.site.plugins.module_utils.way_back import WayBackError


def main() -> None:
    """Entry point of the module."""
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["tried", "confirmed"], "required": True},
            "path": {"type": "path", "required": True},
            "unit": {"type": "str", "default": "ssh.service"},
            "way_back_seconds": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )
    tried = module.params["state"] == "tried"
    path = Path(module.params["path"])
    try:
        if module.check_mode:
            pass
        elif tried:
            sshd_settings.try_settings(path, module.params["unit"], module.params["way_back_seconds"])
        else:
            sshd_settings.confirm_settings(path, module.params["unit"])
    except (WayBackError, OSError) as error:
        module.fail_json(msg=f"sshd: {error}.")
    module.exit_json(changed=tried, kept=str(sshd_settings.kept(path)))


if __name__ == "__main__":
    main()
