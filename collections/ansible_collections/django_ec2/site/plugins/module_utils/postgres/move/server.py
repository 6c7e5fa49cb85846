# SPDX-License-Identifier: MIT
"""A side as this host reaches it: one connection a database, kept while a step runs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.postgres.login import connect
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move.model import MOVER

# Rows are the same text on both sides, whatever the databases' own settings are.
TEXT = (
    "SET datestyle = 'ISO, YMD'; SET timezone = 'UTC'; SET intervalstyle = 'postgres'; SET extra_float_digits = 1; "
    "SET bytea_output = 'hex'"
)


class Server:
    """One side.

    Args:
        name: of the side: ``self_hosted`` or ``rds``, or a host.
        login: see SIDE_SPEC; without ``host`` the server of this host, by its socket.
        peer: the other host in an upgrade, for the mark.
    """

    def __init__(self, name: str, login: dict[str, Any], peer: str = "") -> None:
        self.name, self.peer = name, peer
        self.login = {**login, "database": "postgres"}
        self.address = str(login["address"])
        self._open: dict[str, Any] = {}

    def connection(self, database: str = "postgres") -> Any:
        """The connection to a database; each statement is a transaction of its own."""
        if database not in self._open:
            connection = connect(self.login, database=database)
            connection.autocommit = True
            self._open[database] = connection
            self.execute(f"SET application_name = '{MOVER}'; SET statement_timeout = 0; {TEXT}", database)
        return self._open[database]

    def execute(self, statement: str, database: str = "postgres", **parameters: Any) -> None:
        """Execute a statement."""
        with self.connection(database).cursor() as cursor:
            cursor.execute(statement, parameters or None)

    def rows(self, statement: str, database: str = "postgres", **parameters: Any) -> list[tuple]:
        """The answer to a query."""
        with self.connection(database).cursor() as cursor:
            cursor.execute(statement, parameters or None)
            return cursor.fetchall()

    def value(self, statement: str, database: str = "postgres", **parameters: Any) -> Any:
        """The first column of the first row of an answer."""
        return self.rows(statement, database, **parameters)[0][0]

    @contextlib.contextmanager
    def transaction(self, database: str = "postgres") -> Iterator[Any]:
        """A cursor, all of whose statements count together or not at all."""
        connection = self.connection(database)
        with connection.cursor() as cursor:
            cursor.execute("BEGIN")
            try:
                yield cursor
            except BaseException:
                with contextlib.suppress(Exception):
                    cursor.execute("ROLLBACK")
                raise
            cursor.execute("COMMIT")

    def forget(self, database: str) -> None:
        """End the connection to a database that is to be dropped."""
        if database in self._open:
            self._open.pop(database).close()

    def close(self) -> None:
        """End all connections."""
        for connection in self._open.values():
            with contextlib.suppress(Exception):
                connection.close()
        self._open = {}
