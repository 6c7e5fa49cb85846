# SPDX-License-Identifier: MIT
"""The copy beside the live database: made, filled from a dump with the rights of the owner, and compared with the dump."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import tempfile
from collections.abc import Iterator
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.postgres.apply import Databases
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.imports import script
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.imports.dump import (
    CUSTOM,
    DIRECTORY,
    PLAIN,
    Dump,
    DumpRefused,
    dump_text,
    wanted_entries,
)
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.login import (
    client_program,
    connect,
)
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.plan import identifier, literal
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.read import read_server, rows

with contextlib.suppress(ImportError):
    import psycopg2

MARK = "Copy of an import: playbooks/database_import.yml fills it, and gives it the live database's name or drops it."
# A limit, and a mark: it is there from the statement that makes the database, the comment is not.
CONNECTIONS = 17
JOBS = 4
SHOWN = 8
EXISTING = """
SELECT shobj_description(oid, 'pg_database'), datconnlimit, pg_get_userbyid(datdba) FROM pg_database WHERE datname = %(name)s
"""
AVAILABLE = "SELECT name FROM pg_available_extensions"
TABLES = """
SELECT format('%I.%I', n.nspname, c.relname),
    format('SELECT count(*) FROM %s %I.%I', CASE c.relkind WHEN 'r' THEN 'ONLY' ELSE '' END, n.nspname, c.relname)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
