# SPDX-License-Identifier: MIT
"""The role that standbys connect as, and a slot for each of them, on the primary."""

from __future__ import annotations

from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.postgres.model import MARK, Change
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.plan import identifier, literal, mark
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.read import rows

REPLICATION_SPEC: dict[str, Any] = {
    "type": "dict",
    "options": {
        "user": {"type": "str", "required": True},
        "slots": {"type": "list", "elements": "str", "default": []},
    },
}

# Slots that are ours begin with it. One of a host that left keeps log files that nobody will ask for.
SLOT_PREFIX = "standby_"
# What pg_rewind asks a source for: https://www.postgresql.org/docs/current/app-pgrewind.html
REWIND = (
    "pg_ls_dir(text, boolean, boolean)",
    "pg_stat_file(text, boolean)",
    "pg_read_binary_file(text)",
    "pg_read_binary_file(text, bigint, bigint, boolean)",
)
# How large the databases are, before they are copied.
MEMBER_OF = "pg_read_all_stats"


def read_replication(connection: Any, user: str) -> dict[str, Any]:
    """The role and the slots as they are.

    Returns:
        ``role``: None, or its ``replicates``, ``more`` (rights that it must not have), ``marked``, ``lacks`` (functions), ``member``;
        ``slots``: name → whether it is in use.
    """
    found = rows(
        connection,
        """SELECT rolreplication AND rolcanlogin, rolsuper OR rolcreatedb OR rolcreaterole OR rolbypassrls,
            shobj_description(oid, 'pg_authid'),
            ARRAY(SELECT f FROM unnest(%(functions)s) f WHERE NOT has_function_privilege(oid, f, 'EXECUTE')),
            pg_has_role(oid, %(member)s, 'MEMBER')
        FROM pg_roles WHERE rolname = %(user)s""",
        {"user": user, "functions": list(REWIND), "member": MEMBER_OF},
    )
    role = None
    if found:
        replicates, more, comment, lacks, member = found[0]
        role = {"replicates": replicates, "more": more, "marked": comment == MARK, "lacks": lacks, "member": member}
    slots = rows(connection, "SELECT slot_name, active FROM pg_replication_slots WHERE slot_type = 'physical'")
    return {"role": role, "slots": dict(slots)}


def plan_replication(wanted: dict[str, Any], now: dict[str, Any]) -> list[Change]:
    """What the primary lacks for its standbys.

    Raises:
        RuntimeError: somebody else made a role of that name.
    """
    user, role = wanted["user"], now["role"]
    quoted = identifier(user)
    changes = []
    if role is None:
        changes.append(
            Change(
                f"Create the role {user}, which standbys connect as",
                (f"CREATE ROLE {quoted} LOGIN REPLICATION", mark("ROLE", user)),
            )
        )
        role = {"replicates": True, "more": False, "marked": True, "lacks": list(REWIND), "member": False}
    if not role["marked"]:
        raise RuntimeError(
            f"The role {user} is there already and was not made by this repository. Set another postgres_replication_user. To hand it "
            f"over, run as a superuser: {mark('ROLE', user)};"
        )
    if not role["replicates"] or role["more"]:
        statement = f"ALTER ROLE {quoted} LOGIN REPLICATION NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS"
        changes.append(Change(f"Role {user}: it may replicate, no more", (statement,)))
    if role["lacks"]:
        statements = tuple(f"GRANT EXECUTE ON FUNCTION pg_catalog.{one} TO {quoted}" for one in role["lacks"])
        changes.append(Change(f"Role {user}: what pg_rewind asks for", statements))
    if not role["member"]:
        changes.append(Change(f"Role {user}: it sees how large databases are", (f"GRANT {MEMBER_OF} TO {quoted}",)))
    for slot in wanted["slots"]:
        if slot not in now["slots"]:
            changes.append(
                Change(
                    f"Create the slot {slot}", (f"SELECT pg_create_physical_replication_slot({literal(slot)}, true)",)
                )
            )
    for slot, active in sorted(now["slots"].items()):
        if slot.startswith(SLOT_PREFIX) and slot not in wanted["slots"] and not active:
            changes.append(
                Change(f"Drop the slot {slot} of no standby", (f"SELECT pg_drop_replication_slot({literal(slot)})",))
            )
    return changes
