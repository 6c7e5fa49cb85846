#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""One step of the move of all databases from one server to another."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: database_move
short_description: One step of a move from one PostgreSQL server to another, while the site works
description:
  - Of a move between self-hosted PostgreSQL and Amazon RDS, or of a major upgrade, which is a move between two hosts.
  - Runs on a database host, which reaches both sides. It reads both, and does the one step that is asked for, if that is the next one.
    Nothing is remembered on the controller, so a run that was cut is continued by the next.
  - Web hosts get O(hold). The step V(switch) runs there at the same time as on the database host.
  - What a move makes carries one name, C(database_move). On each side there is a role, whose comment says what the side is, and in each
    database a schema, a publication and a subscription.
options:
  to:
    description: The side that the databases move to, by its name in O(sides).
    type: str
    required: true
  step:
    description:
      - The step to do. V(look) only says which is the next one.
      - Another one than the next one does nothing.
      - A step waits up to five minutes for one that a killed run has left, which goes on to its end.
      - V(stage) and V(follow) are for web hosts. They prepare their poolers, and lead those to the live side that were cut off.
      - The last four are for one of two hosts alone, the first of O(sides). V(survey) says what is known before the other one is
        touched, V(reserve) that nobody else writes to this one, V(admit) and V(retire) let the other host in, and no more.
    type: str
    choices:
      - look
      - begin
      - schema
      - publish
      - subscribe
      - copy
      - compare
      - switch
      - reopen
      - close
      - reverse
      - finish
      - cancel
      - stage
      - follow
      - survey
      - reserve
      - admit
      - retire
    default: look
  inventory:
    description: The side that is live where neither side says so. Needed on the database host.
    type: str
    default: self_hosted
  sides:
    description: Both servers. Needed on the database host.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: What it is called, C(self_hosted) or C(rds); the name of its host where both are hosts.
        type: str
        required: true
      host:
        description: Name of the server, reached by TLS with sslmode verify-full. Without it this host's socket is used.
        type: str
      port:
        description: Port.
        type: int
        default: 5432
      user:
        description: Role to log in as; at the socket also the system user.
        type: str
        default: postgres
      password:
        description: Its password, for O(sides[].host).
        type: str
      cert_file:
        description: A certificate to log in by in the place of a password.
        type: path
      key_file:
        description: Its key.
        type: path
      ca_file:
        description: Where the authorities of the server lie on this host.
        type: path
      authorities:
        description: The authorities (PEM), for as long as they do not lie there.
        type: str
      address:
        description: How the other side reaches the server.
        type: str
  between_hosts:
    description: Whether both sides are hosts, which then name each other in what they write down.
    type: bool
    default: false
  version:
    description: With V(survey), the major version that the other host will have.
    type: int
    default: 0
  databases:
    description: The databases.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the database.
        type: str
        required: true
      owner:
        description: Role that owns it.
        type: str
        required: true
      roles:
        description: The roles that a run of the project makes on the target before the first step.
        type: list
        elements: str
        default: []
  finish:
    description: Whether the way back is given up.
    type: bool
    default: false
  cancel:
    description: Whether a move that has not switched is undone.
    type: bool
    default: false
  run:
    description: A name of this attempt to switch; the same on all hosts.
    type: str
    default: ""
  hosts:
    description: The web hosts that pause, by the names that their O(hold.host) has.
    type: list
    elements: str
    default: []
  seconds:
    description: How long pausing may take, and catching up after it; with V(copy) how long one call waits.
    type: float
    default: 5
  hold:
    description: On a web host, its part in a switch.
    type: dict
    suboptions:
      host:
        description: Name of the web host.
        type: str
        required: true
      source:
        description: The application's login to the side that is live.
        type: dict
        required: true
      target:
        description: The application's login to the other one.
        type: dict
        required: true
      poolers:
        description: The text of the next C(target.ini) of each pooler, by its name.
        type: dict
        default: {}
requirements:
  - python3-psycopg2
author:
  - The maintainers
attributes:
  check_mode:
    support: full
    description: Looks, and says which step would be next.
"""

EXAMPLES = r"""
- name: See where the move stands
  django_ec2.site.database_move:
    to: rds
    sides:
      - {name: self_hosted, address: 10.0.1.20}
      - name: rds
        host: shop.c1a2b3.eu-central-1.rds.amazonaws.com
        address: shop.c1a2b3.eu-central-1.rds.amazonaws.com
        user: postgres
        password: "{{ secrets.database_master_password }}"
        ca_file: /etc/ssl/rds/ca.pem
    databases:
      - {name: shop, owner: shop_owner}
