#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""The poolers of a host: asked, paused, pointed at another server, resumed."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pgbouncer_control
short_description: Pause, switch and resume the poolers of a host
description:
  - The steps of a move and of a promotion, for all poolers (instances of PgBouncer) of a host or for those that are named.
  - "The order is: C(staged) while everything works, C(paused), C(switched), C(resumed)."
  - A pause never outlives its run. systemd resumes the poolers after O(resume_after) seconds, should nobody have done it.
  - A pooler that is started anew is not paused.
options:
  state:
    description:
      - "C(status): ask what they do."
      - "C(staged): place another target (O(target)) beside the one that is in use, and prove it by logging in with it."
      - "C(paused): let the transactions in hand end and hold back all others, on all of them or on none."
      - "C(switched): point them at what was staged. They stay paused."
      - "C(reverted): point them at what was in use before the switch. They stay paused."
      - "C(led): point them at what was staged without a pause, as after a promotion whose primary was away. One for which nothing
        is staged stays as it is."
      - "C(resumed): let the clients go on."
      - "C(reloaded): have them read their files."
      - "C(retired): stop and remove those that no live release uses."
    type: str
    choices: [status, staged, paused, switched, reverted, led, resumed, reloaded, retired]
    default: status
  instances:
    description: Names of the poolers. The default is all of the host.
    type: list
    elements: str
  target:
    description: With C(staged), the text of the next C(target.ini) of the one pooler that O(instances) names.
    type: str
    default: ""
  timeout:
    description: Seconds that the transactions in hand have to end when a pause begins. Then all poolers are resumed.
    type: float
    default: 5
  resume_after:
    description: Seconds after which systemd resumes the poolers.
    type: float
    default: 60
  token:
    description:
      - What C(paused) returned. With it C(switched), C(reverted) and C(resumed) do nothing where that pause has ended, and say so.
      - Needed for the first two.
    type: str
    default: ""
  who:
    description: Who asks for a pause, for the message of the next one who tries.
    type: str
    default: somebody
attributes:
  check_mode:
    support: full
    description: Nothing is done but C(status).
  diff_mode:
    support: none
author:
  - The maintainers of this repository
"""

EXAMPLES = r"""
- name: Pause the poolers
  django_ec2.site.pgbouncer_control:
    state: paused
    timeout: 2
    resume_after: 30
    who: database_move of alice
  register: pause

- name: Let the clients go on
  django_ec2.site.pgbouncer_control:
    state: resumed
    token: "{{ pause.token }}"
"""

RETURN = r"""
poolers:
  description: What each pooler does, its databases and servers, and what a switch has changed.
  returned: with C(status)
  type: dict
  sample: {self_hosted-transaction: {state: active, databases: [shop], targets: ["10.0.1.20:5432"], moved: {}}}
paused:
  description: Whether all of them stand still.
  returned: with C(paused)
  type: bool
token:
  description: What names this pause.
  returned: with C(paused)
  type: str
  sample: 5f1c9a0b77d2
busy:
  description: What kept them from it, in words.
  returned: with C(paused)
  type: str
  sample: "self_hosted-transaction: shop (1 connections in use)"
expired:
  description: Whether the pause of the token has ended meanwhile, so that nothing was done.
  returned: with C(switched), C(reverted) and C(resumed)
  type: bool
resumed:
  description: Poolers that were paused.
  returned: with C(resumed)
  type: list
  elements: str
  sample: [self_hosted-transaction]
switched:
  description: Poolers that lead elsewhere now.
  returned: with C(switched), C(reverted) and C(led)
  type: list
  elements: str
  sample: [self_hosted-transaction]
targets:
  description: The servers of what was staged.
  returned: with C(staged)
  type: list
  elements: str
  sample: ["10.0.1.20:5432"]
retired:
  description: Poolers that were removed.
  returned: with C(retired)
  type: list
  elements: str
  sample: [self_hosted-session]
kept:
  description: Poolers that a live release still uses.
  returned: with C(retired)
  type: list
  elements: str
  sample: []
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.django_ec2.site.plugins.module_utils.pgbouncer import console, control

OPTIONS: dict[str, Any] = {
    "state": {
        "type": "str",
        "choices": ["status", "staged", "paused", "switched", "reverted", "led", "resumed", "reloaded", "retired"],
        "default": "status",
    },
    "instances": {"type": "list", "elements": "str"},
    # It holds passwords.
    "target": {"type": "str", "default": "", "no_log": True},
    "timeout": {"type": "float", "default": 5},
    "resume_after": {"type": "float", "default": 60},
    "token": {"type": "str", "default": "", "no_log": False},
    "who": {"type": "str", "default": "somebody"},
}


def act(given: dict[str, Any]) -> dict[str, Any]:
    """Do what was asked for."""
    names = control.instances() if given["instances"] is None else given["instances"]
    state, token = given["state"], given["token"]
    if state == "status":
        return {"changed": False, "poolers": control.status(names)}
    if state == "staged":
        if len(names) != 1 or not given["target"]:
            raise control.ControlError("state: staged needs one name in instances, and target.")
        return {"changed": True, **control.stage(names[0], given["target"])}
    if state == "paused":
        # On all hosts or on none: whoever asked has to hear of those that were not paused, and why.
        try:
            found = control.pause(names, given["timeout"], given["resume_after"], given["who"])
        except (control.ControlError, console.ConsoleError) as error:
            found = {"paused": False, "token": "", "busy": str(error)}
        return {"changed": found["paused"], **found}
    if state == "resumed":
        found = control.resume(names, token)
        return {"changed": bool(found["resumed"]), **found}
    if state in ("switched", "reverted"):
        found = control.switch(names, token, "next" if state == "switched" else "previous")
        return {"changed": bool(found["switched"]), **found}
    if state == "led":
        led = control.lead(names)
        return {"changed": bool(led), "switched": led}
    if state == "retired":
        found = control.retire(names)
        return {"changed": bool(found["retired"]), **found}
    control.reload(names)
    return {"changed": True}


def main() -> None:
    """Entry point of the module."""
    module = AnsibleModule(
        argument_spec=OPTIONS,
        supports_check_mode=True,
        required_if=[("state", "switched", ["token"]), ("state", "reverted", ["token"])],
    )
    if not hasattr(console, "psycopg2"):
        module.fail_json(msg=missing_required_lib("psycopg2"))
    if module.check_mode and module.params["state"] != "status":
        module.exit_json(changed=module.params["state"] not in ("reloaded", "retired"))
    try:
        module.exit_json(**act(module.params))
    except (control.ControlError, console.ConsoleError) as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
