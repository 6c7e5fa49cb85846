# SPDX-License-Identifier: MIT
"""What has to happen for the hosts to be what the account's instances are: decided from both, before anything changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

# What is done to a host; the loop has a function for each.
CREATE, BOOT, WAKE, HALT, REMOVE, LOST = "create", "boot", "wake", "halt", "remove", "lost"
# And to the host of an instance of RDS.
RENAME, PROMOTE, PASSWORD, RESTART = "rename", "promote", "password", "restart"


def decide(states: Mapping[str, str], made: Iterable[str], there: Mapping[str, bool]) -> dict[str, str]:
    """By instance, what to do; nothing for those that are as they should be.

    Args:
        states: by instance, its state in EC2's words.
        made: the instances that had a host before.
        there: by instance, whether its host runs; those without a host are missing.
    """
    had = set(made)
    todo = {}
    for name in {**states, **there}:
        todo[name] = _one(states.get(name, "terminated"), name in had, there.get(name))
    return {name: what for name, what in todo.items() if what}


def _one(state: str, made: bool, runs: bool | None) -> str:
    if state == "terminated":
        return REMOVE if runs is not None else ""
    if state == "shutting-down":
        return REMOVE
    if state == "stopping":
        return HALT
    if state == "stopped":
        return HALT if runs else ""
    if runs is None:
        return LOST if made or state == "running" else CREATE
    if state == "pending":
        return BOOT
    return "" if runs else WAKE


def changes(wanted: Mapping[str, Any], applied: Mapping[str, Any] | None) -> list[str]:
    """What is done to the host of an instance of RDS, in order; nothing where it is what was asked for.

    Args:
        wanted: what the account says (`lab.kinds.aws.endpoint.databases.wanted`).
        applied: what the host was made; None where there is none.
    """
    if applied is None:
        return [CREATE]
    differ = {name for name in wanted if wanted[name] != applied.get(name)}
    if not wanted["up"]:
        # What else was asked for is done when it starts.
        return [HALT] if "up" in differ else []
    steps = (
        (WAKE, "up" in differ),
        (RENAME, "endpoint" in differ),
        (PROMOTE, "follows" in differ),
        (PASSWORD, "password" in differ),
        # An instance that starts reads its parameters, as one that is restarted does.
        (RESTART, bool(differ & {"boots", "class", "version", "up"})),
    )
    return [what for what, due in steps if due]
