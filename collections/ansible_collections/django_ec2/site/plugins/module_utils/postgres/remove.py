# SPDX-License-Identifier: MIT
"""The database and the roles of an application that is to go: dumped, then dropped. What somebody else made stays."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.postgres.login import client_program, connect
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.model import MARK
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.plan import identifier
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.read import rows
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.scratch import NoScratch, Scratch

SCRATCH_SECONDS = 60
DATABASE = """
    SELECT pg_get_userbyid(datdba), coalesce(shobj_description(oid, 'pg_database'), '') FROM pg_database WHERE datname = %(name)s
"""
# A role that owns another database is more than this application's.
ROLES = """
    SELECT rolname FROM pg_roles r WHERE rolname = ANY(%(names)s) AND NOT rolsuper
      AND (coalesce(shobj_description(oid, 'pg_authid'), '') = %(mark)s OR %(trusted)s)
      AND NOT EXISTS (SELECT FROM pg_database d WHERE d.datdba = r.oid AND d.datname <> %(name)s)
"""


class RemovalRefused(Exception):
    """What is told to the user."""


class NoLastDump(RemovalRefused):
    """There is no whole dump. ``said`` is what pg_dump said, without the remedy of those who remove."""

    def __init__(self, text: str, said: str) -> None:
        super().__init__(text)
        self.said = said


def find(connection: Any, given: dict[str, Any]) -> tuple[str, list[str]]:
    """The database and the roles that are there and were made for the application.

    Args:
        connection: to the server.
        given: the options of the module postgres_remove.

    Raises:
        RemovalRefused: there is a database of that name that somebody else made.
    """
    name, owner = given["database"], given["owner"]
    found = rows(connection, DATABASE, {"name": name})
    if found and found[0][1] != MARK and found[0][0] != owner:
        raise RemovalRefused(
            f"the database {name} belongs to {found[0][0]} and was not made for {given['name']}. Nothing was dropped"
        )
    wanted = {"names": given["roles"], "mark": MARK, "trusted": bool(found), "name": name}
    return name if found else "", sorted(row[0] for row in rows(connection, ROLES, wanted))


def dump(given: dict[str, Any], database: str, place: Path) -> str:
    """Write a dump in PostgreSQL's custom format, and read it back; returns its path.

    Raises:
        RemovalRefused: there is no whole dump, so nothing may be dropped.
    """
    if shutil.which("pg_dump") is None:
        raise RemovalRefused("pg_dump is not on this host: install postgresql-client, or give -e keep_dump=false")
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    command, env = client_program(given["login"], "pg_dump")
    words = [*command, "--format=custom", "--dbname", database, "--no-password"]
    partial = place.with_name(f".{place.name}")
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600), "wb") as handle:
        done = subprocess.run(words, stdout=handle, stderr=subprocess.PIPE, check=False, env=env, cwd="/")
    read = subprocess.run(["pg_restore", "--list", str(partial)], capture_output=True, check=False)
    if done.returncode or read.returncode:
        said = (done.stderr or read.stderr).decode(errors="replace").strip()[-1000:]
        partial.unlink()
        remedy = (
            "pg_dump of this host is older than the server: make the dump elsewhere, then give -e keep_dump=false"
            if "version mismatch" in said
            else f"Make room in {place.parent}, or give -e keep_dump=false"
        )
        raise NoLastDump(f"the last dump of {database} failed, so nothing was dropped: {said}. {remedy}", said)
    partial.replace(place)
    return str(place)


def drop(connection: Any, database: str, roles: list[str]) -> list[str]:
    """Drop a database with its connections, then the roles; returns those that could not go, with the reason."""
    connection.autocommit = True
    left = []
    with connection.cursor() as cursor:
        if database:
            cursor.execute(f"DROP DATABASE {identifier(database)} WITH (FORCE)")
        for role in roles:
            try:
                cursor.execute(f"DROP ROLE {identifier(role)}")
            except Exception as error:
                left.append(f"{role}: {str(error).strip()}")
    return left


def remove(given: dict[str, Any], apply: bool) -> dict[str, Any]:
    """All of it.

    Args:
        given: the options of the module postgres_remove.
        apply: whether anything is changed.
    """
    connection = connect(given["login"])
    try:
        connection.autocommit = True
        if apply:
            # What a cut deploy left belongs to the owner too.
            with contextlib.suppress(NoScratch):
                Scratch(given["login"], given["database"], given["owner"], SCRATCH_SECONDS).drop()
        database, roles = find(connection, given)
        kept = ""
        left: list[str] = []
        if apply:
            if database and given["dump"]:
                kept = dump(given, database, Path(given["dump"]))
            left = drop(connection, database, roles)
        gone = ([f"database {database}"] if database else []) + [f"role {role}" for role in roles]
        return {"changed": bool(gone), "removed": gone, "dump": kept, "left": left}
    finally:
        connection.close()
