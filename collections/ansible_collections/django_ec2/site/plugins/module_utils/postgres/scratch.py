# SPDX-License-Identifier: MIT
"""A scratch database: the schema of a live one and the list of its migrations, without its rows, for a trial of migrations.

It is read beside the visitors, with a limit on every wait for a lock, and it is dropped after the trial. What a cut run leaves is
dropped by the next one. The schema is restored with the rights of the database's owner, never with more.
"""

from __future__ import annotations

import contextlib
import re
import subprocess
import time
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.postgres.login import (
    ServerUnavailable,
    client_program,
    connect,
)
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.plan import identifier, literal
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.read import rows

with contextlib.suppress(ImportError):
    import psycopg2

SUFFIX = "_scratch"
NAME_BYTES = 63
MARK = "Scratch database of a deploy: it tries migrations here, and drops it."
# A limit, and a mark: it is there from the statement that makes the database, the comment is not.
CONNECTIONS = 13
LOCK_WAIT = "3s"
DUMP = (
    "--schema-only", "--no-owner", "--no-comments", "--no-publications", "--no-subscriptions", "--no-security-labels",
    "--no-tablespaces", f"--lock-wait-timeout={LOCK_WAIT}",
)  # fmt: skip

LIVE = """
SELECT pg_encoding_to_char(d.encoding), d.datcollate, d.datctype, to_jsonb(d) ->> 'datlocprovider',
    coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale'),
    ARRAY(SELECT c FROM pg_db_role_setting s, unnest(s.setconfig) c WHERE s.setdatabase = d.oid AND s.setrole = 0)
FROM pg_database d WHERE d.datname = %(name)s
"""
EXISTING = """
SELECT shobj_description(d.oid, 'pg_database'), d.datconnlimit, pg_get_userbyid(d.datdba) FROM pg_database d WHERE d.datname = %(name)s
"""
# What leads out of a database. A trial must not follow it.
WAYS_OUT = """
SELECT 'the foreign server ' || srvname FROM pg_foreign_server
UNION ALL SELECT 'the extension dblink' FROM pg_extension WHERE extname = 'dblink' LIMIT 1
"""
EXTENSIONS = """
SELECT e.extname, n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname <> 'plpgsql' ORDER BY e.oid
"""


class NoScratch(Exception):
    """No scratch database can be made; the text says why."""


def scratch_name(database: str) -> str:
    """The name of a database's scratch."""
    name = database + SUFFIX
    if len(name.encode()) > NAME_BYTES:
        raise NoScratch(f"the name {name} is longer than PostgreSQL takes")
    return name


def is_ours(comment: str | None, limit: int, holder: str, owner: str) -> bool:
    """Whether a database is one that this module made: another one of that name is never dropped."""
    return holder == owner and (comment == MARK or (comment is None and limit == CONNECTIONS))


def create_statement(name: str, owner: str, live: tuple[Any, ...]) -> str:
    """CREATE DATABASE, with encoding and sorting of the live one.

    Args:
        name: of the scratch database.
        owner: of both.
        live: what LIVE returned.
    """
    encoding, collate, ctype, provider, locale, _settings = live
    words = [f"CREATE DATABASE {identifier(name)} OWNER {identifier(owner)} TEMPLATE template0"]
    words += [f"ENCODING {literal(encoding)} LC_COLLATE {literal(collate)} LC_CTYPE {literal(ctype)}"]
    kinds = {"i": ("icu", "ICU_LOCALE"), "b": ("builtin", "BUILTIN_LOCALE")}
    if provider in kinds and locale:
        words.append(f"LOCALE_PROVIDER {kinds[provider][0]} {kinds[provider][1]} {literal(locale)}")
    return " ".join([*words, f"CONNECTION LIMIT {CONNECTIONS}"])


