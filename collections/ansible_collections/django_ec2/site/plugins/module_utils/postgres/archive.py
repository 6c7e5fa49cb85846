# SPDX-License-Identifier: MIT
"""How the archive of the write-ahead log is doing, as the server and the spool of pgBackRest say."""

from __future__ import annotations

import glob
import os
import re
from contextlib import suppress
from typing import Any

SPOOL = "/var/spool/pgbackrest/archive/*/out/*.error"
QUERY = """
    SELECT current_setting('archive_mode') AS mode, current_setting('archive_command') AS command, pg_is_in_recovery() AS replica,
        a.last_archived_wal, extract(epoch FROM a.last_archived_time)::float AS archived,
        extract(epoch FROM a.last_failed_time)::float AS failed, w.waiting, w.oldest, extract(epoch FROM now())::float AS now,
        (SELECT system_identifier::text FROM pg_control_system()) AS system_id
    FROM pg_stat_archiver a,
        (SELECT count(*)::int AS waiting, extract(epoch FROM min(modification))::float AS oldest
            FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready') w
"""


def read_archive(connection: Any) -> dict[str, Any]:
    """What pg_stat_archiver and the segments that wait say, and why the last one failed. Times are seconds since the epoch.

    Args:
        connection: of a superuser, at the host's own socket.
    """
    with connection.cursor() as cursor:
        cursor.execute(QUERY)
        names = [column[0] for column in cursor.description]
        found = dict(zip(names, cursor.fetchone(), strict=True))
    return {**found, "reason": spooled_error()}


def spooled_error(pattern: str = SPOOL) -> str:
    """What pgBackRest could not do last when it archived in the background; empty when nothing is left of an error."""
    newest = ""
    with suppress(OSError, ValueError):
        path = max(glob.glob(pattern), key=os.path.getmtime)
        with open(path, encoding="utf-8", errors="replace") as stream:
            newest = stream.read()
    # Its first line is the error's number.
    return re.sub(r"^\d+\s*\n", "", newest).strip()
