# SPDX-License-Identifier: MIT
"""The two halves of a planned promotion: the primary ends and will be a standby, the standby takes over what it left.

No row is lost: a primary that is shut down sends all of its log first, and its last record says that it was shut down. The standby
looks for that record before it is promoted. It waits on its own host, so that writers wait for no controller.
"""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Callable, Sequence
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.pgbouncer import handover
from ansible_collections.django_ec2.site.plugins.module_utils.postgres import cluster, programs
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.login import ServerUnavailable, connect
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.standby import set_signal

# What the standby may lack when its primary ends: so much is sent in well under a second.
NEAR_BYTES = 16 << 20
LOOK_SECONDS = 0.05
SHUTDOWN_RECORD = "CHECKPOINT_SHUTDOWN"

# In milliseconds; 0 is never.
SENDER_TIMEOUT = "SELECT setting::int FROM pg_settings WHERE name = 'wal_sender_timeout'"


class PromotionProblem(Exception):
    """The step can't be done; the text says why and what to do."""


def ask(port: int, statement: str, values: dict[str, Any] | None = None) -> tuple[Any, ...] | None:
    """The first row of the answer of this host's server."""
    login = {"port": port, "user": programs.USER, "database": "postgres"}
    with contextlib.closing(connect(login)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement, values or {})
            return cursor.fetchone() if cursor.description else None


def wait(seconds: float, until: Callable[[], bool]) -> bool:
    """Look again and again; whether it was so in that time."""
    deadline = time.monotonic() + seconds
    while not until():
        if time.monotonic() > deadline:
            return False
        time.sleep(LOOK_SECONDS)
    return True


def until_paused(port: int, run: str, hosts: list[str]) -> None:
    """Wait until the poolers of all web hosts hold their clients back (module pgbouncer_handover).

    Raises:
        PromotionProblem: one could not be paused, or did not come.
    """

    def words() -> dict[str, set[str]]:
        found = ask(port, "SELECT coalesce(array_agg(application_name), '{}') FROM pg_stat_activity")
        return handover.said(list(found[0]) if found else [], run, hosts)

    def decided() -> bool:
        found = words()
        return found[handover.PAUSED] == set(hosts) or bool(found[handover.FAILED])

    came = wait(handover.ARRIVAL_SECONDS + handover.DECISION_SECONDS, decided)
    missing = set(hosts) - words()[handover.PAUSED]
    if came and not missing:
        return
    # Those that wait see that it ends, and that this host still takes writes.
    ask(
        port,
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name LIKE %(run)s",
        {"run": handover.word(run, "", "").rstrip(":") + ":%"},
    )
    raise PromotionProblem(
        f"The poolers of {', '.join(sorted(missing))} could not be paused, so the primary was not touched and all clients go on."
    )


