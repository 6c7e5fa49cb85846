# SPDX-License-Identifier: MIT
"""What a switch owes: the end of the slot that is not live, with its services.

The note is on the disk before anything of the new slot starts, and goes when the other slot has ended. A run that is cut in
between leaves it, whichever of the two slots is live by then, and the next run does what is owed.
"""

from __future__ import annotations

import json
import os
import time
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.release.drain import drain
from ansible_collections.django_ec2.site.plugins.module_utils.release.services import Units
from ansible_collections.django_ec2.site.plugins.module_utils.release.slots import live_slot

NAME = "owed.json"


def note(root: str, release: str) -> None:
    """Note that a switch begins, for whoever finds it unfinished."""
    path = os.path.join(root, NAME)
    with open(f"{path}.new", "w") as handle:
        json.dump({"release": release, "since": int(time.time())}, handle)
    os.replace(f"{path}.new", path)


def done(root: str) -> None:
    """Nothing is owed any more."""
    if owed(root):
        os.unlink(os.path.join(root, NAME))


def owed(root: str) -> bool:
    """Whether a switch was not finished here."""
    return os.path.exists(os.path.join(root, NAME))


def settle(module: Any) -> list[str]:
    """End what runs in the slot that is not live, and say which units these were.

    ``module.params`` are the options of the module release_settle. Requests that wait at the slot's socket are answered first.
    """
    given, units = module.params, Units(module)
    idle = "green" if live_slot(given["root"]) == "blue" else "blue"
    server = given["unit"].replace("{slot}", idle)
    running = [unit for unit in units.loaded([server, f"{given['name']}-*@{idle}.service"]) if unit]
    if running and not module.check_mode:
        units.end_services([unit for unit in running if unit != server], wait=True)
        drain(units, server, given["socket"].replace("{slot}", idle), given["drain_timeout"])
    if not module.check_mode:
        done(given["root"])
    return running
