# SPDX-License-Identifier: MIT
"""The copy takes the live database's name, in one transaction; the live one keeps its rows under another."""

from __future__ import annotations

import contextlib
import time
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.postgres.imports.dump import DumpRefused
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.login import connect
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.plan import identifier, literal, mark
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.read import rows

with contextlib.suppress(ImportError):
    import psycopg2

ATTEMPTS = 8
NAME_BYTES = 63
BEFORE = "_before_"
KEPT = "Before an import, of the dump "
OWED = ", whose import has not ended"
STATE = """
SELECT datname, datallowconn, coalesce(shobj_description(oid, 'pg_database'), ''), pg_get_userbyid(datdba) FROM pg_database
"""
FOLLOWERS = """
SELECT 'the replication slot ' || slot_name FROM pg_replication_slots WHERE database = %(name)s
UNION ALL SELECT 'the subscription ' || subname FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid WHERE d.datname = %(name)s
"""
OTHERS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = ANY(%(names)s) AND pid <> pg_backend_pid()"
)


def before_name(database: str, now: float) -> str:
    """The name under which the live database stays.

    Raises:
        DumpRefused: PostgreSQL takes no name as long as that.
    """
    name = f"{database}{BEFORE}{time.strftime('%Y%m%dt%H%M%S', time.gmtime(now))}"
    if len(name.encode()) > NAME_BYTES:
        raise DumpRefused(f"the name {name} is longer than PostgreSQL takes: give the database a shorter one")
    return name


class Names:
    """The names of one database and what stood in its place before.

    Args:
        login: of somebody who may rename them; see LOGIN_SPEC.
        database: the application's.
        owner: the role that owns all of them.
    """

    def __init__(self, login: dict[str, Any], database: str, owner: str) -> None:
        self.login, self.database, self.owner = login, database, owner

    def kept(self) -> dict[str, str]:
        """The databases of before earlier imports, and their comments; the oldest first."""
        with contextlib.closing(connect(self.login)) as connection:
            return {
                name: comment
                for name, _open, comment, owner in sorted(rows(connection, STATE))
                if name.startswith(self.database + BEFORE) and comment.startswith(KEPT) and owner == self.owner
            }

    def owed(self, digest: str) -> str:
        """The database of before the import of this dump, when that import has switched and not ended; or nothing."""
        return next((name for name, comment in self.kept().items() if comment == KEPT + digest + OWED), "")

    def open_again(self) -> bool:
        """Let the applications into the live database, where a cut run has shut it; returns whether it was."""
        with contextlib.closing(connect(self.login)) as connection:
            connection.autocommit = True
            state = {name: allowed for name, allowed, _comment, _owner in rows(connection, STATE)}
            if self.database not in state:
                raise DumpRefused(f"there is no database {self.database} on this server: run site.yml first")
            if state[self.database]:
                return False
            self._say(connection, f"ALTER DATABASE {identifier(self.database)} WITH ALLOW_CONNECTIONS true")
            return True

    def refuse_followed(self) -> None:
        """Refuse a database that another server follows.

        Raises:
            DumpRefused: it names who.
        """
        with (
            contextlib.closing(connect(self.login)) as connection,
            contextlib.suppress(psycopg2.errors.InsufficientPrivilege),
        ):
            for (what,) in rows(connection, FOLLOWERS, {"name": self.database}):
                raise DumpRefused(
                    f"{self.database} has {what}: end its move first (playbooks/database_move.yml -e finish=true)"
                )

    def switch(self, copy: str, digest: str, now: float) -> str:
        """Exchange the names; returns that of the live database of before. What fails leaves the live one open.

        Args:
            copy: name of the database that becomes live.
            digest: of the dump.
            now: seconds since 1970.
        """
        live, old = self.database, before_name(self.database, now)
        with contextlib.closing(connect(self.login)) as connection:
            connection.autocommit = True
            self._say(connection, f"ALTER DATABASE {identifier(live)} WITH ALLOW_CONNECTIONS false")
            try:
                self._rename(connection, live, old, copy, digest)
            except BaseException:
                self._say(connection, "ROLLBACK", f"ALTER DATABASE {identifier(live)} WITH ALLOW_CONNECTIONS true")
                raise
        return old

    def _rename(self, connection: Any, live: str, old: str, copy: str, digest: str) -> None:
        statements = [
            f"ALTER DATABASE {identifier(live)} RENAME TO {identifier(old)}",
            f"ALTER DATABASE {identifier(copy)} RENAME TO {identifier(live)}",
            # An operator may look at it, the applications may not.
            f"ALTER DATABASE {identifier(old)} WITH ALLOW_CONNECTIONS true CONNECTION LIMIT 0",
            f"ALTER DATABASE {identifier(live)} WITH CONNECTION LIMIT -1",
            f"COMMENT ON DATABASE {identifier(old)} IS {literal(KEPT + digest + OWED)}",
            mark("DATABASE", live),
        ]
        for attempt in range(ATTEMPTS):
            rows(connection, OTHERS, {"names": [live, copy]})
            try:
                self._say(connection, "BEGIN", *statements, "COMMIT")
                return
            except psycopg2.errors.ObjectInUse as error:
                self._say(connection, "ROLLBACK")
                if attempt == ATTEMPTS - 1:
                    raise DumpRefused(
                        f"somebody stays in {live} or {copy} ({str(error).strip()[:200]}): the old database is live, as before"
                    ) from None

    def finished(self) -> None:
        """Note on each database of before that nothing is owed any more."""
        for name, comment in self.kept().items():
            if comment.endswith(OWED):
                with contextlib.closing(connect(self.login)) as connection:
                    connection.autocommit = True
                    text = literal(comment.removesuffix(OWED))
                    self._say(connection, f"COMMENT ON DATABASE {identifier(name)} IS {text}")

    def drop_kept(self) -> list[str]:
        """Drop the databases of before; their names."""
        names = list(self.kept())
        with contextlib.closing(connect(self.login)) as connection:
            connection.autocommit = True
            for name in names:
                self._say(connection, f"DROP DATABASE {identifier(name)} WITH (FORCE)")
        return names

    @staticmethod
    def _say(connection: Any, *statements: str) -> None:
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
