#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Log in to the mail server with the settings of a staged release."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: release_mail
short_description: Log in to the mail server with the settings of a staged release
description:
  - Opens a connection as a mail of the application would, logs in, and sends nothing.
  - Settings that send mail in another way than the entry says are a failure. A backend that does not speak SMTP can't be proven, and
    is warned of.
options:
  name:
    description: Name of the application.
    type: str
    required: true
  manage:
    description: The application's manage command on the host.
    type: path
    required: true
  slot:
    description: The slot of the release.
    type: str
    choices: [blue, green]
    required: true
  question:
    description: What the entry says; C(host), C(port), C(user) and C(tls).
    type: dict
    required: true
  program:
    description: The program that logs in inside the release.
    type: str
    required: true
author:
  - The maintainers
attributes:
  check_mode:
    support: full
    description: The release is not on the host yet, so nobody is asked.
"""

EXAMPLES = r"""
- name: Prove the login to the mail server
  django_ec2.site.release_mail:
    name: board
    manage: /usr/local/sbin/board-manage
    slot: green
    question: {host: smtp.example.org, port: 587, user: board, tls: starttls}
    program: "{{ lookup('ansible.builtin.file', 'programs/mail.py') }}"
"""

RETURN = r"""
proven:
  description: Whether the login worked.
  returned: success
  type: bool
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.django_ec2.site.plugins.module_utils.release.commands import Refusal
from ansible_collections.django_ec2.site.plugins.module_utils.release.inside import ask_inside


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "manage": {"type": "path", "required": True},
            "slot": {"type": "str", "choices": ["blue", "green"], "required": True},
            "question": {"type": "dict", "required": True},
            "program": {"type": "str", "required": True},
        },
        supports_check_mode=True,
    )
    given = module.params
    if module.check_mode:
        module.exit_json(changed=False, proven=False)
    try:
        answer = ask_inside([given["manage"], "--slot", given["slot"]], "mail.py", given["program"], given["question"])
    except Refusal as error:
        answer = {"problem": str(error)}
    if answer.get("problem"):
        module.fail_json(
            msg=f"{given['name']}: its mail can't be sent: {answer['problem']}. Correct mail in its entry; mail: {{prove: false}} goes on "
            "without the proof. What was live before still serves."
        )
    if not answer["proven"]:
        module.warn(f"{given['name']}: it sends mail by {answer['backend']}, so the login of its entry was not proven.")
    module.exit_json(changed=False, proven=answer["proven"])


if __name__ == "__main__":
    main()
