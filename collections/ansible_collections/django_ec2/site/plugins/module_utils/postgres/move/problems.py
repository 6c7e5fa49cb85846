# SPDX-License-Identifier: MIT
"""What keeps a move from beginning, each with its remedy, and what an operator should know. Nothing here asks a "
"server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

CLOCK_SECONDS = 2.0
# What a first copy takes, indexes and the comparison included; docs/database-move.md says where the figure comes from.
BYTES_A_SECOND = 8_000_000
FIXED_SECONDS = 60
# For the rows, their indexes being built, and the log of both.
ROOM = 2.0
MEGABYTE = 1_000_000


def _listed(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def server_problems(name: str, facts: Mapping[str, Any], databases: int) -> list[str]:
    """What a side lacks to send and to receive changes: it does one now, and the other for the way back."""
    problems, settings = [], facts["settings"]
    on_rds = name == "rds"
    if settings.get("wal_level") != "logical":
        problems.append(
            "rds: rds.logical_replication is off. Set it to 1 in the instance's parameter group and reboot the "
            "instance; it counts after that alone."
            if on_rds
            else f"{name}: wal_level is {settings.get('wal_level')}. Run site.yml: the role postgres sets logical, and "
            "PostgreSQL restarts once."
        )
    if not facts["may_replicate"]:
        problems.append(
            f"{name}: {facts['user']} is no member of rds_replication: GRANT rds_replication TO {facts['user']}, as "
            "the master user."
        )
    if not facts["may_subscribe"]:
        problems.append(
            f"{name}: {facts['user']} may not make subscriptions: GRANT pg_create_subscription TO {facts['user']}, "
            "as the master user."
        )
    if not facts["admits_mover"]:
        problems.append(
            f"{name}: pg_hba.conf has no line for the role database_move, so RDS can't read changes. Write "
            "rds_client_host into the inventory "
            "(and database_move_networks, where the default is too wide) and run site.yml."
        )
    for setting, used, what in (
        ("max_replication_slots", facts["slots"], "slots"), ("max_wal_senders", facts["senders"], "connections of replication"),
    ):  # fmt: skip
        # A first copy has a slot and a sender of its own for each table that is copied at once.
        needed = databases + 2
        if int(settings.get(setting) or 0) - used < needed:
            problems.append(
                f"{name}: {setting} is {settings.get(setting)}, {used} {what} are taken, and the move needs "
                f"{needed}. Raise it."
            )
    if int(settings.get("max_logical_replication_workers") or 0) < databases + 1:
        problems.append(
            f"{name}: max_logical_replication_workers is {settings.get('max_logical_replication_workers')}, and "
            f"{databases + 1} are needed. Raise it."
        )
    return problems


def _database_problems(name: str, one: Mapping[str, Any], to: str, target: Mapping[str, Any]) -> list[str]:
    problems = []
    if one["unidentified"]:
        problems.append(
            f"{name}: without a primary key no update of {_listed(one['unidentified'])} could be replicated. Give "
            "it one, or say as its owner: "
            f"ALTER TABLE {one['unidentified'][0]} REPLICA IDENTITY FULL;"
        )
    if one["unlogged"]:
        problems.append(
            f"{name}: rows of the unlogged {_listed(one['unlogged'])} are not replicated. ALTER TABLE "
            f"{one['unlogged'][0]} SET LOGGED;, or drop it."
        )
    if one["large_objects"]:
        problems.append(
            f"{name}: {one['large_objects']} large objects are not replicated. Keep them in bytea columns or files "
            "(vacuumlo removes those that nothing refers to)."
        )
    if one["foreign"]:
        problems.append(
            f"{name}: the foreign tables {_listed(one['foreign'])} lead to another server, and their servers are "
            "not moved. Drop them first."
        )
    if one["row_security"]:
        problems.append(
            f"{name}: FORCE ROW LEVEL SECURITY of {_listed(one['row_security'])} would hide rows from the move. "
            "ALTER TABLE … NO FORCE ROW LEVEL SECURITY;"
        )
    if one["strangers"]:
        problems.append(
            f"{name}: {_listed(one['strangers'])} does not belong to the owner of the database. ALTER TABLE "
            f"{one['strangers'][0]} OWNER TO …;"
        )
    available = target.get("available")
    if missing := [word for word in one["extensions"] if available is not None and word not in available]:
        problems.append(
            f"{name}: {to} has no extension {_listed(missing)}. Do without, or (self-hosted) install its package: "
            "postgres_extension_packages."
        )
    if absent := [role for role in one["grantees"] if role not in target["roles"]]:
        problems.append(
            f"{name}: the role {_listed(absent)} has rights on tables, and {to} has no such role. CREATE ROLE "
            f"{absent[0]}; there, or revoke its rights."
        )
    if one["triggers"]:
        problems.append(
            f"{name}: the triggers {_listed(one['triggers'])} would fire on {to} too (ENABLE ALWAYS or REPLICA). "
            "ALTER TABLE … ENABLE TRIGGER …;"
        )
    return problems


def source_problems(
    source: Mapping[str, Any], target: Mapping[str, Any], sides: tuple[str, str], names: tuple[str, ...]
) -> list[str]:
    """What keeps a move from beginning, as far as the live side and the other one's version say it; arguments as for ``problems``."""
    found = server_problems(sides[0], source, len(names))
    if target["version"] < source["version"]:
        found.append(
            f"{sides[1]} has PostgreSQL {target['version']}, which is older than the {source['version']} of "
            f"{sides[0]}: upgrade it first, or take a newer one."
        )
    if absent := [name for name in names if name not in source["databases"]]:
        found.append(f"{sides[0]} has no database {_listed(absent)}: run site.yml first.")
    for name, one in source["databases"].items():
        found += _database_problems(name, one, sides[1], target)
    return found


