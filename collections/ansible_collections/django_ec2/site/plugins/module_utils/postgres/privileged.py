# SPDX-License-Identifier: MIT
"""Roles that may more than the roles of applications: superusers, and those that replicate, create roles, and the like.

Whoever has such a right reads and writes every database of the server, or can give that right away. What is in no inventory is
drift: it is missing on the next host, and nobody decided on it.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.postgres.model import FORBIDDEN, Change, Server
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move.model import MOVER
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.plan import identifier, revocation

# The superuser that initdb made is number 10, whatever its name is. The rights are those of FORBIDDEN, in its order.
READ = """
SELECT r.rolname, ARRAY[r.rolsuper, r.rolcreatedb, r.rolcreaterole, r.rolreplication, r.rolbypassrls],
    ARRAY(SELECT ARRAY[s.rolname::text, pg_get_userbyid(m.grantor)::text] FROM pg_auth_members m JOIN pg_roles s ON s.oid = m.roleid
        WHERE m.member = r.oid AND s.rolsuper ORDER BY 1),
    EXISTS (SELECT FROM pg_stat_replication s WHERE s.usesysid = r.oid)
FROM pg_roles r WHERE r.oid <> 10 AND r.rolname !~ '^pg_'
    AND (r.rolsuper OR r.rolcreatedb OR r.rolcreaterole OR r.rolreplication OR r.rolbypassrls
        OR EXISTS (SELECT FROM pg_auth_members m JOIN pg_roles s ON s.oid = m.roleid WHERE m.member = r.oid AND s.rolsuper))
ORDER BY 1
"""


def read_privileged(connection: Any) -> list[dict[str, Any]]:
    """The roles with such rights, but the first superuser: ``name``, ``rights``, ``superusers`` that it is a member of and by
    whose grant, ``replicates``."""
    with connection.cursor() as cursor:
        cursor.execute(READ)
        return [
            {
                "name": name, "superusers": [tuple(one) for one in superusers], "replicates": replicates,
                "rights": [column for column, on in zip(FORBIDDEN, rights, strict=True) if on],
            }
            for name, rights, superusers, replicates in cursor.fetchall()
        ]  # fmt: skip


def plan_privileged(found: list[dict[str, Any]], allowed: Collection[str], server: Server) -> list[Change]:
    """What takes away the rights of roles that may not have them.

    Args:
        found: what ``read_privileged`` returned.
        allowed: names of roles that may; those that are compared by themselves belong here, too.
        server: whose version decides on the form of a statement.

    Raises:
        RuntimeError: a role replicates now, and somebody may rely on it.
    """
    changes = []
    for role in found:
        name, quoted = role["name"], identifier(role["name"])
        if name in allowed or name == MOVER:
            continue
        if role["replicates"]:
            raise RuntimeError(
                f"The role {name} replicates from this server, and is in no inventory. If that is meant, add it to postgres_superusers. If "
                f"not, end what receives the log in its name, and run again; its rights are taken away then."
            )
        if role["rights"]:
            words = [FORBIDDEN[column] for column in role["rights"]]
            rights = ", ".join(word.removeprefix("NO") for word in words)
            changes.append(
                Change(
                    f"Role {name}: no longer {rights}, as it is not in postgres_superusers",
                    (f"ALTER ROLE {quoted} {' '.join(words)}",),
                )
            )
        changes += [
            Change(
                f"Role {name}: not the rights of the superuser {superuser}, as it is not in postgres_superusers",
                (f"{revocation(name, superuser, grantor, server)} CASCADE",),
            )
            for superuser, grantor in role["superusers"]
        ]
    return changes
