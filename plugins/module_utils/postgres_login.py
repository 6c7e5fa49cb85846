# SPDX-License-Identifier: MIT
"""Connections to a PostgreSQL server: the one of this host by its socket, or any other by TLS."""

from __future__ import annotations

import contextlib
import glob
import os
import pwd
from collections.abc import Iterator
from typing import Any

try:
    import psycopg2
except ImportError:
    psycopg2 = None

SOCKET_DIRECTORY = "/var/run/postgresql"
CONNECT_SECONDS = 10

LOGIN_SPEC: dict[str, Any] = {
    "type": "dict",
    "apply_defaults": True,
    "options": {
        "host": {"type": "str"},
        "port": {"type": "int", "default": 5432},
        "user": {"type": "str", "default": "postgres"},
        "password": {"type": "str", "no_log": True},
        "database": {"type": "str", "default": "postgres"},
        "ca_file": {"type": "path"},
    },
}


class ServerUnavailable(Exception):
    """Nobody answers, or not to us; the text says why."""


@contextlib.contextmanager
def _acting_as(user: str) -> Iterator[None]:
    """Be another system user for as long as a connection is opened: peer authentication looks at that."""
    if os.geteuid() != 0:
        yield
        return
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        raise ServerUnavailable(f"the system user {user} does not exist") from None
    os.setegid(entry.pw_gid)
    os.seteuid(entry.pw_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


def socket_port(port: int, directory: str = SOCKET_DIRECTORY) -> int:
    """The port whose socket to use: the given one, or the only other one while the server still has its old port."""
    sockets = [path for path in glob.glob(f"{directory}/.s.PGSQL.*") if path.rsplit(".", 1)[1].isdecimal()]
    ports = {int(path.rsplit(".", 1)[1]) for path in sockets}
    return ports.pop() if port not in ports and len(ports) == 1 else port


def connect(login: dict[str, Any], **changes: Any) -> Any:
    """Open a connection; ``changes`` replace fields of ``login``.

    Raises:
        ServerUnavailable: there is no server, no driver, or the login is refused.
    """
    if psycopg2 is None:
        raise ServerUnavailable("python3-psycopg2 is not installed here")
    wanted = {**login, **changes}
    words: dict[str, Any] = {
        "dbname": wanted["database"],
        "user": wanted["user"],
        "connect_timeout": CONNECT_SECONDS,
        "application_name": "ansible",
    }
    try:
        if wanted.get("host"):
            words |= {"host": wanted["host"], "port": wanted["port"], "password": wanted.get("password") or ""}
            words |= {
                "sslmode": "verify-full",
                "sslrootcert": wanted.get("ca_file") or "/etc/ssl/certs/ca-certificates.crt",
            }
            return psycopg2.connect(**words)
        words |= {"host": SOCKET_DIRECTORY, "port": socket_port(wanted["port"])}
        with _acting_as(wanted["user"]):
            return psycopg2.connect(**words)
    except psycopg2.OperationalError as error:
        raise ServerUnavailable(str(error).strip()) from None