def stop_limit(seconds: int, sender_timeout: int) -> int:
    """Seconds that the primary may take to end: half of what it takes to give a standby up.

    It waits for a standby until all has arrived there. One that has died is given up after ``wal_sender_timeout``, and then the primary
    ends as if all had arrived: nobody would take writes, and nobody could know whether the standby was promoted.

    Args:
        seconds: that it is given in any case.
        sender_timeout: in milliseconds; 0 is never.
    """
    return max(1, min(seconds, sender_timeout // 2000)) if sender_timeout else seconds


def hand_over(port: int, to: str, seconds: int, run: str = "", poolers: Sequence[str] = ()) -> dict[str, Any]:
    """End this host's primary, so that a standby can take over.

    Args:
        port: of the server.
        to: the standby, as it names itself to its primary.
        seconds: how long the standby may take to come near, and the server to end.
        run: the name of this promotion.
        poolers: web hosts whose poolers have to be paused first.

    Returns:
        ``lsn``, where its log ends, and ``stop_seconds``, how long it took to end.
    """
    version = cluster.version_of()
    data = cluster.data_directory_of(version)

    def missing() -> int | None:
        found = ask(
            port,
            "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn) FROM pg_stat_replication "
            "WHERE application_name = %(to)s AND state = 'streaming'",
            {"to": to},
        )
        return None if found is None or found[0] is None else int(found[0])

    # Before anything waits for it: what is written now has not to be written while nobody can.
    ask(port, "CHECKPOINT")
    if not wait(seconds, lambda: (missing() or 0) < NEAR_BYTES):
        raise PromotionProblem(
            f"{to} does not come near within {seconds} seconds: {missing()} bytes of the log are not replayed there."
        )
    if missing() is None:
        raise PromotionProblem(f"{to} does not receive the log of this host: run site.yml, which brings it back.")
    found = ask(port, SENDER_TIMEOUT)
    limit = stop_limit(seconds, int(found[0]) if found else 0)
    if poolers:
        until_paused(port, run, list(poolers))
    # From here on it comes back as a standby, whoever starts it.
    set_signal(data, True)
    began = time.monotonic()
    try:
        programs.systemctl("stop", version, limit)
    except programs.ProgramFailed as error:
        end_at_once(version, data)
        # One that came to its end after all has sent its last record: the standby may have taken over by it.
        if cluster.control_data(version, data).get("Database cluster state") != "shut down":
            keep(port)
            raise PromotionProblem(
                f"The primary did not end, and goes on: {error}. It waits for {to} until all of its log is there: does {to} answer?"
            ) from None
    stop_seconds = time.monotonic() - began
    control = cluster.control_data(version, data)
    if control.get("Database cluster state") != "shut down":
        keep(port)
        raise PromotionProblem(
            f"The primary did not end as it should, and goes on: it is '{control.get('Database cluster state')}'."
        )
    return {"lsn": cluster.lsn(control.get("Latest checkpoint location", "")), "stop_seconds": round(stop_seconds, 3)}


def keep(port: int) -> None:
    """The primary stays what it was, and serves. One that never ended is not started anew."""
    state = cluster.read_cluster(port)
    version, data = str(state["version"]), state["data_directory"]
    set_signal(data, False)
    if state["running"] and state["role"] == "primary":
        return
    # It may be on its way to its end, and never come to it.
    end_at_once(version, data)
    programs.systemctl("start", version)


def end_at_once(version: str, data: str) -> None:
    """End a server without waiting for anything; one that is down stays down."""
    words = [programs.program(version, "pg_ctl"), "stop", "--pgdata", data, "--mode", "immediate", "--wait"]
    with contextlib.suppress(programs.ProgramFailed):
        programs.run(words, seconds=60)


def fence(seconds: int) -> None:
    """A primary that was given up ends at once, and is a standby when it is started again."""
    version = cluster.version_of()
    data = cluster.data_directory_of(version)
    set_signal(data, True)
    with contextlib.suppress(programs.ProgramFailed):
        programs.systemctl("stop", version, seconds)
    if programs.active(version):
        programs.systemctl("kill", version)
        programs.systemctl("stop", version, seconds)


def ends_with_shutdown(version: str, data: str, timeline: int, start: str) -> bool:
    """Whether the last record of the log on this host says that the server which wrote it was shut down.

    Args:
        version: of the cluster.
        data: its directory.
        timeline: that it follows.
        start: the position of a record from which to read.
    """
    words = [
        programs.program(version, "pg_waldump"),
        "--path",
        f"{data}/pg_wal",
        "--timeline",
        str(timeline),
        "--start",
        start,
    ]
    # Its end is an error to pg_waldump: there is no valid record after the last.
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd="/")
    lines = done.stdout.strip().splitlines()
    return bool(lines) and SHUTDOWN_RECORD in lines[-1]


def took_all(port: int, version: str, data: str) -> bool:
    """Whether this standby has replayed everything that its primary wrote before it was shut down."""
    found = ask(
        port,
        """SELECT coalesce((SELECT status FROM pg_stat_wal_receiver), ''),
            coalesce(pg_last_wal_receive_lsn() <= pg_last_wal_replay_lsn(), true), timeline_id, checkpoint_lsn::text
        FROM pg_control_checkpoint()""",
    )
    receiver, replayed, timeline, start = found or ("streaming", False, 0, "")
    return receiver != "streaming" and replayed and ends_with_shutdown(version, data, timeline, start)


def promote(port: int, after_shutdown: bool, seconds: int, slots: list[str]) -> dict[str, Any]:
    """Make this host's standby the primary.

    Args:
        port: of the server.
        after_shutdown: whether to wait until the primary was shut down and all of its log is here.
        seconds: how long to wait for that.
        slots: for the hosts that will follow this one.

    Returns:
        ``promote_seconds``, from the end of the log to the first row that could be written; ``timeline``.
    """
    state = cluster.read_cluster(port)
    if state["role"] == "primary" and state["running"]:
        return {"promote_seconds": 0.0, "timeline": state["timeline"], "changed": False}
    if state["role"] != "standby" or not state["running"]:
        raise PromotionProblem(
            f"The cluster of this host is no standby that runs: {state.get('reason') or state['role']}."
        )
    version, data = str(state["version"]), state["data_directory"]
    ask(port, "CHECKPOINT")
    if after_shutdown and not wait(seconds, lambda: took_all(port, version, data)):
        raise PromotionProblem(
            f"The primary was not shut down within {seconds} seconds, or not all of its log arrived here. Nothing was promoted."
        )
    began = time.monotonic()
    done = ask(port, "SELECT pg_promote(true, 60)")
    if not done or not done[0]:
        raise PromotionProblem("PostgreSQL did not end its recovery within 60 seconds: see its log.")
    took = time.monotonic() - began
    for slot in slots:
        ask(
            port,
            "SELECT pg_create_physical_replication_slot(%(slot)s, true) WHERE NOT EXISTS "
            "(SELECT FROM pg_replication_slots WHERE slot_name = %(slot)s)",
            {"slot": slot},
        )
    # pg_rewind reads the new timeline from what a checkpoint wrote.
    ask(port, "CHECKPOINT")
    try:
        timeline = cluster.read_cluster(port)["timeline"]
    except ServerUnavailable:
        timeline = 0
    return {"promote_seconds": round(took, 3), "timeline": timeline, "changed": True}