"""
SEQUENCES = """
SELECT format('%I.%I', n.nspname, c.relname), format('SELECT last_value, is_called FROM %I.%I', n.nspname, c.relname)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'S' AND n.nspname NOT LIKE 'pg\\_%'
"""


class Copy:
    """The copy of one database.

    Args:
        login: of somebody who may make databases; see LOGIN_SPEC.
        wanted: the database of the application; see DATABASE_SPEC.
        name: of the copy.
    """

    def __init__(self, login: dict[str, Any], wanted: dict[str, Any], name: str) -> None:
        self.login, self.wanted, self.name = login, wanted, name

    def missing_extensions(self, dump: Dump) -> list[str]:
        """Extensions of the dump that the server can't make."""
        with contextlib.closing(connect(self.login)) as connection:
            available = {row[0] for row in rows(connection, AVAILABLE)}
        return sorted(name for name, _schema in dump.extensions if name not in available and name != "plpgsql")

    def drop(self) -> bool:
        """Drop it, with those who are in it; returns whether there was one.

        Raises:
            DumpRefused: there is a database of its name that no import made.
        """
        with contextlib.closing(connect(self.login)) as connection:
            connection.autocommit = True
            found = rows(connection, EXISTING, {"name": self.name})
            if not found:
                return False
            comment, limit, owner = found[0]
            if owner != self.wanted["owner"] or not (comment == MARK or (comment is None and limit == CONNECTIONS)):
                raise DumpRefused(f"there is a database {self.name} that no import made: rename it, or drop it")
            with connection.cursor() as cursor:
                cursor.execute(f"DROP DATABASE {identifier(self.name)} WITH (FORCE)")
            return True

    def make(self, dump: Dump) -> None:
        """Make it empty, in place of one that a cut run left, with the extensions that the dump needs."""
        self.drop()
        owner, name = identifier(self.wanted["owner"]), identifier(self.name)
        with contextlib.closing(connect(self.login)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(
                    f"CREATE DATABASE {name} OWNER {owner} ENCODING 'UTF8' TEMPLATE template0 CONNECTION LIMIT {CONNECTIONS}"
                )
                cursor.execute(f"COMMENT ON DATABASE {name} IS {literal(MARK)}")
                cursor.execute(f"REVOKE ALL ON DATABASE {name} FROM PUBLIC")
        with contextlib.closing(connect(self.login, database=self.name)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                # Before the rows, so that what the owner makes is the application's to use.
                cursor.execute(f"ALTER SCHEMA public OWNER TO {owner}")
                for extension, schema in dump.extensions:
                    if schema not in ("public", "pg_catalog"):
                        cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {identifier(schema)} AUTHORIZATION {owner}")
                    cursor.execute(
                        f"CREATE EXTENSION IF NOT EXISTS {identifier(extension)} SCHEMA {identifier(schema)} CASCADE"
                    )

    def fill(self, dump: Dump) -> None:
        """Restore the dump: everything belongs to the owner, and nothing is granted to anybody else.

        Raises:
            DumpRefused: a statement of the dump failed.
        """
        if dump.kind == PLAIN:
            self._run_script(dump)
        else:
            self._restore(dump)

    def settle(self) -> list[str]:
        """Give the application its rights, and gather statistics; returns notes."""
        own = {**self.wanted, "name": self.name}
        databases = Databases([own], self.login, apply=True)
        with contextlib.closing(connect(self.login)) as connection:
            databases.server = read_server(connection, self.login, [own])
        databases.one(own, {self.name})
        with contextlib.closing(connect(self.login, database=self.name)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(f"SET ROLE {identifier(self.wanted['owner'])}")
                cursor.execute("ANALYZE")
        return databases.notes

    def differences(self, counts: script.Counts) -> list[str]:
        """What the copy has otherwise than the dump, in sentences; empty when all tables, rows and sequences are there."""
        with contextlib.closing(connect(self.login, database=self.name)) as connection:
            tables = dict(rows(connection, TABLES))
            found = {name: rows(connection, tables[name])[0][0] for name in counts.rows if name in tables}
            sequences = dict(rows(connection, SEQUENCES))
            values = {
                name: tuple(rows(connection, sequences[name])[0]) for name in counts.sequences if name in sequences
            }
        return compared(counts, found, values)

    # -- the two ways

    def _restore(self, dump: Dump) -> None:
        with tempfile.NamedTemporaryFile("w", prefix="import-", suffix=".list") as listed:
            listed.write("\n".join(wanted_entries(dump.listed)) + "\n")
            listed.flush()
            os.chmod(listed.name, 0o644)
            command, environment = client_program(self.login, "pg_restore")
            words = ["--no-owner", "--no-privileges", "--exit-on-error", f"--dbname={self.name}"]
            words += [f"--use-list={listed.name}", "--no-password"]
            words += [f"--jobs={JOBS}"] if dump.kind in (CUSTOM, DIRECTORY) else []
            environment |= {"PGAPPNAME": "import", "PGOPTIONS": f"-c role={self.wanted['owner']}"}
            done = subprocess.run(
                [*command, *words, str(dump.path)],
                capture_output=True,
                text=True,
                check=False,
                env=environment,
                cwd="/",
            )
        if done.returncode:
            raise DumpRefused(f"the dump can't be restored: {done.stderr.strip()[-800:]}")

    def _run_script(self, dump: Dump) -> None:
        with contextlib.closing(connect(self.login, database=self.name)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor, dump_text(dump) as stream:
                cursor.execute(f"SET ROLE {identifier(self.wanted['owner'])}")
                for piece in script.pieces(stream):
                    try:
                        if isinstance(piece, script.Rows):
                            cursor.copy_expert(piece.statement, Lines(piece.lines))
                        elif isinstance(piece, script.Sql):
                            cursor.execute(piece.text)
                    except psycopg2.Error as error:
                        about = _about(piece)
                        raise DumpRefused(
                            f"the dump can't be restored, at {about}: {str(error).strip()[:500]}"
                        ) from None


def _about(piece: script.Sql | script.Rows | script.End) -> str:
    if isinstance(piece, script.Rows):
        return piece.table
    section = piece.section if isinstance(piece, script.Sql) else None
    return f"{section.kind} {section.name}" if section else "its beginning"


class Lines(io.RawIOBase):
    """Lines as a stream that COPY reads."""

    def __init__(self, lines: Iterator[bytes]) -> None:
        super().__init__()
        self.lines, self.rest = lines, b""

    def read(self, size: int = -1) -> bytes:
        """The next bytes; nothing at the end."""
        parts = [self.rest]
        length = len(self.rest)
        while size < 0 or length < size:
            line = next(self.lines, b"")
            if not line:
                break
            parts.append(line)
            length += len(line)
        text = b"".join(parts)
        self.rest = text[size:] if size >= 0 else b""
        return text[:size] if size >= 0 else text


def compared(counts: script.Counts, found: dict[str, int], values: dict[str, tuple[Any, ...]]) -> list[str]:
    """Differences between a dump and what was restored of it.

    Args:
        counts: the dump's own.
        found: rows of each table that is there.
        values: last value of each sequence that is there, and whether it was called.
    """
    problems = []
    for table, number in sorted(counts.rows.items()):
        if table not in found:
            if number >= 0:
                problems.append(f"{table} is missing")
        elif number >= 0 and found[table] != number:
            problems.append(f"{table} has {found[table]} rows, and the dump {number}")
    for sequence, value in sorted(counts.sequences.items()):
        if values.get(sequence) != value:
            problems.append(
                f"the sequence {sequence} is at {values.get(sequence, ('nothing',))[0]}, and in the dump at {value[0]}"
            )
    return problems[:SHOWN] + ([f"and {len(problems) - SHOWN} more"] if len(problems) > SHOWN else [])
