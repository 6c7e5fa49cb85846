# SPDX-License-Identifier: MIT
"""The console of a pooler: PgBouncer's own commands, each with a limit of time.

It is asked over the pooler's unix socket as root, whom the kernel names to it. Connections are asynchronous, because some commands, PAUSE
above all, answer only when others have finished.
"""

from __future__ import annotations

import contextlib
import select
import time
from collections.abc import Sequence
from typing import Any

with contextlib.suppress(ImportError):
    import psycopg2
    import psycopg2.extensions

DIRECTORY = "/run/pgbouncer"
PORT = 6432
# The database that is the console. It stands among the others in what SHOW DATABASES says.
CONSOLE = "pgbouncer"
ADMINISTRATOR = "root"
SECONDS = 5.0


class ConsoleError(Exception):
    """A pooler does not answer, or refuses a command."""


class TooLate(ConsoleError):
    """A command has not ended within its time; it may still end."""


class Console:
    """One connection to the console of a pooler, with one command at a time."""

    def __init__(self, instance: str, seconds: float = SECONDS, directory: str = DIRECTORY) -> None:
        """Connect.

        Args:
            instance: of the pooler, as in ``self_hosted-transaction``.
            seconds: that the connection may take, and each command that does not say otherwise.
            directory: that holds a directory with a socket for each instance.

        Raises:
            ConsoleError: the pooler does not answer.
        """
        self.instance, self.seconds = instance, seconds
        try:
            self._connection = psycopg2.connect(
                host=f"{directory}/{instance}", port=PORT, dbname=CONSOLE, user=ADMINISTRATOR, async_=True
            )
            self._wait(time.monotonic() + seconds, "the connection")
        except psycopg2.Error as error:
            raise ConsoleError(f"the pooler {instance} does not answer: {_said(error)}") from None

    def close(self) -> None:
        """End the connection. What was asked and has not ended goes on in the pooler."""
        self._connection.close()

    def __enter__(self) -> Console:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def begin(self, command: str) -> None:
        """Send a command; ``finish`` waits for its end."""
        self._cursor = self._connection.cursor()
        self._command = command
        self._cursor.execute(command)

    def finish(self, deadline: float) -> None:
        """Wait until the command has ended.

        Args:
            deadline: of ``time.monotonic``.

        Raises:
            TooLate: it has not.
            ConsoleError: the pooler refused it.
        """
        try:
            self._wait(deadline, self._command)
        except psycopg2.Error as error:
            raise ConsoleError(f"the pooler {self.instance} refuses {self._command}: {_said(error)}") from None

    def run(self, command: str, seconds: float | None = None) -> None:
        """Run a command that has no answer but its end."""
        self.begin(command)
        self.finish(time.monotonic() + (self.seconds if seconds is None else seconds))

    def show(self, what: str) -> list[dict[str, Any]]:
        """The rows of ``SHOW …``, by the names of their columns."""
        self.run(f"SHOW {what}")
        names = [column.name for column in self._cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in self._cursor.fetchall()]

    def databases(self) -> list[dict[str, Any]]:
        """The databases that applications find here."""
        return [one for one in self.show("DATABASES") if one["name"] != CONSOLE]

    def _wait(self, deadline: float, what: str) -> None:
        while True:
            state = self._connection.poll()
            if state == psycopg2.extensions.POLL_OK:
                return
            left = deadline - time.monotonic()
            if left <= 0:
                raise TooLate(f"{what} of the pooler {self.instance} has not ended in time")
            descriptor = self._connection.fileno()
            reads = [descriptor] if state == psycopg2.extensions.POLL_READ else []
            writes = [descriptor] if state == psycopg2.extensions.POLL_WRITE else []
            select.select(reads, writes, [], left)


def quoted(name: str) -> str:
    """The name of a database in a command of the console."""
    return '"' + name.replace('"', '""') + '"'


def all_of(instances: Sequence[str], seconds: float = SECONDS) -> dict[str, list[dict[str, Any]]]:
    """The databases of each of these poolers.

    Raises:
        ConsoleError: one of them does not answer.
    """
    found = {}
    for instance in instances:
        with Console(instance, seconds) as console:
            found[instance] = console.databases()
    return found


def _said(error: Exception) -> str:
    return " ".join(str(error).split())
