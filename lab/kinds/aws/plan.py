# SPDX-License-Identifier: MIT
"""What has to happen for the hosts to be what the account's instances are: decided from both, before anything changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

# What is done to a host; the loop has a function for each.
CREATE, BOOT, WAKE, HALT, REMOVE, LOST = "create", "boot", "wake", "halt", "remove", "lost"


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
