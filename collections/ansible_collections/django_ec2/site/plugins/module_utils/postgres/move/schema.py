# SPDX-License-Identifier: MIT
"""The tables of a database without their rows, from one side to the other, by pg_dump and psql of this host."""

from __future__ import annotations

import re
import subprocess

from ansible_collections.django_ec2.site.plugins.module_utils.postgres.login import client_program
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move.model import MOVER
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move.plan import MoveRefused
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move.server import Server
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.plan import identifier

SECONDS = 600
LOCK_WAIT = "3s"
DUMP = (
    "--schema-only", "--no-owner", "--no-publications", "--no-subscriptions", "--no-security-labels", "--no-tablespaces",
    f"--exclude-schema={MOVER}", f"--lock-wait-timeout={LOCK_WAIT}",
)  # fmt: skip
EXTENSIONS = """
SELECT e.extname, n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname <> 'plpgsql' ORDER BY e.oid
"""
# What a newer pg_dump writes, and an older server does not know.
UNKNOWN = re.compile(r"(?m)^SET (transaction_timeout|default_table_access_method) = .*;\n")
# Those of a superuser's things. A comment may have several lines.
FOREIGN_COMMENT = re.compile(r"(?m)^COMMENT ON (?:EXTENSION \S+|SCHEMA public) IS (?:E?'(?:[^']|'')*'|NULL);\n")
MATERIALIZED = """
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'm' ORDER BY c.oid
"""


def run(server: Server, program: str, words: list[str], given: str = "", role: str = "") -> str:
    """Run one of PostgreSQL's programs against a side; its standard output.

    Raises:
        MoveRefused: it failed, in its words.
    """
    command, environment = client_program(server.login, program)
    environment |= {"PGCONNECT_TIMEOUT": "10", "PGAPPNAME": MOVER}
    if role:
        environment["PGOPTIONS"] = f"-c role={role}"
    try:
        done = subprocess.run(
            [*command, *words],
            input=given,
            capture_output=True,
            text=True,
            check=False,
            env=environment,
            cwd="/",
            timeout=SECONDS,
        )
    except FileNotFoundError:
        raise MoveRefused(f"{program} is not installed here") from None
    except subprocess.TimeoutExpired:
        raise MoveRefused(f"{program} took more than {SECONDS} s") from None
    if done.returncode:
        raise MoveRefused(f"{server.name}: {program}: {done.stderr.strip()[-800:]}")
    return done.stdout


def copy(source: Server, target: Server, database: str, owner: str) -> None:
    """Make the tables, views, sequences, indexes, functions and rights of a database on the other side, all or nothing."""
    for extension, schema in source.rows(EXTENSIONS, database):
        if schema not in ("public", "pg_catalog"):
            target.execute(
                f"CREATE SCHEMA IF NOT EXISTS {identifier(schema)} AUTHORIZATION {identifier(owner)}", database
            )
        target.execute(f"CREATE EXTENSION IF NOT EXISTS {identifier(extension)} SCHEMA {identifier(schema)}", database)
    text = run(source, "pg_dump", [*DUMP, f"--dbname={database}"])
    text = UNKNOWN.sub("", FOREIGN_COMMENT.sub("", text))
    text = re.sub(r"(?m)^CREATE SCHEMA (?!IF NOT)", "CREATE SCHEMA IF NOT EXISTS ", text)
    words = [
        "--no-psqlrc",
        "--quiet",
        "--set=ON_ERROR_STOP=1",
        "--single-transaction",
        "--output=/dev/null",
        f"--dbname={database}",
    ]
    run(target, "psql", words, text, role=owner)


def refresh(target: Server, database: str) -> list[str]:
    """Fill the materialized views, which no replication fills; returns their names."""
    found = []
    for schema, name in target.rows(MATERIALIZED, database):
        target.execute(f"REFRESH MATERIALIZED VIEW {identifier(schema)}.{identifier(name)}", database)
        found.append(f"{schema}.{name}")
    return found
