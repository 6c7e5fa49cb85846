# SPDX-License-Identifier: MIT
"""A restart of this host's server, in the order that a primary and its standbys need.

A standby has to take at least as much as its primary of a handful of settings. One that is raised is raised on the standby first: its
replay would pause otherwise. One that is lowered goes to the primary first, and a standby that is restarted before it has read so in
the primary's log does not start again.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.postgres import cluster, programs
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.login import ServerUnavailable, connect
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.promotion import PromotionProblem, until_paused

with contextlib.suppress(ImportError):
    import psycopg2

# Names of settings, and how pg_controldata calls what the primary's log said of them.
BOUND = {
    "max_connections": "max_connections setting",
    "max_worker_processes": "max_worker_processes setting",
    "max_wal_senders": "max_wal_senders setting",
    "max_prepared_transactions": "max_prepared_xacts setting",
    "max_locks_per_transaction": "max_locks_per_xact setting",
}
# What the next start will take, where that is less than what is in force.
LOWERED = """
SELECT s.name, coalesce(f.setting, s.boot_val)::numeric::int FROM pg_settings s
LEFT JOIN LATERAL (SELECT setting FROM pg_file_settings f WHERE f.name = s.name ORDER BY seqno DESC LIMIT 1) f ON true
WHERE s.pending_restart AND s.name = ANY(%s) AND coalesce(f.setting, s.boot_val)::numeric < s.setting::numeric ORDER BY 1
"""
LOOK_SECONDS = 0.05


class RestartProblem(Exception):
    """The server was not restarted, or does not serve; the text says why and what to do."""


def read_lowered(connection: Any) -> dict[str, int]:
    """The settings of BOUND that wait for a restart with less than what is in force, and how much that is."""
    with connection.cursor() as cursor:
        cursor.execute(LOWERED, [list(BOUND)])
        return dict(cursor.fetchall())


def in_recovery(connection: Any) -> bool:
    """Whether the server follows another one."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_is_in_recovery()")
        return bool(cursor.fetchone()[0])


def ahead(lowered: dict[str, int], control: dict[str, str]) -> list[str]:
    """The settings of which the primary still takes more than this standby would.

    Args:
        lowered: what ``read_lowered`` returned.
        control: what pg_controldata says of the standby.
    """
    return [name for name, value in lowered.items() if int(control.get(BOUND[name], "0") or 0) > value]


def _connect(port: int) -> Any:
    return connect({"port": port, "user": programs.USER, "database": "postgres"})


def wait_for_primary(port: int, version: str, seconds: int) -> None:
    """Wait until the primary's log has said that it takes as little as this standby is to take.

    Raises:
        RestartProblem: it did not in that time.
    """
    with contextlib.closing(_connect(port)) as connection:
        lowered = read_lowered(connection) if in_recovery(connection) else {}
    data = cluster.data_directory_of(version)
    deadline = time.monotonic() + seconds
    while still := ahead(lowered, cluster.control_data(version, data)):
        if time.monotonic() > deadline:
            raise RestartProblem(
                f"{', '.join(still)} is to be lower, and the primary still takes more: this standby would not start. It was not "
                "restarted. Run site.yml for the primary as well, which is restarted first."
            )
        time.sleep(LOOK_SECONDS)


def restart(port: int, version: str, seconds: int, run: str = "", poolers: Sequence[str] = ()) -> float:
    """Restart the server and wait until it serves; how long it did not, in seconds.

    Args:
        port: of the server.
        version: its major version.
        seconds: that it may take.
        run: the name of this restart, for the poolers.
        poolers: web hosts whose poolers have to be paused first (module pgbouncer_handover).

    Raises:
        RestartProblem: a pooler could not be paused, and nothing was done; or it does not serve, with the end of its log.
    """
    with contextlib.suppress(ServerUnavailable, psycopg2.Error), contextlib.closing(_connect(port)) as connection:
        # What is written now has not to be written while nobody can connect.
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("CHECKPOINT")
    if poolers:
        try:
            until_paused(port, run, list(poolers))
        except PromotionProblem as error:
            raise RestartProblem(str(error)) from None
    began = time.monotonic()
    try:
        programs.systemctl("restart", version, seconds)
        said = serves(port, began + seconds)
    except programs.ProgramFailed as error:
        said = str(error)
    if said:
        lines = " | ".join(programs.log_lines(version))
        raise RestartProblem(f"PostgreSQL does not serve after its restart ({said}). The end of its log: {lines}")
    return round(time.monotonic() - began, 3)


def serves(port: int, deadline: float) -> str:
    """Why no connection could be made until then; empty as soon as one was."""
    while True:
        try:
            _connect(port).close()
            return ""
        except ServerUnavailable as error:
            if time.monotonic() > deadline:
                return str(error)
        time.sleep(LOOK_SECONDS)
