# SPDX-License-Identifier: MIT
"""Migrations wait while the databases move: what they change of the tables no replication carries to the other side."""

import json

# What playbooks/database_move.yml and database_upgrade.yml write down: the comment of a role that everybody may read.
MARK = "SELECT shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname = 'database_move'"
REMEDIES = {
    "source": "Wait until it has ended, or give it up with -e cancel=true.",
    "live": "Give the way back up first: {playbook} with the same -e to=… and -e finish=true.",
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
        mark = json.loads((found and found[0]) or "{}")
    except ValueError:
        return ""
    state = mark.get("state", "")
    if not state:
        return ""
    # A major upgrade is a move between two hosts, which name each other.
    playbook = f"playbooks/database_{'upgrade' if mark.get('peer') else 'move'}.yml"
    remedy = REMEDIES.get(state, "Run {playbook} again.").format(playbook=playbook)
    return f"the databases are being moved since {playbook} began, and migrations would be lost on the way. {remedy}"
