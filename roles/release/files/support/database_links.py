# SPDX-License-Identifier: MIT
"""How the release is connected to its databases: asked of the drivers, in the release's own process.

A link that leaves the host has to verify the server in full (sslmode verify-full); the settings of a project may say less than
its environment does. On a unix socket or a loopback address nothing leaves the host, unless a pooler listens there: then the
pooler's own link counts. The server sees whether that one is encrypted, and nobody but the pooler whether it is verified.
"""

import ipaddress
import os
import socket
from collections import namedtuple

import database_pooling
from django.db import DatabaseError, connections

VERIFIED = "verify-full"
# alias: of DATABASES. peer: address of the other end; empty is a unix socket. own: address of this end.
# sslmode: what libpq was told; empty is unknown. pooled: address of the server behind a pooler, as that server says it, or empty.
# pooled_ssl: whether the pooler's link to it is encrypted. verified: whether the pooler verifies the server. None is unknown.
Link = namedtuple("Link", "alias peer own sslmode pooled pooled_ssl verified", defaults=("", False, None))


def stays(peer, own):
    """Whether a link between two addresses does not leave the host."""
    return not peer or peer == own or ipaddress.ip_address(peer.partition("%")[0]).is_loopback


def problem(link):
    """Why a link is refused, in a sentence with the remedy; empty for a good one."""
    place = f'DATABASES["{link.alias}"]'
    if stays(link.peer, link.own):
        if link.pooled and link.pooled_ssl is False:
            return (
                f"{place} goes through a pooler on this host, whose link to {link.pooled} is not encrypted: set "
                f"server_tls_sslmode = {VERIFIED} in the pooler (PgBouncer's name for it)."
            )
        if link.pooled and link.verified is False:
            return (
                f"{place} goes through a pooler on this host that does not verify {link.pooled}: server_tls_sslmode in its "
                f"pgbouncer.ini is not {VERIFIED}. Run site.yml --tags pgbouncer, which places the file anew."
            )
        return ""
    if link.sslmode == VERIFIED:
        return ""
    other = (
        ""
        if link.alias == "default"
        else f" Is it the server of others, which can't be verified? Name '{link.alias}' in unverified_databases."
    )
    return (
        f"{place} connects to {link.peer} with sslmode '{link.sslmode or 'unknown'}', so nobody proves who answers there. The environment "
        f"says PGSSLMODE={os.environ.get('PGSSLMODE', '')}, and the settings or the entry's own environment overrule it. Take sslmode out "
        f"of them, or give their variable the value ${{database_sslmode}} and that of sslrootcert ${{database_ca_file}}, or set "
        f"managed_settings: [database].{other}"
    )


def remark(link):
    """What is worth saying of a good link; empty for nothing."""
    if link.pooled and stays(link.peer, link.own) and link.verified is None:
        return (
            f'DATABASES["{link.alias}"] goes through a pooler on this host. Its link to {link.pooled} is encrypted; whether '
            f"it is verified, only the pooler knows (server_tls_sslmode = {VERIFIED})."
        )
    return ""


def _sslmode(raw):
    """What libpq was told, whoever told it: the settings, the URL, the environment or a service file."""
    if hasattr(raw, "pgconn"):  # psycopg 3 leaves out what has its default
        return raw.info.get_parameters().get("sslmode", "prefer")
    if hasattr(raw, "get_dsn_parameters"):  # psycopg2
        return raw.get_dsn_parameters().get("sslmode", "")
    return ""


def _ends(raw):
    """Addresses of the other end and of this one; of a unix socket both are empty."""
    with socket.socket(fileno=os.dup(raw.fileno())) as copy:
        if copy.family == socket.AF_UNIX:
            return "", ""
        return copy.getpeername()[0], copy.getsockname()[0]


def _pooled(connection):
    """The server behind a pooler, as it says itself: its address, and whether the pooler's link is encrypted."""
    with connection.cursor() as cursor:
        cursor.execute(
            # A login that acts as another role does not see its own row of pg_stat_ssl.
            "SELECT host(inet_server_addr()), host(inet_client_addr()), (SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid())"
        )
        server, client, encrypted = cursor.fetchone() or ("", "", False)
    return ("", False) if not server or stays(server, client) else (server, encrypted)


def link(connection):
    """The link of a connection of Django's to PostgreSQL, which is opened for it."""
    connection.ensure_connection()
    raw = connection.connection
    # Django's pool hands out the driver's own object.
    peer, own = _ends(raw)
    behind = _pooled(connection) if stays(peer, own) else ("", False)
    return Link(connection.alias, peer, own, _sslmode(raw), *behind, _verified(connection))


def _verified(connection):
    return database_pooling.verified(getattr(connection, "settings_dict", {}))


def examine(say):
    """Ask each database of the project that is PostgreSQL.

    Args:
        say: is told what is worth to be known.

    Returns:
        Why the release must not become live, in sentences.

    Raises:
        DatabaseError: the database 'default' cannot be reached.
    """
    unverified = filter(None, os.environ.get("MANAGED_UNVERIFIED_DATABASES", "").split(","))
    problems = []
    for alias in sorted(set(connections) - set(unverified), key=lambda one: (one != "default", one)):
        if connections[alias].vendor != "postgresql":
            continue
        try:
            found = link(connections[alias])
        except DatabaseError as error:
            if alias == "default":
                raise
            say(f'DATABASES["{alias}"] cannot be reached, so nobody knows how it is connected: {str(error).strip()}')
            continue
        said = problem(found)
        if said:
            problems.append(said)
        elif remark(found):
            say(remark(found))
    return problems