class Scratch:
    """The scratch database of one live database.

    Args:
        login: of somebody who may make databases; see LOGIN_SPEC.
        database: name of the live one.
        owner: the role that owns it.
        seconds: that making it may take.
        copy_port: of a cluster beside the live one on this host, a restored copy, whose schema is taken instead of the live one's.
    """

    def __init__(self, login: dict[str, Any], database: str, owner: str, seconds: int, copy_port: int = 0) -> None:
        self.login = login
        self.source = {**login, "port": copy_port} if copy_port else login
        self.database = database
        self.owner = owner
        self.name = scratch_name(database)
        self.deadline = time.monotonic() + seconds

    def make(self) -> None:
        """Make it, in place of one that a cut run left.

        Raises:
            NoScratch: it cannot be made; nothing is left of it.
        """
        try:
            self._make()
        except (psycopg2.Error, ServerUnavailable, NoScratch) as error:
            said = str(error).strip()
            with contextlib.suppress(psycopg2.Error, ServerUnavailable, NoScratch):
                self.drop()
            raise NoScratch(said) from None

    def drop(self) -> bool:
        """Drop it, with those who are in it; returns whether there was one.

        Raises:
            NoScratch: there is a database of its name that this module did not make.
        """
        with contextlib.closing(connect(self.login)) as connection:
            connection.autocommit = True
            found = rows(connection, EXISTING, {"name": self.name})
            if not found:
                return False
            if not is_ours(*found[0], self.owner):
                raise NoScratch(f"there is a database {self.name} that no deploy made; rename it")
            self._execute(connection, f"DROP DATABASE {identifier(self.name)} WITH (FORCE)")
            return True

    def _make(self) -> None:
        with contextlib.closing(connect(self.source, database=self.database)) as live:
            self._execute(live, f"SET lock_timeout = '{LOCK_WAIT}'")
            for (way,) in rows(live, WAYS_OUT):
                raise NoScratch(f"{self.database} has {way}, by which a trial would reach other databases")
            extensions = rows(live, EXTENSIONS)
            about = rows(live, LIVE, {"name": self.database})[0]
            applied = self._applied(live)
        self.drop()
        with contextlib.closing(connect(self.login)) as connection:
            connection.autocommit = True
            self._execute(connection, create_statement(self.name, self.owner, about))
            quoted = identifier(self.name)
            self._execute(connection, f"COMMENT ON DATABASE {quoted} IS {literal(MARK)}")
            self._execute(connection, f"REVOKE ALL ON DATABASE {quoted} FROM PUBLIC")
            for setting, value in (one.split("=", 1) for one in about[-1]):
                # In the words that the catalog has, a list (search_path) among them.
                rows(
                    connection, "SELECT set_config(%(setting)s, %(value)s, false)", {"setting": setting, "value": value}
                )
                self._execute(connection, f"ALTER DATABASE {quoted} SET {setting} FROM CURRENT")
        with contextlib.closing(connect(self.login, database=self.name)) as connection:
            connection.autocommit = True
            for extension, schema in extensions:
                if schema not in ("public", "pg_catalog"):
                    statement = (
                        f"CREATE SCHEMA IF NOT EXISTS {identifier(schema)} AUTHORIZATION {identifier(self.owner)}"
                    )
                    self._execute(connection, statement)
                # An extension of another one's is there already.
                self._execute(
                    connection, f"CREATE EXTENSION IF NOT EXISTS {identifier(extension)} SCHEMA {identifier(schema)}"
                )
        schema = self._run(self.source, "pg_dump", [*DUMP, f"--dbname={self.database}"])
        self._run(
            self.login,
            "psql",
            ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--output=/dev/null", f"--dbname={self.name}"],
            re.sub(r"(?m)^CREATE SCHEMA (?!IF NOT)", "CREATE SCHEMA IF NOT EXISTS ", schema),
        )
        with contextlib.closing(connect(self.login, database=self.name)) as connection:
            self._execute(connection, f"SET ROLE {identifier(self.owner)}")
            with connection.cursor() as cursor:
                cursor.executemany("INSERT INTO django_migrations (app, name, applied) VALUES (%s, %s, %s)", applied)
            connection.commit()

    @staticmethod
    def _execute(connection: Any, statement: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement)

    @staticmethod
    def _applied(live: Any) -> list[tuple[Any, ...]]:
        if not rows(live, "SELECT to_regclass('django_migrations')")[0][0]:
            raise NoScratch("no migration was applied to it so far")
        return rows(live, "SELECT app, name, applied FROM django_migrations ORDER BY id")

    def _run(self, login: dict[str, Any], program: str, words: list[str], given: str = "") -> str:
        """Run one of PostgreSQL's programs; psql with the rights of the owner."""
        command, environment = client_program(login, program)
        environment |= {"PGCONNECT_TIMEOUT": "5", "PGAPPNAME": "ansible"}
        if program == "psql":
            environment["PGOPTIONS"] = f"-c role={self.owner}"
        try:
            done = subprocess.run(
                [*command, *words], input=given, capture_output=True, text=True, check=False, env=environment, cwd="/",
                timeout=max(1.0, self.deadline - time.monotonic()),
            )  # fmt: skip
        except FileNotFoundError:
            raise NoScratch(f"{program} is not installed here") from None
        except subprocess.TimeoutExpired:
            raise NoScratch(f"{program} took too long") from None
        if done.returncode:
            said = done.stderr.strip()
            versions = re.search(r"server version: (\d+).*?pg_dump version: (\d+)", said, re.DOTALL)
            if versions:
                said = f"pg_dump of this host ({versions[2]}) is older than the server ({versions[1]})"
            raise NoScratch(f"{program}: {said[-600:]}" if not versions else said)
        return done.stdout