def problems(
    source: Mapping[str, Any], target: Mapping[str, Any], sides: tuple[str, str], names: tuple[str, ...]
) -> list[str]:
    """What keeps a move from beginning.

    Args:
        source: facts of the side that is live.
        target: facts of the other one, after its databases and roles were made, or before.
        sides: the names of both.
        names: of the databases.
    """
    found = source_problems(source, target, sides, names) + server_problems(sides[1], target, len(names))
    if abs(source["clock"] - target["clock"]) > CLOCK_SECONDS:
        found.append(
            f"the clocks of both sides are {abs(source['clock'] - target['clock']):.1f} s apart, so what is written "
            "after the switch could seem older. Set the time of the database host (chrony)."
        )
    needed = int(sum(one["bytes"] for one in source["databases"].values()) * ROOM)
    for side, facts, why in (
        (sides[1], target, "for the rows and their log"),
        (sides[0], source, "for the log that a copy holds back"),
    ):
        wanted = needed if side == sides[1] else needed // 2
        if facts["free_bytes"] is not None and facts["free_bytes"] < wanted:
            found.append(
                f"{side}: {facts['free_bytes'] // MEGABYTE} MB are free, and {wanted // MEGABYTE} MB are needed "
                f"{why}. Make room."
            )
    return found


def notes(source: Mapping[str, Any]) -> list[str]:
    """What an operator should know before a move."""
    found = [f"a transaction that is long may delay the start: {one}" for one in source["long"]]
    for name, one in source["databases"].items():
        if one["materialized"]:
            found.append(
                f"{name}: the materialized views {_listed(one['materialized'])} are filled anew on the other side, "
                "before the switch"
            )
        if one["generated"]:
            found.append(
                f"{name}: the generated columns of {_listed(one['generated'])} are computed anew on the other side, "
                "and compared"
            )
    return found


def estimate(source: Mapping[str, Any]) -> int:
    """How many seconds the move will take until the switch, roughly."""
    return FIXED_SECONDS + sum(one["bytes"] for one in source["databases"].values()) // BYTES_A_SECOND


def plan_lines(source: Mapping[str, Any], sides: tuple[str, str]) -> list[str]:
    """The plan, for people."""
    lines = [
        f"{name}: {one['tables']} tables, {one['sequences']} sequences, {one['bytes'] / MEGABYTE:.0f} MB"
        for name, one in source["databases"].items()
    ]
    return [
        f"move from {sides[0]} to {sides[1]}:",
        *lines,
        f"about {estimate(source) // 60 + 1} minutes until the switch, while the site works; then a pause of a second or two",
    ]
