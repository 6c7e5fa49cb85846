# SPDX-License-Identifier: MIT
"""Applications that failed in a run while the others went on: which, on which hosts, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

# The fact in which a host keeps its own: the name of the application, and what was said.
FACT = "release_failures"


def failed(hosts: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, str]]:
    """What failed on any host of the play: application, host, reason."""
    found: dict[str, dict[str, str]] = {}
    for host in hosts:
        for name, reason in (host.get(FACT) or {}).items():
            found.setdefault(name, {})[host["inventory_hostname"]] = reason
    return found


def all_pending(hosts: Iterable[Mapping[str, Any]]) -> list[str]:
    """The applications that some host has to change, and that failed on none: in this order, on all hosts."""
    hosts = list(hosts)
    names = dict.fromkeys(name for host in hosts for name in host.get("__release_pending") or [])
    return [name for name in names if name not in failed(hosts)]


def build_failures(results: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """What the builds of a loop refused, by application."""
    return {result["item"]["name"]: result["problem"] for result in results if result.get("problem")}


def buildable(keys: Iterable[Mapping[str, Any]], built: Iterable[Mapping[str, Any]] = ()) -> list[Mapping[str, Any]]:
    """The input keys of the applications that could be built for every kind of host.

    Args:
        keys: results of release_build with ``key_only``.
        built: results of release_build for what was missing.
    """
    keys = list(keys)
    refused = build_failures([*keys, *built])
    return [result for result in keys if result["item"]["name"] not in refused]


def locks_of_failed(hosts: Iterable[Mapping[str, Any]]) -> list[list[str]]:
    """The locks that this run holds of applications that failed on some host, as pairs of host and application."""
    hosts = list(hosts)
    names = failed(hosts)
    return [
        [host["inventory_hostname"], name] for host in hosts for name in host.get("__release_locked", []) if name in names
    ]  # fmt: skip


def outcome(hosts: Iterable[Mapping[str, Any]], applications: Iterable[str]) -> str:
    """The last words of a run in which an application failed; empty when none did.

    Args:
        hosts: variables of the hosts of the play.
        applications: all that the run was about.
    """
    hosts = list(hosts)
    reasons = failed(hosts)
    if not reasons:
        return ""
    others = [name for name in applications if name not in reasons]
    lines = [f"Failed: {', '.join(reasons)}. {_of_the_others(others)}".rstrip()]
    for name, said in reasons.items():
        places: dict[str, list[str]] = {}
        for host, reason in said.items():
            # Its name stands in front of the line.
            places.setdefault(cause(reason.removeprefix(f"{name}: ")), []).append(host)
        for reason, where in places.items():
            # What is the same everywhere is no host's own.
            lines.append(f"{name}{'' if len(where) == len(hosts) else ' on ' + ', '.join(where)}: {reason}")
    return "\n".join(lines)


def cause(reason: str, lines: int = 12) -> str:
    """What a failed task said, without the middle of a log: the first lines name the step, the last ones the error."""
    said = reason.strip().splitlines()
    if len(said) <= lines:
        return "\n".join(said)
    return "\n".join([*said[: lines // 3], "  […]", *said[-(lines - lines // 3) :]])


def _of_the_others(names: list[str]) -> str:
    if not names:
        return ""
    verb = "is as the run was to leave it" if len(names) == 1 else "are as the run was to leave them"
    return f"{', '.join(names)} {verb}."
