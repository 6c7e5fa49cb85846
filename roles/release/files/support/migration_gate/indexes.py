# SPDX-License-Identifier: MIT
"""Indexes that are made beside the writers (CONCURRENTLY), and what an interrupted run leaves of them.

Such a migration is not atomic. Cut between its beginning and its end (a lock that was not to be had, a killed controller), it leaves
an index of its name that no query uses, and PostgreSQL refuses to make another one.
"""

import re
from contextlib import contextmanager

from django.db.migrations.operations import SeparateDatabaseAndState

from migration_gate.text import sql_of

try:
    from django.contrib.postgres.operations import AddIndexConcurrently
except ImportError:  # no psycopg: then there is no PostgreSQL either
    AddIndexConcurrently = None

BY_SQL = re.compile(
    r"create\s+(?:unique\s+)?index\s+concurrently\s+(?:if\s+not\s+exists\s+)?(?:\"?\w+\"?\.)?\"?(?P<name>\w+)\"?\s+on\b",
    re.IGNORECASE,
)

STATE = """
SELECT c.oid::regclass::text, i.indisvalid, t.relname, EXISTS (SELECT FROM pg_stat_progress_create_index p WHERE p.index_relid = c.oid)
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
WHERE c.relkind = 'i' AND c.relname = %s
"""


def made(plan):
    """Names of the indexes that a plan makes concurrently, each with its migration."""
    return {name: f"{one.app_label}.{one.name}" for one in plan for name in _names(one.operations)}


def _names(operations):
    for operation in operations:
        if isinstance(operation, SeparateDatabaseAndState):
            yield from _names(operation.database_operations)
        elif AddIndexConcurrently and isinstance(operation, AddIndexConcurrently):
            yield operation.index.name
        else:
            yield from (found["name"] for found in BY_SQL.finditer(sql_of(operation)))


def clear(connection, wanted, say):
    """Drop what an interrupted run left of the indexes that are still to be made.

    Args:
        connection: Django's.
        wanted: what ``made`` returned.
        say: takes a line for the log.

    Returns:
        Names of those that are whole: an interrupted migration made them before its end.
    """
    whole = set()
    if connection.vendor != "postgresql":
        return whole
    for name, migration in wanted.items():
        with connection.cursor() as cursor:
            cursor.execute(STATE, [name])
            for index, valid, table, under_way in cursor.fetchall():
                if under_way:
                    say(f"  the index {index} of {table} is being made by another session: it is left alone")
                elif valid:
                    whole.add(name)
                else:
                    say(
                        f"  {migration} was interrupted before: it left the index {index} of {table} unfinished; dropping it"
                    )
                    cursor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {index}")
    return whole


@contextmanager
def keeping(whole, say):
    """Within it, AddIndexConcurrently takes an index that is there, whole, for its own of an interrupted run."""
    if not whole or AddIndexConcurrently is None:
        yield
        return
    stock = AddIndexConcurrently.database_forwards

    def forwards(operation, *given):
        if operation.index.name in whole:
            say(f"  the index {operation.index.name} is there already, and whole: an interrupted run made it")
        else:
            stock(operation, *given)

    AddIndexConcurrently.database_forwards = forwards
    try:
        yield
    finally:
        AddIndexConcurrently.database_forwards = stock
