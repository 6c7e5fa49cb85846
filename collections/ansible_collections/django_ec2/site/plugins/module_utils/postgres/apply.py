# SPDX-License-Identifier: MIT
"""Compare a server with what is wanted, and change what differs."""

from __future__ import annotations

import contextlib
import glob
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.postgres.archive import read_archive
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.cluster import damage
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.connections import connection_shortage
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.foreign import foreign
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.login import ServerUnavailable, connect
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.model import Change, Inside, Outside, Server
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move.model import CLOSED, SHUT_STATES
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.plan import (
    identifier,
    kept_memberships,
    missing_extensions,
    outranked_settings,
    plan_databases,
    plan_inside,
    plan_outside,
    plan_roles,
)
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.privileged import (
    plan_privileged,
    read_privileged,
)
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.read import read_inside, read_server
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.replication import (
    plan_replication,
    read_replication,
)

with contextlib.suppress(ImportError):
    import psycopg2


# A directory for each cluster; Debian's tools go by it too.
CLUSTERS = "/etc/postgresql/*/*/postgresql.conf"


def cluster_is_here(login: dict[str, Any]) -> bool:
    """Whether the server that is asked for is one of this host, and was made before."""
    return not login.get("host") and bool(glob.glob(CLUSTERS))


def execute(connection: Any, changes: list[Change]) -> None:
    """All statements in one transaction. Verifiers stay out of the server's log, as far as the login may say so."""
    with connection.cursor() as cursor:
        for setting in (
            "log_statement = 'none'",
            "log_min_duration_statement = -1",
            "log_min_error_statement = 'panic'",
        ):
            cursor.execute("SAVEPOINT quiet")
            try:
                cursor.execute(f"SET LOCAL {setting}")
            except psycopg2.errors.InsufficientPrivilege:
                cursor.execute("ROLLBACK TO SAVEPOINT quiet")
        for change in changes:
            for statement in change.statements:
                try:
                    cursor.execute(statement)
                except psycopg2.Error as error:
                    raise RuntimeError(f"{change.text}: {(error.diag.message_primary or str(error)).strip()}") from None
    connection.commit()


def moved_away(server: Server) -> str:
    """Why a run with the old inventory is refused, with the line to change."""
    if server.moving_peer and server.moving == CLOSED:
        return (
            f"The applications were moved from this server to {server.moving_peer} by playbooks/database_upgrade.yml. The data here are "
            f"old, and nobody is let in. Put {server.moving_peer} in the place of this host in the group database. Or go back, with "
            "both in the group: playbooks/database_upgrade.yml -e to=<this host>."
        )
    if server.moving_peer:
        return (
            f"The applications are being moved ({server.moving}) between this server and {server.moving_peer}. Run "
            "playbooks/database_upgrade.yml again with the same -e to=…, which ends it."
        )
    # Nobody is a superuser on RDS.
    here, there = ("self_hosted", "rds") if server.superuser else ("rds", "self_hosted")
    if server.moving == CLOSED:
        return (
            f"The applications were moved away from this server: database_mode is {here}, and they write to {there}. The data here "
            f"are old, and nobody is let in. Write 'database_mode: {there}' in the place of 'database_mode: {here}' into the "
            "inventory (group_vars/env_<environment>/), and run this again. "
            f"Or go back: playbooks/database_move.yml -e to={here}."
        )
    return (
        f"The applications are being moved ({server.moving}) between {there} and this server ({here}), which lets them in no more or "
        f"not yet, though database_mode is {here}. Run playbooks/database_move.yml again, which ends the move; its report names the "
        "line to write."
    )


