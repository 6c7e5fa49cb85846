# SPDX-License-Identifier: MIT
"""What the hosts have said in this run about the sets of files, units and so on that they remember.

Knows the fact in which it is kept, and how a set is identified. The records lie on the hosts: ``memory`` in module_utils.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from typing import Any

FACT = "host_config"
# The same in all workers of a run, if the parent has loaded this file before it forked them (callback preload), and another
# in each run: what the host said in an earlier one is not believed.
RUN = os.urandom(16).hex()


def sets_of_this_run(task: Any, task_vars: Mapping[str, Any]) -> Mapping[str, str]:
    """The sets that the host was found to be in keeping with, in this run: their digests by name."""
    told = (task_vars.get("ansible_facts") or {}).get(FACT) or {}
    return told["sets"] if told.get("run") == RUN and not task.delegate_to else {}


def as_fact(sets: Mapping[str, str]) -> dict[str, Any]:
    """What the host has just said, as a fact for the tasks that follow."""
    return {FACT: {"run": RUN, "sets": sets}}


def digest(args: Mapping[str, Any], contents: list[bytes] | None = None) -> str:
    """Identifies what is asked for."""
    total = hashlib.sha256(json.dumps(args, sort_keys=True, default=str).encode())
    for content in contents or []:
        total.update(hashlib.sha256(content).digest())
    return total.hexdigest()[:32]
