# SPDX-License-Identifier: MIT
"""Collations that sort otherwise than when the indexes were built, and what to do about them.

Data files that move to another system (a base backup restored on a newer Debian, an upgrade in place) keep indexes that were
sorted by the old system's libraries. PostgreSQL notes a version with each collation; where it isn't the library's of today, an
index may miss rows that are there, and a unique one may take the same value twice. Dumps and logical copies build new indexes.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.postgres.login import connect
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.model import Change
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.plan import identifier

with contextlib.suppress(ImportError):
    import psycopg2

# pg_collation's own row of the database's collation.
DEFAULT_COLLATION = 100

DATABASES = """
    SELECT datname, datallowconn, datcollversion, pg_database_collation_actual_version(oid)
    FROM pg_database ORDER BY datistemplate, datname"""
COLLATIONS = """
    SELECT c.oid, n.nspname, c.collname, c.collversion, pg_collation_actual_version(c.oid)
    FROM pg_collation c JOIN pg_namespace n ON n.oid = c.collnamespace
    WHERE c.collversion IS DISTINCT FROM pg_collation_actual_version(c.oid)"""
# By the columns' collations, and by what the expressions of an index mention.
INDEXES = """
    SELECT n.nspname, i.relname, t.relname, x.indisexclusion OR n.nspname = 'pg_catalog', x.indisvalid,
        i.relname ~ '_ccnew[0-9]*$' AND NOT x.indisvalid
    FROM pg_index x
    JOIN pg_class i ON i.oid = x.indexrelid AND i.relkind = 'i'
    JOIN pg_class t ON t.oid = x.indrelid
    JOIN pg_namespace n ON n.oid = i.relnamespace AND n.nspname NOT LIKE 'pg\\_t%%'
    WHERE x.indcollation::oid[] && %(oids)s::oid[] OR EXISTS (
        SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = i.oid
            AND d.refclassid = 'pg_collation'::regclass AND d.refobjid = ANY(%(oids)s::oid[]))
    ORDER BY 1, 2"""
# Their rows lie where the old order put them.
PARTITIONED = """
    SELECT n.nspname || '.' || t.relname FROM pg_partitioned_table p
    JOIN pg_class t ON t.oid = p.partrelid JOIN pg_namespace n ON n.oid = t.relnamespace
    WHERE p.partstrat = 'r' AND p.partcollation::oid[] && %(oids)s::oid[] ORDER BY 1"""


@dataclass(frozen=True)
class Collation:
    """A collation whose version is not the one that its indexes were built with."""

    oid: int
    name: str
    recorded: str | None
    actual: str | None


@dataclass(frozen=True)
class Index:
    """An index that is sorted by such a collation."""

    schema: str
    name: str
    table: str
    # Only with a lock that keeps writers out: of an exclusion constraint, or of the system.
    locks: bool = False
    # What a rebuild that was cut left behind.
    leftover: bool = False

    @property
    def quoted(self) -> str:
        """Its name in SQL."""
        return f"{identifier(self.schema)}.{identifier(self.name)}"


@dataclass(frozen=True)
class Database:
    """What one database says of its collations."""

    name: str
    recorded: str | None = None
    actual: str | None = None
    connects: bool = True
    collations: tuple[Collation, ...] = ()
    indexes: tuple[Index, ...] = ()
    partitioned: tuple[str, ...] = ()

    @property
    def differs(self) -> bool:
        """Whether the database's own collation does."""
        return _differ(self.recorded, self.actual)


def _differ(recorded: str | None, actual: str | None) -> bool:
    """Without a version on either side (C, POSIX, C.UTF-8) there is nothing that could change."""
    return recorded is not None and actual is not None and recorded != actual


def plan_rebuild(database: Database) -> list[Change]:
    """The indexes to build anew, each by statements that stand alone, outside a transaction."""
    changes = []
    for index in database.indexes:
        place = f"{database.name}: index {index.schema}.{index.name} of {index.table}"
        if index.leftover:
            changes.append(
                Change(f"{place}: drop what a cut rebuild left", (f"DROP INDEX CONCURRENTLY {index.quoted}",))
            )
        else:
            how = "" if index.locks else " CONCURRENTLY"
            changes.append(Change(f"{place}: build it anew", (f"REINDEX INDEX{how} {index.quoted}",)))
    return changes