class Databases:
    """One comparison of a server with the databases that it should have."""

    def __init__(
        self,
        wanted: list[dict[str, Any]],
        login: dict[str, Any],
        apply: bool,
        authentication: str = "password",
        retire: bool = False,
        connections: dict[str, Any] | None = None,
        moving: bool = False,
        replication: dict[str, Any] | None = None,
        superusers: list[str] | None = None,
    ) -> None:
        self.superusers = superusers
        self.moving = moving
        self.connections = connections
        self.replication = replication
        self.wanted = wanted
        self.login = login
        self.apply = apply
        self.authentication = authentication
        self.retire = retire
        self.changes: list[str] = []
        self.notes: list[str] = []
        self.server = Server()
        self.archive: dict[str, Any] = {}

    def take(self, connection: Any, changes: list[Change]) -> None:
        """Note changes, and make them when asked to."""
        self.changes += [change.text for change in changes]
        if self.apply and changes:
            execute(connection, changes)

    def run(self) -> None:
        """Read, compare, change: roles first, then databases, then the inside of each."""
        with contextlib.closing(connect(self.login)) as connection:
            self.server = read_server(connection, self.login, self.wanted, self.authentication)
            if self.server.superuser and not self.login.get("host"):
                self.archive = read_archive(connection)
            connection.rollback()
            self.check_rights()
            existing = set(self.server.databases)
            self.take(connection, plan_roles(self.wanted, self.server, self.authentication, self.retire))
            self.notes += outranked_settings(self.server)
            self.notes += [note for one in self.wanted for note in kept_memberships(one, self.server)]
            if self.replication:
                now = read_replication(connection, self.replication["user"])
                connection.rollback()
                self.take(connection, plan_replication(self.replication, now))
            if self.superusers is not None and self.server.superuser:
                privileged = read_privileged(connection)
                connection.rollback()
                self.take(connection, plan_privileged(privileged, self.known_roles(), self.server))
            created = plan_databases(self.wanted, self.server)
            self.changes += [change.text for change in created]
            if self.apply and created:
                connection.autocommit = True
                for change in created:
                    with connection.cursor() as cursor:
                        for statement in change.statements:
                            cursor.execute(statement)
        for one in self.wanted:
            self.one(one, existing)

    def known_roles(self) -> set[str]:
        """Roles whose rights are decided elsewhere: the applications', the standbys', and those that the operator listed."""
        return {
            *(self.superusers or []), *self.server.roles, self.server.user, *([self.replication["user"]] if self.replication else []),
        }  # fmt: skip

    def check_rights(self) -> None:
        """Refuse before the first change what the login could not finish."""
        server = self.server
        if server.lacking:
            raise RuntimeError(
                f"{server.user} lacks {' and '.join(server.lacking)}, so it cannot make databases and roles. Log in as the "
                "master user that RDS made with the instance, or give this one what it needs, as that user: "
                f"ALTER ROLE {identifier(server.user)} CREATEROLE CREATEDB; GRANT rds_superuser TO {identifier(server.user)};"
            )
        if server.moving in SHUT_STATES and not self.moving:
            raise RuntimeError(moved_away(server))
        if problems := foreign(self.wanted, server):
            raise RuntimeError(" ".join(problems))
        if self.connections and (shortage := connection_shortage(self.connections, server.settings)):
            raise RuntimeError(shortage)
        if self.authentication == "iam" and not server.has_iam:
            raise RuntimeError(
                "This server has no role rds_iam, so nobody logs in by tokens. Set database_auth: password, or use an RDS "
                "instance with IAM database authentication."
            )

    def one(self, one: dict[str, Any], existing: set[str]) -> None:
        """The privileges of one database, in one transaction."""
        outside = self.server.databases.get(one["name"], Outside(owner=one["owner"]))
        if not self.apply and one["name"] not in existing:
            self.plan_empty(one)
            return
        with contextlib.closing(connect(self.login, database=one["name"])) as connection:
            inside = read_inside(connection, one)
            connection.rollback()
            missing = missing_extensions(one, inside)
            if missing and self.apply:
                raise RuntimeError(
                    f"{one['name']}: this server has no extension {', '.join(missing)}. Correct the name (the view "
                    "pg_available_extensions lists them), or install the package that brings it (postgres_extension_packages)."
                )
            changes, notes = plan_inside(one, inside, self.server)
            self.notes += notes
            self.take(connection, plan_outside(one, outside) + changes)

    def plan_empty(self, one: dict[str, Any]) -> None:
        """What a database that is not there yet will need."""
        changes, _ = plan_inside(one, Inside(), self.server)
        self.changes += [change.text for change in plan_outside(one, Outside(owner=one["owner"])) + changes]

    def plan_all(self) -> None:
        """What an empty server will need."""
        self.changes = [
            change.text
            for change in plan_roles(self.wanted, self.server, self.authentication, self.retire)
            + (plan_replication(self.replication, {"role": None, "slots": {}}) if self.replication else [])
            + plan_databases(self.wanted, self.server)
        ]
        for one in self.wanted:
            self.plan_empty(one)


class DatabasesError(Exception):
    """The databases could not be made; ``changes`` are those that were begun."""

    def __init__(self, message: str, changes: list[str]) -> None:
        super().__init__(message)
        self.changes = changes


def apply_databases(given: dict[str, Any], apply: bool) -> dict[str, Any]:
    """Do what the module postgres_databases was asked to, and return what it returns.

    Args:
        given: the module's options.
        apply: whether to change anything; a server that does not answer is an error only then.

    Raises:
        DatabasesError: an option, the server or the login does not allow it.
    """
    for one in given["databases"]:
        passwords = (one["password"], one["owner_password"])
        if not all(passwords) or not "".join(passwords).isascii():
            raise DatabasesError(f"{one['name']}: passwords have to be printable ASCII, and not empty.", [])
    databases = Databases(
        given["databases"], given["login"], apply, given["authentication"], given["retire"], given["connections"],
        given.get("moving", False), given.get("replication"), given.get("superusers"),
    )  # fmt: skip
    found: dict[str, Any] = {"available": True}
    try:
        databases.run()
        found["server"] = databases.server.settings
        found["archive"] = databases.archive
    except ServerUnavailable as error:
        if apply:
            raise DatabasesError(f"PostgreSQL does not answer: {error}", databases.changes) from None
        found |= {"available": False, "reason": str(error)}
        if cluster_is_here(given["login"]):
            # It is there and is down: nobody knows what it lacks, and saying that it lacks everything would be wrong.
            found["unknown"] = (
                f"PostgreSQL is installed here and does not answer ({error}). What it lacks can be said once it runs."
            )
        else:
            databases.plan_all()
    except (RuntimeError, psycopg2.Error) as error:
        raise DatabasesError(damage(str(error)) or str(error).strip(), databases.changes) from None
    return {**found, "changes": databases.changes, "notes": databases.notes}
