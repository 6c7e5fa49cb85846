# SPDX-License-Identifier: MIT
"""How a host's part of the database and its backups is doing: reading alone, nothing is judged here."""

from __future__ import annotations

import contextlib
import json
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.backups import repository
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.archive import read_archive
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.login import connect

# What the drill publishes.
DRILL = "/var/lib/database-drill/status.json"
REPLICAS = """
    SELECT application_name AS name, state, sync_state, client_addr::text AS address,
        coalesce(extract(epoch FROM replay_lag), 0)::float AS lag_seconds,
        coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn), 0)::bigint AS lag_bytes
    FROM pg_stat_replication WHERE state <> 'backup' ORDER BY 1
"""
SLOTS = """
    SELECT slot_name::text AS name, active, slot_type AS kind,
        coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn), 0)::bigint AS kept_bytes
    FROM pg_replication_slots WHERE NOT temporary ORDER BY 1
"""
BEHIND = """
    SELECT CASE WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
        ELSE coalesce(extract(epoch FROM now() - pg_last_xact_replay_timestamp()), 0) END::float AS lag_seconds
"""


def read_cluster(port: int) -> dict[str, Any]:
    """What the server of this host says of itself.

    Raises:
        ServerUnavailable: it does not answer.
    """
    with contextlib.closing(connect({"port": port, "user": "postgres", "database": "postgres"})) as connection:
        found: dict[str, Any] = {"archive": read_archive(connection)}
        found["size"] = rows(connection, "SELECT sum(pg_database_size(oid))::bigint AS size FROM pg_database")[0][
            "size"
        ]
        if found["archive"]["replica"]:
            return {**found, "behind_seconds": rows(connection, BEHIND)[0]["lag_seconds"]}
        return {**found, "replicas": rows(connection, REPLICAS), "slots": rows(connection, SLOTS)}


def rows(connection: Any, statement: str) -> list[dict[str, Any]]:
    """The answer to a query, each row by the names of its columns."""
    with connection.cursor() as cursor:
        cursor.execute(statement)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def read_repository(stanza: str) -> dict[str, Any]:
    """What the repository holds, what its units did last, and the room that it has.

    Raises:
        BackupError: it can't be asked.
    """
    return {**repository.read(stanza), "units": repository.units(), "room": repository.room(repository.local_path())}


def read_drill(path: str = DRILL) -> dict[str, Any]:
    """What the last rehearsal of a restore published; nothing where there was none."""
    try:
        with open(path, encoding="utf-8") as stream:
            found = json.load(stream)
    except FileNotFoundError:
        return {}
    except ValueError:
        return {"good": False, "problems": [f"{path} can't be read: it is no JSON"]}
    return found if isinstance(found, dict) else {}
