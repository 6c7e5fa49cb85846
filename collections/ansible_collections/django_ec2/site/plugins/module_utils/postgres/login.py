# SPDX-License-Identifier: MIT
"""Connections to a PostgreSQL server: the one of this host by its socket, or any other by TLS."""

from __future__ import annotations

import contextlib
import glob
import os
import pwd
import re
from collections.abc import Iterator
from typing import Any

try:
    import psycopg2
except ImportError:
    psycopg2 = None

SOCKET_DIRECTORY = "/var/run/postgresql"
CONNECT_SECONDS = 10
# Of libpq: a server or a network that is gone ends a question within seconds, not in the kernel's minutes.
DEAD_PEER_OPTIONS = {"keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3, "tcp_user_timeout": 8000}
SYSTEM_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"

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


# What libpq and the server say when a client of a remote server is refused, and what to do about it. The first that fits.
REMEDIES = (
    (
        r"certificate verify failed|root certificate file|unable to get local issuer",
        "The server's certificate was not signed by an authority of {ca_file}. Is {host} the database you mean? If it is, its "
        "authority is newer than that file: run playbooks/rds_ca_bundle.yml, and see docs/database.md.",
    ),
    (
        r'server certificate for "[^"]*".* does not match host name',
        "The certificate carries other names than {host}. Give the endpoint as RDS shows it, not an address or a name of your "
        "own that leads there.",
    ),
    (
        r"no pg_hba.conf entry .*(SSL off|no encryption)",
        "The server takes no connection without TLS (rds.force_ssl). Connect with sslmode=verify-full and the bundle {ca_file}.",
    ),
    (
        r"no pg_hba.conf entry",
        "The server does not let {user} in from here, or not into this database: check the name of the user.",
    ),
    (
        r"PAM authentication failed",
        "{user} is a member of rds_iam: it logs in by a token, no password counts. Use a user with a password (the master "
        "user), or revoke rds_iam from this one.",
    ),
    (
        r"password authentication failed",
        "The password of {user} is not the one that the server knows. Compare it with the secret that RDS or you keep for it "
        "(docs/secrets.md); a changed one counts only after the change is applied to the instance.",
    ),
    (
        r"remaining connection slots are reserved|too many clients already|too many connections",
        "All connections are taken. See who holds them (SELECT usename, count(*) FROM pg_stat_activity GROUP BY 1), run fewer "
        "workers (processes in applications), or take a larger instance class.",
    ),
    (
        r"could not translate host name|Name or service not known",
        "{host} is not in DNS: give the endpoint as RDS shows it, and check the VPC's DNS settings.",
    ),
    (
        r"timeout expired|Connection timed out|No route to host",
        "{host} does not answer on port {port}: the database's security group has to admit this host's.",
    ),
    (r"Connection refused", "Nothing listens on port {port} of {host}: check the port, and that the instance runs."),
)


def explain(text: str, login: dict[str, Any]) -> str:
    """The message of libpq and, for a remote server, what to do about it."""
    for pattern, remedy in REMEDIES if login.get("host") else ():
        if re.search(pattern, text, re.DOTALL):
            known = {"ca_file": SYSTEM_AUTHORITIES, **{key: value for key, value in login.items() if value}}
            return f"{text} -- {remedy.format(**known)}"
    return text


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


def client_program(login: dict[str, Any], name: str) -> tuple[list[str], dict[str, str]]:
    """How one of PostgreSQL's programs runs with a login: the words it begins with, and its environment.

    Over the network the server is verified in full; on this host it is asked as the login's system user.
    """
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    if login.get("host"):
        environment |= {
            "PGHOST": login["host"], "PGPORT": str(login["port"]), "PGUSER": login["user"],
            "PGPASSWORD": login.get("password") or "", "PGSSLMODE": "verify-full",
            "PGSSLROOTCERT": login.get("ca_file") or SYSTEM_AUTHORITIES,
        }  # fmt: skip
        if login.get("cert_file"):
            environment |= {"PGSSLCERT": login["cert_file"], "PGSSLKEY": login["key_file"]}
        return [name], environment
    environment |= {"PGHOST": SOCKET_DIRECTORY, "PGPORT": str(socket_port(login["port"])), "PGUSER": login["user"]}
    as_user = ["runuser", "-u", login["user"], "--"] if os.geteuid() == 0 else []
    return [*as_user, name], environment


def connect(login: dict[str, Any], **changes: Any) -> Any:
    """Open a connection; ``changes`` replace fields of ``login``, and ``options`` among them are libpq's for a server elsewhere.

    A server elsewhere that dies without a word ends the connection within seconds.

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
                "sslrootcert": wanted.get("ca_file") or SYSTEM_AUTHORITIES,
                **DEAD_PEER_OPTIONS,
                **(wanted.get("options") or {}),
            }
            if wanted.get("cert_file"):
                words |= {"sslcert": wanted["cert_file"], "sslkey": wanted["key_file"]}
            return psycopg2.connect(**words)
        words |= {"host": SOCKET_DIRECTORY, "port": socket_port(wanted["port"])}
        with _acting_as(wanted["user"]):
            return psycopg2.connect(**words)
    except psycopg2.OperationalError as error:
        raise ServerUnavailable(explain(str(error).strip(), wanted)) from None
