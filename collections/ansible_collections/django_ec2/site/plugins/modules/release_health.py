#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Ask what is live on a host whether it serves."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: release_health
short_description: Ask the live release of an application whether it serves
description:
  - One request to the live server over its own socket, as nginx would send it. Changes nothing.
extends_documentation_fragment:
  - django_ec2.site.health_question
options:
  socket:
    description: The socket of what is live.
    type: path
    required: true
  attempts:
    description: How often to ask, a second apart, until the answer is good.
    type: int
    default: 1
author:
  - The maintainers
attributes:
  check_mode:
    support: full
    description: Asks alone.
"""

EXAMPLES = r"""
- name: Ask the live release
  django_ec2.site.release_health:
    socket: /srv/board/live/server.sock
    host: board.example.org
    health_path: /readyz
"""

RETURN = r"""
good:
  description: Whether it serves. False when nothing is live.
  returned: success
  type: bool
said:
  description: The status and the beginning of the body of the last answer, or why there was none.
  returned: success
  type: str
failures:
  description: What is wrong with the further paths, by path.
  returned: success
  type: dict
  sample: {/about/: "/about/ answered 500 instead of 200: Server Error"}
"""

import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.django_ec2.site.plugins.module_utils.release import checks
from ansible_collections.django_ec2.site.plugins.module_utils.release.question import ask, good

ANSWER_SECONDS = 10


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            **checks.QUESTION_SPEC,
            "socket": {"type": "path", "required": True},
            "attempts": {"type": "int", "default": 1},
        },
        supports_check_mode=True,
    )
    given = module.params
    said, serves = "nothing is live", False
    for attempt in range(given["attempts"]):
        if attempt:
            time.sleep(1)
        try:
            status, body = ask(given["socket"], given["host"], given["health_path"], ANSWER_SECONDS, given["protocol"])
        except OSError as error:
            said = str(error)
            continue
        said = f"status {status}: {body.strip()[:500]}"
        serves = good(status, given["health_path"])
        if serves:
            break
    found: dict[str, str] = {}
    if serves:
        asked = (given["checks"], given["socket"], given["host"], given["protocol"])
        found = checks.failures(*asked, attempts=given["attempts"])
    module.exit_json(changed=False, good=serves, said=said, failures=found)


if __name__ == "__main__":
    main()
