# SPDX-License-Identifier: MIT
"""Read what a side is: its mark, its databases, and what of a replication is there."""

from __future__ import annotations

from ansible_collections.django_ec2.site.plugins.module_utils.postgres.login import ServerUnavailable
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move import marks
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move.model import (
    MOVER,
    Database,
    Side,
    Slot,
    Subscription,
    slot_name,
)
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move.server import Server

# Names, types and order of the columns: what a replication and a comparison rest on.
COLUMNS = f"""
SELECT n.nspname || '.' || c.relname, md5(string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ',' ORDER BY a.attnum))
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relkind = 'r' AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname NOT IN ('information_schema', '{MOVER}')
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
GROUP BY 1
"""
SLOTS = """
SELECT wal_status IN ('lost', 'unreserved'), coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn), 0)::bigint
FROM pg_replication_slots WHERE slot_name = %(slot)s
"""
# A subscription's own columns: those of its connection are for superusers alone.
SUBSCRIPTION = f"""
SELECT s.subenabled, count(r), count(r) FILTER (WHERE r.srsubstate = 'r')
FROM pg_subscription s LEFT JOIN pg_subscription_rel r ON r.srsubid = s.oid
WHERE s.subname = '{MOVER}' AND s.subdbid = (SELECT oid FROM pg_database WHERE datname = current_database()) GROUP BY 1
"""
PUBLISHED = f"SELECT schemaname || '.' || tablename FROM pg_publication_tables WHERE pubname = '{MOVER}'"


def read_database(server: Server, name: str) -> Database:
    """One database."""
    found = server.rows(SUBSCRIPTION, name)
    slots = server.rows(SLOTS, slot=slot_name(name))
    published = None
    if server.rows(f"SELECT FROM pg_publication WHERE pubname = '{MOVER}'", name):
        published = frozenset(str(one) for (one,) in server.rows(PUBLISHED, name))
    return Database(
        tables={str(table): str(digest) for table, digest in server.rows(COLUMNS, name)},
        marker=bool(server.rows(f"SELECT FROM pg_namespace WHERE nspname = '{MOVER}'", name)),
        published=published,
        subscription=Subscription(*found[0]) if found else None,
        slot=Slot(bool(slots[0][0]), int(slots[0][1])) if slots else None,
    )


def read_side(server: Server, names: tuple[str, ...]) -> Side:
    """A whole side; one that does not answer says why."""
    try:
        return _read_side(server, names)
    except ServerUnavailable as error:
        return Side(name=server.name, away=str(error))


def _read_side(server: Server, names: tuple[str, ...]) -> Side:
    there = {
        row[0]
        for row in server.rows("SELECT datname FROM pg_database WHERE datname = ANY(%(names)s)", names=list(names))
    }
    return Side(
        name=server.name,
        mark=marks.read(server),
        databases={name: read_database(server, name) for name in names if name in there},
    )
