# SPDX-License-Identifier: MIT
"""Publications, subscriptions and slots: native logical replication of each database, one way or the other."""

from __future__ import annotations

import contextlib
import secrets
import time
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move.model import MARKER, MOVER, slot_name
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move.plan import MoveRefused
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move.server import Server
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.plan import identifier, literal

with contextlib.suppress(ImportError):
    import psycopg2

RDS_REPLICATION = "rds_replication"
OF_THIS_DATABASE = "subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())"
# Whatever holds rows that a replication carries: tables, and of partitioned ones the parts.
TABLES = f"""
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname NOT IN ('information_schema', '{MOVER}')
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY 1, 2
"""


def qualified(schema: str, table: str) -> str:
    """A table's name in SQL."""
    return f"{identifier(schema)}.{identifier(table)}"


def tables(server: Server, database: str) -> list[tuple[str, str]]:
    """The tables of a database that are moved: schema and name."""
    return [(str(schema), str(table)) for schema, table in server.rows(TABLES, database)]


def ensure_mover(server: Server) -> None:
    """The role of the move, which carries its mark. It logs in only while the other side follows."""
    if not server.rows(f"SELECT FROM pg_roles WHERE rolname = '{MOVER}'"):
        server.execute(f"CREATE ROLE {MOVER} NOLOGIN")


def admit_mover(server: Server, owners: list[str]) -> str:
    """Let the other side log in to read all rows and changes; returns a new password."""
    password = secrets.token_urlsafe(32)
    superuser, on_rds = server.rows(
        f"SELECT rolsuper, EXISTS (SELECT FROM pg_roles WHERE rolname = '{RDS_REPLICATION}') FROM pg_roles WHERE rolname = current_user"
    )[0]
    with server.transaction() as cursor:
        if superuser:
            for setting in (
                "log_statement = 'none'",
                "log_min_duration_statement = -1",
                "log_min_error_statement = 'panic'",
            ):
                cursor.execute(f"SET LOCAL {setting}")
        cursor.execute(f"ALTER ROLE {MOVER} LOGIN {'REPLICATION ' if superuser else ''}PASSWORD {literal(password)}")
        if on_rds and not superuser:
            cursor.execute(f"GRANT {RDS_REPLICATION} TO {MOVER}")
        for owner in owners:
            cursor.execute(f"GRANT {identifier(owner)} TO {MOVER}")
    return password


def shut_mover(server: Server) -> None:
    """Nobody logs in as the role of the move any more."""
    server.execute(f"ALTER ROLE {MOVER} NOLOGIN PASSWORD NULL")


def publish(server: Server, database: str, owner: str) -> None:
    """The schema with the marker, and a publication of all tables."""
    with server.transaction(database) as cursor:
        cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {MOVER}")
        cursor.execute(f"CREATE TABLE IF NOT EXISTS {MARKER} (id integer PRIMARY KEY, said text NOT NULL)")
        cursor.execute(f"ALTER SCHEMA {MOVER} OWNER TO {identifier(owner)}")
        cursor.execute(f"ALTER TABLE {MARKER} OWNER TO {identifier(owner)}")
    listed = ", ".join([MARKER, *(qualified(*one) for one in tables(server, database))])
    with server.transaction(database) as cursor:
        cursor.execute(f"DROP PUBLICATION IF EXISTS {MOVER}")
        cursor.execute(f"CREATE PUBLICATION {MOVER} FOR TABLE {listed}")


def conninfo(publisher: Server, database: str, password: str, ca_file: str) -> str:
    """How a subscriber logs in.

    RDS can't be given an authority of ours. It asks for channel binding: a server that does not know the verifier of the password, or
    that stands between, has no answer that fits its certificate.

    Args:
        publisher: the side whose changes are read.
        database: which.
        password: of the role of the move.
        ca_file: where the subscriber has the publisher's authority; empty where it can have none.
    """
    verified = (
        {"sslmode": "verify-full", "sslrootcert": ca_file}
        if ca_file
        else {"sslmode": "require", "channel_binding": "require"}
    )
    words = {
        "host": publisher.address, "port": str(publisher.login["port"]), "dbname": database, "user": MOVER, "password": password,
        **verified, "connect_timeout": "10", "keepalives_idle": "5", "keepalives_interval": "2", "keepalives_count": "3",
    }  # fmt: skip
    return " ".join(
        f"{key}='{value.replace(chr(92), chr(92) * 2).replace(chr(39), chr(92) + chr(39))}'"
        for key, value in words.items()
    )


