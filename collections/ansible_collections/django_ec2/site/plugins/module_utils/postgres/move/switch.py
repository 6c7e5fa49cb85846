# SPDX-License-Identifier: MIT
"""The switch, as the database host runs it: wait until the poolers are paused, catch up, decide.

The order is the whole point:

1. every web host is there, and the target keeps up
2. the web hosts pause their poolers, all of them or none
3. the source is shut: connection limits 0, and whoever is still in is ended
4. one LSN of the source, and after it a word in the marker of each database: when the word has arrived, everything has
5. sequences; the subscription stops; the slot of the way back is made; the subscription is dropped
6. the target is opened and says that it is live, in one transaction: this is the decision
7. the source says that it is closed: the web hosts, who read that, lead their poolers to the target and resume

What fails before 6 is undone: the source is opened again, and the web hosts resume where they were.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move import links, marks
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move.model import (
    CLOSED,
    CLOSING,
    LIVE,
    MOVER,
    SOURCE,
    Mark,
    slot_name,
)
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move.plan import MoveRefused
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move.server import Server
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.plan import literal

ARRIVAL_SECONDS = 45
CALM_SECONDS = 60
POLL = 0.02
# What a web host's own connection calls itself: pg_stat_activity is the list of those who are there, and nobody who died is on it.
HERE, PAUSED, FAILED = f"{MOVER} here ", f"{MOVER} paused ", f"{MOVER} failed "
LONG = f"""
SELECT pid, usename, round(extract(epoch FROM clock_timestamp() - xact_start)) FROM pg_stat_activity
WHERE datname = ANY(%(names)s) AND xact_start < clock_timestamp() - %(seconds)s * interval '1 second' AND backend_type = 'client backend'
  AND application_name NOT LIKE '{MOVER}%%'
