# SPDX-License-Identifier: MIT
"""What a dump of one database leaves out: settings of the database and of its roles (ALTER … SET), and rights on the database itself."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move.server import Server
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.plan import identifier, literal

with contextlib.suppress(ImportError):
    import psycopg2

# Of the database, of a role in it, and of a role that may connect to it; a superuser's are those of its server.
SETTINGS = """
SELECT coalesce(d.datname, ''), coalesce(r.rolname, ''), unnest(s.setconfig) FROM pg_db_role_setting s
LEFT JOIN pg_database d ON d.oid = s.setdatabase LEFT JOIN pg_roles r ON r.oid = s.setrole
WHERE (s.setdatabase = 0 OR d.datname = %(name)s) AND (s.setrole = 0 OR (NOT r.rolsuper AND r.rolname NOT LIKE 'rds%%'
  AND has_database_privilege(r.oid, (SELECT oid FROM pg_database WHERE datname = %(name)s), 'CONNECT')))
"""
RIGHTS = """
SELECT r.rolname, a.privilege_type FROM pg_database d, aclexplode(d.datacl) a JOIN pg_roles r ON r.oid = a.grantee
WHERE d.datname = %(name)s AND a.grantee <> d.datdba AND NOT r.rolsuper
"""
# Their value is a list of names, which are quoted already where they have to be.
LISTS = (
    "search_path",
    "temp_tablespaces",
    "local_preload_libraries",
    "session_preload_libraries",
    "unix_socket_directories",
)

Setting = tuple[str, str, str]


def statement(database: str, role: str, setting: str) -> str:
    """The statement that makes a setting (``name=value``) of a database, of a role, or of a role in a database."""
    name, _, value = setting.partition("=")
    whose = f"ROLE {identifier(role)}" if role else f"DATABASE {identifier(database)}"
    inside = f" IN DATABASE {identifier(database)}" if role and database else ""
    names = name.lower() in LISTS and value
    words = ".".join(map(identifier, name.split(".")))
    return f"ALTER {whose}{inside} SET {words} TO {value if names else literal(value)}"


def missing(mine: Iterable[Setting], others: Iterable[Setting], roles: Iterable[str]) -> list[Setting]:
    """What one side has and the other one lacks, of the roles that this one knows; a value of its own stays."""
    known = {(database, role, setting.partition("=")[0]) for database, role, setting in others}
    there = {"", *roles}
    return [one for one in mine if (one[0], one[1], one[2].partition("=")[0]) not in known and one[1] in there]


def copy(source: Server, target: Server, database: str) -> list[str]:
    """Give the other side what it lacks; returns what it does not take, in its words."""
    notes = []
    roles = [str(one) for (one,) in target.rows("SELECT rolname FROM pg_roles")]
    statements = [
        statement(*one)
        for one in missing(source.rows(SETTINGS, name=database), target.rows(SETTINGS, name=database), roles)
    ]
    has = set(target.rows(RIGHTS, name=database))
    statements += [
        f"GRANT {right} ON DATABASE {identifier(database)} TO {identifier(role)}"
        for role, right in source.rows(RIGHTS, name=database)
        if role in roles and (role, right) not in has
    ]
    for one in statements:
        try:
            target.execute(one)
        except psycopg2.Error as error:
            notes.append(f"{target.name} does not take {one}: {str(error).strip()}")
    return notes
