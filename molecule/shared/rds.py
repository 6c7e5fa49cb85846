"""The host that imitates RDS, as its operator and as its clients see it."""

from __future__ import annotations

import json
from typing import Any

from controller import LAB, connect


def told(name: str = "rds-server") -> dict[str, Any]:
    """What a client was told about the instance."""
    return json.loads((LAB / f"{name}.json").read_text())


def rds(command: str, name: str = "rds-server") -> str:
    """A command of lab-rds on the host that imitates RDS."""
    return connect(name).check_output(f"lab-rds {command}")


def superuser(sql: str, database: str = "postgres", name: str = "rds-server") -> str:
    """What no client of RDS can ask."""
    return connect(name).check_output("lab-rds psql -c %s %s", sql, database).strip()


CLIENT = """
import json, sys, psycopg2
given = json.loads(sys.argv[1])
sql = given.pop("sql")
try:
    connection = psycopg2.connect(**given)
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute(sql)
    print(json.dumps({"rows": cursor.fetchall() if cursor.description else []}, default=str))
except psycopg2.Error as error:
    print(json.dumps({"error": str(error)}))
"""


def ask(host: Any, user: str, password: str, sql: str = "SELECT 1", **changes: Any) -> dict[str, Any]:
    """Ask the instance from a host: ``{"rows": …}`` or ``{"error": …}``."""
    given = {
        "host": told()["host"], "user": user, "password": password, "dbname": "board", "sslmode": "verify-full",
        "sslrootcert": "/etc/ssl/rds/ca.pem", "connect_timeout": 5, "sql": sql, **changes,
    }  # fmt: skip
    return json.loads(host.check_output("python3 -c %s %s", CLIENT, json.dumps(given)))
