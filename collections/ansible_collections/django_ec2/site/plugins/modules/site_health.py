#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Ask sites as a visitor does, whether they serve."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: site_health
short_description: Ask sites over verified TLS whether they serve
description:
  - Requests as a visitor makes them, from this host, through nginx to the application. Changes nothing.
  - The certificate is verified, by the authorities of the system and by O(authority).
options:
  sites:
    description: What is asked of each site.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the application.
        type: str
        required: true
      host:
        description: The name that is asked for.
        type: str
        required: true
      health_path:
        description: Path that answers with 200 when the application serves. V(/) may redirect, or ask for a login.
        type: str
        default: /
      checks:
        description: Further paths.
        type: list
        elements: dict
        default: []
        suboptions:
          path:
            description: Path, with its query.
            type: str
            required: true
          status:
            description: The status that is expected; V(0) is any below 500.
            type: int
            default: 0
          text:
            description: What the page has to contain.
            type: str
            default: ""
  address:
    description: Where to ask. Empty is where the name leads to.
    type: str
    default: ""
  port:
    description: Port of HTTPS.
    type: int
    default: 443
  authority:
    description: Certificates (PEM) of an authority beside those of the system.
    type: str
    default: ""
  attempts:
    description: How often each path is asked for at most, a second apart.
    type: int
    default: 3
author:
  - The maintainers
attributes:
  check_mode:
    support: full
    description: Asks alone.
"""

EXAMPLES = r"""
- name: Ask the site of this host
  django_ec2.site.site_health:
    sites:
      - name: board
        host: board.example.org
        health_path: /readyz
        checks: [{path: /about/, status: 200, text: About us}]
    address: 127.0.0.1
"""

RETURN = r"""
asked:
  description: How many paths were asked for.
  returned: success
  type: int
failures:
  description: What is wrong, a sentence a path.
  returned: success
  type: list
  elements: str
  sample: ["board: /about/ answered 500 instead of 200: Server Error"]
"""

import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.django_ec2.site.plugins.module_utils.release.checks import OPTION, PAUSE_SECONDS, judge
from ansible_collections.django_ec2.site.plugins.module_utils.release.question import good
from ansible_collections.django_ec2.site.plugins.module_utils.release.site import trust, visit

SHOWN_CHARACTERS = 200
SITE = {
    "name": {"type": "str", "required": True},
    "host": {"type": "str", "required": True},
    "health_path": {"type": "str", "default": "/"},
    "checks": OPTION,
}


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "sites": {"type": "list", "elements": "dict", "required": True, "options": SITE},
            "address": {"type": "str", "default": ""},
            "port": {"type": "int", "default": 443},
            "authority": {"type": "str", "default": ""},
            "attempts": {"type": "int", "default": 3},
        },
        supports_check_mode=True,
    )
    given = module.params
    context = trust(given["authority"])

    def problem(host: str, check: dict) -> str:
        """What is wrong with a path after the last attempt; empty when an answer was good."""
        said = ""
        for attempt in range(given["attempts"]):
            if attempt:
                time.sleep(PAUSE_SECONDS)
            try:
                status, body = visit(host, check["path"], context, given["address"], given["port"])
            except OSError as error:
                said = f"https://{host}{check['path']} did not answer: {error}"
                continue
            if "status" not in check:
                said = (
                    ""
                    if good(status, check["path"])
                    else f"{check['path']} answered {status} instead of 200: {body.strip()[:300]}"
                )
            else:
                said = judge(check, status, body)
            if not said:
                break
        # A page is many lines, and its beginning says what it is.
        return " ".join(said.split())[:SHOWN_CHARACTERS]

    questions = [
        (site["name"], site["host"], check)
        for site in given["sites"]
        for check in ({"path": site["health_path"]}, *site["checks"])
    ]
    failures = [f"{name}: {said}" for name, host, check in questions if (said := problem(host, check))]
    module.exit_json(changed=False, asked=len(questions), failures=failures)


if __name__ == "__main__":
    main()
