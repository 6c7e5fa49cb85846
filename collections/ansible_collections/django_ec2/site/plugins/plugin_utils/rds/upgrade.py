# SPDX-License-Identifier: MIT
"""An upgrade of an instance of RDS in its place: to the newest minor version, or to a newer major one. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

# What an upgrade to another host has, and one in place has not.
NOT_HERE = ("finish", "cancel", "primary_later")


def upgrade_refusal(given: Mapping[str, Any]) -> str:
    """Why it can't be done as asked; empty where it can.

    Args:
        given: the inputs of the playbook, by name.
    """
    wrong = [one for one in NOT_HERE if given.get(one)]
    if wrong:
        return (
            f"{', '.join(wrong)}: RDS upgrades an instance in its place (database_mode), and there is no way back but a restore. Leave "
            "it out; -e to= takes a version, as in 18 or 17.6."
        )
    return ""


def numbers(version: str) -> tuple[int, ...]:
    """A version in order: 17.10 comes after 17.9."""
    return tuple(int(one) for one in version.split(".") if one.isdigit())


def upgrade_plan(state: Mapping[str, Any], to: str, outage: bool) -> dict[str, Any]:
    """``version`` and whether it is a ``major`` upgrade, ``instances`` in order, ``lines`` that say it, and ``problems``.

    Args:
        state: what the module ``rds_state`` returned, with upgrades.
        to: a version, or a major version alone; empty is the newest of the present major one.
        outage: whether visitors may notice.
    """
    name = state["name"]
    live = state["instances"].get(name)
    if not live:
        return _nothing([f"RDS has no instance {name}: playbooks/database_status.yml says more."])
    pending = live["pending"].get("EngineVersion", "")
    version = target(live["version"], state["upgrades"], to)
    if not version:
        offered = ", ".join(one["version"] for one in state["upgrades"]) or "none"
        return _nothing([f"to is '{to}', and RDS upgrades {name} ({live['version']}) to these alone: {offered}."])
    major = numbers(version)[0] != numbers(live["version"])[0]
    problems = list(_problems(live, version, major))
    replicas = [] if major else _behind(state, live, version)
    # RDS wants replicas upgraded first; those of the region go with their source to a new major version.
    order = [*replicas, *([name] if version != live["version"] else [])]
    if not problems and order and not outage:
        problems = [
            f"{name} is restarted with {version}: visitors get no answer for {'ten minutes or more' if major else 'a minute or more'}, "
            "also with a standby. Give -e outage=true to have it done now; without it AWS installs minor versions in the window of "
            f"maintenance ({live['maintenance_window']}, UTC)."
        ]
    lines = [f"{one}: PostgreSQL {version}" + (f", from {live['version']}" if one == name else "") for one in order]
    if major and order:
        lines.append(f"before it RDS makes a snapshot of {name}, which stays with the automated backups")
    if pending:
        lines.append(f"{pending} waits for the window of maintenance already")
    return {"version": version, "major": major, "instances": order, "lines": lines, "problems": problems}


def _nothing(problems: list[str]) -> dict[str, Any]:
    return {"version": "", "major": False, "instances": [], "lines": [], "problems": problems}


def target(now: str, offered: list[Mapping[str, Any]], to: str) -> str:
    """The version that is asked for: the newest that fits; the present one where nothing is newer; empty where RDS offers none.

    Args:
        now: the version of the instance.
        offered: to which it can go.
        to: as the operator gave it.
    """
    wanted = to or now.partition(".")[0]
    known = [now, *(one["version"] for one in offered)]
    fitting = [one for one in known if one == wanted or one.partition(".")[0] == wanted]
    return max(fitting, key=numbers, default="")


def _behind(state: Mapping[str, Any], live: Mapping[str, Any], version: str) -> list[str]:
    there = state["instances"]
    return [one for one in live["replicas"] if one in there and numbers(there[one]["version"]) < numbers(version)]


def _problems(live: Mapping[str, Any], version: str, major: bool) -> Iterator[str]:
    name = live["name"]
    if live["status"] not in ("available", "storage-optimization", "upgrading"):
        yield f"{name} is {live['status']}: AWS upgrades one that is available."
    if major and not live["retention_days"]:
        yield f"{name} keeps no backups (aws_database_retention_days is 0), and there is no way back from {version} without one."
    if major and live["replicas"]:
        names = ", ".join(live["replicas"])
        yield (
            f"{name} has replicas ({names}), whose upgrade to a new major version nobody tried here: delete them, and make them anew "
            "after it."
        )


def upgraded_problems(state: Mapping[str, Any], plan: Mapping[str, Any]) -> list[str]:
    """What did not get the version: RDS checks an instance before it upgrades it, and leaves it as it is when that fails.

    Args:
        state: asked again.
        plan: of ``upgrade_plan``.
    """
    there = state["instances"]
    left = [one for one in plan["instances"] if there.get(one, {}).get("version") != plan["version"]]
    return [
        f"{one} is still PostgreSQL {there.get(one, {}).get('version', '(gone)')}: RDS checked it first and refused. Its log "
        "pg_upgrade_precheck.log, and its events, say why: logical replication slots, prepared transactions, types that go away."
        for one in left
    ]
