# SPDX-License-Identifier: MIT
"""One step at a time, whoever asks, on each server of a move.

A step whose controller was killed goes on to its end on its host. The next run waits for that: what it looked at would change under it.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence

from ansible_collections.django_ec2.site.plugins.module_utils.postgres.login import ServerUnavailable
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move.model import MOVER
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move.plan import MoveRefused
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move.server import Server

# A switch that waits for web hosts that never come gives up well before; a comparison of many rows may take longer.
WAIT_SECONDS = 300
POLL = 0.5
KEY = f"hashtext('{MOVER}')"
TAKE = f"SELECT pg_try_advisory_lock({KEY})"
GIVE_BACK = f"SELECT pg_advisory_unlock({KEY})"
SINCE = f"""
SELECT to_char(min(a.backend_start) AT TIME ZONE 'UTC', 'HH24:MI:SS') FROM pg_locks l JOIN pg_stat_activity a USING (pid)
WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND l.objid = ({KEY}::bigint & 4294967295)::oid
"""


@contextlib.contextmanager
def alone(servers: Sequence[Server], seconds: float = WAIT_SECONDS) -> Iterator[None]:
    """Hold the lock of all servers that answer.

    Args:
        servers: of the move.
        seconds: to wait for a step that has it.

    Raises:
        MoveRefused: it did not end in that time.
    """
    deadline = time.monotonic() + seconds
    locked, busy = _take(servers)
    while busy:
        if time.monotonic() > deadline:
            raise MoveRefused(
                f"another run moves the databases, since {busy.value(SINCE)} UTC ({busy.name} is locked). Wait until its step has ended, "
                "also where its controller was killed, and run this again"
            )
        time.sleep(POLL)
        locked, busy = _take(servers)
    try:
        yield
    finally:
        _give_back(locked)


def _take(servers: Sequence[Server]) -> tuple[list[Server], Server | None]:
    """The locks of all, or of none and who is locked."""
    taken: list[Server] = []
    for server in servers:
        try:
            got = server.value(TAKE)
        except ServerUnavailable:
            continue
        if not got:
            # Two that wait must not each have what the other one needs.
            _give_back(taken)
            return [], server
        taken.append(server)
    return taken, None


def _give_back(servers: Sequence[Server]) -> None:
    for server in servers:
        with contextlib.suppress(Exception):
            server.value(GIVE_BACK)
