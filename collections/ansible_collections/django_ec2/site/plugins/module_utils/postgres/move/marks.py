# SPDX-License-Identifier: MIT
"""The mark of a side, and the connection limits that shut the applications out: both change in one transaction.

The mark is the comment of the role ``database_move``. Everybody who can log in may read it: the gate of migrations, the module
postgres_databases and the web hosts ask it.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move.model import MOVER, PEER, Mark
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move.server import Server
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.plan import identifier, literal

READ = f"SELECT shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname = '{MOVER}'"
# Who may connect to one of the databases and is not shut out by itself. RDS's own roles are not ours to change.
LOGINS = f"""
SELECT rolname, rolconnlimit FROM pg_roles WHERE rolcanlogin AND NOT rolsuper AND rolname NOT IN (current_user, '{MOVER}', '{PEER}')
  AND rolname NOT LIKE 'rds%%' AND EXISTS (
    SELECT FROM pg_database WHERE datname = ANY(%(names)s) AND has_database_privilege(pg_roles.oid, pg_database.oid, 'CONNECT'))
ORDER BY rolname
"""
# Whoever is in a database and is no part of the move. RDS's own superuser can't be ended, and writes nothing there.
OTHERS = f"""backend_type = 'client backend' AND pid <> pg_backend_pid() AND application_name NOT LIKE '{MOVER}%%'
AND usename NOT IN (SELECT rolname FROM pg_roles WHERE rolsuper AND rolname LIKE 'rds%%')"""


def now() -> str:
    """This moment, as marks have it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def parse(text: str | None) -> Mark | None:
    """A mark from the comment; None where it is none."""
    try:
        found = json.loads(text or "")
    except ValueError:
        return None
    if not isinstance(found, dict) or "state" not in found:
        return None
    return Mark(**{key: value for key, value in found.items() if key in Mark.__dataclass_fields__})


def write(mark: Mark) -> str:
    """The statement that writes a mark."""
    return (
        f"COMMENT ON ROLE {MOVER} IS {literal(json.dumps({key: value for key, value in vars(mark).items() if value}))}"
    )


def read(server: Server) -> Mark | None:
    """The mark of a side."""
    found = server.rows(READ)
    return parse(found[0][0]) if found else None


def logins(server: Server, names: tuple[str, ...]) -> dict[str, int]:
    """Who may connect to the databases, and with how many connections."""
    return dict(server.rows(LOGINS, names=list(names)))


def put(server: Server, mark: Mark, limits: dict[str, int] | None = None) -> None:
    """Write a mark, and with it connection limits.

    Args:
        server: the side.
        mark: what to write.
        limits: by login; the others keep theirs.
    """
    with server.transaction() as cursor:
        for role, limit in (limits or {}).items():
            cursor.execute(f"ALTER ROLE {identifier(role)} CONNECTION LIMIT {int(limit)}")
        cursor.execute(write(Mark(**{**vars(mark), "peer": server.peer})))


def shut(server: Server, names: tuple[str, ...], mark: Mark) -> Mark:
    """Shut every login out of a side, and write the mark that says so; returns it with the limits that they had."""
    found = logins(server, names)
    known = {role: limit for role, limit in mark.limits.items() if role in found}
    closed = Mark(**{**vars(mark), "limits": {**{role: limit for role, limit in found.items() if limit != 0}, **known}})
    put(server, closed, dict.fromkeys(found, 0))
    return closed


def admit(server: Server, names: tuple[str, ...], mark: Mark) -> None:
    """Give every login its limit back, and write a mark: in one moment the side is open."""
    there = logins(server, names)
    limits = {role: mark.limits.get(role, -1) for role in there if role in mark.limits or there[role] == 0}
    put(server, Mark(**{**vars(mark), "limits": {}}), limits)


def end_others(server: Server, names: tuple[str, ...]) -> int:
    """End everybody in the databases but the move; returns how many there were."""
    found: list[tuple[Any, ...]] = server.rows(
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = ANY(%(names)s) AND {OTHERS}",
        names=list(names),
    )
    return len(found)
