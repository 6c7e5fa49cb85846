# SPDX-License-Identifier: MIT
"""Which applications reach their database through the pooler of their host, in which mode, and where its socket is.

A pooler (an instance of PgBouncer) is one way to one server in one mode: ``self_hosted-transaction``, ``rds-session``, and with
``-replica`` its sister for reads. All that a release depends on is in the path of its socket, so a change of the mode or of
``database_mode`` is a change of the release's environment: the old slot keeps its pooler until the new one serves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

TRANSACTION, SESSION, NONE = "transaction", "session", "none"
MODES = (TRANSACTION, SESSION, NONE)
DIRECTORY = "/run/pgbouncer"
PORT = 6432
REPLICA = "-replica"
# The kernel says who connects to the socket. Projects that want a password get this word; nobody asks for it.
NO_PASSWORD = "peer"  # noqa: S105 - no secret
# Of libpq, towards the pooler. What ends a dead link to the server is the pooler's own business.
OPTIONS = {"connect_timeout": 3}


def pooling_of(entry: Mapping[str, Any], server: Mapping[str, Any]) -> str:
    """How an application is pooled: ``transaction``, ``session`` or ``none``.

    An entry's own word counts. Without one it is the site's, unless a pooler can't log in (tokens are signed for each connection by the
    application itself) or gains nothing (the database's unix socket).

    Args:
        entry: one of ``resolve_applications``.
        server: as ``database_endpoints`` takes it.
    """
    own = str(entry.get("pooling") or "")
    if own:
        return own
    if server.get("authentication") == "iam" or str(server["host"]).startswith("/"):
        return NONE
    return str(server.get("pooling") or NONE)


def instance(server: Mapping[str, Any], pooling: str, replica: bool = False) -> str:
    """The pooler that leads to a server."""
    return f"{server.get('mode') or 'self_hosted'}-{pooling}{REPLICA if replica else ''}"


def socket_directory(name: str) -> str:
    """Where an instance has its socket: the ``host`` of libpq."""
    return f"{DIRECTORY}/{name}"


def through_pooler(
    entry: Mapping[str, Any], direct: Mapping[str, Any], server: Mapping[str, Any], replica: bool = False
) -> dict[str, Any]:
    """An endpoint by way of the pooler, of the one that the pooler itself uses.

    Args:
        entry: the application; its account is who asks.
        direct: the endpoint without a pooler.
        server: as ``database_endpoints`` takes it.
        replica: whether it is the one for reads.
    """
    pooling = pooling_of(entry, server)
    return {
        **direct,
        "host": socket_directory(instance(server, pooling, replica)),
        "port": PORT,
        "user": str(entry["user"]),
        "password": NO_PASSWORD,
        "sslmode": "",
        "ca_file": "",
        "authentication": NO_PASSWORD,
        # PostgreSQL's log and pg_stat_activity say whose connection it is, though they are shared.
        "options": {**OPTIONS, "application_name": str(entry["name"])},
        "token_environment": {},
        "pooling": pooling,
    }


def pooling_problems(resolved: Sequence[Mapping[str, Any]], server: Mapping[str, Any]) -> list[str]:
    """What of pooling can't work, each with its remedy."""
    problems = []
    given = str(server.get("pooling") or NONE)
    if given not in MODES:
        problems.append(f"database_pooling is '{given}': choose one of {', '.join(MODES)}.")
    if server.get("authentication") == "iam":
        problems += [
            f"applications.{entry['name']}: pooling is {entry['pooling']}, and database_auth is iam. A token is signed by the "
            "application for each connection and is good for 15 minutes, and a pooler has nothing to log in with. Take pooling out of "
            "the entry, or set database_auth: password."
            for entry in resolved
            if entry.get("pooling") in (TRANSACTION, SESSION)
        ]
    return problems
