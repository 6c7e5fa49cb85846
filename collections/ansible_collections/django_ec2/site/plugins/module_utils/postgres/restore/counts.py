# SPDX-License-Identifier: MIT
"""How many rows each table has, at one named restore point in the WAL: a copy that is recovered to it has to have the same.

No transaction ends between the snapshot that the rows are counted in and the restore point; where one did, both are made again. So the
numbers are exact, though the site goes on writing while they are counted.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.postgres.login import connect

ATTEMPTS = 200
DATABASES = "SELECT datname FROM pg_database WHERE datallowconn AND datname <> 'template0' AND datname NOT LIKE '%\\_scratch' ORDER BY 1"
# Unlogged tables are empty after a restore.
TABLES = """
SELECT n.nspname, c.relname, format('SELECT count(*) FROM ONLY %I.%I', n.nspname, c.relname)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
ORDER BY c.relpages, 1, 2
"""

# By database, by table.
Counts = dict[str, dict[str, int]]


@dataclass(frozen=True)
class Counted:
    """Rows at a restore point. ``exact`` tells whether nothing was written between; ``left_out`` is how many tables took too long."""

    point: str
    counts: Counts
    exact: bool
    left_out: int = 0


def take(port: int, name: str, seconds: float) -> Counted:
    """Make a restore point, and count the rows at it; small tables first.

    Args:
        port: of the server on this host.
        name: what the restore point's name begins with.
        seconds: that counting may take.
    """
    with contextlib.ExitStack() as stack:
        apart = stack.enter_context(
            contextlib.closing(connect({"port": port, "user": "postgres", "database": "postgres"}))
        )
        apart.autocommit = True
        databases = [row[0] for row in _rows(apart, DATABASES)]
        inside = {
            one: stack.enter_context(contextlib.closing(connect({"port": port, "user": "postgres", "database": one})))
            for one in databases
        }
        for attempt in range(ATTEMPTS):
            point = f"{name}-{attempt}"
            exact = _mark(apart, inside, point)
            if exact:
                break
        deadline = time.monotonic() + seconds
        counts: Counts = {}
        left_out = 0
        for database, connection in inside.items():
            counts[database] = {}
            for schema, table, statement in _rows(connection, TABLES):
                if time.monotonic() > deadline:
                    left_out += 1
                    continue
                counts[database][f"{schema}.{table}"] = _rows(connection, statement)[0][0]
        return Counted(point, counts, exact, left_out)


def of(port: int, counted: Counts) -> Counts:
    """The rows of the same tables in another cluster; -1 stands for a table or database that is not there."""
    found: Counts = {}
    for database, tables in counted.items():
        found[database] = dict.fromkeys(tables, -1)
        with (
            contextlib.suppress(Exception),
            contextlib.closing(connect({"port": port, "user": "postgres", "database": database})) as one,
        ):
            # The only server of a host answers for every port.
            if _rows(one, "SHOW port")[0][0] != str(port):
                continue
            for schema, table, statement in _rows(one, TABLES):
                if f"{schema}.{table}" in tables:
                    found[database][f"{schema}.{table}"] = _rows(one, statement)[0][0]
    return found


def differences(live: Counts, copy: Mapping[str, Mapping[str, int]]) -> list[str]:
    """A sentence for each table that has not as many rows as it should."""
    said = []
    for database, tables in live.items():
        for table, rows in tables.items():
            there = copy.get(database, {}).get(table, -1)
            if there != rows:
                said.append(
                    f"{database}: {table} has {'no table' if there < 0 else there} where {rows} rows were counted"
                )
    return said


def _mark(apart: Any, inside: Mapping[str, Any], point: str) -> bool:
    """Open a snapshot in each database and make the restore point; tells whether no transaction ended meanwhile."""
    seen = set()
    for connection in inside.values():
        connection.rollback()
        connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
        seen.add(_rows(connection, "SELECT pg_current_snapshot()::text")[0][0])
    _rows(apart, "SELECT pg_create_restore_point(%s)", point)
    seen.add(_rows(apart, "SELECT pg_current_snapshot()::text")[0][0])
    return len(seen) == 1


def _rows(connection: Any, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values or None)
        return list(cursor.fetchall())
