# SPDX-License-Identifier: MIT
"""What a move has to know before it begins: read from a side, for problems.py to judge."""

from __future__ import annotations

import os
import shutil
import time
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move import links
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move.model import MOVER
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move.server import Server

SETTINGS = (
    "server_version_num", "wal_level", "max_replication_slots", "max_wal_senders", "max_logical_replication_workers",
    "max_worker_processes", "max_slot_wal_keep_size", "data_directory", "rds.logical_replication", "password_encryption",
)  # fmt: skip
OURS = f"n.nspname NOT LIKE 'pg\\_%' AND n.nspname NOT IN ('information_schema', '{MOVER}')"
NOT_OF_EXTENSIONS = "NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')"


def _tables(condition: str) -> str:
    return f"""SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE {OURS} AND {NOT_OF_EXTENSIONS} AND {condition} ORDER BY 1"""


# One word each: what is looked for, and how.
INSIDE = {
    # Updates of such a table would fail as soon as it is published.
    "unidentified": _tables(
        """c.relkind = 'r' AND c.relpersistence = 'p' AND (c.relreplident = 'n' OR (c.relreplident = 'd' AND NOT EXISTS (
        SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary)))"""
    ),
    "unlogged": _tables("c.relkind IN ('r', 'p') AND c.relpersistence = 'u'"),
    "foreign": _tables("c.relkind = 'f'"),
    "row_security": _tables("c.relkind = 'r' AND c.relforcerowsecurity"),
    "strangers": _tables(
        """c.relkind IN ('r', 'p', 'v', 'm', 'S') AND c.relowner <> (SELECT datdba FROM pg_database WHERE datname = current_database())"""
    ),
    "materialized": _tables("c.relkind = 'm'"),
    "generated": _tables("EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attgenerated <> '')"),
    "extensions": "SELECT extname FROM pg_extension WHERE extname <> 'plpgsql' ORDER BY 1",
    "triggers": f"""SELECT n.nspname || '.' || c.relname || '.' || t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {OURS} AND t.tgenabled IN ('A', 'R') ORDER BY 1""",
    "grantees": f"""SELECT DISTINCT pg_get_userbyid(a.grantee)::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace,
    aclexplode(c.relacl) a WHERE {OURS} AND a.grantee <> 0 ORDER BY 1""",
}
LARGE_OBJECTS = "SELECT count(*) FROM pg_largeobject_metadata"
# Whether RDS may follow, as far as pg_hba.conf says.
ADMITS = """
SELECT FROM pg_hba_file_rules WHERE %(mover)s = ANY(user_name) AND type LIKE 'host%%' AND auth_method = 'scram-sha-256'
"""
LONG = """
SELECT pid || ' of ' || usename || ', ' || round(extract(epoch FROM clock_timestamp() - xact_start)) || ' s' FROM pg_stat_activity
WHERE xact_start < clock_timestamp() - interval '60 seconds' AND backend_type = 'client backend' AND pid <> pg_backend_pid()
ORDER BY xact_start
"""


def read_inside(server: Server, name: str) -> dict[str, Any]:
    """One database of the source."""
    found: dict[str, Any] = {
        word: [str(one) for (one,) in server.rows(statement, name)] for word, statement in INSIDE.items()
    }
    found["large_objects"] = int(server.value(LARGE_OBJECTS, name))
    found["bytes"] = int(server.value("SELECT pg_database_size(current_database())", name))
    found["tables"] = len(links.tables(server, name))
    found["sequences"] = int(server.value("SELECT count(*) FROM pg_sequences", name))
    found["encoding"] = str(
        server.value("SELECT pg_encoding_to_char(encoding) FROM pg_database WHERE datname = current_database()", name)
    )
    return found


def read(server: Server, names: tuple[str, ...]) -> dict[str, Any]:
    """A side, and of its databases those that are there."""
    settings = dict(
        server.rows("SELECT name, setting FROM pg_settings WHERE name = ANY(%(names)s)", names=list(SETTINGS))
    )
    superuser, user = server.rows("SELECT rolsuper, rolname FROM pg_roles WHERE rolname = current_user")[0]
    there = [
        row[0]
        for row in server.rows(
            "SELECT datname FROM pg_database WHERE datname = ANY(%(names)s) ORDER BY 1", names=list(names)
        )
    ]
    began = time.time()
    clock = float(server.value("SELECT extract(epoch FROM clock_timestamp())"))
    local = not server.login.get("host")
    directory = str(settings.get("data_directory") or "")
    return {
        "settings": settings,
        "version": int(settings["server_version_num"]) // 10000,
        "superuser": bool(superuser),
        "user": str(user),
        "roles": [str(one) for (one,) in server.rows("SELECT rolname FROM pg_roles")],
        "may_replicate": bool(superuser)
        or bool(server.rows("SELECT FROM pg_roles WHERE rolname = 'rds_replication' AND pg_has_role(current_user, oid, 'MEMBER')")),
        "may_subscribe": bool(superuser)
        or not server.rows("SELECT FROM pg_roles WHERE rolname = 'pg_create_subscription'")
        or bool(server.value("SELECT pg_has_role(current_user, 'pg_create_subscription', 'USAGE')")),
        "slots": int(server.value("SELECT count(*) FROM pg_replication_slots")),
        "senders": int(server.value("SELECT count(*) FROM pg_stat_replication")),
        "available": [str(one) for (one,) in server.rows("SELECT name FROM pg_available_extensions")],
        "long": [str(one) for (one,) in server.rows(LONG)],
        # As far from this host's clock as the way to the server and back may explain.
        "clock": round(clock - (began + time.time()) / 2, 3),
        "free_bytes": shutil.disk_usage(directory).free if local and os.path.isdir(directory) else None,
        "admits_mover": not local or bool(server.rows(ADMITS, mover=MOVER)),
        "databases": {name: read_inside(server, name) for name in there},
    }  # fmt: skip
