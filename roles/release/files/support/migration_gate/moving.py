# SPDX-License-Identifier: MIT
"""Migrations wait while the databases move: what they change of the tables no replication carries to the other side."""

import json

# What playbooks/database_move.yml writes down: the comment of a role that everybody may read.
MARK = "SELECT shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname = 'database_move'"
REMEDIES = {
    "source": "Wait until it has ended, or give it up with -e cancel=true.",
    "live": "Give the way back up first: playbooks/database_move.yml with the same -e to=… and -e finish=true.",
}


def problem(connection):
    """Why nothing may be migrated now; empty when it may.

    Args:
        connection: Django's, to the database that is to be migrated.
    """
    if connection.vendor != "postgresql":
        return ""
    with connection.cursor() as cursor:
        cursor.execute(MARK)
        found = cursor.fetchone()
    try:
        state = json.loads((found and found[0]) or "{}").get("state", "")
    except ValueError:
        return ""
    if not state:
        return ""
    remedy = REMEDIES.get(state, "Run playbooks/database_move.yml again.")
    return f"the databases are being moved since playbooks/database_move.yml began, and migrations would be lost on the way. {remedy}"