def subscribe(subscriber: Server, publisher: Server, database: str, words: str, follow_only: bool) -> None:
    """A subscription; its errors carry no password.

    Args:
        subscriber: where it is made.
        publisher: whose changes it applies.
        database: which.
        words: what ``conninfo`` returned.
        follow_only: whether the slot is there already and the rows are the same.
    """
    slot = slot_name(database)
    options = [
        f"slot_name = {slot}",
        f"copy_data = {str(not follow_only).lower()}",
        f"create_slot = {str(not follow_only).lower()}",
    ]
    deadline = time.monotonic() + 15
    while True:
        try:
            return subscriber.execute(
                f"CREATE SUBSCRIPTION {MOVER} CONNECTION {literal(words)} PUBLICATION {MOVER} WITH ({', '.join(options)})",
                database,
            )
        except psycopg2.Error as error:
            said = (error.diag.message_primary or str(error)).strip() if error.diag else str(error).strip()
            # RDS takes a moment to know a new role of replication.
            if time.monotonic() > deadline or not (
                "authentication" in said or "REPLICATION" in said or "replication" in said
            ):
                raise MoveRefused(
                    f"{subscriber.name} can't follow {publisher.name} ({publisher.address}): {said}"
                ) from None
            time.sleep(1)


def drop_subscription(server: Server, database: str) -> None:
    """Drop a subscription without a word to the other side, which may be away; its slot stays there."""
    if not server.rows(f"SELECT FROM pg_subscription WHERE subname = '{MOVER}' AND {OF_THIS_DATABASE}", database):
        return
    server.execute(f"ALTER SUBSCRIPTION {MOVER} DISABLE", database)
    server.execute(f"ALTER SUBSCRIPTION {MOVER} SET (slot_name = NONE)", database)
    server.execute(f"DROP SUBSCRIPTION {MOVER}", database)


def pause_subscription(server: Server, database: str, seconds: float) -> None:
    """Disable a subscription and wait until it applies nothing more."""
    server.execute(f"ALTER SUBSCRIPTION {MOVER} DISABLE", database)
    deadline = time.monotonic() + seconds
    # An idle worker would look at its subscription within a second, which is too long here.
    while server.rows(
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_subscription WHERE subname = '{MOVER}' AND pid IS NOT NULL"
        f" AND subid IN (SELECT oid FROM pg_subscription WHERE {OF_THIS_DATABASE})",
        database,
    ):
        if time.monotonic() > deadline:
            raise MoveRefused(f"{server.name}: the subscription of {database} does not end")
        time.sleep(0.01)


def make_slot(server: Server, database: str) -> None:
    """A slot that keeps all changes from this moment on."""
    server.rows("SELECT pg_create_logical_replication_slot(%(slot)s, 'pgoutput')", database, slot=slot_name(database))


def drop_slots(server: Server, names: tuple[str, ...], seconds: float = 20) -> list[str]:
    """Drop the slots of the move, the temporary ones of a first copy too; returns their names."""
    dropped = []
    deadline = time.monotonic() + seconds
    while True:
        found: list[tuple[Any, ...]] = server.rows(
            "SELECT slot_name, active_pid FROM pg_replication_slots WHERE slot_name = ANY(%(slots)s)"
            " OR (database = ANY(%(names)s) AND slot_name ~ '^pg_[0-9]+_sync_')",
            slots=[slot_name(one) for one in names], names=list(names),
        )  # fmt: skip
        for slot, pid in found:
            try:
                if pid:
                    server.rows("SELECT pg_terminate_backend(%(pid)s)", pid=pid)
                server.rows("SELECT pg_drop_replication_slot(%(slot)s)", slot=slot)
                dropped.append(str(slot))
            except psycopg2.Error as error:
                if time.monotonic() > deadline:
                    raise MoveRefused(
                        f"{server.name}: the slot {slot} can't be dropped: {str(error).strip()}"
                    ) from None
        if not found:
            return dropped
        time.sleep(0.1)


def unpublish(server: Server, database: str) -> None:
    """Take publication and marker out of a database."""
    with server.transaction(database) as cursor:
        cursor.execute(f"DROP PUBLICATION IF EXISTS {MOVER}")
        cursor.execute(f"DROP SCHEMA IF EXISTS {MOVER} CASCADE")


def say(server: Server, database: str, word: str) -> None:
    """Write a word into the marker of a database."""
    server.execute(
        f"INSERT INTO {MARKER} VALUES (1, %(word)s) ON CONFLICT (id) DO UPDATE SET said = %(word)s", database, word=word
    )


def wait_for(server: Server, database: str, word: str, seconds: float) -> float:
    """Wait until a word has arrived: all that was committed before it has, too; returns how many seconds it took.

    Raises:
        MoveRefused: it did not come in time.
    """
    began = time.monotonic()
    while not server.rows(f"SELECT FROM {MARKER} WHERE said = %(word)s", database, word=word):
        if time.monotonic() - began > seconds:
            raise MoveRefused(f"{server.name} is more than {seconds:.0f} s behind with {database}")
        time.sleep(0.01)
    return time.monotonic() - began
