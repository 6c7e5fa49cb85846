# SPDX-License-Identifier: MIT
"""The switch, as a web host runs it: pause its poolers, wait for the decision, lead them to the side that was chosen, resume.

A web host knows no password but the application's. It logs in to the side that is live before the switch, and stays: what its
connection calls itself is what the database host counts, and the mark that it reads there is the decision. When that connection ends, the
sides themselves say which is live: the one that lets the application in.
"""

from __future__ import annotations

import contextlib
import time
from typing import Any, Protocol

from ansible_collections.django_ec2.site.plugins.module_utils.postgres.login import ServerUnavailable, connect
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move import marks
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move.model import CLOSED, CLOSING, LIVE, Mark
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move.plan import MoveRefused
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move.switch import (
    ARRIVAL_SECONDS,
    CALM_SECONDS,
    FAILED,
    HERE,
    PAUSED,
)

POLL = 0.02
TOLD_SECONDS = 3
# What PostgreSQL says to a login that is right and shut out.
SHUT = ("too many connections for role", "too many connections for database")


class Pooler(Protocol):
    """What a web host does with its poolers."""

    def pause(self, seconds: float, resume_after: float) -> bool:
        """Pause all or none; whether they are paused."""

    def switch(self) -> None:
        """Lead them to the target, which was staged before."""

    def resume(self) -> None:
        """Let them go on where they lead."""


def prove(login: dict[str, Any]) -> None:
    """Prove that the target would let the application in, were it open.

    Raises:
        MoveRefused: it would not.
    """
    try:
        connect(login).close()
    except ServerUnavailable as error:
        if not any(word in str(error) for word in SHUT):
            raise MoveRefused(f"this host can't log in to the target: {error}") from None


class Hold:
    """A web host in a switch.

    Args:
        host: its name in the inventory.
        run: the name of the attempt.
        source: the application's login to the side that is live.
        target: its login to the other one.
        pooler: its poolers.
        seconds: that pausing may take.
    """

    def __init__(
        self, host: str, run: str, source: dict[str, Any], target: dict[str, Any], pooler: Pooler, seconds: float
    ) -> None:
        self.host, self.run_name, self.source, self.target, self.pooler, self.seconds = (
            host,
            run,
            source,
            target,
            pooler,
            seconds,
        )
        self.connection: Any = None

    def run(self) -> dict[str, Any]:
        """Take part in one attempt; returns ``switched`` and ``seconds``, how long the poolers were paused.

        Raises:
            MoveRefused: the target refuses the login, or nobody asked for the pause.
        """
        self.connection = connect(self.source)
        self.connection.autocommit = True
        try:
            prove(self.target)
        except MoveRefused:
            # The database host waits for this one, and need not.
            self._say(FAILED)
            time.sleep(TOLD_SECONDS)
            raise
        self._say(HERE)
        self._until_asked()
        began = time.monotonic()
        # Nobody who waits for a decision waits for ever: the poolers go on by themselves, too.
        limit = 3 * self.seconds + 5
        try:
            paused = self.pooler.pause(self.seconds, limit)
        except MoveRefused:
            self._say(FAILED)
            self._until_given_up()
            raise
        if not paused:
            self._say(FAILED)
            self._until_given_up()
            return {"switched": False, "seconds": round(time.monotonic() - began, 3)}
        switched = False
        try:
            self._say(PAUSED)
            switched = self._decision(began + limit)
            if switched:
                self.pooler.switch()
        finally:
            self.pooler.resume()
        return {"switched": switched, "seconds": round(time.monotonic() - began, 3)}

    def _say(self, what: str) -> None:
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT set_config('application_name', %s, false)", [f"{what}{self.host}"[:63]])

    def _mark(self) -> Mark | None:
        with self.connection.cursor() as cursor:
            cursor.execute(marks.READ)
            found = cursor.fetchone()
        return marks.parse(found[0]) if found else None

    def _until_asked(self) -> None:
        deadline = time.monotonic() + ARRIVAL_SECONDS + CALM_SECONDS + 30
        while True:
            mark = self._mark()
            if mark and mark.run == self.run_name:
                return
            if time.monotonic() > deadline:
                raise MoveRefused("the database host did not ask for the pause: its own message says why")
            time.sleep(POLL)

    def _until_given_up(self) -> None:
        deadline = time.monotonic() + self.seconds + 5
        with contextlib.suppress(Exception):
            while time.monotonic() < deadline:
                mark = self._mark()
                if not mark or mark.run != self.run_name:
                    return
                time.sleep(POLL)

    def _decision(self, deadline: float) -> bool:
        """Wait for it; whether the target is live."""
        while time.monotonic() < deadline:
            try:
                mark = self._mark()
            except Exception:
                found = self._asked_anew()
                if found is not None:
                    return found
            else:
                if mark and mark.run == self.run_name and mark.state == CLOSED:
                    return True
                if not mark or (mark.state != CLOSING and mark.run != self.run_name):
                    return False
            time.sleep(POLL)
        # What the sides say now counts more than a clock.
        return bool(self._asked_anew())

    def _asked_anew(self) -> bool | None:
        """Which side lets the application in; None while neither does."""
        for login, switched in ((self.target, True), (self.source, False)):
            with contextlib.suppress(ServerUnavailable), contextlib.closing(connect(login)) as connection:
                with connection.cursor() as cursor:
                    cursor.execute(marks.READ)
                    found = cursor.fetchone()
                mark = marks.parse(found[0]) if found else None
                if not switched or (mark and mark.state == LIVE):
                    return switched
        return None
