# SPDX-License-Identifier: MIT
"""Marks in an application's database: what was done once in its life, and for which release.

Runs inside a release as the owner of the database: the module release_commands hands it over. The marks lie in the database because
a dump takes them along, and a new database has none.
"""

import json

from django.db import connection, transaction

TABLE = "release_marks"


def answer(given):
    """Read the marks, and write those that are given.

    Args:
        given: ``set``, a mapping of names to values (JSON).

    Returns:
        ``marks``, all of them by name.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE IF NOT EXISTS {TABLE} (name varchar(100) PRIMARY KEY, value text NOT NULL)")
        for name, value in given["set"].items():
            cursor.execute(f"DELETE FROM {TABLE} WHERE name = %s", [name])  # noqa: S608 - a constant
            cursor.execute(f"INSERT INTO {TABLE} (name, value) VALUES (%s, %s)", [name, json.dumps(value)])  # noqa: S608 - a constant
        cursor.execute(f"SELECT name, value FROM {TABLE}")  # noqa: S608 - a constant
        return {"marks": {name: json.loads(value) for name, value in cursor.fetchall()}}
