# SPDX-License-Identifier: MIT
"""What a process may not do that tries migrations, or a page of the serving release, on a scratch database.

Its database is the only thing that it reaches: libpq opens connections in C, beside Python, so that it passes.
"""

from __future__ import annotations

import os
import re
import sys

from django.db import connections

FORBIDDEN_EVENTS = {
    "socket.connect", "socket.sendto", "socket.sendmsg", "socket.bind", "subprocess.Popen", "os.system", "os.posix_spawn",
    "os.exec", "os.fork", "os.forkpty",
}  # fmt: skip
# What reaches other databases, the server or its host: roles and databases are the whole cluster's.
FAR_SQL = re.compile(
    r"\b((create|alter|drop)\s+(database|role|user|group|tablespace|subscription|server|foreign)|alter\s+system|import\s+foreign"
    r"|(comment\s+on|reassign\s+owned|drop\s+owned|grant|revoke)\s[^;]*\bdatabase|dblink\w*\s*\(|copy\s[^;]*\bprogram"
    r"|pg_(terminate|cancel)_backend|pg_reload_conf|pg_create_\w+_slot|pg_drop_\w+_slot|lo_(im|ex)port|cron\.)",
    re.IGNORECASE,
)


LOGIN_VARIABLES = ("PGPASSWORD", "PGDATABASE", "PGSERVICE", "PGPASSFILE")


class Walled(OSError):
    """Something that would reach further than the scratch database; the text says what."""


def _forbid(event, _arguments):
    if event in FORBIDDEN_EVENTS:
        raise Walled(f"it reaches beyond the database ({event})")


def _near(execute, sql, parameters, many, context):
    found = FAR_SQL.search(str(sql))
    if found:
        raise Walled(f"its SQL reaches further than this database ({' '.join(found[0].split())[:60]})")
    return execute(sql, parameters, many, context)


def redirect(scratch, alias):
    """Lead one connection of Django to the scratch database, and the others nowhere. Call it before django.setup().

    Args:
        scratch: name of the database; it has the server and the login of the one that it stands for.
        alias: of DATABASES, the one that it stands for. Further aliases of the same database go along.

    Raises:
        Walled: the project's settings do not lead there.
    """
    if connections[alias].vendor != "postgresql":
        raise Walled(f"the database '{alias}' is not PostgreSQL")
    live = {key: connections[alias].settings_dict.get(key) for key in ("HOST", "PORT", "NAME")}
    for one in connections:
        own = connections[one].settings_dict
        if {key: own.get(key) for key in live} == live:
            own["NAME"] = scratch
        else:
            # A replica of the live database, or another one altogether.
            own["ENGINE"] = "django.db.backends.dummy"
            connections[one] = connections.create_connection(one)


def close(scratch, alias):
    """Open the connection to the scratch database, and forbid the rest. Call it after django.setup(), with what ``redirect`` got.

    Raises:
        Walled: the connection leads elsewhere.
    """
    connection = connections[alias]
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_database()")
        name = cursor.fetchone()[0]
        if name != scratch:
            raise Walled(f"the settings lead to the database {name}, whatever NAME says")
        cursor.execute("SELECT set_config('statement_timeout', '20s', false), set_config('lock_timeout', '5s', false)")
    connection.execute_wrappers.append(_near)
    # What connects beside Django must not find the live database.
    password = connection.settings_dict.get("PASSWORD")
    for variable, value in list(os.environ.items()):
        if variable in LOGIN_VARIABLES or (password and password in value):
            del os.environ[variable]
    sys.addaudithook(_forbid)
