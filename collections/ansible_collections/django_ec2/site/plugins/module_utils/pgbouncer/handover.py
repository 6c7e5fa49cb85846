# SPDX-License-Identifier: MIT
"""A planned promotion, as a web host sees it: pause its poolers, wait until the standby takes writes, lead them there, resume. A restart of
the primary is the same, but that the poolers stay where they lead.

Nobody asks the controller meanwhile. Each web host logs in to the primary as the application, and what its connection calls itself says how
far it is: the others see it, because they have the same login, and so does the primary, which ends when all of them are paused. Its end is
the end of that connection.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field
from typing import Any

try:
    import psycopg2
except ImportError:
    psycopg2 = None

from ansible_collections.django_ec2.site.plugins.module_utils.pgbouncer import control, plan
from ansible_collections.django_ec2.site.plugins.module_utils.pgbouncer.console import ConsoleError
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.login import ServerUnavailable, connect

HERE, PAUSED, FAILED = "here", "paused", "failed"
POLL = 0.05
ARRIVAL_SECONDS = 30
# After the pause: until the primary ends, and until the standby has taken over. Then clients go on where they can.
DECISION_SECONDS, PROMOTION_SECONDS = 10, 30
WHO, RESTARTS = "database_promote", "database_upgrade"


class HandoverProblem(Exception):
    """This host can't take part, or the promotion did not come; the poolers go on where they led."""


def word(run: str, what: str, host: str) -> str:
    """What a connection calls itself.

    Args:
        run: the name of the promotion.
        what: ``here``, ``paused`` or ``failed``.
        host: the web host.
    """
    # PostgreSQL keeps 63 bytes.
    return f"promote:{run}:{what}:{host}"[:63]


def said(names: list[str], run: str, hosts: list[str]) -> dict[str, set[str]]:
    """Which hosts have said what, of the names of connections.

    Args:
        names: of the connections.
        run: of the promotion.
        hosts: that take part.
    """
    return {what: {host for host in hosts if word(run, what, host) in names} for what in (HERE, PAUSED, FAILED)}


ASK = "SELECT application_name FROM pg_stat_activity WHERE application_name LIKE 'promote:%'"


@dataclass
class Handover:
    """One web host in one promotion.

    Args:
        run: the name of the promotion.
        host: of this inventory.
        hosts: all that take part.
        names: of the poolers, each with a target that was staged.
        seconds: that the transactions in hand may take.
        leads: whether another server takes over. Otherwise the same one comes back.
    """

    run: str
    host: str
    hosts: list[str]
    names: list[str]
    seconds: float
    leads: bool = True
    connection: Any = field(default=None, init=False)

    def take_part(self) -> dict[str, Any]:
        """Returns ``switched``, and ``seconds``, for how long clients waited.

        Raises:
            HandoverProblem: nothing was switched; the text says why.
        """
        try:
            self.connection = connect(login(self.names[0], "target.ini"))
            self.connection.autocommit = True
        except ServerUnavailable as error:
            raise HandoverProblem(f"the primary can't be reached: {error}") from None
        try:
            self._say(HERE)
            self._until_all_are_here()
            return self._held()
        except psycopg2.Error as error:
            raise HandoverProblem(f"the primary has ended the connection: {' '.join(str(error).split())}") from None
        finally:
            with contextlib.suppress(Exception):
                self.connection.close()

    def _held(self) -> dict[str, Any]:
        began = time.monotonic()
        limit = self.seconds + DECISION_SECONDS + PROMOTION_SECONDS
        try:
            paused = control.pause(self.names, self.seconds, limit, WHO if self.leads else RESTARTS)
        except (control.ControlError, ConsoleError) as error:
            self._give_up(str(error))
        if not paused["paused"]:
            self._give_up(paused["busy"])
        switched = False
        try:
            self._say(PAUSED)
            self._until_the_primary_ends(began + self.seconds + DECISION_SECONDS)
            if self._until_somebody_takes_writes(began + limit - 2):
                switched = not control.switch(self.names, paused["token"])["expired"]
        except (control.ControlError, ConsoleError) as error:
            raise HandoverProblem(str(error)) from None
        finally:
            control.resume(self.names)
        if switched:
            control.forget(self.names)
        return {"switched": switched, "seconds": round(time.monotonic() - began, 3)}

    def _say(self, what: str) -> None:
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT set_config('application_name', %s, false)", [word(self.run, what, self.host)])

    def _others(self) -> dict[str, set[str]]:
        with self.connection.cursor() as cursor:
            cursor.execute(ASK)
            return said([str(row[0]) for row in cursor.fetchall()], self.run, self.hosts)

    def _give_up(self, why: str) -> None:
        """Tell the others and the primary, long enough that they have seen it."""
        with contextlib.suppress(Exception):
            self._say(FAILED)
            deadline = time.monotonic() + DECISION_SECONDS
            while time.monotonic() < deadline and self._others()[PAUSED]:
                time.sleep(POLL)
            time.sleep(1)
        raise HandoverProblem(why)

    def _until_all_are_here(self) -> None:
        deadline = time.monotonic() + ARRIVAL_SECONDS
        while True:
            found = self._others()
            missing = set(self.hosts) - set().union(*found.values())
            if not missing:
                return
            if time.monotonic() > deadline:
                raise HandoverProblem(f"{', '.join(sorted(missing))} did not come within {ARRIVAL_SECONDS} seconds")
            time.sleep(POLL)

    def _until_the_primary_ends(self, deadline: float) -> None:
        """Its end is the end of the connection."""
        while time.monotonic() < deadline:
            try:
                failed = self._others()[FAILED]
            except psycopg2.Error:
                return
            if failed:
                raise HandoverProblem(f"{', '.join(sorted(failed))} could not be paused")
            time.sleep(POLL)
        raise HandoverProblem("the primary did not end: its own message says why")

    def _until_somebody_takes_writes(self, deadline: float) -> bool:
        """Whether it is the standby; False where the primary goes on."""
        files = [("target.ini.next", True), ("target.ini", False)] if self.leads else [("target.ini", False)]
        sides = [(login(self.names[0], file), new) for file, new in files]
        while time.monotonic() < deadline:
            for side, new in sides:
                if writes(side):
                    return new
            time.sleep(POLL)
        raise HandoverProblem("nobody took writes in time: the message of the database hosts says why")


def login(name: str, file: str) -> dict[str, Any]:
    """How a pooler logs in to its first database, as ``connect`` takes it.

    Args:
        name: of the pooler.
        file: ``target.ini`` or ``target.ini.next``.
    """
    text = (control.CONFIGURATION / name / file).read_text()
    one = next(iter(plan.parse_databases(text).values()))
    return {
        "host": one["host"],
        "port": int(one["port"]),
        "database": one["dbname"],
        "user": one["user"],
        "password": one["password"],
        "ca_file": plan.authority(text),
        # One that is away is asked again soon.
        "options": {"connect_timeout": 2},
    }


def writes(side: dict[str, Any]) -> bool:
    """Whether a server lets the application in and takes writes."""
    with (
        contextlib.suppress(ServerUnavailable),
        contextlib.closing(connect(side)) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT NOT pg_is_in_recovery()")
        return bool(cursor.fetchone()[0])
    return False