"""

RETURN = r"""
next:
  description: The next step; empty when there is none.
  returned: on the database host
  type: str
live:
  description: The side that the applications write to.
  returned: on the database host, when looking and after a step
  type: str
why:
  description: What the next step is for.
  returned: when looking
  type: str
plan:
  description: Lines for people, sizes and an estimate.
  returned: when looking
  type: list
  elements: str
problems:
  description: What keeps the move from beginning, each with its remedy.
  returned: when looking
  type: list
  elements: str
notes:
  description: What an operator should know.
  returned: on the database host
  type: list
  elements: str
found:
  description: What a step found. Of V(compare) the rows of each database, of V(switch) the LSN, sequences, ended connections and seconds.
  returned: after a step on the database host
  type: dict
held:
  description: C(switched), and C(seconds) of the pause.
  returned: on a web host
  type: dict
"""

import contextlib
import multiprocessing
import os
import tempfile
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.login import ServerUnavailable
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move.hold import Hold
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move.model import (
    DATABASE_SPEC,
    HOLD_SPEC,
    SIDE_SPEC,
)
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move.plan import MoveRefused
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move.poolers import Poolers
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move.run import ALONE, Moving

with contextlib.suppress(ImportError):
    import psycopg2

STEPS = [
    "look",
    "begin",
    "schema",
    "publish",
    "subscribe",
    "copy",
    "compare",
    "switch",
    "reopen",
    "close",
    "reverse",
    "finish",
    "cancel",
    "stage",
    "follow",
    *ALONE,
]


def hold(given: dict[str, Any]) -> dict[str, Any]:
    """A web host's part in a switch."""
    own = given["hold"]
    poolers = Poolers(own["poolers"])
    if given["step"] != "switch":
        return {"changed": poolers.stage() if given["step"] == "stage" else poolers.follow()}
    held = Hold(own["host"], given["run"], own["source"], own["target"], poolers, given["seconds"]).run()
    return {"changed": held["switched"], "held": held}


def both(given: dict[str, Any]) -> dict[str, Any]:
    """A host that is a web host and the database host: each part in a process of its own, as on two hosts."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as beside:
        held = beside.submit(hold, given)
        said = on_database_host(given, False)
        return {**said, **held.result()}


def on_database_host(given: dict[str, Any], check: bool) -> dict[str, Any]:
    """Look, or do a step."""
    moving = Moving(given)
    try:
        if given["step"] in ALONE and not (check and given["step"] != "survey"):
            return moving.alone(given["step"])
        if given["step"] in ALONE:
            return {"changed": False}
        if given["step"] == "look" or check:
            return {"changed": False, **moving.look()}
        return moving.step()
    finally:
        moving.close()


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "to": {"type": "str", "required": True},
            "step": {"type": "str", "choices": STEPS, "default": "look"},
            "inventory": {"type": "str", "default": "self_hosted"},
            "sides": {"type": "list", "elements": "dict", "default": [], "options": SIDE_SPEC},
            "between_hosts": {"type": "bool", "default": False},
            "version": {"type": "int", "default": 0},
            "databases": {"type": "list", "elements": "dict", "default": [], "options": DATABASE_SPEC},
            "finish": {"type": "bool", "default": False},
            "cancel": {"type": "bool", "default": False},
            "run": {"type": "str", "default": ""},
            "hosts": {"type": "list", "elements": "str", "default": []},
            "seconds": {"type": "float", "default": 5},
            "hold": {"type": "dict", "options": HOLD_SPEC},
        },
        supports_check_mode=True,
    )
    given = module.params
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as authorities:
        given["sides"] = [trusting(side, authorities) for side in given["sides"]]
        try:
            if given["hold"] and module.check_mode:
                said: dict[str, Any] = {"changed": False}
            elif given["hold"] and given["databases"]:
                said = both(given)
            elif given["hold"]:
                said = hold(given)
            else:
                said = on_database_host(given, module.check_mode)
        except (MoveRefused, ServerUnavailable) as error:
            module.fail_json(msg=f"{error}.".replace("..", "."))
        except psycopg2.Error as error:
            module.fail_json(msg=f"The step {given['step']} was cut off: {str(error).strip()}")
    module.exit_json(**said)


def trusting(side: dict[str, Any], authorities: Any) -> dict[str, Any]:
    """A side whose authorities may not lie on this host yet; ``known`` is where a subscription of this host finds them."""
    if not side.get("authorities"):
        return side
    authorities.write(side["authorities"])
    authorities.flush()
    os.chmod(authorities.name, 0o644)
    return {**side, "known_ca_file": side.get("ca_file"), "ca_file": authorities.name}


if __name__ == "__main__":
    main()