def plan_versions(database: Database) -> list[Change]:
    """What notes the versions of today. Only after the rebuild: nothing would ask for it any more."""
    changes = [
        Change(
            f"{database.name}: collation {one.name} is of version {one.actual}, not {one.recorded}",
            (f"ALTER COLLATION {one.name} REFRESH VERSION",),
        )
        for one in database.collations
    ]
    if database.differs:
        changes.append(
            Change(
                f"{database.name}: its collation is of version {database.actual}, not {database.recorded}",
                (f"ALTER DATABASE {identifier(database.name)} REFRESH COLLATION VERSION",),
            )
        )
    return changes


def notes(database: Database) -> list[str]:
    """What no rebuild mends."""
    return [
        f"{database.name}: {table} is partitioned by ranges of a text whose order changed, so rows may lie in the wrong partition: "
        "dump it and load it again."
        for table in database.partitioned
    ]


def rows(connection: Any, statement: str, values: dict[str, Any] | None = None) -> list[tuple[Any, ...]]:
    """The answer to a query."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values or {})
        return cursor.fetchall()


def read_database(
    login: dict[str, Any], name: str, connects: bool, recorded: str | None, actual: str | None
) -> Database:
    """One database, looked at from inside where that is possible."""
    if not connects:
        return Database(name, recorded, actual, connects=False)
    with contextlib.closing(connect(login, database=name)) as connection:
        collations = tuple(
            Collation(oid, f"{identifier(schema)}.{identifier(own)}", was, now)
            for oid, schema, own, was, now in rows(connection, COLLATIONS)
            if _differ(was, now)
        )
        oids = [one.oid for one in collations] + ([DEFAULT_COLLATION] if _differ(recorded, actual) else [])
        if not oids:
            return Database(name, recorded, actual)
        indexes = tuple(
            Index(schema, index, table, locks, leftover)
            for schema, index, table, locks, _valid, leftover in rows(connection, INDEXES, {"oids": oids})
        )
        partitioned = tuple(table for (table,) in rows(connection, PARTITIONED, {"oids": oids}))
        # System collations of libraries that nothing uses need no mention, but their note is brought up to date.
        return Database(name, recorded, actual, True, collations, indexes, partitioned)


def read_databases(login: dict[str, Any], names: list[str]) -> list[Database]:
    """The databases that are asked for, and the templates; all of them where none is named.

    Raises:
        RuntimeError: the server is a standby, or lacks a database.
    """
    with contextlib.closing(connect(login)) as connection:
        if rows(connection, "SELECT pg_is_in_recovery()")[0][0]:
            raise RuntimeError("This server is a standby. Ask its primary: its indexes are rebuilt here, too.")
        found = rows(connection, DATABASES)
    if missing := sorted(set(names) - {row[0] for row in found}):
        raise RuntimeError(f"There is no database {', '.join(missing)} on this server.")
    # A template of another version keeps databases from being created.
    wanted = {*names, "template0", "template1"} if names else {row[0] for row in found}
    return [
        read_database(login, name, connects, recorded, actual)
        for name, connects, recorded, actual in found
        if name in wanted
    ]


def apply(login: dict[str, Any], database: Database) -> list[str]:
    """Rebuild, then note the versions; the problems, in sentences. With one of them the versions stay as they are."""
    rebuild, versions = plan_rebuild(database), plan_versions(database)
    problems = []
    # No one connects to template0, and nothing in it has to be rebuilt.
    with contextlib.closing(connect(login, **({"database": database.name} if database.connects else {}))) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            for change in rebuild:
                try:
                    for statement in change.statements:
                        cursor.execute(statement)
                except psycopg2.Error as error:
                    said = (error.diag.message_primary or str(error)).strip()
                    detail = f" ({error.diag.message_detail})" if error.diag.message_detail else ""
                    problems.append(f"{change.text}: {said}{detail}.")
            if not problems:
                for change in versions:
                    for statement in change.statements:
                        cursor.execute(statement)
    return problems