"""
# Also one that was set and never used since (setval(…, false), RESTART WITH), of which pg_sequences has no value.
SEQUENCES = """
SELECT format('%%I.%%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE CASE WHEN c.relkind = 'S' THEN has_sequence_privilege(c.oid, 'SELECT') ELSE false END
  AND c.relpersistence <> 't' AND n.nspname <> %(mover)s
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
"""


def hosts_that_say(server: Server, prefix: str) -> set[str]:
    """The web hosts whose connection says something."""
    found = server.rows(
        "SELECT application_name FROM pg_stat_activity WHERE application_name LIKE %(like)s", like=f"{prefix}%"
    )
    return {str(name).removeprefix(prefix) for (name,) in found}


def wait_for_hosts(server: Server, hosts: Iterable[str], prefix: str, seconds: float) -> None:
    """Wait until every web host says something.

    Raises:
        MoveRefused: one does not, or says that it failed.
    """
    deadline = time.monotonic() + seconds
    # pg_stat_activity cuts names; so does the web host's connection.
    wanted = {(prefix + host)[:63].removeprefix(prefix) for host in hosts}
    while missing := wanted - hosts_that_say(server, prefix):
        if failed := hosts_that_say(server, FAILED):
            what = (
                "can't take part (its own message says why)"
                if prefix == HERE
                else "could not pause in time: a request was longer"
            )
            raise MoveRefused(f"{', '.join(sorted(failed))} {what}; nothing was switched")
        if time.monotonic() > deadline:
            what = "did not come" if prefix == HERE else "did not pause"
            raise MoveRefused(f"{', '.join(sorted(missing))} {what} within {seconds:.0f} s; nothing was switched")
        time.sleep(POLL)


def wait_for_calm(source: Server, target: Server, names: tuple[str, ...], seconds: float) -> float:
    """Wait until the target keeps up and no transaction is so long that a pause would wait for it; returns the lag in seconds.

    Args:
        source: where the applications write.
        target: what follows.
        names: of the databases.
        seconds: that a pause may take.
    """
    deadline = time.monotonic() + CALM_SECONDS
    while True:
        began = time.monotonic()
        for name in names:
            word = f"calm {time.time_ns()}"
            links.say(source, name, word)
            links.wait_for(target, name, word, CALM_SECONDS)
        behind = time.monotonic() - began
        long = source.rows(LONG, names=list(names), seconds=seconds / 2)
        if behind < 1 and not long:
            return behind
        if time.monotonic() > deadline:
            if long:
                pid, user, age = long[0]
                raise MoveRefused(
                    f"a transaction of {user} (pid {pid}) is {age} s old, and a pause would wait for it. Let it end, or end it "
                    f"(SELECT pg_terminate_backend({pid})), and run this again"
                )
            raise MoveRefused(
                f"{target.name} is {behind:.1f} s behind and does not catch up: run this again when less is written"
            )
        time.sleep(0.5)


def copy_sequences(source: Server, target: Server, name: str) -> int:
    """Set the sequences of a database to where the source's are; returns how many."""
    found = [str(one) for (one,) in source.rows(SEQUENCES, name, mover=MOVER)]
    if found:
        asked = " UNION ALL ".join(f"SELECT {literal(one)}, last_value, is_called FROM {one}" for one in found)
        values = ", ".join(
            f"({literal(one)}, {int(last)}, {bool(called)})" for one, last, called in source.rows(asked, name)
        )
        target.rows(
            f"SELECT setval(name::regclass, last, called) FROM (VALUES {values}) found (name, last, called)", name
        )
    return len(found)


class Switch:
    """One attempt.

    Args:
        source: where the applications write.
        target: where they shall.
        names: of the databases.
        given: ``run`` (a name of this attempt), ``hosts`` (the web hosts that pause), ``seconds`` (for the pause, and for catching up).
    """

    def __init__(self, source: Server, target: Server, names: tuple[str, ...], given: dict[str, Any]) -> None:
        self.source, self.target, self.names = source, target, names
        self.run_name, self.hosts, self.seconds = str(given["run"]), list(given["hosts"]), float(given["seconds"])
        self.before = marks.read(source) or Mark(SOURCE, marks.now())
        self.goal = marks.read(target)
        self.deciding = self.decided = False
        self.slots: list[str] = []
        self.stopped: list[str] = []
        self.said: dict[str, Any] = {}

    def run(self) -> dict[str, Any]:
        """Switch; returns ``lsn``, ``seconds`` (from the shut of the source to the decision), ``sequences`` and ``ended``.

        Raises:
            MoveRefused: nothing was switched, and the source is open.
        """
        if self.goal is None:
            raise MoveRefused(f"{self.target.name} has no mark of a move")
        # All connections are there before anybody waits for them.
        for name in self.names:
            self.source.connection(name)
            self.target.connection(name)
        wait_for_hosts(self.source, self.hosts, HERE, ARRIVAL_SECONDS)
        self.said["behind"] = round(wait_for_calm(self.source, self.target, self.names, self.seconds), 3)
        try:
            marks.put(self.source, Mark(**{**vars(self.before), "run": self.run_name}))
            wait_for_hosts(self.source, self.hosts, PAUSED, self.seconds + 2)
            self._move()
        except BaseException as error:
            if self.deciding:
                self._find_out()
            if not self.decided:
                self._undo()
            if isinstance(error, MoveRefused) or not isinstance(error, Exception):
                raise
            if not self.decided:
                raise MoveRefused(f"{str(error).strip()}; nothing was switched") from None
        self._tell()
        return self.said

    def _move(self) -> None:
        began = time.monotonic()
        marks.shut(self.source, self.names, Mark(**{**vars(self.before), "state": CLOSING, "run": self.run_name}))
        self.said["ended"] = marks.end_others(self.source, self.names)
        self._wait_until_alone()
        self.said["lsn"] = str(self.source.value("SELECT pg_current_wal_lsn()::text"))
        for name in self.names:
            links.say(self.source, name, self.run_name)
        for name in self.names:
            links.wait_for(self.target, name, self.run_name, self.seconds)
        self.said["sequences"] = sum(copy_sequences(self.source, self.target, name) for name in self.names)
        for name in self.names:
            self.stopped.append(name)
            links.pause_subscription(self.target, name, self.seconds)
        # A transaction of somebody else's on the target must not hold everybody up.
        self.target.execute(f"SET statement_timeout = {int(self.seconds * 1000)}")
        for name in self.names:
            self.target.execute(f"SET statement_timeout = {int(self.seconds * 1000)}", name)
            self.slots.append(name)
            links.make_slot(self.target, name)
        for name in self.names:
            links.drop_subscription(self.target, name)
        self.deciding = True
        marks.admit(self.target, self.names, Mark(LIVE, marks.now(), limits=self.goal.limits if self.goal else {}))
        self.decided = True
        self.said["seconds"] = round(time.monotonic() - began, 3)

    def _tell(self) -> None:
        """Write the decision where the web hosts look. Where the source died in this moment, they ask the target themselves."""
        with contextlib.suppress(Exception):
            closing = marks.read(self.source) or self.before
            marks.put(
                self.source, Mark(**{**vars(closing), "state": CLOSED, "since": marks.now(), "run": self.run_name})
            )

    def _find_out(self) -> None:
        """The connection ended while the decision was written: whether it counts, only the target knows.

        Raises:
            MoveRefused: it does not say. The source stays shut, as two sides that take writes would be worse than none.
        """
        deadline = time.monotonic() + self.seconds
        while not self.decided:
            self.target.close()
            try:
                found = marks.read(self.target)
            except Exception as error:
                if time.monotonic() < deadline:
                    time.sleep(0.2)
                    continue
                raise MoveRefused(
                    f"{self.target.name} was lost while the decision was written ({str(error).strip()}), so nobody knows which side "
                    f"is live, and neither takes writes. Bring {self.target.name} back and run this again at once"
                ) from None
            self.decided = bool(found and found.state == LIVE)
            return

    def _wait_until_alone(self) -> None:
        """Whoever was ended is gone, with what it had in hand."""
        deadline = time.monotonic() + self.seconds
        while self.source.value(
            f"SELECT count(*) FROM pg_stat_activity WHERE datname = ANY(%(names)s) AND {marks.OTHERS}",
            names=list(self.names),
        ):
            if time.monotonic() > deadline:
                raise MoveRefused(f"{self.source.name}: somebody who was ended is still in; nothing was switched")
            marks.end_others(self.source, self.names)
            time.sleep(POLL)

    def _undo(self) -> None:
        """Open the source again, as it was, before anything else."""
        with contextlib.suppress(Exception):
            current = marks.read(self.source)
            if current and current.state == CLOSING:
                marks.admit(self.source, self.names, Mark(**{**vars(current), "state": self.before.state, "run": ""}))
            else:
                marks.put(self.source, Mark(**{**vars(self.before), "run": ""}))
        for name in self.slots:
            with contextlib.suppress(Exception):
                self.target.rows("SELECT pg_drop_replication_slot(%(slot)s)", slot=slot_name(name))
        for name in self.stopped:
            with contextlib.suppress(Exception):
                self.target.execute(f"ALTER SUBSCRIPTION {MOVER} ENABLE", name)
